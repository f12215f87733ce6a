/** Controls: sliders with number fields, and forms for the parameters of a member of a registry. */

import { fresh, html } from "./dom.js";
import { short, typed } from "./numbers.js";
import { read, written } from "./words.js";

const FINE = 1000;
const KEYS = {
  ArrowLeft: [-1],
  ArrowDown: [-1],
  ArrowRight: [1],
  ArrowUp: [1],
  PageDown: [-1, true],
  PageUp: [1, true],
};

/** A slider with a number field. `scale` is one of scales.js; `factor` is what the shown number is of the value, as
 * 100 for percent; `heard(value)` is told of changes, `refuse(message)` of numbers that cannot be, and null of those
 * that can; with `optional`, an empty field is the value null, and `shown` says what that stands for. */
export function slider({ label, symbol, unit, scale, factor = 1, optional = false, about, heard, refuse }) {
  const id = fresh("slider");
  let current = null;
  let usual = null;
  const range = html("input", {
    type: "range",
    id,
    min: 0,
    max: FINE,
    step: 1,
    "aria-describedby": about ? `${id}-about` : null,
  });
  const field = html("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    spellcheck: "false",
    class: "number",
    "aria-label": `${label}${unit ? `, in ${unit}` : ""}`,
  });
  const reset = optional
    ? html("button", {
        type: "button",
        class: "quiet",
        text: "default",
        "aria-label": `Default ${label}`,
        on: { click: () => change(null) },
      })
    : null;
  const element = html(
    "div",
    { class: "slider" },
    html("label", { for: id }, symbol ? html("i", { text: symbol }) : null, symbol ? ` ${label}` : label),
    html("span", { class: "slider-number" }, reset, field, unit ? html("span", { class: "unit", text: unit }) : null),
    range,
    about ? html("p", { id: `${id}-about`, class: "about", text: about }) : null,
  );

  const text = (value) => (value === null ? "" : short(value * factor, 6).replace("−", "-"));

  function paint() {
    const value = current === null ? usual : current;
    if (document.activeElement !== field) field.value = text(current);
    field.placeholder = usual === null ? "" : text(usual);
    if (value !== null) {
      range.value = Math.round(scale.position(value) * FINE);
      range.setAttribute(
        "aria-valuetext",
        `${text(value)}${unit ? ` ${unit}` : ""}${current === null ? ", the default" : ""}`,
      );
    }
    if (reset) reset.classList.toggle("idle", current === null);
    if (reset) reset.disabled = current === null;
    field.removeAttribute("aria-invalid");
  }

  function change(value) {
    refuse(null);
    current = value;
    paint();
    heard(value);
  }

  range.addEventListener("input", () => change(scale.value(Number(range.value) / FINE)));
  range.addEventListener("keydown", (event) => {
    const move = KEYS[event.key];
    const now = current === null ? usual : current;
    if (event.key === "Home") change(scale.low);
    else if (event.key === "End") change(scale.high);
    else if (move && now !== null) change(scale.nudge(now, move[0], move[1]));
    else return;
    event.preventDefault();
  });
  field.addEventListener("change", () => {
    if (field.value.trim() === "" && optional) return change(null);
    const value = typed(field.value) / factor;
    const fits = Number.isFinite(value) && (!scale.whole || Number.isInteger(value));
    if (fits) return change(value);
    field.setAttribute("aria-invalid", "true");
    refuse(`${label}: “${field.value}” is not a ${scale.whole ? "whole number" : "number"}.`);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const value = typed(field.value) / factor;
    const start = Number.isFinite(value) ? value : usual;
    if (start === null) return;
    event.preventDefault();
    change(scale.nudge(start, event.key === "ArrowUp" ? 1 : -1, event.shiftKey));
    field.value = text(current);
  });
  field.addEventListener("blur", () => paint());

  return {
    element,
    show(value, shown = null, disabled = false) {
      current = value;
      usual = value === null ? shown : (shown ?? usual);
      range.disabled = field.disabled = disabled;
      paint();
    },
  };
}

const choicesOf = (expected) => (/^one of /.test(expected) ? expected.slice(7).split(", ") : null);

