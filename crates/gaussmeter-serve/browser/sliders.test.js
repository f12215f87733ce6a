import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, engine, setting, settled, table } from "./support.js";

const world = setting();

async function check(page, words) {
  const rows = await table(page);
  for (const [sampler, row] of Object.entries(rows)) {
    assert.equal(Number(row.w2), engine("eval", "--sampler", sampler, ...words).w2, `${sampler} ${words.join(" ")}`);
  }
}

const slider = (page, name) => page.getByRole("slider", { name, exact: true });
const number = (page, name) => page.getByRole("textbox", { name, exact: true });

/** Moves a slider by the mouse, to a share of its width. */
async function drag(page, name, share) {
  const range = slider(page, name);
  await range.scrollIntoViewIfNeeded();
  const box = await range.boundingBox();
  const y = box.y + box.height / 2;
  const from = box.x + (box.width * Number(await range.inputValue())) / 1000;
  await page.mouse.move(from, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * share, y, { steps: 12 });
  await page.mouse.up();
  await settled(page);
}

test("the length is moved by the mouse, by keys and as a number", async () => {
  const page = await world.open();
  await drag(page, "Length", 0.6);
  const field = number(page, "Length");
  const length = Number(await field.inputValue());
  assert.ok(length > 20 && length < 200, `${length} evaluations`);
  await check(page, ["--process", "edm", "--grid", "karras", "--nfe", String(length)]);

  await slider(page, "Length").press("ArrowLeft");
  await settled(page);
  assert.equal(Number(await field.inputValue()), length - 1);
  await field.fill("13");
  await field.press("Enter");
  await settled(page);
  await check(page, ["--process", "edm", "--grid", "karras", "--nfe", "13"]);
  assert.deepEqual(await complaints(page), []);
});

test("truncation, start, process and schedule follow", async () => {
  const page = await world.open();
  await page.getByLabel("Process", { exact: true }).selectOption("vp-linear");
  await page.getByLabel("Schedule", { exact: true }).selectOption("uniform");
  await settled(page);
  await check(page, ["--process", "vp-linear", "--grid", "uniform", "--nfe", "20"]);
  await page.getByLabel("Start", { exact: true }).selectOption("exact");
  await drag(page, "eps truncation", 0.75);
  const eps = await number(page, "truncation").inputValue();
  assert.ok(Number(eps) > 0);
  await check(page, ["--process", "vp-linear", "--grid", "uniform", "--nfe", "20", "--init", "exact", "--eps", eps]);
});

test("parameters of the schedule and of a sampler are words like any others", async () => {
  const page = await world.open();
  await page.locator("#group-steps .more summary").click();
  await page.getByLabel("rho", { exact: true }).fill("5");
  await page.getByLabel("rho", { exact: true }).press("Enter");
  await settled(page);
  await check(page, ["--process", "edm", "--grid", "karras:rho=5", "--nfe", "20"]);
  await page.locator("#group-samplers .more summary").click();
  await page.getByLabel("solver", { exact: true }).selectOption("heun");
  await settled(page);
  assert.deepEqual(Object.keys(await table(page)), ["ddim", "edm", "dpmpp-2m:solver=heun", "unipc"]);
  await check(page, ["--process", "edm", "--grid", "karras:rho=5", "--nfe", "20"]);
});

test("an error of the network has a slider", async () => {
  const page = await world.open();
  await drag(page, "δ error of the score", 0.25);
  const percent = Number(await number(page, "error of the score, in %").inputValue());
  assert.ok(percent < -5 && percent > -15, `${percent} %`);
  const delta = Number((percent / 100).toPrecision(9));
  const words = ["--process", "edm", "--grid", "karras", "--nfe", "20", "--network", `gain:delta=${delta}`];
  await check(page, words);
  const { budget } = engine("eval", "--sampler", "dpmpp-2m", ...words);
  const values = await page.$$eval(".budget data", (cells) => cells.map((cell) => Number(cell.value)));
  assert.ok(values.includes(budget.score), "the score is a part of the budget");
});

test("guidance has a slider", async () => {
  const page = await world.open({ query: "network=guided:w=2,class=cifar10-icml2025" });
  await drag(page, "w guidance weight", 0.5);
  const weight = await number(page, "guidance weight").inputValue();
  await check(page, [
    "--process",
    "edm",
    "--grid",
    "karras",
    "--nfe",
    "20",
    "--network",
    `guided:w=${weight},class=cifar10-icml2025`,
  ]);
});

