//! Figures as scripts that draw them, for researchers who restyle them.

use super::figure::{Axis, Bar, FieldCell, Figure, Marks, Panel, Role, Scale, Series};
use super::plot::style::{Look, Mark};
use super::style::exact;
use super::{Content, Format, Label, drawn};
use std::fmt::Write;

/// The script of some figures; `width` in points.
fn write(figures: &[Figure], width: Option<f64>) -> String {
    let titles: Vec<&str> = figures.iter().map(|f| f.title.plain()).collect();
    let mut out = String::from("#!/usr/bin/env python3\n");
    let title = titles.join("; ").replace('\\', "/").replace('"', "'");
    let _ = writeln!(
        out,
        "\"\"\"{title}\n\nWritten by gaussmeter {}. Needs matplotlib:\n\n    python figure.py [FILE]\n\n\
         FILE is figure.pdf unless it is given; of several figures the first is FILE.\n\"\"\"\n",
        env!("CARGO_PKG_VERSION")
    );
    out.push_str(
        "import sys\nfrom math import inf, nan  # noqa: F401\nfrom pathlib import Path\n\n\
         import matplotlib\n\nmatplotlib.use(\"Agg\")\nfrom matplotlib import pyplot as plt\n\
         from matplotlib.colors import LogNorm, Normalize  # noqa: F401\n\n\
         file = Path(sys.argv[1] if len(sys.argv) > 1 else \"figure.pdf\")\n\
         plt.rcParams.update({\n    \"font.size\": 8,\n    \"axes.labelsize\": 8,\n    \
         \"axes.titlesize\": 8,\n    \"xtick.labelsize\": 7,\n    \"ytick.labelsize\": 7,\n    \
         \"axes.linewidth\": 0.6,\n    \"axes.spines.top\": False,\n    \"axes.spines.right\": False,\n    \
         \"axes.axisbelow\": True,\n    \"grid.color\": \"0.88\",\n    \"grid.linewidth\": 0.4,\n    \
         \"lines.markersize\": 3,\n})\n",
    );
    for (k, figure) in figures.iter().enumerate() {
        one(&mut out, figure, width);
        let file = match k {
            0 => "file".to_string(),
            _ => format!("file.with_stem(f\"{{file.stem}}-{}\")", k + 1),
        };
        let _ = writeln!(out, "fig.savefig({file}, dpi=300)");
    }
    out
}

fn one(out: &mut String, figure: &Figure, width: Option<f64>) {
    let count = figure.panels.len().max(1);
    let columns = if figure.per_row == 0 { count } else { figure.per_row.min(count) };
    let rows = count.div_ceil(columns);
    let inches = width.map_or(if columns > 1 { 6.85 } else { 3.39 }, |points| points / 72.0);
    let height = rows as f64 * (inches / columns as f64 * 0.8).max(1.7) + 0.3;
    let _ = writeln!(
        out,
        "\n# {}\nfig, axes = plt.subplots({rows}, {columns}, figsize=({inches:.2}, {height:.2}), \
         squeeze=False, layout=\"constrained\")",
        one_line(figure.title.plain())
    );
    for (k, panel) in figure.panels.iter().enumerate() {
        let _ = writeln!(out, "\nax = axes[{}, {}]", k / columns, k % columns);
        self::panel(out, figure, panel);
    }
    for k in figure.panels.len()..rows * columns {
        let _ = writeln!(out, "axes[{}, {}].set_axis_off()", k / columns, k % columns);
    }
    if figure.names().len() > 1 || figure.panels.len() > 1 {
        let _ = writeln!(
            out,
            "\nhandles = {{}}\nfor ax in axes.flat:\n    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):\n        \
             handles.setdefault(label, handle)\nif handles:\n    \
             fig.legend(handles.values(), handles.keys(), loc=\"outside lower center\", ncols={}, frameon=False)",
            legend_columns(figure, inches)
        );
    }
    for note in &figure.notes {
        let _ = writeln!(out, "# {}", one_line(note));
    }
}

/// As many as fit, at a fifteenth of an inch for a letter and half an inch for a line.
fn legend_columns(figure: &Figure, inches: f64) -> usize {
    let longest = figure.names().iter().map(|(name, _)| name.plain().chars().count()).max();
    ((inches / (0.5 + 0.065 * longest.unwrap_or(0) as f64)) as usize).clamp(1, 6)
}

