import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, setting } from "./support.js";

const world = setting();

/** Draws a figure in a place of its own, and returns what can be asked of it. */
async function draw(page, figure, options = {}) {
  await page.evaluate(
    ([one, how]) => {
      document.body.replaceChildren();
      const place = document.createElement("div");
      place.style.width = "700px";
      document.body.append(place);
      window.drawn = window.gaussmeterFigure.draw(place, one, how);
    },
    [figure, options],
  );
  await page.waitForSelector(".gf canvas");
}

/** What the arrow keys say, from one end of a plot to the other. */
async function readings(page, plot = 0, keys = ["Home", ...Array(8).fill("ArrowRight")]) {
  await page.locator(".gf-plot").nth(plot).focus();
  const said = [];
  for (const key of keys) {
    await page.keyboard.press(key);
    said.push(await page.textContent(".gf-live"));
  }
  return [...new Set(said)];
}

/** How many pixels of a plot are near a colour. */
const painted = (page, colour, plot = 0) =>
  page.evaluate(
    ([[r, g, b], k]) => {
      const canvas = document.querySelectorAll(".gf canvas")[k];
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        const near = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40;
        if (near && data[i + 3] > 150) count++;
      }
      return count;
    },
    [colour, plot],
  );

const BLUE = [0, 114, 178];
const linear = (label) => ({ label, scale: "linear" });
const log = (label, rest = {}) => ({ label, scale: "log", ...rest });

test("lines on logarithmic axes: gaps are gaps, infinite and missing numbers are left out", async () => {
  const page = await world.open({ bare: true });
  const series = { name: "one", role: "main", marks: "line", x: [1, 10, 100, 1000], y: [0.1, null, 1e-3, 0] };
  await draw(page, {
    title: "Gaps",
    panels: [{ title: "", x: log("x"), y: log("y"), series: [series] }],
    notes: ["A note."],
  });
  assert.deepEqual(await readings(page), ["x = 1: one 0.1000", "x = 100: one 0.001000"]);
  assert.equal(await page.textContent(".gf-notes"), "A note.");
  assert.ok((await painted(page, BLUE)) > 5, "single points are dots");
  assert.deepEqual(await complaints(page), []);
});

test("zero has a place on a logarithmic axis that gives it one", async () => {
  const page = await world.open({ bare: true });
  const series = { name: "one", role: "main", marks: "line", x: [10, 1, 0.1, 0], y: [1, 2, 3, 4] };
  const x = log("σ/α", { reversed: true, zeroAt: 0.01 });
  await draw(page, { panels: [{ x, y: linear("y"), series: [series] }] });
  assert.deepEqual(await readings(page), [
    "σ/α = 10: one 1.000",
    "σ/α = 1: one 2.000",
    "σ/α = 0.1: one 3.000",
    "σ/α = 0: one 4.000",
  ]);
});

test("points with error bars, bars on names, bands", async () => {
  const page = await world.open({ bare: true });
  const panels = [
    {
      title: "Points",
      x: log("NFE"),
      y: log("W2"),
      series: [{ name: "p", marks: "points", x: [10, 20], y: [1, 0.5], low: [0.8, 0.4], high: [1.3, 0.6] }],
    },
    {
      title: "Bars",
      x: { label: "part", scale: "names", names: ["start", "steps"] },
      y: linear("W2"),
      series: [
        { name: "before", marks: "bars", x: [0, 1], y: [1, 3] },
        { name: "after", marks: "bars", x: [0, 1], y: [1, 2] },
      ],
    },
    {
      title: "Band",
      x: linear("t"),
      y: linear("y"),
      series: [{ name: "band", marks: "band", x: [0, 1, 2], low: [0, 1, 2], high: [1, 3, 4] }],
    },
    {
      title: "Flat bars",
      x: linear("W2"),
      y: { label: "", scale: "names", names: ["a", "b"] },
      series: [{ name: "flat", marks: "bars", y: [0, 1], x: [5, 7] }],
    },
  ];
  await draw(page, { title: "All marks", panels });
  assert.deepEqual(await readings(page, 0), [
    "NFE = 10: p 1.000 (0.800 to 1.30)",
    "NFE = 20: p 0.5000 (0.400 to 0.600)",
  ]);
  assert.deepEqual(await readings(page, 1), ["start: before 1.000, after 1.000", "steps: before 3.000, after 2.000"]);
  assert.deepEqual(await readings(page, 2), [
    "t = 0: band 0 to 1.000",
    "t = 1: band 1.000 to 3.000",
    "t = 2: band 2.000 to 4.000",
  ]);
  assert.deepEqual(await readings(page, 3, ["Home", "ArrowDown"]), ["a: flat 5.000", "b: flat 7.000"]);
  assert.equal(await page.$$eval(".gf-key", (keys) => keys.length), 5);
  assert.deepEqual(await complaints(page), []);
});

test("names keep their colours when a figure changes, and what was switched off stays off", async () => {
  const page = await world.open({ bare: true });
  const series = (name, y) => ({ name, role: "main", marks: "line", x: [0, 1], y: [y, y] });
  const figure = (all) => ({ panels: [{ x: linear("x"), y: linear("y"), series: all }] });
  await draw(page, figure([series("a", 1), series("b", 2)]));
  const colour = () => page.$eval('.gf-key[data-name="b"] line', (line) => line.style.stroke);
  const before = await colour();
  assert.ok((await painted(page, BLUE)) > 300);
  await page.click('.gf-key[data-name="a"]');
  assert.equal(await painted(page, BLUE), 0);
  await page.evaluate((next) => window.drawn.update(next), figure([series("b", 3), series("c", 4), series("a", 1)]));
  assert.equal(await colour(), before);
  assert.equal(await page.getAttribute('.gf-key[data-name="a"]', "aria-pressed"), "false");
  assert.equal(await painted(page, BLUE), 0);
  await page.evaluate(() => window.drawn.destroy());
  assert.equal(await page.$(".gf"), null);
});

test("a steady axis grows at once, and shrinks when the data have come to rest", async () => {
  const page = await world.open({ bare: true, motion: "reduce" });
  const figure = (y) => ({
    panels: [
      { x: linear("x"), y: log("y"), series: [{ name: "a", role: "main", marks: "line", x: [0, 1], y: [y, y] }] },
    ],
  });
  await draw(page, figure(0.5), { steady: true });
  const row = async () => {
    const box = await page.locator(".u-over").boundingBox();
    const place = await page.evaluate(([r, g, b]) => {
      const canvas = document.querySelector(".gf canvas");
      const { data } = canvas.getContext("2d").getImageData(Math.floor(canvas.width / 2), 0, 1, canvas.height);
      for (let y = 0; y < canvas.height; y++) {
        if (Math.abs(data[4 * y] - r) + Math.abs(data[4 * y + 1] - g) + Math.abs(data[4 * y + 2] - b) < 40) return y;
      }
      return -1;
    }, BLUE);
    return place / box.height;
  };
  const first = await row();
  await page.evaluate((next) => window.drawn.update(next), figure(0.45));
  const second = await row();
  assert.ok(Math.abs(second - first) < 0.1, `${first} to ${second}: decades are kept`);
  await page.evaluate((next) => window.drawn.update(next), figure(5e-4));
  await page.evaluate((next) => window.drawn.update(next), figure(0.5));
  const wide = await row();
  assert.ok(wide < 0.2, `${wide}: the smaller value is still in view`);
  await page.waitForTimeout(1200);
  assert.ok(Math.abs((await row()) - first) < 0.02, "and is not any more after a while");
});
