import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { complaints, file, picture, setting, settled } from "./support.js";

const world = setting();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(
    (tags) => window.axe.run(document, { runOnly: { type: "tag", values: tags } }),
    RULES,
  );
  return found.violations.map(
    (one) =>
      `${one.id}: ${one.nodes
        .slice(0, 4)
        .map((node) => `${node.target} ${node.failureSummary}`)
        .join("; ")}`,
  );
}

/** Elements that stick out of the window, apart from what can be scrolled to. */
const overflowing = (page) =>
  page.evaluate(() => {
    const wide = [];
    if (document.documentElement.scrollWidth > innerWidth)
      wide.push(`the page: ${document.documentElement.scrollWidth} of ${innerWidth}`);
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest(".scroll, .unseen, .gf-readout, .u-over, .skip, .toast")) continue;
      const box = element.getBoundingClientRect();
      if (box.width > 0 && box.right > innerWidth + 1)
        wide.push(`${element.tagName} ${element.id} ${element.className.baseVal ?? element.className}`);
    }
    return wide;
  });

for (const scheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    test(`${scheme}, ${width} pixels: nothing sticks out, labels and contrast are right`, async () => {
      const page = await world.open({ scheme, width, height: width === 390 ? 844 : 900 });
      assert.deepEqual(await overflowing(page), []);
      assert.deepEqual(await violations(page), []);

      for (const group of await page.$$(".group")) await group.evaluate((one) => (one.open = true));
      for (const more of await page.$$(".more, #list")) await more.evaluate((one) => (one.open = true));
      await page.getByRole("slider", { name: "Level of step 4", exact: true }).focus();
      await page.keyboard.press("PageDown");
      await page.setInputFiles("#file", file(world, "waves.png", picture(48)));
      await page.waitForSelector("#tile-sampler-1");
      await settled(page);
      await page.click("#tab-eigenvalues");
      await settled(page);
      assert.deepEqual(await overflowing(page), []);
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(await complaints(page), []);
    });
  }
}

test("the appearance that was chosen stays", async () => {
  const page = await world.open({ scheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.selectOption("#theme", "dark");
  assert.notEqual(await paper(), light);
  await page.reload();
  await settled(page);
  assert.notEqual(await paper(), light);
  assert.deepEqual(await violations(page), []);
  await page.selectOption("#theme", "system");
  assert.equal(await paper(), light);
});

test("the explanation is there at first, and not again once it was hidden", async () => {
  const page = await world.open();
  assert.ok(await page.isVisible("#about"));
  await page.click("#explained");
  assert.ok(await page.isHidden("#about"));
  await page.reload();
  await settled(page);
  assert.ok(await page.isHidden("#about"));
  await page.click("#explain");
  assert.ok(await page.isVisible("#about"));
});

test("the layout does not jump while a slider moves", async () => {
  const page = await world.open();
  const places = () =>
    page.evaluate(() =>
      ["#figure canvas", "#table", "#budget", "#schedule .levels", "#tune"].map(
        (one) => document.querySelector(one).getBoundingClientRect().top,
      ),
    );
  const before = await places();
  const range = page.getByRole("slider", { name: "Length", exact: true });
  for (let i = 0; i < 12; i++) {
    await range.press("ArrowRight");
    const now = await places();
    now.forEach((top, k) => assert.ok(Math.abs(top - before[k]) <= 40, `element ${k} moved by ${top - before[k]}`));
    assert.equal(now[0], before[0]);
    assert.equal(now[1], before[1]);
  }
});
