import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, engine, file, levels, setting, settled, shown, table } from "./support.js";

const world = setting();
const handle = (page, step) => page.getByRole("slider", { name: `Level of step ${step}`, exact: true });

/** The contributions that the handles tell of. */
const contributions = (page) =>
  page.$$eval(".handle", (handles) =>
    handles.map((one) => one.getAttribute("aria-valuetext").match(/contribution (.*)$/)?.[1]),
  );

async function checkList(page) {
  const list = await levels(page);
  const path = file(world, "levels.txt", list.map((level) => `${level}\n`).join(""));
  const words = ["--process", "edm", "--grid", `sigmas:${path}`];
  const rows = await table(page);
  for (const [sampler, row] of Object.entries(rows)) {
    assert.equal(Number(row.w2), engine("eval", "--sampler", sampler, ...words).w2, sampler);
  }
  const { steps } = engine("steps", "--sampler", "dpmpp-2m", ...words);
  const told = await contributions(page);
  assert.equal(told.length, steps.length);
  for (const [i, step] of steps.entries()) {
    assert.equal(
      told[i],
      await page.evaluate((value) => window.gaussmeterFigure.number(value, 3), step.contribution),
      `step ${i}`,
    );
  }
  return list;
}

test("a level is dragged: the list becomes explicit, and errors and contributions are the engine's", async () => {
  const page = await world.open();
  const before = await levels(page);
  const told = await contributions(page);
  assert.equal(before.length, 21);
  const knob = handle(page, 8);
  await knob.scrollIntoViewIfNeeded();
  const box = await knob.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y - 4, { steps: 8 });
  assert.notEqual(
    await knob.getAttribute("aria-valuenow"),
    String(before[8]),
    "the handle follows while it is dragged",
  );
  await page.mouse.up();
  await settled(page);
  const after = await checkList(page);
  assert.ok(after[8] > before[8]);
  assert.deepEqual(
    after.filter((_, i) => i !== 8),
    before.filter((_, i) => i !== 8),
  );
  assert.notDeepEqual(await contributions(page), told);
  assert.match(await page.textContent("#of-schedule"), /explicit list/);
  assert.deepEqual(await complaints(page), []);
});

test("a level cannot pass its neighbours", async () => {
  const page = await world.open();
  const before = await levels(page);
  const knob = handle(page, 8);
  await knob.scrollIntoViewIfNeeded();
  const box = await knob.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y - 90, { steps: 8 });
  await page.mouse.up();
  await settled(page);
  const list = await checkList(page);
  assert.ok(list[8] < before[7] && list[8] > 0.99 * before[7], `${list[8]} below ${before[7]}`);
});

test("levels are moved with the keys", async () => {
  const page = await world.open();
  const before = await levels(page);
  await handle(page, 0).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Level of step 2");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await settled(page);
  let list = await checkList(page);
  assert.ok(list[2] < before[2]);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Level of step 2");
  assert.match(await page.textContent(".levels-note"), /^Step 2: σ\/α/);
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Level of step 19");
  await page.keyboard.press("PageUp");
  await settled(page);
  list = await checkList(page);
  assert.ok(list[19] > before[19]);
  assert.equal(list[20], 0);
});

test("the list is edited as text, and refused with the reason", async () => {
  const page = await world.open();
  await page.locator("#list summary").click();
  await page.fill("#list-text", "80 10 1 0.1 0");
  await page.click("#list-use");
  await settled(page);
  assert.deepEqual(await checkList(page), [80, 10, 1, 0.1, 0]);
  for (const [text, reason] of [
    ["80 10 20 0", /Level 2, 20, is not below/],
    ["80 x 0", /Level 1 is not a number/],
    ["80", /at least two/],
  ]) {
    await page.fill("#list-text", text);
    await page.click("#list-use");
    assert.match(await page.textContent("#problem-schedule"), reason);
    assert.ok(await page.isVisible("#problem-schedule"));
  }
  await page.fill("#list-text", "100 10 1 0");
  await page.click("#list-use");
  await settled(page);
  assert.match(await page.textContent("#problem-schedule"), /from 0 to 80/);
  assert.deepEqual(await complaints(page, { refused: true }), []);
});

test("the rule comes back", async () => {
  const page = await world.open();
  const before = await table(page);
  await handle(page, 5).focus();
  await page.keyboard.press("PageDown");
  await settled(page);
  assert.notDeepEqual(await table(page), before);
  await page.click("#reset-levels");
  await settled(page);
  assert.deepEqual(await table(page), before);
  assert.equal((await page.$("#reset-levels:visible")) === null, true);
  assert.ok(await shown(page, 1));
});

test("a schedule that starts at infinite noise can be changed too", async () => {
  const page = await world.open({ query: "process=flow&grid=uniform&sampler=euler&steps=6" });
  assert.equal((await levels(page))[0], Infinity);
  await handle(page, 3).focus();
  await page.keyboard.press("PageUp");
  await settled(page);
  const list = await levels(page);
  assert.equal(list[0], Infinity);
  const path = file(world, "flow.txt", list.map((level) => `${level === Infinity ? "inf" : level}\n`).join(""));
  const { w2 } = engine("eval", "--sampler", "euler", "--process", "flow", "--grid", `sigmas:${path}`);
  assert.equal(Number((await table(page)).euler.w2), w2);
});

test("a level is dragged with a finger, on a small screen", async () => {
  const page = await world.open({ width: 390, height: 844, touch: true });
  const before = await levels(page);
  const knob = handle(page, 10);
  await knob.scrollIntoViewIfNeeded();
  const box = await knob.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const touch = await page.context().newCDPSession(page);
  const send = (type, points) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  await send("touchStart", [{ x, y }]);
  for (let i = 1; i <= 6; i++) await send("touchMove", [{ x, y: y + i }]);
  await send("touchEnd", []);
  await settled(page);
  const after = await checkList(page);
  assert.ok(after[10] < before[10] && after[10] > before[11], `${before[10]} to ${after[10]}`);
});
