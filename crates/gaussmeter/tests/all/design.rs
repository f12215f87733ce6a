//! Optimal schedules: against closed forms, published-quality optima and their own conditions.

use gaussmeter::design::{Effort, End, Problem, Space, SpaceError, Start, Tuned, starts};
use gaussmeter::experiment::{Diffusion, Length, Perturbation, TuneOptions, Tuning, tune};
use gaussmeter::network::Learnt;
use gaussmeter::objective::{self, KlReverse, Objective, Share, SquaredWasserstein2};
use gaussmeter::prelude::*;
use gaussmeter::spectrum::condensed;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter::{data, process, sampler};
use gaussmeter_testkit::shared;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::FRAC_PI_2;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn tuned(text: &str, data: &Spectrum, space: &Space, init: &Init, count: usize) -> (Tuned, f64) {
    let sampler = sampler::registry().build(text).unwrap().item;
    let objective = &SquaredWasserstein2;
    let watch = Watch::NOBODY;
    let network = &Learnt::exact(data);
    let problem = Problem { network, sampler: &*sampler, init, objective, space, watch };
    let from = starts(space, data, count, 0).unwrap();
    let tuned = problem.tune(&from, Effort::default()).unwrap();
    let w2 = tuned.best.after.sqrt();
    // What the optimiser says is what the exact engine says.
    let plan = sampler.plan(&tuned.grid).unwrap();
    let law = Output::of(&plan, data).law(init, Target::Data);
    let exact = wasserstein2(&law).total;
    assert!((w2 - exact).abs() <= 1e-9 * exact, "{text}: {w2} {exact}");
    (tuned, w2)
}

fn edm(steps: usize, ratio: f64) -> Space {
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    Space::new(&process, steps, Start::Fixed, End::At(0.0), ratio).unwrap()
}

const FROM_80: Init = Init::Normal { std: Some(80.0) };

/// For one eigenvalue the standard deviation of DDIM is √λ ∏ cos of the angles of its steps: equal
/// angles are optimal (arXiv 2601.13602, tangent law).
#[test]
fn equal_angles_are_optimal_for_one_eigenvalue() {
    for lambda in [0.01, 1.0, 25.0f64] {
        let data = Spectrum::new("one", "", &[lambda], None, None).unwrap();
        let (tuned, _) = tuned("ddim", &data, &edm(7, 1.0), &Init::Exact, 6);
        let angle = |sigma: f64| (sigma / lambda.sqrt()).atan();
        for (k, level) in tuned.grid.levels().iter().enumerate() {
            let equal = angle(80.0) * (1.0 - k as f64 / 7.0);
            assert!((angle(level.sigma) - equal).abs() < 1e-5, "λ = {lambda}, step {k}");
        }
        assert!(tuned.best.slope < 1e-6 && tuned.reached >= 4, "{}", tuned.best.slope);
    }
}

/// The optima of independent computations for the CIFAR-10 spectrum (W2 from N(0, 80²), final level 0).
#[test]
fn optima_for_cifar10() {
    // The summary of the spectrum, which is there without any file, to 1e-3; and the spectrum itself.
    let summary = data::load("cifar10").unwrap();
    let file = shared().map(|s| s.join("data/spectra/cifar10-2024.npy"));
    let full = file.map(|path| data::load(path.to_str().unwrap()).unwrap());
    for (data, slack) in std::iter::once((summary, 1e-3)).chain(full.map(|f| (f, 1e-6))) {
        for (text, steps, ratio, expected) in [
            ("ddim", 5, 1.0, 8.286),
            ("ddim", 10, 1.0, 4.573),
            ("ddim", 20, 1.0, 2.479),
            ("edm", 5, 1.0, 5.837),
            ("edm", 10, 1.0, 1.6024),
            ("edm", 20, 1.0, 0.3619),
            ("dpmpp-2m", 5, 1.0, 0.9050),
            ("dpmpp-2m", 10, 1.0, 0.03473),
            ("dpmpp-2m", 20, 1.25, 0.00075),
        ] {
            let space = edm(steps, ratio);
            let (tuned, w2) = tuned(text, &data, &space, &FROM_80, 10);
            assert!(w2 <= expected * (1.0 + slack), "{text}, {steps} steps: {w2}");
            assert!(tuned.best.slope < 1e-6, "{text}, {steps} steps: {}", tuned.best.slope);
            let levels = tuned.grid.levels();
            for w in levels[..steps].windows(2) {
                let found = w[0].sigma / w[1].sigma;
                assert!(found >= ratio * (1.0 - 1e-12), "{text}, {steps} steps: {found}");
            }
        }
    }
}

