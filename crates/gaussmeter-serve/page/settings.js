/** The controls on the left: what is asked. */

import { byId, html, write } from "./dom.js";
import { samplerPicker } from "./picker.js";
import { linear, logarithmic, wholeNumbers } from "./scales.js";
import { dataControl, memberChoice, parameterForm, slider } from "./widgets.js";
import { read } from "./words.js";

const MOST_LENGTH = 1000;

/** Sliders for what networks are told, where a text field would not invite to try. */
const NETWORK_SLIDERS = {
  gain: {
    delta: { label: "error of the score", symbol: "δ", unit: "%", factor: 100, scale: linear(-0.2, 0.2, 0.001) },
  },
  perturbed: { delta: { label: "error of eigenvalues", symbol: "δ", scale: linear(0, 0.5, 0.005) } },
  shrunk: { rho: { label: "shrinkage", symbol: "ρ", scale: linear(0, 0.2, 0.001) } },
  guided: { w: { label: "guidance weight", symbol: "w", scale: linear(0, 10, 0.1) } },
  "early-stopped": { tau: { label: "training time", symbol: "τ", scale: logarithmic(0.1, 1e6, false) } },
  "gradient-descent": { steps: { label: "steps of training", scale: wholeNumbers(1, 1000000) } },
};

/** Networks with eigenvectors of their own have no law per eigenvalue, and so no curves. */
const WITHOUT_CURVES = ["samples"];

/** Parameters of networks that name data. */
const NETWORK_DATA = ["class"];

