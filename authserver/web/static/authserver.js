// What makes pages nicer where there is JavaScript. Every page works without it.

// A pressed button says what happens, and cannot be pressed twice, unless no answer comes for this long.
const PATIENCE = 15000;
function rest(buttons) {
  for (const button of buttons) {
    button.disabled = false;
    if (button.dataset.rest) button.textContent = button.dataset.rest;
  }
}
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented) return;
  // After the browser has read the form: a disabled button would not be sent.
  setTimeout(() => {
    const buttons = event.target.querySelectorAll("button:not([type=button])");
    for (const other of buttons) other.disabled = true;
    setTimeout(rest, PATIENCE, buttons);
    if (button.dataset.busy) {
      button.dataset.rest = button.textContent;
      button.textContent = button.dataset.busy;
    }
  });
});

// A page that comes back from the browser's memory can be pressed again.
addEventListener("pageshow", (event) => {
  if (event.persisted) rest(document.querySelectorAll("form button:disabled"));
});

for (const field of document.querySelectorAll("input[data-show]")) {
  const button = document.createElement("button");
  const label = document.querySelector(`label[for="${field.id}"]`);
  const row = document.createElement("div");
  button.type = "button";
  button.className = "button small quiet";
  button.textContent = field.dataset.show;
  button.setAttribute("aria-controls", field.id);
  const name = () => button.setAttribute("aria-label", `${button.textContent}: ${label.textContent}`);
  name();
  button.addEventListener("click", () => {
    const hidden = field.type === "password";
    field.type = hidden ? "text" : "password";
    button.textContent = hidden ? field.dataset.hide : field.dataset.show;
    name();
    field.focus();
  });
  // A browser offers to keep passwords from password fields alone.
  field.form.addEventListener("submit", () => { field.type = "password"; });
  row.className = "with-button";
  const focused = document.activeElement === field;
  field.before(row);
  row.append(field, button);
  if (focused) field.focus();
}

// How strong a new password looks while it is typed. What the server refuses is for the server to say.
for (const said of document.querySelectorAll("[data-strength]")) {
  const field = document.getElementById(said.dataset.strength);
  const [meter, word] = [said.querySelector("meter"), said.querySelector("[role=status]")];
  const words = said.dataset.words.split("|");
  const kinds = [[/\p{Ll}/u, 26], [/\p{Lu}/u, 26], [/\p{Nd}/u, 10], [/[^\p{L}\p{Nd}]/u, 20]];
  const strength = (text) => {
    const letters = [...text];
    if (letters.length < Number(said.dataset.minimum)) return 0;
    const pool = kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 1);
    // What repeats itself adds little, and words are guessed sooner than their letters.
    const bits = Math.min(letters.length, 2 * new Set(letters).size) * Math.log2(pool) / 2;
    return 1 + [35, 50, 65].filter((enough) => bits >= enough).length;
  };
  field.addEventListener("input", () => {
    const found = strength(field.value);
    said.hidden = !field.value;
    meter.value = found;
    if (word.textContent !== words[found]) word.textContent = words[found];
  });
}

// A button that must wait counts down; the server counts, too, whatever is pressed.
for (const button of document.querySelectorAll("button[data-wait]")) {
  const note = document.getElementById(button.getAttribute("aria-describedby"));
  const said = button.textContent;
  const ends = performance.now() + button.dataset.wait * 1000;
  const tick = () => {
    const left = Math.ceil((ends - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? button.dataset.waiting.replace("{}", left) : said;
    if (note) note.hidden = true;
    if (left > 0) setTimeout(tick, 250);
  };
  tick();
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).innerText.trim();
    await navigator.clipboard.writeText(text);
    button.textContent = button.dataset.copied;
    button.setAttribute("aria-live", "polite");
  });
}

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// Times are told in the reader's own zone, in the language of the page.
const spoken = document.documentElement.lang;
const language = navigator.languages.find((tag) => tag.split("-")[0] === spoken) || spoken;
if (spoken.length === 2) {
  const styles = {
    time: { dateStyle: "medium", timeStyle: "short" },
    day: { dateStyle: "long" },
  };
  for (const time of document.querySelectorAll("time[data-local]")) {
    const format = new Intl.DateTimeFormat(language, styles[time.dataset.local]);
    time.textContent = format.format(new Date(time.dateTime));
  }
}
