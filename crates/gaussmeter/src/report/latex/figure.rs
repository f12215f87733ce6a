//! Figures with pgfplots: one picture for a panel, a group of plots with a shared legend for several.

use super::escape;
use crate::report::Label;
use crate::report::figure::{Bar, Estimate, Figure, Marks, Panel, Role, Scale, Series};
use crate::report::plot::axis::Placed;
use crate::report::plot::field;
use crate::report::plot::marks::{is_marked, lost};
use crate::report::plot::style::{COLOURS, Look, Mark, REFERENCES};
use crate::report::style::exact;
use crate::report::thin::Drawn;

/// Points per curve, roughly: TeX is slow, and more would not be visible on a page.
const POINTS: usize = 400;

/// A figure; `width` is that of all panels in points, by default that of the text.
pub(in crate::report) fn write(figure: &Figure, width: Option<f64>) -> String {
    let mut out = String::from("\\begin{figure}[htbp]\n  \\centering\n");
    let mut line = |text: &str| out.extend(["  ", text, "\n"]);
    let coloured = figure.names().iter().filter(|(_, role)| *role == Role::Main).count();
    // Without a name there is no place in the legend, but a colour.
    let unnamed = figure.panels.iter().flat_map(|panel| &panel.series);
    let unnamed = unnamed.filter(|s| s.role == Role::Main && s.name.plain().is_empty()).count();
    for (name, [red, green, blue]) in COLOURS.iter().take(coloured.max(unnamed.min(1))) {
        line(&format!(r"\definecolor{{{name}}}{{RGB}}{{{red},{green},{blue}}}"));
    }
    let width = match width {
        Some(points) => format!("{}bp", exact((100.0 * points).round() / 100.0)),
        None => r"\linewidth".into(),
    };
    let (lines, mut notes) = match &figure.panels[..] {
        [panel] => single(figure, panel, &width),
        _ => group(figure, &width),
    };
    lines.iter().for_each(|text| line(text));
    let caption = figure.title.latex();
    if !caption.is_empty() {
        line(&format!(r"\caption{{{caption}}}"));
    }
    notes.extend(figure.notes.iter().map(|note| escape(note)));
    if !notes.is_empty() {
        line(r"\par\smallskip");
        line(r"\parbox{\linewidth}{\footnotesize\raggedright");
        line(&format!("  {}}}", notes.join("\\par\n    ")));
    }
    out.push_str("\\end{figure}\n");
    out
}

/// A picture of one panel, and notes on what it cannot show.
fn single(figure: &Figure, panel: &Panel, width: &str) -> (Vec<String>, Vec<String>) {
    let axis = match (panel.x.is_log(), panel.y.is_log()) {
        (true, true) => "loglogaxis",
        (true, false) => "semilogxaxis",
        (false, true) => "semilogyaxis",
        (false, false) => "axis",
    };
    let mut lines = vec![r"\begin{tikzpicture}".to_string()];
    let mut line = |text: &str| lines.push(text.into());
    line(&format!(r"  \begin{{{axis}}}["));
    // Labels of pgfplots extend beyond its width.
    let shape = match rows(panel) {
        Some(rows) => format!("height={}em", 6.0 + 1.6 * rows as f64),
        None => format!("height=0.7{width}"),
    };
    line(&format!("    width={{{width}-1.5em}}, {shape},"));
    options(panel).iter().for_each(|option| line(&format!("    {option}")));
    line(r"    enlarge x limits=0.02, unbounded coords=jump, line join=round,");
    line(r"    tick pos=lower, tick align=outside, grid=major, grid style={black!12},");
    // Below the axis, where it covers no curve.
    line(r"    legend style={at={(0.5,0)}, anchor=north, yshift=-3.2em, draw=none,");
    line(r"      /tikz/every even column/.append style={column sep=1em}},");
    line(&format!(
        "    legend columns={}, legend cell align=left,",
        columns(panel.series.iter().map(|s| &s.name))
    ));
    line("  ]");
    let (plots, notes) = plots(figure, panel, true);
    plots.iter().for_each(|plot| line(&format!("    {plot}")));
    line(&format!(r"  \end{{{axis}}}"));
    line(r"\end{tikzpicture}");
    (lines, notes)
}

