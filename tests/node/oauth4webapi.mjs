// The same on oauth4webapi, which leaves no check out and takes no shortcut of its own.
import * as oauth from 'oauth4webapi'
import { hear, options, privateKey, say } from './talk.mjs'

const loopback = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(options.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, loopback))
const client = { client_id: options.client_id, id_token_signed_response_alg: options.id_token_alg }
const authentication = await {
  client_secret_basic: () => oauth.ClientSecretBasic(options.secret),
  client_secret_post: () => oauth.ClientSecretPost(options.secret),
  private_key_jwt: async () => oauth.PrivateKeyJwt(await privateKey()),
  none: () => oauth.None(),
}[options.auth]()

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const authorize = new URL(as.authorization_endpoint)
authorize.search = new URLSearchParams({
  client_id: client.client_id,
  response_type: 'code',
  redirect_uri: options.redirect_uri,
  scope: options.scope,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
})
say({ authorize })

const returned = oauth.validateAuthResponse(as, client, new URL(await hear()), state)
const answer = await oauth.authorizationCodeGrantRequest(
  as, client, authentication, returned, options.redirect_uri, verifier, loopback,
)
const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
  expectedNonce: nonce,
  requireIdToken: true,
})
await oauth.validateApplicationLevelSignature(as, answer, loopback)
const claims = oauth.getValidatedIdTokenClaims(tokens)
const userinfo = await oauth.processUserInfoResponse(
  as, client, claims.sub, await oauth.userInfoRequest(as, client, tokens.access_token, loopback),
)
const refresh = async (token) => {
  const reply = await oauth.refreshTokenGrantRequest(as, client, authentication, token, loopback)
  const refreshed = await oauth.processRefreshTokenResponse(as, client, reply)
  await oauth.validateApplicationLevelSignature(as, reply, loopback)
  return refreshed
}
const introspect = async (token) => options.auth === 'none' ? null : oauth.processIntrospectionResponse(
  as, client, await oauth.introspectionRequest(as, client, authentication, token, loopback),
)
const refreshed = await refresh(tokens.refresh_token)
const before = await introspect(refreshed.access_token)
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, authentication, refreshed.refresh_token, loopback),
)
const after = await introspect(refreshed.access_token)
const ended = await refresh(refreshed.refresh_token).then(() => null, (error) => error.error)

// As an API does it: RFC 9068, with the key set that discovery names.
const called = new Request(options.audience, { headers: { Authorization: `Bearer ${tokens.access_token}` } })
const accessed = await oauth.validateJwtAccessToken(as, called, options.audience, loopback)
say({
  claims,
  userinfo,
  refreshed: oauth.getValidatedIdTokenClaims(refreshed),
  access_token: tokens.access_token,
  accessed,
  before,
  after,
  ended,
})
process.exit(0)