export function settings({ store, registry, slots, refuse, uploads }) {
  const set = (patch, cause) => store.set(patch, cause);
  const problem = (group) => (message) => refuse(group, message);

  // ------------------------------------------------------------------------------------------- process and start

  const process = memberChoice({
    label: "Process",
    entries: registry.usable("process"),
    heard: (name) => set({ process: registry.starter("process", name), levels: null }, "process"),
  });
  const processForm = parameterForm((text) => set({ process: text, levels: null }, "process"));
  const init = memberChoice({
    label: "Start",
    entries: registry.usable("init"),
    heard: (name) => set({ init: registry.starter("init", name) }, "process"),
  });
  const initForm = parameterForm((text) => set({ init: text }, "process"));
  byId("fields-process").append(process.element, more(processForm), init.element, more(initForm));

  function more(form) {
    return html("details", { class: "more" }, html("summary", { text: "parameters" }), form.element);
  }

  function showMore(form, entry, text) {
    form.show(entry, text);
    form.element.parentElement.hidden = form.element.hidden || !entry;
  }

  // --------------------------------------------------------------------------------------------------- samplers

  function replaceSampler(from, to) {
    const { samplers, detail } = store.state;
    if (from === to) return;
    if (samplers.includes(to)) return refuse("samplers", `${to} is there already.`);
    slots.rename(from, to);
    set(
      { samplers: samplers.map((name) => (name === from ? to : name)), detail: detail === from ? to : detail },
      "samplers",
    );
  }

  const picker = samplerPicker({
    entries: registry.usable("sampler"),
    slots,
    choose: (name) => set({ detail: name }, "samplers"),
    add: (name) => {
      if (!store.state.samplers.includes(name))
        set({ samplers: [...store.state.samplers, name], detail: name }, "samplers");
    },
    remove: (name) => {
      const samplers = store.state.samplers.filter((one) => one !== name);
      set({ samplers, detail: store.state.detail === name ? samplers[0] || "" : store.state.detail }, "samplers");
    },
  });
  const samplerForm = parameterForm((text) => replaceSampler(store.state.detail, text));
  const samplerMore = more(samplerForm);
  byId("fields-samplers").append(picker.element, samplerMore);

  // ---------------------------------------------------------------------------------------------------- network

  const network = memberChoice({
    label: "Network",
    entries: [
      ...registry.usable("network"),
      ...registry.all("network").filter((entry) => entry.name === "spectrum"),
    ].filter((entry) => !WITHOUT_CURVES.includes(entry.name)),
    heard: (name) => set({ network: name === "exact" ? "exact" : registry.starter("network", name) }, "network"),
  });
  const networkSlider = (entry, parameter, value, heard) => {
    if (NETWORK_DATA.includes(parameter.name)) {
      const presets = registry.usable("spectrum").map((preset) => registry.starter("spectrum", preset.name));
      return dataControl(parameter, presets, uploads, heard);
    }
    const made = (NETWORK_SLIDERS[entry.name] || {})[parameter.name];
    if (!made) return null;
    const control = slider({ ...made, heard: (next) => heard(String(next)), refuse: problem("network") });
    control.show(Number(value ?? parameter.default));
    return { element: control.element, show: (text) => control.show(Number(text ?? parameter.default)) };
  };
  const networkForm = parameterForm((text) => set({ network: text }, "network"), networkSlider);
  const gain = slider({
    label: "error of the score",
    symbol: "δ",
    unit: "%",
    factor: 100,
    scale: NETWORK_SLIDERS.gain.delta.scale,
    heard: (delta) => set({ network: delta === 0 ? "exact" : `gain:delta=${delta}` }, "network"),
    refuse: problem("network"),
  });
  byId("fields-network").append(gain.element, network.element, networkForm.element);

  function showNetwork(state) {
    const entry = registry.entry("network", state.network);
    const { values } = read(state.network, entry);
    const simple =
      state.network === "exact" ||
      (entry && entry.name === "gain" && [...values.keys()].every((key) => key === "delta"));
    gain.element.hidden = !simple;
    if (simple) gain.show(Number(values.get("delta") ?? 0));
    network.show(entry, state.network);
    networkForm.show(simple ? null : entry, simple ? "" : state.network);
  }

  // ---------------------------------------------------------------------------------------- schedule and length

  const grid = memberChoice({
    label: "Schedule",
    entries: registry.usable("grid"),
    heard: (name) => {
      if (name !== "\n") set({ grid: registry.starter("grid", name), levels: null }, "steps");
    },
  });
  const gridForm = parameterForm((text) => set({ grid: text, levels: null }, "steps"));
  const rule = html("button", {
    type: "button",
    id: "back-to-rule",
    text: "Back to the rule",
    on: { click: () => set({ levels: null }, "steps") },
  });
  const unit = html(
    "select",
    { "aria-label": "Unit of the length", on: { change: () => set({ unit: unit.value }, "steps") } },
    html("option", { value: "nfe", text: "evaluations (NFE)" }),
    html("option", { value: "steps", text: "steps" }),
  );
  const length = slider({
    label: "Length",
    scale: wholeNumbers(1, MOST_LENGTH),
    heard: (value) => set({ length: value }, "steps"),
    refuse: problem("steps"),
  });
  length.element.firstChild.classList.add("unseen");
  length.element.prepend(unit);
  const eps = slider({
    label: "truncation",
    symbol: "eps",
    scale: logarithmic(1e-6, 0.1, true),
    optional: true,
    heard: (value) => set({ eps: value }, "steps"),
    refuse: problem("steps"),
  });
  const fixed = html("p", { class: "about", text: "Length and eps are those of the list." });
  byId("fields-steps").append(grid.element, rule, more(gridForm), length.element, eps.element, fixed);

  // ------------------------------------------------------------------------------------------------------- show

  return {
    /** `known` is what the last answer says: {eps, steps}. */
    show(state, known) {
      const processEntry = registry.entry("process", state.process);
      process.show(processEntry, state.process);
      showMore(processForm, processEntry, state.process);
      const initEntry = registry.entry("init", state.init);
      init.show(initEntry, state.init);
      showMore(initForm, initEntry, state.init);
      picker.show(state.samplers, state.detail);
      showMore(samplerForm, registry.entry("sampler", state.detail), state.detail);
      write(samplerMore.firstChild, `parameters of ${state.detail.split(":")[0]}`);
      showNetwork(state);
      const gridEntry = registry.entry("grid", state.grid);
      if (state.levels)
        grid.show(
          null,
          "explicit list",
          `${state.levels.length - 1} steps between the levels below, in place of ${state.grid}.`,
        );
      else grid.show(gridEntry, state.grid);
      showMore(gridForm, state.levels ? null : gridEntry, state.grid);
      rule.hidden = fixed.hidden = state.levels === null;
      unit.value = state.unit;
      unit.disabled = state.levels !== null;
      length.show(state.levels ? state.levels.length - 1 : state.length, null, state.levels !== null);
      eps.show(state.levels ? null : state.eps, known.eps, state.levels !== null);
      write(byId("now-process"), `${state.process}, ${state.init}`);
      write(byId("now-samplers"), String(state.samplers.length));
      write(byId("now-network"), state.network);
      write(
        byId("now-steps"),
        state.levels
          ? `list, ${state.levels.length - 1} steps`
          : `${state.grid}, ${state.length} ${state.unit === "nfe" ? "NFE" : "steps"}`,
      );
    },
  };
}
