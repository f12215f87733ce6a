//! Networks with answers of their own per mode and level: the interpreter that runs them.

use super::*;
use gaussmeter::exact::{along_by, along_with};
use gaussmeter::network::Answer;

/// Any network on real vectors, one coordinate per mode, by its answers alone.
pub struct Answering<'a>(pub &'a Learnt);

impl Denoiser for Answering<'_> {
    fn dim(&self) -> usize {
        self.0.truth().len()
    }
    fn native(&self) -> Prediction {
        Prediction::Denoiser
    }
    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.predict(Prediction::Denoiser, x, level, out)
    }
    fn predict(
        &mut self,
        kind: Prediction,
        x: &[f64],
        level: &Level,
        out: &mut [f64],
    ) -> Result<(), DenoiserError> {
        let (at, dim) = (self.0.at(level), self.dim());
        for (i, (x, y)) in x.iter().zip(out).enumerate() {
            let [a, b] = at(i % dim).of(kind, level);
            *y = a * x + b;
        }
        Ok(())
    }
}

fn close(what: &str, a: &Output, b: &Output, data: &Spectrum) {
    assert_eq!(a.infinite, b.infinite, "{what}");
    let same = |what: &str, a: f64, b: f64| {
        assert!(a == b || (a - b).abs() < 1e-11 * (1.0 + a.abs().max(b.abs())), "{what}: {a} {b}");
    };
    for (i, mode) in data.modes().iter().enumerate() {
        same(what, a.gain[i], b.gain[i]);
        same(what, a.noise_variance[i], b.noise_variance[i]);
        same(what, a.constant[i], b.mean_gain[i] * mode.mean);
    }
}

