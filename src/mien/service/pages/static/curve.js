// The tradeoff of both error rates as a drawing: false matches to the right on a logarithmic scale, false non-matches up.

import { element, language, text } from "./api.js";

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 64;
const BOTTOM = 48;
const TOP = 12;
const RIGHT = 28;

function shape(name, values, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function percent(value) {
  return new Intl.NumberFormat(language, { style: "percent", maximumSignificantDigits: 2 }).format(value);
}

// Takes an answer of the service about a gallery; its measured thresholds are points of the curve.
export function tradeoff(found) {
  const marks = found.costs.flatMap((one) => (one.fmr?.value > 0 && one.fnmr ? [{ policy: one.policy, fmr: one.fmr.value, fnmr: one.fnmr.value }] : []));
  const low = Math.floor(Math.log10(Math.min(...found.curve.map((one) => one.fmr), ...marks.map((one) => one.fmr))));
  const high = Math.max(0.01, ...found.curve.map((one) => one.fnmr), ...marks.map((one) => one.fnmr)) * 1.1;
  const x = (fmr) => LEFT + ((Math.log10(fmr) - low) / (0 - low)) * (WIDTH - LEFT - RIGHT);
  const y = (fnmr) => HEIGHT - BOTTOM - (fnmr / high) * (HEIGHT - BOTTOM - TOP);
  const label = text("curve-label", { policies: marks.map((one) => `${one.policy} ${percent(one.fnmr)}`).join(", ") });
  const drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curve", role: "img", "aria-label": label });
  for (let power = low; power <= 0; power += 1) {
    drawing.append(shape("line", { x1: x(10 ** power), x2: x(10 ** power), y1: TOP, y2: HEIGHT - BOTTOM, class: "grid" }));
    drawing.append(shape("text", { x: x(10 ** power), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, percent(10 ** power)));
  }
  for (const share of [0, 0.5, 1]) {
    const value = (share * high) / 1.1;
    drawing.append(shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" }));
    drawing.append(shape("text", { x: LEFT - 8, y: y(value) + 5, "text-anchor": "end" }, percent(value)));
  }
  drawing.append(shape("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, text("fmr")));
  drawing.append(shape("polyline", { points: found.curve.map((one) => `${x(one.fmr)},${y(one.fnmr)}`).join(" "), class: "line" }));
  // A card's threshold decides until the people are enough; its rate among them is not what its policy says.
  const own = found.decides?.source === "gallery";
  for (const one of marks) {
    const decides = own && found.decides.policy === one.policy;
    drawing.append(shape("circle", { cx: x(one.fmr), cy: y(one.fnmr), r: decides ? 8 : 5, class: decides ? "decides" : "mark" }));
    drawing.append(shape("text", { x: x(one.fmr), y: y(one.fnmr) - 12, "text-anchor": "middle" }, one.policy));
  }
  return element("div", {}, drawing, element("p", { className: "note", textContent: text(own ? "curve-note" : "curve-note-card") }));
}
