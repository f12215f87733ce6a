import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { complaints, setting, settled, shell, table, toast } from "./support.js";

const world = setting();
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

const STATE =
  "spectrum=power-law:d=64,alpha=1.2&process=vp-linear&grid=uniform&sampler=euler&sampler=heun&sampler=dpmpp-2m:solver=heun" +
  "&detail=heun&steps=12&eps=0.002&init=exact&network=gain:delta=-0.03&metric=kl-forward&target=data&axis=time&view=eigenvalues";

test("every state has an address, and the address has the state", async () => {
  const page = await world.open({ query: STATE });
  const rows = await table(page);
  assert.deepEqual(Object.keys(rows), ["euler", "heun", "dpmpp-2m:solver=heun"]);
  await page.click("#copy-link");
  await toast(page, /Copied/);
  const link = new URL(await clipboard(page));
  const sorted = (query) => [...new URLSearchParams(query)].map(([key, value]) => `${key}=${value}`).sort();
  assert.deepEqual(sorted(link.search), sorted(STATE));
  await page.goto(link.href);
  await settled(page);
  assert.deepEqual(await table(page), rows);
  assert.equal(await page.getAttribute("#tab-eigenvalues", "aria-selected"), "true");
  assert.deepEqual(await complaints(page), []);
});

test("the address follows, levels too", async () => {
  const page = await world.open();
  await page.getByRole("slider", { name: "Level of step 4", exact: true }).focus();
  await page.keyboard.press("PageDown");
  await settled(page);
  await page.waitForFunction(() => /levels=/.test(location.search));
  const rows = await table(page);
  await page.reload();
  await settled(page);
  assert.deepEqual(await table(page), rows);
  assert.match(await page.textContent("#of-schedule"), /explicit list/);
});

test("an address with nonsense shows what is wrong, or what is usual", async () => {
  const page = await world.open({ query: "nfe=many&eps=x&levels=1,2,3&view=upside-down&sampler=no-such-sampler" });
  const text = await page.textContent("body");
  assert.match(text, /no-such-sampler/);
  const alerts = await page.$$eval("[role=alert]", (all) =>
    all.filter((one) => !one.hidden).map((one) => one.textContent),
  );
  const failed = await page.$$eval("#table .failed", (all) => all.map((one) => one.textContent));
  assert.ok(
    [...alerts, ...failed].some((one) => /no-such-sampler/.test(one)),
    JSON.stringify({ alerts, failed }),
  );
  assert.deepEqual(await complaints(page, { refused: true }), []);
});

test("an upload that is gone is said to be gone", async () => {
  const page = await world.open({ query: "upload=0123456789abcdef&name=lost.npz" });
  assert.match(await page.textContent("#group-data [role=alert]"), /lost\.npz is not on this server/);
});

test("the copied command prints the same number", async () => {
  const page = await world.open({
    query: "process=vp-linear&grid=uniform&sampler=heun&nfe=30&network=gain:delta=0.01",
  });
  await page.click("#copy-command");
  await toast(page, /Copied: gaussmeter eval/);
  const command = await clipboard(page);
  assert.match(command, /^gaussmeter eval /);
  assert.equal(shell(command, world.folder).w2, Number((await table(page)).heun.w2));
  await page.click("#copy-curve");
  await toast(page, /Copied: gaussmeter curve/);
  const curve = shell(await clipboard(page), world.folder);
  assert.equal(curve.command, "curve");
  await page.click("#copy-python");
  await toast(page, /Copied: Python/);
  assert.match(await clipboard(page), /gm\.evaluate\(/);
});

test("the copied command reads the saved list", async () => {
  const page = await world.open();
  await page.getByRole("slider", { name: "Level of step 4", exact: true }).focus();
  await page.keyboard.press("PageDown");
  await settled(page);
  await page.click("#copy-command");
  await toast(page, /levels\.txt/);
  const command = await clipboard(page);
  await page.locator("#list summary").click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#list-save")]);
  assert.equal(download.suggestedFilename(), "levels.txt");
  writeFileSync(join(world.folder, "levels.txt"), readFileSync(await download.path()));
  assert.equal(shell(command, world.folder).w2, Number((await table(page))["dpmpp-2m"].w2));
});

test("data that the server was given are what it starts with", async () => {
  const page = await world.open();
  const name = "given.csv";
  const answer = await page.request.post(new URL(`/api/upload?name=${name}`, world.url).href, {
    headers: { "Content-Type": "application/octet-stream" },
    data: Buffer.from("eigenvalue,multiplicity\n3,2\n1,5\n"),
  });
  const { id } = await answer.json();
  await page.route("**/api/registry", async (route) => {
    const response = await route.fetch();
    const registry = await response.json();
    for (const file of registry.uploads) file.given = file.id === id;
    await route.fulfill({ response, json: registry });
  });
  await page.goto(world.url);
  await settled(page);
  assert.match(await page.textContent("#facts"), /dimension7/);
  await page.getByLabel("Data", { exact: true }).selectOption("cifar10");
  await settled(page);
  await page.waitForFunction(() => /spectrum=cifar10/.test(location.search));
  await page.reload();
  await settled(page);
  assert.match(await page.textContent("#facts"), /dimension3072/);
});
