//! Figures with pgfplots.

use super::escape;
use crate::report::Label;
use crate::report::figure::{Figure, Marks, Panel, Role, Series};
use crate::report::style::exact;
use crate::report::thin::{Drawn, FEW};

/// Points per curve, roughly: TeX is slow, and more would not be visible on a page.
const POINTS: usize = 400;

/// Those colours of Okabe & Ito (2008), distinguishable with any colour vision, that are visible on
/// white.
const COLOURS: [(&str, &str); 6] = [
    ("OkabeItoBlue", "0,114,178"),
    ("OkabeItoVermillion", "213,94,0"),
    ("OkabeItoGreen", "0,158,115"),
    ("OkabeItoPurple", "204,121,167"),
    ("OkabeItoOrange", "230,159,0"),
    ("OkabeItoSky", "86,180,233"),
];

/// Curves differ without colour too. Mostly ink, unlike [`REFERENCES`].
const DASHES: [&str; 5] = [
    "solid",
    "dash pattern=on 7pt off 3pt",
    "dash pattern=on 7pt off 2pt on 1.5pt off 2pt",
    "dash pattern=on 7pt off 2pt on 1.5pt off 2pt on 1.5pt off 2pt",
    "dash pattern=on 4pt off 2pt",
];

const MARKS: [&str; 5] = ["*", "square*", "triangle*", "diamond*", "pentagon*"];

const REFERENCES: [&str; 4] = [
    "black, dash pattern=on 3pt off 2pt",
    "black, dash pattern=on 1pt off 2pt",
    "black!60, dash pattern=on 3pt off 2pt",
    "black!60, dash pattern=on 1pt off 2pt",
];

pub(super) fn write(figure: &Figure) -> String {
    let mut out = String::from("\\begin{figure}[htbp]\n  \\centering\n");
    let mut line = |text: &str| out.extend(["  ", text, "\n"]);
    let coloured = figure.names().iter().filter(|(_, role)| *role == Role::Main).count();
    for (name, rgb) in COLOURS.iter().take(coloured) {
        line(&format!(r"\definecolor{{{name}}}{{RGB}}{{{rgb}}}"));
    }
    let mut notes = Vec::new();
    for panel in &figure.panels {
        let (lines, hidden) = axes(figure, panel);
        lines.iter().for_each(|text| line(text));
        notes.extend(hidden);
    }
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

/// The picture of a panel, and notes on what it cannot show.
fn axes(figure: &Figure, panel: &Panel) -> (Vec<String>, Vec<String>) {
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
    line(r"    width={\linewidth-1.5em}, height=0.7\linewidth,");
    for (key, axis) in [("xlabel", &panel.x), ("ylabel", &panel.y)] {
        line(&format!("    {key}={{{}}},", axis.label.latex()));
    }
    line(r"    enlarge x limits=0.02, unbounded coords=jump, line join=round,");
    line(r"    tick pos=lower, tick align=outside, grid=major, grid style={black!12},");
    // Below the axis, where it covers no curve; in rows of at most three, of equal length.
    let rows = panel.series.len().div_ceil(3).max(1);
    let columns = panel.series.len().div_ceil(rows).max(1);
    line(r"    legend style={at={(0.5,0)}, anchor=north, yshift=-3.2em, draw=none,");
    line(r"      /tikz/every even column/.append style={column sep=1em}},");
    line(&format!("    legend columns={columns}, legend cell align=left,"));
    line("  ]");
    let (plots, notes) = plots(figure, panel);
    plots.iter().for_each(|plot| line(&format!("    {plot}")));
    line(&format!(r"  \end{{{axis}}}"));
    line(r"\end{tikzpicture}");
    (lines, notes)
}

/// The lines that draw the curves, and the footnotes.
fn plots(figure: &Figure, panel: &Panel) -> (Vec<String>, Vec<String>) {
    let (mut plots, mut notes) = (Vec::new(), Vec::new());
    let names = figure.names();
    let order = |series: &Series| {
        let known = |(name, _): &(&Label, Role)| *name == &series.name;
        let at = names.iter().position(known).unwrap_or(0);
        names[..at].iter().filter(|(_, role)| *role == series.role).count()
    };
    for (series, drawn) in panel.series.iter().zip(panel.lines(POINTS)) {
        let (Some(drawn), Marks::Line(points)) = (drawn, &series.marks) else { continue };
        let (name, points) = (series.name.latex(), points.len());
        if drawn.without_place > 0 {
            let why = match panel.x.is_log() || panel.y.is_log() {
                true => "infinite, or not positive on a logarithmic axis",
                false => "infinite",
            };
            let hidden = drawn.without_place;
            notes.push(format!("{name}: {hidden} of {points} points not shown ({why})"));
        }
        let shown: usize = drawn.runs.iter().map(Vec::len).sum();
        if shown == 0 {
            continue;
        }
        if shown + drawn.without_place < points {
            plots.push(format!(
                "% {shown} of {points} points; the others lie within {:.3} % (of the axes) of the line",
                100.0 * drawn.tolerance
            ));
        }
        let style = style(series.role, points, &drawn, order(series));
        plots.push(format!(r"\addplot[{style}] coordinates {{"));
        for (i, run) in drawn.runs.iter().enumerate() {
            if i > 0 {
                plots.push(format!("  ({},nan)", coordinate(run[0].0)));
            }
            for points in run.chunks(6) {
                let points: Vec<_> = points
                    .iter()
                    .map(|(x, y)| format!("({},{})", coordinate(*x), coordinate(*y)))
                    .collect();
                plots.push(format!("  {}", points.join(" ")));
            }
        }
        plots.push("};".into());
        plots.push(format!(r"\addlegendentry{{{name}}}"));
    }
    (plots, notes)
}

/// Colour, dashes and marks of a curve, the `order`th of its kind.
fn style(role: Role, points: usize, drawn: &Drawn, order: usize) -> String {
    let line = match role == Role::Reference {
        true => format!("{}, thick", REFERENCES[order % REFERENCES.len()]),
        false => {
            let (colour, _) = COLOURS[order % COLOURS.len()];
            format!("{colour}, very thick, {}", DASHES[order % DASHES.len()])
        }
    };
    // A point between two gaps has no line.
    let alone = drawn.runs.iter().any(|run| run.len() == 1);
    match alone || (role == Role::Main && points <= FEW) {
        true => format!(
            "{line}, mark={}, mark size=1.6pt, mark options={{solid, thin, fill=white}}",
            MARKS[order % MARKS.len()]
        ),
        false => line,
    }
}

/// Six digits, about the precision of TeX.
fn coordinate(value: f64) -> String {
    exact(format!("{value:.5e}").parse().unwrap_or(value))
}