function parameterControl(parameter, heard) {
  const id = fresh("parameter");
  const choices = choicesOf(parameter.expected);
  const control = choices
    ? html("select", { id }, ...choices.map((choice) => html("option", { value: choice, text: choice })))
    : html("input", {
        id,
        type: "text",
        autocomplete: "off",
        spellcheck: "false",
        placeholder: parameter.default ?? "needed",
      });
  control.setAttribute("aria-describedby", `${id}-about`);
  control.addEventListener("change", () => heard(control.value.trim()));
  const element = html(
    "div",
    { class: "parameter" },
    html("label", { for: id, text: parameter.name }),
    control,
    html("p", { id: `${id}-about`, class: "about", text: parameter.summary }),
  );
  const show = (value) => {
    if (document.activeElement === control && !choices) return;
    control.value = value ?? (choices ? parameter.default : "");
  };
  return { element, show };
}

/** A parameter that names data: presets to choose from, and the uploads that `uploads()` knows, as
 * [{id, name}]. Other text can be typed. */
export function dataControl(parameter, presets, uploads, heard) {
  const control = parameterControl(parameter, (text) => heard(idOf(text)));
  const field = control.element.querySelector("input");
  const list = html("datalist", { id: fresh("data") });
  const named = (id) => uploads().find((file) => `upload:${file.id}` === id);
  const idOf = (text) => {
    const file = uploads().find((one) => one.name === text);
    return file ? `upload:${file.id}` : text;
  };
  field.setAttribute("list", list.id);
  control.element.append(list);
  field.addEventListener("focus", () => {
    const names = [...uploads().map((file) => file.name), ...presets];
    list.replaceChildren(...names.map((name) => html("option", { value: name })));
  });
  return {
    element: control.element,
    show: (text) => control.show(text && named(text) ? named(text).name : text),
  };
}

/** The parameters of the member that a text names, each with its meaning. `heard` is told the text they make.
 * `special` makes controls of its own for some (entry, parameter, value, heard), as {element, show}, and returns null
 * for others. */
export function parameterForm(heard, special = () => null) {
  const element = html("div", { class: "parameters" });
  let shown = null;
  let current = "";
  let controls = [];

  function rebuild(entry) {
    shown = entry;
    const { values } = read(current, entry);
    controls = (entry ? entry.parameters : []).map((parameter) => {
      const hear = (value) => {
        const now = read(current, entry).values;
        now.set(parameter.name, value);
        heard(written(entry.name, now, entry));
      };
      const control =
        special(entry, parameter, values.get(parameter.name), hear) || parameterControl(parameter, hear);
      return { name: parameter.name, ...control };
    });
    element.replaceChildren(...controls.map((control) => control.element));
    element.hidden = controls.length === 0;
  }

  return {
    element,
    show(entry, text) {
      current = text;
      if (entry !== shown) rebuild(entry);
      const { values } = read(text, entry);
      for (const control of controls) control.show(values.get(control.name));
    },
  };
}

/** A list to choose one member of a registry from, with its summary. */
export function memberChoice({ label, entries, heard }) {
  const id = fresh("choice");
  const select = html(
    "select",
    { id, "aria-describedby": `${id}-about` },
    ...entries.map((entry) => html("option", { value: entry.name, text: entry.name })),
  );
  const about = html("p", { id: `${id}-about`, class: "about" });
  const extra = html("option", { value: "\n" });
  select.addEventListener("change", () => heard(select.value));
  const element = html("div", { class: "choice" }, html("label", { for: id, text: label }), select, about);
  return {
    element,
    select,
    /** Shows a member, or, for what is not in the list, a text in its place. */
    show(entry, otherwise, summary) {
      const listed = entry && entries.includes(entry);
      if (listed) extra.remove();
      else {
        extra.textContent = otherwise;
        if (!extra.isConnected) select.prepend(extra);
      }
      const value = listed ? entry.name : "\n";
      if (select.value !== value) select.value = value;
      about.textContent = summary ?? (entry ? entry.summary : "");
    },
  };
}
