// Accounts and API keys.

import { attempt, call, date, element, text } from "./api.js";

const byId = (id) => document.getElementById(id);

async function load() {
  const found = await attempt(async () => [await call("GET", "accounts"), await call("GET", "keys")]);
  if (!found) return;
  byId("accounts").replaceChildren(...found[0].accounts.map(account));
  byId("keys").replaceChildren(...found[1].keys.filter((one) => !one.revoked).map(key));
}

function action(label, work) {
  const button = element("button", { type: "button", className: "quiet", textContent: label });
  button.addEventListener("click", async () => {
    const done = await attempt(work);
    if (!done) return;
    if (done.secret) reveal(text("key-once"), done.secret);
    await load();
  });
  return button;
}

function account(one) {
  const facts = [text(`role-${one.role}`), one.invited ? text("invited") : "", one.disabled ? text("disabled") : ""].filter(Boolean);
  const change = { json: { disabled: !one.disabled } };
  const button = action(text(one.disabled ? "enable" : "disable"), () => call("PATCH", `accounts/${one.id}`, change));
  return element("li", {}, element("span", { textContent: one.name }), element("span", { className: "note", textContent: facts.join(", ") }), button);
}

function key(one) {
  const used = one.used ? text("used", { date: date(one.used) }) : text("never-used");
  const facts = `${one.scopes.join(", ")}; ${text("expires", { date: date(one.expires) })}; ${used}`;
  const rotate = action(text("rotate"), () => call("POST", `keys/${one.id}/rotate`));
  const revoke = action(text("revoke"), () => call("DELETE", `keys/${one.id}`));
  return element("li", {}, element("span", { textContent: one.name }), element("span", { className: "note", textContent: facts }), rotate, revoke);
}

function reveal(about, secret) {
  byId("secret").hidden = false;
  byId("secret-text").textContent = about;
  byId("secret-value").textContent = secret;
  byId("secret-value").focus();
}

byId("invite").addEventListener("submit", async (event) => {
  event.preventDefault();
  const json = { name: byId("account-name").value, role: byId("role").value };
  const made = await attempt(() => call("POST", "accounts", { json }));
  if (!made) return;
  byId("invite").reset();
  reveal(text("invitation-once", { name: made.account.name }), made.invitation);
  await load();
});

byId("create-key").addEventListener("submit", async (event) => {
  event.preventDefault();
  const scopes = [...byId("scopes").querySelectorAll("input:checked")].map((one) => one.value);
  const made = await attempt(() => call("POST", "keys", { json: { name: byId("key-name").value, scopes } }));
  if (!made) return;
  byId("create-key").reset();
  reveal(text("key-once"), made.secret);
  await load();
});

load();
