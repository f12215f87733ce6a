/** The schedule of the chosen sampler: levels by hand, as a list, or by search. */

import { byId, html, write } from "./dom.js";
import { copy, save } from "./copying.js";
import { levelsEditor } from "./levels.js";
import { number, parsed } from "./numbers.js";
import { levelsProblem, levelsText, readLevels, settingKey, tuneQuestion } from "./state.js";
import { Tuner } from "./tuner.js";

/** `refuse(group, message)` shows a problem, `said(text)` what was done. */
export function scheduleView({ store, registry, refuse, said }) {
  let answer = null;
  let asked = null;
  let ceiling = null;
  let before = null;
  let after = null;
  let live = null;
  let tuned = null;
  let read = {};

  const editor = levelsEditor(byId("schedule"), { change: (levels) => byHand(levels) });
  const list = byId("list-text");

  function byHand(levels) {
    forget();
    store.set({ levels }, "schedule");
  }

  // ----------------------------------------------------------------------------------------------------- the list

  list.addEventListener("input", () => list.classList.add("edited"));
  byId("list-use").addEventListener("click", () => {
    const levels = readLevels(list.value);
    const problem = levelsProblem(levels);
    refuse("schedule", problem);
    if (problem !== null) return;
    list.classList.remove("edited");
    byHand(levels);
  });
  byId("list-save").addEventListener("click", () => {
    if (answer)
      save(
        "levels.txt",
        `${sigmas()
          .map((level) => (level === Infinity ? "inf" : level))
          .join("\n")}\n`,
      );
  });

  // ------------------------------------------------------------------------------------------------------- search

  const objective = html(
    "select",
    { id: "objective", on: { change: () => store.set({ objective: objective.value }, "schedule") } },
    ...registry.usable("objective").map((entry) => html("option", { value: entry.name, text: entry.name })),
  );
  const objectiveAbout = html("p", { class: "about", id: "objective-about" });
  objective.setAttribute("aria-describedby", "objective-about");
  const tune = html("button", {
    type: "button",
    id: "tune",
    class: "main",
    text: "Tune",
    on: { click: () => start() },
  });
  const cancel = html("button", {
    type: "button",
    id: "cancel",
    text: "Cancel",
    hidden: true,
    on: { click: () => tuner.stop(false) },
  });
  const keep = html("button", {
    type: "button",
    id: "keep",
    text: "Stop and keep the best so far",
    hidden: true,
    on: { click: () => tuner.stop(true) },
  });
  const progress = html("p", { class: "tune-progress", id: "tune-progress", role: "status" });
  const outcome = html("p", { class: "tune-outcome", id: "tune-outcome", role: "status" });
  const copyTune = html("button", {
    type: "button",
    id: "copy-tune",
    hidden: true,
    text: "Copy the search as command",
    on: { click: () => copy(tuned.command, "Copied: the command of this search.") },
  });
  byId("tuning").append(
    html(
      "div",
      { class: "row tune" },
      tune,
      html("label", { for: "objective", text: "for the objective" }),
      objective,
      cancel,
      keep,
    ),
    objectiveAbout,
    html("div", { class: "row tune-row" }, progress, outcome, copyTune),
  );
  const rule = html("button", {
    type: "button",
    id: "reset-levels",
    text: "Back to the rule",
    on: { click: () => reset() },
  });
  byId("tools-schedule").append(rule);

  function reset() {
    forget();
    store.set({ levels: null }, "steps");
    tune.focus();
  }

  function forget() {
    before = after = tuned = null;
  }

  /** Ends a search in the state that `change` leaves, and gives the focus back where it was in its buttons. */
  function finish(change) {
    const held = document.activeElement === cancel || document.activeElement === keep;
    const last = live;
    live = null;
    change(last);
    paint();
    if (held) tune.focus();
  }

  /** Puts levels in place, and waits for what they are worth. */
  function accept(levels) {
    after = { awaited: levelsText(levels) };
    store.set({ levels }, "tune");
    settle();
  }

  /** Levels as they were before the search, unless something else has been chosen since. */
  function restore(last) {
    if (store.state.levels === last.levels) store.set({ levels: before.levels }, "tune");
    forget();
  }

  const tuner = new Tuner({
    progress: (event) => {
      live = event;
      store.set({ levels: event.levels }, "tune");
      paint();
    },
    done: (result, levels) =>
      finish(() => {
        tuned = result;
        accept(levels);
        said("The best levels are in place.");
      }),
    stopped: (levels) =>
      finish((last) => {
        if (levels) accept(levels);
        else restore(last);
        said(levels ? "Stopped: the best levels so far are in place." : "Cancelled: the levels are as they were.");
      }),
    failed: (error) =>
      finish((last) => {
        restore(last);
        refuse("schedule", error.message);
      }),
  });

  function start() {
    const entry = chosen();
    if (!entry || tuner.running) return;
    refuse("schedule", null);
    before = { sampler: store.state.detail, w2: parsed(entry.w2), levels: store.state.levels };
    after = tuned = null;
    live = { evaluations: 0, best: NaN, levels: store.state.levels };
    tuner.start(tuneQuestion(store.state, answer.document.eps));
    paint();
    cancel.focus();
  }

  /** Takes the error of the new levels from the answer, as soon as that is about them. */
  function settle() {
    if (!after) return;
    if (after.w2 !== undefined && settingKey(asked) !== after.key) return forget();
    const entry = chosen();
    const theirs = asked.levels !== null && levelsText(asked.levels) === after.awaited;
    if (entry && theirs && after.w2 === undefined)
      Object.assign(after, { w2: parsed(entry.w2), key: settingKey(asked) });
  }

  // -------------------------------------------------------------------------------------------------------- show

  function chosen() {
    const at = answer ? asked.samplers.indexOf(store.state.detail) : -1;
    const entry = at < 0 ? null : answer.document.samplers[at];
    return entry && !entry.reason ? entry : null;
  }

  const sigmas = () => answer.document.schedules[chosen().schedule].sigma.map(parsed);

  function progressText() {
    if (!live) return "";
    const best = Number.isNaN(live.best) ? "" : `, best ${store.state.objective} so far ${number(live.best)}`;
    return `Searching: ${live.evaluations} evaluations${best}`;
  }

  function outcomeText() {
    if (live || !before || !after || after.w2 === undefined) return "";
    const change = `W2 of ${before.sampler}: ${number(before.w2)} before, ${number(after.w2)} after.`;
    const objectiveNow = tuned
      ? ` The objective (${tuned.document.objective}) is ${number(parsed(tuned.document.error))}.`
      : "";
    return change + objectiveNow;
  }

  /** What is drawn of an answer, made once: nothing is drawn anew where it has not changed. */
  function readAnswer(name) {
    const { detail } = answer.document;
    const steps = detail && detail.steps;
    const contributions = steps ? steps.steps.map((step) => parsed(step.contribution)) : null;
    const reason = detail && !steps ? `No contributions: ${detail.steps_reason || "this sampler has none"}` : "";
    return { answer, detail: name, levels: sigmas(), contributions, reason };
  }

  function paint() {
    const { state } = store;
    const running = tuner.running;
    const entry = chosen();
    tune.disabled = running || !entry;
    objective.disabled = running;
    cancel.hidden = keep.hidden = !running;
    copyTune.hidden = running || tuned === null;
    rule.hidden = state.levels === null || running;
    objective.value = state.objective.split(":")[0];
    write(objectiveAbout, (registry.entry("objective", state.objective) || {}).summary || "");
    write(progress, progressText());
    write(outcome, outcomeText());
    if (!entry) {
      if (answer) write(byId("of-schedule"), state.detail ? `${state.detail} cannot run` : "");
      return;
    }
    write(
      byId("of-schedule"),
      state.levels ? `explicit list, for ${state.detail}` : `${asked.grid}, for ${state.detail}`,
    );
    if (read.answer !== answer || read.detail !== state.detail) read = readAnswer(state.detail);
    const levels = state.levels || read.levels;
    const { contributions, reason } = read;
    editor.show({ levels, contributions, reason, ceiling: Math.max(ceiling ?? 0, levels[0]), fixed: running });
    if (!list.classList.contains("edited") || document.activeElement !== list) {
      const text = levelsText(levels);
      if (list.value !== text) list.value = text;
      list.classList.remove("edited");
    }
  }

  return {
    paint,
    stop: () => tuner.stop(false),
    /** Takes the answer to `explore`, and the state that it was asked in. */
    show(next, state) {
      answer = next;
      asked = state;
      const entry = chosen();
      if (entry && asked.levels === null) ceiling = sigmas()[0];
      settle();
      paint();
    },
  };
}
