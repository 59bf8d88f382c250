// The peer: oidc-provider as its documentation has it, on its in-memory store or on Redis.
// It is loaded from tests/node, where npm put it; its options come as JSON in the first argument.
import { createRequire } from 'node:module'
import { generateKeyPairSync } from 'node:crypto'
import { pathToFileURL } from 'node:url'

const options = JSON.parse(process.argv[2])
const require = createRequire(options.modules)
const load = (name) => import(pathToFileURL(require.resolve(name)))
const { Provider } = await load('oidc-provider')

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = { ...privateKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }

// The same claims as ours: what an account has, and how its sign-in went.
const PROFILE = { name: 'Ada Lovelace', preferred_username: 'ada', locale: 'en', updated_at: 1767225600 }
const signIn = (session) => ({ auth_time: session?.loginTs ?? 1767225600, acr: 'pwd', amr: ['pwd'] })

const configuration = {
  adapter: options.redis ? (await redisAdapter(options.redis)) : undefined,
  clients: [
    {
      client_id: options.client_id,
      client_secret: options.secret,
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      redirect_uris: [options.redirect_uri],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
      require_auth_time: true,
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: ['bench'] },
  scopes: ['openid', 'offline_access'],
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username', 'locale', 'updated_at'],
    email: ['email', 'email_verified'],
    acr: null,
    amr: null,
    auth_time: null,
    sid: null,
  },
  conformIdTokenClaims: true,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: options.api_scope,
        accessTokenTTL: 3600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  extraTokenClaims: (ctx, token) => (token.kind === 'AccessToken' ? signIn(ctx.oidc.session) : undefined),
  rotateRefreshToken: () => true,
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400, Session: 86400, Grant: 86400, IdToken: 3600 },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...PROFILE, email: `${id}@example.org`, email_verified: true }),
  }),
}

const provider = new Provider(options.issuer, configuration)

// What ours says of a token and the peer keeps to itself: added, so that both answers hold the same.
provider.use(async (ctx, next) => {
  await next()
  if (ctx.oidc?.route === 'introspection' && ctx.body?.active) {
    Object.assign(ctx.body, { aud: options.issuer, jti: ctx.oidc.params.token, sid: ctx.oidc.params.token })
  }
})

// Who comes here is signed in and has agreed: what is measured begins afterwards.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) {
    await next()
    return
  }
  const { params, session, grantId } = await provider.interactionDetails(ctx.req, ctx.res)
  const accountId = session?.accountId ?? 'ada'
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId, clientId: params.client_id })
  grant.addOIDCScope(params.scope)
  if (params.resource) grant.addResourceScope(params.resource, options.api_scope)
  const result = { login: { accountId, acr: 'pwd', amr: ['pwd'] }, consent: { grantId: await grant.save() } }
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false }))
})
provider.on('server_error', (ctx, error) => process.stderr.write(`${error.stack}\n`))
provider.listen(options.port, '127.0.0.1', () => process.stdout.write('listening\n'))

// The documented adapter (oidc-provider's example/adapters/redis.js), on ioredis.
async function redisAdapter(url) {
  const { default: Redis } = await load('ioredis')
  const client = new Redis(url, { keyPrefix: 'oidc:' })
  const consumable = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest'])
  const grantable = new Set(['AccessToken', ...consumable])
  const grantKey = (id) => `grant:${id}`
  const userCodeKey = (code) => `userCode:${code}`
  const uidKey = (uid) => `uid:${uid}`

  return class RedisAdapter {
    constructor(name) {
      this.name = name
    }
    key(id) {
      return `${this.name}:${id}`
    }
    async upsert(id, payload, expiresIn) {
      const key = this.key(id)
      const multi = client.multi()
      if (consumable.has(this.name)) multi.hset(key, { payload: JSON.stringify(payload) })
      else multi.set(key, JSON.stringify(payload))
      if (expiresIn) multi.expire(key, expiresIn)
      if (grantable.has(this.name) && payload.grantId) {
        const members = grantKey(payload.grantId)
        multi.rpush(members, key)
        // If you are seeing grant key growing out of acceptable proportions consider using a background job
        const ttl = await client.ttl(members)
        if (expiresIn > ttl) multi.expire(members, expiresIn)
      }
      if (payload.userCode) {
        multi.set(userCodeKey(payload.userCode), id)
        multi.expire(userCodeKey(payload.userCode), expiresIn)
      }
      if (payload.uid) {
        multi.set(uidKey(payload.uid), id)
        multi.expire(uidKey(payload.uid), expiresIn)
      }
      await multi.exec()
    }
    async find(id) {
      const data = consumable.has(this.name) ? await client.hgetall(this.key(id)) : await client.get(this.key(id))
      if (!data || (typeof data === 'object' && !Object.keys(data).length)) return undefined
      if (typeof data === 'string') return JSON.parse(data)
      const { payload, ...rest } = data
      return { ...rest, ...JSON.parse(payload) }
    }
    async findByUid(uid) {
      return this.find(await client.get(uidKey(uid)))
    }
    async findByUserCode(code) {
      return this.find(await client.get(userCodeKey(code)))
    }
    async destroy(id) {
      await client.del(this.key(id))
    }
    async revokeByGrantId(grantId) {
      const multi = client.multi()
      const tokens = await client.lrange(grantKey(grantId), 0, -1)
      tokens.forEach((token) => multi.del(token))
      multi.del(grantKey(grantId))
      await multi.exec()
    }
    async consume(id) {
      await client.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000))
    }
  }
}
