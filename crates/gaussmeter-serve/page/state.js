/** What the page shows, as one object, and its form as a URL and as a question. */

export const INITIAL = {
  spectrum: "cifar10",
  upload: null,
  process: "edm",
  grid: "karras",
  levels: null,
  samplers: ["ddim", "edm", "dpmpp-2m", "unipc"],
  detail: "dpmpp-2m",
  unit: "nfe",
  length: 20,
  eps: null,
  init: "normal",
  network: "exact",
  metric: "w2",
  target: "marginal",
  axis: "level",
  view: "along",
  objective: "robust",
  seed: 0,
};

const TEXTS = ["spectrum", "process", "grid", "init", "network", "metric", "objective"];
const CHOICES = { target: ["marginal", "data"], axis: ["level", "time"], view: ["along", "eigenvalues"] };

const levelText = (level) => (level === Infinity ? "inf" : String(level));
const readLevel = (text) => (text.trim() === "inf" ? Infinity : text.trim() === "" ? NaN : Number(text));

/** Why a list cannot be the levels of a schedule, or null. */
export function levelsProblem(levels) {
  if (levels.length < 2) return "A schedule has at least two levels.";
  for (let i = 0; i < levels.length; i++) {
    const here = `Level ${i}`;
    if (Number.isNaN(levels[i])) return `${here} is not a number.`;
    if (levels[i] < 0) return `${here} is negative: levels are noise ratios σ/α.`;
    if (i > 0 && !(levels[i] < levels[i - 1]))
      return `${here}, ${levels[i]}, is not below the one before it, ${levels[i - 1]}.`;
  }
  return null;
}

export const levelsText = (levels) => levels.map(levelText).join(", ");
export const readLevels = (text) =>
  text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(readLevel);

/** The query string of a state: what differs from the initial one, and the data in any case where a server has been
 * given some to start with. */
export function toQuery(state, given = null) {
  const query = new URLSearchParams();
  for (const key of TEXTS) if (state[key] !== INITIAL[key]) query.set(key, state[key]);
  if (given && !state.upload) query.set("spectrum", state.spectrum);
  for (const key of Object.keys(CHOICES)) if (state[key] !== INITIAL[key]) query.set(key, state[key]);
  if (state.upload) {
    query.set("upload", state.upload.id);
    query.set("name", state.upload.name);
  }
  if (state.levels) query.set("levels", state.levels.map(levelText).join(","));
  if (state.samplers.join("\n") !== INITIAL.samplers.join("\n")) {
    for (const sampler of state.samplers) query.append("sampler", sampler);
    if (state.samplers.length === 0) query.append("sampler", "");
  }
  if (state.detail !== INITIAL.detail) query.set("detail", state.detail);
  if (state.unit !== INITIAL.unit || state.length !== INITIAL.length) query.set(state.unit, String(state.length));
  if (state.eps !== null) query.set("eps", String(state.eps));
  if (state.seed !== 0) query.set("seed", String(state.seed));
  return query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%3D/g, "=");
}

/** The state of a query string. What cannot be understood is left as it is at first; data that the server has been
 * `given` are those to start with. */
export function fromQuery(search, given = null) {
  const query = new URLSearchParams(search);
  const state = { ...INITIAL, samplers: [...INITIAL.samplers] };
  if (given && !query.has("spectrum")) state.upload = { id: given.id, name: given.name };
  for (const key of TEXTS) if (query.get(key)) state[key] = query.get(key);
  for (const [key, choices] of Object.entries(CHOICES))
    if (choices.includes(query.get(key))) state[key] = query.get(key);
  if (query.get("upload")) state.upload = { id: query.get("upload"), name: query.get("name") || query.get("upload") };
  if (query.has("sampler")) state.samplers = [...new Set(query.getAll("sampler").filter(Boolean))];
  state.detail = query.get("detail") || (query.has("sampler") ? state.samplers[0] || "" : state.detail);
  if (!state.samplers.includes(state.detail)) state.detail = state.samplers[0] || "";
  for (const unit of ["nfe", "steps"]) {
    const length = Number(query.get(unit));
    if (query.has(unit) && Number.isInteger(length) && length >= 1) Object.assign(state, { unit, length });
  }
  const eps = Number(query.get("eps"));
  if (query.has("eps") && Number.isFinite(eps) && eps >= 0) state.eps = eps;
  const seed = Number(query.get("seed"));
  if (Number.isInteger(seed) && seed >= 0) state.seed = seed;
  if (query.get("levels")) {
    const levels = readLevels(query.get("levels"));
    if (levelsProblem(levels) === null) state.levels = levels;
  }
  return state;
}

/** The setting that all questions have in common. */
export function setting(state) {
  const question = {
    spectrum: state.upload ? { id: state.upload.id } : state.spectrum,
    process: state.process,
    init: state.init,
  };
  if (state.levels) question.grid = state.levels.map((level) => (level === Infinity ? "inf" : level));
  else {
    question.grid = state.grid;
    question[state.unit] = state.length;
    if (state.eps !== null) question.eps = state.eps;
  }
  return question;
}

const network = (state) => (state.network === "exact" ? {} : { network: state.network });

/** What errors depend on, apart from the samplers, as text: the same for the same numbers. */
export const settingKey = (state) => JSON.stringify([setting(state), network(state)]);

/** The question of everything that the page shows at once. */
export function exploreQuestion(state) {
  return {
    ...setting(state),
    ...network(state),
    sampler: state.samplers,
    metric: state.metric,
    target: state.target,
    detail: state.detail || false,
  };
}

/** The question of the best levels, up to where sampling stops now. */
export function tuneQuestion(state, eps) {
  const { grid, nfe, steps, ...rest } = setting(state);
  const length = state.levels ? { steps: state.levels.length - 1 } : { [state.unit]: state.length };
  return { ...rest, ...length, ...network(state), eps, sampler: state.detail, objective: state.objective };
}

/** The question of pictures. */
export function samplesQuestion(state, count) {
  return { ...setting(state), sampler: state.detail, seed: state.seed, count };
}

/** The state, and who is told of its changes. */
export class Store {
  constructor(state) {
    this.state = state;
    this.listeners = [];
  }

  /** Changes some keys; `cause` is the part of the page that did, where a problem with it is to be shown. */
  set(patch, cause) {
    const changed = Object.keys(patch).some((key) => patch[key] !== this.state[key]);
    if (!changed) return;
    this.state = { ...this.state, ...patch };
    for (const listen of this.listeners) listen(this.state, cause);
  }

  listen(listener) {
    this.listeners.push(listener);
  }
}
