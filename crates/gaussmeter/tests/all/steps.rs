//! Contributions of steps: they add up to the error, and leave out what cancels.

use gaussmeter::design::{End, Problem, Space, Start};
use gaussmeter::exact::steps::contributions;
use gaussmeter::objective::Local;
use gaussmeter::prelude::*;
use gaussmeter::watch::Watch;
use gaussmeter::{process, sampler};
use std::sync::Arc;

fn data() -> Spectrum {
    let (lambda, mean) = ([0.0, 1e-4, 0.02, 0.7, 3.0, 40.0], [0.5, 0.0, -1.0, 2.0, 0.25, -3.0]);
    Spectrum::new("six", "", &lambda, None, Some(&mean)).unwrap()
}

/// Every rule without noise on every process: the contributions, the start's among them, add up to the
/// error of the output.
#[test]
fn contributions_add_up_to_the_error() {
    let (data, mut checked) = (data(), 0);
    let told = [
        "flow:coordinates=u",
        "flow:conditioning=round",
        "vp-discrete:conditioning=truncate",
        "vp-discrete:conditioning=round-at-nodes",
    ];
    for process_name in process::registry().names_alone().into_iter().chain(told) {
        let process: Arc<dyn Process> =
            process::registry().build(process_name).unwrap().item.into();
        let shares = [0.9, 0.61, 0.34, 0.2, 0.09, 0.02];
        let grid = Grid::new(process.clone(), &shares.map(|s| s * process.t_max())).unwrap();
        for name in sampler::registry().names_alone() {
            let Ok(plan) = sampler::registry().build(name).unwrap().item.plan(&grid) else {
                continue;
            };
            for init in [Init::Exact, Init::Normal { std: Some(2.0) }] {
                let Some(steps) = contributions(&plan, &data, &init) else {
                    assert!(plan.is_stochastic(), "{name} on {process_name}");
                    continue;
                };
                let output = Output::of(&plan, &data);
                let law = output.law(&init, Target::Marginal);
                let level = plan.end().marginal();
                for (m, mode) in law.modes.iter().enumerate() {
                    let sum = |k: usize| steps.iter().map(|step| step[m][k]).sum::<f64>();
                    let size = |k: usize| steps.iter().map(|step| step[m][k].abs()).sum::<f64>();
                    let target = level.variance(mode.eigenvalue).sqrt();
                    let std = mode.variance.sqrt().copysign(output.gain[m]);
                    let tolerance = 1e-11 * (size(0) + target);
                    assert!(
                        (sum(0) - (std - target)).abs() <= tolerance,
                        "{name} on {process_name}"
                    );
                    let mean = mode.mean - level.alpha * data.modes()[m].mean;
                    let tolerance = 1e-11 * (size(1) + data.modes()[m].mean.abs());
                    assert!((sum(1) - mean).abs() <= tolerance, "{name} on {process_name}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 500, "{checked}");
}

/// The objective is the sum of squares of what a step does alone: by hand for DDIM, whose step from s to t
/// has the gain (λ + st)/(λ + s²) on an eigenvector, and starts from the exact state.
#[test]
fn squared_contributions_of_ddim_are_those_by_hand() {
    let lambda = [0.3, 2.0];
    let data = Spectrum::new("two", "", &lambda, None, None).unwrap();
    let sigmas = [80.0, 11.0, 2.5, 0.4, 0.0];
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = Grid::from_sigmas(process.clone(), &sigmas).unwrap();
    let space = Space::new(&process, 4, Start::Fixed, End::At(0.0), 1.0).unwrap();
    let sampler = sampler::registry().build("ddim").unwrap().item;
    let problem = |init| Problem {
        spectrum: &data,
        sampler: &*sampler,
        init,
        objective: &Local,
        space: &space,
        watch: Watch::NOBODY,
    };
    let by_hand = |start: fn(f64) -> f64| -> f64 {
        let of = |l: &f64| -> f64 {
            let s = |sigma: f64| (l + sigma * sigma).sqrt();
            let first = (l.sqrt() / s(80.0) * (start(*l) - s(80.0))).powi(2);
            let step = |w: &[f64]| {
                let gain = (l + w[0] * w[1]) / (l + w[0] * w[0]);
                (l.sqrt() / s(w[1]) * (gain * s(w[0]) - s(w[1]))).powi(2)
            };
            first + sigmas.windows(2).map(step).sum::<f64>()
        };
        lambda.iter().map(of).sum()
    };
    let exact = problem(&Init::Exact).value(&grid).unwrap();
    assert!((exact / by_hand(|l| (l + 6400.0).sqrt()) - 1.0).abs() < 1e-9);
    let normal = problem(&Init::Normal { std: Some(80.0) }).value(&grid).unwrap();
    assert!((normal / by_hand(|_| 80.0) - 1.0).abs() < 1e-9);
}
