//! What figures show is what results hold.

use gaussmeter::data;
use gaussmeter::experiment::{Defaults, Length, TuneOptions, Words, tune};
use gaussmeter::objective;
use gaussmeter::report::{Figure, Marks, Panel, Report, Role, Scale};
use gaussmeter::spectrum::Spectrum;
use gaussmeter::watch::Watch;
use std::sync::Arc;

fn spectrum() -> Arc<Spectrum> {
    data::load("power-law:d=40,alpha=1.5").unwrap().into()
}

fn words(samplers: &str, nfe: &[usize]) -> Words {
    Words {
        samplers: vec![samplers.into()],
        lengths: nfe.iter().map(|n| Length::Nfe(*n)).collect(),
        ..Words::default()
    }
}

fn only(report: &dyn Report) -> Figure {
    let mut figures = report.figures();
    assert_eq!(figures.len(), 1);
    let figure = figures.remove(0);
    assert!(!figure.title.plain().is_empty());
    for panel in &figure.panels {
        assert!(
            panel.series.iter().any(|series| !series.marks.is_empty()),
            "{}",
            panel.title.plain()
        );
    }
    figure
}

fn names(panel: &Panel) -> Vec<&str> {
    panel.series.iter().map(|series| series.name.plain()).collect()
}

#[test]
fn shares_of_bands_add_up_to_one() {
    let question = words("em,heun,dpmpp-2m", &[20]).read(&Defaults::MODES).unwrap();
    let errors = question.modes(spectrum(), Watch::NOBODY).unwrap();
    let figure = only(&errors.report(0));
    let [std, shares] = &figure.panels[..] else { panic!() };
    assert_eq!(names(std), ["em", "heun", "dpmpp-2m"]);
    let Scale::Names(bands) = &shares.x.scale else { panic!() };
    for series in &shares.series {
        let Marks::Bars(bars) = &series.marks else { panic!() };
        assert_eq!(bars.len(), bands.len());
        let total: f64 = bars.iter().map(|bar| bar.high - bar.low).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }
    let Marks::Line(points) = &std.series[0].marks else { panic!() };
    assert_eq!(points.len(), errors.runs[0].1.modes.len());
    let (law, (lambda, error)) = (&errors.runs[0].1.modes[0], points[0]);
    assert_eq!(lambda, law.eigenvalue);
    assert!((error - ((law.variance / law.eigenvalue).sqrt() - 1.0).abs()).abs() < 1e-14);
}

#[test]
fn contributions_of_steps_are_stacked_to_their_share() {
    let question = words("dpmpp-2m", &[12]).read(&Defaults::STEPS).unwrap();
    let errors = question.steps(spectrum(), Watch::NOBODY).unwrap();
    let figure = only(&errors.report());
    let Marks::Bars(top) = &figure.panels[0].series.last().unwrap().marks else { panic!() };
    let total: f64 = top.iter().map(|bar| bar.high).sum();
    assert_eq!(top.len(), errors.levels.len());
    assert!((total - 1.0).abs() < 1e-12, "{total}");
    for (k, bar) in top.iter().enumerate() {
        let size = errors.size(k, 0..errors.modes.len());
        assert!((bar.high - (size / errors.cancellation.without).powi(2)).abs() < 1e-12);
    }
}

#[test]
fn the_heat_map_has_every_cell_of_the_table() {
    let words = Words { eps: vec![1e-3, 1e-2], ..words("em,heun", &[10, 20]) };
    let table = words.read(&Defaults::TABLE).unwrap();
    let table = table.table(spectrum(), false, false, Watch::NOBODY).unwrap();
    let figure = only(&table.report());
    let Marks::Field(cells) = &figure.panels[0].series[0].marks else { panic!() };
    let (Scale::Names(columns), Scale::Names(rows)) =
        (&figure.panels[0].x.scale, &figure.panels[0].y.scale)
    else {
        panic!()
    };
    // Two lengths and two initial laws, two samplers at two eps.
    assert_eq!((columns.len(), rows.len(), cells.len()), (4, 4, 16));
    let found: Vec<f64> = cells.iter().map(|cell| cell.value).collect();
    // After those of the continuous solutions.
    let numbers: Vec<f64> = table.cells.iter().filter_map(|cell| cell.number()).skip(8).collect();
    assert_eq!(found, numbers);
    let smallest = |x: usize, eps: usize| {
        let column = cells.iter().filter(|c| c.x == x && c.y % 2 == eps);
        column.min_by(|a, b| a.value.total_cmp(&b.value)).unwrap()
    };
    for (x, eps) in [(0, 0), (1, 0), (2, 1), (3, 1)] {
        assert!(smallest(x, eps).is_best, "{x} {eps}");
    }
    assert_eq!(cells.iter().filter(|cell| cell.is_best).count(), 8);
}

