/** The samplers that are compared: chips to choose and remove, and a search over all. */

import { fresh, html } from "./dom.js";

const STYLES = 36;
/** The line that a sampler has in figures. */
const line = (name, style) => window.gaussmeterFigure.swatch({ name, role: "main", marks: "line", style });

/** Colours and dashes of samplers: each keeps its own as long as it is there. */
export class Slots {
  constructor() {
    this.slots = new Map();
  }

  keep(samplers) {
    for (const name of [...this.slots.keys()]) if (!samplers.includes(name)) this.slots.delete(name);
    for (const name of samplers) {
      if (this.slots.has(name)) continue;
      const taken = new Set(this.slots.values());
      let slot = 0;
      while (taken.has(slot) && slot < STYLES) slot++;
      this.slots.set(name, slot);
    }
  }

  rename(from, to) {
    if (!this.slots.has(from) || this.slots.has(to)) return;
    this.slots.set(to, this.slots.get(from));
    this.slots.delete(from);
  }

  of(name) {
    return this.slots.get(name) ?? 0;
  }
}

function matches(entry, words) {
  const text = [entry.name, ...entry.aliases, entry.summary, entry.source].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** A text field with a list of all samplers that match, by name, by their names in other projects, or in words. */
function search(entries, add) {
  const id = fresh("search");
  const input = html("input", {
    id,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: `add one of ${entries.length} …`,
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    "aria-controls": `${id}-list`,
  });
  const list = html("ul", {
    id: `${id}-list`,
    role: "listbox",
    tabindex: "-1",
    "aria-label": "Samplers",
    hidden: true,
    class: "options",
  });
  const element = html("div", { class: "search" }, html("label", { for: id, text: "Add a sampler" }), input, list);
  let found = [];
  let at = -1;
  let present = [];

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    at = -1;
  }

  function point(to) {
    at = found.length === 0 ? -1 : (to + found.length) % found.length;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  }

  function open() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = entries.filter((entry) => matches(entry, words) && !present.includes(entry.name));
    const exact = (entry) => [entry.name, ...entry.aliases].some((name) => name.toLowerCase() === words[0]);
    found.sort((a, b) => exact(b) - exact(a));
    list.replaceChildren(
      ...found.map((entry, i) =>
        html(
          "li",
          { role: "option", id: `${id}-${i}`, "aria-selected": "false" },
          html("b", { text: entry.name }),
          html("span", { text: entry.summary }),
        ),
      ),
    );
    if (found.length === 0) {
      list.replaceChildren(
        html("li", {
          role: "option",
          "aria-disabled": "true",
          "aria-selected": "false",
          text: "No other sampler matches.",
        }),
      );
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point(words.length && found.length ? 0 : -1);
  }

  function choose(i) {
    if (i < 0 || i >= found.length) return;
    const name = found[i].name;
    input.value = "";
    close();
    add(name);
  }

  input.addEventListener("input", open);
  input.addEventListener("focus", open);
  input.addEventListener("click", open);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) open();
      point(at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1));
    } else if (event.key === "Enter") {
      if (at < 0 && input.value.includes(":")) {
        const text = input.value.trim();
        input.value = "";
        close();
        add(text);
      } else choose(at < 0 ? 0 : at);
    } else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => choose([...list.children].indexOf(event.target.closest("li"))));
  return { element, known: (samplers) => (present = samplers), input };
}

export function samplerPicker({ entries, slots, choose, add, remove }) {
  const chips = html("ul", { class: "chips", "aria-label": "Samplers" });
  const find = search(entries, add);
  const element = html("div", { class: "picker" }, chips, find.element);
  let drawn = "";
  return {
    element,
    show(samplers, detail) {
      find.known(samplers);
      const key = JSON.stringify([samplers, detail]);
      if (key === drawn) return;
      drawn = key;
      const held = chips.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      chips.replaceChildren(
        ...samplers.map((name) => {
          const pick = html(
            "button",
            {
              type: "button",
              class: "chip-name",
              "aria-pressed": String(name === detail),
              "data-key": name,
              on: { click: () => choose(name) },
            },
            line(name, slots.of(name)),
            html("span", { text: name }),
          );
          const drop = html("button", {
            type: "button",
            class: "chip-remove",
            "aria-label": `Remove ${name}`,
            "data-key": `remove ${name}`,
            text: "×",
            on: { click: () => remove(name) },
          });
          return html("li", { class: "chip" }, pick, drop);
        }),
      );
      if (held === null) return;
      const again = [...chips.querySelectorAll("button")].find((button) => button.dataset.key === held);
      (again || chips.querySelector("button") || find.input).focus();
    },
  };
}
