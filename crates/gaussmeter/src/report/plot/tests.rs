//! Any figure is drawn, and what is drawn can be read.

use super::gallery;
use super::rich::Rich;
use super::scene::{Item, Place, Scene, Step, Text};
use super::ticks::Room;
use super::{axis::Placed, scene};
use crate::report::figure::{
    Axis, Bar, Estimate, FieldCell, Figure, Marks, Panel, Role, Scale, Series,
};
use crate::report::{Content, Forms, Label, ReportError, formats};
use proptest::prelude::*;

/// Texts that stand on nothing: those in cells are white or black on their colour.
fn written(scene: &Scene) -> Vec<&Text> {
    scene.texts()
}

fn overlap(a: &Text, b: &Text) -> bool {
    let (((ax0, ay0), (ax1, ay1)), ((bx0, by0), (bx1, by1))) = (a.extent(), b.extent());
    // Extents have room for accents and descenders: a fifth of a line may be shared.
    let (dx, dy) = (ax1.min(bx1) - ax0.max(bx0), ay1.min(by1) - ay0.max(by0));
    let spare = 0.2 * a.size.min(b.size);
    match a.is_upwards {
        true => dx > spare && dy > 0.01,
        false => dx > 0.01 && dy > spare,
    }
}

/// What is wrong with a page, if anything is.
fn fault(scene: &Scene) -> Option<String> {
    fn places(items: &[Item], all: &mut Vec<Place>) {
        for item in items {
            match item {
                Item::Text(text) => all.extend([text.extent().0, text.extent().1]),
                Item::Group(_, items) => places(items, all),
                Item::Shape(shape) => all.extend(shape.path.iter().flat_map(|step| match *step {
                    Step::Move(to) | Step::Line(to) => vec![to],
                    Step::Curve(a, b, to) => vec![a, b, to],
                    Step::Close => vec![],
                })),
            }
        }
    }
    let mut all = Vec::new();
    places(&scene.items, &mut all);
    let outside = |(x, y): &&Place| {
        !((-1.5..=scene.width + 1.5).contains(x) && (-1.5..=scene.height + 1.5).contains(y))
    };
    if let Some(place) = all.iter().find(outside) {
        let texts = scene.texts();
        let own = texts.iter().find(|t| t.extent().0 == *place || t.extent().1 == *place);
        let (width, height) = (scene.width, scene.height);
        return Some(format!("{place:?} is outside {width} × {height}: {own:?}"));
    }
    let texts = written(scene);
    for (k, a) in texts.iter().enumerate() {
        if let Some(b) = texts[k + 1..].iter().find(|b| overlap(a, b)) {
            return Some(format!(
                "{:?} {:?} overlaps {:?} {:?}",
                a.rich,
                a.extent(),
                b.rich,
                b.extent()
            ));
        }
    }
    None
}

#[test]
fn figures_of_every_kind_can_be_read() {
    for (name, figure) in gallery::all() {
        for width in [None, Some(120.0), Some(240.0), Some(800.0)] {
            let fault = fault(&scene(std::slice::from_ref(&figure), width));
            assert_eq!(fault, None, "{name} {width:?}");
        }
    }
    let all: Vec<Figure> = gallery::all().into_iter().map(|(_, figure)| figure).collect();
    assert_eq!(fault(&scene(&all, None)), None);
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -10.0..10.0f64,
        3 => (-12.0..3.0f64).prop_map(|e| 10f64.powf(e)),
        1 => (-310.0..308.0f64).prop_map(|e| 10f64.powf(e)),
        1 => prop::sample::select(vec![
            0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN, 5e-324, 1e-310,
        ]),
    ]
}

fn label() -> impl Strategy<Value = Label> {
    prop_oneof![
        Just(Label::default()),
        "[a-z=,:]{1,30}".prop_map(Label::new),
        "[a-z]{1,9}( [a-z]{1,12}){0,20}".prop_map(Label::new),
        any::<String>().prop_map(Label::new),
        Just(Label::new("p_eps").with_latex(r"$p_\varepsilon$ of $\mathcal{N}(0, I)$")),
        ".{0,12}".prop_map(|latex| Label::new("plain").with_latex(latex)),
    ]
}

fn axis() -> impl Strategy<Value = Axis> {
    let scale = prop_oneof![
        3 => Just(Scale::Linear),
        3 => Just(Scale::Log),
        1 => prop::collection::vec(label(), 0..20).prop_map(Scale::Names),
    ];
    (label(), scale, any::<bool>()).prop_map(|(label, scale, is_reversed)| Axis {
        label,
        scale,
        is_reversed,
    })
}

fn marks() -> impl Strategy<Value = Marks> {
    let many = 0..40usize;
    let cell = (0..8usize, 0..8usize, value(), "[0-9.∞]{0,9}", any::<bool>());
    prop_oneof![
        prop::collection::vec((value(), value()), many.clone()).prop_map(Marks::Line),
        prop::collection::vec(
            (value(), value(), prop::option::of((value(), value()))),
            many.clone()
        )
        .prop_map(|points| {
            let point = |(x, y, interval)| Estimate { x, y, interval };
            Marks::Points(points.into_iter().map(point).collect())
        }),
        prop::collection::vec((value(), value(), value()), many.clone()).prop_map(Marks::Band),
        prop::collection::vec((value(), value(), value(), value()), many.clone()).prop_map(
            |bars| {
                let bar = |(left, right, low, high)| Bar { left, right, low, high };
                Marks::Bars(bars.into_iter().map(bar).collect())
            }
        ),
        prop::collection::vec(cell, many).prop_map(|cells| {
            let cell = |(x, y, value, text, is_best)| FieldCell { x, y, value, text, is_best };
            Marks::Field(cells.into_iter().map(cell).collect())
        }),
    ]
}

