/** The table of samplers and the error budget of one of them. */

import { html } from "./dom.js";
import { full, number, parsed } from "./numbers.js";

const METRICS = { "kl-forward": "KL(data ‖ out)", "kl-reverse": "KL(out ‖ data)", trace: "trace error" };

/** Names of more letters are broken into lines. */
const LONG = 26;

function columnsFor(metric) {
  const columns = [
    { key: "sampler", label: "Sampler", text: true },
    { key: "steps", label: "Steps", whole: true },
    { key: "nfe", label: "NFE", whole: true, about: "network evaluations" },
    { key: "w2", label: "W2", best: true, about: "distance of the output to the data, in data units" },
    { key: "w2_mean", label: "of mean", about: "the part of W2 that is due to the mean" },
    { key: "w2_cov", label: "of cov.", about: "the part of W2 that is due to the covariance" },
    { key: "w2_per_dim", label: "W2/√d", about: "W2 per dimension" },
  ];
  if (METRICS[metric])
    columns.push({
      key: "value",
      metric: metric.replace("-", "_"),
      label: METRICS[metric],
      about: `${metric} of the output to the data`,
    });
  return columns;
}

function cell(column, row) {
  const value = row[column.key];
  if (value === null || value === undefined) return html("td", { class: "num", text: "–" });
  const shown = column.whole ? String(value) : number(parsed(value));
  const data = html("data", { value: full(value), title: column.whole ? null : full(value), text: shown });
  return html("td", { class: column.best ? "num main-value" : "num" }, data);
}

/** Why numbers of a row are infinite. */
function reasonsOf(row, columns) {
  if (row.reason || !row.reasons) return [];
  const infinite = columns.filter((column) => row[column.key] === "inf" || row[column.key] === "-inf");
  const key = (column) => (column.key === "value" ? column.metric : column.key);
  const reasons = new Set(infinite.map((column) => row.reasons[key(column)]).filter(Boolean));
  return [...reasons].map((reason) => `${row.name} is infinite: ${reason}.`);
}

/** `notes` is a list below the table, for what numbers cannot say. */
export function resultTable(element, notes, { choose, slots }) {
  let order = { key: null, down: false };
  let last = null;

  function sortBy(key) {
    order = order.key !== key ? { key, down: false } : order.down ? { key: null, down: false } : { key, down: true };
    if (last) paint(true);
  }

  function header(columns) {
    const cells = columns.map((column) => {
      const sorted = order.key === column.key ? (order.down ? "descending" : "ascending") : null;
      const mark = sorted === null ? "" : order.down ? " ▾" : " ▴";
      const button = html(
        "button",
        { type: "button", title: column.about, "data-column": column.key, on: { click: () => sortBy(column.key) } },
        column.label,
        html("span", { "aria-hidden": "true", text: mark }),
      );
      return html("th", { scope: "col", class: column.text ? null : "num", "aria-sort": sorted }, button);
    });
    return html("tr", {}, ...cells);
  }

  function sorted(rows) {
    if (order.key === null) return rows;
    const value = (row) => (order.key === "sampler" ? row.name : row.reason ? Infinity : parsed(row[order.key]));
    const sign = order.down ? -1 : 1;
    const compare = (a, b) => (value(a) < value(b) ? -sign : value(a) > value(b) ? sign : 0);
    return rows.slice().sort(compare);
  }

  function line(row, columns, best, detail) {
    const name = html(
      "button",
      {
        type: "button",
        class: "row-name",
        "aria-pressed": String(row.text === detail),
        "data-row": row.text,
        on: { click: () => choose(row.text) },
      },
      window.gaussmeterFigure.swatch({ name: row.text, role: "main", marks: "line", style: slots.of(row.text) }),
      html("span", { class: row.name.length > LONG ? "long" : null, text: row.name }),
    );
    const head = html(
      "th",
      { scope: "row" },
      name,
      row === best ? html("span", { class: "best", text: "best" }) : null,
    );
    if (row.reason)
      return html("tr", { class: "failed" }, head, html("td", { colspan: columns.length - 1, text: row.reason }));
    const chosen = row.text === detail ? "chosen" : "";
    const kind = [chosen, row === best ? "is-best" : ""].filter(Boolean).join(" ");
    return html("tr", { class: kind || null }, head, ...columns.slice(1).map((column) => cell(column, row)));
  }

  function paint() {
    const { rows, columns, detail } = last;
    const runs = rows.filter((row) => !row.reason && Number.isFinite(parsed(row.w2)));
    const best = runs.length > 1 ? runs.reduce((a, b) => (parsed(b.w2) < parsed(a.w2) ? b : a)) : null;
    const held = element.contains(document.activeElement) ? document.activeElement : null;
    const was = held ? [held.dataset.column, held.dataset.row] : null;
    element.replaceChildren(
      html("caption", {
        class: "unseen",
        text: "Errors of the samplers; a name chooses the sampler whose budget, steps and eigenvalues are shown",
      }),
      html("thead", {}, header(columns)),
      html("tbody", {}, ...sorted(rows).map((row) => line(row, columns, best, detail))),
    );
    const texts = rows.flatMap((row) => reasonsOf(row, columns));
    notes.replaceChildren(...texts.map((text) => html("li", { text })));
    notes.hidden = texts.length === 0;
    if (was === null) return;
    const again = [...element.querySelectorAll("button")].find(
      (one) => one.dataset.column === was[0] && one.dataset.row === was[1],
    );
    if (again) again.focus();
  }

  return {
    show(document, state, names) {
      const rows = document.samplers.map((one, i) => ({
        ...one,
        text: state.samplers[i] ?? one.sampler,
        name: names[i],
      }));
      last = { rows, columns: columnsFor(document.metric), detail: state.detail };
      paint();
    },
  };
}

