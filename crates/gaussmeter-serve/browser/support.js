/** A server, a browser and the command line, for the tests. */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before } from "node:test";
import { deflateSync } from "node:zlib";
import { chromium } from "playwright-core";

const PROGRAM = process.env.GAUSSMETER_CLI;
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

async function startServer(words) {
  if (process.env.GAUSSMETER_URL && words.length === 0)
    return { url: process.env.GAUSSMETER_URL, pid: null, stop: () => {} };
  const child = spawn(PROGRAM, ["serve", "--no-open", ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await Promise.race([
    createInterface({ input: child.stdout })
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [value]),
    new Promise((_, fail) =>
      child.once("exit", (code) => fail(new Error(`gaussmeter serve ended with code ${code}`))),
    ),
  ]);
  const url = line.match(/http:\/\/\S+/)[0];
  return { url, pid: child.pid, stop: () => child.kill("SIGINT") };
}

/** Starts a server, with these words after `gaussmeter serve`, and a browser for the tests of a file: {url, pid,
 * folder, open(options)}. */
export function setting(...words) {
  const world = { contexts: [] };
  before(async () => {
    world.folder = mkdtempSync(join(tmpdir(), "gaussmeter-page-"));
    world.server = await startServer(words);
    world.url = world.server.url;
    world.pid = world.server.pid;
    world.browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGUMENTS });
  });
  after(async () => {
    await world.browser?.close();
    world.server?.stop();
    rmSync(world.folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const context of world.contexts.splice(0)) await context.close();
  });
  /** A page: `query` of its address, `width`, `height`, `scheme`, `motion`, `touch`; `bare` is without what the page
   * does. Its `problems` are what the console complains of. */
  world.open = async ({
    query = "",
    width = 1280,
    height = 900,
    scheme = "light",
    motion = "no-preference",
    touch = false,
    bare = false,
  } = {}) => {
    const context = await world.browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: motion,
      hasTouch: touch,
      permissions: ["clipboard-read", "clipboard-write"],
      acceptDownloads: true,
    });
    world.contexts.push(context);
    const page = await context.newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning")
        page.problems.push(`console: ${message.text()}`);
    });
    page.on("requestfailed", (request) => {
      const ended = request.failure().errorText === "net::ERR_ABORTED";
      if (!ended) page.problems.push(`request: ${request.url()} ${request.failure().errorText}`);
    });
    await page.addInitScript(() => {
      window.violations = [];
      addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    const address = new URL(world.url);
    for (const [key, value] of new URLSearchParams(query)) address.searchParams.append(key, value);
    if (bare)
      await page.route("**/assets/main.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    await page.goto(address.href);
    if (!bare) await settled(page);
    return page;
  };
  return world;
}

const frames = (page) =>
  page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))),
  );

/** Waits until what was changed has been asked, answered and drawn. */
export async function settled(page) {
  await frames(page);
  await page.waitForFunction(() => {
    const results = document.getElementById("results");
    return results && results.getAttribute("aria-busy") === "false";
  });
  await frames(page);
}

/** What the console and the content security policy complained of; a request that is meant to be refused is no
 * complaint. */
export async function complaints(page, { refused = false } = {}) {
  const violations = await page.evaluate(() => window.violations);
  const meant = (text) =>
    refused && /Failed to load resource: the server responded with a status of 4\d\d/.test(text);
  return [...page.problems.filter((text) => !meant(text)), ...violations];
}

/** Waits for a confirmation that fits. */
export function toast(page, text) {
  return page.waitForFunction(
    (source) => new RegExp(source).test(document.getElementById("toast").textContent),
    text.source,
    { timeout: 5000 },
  );
}

/** The document that the command line writes. */
export function engine(command, ...words) {
  return JSON.parse(
    execFileSync(PROGRAM, [command, ...words, "--format", "json"], { encoding: "utf8", maxBuffer: 1 << 28 }),
  );
}

/** The document that a command line, as a shell runs it, writes in a folder. */
export function shell(command, folder) {
  const path = `${dirname(PROGRAM)}:${process.env.PATH}`;
  const program = basename(PROGRAM);
  const line = program === "gaussmeter" ? command : command.replace(/^gaussmeter /, `${program} `);
  const output = execFileSync("sh", ["-c", `${line} --format json`], {
    cwd: folder,
    env: { ...process.env, PATH: path },
    encoding: "utf8",
  });
  return JSON.parse(output);
}

/** The table as {sampler: {column: full text of the number}}, with what is shown under `shown`. */
export function table(page) {
  return page.$$eval("#table tbody tr", (rows) => {
    const columns = ["steps", "nfe", "w2", "w2_mean", "w2_cov", "w2_per_dim", "value"];
    const entries = rows.map((row) => {
      const cells = [...row.querySelectorAll("td data")];
      const numbers = Object.fromEntries(cells.map((cell, i) => [columns[i], cell.value]));
      const shown = Object.fromEntries(cells.map((cell, i) => [columns[i], cell.textContent]));
      return [row.querySelector(".row-name").dataset.row, { ...numbers, shown }];
    });
    return Object.fromEntries(entries);
  });
}

/** A number with four digits, as the page shows it. */
export const shown = (page, value) => page.evaluate((one) => window.gaussmeterFigure.number(one), value);

/** The levels of the list below the handles. */
export async function levels(page) {
  const text = await page.$eval("#list-text", (area) => area.value);
  return text.split(", ").map((level) => (level === "inf" ? Infinity : Number(level)));
}

/** A file of the tests' folder. */
export function file(world, name, content) {
  const path = join(world.folder, name);
  writeFileSync(path, content);
  return path;
}

/** Processor seconds that a process has used. */
export function processorSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function chunk(type, body) {
  const table = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });
  const head = Buffer.concat([Buffer.from(type), body]);
  let crc = 0xffffffff;
  for (const byte of head) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  const length = Buffer.alloc(4);
  const sum = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  sum.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return Buffer.concat([length, head, sum]);
}

/** A grey picture with some structure, as PNG. */
export function picture(side) {
  const rows = [];
  for (let y = 0; y < side; y++) {
    rows.push(0);
    for (let x = 0; x < side; x++)
      rows.push(128 + Math.round(60 * Math.sin(x / 3 + 2 * Math.sin(y / 7)) + 60 * Math.cos((x * y) / 50)));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 8;
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const body = deflateSync(Buffer.from(rows.map((value) => Math.max(0, Math.min(255, value)))));
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", body), chunk("IEND", Buffer.alloc(0))]);
}
