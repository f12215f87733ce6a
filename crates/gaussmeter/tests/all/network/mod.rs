//! Networks that are not the data: what they make of samplers and of continuous solutions.

mod answers;
mod by_level;
mod guided;
mod trained;
mod training_set;

use gaussmeter::entry::EntryError;
use gaussmeter::exact::Law;
use gaussmeter::exact::continuous::{ODE, Reverse, SDE};
use gaussmeter::experiment::{Defaults, Evaluation, ExperimentError, Length, Warning, Words};
use gaussmeter::network::linear::registry;
use gaussmeter::network::{
    Denoiser, DenoiserError, GaussianDenoiser, Learnt, Network, NetworkError, Prediction,
};
use gaussmeter::paths::{Draw, Start, go_on, sample_batch};
use gaussmeter::prelude::*;
use gaussmeter::report::Report;
use gaussmeter::tape::{Plan, Tape};
use gaussmeter::watch::Watch;
use gaussmeter::{data, process, sampler};
use gaussmeter_testkit::{relative_error, shared};
use std::sync::Arc;

fn modes() -> Spectrum {
    let lambda = [0.0, 1e-4, 0.01, 0.3, 1.0, 2.5, 40.0];
    let mu = [0.5, -0.25, 1.0, -2.0, 0.125, 3.0, -1.0];
    Spectrum::new("seven modes", "", &lambda, None, Some(&mu)).unwrap()
}

fn learnt(network: &str, data: &Spectrum) -> Learnt {
    Learnt::of(&*Network::read(network).unwrap().item, data).unwrap()
}

fn process(name: &str) -> Arc<dyn Process> {
    process::registry().build(name).unwrap().item.into()
}

fn plan(sampler: &str, process: &Arc<dyn Process>, steps: usize, eps: f64) -> Plan {
    let sampler = sampler::registry().build(sampler).unwrap().item;
    sampler.plan(&Uniform.grid(process, steps, eps).unwrap()).unwrap()
}

fn evaluate(spectrum: &str, sampler: &str, network: &str, length: Length) -> Evaluation {
    let words = Words {
        samplers: vec![sampler.into()],
        lengths: vec![length],
        network: Some(network.into()),
        ..Words::default()
    };
    words
        .read(&Defaults::EVAL)
        .unwrap()
        .evaluate(data::load(spectrum).unwrap(), Watch::NOBODY)
        .unwrap()
}

/// The setting of the paper: 1000 equally spaced points from 1 to 1e-3, start from N(0, I).
fn w2(spectrum: &str, sampler: &str, network: &str) -> f64 {
    evaluate(spectrum, sampler, network, Length::Points(1000)).w2.total
}

/// Why Heun fails with networks where Euler–Maruyama does not (the paper's section 5), on the texture.
#[test]
fn a_small_score_ruins_heun_and_not_em_on_the_texture() {
    let Some(shared) = shared() else { return };
    let path = shared.join("data/spectra/adsn-fabric-icml2025.npy");
    for (sampler, network, expected) in [
        ("heun", "exact", 3.73),
        ("heun", "gain:delta=-0.05", 15.1),
        ("heun", "gain:delta=-0.1", 33.8),
        ("em", "exact", 5.16),
        ("em", "gain:delta=-0.05", 5.87),
        ("em", "gain:delta=-0.1", 7.6),
    ] {
        let w2 = w2(path.to_str().unwrap(), sampler, network);
        assert!(relative_error(w2, expected) < 5e-3, "{sampler} {network}: {w2}, not {expected}");
    }
}

#[test]
fn one_percent_on_cifar10() {
    for spectrum in ["cifar10", "cifar10-icml2025"] {
        for (sampler, expected) in [("heun", 1.05), ("em", 0.40)] {
            let w2 = w2(spectrum, sampler, "gain:delta=0.01");
            assert!((w2 - expected).abs() < 5e-3, "{spectrum} {sampler}: {w2}, not {expected}");
        }
    }
}

/// Networks that are exact after all leave every number as it is, to the last bit.
#[test]
fn networks_without_error_change_nothing() {
    let data = modes();
    let process = process("vp-linear");
    let names = ["exact", "gain:delta=0", "perturbed:delta=0", "shrunk:rho=0"];
    for sampler in sampler::registry().names_alone() {
        let plan = plan(sampler, &process, 20, 1e-3);
        for name in names {
            let network = learnt(name, &data);
            let output = Output::by(&network, &plan).unwrap();
            assert_eq!(output, Output::of(&plan, &data), "{sampler} {name}");
            let law = output.law_against(network.truth(), &Init::Exact, Target::Data);
            assert_eq!(law, Output::of(&plan, &data).law(&Init::Exact, Target::Data));
        }
    }
    let preset = data::load("cifar10").unwrap();
    assert!(learnt("spectrum:cifar10", &preset).is_exact());
    let [own, other] = ["exact", "spectrum:cifar10"]
        .map(|network| evaluate("cifar10", "heun", network, Length::Nfe(20)));
    assert_eq!((own.w2, own.law), (other.w2, other.law));
    assert_eq!(own.budget.score, None);
    assert_eq!(other.budget.score.unwrap().value, 0.0);
}