const PARTS = [
  ["initialization", "Initialization", "the continuous solution from the given start"],
  ["truncation", "Truncation", "the exact law at eps"],
  ["discretization", "Discretization", "the sampler from the exact start, down to t = 0"],
  ["score", "Score", "the continuous solution with the network's score"],
];

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

export function budgetView(element) {
  return {
    show(entry) {
      if (!entry || entry.reason) {
        element.replaceChildren(
          html("p", { class: "about", text: entry ? entry.reason : "Choose a sampler in the table." }),
        );
        return;
      }
      const budget = entry.budget || {};
      const parts = PARTS.filter(([key]) => key in budget).map(([key, label, about]) => {
        const missing = budget[key] === null;
        const why = missing
          ? (entry.reasons || {})[key] || (entry.reasons || {})[`budget.${key}`] || "undefined here"
          : null;
        return { label, about, value: missing ? NaN : parsed(budget[key]), given: budget[key], why };
      });
      const total = {
        label: "Total",
        about: "W2 of the output to the data",
        value: parsed(entry.w2),
        given: entry.w2,
        total: true,
      };
      const most = Math.max(...[...parts, total].map((part) => part.value).filter(Number.isFinite), 0);
      const rows = [...parts, total].map((part) => {
        const bar = html("span", { class: part.total ? "bar total" : "bar" });
        const share = part.value === Infinity ? 1 : most > 0 && Number.isFinite(part.value) ? part.value / most : 0;
        bar.style.width = `${100 * share}%`;
        const value = Number.isNaN(part.value)
          ? html("td", { class: "num", title: part.why, text: "–" })
          : html(
              "td",
              { class: "num" },
              html("data", { value: full(part.given), title: full(part.given), text: number(part.value) }),
            );
        return html(
          "tr",
          { class: part.total ? "total" : null },
          html("th", { scope: "row", title: part.about, text: part.label }),
          value,
          html("td", { class: "bars", "aria-hidden": "true" }, bar),
        );
      });
      const missing = parts.filter((part) => part.why).map((part) => `${part.label} alone: ${part.why}.`);
      const notes = [...(entry.warnings || []).map(sentence), ...missing];
      element.replaceChildren(
        html(
          "table",
          { class: "budget" },
          html("caption", { class: "unseen", text: "W2 of each source of error alone" }),
          html("tbody", {}, ...rows),
        ),
        ...notes.map((text) => html("p", { class: "about", text })),
      );
    },
  };
}
