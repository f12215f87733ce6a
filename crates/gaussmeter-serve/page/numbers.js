/** Numbers as people write and read them. */

export const number = window.gaussmeterFigure.number;

/** Every digit: the fewest that read back as the same number. */
export function full(value) {
  if (value === null || value === undefined) return "";
  return String(value).replace(/e\+/, "e");
}

/** A number without digits that say nothing. */
export function short(value, digits = 4) {
  if (value === 0) return "0";
  return number(value, digits)
    .replace(/(\.\d*?)0+(e|$)/, "$1$2")
    .replace(/\.(e|$)/, "$1");
}

/** The number that somebody typed, or NaN. */
export function typed(text) {
  const plain = text
    .trim()
    .replace(/^[−–]/, "-")
    .replace(/^(-?\d+),(\d+)$/, "$1.$2");
  return plain === "" ? NaN : Number(plain);
}

/** A number of the documents, where infinite ones are texts. */
export function parsed(value) {
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  return typeof value === "number" ? value : NaN;
}

/** The same number with at most `digits` significant digits. */
export const rounded = (value, digits) => Number(value.toPrecision(digits));