#[test]
fn ranks_are_drawn_best_first() {
    let question = words("em,heun,dpmpp-2m,unipc", &[10]).read(&Defaults::RANK).unwrap();
    let ranking = question.rank(spectrum(), Watch::NOBODY).unwrap();
    let figure = only(&ranking.report());
    let panel = &figure.panels[0];
    let Scale::Names(rows) = &panel.y.scale else { panic!() };
    let Marks::Points(points) = &panel.series[0].marks else { panic!() };
    assert_eq!(rows.len(), 4);
    assert!(points.windows(2).all(|w| w[0].x <= w[1].x && w[0].y < w[1].y), "{points:?}");
    assert_eq!(rows[0].plain(), ranking.trials[0].sampler);
}

#[test]
fn schedules_are_drawn_before_and_after() {
    let question = words("dpmpp-2m", &[8]).read(&Defaults::TUNE).unwrap();
    let objective = objective::registry().build(objective::DEFAULT).unwrap();
    let tuned = tune(
        &question.diffusion(spectrum()),
        question.sampler().unwrap(),
        Length::Nfe(8),
        question.init(),
        &objective,
        TuneOptions::default(),
        Watch::NOBODY,
    )
    .unwrap();
    let figure = only(&tuned.report());
    let [levels, density] = &figure.panels[..] else { panic!() };
    let after = levels.series.last().unwrap();
    assert!(after.name.plain().starts_with("optimised (") && after.role == Role::Main);
    assert!(levels.series[..levels.series.len() - 1].iter().all(|s| s.role == Role::Reference));
    let Marks::Line(points) = &after.marks else { panic!() };
    let positive: Vec<f64> =
        tuned.run.grid.levels().iter().map(|l| l.noise_ratio()).filter(|s| *s > 0.0).collect();
    assert_eq!(points.iter().map(|p| p.1).collect::<Vec<_>>(), positive);
    let Marks::Line(points) = &density.series.last().unwrap().marks else { panic!() };
    assert_eq!(points.len(), positive.len() - 1);
}

#[test]
fn budgets_have_a_row_per_source_and_one_for_the_whole() {
    let question = words("heun", &[10]).read(&Defaults::EVAL).unwrap();
    let found = question.evaluate(spectrum(), Watch::NOBODY).unwrap();
    let figure = only(&found.report(false));
    let Scale::Names(rows) = &figure.panels[0].y.scale else { panic!() };
    let Marks::Points(whole) = &figure.panels[0].series[1].marks else { panic!() };
    assert_eq!((rows.last().unwrap().plain(), whole[0].x), ("total", found.w2.total));
    assert_eq!(rows.len(), 5);
}

#[test]
fn spectra_are_drawn_with_the_variance_that_is_left() {
    let info = data::info("geometric:d=4,lowest=1e-3,highest=1").unwrap();
    let figure = only(&info.report(None, 52, false));
    let Marks::Line(rest) = &figure.panels[1].series[0].marks else { panic!() };
    // Eigenvalues 1, 0.1, 0.01, 0.001.
    let expected = [0.111 / 1.111, 0.011 / 1.111, 0.001 / 1.111];
    assert_eq!(rest.len(), 3);
    for ((rank, share), (k, expected)) in rest.iter().zip(expected.iter().enumerate()) {
        assert!((rank - (k + 1) as f64).abs() < 1e-12 && (share / expected - 1.0).abs() < 1e-9);
    }
}
