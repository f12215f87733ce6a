use crate::basis::Basis;
use crate::level::Level;
use crate::network::linear::Belief;
use crate::network::{Answer, Answers, AtLevel, LinearNetwork, NetworkError};
use crate::spectrum::{Mode, Spectrum};
use std::sync::Arc;

/// Constant and linear errors of one level: per group, per coordinate.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    pub means: Vec<Vec<f64>>,
    pub gains: Vec<Vec<f64>>,
}

/// The affine part of a network's error along every eigenvector, as it was measured.
///
/// Along an eigenvector D̂ = D + b + g (x/α − μ). Between levels, relative errors of the score are linear
/// in ln(σ/α): with V = α²λ + σ², g = −δσ²/V and b = βσ²/V, so that
///
/// score error = −δ (x − αμ)/V + αβ/V,
///
/// and δ and β are constant beyond the highest and the lowest level.
#[derive(Clone, Debug)]
pub struct Measured {
    modes: Arc<[Mode]>,
    /// Noise ratios, increasing.
    sigmas: Vec<f64>,
    groups: Vec<Affine>,
    errors: Arc<[Vec<[f64; 2]>]>,
}

impl Measured {
    /// From errors of the levels `sigmas`, which decrease.
    pub(super) fn new(basis: &dyn Basis, sigmas: &[f64], mut groups: Vec<Affine>) -> Self {
        let each = basis.eigenvalues().iter().zip(basis.means());
        let mode = |(&eigenvalue, &mean)| Mode { eigenvalue, multiplicity: 1.0, mean };
        let mut sigmas = sigmas[..groups.len()].to_vec();
        sigmas.reverse();
        groups.reverse();
        let modes = each.map(mode).collect();
        let measured = Measured { modes, sigmas, groups, errors: Arc::new([]) };
        measured.without(None)
    }

    /// The same from all groups, or from all but one.
    pub(super) fn without(&self, group: Option<usize>) -> Self {
        let errors = self.sigmas.iter().zip(&self.groups).map(|(sigma, level)| {
            let mean = |all: &[Vec<f64>], j: usize| {
                let kept = all.iter().enumerate().filter(|(g, _)| Some(*g) != group);
                let (count, sum) = kept.fold((0.0, 0.0), |(n, s), (_, v)| (n + 1.0, s + v[j]));
                sum / count
            };
            let of = |(j, mode): (usize, &Mode)| {
                let relative = (mode.eigenvalue + sigma * sigma) / (sigma * sigma);
                [-relative * mean(&level.gains, j), relative * mean(&level.means, j)]
            };
            self.modes.iter().enumerate().map(of).collect::<Vec<[f64; 2]>>()
        });
        Measured { errors: errors.collect(), ..self.clone() }
    }
}

impl LinearNetwork for Measured {
    fn beliefs(&self, _: &Spectrum) -> Result<Vec<Belief>, NetworkError> {
        Ok(self.modes.iter().map(|&mode| Belief { truth: mode, believed: mode }).collect())
    }

    fn answers(
        &self,
        _: &Spectrum,
        _: &[Belief],
    ) -> Result<Option<Arc<dyn Answers>>, NetworkError> {
        Ok(Some(Arc::new(Scaled { measured: Arc::new(self.clone()), factor: 1.0 })))
    }
}

/// Its answers had all variances been this many times what they are: the same relative errors where the
/// noise is as large beside them.
#[derive(Clone, Debug)]
struct Scaled {
    measured: Arc<Measured>,
    factor: f64,
}

impl Answers for Scaled {
    fn at(&self, level: &Level) -> AtLevel<'_> {
        let (level, factor) = (*level, self.factor);
        let Measured { sigmas, errors, modes, .. } = &*self.measured;
        let ratio = level.noise_ratio() / factor.sqrt();
        let above = sigmas.partition_point(|s| *s < ratio).min(sigmas.len() - 1);
        let below = above.saturating_sub(usize::from(sigmas[above] > ratio));
        let share = match above == below {
            true => 0.0,
            false => (ratio / sigmas[below]).ln() / (sigmas[above] / sigmas[below]).ln(),
        };
        Box::new(move |j| {
            let mode = Mode {
                eigenvalue: factor * modes[j].eigenvalue,
                mean: factor.sqrt() * modes[j].mean,
                ..modes[j]
            };
            let exact = Answer::exact(&mode, &level);
            let variance = level.variance(mode.eigenvalue);
            if variance == 0.0 {
                return exact;
            }
            let (a, b) = (errors[below][j], errors[above][j]);
            let [delta, beta] = [0, 1].map(|k| a[k] + share * (b[k] - a[k]));
            let shift = (factor.sqrt() * beta + delta * mode.mean) / variance;
            let sigma2 = level.sigma * level.sigma;
            let [slope, constant] = exact.score;
            let [weight, rest] = exact.denoiser;
            Answer {
                score: [slope - delta / variance, constant + level.alpha * shift],
                denoiser: [
                    weight - delta * sigma2 / (level.alpha * variance),
                    rest + sigma2 * shift,
                ],
            }
        })
    }

    fn breaks(&self) -> Vec<f64> {
        self.measured.sigmas.iter().map(|s| self.factor.sqrt() * s).collect()
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Answers> {
        Arc::new(Scaled { factor: self.factor * factor, ..self.clone() })
    }
}
