// A page that is open warns a minute before its sign-in goes idle, and one press stays.

const WARN = 60;
const dialog = document.getElementById("idle");
const [heading, why, count] = ["#idle-heading", "#idle-why", ".count"].map((found) => dialog.querySelector(found));
const [stay, again] = [dialog.querySelector("[data-stay]"), dialog.querySelector("a")];
const asked = { heading: heading.textContent, why: why.textContent, stay: stay.textContent, title: document.title };
let ends = 0;
let timer = 0;

// The clock goes on while a page sleeps, a countdown does not: what is left is computed, and looked at on waking.
const left = () => Math.ceil((ends - Date.now()) / 1000);

function wait(seconds) {
  ends = Date.now() + seconds * 1000;
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(0, seconds - WARN) * 1000);
}

// Another tab may have gone on meanwhile, so the server is asked; the question is nobody's input.
async function ask(path = "", method = "GET") {
  const answer = await fetch(dialog.dataset.session + path, { method, headers: { "X-CSRF-Token": dialog.dataset.token } });
  return answer.ok ? answer.json() : null;
}

async function look() {
  let found;
  try {
    found = await ask();
  } catch {
    // The network is away: nothing is known, so the time goes on.
    found = { idle_in: left(), ends_in: Infinity };
  }
  if (!found || found.idle_in <= 0) return over();
  ends = Date.now() + found.idle_in * 1000;
  if (found.idle_in > WARN) return calm();
  warn(found.ends_in <= found.idle_in);
}

function calm() {
  if (dialog.open) dialog.close();
  document.title = asked.title;
  wait(left());
}

function warn(ending) {
  heading.textContent = ending ? heading.dataset.ending : asked.heading;
  why.textContent = ending ? why.dataset.ending : asked.why;
  stay.hidden = ending;
  if (!dialog.open) dialog.showModal();
  tick();
}

function tick() {
  clearTimeout(timer);
  const now = left();
  if (now <= 0) return look();
  count.textContent = `${Math.floor(now / 60)}:${String(now % 60).padStart(2, "0")}`;
  document.title = `(${count.textContent}) ${heading.textContent}`;
  timer = setTimeout(tick, 1000);
}

function over() {
  clearTimeout(timer);
  heading.textContent = document.title = heading.dataset.over;
  why.textContent = why.dataset.over;
  stay.hidden = count.hidden = true;
  again.hidden = false;
  again.href = location.href;
  if (!dialog.open) dialog.showModal();
  again.focus();
}

stay.addEventListener("click", async () => {
  stay.disabled = true;
  stay.textContent = stay.dataset.busy;
  try {
    const found = await ask("/touch", "POST");
    if (!found) return over();
    ends = Date.now() + found.idle_in * 1000;
    calm();
  } catch {
    tick();
  } finally {
    stay.disabled = false;
    stay.textContent = asked.stay;
  }
});
dialog.addEventListener("cancel", (event) => { if (!stay.hidden) { event.preventDefault(); stay.click(); } });
document.addEventListener("visibilitychange", () => { if (!document.hidden && left() <= WARN) look(); });
addEventListener("pageshow", (event) => { if (event.persisted) look(); });
wait(Number(dialog.dataset.idle));
