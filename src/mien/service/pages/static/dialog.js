// A question before something happens: yes or no, or a line of text.

import { element } from "./api.js";

const dialog = document.getElementById("dialog");

// Gives the text of the field, true without a field, or null for no.
export function ask({ title, body = "", yes, field = "", value = "", danger = false }) {
  document.getElementById("dialog-title").textContent = title;
  document.getElementById("dialog-text").textContent = body;
  const button = document.getElementById("dialog-yes");
  button.textContent = yes;
  button.className = danger ? "danger" : "main";
  const input = element("input", { value, required: Boolean(field), maxLength: 500, autocomplete: "off" });
  document.getElementById("dialog-field").replaceChildren(...(field ? [element("label", {}, field, input)] : []));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    button.click();
  });
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue !== "yes" ? null : field ? input.value.trim() : true), { once: true });
  });
}
