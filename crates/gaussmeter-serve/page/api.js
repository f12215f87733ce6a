/** Questions to the server. */

/** An answer that is an error: `message` is the line for people. */
export class Refusal extends Error {
  constructor(message, kind, status) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

const CLIENT = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36)).join("");

async function refusal(response) {
  try {
    const { error } = await response.json();
    return new Refusal(error.message, error.kind, response.status);
  } catch {
    return new Refusal(`The server answered with status ${response.status}.`, "unknown", response.status);
  }
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The server does not answer. Is gaussmeter serve still running?", "gone", 0);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

const asked = (question, signal) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(question),
  signal,
});

export async function get(path) {
  return (await send(path)).json();
}

export async function post(path, question, signal) {
  return (await send(path, asked(question, signal))).json();
}

export async function upload(file, options) {
  const query = new URLSearchParams({ name: file.name, ...options });
  const type = "application/octet-stream";
  return (
    await send(`/api/upload?${query}`, { method: "POST", headers: { "Content-Type": type }, body: file })
  ).json();
}

/** The events of an answer that comes line by line. */
export async function* stream(path, question, signal) {
  const response = await send(path, asked(question, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value || "";
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
    if (done) {
      if (rest.trim()) yield JSON.parse(rest);
      return;
    }
  }
}

/** The least and the most time that an answer is waited for before a newer question ends it, in milliseconds. */
const PATIENCE = [120, 4000];

/** Questions of one kind, of which only the newest matters: one is under way at a time. A newer one waits for an
 * answer that is about to come, so that something is shown while a slider moves, and ends one that takes much longer
 * than the last. Whenever that has happened the next is given more time: so something is shown at last. */
export class Latest {
  constructor(path, { answer, problem, busy }) {
    this.path = path;
    this.hear = { answer, problem, busy };
    this.running = null;
    this.waiting = null;
    this.timer = null;
    this.patience = PATIENCE[0];
  }

  ask(question, context) {
    this.waiting = { question, context };
    if (!this.running) return this.start();
    const left = this.running.since + this.patience - performance.now();
    if (left <= 0) this.impatient();
    else if (this.timer === null) this.timer = setTimeout(() => this.impatient(), left);
  }

  /** Forgets what was asked. */
  drop() {
    this.waiting = null;
    if (this.running) this.running.control.abort();
  }

  impatient() {
    this.timer = null;
    if (!this.waiting || !this.running || this.running.control.signal.aborted) return;
    this.patience = Math.min(2 * this.patience, PATIENCE[1]);
    this.running.control.abort();
  }

  async start() {
    const { question, context } = this.waiting;
    this.waiting = null;
    const control = new AbortController();
    this.running = { control, since: performance.now() };
    this.hear.busy(true);
    let tell = () => {};
    try {
      const answer = await post(`${this.path}?client=${CLIENT}`, question, control.signal);
      this.patience = Math.min(Math.max(PATIENCE[0], 3 * (performance.now() - this.running.since)), PATIENCE[1]);
      tell = () => this.hear.answer(answer, context);
    } catch (error) {
      const superseded = error.name === "AbortError" || error.kind === "superseded";
      if (!superseded) tell = () => this.hear.problem(error, context);
    }
    clearTimeout(this.timer);
    this.timer = null;
    this.running = null;
    if (this.waiting) this.start();
    else this.hear.busy(false);
    tell();
  }
}
