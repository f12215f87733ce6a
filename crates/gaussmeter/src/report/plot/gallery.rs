//! Figures of every kind, for tests and for looking at.

use crate::report::figure::{Axis, Bar, Estimate, FieldCell, Figure, Marks, Panel, Role, Series};
use crate::report::{Label, Style};

fn w2() -> Label {
    Label::new("W2 to p_t").with_latex("$W_2$ to $p_t$")
}

fn along_time(name: &str, height: f64, count: usize) -> Series {
    let point = |k: usize| {
        let t = k as f64 / (count - 1) as f64;
        (t, height * ((1.0 - t) * 4.0).exp() * (1.0 + 0.3 * (6.0 * t).sin()))
    };
    Series::line(name, (0..count).map(point).collect())
}

pub(crate) fn one_panel() -> Figure {
    let panel = Panel {
        x: Axis::linear(Label::new("t").with_latex("$t$")),
        y: Axis::log(w2()),
        series: vec![
            along_time("EM", 2e-3, 400),
            along_time("Euler", 1.2e-3, 300),
            along_time("Heun", 2e-4, 20),
            along_time("SDE", 1e-5, 400).as_reference(),
            along_time("ODE", 3e-5, 400).as_reference(),
        ],
        ..Panel::default()
    };
    Figure::of("One panel", panel)
}

pub(crate) fn two_panels() -> Figure {
    let Figure { mut panels, .. } = one_panel();
    let eps = Label::new("eps").with_latex(r"$\varepsilon$");
    let point = |k: i32| 10f64.powf(-5.0 + f64::from(k) / 4.0);
    let right = |name: &str, factor: f64| {
        let points = (0..17).map(|k| (point(k), factor * (0.01 + point(k)))).collect();
        Series::line(name, points)
    };
    panels[0].title = "along time".into();
    panels.push(Panel {
        title: "against truncation".into(),
        x: Axis::log(eps).reversed(),
        y: Axis::log(Label::new("W2 to data").with_latex("$W_2$ to the data")),
        series: vec![
            right("EM", 5.0),
            right("Euler", 3.0),
            right("Heun", 1.0),
            right("SDE", 0.3).as_reference(),
        ],
        ..Panel::default()
    });
    Figure { title: "Two panels".into(), panels, ..Figure::default() }
}

pub(crate) fn thirteen() -> Figure {
    let names = [
        "em",
        "euler",
        "ei",
        "ddpm",
        "ddim",
        "heun",
        "rk4",
        "dpmpp-2m",
        "dpmpp-3m",
        "unipc:order=3,variant=bh2",
        "deis",
        "pndm",
        "sa-solver:tau=0.4,corrector=true",
    ];
    let series = names.iter().enumerate().map(|(k, name)| {
        let point =
            |n: f64| (n, (0.02 + 30.0 / n.powf(1.0 + 0.1 * k as f64)) * (1.0 + 0.1 * k as f64));
        let budgets = [5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 200.0];
        Series::line(*name, budgets.map(point).into())
    });
    let panel = Panel {
        x: Axis::log("network evaluations (NFE)"),
        y: Axis::log(Label::new("W2 to the data").with_latex("$W_2$ to the data")),
        series: series.collect(),
        ..Panel::default()
    };
    Figure::of("Thirteen series", panel)
}

pub(crate) fn heat_map() -> Figure {
    let samplers = ["em", "ei", "ddpm", "euler", "heun", "rk4"];
    let columns = ["NFE 50", "NFE 250", "NFE 500", "NFE 1000"];
    let mut cells = Vec::new();
    for y in 0..samplers.len() {
        for x in 0..columns.len() {
            let value = match (x, y) {
                (0, 5) => f64::INFINITY,
                _ => 60.0 / ((x * x + 1) * (3 * y + 1)) as f64,
            };
            let text = Style::Short.label(value).plain().to_string();
            cells.push(FieldCell { x, y, value, text, is_best: y == 4 });
        }
    }
    let panel = Panel {
        x: Axis::names("", columns.iter().map(|c| Label::new(*c)).collect()),
        y: Axis::names("", samplers.iter().map(|c| Label::new(*c)).collect()),
        series: vec![Series::of(Label::new("W2").with_latex("$W_2$"), Marks::Field(cells))],
        ..Panel::default()
    };
    Figure::of("Heat map", panel)
}

