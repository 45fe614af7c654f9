// Who the faces of a photograph are.

import { attempt, call, element, fillGalleries, language, number, sentence, text, thresholdText } from "./api.js";
import { Photo } from "./photo.js";

const gallery = document.getElementById("gallery");
const threshold = document.getElementById("threshold");
const mirrors = document.getElementById("mirrors");
const result = document.getElementById("result");
const photo = new Photo(document.getElementById("photo"), identify);

async function identify() {
  if (!photo.blob) return;
  if (!gallery.value) {
    result.replaceChildren(element("p", { textContent: text("make-gallery") }));
    return;
  }
  const form = { image: photo.blob, threshold: threshold.value, mirrors: mirrors.checked, language };
  const found = await attempt(() => call("POST", `galleries/${gallery.value}/identify`, { form }));
  if (found) show(found);
}

function show(found) {
  photo.draw(found.faces.map((one) => ({ box: one.face.box, outcome: one.outcome, label: title(one) })));
  const cards = found.faces.map(card);
  if (!cards.length) cards.push(element("p", { textContent: text("no-face") }));
  const about = [thresholdText(found.threshold), ...found.notes].map((one) => element("p", { className: "note" }, ...sentence(one)));
  result.replaceChildren(...cards, ...about);
}

function title(one) {
  const names = one.subjects.map((each) => each.name);
  if (one.outcome === "match") return names[0];
  if (one.outcome === "unknown" || !names.length) return text(one.outcome);
  return `${text(one.outcome)}: ${names.join(text("or"))}`;
}

function card(one) {
  const shown = element("article", { className: `card ${one.outcome}` }, element("h3", { textContent: title(one) }));
  shown.append(element("p", { textContent: text(`about-${one.given_away ? "given-away" : one.outcome}`) }));
  for (const reason of one.reasons) shown.append(element("p", {}, ...sentence(reason.message)));
  if (one.candidates.length) {
    const list = one.candidates.map((each) => element("li", { textContent: `${each.name}: ${number(each.score)}` }));
    const details = element("details", {}, element("summary", { textContent: text("candidates") }), element("ol", {}, ...list));
    shown.append(details);
  }
  return shown;
}

for (const one of [threshold, mirrors]) one.addEventListener("change", identify);
attempt(() => fillGalleries(gallery, identify));