/// A network guided with w = 1 answers as the class alone, which the kernel runs too: all samplers, on
/// processes with and without signal at their start.
#[test]
fn answers_of_one_gaussian_run_as_in_the_kernel() {
    let data = modes();
    let (guided, class) = (
        learnt("guided:w=1,class=power-law:d=7,alpha=1", &data),
        learnt("spectrum:power-law:d=7,alpha=1", &data),
    );
    assert!(!guided.is_exact());
    let mut count = 0;
    for name in ["vp-linear", "edm", "flow", "trig"] {
        let process = process(name);
        for sampler in sampler::registry().names_alone() {
            let eps = 1e-2 * process.t_max();
            let Ok(grid) = Uniform.grid(&process, 12, eps) else { continue };
            let Ok(plan) = sampler::registry().build(sampler).unwrap().item.plan(&grid) else {
                continue;
            };
            let what = format!("{name} {sampler}");
            let kernel = Output::by(&class, &plan).unwrap();
            close(&what, &Output::by(&guided, &plan).unwrap(), &kernel, class.believed());
            let states = along_by(&guided, &plan, |state| state).unwrap();
            let expected = along_with(&plan, class.believed(), |state| state);
            assert_eq!(states.len(), expected.len());
            for (k, (a, b)) in states.iter().zip(&expected).enumerate() {
                close(&format!("{what}, state {k}"), a, b, class.believed());
                assert_eq!(a.level, b.level);
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

/// Where no noise is left, null modes are infinite in the same rules.
#[test]
fn singular_predictions_are_infinite_here_too() {
    let data = Spectrum::new("", "", &[0.0, 0.5], None, None).unwrap();
    let guided = learnt("guided:w=1,class=spiked:d=2,rank=1", &data);
    let class = learnt("spectrum:spiked:d=2,rank=1", &data);
    let process = process("vp-linear");
    for sampler in ["euler", "heun", "rk4", "em", "heun:final=euler"] {
        let plan = plan(sampler, &process, 6, 0.0);
        let (ours, kernel) =
            (Output::by(&guided, &plan).unwrap(), Output::by(&class, &plan).unwrap());
        assert_eq!(ours.infinite, kernel.infinite, "{sampler}");
        assert_eq!(ours.gain.map_infinite(), kernel.gain.map_infinite(), "{sampler}");
        let along = along_by(&guided, &plan, |state| state.infinite).unwrap();
        assert_eq!(along, along_with(&plan, class.believed(), |state| state.infinite), "{sampler}");
    }
}

trait MapInfinite {
    fn map_infinite(&self) -> Vec<bool>;
}

impl MapInfinite for Vec<f64> {
    fn map_infinite(&self) -> Vec<bool> {
        self.iter().map(|v| v.is_infinite()).collect()
    }
}

/// All kinds of predictions of one answer belong together: x = αD + σε, and so on.
#[test]
fn predictions_of_an_answer_agree() {
    let data = modes();
    for (network, process) in [
        ("gain:delta=0.3", "vp-linear"),
        ("guided:w=4,class=power-law:d=7,alpha=1", "trig"),
        ("early-stopped:tau=0.3,q=0.2", "edm"),
        ("early-stopped:tau=0.3,q=0.2,layers=2", "flow"),
        ("gradient-descent:steps=5,rate=1.5", "vp-linear"),
    ] {
        let (network, process) = (learnt(network, &data), super::process(process));
        let level = process.level(0.3 * process.t_max());
        let at = network.at(&level);
        let x = 0.7;
        for i in 0..data.modes().len() {
            let answer: Answer = at(i);
            let y = |kind| {
                let [a, b] = answer.of(kind, &level);
                a * x + b
            };
            let (d, e) = (y(Prediction::Denoiser), y(Prediction::Noise));
            let (alpha, sigma) = (level.alpha, level.sigma);
            let sigma_prime = level.sigma_sigma_prime / sigma;
            let size = 1.0 + d.abs().max(e.abs()).max(sigma);
            for (what, off) in [
                ("x", alpha * d + sigma * e - x),
                ("score", y(Prediction::Score) + e / sigma),
                ("velocity", y(Prediction::Velocity) - (level.alpha_prime * d + sigma_prime * e)),
                ("v", y(Prediction::V) - (alpha * e - sigma * d)),
                ("flow", y(Prediction::Flow) - (e - d)),
            ] {
                assert!(off.abs() < 1e-11 * size * size, "{network:?} {i} {what}: {off}");
            }
        }
    }
}

/// The law is that of paths, within five standard errors.
#[test]
fn paths_of_answers_follow_the_law() {
    let data = Spectrum::new("", "", &[0.01, 0.3, 2.5], None, Some(&[1.0, 0.0, -2.0])).unwrap();
    let process = process("vp-linear");
    for (sampler, name) in [
        ("em", "guided:w=3,class=power-law:d=3,alpha=1,interval=0.2-2"),
        ("dpmpp-2m-sde", "early-stopped:tau=0.7,q=0.3"),
    ] {
        let (plan, network) = (plan(sampler, &process, 12, 1e-2), learnt(name, &data));
        let truth = network.target(&data).into_owned();
        let law = Output::by(&network, &plan).unwrap();
        let law = law.law_against(network.truth(), &Init::Exact, Target::Data);
        let start = Start::per_mode(&truth, &Init::Exact, plan.start());
        let count = 40_000;
        let draw = Draw { seed: 5, first: 0, count };
        let x = sample_batch(&plan, &mut Answering(&network), &start, draw, &mut go_on).unwrap();
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

/// Continuous solutions by quadrature against their moment equations in small steps.
#[test]
fn continuous_solutions_of_answers_solve_their_moment_equations() {
    let data = Spectrum::new("", "", &[0.0, 0.02, 1.0, 6.0], None, Some(&[0.5, 1.0, -2.0, 0.0]));
    let data = data.unwrap();
    for (name, eps) in [("vp-linear", 1e-2), ("edm", 0.05), ("ve", 0.05)] {
        let process = process(name);
        for network in [
            "guided:w=3,class=power-law:d=4,alpha=1",
            "guided:w=0.5,class=white:d=4",
            "early-stopped:tau=0.4,q=0.2",
            "early-stopped:tau=0.4,q=0.2,layers=2",
            "gradient-descent:steps=7,rate=0.6",
        ] {
            let network = learnt(network, &data);
            for reverse in [ODE, SDE, Reverse { noise: 0.5 }] {
                let law = continuous(reverse, &network, &*process, eps);
                for (i, out) in law.modes.iter().enumerate() {
                    let start = (0.0, process.prior_std().powi(2));
                    let score = |level: &Level| network.at(level)(i).score;
                    let (m, v) = integrated(reverse, &*process, score, start, eps, 4000);
                    let what = format!("{name} {network:?} h = {}, {i}", reverse.noise);
                    assert!(relative_error(out.variance, v) < 1e-7, "{what}: {} {v}", out.variance);
                    assert!(
                        (out.mean - m).abs() < 1e-7 * (1.0 + m.abs()),
                        "{what}: {} {m}",
                        out.mean
                    );
                    let level = process.level(eps);
                    let size = out.variance.max(out.target_variance);
                    let error = out.variance - level.variance(out.eigenvalue);
                    assert!((out.variance_error - error).abs() < 1e-11 * size, "{what}");
                    let error = out.mean - level.alpha * network.truth()[i].mean;
                    assert!((out.mean_error - error).abs() < 1e-11 * (1.0 + m.abs()), "{what}");
                }
            }
        }
    }
}

/// Quadrature where closed forms are known: one Gaussian, from processes with and without signal at their
/// start, to an end with and without noise.
#[test]
fn quadrature_has_the_digits_of_closed_forms() {
    let data = Spectrum::new("", "", &[0.0, 1e-6, 0.4, 30.0], None, Some(&[0.1, 1.0, -2.0, 0.0]));
    let data = data.unwrap();
    let (guided, class) = (
        learnt("guided:w=1,class=spiked:d=4,rank=2", &data),
        learnt("spectrum:spiked:d=4,rank=2", &data),
    );
    for name in ["vp-linear", "edm", "flow", "trig"] {
        let process = process(name);
        let start = process.level(process.t_max());
        for eps in [0.0, 1e-3 * process.t_max()] {
            let end = process.level(eps);
            for reverse in [ODE, SDE, Reverse { noise: 0.5 }] {
                for init in [Init::Exact, Init::Normal { std: None }] {
                    let of = |n: &Learnt| reverse.law_by(n, &start, &end, &init, Target::Marginal);
                    let ours = of(&guided);
                    // The class alone, whose truth is the class.
                    let target = guided.target(&data);
                    let theirs = reverse.law(&target, &start, &end, &init, Target::Marginal);
                    let what = format!("{name} to {eps}, h = {}, {init:?}", reverse.noise);
                    for (a, b) in ours.modes.iter().zip(&theirs.modes) {
                        let size = 1e-13 * b.variance.max(b.target_variance) + 1e-16;
                        assert!((a.variance - b.variance).abs() < size, "{what}: {a:?} {b:?}");
                        assert!(
                            (a.variance_error - b.variance_error).abs() < size,
                            "{what}: {a:?} {b:?}"
                        );
                        assert!((a.mean - b.mean).abs() < 1e-13, "{what}: {a:?} {b:?}");
                    }
                    assert_eq!(of(&class).modes.len(), 4);
                }
            }
        }
    }
}
