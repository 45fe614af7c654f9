// Many pairs of photographs: two columns of files, or a table that names them, or a list that the service has; a table of
// decisions to look through.

import { attempt, call, element, language, may, number, say, sentence, text, thresholdText } from "./api.js";

const TOGETHER = 8;
const find = (id) => document.getElementById(id);
const threshold = find("threshold");
const rows = find("rows");
const files = { first: [], second: [] };
const OUTCOMES = ["match", "no match", "uncertain", "failed"];
const review = find("review");
let listed = null;
let decided = [];
// The list of the service whose decisions are shown, and the cursor of its next page.
let job = null;
let next = null;

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

function clear() {
  for (const one of decided) for (const address of one.shown) if (address?.startsWith("blob:")) URL.revokeObjectURL(address);
  decided = [];
  job = next = null;
  rows.replaceChildren();
  for (const name of ["more", "erase", "save"]) find(name).hidden = true;
  find("summary").textContent = "";
  find("notes").replaceChildren();
}

async function compare() {
  const pairs = asked();
  if (!pairs.length) throw new Error(text("pairs-none"));
  clear();
  find("made").value = "";
  for (let place = 0; place < pairs.length; place += TOGETHER) {
    const part = pairs.slice(place, place + TOGETHER);
    const form = { first: part.map((one) => one[0]), second: part.map((one) => one[1]), threshold: threshold.value, language };
    const found = await call("POST", "verify-pairs", { form });
    found.pairs.forEach((one, n) => show({ ...one, unit: found.unit, number: place + n + 1, names: part[n].map((file) => file.name), shown: part[n].map((file) => URL.createObjectURL(file)) }));
    say(text("pairs-progress", { done: decided.length, total: pairs.length }));
    const counts = Object.fromEntries(OUTCOMES.map((name) => [name, decided.filter((one) => one.outcome === name).length]));
    summarize(counts, decided.filter((one) => one.review).length, found);
  }
  find("save").hidden = false;
}

function summarize(counts, toReview, found) {
  const parts = OUTCOMES.map((name) => `${text(`pairs-${name.replace(" ", "-")}`)}: ${number(counts[name] ?? 0)}`);
  find("summary").textContent = `${parts.join(", ")}. ${text("pairs-to-look", { count: number(toReview) })}`;
  const notes = [thresholdText(found.threshold), ...found.notes];
  find("notes").replaceChildren(...notes.map((note) => element("p", { className: "note" }, ...sentence(note))));
}

function show(one) {
  decided.push(one);
  const faces = one.names.map((name, n) => element("figure", {}, ...(one.shown[n] ? [element("img", { src: one.shown[n], alt: name, loading: "lazy" })] : []), element("figcaption", { className: "note", textContent: name })));
  const score = one.score === null ? "" : text("score", { value: number(one.score), unit: one.unit });
  const reasons = one.reasons.map((reason) => element("p", { className: "note" }, ...sentence((reason.side ? `${text(`pairs-side-${reason.side}`)} ` : "") + reason.message)));
  const outcome = element("td", {}, element("strong", { className: one.outcome.replace(" ", "-"), textContent: text(`pairs-${one.outcome.replace(" ", "-")}`) }));
  if (one.review) outcome.append(element("p", { className: "note", textContent: text("pairs-look") }));
  const row = element("tr", {}, element("td", { textContent: one.number }), element("td", {}, element("div", { className: "pairs" }, ...faces)), outcome, element("td", { textContent: score }), element("td", {}, ...reasons));
  row.dataset.review = one.review;
  row.hidden = !job && review.checked && !one.review;
  rows.append(row);
}

review.addEventListener("change", () => {
  if (job) attempt(() => openList(job.id));
  else for (const row of rows.children) row.hidden = review.checked && row.dataset.review !== "true";
});

find("compare").addEventListener("click", async () => {
  find("compare").disabled = true;
  await attempt(compare, text("pairs-done"));
  find("compare").disabled = false;
});

// Lists that the service has: compared as a job, whose decisions come page by page.

async function fillLists(chosen = "") {
  const [{ sources }, { jobs }] = await Promise.all([call("GET", "sources"), call("GET", "jobs")]);
  const made = jobs.filter((one) => one.kind === "verify");
  find("lists").hidden = !sources.length && !made.length;
  find("source").replaceChildren(...sources.map((name) => new Option(name, name)));
  find("begin").disabled = !sources.length;
  const when = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  find("made").replaceChildren(new Option("", ""), ...made.map((one) => new Option(`${when.format(new Date(one.created))}: ${text(`job-${one.state}`)}`, one.id)));
  find("made").value = chosen;
}

async function compareList() {
  let begun = await call("POST", "verify-source", { json: { source: find("source").value, threshold: threshold.value, language } });
  while (!begun.ended) {
    say(text("pairs-progress", { done: begun.finished, total: begun.total ?? 0 }));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    begun = await call("GET", `jobs/${begun.id}`);
  }
  await fillLists(begun.id);
  if (begun.state !== "done") throw new Error(begun.message || text("job-cancelled"));
  await openList(begun.id);
}

async function openList(id) {
  clear();
  job = await call("GET", `jobs/${id}`);
  if (job.result.counts) summarize(job.result.counts, job.result.to_review, job.result);
  await showPage();
  find("erase").hidden = find("save").hidden = !decided.length;
  if (!decided.length) say(text(review.checked ? "pairs-none-to-look" : "pairs-gone"));
}

async function showPage() {
  const found = await call("GET", `jobs/${job.id}/pairs`, { params: { review: review.checked, limit: 50, cursor: next } });
  for (const one of found.pairs) show(listedPair(one));
  next = found.next;
  find("more").hidden = !next;
}

function listedPair(one) {
  const shown = ["first", "second"].map((side) => (one[side] ? `/v1/jobs/${job.id}/pairs/${one.row}/${side}` : null));
  return { ...one, number: one.id ?? one.row, names: [one.first ?? "", one.second ?? ""], shown };
}

async function allPages() {
  const found = [];
  let cursor = null;
  do {
    const page = await call("GET", `jobs/${job.id}/pairs`, { params: { limit: 500, cursor } });
    found.push(...page.pairs.map(listedPair));
    cursor = page.next;
  } while (cursor);
  return found;
}

if (may("enrol")) attempt(fillLists);

find("begin").addEventListener("click", async () => {
  find("begin").disabled = true;
  review.checked = true;
  await attempt(compareList, text("pairs-done"));
  find("begin").disabled = false;
});

find("made").addEventListener("change", () => attempt(async () => (find("made").value ? openList(find("made").value) : clear())));
find("more").addEventListener("click", () => attempt(showPage));
find("erase").addEventListener("click", () => attempt(async () => {
  await call("DELETE", `jobs/${job.id}/pairs`);
  clear();
  find("made").value = "";
}, text("pairs-erased")));

// A cell that a spreadsheet takes for text, whatever a file is called.
function cell(value) {
  const safe = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
  return `"${String(safe).replaceAll('"', '""')}"`;
}

find("save").addEventListener("click", () => attempt(async () => {
  const all = job ? await allPages() : decided;
  const lines = all.map((one) => [one.number, ...one.names, one.outcome, one.score ?? "", one.review, one.reasons.map((reason) => reason.message).join(" ")]);
  const head = ["pair", "first", "second", "outcome", "score", "review", "reasons"];
  const content = [head, ...lines].map((line) => line.map((value) => cell(String(value))).join(",")).join("\r\n");
  const link = element("a", { href: URL.createObjectURL(new Blob(["\uFEFF", content], { type: "text/csv" })), download: "decisions.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
}));
