import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, setting, settled } from "./support.js";

const world = setting();
const EIGHT = ["ddim", "edm", "dpmpp-2m", "unipc", "deis", "heun", "dpmpp-3m", "euler-ancestral"];

const share = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];

test("a slider is dragged for two seconds: frames keep coming, and answers with them", async (context) => {
  const page = await world.open({ query: `${EIGHT.map((name) => `sampler=${name}`).join("&")}&nfe=50` });
  let answers = 0;
  page.on("response", (response) => {
    if (response.url().includes("/api/explore") && response.ok()) answers++;
  });
  const range = page.getByRole("slider", { name: "Length", exact: true });
  await range.scrollIntoViewIfNeeded();
  const box = await range.boundingBox();
  await page.evaluate(() => {
    window.frameTimes = [];
    let last = performance.now();
    const count = (now) => {
      window.frameTimes.push(now - last);
      last = now;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
  });
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + 0.5 * box.width, y);
  await page.mouse.down();
  const start = performance.now();
  let moves = 0;
  while (performance.now() - start < 2000) {
    const phase = ((performance.now() - start) / 2000) * 2 * Math.PI;
    await page.mouse.move(box.x + box.width * (0.5 + 0.12 * Math.sin(2 * phase)), y);
    moves++;
  }
  const frames = (await page.evaluate(() => window.frameTimes)).sort((a, b) => a - b);
  await page.mouse.up();
  const during = answers;
  await settled(page);
  const report = `${moves} moves, ${during} answers, ${frames.length} frames: median ${share(frames, 0.5).toFixed(1)} ms, 95 % ${share(frames, 0.95).toFixed(1)} ms, longest ${frames.at(-1).toFixed(1)} ms`;
  context.diagnostic(report);
  console.log(report);
  assert.ok(share(frames, 0.95) < 250, report);
  assert.ok(during >= 6, report);
  assert.deepEqual(await complaints(page), []);
});

test("a slow server does not keep the page from following", async () => {
  const page = await world.open();
  let under = 0;
  let most = 0;
  await page.route("**/api/explore*", async (route) => {
    most = Math.max(most, ++under);
    await new Promise((done) => setTimeout(done, 350));
    under--;
    await route.continue().catch(() => {});
  });
  const range = page.getByRole("slider", { name: "Length", exact: true });
  const steps = () => page.textContent("#table tbody td");
  const seen = new Set([await steps()]);
  const start = performance.now();
  while (performance.now() - start < 4000) {
    await range.press("ArrowRight");
    await page.waitForTimeout(40);
    seen.add(await steps());
  }
  assert.ok(seen.size >= 4, `steps shown: ${[...seen]}`);
  assert.ok(most <= 3, `${most} questions at once`);
  await settled(page);
  assert.equal(await steps(), await range.getAttribute("aria-valuetext"));
});