/// The exact network with its score times a factor, whatever it is asked for.
struct Scaled {
    exact: GaussianDenoiser,
    factor: f64,
}

impl Denoiser for Scaled {
    fn dim(&self) -> usize {
        self.exact.dim()
    }
    fn native(&self) -> Prediction {
        Prediction::Score
    }
    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.exact.predict(Prediction::Score, x, level, out)?;
        out.iter_mut().for_each(|y| *y *= self.factor);
        Ok(())
    }
}

/// A program with the factor in it is the program run with a network that has the factor, number by
/// number: the same start, the same noises.
fn same_as_scaled(what: &str, plan: &Plan, data: &Spectrum, delta: f64) {
    let network = learnt(&format!("gain:delta={delta}"), data);
    let start = Start::per_mode(data, &Init::Normal { std: Some(1.0) }, plan.start());
    let exact = GaussianDenoiser::per_mode(data);
    let run = |plan: &Plan, denoiser: &mut dyn Denoiser| {
        let draw = Draw { seed: 3, first: 0, count: 4 };
        sample_batch(plan, denoiser, &start, draw, &mut go_on).unwrap()
    };
    let ours = run(&network.program(plan).unwrap(), &mut exact.clone());
    let theirs = run(plan, &mut Scaled { exact, factor: 1.0 + delta });
    let size = theirs.iter().fold(1.0f64, |size, x| size.max(x.abs()));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-9 * size, "{what}: {a} {b}");
    }
}

#[test]
fn a_factor_on_the_score_is_what_a_network_with_it_does() {
    let data = modes();
    for name in ["vp-linear", "edm", "trig"] {
        let process = process(name);
        for sampler in ["em", "heun", "ddim", "dpmpp-2m-sde", "unipc", "deis", "edm", "pndm"] {
            // trig has no signal at its end, where a score that is off has no D.
            if name != "trig" {
                let plan = plan(sampler, &process, 12, 1e-2 * process.t_max());
                same_as_scaled(&format!("{name} {sampler}"), &plan, &data, -0.04);
            }
        }
        for kind in Prediction::ALL {
            let at = process.level(0.4 * process.t_max());
            let (tape, x) = Tape::new();
            let y = tape.predict(kind, x, &at);
            let end = tape.arrive(&at, 0.3 * x + 0.7 * y);
            let plan = tape.finish(at, end).unwrap();
            same_as_scaled(&format!("{name} {kind:?}"), &plan, &data, 0.2);
            let changed = learnt("gain:delta=0.2", &data).program(&plan).unwrap().into_owned();
            assert_eq!((changed.nfe(), changed.steps()), (plan.nfe(), plan.steps()));
        }
    }
}

/// The law is that of paths, within five standard errors: data, start and network all differ.
#[test]
fn paths_with_such_networks_follow_the_law() {
    let data = Spectrum::new("", "", &[0.01, 0.3, 2.5], None, Some(&[1.0, 0.0, -2.0])).unwrap();
    let process = process("vp-linear");
    for (sampler, name) in [("em", "gain:delta=0.1"), ("dpmpp-2m", "shrunk:rho=0.3")] {
        let (plan, network) = (plan(sampler, &process, 16, 1e-2), learnt(name, &data));
        let output = Output::by(&network, &plan).unwrap();
        let law = output.law_against(network.truth(), &Init::Exact, Target::Data);
        let start = Start::per_mode(&data, &Init::Exact, plan.start());
        let mut denoiser = Scaled {
            exact: GaussianDenoiser::per_mode(network.believed()),
            factor: 1.0 + network.excess().at(&plan.end()),
        };
        let count = 40_000;
        let draw = Draw { seed: 5, first: 0, count };
        let x = sample_batch(&plan, &mut denoiser, &start, draw, &mut go_on).unwrap();
        let n = count as f64;
        for (i, mode) in law.modes.iter().enumerate() {
            let values = || x.iter().skip(i).step_by(law.modes.len());
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let off = (mean - mode.mean) / (mode.variance / n).sqrt();
            assert!(off.abs() < 5.0, "{sampler} {name} {i}: mean {mean}, not {}", mode.mean);
            let off = (variance / mode.variance - 1.0) / (2.0 / n).sqrt();
            assert!(off.abs() < 5.0, "{sampler} {name} {i}: {variance}, not {}", mode.variance);
        }
    }
}