/// Panels in rows, with the legend of all of them below.
fn group(figure: &Figure, width: &str) -> (Vec<String>, Vec<String>) {
    let count = figure.panels.len();
    let across = if figure.per_row == 0 { count } else { figure.per_row.min(count) }.max(1);
    let (mut lines, mut notes) = (Vec::new(), Vec::new());
    if count == 0 {
        return (lines, notes);
    }
    let names = figure.names();
    let legend = format!("legend:{:016x}", hash(figure));
    let mut line = |text: &str| lines.push(text.to_string());
    line(r"\begin{tikzpicture}");
    line(r"  \begin{groupplot}[");
    line(&format!(
        "    group style={{group size={across} by {}, horizontal sep=6em, vertical sep=5em}},",
        count.div_ceil(across)
    ));
    // What is between the panels, and the labels on the left of the first.
    let between = 6 * (across - 1) + 5;
    line(&format!("    scale only axis, width={{({width}-{between}em)/{across}}},"));
    line(&format!("    height={{0.75*({width}-{between}em)/{across}}},"));
    line(r"    enlarge x limits=0.02, unbounded coords=jump, /tikz/line join=round,");
    line(r"    tick pos=lower, tick align=outside, grid=major, grid style={black!12},");
    line(r"    legend style={draw=none, /tikz/every even column/.append style={column sep=1em}},");
    line(&format!(
        "    legend columns={}, legend cell align=left,",
        columns(names.iter().map(|(name, _)| *name))
    ));
    line("  ]");
    for (k, panel) in figure.panels.iter().enumerate() {
        line(r"    \nextgroupplot[");
        if !panel.title.plain().is_empty() {
            line(&format!("      title={{{}}},", panel.title.latex()));
        }
        for (axis, key) in [(&panel.x, "x"), (&panel.y, "y")] {
            line(&format!("      {key}mode={},", if axis.is_log() { "log" } else { "linear" }));
        }
        options(panel).iter().for_each(|option| line(&format!("      {option}")));
        if k == 0 && !names.is_empty() {
            line(&format!("      legend to name={{{legend}}},"));
        }
        line("    ]");
        let (plots, own) = plots(figure, panel, false);
        notes.extend(own);
        plots.iter().for_each(|plot| line(&format!("      {plot}")));
        if k == 0 {
            for text in legend_entries(figure) {
                line(&format!("      {text}"));
            }
        }
    }
    line(r"  \end{groupplot}");
    line(r"\end{tikzpicture}");
    if !names.is_empty() {
        line(r"\par\smallskip");
        line(&format!(r"\pgfplotslegendfromname{{{legend}}}"));
    }
    notes.dedup();
    (lines, notes)
}

/// Columns of a legend: rows of at most three, fewer of long names, of equal length.
fn columns<'a>(names: impl Iterator<Item = &'a Label>) -> usize {
    let lengths: Vec<usize> = names.map(|name| name.plain().chars().count()).collect();
    let most = match lengths.iter().max() {
        Some(26..) => 1,
        Some(17..) => 2,
        _ => 3,
    };
    lengths.len().div_ceil(lengths.len().div_ceil(most).max(1)).max(1)
}

/// What tells the legend of a figure from those of others in the same document (FNV-1a).
fn hash(figure: &Figure) -> u64 {
    let names = figure.names();
    let texts = names.iter().map(|(name, _)| name.plain());
    let texts = texts.chain(figure.panels.iter().map(|panel| panel.title.plain()));
    let bytes = figure.title.plain().bytes().chain(texts.flat_map(str::bytes));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The number of names on the vertical axis.
fn rows(panel: &Panel) -> Option<usize> {
    match &panel.y.scale {
        Scale::Names(names) => Some(names.len()),
        _ => None,
    }
}

/// The options of the axes of a panel.
fn options(panel: &Panel) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, axis) in [("x", &panel.x), ("y", &panel.y)] {
        lines.push(format!("{key}label={{{}}},", axis.label.latex()));
        let is_reversed = match &axis.scale {
            Scale::Names(names) => {
                lines.push(names_option(key, names));
                axis.is_reversed != (key == "y")
            }
            _ => axis.is_reversed,
        };
        if is_reversed {
            lines.push(format!("{key} dir=reverse,"));
        }
    }
    if panel.is_plane {
        lines.push("axis equal image,".into());
    }
    if let Some(colours) = colour_bar(panel) {
        lines.push(colours);
    }
    lines
}

