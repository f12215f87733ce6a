import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, engine, file, picture, setting, settled, table } from "./support.js";

const world = setting();
const read = (page) =>
  page.waitForFunction(() => document.querySelector("#fields-data p[role=status]").textContent === "");

async function choose(page, path) {
  await page.setInputFiles("#file", path);
  await read(page);
  await settled(page);
}

test("a bad file gets a clear message, and the page works on", async () => {
  const page = await world.open();
  const before = await table(page);
  for (const [name, content] of [
    ["broken.npz", "not an archive"],
    ["broken.png", Buffer.from("89504e470d0a1a0a00", "hex")],
  ]) {
    await choose(page, file(world, name, content));
    const alert = page.locator("#group-data [role=alert]");
    assert.ok(await alert.isVisible());
    const message = await alert.textContent();
    assert.ok(message.includes(name) && message.length > name.length + 10, message);
    assert.deepEqual(await table(page), before);
  }
  await page.getByRole("slider", { name: "Length", exact: true }).press("ArrowRight");
  await settled(page);
  assert.notDeepEqual(await table(page), before);
  assert.deepEqual(await complaints(page, { refused: true }), []);
});

test("eigenvalues are uploaded, and the numbers are the engine's for that file", async () => {
  const page = await world.open();
  const path = file(world, "mine.csv", "eigenvalue,multiplicity\n4,1\n1,2\n0.01,30\n0,3\n");
  await choose(page, path);
  assert.match(await page.textContent("#facts"), /dimension36.*null eigenvalues3/);
  const { w2 } = engine(
    "eval",
    "--spectrum",
    path,
    "--sampler",
    "dpmpp-2m",
    "--process",
    "edm",
    "--grid",
    "karras",
    "--nfe",
    "20",
  );
  assert.equal(Number((await table(page))["dpmpp-2m"].w2), w2);
  assert.ok(await page.isHidden("#block-samples"));
  assert.deepEqual(await complaints(page), []);
});

test("a picture becomes a texture, with samples beside the exact ones", async () => {
  const page = await world.open();
  await choose(page, file(world, "waves.png", picture(48)));
  await page.waitForFunction(() => document.getElementById("picture").naturalWidth > 0);
  assert.ok(await page.isVisible("#block-samples"));
  const picture1 = await page.getAttribute("#picture", "src");
  assert.match(picture1, /^data:image\/png;base64,/);
  assert.equal(await page.$eval("#picture", (image) => image.naturalWidth), 3 * 48 + 2 * 2);
  assert.ok((await page.getAttribute("#picture", "alt")).length > 10);

  await page.getByRole("slider", { name: "Length", exact: true }).press("PageDown");
  await page.waitForFunction((before) => document.getElementById("picture").src !== before, picture1);
  const picture2 = await page.getAttribute("#picture", "src");
  await page.click("#new-noise");
  await page.waitForFunction((before) => document.getElementById("picture").src !== before, picture2);
  assert.match(page.url() + (await page.evaluate(() => location.search)), /./);
  assert.deepEqual(await complaints(page), []);
});

test("a file can be dropped on the page", async () => {
  const page = await world.open();
  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["2\n1\n0.5\n"], "three.txt", { type: "text/plain" }));
    return data;
  });
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  assert.ok(await page.isVisible("#dropping"));
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await page.waitForFunction(() => /dimension3/.test(document.getElementById("facts").textContent));
  assert.ok(await page.isHidden("#dropping"));
  assert.deepEqual(await complaints(page), []);
});
