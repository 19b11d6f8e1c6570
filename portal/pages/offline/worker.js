/* Worker: what happens to a reading when there is no network?

   It stays here, bound to the person and the account it was entered for, and is sent once when the network is back:
   the id of the form makes a repeat harmless. Of the portal nothing is kept but the looks, one page without a person in
   it, and what the form of readings needs. VERSION, SHELL and PAGES stand above, put there by the portal. */
"use strict";

const CACHE = `shell-${VERSION}`;
const PATIENCE = 20000;
const TOO_OLD = 40 * 24 * 3600 * 1000;
const BY_GATEWAY = [502, 504];
const SHOWN_AGAIN = [200, 409, 422]; /* the page that comes holds what was entered */
const AT_ONCE = 10;

self.addEventListener("install", event => event.waitUntil(fill()));
self.addEventListener("activate", event => event.waitUntil(takeOver()));
self.addEventListener("sync", event => event.waitUntil(send()));

self.addEventListener("fetch", event => {
  const { request } = event, { pathname } = new URL(request.url);
  if (request.mode === "navigate") {
    if (request.method === "GET") event.respondWith(visit(event));
    else if (!request.referrer.startsWith(`${self.location.origin}/`)) return; /* another site's form is none of ours */
    else if (pathname === "/readings") event.respondWith(handIn(event));
    else if (pathname === "/logout") event.respondWith(leave(request));
  } else if (SHELL.includes(pathname) || Object.values(PAGES).includes(pathname)) {
    event.respondWith(ours(pathname, request));
  }
});

self.addEventListener("message", event => {
  const answer = ANSWERS[event.data.what];
  if (answer) event.waitUntil(answer(event.data).then(said => event.ports[0].postMessage(said)));
});

/* The shell */

async function fill() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.concat(Object.values(PAGES)).map(path => new Request(path, { cache: "no-cache" })));
  await self.skipWaiting();
}

async function takeOver() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  if (self.registration.navigationPreload) await self.registration.navigationPreload.enable();
  await forgetOld();
  await self.clients.claim();
}

async function ours(pathname, request) {
  return (await caches.match(pathname, { cacheName: CACHE })) || fetch(request);
}

async function visit(event) {
  const asked = Promise.resolve(event.preloadResponse).then(early => early || fetch(event.request));
  return (await inTime(asked)) || withoutNetwork();
}

async function withoutNetwork() {
  const form = await newestForm();
  const language = (form ? form.language : self.navigator.language).slice(0, 2);
  return caches.match(PAGES[language] || Object.values(PAGES)[0], { cacheName: CACHE });
}

/* null: no network, or as good as none. */
function inTime(asked) {
  const answered = asked.then(answer => (BY_GATEWAY.includes(answer.status) ? null : answer), () => null);
  return Promise.race([answered, new Promise(done => setTimeout(done, PATIENCE, null))]);
}

/* A form that is sent while its page is open */

async function handIn(event) {
  let lines = [], former = [];
  try {
    lines = linesOf(await event.request.clone().formData());
    former = await keep(lines);
  } catch (error) { /* nothing can be kept on this device: the form goes as it would without us */ }
  const answer = await inTime(fetch(event.request));
  if (answer === null) {
    await sendLater();
    return Response.redirect("/readings", 303);
  }
  if (SHOWN_AGAIN.includes(answer.status)) await putBack(lines, former);
  else if (answer.status === 403) event.waitUntil(send());
  return answer;
}

function linesOf(fields) {
  const text = name => fields.get(name) || "", lines = [];
  const chosen = new Map(text("take").split(";").map(each => each.split("=")).filter(each => each.length === 2));
  const toLookAt = fields.has("review") || fields.has("edit");
  for (const name of fields.keys()) {
    const number = name.startsWith("meter-") ? name.slice(6) : "";
    const value = chosen.get(number) || text(`value-${number}`);
    if (!number || !value.trim() || !text("whose")) continue;
    lines.push({
      submission: text(`submission-${number}`), meter: text(name), value, confirm: text(`confirm-${number}`),
      seen: text(`seen-${number}`), whose: text("whose"), state: toLookAt ? "asks" : "waiting", sentence: "",
    });
  }
  return lines;
}

/* Of a meter only the newest is kept. Returns what was known of these lines before. */
async function keep(lines) {
  const before = await all("entries"), former = [], known = (await all("forms")).map(form => form.whose);
  for (const line of lines.filter(each => known.includes(each.whose))) {
    for (const each of before) {
      if (each.submission === line.submission) former.push(each);
      else if (each.whose === line.whose && each.meter === line.meter) await drop("entries", each.submission);
    }
    await put("entries", Object.assign({ kept_at: Date.now() }, line));
  }
  return former;
}

/* The person has a page before them that holds the lines: what waited for an answer goes on waiting for it. */
async function putBack(lines, former) {
  for (const line of lines) {
    const was = former.find(each => each.submission === line.submission);
    if (was) await put("entries", was);
    else await drop("entries", line.submission);
  }
}

async function leave(request) {
  const answer = await inTime(fetch(request));
  if (answer === null || answer.type === "opaqueredirect") await forgetAll();
  return answer || withoutNetwork();
}

/* Sending what has waited */

let sending = null;

function send() {
  const over = () => { sending = null; };
  if (sending === null) {
    sending = deliver();
    sending.then(over, over);
  }
  return sending;
}

