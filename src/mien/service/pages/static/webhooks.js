// The webhooks of the service, for administrators: how they are, adding and deleting.

import { attempt, call, element, fillGalleries, may, number, text } from "./api.js";
import { ask } from "./dialog.js";

const byId = (id) => document.getElementById(id);

async function load() {
  const found = await call("GET", "webhooks");
  byId("webhooks").replaceChildren(...found.webhooks.map(webhook));
}

function webhook(one) {
  const counts = { delivered: number(one.delivered), waiting: number(one.waiting), dropped: number(one.given_up) };
  const facts = [one.host, text("webhook-counts", counts), one.problem].filter(Boolean).join("; ");
  const button = element("button", { type: "button", className: "quiet", textContent: text("camera-delete") });
  button.addEventListener("click", async () => {
    const sure = await ask({ title: text("webhook-delete-sure", { name: one.name }), yes: text("camera-delete"), danger: true });
    if (!sure) return;
    await attempt(() => call("DELETE", `webhooks/${one.id}`));
    await attempt(load);
  });
  return element("li", {}, element("span", { textContent: one.name }), element("span", { className: "note", textContent: facts }), button);
}

byId("add-webhook").addEventListener("submit", async (event) => {
  event.preventDefault();
  const json = { name: byId("webhook-name").value, gallery: byId("webhook-gallery").value, address: byId("webhook-address").value };
  const added = await attempt(() => call("POST", "webhooks", { json }));
  if (!added) return;
  byId("webhook-name").value = byId("webhook-address").value = "";
  byId("secret").hidden = false;
  byId("secret-value").textContent = added.secret;
  byId("secret-value").focus();
  await attempt(load);
});

export async function showWebhooks() {
  if (!may("access")) return;
  await fillGalleries(byId("webhook-gallery"), () => {});
  await load();
}
