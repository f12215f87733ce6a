/** Pictures from a model that has eigenvectors: exact ones beside the sampler's, from the same noise. */

import { Latest } from "./api.js";
import { atMost, byId, html, write } from "./dom.js";
import { short } from "./numbers.js";
import { samplesQuestion } from "./state.js";

const COUNT = 1;
const INTERVAL = 80;
const GAP = 2;

const TITLES = { exact: "exact", ode: "exact (ODE)", sampler: "by the sampler", difference: "difference" };

/** Cuts a sheet with one row per sample into its pictures: {column, row, draw(canvas)}. */
function pieces(image, { columns, width, height }) {
  const rows = Math.round((image.naturalHeight + GAP) / (height + GAP));
  return Array.from({ length: rows * columns.length }, (_, i) => {
    const [row, k] = [Math.floor(i / columns.length), i % columns.length];
    const draw = (canvas) => {
      canvas.width = width;
      canvas.height = height;
      const from = [k * (width + GAP), row * (height + GAP)];
      canvas.getContext("2d").drawImage(image, ...from, width, height, 0, 0, width, height);
    };
    return { column: columns[k], row, draw };
  });
}

export function samples({ store, drawable }) {
  const block = byId("block-samples");
  const problem = byId("problem-samples");
  const tiles = html("div", { class: "tiles", id: "tiles" });
  const about = html("p", { class: "about" });
  byId("samples").append(tiles, about);
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
  let newest = 0;

  function show(message) {
    problem.hidden = message === null;
    write(problem, message || "");
  }

  /** Canvases are kept, so that pictures change without a flicker. */
  function drawTiles(found, gain) {
    while (tiles.children.length > found.length) tiles.lastChild.remove();
    while (tiles.children.length < found.length) {
      tiles.append(html("figure", { class: "tile" }, html("canvas", { role: "img" }), html("figcaption")));
    }
    found.forEach(({ column, draw }, i) => {
      const [canvas, title] = tiles.children[i].children;
      const text = column === "difference" && gain ? `difference × ${short(gain, 3)}` : TITLES[column] || column;
      canvas.id = `tile-${column}-${i}`;
      canvas.setAttribute("aria-label", `Sample, ${text}`);
      write(title, text);
      draw(canvas);
    });
  }

  const latest = new Latest("/api/samples", {
    busy: () => {},
    answer: async ({ png, document: told }) => {
      const image = new Image();
      image.src = png;
      const mine = ++newest;
      await image.decode();
      if (mine !== newest) return;
      show(null);
      tiles.classList.remove("stale");
      write(about, told.about);
      drawTiles(pieces(image, told), told.gain);
    },
    problem: (error) => {
      tiles.classList.add("stale");
      show(error.message);
    },
  });
  const ask = atMost((question) => latest.ask(question), INTERVAL);

  return {
    show(state) {
      const can = drawable(state);
      block.hidden = !can;
      byId("first").classList.toggle("with-samples", can);
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
