// An OpenID provider on npm's oidc-provider: it lets everybody in whom its options name, with any password.
// Dressed as ORCID it asks for openid alone, says amr as text, tells of no iss, and reports errors behind "#".
import Provider from 'oidc-provider'
import { options, say } from './talk.mjs'

const dressed = options.dress === 'orcid'
const issuer = `http://localhost:${options.port}`
const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
const person = (login) => options.people[login]

const provider = new Provider(issuer, {
  clients: options.clients,
  cookies: { keys: [crypto.randomUUID()] },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
  scopes: dressed ? ['openid'] : ['openid', 'profile', 'email', 'groups'],
  claims: dressed
    ? { openid: ['sub', 'amr', 'given_name', 'family_name'] }
    : { openid: ['sub', 'acr', 'amr'], profile: ['name', 'locale'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: !dressed,
  clientAuthMethods: dressed ? ['client_secret_post'] : ['client_secret_basic', 'client_secret_post'],
  pkce: { required: () => !dressed },
  findAccount: (_, login) => person(login) && { accountId: login, claims: () => ({ sub: login, ...person(login) }) },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // Whoever is named there has agreed: a page for it would say nothing about us.
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope([...ctx.oidc.requestParamScopes].join(' '))
    await grant.save()
    return grant
  },
  renderError: (ctx, out) => {
    ctx.type = 'html'
    ctx.body = `<!doctype html><title>Refused</title><h1>${escaped(out.error)}</h1><p>${escaped(out.error_description)}</p>`
  },
})

const page = (hint) => `<!doctype html><html lang="en"><title>Sign in there</title><h1>Sign in there</h1>
<form method="post"><label>Name <input name="login" value="${escaped(hint)}"></label>
<label>Secret <input name="secret" type="password"></label>
<button name="choice" value="enter">Sign in there</button> <button name="choice" value="cancel">Cancel</button></form></html>`

const read = async (request) => {
  let body = ''
  for await (const chunk of request) body += chunk
  return Object.fromEntries(new URLSearchParams(body))
}

async function interact(ctx) {
  const { params } = await provider.interactionDetails(ctx.req, ctx.res)
  if (ctx.method === 'GET') {
    ctx.type = 'html'
    ctx.body = page(params.login_hint ?? '')
    return
  }
  const given = await read(ctx.req)
  if (given.choice === 'cancel' && dressed) {
    ctx.redirect(`${params.redirect_uri}#error=access_denied&error_description=User%20denied%20access&state=${params.state}`)
  } else if (given.choice === 'cancel') {
    await provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied', error_description: 'they said no' })
  } else if (!person(given.login) || !given.secret) {
    ctx.type = 'html'
    ctx.body = page(given.login)
  } else {
    const { amr } = person(given.login)
    const login = { accountId: given.login, amr: dressed ? (amr ?? 'pwd') : amr, acr: person(given.login).acr }
    await provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false })
  }
}

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/interaction/')) return interact(ctx)
  await next()
  if (!dressed) return
  const to = ctx.response.get('Location') ?? ''
  if (to.includes('iss=')) ctx.set('Location', to.replace(/[?&]iss=[^&]*/, ''))
  if (ctx.body?.authorization_response_iss_parameter_supported) delete ctx.body.authorization_response_iss_parameter_supported
})

provider.on('server_error', (_, error) => console.error(error))
provider.listen(options.port, '127.0.0.1', () => say({ issuer }))
