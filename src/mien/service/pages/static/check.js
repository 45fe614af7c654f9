// A photograph checked by rules, also live with the camera.

import { attempt, call, element, language, number, sentence, text } from "./api.js";
import { Photo } from "./photo.js";

const rules = document.getElementById("rules");
const result = document.getElementById("result");
const photo = new Photo(document.getElementById("photo"), check, async (frame) => show(await ask(frame)));

function ask(image) {
  return call("POST", "portraits/check", { form: { image, rules: rules.value, language } });
}

async function check() {
  if (!photo.blob) return;
  const found = await attempt(() => ask(photo.blob));
  if (!found) return;
  photo.draw(found.box ? [{ box: found.box, outcome: found.outcome, label: "" }] : []);
  show(found);
}

function show(found) {
  const outcome = found.outcome.replace(" ", "-");
  const card = element("article", { className: `card ${outcome}` }, element("h3", { textContent: text(`check-${outcome}`) }));
  if (found.quality !== null) card.append(element("p", { textContent: text("quality", { value: number(found.quality, 0) }) }));
  card.append(element("ul", {}, ...found.instructions.map((one) => element("li", {}, ...sentence(one)))));
  const rows = found.rules.map((one) =>
    element("tr", {}, element("td", { textContent: one.title }), element("td", { textContent: text(`state-${one.state.replace(" ", "-")}`) }),
      element("td", { textContent: one.value === null ? one.reason : `${number(one.value, 2)} ${one.unit}` })),
  );
  const table = element("table", {}, element("tbody", {}, ...rows));
  const details = element("details", {}, element("summary", { textContent: text("all-rules") }), table);
  details.open = result.querySelector("details")?.open ?? false;
  result.replaceChildren(card, details);
}

rules.addEventListener("change", check);
