//! Figures are drawn alike in every format, on a page or on a terminal.

use gaussmeter::report::{
    Align, Axis, Cell, Column, FieldCell, Figure, Format, Forms, Label, Marks, Page, Panel, Report,
    ReportError, Row, Series, Style, Table, Terminal, by_name, formats, text_on,
};
use std::time::Instant;

fn figure(series: usize, points: usize) -> Figure {
    let line = |k: usize| {
        let at = |i: usize| i as f64 / (points - 1) as f64;
        let value = |i: usize| ((6.0 * at(i) + k as f64).sin() + 0.1 * (97.0 * at(i)).sin()).exp();
        Series::line(format!("series {k}"), (0..points).map(|i| (at(i), value(i))).collect())
    };
    let panel = Panel {
        x: Axis::linear(Label::new("t").with_latex("$t$")),
        y: Axis::log(Label::new("W2 to p_t").with_latex("$W_2$ to $p_t$")),
        series: (0..series).map(line).collect(),
        ..Panel::default()
    };
    Figure::of("Errors & <more>", panel)
}

fn report(figure: Figure) -> Forms {
    Forms { figures: vec![figure], ..Forms::default() }
}

fn drawings() -> impl Iterator<Item = &'static Format> {
    formats().into_iter().filter(|format| format.is_drawing() && format.check_built().is_ok())
}