fn names_option(key: &str, names: &[Label]) -> String {
    let ticks: Vec<String> = (0..names.len()).map(|k| k.to_string()).collect();
    let labels: Vec<String> = names.iter().map(|name| format!("{{{}}}", name.latex())).collect();
    let is_long = key == "x" && names.iter().any(|name| name.plain().chars().count() > 8);
    let turned = if is_long { " x tick label style={rotate=90, anchor=east}," } else { "" };
    format!(
        "{key}tick={{{}}}, {key}ticklabels={{{}}}, {key}min=-0.5, {key}max={},{turned}",
        ticks.join(","),
        labels.join(","),
        names.len() as f64 - 0.5
    )
}

/// The bar of the colours of a field.
fn colour_bar(panel: &Panel) -> Option<String> {
    let scale = field::scale(panel);
    let colours = field::colours(panel, &scale)?;
    let end = |own: f64| if scale.is_log() { own } else { own * 10f64.powi(colours.exponent) };
    let label = match scale.is_log() {
        true => r"yticklabel={$10^{\pgfmathprintnumber{\tick}}$}, ",
        false => "",
    };
    Some(format!(
        "colorbar, colormap/viridis, point meta min={}, point meta max={}, \
         colorbar style={{{label}ylabel={{{}}}}},",
        coordinate(end(colours.low)),
        coordinate(end(colours.high)),
        scale.label.latex()
    ))
}

/// The lines that draw the series, and the footnotes. Lines have their entry in the legend beside them if
/// `has_legend`.
fn plots(figure: &Figure, panel: &Panel, has_legend: bool) -> (Vec<String>, Vec<String>) {
    let (mut plots, mut notes) = (Vec::new(), Vec::new());
    let frame = Ends { x: &Placed::x(panel), y: &Placed::y(panel) };
    plots.extend(cells(panel));
    let mut told: Vec<&Label> = Vec::new();
    for (series, drawn) in panel.series.iter().zip(panel.lines(POINTS)) {
        let name = series.name.latex();
        if let Some((hidden, points)) = lost(panel, &series.marks) {
            let why = match panel.x.is_log() || panel.y.is_log() {
                true => "infinite, or not positive on a logarithmic axis",
                false => "infinite",
            };
            notes.push(format!("{name}: {hidden} of {points} points not shown ({why})"));
        }
        let look = figure.look(series);
        let has_entry = has_legend
            && !series.name.plain().is_empty()
            && !told.contains(&&series.name)
            && !matches!(series.marks, Marks::Field(_));
        let own = match (&series.marks, drawn) {
            (Marks::Line(points), Some(drawn)) => line(points.len(), &drawn, look, has_entry),
            (Marks::Points(points), _) => points_with_intervals(points, look, &frame, has_entry),
            (Marks::Band(points), _) => band(points, look, &frame, has_entry),
            (Marks::Bars(bars), _) => rectangles(bars, look, &frame, has_entry),
            _ => Vec::new(),
        };
        if own.is_empty() {
            continue;
        }
        plots.extend(own);
        if has_entry {
            told.push(&series.name);
            plots.push(format!(r"\addlegendentry{{{name}}}"));
        }
    }
    (plots, notes)
}

/// The legend of all panels, without what it stands for.
fn legend_entries(figure: &Figure) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, _) in figure.names() {
        let mut all = figure.panels.iter().flat_map(|panel| &panel.series);
        let own = |series: &&Series| series.name == *name;
        // A line says more than the area around it.
        let is_area = |s: &Series| matches!(s.marks, Marks::Band(_) | Marks::Bars(_));
        let lines_first = all.clone().filter(own).find(|series| !is_area(series));
        let Some(series) = lines_first.or_else(|| all.find(own)) else { continue };
        let look = figure.look(series);
        let (_, colour) = stroke(look);
        let image = match &series.marks {
            Marks::Line(points) => {
                let drawn = Drawn { runs: Vec::new(), tolerance: 0.0, without_place: 0 };
                line_style(points.len(), &drawn, look)
            }
            Marks::Points(_) => format!("only marks, {}", mark(look)),
            Marks::Band(_) => format!("area legend, fill={colour}, fill opacity=0.2, draw=none"),
            Marks::Bars(_) => format!("area legend, fill={colour}, draw=none"),
            Marks::Field(_) => continue,
        };
        lines.push(format!(r"\addlegendimage{{{image}}}"));
        lines.push(format!(r"\addlegendentry{{{}}}", name.latex()));
    }
    lines
}

