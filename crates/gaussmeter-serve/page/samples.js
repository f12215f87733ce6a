/** Pictures from a model that has eigenvectors: exact ones beside the sampler's, from the same noise. */

import { Latest } from "./api.js";
import { afterPause, byId, html, write } from "./dom.js";
import { short } from "./numbers.js";
import { samplesQuestion } from "./state.js";

const COUNT = 2;
const PAUSE = 120;
const WIDEST = 1100;

const TITLES = { exact: "exact", ode: "exact (ODE)", sampler: "by the sampler", difference: "difference" };

export function samples({ store, drawable }) {
  const block = byId("block-samples");
  const problem = byId("problem-samples");
  const picture = html("img", { id: "picture", alt: "" });
  const titles = html("div", { class: "picture-titles", "aria-hidden": "true" });
  const caption = html("figcaption", { class: "about" });
  const figure = html("figure", { class: "picture" }, titles, picture, caption);
  byId("samples").append(figure);
  const seed = html("input", {
    type: "text",
    inputmode: "numeric",
    id: "seed",
    class: "number",
    autocomplete: "off",
  });
  const next = html("button", {
    type: "button",
    id: "new-noise",
    text: "New noise",
    on: { click: () => store.set({ seed: store.state.seed + 1 }, "samples") },
  });
  seed.addEventListener("change", () => {
    const value = Number(seed.value);
    if (Number.isInteger(value) && value >= 0) return store.set({ seed: value }, "samples");
    seed.setAttribute("aria-invalid", "true");
    show(`Seed: “${seed.value}” is not a whole number of at least 0.`);
  });
  byId("tools-samples").append(html("label", { for: "seed", text: "Seed" }), seed, next);
  let asked = null;

  function show(message) {
    problem.hidden = message === null;
    write(problem, message || "");
  }

  const latest = new Latest("/api/samples", {
    busy: () => {},
    answer: (answer) => {
      show(null);
      figure.classList.remove("stale");
      const { document } = answer;
      picture.src = answer.png;
      picture.alt = document.about;
      const wide = document.columns.length * (document.width + 2) - 2;
      const scale = Math.max(1, Math.min(Math.floor(WIDEST / wide), Math.floor(640 / document.width)));
      picture.style.width = `${wide * scale}px`;
      titles.style.width = `min(100%, ${wide * scale}px)`;
      titles.replaceChildren(
        ...document.columns.map((column) => {
          const gain = column === "difference" && document.gain ? ` × ${short(document.gain, 3)}` : "";
          return html("span", { text: `${TITLES[column] || column}${gain}` });
        }),
      );
      write(caption, document.about);
    },
    problem: (error) => {
      figure.classList.add("stale");
      show(error.message);
    },
  });
  const ask = afterPause((question) => latest.ask(question), PAUSE);

  return {
    show(state) {
      const can = drawable(state);
      block.hidden = !can;
      if (document.activeElement !== seed) seed.value = String(state.seed);
      seed.removeAttribute("aria-invalid");
      if (!can || !state.detail) {
        asked = null;
        return;
      }
      write(byId("of-samples"), `of ${state.detail}`);
      const question = samplesQuestion(state, COUNT);
      const key = JSON.stringify(question);
      if (key === asked) return;
      asked = key;
      ask(question);
    },
  };
}
