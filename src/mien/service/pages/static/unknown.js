// People whom cameras saw and nobody knows: look at them, name, ignore and erase them.

import { attempt, call, element, fillGalleries, language, may, say, text } from "./api.js";
import { ask } from "./dialog.js";

const byId = (id) => document.getElementById(id);
const gallery = byId("gallery");
const time = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });
let cameras = new Map();

const path = (rest = "") => `galleries/${gallery.value}/unknown${rest}`;
const shown = (value) => time.format(new Date(value));

async function load() {
  if (!gallery.value) return;
  const [found, watched] = [await call("GET", path()), await call("GET", "cameras")];
  cameras = new Map(watched.cameras.map((one) => [one.id, one.name]));
  fill("people", found.people, (one) => [action("unknown-name", () => name(one)), action("unknown-ignore", () => ignore(one)), erasure(one)]);
  fill("ignored", found.ignored, (one) => [erasure(one)]);
}

function fill(id, people, actions) {
  byId(id).replaceChildren(...people.map((one) => person(one, actions(one))));
  if (!people.length) byId(id).append(element("li", { className: "note", textContent: text(`unknown-no-${id}`) }));
}

function person(one, actions) {
  const [latest] = one.visits;
  const camera = cameras.get(latest.camera) ?? text("unknown-camera-gone");
  const label = text("unknown-seen", { at: shown(latest.at), camera });
  const facts = [label];
  if (one.visits.length > 1) facts.push(text("unknown-visits", { count: one.visits.length }));
  if (latest.expires) facts.push(text("unknown-until", { at: shown(latest.expires) }));
  const image = element("img", { alt: label, width: 136, height: 136, loading: "lazy", src: `/v1/${path(`/${latest.id}/portrait`)}` });
  const notes = facts.map((fact) => element("p", { className: "note", textContent: fact }));
  return element("li", {}, image, ...notes, element("p", { className: "tools" }, ...actions.filter(Boolean)));
}

function action(code, work) {
  const button = element("button", { type: "button", className: "quiet", textContent: text(code) });
  button.addEventListener("click", work);
  return button;
}

function erasure(one) {
  if (!may("erase")) return null;
  return action("erase", async () => {
    if (!(await ask({ title: text("unknown-erase-title"), body: text("unknown-erase-what"), yes: text("erase"), danger: true }))) return;
    await change("/erase", { visits: ids(one) }, text("erased"));
  });
}

const ids = (one) => one.visits.map((visit) => visit.id);

// A name that somebody has already means them, after a question, since two people may have one name.
async function name(one) {
  const wanted = await ask({ title: text("unknown-name"), body: text("unknown-name-what"), yes: text("save"), field: text("name") });
  if (!wanted) return;
  const found = await attempt(() => call("GET", `galleries/${gallery.value}/subjects`, { params: { search: wanted, limit: 500 } }));
  if (!found) return;
  const same = found.subjects.filter((subject) => subject.name === wanted);
  if (same.length > 1) {
    say(text("merge-which", { count: same.length }), true);
    return;
  }
  if (!same.length) {
    await change("/name", { visits: ids(one), name: wanted }, text("unknown-named", { name: wanted }));
    return;
  }
  const body = text("unknown-add-what", { name: wanted, count: same[0].samples });
  if (!(await ask({ title: text("unknown-add"), body, yes: text("unknown-add") }))) return;
  await change("/name", { visits: ids(one), subject: same[0].id }, text("unknown-named", { name: wanted }));
}

async function ignore(one) {
  if (!(await ask({ title: text("unknown-ignore-title"), body: text("unknown-ignore-what"), yes: text("unknown-ignore") }))) return;
  await change("/ignore", { visits: ids(one) }, text("unknown-ignored"));
}

// Doubts about whom the samples show stay on the page until something else happens.
async function change(rest, json, done) {
  const answer = await attempt(() => call("POST", path(rest), { json }));
  if (!answer) return;
  const doubts = (answer.conflicts ?? []).map((each) => text(`conflict-${each.kind.replace(" ", "-")}`, { name: each.subject }));
  await attempt(load, [done, ...new Set(doubts)].join(" "));
  byId("people-title").focus();
}

attempt(() => fillGalleries(gallery, () => attempt(load)));
