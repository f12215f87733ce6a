/** The figure: errors along time for all samplers, or per eigenvalue for one. */

import { parsed } from "./numbers.js";

const ERRORS = {
  w2: "W2",
  "kl-forward": "KL(data ‖ output), nats",
  "kl-reverse": "KL(output ‖ data), nats",
  trace: "tr V / tr Σ − 1",
};

/** Room between the smallest positive level and the place of level 0, as a factor. */
const TO_ZERO = 8;

const finite = (value) => (Number.isFinite(parsed(value)) ? value : null);

/** The noise ratios of times, from all schedules of an answer. */
function levelOfTime(schedules) {
  const levels = new Map();
  for (const schedule of schedules) schedule.t.forEach((t, i) => levels.set(t, finite(schedule.sigma[i])));
  return levels;
}

function smallestPositive(lists) {
  let least = Infinity;
  for (const list of lists) for (const value of list) if (value !== null && value > 0 && value < least) least = value;
  return least;
}

const hasZero = (lists) => lists.some((list) => list.includes(0));

/** A logarithmic axis, with a place for 0 where that occurs. */
function logAxis(label, symbol, lists, rest) {
  const axis = { label, symbol, scale: "log", ...rest };
  const least = smallestPositive(lists);
  if (hasZero(lists) && Number.isFinite(least)) axis.zeroAt = least / TO_ZERO;
  return axis;
}

function along(document, state, slots, names) {
  const levels = levelOfTime(document.schedules);
  const byLevel = state.axis === "level";
  const x = (times) => (byLevel ? times.map((t) => levels.get(t) ?? null) : times);
  const series = [];
  document.samplers.forEach((one, i) => {
    if (one.reason) return;
    const text = state.samplers[i] ?? one.sampler;
    const style = { role: "main", marks: "line", style: slots.of(text), strong: text === state.detail };
    series.push({ name: names[i], ...style, x: x(one.t), y: one.error.map(finite) });
  });
  for (const one of document.continuous) {
    const name = `continuous ${one.name.toUpperCase()}`;
    const style = one.name === "sde" ? 0 : 1;
    series.push({ name, role: "reference", marks: "line", style, x: x(one.t), y: one.error.map(finite) });
  }
  const lists = series.map((one) => one.x);
  const axis = byLevel
    ? logAxis("noise level σ/α, from noise to data", "σ/α", lists, { reversed: true })
    : { label: "time t", symbol: "t", scale: "linear" };
  const error = ERRORS[document.metric] || document.metric;
  const label = state.target === "data" ? `${error} to the data` : `${error} to the exact law there`;
  const scale = document.metric === "trace" ? "linear" : "log";
  const zero = scale === "log" ? series.filter((one) => one.y.length > 0 && one.y.every((value) => value === 0)) : [];
  const notes =
    zero.length === 0 ? [] : [`0 everywhere, and so not drawn: ${zero.map((one) => one.name).join(", ")}.`];
  return { title: "", panels: [{ title: "", x: axis, y: { label, scale }, series }], notes };
}

function perEigenvalue(document, state, slots) {
  const modes = document.detail ? document.detail.modes : [];
  const eigenvalues = modes.map((mode) => mode.eigenvalue);
  const style = {
    name: document.detail ? document.detail.sampler : "",
    role: "main",
    marks: "line",
    style: slots.of(state.detail),
  };
  const axis = logAxis("eigenvalue λ of the data", "λ", [eigenvalues], {});
  const spread = modes.map((mode) => finite(mode.std_error));
  const share = modes.map((mode) =>
    finite(mode.contribution) === null ? null : mode.contribution / mode.multiplicity,
  );
  const panel = (title, y, values) => ({ title, x: axis, y, series: [{ ...style, x: eigenvalues, y: values }] });
  return {
    title: "",
    panels: [
      panel("Standard deviation of the output", { label: "√(v/λ) − 1", scale: "linear" }, spread),
      panel("Share of the error", { label: "contribution to W2² per dimension", scale: "log" }, share),
    ],
    notes: [],
  };
}

/** The figure of an answer to `explore`; `names` are those of its samplers. */
export function figureOf(document, state, slots, names) {
  return state.view === "eigenvalues" ? perEigenvalue(document, state, slots) : along(document, state, slots, names);
}
