/* Interactive figures on uPlot: panels with linear, and logarithmic axes and names; lines, points with error bars,
 * bands and bars; a readout of all series, zoom, and a legend of buttons.
 *
 * One classic script without imports, so that pages and self-contained reports can embed it as it is, after
 * uPlot.iife.min.js and beside uPlot.min.css and figure.css.
 *
 * gaussmeterFigure.draw(element, figure, options) puts a figure into an element and returns {update, refresh,
 * destroy}.
 *
 * figure: {title, panels: [panel], notes: [text]}
 * panel: {title, x: axis, y: axis, series: [series], plane: whether a unit is as long on both axes}
 * axis: {label, symbol: short name in readouts, scale: "linear" | "log" | "names", reversed, names: [text],
 *        min, max, zeroAt: where a logarithmic axis has the value 0}
 * series: {name, role: "main" | "reference" | "faint", marks: "line" | "points" | "band" | "bars",
 *          x: [number], y: [number], low: [number], high: [number], left: [number], right: [number], style, strong}
 *   Numbers may be null, which is a gap. `low` and `high` are the edges of a band or the ends of error bars; bars that
 *   stand on others have their foot at `low`. `left`
 *   and `right` are the edges of bars along x. With names a coordinate is the position in the list, from the left or
 *   from the top. `style` chooses the colour and dashes that names otherwise get in the order of their appearance;
 *   `strong` draws a thicker line.
 * options: {height: of a plot in pixels, 300; legend: true; steady: false, keep whole decades while data change;
 *           hidden: names of series that are switched off at first; onToggle: called with (name, shown)}
 */
