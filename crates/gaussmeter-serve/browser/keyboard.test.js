import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, engine, setting, settled, table } from "./support.js";

const world = setting();

const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
    return {
      tag: element.tagName,
      id: element.id,
      role: element.getAttribute("role"),
      name: name.trim().slice(0, 60),
    };
  });

/** Presses Tab until an element that fits has the focus. */
async function tabTo(page, fits) {
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (fits(now)) return now;
  }
  throw new Error(`no such element in 150 presses of Tab: ${fits}`);
}

test("the main task needs no mouse", async () => {
  const page = await world.open();
  await tabTo(page, (one) => one.role === "combobox");
  await page.keyboard.type("deis");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await settled(page);
  assert.ok("deis" in (await table(page)));
  await tabTo(page, (one) => one.tag === "INPUT" && one.name === "Length");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Tab");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown");
  await settled(page);
  const { w2 } = engine("eval", "--sampler", "deis", "--process", "edm", "--grid", "karras", "--nfe", "16");
  assert.equal(Number((await table(page)).deis.w2), w2);
  await tabTo(page, (one) => one.name === "Level of step 0");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await settled(page);
  assert.match(await page.textContent("#of-schedule"), /explicit list/);
  await tabTo(page, (one) => one.id === "tune");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "cancel");
  await page.waitForFunction(() => /[1-9]\d* evaluations/.test(document.getElementById("tune-progress").textContent));
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "tune");
  assert.deepEqual(await complaints(page), []);
});

test("Tab reaches everything, shows where it is, and comes to the end", async () => {
  const page = await world.open();
  const seen = [];
  const unmarked = [];
  for (let i = 0; i < 200; i++) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (now.tag === "BODY") break;
    seen.push(now);
    const marked = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const knob = element.querySelector?.(".knob");
      const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
      return outlined || (knob !== null && knob !== undefined && getComputedStyle(knob).r === "7px");
    });
    if (!marked) unmarked.push(now);
  }
  assert.deepEqual(unmarked, []);
  assert.ok(seen.length < 200, "the end is reached");
  const ids = seen.map((one) => one.id);
  for (const id of ["copy-link", "copy-command", "copy-python", "theme", "tab-along", "tune"])
    assert.ok(ids.includes(id), `${id} is not among ${ids}`);
  assert.equal(seen.filter((one) => /^Level of step/.test(one.name)).length, 1, "handles are one stop of Tab");
});

test("the first stop leads to the results", async () => {
  const page = await world.open();
  await page.keyboard.press("Tab");
  assert.equal((await focused(page)).name, "Skip to the results");
  await page.keyboard.press("Enter");
  assert.equal((await focused(page)).id, "results");
});

test("the search for samplers can be left, and the tabs are one stop", async () => {
  const page = await world.open();
  await page.getByRole("combobox", { name: "Add a sampler" }).focus();
  await page.keyboard.type("zzzz");
  assert.match(await page.textContent("[role=listbox]"), /No other sampler matches/);
  await page.keyboard.press("Escape");
  assert.ok(await page.isHidden("[role=listbox]"));
  await page.focus("#tab-along");
  await page.keyboard.press("ArrowRight");
  await settled(page);
  assert.equal((await focused(page)).id, "tab-eigenvalues");
  assert.equal(await page.getAttribute("#tab-eigenvalues", "aria-selected"), "true");
});
