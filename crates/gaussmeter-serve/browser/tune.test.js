import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { complaints, engine, levels, processorSeconds, setting, settled, table, toast } from "./support.js";

const world = setting();
const knobs = (page) =>
  page.$$eval(".handle", (handles) => handles.map((one) => Number(one.getAttribute("aria-valuenow"))));

test("a search moves the levels, and ends in a smaller error", async () => {
  const page = await world.open();
  const before = Number((await table(page))["dpmpp-2m"].w2);
  await page.selectOption("#objective", "w2");
  const start = await knobs(page);
  await page.click("#tune");
  await page.waitForFunction(() =>
    /[1-9]\d* evaluations, best/.test(document.getElementById("tune-progress").textContent),
  );
  await page.waitForFunction(
    (first) =>
      [...document.querySelectorAll(".handle")].some(
        (one, i) => Number(one.getAttribute("aria-valuenow")) !== first[i],
      ),
    start,
  );
  assert.ok(await page.isVisible("#cancel"));
  await page.waitForSelector("#tune-outcome:not(:empty)", { timeout: 120000 });
  await settled(page);
  const after = Number((await table(page))["dpmpp-2m"].w2);
  assert.ok(after < 0.1 * before, `${before} before, ${after} after`);
  const text = await page.textContent("#tune-outcome");
  const said = text.match(/^W2 of dpmpp-2m: (\S+) before, (\S+) after/);
  assert.ok(said, text);
  assert.ok(
    Math.abs(Number(said[1]) / before - 1) < 1e-3 && Math.abs(Number(said[2].replace("e-", "e-")) / after - 1) < 1e-3,
    text,
  );
  const best = engine(
    "tune",
    "--sampler",
    "dpmpp-2m",
    "--process",
    "edm",
    "--nfe",
    "20",
    "--eps",
    "0",
    "--objective",
    "w2",
  );
  assert.deepEqual(await levels(page), best.sigmas);
  assert.deepEqual(await complaints(page), []);
});

test("a search is cancelled: the levels are as they were, and the server is idle", async () => {
  const page = await world.open({ query: "nfe=60&objective=w2" });
  const before = await table(page);
  const start = await levels(page);
  await page.click("#tune");
  await page.waitForFunction(() => /[1-9]\d* evaluations/.test(document.getElementById("tune-progress").textContent));
  await page.click("#cancel");
  await page.waitForSelector("#cancel", { state: "hidden" });
  await settled(page);
  assert.deepEqual(await levels(page), start);
  assert.deepEqual(await table(page), before);
  await toast(page, /Cancelled/);
  if (world.pid !== null) {
    await sleep(300);
    const used = processorSeconds(world.pid);
    await sleep(1000);
    const more = processorSeconds(world.pid) - used;
    assert.ok(more < 0.1, `${more} s of processor in a second after the search was cancelled`);
  }
  await page.click("#tune");
  await page.waitForFunction(() => /[1-9]\d* evaluations/.test(document.getElementById("tune-progress").textContent));
  await page.click("#keep");
  await page.waitForSelector("#keep", { state: "hidden" });
  await settled(page);
  assert.notDeepEqual(await levels(page), start);
  assert.deepEqual(await complaints(page), []);
});
