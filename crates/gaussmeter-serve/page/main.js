/** The page: one state, what is asked because of it, and what is shown of the answers. */

import { get, Latest } from "./api.js";
import { copy, said } from "./copying.js";
import { figureOf } from "./curves.js";
import { afterPause, byId, html, perFrame, write } from "./dom.js";
import { number } from "./numbers.js";
import { Slots } from "./picker.js";
import { budgetView, resultTable } from "./results.js";
import { samples } from "./samples.js";
import { scheduleView } from "./schedule.js";
import { settings } from "./settings.js";
import { spectra } from "./spectra.js";
import { exploreQuestion, fromQuery, INITIAL, Store, toQuery } from "./state.js";
import { remember, remembered } from "./storage.js";
import { Registry } from "./words.js";

const NARROW = "(max-width: 860px)";
const HEIGHT = 290;
const SAY_BUSY_AFTER = 250;
const SPEAK_AFTER = 900;

// ------------------------------------------------------------------------------------------------------- problems

const GROUPS = ["data", "process", "samplers", "network", "steps"];

function problemOf(group) {
  if (GROUPS.includes(group)) return byId(`group-${group}`).querySelector(".problem");
  return byId(group === "schedule" || group === "tune" ? "problem-schedule" : "problem-page");
}

/** Shows what is wrong beside what caused it; null takes it away. What the server said is `answered`: the next answer
 * takes it away. */
function refuse(group, message, answered = false) {
  const element = problemOf(group);
  element.dataset.answered = String(answered);
  element.hidden = message === null;
  write(element, message || "");
  if (message === null || !GROUPS.includes(group)) return;
  byId(`group-${group}`).open = true;
  element.scrollIntoView({ block: "nearest" });
}

function clearAnswered() {
  for (const group of [...GROUPS, "schedule", "page"]) {
    if (problemOf(group).dataset.answered === "true") refuse(group, null);
  }
}

// ------------------------------------------------------------------------------------------------ appearance

