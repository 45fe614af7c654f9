// How well a gallery separates its own people, what thresholds cost, and who may be one person.

import { attempt, call, element, fillGalleries, language, number, say, sentence, text, thresholdText } from "./api.js";
import { tradeoff } from "./curve.js";

const gallery = document.getElementById("gallery");
const searches = document.getElementById("searches");
const result = document.getElementById("result");
let found = null;

async function load() {
  result.replaceChildren();
  if (!gallery.value) return;
  found = await attempt(() => call("GET", `galleries/${gallery.value}/health`, { params: { language } }));
  if (found) await show();
}

function percent(rate) {
  if (!rate) return text("unmeasured");
  const format = new Intl.NumberFormat(language, { style: "percent", maximumSignificantDigits: 2 });
  return rate.low === null ? format.format(rate.value) : `${format.format(rate.value)} (${format.format(rate.low)} - ${format.format(rate.high)})`;
}

// The strangers among so many searches a day who would find somebody, if every search met everybody.
function strangers(rate) {
  if (!rate) return text("unmeasured");
  const perSearch = 1 - (1 - rate.value) ** Math.max(1, found.subjects);
  return number(perSearch * searches.value, 1);
}

function missed(rate) {
  return rate ? number(rate.value * searches.value, 1) : text("unmeasured");
}

function table(name, titles, rows) {
  const head = element("tr", {}, ...titles.map((one) => element("th", { scope: "col", textContent: one })));
  const body = rows.map((row) => element("tr", {}, ...row.map((one) => element("td", { textContent: one }))));
  return element("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: text(name) }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}

function costs() {
  const titles = ["policy", "whose", "threshold-value", "fmr", "strangers-a-day", "fnmr", "missed-a-day"].map((one) => text(one));
  const rows = found.costs.flatMap((one) => {
    const own = one.threshold === null
      ? [[one.policy, text("own"), text("missing", { count: one.missing }), "", "", "", ""]]
      : [[one.policy, text("own"), number(one.threshold), percent(one.fmr), strangers(one.fmr), percent(one.fnmr), missed(one.fnmr)]];
    if (one.card_threshold === null) return own;
    return [...own, [one.policy, text("card"), number(one.card_threshold), percent(one.card_fmr), strangers(one.card_fmr), percent(one.card_fnmr), missed(one.card_fnmr)]];
  });
  return table("costs", titles, rows);
}

function spread() {
  const format = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 3 });
  const rows = [["strangers", found.strangers], ["same", found.same]].flatMap(([kind, shares]) =>
    shares.map((one) => [text(`spread-${kind}`), format.format(one.share), `${number(one.score)} ${found.unit}`]),
  );
  return table("spread", [text("pairs"), text("share"), text("at-least-as-alike")], rows);
}

async function portraitOf(subject) {
  const { samples } = await call("GET", `galleries/${gallery.value}/subjects/${subject}/samples`);
  const shown = samples.find((one) => one.has_portrait);
  return shown ? `/v1/galleries/${gallery.value}/samples/${shown.id}/portrait` : null;
}

async function pair(one) {
  const card = element("li", { className: "card ambiguous" });
  const faces = element("div", { className: "faces" });
  for (const [id, name] of [[one.first, one.first_name], [one.second, one.second_name]]) {
    const source = await portraitOf(id).catch(() => null);
    const figure = element("figure", {}, element("figcaption", { textContent: name }));
    if (source) figure.prepend(element("img", { src: source, alt: name, width: 136, height: 136, loading: "lazy" }));
    faces.append(figure);
  }
  card.append(faces, element("p", { className: "note", textContent: text("score", { value: number(one.score), unit: found.unit }) }));
  return card;
}

async function show() {
  const facts = text("health-facts", { subjects: found.subjects, samples: found.samples, several: found.several, without: found.without_consent });
  const parts = [element("p", { textContent: facts })];
  if (found.decides) parts.push(element("p", { textContent: thresholdText(found.decides) }));
  parts.push(...found.notes.map((one) => element("p", { className: "note" }, ...sentence(one))));
  parts.push(element("h2", { textContent: text("costs") }), costs());
  if (found.curve.length) parts.push(element("h2", { textContent: text("curve") }), tradeoff(found));
  if (found.strangers.length) parts.push(element("h2", { textContent: text("spread") }), spread());
  parts.push(element("h2", { textContent: text("duplicates", { count: found.duplicates.length }) }));
  parts.push(element("ul", { className: "list pairs" }, ...(await Promise.all(found.duplicates.slice(0, 20).map(pair)))));
  result.replaceChildren(...parts);
}

// Measures the thresholds of all policies as a job, and shows what is known then.
async function calibrate() {
  let job = await call("POST", `galleries/${gallery.value}/calibrate`, { json: {} });
  while (!job.ended) {
    say(text("calibrating", { done: job.finished, total: job.total ?? 0 }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    job = await call("GET", `jobs/${job.id}`);
  }
  if (job.state !== "done") throw new Error(job.message || text("calibration-ended"));
  await load();
}

const button = document.getElementById("calibrate");
button.addEventListener("click", async () => {
  button.disabled = true;
  if (gallery.value) await attempt(calibrate, text("calibrated"));
  button.disabled = false;
});

searches.addEventListener("input", () => found && show());
attempt(() => fillGalleries(gallery, load));
