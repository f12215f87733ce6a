/** The search for the best levels: progress as it comes, and an end to it. */

import { Refusal, stream } from "./api.js";
import { parsed } from "./numbers.js";

const levelsOf = (list) => list.map(parsed);

/** One search at a time. `hear` is told of `progress({evaluations, best, levels})`, `done(answer, levels)`,
 * `stopped(levels or null)` and `failed(error)`. */
export class Tuner {
  constructor(hear) {
    this.hear = hear;
    this.control = null;
    this.best = null;
  }

  get running() {
    return this.control !== null;
  }

  async start(question) {
    const control = new AbortController();
    this.control = control;
    this.best = null;
    this.keep = false;
    try {
      let answered = false;
      for await (const event of stream("/api/tune", question, control.signal)) {
        if (event.event === "progress") this.progress(event);
        else if (event.event === "error") throw new Refusal(event.error.message, event.error.kind, 200);
        else if (event.event === "result") {
          answered = true;
          this.end(() => this.hear.done(event, levelsOf(event.document.sigmas)));
        }
      }
      if (!answered)
        throw new Refusal("The search ended without a result. Is gaussmeter serve still running?", "gone", 0);
    } catch (error) {
      if (control.signal.aborted) this.end(() => this.hear.stopped(this.keep ? this.best : null));
      else this.end(() => this.hear.failed(error));
    }
  }

  progress(event) {
    this.best = levelsOf(event.sigmas);
    this.hear.progress({ evaluations: event.evaluations, best: parsed(event.best), levels: this.best });
  }

  end(tell) {
    this.control = null;
    tell();
  }

  /** Ends the search; with `keep` its best levels so far stay. */
  stop(keep) {
    if (!this.control) return;
    this.keep = keep;
    this.control.abort();
  }
}