/// No step of 10 % or 1e-3 in any one level leads lower, where it is allowed.
#[test]
fn optima_are_minima() {
    let data = data::load("power-law:d=200,alpha=1.5").unwrap();
    for (name, init) in [("vp-linear", Init::Normal { std: Some(1.0) }), ("flow", Init::Exact)] {
        let process: Arc<dyn Process> = process::registry().build(name).unwrap().item.into();
        for (start, end) in [
            (Start::Fixed, End::At(0.0)),
            (Start::Fixed, End::At(0.01)),
            (Start::Fixed, End::Free),
            (Start::Free, End::At(0.0)),
            (Start::Free, End::At(0.01)),
        ] {
            let space = Space::new(&process, 6, start, end, 1.3).unwrap();
            // From p_t itself a free start would be best where nothing is left to do.
            let init = match start {
                Start::Free => Init::Normal { std: None },
                Start::Fixed => init.clone(),
            };
            let (tuned, w2) = tuned("ddim", &data, &space, &init, 4);
            assert!(tuned.best.slope < 1e-6, "{name}, {start:?}, {end:?}: {}", tuned.best.slope);
            let times: Vec<f64> = tuned.grid.levels().iter().map(|l| l.t).collect();
            assert_eq!(times.len(), 7);
            let sampler = Ddim::default();
            let mut compared = 0;
            for k in space.free() {
                for factor in [0.9, 0.999, 1.001, 1.1] {
                    let mut times = times.clone();
                    times[k] *= factor;
                    let Ok(grid) = Grid::new(process.clone(), &times) else { continue };
                    let close = grid.levels()[..6]
                        .windows(2)
                        .any(|w| w[0].noise_ratio() / w[1].noise_ratio() < 1.3 * (1.0 - 1e-9));
                    let plan = sampler.plan(&grid).unwrap();
                    let law = Output::of(&plan, &data).law(&init, Target::Data);
                    let other = wasserstein2(&law).total;
                    compared += usize::from(!close);
                    assert!(
                        close || other >= w2 * (1.0 - 1e-9),
                        "{name}, {start:?}, {end:?}: time {k} times {factor}: {other} < {w2}"
                    );
                }
            }
            assert!(compared >= 20, "{name}, {start:?}, {end:?}: {compared} neighbours");
        }
    }
}

/// Divergences pull the other way than W2: each is best in its own measure.
#[test]
fn objectives_differ() {
    let data = data::load("cifar10").unwrap();
    let space = edm(10, 1.0);
    let sampler = Ddim::default();
    let from = starts(&space, &data, 6, 0).unwrap();
    let (w2, kl) = (SquaredWasserstein2, KlReverse);
    let network = Learnt::exact(&data);
    let of = |objective| Problem {
        network: &network,
        sampler: &sampler,
        init: &FROM_80,
        objective,
        space: &space,
        watch: Watch::NOBODY,
    };
    let [for_w2, for_kl] = [of(&w2), of(&kl)].map(|p| p.tune(&from, Effort::default()).unwrap());
    assert!(for_kl.best.slope < 1e-5, "{}", for_kl.best.slope);
    let values = |tuned: &Tuned| {
        (of(&w2).value(&tuned.grid).unwrap().sqrt(), of(&kl).value(&tuned.grid).unwrap())
    };
    let ((w2_best, kl_other), (w2_other, kl_best)) = (values(&for_w2), values(&for_kl));
    assert!(w2_best < 0.5 * w2_other && kl_best < 0.5 * kl_other);
}

#[test]
fn a_condensed_spectrum_is_near() {
    let data = data::load("power-law:d=3000,alpha=1.3,scale=9").unwrap();
    let small = condensed(&data, 100).unwrap().unwrap();
    assert!(small.modes().len() <= 101);
    assert!((small.dim() - data.dim()).abs() < 1e-9 * data.dim());
    assert!((small.trace() - data.trace()).abs() < 1e-9 * data.trace());
    let plan = Ddim::default().plan(&edm(10, 1.0).grid(&[0.7; 9]).unwrap()).unwrap();
    let w2 = |s: &Spectrum| wasserstein2(&Output::of(&plan, s).law(&FROM_80, Target::Data)).total;
    assert!((w2(&small) / w2(&data) - 1.0).abs() < 1e-3, "{} {}", w2(&small), w2(&data));
    assert!(condensed(&small, 200).unwrap().is_none());
}

