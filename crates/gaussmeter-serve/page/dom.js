/** Elements, and the few functions that every part of the page needs. */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, hear] of Object.entries(value)) element.addEventListener(event, hear);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden")
      element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An HTML element; `text` is its text, `on` its event listeners, everything else attributes. */
export function html(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element, likewise. */
export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

export const byId = (id) => document.getElementById(id);

/** Sets text only where it changes, so that screen readers and selections are left in peace. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Runs `work` once in the next frame, however often it is asked for. */
export function perFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

/** Runs `work` when it has not been asked for during `wait` milliseconds. */
export function afterPause(work, wait) {
  let timer = null;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), wait);
  };
}

/** Runs `work` with the newest values, at once, but not again before `interval` milliseconds have passed. */
export function atMost(work, interval) {
  let timer = null;
  let waiting = null;
  const run = () => {
    timer = null;
    if (waiting === null) return;
    const values = waiting;
    waiting = null;
    timer = setTimeout(run, interval);
    work(...values);
  };
  return (...values) => {
    waiting = values;
    if (timer === null) run();
  };
}

let counter = 0;

/** An identifier that no other element has. */
export const fresh = (stem) => `${stem}-${++counter}`;
