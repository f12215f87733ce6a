/** Copying to the clipboard, with a confirmation that is seen and heard. */

import { byId, html } from "./dom.js";

let timer = null;

/** Says something for a few seconds. */
export function said(text) {
  const toast = byId("toast");
  toast.textContent = text;
  toast.classList.add("on");
  clearTimeout(timer);
  timer = setTimeout(() => {
    toast.classList.remove("on");
    toast.textContent = "";
  }, 6000);
}

/** The way of browsers that give pages without HTTPS no clipboard. */
function copySelected(text) {
  const area = html("textarea", { class: "unseen", readonly: true });
  area.value = text;
  document.body.append(area);
  const before = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (before) before.focus();
  return done;
}

export async function copy(text, confirmation) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = copySelected(text);
  }
  said(done ? confirmation : `This browser does not let pages copy. The text is: ${text}`);
}

/** Saves a text as a file. */
export function save(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = html("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  said(`Saved as ${name}.`);
}
