// A relying party on openid-client: discovery, code flow with PKCE, and all that a client does with its tokens.
import * as client from 'openid-client'
import { hear, options, privateKey, say } from './talk.mjs'

const authentication = {
  client_secret_basic: () => client.ClientSecretBasic(options.secret),
  client_secret_post: () => client.ClientSecretPost(options.secret),
  private_key_jwt: async () => client.PrivateKeyJwt(await privateKey()),
  none: () => client.None(),
}[options.auth]
const metadata = { id_token_signed_response_alg: options.id_token_alg }
const config = await client.discovery(new URL(options.issuer), options.client_id, metadata, await authentication(), {
  execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
})

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
say({
  authorize: client.buildAuthorizationUrl(config, {
    redirect_uri: options.redirect_uri,
    scope: options.scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  }),
})

const tokens = await client.authorizationCodeGrant(config, new URL(await hear()), {
  pkceCodeVerifier,
  expectedState,
  expectedNonce,
  idTokenExpected: true,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
const confidential = options.auth !== 'none'
const before = confidential ? await client.tokenIntrospection(config, refreshed.access_token) : null
await client.tokenRevocation(config, refreshed.refresh_token)
const after = confidential ? await client.tokenIntrospection(config, refreshed.access_token) : null
const ended = await client.refreshTokenGrant(config, refreshed.refresh_token).then(
  () => null,
  (error) => error.error,
)
say({
  claims,
  userinfo,
  refreshed: refreshed.claims(),
  access_token: tokens.access_token,
  before,
  after,
  ended,
  end_session: client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: options.post_logout_redirect_uri,
    state: expectedState,
  }),
})
process.exit(0)
