import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { complaints, setting } from "./support.js";

const world = setting();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** The report of a small spectrum, opened as a file. */
async function opened(options = {}) {
  const page = await world.open({ ...options, bare: true });
  const path = join(world.folder, "report.html");
  const words = "report --spectrum power-law:d=60,alpha=1.5 --sampler ddim,dpmpp-2m --nfe 8 --columns 5,8".split(" ");
  execFileSync(process.env.GAUSSMETER_CLI, [...words, "-o", path]);
  await page.goto(pathToFileURL(path).href);
  return page;
}

test("a report is explored without a network", async () => {
  const page = await opened();
  const live = await page.$$eval("figure.live", (figures) => figures.length);
  assert.ok(live >= 6, `${live} figures to explore`);
  assert.ok((await page.$$eval("figure svg[role=img]", (drawings) => drawings.length)) > live);
  // The lines of the first figure are read with the keyboard, and switched off by their names.
  await page.locator(".gf-plot").first().focus();
  await page.keyboard.press("Home");
  const said = await page.locator(".gf-live").first().textContent();
  assert.match(said, /network evaluations = 5: .*best 0\.\d/);
  const key = page.locator(".gf-key").first();
  await key.click();
  assert.equal(await key.getAttribute("aria-pressed"), "false");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save levels.txt" }).click();
  const text = readFileSync(await (await download).path(), "utf8");
  assert.equal(text, await page.$eval('[data-file="levels.txt"] pre', (block) => block.textContent));
  assert.ok(text.startsWith("80\n") && text.endsWith("0.0\n"), text);
  assert.deepEqual(await complaints(page), []);
});

test("a report is printed as its figures are drawn, with what is folded", async () => {
  const page = await opened();
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.$$eval(".live canvas", (all) => all.filter((one) => one.offsetParent).length), 0);
  const hidden = await page.$$eval("figure .drawn", (all) => all.filter((one) => !one.offsetParent).length);
  assert.equal(hidden, 0);
  assert.equal(await page.$$eval("details", (all) => all.every((one) => one.open)), true);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await page.$$eval("details", (all) => all.some((one) => one.open)), false);
  const pages = await page.pdf({ format: "A4" });
  assert.ok(pages.subarray(0, 5).toString() === "%PDF-" && pages.length > 50_000);
});

for (const scheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    test(`a report in ${scheme}, ${width} pixels: labels and contrast are right, nothing sticks out`, async () => {
      const page = await opened({ scheme, width });
      await page.evaluate(axe);
      const found = await page.evaluate(
        (tags) => window.axe.run(document, { runOnly: { type: "tag", values: tags } }),
        RULES,
      );
      const told = found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.target)}`);
      assert.deepEqual(told, []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    });
  }
}
