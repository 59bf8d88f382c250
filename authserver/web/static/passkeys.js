// Passkeys need JavaScript: a form asks the browser for one, and sends what it answers.

const octets = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function read(options) {
  const known = (list) => (list || []).map((each) => ({ ...each, id: octets(each.id) }));
  const read = { ...options, challenge: octets(options.challenge) };
  if (options.user) read.user = { ...options.user, id: octets(options.user.id) };
  if (options.excludeCredentials) read.excludeCredentials = known(options.excludeCredentials);
  if (options.allowCredentials) read.allowCredentials = known(options.allowCredentials);
  return read;
}

function written(credential) {
  const { response } = credential;
  const told = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    told.attestationObject = text(response.attestationObject);
    told.transports = response.getTransports ? response.getTransports() : [];
  } else {
    told.authenticatorData = text(response.authenticatorData);
    told.signature = text(response.signature);
    if (response.userHandle) told.userHandle = text(response.userHandle);
  }
  return JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response: told,
    clientExtensionResults: {},
  });
}

const asked = {
  make: (publicKey) => navigator.credentials.create({ publicKey }),
  use: (publicKey) => navigator.credentials.get({ publicKey }),
  // The browser offers passkeys where the name is typed, and answers only if one is chosen.
  fill: (publicKey) => navigator.credentials.get({ publicKey, mediation: "conditional" }),
};

function send(form, credential) {
  form.querySelector("[data-answer]").value = written(credential);
  const keep = document.getElementById("keep");
  const kept = form.querySelector("[name=keep]");
  if (kept) kept.disabled = !(keep && keep.checked);
  form.requestSubmit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const kind = form.dataset.passkey;
  const options = read(JSON.parse(form.dataset.options));
  const say = (name) => {
    for (const said of form.querySelectorAll("[data-say]")) said.hidden = said.dataset.say !== name;
  };
  if (!window.PublicKeyCredential) {
    say("unable");
  } else if (kind === "fill") {
    const can = PublicKeyCredential.isConditionalMediationAvailable;
    if (can) {
      can.call(PublicKeyCredential)
        .then((possible) => (possible ? asked.fill(options) : null))
        .then((credential) => { if (credential) send(form, credential); })
        .catch(() => {});
    }
  } else {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      if (form.querySelector("[data-answer]").value) return;
      event.preventDefault();
      say("");
      asked[kind](options).then((credential) => send(form, credential), (error) => {
        say(error.name === "InvalidStateError" ? "known" : "failed");
        form.querySelector("button").focus();
      });
    });
  }
}
