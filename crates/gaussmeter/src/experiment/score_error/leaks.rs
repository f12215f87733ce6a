use super::level::Group;
use super::measured::{Measured, between, coarse_levels};
use crate::exact::dense::DenseNetwork;
use crate::level::Level;
use crate::network::{Answer, Prediction};
use crate::numeric::linear_algebra::{Matrix, MatrixError};
use crate::spectrum::Mode;
use rayon::prelude::*;
use std::sync::Arc;

/// Vectors per level that are asked for each dimension: with fewer, fits to all groups but one are noisy.
pub const PER_DIMENSION: usize = 4;

/// The affine error of one level, r = B (1, z) + … with z = (x − μ)/√(λ + σ²), per group of samples: matrices of
/// d + 1 columns, the first the constant error.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineMaps(Vec<Matrix>);

impl AffineMaps {
    /// Without bias: of each group only what the least-squares fit to all the others leaves of r is averaged,
    /// as E (1, z)(1, z)ᵀ is known, so that what is affine is found without any sampling error.
    pub fn of(groups: &[Group]) -> Result<Self, MatrixError> {
        let moments = |group: &Group| -> Result<[Matrix; 2], MatrixError> {
            let (z, r) = (&group.z, &group.r);
            let of = |a: usize, j: usize| j.checked_sub(1).map_or(1.0, |j| z.row(a)[j]);
            let with_one = Matrix::from_fn(z.rows(), z.columns() + 1, of);
            Ok([with_one.transpose_multiply(&with_one)?, with_one.transpose_multiply(r)?])
        };
        let all: Vec<[Matrix; 2]> = groups.par_iter().map(moments).collect::<Result<_, _>>()?;
        let Some((first, others)) = all.split_first() else { return Ok(AffineMaps(Vec::new())) };
        let mut sums = first.clone();
        for other in others {
            sums.iter_mut().zip(other).for_each(|(sum, other)| sum.add_scaled(1.0, other));
        }
        let map = |(own, group): (&[Matrix; 2], &Group)| -> Result<Matrix, MatrixError> {
            let [mut squares, mut products] = sums.clone();
            squares.add_scaled(-1.0, &own[0]);
            products.add_scaled(-1.0, &own[1]);
            let of_others = squares.solve_positive(&products)?;
            let mut left = own[1].clone();
            left.add_scaled(-1.0, &own[0].multiply(&of_others)?);
            let mut found = of_others;
            found.add_scaled(1.0 / group.r.rows() as f64, &left);
            Ok(found.transpose())
        };
        let maps = all.par_iter().zip(groups).map(map).collect::<Result<_, _>>()?;
        Ok(AffineMaps(maps))
    }
}

/// The affine part of a network's error with all its leaks, as it was measured: what [`Measured`] is along every
/// eigenvector, for whole matrices. With V = α²λ + σ²
///
/// score errorᵢ = −Σⱼ δᵢⱼ (xⱼ − αμⱼ)/√(VᵢVⱼ) + αβᵢ/Vᵢ,
///
/// with δ and β between levels, below them and above them as [`Measured`] has its own.
#[derive(Clone, Debug)]
pub struct Leaking {
    modes: Arc<[Mode]>,
    /// Noise ratios, increasing.
    sigmas: Vec<f64>,
    deltas: Vec<Matrix>,
    betas: Vec<Vec<f64>>,
}

impl Leaking {
    /// From maps of the levels `sigmas`, which decrease: from all groups, or from all but one.
    pub fn new(
        measured: &Measured,
        sigmas: &[f64],
        maps: &[AffineMaps],
        without: Option<usize>,
    ) -> Self {
        let modes = measured.modes();
        let levels: Vec<(f64, Matrix, Vec<f64>)> = sigmas
            .par_iter()
            .zip(maps)
            .map(|(sigma, AffineMaps(groups))| {
                let kept = groups.iter().enumerate().filter(|(g, _)| Some(*g) != without);
                let kept: Vec<&Matrix> = kept.map(|(_, map)| map).collect();
                let dim = modes.len();
                let mut mean = Matrix::from_fn(dim, dim + 1, |_, _| 0.0);
                kept.iter().for_each(|map| mean.add_scaled(1.0 / kept.len() as f64, map));
                let s2 = sigma * sigma;
                let variance = |i: usize| modes[i].eigenvalue + s2;
                let delta =
                    Matrix::from_fn(dim, dim, |i, j| -mean.row(i)[j + 1] * variance(i).sqrt() / s2);
                let beta = (0..dim).map(|i| mean.row(i)[0] * variance(i) / s2).collect();
                (*sigma, delta, beta)
            })
            .collect();
        let mut found =
            Leaking { modes, sigmas: Vec::new(), deltas: Vec::new(), betas: Vec::new() };
        for (sigma, delta, beta) in levels.into_iter().rev() {
            found.sigmas.push(sigma);
            found.deltas.push(delta);
            found.betas.push(beta);
        }
        found
    }