fn forget(has_entry: bool) -> &'static str {
    if has_entry { "" } else { ", forget plot" }
}

fn line(points: usize, drawn: &Drawn, look: Look, has_entry: bool) -> Vec<String> {
    let shown: usize = drawn.runs.iter().map(Vec::len).sum();
    if shown == 0 {
        return Vec::new();
    }
    let mut plots = Vec::new();
    if shown + drawn.without_place < points {
        plots.push(format!(
            "% {shown} of {points} points; the others lie within {:.3} % (of the axes) of the line",
            100.0 * drawn.tolerance
        ));
    }
    let style = line_style(points, drawn, look);
    plots.push(format!(r"\addplot[{style}{}] coordinates {{", forget(has_entry)));
    for (i, run) in drawn.runs.iter().enumerate() {
        if i > 0 {
            plots.push(format!("  ({},nan)", coordinate(run[0].0)));
        }
        for points in run.chunks(6) {
            let points: Vec<_> = points.iter().map(|p| place(*p)).collect();
            plots.push(format!("  {}", points.join(" ")));
        }
    }
    plots.push("};".into());
    plots
}

fn points_with_intervals(
    points: &[Estimate],
    look: Look,
    ends: &Ends,
    has_entry: bool,
) -> Vec<String> {
    let point = |p: &Estimate| {
        ends.x.at(p.x)?;
        ends.y.at(p.y)?;
        let (low, high) = p.interval.unwrap_or((p.y, p.y));
        let (low, high) = (within(ends.y, low)?, within(ends.y, high)?);
        let (up, down) = ((high - p.y).max(0.0), (p.y - low).max(0.0));
        let errors = format!("+= (0,{}) -= (0,{})", coordinate(up), coordinate(down));
        Some(format!("  {} {errors}", place((p.x, p.y))))
    };
    let points: Vec<String> = points.iter().filter_map(point).collect();
    if points.is_empty() {
        return points;
    }
    let (_, colour) = stroke(look);
    let mut plots = vec![format!(
        r"\addplot[only marks, {colour}, {}, error bars/.cd, y dir=both, y explicit{}] coordinates {{",
        mark(look),
        // Options of the plot follow those of its error bars.
        if has_entry { "" } else { ", /pgfplots/.cd, forget plot" }
    )];
    plots.extend(points);
    plots.push("};".into());
    plots
}

fn band(points: &[(f64, f64, f64)], look: Look, ends: &Ends, has_entry: bool) -> Vec<String> {
    let corner = |&(x, low, high): &(f64, f64, f64)| {
        ends.x.at(x)?;
        Some((x, within(ends.y, low)?, within(ends.y, high)?))
    };
    let corners: Vec<_> = points.iter().map(corner).collect();
    let mut plots = Vec::new();
    for run in corners.split(Option::is_none).filter(|run| run.len() > 1) {
        let low = run.iter().flatten().map(|(x, low, _)| place((*x, *low)));
        let high = run.iter().flatten().rev().map(|(x, _, high)| place((*x, *high)));
        let all: Vec<String> = low.chain(high).collect();
        // One area has the entry.
        let entry = forget(has_entry && plots.is_empty());
        let (_, colour) = stroke(look);
        plots.push(format!(
            r"\addplot[draw=none, fill={colour}, fill opacity=0.2, area legend{entry}] coordinates {{"
        ));
        plots.extend(all.chunks(6).map(|points| format!("  {}", points.join(" "))));
        plots.push("} -- cycle;".into());
    }
    plots
}

