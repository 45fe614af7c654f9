// What was done, and whether the log of it is intact.

import { attempt, call, element, language, text } from "./api.js";

const entries = document.getElementById("entries");
const more = document.getElementById("more");
const verdict = document.getElementById("verdict");
const time = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
let cursor = null;

async function load() {
  const found = await attempt(() => call("GET", "audit-log", { params: { cursor } }));
  if (!found) return;
  entries.append(...found.entries.map(row));
  cursor = found.next;
  more.hidden = !cursor;
}

function row(one) {
  const cells = [time.format(new Date(one.at)), one.who, one.what, text(`outcome-${one.outcome}`), (one.subject ?? one.gallery ?? "").slice(0, 8), one.address ?? ""];
  return element("tr", {}, ...cells.map((cell) => element("td", { textContent: cell })));
}

document.getElementById("verify").addEventListener("click", async () => {
  const found = await attempt(() => call("GET", "audit-log/verify"));
  if (!found) return;
  const title = found.intact ? text("log-intact") : text("log-fault", { line: found.line });
  const card = element("article", { className: `card ${found.intact ? "match" : "failed"}` }, element("h3", { textContent: title }));
  card.append(element("p", { textContent: found.intact ? text("log-head") : found.reason }), element("code", { textContent: found.head }));
  verdict.replaceChildren(card);
});

more.addEventListener("click", load);
load();