/// Mean and variance of the reverse process by the classical Runge–Kutta rule, in steps that shrink
/// towards t = 0: dy = [f y − ½(1 + h²) g² ŝ(y)] dt + h g dw, with ŝ(y) = a y + b of a level.
fn integrated(
    reverse: Reverse,
    process: &dyn Process,
    score: impl Fn(&Level) -> [f64; 2],
    (mut m, mut v): (f64, f64),
    eps: f64,
    steps: usize,
) -> (f64, f64) {
    let h2 = reverse.noise * reverse.noise;
    let slope = |t: f64, (m, v): (f64, f64)| {
        let level = process.level(t);
        let g2 = level.diffusion2();
        let [a, b] = score(&level).map(|s| -0.5 * (1.0 + h2) * g2 * s);
        let mean = level.drift() * m + a * m + b;
        (mean, 2.0 * (level.drift() + a) * v - h2 * g2)
    };
    let ratio = eps / process.t_max();
    let time = |k: usize| process.t_max() * ratio.powf(k as f64 / steps as f64);
    for k in 0..steps {
        let (t, dt) = (time(k), time(k + 1) - time(k));
        let ahead = |by: f64, (a, b): (f64, f64)| (m + by * a, v + by * b);
        let k1 = slope(t, (m, v));
        let k2 = slope(t + 0.5 * dt, ahead(0.5 * dt, k1));
        let k3 = slope(t + 0.5 * dt, ahead(0.5 * dt, k2));
        let k4 = slope(t + dt, ahead(dt, k3));
        m += dt / 6.0 * (k1.0 + 2.0 * k2.0 + 2.0 * k3.0 + k4.0);
        v += dt / 6.0 * (k1.1 + 2.0 * k2.1 + 2.0 * k3.1 + k4.1);
    }
    (m, v)
}

fn continuous(reverse: Reverse, network: &Learnt, process: &dyn Process, eps: f64) -> Law {
    let (start, end) = (process.level(process.t_max()), process.level(eps));
    reverse.law_by(network, &start, &end, &Init::Normal { std: None }, Target::Marginal)
}

#[test]
fn continuous_solutions_solve_their_moment_equations() {
    let data = Spectrum::new("", "", &[0.0, 0.02, 1.0, 6.0], None, Some(&[0.5, 1.0, -2.0, 0.0]));
    let data = data.unwrap();
    let reverses = [ODE, SDE, Reverse { noise: 0.5 }];
    for (name, eps) in [("vp-linear", 1e-2), ("edm", 0.05), ("ve", 0.05)] {
        let process = process(name);
        for network in
            ["gain:delta=-0.2", "gain:delta=0.3", "perturbed:delta=0.5", "shrunk:rho=0.2"]
        {
            let network = learnt(network, &data);
            for reverse in reverses {
                let law = continuous(reverse, &network, &*process, eps);
                for (i, out) in law.modes.iter().enumerate() {
                    let (truth, known) = (network.truth()[i], network.believed().modes()[i]);
                    let factor = 1.0 + network.excess().at(&process.level(eps));
                    let score = |level: &Level| {
                        let slope = -factor / level.variance(known.eigenvalue);
                        [slope, -slope * level.alpha * known.mean]
                    };
                    let start = (0.0, process.prior_std().powi(2));
                    let (m, v) = integrated(reverse, &*process, score, start, eps, 4000);
                    let what = format!("{name} {network:?} h = {}, {i}", reverse.noise);
                    assert!(relative_error(out.variance, v) < 1e-7, "{what}: {} {v}", out.variance);
                    assert!((out.mean - m).abs() < 1e-7, "{what}: {} {m}", out.mean);
                    let level = process.level(eps);
                    let size = out.variance.max(out.target_variance);
                    let error = out.variance - level.variance(truth.eigenvalue);
                    assert!((out.variance_error - error).abs() < 1e-11 * size, "{what}");
                    let error = out.mean - level.alpha * truth.mean;
                    assert!((out.mean_error - error).abs() < 1e-11, "{what}");
                }
            }
        }
    }
}

