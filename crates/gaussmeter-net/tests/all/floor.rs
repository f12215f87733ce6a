//! The least loss.

use crate::common::{edm, eps, pictures};
use gaussmeter::network::{Denoiser, GaussianDenoiser, Prediction};
use gaussmeter_net::data::{SampleDraw, TrainingData};
use gaussmeter_net::parametrization::Kind;
use gaussmeter_net::questions::ask;

/// The loss of the exact network, on samples, is the floor in closed form within four standard errors.
#[test]
fn is_the_loss_of_the_exact_network() {
    let data = pictures();
    for parametrization in [edm(&data), eps(&data)] {
        for t in [0.02, 0.3, 0.9] {
            let count = 4000;
            let draw = SampleDraw { seed: 5, is_held_out: true, first: 0, count };
            let asked = ask(&data, &parametrization, draw, Some(t), 0.0);
            let level = parametrization.level(t);
            // The basis is that of the pixels.
            let basis = data.basis().expect("a Gaussian");
            let mut exact = vec![0.0; asked.noisy.len()];
            let kind = parametrization.prediction();
            let mut network = GaussianDenoiser::in_basis(basis);
            network.predict(kind, &asked.noisy, &level, &mut exact).expect("noise");
            if kind == Prediction::Denoiser {
                let at = parametrization.at(&level);
                let pairs = exact.iter_mut().zip(&asked.noisy);
                pairs.for_each(|(d, x)| *d = (*d - at.skip * x) / at.output);
            }
            let dim = basis.dim();
            let losses: Vec<f64> = exact
                .chunks(dim)
                .zip(asked.targets.chunks(dim))
                .map(|(f, t)| {
                    let squares = f.iter().zip(t).map(|(f, t)| (f - f64::from(*t)).powi(2));
                    squares.sum::<f64>() / dim as f64
                })
                .collect();
            let mean = losses.iter().sum::<f64>() / count as f64;
            let spread = losses.iter().map(|l| (l - mean).powi(2)).sum::<f64>();
            let error = (spread / (count * (count - 1)) as f64).sqrt();
            let floor = parametrization.floor(&level, basis.eigenvalues());
            let kind = parametrization.kind;
            assert!((mean - floor).abs() < 4.0 * error, "{kind:?}, {t}: {mean} ± {error}, {floor}");
            assert!((asked.floor - floor).abs() < 1e-12 * floor);
            assert!(kind != Kind::Eps || floor < 1.0, "noise is predicted better than by zero");
        }
    }
}