test("samplers are found by what they are called elsewhere, added and removed", async () => {
  const page = await world.open();
  const search = page.getByRole("combobox", { name: "Add a sampler" });
  await search.fill("sample_heunpp2");
  await search.press("Enter");
  await settled(page);
  assert.deepEqual(Object.keys(await table(page)), ["ddim", "edm", "dpmpp-2m", "unipc", "heunpp2"]);
  await page.getByRole("button", { name: "Remove ddim" }).click();
  await settled(page);
  assert.deepEqual(Object.keys(await table(page)), ["edm", "dpmpp-2m", "unipc", "heunpp2"]);
  await check(page, ["--process", "edm", "--grid", "karras", "--nfe", "20"]);
});

test("a sampler that cannot run says why, and the others go on", async () => {
  const page = await world.open({ query: "sampler=dpmpp-2m&sampler=ddpm" });
  const failed = await page.textContent("#table .failed");
  assert.match(failed, /ddpm.*variance-preserving/);
  assert.ok((await table(page))["dpmpp-2m"].w2);
});

test("what cannot be leaves a message beside the control and the last numbers, greyed", async () => {
  const page = await world.open();
  const before = await table(page);
  await page.locator("#group-steps .more summary").click();
  await page.getByLabel("rho", { exact: true }).fill("-1");
  await page.getByLabel("rho", { exact: true }).press("Enter");
  await settled(page);
  const alert = page.locator("#group-steps [role=alert]");
  assert.ok(await alert.isVisible());
  assert.match(await alert.textContent(), /rho/);
  assert.deepEqual(await table(page), before);
  assert.ok(await page.$eval("#results", (results) => results.classList.contains("stale")));
  await page.getByLabel("rho", { exact: true }).fill("7");
  await page.getByLabel("rho", { exact: true }).press("Enter");
  await settled(page);
  assert.ok(await alert.isHidden());
  assert.ok(!(await page.$eval("#results", (results) => results.classList.contains("stale"))));
  assert.deepEqual(await complaints(page, { refused: true }), []);
});

test("a number that is none is said to be none", async () => {
  const page = await world.open();
  const field = number(page, "Length");
  await field.fill("many");
  await field.press("Enter");
  assert.match(await page.textContent("#group-steps [role=alert]"), /“many” is not a whole number/);
  assert.equal(await field.getAttribute("aria-invalid"), "true");
});

test("infinite numbers say why they are", async () => {
  const page = await world.open({
    query: "spectrum=cifar10-icml2025&process=vp-linear&grid=uniform&eps=0&sampler=em&sampler=heun",
  });
  assert.equal((await table(page)).heun.w2, "inf");
  assert.equal((await table(page)).heun.shown.w2, "∞");
  assert.match(await page.textContent("#table-notes"), /^heun is infinite: step \d+ evaluates .* at t = 0/);
  assert.deepEqual(await complaints(page), []);
});

test("what has come of a change is told to those who do not see it", async () => {
  const page = await world.open();
  await slider(page, "Length").press("ArrowRight");
  await settled(page);
  await page.waitForFunction(() => /^W2: dpmpp-2m/.test(document.getElementById("spoken").textContent));
  const rows = await table(page);
  await page.waitForFunction(
    (text) => document.getElementById("spoken").textContent === text,
    `W2: ${["dpmpp-2m", "ddim", "edm", "unipc"].map((name) => `${name} ${rows[name].shown.w2}`).join(", ")}`,
  );
});

test("a server that has gone is said to be gone, and the numbers stay", async () => {
  const page = await world.open();
  const before = await table(page);
  await page.context().setOffline(true);
  await slider(page, "Length").press("ArrowRight");
  await settled(page);
  assert.match(
    await page.textContent("#group-steps [role=alert]"),
    /does not answer\. Is gaussmeter serve still running\?/,
  );
  assert.deepEqual(await table(page), before);
  await page.context().setOffline(false);
  await slider(page, "Length").press("ArrowRight");
  await settled(page);
  assert.notDeepEqual(await table(page), before);
  assert.ok(await page.locator("#group-steps [role=alert]").isHidden());
});