/// For the ODE from p_T the variance is (ŝ_t/ŝ_T) s_T, and times (u_t/u_T)^δ with a factor on the score,
/// u = λ + σ²/α²; small errors have small effects, without cancellation.
#[test]
fn closed_forms_of_the_ode() {
    let data = Spectrum::new("", "", &[1e-6, 0.4, 3.0], None, None).unwrap();
    let process = process("vp-linear");
    let (start, end) = (process.level(1.0), process.level(1e-3));
    let from_p_t =
        |name: &str| ODE.law_by(&learnt(name, &data), &start, &end, &Init::Exact, Target::Marginal);
    let network = learnt("perturbed:delta=0.3,seed=4", &data);
    for (i, out) in from_p_t("perturbed:delta=0.3,seed=4").modes.iter().enumerate() {
        let (l, b) = (network.truth()[i].eigenvalue, network.believed().eigenvalues()[i]);
        let expected = end.variance(b) / start.variance(b) * start.variance(l);
        assert!(relative_error(out.variance, expected) < 1e-13);
    }
    let u = |level: &Level, l: f64| l + (level.sigma / level.alpha).powi(2);
    for out in from_p_t("gain:delta=-0.05").modes {
        let l = out.eigenvalue;
        let expected = end.variance(l) * (u(&end, l) / u(&start, l)).powf(-0.05);
        assert!(relative_error(out.variance, expected) < 1e-12);
    }
    for out in from_p_t("gain:delta=1e-12").modes {
        let l = out.eigenvalue;
        let expected = 1e-12 * end.variance(l) * (u(&end, l) / u(&start, l)).ln();
        assert!(relative_error(out.variance_error, expected) < 1e-9);
    }
}

/// Samplers converge to the continuous solution with their network's score, not to the exact one.
#[test]
fn small_steps_lead_to_the_continuous_solution() {
    let data = Spectrum::new("", "", &[0.05, 1.0, 4.0], None, Some(&[1.0, 0.0, 2.0])).unwrap();
    let process = process("vp-linear");
    for network in ["gain:delta=-0.1", "perturbed:delta=0.4"] {
        let network = learnt(network, &data);
        for (sampler, reverse, tolerance) in [("heun", ODE, 1e-4), ("em", SDE, 1e-2)] {
            let output = Output::by(&network, &plan(sampler, &process, 4000, 1e-2)).unwrap();
            let init = Init::Normal { std: None };
            let law = output.law_against(network.truth(), &init, Target::Marginal);
            let limit = continuous(reverse, &network, &*process, 1e-2);
            for (a, b) in law.modes.iter().zip(&limit.modes) {
                assert!(relative_error(a.variance, b.variance) < tolerance, "{sampler}");
                assert!((a.mean - b.mean).abs() < tolerance, "{sampler}: {} {}", a.mean, b.mean);
            }
        }
    }
}

#[test]
fn the_budget_has_the_network_alone() {
    let evaluation = evaluate("cifar10", "heun", "gain:delta=0.01", Length::Points(1000));
    let score = evaluation.budget.score.unwrap().value;
    assert!((score - 1.0112).abs() < 1e-4, "{score}");
    let document = evaluation.report(false).json();
    assert_eq!(document["network"], "gain:delta=0.01");
    assert_eq!(document["budget"]["score"], score);
    let exact = evaluate("cifar10", "heun", "exact", Length::Points(1000));
    assert_eq!(exact.budget.score, None);
    let document = exact.report(false).json();
    assert!(document.get("network").is_none() && document["budget"].get("score").is_none());
    // Each source alone is of the exact network, but for its own.
    assert_eq!(exact.budget.initialization, evaluation.budget.initialization);
    assert_eq!(exact.budget.truncation, evaluation.budget.truncation);
    assert_eq!(exact.budget.discretization, evaluation.budget.discretization);
    // Too small a score leaves too much variance, and the steps of Euler too little.
    let lucky = evaluate("cifar10", "euler", "gain:delta=-0.02", Length::Nfe(200));
    let is_score =
        |w: &Warning| matches!(w, Warning::BelowComponent { component: "score approximation", .. });
    assert!(lucky.warnings.iter().any(is_score), "{:?} {:?}", lucky.w2, lucky.budget);
}

