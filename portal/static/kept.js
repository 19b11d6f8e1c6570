/* Kept: what does a page say of readings that wait for the network on this device?

   Without this module, and without a worker, every page and every form does what it always does. */

const whose = document.body.dataset.whose || "";
const language = document.documentElement.lang;
const withoutNetwork = document.body.dataset.kept === "page";
const AGAIN = withoutNetwork ? 10000 : 30000;
const inOrder = ["done", "refused", "asks", "waiting"];

const done = new Map(); /* told once, and to be read as long as this page is open */

let words = null, place = null, showing = Promise.resolve();

if ("serviceWorker" in navigator && window.indexedDB && window.MessageChannel) start();

async function start() {
  const workers = navigator.serviceWorker;
  if (!(await (whose ? workers.register("/worker.js") : workers.getRegistration("/")))) return;
  const known = await tell(withoutNetwork ? { what: "form" } : { what: "open", whose, language, stored: stored(), meters: metersHere() });
  if (withoutNetwork) await offerForm(known);
  workers.addEventListener("message", () => show().then(goOn));
  window.addEventListener("online", () => send().then(goOn));
  for (const form of document.querySelectorAll('form[action="/logout"]')) form.addEventListener("submit", askBeforeLeaving);
  await show();
  await send();
  setInterval(() => { if (!document.hidden) send().then(goOn); }, AGAIN);
}

/* Asks the worker. */
async function tell(said) {
  const { active } = await navigator.serviceWorker.ready, { port1, port2 } = new MessageChannel();
  return new Promise(done => {
    port1.onmessage = event => done(event.data);
    active.postMessage(said, [port2]);
  });
}

function mine() {
  return whose || (place && place.dataset.whose) || "";
}

function list() {
  return tell({ what: "list", whose: mine() });
}

async function send() {
  const { entries, somebody } = await list();
  if (!somebody || !navigator.onLine) return;
  await tell({ what: "send" });
  if (entries.length) await show();
}

/* To the page that was wanted, if the network is back and nothing is being typed here */
async function goOn() {
  if (!withoutNetwork || typedHere()) return;
  const reached = await fetch("/healthz", { cache: "no-store" }).then(answer => answer.ok, () => false);
  if (reached && !typedHere()) window.location.replace(wanted());
}

function wanted() {
  const { pathname, search } = window.location;
  return pathname === "/logout" ? "/" : pathname + search;
}

/* What the page shows as stored */
function stored() {
  const found = document.querySelector("[data-stored]");
  return found ? found.dataset.stored.split(" ").filter(Boolean) : [];
}

/* What is needed of the form to enter readings where it cannot be loaded */
function metersHere() {
  const form = document.querySelector("form.reading");
  if (!form) return null;
  const text = (line, what) => { const found = line.querySelector(what); return found ? found.textContent.trim() : ""; };
  return [...form.querySelectorAll(".line")].filter(line => line.querySelector('[name^="meter-"]')).map(line => ({
    meter: line.querySelector('[name^="meter-"]').value,
    seen: line.querySelector('[name^="seen-"]').value,
    title: text(line, "h3"),
    label: text(line, "label"),
    hint: text(line, ".before"),
  }));
}

/* The words stand in the page that is shown without a network, in the language of this page. */
async function part(name) {
  if (words === null) {
    const page = withoutNetwork ? document : new DOMParser().parseFromString(await (await fetch(`/offline/${language}`)).text(), "text/html");
    words = page.getElementById("kept-words").content;
  }
  return document.importNode(words.querySelector(`[data-part="${name}"]`), true);
}

function show() {
  showing = showing.then(render);
  return showing;
}

async function render() {
  const { entries, otherAccount, somebody } = await list(), here = new Set(submissionsHere());
  for (const each of entries.filter(each => each.state === "done")) {
    done.set(each.submission, each);
    if (!withoutNetwork) await tell({ what: "drop", submission: each.submission, quietly: true });
  }
  const shown = [...done.values(), ...entries.filter(each => each.state !== "done" && !here.has(each.submission))];
  shown.sort((one, other) => inOrder.indexOf(one.state) - inOrder.indexOf(other.state));
  const stranger = somebody && !mine();
  if (!shown.length && !otherAccount && !stranger) {
    if (place) place.replaceChildren();
    return;
  }
  const note = await part("note");
  counted(note.querySelector(".count"), shown.filter(each => each.state === "waiting").length);
  note.querySelector(".stranger").hidden = !stranger;
  note.querySelector(".other-account").hidden = !otherAccount;
  const items = [];
  for (const each of shown) items.push(await item(each));
  const entriesList = note.querySelector("ul");
  if (items.length) entriesList.append(...items); else entriesList.remove();
  if (!place) {
    place = document.createElement("div");
    place.setAttribute("role", "status");
    document.querySelector("main").prepend(place);
  }
  place.replaceChildren(note);
}