function appearance() {
  const select = byId("theme");
  select.value = remembered("theme") || "system";
  select.addEventListener("change", () => {
    remember("theme", select.value);
    if (select.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = select.value;
  });
}

function explanation() {
  const about = byId("about");
  const button = byId("explain");
  const show = (shown) => {
    about.hidden = !shown;
    button.setAttribute("aria-expanded", String(shown));
  };
  show(remembered("explained") !== "yes");
  button.addEventListener("click", () => show(about.hidden));
  byId("explained").addEventListener("click", () => {
    remember("explained", "yes");
    show(false);
    button.focus();
  });
}

/** Groups are closed at first where they would push the curves off the screen. */
function foldGroups() {
  const narrow = window.matchMedia(NARROW);
  const fold = () => {
    for (const group of GROUPS) byId(`group-${group}`).open = !narrow.matches || group === "steps";
  };
  fold();
  narrow.addEventListener("change", fold);
}

// ------------------------------------------------------------------------------------------------------------- page

function namesOf(document, state) {
  const labels = document.samplers.map((one) => one.sampler);
  return labels.map((label, i) => (labels.indexOf(label) === labels.lastIndexOf(label) ? label : state.samplers[i]));
}

function page(registryAnswer, version) {
  const registry = new Registry(registryAnswer.document);
  const given = (registryAnswer.uploads || []).find((file) => file.given) || null;
  const store = new Store(fromQuery(location.search, given));
  const slots = new Slots();
  write(byId("version"), version);

  const data = spectra({ store, registry, files: registryAnswer.uploads || [], refuse, said });
  if (store.state.upload && !data.known(store.state.upload.id)) {
    refuse("data", `${store.state.upload.name} is not on this server any more. Choose or drop it again.`);
    store.set({ upload: null, spectrum: INITIAL.spectrum }, "data");
  }
  const setting = settings({ store, registry, slots, refuse, uploads: data.uploads });
  const choose = (name) => store.set({ detail: name }, "samplers");
  const table = resultTable(byId("table"), byId("table-notes"), { choose, slots });
  const budget = budgetView(byId("budget"));
  const schedule = scheduleView({ store, registry, refuse, said });
  const pictures = samples({ store, drawable: data.drawable });

  let figure = null;
  let shape = "";
  let shown = null;
  let drawn = [];
  let asked = null;
  let cause = null;

  function drawFigure() {
    if (!shown) return;
    const { state } = store;
    const view = { ...shown.state, axis: state.axis, view: state.view, detail: state.detail };
    const next = figureOf(shown.answer.document, view, slots, namesOf(shown.answer.document, shown.state));
    next.notes.push(...(shown.answer.document.process_notices || []), ...(shown.answer.notices || []));
    const kind = JSON.stringify([state.view]);
    if (figure === null || kind !== shape) {
      if (figure) figure.destroy();
      figure = window.gaussmeterFigure.draw(byId("figure"), next, {
        height: HEIGHT,
        steady: true,
        legend: state.view === "along",
      });
      shape = kind;
    } else figure.update(next);
  }

  /** Tells those who do not see the table what has come of a change, when nothing has changed for a while. */
  const speak = afterPause((samplers, names, at) => {
    const texts = samplers.map((one, i) => (one.reason ? `${names[i]} cannot run` : `${names[i]} ${number(one.w2)}`));
    const first = at < 0 ? [] : [texts[at]];
    write(byId("spoken"), `W2: ${[...first, ...texts.filter((_, i) => i !== at)].join(", ")}`);
  }, SPEAK_AFTER);

  /** Figure, table and budget, where the answer or what is chosen of it is new. */
  function drawResults(state) {
    const now = [shown, state.axis, state.view, state.detail];
    if (now.every((part, i) => part === drawn[i])) return;
    drawn = now;
    const { document } = shown.answer;
    data.facts(document);
    drawFigure();
    const names = namesOf(document, shown.state);
    table.show(document, { ...shown.state, detail: state.detail }, names);
    const at = shown.state.samplers.indexOf(state.detail);
    budget.show(at < 0 ? null : document.samplers[at]);
    write(byId("of-budget"), at < 0 ? "" : `of ${names[at]}, each alone`);
    speak(document.samplers, names, at);
  }

  const paint = perFrame(() => {
    const { state } = store;
    setting.show(state, { eps: shown ? shown.answer.document.eps : null });
    data.show(state);
    showTabs(state);
    if (!shown) return;
    drawResults(state);
    schedule.paint();
    pictures.show(state);
  });

  // --------------------------------------------------------------------------------------------- asking, answering

  const results = byId("results");
  const busy = byId("busy");
  let busyTimer = null;

  const explore = new Latest("/api/explore", {
    busy: (is) => {
      results.setAttribute("aria-busy", String(is));
      clearTimeout(busyTimer);
      if (is) busyTimer = setTimeout(() => (busy.hidden = false), SAY_BUSY_AFTER);
      else busy.hidden = true;
    },
    answer: (answer, { state, cause }) => {
      const reasons = answer.document.samplers.map((one) => one.reason);
      if (shown && reasons.every(Boolean)) return refused([...new Set(reasons)].join(" "), cause);
      shown = { answer, state };
      results.classList.remove("stale");
      clearAnswered();
      schedule.show(answer, state);
      paint();
    },
    problem: (error, { cause }) => refused(error.message, cause),
  });

  /** What was shown stays, greyed: it is the last that could be computed. */
  function refused(message, cause) {
    results.classList.add("stale");
    clearAnswered();
    refuse(cause || "page", message, true);
  }

  const ask = perFrame(() => {
    const { state } = store;
    const question = exploreQuestion(state);
    const key = JSON.stringify(question);
    if (key === asked) return;
    asked = key;
    if (state.samplers.length === 0) {
      explore.drop();
      results.classList.add("stale");
      return refuse("samplers", "Add a sampler: there is none to compare.", true);
    }
    explore.ask(question, { state, cause });
  });

  const saveAddress = afterPause(() => {
    const query = toQuery(store.state, given);
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  }, 200);

  store.listen((state, from) => {
    cause = from;
    refuse(from, null);
    slots.keep(state.samplers);
    if (GROUPS.includes(from)) schedule.stop();
    ask();
    paint();
    saveAddress();
  });

  // -------------------------------------------------------------------------------------------------------- tools

  function showTabs(state) {
    for (const view of ["along", "eigenvalues"]) {
      const tab = byId(`tab-${view}`);
      tab.setAttribute("aria-selected", String(state.view === view));
      tab.tabIndex = state.view === view ? 0 : -1;
      if (state.view === view) byId("panel-curves").setAttribute("aria-labelledby", tab.id);
    }
    for (const tool of byId("tools-curves").querySelectorAll("select")) {
      if (tool.value !== state[tool.dataset.key]) tool.value = state[tool.dataset.key];
    }
    for (const key of ["axis", "target"]) byId(`tool-${key}`).parentElement.hidden = state.view !== "along";
  }

  for (const view of ["along", "eigenvalues"]) {
    const tab = byId(`tab-${view}`);
    tab.addEventListener("click", () => store.set({ view }, "page"));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = view === "along" ? "eigenvalues" : "along";
      store.set({ view: other }, "page");
      byId(`tab-${other}`).focus();
    });
  }

  function tool(key, label, choices) {
    const select = html(
      "select",
      { id: `tool-${key}`, "data-key": key, on: { change: () => store.set({ [key]: select.value }, "page") } },
      ...choices.map(([value, text]) => html("option", { value, text })),
    );
    byId("tools-curves").append(
      html("span", { class: "tool" }, html("label", { for: select.id, text: label }), select),
    );
  }
  tool("axis", "against", [
    ["level", "noise level"],
    ["time", "time"],
  ]);
  tool("target", "to", [
    ["marginal", "exact law there"],
    ["data", "data"],
  ]);
  tool(
    "metric",
    "metric",
    registry.all("metric").map((entry) => [entry.name, entry.name]),
  );

  const withLevels = (text) =>
    store.state.levels ? `${text} It reads levels.txt: save that below, under “The levels as a list”.` : text;
  const detail = () => (shown && shown.answer.document.detail) || (shown && shown.answer) || {};

  byId("copy-link").addEventListener("click", () => {
    const query = toQuery(store.state, given);
    copy(`${location.origin}${location.pathname}${query ? `?${query}` : ""}`, "Copied: the address of this state.");
  });
  byId("copy-command").addEventListener("click", () => {
    if (detail().command) copy(detail().command, withLevels(`Copied: gaussmeter eval of ${store.state.detail}.`));
  });
  byId("copy-python").addEventListener("click", () => {
    if (detail().python) copy(detail().python, withLevels(`Copied: Python that evaluates ${store.state.detail}.`));
  });
  const copyCurve = html("button", {
    type: "button",
    id: "copy-curve",
    class: "quiet",
    text: "copy as command",
    "aria-label": "copy as command: the curves",
    on: {
      click: () => shown && copy(shown.answer.command, withLevels("Copied: gaussmeter curve of these samplers.")),
    },
  });
  byId("tools-curves").append(copyCurve);

  slots.keep(store.state.samplers);
  ask();
  paint();
  if (new URLSearchParams(location.search).has("token")) saveAddress();
}

async function start() {
  appearance();
  explanation();
  foldGroups();
  try {
    const [registry, version] = await Promise.all([get("/api/registry"), get("/api/version")]);
    page(registry, version.generator);
  } catch (error) {
    refuse("page", error.message);
    throw error;
  }
}

start();
