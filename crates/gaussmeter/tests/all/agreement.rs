//! The interpreters agree with each other, with recursions written by hand, and with sampled paths.

use gaussmeter::exact::along;
use gaussmeter::network::{Denoiser, DenoiserError, GaussianDenoiser};
use gaussmeter::numeric::differentiation::Real;
use gaussmeter::prelude::*;
use gaussmeter::tape::{Plan, Prediction, Tape, Var};
use gaussmeter::{paths, process, sampler};
use gaussmeter_testkit::relative_error;
use std::sync::Arc;

/// Noise that two stages share: predictor and corrector see the same increment.
#[derive(Debug)]
struct StochasticHeun;
impl Sampler for StochasticHeun {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, sampler::SamplerError> {
        for step in grid.steps() {
            let dt = step.dt();
            let slope = |x: Var, level: &Level<Real>| {
                let score = tape.predict(Prediction::Score, x, level);
                -level.drift() * x + level.diffusion2() * score
            };
            let dw = (step.from.diffusion2() * dt).sqrt() * tape.noise();
            let first = slope(x, step.from);
            let guess = tape.keep(x + dt * &first + &dw);
            x = tape.arrive(step.to, x + (0.5 * dt) * (first + slope(guess, step.to)) + dw);
        }
        Ok(x)
    }
}

/// History: the previous prediction is used again, with noise in between.
#[derive(Debug)]
struct TwoStepNoise;
impl Sampler for TwoStepNoise {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, sampler::SamplerError> {
        let mut previous = None;
        for step in grid.steps() {
            let d = tape.predict(Prediction::Denoiser, x, step.from);
            let guess = match previous {
                None => 1.0 * d,
                Some(old) => 1.5 * d - 0.5 * old,
            };
            let ratio = step.to.sigma / step.from.sigma;
            let mean = ratio * x + (step.to.alpha - ratio * step.from.alpha) * guess;
            x = tape.arrive(step.to, mean + (0.3 * step.to.sigma) * tape.noise());
            previous = Some(d);
        }
        Ok(x)
    }
}

fn data() -> Spectrum {
    let lambda = [0.0, 1e-4, 0.01, 0.3, 1.0, 2.5, 40.0];
    let mu = [0.5, -0.25, 1.0, -2.0, 0.125, 3.0, -1.0];
    Spectrum::new("seven modes", "", &lambda, None, Some(&mu)).unwrap()
}

fn all_samplers() -> Vec<(String, Box<dyn Sampler>)> {
    let registry = sampler::registry();
    let mut all: Vec<(String, Box<dyn Sampler>)> = registry
        .names_alone()
        .into_iter()
        .map(|name| (name.to_string(), registry.build(name).unwrap().item))
        .collect();
    all.push(("heun:final=euler".into(), registry.build("heun:final=euler").unwrap().item));
    let churned = "edm:s_churn=20,s_min=0.05,s_max=10,s_noise=1.007";
    all.push((churned.into(), registry.build(churned).unwrap().item));
    all.push(("stochastic heun".into(), Box::new(StochasticHeun)));
    all.push(("two-step with noise".into(), Box::new(TwoStepNoise)));
    all
}

fn plan(sampler: &dyn Sampler, process: Arc<dyn Process>, steps: usize, eps: f64) -> Plan {
    sampler.plan(&Uniform.grid(&process, steps, eps).unwrap()).unwrap()
}

/// Forward covariances and the transposed program are independent derivations of the same law.
#[test]
fn the_law_along_time_ends_where_the_transposed_program_does() {
    let data = data();
    for (name, sampler) in all_samplers() {
        let plan = plan(&*sampler, Arc::new(VpLinear::paper()), 40, 1e-3);
        let states = along(&plan, &data);
        assert_eq!(states.len(), plan.steps() + 1, "{name}");
        let (end, output) = (states.last().unwrap(), Output::of(&plan, &data));
        for i in 0..data.modes().len() {
            for (a, b) in [
                (end.gain[i], output.gain[i]),
                (end.noise_variance[i], output.noise_variance[i]),
                (end.mean_gain[i], output.mean_gain[i]),
            ] {
                assert!((a - b).abs() <= 1e-11 * b.abs().max(1.0), "{name}, mode {i}: {a} {b}");
            }
        }
    }
}