async function sendLater() {
  try {
    await self.registration.sync.register("readings");
  } catch (error) { /* no such thing in this browser, or not allowed: the next page sends */ }
}

/* none · done · offline · login · later */
async function deliver() {
  const waiting = (await all("entries")).filter(each => each.state === "waiting");
  if (!waiting.length) return "none";
  const answer = await ask(`/readings/kept?of=${waiting.map(each => each.submission).join(",")}`);
  if (answer === null) return "offline";
  if (answer.ok) return settleAll(waiting, await answer.json());
  await tell();
  return answer.type === "opaqueredirect" ? "login" : "later";
}

async function settleAll(waiting, ticket) {
  const theirs = waiting.filter(each => each.whose === ticket.whose);
  for (const each of theirs.filter(each => ticket.stored.includes(each.submission))) await settle(each, `/readings/${each.submission}`);
  const rest = theirs.filter(each => !ticket.stored.includes(each.submission));
  let said = "done";
  for (let from = 0; from < rest.length && said === "done"; from += AT_ONCE) said = await offer(ticket, rest.slice(from, from + AT_ONCE));
  await tell();
  return said;
}

async function offer(ticket, lines) {
  const fields = new URLSearchParams({ csrf: ticket.csrf, whose: ticket.whose });
  lines.forEach((line, at) => {
    for (const name of ["meter", "submission", "value", "confirm", "seen"]) fields.set(`${name}-${at + 1}`, line[name]);
    fields.set(`typed-${at + 1}`, day(new Date(line.kept_at)));
  });
  const answer = await ask("/readings/kept", { method: "POST", body: fields });
  if (answer === null) return "offline";
  if (answer.status === 404 && lines.length > 1) {
    for (const line of lines) await offer(ticket, [line]);
    return "done";
  }
  if (answer.status === 400 || answer.status === 404) {
    await put("entries", Object.assign({}, lines[0], { state: "refused" }));
    return "done";
  }
  if (!answer.ok) return "later";
  const words = await answer.json();
  for (const line of lines) {
    const { state, sentence, at } = words[line.submission];
    if (state === "taken") await settle(line, at);
    else await put("entries", Object.assign({}, line, { state, sentence }));
  }
  return "done";
}

async function settle(line, at) {
  const still = (await all("entries")).some(each => each.submission === line.submission);
  if (still) await put("entries", Object.assign({}, line, { state: "done", at }));
}

function ask(path, more) {
  return inTime(fetch(path, Object.assign({ redirect: "manual", cache: "no-store" }, more)));
}

function day(moment) {
  const two = number => `${number}`.padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

async function tell() {
  for (const client of await self.clients.matchAll({ type: "window" })) client.postMessage("kept");
}

/* What pages ask for */

const ANSWERS = {
  /* A page is open, of this person or of nobody; what it shows as stored need not wait any more. */
  async open({ whose, language, stored, meters }) {
    await forgetOld();
    for (const each of stored) await drop("entries", each);
    if (whose) {
      const known = (await all("forms")).find(each => each.whose === whose);
      await put("forms", { whose, language, meters: meters || (known ? known.meters : []), at: Date.now() });
    }
    return list(whose);
  },
  list: ({ whose }) => list(whose),
  form: newestForm,
  async keep({ lines }) {
    await keep(lines);
    await sendLater();
    return true;
  },
  send,
  async drop({ submission, quietly }) {
    await drop("entries", submission);
    if (!quietly) await tell();
    return true;
  },
};

/* Entries of this person's account; whether there are some of another account of theirs, or of anybody else. */
async function list(whose) {
  const entries = await all("entries"), forms = await all("forms");
  const titles = new Map();
  for (const form of forms) for (const each of form.meters) titles.set(`${form.whose} ${each.meter}`, each.title);
  const open = entries.filter(each => each.state !== "done");
  return {
    entries: entries
      .filter(each => each.whose === whose)
      .map(each => Object.assign({ title: titles.get(`${each.whose} ${each.meter}`) || "" }, each)),
    otherAccount: open.some(each => whose && each.whose !== whose && each.whose.split(".")[0] === whose.split(".")[0]),
    somebody: open.length > 0,
  };
}

async function newestForm() {
  return (await all("forms")).sort((one, other) => other.at - one.at)[0] || null;
}

async function forgetOld() {
  for (const each of await all("entries")) if (Date.now() - each.kept_at > TOO_OLD) await drop("entries", each.submission);
  for (const each of await all("forms")) if (Date.now() - each.at > TOO_OLD) await drop("forms", each.whose);
}

async function forgetAll() {
  for (const store of ["entries", "forms"]) await within(store, "readwrite", rows => rows.clear());
}

/* Where it is kept */

const all = store => within(store, "readonly", rows => rows.getAll());
const put = (store, row) => within(store, "readwrite", rows => rows.put(row));
const drop = (store, key) => within(store, "readwrite", rows => rows.delete(key));

async function within(store, mode, work) {
  const base = await opened();
  try {
    return await new Promise((done, fail) => {
      const unit = base.transaction(store, mode), asked = work(unit.objectStore(store));
      unit.oncomplete = () => done(asked.result);
      unit.onabort = () => fail(unit.error);
    });
  } finally {
    base.close();
  }
}

function opened() {
  return new Promise((done, fail) => {
    const asked = indexedDB.open("kept", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("entries", { keyPath: "submission" });
      asked.result.createObjectStore("forms", { keyPath: "whose" });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
}
