// A script gets its options as one JSON argument; then it says and hears one line of text at a time.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export const options = JSON.parse(process.argv[2])

export const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

export const hear = async () => (await lines.next()).value

// The private key of private_key_jwt, as the libraries take it.
export const privateKey = async () => ({
  key: await crypto.subtle.importKey('jwk', options.key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
  kid: options.key.kid,
})
