//! Gaussians in the plane: the ellipses are the laws, the paths are samples of them, the four sources are the
//! error budget.

use gaussmeter::experiment::{
    Defaults, Plane, PlaneData, PlaneLaw, PlaneView, Words, error_budget, plane,
};
use gaussmeter::paths::Draw;
use gaussmeter::report::Report;
use gaussmeter_testkit::relative_error;

fn run(data: &PlaneData, words: &Words, count: usize) -> Plane {
    let question = words.read(&Defaults::PLANE).unwrap();
    let setting = question.setting(data.spectrum.clone());
    let (length, eps) = (question.length(&setting), question.eps(&setting));
    let draw = Draw { seed: 3, first: 0, count };
    plane(data, &setting, &question.samplers, length, eps, question.init(), draw).unwrap()
}

fn covariance(law: &PlaneLaw) -> [f64; 3] {
    let [a, b] = law.axes;
    [a[0] * a[0] + b[0] * b[0], a[0] * a[1] + b[0] * b[1], a[1] * a[1] + b[1] * b[1]]
}

/// Laws that share their axes.
fn w2(a: &PlaneLaw, b: &PlaneLaw) -> f64 {
    let norm = |v: [f64; 2]| v[0].hypot(v[1]);
    let means: f64 = (0..2).map(|c| (a.mean[c] - b.mean[c]).powi(2)).sum();
    let axes: f64 = (0..2).map(|k| (norm(a.axes[k]) - norm(b.axes[k])).powi(2)).sum();
    (means + axes).sqrt()
}

#[test]
fn a_covariance_is_what_its_axes_make_of_it() {
    for given in
        [[1.0, 0.7, 0.6], [0.5, -0.2, 2.0], [1.0, 0.0, 1.0], [4.0, 2.0, 1.0], [0.0, 0.0, 3.0]]
    {
        let data = PlaneData::new(given, [0.3, -0.4]).unwrap();
        let found = run(&data, &Words { eps: vec![0.1], ..Words::default() }, 1);
        let (_, sources) = &found.sources[0];
        let target = &sources[0].target;
        for (a, b) in covariance(target).iter().zip(given) {
            assert!((a - b).abs() < 1e-12, "{given:?}: {target:?}");
        }
        assert!((target.mean[0] - 0.3).abs() < 1e-12 && (target.mean[1] + 0.4).abs() < 1e-12);
    }
    for wrong in
        [[1.0, 2.0, 1.0], [-1.0, 0.0, 1.0], [f64::NAN, 0.0, 1.0], [1.0, f64::INFINITY, 1.0]]
    {
        assert!(PlaneData::new(wrong, [0.0; 2]).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_four_sources_are_the_error_budget() {
    let data = PlaneData::new([1.0, 0.7, 0.6], [0.5, -1.0]).unwrap();
    for network in ["exact", "gain:delta=-0.1", "gain:delta=0.2"] {
        let words = Words { network: Some(network.into()), ..Words::default() };
        let found = run(&data, &words, 1);
        let question = words.read(&Defaults::PLANE).unwrap();
        let setting = question.setting(data.spectrum.clone());
        for (sampler, (_, sources)) in question.samplers.iter().zip(&found.sources) {
            let run =
                setting.run(sampler, question.length(&setting), question.eps(&setting)).unwrap();
            let budget = error_budget(&setting, sampler, &run, question.init().1).unwrap();
            let parts = [
                budget.initialization.value,
                budget.truncation.value,
                budget.discretization_at_eps.value,
                budget.score.map_or(0.0, |v| v.value),
            ];
            for (source, part) in sources.iter().zip(parts) {
                assert_eq!(source.w2, part, "{}", source.name);
                let drawn = w2(&source.law, &source.target);
                assert!((drawn - part).abs() < 1e-10, "{}: {drawn} {part}", source.name);
            }
        }
    }
}

/// Means and covariances of many paths where they end, within five standard errors of the ellipse.
#[test]
fn paths_are_samples_of_the_laws() {
    const COUNT: usize = 20_000;
    let data = PlaneData::new([1.0, 0.7, 0.6], [0.5, -1.0]).unwrap();
    let words = Words { samplers: vec!["em,heun".into()], ..Words::default() };
    for panel in run(&data, &words, COUNT).panels.iter().flatten() {
        let (_, law, _) = panel.states.last().unwrap();
        let ends: Vec<[f64; 2]> = panel.paths.iter().map(|path| *path.last().unwrap()).collect();
        let n = COUNT as f64;
        let mean = [0, 1].map(|c| ends.iter().map(|x| x[c]).sum::<f64>() / n);
        let [xx, xy, yy] = covariance(law);
        for (c, variance) in [xx, yy].into_iter().enumerate() {
            let off = (mean[c] - law.mean[c]) / (variance / n).sqrt();
            assert!(off.abs() < 5.0, "{}: mean off by {off} standard errors", panel.name);
        }
        let moment = |a: usize, b: usize| {
            ends.iter().map(|x| (x[a] - law.mean[a]) * (x[b] - law.mean[b])).sum::<f64>() / n
        };
        for (a, b, expected, error) in [
            (0, 0, xx, xx * (2.0 / n).sqrt()),
            (1, 1, yy, yy * (2.0 / n).sqrt()),
            (0, 1, xy, ((xx * yy + xy * xy) / n).sqrt()),
        ] {
            let off = (moment(a, b) - expected) / error;
            assert!(
                off.abs() < 5.0,
                "{}: covariance {a}{b} off by {off} standard errors",
                panel.name
            );
        }
    }
}

#[test]
fn sampler_and_continuous_solution_start_alike_and_figures_have_their_panels() {
    let data = PlaneData::new([1.0, 0.0, 1.0], [0.0; 2]).unwrap();
    let found = run(&data, &Words::default(), 4);
    for [continuous, sampler] in &found.panels {
        for (a, b) in continuous.paths.iter().zip(&sampler.paths) {
            assert_eq!(a[0], b[0]);
        }
    }
    let panels = |view| found.report(view).figures()[0].panels.len();
    assert_eq!((panels(PlaneView::Paths), panels(PlaneView::Errors)), (4, 8));
    let document = found.report(PlaneView::Paths).json();
    assert_eq!(document["samplers"][1]["solutions"][0]["name"], "ODE");
    assert!(relative_error(document["eps"].as_f64().unwrap(), 0.1) < 1e-15);
}