pub(crate) fn bars() -> Figure {
    let bar = |left: f64, low: f64, high: f64| Bar { left, right: left + 1.0, low, high };
    let stack = |name: &str, from: fn(f64) -> f64, to: fn(f64) -> f64| {
        let bars = (0..10).map(f64::from).map(|k| bar(k, from(k), to(k))).collect();
        Series::of(name, Marks::Bars(bars))
    };
    let left = Panel {
        title: "share of the error per step".into(),
        x: Axis::linear("step"),
        y: Axis::linear("share"),
        series: vec![
            stack("discretization", |_| 0.0, |k| 0.02 + 0.01 * k),
            stack("truncation", |k| 0.02 + 0.01 * k, |k| 0.03 + 0.02 * k),
            stack("initialization", |k| 0.03 + 0.02 * k, |k| 0.05 + 0.02 * k),
        ],
        ..Panel::default()
    };
    let names = ["exact", "karras:rho=7,sigma_max=80", "exponential", "linear"];
    let own = |k: usize| Bar {
        left: k as f64 - 0.4,
        right: k as f64 + 0.4,
        low: 0.0,
        high: 1.0 / (k + 1) as f64,
    };
    let right = Panel {
        title: "error per grid".into(),
        x: Axis::names("grid", names.map(Label::new).into()),
        y: Axis::log(Label::new("W2").with_latex("$W_2$")),
        series: vec![Series::of("discretization", Marks::Bars((0..4).map(own).collect()))],
        ..Panel::default()
    };
    Figure { title: "Bars".into(), panels: vec![left, right], ..Figure::default() }
}

pub(crate) fn bands() -> Figure {
    let at = |k: i32| f64::from(k) / 10.0;
    let band = |name: &str, lift: f64| {
        let points =
            (0..40).map(|k| (at(k), lift + at(k).sin() - 0.3, lift + at(k).sin() + 0.2 * at(k)));
        Series::of(name, Marks::Band(points.collect()))
    };
    let line = |name: &str, lift: f64| {
        Series::line(name, (0..40).map(|k| (at(k), lift + at(k).sin())).collect())
    };
    let estimates = (1..9).map(|k| f64::from(k) / 2.0).map(|x| Estimate {
        x,
        y: x.cos(),
        interval: Some((x.cos() - 0.2, if x > 3.5 { f64::INFINITY } else { x.cos() + 0.1 * x })),
    });
    let panel = Panel {
        x: Axis::linear(Label::new("log-SNR").with_latex(r"$\log(\alpha^2/\sigma^2)$")),
        y: Axis::linear("variance of the output"),
        series: vec![
            band("heun", 0.0),
            band("euler", 1.0),
            line("heun", 0.0),
            line("euler", 1.0),
            Series::of("measured", Marks::Points(estimates.collect())),
        ],
        ..Panel::default()
    };
    Figure::of("Bands and points", panel)
}