/// Every state along time is the output of the program that stops there.
#[test]
fn laws_along_time_are_those_of_shorter_runs() {
    let data = data();
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let grid = Uniform.grid(&process, 30, 1e-2).unwrap();
    let times: Vec<f64> = grid.levels().iter().map(|l| l.t).collect();
    // Different last steps, and what is spread over the steps, depend on where a run ends.
    let is_local = |name: &str| {
        !["heun:final=euler", "dpm-fast", "heunpp2"].contains(&name)
            && !name.starts_with("edm:s_churn")
    };
    for (name, sampler) in all_samplers().iter().filter(|(n, _)| is_local(n)) {
        let states = along(&sampler.plan(&grid).unwrap(), &data);
        for n in [1, 7, 29] {
            let shorter = Grid::new(process.clone(), &times[..=n]).unwrap();
            let output = Output::of(&sampler.plan(&shorter).unwrap(), &data);
            for i in 0..data.modes().len() {
                let (a, b) = (states[n].noise_variance[i], output.noise_variance[i]);
                assert!((a - b).abs() <= 1e-11 * b.max(1.0), "{name}, {n} steps, mode {i}");
                let (a, b) = (states[n].gain[i], output.gain[i]);
                assert!((a - b).abs() <= 1e-11 * b.abs().max(1.0), "{name}, {n} steps, mode {i}");
            }
        }
    }
}

/// The paper's table 3, written out: v ← a² v + q, m ← a m + d μ.
#[test]
fn recursions_written_by_hand_give_the_same_law() {
    let process = VpLinear::paper();
    let big_b = |t: f64| 0.05 * t + 9.95 * t * t / 2.0;
    let data = data();
    let (steps, eps) = (40, 1e-3);
    for (name, sampler) in all_samplers().into_iter().take(6) {
        let plan = plan(&*sampler, Arc::new(process), steps, eps);
        let law = Output::of(&plan, &data).law(&Init::Exact, Target::Data);
        for (mode, result) in data.modes().iter().zip(&law.modes) {
            let (lambda, mu) = (mode.eigenvalue, mode.mean);
            let l = |t: f64| lambda * (-2.0 * big_b(t)).exp() - (-2.0 * big_b(t)).exp_m1();
            let velocity = |t: f64| {
                let b = process.beta(t);
                (b * (lambda - 1.0) * (-2.0 * big_b(t)).exp() / l(t), b * (-big_b(t)).exp() / l(t))
            };
            let (mut v, mut m) = (l(1.0), (-big_b(1.0)).exp() * mu);
            for k in 0..steps {
                let time = |k: usize| (1.0 * (steps - k) as f64 + eps * k as f64) / steps as f64;
                let (t, t1) = (time(k), time(k + 1));
                let (dt, b, e) = (t - t1, process.beta(t), (-big_b(t)).exp());
                let db = big_b(t) - big_b(t1);
                let bd = 2.0 * dt * b;
                let (a, q, d) = match name.as_str() {
                    "em" => (1.0 + dt * b * (1.0 - 2.0 / l(t)), bd, bd * e / l(t)),
                    "ei" => {
                        let g = db.exp_m1();
                        (1.0 + g * (1.0 - 2.0 / l(t)), (2.0 * db).exp_m1(), 2.0 * g * e / l(t))
                    }
                    "ddpm" => {
                        let root = (1.0 - bd).sqrt();
                        ((1.0 - bd / l(t)) / root, bd, bd * e / (l(t) * root))
                    }
                    _ => {
                        // Stages of the ODE, as affine maps of the state.
                        let stage = |(g, s): (f64, f64), (c, d): (f64, f64)| (c * g, c * s + d);
                        let ahead = |k: (f64, f64), h: f64| (1.0 + h * k.0, h * k.1);
                        let (c0, c1, ch) = (velocity(t), velocity(t1), velocity(0.5 * (t + t1)));
                        let k1 = stage((1.0, 0.0), c0);
                        let (a, d) = match name.as_str() {
                            "euler" => ahead(k1, dt),
                            "heun" => {
                                let k2 = stage(ahead(k1, dt), c1);
                                ahead((0.5 * (k1.0 + k2.0), 0.5 * (k1.1 + k2.1)), dt)
                            }
                            "rk4" => {
                                let k2 = stage(ahead(k1, 0.5 * dt), ch);
                                let k3 = stage(ahead(k2, 0.5 * dt), ch);
                                let k4 = stage(ahead(k3, dt), c1);
                                let sum = |f: fn((f64, f64)) -> f64| {
                                    (f(k1) + 2.0 * f(k2) + 2.0 * f(k3) + f(k4)) / 6.0
                                };
                                ahead((sum(|k| k.0), sum(|k| k.1)), dt)
                            }
                            other => panic!("no recursion for {other}"),
                        };
                        (a, 0.0, d)
                    }
                };
                v = a * a * v + q;
                m = a * m + d * mu;
            }
            assert!(
                relative_error(result.variance, v) < 1e-10,
                "{name}, λ = {lambda}: {} {v}",
                result.variance
            );
            assert!(
                (result.mean - m).abs() < 1e-10 * m.abs().max(1.0),
                "{name}, λ = {lambda}: {} {m}",
                result.mean
            );
        }
    }
}