fn panel(out: &mut String, figure: &Figure, panel: &Panel) {
    if !panel.title.plain().is_empty() {
        let _ = writeln!(out, "ax.set_title({})", mathtext(&panel.title));
    }
    for series in &panel.series {
        self::series(out, series, figure.look(series));
    }
    if let Some(label) = panel.series.iter().find(|s| matches!(s.marks, Marks::Field(_))) {
        field(out, panel, &label.name);
    } else {
        let _ = writeln!(out, "ax.grid(True)");
    }
    for (key, axis) in [("x", &panel.x), ("y", &panel.y)] {
        self::axis(out, key, axis);
    }
    if panel.is_plane {
        let _ = writeln!(out, "ax.set_aspect(\"equal\", adjustable=\"box\")");
    }
}

fn axis(out: &mut String, key: &str, axis: &Axis) {
    if !axis.label.plain().is_empty() {
        let _ = writeln!(out, "ax.set_{key}label({})", mathtext(&axis.label));
    }
    let mut is_reversed = axis.is_reversed;
    match &axis.scale {
        Scale::Linear => {}
        Scale::Log => {
            let _ = writeln!(out, "ax.set_{key}scale(\"log\")");
        }
        Scale::Names(names) => {
            is_reversed ^= key == "y";
            let is_long = key == "x" && names.iter().any(|n| n.plain().chars().count() > 8);
            let turned = if is_long { ", rotation=90" } else { "" };
            let names: Vec<String> = names.iter().map(mathtext).collect();
            let count = names.len();
            let _ = writeln!(
                out,
                "ax.set_{key}ticks(range({count}), labels=[{}]{turned})\nax.set_{key}lim(-0.5, {})",
                names.join(", "),
                count as f64 - 0.5
            );
        }
    }
    if is_reversed {
        let _ = writeln!(out, "ax.invert_{key}axis()");
    }
}

fn series(out: &mut String, series: &Series, look: Look) {
    let [red, green, blue] = look.colour();
    let colour = format!("color=\"#{red:02x}{green:02x}{blue:02x}\"");
    let label = match series.name.plain() {
        "" => String::new(),
        _ => format!(", label={}", mathtext(&series.name)),
    };
    let marker = match look.mark() {
        Mark::Circle => "o",
        Mark::Square => "s",
        Mark::Triangle => "^",
        Mark::Diamond => "D",
        Mark::Pentagon => "p",
    };
    let marker = format!("marker=\"{marker}\", markerfacecolor=\"white\"");
    match &series.marks {
        Marks::Line(points) => {
            let width = match look.role {
                Role::Main => 1.3,
                Role::Reference => 1.0,
                Role::Faint => 0.4,
            };
            // Lengths are multiples of the width.
            let dashes: Vec<String> = look
                .dashes()
                .iter()
                .map(|dash| exact((10.0 * dash / width).round() / 10.0))
                .collect();
            let style = match dashes.is_empty() {
                true => "\"-\"".to_string(),
                false => format!("(0, ({}))", dashes.join(", ")),
            };
            let is_marked = look.role == Role::Main && points.len() <= super::thin::FEW;
            let marker = if is_marked { format!(", {marker}") } else { String::new() };
            let _ = writeln!(
                out,
                "ax.plot(\n    {},\n    {},\n    {colour}, linewidth={width}, linestyle={style}{marker}{label},\n)",
                list(points.iter().map(|p| p.0)),
                list(points.iter().map(|p| p.1))
            );
        }
        Marks::Points(points) => {
            let (x, y) = (list(points.iter().map(|p| p.x)), list(points.iter().map(|p| p.y)));
            let down =
                points.iter().map(|p| p.interval.map_or(0.0, |(low, _)| (p.y - low).max(0.0)));
            let up =
                points.iter().map(|p| p.interval.map_or(0.0, |(_, high)| (high - p.y).max(0.0)));
            let _ = writeln!(
                out,
                "ax.errorbar(\n    {x},\n    {y},\n    yerr=[\n        {},\n        {},\n    ],\n    \
                 {colour}, linestyle=\"none\", capsize=1.8, elinewidth=0.8, {marker}{label},\n)",
                list(down),
                list(up)
            );
        }
        Marks::Band(points) => {
            let _ = writeln!(
                out,
                "ax.fill_between(\n    {},\n    {},\n    {},\n    {colour}, alpha=0.2, linewidth=0{label},\n)",
                list(points.iter().map(|p| p.0)),
                list(points.iter().map(|p| p.1)),
                list(points.iter().map(|p| p.2))
            );
        }
        Marks::Bars(bars) => {
            let of = |value: fn(&Bar) -> f64| list(bars.iter().map(value));
            let _ = writeln!(
                out,
                "ax.bar(\n    {},\n    {},\n    width={},\n    bottom={},\n    align=\"edge\", \
                 {colour}, edgecolor=\"white\", linewidth=0.3{label},\n)",
                of(|b| b.left),
                of(|b| b.high - b.low),
                of(|b| b.right - b.left),
                of(|b| b.low)
            );
        }
        Marks::Field(_) => {}
    }
}

