// People of a gallery: search, add, look at, change, merge and erase them.

import { attempt, call, date, element, fillGalleries, language, may, say, sentence, text } from "./api.js";
import { ask } from "./dialog.js";
import { Photo } from "./photo.js";

const byId = (id) => document.getElementById(id);
const [gallery, search, list, more, form] = ["gallery", "search", "subjects", "more", "add"].map(byId);
const photo = new Photo(byId("photo"), addSample, advise);
let current = null;
let chosen = null;
let cursor = null;

const path = (rest = "") => `galleries/${gallery.value}${rest}`;
const ofSubject = (rest = "") => path(`/subjects/${chosen.id}${rest}`);

async function load(next = null) {
  if (!gallery.value) {
    list.replaceChildren(element("li", { textContent: text("make-gallery") }));
    return;
  }
  const params = { search: search.value.trim(), cursor: next };
  const found = await attempt(() => call("GET", path("/subjects"), { params }));
  if (!found) return;
  const rows = found.subjects.map((one) => {
    const button = element("button", { type: "button", className: "quiet", textContent: one.name });
    button.addEventListener("click", () => open(one.id));
    return element("li", {}, button, element("span", { className: "note", textContent: text("samples", { count: one.samples }) }));
  });
  if (next) list.append(...rows);
  else list.replaceChildren(...rows);
  byId("total").textContent = `(${found.total})`;
  cursor = found.next;
  more.hidden = !cursor;
}

async function open(id, focus = true) {
  chosen = { id };
  const found = await attempt(async () => [await call("GET", ofSubject()), await call("GET", ofSubject("/samples"))]);
  if (!found) return;
  chosen = found[0];
  byId("subject").hidden = false;
  byId("subject-name").textContent = chosen.name;
  byId("subject-facts").textContent = [text("since", { date: date(chosen.enrolled) }), consentText(), chosen.state === "suspended" ? text("is-suspended") : ""].join(" ");
  byId("suspend").textContent = text(chosen.state === "active" ? "suspend" : "resume");
  byId("samples").replaceChildren(...found[1].samples.map(sample));
  if (!focus) return;
  photo.clear();
  byId("advice").replaceChildren();
  byId("subject-name").focus();
}

function consentText() {
  const { consent } = chosen;
  if (!consent) return text("no-consent");
  if (consent.holds && !consent.until) return text("consent-forever", { purpose: consent.purpose });
  const until = date(consent.until ?? consent.since);
  return text(consent.holds ? "consent" : "consent-over", { purpose: consent.purpose, until });
}

function sample(one) {
  const label = text("sample-of", { date: date(one.enrolled) });
  const image = element("img", { alt: label, width: 136, height: 136, loading: "lazy" });
  if (one.has_portrait) image.src = `/v1/${path(`/samples/${one.id}/portrait`)}`;
  const erase = element("button", { type: "button", className: "quiet", textContent: text("erase-sample") });
  erase.addEventListener("click", async () => {
    if (!(await ask({ title: text("erase-sample"), body: text("erase-sample-what"), yes: text("erase"), danger: true }))) return;
    if (await attempt(() => call("DELETE", path(`/samples/${one.id}`)), text("erased"))) await reload();
  });
  erase.hidden = !may("erase");
  return element("li", {}, image, element("p", { className: "note", textContent: label }), erase);
}

async function reload() {
  await load();
  await open(chosen.id, false);
}

async function addSample(blob) {
  const found = await attempt(() => call("POST", ofSubject("/samples"), { form: { images: blob, language } }));
  if (!found) return;
  const [one] = found.images;
  await reload();
  const lines = [one.detail, ...one.reasons.map((each) => each.message), ...one.conflicts.map((each) => text(`conflict-${each.kind.replace(" ", "-")}`, { name: each.subject }))];
  const title = text(one.enrolled ? "was-enrolled" : "was-refused", { status: text(`status-${one.status.replaceAll(" ", "-")}`) });
  const card = element("article", { className: `card ${one.enrolled ? "match" : "unknown"}` }, element("h3", { textContent: title }));
  card.append(...lines.filter(Boolean).map((line) => element("p", {}, ...sentence(line))));
  byId("advice").replaceChildren(card);
  say(title);
}

// The live portrait check while the camera is on.
async function advise(frame) {
  const found = await call("POST", "portraits/check", { form: { image: frame, language } });
  const outcome = found.outcome.replace(" ", "-");
  const card = element("article", { className: `card ${outcome}` }, element("h3", { textContent: text(`check-${outcome}`) }));
  card.append(...found.instructions.slice(0, 3).map((one) => element("p", {}, ...sentence(one))));
  byId("advice").replaceChildren(card);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, purpose, until, guardian] = ["name", "purpose", "until", "guardian"].map((id) => byId(id).value.trim());
  const consent = purpose ? { purpose, since: new Date().toISOString(), until: until ? `${until}T23:59:59Z` : null, guardian: guardian || null } : null;
  const made = await attempt(() => call("POST", path("/subjects"), { json: { name, consent } }));
  if (!made) return;
  form.reset();
  await load();
  await open(made.id);
});

byId("rename").addEventListener("click", async () => {
  const name = await ask({ title: text("rename"), yes: text("save"), field: text("name"), value: chosen.name });
  if (name && (await attempt(() => call("PATCH", ofSubject(), { json: { name } })))) await reload();
});

byId("suspend").addEventListener("click", async () => {
  const state = chosen.state === "active" ? "suspended" : "active";
  if (await attempt(() => call("PATCH", ofSubject(), { json: { state } }))) await reload();
});

byId("merge").addEventListener("click", async () => {
  const name = await ask({ title: text("merge"), body: text("merge-what", { name: chosen.name }), yes: text("merge"), field: text("merge-into") });
  if (!name) return;
  const found = await attempt(() => call("GET", path("/subjects"), { params: { search: name } }));
  const others = found?.subjects.filter((one) => one.id !== chosen.id && one.name === name) ?? [];
  if (others.length !== 1) {
    if (found) say(text("merge-which", { count: others.length }), true);
    return;
  }
  const merged = await attempt(() => call("POST", ofSubject("/merge"), { json: { into: others[0].id } }));
  if (!merged) return;
  await load();
  await open(others[0].id);
});

byId("erase").addEventListener("click", async () => {
  const body = text("erase-what", { name: chosen.name, count: chosen.samples });
  if (!(await ask({ title: text("erase-title"), body, yes: text("erase"), danger: true }))) return;
  const done = await attempt(() => call("DELETE", ofSubject()));
  if (!done) return;
  byId("subject").hidden = true;
  await load();
  say(text(done.log === "emptied" ? "erased" : "erased-pending"));
  search.focus();
});

byId("new-gallery").addEventListener("click", async () => {
  const name = await ask({ title: text("new-gallery"), body: text("new-gallery-what"), yes: text("create"), field: text("name") });
  if (!name) return;
  const made = await attempt(() => call("POST", "galleries", { json: { name } }));
  if (!made) return;
  sessionStorage.setItem("gallery", made.id);
  await fillGalleries(gallery, changed);
});

let waiting;
search.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(load, 250);
});
more.addEventListener("click", () => load(cursor));

function changed(found) {
  current = found;
  byId("purpose").required = Boolean(current?.requires_consent);
  byId("subject").hidden = true;
  return load();
}

attempt(() => fillGalleries(gallery, changed));
