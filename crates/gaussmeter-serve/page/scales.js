/** How the position of a slider, from 0 to 1, is a value. */

import { rounded } from "./numbers.js";

const within = (value, low, high) => Math.min(high, Math.max(low, value));

/** Whole numbers, spaced by their logarithm. */
export function wholeNumbers(low, high) {
  return {
    low,
    high,
    whole: true,
    value: (position) => Math.round(low * (high / low) ** position),
    position: (value) => Math.log(within(value, low, high) / low) / Math.log(high / low),
    nudge: (value, by, far) => {
      const step = far ? Math.max(1, Math.round(value * 0.25)) : 1;
      return within(value + by * step, low, high);
    },
  };
}

/** Numbers spaced by their logarithm; with `zero`, 0 is at the lower end. */
export function logarithmic(low, high, zero) {
  const start = zero ? 0.06 : 0;
  return {
    low: zero ? 0 : low,
    high,
    value: (position) =>
      zero && position < start / 2
        ? 0
        : rounded(low * (high / low) ** within((position - start) / (1 - start), 0, 1), 3),
    position: (value) =>
      value <= 0 ? 0 : start + ((1 - start) * Math.log(within(value, low, high) / low)) / Math.log(high / low),
    nudge: (value, by, far) => {
      if (value <= 0) return by > 0 ? low : 0;
      const next = rounded(value * 10 ** (by * (far ? 0.5 : 0.05)), 3);
      return zero && next < low * 0.999 ? 0 : within(next, low, high);
    },
  };
}

/** Evenly spaced numbers. */
export function linear(low, high, step) {
  const near = (value) => rounded(Math.round(value / step) * step, 9);
  return {
    low,
    high,
    value: (position) => near(low + (high - low) * position),
    position: (value) => (within(value, low, high) - low) / (high - low),
    nudge: (value, by, far) => within(near(value + by * step * (far ? 10 : 1)), low, high),
  };
}