fn written(format: &Format, report: &dyn Report, width: Option<f64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.write_on(&Page { width }, report, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_same_figure_is_the_same_file() {
    assert!(drawings().count() >= 3);
    for format in drawings() {
        let once = written(format, &report(figure(3, 50)), None);
        assert_eq!(once, written(format, &report(figure(3, 50)), None), "{}", format.name);
        assert_ne!(once, written(format, &report(figure(3, 50)), Some(400.0)), "{}", format.name);
        assert_ne!(once, written(format, &report(figure(3, 49)), None), "{}", format.name);
    }
}

#[test]
fn a_report_without_figures_is_not_drawn() {
    for format in drawings() {
        let error = format.write(&Forms::default(), &mut Vec::new()).unwrap_err();
        assert!(matches!(error, ReportError::NoFigure), "{}: {error}", format.name);
    }
}

#[test]
fn svg_has_its_text_as_text() {
    let svg =
        String::from_utf8(written(by_name("svg").unwrap(), &report(figure(2, 5)), None)).unwrap();
    assert!(svg.contains("<title>Errors &amp; &lt;more&gt;</title>"), "{svg}");
    for text in
        [">series 0<", ">series 1<", "<tspan font-style=\"italic\">W</tspan>", "data:font/woff2"]
    {
        assert!(svg.contains(text), "no {text}");
    }
    assert!(svg.starts_with("<svg ") && svg.contains("width=\"243.78pt\""), "{}", &svg[..200]);
    assert!(!figure(2, 5).inline_svg().contains("@font-face"));
}

#[cfg(feature = "figures")]
#[test]
fn pdf_has_text_that_can_be_searched_and_png_its_resolution() {
    let pdf = written(by_name("pdf").unwrap(), &report(figure(2, 5)), None);
    let has = |what: &[u8]| pdf.windows(what.len()).any(|bytes| bytes == what);
    assert!(pdf.starts_with(b"%PDF-1.7") && has(b"/ToUnicode") && has(b"/CIDFontType0C"));
    assert!(has(b"/Title (Errors & <more>)") && !has(b"/CreationDate"));
    let bytes = written(by_name("png").unwrap(), &report(figure(2, 5)), Some(72.0));
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let info = reader.info();
    assert_eq!(info.width, 300);
    assert_eq!(info.pixel_dims.unwrap().xppu, 11811);
    let dark = pixels.chunks(3).filter(|p| p.iter().all(|c| *c < 100)).count();
    assert!(dark > 500, "{dark}");
}

/// In the test's own profile, with little optimisation.
#[test]
fn figures_are_drawn_in_well_under_a_second() {
    let large = report(figure(8, 1000));
    for format in drawings() {
        let start = Instant::now();
        let size = written(format, &large, None).len();
        let seconds = start.elapsed().as_secs_f64();
        println!("{}: {seconds:.3} s, {size} bytes", format.name);
        // Other tests run at the same time.
        assert!(seconds < 3.0, "{}: {seconds} s", format.name);
    }
}

#[test]
fn json_has_every_kind_of_marks() {
    let cells =
        vec![FieldCell { x: 1, y: 0, value: f64::INFINITY, text: "∞".into(), is_best: true }];
    let names = || vec![Label::new("a"), Label::new("b")];
    let panel = Panel {
        x: Axis::names("column", names()),
        y: Axis::names("row", names()).reversed(),
        series: vec![Series::of("W2", Marks::Field(cells))],
        ..Panel::default()
    };
    let json = Figure { per_row: 0, ..Figure::of("field", panel) }.json();
    assert_eq!(json["per_row"], 1);
    let panel = &json["panels"][0];
    assert_eq!(panel["x"]["names"].to_string(), r#"["a","b"]"#);
    assert_eq!((&panel["y"]["scale"], &panel["y"]["reversed"]), (&"names".into(), &true.into()));
    let series = &panel["series"][0];
    assert_eq!(series["marks"], "field");
    assert_eq!(series["value"].to_string(), "[null]");
    assert_eq!((&series["text"][0], &series["best"][0]), (&"∞".into(), &true.into()));
}

// ------------------------------------------------------------------------------------ terminals

fn on(terminal: Terminal, report: &dyn Report) -> String {
    let mut bytes = Vec::new();
    text_on(&terminal, report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn ranked() -> Forms {
    let number = |value: f64| Cell::number(value, Style::Short);
    let row = |name: &str, value: f64| Row::new([Cell::text(name), number(value), number(value)]);
    let table = Table {
        columns: vec![
            Column::new("sampler", Align::Left),
            Column::new("W2", Align::Right).ranked(),
            Column::new("NFE", Align::Right),
        ],
        rows: vec![row("heun", 0.5), row("em", f64::INFINITY), row("euler", 2.0)],
        ..Table::default()
    };
    Forms { tables: vec![table], ..report(figure(2, 40)) }
}

/// Text without the codes of colours.
fn bare(text: &str) -> String {
    let mut bare = String::new();
    let mut parts = text.split('\u{1b}');
    bare.push_str(parts.next().unwrap_or_default());
    for part in parts {
        bare.push_str(part.split_once('m').unwrap().1);
    }
    bare
}

#[test]
fn ranked_columns_are_coloured_and_nothing_else_changes() {
    let plain = String::from_utf8(written(by_name("text").unwrap(), &ranked(), None)).unwrap();
    for colours in [16, 256] {
        let text = on(Terminal { colours, ..Terminal::default() }, &ranked());
        assert_eq!(bare(&text), plain);
        let best =
            if colours == 16 { "\u{1b}[32m0.50\u{1b}[0m" } else { "\u{1b}[38;5;32m0.50\u{1b}[0m" };
        let worst =
            if colours == 16 { "\u{1b}[31m∞\u{1b}[0m" } else { "\u{1b}[38;5;160m∞\u{1b}[0m" };
        assert_eq!((text.matches(best).count(), text.matches(worst).count()), (1, 1), "{text}");
    }
    assert_eq!(on(Terminal::default(), &ranked()), plain);
}

#[test]
fn curves_are_drawn_as_wide_as_the_terminal() {
    for width in [40, 60, 80, 120] {
        for colours in [0, 16, 256] {
            let terminal = Terminal { width: Some(width), height: 10, colours, is_ascii: false };
            let text = bare(&on(terminal, &ranked()));
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{text}");
            assert!(text.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count() > 20);
            let legend = if colours == 0 {
                "a series 0  b series 1"
            } else {
                "━━ series 0  ━━ series 1"
            };
            assert_eq!(lines.last(), Some(&legend), "{text}");
        }
    }
    let terminal = Terminal { width: Some(80), height: 10, colours: 0, is_ascii: true };
    let text = on(terminal, &report(figure(2, 40)));
    assert!(text.is_ascii(), "{text}");
    // Letters at the ends.
    let drawn: Vec<&str> = text.lines().filter(|line| line.contains(['|', '+'])).collect();
    for letter in ['a', 'b'] {
        assert!(drawn.iter().any(|line| line.ends_with(letter)), "{text}");
    }
}
