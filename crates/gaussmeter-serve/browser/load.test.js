import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, engine, setting, settled, shown, table } from "./support.js";

const world = setting();
const SETTING = ["--process", "edm", "--grid", "karras", "--nfe", "20"];

test("it loads without a complaint, and shows curves", async () => {
  const page = await world.open();
  assert.deepEqual(await complaints(page), []);
  assert.equal(await page.title(), "gaussmeter");
  assert.match(await page.textContent("#version"), /^gaussmeter \d/);
  assert.equal(await page.getAttribute("header a", "href"), "https://arxiv.org/abs/2405.14250");
  const coloured = await page.$eval("#figure canvas", (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [low, high] = [Math.min(data[i], data[i + 1], data[i + 2]), Math.max(data[i], data[i + 1], data[i + 2])];
      if (data[i + 3] > 200 && high - low > 60) count++;
    }
    return count;
  });
  assert.ok(coloured > 1000, `${coloured} coloured pixels`);
});

test("the numbers of the table are the engine's", async () => {
  const page = await world.open();
  const rows = await table(page);
  assert.deepEqual(Object.keys(rows), ["ddim", "edm", "dpmpp-2m", "unipc"]);
  for (const [sampler, row] of Object.entries(rows)) {
    const alone = engine("eval", "--sampler", sampler, ...SETTING);
    for (const key of ["steps", "nfe", "w2", "w2_mean", "w2_cov", "w2_per_dim"]) {
      assert.equal(Number(row[key]), alone[key], `${sampler}: ${key}`);
    }
    assert.equal(row.shown.w2, await shown(page, alone.w2));
  }
  const best = Object.entries(rows).reduce((a, b) => (Number(b[1].w2) < Number(a[1].w2) ? b : a))[0];
  assert.equal(await page.$eval(".is-best .row-name", (name) => name.dataset.row), best);
});

test("the readout of the curves has the engine's values", async () => {
  const page = await world.open({ query: "axis=time" });
  await page.focus("#figure .gf-plot");
  await page.keyboard.press("Home");
  const said = await page.textContent("#figure .gf-live");
  const curve = engine("curve", "--sampler", "ddim,edm,dpmpp-2m,unipc", ...SETTING);
  for (const series of curve.series) {
    const name = { sde: "continuous SDE", ode: "continuous ODE" }[series.sampler] || series.sampler;
    const last = await shown(page, series.w2.at(-1));
    assert.ok(said.includes(`${name} ${last}`), `${name} ${last} in: ${said}`);
  }
  assert.match(said, /^t = 0:/);
});

test("the error budget is the engine's, and says where errors cancel", async () => {
  const page = await world.open();
  const { budget, w2 } = engine("eval", "--sampler", "dpmpp-2m", ...SETTING);
  const values = await page.$$eval(".budget data", (cells) => cells.map((cell) => Number(cell.value)));
  assert.deepEqual(values, [budget.initialization, budget.truncation, budget.discretization, w2]);
  assert.ok(w2 < budget.discretization);
  assert.match(
    await page.textContent("#budget"),
    /The total error \d\.\d+ is below the discretization error .*: errors cancel here/,
  );
});

test("the table can be sorted, and a row chosen", async () => {
  const page = await world.open();
  const names = () => page.$$eval("#table .row-name", (buttons) => buttons.map((button) => button.dataset.row));
  const given = await names();
  await page.click('#table [data-column="w2"]');
  const rows = await table(page);
  const values = Object.values(rows).map((row) => Number(row.w2));
  assert.deepEqual(
    values,
    values.slice().sort((a, b) => a - b),
  );
  assert.equal(await page.getAttribute('#table th:has([data-column="w2"])', "aria-sort"), "ascending");
  await page.click('#table [data-column="w2"]');
  await page.click('#table [data-column="w2"]');
  assert.deepEqual(await names(), given);
  await page.click('#table [data-row="ddim"]');
  await settled(page);
  assert.match(await page.textContent("#of-budget"), /ddim/);
  assert.match(await page.textContent("#of-schedule"), /ddim/);
  const { w2 } = engine("eval", "--sampler", "ddim", ...SETTING);
  assert.equal(await page.$eval(".budget .total data", (cell) => Number(cell.value)), w2);
});

test("eigenvalues have a figure of their own", async () => {
  const page = await world.open();
  await page.click("#tab-eigenvalues");
  await settled(page);
  assert.equal(await page.$$eval("#figure .gf-panel", (panels) => panels.length), 2);
  await page.focus("#figure .gf-plot");
  await page.keyboard.press("End");
  const said = await page.textContent("#figure .gf-live");
  const { samplers } = engine("modes", "--sampler", "dpmpp-2m", ...SETTING);
  const largest = samplers[0].modes.reduce((a, b) => (b.eigenvalue > a.eigenvalue ? b : a));
  assert.ok(said.includes(`dpmpp-2m ${await shown(page, largest.std_error)}`), said);
  assert.deepEqual(await complaints(page), []);
});

test("a series is switched off and on by its button, and the plot is zoomed and reset", async () => {
  const page = await world.open();
  const key = page.locator('.gf-key[data-name="ddim"]');
  await key.click();
  assert.equal(await key.getAttribute("aria-pressed"), "false");
  await page.focus("#figure .gf-plot");
  await page.keyboard.press("Home");
  assert.ok(!/\bddim\b/.test(await page.textContent("#figure .gf-live")));
  await key.click();
  const over = await page.locator("#figure .u-over").boundingBox();
  await page.mouse.move(over.x + 100, over.y + 40);
  await page.mouse.down();
  await page.mouse.move(over.x + 400, over.y + 160, { steps: 4 });
  await page.mouse.up();
  assert.equal(await page.isEnabled(".gf-reset"), true);
  await page.mouse.dblclick(over.x + 200, over.y + 100);
  assert.equal(await page.isEnabled(".gf-reset"), false);
});
