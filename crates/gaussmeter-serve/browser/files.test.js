import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, engine, file, picture, setting, settled, shell, table, toast } from "./support.js";

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
  await page.click("#copy-command");
  await toast(page, /Copied/);
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(shell(command, world.folder).w2, w2, "the copied command names the file");
  assert.deepEqual(await complaints(page), []);
});

test("samples are guided to an uploaded class", async () => {
  const page = await world.open();
  const classes = file(world, "class.csv", "eigenvalue\n2\n0.5\n0.25\n");
  const all = file(world, "all.csv", "eigenvalue\n4\n1\n0.5\n");
  await choose(page, classes);
  await choose(page, all);
  await page.getByLabel("Network", { exact: true }).selectOption("guided");
  await settled(page);
  const field = page.getByLabel("class", { exact: true });
  await field.fill("class.csv");
  await field.press("Enter");
  await settled(page);
  const slider = page.getByRole("slider", { name: /guidance weight/ });
  await slider.press("ArrowRight");
  await settled(page);
  assert.equal(await field.inputValue(), "class.csv");
  await page.click("#copy-command");
  await toast(page, /Copied/);
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(command, /class=class\.csv/);
  const shown = Number((await table(page))["dpmpp-2m"].w2);
  assert.equal(shell(command, world.folder).w2, shown, "the copied command names the class");
  // The class that is chosen first has other eigenvectors.
  assert.deepEqual(await complaints(page, { refused: true }), []);
});

test("a picture becomes a texture, with samples beside the exact ones", async () => {
  const page = await world.open();
  await choose(page, file(world, "waves.png", picture(48)));
  await page.waitForSelector("#tile-sampler-1");
  assert.ok(await page.isVisible("#block-samples"));
  const tiles = () => page.$$eval("#tiles canvas", (all) => all.map((canvas) => canvas.toDataURL()));
  const changed = (before, i) =>
    page.waitForFunction(
      ([old, k]) => document.querySelectorAll("#tiles canvas")[k].toDataURL() !== old,
      [before[i], i],
    );
  const first = await tiles();
  assert.equal(new Set(first).size, 3, "exact, by the sampler, and the difference");
  assert.deepEqual(
    await page.$$eval("#tiles canvas", (all) => all.map((one) => [one.width, one.height])),
    Array(3).fill([48, 48]),
  );
  assert.deepEqual(await page.$$eval("#tiles figcaption", (all) => all.slice(0, 2).map((one) => one.textContent)), [
    "exact (ODE)",
    "by the sampler",
  ]);
  const [curve, samples] = await Promise.all(["#figure", "#tiles"].map((one) => page.locator(one).boundingBox()));
  assert.ok(
    samples.x > curve.x + curve.width - 1 && samples.y < curve.y + curve.height,
    "samples are beside the curves",
  );

  await page.getByRole("slider", { name: "Length", exact: true }).press("PageDown");
  await changed(first, 1);
  const second = await tiles();
  assert.equal(second[0], first[0], "the noise is the same, and so is the exact sample");
  await page.click("#new-noise");
  await changed(second, 0);
  await changed(second, 1);
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