/// A schedule comes back from its parameters.
#[test]
fn parameters_are_coordinates() {
    let mut spaces = 0;
    for name in ["edm", "vp-linear", "flow", "vp-cosine", "ve"] {
        let process: Arc<dyn Process> = process::registry().build(name).unwrap().item.into();
        for end in [End::At(0.0), End::At(0.01 * process.t_max()), End::Free] {
            for start in [Start::Fixed, Start::Free] {
                let space = Space::new(&process, 5, start, end, 1.1).unwrap();
                let q: Vec<f64> = (0..space.dim()).map(|k| 0.3 * (k as f64).cos() - 0.4).collect();
                let Ok(grid) = space.grid(&q) else { continue };
                assert_eq!(grid.step_count(), 5);
                assert_eq!(start == Start::Fixed, grid.start().t == process.t_max());
                let again = space.grid(&space.parameters(&grid)).unwrap();
                for (a, b) in grid.levels().iter().zip(again.levels()) {
                    assert!((a.t - b.t).abs() <= 1e-9 * a.t, "{name}: {} {}", a.t, b.t);
                }
                spaces += 1;
            }
        }
    }
    assert_eq!(spaces, 30);
}

#[test]
fn impossible_spaces_are_refused() {
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let space = |steps, end, ratio| Space::new(&process, steps, Start::Fixed, end, ratio);
    let message = |r: Result<Space, SpaceError>| r.unwrap_err().to_string();
    assert_eq!(
        message(space(30, End::At(1.0), 1.25)),
        "30 steps with neighbouring noise levels at least 1.25 apart do not fit between sigma/alpha = 80.000000 and 1.000000: ask for a smaller ratio or fewer steps"
    );
    assert!(message(space(3, End::At(0.0), 0.9)).contains("must be at least 1, not 0.9"));
    assert!(message(space(3, End::At(90.0), 1.1)).contains("must lie in [0, 80)"));
    assert!(message(space(0, End::At(0.0), 1.1)).contains("at least 2 times"));
}

/// The angle of a schedule's noisiest level is a right angle where no signal is left.
#[test]
fn a_start_without_signal_is_kept() {
    let process: Arc<dyn Process> = Arc::new(Flow);
    let space = Space::new(&process, 4, Start::Fixed, End::At(0.0), 1.0).unwrap();
    let data = Spectrum::new("one", "", &[1.0], None, None).unwrap();
    let (tuned, _) = tuned("ddim", &data, &space, &Init::Exact, 5);
    assert_eq!(tuned.grid.start().t, 1.0);
    for (k, level) in tuned.grid.levels().iter().enumerate() {
        let angle = level.sigma.atan2(level.alpha);
        assert!((angle - FRAC_PI_2 * (1.0 - k as f64 / 4.0)).abs() < 1e-5, "step {k}");
    }
}

fn robust(spectrum: Spectrum, sampler: &str, objective: &str, steps: usize) -> Tuning {
    let data = Diffusion::new(spectrum, process::registry().build("edm").unwrap());
    let sampler = sampler::registry().build(sampler).unwrap();
    let objective = objective::registry().build(objective).unwrap();
    let options = TuneOptions { min_ratio: 1.0, starts: 4, ..TuneOptions::default() };
    let init = ("normal", &Init::Normal { std: None });
    let length = Length::Steps(steps);
    tune(&data, &sampler, length, init, &objective, options, Watch::NOBODY).unwrap()
}

/// The expected error when the eigenvalue of the data, or the one that the network has learnt, is
/// another: by hand for one eigenvalue and DDIM, whose standard deviation is 80 ∏ (λ + σσ′)/(λ + σ²),
/// and by the trapezoidal rule over z.
#[test]
fn perturbations_are_of_the_data_or_of_the_network() {
    let lambda = 2.0;
    let one = Spectrum::new("one", "", &[lambda], Some(&[3.0]), None).unwrap();
    let tuning = robust(one, "ddim", "w2", 4);
    let sigmas: Vec<f64> = tuning.run.grid.levels().iter().map(|l| l.sigma).collect();
    assert_eq!(tuning.robustness.len(), 3);
    for (perturbation, error, _) in &tuning.robustness {
        let square = |z: f64| {
            let (believed, truth) = match perturbation {
                Perturbation::Data(delta) => [lambda * (delta * z).exp(); 2].into(),
                Perturbation::Network(delta) => (lambda * (delta * z).exp(), lambda),
            };
            let steps =
                sigmas.windows(2).map(|w| (believed + w[0] * w[1]) / (believed + w[0] * w[0]));
            (80.0 * steps.product::<f64>() - truth.sqrt()).powi(2)
        };
        let h = 0.05;
        let density = |z: f64| (-0.5 * z * z).exp() * h / (2.0 * std::f64::consts::PI).sqrt();
        let mean: f64 =
            (-200..=200).map(|k| h * f64::from(k)).map(|z| density(z) * square(z)).sum();
        let expected = (3.0 * mean).sqrt();
        assert!((error - expected).abs() < 1e-10 * expected, "{perturbation}: {error} {expected}");
    }
}