(function () {
  "use strict";

  const COLOURS = 6;
  const DASHES = [[], [9, 4], [2, 3], [9, 3, 2, 3], [15, 4], [5, 3]];
  const REFERENCE_DASHES = [[], [6, 4], [2, 3], [9, 3, 2, 3]];
  const MARKERS = ["circle", "square", "diamond", "up", "down", "cross"];
  const MOST_DECADES = 10;
  const READ_WITHIN = 24;
  const SETTLE_AFTER = 700;
  const EASE_FOR = 160;
  const FONT = "11.5px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
  const SVG = "http://www.w3.org/2000/svg";

  // ---------------------------------------------------------------------------------------------------- numbers

  const present = (value) => typeof value === "number" && Number.isFinite(value);

  /** Whether values go one way only, apart from gaps. */
  const ordered = (values) => {
    let up = true;
    let down = true;
    let last = null;
    for (const value of values) {
      if (!present(value)) continue;
      if (last !== null && value < last) up = false;
      if (last !== null && value > last) down = false;
      last = value;
    }
    return up || down;
  };

  /** A number with `digits` significant digits, as people write it. */
  function number(value, digits = 4) {
    if (value === "inf" || value === Infinity) return "∞";
    if (value === "-inf" || value === -Infinity) return "−∞";
    if (typeof value !== "number" || Number.isNaN(value)) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    const rounded = Number(size.toPrecision(digits));
    const text =
      rounded >= 1e-3 && rounded < 1e6
        ? rounded.toPrecision(digits).includes("e")
          ? String(rounded)
          : rounded.toPrecision(digits)
        : size.toExponential(digits - 1).replace("e+", "e");
    return (value < 0 ? "−" : "") + text;
  }

  function shortNumber(value) {
    return number(value)
      .replace(/(\.\d*?)0+(e|$)/, "$1$2")
      .replace(/\.(e|$)/, "$1");
  }

  // ------------------------------------------------------------------------------------------------------ ticks

  function decadeLabel(value) {
    const exponent = Math.round(Math.log10(value));
    return exponent >= -2 && exponent <= 3 ? String(Number(value.toPrecision(1))) : `1e${exponent}`;
  }

  function mantissaLabel(value) {
    const size = Math.abs(value);
    if (size === 0) return "0";
    return size >= 1e-3 && size < 1e5
      ? String(Number(value.toPrecision(6)))
      : value.toExponential().replace("e+", "e");
  }

  function linearTicks(low, high, most) {
    const raw = (high - low) / Math.max(most, 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) || 10);
    const ticks = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
      const at = Number((k * step).toPrecision(12));
      ticks.push({ at, label: mantissaLabel(at).replace("-", "−").replace("e−", "e-") });
    }
    return ticks;
  }

  function logTicks(low, high, most) {
    const decades = Math.log10(high / low);
    const lowest = Math.floor(Math.log10(low)) - 1;
    const highest = Math.ceil(Math.log10(high)) + 1;
    if (decades < 0.7) {
      return linearTicks(low, high, most).filter((tick) => tick.at > 0);
    }
    const labelled = decades < 2.2 ? (most / decades >= 3 ? [1, 2, 5] : [1, 3]) : [1];
    const stride = Math.max(1, Math.ceil((decades + 1e-9) / Math.max(most, 1)));
    const ticks = [];
    for (let exponent = lowest; exponent <= highest; exponent++) {
      for (let mantissa = 1; mantissa < 10; mantissa++) {
        const at = Number(`${mantissa}e${exponent}`);
        if (at < low * (1 - 1e-9) || at > high * (1 + 1e-9)) continue;
        const shown = labelled.includes(mantissa) && exponent % stride === 0;
        if (stride > 1 && mantissa > 1) continue;
        ticks.push({ at, label: !shown ? null : mantissa === 1 ? decadeLabel(at) : mantissaLabel(at) });
      }
    }
    return ticks;
  }

  function nameTicks(names, low, high) {
    return names.map((label, at) => ({ at, label })).filter((tick) => tick.at >= low && tick.at <= high);
  }

  function ticks(axis, low, high, most) {
    if (axis.scale === "names") return nameTicks(axis.names || [], low, high);
    if (axis.scale !== "log") return linearTicks(low, high, most);
    const found = logTicks(low, high, most);
    if (!present(axis.zeroAt) || axis.zeroAt < low * (1 - 1e-9) || axis.zeroAt > high) return found;
    return [{ at: axis.zeroAt, label: "0" }, ...found.filter((tick) => tick.at > 2.5 * axis.zeroAt)];
  }

  // ----------------------------------------------------------------------------------------------------- ranges

  /** Where a value is on an axis, or NaN. */
  function located(axis, value) {
    if (!present(value)) return NaN;
    if (axis.scale !== "log" || value > 0) return value;
    return value === 0 && present(axis.zeroAt) ? axis.zeroAt : NaN;
  }

  function extent(values, axis, into) {
    for (const one of values || []) {
      const value = located(axis, one);
      if (Number.isNaN(value)) continue;
      if (value < into[0]) into[0] = value;
      if (value > into[1]) into[1] = value;
    }
    return into;
  }

  function horizontalBars(panel) {
    return panel.y.scale === "names";
  }

  function extentOf(panel, series, key) {
    const axis = panel[key];
    const positive = axis.scale === "log";
    const found = [Infinity, -Infinity];
    for (const one of series) {
      extent(one[key], axis, found);
      const valued = horizontalBars(panel) ? "x" : "y";
      if (key === valued) {
        extent(one.low, axis, found);
        extent(one.high, axis, found);
        if (one.marks === "bars" && !positive) extent([0], axis, found);
      } else {
        extent(one.left, axis, found);
        extent(one.right, axis, found);
      }
    }
    return found;
  }

  function logRange(axis, low, high, padding, steady) {
    const floor = present(axis.min) ? axis.min : high / 10 ** MOST_DECADES;
    let from = Math.log10(Math.max(low, floor));
    let to = Math.log10(high);
    if (to - from < 0.2) {
      const middle = (from + to) / 2;
      from = middle - 0.1;
      to = middle + 0.1;
    }
    const room = padding * (to - from);
    from -= room;
    to += room;
    return steady ? [10 ** Math.floor(from), 10 ** Math.ceil(to)] : [10 ** from, 10 ** to];
  }

  function linearRange(low, high, padding, steady) {
    const span = high - low || Math.abs(high) || 1;
    let from = low === 0 && padding > 0 ? 0 : low - padding * span;
    let to = high === 0 && padding > 0 ? 0 : high + padding * span;
    if (high === low) {
      from = low - span / 2;
      to = high + span / 2;
    }
    if (!steady) return [from, to];
    const step = 10 ** Math.floor(Math.log10(span)) / 2;
    return [Math.floor(from / step) * step, Math.ceil(to / step) * step];
  }

  /** The range of an axis that shows all of the series. */
  function homeRange(panel, series, key, steady) {
    const axis = panel[key];
    if (axis.scale === "names") return [-0.6, (axis.names || []).length - 0.4];
    let [low, high] = extentOf(panel, series, key);
    if (low > high) [low, high] = axis.scale === "log" ? [0.1, 1] : [0, 1];
    const pointed = series.some((one) => one.marks === "points" || (one.marks === "line" && !ordered(one.x)));
    const valued = key === (horizontalBars(panel) ? "x" : "y");
    const padding = valued || pointed ? 0.05 : 0;
    const keep = steady && valued;
    const range =
      axis.scale === "log" ? logRange(axis, low, high, padding, keep) : linearRange(low, high, padding, keep);
    if (present(axis.min)) range[0] = axis.min;
    if (present(axis.max)) range[1] = axis.max;
    return range;
  }

  function widened(axis, range, factor) {
    if (axis.scale === "log") {
      const middle = (Math.log10(range[0]) + Math.log10(range[1])) / 2;
      const half = ((Math.log10(range[1]) - Math.log10(range[0])) / 2) * factor;
      return [10 ** (middle - half), 10 ** (middle + half)];
    }
    const middle = (range[0] + range[1]) / 2;
    const half = ((range[1] - range[0]) / 2) * factor;
    return [middle - half, middle + half];
  }

  function between(axis, from, to, share) {
    const mix = (a, b) => a + (b - a) * share;
    return [0, 1].map((i) =>
      axis.scale === "log" ? 10 ** mix(Math.log10(from[i]), Math.log10(to[i])) : mix(from[i], to[i]),
    );
  }

  const same = (a, b) =>
    Math.abs(a[0] - b[0]) <= 1e-9 * Math.abs(b[0]) && Math.abs(a[1] - b[1]) <= 1e-9 * Math.abs(b[1]);

  // ----------------------------------------------------------------------------------------------------- styles

  /** Colour, dashes and marker of every name, the same in all panels and kept when the figure changes. */
  class Styles {
    constructor() {
      this.main = new Map();
      this.reference = new Map();
    }

    of(series) {
      const role = series.role || "main";
      if (role === "faint") return { role, colour: "--figure-faint", dash: [], width: 1, marker: "circle" };
      const names = role === "reference" ? this.reference : this.main;
      if (!names.has(series.name)) names.set(series.name, names.size);
      const index = Number.isInteger(series.style) ? series.style : names.get(series.name);
      if (role === "reference") {
        const dash = REFERENCE_DASHES[index % REFERENCE_DASHES.length];
        return { role, colour: "--figure-reference", dash, width: 1.25, marker: MARKERS[index % MARKERS.length] };
      }
      return {
        role,
        colour: `--figure-${(index % COLOURS) + 1}`,
        dash: DASHES[(index + Math.floor(index / COLOURS)) % DASHES.length],
        width: series.strong ? 2.75 : 1.75,
        marker: MARKERS[(index + Math.floor(index / COLOURS)) % MARKERS.length],
      };
    }
  }

  class Palette {
    constructor(element) {
      this.style = getComputedStyle(element);
      this.known = new Map();
    }

    get(name) {
      if (!this.known.has(name)) this.known.set(name, this.style.getPropertyValue(name).trim() || "#777");
      return this.known.get(name);
    }
  }

  // --------------------------------------------------------------------------------------------------- drawing

  /** Whether an axis runs to the left or downwards: of names, the first is on the left or at the top. */
  const backwards = (axis, vertical) => Boolean(axis.reversed) !== (vertical && axis.scale === "names");

  /** Where values are on the canvas, in its pixels. */
  class Place {
    constructor(panel, x, y, box) {
      this.x = Place.along(panel.x, x, box.left, box.left + box.width, backwards(panel.x, false));
      this.y = Place.along(panel.y, y, box.top + box.height, box.top, backwards(panel.y, true));
    }

    static along(axis, range, from, to, reversed) {
      const log = axis.scale === "log";
      const low = log ? Math.log10(range[0]) : range[0];
      const high = log ? Math.log10(range[1]) : range[1];
      const [start, end] = reversed ? [to, from] : [from, to];
      const scale = (end - start) / (high - low);
      return (given) => {
        const value = located(axis, given);
        if (Number.isNaN(value)) return NaN;
        const at = start + ((log ? Math.log10(value) : value) - low) * scale;
        return Math.max(-1e5, Math.min(1e5, at));
      };
    }
  }

  function drawLine(context, place, series, style, colour, ratio) {
    context.beginPath();
    let pen = false;
    let alone = null;
    const dots = [];
    for (let i = 0; i < series.x.length; i++) {
      const x = place.x(series.x[i]);
      const y = place.y(series.y[i]);
      if (Number.isNaN(x) || Number.isNaN(y)) {
        if (alone) dots.push(alone);
        pen = false;
        alone = null;
        continue;
      }
      if (pen) context.lineTo(x, y);
      else context.moveTo(x, y);
      alone = pen ? null : [x, y];
      pen = true;
    }
    if (alone) dots.push(alone);
    context.strokeStyle = colour;
    context.lineWidth = style.width * ratio;
    context.lineJoin = "round";
    context.setLineDash(style.dash.map((length) => length * ratio));
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = colour;
    for (const [x, y] of dots) marker(context, "circle", x, y, 2 * ratio);
  }

  function marker(context, kind, x, y, r) {
    context.beginPath();
    if (kind === "square") context.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
    else if (kind === "diamond")
      polygon(context, [
        [x, y - r * 1.25],
        [x + r * 1.25, y],
        [x, y + r * 1.25],
        [x - r * 1.25, y],
      ]);
    else if (kind === "up")
      polygon(context, [
        [x, y - r * 1.2],
        [x + r * 1.15, y + r],
        [x - r * 1.15, y + r],
      ]);
    else if (kind === "down")
      polygon(context, [
        [x, y + r * 1.2],
        [x + r * 1.15, y - r],
        [x - r * 1.15, y - r],
      ]);
    else if (kind === "cross") {
      const w = r * 0.4;
      polygon(context, [
        [x - w, y - r],
        [x + w, y - r],
        [x + w, y - w],
        [x + r, y - w],
        [x + r, y + w],
        [x + w, y + w],
        [x + w, y + r],
        [x - w, y + r],
        [x - w, y + w],
        [x - r, y + w],
        [x - r, y - w],
        [x - w, y - w],
      ]);
    } else context.arc(x, y, r, 0, 2 * Math.PI);
    context.fill();
  }

  function polygon(context, corners) {
    corners.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.closePath();
  }

  function drawPoints(context, place, series, style, colour, ratio) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.25 * ratio;
    for (let i = 0; i < series.x.length; i++) {
      const x = place.x(series.x[i]);
      const y = place.y(series.y[i]);
      if (Number.isNaN(x) || Number.isNaN(y)) continue;
      const low = series.low ? place.y(series.low[i]) : NaN;
      const high = series.high ? place.y(series.high[i]) : NaN;
      if (!Number.isNaN(low) || !Number.isNaN(high)) {
        const [from, to] = [Number.isNaN(low) ? y : low, Number.isNaN(high) ? y : high];
        const cap = 3 * ratio;
        context.beginPath();
        context.moveTo(x, from);
        context.lineTo(x, to);
        for (const end of [from, to]) {
          context.moveTo(x - cap, end);
          context.lineTo(x + cap, end);
        }
        context.stroke();
      }
      marker(context, style.marker, x, y, (style.role === "faint" ? 2 : series.strong ? 5 : 3.6) * ratio);
    }
  }

  function drawBand(context, place, series, style, colour, ratio) {
    let run = [];
    const fill = () => {
      if (run.length > 1) {
        context.beginPath();
        run.forEach(([x, , high], i) => (i === 0 ? context.moveTo(x, high) : context.lineTo(x, high)));
        for (const [x, low] of run.slice().reverse()) context.lineTo(x, low);
        context.closePath();
        context.globalAlpha = 0.18;
        context.fillStyle = colour;
        context.fill();
        context.globalAlpha = 1;
      }
      run = [];
    };
    for (let i = 0; i < series.x.length; i++) {
      const edge = [place.x(series.x[i]), place.y(series.low[i]), place.y(series.high[i])];
      if (edge.some(Number.isNaN)) fill();
      else run.push(edge);
    }
    fill();
    if (series.y) drawLine(context, place, series, style, colour, ratio);
  }

  /** The two edges of bar `i`, along the axis that bars stand on. */
  function barEdges(panel, series, i, group) {
    const along = horizontalBars(panel) ? series.y : series.x;
    if (series.left && series.right) return [series.left[i], series.right[i]];
    const axis = horizontalBars(panel) ? panel.y : panel.x;
    const gap = axis.scale === "names" ? 1 : smallestGap(along);
    const width = (gap * 0.8) / group.of;
    const start = along[i] - gap * 0.4 + width * group.at;
    return [start, start + width];
  }

  function smallestGap(values) {
    let gap = Infinity;
    for (let i = 1; i < values.length; i++) gap = Math.min(gap, Math.abs(values[i] - values[i - 1]) || Infinity);
    return Number.isFinite(gap) ? gap : 1;
  }

  function drawBars(context, place, series, colour, ratio, panel, ranges, group) {
    const flat = horizontalBars(panel);
    const [across, value] = flat ? [place.y, place.x] : [place.x, place.y];
    const axis = flat ? panel.x : panel.y;
    const range = flat ? ranges.x : ranges.y;
    const base = value(axis.scale === "log" ? range[0] : Math.max(range[0], Math.min(range[1], 0)));
    context.fillStyle = colour;
    const values = flat ? series.x : series.y;
    for (let i = 0; i < values.length; i++) {
      const end = value(values[i]);
      const foot = series.low && series.low[i] > 0 ? value(series.low[i]) : base;
      const edges = barEdges(panel, series, i, group).map(across);
      if (Number.isNaN(end) || edges.some(Number.isNaN)) continue;
      const from = Math.min(edges[0], edges[1]);
      const width = Math.max(Math.abs(edges[1] - edges[0]) - ratio, ratio);
      context.globalAlpha = 0.82;
      if (flat) context.fillRect(Math.min(foot, end), from, Math.abs(end - foot), width);
      else context.fillRect(from, Math.min(foot, end), width, Math.abs(end - foot));
      context.globalAlpha = 1;
    }
  }

  // --------------------------------------------------------------------------------------------------- readout

  /** Where entry `i` of a series is, in pixels; NaN where it is a gap. */
  function pointOf(series, place, i) {
    const y = series.marks === "band" && !series.y ? series.high[i] : series.y[i];
    return [place.x(series.x[i]), place.y(y)];
  }

  /** The entry of a series that a readout at (x, y), in pixels, is about: the nearest along x, or, where x goes back
   * and forth, the nearest in the plane. Entries that are gaps do not count. */
  function nearest(panel, series, place, x, y) {
    const flat = horizontalBars(panel);
    const far = { index: -1, distance: Infinity };
    const inPlane = !flat && series.marks !== "bars" && !ordered(series.x);
    let first = Infinity;
    let last = -Infinity;
    for (let i = 0; i < series.x.length; i++) {
      const [px, py] = pointOf(series, place, i);
      if (Number.isNaN(px) || Number.isNaN(py)) continue;
      first = Math.min(first, px);
      last = Math.max(last, px);
      const distance = inPlane ? Math.hypot(px - x, py - y) : flat ? Math.abs(py - y) : Math.abs(px - x);
      if (distance < far.distance) Object.assign(far, { index: i, distance, x: px, y: py });
    }
    if (far.index < 0) return null;
    const inside = !inPlane && (series.marks === "line" || series.marks === "band") && x >= first && x <= last;
    const wide = series.marks === "bars" ? Infinity : READ_WITHIN;
    return inside || far.distance <= wide ? far : null;
  }

  function valueText(panel, series, i) {
    if (series.marks === "band" && !series.y) return `${number(series.low[i])} to ${number(series.high[i])}`;
    if (series.marks === "bars" && series.low) return number(series.y[i] - series.low[i]);
    const value = number(horizontalBars(panel) ? series.x[i] : series.y[i]);
    const bar = series.low && series.high && present(series.low[i]) && present(series.high[i]);
    return bar && series.low[i] < series.high[i] ? `${value} (${number(series.low[i], 3)} to ${number(series.high[i], 3)})` : value;
  }

  function positionText(axis, value) {
    if (axis.scale === "names") return (axis.names || [])[Math.round(value)] || "";
    const zero = axis.scale === "log" && present(axis.zeroAt) && value < 1.5 * axis.zeroAt;
    return `${axis.symbol || axis.label || "x"} = ${zero ? 0 : shortNumber(value)}`;
  }

  // --------------------------------------------------------------------------------------------------- elements

  function make(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties || {})) {
      if (name === "class") element.className = value;
      else if (name === "text") element.textContent = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function swatch(series, style) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "gf-swatch");
    svg.setAttribute("viewBox", "0 0 26 12");
    svg.setAttribute("aria-hidden", "true");
    const add = (tag, attributes, paint) => {
      const shape = document.createElementNS(SVG, tag);
      for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
      shape.style[paint] = `var(${style.colour})`;
      svg.append(shape);
    };
    if (series.marks === "bars") add("rect", { x: 3, y: 1, width: 20, height: 10, "fill-opacity": 0.82 }, "fill");
    else if (series.marks === "points") add("path", { d: markerPath(style.marker) }, "fill");
    else {
      if (series.marks === "band") add("rect", { x: 0, y: 1, width: 26, height: 10, "fill-opacity": 0.25 }, "fill");
      const line = { x1: 0, x2: 26, y1: 6, y2: 6, "stroke-width": Math.max(style.width, 1.5) };
      if (style.dash.length) line["stroke-dasharray"] = style.dash.map((length) => length * 0.8).join(" ");
      if (series.marks !== "band" || series.y) add("line", line, "stroke");
    }
    return svg;
  }

  function markerPath(kind) {
    const paths = {
      circle: "M17 6a4 4 0 1 1-8 0a4 4 0 1 1 8 0z",
      square: "M9.4 2.4h7.2v7.2h-7.2z",
      diamond: "M13 1l5 5l-5 5l-5-5z",
      up: "M13 1.2l4.6 8.8h-9.2z",
      down: "M13 10.8l4.6-8.8h-9.2z",
      cross: "M11.4 2h3.2v2.4h2.4v3.2h-2.4v2.4h-3.2v-2.4h-2.4v-3.2h2.4z",
    };
    return paths[kind];
  }

  const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ------------------------------------------------------------------------------------------------------ panel

  /** One pair of axes: a uPlot for axes, cursor and selection, on which series are drawn, each with its own x. */
  class Panel {
    constructor(owner, panel) {
      this.owner = owner;
      this.panel = panel;
      this.zoomed = null;
      this.ranges = null;
      this.element = make("section", { class: "gf-panel" });
      this.title = make("p", { class: "gf-panel-title", text: panel.title || "" });
      this.title.hidden = !panel.title;
      this.label = make("span", { class: "gf-y-label", text: panel.y.label || "" });
      this.reset = make("button", { type: "button", class: "gf-reset", text: "Reset zoom" });
      this.reset.addEventListener("click", () => this.resetZoom());
      this.plot = make("div", { class: "gf-plot", tabindex: "0", role: "group" });
      this.plot.addEventListener("keydown", (event) => this.key(event));
      this.plot.addEventListener("blur", () => this.hideReadout());
      this.element.append(this.title, make("div", { class: "gf-panel-head" }, this.label, this.reset), this.plot);
      this.readout = make("div", { class: "gf-readout", "aria-hidden": "true" });
      this.readout.hidden = true;
      this.dots = [];
      this.settle = null;
      this.named();
    }

    named() {
      const { panel } = this;
      this.title.textContent = panel.title || "";
      this.title.hidden = !panel.title;
      this.label.textContent = panel.y.label || "";
      this.reset.classList.toggle("gf-idle", !this.zoomed);
      this.reset.disabled = !this.zoomed;
      const what = [this.owner.figure.title, panel.title].filter(Boolean).join(", ") || "Plot";
      this.plot.setAttribute(
        "aria-label",
        `${what}: ${panel.y.label || "y"} against ${panel.x.label || "x"}. Left and right arrow keys read values.`,
      );
    }

    shown() {
      return this.panel.series.filter((series) => !this.owner.hidden.has(series.name));
    }

    target() {
      if (this.zoomed) return this.zoomed;
      const shown = this.shown();
      const steady = this.owner.options.steady;
      return { x: homeRange(this.panel, shown, "x", steady), y: homeRange(this.panel, shown, "y", steady) };
    }

    mount() {
      const width = this.plot.clientWidth;
      if (width < 60 || this.uplot) return;
      this.ranges = this.target();
      this.palette = new Palette(this.owner.root);
      this.uplot = new uPlot(
        this.settings(width),
        [
          [0, 1],
          [null, null],
        ],
        this.plot,
      );
      this.uplot.over.append(this.readout);
      if (this.panel.plane === true) this.refresh();
    }

    settings(width) {
      const scale = (key) => ({
        time: false,
        auto: true,
        distr: this.panel[key].scale === "log" ? 3 : 1,
        dir: backwards(this.panel[key], key === "y") ? -1 : 1,
        range: () => this.visible()[key],
      });
      return {
        width,
        height: this.owner.options.height,
        padding: [6, 18, 0, 0],
        legend: { show: false },
        scales: { x: scale("x"), y: scale("y") },
        axes: [this.axis("x"), this.axis("y")],
        series: [{}, { paths: () => null, points: { show: false } }],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: true, uni: 24, dist: 5, setScale: false },
          bind: { dblclick: () => () => this.resetZoom() },
        },
        hooks: {
          draw: [() => this.draw()],
          setCursor: [() => this.read()],
          setSelect: [() => this.zoom()],
        },
      };
    }

    axis(key) {
      const side = key === "x" ? 2 : 3;
      const found = (u) => {
        const length = (key === "x" ? u.bbox.width : u.bbox.height) / devicePixelRatio;
        const axis = this.panel[key];
        const space = key === "x" ? 58 : 26;
        const range = this.visible()[key];
        return ticks(axis, range[0], range[1], Math.max(2, Math.floor(length / space)));
      };
      const line = () => this.palette.get("--figure-axis");
      return {
        scale: key,
        side,
        font: FONT,
        labelFont: FONT,
        labelSize: 18,
        labelGap: 2,
        gap: 4,
        stroke: () => this.palette.get("--figure-text"),
        label: key === "x" ? this.panel.x.label || undefined : undefined,
        size: key === "x" ? () => this.namesRoom() : (u, values) => this.labelRoom(values),
        rotate: () => (key === "x" && this.tilted() ? 40 : 0),
        splits: (u) => {
          this[`ticks-${key}`] = found(u);
          return this[`ticks-${key}`].map((tick) => tick.at);
        },
        filter: (u, splits) => splits,
        values: () => this[`ticks-${key}`].map((tick) => tick.label || ""),
        border: { show: true, stroke: line, width: 1 },
        ticks: { stroke: line, width: 1, size: 4 },
        grid: {
          stroke: () => this.palette.get("--figure-grid"),
          width: 1,
          show: this.panel[key].scale !== "names",
          filter: (u, splits) => splits.map((at, i) => (this[`ticks-${key}`][i]?.label ? at : null)),
        },
      };
    }

    measured(texts) {
      const context = this.owner.ruler;
      context.font = FONT;
      return Math.max(0, ...texts.map((text) => context.measureText(text || "").width));
    }

    /** Width for the labels of the y axis: grows with them, and never shrinks, so that plots do not move sideways. */
    labelRoom(values) {
      this.room = Math.max(this.room || 38, Math.ceil(this.measured(values || [])) + 12);
      return this.room;
    }

    tilted() {
      if (this.panel.x.scale !== "names") return false;
      const names = this.panel.x.names || [];
      const width = this.plot.clientWidth - (this.room || 38) - 18;
      return this.measured(names) + 8 > width / Math.max(names.length, 1);
    }

    namesRoom() {
      return this.tilted() ? Math.ceil(this.measured(this.panel.x.names) * 0.66) + 20 : 24;
    }

    /** The ranges that are drawn: those aimed at, or on the way there; with equal units if asked for. */
    visible() {
      const { x, y } = this.ranges;
      if (this.panel.plane !== true || !this.uplot || this.zoomed) return { x, y };
      const { width, height } = this.uplot.bbox;
      const units = [(x[1] - x[0]) / width, (y[1] - y[0]) / height];
      return units[0] > units[1]
        ? { x, y: widened(this.panel.y, y, units[0] / units[1]) }
        : { x: widened(this.panel.x, x, units[1] / units[0]), y };
    }

    place() {
      const { x, y } = this.visible();
      return new Place(this.panel, x, y, this.uplot.bbox);
    }

    draw() {
      const { ctx, bbox } = this.uplot;
      const place = this.place();
      const ratio = devicePixelRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      const shown = this.shown();
      const bars = shown.filter((series) => series.marks === "bars" && !series.left);
      const rank = (series) =>
        ["band", "bars"].indexOf(series.marks) >= 0
          ? 0
          : series.role === "faint"
            ? 1
            : series.role === "reference"
              ? 2
              : series.strong
                ? 4
                : 3;
      for (const series of shown.slice().sort((a, b) => rank(a) - rank(b))) {
        const style = this.owner.styles.of(series);
        const colour = this.palette.get(style.colour);
        if (series.marks === "points") drawPoints(ctx, place, series, style, colour, ratio);
        else if (series.marks === "band") drawBand(ctx, place, series, style, colour, ratio);
        else if (series.marks === "bars") {
          const group = series.left ? { at: 0, of: 1 } : { at: bars.indexOf(series), of: bars.length };
          drawBars(ctx, place, series, colour, ratio, this.panel, this.visible(), group);
        } else drawLine(ctx, place, series, style, colour, ratio);
      }
      ctx.restore();
    }

    // ----------------------------------------------------------------------------------------- readout and keys

    read() {
      if (!this.uplot) return;
      const { left, top } = this.uplot.cursor;
      if (left === null || left === undefined || left < 0) this.hideReadout();
      else this.show(left, top < 0 ? 0 : top, false);
    }

    hideReadout() {
      this.readout.hidden = true;
      for (const dot of this.dots) dot.hidden = true;
    }

    hits(left, top) {
      const { bbox } = this.uplot;
      const ratio = devicePixelRatio;
      const place = this.place();
      const [x, y] = [left * ratio + bbox.left, top * ratio + bbox.top];
      const hits = [];
      for (const series of this.shown()) {
        const hit = nearest(this.panel, series, place, x, y);
        if (hit === null) continue;
        const shift = Math.abs(hit.x - x) / ratio;
        hits.push({ series, ...hit, shift, left: (hit.x - bbox.left) / ratio, top: (hit.y - bbox.top) / ratio });
      }
      return hits.sort((a, b) => a.top - b.top);
    }

    show(left, top, aloud) {
      const hits = this.hits(left, top);
      const { panel } = this;
      const flat = horizontalBars(panel);
      const axis = flat ? panel.y : panel.x;
      const pointed = flat ? this.uplot.posToVal(top, "y") : this.uplot.posToVal(left, "x");
      const places = hits.map((hit) => (flat ? hit.series.y : hit.series.x)[hit.index]);
      const at = places.length > 0 && places.every((place) => place === places[0]) ? places[0] : pointed;
      const heading = positionText(axis, at);
      this.moveDots(hits);
      this.readout.replaceChildren();
      this.readout.hidden = hits.length === 0;
      if (hits.length === 0) return;
      this.readout.append(make("div", { class: "gf-readout-at", text: heading }));
      const closest = hits.reduce((best, hit) => (Math.abs(hit.top - top) < Math.abs(best.top - top) ? hit : best));
      for (const hit of hits) this.readout.append(this.row(hit, hit === closest && hits.length > 1, flat));
      this.moveReadout(left, top);
      if (aloud) {
        const values = hits.map((hit) => `${hit.series.name} ${valueText(panel, hit.series, hit.index)}`);
        this.owner.say(`${heading}: ${values.join(", ")}`);
      }
    }

    row(hit, closest, flat) {
      const { series, index } = hit;
      const row = make("div", { class: closest ? "gf-readout-row gf-closest" : "gf-readout-row" });
      const value = make("span", { class: "gf-readout-value", text: valueText(this.panel, series, index) });
      row.append(
        swatch(series, this.owner.styles.of(series)),
        make("span", { class: "gf-readout-name", text: series.name }),
      );
      row.append(value);
      if (!flat && hit.shift > 4 && this.panel.x.scale !== "names" && series.marks !== "bars") {
        row.append(make("span", { class: "gf-readout-shift", text: `at ${shortNumber(series.x[index])}` }));
      }
      return row;
    }

    moveDots(hits) {
      const wanted = hits.filter((hit) => hit.series.marks !== "bars");
      while (this.dots.length < wanted.length) {
        const dot = make("div", { class: "gf-dot" });
        this.uplot.over.append(dot);
        this.dots.push(dot);
      }
      this.dots.forEach((dot, i) => {
        const hit = wanted[i];
        dot.hidden = !hit;
        if (!hit) return;
        dot.style.transform = `translate(${hit.left}px, ${hit.top}px)`;
        dot.style.background = `var(${this.owner.styles.of(hit.series).colour})`;
      });
    }

    moveReadout(left, top) {
      const { clientWidth: width, clientHeight: height } = this.uplot.over;
      const box = this.readout.getBoundingClientRect();
      const x = left + 14 + box.width <= width ? left + 14 : left - 14 - box.width;
      const y = Math.max(0, Math.min(top - box.height / 2, height - box.height));
      const most = Math.max(width - box.width, -8);
      this.readout.style.transform = `translate(${Math.min(Math.max(x, -this.room + 4), most)}px, ${y}px)`;
    }

    /** Positions along x that keys step through, in pixels. */
    stops() {
      const place = this.place();
      const { bbox } = this.uplot;
      const flat = horizontalBars(this.panel);
      const at = new Set();
      for (const series of this.shown()) {
        for (let i = 0; i < series.x.length; i++) {
          const [x, y] = pointOf(series, place, i);
          if (Number.isNaN(x) || Number.isNaN(y)) continue;
          const [position, most] = flat ? [y - bbox.top, bbox.height] : [x - bbox.left, bbox.width];
          if (position >= 0 && position <= most) at.add(Math.round(position / devicePixelRatio));
        }
      }
      return [...at].sort((a, b) => a - b);
    }

    key(event) {
      if (!this.uplot) return;
      if (event.key === "Escape") {
        this.hideReadout();
        this.resetZoom();
        return;
      }
      const stops = this.stops();
      const moves = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10 };
      const flat = horizontalBars(this.panel);
      if (!flat && (event.key === "ArrowUp" || event.key === "ArrowDown")) return;
      let index;
      if (event.key === "Home") index = 0;
      else if (event.key === "End") index = stops.length - 1;
      else if (event.key in moves) {
        const current = stops.findIndex((stop) => stop >= (this.stop ?? -1));
        const start = this.stop === undefined ? (moves[event.key] > 0 ? -1 : stops.length) : current;
        index = Math.max(0, Math.min(stops.length - 1, start + moves[event.key] * (event.shiftKey ? 10 : 1)));
      } else return;
      event.preventDefault();
      if (stops.length === 0) return;
      this.stop = stops[index];
      const middle = (flat ? this.uplot.over.clientWidth : this.uplot.over.clientHeight) / 2;
      const [left, top] = flat ? [middle, this.stop] : [this.stop, middle];
      this.uplot.setCursor({ left, top }, false);
      this.show(left, top, true);
    }

    // --------------------------------------------------------------------------------------------------- zooming

    zoom() {
      const { select, over } = this.uplot;
      if (select.width < 3 && select.height < 3) return;
      const span = (key, from, to) => {
        const ends = [this.uplot.posToVal(from, key), this.uplot.posToVal(to, key)].sort((a, b) => a - b);
        return ends[0] < ends[1] ? ends : this.visible()[key];
      };
      const whole = { x: select.width >= over.clientWidth - 1, y: select.height >= over.clientHeight - 1 };
      const now = this.visible();
      this.zoomed = {
        x: whole.x ? now.x : span("x", select.left, select.left + select.width),
        y: whole.y ? now.y : span("y", select.top, select.top + select.height),
      };
      this.uplot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      this.ranges = this.zoomed;
      this.named();
      this.paint();
    }

    resetZoom() {
      if (!this.zoomed) return;
      const focused = document.activeElement === this.reset;
      this.zoomed = null;
      this.ranges = this.target();
      this.named();
      this.paint();
      if (focused) this.plot.focus();
    }

    // -------------------------------------------------------------------------------------------------- changing

    update(panel) {
      this.panel = panel;
      this.named();
      if (!this.uplot) return this.mount();
      const target = this.target();
      if (this.owner.options.steady && !this.zoomed) this.approach(target);
      else this.ranges = target;
      this.paint();
    }

    /** Ranges grow at once, so that nothing is cut off, and shrink when data have been still for a while. */
    approach(target) {
      const union = (axis, now, next) =>
        axis.scale === "names" ? next : [Math.min(now[0], next[0]), Math.max(now[1], next[1])];
      clearTimeout(this.settle);
      this.ranges = { x: target.x, y: union(this.panel.y, this.ranges.y, target.y) };
      if (!same(this.ranges.y, target.y)) this.settle = setTimeout(() => this.ease(this.target()), SETTLE_AFTER);
    }

    ease(target) {
      const from = this.ranges.y;
      const start = performance.now();
      const step = (now) => {
        if (!this.uplot || this.zoomed) return;
        const share = calm() ? 1 : Math.min(1, (now - start) / EASE_FOR);
        this.ranges = { x: this.ranges.x, y: between(this.panel.y, from, target.y, share) };
        this.paint();
        if (share < 1) this.settle = setTimeout(() => requestAnimationFrame(step), 0);
      };
      requestAnimationFrame(step);
    }

    paint() {
      if (!this.uplot) return;
      const { x, y } = this.visible();
      this.uplot.batch(() => {
        this.uplot.setScale("x", { min: x[0], max: x[1] });
        this.uplot.setScale("y", { min: y[0], max: y[1] });
        this.uplot.redraw(false, true);
      });
      if (!this.readout.hidden) this.read();
    }

    refresh() {
      if (!this.uplot) return this.mount();
      this.palette = new Palette(this.owner.root);
      if (!this.zoomed) this.ranges = this.target();
      this.paint();
    }

    resize() {
      const width = this.plot.clientWidth;
      if (!this.uplot) return this.mount();
      if (width >= 60 && width !== this.uplot.width) this.uplot.setSize({ width, height: this.owner.options.height });
    }

    destroy() {
      clearTimeout(this.settle);
      if (this.uplot) this.uplot.destroy();
      this.uplot = null;
      this.element.remove();
    }
  }

  // ----------------------------------------------------------------------------------------------------- figure

  const shapeOf = (figure) =>
    JSON.stringify(
      figure.panels.map((panel) => [
        panel.x.scale,
        panel.x.reversed,
        panel.x.label,
        panel.y.scale,
        panel.y.reversed,
        panel.plane,
      ]),
    );

  class Figure {
    constructor(element, figure, options) {
      this.options = { height: 300, legend: true, steady: false, ...options };
      this.hidden = new Set(this.options.hidden || []);
      this.styles = new Styles();
      this.ruler = document.createElement("canvas").getContext("2d");
      this.root = make("figure", { class: "gf" });
      this.caption = make("figcaption", { class: "gf-title" });
      this.legend = make("div", { class: "gf-legend", role: "group", "aria-label": "Series" });
      this.panels = make("div", { class: "gf-panels" });
      this.live = make("div", { class: "gf-live", "aria-live": "polite" });
      this.notes = make("ul", { class: "gf-notes" });
      this.root.append(this.caption, this.legend, this.panels, this.live, this.notes);
      element.append(this.root);
      this.parts = [];
      this.watchAppearance();
      this.update(figure);
    }

    watchAppearance() {
      this.sizes = new ResizeObserver(() => this.parts.forEach((part) => part.resize()));
      this.sizes.observe(this.root);
      this.repaint = () => this.refresh();
      this.scheme = window.matchMedia("(prefers-color-scheme: dark)");
      this.scheme.addEventListener("change", this.repaint);
      this.theme = new MutationObserver(this.repaint);
      this.theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
      window.addEventListener("beforeprint", this.repaint);
      window.addEventListener("afterprint", this.repaint);
    }

    update(figure) {
      const shape = shapeOf(figure);
      this.figure = figure;
      this.caption.textContent = figure.title || "";
      this.caption.hidden = !figure.title;
      this.notes.replaceChildren(...(figure.notes || []).map((text) => make("li", { text })));
      this.notes.hidden = !(figure.notes || []).length;
      this.drawLegend();
      if (shape !== this.shape) {
        this.parts.forEach((part) => part.destroy());
        this.parts = figure.panels.map((panel) => new Panel(this, panel));
        this.panels.append(...this.parts.map((part) => part.element));
        this.parts.forEach((part) => part.mount());
        this.shape = shape;
      } else this.parts.forEach((part, i) => part.update(figure.panels[i]));
    }

    drawLegend() {
      const entries = new Map();
      for (const panel of this.figure.panels) {
        for (const series of panel.series) {
          if (series.name && !entries.has(series.name)) entries.set(series.name, series);
        }
      }
      const list = [...entries.values()].map((series) => ({ series, style: this.styles.of(series) }));
      const drawn = JSON.stringify(list.map(({ series, style }) => [series.name, series.marks, !series.y, style]));
      this.legend.hidden = !this.options.legend || entries.size < 2;
      if (drawn === this.drawn) return;
      this.drawn = drawn;
      const focused = this.legend.contains(document.activeElement) ? document.activeElement.dataset.name : null;
      this.legend.replaceChildren(...list.map(({ series, style }) => this.key(series, style)));
      if (focused !== null) [...this.legend.children].find((key) => key.dataset.name === focused)?.focus();
    }

    key(series, style) {
      const key = make("button", {
        type: "button",
        class: "gf-key",
        "aria-pressed": String(!this.hidden.has(series.name)),
      });
      key.dataset.name = series.name;
      key.append(swatch(series, style), make("span", { text: series.name }));
      key.addEventListener("click", () => {
        const shown = this.hidden.has(series.name);
        if (shown) this.hidden.delete(series.name);
        else this.hidden.add(series.name);
        key.setAttribute("aria-pressed", String(shown));
        if (this.options.onToggle) this.options.onToggle(series.name, shown);
        this.refresh();
      });
      return key;
    }

    say(text) {
      this.live.textContent = text;
    }

    refresh() {
      this.parts.forEach((part) => part.refresh());
    }

    destroy() {
      this.sizes.disconnect();
      this.theme.disconnect();
      this.scheme.removeEventListener("change", this.repaint);
      window.removeEventListener("beforeprint", this.repaint);
      window.removeEventListener("afterprint", this.repaint);
      this.parts.forEach((part) => part.destroy());
      this.root.remove();
    }
  }

  function draw(element, figure, options) {
    const drawn = new Figure(element, figure, options || {});
    return {
      update: (next) => drawn.update(next),
      refresh: () => drawn.refresh(),
      destroy: () => drawn.destroy(),
    };
  }

  /** The line or mark of a series as a small drawing, for tables and lists beside a figure: their place has the class
   * gf-colours. */
  const swatchOf = (series) => swatch(series, new Styles().of(series));

  window.gaussmeterFigure = { draw, number, swatch: swatchOf };
})();
