// Whether two photographs show one person.

import { attempt, call, element, language, number, sentence, text, thresholdText } from "./api.js";
import { Photo } from "./photo.js";

const threshold = document.getElementById("threshold");
const result = document.getElementById("result");
const first = new Photo(document.getElementById("first"), compare);
const second = new Photo(document.getElementById("second"), compare);

async function compare() {
  if (!first.blob || !second.blob) return;
  const form = { first: first.blob, second: second.blob, threshold: threshold.value, language };
  const found = await attempt(() => call("POST", "compare", { form }));
  if (!found) return;
  const { decision } = found;
  const outcome = decision.outcome.replace(" ", "-");
  first.draw([{ box: found.first.face.box, outcome, label: "" }]);
  second.draw([{ box: found.second.face.box, outcome, label: "" }]);
  const card = element("article", { className: `card ${outcome}` }, element("h3", { textContent: text(`compare-${outcome}`) }));
  card.append(element("p", { textContent: text("score", { value: number(decision.score), unit: decision.unit }) }));
  for (const side of [found.first, found.second]) {
    for (const reason of side.reasons) card.append(element("p", {}, ...sentence(reason.message)));
    if (side.ambiguous) card.append(element("p", { textContent: text("several-faces") }));
  }
  const notes = [thresholdText(decision.threshold), ...decision.notes].map((one) => element("p", { className: "note" }, ...sentence(one)));
  result.replaceChildren(card, ...notes);
}

threshold.addEventListener("change", compare);
