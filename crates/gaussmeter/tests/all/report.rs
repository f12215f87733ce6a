//! A report reads as promised in every format.

use gaussmeter::experiment::{Along, Diffusion, Length, Setting, curve_eps, curve_time};
use gaussmeter::network::Network;
use gaussmeter::prelude::*;
use gaussmeter::report::{
    Align, Axis, Bar, Cell, Column, Content, Estimate, Field, FieldCell, Figure, Forms, Label,
    Marks, Panel, Records, Report, ReportError, Role, Row, Series, Style, Table, by_extension,
    by_name, formats, number, text_within,
};
use gaussmeter::watch::Watch;
use gaussmeter::{metric, sampler};
use gaussmeter_testkit::{fixture, read_json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn sample() -> Forms {
    let w2 = |value| Cell::number(value, Style::Short);
    let best = |value| Cell::best(value, Style::Short);
    let eps = |value| Cell::number(value, Style::Exact);
    let table = Table {
        title: "W₂ error, 100% exact".into(),
        columns: vec![
            Column::new("sampler", Align::Left),
            Column::new(Label::new("eps").with_latex(r"$\varepsilon$"), Align::Left),
            Column::new("exact", Align::Right).in_group("50 points"),
            Column::new("normal", Align::Right).in_group("50 points"),
            Column::new("exact", Align::Right).in_group("250 grid points"),
            Column::new("per dim", Align::Right),
        ],
        rows: vec![
            Row::new([
                Cell::text("heun"),
                eps(0.0),
                w2(f64::INFINITY),
                w2(f64::INFINITY),
                w2(2.86),
                Cell::number(1.2344e-5, Style::Significant(4)),
            ]),
            Row::new([Cell::Empty, eps(1e-5), w2(23.42), best(23.419), best(6.7e-4), Cell::Empty]),
            Row {
                rule_above: true,
                ..Row::new([
                    Cell::text("edm:s_churn=4|λ"),
                    eps(1e-3),
                    best(1.72),
                    w2(-1.784),
                    w2(0.38),
                    Cell::best(0.25, Style::Significant(4)),
                ])
            },
        ],
        notes: vec![
            "∞: the last step divides by λ = 0.".into(),
            "Errors can cancel, discretization against truncation: where the total is below one \
             of its parts, this is luck, not accuracy."
                .into(),
        ],
    };
    let records = Records {
        columns: vec!["sampler".into(), "eps".into(), "nfe".into(), "w2".into()],
        rows: vec![
            vec![
                Field::Text("edm:s_churn=4,s_noise=1".into()),
                Field::Number(1e-5),
                Field::Count(49),
                Field::Number(0.1 + 0.2),
            ],
            vec![
                Field::Text("a \"quoted\" name".into()),
                Field::Number(0.0),
                Field::Missing,
                Field::Number(f64::INFINITY),
            ],
        ],
    };
    let json = serde_json::json!({ "schema": 1, "w2": [number(0.1 + 0.2), number(f64::INFINITY)] });
    Forms { tables: vec![table], records, json, ..Forms::default() }
}

fn axis(label: Label, log: bool) -> Axis {
    if log { Axis::log(label) } else { Axis::linear(label) }
}

fn curve(name: &str, is_reference: bool, points: &[(f64, f64)]) -> Series {
    let line = Series::line(name, points.into());
    if is_reference { line.as_reference() } else { line }
}

fn plot(x: Axis, y: Axis, series: Vec<Series>) -> Figure {
    Figure::of("", Panel { x, y, series, ..Panel::default() })
}

fn drawing() -> Forms {
    let points =
        [(1.0, 0.1 + 0.2), (0.75, 1234567.0), (0.5, f64::INFINITY), (0.25, 1e-5), (0.0, 0.0)];
    let figure = plot(
        axis(Label::new("t").with_latex("$t$"), false),
        axis("W₂ & more".into(), true),
        vec![
            curve("edm:s_churn=4|λ", false, &points),
            curve("ODE", true, &[(1.0, 1e-3), (0.0, 2e-3)]),
        ],
    );
    let figure = Figure {
        title: "W₂ error, 100% exact".into(),
        notes: vec!["50% of σ_max".into()],
        ..figure
    };
    Forms { figures: vec![figure], ..sample() }
}

fn written(format: &str, report: &dyn Report) -> String {
    by_name(format).unwrap().to_string(report).unwrap()
}

fn on_page(report: &dyn Report, width: usize) -> String {
    let mut text = Vec::new();
    text_within(report, width, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn text() {
    assert_eq!(
        written("text", &sample()),
        r"W₂ error, 100% exact
──────────────────────────────────────────────────────────────────
                          50 points     250 grid points
                       ───────────────  ───────────────
sampler          eps   exact   normal            exact    per dim
──────────────────────────────────────────────────────────────────
heun             0         ∞        ∞             2.86   1.234e-5
                 1e-5  23.42    23.42*         6.7E-04*
──────────────────────────────────────────────────────────────────
edm:s_churn=4|λ  1e-3   1.72*   -1.78             0.38     0.2500*
──────────────────────────────────────────────────────────────────
note: ∞: the last step divides by λ = 0.
note: Errors can cancel, discretization against truncation: where the total is
      below one of its parts, this is luck, not accuracy.
"
    );
}

#[test]
fn markdown() {
    assert_eq!(
        written("markdown", &sample()),
        r"**W₂ error, 100% exact**

| sampler           | eps  | 50 points exact | 50 points normal | 250 grid points exact |    per dim |
| :---------------- | :--- | --------------: | ---------------: | --------------------: | ---------: |
| heun              | 0    |               ∞ |                ∞ |                  2.86 |   1.234e-5 |
|                   | 1e-5 |           23.42 |        **23.42** |           **6.7E-04** |            |
| edm:s\_churn=4\|λ | 1e-3 |        **1.72** |            -1.78 |                  0.38 | **0.2500** |

- ∞: the last step divides by λ = 0.
- Errors can cancel, discretization against truncation: where the total is below one of its parts, this is luck, not accuracy.
"
    );
}

#[test]
fn latex() {
    assert_eq!(
        written("latex", &sample()),
        r"% needs \usepackage{booktabs}
\begin{table}[htbp]
  \centering
  \caption{W$_{2}$ error, 100\% exact}\smallskip
  \begin{tabular}{@{}llrrrr@{}}
    \toprule
    &  & \multicolumn{2}{c}{50 points} & \multicolumn{1}{c}{250 grid points} &  \\
    \cmidrule(lr){3-4} \cmidrule(lr){5-5}
    sampler                  & $\varepsilon$ &         exact &         normal &            exact &                per dim \\
    \midrule
    heun                     & 0             &      $\infty$ &       $\infty$ &             2.86 & $1.234 \times 10^{-5}$ \\
                             & $10^{-5}$     &         23.42 & \textbf{23.42} & \textbf{6.7E-04} &                        \\
    \midrule
    edm:s\_churn=4$|\lambda$ & $10^{-3}$     & \textbf{1.72} &        $-$1.78 &             0.38 &        \textbf{0.2500} \\
    \bottomrule
  \end{tabular}
  \par\smallskip
  \parbox{\linewidth}{\footnotesize\raggedright
    $\infty$: the last step divides by $\lambda$ = 0.\par
    Errors can cancel, discretization against truncation: where the total is below one of its parts, this is luck, not accuracy.}
\end{table}
"
    );
}

#[test]
fn latex_draws_figures_instead_of_tables() {
    assert_eq!(
        written("latex", &drawing()),
        r"% needs \usepackage{pgfplots} \pgfplotsset{compat=1.18}
\begin{figure}[htbp]
  \centering
  \definecolor{OkabeItoBlue}{RGB}{0,114,178}
  \begin{tikzpicture}
    \begin{semilogyaxis}[
      width={\linewidth-1.5em}, height=0.7\linewidth,
      xlabel={$t$},
      ylabel={W$_{2}$ \& more},
      enlarge x limits=0.02, unbounded coords=jump, line join=round,
      tick pos=lower, tick align=outside, grid=major, grid style={black!12},
      legend style={at={(0.5,0)}, anchor=north, yshift=-3.2em, draw=none,
        /tikz/every even column/.append style={column sep=1em}},
      legend columns=2, legend cell align=left,
    ]
      \addplot[OkabeItoBlue, very thick, solid, mark=*, mark size=1.6pt, mark options={solid, thin, fill=white}] coordinates {
        (1,0.3) (0.75,1234570)
        (0.25,nan)
        (0.25,1e-5)
      };
      \addlegendentry{edm:s\_churn=4$|\lambda$}
      \addplot[black, dash pattern=on 3pt off 2pt, thick] coordinates {
        (1,1e-3) (0,2e-3)
      };
      \addlegendentry{ODE}
    \end{semilogyaxis}
  \end{tikzpicture}
  \caption{W$_{2}$ error, 100\% exact}
  \par\smallskip
  \parbox{\linewidth}{\footnotesize\raggedright
    edm:s\_churn=4$|\lambda$: 2 of 5 points not shown (infinite, or not positive on a logarithmic axis)\par
    50\% of $\sigma$\_max}
\end{figure}
"
    );
    for format in ["text", "markdown", "csv", "json"] {
        assert_eq!(written(format, &drawing()), written(format, &sample()), "{format}");
    }
}

#[test]
fn points_without_place_in_a_figure_are_counted() {
    let points = [(0.0, -1.0), (1.0, 0.0), (2.0, 2.0), (3.0, f64::NEG_INFINITY), (4.0, 4.0)];
    for (x, y, hidden, note) in [
        (false, false, 1, "infinite"),
        (true, false, 2, "infinite, or not positive on a logarithmic axis"),
        (false, true, 3, "infinite, or not positive on a logarithmic axis"),
    ] {
        let series =
            vec![curve("a_b", false, &points), curve("none", true, &[(1.0, f64::INFINITY)])];
        let figure = plot(axis("x".into(), x), axis("y".into(), y), series);
        let latex = written("latex", &Forms { figures: vec![figure], ..Forms::default() });
        assert!(
            latex.contains(&format!("a\\_b: {hidden} of 5 points not shown ({note})")),
            "{latex}"
        );
        assert!(latex.contains("none: 1 of 1 points not shown"), "{latex}");
        assert!(!latex.contains(r"\addlegendentry{none}") && !latex.contains("inf)"), "{latex}");
        assert!(latex.contains("(2,2) (4,4)") != latex.contains("nan"), "{latex}");
        assert!(!latex.contains(r"\caption"), "{latex}");
    }
}

/// Coordinates of the first curve.
fn coordinates(latex: &str) -> Vec<(f64, f64)> {
    let (_, rest) = latex.split_once("coordinates {").unwrap();
    let (block, _) = rest.split_once("};").unwrap();
    let point = |text: &str| {
        let (x, y) = text.trim_matches(['(', ')']).split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    block.split_whitespace().map(point).collect()
}

#[test]
fn figures_leave_out_only_points_that_nobody_sees() {
    let draw = |points: &[(f64, f64)]| {
        let figure = plot(Axis::linear("x"), Axis::log("y"), vec![curve("a", false, points)]);
        coordinates(&written("latex", &Forms { figures: vec![figure], ..Forms::default() }))
    };
    let x = |i: usize| i as f64 / 20_000.0;
    // Ten decades, one spike of a single point in each direction.
    let mut smooth: Vec<_> =
        (0..=20_000).map(|i| (x(i), (10.0 * (9.0 * x(i)).sin()).exp())).collect();
    (smooth[7_001].1, smooth[12_345].1) = (1e7, 1e-7);
    let drawn = draw(&smooth);
    assert!(drawn.len() <= 400, "{}", drawn.len());
    for kept in [0, 7_001, 12_345, 20_000] {
        let (x, y) = smooth[kept];
        assert!(
            drawn.iter().any(|p| (p.0 - x).abs() < 1e-5 && (p.1 / y - 1.0).abs() < 1e-5),
            "{kept}"
        );
    }
    let range = (1e7f64 / 1e-7).ln();
    for (x, y) in smooth {
        let next = drawn.partition_point(|p| p.0 < x).clamp(1, drawn.len() - 1);
        let ((a, at_a), (b, at_b)) = (drawn[next - 1], drawn[next]);
        // Beside a spike the line is steep: there a point may also lie beside it.
        let line = at_a.ln() + (at_b / at_a).ln() * (x - a) / (b - a);
        let steep = (at_b / at_a).ln().abs() / range > 100.0 * (b - a);
        assert!(steep || (line - y.ln()).abs() < 0.002 * range, "{x}: {y}");
    }

    let noise = |i: usize| ((i * 7919 % 1000) as f64 / 100.0).exp();
    let noisy: Vec<_> = (0..5_000).map(|i| (x(i), noise(i))).collect();
    let drawn = draw(&noisy);
    assert!((100..=400).contains(&drawn.len()), "{}", drawn.len());
    let extreme = |points: &[(f64, f64)], pick: fn(f64, f64) -> f64| {
        points.iter().map(|p| p.1).reduce(pick).unwrap()
    };
    for pick in [f64::min, f64::max] {
        assert!((extreme(&drawn, pick) / extreme(&noisy, pick) - 1.0).abs() < 1e-5);
    }

    let few: Vec<_> = (0..30).map(|i| (x(i), 1.0)).collect();
    assert_eq!(draw(&few), few);
}

#[test]
fn a_curve_is_drawn_as_a_figure() {
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let setting = Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(data::load("geometric:d=4,lowest=1e-3,highest=2").unwrap()),
            process,
            process_label: "vp-linear".into(),
        },
        rule: Arc::new(Uniform),
        rule_label: "uniform".into(),
        network: Network::default(),
    };
    let samplers = ["em", "heun:final=euler"].map(|s| sampler::registry().build(s).unwrap());
    let run = |along, init: (&str, &Init), target| {
        let metric = metric::registry().build("w2").unwrap();
        let curve = match along {
            Along::Time => curve_time(
                &setting,
                &samplers,
                Length::Steps(8),
                1e-3,
                init,
                (&metric, target),
                Watch::NOBODY,
            ),
            Along::Eps => curve_eps(
                &setting,
                &samplers,
                Length::Steps(8),
                &[1e-3, 0.1],
                init,
                (&metric, target),
                Watch::NOBODY,
            ),
        };
        curve.unwrap()
    };
    let time = run(Along::Time, ("normal", &Init::Normal { std: None }), Target::Marginal);
    let figure = &time.report(3).figures()[0];
    let names: Vec<_> =
        figure.names().iter().map(|(n, role)| (n.plain(), *role == Role::Reference)).collect();
    assert_eq!(names, [("EM", false), ("Heun:final=euler", false), ("SDE", true), ("ODE", true)]);
    let panel = &figure.panels[0];
    for (drawn, series) in panel.series.iter().zip(&time.series) {
        let points: Vec<_> = series.points.iter().map(|p| (p.at, p.error.value)).collect();
        assert_eq!(drawn.marks, Marks::Line(points));
    }
    assert_eq!(figure.title.plain(), time.report(3).tables()[0].title);
    assert_eq!((&*panel.x.label.latex(), panel.x.is_log()), ("$t$", false));
    assert_eq!((&*panel.y.label.latex(), panel.y.is_log()), ("$W_2$ to $p_t$", true));
    assert!(
        figure.title.latex().ends_with(r"started from $\mathcal{N}(0, I)$."),
        "{:?}",
        figure.title
    );

    let eps = run(Along::Eps, ("exact", &Init::Exact), Target::Data);
    let figure = &eps.report(3).figures()[0];
    let panel = &figure.panels[0];
    assert_eq!((&*panel.x.label.latex(), panel.x.is_log()), (r"$\varepsilon$", true));
    assert_eq!(panel.y.label.latex(), "$W_2$ to the data");
    assert!(
        figure.title.latex().ends_with("vp-linear process, started from $p_T$."),
        "{:?}",
        figure.title
    );
}

#[test]
fn csv() {
    assert_eq!(
        written("csv", &sample()),
        "\
sampler,eps,nfe,w2
\"edm:s_churn=4,s_noise=1\",1e-5,49,0.30000000000000004
\"a \"\"quoted\"\" name\",0,,inf
"
    );
}

#[test]
fn json() {
    assert_eq!(
        written("json", &sample()),
        "\
{
  \"schema\": 1,
  \"w2\": [
    0.30000000000000004,
    \"inf\"
  ]
}
"
    );
    assert_eq!(number(f64::NEG_INFINITY), "-inf");
    assert!(number(f64::NAN).is_null());
}