/// Cells as rectangles, so that missing ones are none.
fn field(out: &mut String, panel: &Panel, label: &Label) {
    let scale = super::plot::field::scale(panel);
    let norm = if scale.is_log() { "LogNorm" } else { "Normalize" };
    let cells = super::plot::field::cells(panel);
    let cell = |cell: &FieldCell| {
        let best = if cell.is_best { "True" } else { "False" };
        let text = literal(&cell.text);
        format!("    ({}, {}, {}, {text}, {best}),\n", cell.x, cell.y, number(cell.value))
    };
    let cells: String = cells.map(cell).collect();
    let _ =
        writeln!(out, "cells = [  # column, row, value, text, whether it is the best\n{cells}]");
    let zero = if scale.is_log() { "0 < v" } else { "-inf < v" };
    let _ = writeln!(
        out,
        "values = [v for _, _, v, _, _ in cells if {zero} < inf]\n\
         norm = {norm}(min(values, default=1), max(values, default=1))\n\
         for x, y, value, text, best in cells:\n    \
         shade = plt.cm.viridis(float(norm(value))) if value in values else (0.85, 0.85, 0.85, 1)\n    \
         ax.add_patch(plt.Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor=\"white\"))\n    \
         ink = \"black\" if 0.3 * shade[0] + 0.6 * shade[1] + 0.1 * shade[2] > 0.45 else \"white\"\n    \
         weight = \"bold\" if best else \"normal\"\n    \
         ax.text(x, y, text, ha=\"center\", va=\"center\", fontsize=7, color=ink, weight=weight)\n\
         if len(set(values)) > 1:\n    \
         fig.colorbar(plt.cm.ScalarMappable(norm, \"viridis\"), ax=ax, label={})\n\
         ax.spines[:].set_visible(False)\nax.tick_params(length=0)",
        mathtext(label)
    );
}

fn list(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<String> = values.map(number).collect();
    format!("[{}]", values.join(", "))
}

fn number(value: f64) -> String {
    match value {
        v if v.is_nan() => "nan".into(),
        f64::INFINITY => "inf".into(),
        f64::NEG_INFINITY => "-inf".into(),
        v => exact(v),
    }
}

/// A string of Python.
fn literal(text: &str) -> String {
    // Strings of JSON are strings of Python.
    serde_json::Value::from(text).to_string()
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A label as matplotlib writes it, which knows the mathematics of LaTeX but not its text.
fn mathtext(label: &Label) -> String {
    let plain = || label.plain().replace('$', r"\$");
    let text = label.own_latex().and_then(of_latex).unwrap_or_else(plain);
    literal(&text)
}

/// LaTeX whose text is plain, of commands that are known here.
fn of_latex(latex: &str) -> Option<String> {
    // What this crate can set, matplotlib can too.
    super::plot::rich::parse(latex)?;
    let mut out = String::new();
    for (k, part) in latex.split('$').enumerate() {
        if k % 2 == 1 {
            let _ = write!(
                out,
                "${}$",
                part.replace(r"\le ", r"\leq ").replace(r"\text{", r"\mathrm{")
            );
            continue;
        }
        let part = part.replace(r"\%", "%").replace(r"\_", "_").replace(r"\&", "&");
        let part = part.replace(r"\#", "#").replace('~', " ").replace("--", "–");
        if part.contains(['\\', '{', '}']) {
            return None;
        }
        out.push_str(&part);
    }
    latex.matches('$').count().is_multiple_of(2).then_some(out)
}

pub(super) static FORMAT: Format = Format {
    name: "matplotlib",
    extensions: &["py"],
    summary: "a Python script that draws the figures with matplotlib, to be restyled",
    content: Content::Figures,
    write: |report, page, out| Ok(out.write_all(write(&drawn(report)?, page.width).as_bytes())?),
};