/// A spectrum with multiplicities and the list of all its eigenvalues, which no two share, have the same
/// figures.
#[test]
fn figures_do_not_depend_on_how_eigenvalues_are_grouped() {
    let (values, counts) = ([20.0, 3.0, 0.2, 0.004], [1.0, 4.0, 9.0, 30.0]);
    let grouped = Spectrum::new("grouped", "", &values, Some(&counts), None).unwrap();
    let all: Vec<f64> = values
        .iter()
        .zip(counts)
        .flat_map(|(v, n)| (0..n as usize).map(move |k| v * (1.0 + 1e-13 * k as f64)))
        .collect();
    let list = Spectrum::new("list", "", &all, None, None).unwrap();
    assert_eq!((grouped.modes().len(), list.modes().len()), (4, 44));
    for (sampler, objective) in
        [("ddim", "w2"), ("dpmpp-2m", "w2"), ("edm", "w2"), ("ddim", "kl-reverse")]
    {
        let [a, b] = [&grouped, &list].map(|s| robust(s.clone(), sampler, objective, 5).robustness);
        for ((what, x, _), (_, y, _)) in a.iter().zip(&b) {
            assert!((x - y).abs() < 1e-5 * x, "{sampler}, {objective}, {what}: {x} {y}");
        }
    }
}

/// What is told is the mean of what single networks have: 4000 of them, one number per eigenvector.
#[test]
fn figures_are_means_over_networks() {
    let values = [20.0, 3.0, 0.2, 0.004, 0.0];
    let data = Spectrum::new("five", "", &values, None, Some(&[0.5, 0.0, 1.0, 0.0, 0.1])).unwrap();
    let tuning = robust(data.clone(), "dpmpp-2m", "w2", 6);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let plan = &tuning.run.plan;
    let delta = 0.05;
    let squares: Vec<f64> = (0..4000)
        .map(|_| {
            let mut square = 0.0;
            for mode in data.modes() {
                let z: f64 = StandardNormal.sample(&mut rng);
                let believed = mode.eigenvalue * (delta * z).exp();
                let network =
                    Spectrum::new("one", "", &[believed], None, Some(&[mode.mean])).unwrap();
                let law = &Output::of(plan, &network).law(&FROM_80, Target::Data);
                let off = law.modes[0].variance.sqrt() - mode.eigenvalue.sqrt();
                square += off * off + (law.modes[0].mean - mode.mean).powi(2);
            }
            square
        })
        .collect();
    let mean = squares.iter().sum::<f64>() / 4000.0;
    let spread = squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>().sqrt() / 4000.0;
    let (what, told, _) = tuning.robustness[2];
    assert_eq!(what, Perturbation::Network(delta));
    let off = (told * told - mean).abs();
    assert!(off < 4.0 * spread && spread < 0.05 * mean, "{told} {} {spread}", mean.sqrt());
}

/// An objective during whose evaluation someone asks to stop.
#[derive(Debug)]
struct Interrupting<'a> {
    left: AtomicUsize,
    flag: &'a AtomicBool,
}

impl Objective for Interrupting<'_> {
    fn share(&self, index: usize, mode: &gaussmeter::spectrum::Mode, std: f64, mean: f64) -> Share {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.flag.store(true, Ordering::Relaxed);
        }
        SquaredWasserstein2.share(index, mode, std, mean)
    }
}

/// A search that is stopped, at whatever moment, ends soon and with a schedule that is no worse than
/// the first that it started from.
#[test]
fn a_stopped_search_tells_the_best_so_far() {
    let values: Vec<f64> = (0..12).map(|k| 100.0 * 0.3f64.powi(k)).collect();
    let data = Spectrum::new("twelve", "", &values, None, None).unwrap();
    let space = edm(5, 1.25);
    let from = starts(&space, &data, 6, 0).unwrap();
    let sampler = sampler::registry().build("dpmpp-2m").unwrap().item;
    let (_, best) = tuned("dpmpp-2m", &data, &space, &FROM_80, 6);
    let mut last = f64::INFINITY;
    for evaluations in [1, 20, 100, 400, 10_000] {
        let flag = AtomicBool::new(false);
        let left = AtomicUsize::new(values.len() * evaluations);
        let objective = &Interrupting { left, flag: &flag };
        let hear = |_: Option<Progress>| match flag.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let watch = Watch::new(&hear);
        let (sampler, network) = (&*sampler, &Learnt::exact(&data));
        let problem = Problem { network, sampler, init: &FROM_80, objective, space: &space, watch };
        let tuned = problem.tune(&from, Effort::default()).unwrap();
        let first = problem.value(&from[0]).unwrap();
        let after = problem.value(&tuned.grid).unwrap();
        assert!((after - tuned.best.after).abs() <= 1e-12 * after);
        assert!(after <= first && after.sqrt() >= best * (1.0 - 1e-6), "{evaluations}: {after}");
        assert!(!flag.load(Ordering::Relaxed) || tuned.best.evaluations < evaluations + 40);
        last = last.min(after);
    }
    assert!(last.sqrt() < 1.01 * best);
}
