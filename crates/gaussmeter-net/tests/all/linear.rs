//! A linear network has a closed form: where it converges to, and how it gets there.

use crate::common::{diagonal, linear, steps, trainer, x0};
use gaussmeter_net::{Decay, Optimiser, Options};

const VARIANCES: [f64; 8] = [4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.02, 0.0];

/// The diagonal of the matrix of level `k`, and the largest entry beside it.
fn matrix(weights: &[f32], k: usize) -> (Vec<f64>, f64) {
    let d = VARIANCES.len();
    let own = &weights[k * (d * d + d)..][..d * d];
    let diagonal = (0..d).map(|i| f64::from(own[i * d + i])).collect();
    let beside = (0..d * d).filter(|at| at / d != at % d);
    (diagonal, beside.map(|at| f64::from(own[at].abs())).fold(0.0, f64::max))
}

/// W* = Λ/(Λ + σ²) and b* = (1 − W*) μ. With steps that fall to zero the error is that of averaging over the last
/// steps, a few thousandths.
#[test]
fn converges_to_the_best_linear_denoiser() {
    let means = [0.5, 0.0, -0.3, 0.0, 0.2, 0.0, 0.0, 0.1];
    let data = diagonal([1, 1, 8], &VARIANCES, &means);
    let sigmas = [0.3, 1.0];
    let options = Options {
        batch: 256,
        steps: 3000,
        rate: 2e-2,
        clip: f64::INFINITY,
        average: 0.99,
        ..Options::default()
    };
    let mut trainer = trainer(&data, linear(&sigmas), x0(&data, &sigmas), options);
    steps(&mut trainer, 3000);
    let network = trainer.network("").expect("its own weights");
    for (k, sigma) in sigmas.iter().enumerate() {
        let (found, beside) = matrix(network.weights(), k);
        assert!(beside < 0.02, "σ = {sigma}: {beside} beside the diagonal");
        for ((w, lambda), at) in found.iter().zip(VARIANCES).zip(0..) {
            let best = lambda / (lambda + sigma * sigma);
            assert!((w - best).abs() < 0.02, "σ = {sigma}, λ = {lambda}: {w} instead of {best}");
            let bias = f64::from(network.weights()[k * 72 + 64 + at]);
            let expected = (1.0 - best) * means[at];
            assert!((bias - expected).abs() < 0.02, "bias {at}: {bias} instead of {expected}");
        }
    }
    let levels = trainer.measure().expect("a measurement");
    for level in levels {
        let [multiple, _] = level.multiple().expect("a floor");
        assert!((1.0..1.01).contains(&multiple), "σ = {}: {multiple} x floor", level.t);
    }
}

/// Plain descent at one rate, without an average.
fn descent(batch: usize, steps: u64, rate: f64) -> Options {
    Options {
        batch,
        steps,
        rate,
        warm_up: 0,
        decay: Decay::None,
        average: 0.0,
        clip: f64::INFINITY,
        optimiser: Optimiser::Sgd,
        ..Options::default()
    }
}

/// Of several levels each has its part of the samples, and learns at that part of the rate.
#[test]
fn levels_share_the_rate() {
    let data = diagonal([1, 1, 8], &VARIANCES, &[0.0; 8]);
    let sigmas = [0.1, 0.5, 2.0];
    let (rate, count) = (0.02, 600);
    let options = descent(1024, count, rate);
    let mut trainer = trainer(&data, linear(&sigmas), x0(&data, &sigmas), options);
    steps(&mut trainer, count);
    let (found, _) = matrix(trainer.weights(), 1);
    let time = rate * count as f64 / 8.0 / 3.0;
    for (w, lambda) in found.iter().zip(VARIANCES) {
        let total = lambda + 0.25;
        let law = lambda / total * -(-2.0 * time * total).exp_m1();
        assert!((w - law).abs() < 0.02, "λ = {lambda}: {w} instead of {law}");
    }
}

/// Plain descent on the mean square per value moves every weight towards W* as e^{−2ητ(σ² + λ)} (Wang & Pehlevan,
/// arXiv 2503.03206), with ητ the sum of all rates divided by d: stopped early, small eigenvalues are not learnt
/// where λ + σ² is small.
#[test]
fn stopped_early_it_follows_the_law_of_gradient_flow() {
    let data = diagonal([1, 1, 8], &VARIANCES, &[0.0; 8]);
    let sigma = 0.4;
    let (rate, count) = (0.02, 400);
    let options = descent(2048, count, rate);
    let mut trainer = trainer(&data, linear(&[sigma]), x0(&data, &[sigma]), options);
    for done in [100, 400] {
        let left = done - trainer.steps();
        steps(&mut trainer, left);
        let (found, beside) = matrix(trainer.weights(), 0);
        assert!(beside < 0.02, "{beside} beside the diagonal");
        let time = rate * done as f64 / 8.0;
        for (w, lambda) in found.iter().zip(VARIANCES) {
            let total = lambda + sigma * sigma;
            let law = lambda / total * -(-2.0 * time * total).exp_m1();
            assert!((w - law).abs() < 0.01, "{done} steps, λ = {lambda}: {w} instead of {law}");
        }
    }
}