/// Sampled paths have the exact mean and variance, within five standard errors.
#[test]
fn sampled_paths_follow_the_exact_law() {
    let data = data();
    let count = 40_000;
    for (k, (name, sampler)) in all_samplers().into_iter().enumerate() {
        let plan = plan(&*sampler, Arc::new(VpLinear::paper()), 24, 1e-2);
        let init = Init::Normal { std: Some(1.0) };
        let law = Output::of(&plan, &data).law(&init, Target::Data);
        let start = paths::Start::per_mode(&data, &init, plan.start());
        let draw = paths::Draw { seed: k as u64, first: 0, count };
        let x = paths::sample(&plan, &GaussianDenoiser::per_mode(&data), &start, draw).unwrap();
        for (i, mode) in law.modes.iter().enumerate() {
            let values = || x.iter().skip(i).step_by(law.modes.len());
            let n = count as f64;
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            assert!(
                (mean - mode.mean).abs() < 5.0 * (mode.variance / n).sqrt(),
                "{name}, mode {i}: mean {mean}, exact {}",
                mode.mean
            );
            assert!(
                (variance / mode.variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
                "{name}, mode {i}: variance {variance}, exact {}",
                mode.variance
            );
        }
    }
}

/// The same numbers for any number of threads, any batch, any part of the sequence.
#[test]
fn samples_depend_on_the_seed_alone() {
    let data = data();
    let plan = plan(&EulerMaruyama, Arc::new(VpLinear::paper()), 10, 1e-2);
    let start = paths::Start::per_mode(&data, &Init::Exact, plan.start());
    let denoiser = GaussianDenoiser::per_mode(&data);
    let draw = |first, count| paths::Draw { seed: 3, first, count };
    let all = paths::sample(&plan, &denoiser, &start, draw(0, 700)).unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(all, one.install(|| paths::sample(&plan, &denoiser, &start, draw(0, 700)).unwrap()));
    let part =
        paths::sample_batch(&plan, &mut denoiser.clone(), &start, draw(299, 5), &mut paths::go_on)
            .unwrap();
    assert_eq!(part, all[299 * 7..304 * 7]);
    let other = paths::sample(&plan, &denoiser, &start, paths::Draw { seed: 4, ..draw(0, 700) });
    assert_ne!(all, other.unwrap());
}

/// A network that predicts one kind serves samplers that ask for another.
#[derive(Clone)]
struct Native(GaussianDenoiser, Prediction);
impl Denoiser for Native {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn native(&self) -> Prediction {
        self.1
    }
    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.0.predict(self.1, x, level, out)
    }
}

#[test]
fn parametrizations_agree() {
    let data = data();
    for name in process::registry().names_alone() {
        let process: Arc<dyn Process> = process::registry().build(name).unwrap().item.into();
        let level = process.level(0.3 * process.t_max());
        let x: Vec<f64> = (0..7).map(|i| 0.7 - 0.3 * i as f64).collect();
        for kind in Prediction::ALL {
            let mut expected = vec![0.0; 7];
            GaussianDenoiser::per_mode(&data).predict(kind, &x, &level, &mut expected).unwrap();
            for native in Prediction::ALL {
                let mut out = vec![0.0; 7];
                let mut network = Native(GaussianDenoiser::per_mode(&data), native);
                network.predict(kind, &x, &level, &mut out).unwrap();
                for (a, b) in out.iter().zip(&expected) {
                    assert!(
                        (a - b).abs() < 1e-10 * b.abs().max(1.0),
                        "{name}: {native:?} as {kind:?}: {a} {b}"
                    );
                }
            }
        }
    }
}

/// A failing network stops the run with its own error.
#[test]
fn errors_of_the_network_surface_unchanged() {
    struct Broken(usize);
    impl Denoiser for Broken {
        fn dim(&self) -> usize {
            1
        }
        fn native(&self) -> Prediction {
            Prediction::Noise
        }
        fn evaluate(&mut self, _: &[f64], _: &Level, _: &mut [f64]) -> Result<(), DenoiserError> {
            self.0 += 1;
            match self.0 {
                3 => Err(DenoiserError::Network("CUDA out of memory".into())),
                _ => Ok(()),
            }
        }
    }
    let plan = plan(&Euler, Arc::new(VpLinear::paper()), 5, 1e-2);
    let start = paths::Start { mean: vec![0.0], std: vec![1.0] };
    let draw = paths::Draw { seed: 0, first: 0, count: 2 };
    let mut network = Broken(0);
    let error =
        paths::sample_batch(&plan, &mut network, &start, draw, &mut paths::go_on).unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "CUDA out of memory");
    assert_eq!(network.0, 3);
}

