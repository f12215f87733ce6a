//! Starts, stops and shifts that data call for, against the engine itself.

use gaussmeter::exact::continuous::forward_marginal;
use gaussmeter::experiment::{Diffusion, Length, error_budget, noise_levels};
use gaussmeter::prelude::*;
use gaussmeter::{grid, process, sampler};
use gaussmeter_testkit::relative_error;
use std::sync::Arc;

fn data(scale: f64) -> Arc<Spectrum> {
    let lambda = [0.0, 1e-4, 0.02, 0.7, 3.0, 40.0].map(|l| scale * scale * l);
    let mean = [0.5, 0.0, -1.0, 2.0, 0.25, -3.0].map(|m| scale * m);
    let multiplicity = [2.0, 40.0, 10.0, 5.0, 2.0, 1.0];
    Arc::new(Spectrum::new("six", "", &lambda, Some(&multiplicity), Some(&mean)).unwrap())
}

/// The error budget of a run that starts or stops there has the tolerance as its part.
#[test]
fn tolerances_are_parts_of_the_error_budget() {
    let data = data(1.0);
    let found = noise_levels(&data, &[0.3, 0.05], None).unwrap();
    for t in &found.tolerances {
        let edm = process::registry().build(&format!("edm:sigma_max={}", t.sigma_max)).unwrap();
        let diffusion = Diffusion::new(data.clone(), edm);
        let rule = grid::registry().build("karras").unwrap();
        let setting = diffusion.with((rule.label, rule.item.into()));
        let ddim = sampler::registry().build("ddim").unwrap();
        let run = setting.run(&ddim, Length::Steps(5), 0.0).unwrap();
        let init = diffusion.init(&Init::Normal { std: None }).unwrap();
        let budget = error_budget(&setting, &ddim, &run, &init).unwrap();
        assert!(relative_error(budget.initialization.value, t.w2) < 1e-8, "{budget:?}");

        let law = forward_marginal(&data, &Edm::new(t.stop).level(t.stop));
        assert!(relative_error(wasserstein2(&law).total, t.w2) < 1e-8);

        let last: Arc<dyn Process> = Arc::new(Edm::new(t.denoised));
        let step = Grid::from_sigmas(last, &[t.denoised, 0.0]).unwrap();
        let plan = ddim.item.plan(&step).unwrap();
        let law = Output::of(&plan, &data).law(&Init::Exact, Target::Data);
        assert!(relative_error(wasserstein2(&law).total, t.w2) < 1e-8);
    }
    let (whole, of_mean) = found.usual_start;
    assert!(of_mean < whole && whole > 0.0);
    assert!(found.root_mean_square > found.sigma_data);
}

/// Data c times as large need levels c times as high, and pictures enlarged r times by repeating pixels,
/// whose eigenvalues are r² times as large with null directions beside them, r times as high.
#[test]
fn shifts_of_scaled_and_of_enlarged_data_are_known() {
    let (one, three) = (data(1.0), data(3.0));
    let found = noise_levels(&three, &[0.3], Some(&one)).unwrap();
    let shift = found.shift.unwrap();
    assert!(relative_error(shift.factor, 3.0) < 1e-9 && shift.range.0 > 2.999, "{shift:?}");
    let levels = |data: &Arc<Spectrum>, w2: f64| noise_levels(data, &[w2], None).unwrap();
    let [a, b] = [levels(&one, 0.1), levels(&three, 0.3)];
    assert!(relative_error(3.0 * a.middle.unwrap(), b.middle.unwrap()) < 1e-9);
    let [a, b] = [a.tolerances[0], b.tolerances[0]];
    for (a, b) in [(a.sigma_max, b.sigma_max), (a.stop, b.stop), (a.denoised, b.denoised)] {
        assert!(relative_error(3.0 * a, b) < 1e-9);
    }
    let small: Vec<f64> = (1..=64).map(|k| 30.0 / f64::from(k * k)).collect();
    let mut large: Vec<f64> = small.iter().map(|l| 4.0 * l).collect();
    large.extend([0.0; 192]);
    let of = |l: &[f64]| Arc::new(Spectrum::new("images", "", l, None, None).unwrap());
    let shift = noise_levels(&of(&large), &[0.1], Some(&of(&small))).unwrap().shift.unwrap();
    assert!(relative_error(shift.factor, 2.0) < 1e-9, "{shift:?}");
    assert_eq!(shift.by_dimension, 2.0);
}

/// What a higher start costs, and what a lower one saves.
#[test]
fn costs_are_relative_to_the_usual_start() {
    let data = data(1.0);
    let found = noise_levels(&data, &[3.0, 1.0, 0.1, 0.01], None).unwrap();
    let costs: Vec<(f64, f64)> =
        found.tolerances.iter().map(|t| (t.sigma_max, t.steps.unwrap())).collect();
    for w in costs.windows(2) {
        assert!(w[0].0 < w[1].0 && w[0].1 < w[1].1, "{costs:?}");
    }
    assert!(costs.iter().all(|(sigma, steps)| (*sigma > 80.0) == (*steps > 1.0)), "{costs:?}");
    let constant = Spectrum::new("constant", "", &[0.0], None, Some(&[1.0])).unwrap();
    let found = noise_levels(&Arc::new(constant), &[], None).unwrap();
    assert!(found.tolerances.is_empty() && found.middle.is_none());
}
