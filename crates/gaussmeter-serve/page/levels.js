/** The levels of a schedule as handles to drag, above the contribution of each step. */

import { html, svg, write } from "./dom.js";
import { number, rounded, short } from "./numbers.js";

const LEFT = 46;
const RIGHT = 4;
const INSET = 16;
const TOP = 10;
const LEVELS = 170;
const BETWEEN = 34;
const BARS = 74;
const BOTTOM = 34;
const APART = 20;
const HEIGHT = TOP + LEVELS + BETWEEN + BARS + BOTTOM;
const MOST = 200;
const NEAR = 24;
const CLOSEST = 1.0005;

const positive = (level) => Number.isFinite(level) && level > 0;

/** Decades that hold all levels. */
function decades(levels) {
  const inside = levels.filter(positive).map(Math.log10);
  if (inside.length === 0) return [-1, 1];
  const [low, high] = [Math.floor(Math.min(...inside) + 1e-9), Math.ceil(Math.max(...inside) - 1e-9)];
  return low === high ? [low, high + 1] : [low, high];
}

function decadeText(exponent) {
  return exponent >= -2 && exponent <= 3 ? String(rounded(10 ** exponent, 1)) : `1e${exponent}`;
}

export function levelsEditor(element, { change }) {
  const drawing = svg("svg", {
    class: "levels",
    role: "group",
    "aria-label": "Noise levels of the schedule by step, and the contribution of each step to the error",
  });
  const frame = svg("g", { "aria-hidden": "true" });
  const path = svg("polyline", { class: "levels-path", "aria-hidden": "true" });
  const bars = svg("g", { class: "levels-bars", "aria-hidden": "true" });
  const handles = svg("g", { class: "levels-handles" });
  const hint = html("p", { class: "about levels-hint" });
  const note = html("p", { class: "about levels-note", role: "status" });
  drawing.append(frame, path, bars, handles);
  element.append(hint, drawing, note);

  let model = null;
  let drag = null;
  let domain = [0, 0];
  let width = 0;
  let focused = 0;
  let framed = "";

  const count = () => model.levels.length;
  const x = (i, of = count()) => LEFT + INSET + (width - LEFT - RIGHT - 2 * INSET) * (of > 1 ? i / (of - 1) : 0.5);
  const top = () => TOP + (model.levels.includes(Infinity) ? APART : 0);
  const floor = () => TOP + LEVELS - (model.levels.includes(0) ? APART : 0);
  const y = (level) => {
    if (level === Infinity) return TOP;
    if (level === 0) return TOP + LEVELS;
    const share = (Math.log10(level) - domain[0]) / (domain[1] - domain[0]);
    return floor() - share * (floor() - top());
  };
  const levelAt = (at) => 10 ** (domain[0] + ((floor() - at) / (floor() - top())) * (domain[1] - domain[0]));
  const movable = (i) => positive(model.levels[i]) && !model.fixed && count() <= MOST;

  /** Between its neighbours, the nearest to what was asked for. */
  function fitting(i, level) {
    const { levels } = model;
    const below = levels[i + 1] ?? 0;
    const above = i === 0 ? model.ceiling : levels[i - 1];
    const low = below > 0 ? below * CLOSEST : 1e-9;
    const high = i === 0 ? above : above / CLOSEST;
    const wanted = Math.min(high, Math.max(low, level));
    const neat = rounded(wanted, 4);
    return neat >= low && neat <= high ? neat : wanted;
  }

  function move(i, level) {
    const fit = fitting(i, level);
    if (fit === model.levels[i]) return;
    const levels = model.levels.slice();
    levels[i] = fit;
    model = { ...model, levels };
    paint();
    change(levels);
  }

  // ---------------------------------------------------------------------------------------------------- drawing

  function line(x1, y1, x2, y2, kind) {
    return svg("line", { x1, y1, x2, y2, class: kind });
  }

  function label(at, y0, text, kind) {
    return svg("text", { x: at, y: y0, class: kind, text });
  }

  function drawFrame(most) {
    const key = JSON.stringify([width, domain, count(), top(), floor(), short(most, 2), Boolean(model.reason)]);
    if (key === framed) return;
    framed = key;
    frame.replaceChildren();
    const right = width - RIGHT;
    const stride = Math.ceil((domain[1] - domain[0]) / 7);
    for (let exponent = domain[0]; exponent <= domain[1]; exponent++) {
      if ((exponent - domain[0]) % stride !== 0) continue;
      const at = y(10 ** exponent);
      frame.append(line(LEFT, at, right, at, "grid"), label(LEFT - 7, at + 4, decadeText(exponent), "tick end"));
    }
    for (const [level, text] of [
      [0, "0"],
      [Infinity, "∞"],
    ]) {
      if (model.levels.includes(level))
        frame.append(
          line(LEFT, y(level), right, y(level), "grid dashed"),
          label(LEFT - 7, y(level) + 4, text, "tick end"),
        );
    }
    const base = TOP + LEVELS + BETWEEN + BARS;
    frame.append(line(LEFT, base, right, base, "axis"));
    if (!model.reason && most > 0) {
      const crest = base - BARS;
      frame.append(
        line(LEFT, crest, right, crest, "grid"),
        label(LEFT - 7, crest + 4, short(most, 2), "tick end"),
        label(LEFT - 7, base + 4, "0", "tick end"),
      );
    }
    const steps = Math.max(1, Math.ceil((count() - 1) / Math.max(3, Math.min(20, Math.floor(width / 44)))));
    for (let i = 0; i < count(); i += steps) frame.append(label(x(i), base + 15, String(i), "tick middle"));
    frame.append(
      label(LEFT, TOP + LEVELS + BETWEEN - 12, "contribution of each step to W2", "tick"),
      label((LEFT + right) / 2, base + 30, "step (0: the start)", "tick middle"),
    );
  }

  function drawBars(most) {
    const values = model.contributions || [];
    const base = TOP + LEVELS + BETWEEN + BARS;
    const wide = Math.max(1, Math.min(26, (width - LEFT - RIGHT - 2 * INSET) / Math.max(values.length, 1) - 2));
    while (bars.children.length > values.length) bars.lastChild.remove();
    while (bars.children.length < values.length) bars.append(svg("rect", {}));
    values.forEach((value, i) => {
      const bar = bars.children[i];
      const tall = most > 0 && Number.isFinite(value) ? (BARS * value) / most : 0;
      bar.setAttribute("x", x(i, values.length) - wide / 2);
      bar.setAttribute("y", base - tall);
      bar.setAttribute("width", wide);
      bar.setAttribute("height", tall);
      bar.classList.toggle("at", i === focused && handles.contains(document.activeElement));
    });
  }

  function newHandle(i) {
    const handle = svg("g", { class: "handle", role: "slider", "aria-orientation": "vertical" });
    handle.append(svg("circle", { class: "reach", r: 12 }), svg("circle", { class: "knob", r: 5.5 }));
    handle.addEventListener("keydown", (event) => key(event, i));
    handle.addEventListener("focus", () => {
      focused = i;
      paint();
      tell(i);
    });
    return handle;
  }

  function describe(i) {
    const level = model.levels[i];
    const value = model.contributions && model.contributions.length === count() ? model.contributions[i] : null;
    const share = value === null ? "" : `, contribution ${number(value, 3)}`;
    return `σ/α ${level === Infinity ? "∞" : short(level)}${share}`;
  }

  function drawHandles() {
    const shown = count() <= MOST ? count() : 0;
    while (handles.children.length > shown) handles.lastChild.remove();
    while (handles.children.length < shown) handles.append(newHandle(handles.children.length));
    focused = Math.min(focused, Math.max(0, shown - 1));
    if (shown && !movable(focused))
      focused = Math.max(
        0,
        model.levels.findIndex((_, i) => movable(i)),
      );
    for (let i = 0; i < shown; i++) {
      const handle = handles.children[i];
      const level = model.levels[i];
      handle.setAttribute("transform", `translate(${x(i)} ${y(level)})`);
      handle.setAttribute("tabindex", i === focused && movable(i) ? "0" : "-1");
      handle.setAttribute("aria-label", `Level of step ${i}`);
      handle.setAttribute("aria-valuemin", String(model.levels[i + 1] ?? 0));
      handle.setAttribute("aria-valuemax", String(i === 0 ? finite(model.ceiling) : finite(model.levels[i - 1])));
      handle.setAttribute("aria-valuenow", String(finite(level)));
      handle.setAttribute("aria-valuetext", describe(i));
      handle.setAttribute("aria-disabled", String(!movable(i)));
      handle.classList.toggle("fixed", !movable(i));
    }
  }

  const finite = (level) => (Number.isFinite(level) ? level : Number.MAX_VALUE);

  function paint() {
    if (!model || width < 100) return;
    if (!drag) {
      const now = decades(model.levels);
      domain = model.fixed ? [Math.min(now[0], domain[0]), Math.max(now[1], domain[1])] : now;
    }
    const most = Math.max(0, ...(model.contributions || []).filter(Number.isFinite));
    const points = model.levels.map((level, i) => `${x(i).toFixed(1)},${y(level).toFixed(1)}`).join(" ");
    path.setAttribute("points", points);
    drawFrame(most);
    drawBars(most);
    drawHandles();
  }

  function tell(i) {
    write(note, `Step ${i}: ${describe(i)}`);
  }

  // -------------------------------------------------------------------------------------------- keys and pointers

  /** With a pointer nothing may scroll: it would move away from the handle. */
  function focusOn(i, options) {
    if (!movable(i)) return;
    focused = i;
    drawHandles();
    handles.children[i].focus(options);
  }

  function next(from, by) {
    for (let i = from + by; i >= 0 && i < count(); i += by) if (movable(i)) return i;
    return from;
  }

  function key(event, i) {
    const far = event.shiftKey ? 5 : 1;
    const ratio = { ArrowUp: 1, ArrowDown: -1, PageUp: 8, PageDown: -8 }[event.key];
    if (ratio !== undefined && movable(i)) move(i, model.levels[i] * 10 ** ((ratio * far) / 60));
    else if (event.key === "ArrowRight") focusOn(next(i, 1));
    else if (event.key === "ArrowLeft") focusOn(next(i, -1));
    else if (event.key === "Home") focusOn(next(-1, 1));
    else if (event.key === "End") focusOn(next(count(), -1));
    else return;
    event.preventDefault();
  }

  function nearestHandle(event) {
    const box = drawing.getBoundingClientRect();
    const at = { x: event.clientX - box.left, y: event.clientY - box.top };
    let best = null;
    for (let i = 0; i < count(); i++) {
      if (!movable(i)) continue;
      const distance = Math.hypot(x(i) - at.x, y(model.levels[i]) - at.y);
      if (distance <= NEAR && (best === null || distance < best.distance))
        best = { i, distance, offset: y(model.levels[i]) - at.y };
    }
    return best;
  }

  /** Keeps the drawing under the pointer, where what is above it has changed its height. */
  function stay() {
    const shift = drawing.getBoundingClientRect().top - drag.top;
    if (Math.abs(shift) > 0.5) window.scrollBy({ top: shift, behavior: "instant" });
  }

  drawing.addEventListener("pointerdown", (event) => {
    if (!model || event.button !== 0) return;
    const hit = nearestHandle(event);
    if (!hit) return;
    event.preventDefault();
    drawing.setPointerCapture(event.pointerId);
    drag = { ...hit, top: drawing.getBoundingClientRect().top };
    focusOn(hit.i, { preventScroll: true });
    drawing.classList.add("dragging");
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!drag) return;
    stay();
    const at = event.clientY - drawing.getBoundingClientRect().top + drag.offset;
    move(drag.i, levelAt(at));
    tell(drag.i);
  });
  const drop = () => {
    if (!drag) return;
    drag = null;
    drawing.classList.remove("dragging");
    paint();
  };
  drawing.addEventListener("pointerup", drop);
  drawing.addEventListener("pointercancel", drop);

  new ResizeObserver(() => {
    width = element.clientWidth;
    drawing.setAttribute("width", width);
    drawing.setAttribute("height", HEIGHT);
    paint();
  }).observe(element);

  return {
    /** model: {levels, contributions or null, reason, ceiling: of the first level, fixed: whether nothing moves} */
    show(next) {
      if (model && Object.keys(next).every((key) => next[key] === model[key])) return;
      model = drag ? { ...next, levels: model.levels } : next;
      const many = model.levels.length > MOST ? `Schedules of up to ${MOST} steps can be changed by hand. ` : "";
      write(
        hint,
        many || "Drag a level, or choose one with the left and right arrow keys and move it with up and down.",
      );
      paint();
      const held = handles.contains(document.activeElement);
      if (model.reason) write(note, model.reason);
      else if (held || drag) tell(focused);
      else write(note, "");
    },
  };
}
