// What every page shares: the API, texts in the reader's language, and messages of what went wrong.

const csrf = document.querySelector("meta[name=csrf]").content;
const texts = JSON.parse(document.getElementById("texts").textContent);
const status = document.getElementById("status");

export const language = document.documentElement.lang;

export function text(code, values = {}) {
  return (texts[code] ?? code).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function number(value, digits = 3) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

export function date(value) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(value));
}

export function element(tag, values = {}, ...children) {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
}

// A sentence of the service as nodes: commands stand between backticks in it, and are shown as code.
export function sentence(words) {
  return words.split(/`([^`]+)`/).map((part, place) => (place % 2 ? element("code", { textContent: part }) : part));
}

export function say(message, isError = false) {
  status.replaceChildren(...sentence(message));
  status.classList.toggle("error", isError);
}

// One request; form fields that are null are left out. Throws an Error with the service's sentence.
export async function call(method, path, { json, form, params } = {}) {
  const headers = csrf ? { "x-csrf-token": csrf } : {};
  let body;
  if (json) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(json);
  } else if (form) {
    body = new FormData();
    for (const [name, value] of Object.entries(form)) {
      for (const one of [value].flat()) if (one !== null && one !== undefined) body.append(name, one);
    }
  }
  const query = new URLSearchParams(Object.entries(params ?? {}).filter(([, value]) => value));
  const answer = await fetch(`/v1/${path}${query.size ? `?${query}` : ""}`, { method, headers, body });
  const found = await answer.json().catch(() => ({}));
  if (answer.status === 401 && path !== "session") location.assign("/sign-in");
  if (!answer.ok) throw new Error(found.message ?? text("failed", { status: answer.status }));
  return found;
}

// The address of an image that the service gives, for this page alone. Throws an Error with the service's sentence.
export async function image(path) {
  const answer = await fetch(`/v1/${path}`);
  if (answer.status === 401) location.assign("/sign-in");
  if (answer.ok) return URL.createObjectURL(await answer.blob());
  const found = await answer.json().catch(() => ({}));
  throw new Error(found.message ?? text("failed", { status: answer.status }));
}

// Does something and shows what went wrong, if anything did.
export async function attempt(work, done = "") {
  say(text("working"));
  try {
    const found = await work();
    say(done);
    return found;
  } catch (reason) {
    say(reason instanceof TypeError ? text("unreachable") : reason.message, true);
    return undefined;
  }
}

// Fills the list of galleries, and remembers the chosen one.
export async function fillGalleries(select, onChange) {
  const { galleries } = await call("GET", "galleries");
  const chosen = sessionStorage.getItem("gallery");
  select.replaceChildren(...galleries.map((one) => new Option(one.name, one.id)));
  if (galleries.some((one) => one.id === chosen)) select.value = chosen;
  if (!galleries.length) select.append(new Option(text("no-gallery"), ""));
  select.onchange = () => {
    sessionStorage.setItem("gallery", select.value);
    onChange(galleries.find((one) => one.id === select.value));
  };
  onChange(galleries.find((one) => one.id === select.value));
  return galleries;
}

export function thresholdText(threshold) {
  const rate = threshold.fmr;
  const values = { rate: percent(rate.value), low: percent(rate.low), high: percent(rate.high), value: number(threshold.value), unit: threshold.unit };
  const code = rate.low === null ? "threshold" : "threshold-interval";
  return `${text(code, values)} ${text(`source-${threshold.source}`)}`;
}

function percent(value) {
  return value === null ? "" : new Intl.NumberFormat(language, { style: "percent", maximumSignificantDigits: 3 }).format(value);
}

const permissions = document.querySelector("meta[name=permissions]").content.split(" ");

export function may(permission) {
  return permissions.includes(permission);
}

for (const one of document.querySelectorAll("[data-needs]")) one.hidden = !may(one.dataset.needs);

document.getElementById("sign-out")?.addEventListener("click", async () => {
  await attempt(() => call("DELETE", "session"));
  location.assign("/sign-in");
});