pub(crate) fn planes() -> Figure {
    let ellipse = |a: f64, b: f64, shift: f64| {
        (0..=90)
            .map(|k| f64::from(k) * std::f64::consts::TAU / 90.0)
            .map(|u| (shift + a * u.cos(), b * u.sin() + 0.3 * a * u.cos()))
            .collect::<Vec<_>>()
    };
    let paths = |seed: f64| {
        let point = move |k: i32| {
            let t = f64::from(k) / 30.0;
            (
                3.0 * t * (seed * 7.0).sin() + 0.3 * (9.0 * t + seed).sin(),
                2.0 * t * (seed * 3.0).cos(),
            )
        };
        Series::line("paths", (0..30).map(point).collect()).as_faint()
    };
    let panel = |title: &str, a: f64| {
        let mut series: Vec<Series> = (0..20).map(|k| paths(f64::from(k))).collect();
        series.push(Series::line("exact", ellipse(3.0, 1.5, 0.0)).as_reference());
        series.push(Series::line("sampled", ellipse(a, 1.2, 0.3)));
        Panel {
            title: title.into(),
            x: Axis::linear(Label::new("x1").with_latex("$x_1$")),
            y: Axis::linear(Label::new("x2").with_latex("$x_2$")),
            series,
            is_plane: true,
        }
    };
    let panels = ["initialization", "discretization", "truncation", "score"];
    let panels = panels.iter().enumerate().map(|(k, t)| panel(t, 2.0 + 0.4 * k as f64)).collect();
    Figure { title: "Planes".into(), panels, per_row: 4, ..Figure::default() }
}

pub(crate) fn hostile() -> Figure {
    let series = |name: &str, points: Vec<(f64, f64)>| Series::line(name, points);
    let axis = |k: usize, name: &str| {
        if k.is_multiple_of(2) { Axis::linear(name) } else { Axis::log(name) }
    };
    let all: Vec<Vec<(f64, f64)>> = vec![
        vec![],
        vec![(1.0, f64::INFINITY), (f64::NAN, 1.0)],
        vec![(1.0, 1.0)],
        vec![(1e-300, 1e300), (1e300, 1e-300), (1.0, -1e300)],
        vec![(5e-324, 5e-324), (1e-323, 2e-323)],
        vec![(1.0, 1.0 + 1e-12), (2.0, 1.0)],
        vec![(-1e308, 1e308), (1e308, -1e308)],
        vec![(3.1, 3.12), (3.4, 3.19), (f64::INFINITY, 3.0)],
    ];
    let panels = all.into_iter().enumerate().map(|(k, points)| Panel {
        title: format!("case {k}").into(),
        x: axis(k, "a rather long title of a horizontal axis, in words that do not end"),
        y: axis(k / 2, "a rather long title of a vertical axis, in words that do not end"),
        series: vec![series("all", points)],
        ..Panel::default()
    });
    Figure { title: "Hostile".into(), panels: panels.collect(), per_row: 3, ..Figure::default() }
}

pub(crate) fn all() -> Vec<(&'static str, Figure)> {
    vec![
        ("one-panel", one_panel()),
        ("two-panels", two_panels()),
        ("thirteen", thirteen()),
        ("heat-map", heat_map()),
        ("bars", bars()),
        ("bands", bands()),
        ("planes", planes()),
        ("hostile", hostile()),
    ]
}

/// Whether a series of a role exists, so that all of them are looked at.
#[test]
fn every_role_is_there() {
    for role in [Role::Main, Role::Reference, Role::Faint] {
        let of =
            |figure: &Figure| figure.panels.iter().flat_map(|p| &p.series).any(|s| s.role == role);
        assert!(all().iter().any(|(_, figure)| of(figure)));
    }
}

/// `GALLERY=folder cargo test -p gaussmeter --lib gallery` writes all of them there.
#[test]
fn gallery() -> Result<(), crate::report::ReportError> {
    for (name, figure) in all() {
        let report = crate::report::Forms { figures: vec![figure], ..Default::default() };
        for format in crate::report::formats().into_iter().filter(|f| f.is_drawing()) {
            let mut bytes = Vec::new();
            match format.check_built() {
                Ok(()) => format.write(&report, &mut bytes)?,
                Err(_) => continue,
            }
            if let Some(folder) = std::env::var_os("GALLERY") {
                let file = std::path::Path::new(&folder).join(name);
                std::fs::write(file.with_extension(format.extensions[0]), bytes)?;
            }
        }
    }
    Ok(())
}