function submissionsHere() {
  return [...document.querySelectorAll('main input[name^="submission-"]')].filter(field => !place || !place.contains(field)).map(field => field.value);
}

async function item(entry) {
  const made = await part(entry.state), put = (what, text) => { const at = made.querySelector(what); if (at) at.textContent = text; };
  put(".value", entry.value);
  put(".title", entry.title);
  put(".why", entry.sentence);
  const link = made.querySelector("a"), form = made.querySelector("form"), cancel = made.querySelector(".cancel");
  if (link) link.href = entry.at;
  if (cancel) cancel.addEventListener("click", () => tell({ what: "drop", submission: entry.submission }).then(show));
  if (form) fill(form, entry);
  return made;
}

function fill(form, entry) {
  const csrf = document.querySelector('input[name="csrf"]');
  form.hidden = !csrf;
  if (!csrf) return;
  const fields = { csrf: csrf.value, whose: entry.whose };
  for (const name of ["meter", "submission", "value", "confirm", "seen"]) fields[`${name}-1`] = entry[name];
  for (const [name, value] of Object.entries(fields)) form.append(hidden(name, value));
}

function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}

/* One of several sentences that differ by their number only, as the language wants it */
function counted(sentence, count) {
  sentence.hidden = count === 0;
  const rule = new Intl.PluralRules(language);
  for (const form of sentence.children) {
    form.hidden = rule.select(Number(form.dataset.like)) !== rule.select(count);
    form.textContent = form.textContent.replace(form.dataset.like, count);
  }
}

function askBeforeLeaving(event) {
  const question = place && place.querySelector(".count:not([hidden])") && place.querySelector("[data-leaving]");
  if (question && !window.confirm(question.dataset.leaving)) event.preventDefault();
}

/* The page without a network */

async function offerForm(known) {
  place = document.getElementById("kept");
  document.getElementById("again").href = wanted();
  document.getElementById("not-left").hidden = window.location.pathname !== "/logout";
  if (!known || !known.meters.length) {
    document.getElementById("no-form").hidden = false;
    return;
  }
  place.dataset.whose = known.whose;
  const form = document.getElementById("kept-form"), lines = form.querySelector(".lines");
  for (const [at, meter] of known.meters.entries()) lines.append(await line(meter, at + 1));
  form.addEventListener("submit", event => keep(event, known));
  form.hidden = false;
}

async function line(meter, number) {
  const made = await part("line"), field = made.querySelector("input"), hint = made.querySelector(".hint");
  made.querySelector("h2").textContent = meter.title;
  made.querySelector("label").textContent = meter.label;
  made.querySelector("label").htmlFor = field.id = `value-${number}`;
  hint.textContent = meter.hint;
  hint.id = `hint-${number}`;
  field.setAttribute("aria-describedby", hint.id);
  return made;
}

function typedHere() {
  return [...document.querySelectorAll("#kept-form input")].some(field => field.value.trim());
}

async function keep(event, known) {
  event.preventDefault();
  const fields = [...event.target.querySelectorAll("input")], lines = [];
  fields.forEach((field, at) => {
    const { meter, seen } = known.meters[at], value = field.value.trim();
    if (value) lines.push({ submission: id(), meter, seen, value, confirm: "", whose: known.whose, state: "waiting", sentence: "" });
  });
  document.getElementById("nothing-typed").hidden = lines.length > 0;
  if (!lines.length) {
    fields[0].focus();
    return;
  }
  await tell({ what: "keep", lines });
  event.target.reset();
  await show();
  place.scrollIntoView();
  await send();
}

/* As crypto.randomUUID, which old phones do not have */
function id() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/* Installing, where the browser offers it */

window.addEventListener("beforeinstallprompt", event => {
  const hint = document.querySelector(".install");
  event.preventDefault();
  if (!hint) return;
  hint.hidden = false;
  hint.querySelector("button").addEventListener("click", () => { hint.hidden = true; event.prompt(); });
});
