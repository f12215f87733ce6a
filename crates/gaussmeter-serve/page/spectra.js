/** The data: a preset, or a file that is dropped or chosen. */

import { upload as send } from "./api.js";
import { byId, html, write } from "./dom.js";
import { short } from "./numbers.js";
import { memberChoice, parameterForm } from "./widgets.js";

const MOST_BYTES = 64 * 1024 * 1024;

/** `files`: the uploads that the server has; `refuse(group, message)` shows what is wrong, `said(text)` what was
 * done. */
export function spectra({ store, registry, files, refuse, said }) {
  const uploads = new Map(files.map((file) => [file.id, file]));
  let lastFile = null;

  const choice = memberChoice({
    label: "Data",
    entries: registry.usable("spectrum"),
    heard: (value) => {
      if (value.startsWith("upload ")) choose(uploads.get(value.slice(7)));
      else store.set({ spectrum: registry.starter("spectrum", value), upload: null }, "data");
    },
  });
  const form = parameterForm((text) => store.set({ spectrum: text }, "data"));
  const input = html("input", { type: "file", id: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const button = html("button", {
    type: "button",
    id: "choose-file",
    text: "Choose a file …",
    on: { click: () => input.click() },
  });
  const periodic = html("input", { type: "checkbox", id: "periodic" });
  const check = html(
    "div",
    { class: "check" },
    periodic,
    html("label", { for: "periodic", text: "its periodic component only" }),
  );
  const facts = html("dl", { class: "facts", id: "facts" });
  const progress = html("p", { class: "about", role: "status" });
  byId("fields-data").append(
    choice.element,
    form.element,
    html("div", { class: "row" }, button, input, html("span", { class: "about", text: "or drop it anywhere" })),
    html("p", {
      class: "about",
      text: "Eigenvalues, a covariance or a spectrum (.npz, .npy, .csv, .txt, .json), or a picture: a texture.",
    }),
    check,
    progress,
    facts,
  );

  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = "";
  });
  periodic.addEventListener("change", () => {
    const picture = lastFile && store.state.upload && (uploads.get(store.state.upload.id) || {}).kind === "texture";
    if (picture) take(lastFile);
    else refuse("data", "Choose or drop the picture again to change this.");
  });

  function choose(file) {
    uploads.set(file.id, file);
    store.set({ upload: { id: file.id, name: file.name } }, "data");
  }

  async function take(file) {
    refuse("data", null);
    if (file.size > MOST_BYTES)
      return refuse("data", `${file.name} has ${short(file.size / 2 ** 20, 3)} MiB; files may have 64 MiB.`);
    write(progress, `Reading ${file.name} …`);
    try {
      const answer = await send(file, periodic.checked ? { periodic: "true" } : {});
      lastFile = file;
      choose({ id: answer.id, name: answer.name, kind: answer.kind, drawable: answer.drawable });
      said(`${answer.name} is the data now.`);
    } catch (error) {
      refuse("data", error.message);
    }
    write(progress, "");
  }

  // ----------------------------------------------------------------------------------------------------- dropping

  const dropping = byId("dropping");
  let depth = 0;
  const carriesFile = (event) => [...(event.dataTransfer ? event.dataTransfer.types : [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (!carriesFile(event)) return;
    depth++;
    dropping.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    dropping.hidden = depth === 0;
  });
  addEventListener("dragover", (event) => {
    if (carriesFile(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    depth = 0;
    dropping.hidden = true;
    if (!carriesFile(event)) return;
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    if (files.length === 1) take(files[0]);
    else refuse("data", "Drop one file at a time.");
  });

  // -------------------------------------------------------------------------------------------------------- show

  const options = new Map();

  /** The uploads, below the presets in the list. */
  function list() {
    for (const [id, file] of uploads) {
      if (options.has(id)) continue;
      const option = html("option", { value: `upload ${id}`, text: file.name });
      options.set(id, option);
      choice.select.append(option);
    }
  }

  function showFacts(document) {
    const about = document ? document.spectrum : null;
    const pairs = about
      ? [
          ["dimension", short(about.dim, 7)],
          ["variance", short(about.trace, 5)],
          ["σ per dim.", short(Math.sqrt(about.trace / about.dim), 4)],
          ["null eigenvalues", short(about.null_dim, 7)],
        ]
      : [];
    facts.replaceChildren(
      ...pairs.flatMap(([name, value]) => [html("dt", { text: name }), html("dd", { text: value })]),
    );
    facts.title = about ? about.provenance || "" : "";
  }

  return {
    drawable: (state) => Boolean(state.upload && (uploads.get(state.upload.id) || {}).drawable),
    known: (id) => uploads.has(id),
    uploads: () => [...uploads.values()],
    show(state) {
      list();
      const file = state.upload ? uploads.get(state.upload.id) : null;
      const entry = state.upload ? null : registry.entry("spectrum", state.spectrum);
      if (file) {
        choice.show(
          null,
          file.name,
          file.kind === "texture" ? "Gaussian texture of this picture" : `uploaded ${file.kind}`,
        );
        choice.select.value = `upload ${file.id}`;
      } else choice.show(entry, state.upload ? state.upload.name : state.spectrum);
      form.show(entry, state.upload ? "" : state.spectrum);
      check.hidden = !(file && file.kind === "texture");
      write(byId("now-data"), state.upload ? state.upload.name : state.spectrum);
    },
    facts: showFacts,
  };
}
