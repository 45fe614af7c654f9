// The cameras of the service: how they are, what happened before them, adding and deleting.

import { attempt, call, element, fillGalleries, image, language, may, number, text } from "./api.js";
import { ask } from "./dialog.js";
import { showWebhooks } from "./webhooks.js";

const byId = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
const SHOWN = 200;
const SECONDS = 2;
let chosen = null;
let after = 0;
let stream = null;

async function load() {
  const found = await call("GET", "cameras");
  byId("cameras").replaceChildren(...found.cameras.map(camera));
  if (!found.cameras.length) byId("cameras").append(element("li", { className: "note", textContent: text("no-camera") }));
  if (chosen && !found.cameras.some((one) => one.id === chosen)) close();
  if (!found.cameras.some((one) => one.preview)) byId("seen").hidden = true;
}

function camera(one) {
  const facts = [text(`camera-${one.state}`), one.message];
  if (one.state === "watching") facts.push(text("camera-rate", { rate: number(one.rate, 1), delay: number(one.delay, 2) }));
  const show = element("button", { type: "button", className: "quiet", textContent: text("camera-events") });
  show.addEventListener("click", () => open(one));
  const parts = [element("span", { textContent: one.name }), element("span", { className: "note", textContent: facts.filter(Boolean).join(", ") }), show];
  if (one.preview) parts.push(preview(one));
  if (may("access")) parts.push(removal(one));
  return element("li", {}, ...parts);
}

// One image, taken when it is asked for.
function preview(one) {
  const button = element("button", { type: "button", className: "quiet", textContent: text("camera-preview") });
  button.addEventListener("click", async () => {
    const found = await attempt(() => image(`cameras/${one.id}/preview`));
    if (!found) return;
    URL.revokeObjectURL(byId("seen-image").src);
    const label = text("camera-seen", { name: one.name, at: time.format(new Date()) });
    Object.assign(byId("seen-image"), { src: found, alt: label });
    byId("seen-text").textContent = label;
    byId("seen").hidden = false;
  });
  return button;
}

function removal(one) {
  const button = element("button", { type: "button", className: "quiet", textContent: text("camera-delete") });
  button.addEventListener("click", async () => {
    const sure = await ask({ title: text("camera-delete-sure", { name: one.name }), yes: text("camera-delete"), danger: true });
    if (!sure) return;
    await attempt(() => call("DELETE", `cameras/${one.id}`));
    await attempt(load);
  });
  return button;
}

function open(one) {
  listen(null);
  [chosen, after] = [one.id, 0];
  byId("watched-name").textContent = one.name;
  byId("events").replaceChildren();
  byId("watched").hidden = false;
  attempt(follow);
}

function close() {
  listen(null);
  chosen = null;
  byId("watched").hidden = true;
}

// All events that are new, the newest on top.
async function follow() {
  const camera = chosen;
  let found = { events: [] };
  if (!camera || stream) return;
  do {
    found = await call("GET", `cameras/${camera}/events`, { params: { after, limit: 1000, language } });
    if (camera !== chosen) return;
    after = found.after;
    add(found.events);
  } while (found.events.length === 1000);
  listen(camera);
}

function add(events) {
  byId("events").prepend(...events.slice(-SHOWN).reverse().map(row));
  [...byId("events").children].slice(SHOWN).forEach((old) => old.remove());
}

// Gets further events as they happen. A browser opens a stream that broke again by itself, after the last event that
// it has seen; where the service refuses the stream, events are asked for again and again instead.
function listen(camera) {
  stream?.close();
  stream = null;
  if (!camera || document.hidden) return;
  const opened = new EventSource(`/v1/cameras/${camera}/events/stream?${new URLSearchParams({ after, language })}`);
  opened.onmessage = (message) => {
    if (stream !== opened) return;
    after = Number(message.lastEventId);
    add([JSON.parse(message.data)]);
  };
  opened.onerror = () => {
    if (stream === opened && opened.readyState === EventSource.CLOSED) stream = null;
  };
  stream = opened;
}

function row(one) {
  const decided = ["identified", "changed", "left"].includes(one.event);
  const who = !decided ? "" : one.name ?? text(one.outcome === "match" ? "camera-erased" : `camera-${one.outcome}`);
  const score = decided && one.score !== null ? `${number(one.score)} ${one.unit}` : "";
  const cells = [time.format(new Date(one.at)), text(`event-${one.event}`), one.track ?? "", who, score, one.reasons.join("; ")];
  const made = element("tr", {}, ...cells.map((cell) => element("td", { textContent: cell })));
  if (one.thumbnail && decided) made.cells[3].prepend(thumbnail(one.thumbnail, who));
  return made;
}

// It may have been erased since the event was read.
function thumbnail(id, who) {
  const shown = element("img", { className: "thumbnail", alt: who, width: 48, height: 48, loading: "lazy", src: `/v1/cameras/${chosen}/thumbnails/${id}` });
  shown.addEventListener("error", () => shown.remove());
  return shown;
}

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const values = { name: "name", gallery: "gallery", address: "address", threshold: "threshold" };
  const json = Object.fromEntries(Object.entries(values).map(([key, id]) => [key, byId(id).value]));
  json.keep_unknown = byId("keep-unknown").valueAsNumber;
  json.keep_thumbnails = byId("keep-thumbnails").valueAsNumber;
  json.preview = byId("preview").checked;
  const added = await attempt(() => call("POST", "cameras", { json }));
  if (!added) return;
  byId("name").value = byId("address").value = "";
  await attempt(load);
  open(added);
});

attempt(() => fillGalleries(byId("gallery"), () => {}));
attempt(load);
attempt(showWebhooks);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) listen(null);
});
setInterval(() => {
  if (document.hidden) return;
  // A service that is restarted answers again later; the page stays as it was.
  load().then(follow).catch(() => {});
}, SECONDS * 1000);