fn figure() -> impl Strategy<Value = Figure> {
    let role = prop::sample::select(vec![Role::Main, Role::Reference, Role::Faint]);
    let series =
        (label(), role, marks()).prop_map(|(name, role, marks)| Series { name, role, marks });
    let panel = (label(), axis(), axis(), prop::collection::vec(series, 0..8), any::<bool>());
    let panel =
        panel.prop_map(|(title, x, y, series, is_plane)| Panel { title, x, y, series, is_plane });
    (label(), prop::collection::vec(panel, 0..5), 0..5usize, prop::collection::vec(".*", 0..3))
        .prop_map(|(title, panels, per_row, notes)| Figure { title, panels, per_row, notes })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_figure_can_be_read(figure in figure(), width in prop::option::of(20.0..900.0f64)) {
        let scene = scene(&[figure], width);
        prop_assert!(scene.width.is_finite() && scene.height.is_finite());
        let fault = fault(&scene);
        prop_assert!(fault.is_none(), "{}", fault.unwrap_or_default());
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_figure_is_drawn_in_every_format(figure in figure()) {
        let report = Forms { figures: vec![figure.clone()], ..Forms::default() };
        for format in formats().into_iter().filter(|f| f.is_drawing() && f.check_built().is_ok()) {
            let written = |report: &Forms| {
                let mut bytes = Vec::new();
                format.write(report, &mut bytes).map(|()| bytes)
            };
            let bytes = match written(&report) {
                // Many panels below each other.
                Err(ReportError::Io(error)) => {
                    prop_assert!(error.to_string().contains("too many"), "{}: {error}", format.name);
                    continue;
                }
                bytes => bytes,
            };
            let bytes = bytes.map_err(|e| TestCaseError::fail(e.to_string()))?;
            let is_text = format.content == Content::Figures;
            prop_assert!(!is_text || !String::from_utf8_lossy(&bytes).contains("NaN"), "{}", format.name);
        }
        let json = figure.json();
        prop_assert_eq!(json["panels"].as_array().map(Vec::len), Some(figure.panels.len()));
    }
}

proptest! {
    #[test]
    fn ticks_do_not_collide(
        low in value(), high in value(), is_log in any::<bool>(), is_horizontal in any::<bool>(),
        length in 30.0..600.0f64, size in 5.0..12.0f64,
    ) {
        let panel = Panel {
            x: if is_log { Axis::log("x") } else { Axis::linear("x") },
            series: vec![Series::line("a", vec![(low, 0.0), (high, 1.0)])],
            ..Panel::default()
        };
        let placed = Placed::x(&panel);
        let ticks = placed.ticks(Room { length, size, is_horizontal, width: Rich::width });
        prop_assert!(!ticks.major.is_empty(), "no ticks on {}..{}", placed.low, placed.high);
        let half = |label: &super::rich::Rich| match is_horizontal {
            true => label.width(size) / 2.0,
            false => size / 2.0,
        };
        for pair in ticks.major.windows(2) {
            let apart = (pair[1].at - pair[0].at).abs() * length;
            prop_assert!(apart > half(&pair[0].label) + half(&pair[1].label), "{ticks:?}");
        }
        for at in ticks.major.iter().map(|tick| tick.at).chain(ticks.minor.iter().copied()) {
            prop_assert!((-1e-6..=1.0 + 1e-6).contains(&at), "{at}");
        }
    }
}

/// What is written along an axis from one value to another, on 200 points.
fn labels(axis: Axis, low: f64, high: f64) -> String {
    let series = vec![Series::line("a", vec![(low, 0.0), (high, 1.0)])];
    let panel = Panel { x: axis, series, ..Panel::default() };
    let ticks = Placed::x(&panel).ticks(Room {
        length: 200.0,
        size: 7.0,
        is_horizontal: true,
        width: Rich::width,
    });
    let text = |label: &super::rich::Rich| {
        let run = |run: &super::rich::Run| match run.script {
            super::rich::Script::Super => format!("^{}", run.text),
            _ => run.text.clone(),
        };
        label.runs().iter().map(run).collect::<String>()
    };
    let labels: Vec<String> = ticks.major.iter().map(|tick| text(&tick.label)).collect();
    let exponent = ticks.exponent.map_or(String::new(), |e| format!(" ×10^{e}"));
    labels.join(" ") + &exponent
}

#[test]
fn ticks_are_those_of_papers() {
    let linear = |low, high| labels(Axis::linear("x"), low, high);
    let log = |low, high| labels(Axis::log("x"), low, high);
    assert_eq!(linear(0.0, 1.0), "0.0 0.2 0.4 0.6 0.8 1.0");
    assert_eq!(linear(-3.0, 7.0), "−2 0 2 4 6");
    assert_eq!(linear(0.0, 3072.0), "0 500 1000 1500 2000 2500 3000");
    assert_eq!(linear(0.0, 4.2e-7), "0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5 4.0 ×10^-7");
    assert_eq!(linear(1e300, 3e300), "1.0 1.5 2.0 2.5 3.0 ×10^300");
    assert_eq!(linear(2.0, 2.0), "1.0 1.5 2.0 2.5 3.0");
    assert_eq!(log(1e-5, 0.1), "10^−5 10^−4 10^−3 10^−2 10^−1");
    assert_eq!(log(5.0, 200.0), "5 10 20 50 100 200");
    assert_eq!(log(3.0, 3.5), "3.0 3.1 3.2 3.3 3.4 3.5");
    assert_eq!(log(1e-300, 1e300), "10^−300 10^−200 10^−100 10^0 10^100 10^200 10^300");
    assert_eq!(labels(Axis::log("x").reversed(), 1e-3, 1.0), "10^−3 10^−2 10^−1 10^0");
}
