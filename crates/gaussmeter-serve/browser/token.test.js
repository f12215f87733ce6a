import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, setting, settled, table } from "./support.js";

const world = setting("--host", "127.0.0.2");

test("with a token the page works, and the token goes from the address", async () => {
  assert.match(world.url, /\?token=\w{16,}/);
  const page = await world.open();
  const rows = await table(page);
  assert.equal(Object.keys(rows).length, 4);
  await page.waitForFunction(() => !/token/.test(location.href));
  await page.reload();
  await settled(page);
  assert.deepEqual(await table(page), rows);
  assert.deepEqual(await complaints(page), []);
});

test("without the token there is nothing", async () => {
  await world.open();
  const context = await world.browser.newContext();
  const page = await context.newPage();
  const response = await page.goto(new URL("/", world.url).href);
  assert.equal(response.status(), 401);
  assert.equal(await page.$("#table"), null);
});
