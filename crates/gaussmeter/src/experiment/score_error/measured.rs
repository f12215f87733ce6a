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
/// Along an eigenvector D̂ = D + b + g (x/α − μ). Between levels, relative errors of the score are cubic
/// in ln(σ/α) (Hermite's, with slopes of three points): with V = α²λ + σ², g = −δσ²/V and b = βσ²/V, so that
///
/// score error = −δ (x − αμ)/V + αβ/V,
///
/// and δ and β are constant below the lowest level. Above the highest one the error of D is, as a function of
/// (x − αμ)/√V, what it is there: denoisers have an error where there is nothing but noise, and it is finite.
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

    /// The same from every other level, to see what lies between levels (see [`coarse_levels`]).
    pub(super) fn coarse(&self) -> Vec<Self> {
        let of = |kept: Vec<usize>| {
            let sigmas = kept.iter().map(|k| self.sigmas[*k]).collect();
            let errors = kept.iter().map(|k| self.errors[*k].clone()).collect();
            Measured { modes: self.modes.clone(), sigmas, groups: Vec::new(), errors }
        };
        coarse_levels(self.sigmas.len()).into_iter().map(of).collect()
    }

    /// The data along every eigenvector of the basis.
    pub(super) fn modes(&self) -> Arc<[Mode]> {
        self.modes.clone()
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

/// Every other of some levels, with both ends: one list or two, so that each interval between two levels is bridged
/// by one of them. Of two levels or one there is none.
pub(super) fn coarse_levels(count: usize) -> Vec<Vec<usize>> {
    let of =
        |first: usize| (0..count).filter(|k| k % 2 == first || *k == 0 || k + 1 == count).collect();
    match count {
        0..=2 => Vec::new(),
        count if count.is_multiple_of(2) => vec![of(0), of(1)],
        _ => vec![of(0)],
    }
}

/// The levels that a noise ratio lies between, with the weights of a cubic through them in the logarithm;
/// beyond all levels the last one alone.
pub(super) fn between(sigmas: &[f64], ratio: f64) -> Vec<(usize, f64)> {
    let last = sigmas.len() - 1;
    let above = sigmas.partition_point(|s| *s <= ratio);
    if above == 0 || above > last {
        return vec![(above.min(last), 1.0)];
    }
    let (k, x) = (above - 1, |k: usize| sigmas[k].ln());
    let h = x(k + 1) - x(k);
    let s = (ratio.ln() - x(k)) / h;
    let (lower, upper) = (s * (1.0 - s) * (1.0 - s) * h, -s * s * (1.0 - s) * h);
    let weight = s * s * (3.0 - 2.0 * s);
    let mut nodes = vec![(k, 1.0 - weight), (k + 1, weight)];
    // Slopes are means of those of both sides, each by the width of the other.
    let mut slope = |at: usize, factor: f64| {
        let width = |j: usize| x(j + 1) - x(j);
        let sides: &[(usize, f64)] = match at {
            0 => &[(0, 1.0)],
            at if at == last => &[(last - 1, 1.0)],
            at => {
                let whole = width(at - 1) + width(at);
                &[(at - 1, width(at) / whole), (at, width(at - 1) / whole)]
            }
        };
        for (j, share) in sides {
            let own = factor * share / width(*j);
            nodes.extend([(*j, -own), (j + 1, own)]);
        }
    };
    slope(k, lower);
    slope(k + 1, upper);
    nodes
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
        let nodes = between(sigmas, ratio);
        let highest = sigmas.last().copied().filter(|highest| ratio > *highest);
        Box::new(move |j| {
            let mode = Mode { eigenvalue: factor * modes[j].eigenvalue, ..modes[j] };
            let exact = Answer::exact(&mode, &level);
            let variance = level.variance(mode.eigenvalue);
            if variance == 0.0 {
                return exact;
            }
            let [delta, beta] =
                [0, 1].map(|k| nodes.iter().map(|(at, weight)| weight * errors[*at][j][k]).sum());
            let (delta, beta): (f64, f64) = (delta, beta);
            let [slope, constant] = exact.score;
            let [weight, rest] = exact.denoiser;
            if let Some(highest) = highest {
                let there = modes[j].eigenvalue + highest * highest;
                let share = factor.sqrt() * highest * highest / there;
                let own = -delta * share * (there / variance).sqrt();
                let shift = beta * share - own * level.alpha * mode.mean;
                let of_score = level.alpha / (level.sigma * level.sigma);
                return Answer {
                    score: [slope + of_score * own, constant + of_score * shift],
                    denoiser: [weight + own, rest + shift],
                };
            }
            let shift = (factor.sqrt() * beta + delta * mode.mean) / variance;
            let sigma2 = level.sigma * level.sigma;
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

#[cfg(test)]
mod tests {
    use super::{Affine, Measured, between};
    use crate::basis::EigenCoordinates;
    use crate::spectrum::Mode;

    /// Every interval between two levels lies inside one of a coarser list.
    #[test]
    fn coarser_lists_bridge_every_interval() {
        let modes = [Mode { eigenvalue: 1.0, multiplicity: 1.0, mean: 0.0 }];
        for len in 1..9 {
            let sigmas: Vec<f64> = (0..len).map(|k| 100.0 * 0.5f64.powi(k)).collect();
            let zero = || Affine { means: vec![vec![0.0]; 8], gains: vec![vec![0.0]; 8] };
            let groups = sigmas.iter().map(|_| zero()).collect();
            let all = Measured::new(&EigenCoordinates::of(&modes), &sigmas, groups);
            let coarse = all.coarse();
            assert_eq!(coarse.is_empty(), len < 3);
            for pair in all.sigmas.windows(2).filter(|_| len > 2) {
                let bridges = |m: &Measured| !m.sigmas.windows(2).any(|other| other == pair);
                assert!(coarse.iter().any(bridges), "{len}: {pair:?}");
                assert!(coarse.iter().all(|m| m.sigmas.first() == all.sigmas.first()));
            }
        }
    }

    #[test]
    fn a_parabola_in_the_logarithm_is_met() {
        let sigmas = [0.02, 0.1, 0.3, 1.0, 7.0, 80.0];
        let parabola = |s: f64| 2.0 - s.ln() + 0.3 * s.ln() * s.ln();
        let at = |s: f64| -> f64 {
            between(&sigmas, s).iter().map(|(k, w)| w * parabola(sigmas[*k])).sum()
        };
        for s in [0.1, 0.17, 0.5, 1.0, 3.0, 6.9] {
            assert!((at(s) - parabola(s)).abs() < 1e-12, "{s}: {}", at(s));
        }
        // At the ends the slope is that of one side, and beyond them nothing is known.
        assert!((at(0.05) - parabola(0.05)).abs() < 0.3);
        assert_eq!([at(0.001), at(900.0)], [0.02, 80.0].map(parabola));
    }
}