#[test]
fn tables_are_separated_by_a_blank_line_and_nothing_is_nothing() {
    let table = sample().tables.remove(0);
    let report = Forms { tables: vec![table.clone(), table], ..Forms::default() };
    for format in ["text", "markdown"] {
        let once = written(format, &sample());
        assert_eq!(written(format, &report), format!("{once}\n{once}"));
        assert_eq!(written(format, &Forms::default()), "");
    }
    assert_eq!(written("csv", &Forms::default()), "");
    assert_eq!(written("json", &Forms::default()), "null\n");
}

#[test]
fn a_row_that_does_not_fit_is_refused() {
    let mut report = sample();
    report.tables[0].rows[1].cells.pop();
    report.records.rows[0].push(Field::Missing);
    for format in ["text", "markdown", "latex"] {
        let error = by_name(format).unwrap().to_string(&report).unwrap_err();
        assert_eq!(error.to_string(), "table 'W₂ error, 100% exact', row 2: 5 cells for 6 columns");
    }
    let error = by_name("csv").unwrap().to_string(&report).unwrap_err();
    assert!(matches!(error, ReportError::Ragged { row: 1, cells: 5, columns: 4, .. }), "{error}");
}

#[test]
fn columns_line_up_whatever_the_script() {
    let column = |label: &str, align| Column::new(label, align);
    let row = |a: &str, b: &str| Row::new([Cell::text(a), Cell::text(b), Cell::text("|")]);
    let table = Table {
        columns: vec![
            column("a", Align::Left),
            column("b", Align::Right).in_group("two words"),
            column("", Align::Left),
        ],
        rows: vec![
            row("ε λ", "∞"),
            row("拡散", "é"),
            row("e\u{301}t\u{e9}", "10⁻⁵"),
            row("a\nb", ""),
        ],
        ..Table::default()
    };
    assert_eq!(
        written("text", &Forms { tables: vec![table], ..Forms::default() }),
        "\
──────────────────
      two words
      ─────────
a             b
──────────────────
ε λ           ∞  |
拡散          é  |
e\u{301}t\u{e9}        10⁻⁵  |
a b              |
──────────────────
"
    );
}

