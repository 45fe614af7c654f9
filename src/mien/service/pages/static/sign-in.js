// Signing in, and choosing a password after an invitation.

import { attempt, call, say, text } from "./api.js";

const byId = (id) => document.getElementById(id);
const to = new URLSearchParams(location.search).get("to") ?? "identify";

byId("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const json = { name: byId("name").value, password: byId("password").value };
  if (await attempt(() => call("POST", "session", { json }))) location.assign(/^[a-z]+$/.test(to) ? `/${to}` : "/");
});

byId("accept").addEventListener("submit", async (event) => {
  event.preventDefault();
  const json = { invitation: byId("invitation").value.trim(), password: byId("new-password").value };
  const account = await attempt(() => call("POST", "invitations", { json }));
  if (!account) return;
  byId("accept").reset();
  byId("name").value = account.name;
  byId("password").focus();
  say(text("password-chosen"));
});