    /// See [`Measured::coarse`].
    pub fn coarse(&self) -> Vec<Self> {
        let of = |kept: Vec<usize>| Leaking {
            modes: self.modes.clone(),
            sigmas: kept.iter().map(|k| self.sigmas[*k]).collect(),
            deltas: kept.iter().map(|k| self.deltas[*k].clone()).collect(),
            betas: kept.iter().map(|k| self.betas[*k].clone()).collect(),
        };
        coarse_levels(self.sigmas.len()).into_iter().map(of).collect()
    }
}

impl DenseNetwork for Leaking {
    fn dim(&self) -> usize {
        self.modes.len()
    }

    fn carried(
        &self,
        from: &Matrix,
        kind: Prediction,
        level: &Level,
    ) -> Result<Option<(Matrix, Vec<f64>)>, MatrixError> {
        let dim = self.dim();
        let exact = |mode: &Mode| Answer::exact(mode, level).of(kind, level);
        let exact: Vec<[f64; 2]> = self.modes.iter().map(exact).collect();
        if exact.iter().flatten().any(|v| !v.is_finite()) {
            return Ok(None);
        }
        let Level { alpha, sigma, .. } = *level;
        let ratio = level.noise_ratio();
        let nodes = between(&self.sigmas, ratio);
        let mut delta = Matrix::from_fn(dim, dim, |_, _| 0.0);
        let mut beta = vec![0.0; dim];
        for (at, weight) in nodes {
            delta.add_scaled(weight, &self.deltas[at]);
            beta.iter_mut().zip(&self.betas[at]).for_each(|(b, own)| *b += weight * own);
        }
        // The error of the prediction is `size` times that of the score, or above the levels of the denoiser.
        let highest = self.sigmas.last().filter(|highest| ratio > **highest);
        let [of_denoiser, of_score] = Answer::mix(kind, level);
        let size = match highest {
            None => of_denoiser * sigma * sigma / alpha + of_score,
            Some(_) => of_denoiser + of_score * alpha / (sigma * sigma),
        };
        let inverse = |mode: &Mode| match level.variance(mode.eigenvalue) {
            0.0 => 0.0,
            variance => variance.sqrt().recip(),
        };
        let columns: Vec<f64> = self.modes.iter().map(inverse).collect();
        let (rows, constants): (Vec<f64>, Vec<f64>) = match highest {
            None => columns.iter().map(|inverse| (*inverse, alpha * inverse * inverse)).unzip(),
            Some(highest) => {
                let s2 = highest * highest;
                let there = |mode: &Mode| mode.eigenvalue + s2;
                let share = |mode: &Mode| (s2 / there(mode).sqrt(), s2 / there(mode));
                self.modes.iter().map(share).unzip()
            }
        };
        let rows: Vec<f64> = rows.iter().map(|row| -size * row).collect();
        let mut carried = from.clone().scaled_columns(&rows).multiply(&delta)?;
        carried = carried.scaled_columns(&columns);
        let means: Vec<f64> = self.modes.iter().map(|mode| alpha * mode.mean).collect();
        let of_means = carried.apply(&means)?;
        let constant = |i: usize| exact[i][1] + size * constants[i] * beta[i];
        let mut shift = from.apply(&(0..dim).map(constant).collect::<Vec<f64>>())?;
        shift.iter_mut().zip(of_means).for_each(|(shift, of_means)| *shift -= of_means);
        let weights: Vec<f64> = exact.iter().map(|[weight, _]| *weight).collect();
        carried.add_scaled(1.0, &from.clone().scaled_columns(&weights));
        Ok(Some((carried, shift)))
    }
}