#[test]
fn perturbations_depend_on_seed_and_mode_alone() {
    let data = data::load("cifar10").unwrap();
    let [a, again, other] =
        ["perturbed:delta=0.1", "perturbed:delta=0.1,seed=0", "perturbed:delta=0.1,seed=1"]
            .map(|name| learnt(name, &data));
    assert_eq!(a.believed(), again.believed());
    let z = |network: &Learnt| -> Vec<f64> {
        let pairs = network.truth().iter().zip(network.believed().modes());
        pairs.map(|(t, b)| (b.eigenvalue / t.eigenvalue).ln() / 0.1).collect()
    };
    let (z, w) = (z(&a), z(&other));
    assert!(z.iter().zip(&w).all(|(a, b)| a != b));
    let n = z.len() as f64;
    let (mean, square) = (z.iter().sum::<f64>() / n, z.iter().map(|z| z * z).sum::<f64>() / n);
    assert!(mean.abs() < 4.0 / n.sqrt() && (square - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
    // Fewer modes leave the z of the others as they are.
    let first = Spectrum::new("", "", &data.eigenvalues()[..9], None, None).unwrap();
    let of_first = learnt("perturbed:delta=0.1", &first);
    assert_eq!(of_first.believed().eigenvalues(), &a.believed().eigenvalues()[..9]);
    assert_eq!(learnt("perturbed:delta=0.1", &modes()).believed().eigenvalues()[0], 0.0);
}

/// Eigenvalues of other data go by rank, through multiplicities of both.
#[test]
fn eigenvalues_of_other_data_go_by_rank() {
    let (lambda, weights) = ([0.0, 2.0, 5.0], [2.0, 3.0, 1.0]);
    let own = Spectrum::new("own", "", &lambda, Some(&weights), Some(&[0.0, 1.0, 3.0])).unwrap();
    let network = learnt("spectrum:power-law:d=6,alpha=1", &own);
    let other = data::load("power-law:d=6,alpha=1").unwrap();
    assert_eq!(network.believed().eigenvalues(), other.eigenvalues());
    let truth: Vec<_> = network.truth().iter().map(|m| (m.eigenvalue, m.mean)).collect();
    assert_eq!(truth, [(0.0, 0.0), (0.0, 0.0), (2.0, 1.0), (2.0, 1.0), (2.0, 1.0), (5.0, 3.0)]);
    assert!(network.truth().iter().all(|m| m.multiplicity == 1.0));
    // The other way round: two data modes within one of the network's.
    let white = learnt("spectrum:white:d=6", &own);
    assert_eq!(white.truth(), own.modes());
    assert_eq!(white.believed().eigenvalues(), [1.0; 3]);

    let item = Network::read("spectrum:white:d=7").unwrap().item;
    let error = Learnt::of(&*item, &own).unwrap_err();
    assert!(matches!(error, NetworkError::Dimension { learnt: 7.0, data: 6.0, .. }), "{error}");
    assert!(error.to_string().contains("7 eigenvectors"), "{error}");
}

#[test]
fn shrinkage_keeps_the_trace() {
    let data = modes();
    for rho in ["0.1", "1"] {
        let network = learnt(&format!("shrunk:rho={rho}"), &data);
        assert!(relative_error(network.believed().trace(), data.trace()) < 1e-14);
    }
    let white = learnt("shrunk:rho=1", &data);
    assert!(white.believed().eigenvalues().iter().all(|l| *l == data.trace() / data.dim()));
}

#[test]
fn what_cannot_be_is_refused_in_one_line() {
    for text in ["gain:delta=-1", "gain:delta=nan", "perturbed:delta=-1", "shrunk:rho=2"] {
        assert!(Network::read(text).is_err(), "{text}");
    }
    assert!(matches!(Network::read("spectrum:nowhere.npy"), Err(EntryError::Build { .. })));
    assert!(matches!(Network::read("gian:delta=0"), Err(EntryError::UnknownName { .. })));
    assert_eq!(registry().names()[0], "exact");

    // Where no signal is left, D is not determined by a score that is off.
    let words = Words {
        processes: vec!["flow".into()],
        samplers: vec!["euler".into()],
        network: Some("gain:delta=0.1".into()),
        ..Words::default()
    };
    let question = words.read(&Defaults::EVAL).unwrap();
    let error = question.evaluate(data::load("white:d=2").unwrap(), Watch::NOBODY).unwrap_err();
    let no_signal =
        ExperimentError::Network(NetworkError::NoSignal { kind: Prediction::Velocity, t: 1.0 });
    assert_eq!(error, no_signal);

    // A start given mode by mode, and a network that splits modes.
    let words =
        Words { network: Some("spectrum:power-law:d=2,alpha=1".into()), ..Words::default() };
    let setting = words.read(&Defaults::RANK).unwrap().setting(data::load("white:d=2").unwrap());
    let given = Init::Diagonal { mean: vec![0.0], variance: vec![1.0] };
    let error = setting.learnt(&given).unwrap_err();
    assert_eq!(error, ExperimentError::Network(NetworkError::Init { given: 1, modes: 2 }));
}
