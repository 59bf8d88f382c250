// A browser app as the documentation of oidc-client-ts has it: public client, code flow, refresh token.
const settings = new URLSearchParams(location.search).get('settings') ?? sessionStorage.getItem('settings')
sessionStorage.setItem('settings', settings)

const { authority, client_id, scope } = JSON.parse(settings)
const here = new URL('.', location.href)
const manager = new oidc.UserManager({
  authority,
  client_id,
  scope,
  redirect_uri: new URL('callback', here).href,
  post_logout_redirect_uri: new URL('goodbye', here).href,
  loadUserInfo: true,
  // Keep what the ID token says of the sign-in, which the library leaves out by default.
  filterProtocolClaims: false,
  automaticSilentRenew: false,
})

const show = (state, user) => {
  document.querySelector('#state').textContent = JSON.stringify({ ...user, state }, null, 2)
  document.body.dataset.state = state
}
const attempt = (act) => act().catch((error) => show('failed', { error: String(error) }))

document.querySelector('#sign-in').onclick = () => attempt(() => manager.signinRedirect())
document.querySelector('#sign-out').onclick = () => attempt(() => manager.signoutRedirect())
document.querySelector('#renew').onclick = () =>
  attempt(async () => show('renewed', await manager.signinSilent()))

attempt(async () => {
  if (location.pathname.endsWith('/callback')) show('signed-in', await manager.signinCallback())
  else if (location.pathname.endsWith('/goodbye')) show('signed-out', await manager.signoutCallback())
  else show('ready', await manager.getUser())
})