fn plain(style: Style, value: f64) -> String {
    style.label(value).plain().into()
}

#[test]
fn published_style() {
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "0"),
        (6.679e-4, "6.7E-04"),
        (4.1e-3, "4.1E-03"),
        (1e-12, "1.0E-12"),
        (1e-120, "1.0E-120"),
        (-6.7e-4, "-6.7E-04"),
        // At the boundary the two decimals win as soon as they can show the number.
        (0.009949, "9.9E-03"),
        (0.00996, "0.01"),
        (0.01, "0.01"),
        (0.0149, "0.01"),
        (0.654, "0.65"),
        (67.324, "67.32"),
        (99.996, "100.00"),
        (1234567.891, "1234567.89"),
        (f64::INFINITY, "-"),
    ] {
        assert_eq!(plain(Style::Published, value), expected, "{value}");
        if (-1e4..1e4).contains(&value) {
            assert_eq!(plain(Style::Short, value), expected, "{value}");
        }
    }
}

#[test]
fn other_styles() {
    use Style::{Exact, Integer, Short, Significant};
    for (style, value, expected, latex) in [
        (Short, f64::INFINITY, "∞", r"$\infty$"),
        (Short, f64::NEG_INFINITY, "-∞", r"$-\infty$"),
        (Short, -0.5, "-0.50", "$-$0.50"),
        (Short, 99499.0, "99499.00", "99499.00"),
        (Short, 99500.0, "1.0E+05", "1.0E+05"),
        (Short, 3.14e123, "3.1E+123", "3.1E+123"),
        (Significant(4), 0.0, "0", "0"),
        (Significant(4), 1.23449e-5, "1.234e-5", r"$1.234 \times 10^{-5}$"),
        (Significant(4), -1.23449e-5, "-1.234e-5", r"$-1.234 \times 10^{-5}$"),
        (Significant(4), 0.0012345678, "0.001235", "0.001235"),
        (Significant(3), 0.00099996, "0.00100", "0.00100"),
        (Significant(3), 0.00099949, "9.99e-4", r"$9.99 \times 10^{-4}$"),
        (Significant(3), 2.0, "2.00", "2.00"),
        (Significant(3), 123456.7, "123457", "123457"),
        (Significant(3), 999600.0, "1.00e6", r"$1.00 \times 10^{6}$"),
        (Significant(1), 1.2e-7, "1e-7", "$10^{-7}$"),
        (Significant(0), 0.26, "0.3", "0.3"),
        (Significant(usize::MAX), 0.1, "0.10000000000000001", "0.10000000000000001"),
        (Significant(4), f64::INFINITY, "∞", r"$\infty$"),
        (Integer, 0.0, "0", "0"),
        (Integer, 1234567.0, "1234567", "1234567"),
        (Integer, f64::INFINITY, "∞", r"$\infty$"),
        (Exact, 0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
        (Exact, 0.05, "0.05", "0.05"),
        (Exact, 3072.0, "3072", "3072"),
        (Exact, 1000.0, "1000", "1000"),
        (Exact, 1e-3, "1e-3", "$10^{-3}$"),
        (Exact, 1e-5, "1e-5", "$10^{-5}$"),
        (Exact, 6.3e-6, "6.3e-6", r"$6.3 \times 10^{-6}$"),
        (Exact, 1e300, "1e300", "$10^{300}$"),
        (Exact, f64::INFINITY, "∞", r"$\infty$"),
    ] {
        let label = style.label(value);
        assert_eq!((label.plain(), &*label.latex()), (expected, latex), "{style:?} {value}");
    }
}

#[test]
fn latex_escapes() {
    for (plain, latex) in [
        (r"a&b%c$d#e_f{g}", r"a\&b\%c\$d\#e\_f\{g\}"),
        (r"~^\", r"\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("a<b|c>d", "a$<$b$|$c$>$d"),
        ("--paper ---", "-{}-paper -{}-{}-"),
        ("λ", r"$\lambda$"),
        ("ε ≤ 10⁻⁵", r"$\varepsilon$ $\le$ 10$^{-5}$"),
        ("∞", r"$\infty$"),
        ("W₂²", "W$_{2}^{2}$"),
        ("σᵢ²Σ", r"$\sigma_{i}^{2}\Sigma$"),
        ("x₂²₂", "x$_{2}^{2}{}_{2}$"),
        ("λ′ⁿ", r"$\lambda^{{\prime}n}$"),
        ("two\nlines", "two lines"),
        ("Wüst – é", "Wüst – é"),
    ] {
        assert_eq!(Label::new(plain).latex(), latex, "{plain}");
    }
    assert_eq!(Label::new("50%").with_latex(r"$\frac12$").latex(), r"$\frac12$");
    let table = Table {
        columns: vec![Column::new("[a]", Align::Right)],
        rows: vec![Row::new([Cell::text("* b")])],
        ..Table::default()
    };
    let latex = written("latex", &Forms { tables: vec![table], ..Forms::default() });
    assert!(
        latex.contains("\n    {}[a] \\\\\n") && latex.contains("\n    {}* b \\\\\n"),
        "{latex}"
    );
}

#[test]
fn markdown_escapes() {
    let table = Table {
        title: "*a* <b>".into(),
        columns: vec![Column::new("x|y", Align::Left).in_group("g_1")],
        rows: vec![Row::new([Cell::text("`c` \\ $d$ [e](f) &lt; ~~g~~")])],
        notes: vec!["one\ntwo".into()],
    };
    assert_eq!(
        written("markdown", &Forms { tables: vec![table], ..Forms::default() }),
        r"**\*a\* \<b>**

| g\_1 x\|y                              |
| :------------------------------------- |
| \`c\` \\ \$d\$ \[e](f) \&lt; \~\~g\~\~ |

- one two
"
    );
}

#[test]
fn formats_are_found_by_name_and_by_extension() {
    let names: BTreeSet<_> = formats().iter().map(|f| f.name).collect();
    assert_eq!(names.len(), formats().len());
    for format in formats() {
        assert_eq!(by_name(&format.name.to_uppercase()).unwrap().name, format.name);
        for extension in format.extensions {
            assert_eq!(by_name(extension).unwrap().name, format.name);
            assert_eq!(by_extension(format!("a.b/c.{extension}")).unwrap().name, format.name);
        }
        if format.content == Content::Pictures {
            continue;
        }
        let last = format.to_string(&drawing()).unwrap();
        assert!(last.ends_with('\n') && !last.ends_with("\n\n"), "{}", format.name);
    }
    let error = by_name("markdwon").unwrap_err().to_string();
    assert_eq!(error, "unknown format 'markdwon': did you mean 'markdown'?");
    for path in ["table", "table.bmp", ".csv"] {
        let error = by_extension(path).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "no format has the extension of '{path}' (known: .txt, .md, .tex, .csv, \
                 .json, .html, .htm, .svg, .pdf, .png, .pgf, .py): rename the file or give a format"
            )
        );
    }
}

#[test]
fn published_style_reprints_the_published_table() {
    let golden = read_json(&fixture("icml-table.json"));
    let w2 = |list: &str, wanted: &dyn Fn(&serde_json::Value) -> bool| {
        let entries: Vec<_> =
            golden[list].as_array().unwrap().iter().filter(|e| wanted(e)).collect();
        assert_eq!(entries.len(), 1);
        match &entries[0]["w2"] {
            serde_json::Value::String(text) => text.parse::<f64>().unwrap(),
            value => value.as_f64().unwrap(),
        }
    };
    let mut printed = csv::Reader::from_path(fixture("icml-table-printed.csv")).unwrap();
    let header = printed.headers().unwrap().clone();
    let mut strings = BTreeSet::new();
    for row in printed.records() {
        let row = row.unwrap();
        let (scheme, eps) = (&row[0], row[1].replace("10^{", "1e").replace('}', ""));
        let eps: f64 = eps.parse().unwrap();
        let solution = if ["em", "ei", "ddpm"].contains(&scheme) { "sde" } else { "ode" };
        for (column, expected) in header.iter().zip(&row).skip(2) {
            let (points, init) = column.split_once(' ').unwrap();
            let value = match points.parse::<u64>() {
                Ok(points) => w2("discretized", &|e| {
                    e["scheme"] == scheme
                        && e["eps"] == eps
                        && e["points_column"] == points
                        && e["init"] == init
                }),
                Err(_) => w2("continuous", &|e| {
                    e["solution"] == solution && e["eps"] == eps && e["init"] == init
                }),
            };
            assert_eq!(plain(Style::Published, value), expected, "{scheme} {eps} {column}");
            strings.insert(expected.to_owned());
        }
    }
    assert!(strings.len() > 50, "only {} distinct values", strings.len());
}

/// Whether pdfLaTeX finds a package.
fn has_package(name: &str) -> bool {
    let found = Command::new("kpsewhich").arg(format!("{name}.sty")).output();
    let found = found.is_ok_and(|found| found.status.success());
    if !found {
        gaussmeter_testkit::skipped(&format!("no {name}"));
    }
    found
}

fn compile(name: &str, packages: &str, body: &str) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let document = format!(
        "\\documentclass{{article}}\n{packages}\n\\begin{{document}}\n{body}\\end{{document}}\n"
    );
    std::fs::write(directory.join(format!("{name}.tex")), document).unwrap();
    let run = Command::new("pdflatex")
        .args(["-interaction=nonstopmode", "-halt-on-error", name])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

const ALL_SYMBOLS: &str = "a&b%c$d#e_f{g}~^\\`\"<>|−±×·≤≥≪≫≠≈∼∝≡→←∈∞∂∇∑∏∫√‖½ \
     αβγδεζηθικλμνξπρστυφχψω ΓΔΘΛΞΠΣΦΨΩ x⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀ x₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₙₜ 3° x′ x″ x₂²₂ – — … “é”";

#[test]
fn latex_compiles() {
    if has_package("booktabs") {
        let mut report = sample();
        report.tables[0].notes.push(ALL_SYMBOLS.into());
        compile("tables", r"\usepackage{booktabs}", &written("latex", &report));
    }
}

#[test]
fn latex_figures_compile() {
    if !has_package("pgfplots") {
        return;
    }
    let mut report = drawing();
    let mut figure = report.figures.remove(0);
    figure.panels[0].series[0].name = ALL_SYMBOLS.into();
    figure.panels[0].x.label = ALL_SYMBOLS.into();
    figure.notes.push(ALL_SYMBOLS.into());
    let many: Vec<_> = (1..=2000).map(|i| (f64::from(i), f64::from(i * 7919 % 1000))).collect();
    for (x, y) in [(false, false), (true, false), (false, true), (true, true)] {
        let plot = |series| plot(axis("x".into(), x), axis("y".into(), y), series);
        let mut all: Vec<_> =
            (0..13).map(|i| curve("a", i % 2 == 0, &[(1.0, 1.0), (2.0, 1e12)])).collect();
        all.push(curve("many", false, &many));
        report.figures.extend([
            plot(all),
            plot(vec![curve("none", false, &[(1.0, f64::INFINITY)])]),
            plot(vec![curve("one", true, &[(1.0, 1.0)])]),
            plot(vec![curve("far", true, &[(1.0, 1e-200), (2.0, 1e200)])]),
            plot(vec![]),
        ]);
    }
    report.figures.push(figure);
    report.figures.extend([every_kind_of_marks(0), every_kind_of_marks(1)]);
    // More floats than LaTeX holds back at a time.
    let body = written("latex", &report).replace(r"\end{figure}", "\\end{figure}\n\\clearpage");
    let packages =
        r"\usepackage{pgfplots} \pgfplotsset{compat=1.18} \usepgfplotslibrary{groupplots}";
    compile("figures", packages, &body);
    // A panel of a kind each, alone.
    let alone = |panel: Panel| Figure { panels: vec![panel], ..Figure::default() };
    let figures = every_kind_of_marks(0).panels.into_iter().map(alone).collect();
    let pgfplots = written("pgfplots", &Forms { figures, ..Forms::default() });
    compile("kinds", packages, &pgfplots);
}

/// Panels of points, bands, bars and a field, with infinite values, a plane, and reversed axes.
fn every_kind_of_marks(per_row: usize) -> Figure {
    let estimate = |x: f64, high: f64| Estimate { x, y: 1.0, interval: Some((0.5, high)) };
    let bar =
        |k: usize, high: f64| Bar { left: k as f64 - 0.4, right: k as f64 + 0.4, low: 0.0, high };
    let cell = |x: usize, y: usize, value: f64| FieldCell {
        x,
        y,
        value,
        text: Style::Short.label(value).plain().into(),
        is_best: x == y,
    };
    let names = |names: &[&str]| names.iter().map(|name| Label::new(*name)).collect::<Vec<_>>();
    let panel = |title: &str, x: Axis, y: Axis, marks: Marks| {
        let series = vec![Series::of("heun", marks)];
        Panel { title: title.into(), x, y, series, ..Panel::default() }
    };
    let points = vec![estimate(1.0, 2.0), estimate(2.0, f64::INFINITY)];
    let band = vec![(1.0, 0.5, 2.0), (2.0, 0.0, 3.0), (f64::NAN, 1.0, 1.0), (3.0, 1.0, 2.0)];
    let bars = vec![bar(0, 1.0), bar(1, 0.01)];
    let field = vec![cell(0, 0, 100.0), cell(1, 0, 1.0), cell(0, 1, f64::INFINITY)];
    let mut plane = panel(
        "plane",
        Axis::linear("x"),
        Axis::linear("y").reversed(),
        Marks::Line(vec![(0.0, 0.0), (2.0, 1.0)]),
    );
    plane.is_plane = true;
    plane.series.push(Series::line("path", vec![(0.0, 1.0), (1.0, 0.0)]).as_faint());
    let panels = vec![
        panel("points", Axis::linear("x"), Axis::log("y"), Marks::Points(points)),
        panel("band", Axis::linear("x").reversed(), Axis::log("y"), Marks::Band(band)),
        panel(
            "bars",
            Axis::names("", names(&["karras:rho=7", "σ_max"])),
            Axis::log("y"),
            Marks::Bars(bars),
        ),
        panel(
            "field",
            Axis::names("", names(&["a", "b"])),
            Axis::names("", names(&["heun", "50%"])),
            Marks::Field(field),
        ),
        plane,
    ];
    Figure { title: format!("{per_row} in a row").into(), panels, per_row, ..Figure::default() }
}

/// The sample, with words that can be broken and notes that can be wrapped.
fn wordy() -> Forms {
    let mut report = sample();
    for table in &mut report.tables {
        table.notes.push("a note of some length, that says what is to be known about it".into());
        for row in &mut table.rows {
            if let Some(cell @ Cell::Text(_)) = row.cells.first_mut() {
                *cell = Cell::text("dpmpp-2m on karras:rho=7,sigma_min=0.002,sigma_max=80");
            }
        }
    }
    report
}

#[test]
fn a_page_that_is_wide_enough_changes_nothing() {
    for report in [sample(), wordy()] {
        let text = by_name("text").unwrap().to_string(&report).unwrap();
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        for width in [widest.max(80), 1000] {
            assert_eq!(on_page(&report, width), text, "{width}");
        }
    }
}

#[test]
fn text_fits_a_page_and_keeps_its_numbers() {
    let report = wordy();
    let numbers: Vec<String> = report
        .tables
        .iter()
        .flat_map(|table| table.rows.iter().flat_map(|row| &row.cells))
        .filter(|cell| matches!(cell, Cell::Number { .. }))
        .map(|cell| cell.label().plain().to_owned())
        .collect();
    assert!(numbers.len() > 8, "{numbers:?}");
    for width in 40..100 {
        let text = on_page(&report, width);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}\n{text}");
        }
        let marks = |word: &str| word.trim_end_matches('*').to_owned();
        let words: BTreeSet<String> = text.split_whitespace().map(marks).collect();
        for number in &numbers {
            assert!(words.contains(number), "{width}: {number}\n{text}");
        }
        for word in ["dpmpp-2m", "rho=7,", "length,"] {
            assert!(text.contains(word), "{width}: {word}\n{text}");
        }
    }
}
