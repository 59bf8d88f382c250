// An API that verifies access tokens by the published keys, on jose.
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { options, say } from './talk.mjs'

const keys = createRemoteJWKSet(new URL(options.jwks_uri))
const verified = await jwtVerify(options.token, keys, {
  issuer: options.issuer,
  audience: options.audience,
  typ: options.typ,
  algorithms: options.algorithms,
  requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
}).then(
  ({ payload, protectedHeader }) => ({ payload, header: protectedHeader }),
  (error) => ({ error: error.code, claim: error.claim }),
)
say(verified)
process.exit(0)
