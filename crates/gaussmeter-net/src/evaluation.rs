//! A network beside the exact one, on samples that are kept for that.

use crate::data::{SampleDraw, TrainingData};
use crate::error::NetError;
use crate::network::Network;
use crate::parametrization::{Kind, Parametrization};
use crate::questions::{Asked, ask};
use gaussmeter::basis::Basis;
use gaussmeter::level::Level;
use gaussmeter::network::{Denoiser, GaussianDenoiser, Prediction};
use serde::{Deserialize, Serialize};

/// A network at one noise level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelResult {
    /// The time of the process; of `edm`, σ.
    pub t: f64,
    /// Noise over signal, σ/α.
    pub noise_ratio: f64,
    /// The least expected loss, that of the exact network; none where that is not known.
    pub floor: Option<f64>,
    /// Mean square of F − F*, by which the expected loss is above the floor; without an exact network the mean
    /// loss.
    pub measured: f64,
    /// Half of its 95 % interval.
    pub half_width: f64,
}

impl LevelResult {
    /// Expected loss in units of the floor, and half of its interval.
    pub fn multiple(&self) -> Option<[f64; 2]> {
        let floor = self.floor.filter(|floor| *floor > 0.0)?;
        Some([1.0 + self.measured / floor, self.half_width / floor])
    }
}

/// Measures a network on `count` held-out samples per noise level.
///
/// # Errors
/// [`NetError::Denoiser`]
pub fn evaluate(
    data: &dyn TrainingData,
    network: &Network,
    seed: u64,
    count: usize,
) -> Result<Vec<LevelResult>, NetError> {
    let parametrization = &network.parametrization;
    let times = parametrization.law.representatives();
    let of = |(index, t): (usize, f64)| {
        let level = parametrization.level(t);
        let first = (index * count) as u64;
        let draw = SampleDraw { seed, is_held_out: true, first, count };
        let asked = ask(data, parametrization, draw, Some(t), 0.0);
        let found = network.output(&asked.question);
        let wanted = match data.basis() {
            Some(basis) => exact(basis, parametrization, &level, &asked)?,
            None => asked.targets.iter().map(|t| f64::from(*t)).collect(),
        };
        let square = |(f, w): (&f32, &f64)| (f64::from(*f) - w) * (f64::from(*f) - w);
        let dim = data.shape().len();
        let means: Vec<f64> = found
            .chunks_exact(dim)
            .zip(wanted.chunks_exact(dim))
            .map(|(f, w)| f.iter().zip(w).map(square).sum::<f64>() / dim as f64)
            .collect();
        let n = count as f64;
        let measured = means.iter().sum::<f64>() / n;
        let spread = means.iter().map(|m| (m - measured) * (m - measured)).sum::<f64>();
        Ok(LevelResult {
            t,
            noise_ratio: level.noise_ratio(),
            floor: data.basis().map(|basis| parametrization.floor(&level, basis.eigenvalues())),
            measured,
            half_width: 1.96 * (spread / (n - 1.0) / n).sqrt(),
        })
    };
    times.into_iter().enumerate().map(of).collect()
}

/// The output F* of the exact network.
fn exact(
    basis: &dyn Basis,
    parametrization: &Parametrization,
    level: &Level,
    asked: &Asked,
) -> Result<Vec<f64>, NetError> {
    let mut coordinates = vec![0.0; asked.noisy.len()];
    basis.analyze(&asked.noisy, &mut coordinates);
    let kind = match parametrization.kind {
        Kind::Eps => Prediction::Noise,
        Kind::Edm | Kind::X0 => Prediction::Denoiser,
    };
    let mut predicted = vec![0.0; coordinates.len()];
    GaussianDenoiser::in_basis(basis).predict(kind, &coordinates, level, &mut predicted)?;
    let mut wanted = vec![0.0; coordinates.len()];
    basis.synthesize(&predicted, &mut wanted);
    if parametrization.kind != Kind::Eps {
        let at = parametrization.at(level);
        wanted.iter_mut().zip(&asked.noisy).for_each(|(d, x)| *d = (*d - at.skip * x) / at.output);
    }
    Ok(wanted)
}