fn rectangles(bars: &[Bar], look: Look, ends: &Ends, has_entry: bool) -> Vec<String> {
    let mut plots = Vec::new();
    for bar in bars {
        let side = |axis: &Placed, value: f64| within(axis, value);
        let (Some(left), Some(right), Some(low), Some(high)) = (
            side(ends.x, bar.left),
            side(ends.x, bar.right),
            side(ends.y, bar.low),
            side(ends.y, bar.high),
        ) else {
            continue;
        };
        let corners = [(left, low), (left, high), (right, high), (right, low)].map(place);
        let entry = forget(has_entry && plots.is_empty());
        let (_, colour) = stroke(look);
        plots.push(format!(
            r"\addplot[fill={colour}, draw=white, very thin, area legend{entry}] coordinates {{{}}} -- cycle;",
            corners.join(" ")
        ));
    }
    plots
}

/// The cells of a field: rectangles with their text.
fn cells(panel: &Panel) -> Vec<String> {
    let scale = field::scale(panel);
    let colours = field::colours(panel, &scale);
    let cell = |cell: &crate::report::FieldCell| {
        let (x, y) = (cell.x as f64, cell.y as f64);
        let fill = field::fill(cell.value, colours.as_ref());
        let rgb = |[red, green, blue]: [u8; 3]| {
            format!("{{rgb,255:red,{red};green,{green};blue,{blue}}}")
        };
        let text = escape(&cell.text);
        let text = if cell.is_best { format!(r"\textbf{{{text}}}") } else { text };
        format!(
            r"\filldraw[draw=white, fill={}] (axis cs:{},{}) rectangle (axis cs:{},{}) node[midway, text={}] {{\scriptsize {text}}};",
            rgb(fill),
            x - 0.5,
            y - 0.5,
            x + 0.5,
            y + 0.5,
            rgb(field::ink(fill))
        )
    };
    field::cells(panel).map(cell).collect()
}

/// The axes, for what reaches beyond them.
struct Ends<'a> {
    x: &'a Placed<'a>,
    y: &'a Placed<'a>,
}

/// A value, or the end of the axis if it is beyond; `None` for NaN.
fn within(axis: &Placed, value: f64) -> Option<f64> {
    match axis.at(value) {
        Some(_) => Some(value),
        None if value.is_nan() => None,
        None => {
            let end = if value > 0.0 { axis.high } else { axis.low };
            Some(match axis.axis.scale {
                Scale::Log => 10f64.powf(end),
                _ => crate::report::plot::axis::scaled(end, axis.exponent),
            })
        }
    }
}

/// The colour of a series for LaTeX, and what its line is like.
fn stroke(look: Look) -> (String, String) {
    let dashes = match look.dashes() {
        [] => "solid".to_string(),
        dashes => {
            let part = |(k, length): (usize, &f64)| {
                format!("{} {length}pt", if k % 2 == 0 { "on" } else { "off" })
            };
            let parts: Vec<String> = dashes.iter().enumerate().map(part).collect();
            format!("dash pattern={}", parts.join(" "))
        }
    };
    match look.role {
        Role::Main => {
            let (colour, _) = COLOURS[look.order % COLOURS.len()];
            (format!("{colour}, very thick, {dashes}"), colour.into())
        }
        Role::Reference => {
            let (_, black) = REFERENCES[look.order % REFERENCES.len()];
            let colour =
                if black < 1.0 { format!("black!{}", 100.0 * black) } else { "black".into() };
            (format!("{colour}, {dashes}, thick"), colour)
        }
        Role::Faint => ("black!40, very thin".into(), "black!40".into()),
    }
}

fn line_style(points: usize, drawn: &Drawn, look: Look) -> String {
    let (line, _) = stroke(look);
    match is_marked(points, drawn, look.role) {
        true => format!("{line}, {}", mark(look)),
        false => line,
    }
}

fn mark(look: Look) -> String {
    let mark = match look.mark() {
        Mark::Circle => "*",
        Mark::Square => "square*",
        Mark::Triangle => "triangle*",
        Mark::Diamond => "diamond*",
        Mark::Pentagon => "pentagon*",
    };
    format!("mark={mark}, mark size=1.6pt, mark options={{solid, thin, fill=white}}")
}

fn place((x, y): (f64, f64)) -> String {
    format!("({},{})", coordinate(x), coordinate(y))
}

/// Six digits, about the precision of TeX.
fn coordinate(value: f64) -> String {
    exact(format!("{value:.5e}").parse().unwrap_or(value))
}
