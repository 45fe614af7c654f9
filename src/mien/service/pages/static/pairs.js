// Many pairs of photographs: two columns of files, or a table that names them; a table of decisions to look through.

import { attempt, call, element, language, number, say, text, thresholdText } from "./api.js";

const TOGETHER = 8;
const find = (id) => document.getElementById(id);
const threshold = find("threshold");
const rows = find("rows");
const files = { first: [], second: [] };
let listed = null;
let decided = [];

for (const side of ["first", "second"]) {
  const box = find(side);
  take(box, (chosen) => {
    files[side] = chosen.sort((a, b) => a.name.localeCompare(b.name, language, { numeric: true }));
    box.querySelector("[data-count]").textContent = text("pairs-files", { count: chosen.length });
  });
}

take(find("list"), async ([file]) => {
  listed = file ? table(await file.text()) : null;
  find("list").querySelector("[data-count]").textContent = listed ? text("pairs-listed", { count: listed.length }) : "";
});

// Files that are chosen, or dropped on their box.
function take(box, onFiles) {
  const input = box.querySelector("input");
  input.addEventListener("change", () => onFiles([...input.files]));
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    onFiles([...event.dataTransfer.files]);
  });
}

// The first two cells of each line below the header, without folders; commas, semicolons or tabs, and quotes.
function table(content) {
  const lines = content.replace(/^\uFEFF/, "").split(/\r?\n/).filter((line) => line.trim());
  const mark = [";", "\t", ","].find((one) => lines[0]?.includes(one)) ?? ",";
  return lines.slice(1).map((line) => cells(line, mark).slice(0, 2).map((cell) => cell.split(/[\\/]/).pop()));
}

function cells(line, mark) {
  const found = [""];
  let quoted = false;
  for (const letter of line) {
    if (letter === '"') quoted = !quoted;
    else if (letter === mark && !quoted) found.push("");
    else found[found.length - 1] += letter;
  }
  return found.map((one) => one.trim());
}

function asked() {
  if (!listed) {
    if (files.first.length !== files.second.length) throw new Error(text("pairs-uneven", { first: files.first.length, second: files.second.length }));
    return files.first.map((one, place) => [one, files.second[place]]);
  }
  const known = new Map([...files.first, ...files.second].map((one) => [one.name, one]));
  return listed.map((pair) => pair.map((name) => {
    if (!known.has(name)) throw new Error(text("pairs-missing", { name }));
    return known.get(name);
  }));
}

async function compare() {
  const pairs = asked();
  if (!pairs.length) throw new Error(text("pairs-none"));
  for (const one of decided) for (const address of one.shown) URL.revokeObjectURL(address);
  decided = [];
  rows.replaceChildren();
  for (let place = 0; place < pairs.length; place += TOGETHER) {
    const part = pairs.slice(place, place + TOGETHER);
    const form = { first: part.map((one) => one[0]), second: part.map((one) => one[1]), threshold: threshold.value, language };
    const found = await call("POST", "verify-pairs", { form });
    found.pairs.forEach((one, n) => show({ ...one, unit: found.unit, number: place + n + 1, files: part[n], shown: part[n].map((file) => URL.createObjectURL(file)) }));
    say(text("pairs-progress", { done: decided.length, total: pairs.length }));
    const notes = [thresholdText(found.threshold), ...found.notes];
    find("notes").replaceChildren(...notes.map((note) => element("p", { className: "note", textContent: note })));
  }
  find("save").hidden = false;
}

function show(one) {
  decided.push(one);
  const faces = one.files.map((file, n) => element("figure", {}, element("img", { src: one.shown[n], alt: file.name, loading: "lazy" }), element("figcaption", { className: "note", textContent: file.name })));
  const score = one.score === null ? "" : text("score", { value: number(one.score), unit: one.unit });
  const reasons = one.reasons.map((reason) => element("p", { className: "note", textContent: (reason.side ? `${text(`pairs-side-${reason.side}`)} ` : "") + reason.message }));
  const outcome = element("td", {}, element("strong", { className: one.outcome.replace(" ", "-"), textContent: text(`pairs-${one.outcome.replace(" ", "-")}`) }));
  if (one.review) outcome.append(element("p", { className: "note", textContent: text("pairs-look") }));
  const row = element("tr", {}, element("td", { textContent: one.number }), element("td", {}, element("div", { className: "pairs" }, ...faces)), outcome, element("td", { textContent: score }), element("td", {}, ...reasons));
  row.dataset.review = one.review;
  row.hidden = find("review").checked && !one.review;
  rows.append(row);
  const counts = ["match", "no match", "uncertain", "failed"].map((name) => `${text(`pairs-${name.replace(" ", "-")}`)}: ${decided.filter((each) => each.outcome === name).length}`);
  find("summary").textContent = `${counts.join(", ")}. ${text("pairs-to-look", { count: decided.filter((each) => each.review).length })}`;
}

find("review").addEventListener("change", () => {
  for (const row of rows.children) row.hidden = find("review").checked && row.dataset.review !== "true";
});

find("compare").addEventListener("click", async () => {
  find("compare").disabled = true;
  await attempt(compare, text("pairs-done"));
  find("compare").disabled = false;
});

// A cell that a spreadsheet takes for text, whatever a file is called.
function cell(value) {
  const safe = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
  return `"${String(safe).replaceAll('"', '""')}"`;
}

find("save").addEventListener("click", () => {
  const lines = decided.map((one) => [one.number, one.files[0].name, one.files[1].name, one.outcome, one.score ?? "", one.review, one.reasons.map((reason) => reason.message).join(" ")]);
  const head = ["pair", "first", "second", "outcome", "score", "review", "reasons"];
  const content = [head, ...lines].map((line) => line.map((value) => cell(String(value))).join(",")).join("\r\n");
  const link = element("a", { href: URL.createObjectURL(new Blob(["\uFEFF", content], { type: "text/csv" })), download: "decisions.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
});
