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
use std::collections::BTreeMap;

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
    /// Half of its 95 % interval, by Student's t over the samples; infinite where only one is kept.
    #[serde(with = "unbounded")]
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
        let measured = means.iter().sum::<f64>() / count as f64;
        Ok(LevelResult {
            t,
            noise_ratio: level.noise_ratio(),
            floor: data.basis().map(|basis| parametrization.floor(&level, basis.eigenvalues())),
            measured,
            half_width: half_width(&means, &asked.stored),
        })
    };
    times.into_iter().enumerate().map(of).collect()
}

/// Half of the interval of a mean. Draws of the same stored sample are no independent ones: they count as one.
fn half_width(values: &[f64], stored: &[usize]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
    for (i, value) in values.iter().enumerate() {
        *sums.entry(stored.get(i).copied().unwrap_or(i)).or_default() += value - mean;
    }
    let count = sums.len() as f64;
    let spread = sums.values().map(|sum| sum * sum).sum::<f64>();
    match sums.len() {
        0 | 1 => f64::INFINITY,
        len => student(len - 1) * (spread * count / (count - 1.0)).sqrt() / n,
    }
}

/// Numbers that may be infinite, which JSON does not have.
mod unbounded {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}

/// The 97.5 % quantile of Student's t: for one and two degrees of freedom in closed form, beyond by the expansion
/// around the normal quantile z (Abramowitz & Stegun 26.7.5), to two thousandths.
fn student(freedom: usize) -> f64 {
    const P: f64 = 0.975;
    const Z: f64 = 1.959_963_984_540_054;
    let squared = Z * Z;
    // Coefficients of z, z³, z⁵, …, without their common divisor.
    let polynomial = |coefficients: &[f64], divisor: f64| {
        Z * coefficients.iter().rev().fold(0.0, |sum, c| sum * squared + c) / divisor
    };
    let terms = [
        polynomial(&[1.0, 1.0], 4.0),
        polynomial(&[3.0, 16.0, 5.0], 96.0),
        polynomial(&[-15.0, 17.0, 19.0, 3.0], 384.0),
        polynomial(&[-945.0, -1920.0, 1482.0, 776.0, 79.0], 92_160.0),
    ];
    match freedom {
        0 => f64::INFINITY,
        1 => (std::f64::consts::PI * (P - 0.5)).tan(),
        2 => (2.0 * P - 1.0) / (2.0 * P * (1.0 - P)).sqrt(),
        n => Z + terms.iter().rev().fold(0.0, |sum, term| (sum + term) / n as f64),
    }
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

#[cfg(test)]
mod tests {
    use super::{half_width, student};

    /// Values of a few stored samples, each drawn many times with noise of its own: the interval of the mean is that of
    /// means by sample.
    #[test]
    fn draws_of_one_sample_are_not_independent() {
        let own = [0.9, 1.3, 1.0, 0.7, 1.1];
        let stored: Vec<usize> = (0..100).map(|i| i % 5).collect();
        let values: Vec<f64> = stored.iter().map(|k| own[*k]).collect();
        let mean = own.iter().sum::<f64>() / 5.0;
        let spread = own.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 4.0;
        let expected = student(4) * (spread / 5.0).sqrt();
        assert!((half_width(&values, &stored) / expected - 1.0).abs() < 1e-12);
        // Fresh ones are.
        let spread = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 99.0;
        let expected = student(99) * (spread / 100.0).sqrt();
        assert!((half_width(&values, &[]) / expected - 1.0).abs() < 1e-12);
        assert_eq!(half_width(&[1.0, 2.0], &[7, 7]), f64::INFINITY);
    }

    /// The law of t, by Simpson's rule over its density, whose integral is one.
    fn within(t: f64, freedom: usize) -> f64 {
        let n = freedom as f64;
        // x = √n tan a has the density cosⁿ⁻¹ a.
        let area = |to: f64| {
            let count = 20_000;
            let step = to / f64::from(count);
            let at = |k: i32| (f64::from(k) * step).cos().powf(n - 1.0);
            let sum: f64 = (1..count).map(|k| f64::from(2 + 2 * (k % 2)) * at(k)).sum();
            (at(0) + sum + at(count)) * step / 3.0
        };
        area((t / n.sqrt()).atan()) / area(std::f64::consts::FRAC_PI_2)
    }

    #[test]
    fn ninety_five_percent_lie_within() {
        for freedom in [1, 2, 3, 4, 7, 15, 31, 127, 1000] {
            let share = within(student(freedom), freedom);
            assert!((share - 0.95).abs() < 2e-4, "{freedom}: {share}");
        }
        assert!((student(1) - 12.706).abs() < 1e-3 && (student(2) - 4.303).abs() < 1e-3);
    }
}