/// Infinite along null directions, and only there; a final Euler step mends it.
#[test]
fn evaluations_without_noise_are_infinite_on_null_directions() {
    let data = data();
    let law = |sampler: &dyn Sampler| {
        let plan = plan(sampler, Arc::new(VpLinear::paper()), 20, 0.0);
        Output::of(&plan, &data).law(&Init::Exact, Target::Data)
    };
    for sampler in [&Heun::default() as &dyn Sampler, &Rk4] {
        let law = law(sampler);
        let infinite: Vec<bool> = law.modes.iter().map(|m| m.variance.is_infinite()).collect();
        assert_eq!(infinite, data.modes().iter().map(|m| m.eigenvalue == 0.0).collect::<Vec<_>>());
        let w2 = wasserstein2(&law);
        assert_eq!(w2.total, f64::INFINITY);
        assert_eq!(
            w2.infinite.unwrap().to_string(),
            "step 20 evaluates the velocity at t = 0, where no noise is left: it is infinite along the null directions of the covariance"
        );
    }
    assert!(wasserstein2(&law(&Heun { final_euler: true })).total.is_finite());
    let plan = plan(&Heun::default(), Arc::new(VpLinear::paper()), 20, 0.0);
    let states = along(&plan, &data);
    assert!(states[19].infinite.is_none() && states[20].infinite.is_some());
}

/// Work counters: a change that costs evaluations shows here.
#[test]
fn network_evaluations_are_counted_on_the_plan() {
    let counts: Vec<(String, usize, usize)> = all_samplers()
        .into_iter()
        .map(|(name, sampler)| {
            let plan = plan(&*sampler, Arc::new(VpLinear::paper()), 30, 1e-3);
            (name, plan.steps(), plan.nfe())
        })
        .collect();
    let expected = [
        ("em", 30, 30),
        ("ei", 30, 30),
        ("ddpm", 30, 30),
        ("euler", 30, 30),
        ("heun", 30, 60),
        ("rk4", 30, 120),
        ("ddim", 30, 30),
        ("euler-ancestral", 30, 30),
        ("dpmpp-2m", 30, 30),
        ("dpmpp-2m-sde", 30, 30),
        ("dpmpp-2m-sde-heun", 30, 30),
        ("edm", 30, 60),
        ("edm-euler", 30, 30),
        ("dpm-2", 30, 60),
        ("dpm-2-ancestral", 30, 60),
        ("dpmpp-2s-ancestral", 30, 60),
        ("dpmpp-2s-ancestral-cfg-pp", 30, 60),
        ("dpmpp-sde", 30, 60),
        ("dpmpp-3m", 30, 30),
        ("dpmpp-3m-sde", 30, 30),
        ("dpm-solver-2m", 30, 30),
        ("dpm-solver-3m", 30, 30),
        ("dpm-solver-1-sde", 30, 30),
        ("dpm-solver-2m-sde", 30, 30),
        ("dpm-solver-2", 30, 60),
        ("dpm-solver-3", 30, 90),
        ("dpmpp-2s", 30, 60),
        ("dpmpp-3s", 30, 90),
        ("dpm-solver-singlestep", 30, 30),
        ("dpm-solver-singlestep-sde", 30, 30),
        ("dpm-fast", 11, 30),
        ("res-multistep", 30, 30),
        ("res-multistep-ancestral", 30, 30),
        ("lms", 30, 30),
        ("unipc", 30, 30),
        ("exponential-adams-bashforth", 30, 30),
        ("deis", 30, 30),
        ("pndm", 30, 39),
        ("plms", 30, 31),
        ("ipndm", 30, 30),
        ("ipndm-v", 30, 30),
        ("gradient-estimation", 30, 30),
        ("adams-bashforth-moulton", 30, 60),
        ("ddpm-ancestral", 30, 30),
        ("euler-ancestral-rf", 30, 30),
        ("dpm-2-ancestral-rf", 30, 60),
        ("dpmpp-2s-ancestral-rf", 30, 60),
        ("lcm", 30, 30),
        ("tcd", 30, 30),
        ("sa-solver", 30, 30),
        ("sa-solver-pece", 30, 59),
        ("seeds-2", 30, 60),
        ("seeds-3", 30, 90),
        ("er-sde", 30, 30),
        ("pc", 30, 60),
        ("annealed-langevin", 30, 150),
        ("restart", 30, 120),
        ("midpoint", 30, 60),
        ("ralston", 30, 60),
        ("rk3", 30, 90),
        ("res-2s", 30, 60),
        ("res-3s", 30, 90),
        // The last two steps take one evaluation and two.
        ("heunpp2", 30, 87),
        ("edm-ablation", 30, 60),
        ("heun:final=euler", 30, 59),
        ("edm:s_churn=20,s_min=0.05,s_max=10,s_noise=1.007", 30, 60),
        ("stochastic heun", 30, 60),
        ("two-step with noise", 30, 30),
    ];
    assert_eq!(counts, expected.map(|(n, s, e)| (n.to_string(), s, e)));
}
