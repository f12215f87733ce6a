//! What is known of a law from samples, and what a finite number of them adds.

use super::{Comparison, Side};
use crate::numeric::linear_algebra::{Matrix, MatrixError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::PI;
use thiserror::Error;

/// What samples add is subtracted from this many samples per dimension, counted as n/κ. With fewer, the
/// integral is dominated by the directions that samples hardly know.
pub const PER_DIMENSION: f64 = 1.75;

/// Samples that are kept for pairs of them.
const KEPT: usize = 1024;

/// Pairs over which the mean square of a kernel is taken: known to 2 %.
const PAIRS: usize = 4096;

/// The samples are too few.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error(
    "what finite samples add is known from {PER_DIMENSION} samples per dimension on, and these count as {count:.0} in {rank} dimensions{}",
    if *heavy { ", by their fourth moments" } else { "" }
)]
pub struct TooFew {
    /// Number of samples that counts: n − 1, divided by κ.
    pub count: f64,
    /// Number of directions in which both laws vary.
    pub rank: usize,
    /// Whether n would be enough for a Gaussian.
    pub heavy: bool,
}

/// The Gaussian W2² of the laws that samples come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// W2², without what finite samples add: may be negative where it is small.
    pub squared: f64,
    /// Its part of the means.
    pub mean_squared: f64,
    /// Its part of the covariances.
    pub covariance_squared: f64,
    /// What finite samples add to W2², and what has been subtracted.
    pub bias: f64,
    /// The standard error of W2².
    pub standard_error: f64,
    /// What of the bias may be left over where tails are heavy: (κ − 1) r/n times its second order, with the
    /// rank r. A rule of thumb, by which the interval reaches further down; in few dimensions more is left.
    pub left_over: f64,
}

impl Estimate {
    /// Normal quantile of an interval of 95 %.
    const NORMAL: f64 = 1.959_963_984_540_054;

    /// W2: 0 where the square is negative.
    pub fn value(&self) -> f64 {
        self.squared.max(0.0).sqrt()
    }

    /// An interval of 95 % for W2².
    pub fn interval_squared(&self) -> [f64; 2] {
        let half = Self::NORMAL * self.standard_error;
        [self.squared - half - self.left_over, self.squared + half].map(|v| v.max(0.0))
    }

    /// Whether even the upper end of the interval for W2² is negative: independent samples are hardly ever as
    /// near as that, whatever their laws.
    pub fn is_too_near(&self) -> bool {
        self.squared + Self::NORMAL * self.standard_error < 0.0
    }

    /// An interval of 95 % for W2.
    pub fn interval(&self) -> [f64; 2] {
        self.interval_squared().map(f64::sqrt)
    }
}

/// What samples of one side of a comparison say of the other orders.
#[derive(Clone, Debug)]
pub struct Finite {
    /// n.
    count: f64,
    /// κ.
    kurtosis: f64,
    /// The variance of ψ.
    slope: f64,
    kept: Kept,
}

/// Some samples: deviations from their mean, and coordinates z.
#[derive(Clone, Debug)]
struct Kept {
    deviations: Matrix,
    coordinates: Matrix,
    /// What the products of two different deviations lack on average, because they are from the samples' own
    /// mean: tr A/n.
    centred: f64,
}

impl Finite {
    /// κ: the mean of E(zᵢ²zⱼ²) − δᵢⱼ, almost 1 for Gaussian samples.
    pub fn kurtosis(&self) -> f64 {
        self.kurtosis
    }

    /// (n − 1)/κ, the number of Gaussian samples that would add as much.
    fn effective(&self) -> f64 {
        (self.count - 1.0) / self.kurtosis
    }
}

/// Sums over the samples of one side, in a pass after the one for mean and covariance.
#[derive(Clone, Debug)]
pub struct Tally {
    side: Side,
    /// From deviations to coordinates.
    map: Matrix,
    shift: Vec<f64>,
    total: u64,
    seen: u64,
    /// Σ of Σ h zᵢ²zⱼ², of Σ s z², of ψ, of ψ².
    sums: [f64; 4],
    kept: [Vec<f64>; 2],
    rows: usize,
}

impl Comparison {
    /// Begins a pass over the `count` samples of a side, whose covariance is the sum of squares over
    /// `count` − 1.
    pub fn tally(&self, side: Side, count: u64) -> Tally {
        let turned = &self.frame(side.other()).turned;
        let map =
            Matrix::from_fn(turned.rows(), self.rank(), |i, k| turned[(i, k)] / self.coupled[k]);
        let (shift, kept) = (self.shift(side), [Vec::new(), Vec::new()]);
        Tally { side, map, shift, total: count, seen: 0, sums: [0.0; 4], kept, rows: 0 }
    }

    /// Adds samples to a tally, one after another.
    ///
    /// # Errors
    /// [`MatrixError::Length`]: no whole number of samples.
    pub fn add(&self, tally: &mut Tally, samples: &[f64]) -> Result<(), MatrixError> {
        let frame = self.frame(tally.side);
        let (dim, rank) = (frame.mean.len(), self.rank());
        let count = samples.len() / dim;
        let means = frame.mean.iter().cycle();
        let deviations = samples.iter().zip(means).map(|(x, mean)| x - mean).collect();
        let x = Matrix::new(count, dim, deviations)?;
        let z = x.multiply(&tally.map)?;
        let squares = z.map(|z| z * z);
        let bent = squares.multiply(&self.curvature)?;
        for a in 0..count {
            let (x, q) = (x.row(a), squares.row(a));
            let size: f64 = x.iter().map(|x| x * x).sum();
            let along: f64 = x.iter().zip(&tally.shift).map(|(x, d)| x * d).sum();
            let root: f64 = q.iter().zip(&self.coupled).map(|(q, s)| s * (q - 1.0)).sum();
            let pairs: f64 = q.iter().zip(bent.row(a)).map(|(q, b)| q * b).sum();
            let own: f64 = q.iter().zip(&self.coupled).map(|(q, s)| s * q).sum();
            let slope = size - frame.trace - root + 2.0 * along;
            let terms = [pairs, own, slope, slope * slope];
            tally.sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            if tally.wants(tally.seen) {
                tally.kept[0].extend_from_slice(x);
                tally.kept[1].extend_from_slice(&z.values()[a * rank..(a + 1) * rank]);
                tally.rows += 1;
            }
            tally.seen += 1;
        }
        Ok(())
    }

    /// Ends a pass.
    ///
    /// Coordinates z are those of samples about their own mean, with their own covariance, which makes their
    /// fourth moments smaller: for Gaussian samples, in any dimension, by (n − 1)³/(n²(n + 1)) (K. V. Mardia,
    /// "Measures of multivariate skewness and kurtosis with applications", Biometrika 57, 1970,
    /// whose covariances are divided by n). That is made good.
    ///
    /// # Errors
    /// [`MatrixError`]
    pub fn finish(&self, tally: Tally) -> Result<Finite, MatrixError> {
        let n = tally.seen as f64;
        let [pairs, own, slope, squares] = tally.sums.map(|sum| sum / n);
        let [deviations, coordinates] = tally.kept;
        let frame = self.frame(tally.side);
        let dim = frame.mean.len();
        let (_, diagonal) = self.curvatures();
        let pairs = pairs * n * n * (n + 1.0) / (n - 1.0).powi(3);
        let second = pairs - own * n / (n - 1.0) + diagonal;
        Ok(Finite {
            count: n,
            kurtosis: self.kurtosis(second),
            slope: (squares - slope * slope).max(0.0) * n / (n - 1.0),
            kept: Kept {
                deviations: Matrix::new(tally.rows, dim, deviations)?,
                coordinates: Matrix::new(tally.rows, self.rank(), coordinates)?,
                centred: frame.trace / n,
            },
        })
    }

    /// What `count` samples of a side say if they are Gaussian, of which only mean and covariance are known.
    ///
    /// # Errors
    /// [`MatrixError`]
    pub fn gaussian(&self, side: Side, count: u64) -> Result<Finite, MatrixError> {
        let turned = &self.frame(side).turned;
        let (_, diagonal) = self.curvatures();
        let (total, _) = self.curvatures();
        // ψ = wᵀ (XᵀX − diag s) w − its mean + 2⟨Xᵀ(a − b), w⟩ for x = a + X w.
        let gram = turned.transpose_multiply(turned)?;
        let bent: f64 = (0..gram.rows())
            .map(|i| {
                let row = gram.row(i).iter().enumerate();
                let off = |j: usize| if i == j { self.coupled.get(i).copied() } else { None };
                row.map(|(j, v)| (v - off(j).unwrap_or(0.0)).powi(2)).sum::<f64>()
            })
            .sum();
        let along = turned.apply_transpose(&self.shift(side))?;
        let slope = 2.0 * bent + 4.0 * along.iter().map(|v| v * v).sum::<f64>();
        let (rank, columns) = (self.rank(), turned.columns());
        let mut random = ChaCha8Rng::seed_from_u64(side as u64);
        let normals = (0..KEPT * columns).map(|_| StandardNormal.sample(&mut random)).collect();
        let normals = Matrix::new(KEPT, columns, normals)?;
        Ok(Finite {
            count: count as f64,
            kurtosis: self.kurtosis(total + diagonal),
            slope,
            kept: Kept {
                deviations: normals.multiply_transpose(turned)?,
                coordinates: Matrix::from_fn(KEPT, rank, |a, i| normals[(a, i)]),
                centred: 0.0,
            },
        })
    }

    /// κ from Σ h (E(zᵢ²zⱼ²) − δᵢⱼ).
    fn kurtosis(&self, second: f64) -> f64 {
        match self.curvatures() {
            (total, _) if total > 0.0 => second / total,
            _ => 1.0,
        }
    }

    /// W2² of the laws that samples come from: `None` for a side that is known.
    ///
    /// # Errors
    /// [`TooFew`]
    pub fn estimate(&self, sides: [Option<&Finite>; 2]) -> Result<Estimate, TooFew> {
        let rank = self.rank();
        let finite = || sides.iter().flatten();
        for side in finite() {
            self.check(side.count, side.kurtosis)?;
        }
        let (total, _) = self.curvatures();
        let of_means: f64 = [Side::First, Side::Second]
            .into_iter()
            .zip(sides)
            .filter_map(|(side, finite)| Some(self.frame(side).trace / finite?.count))
            .sum();
        let of_covariances =
            2.0 * self.lost(&sides.map(|side| side.map_or(f64::INFINITY, |s| s.effective())));
        let left_over = finite().map(|side| {
            let (n, excess) = (side.count, (side.kurtosis - 1.0).max(0.0));
            excess * rank as f64 / n * (0.5 * total * side.kurtosis / n)
        });
        let first: f64 = finite().map(|side| side.slope / side.count).sum();
        let second = self.second_variance(&finite().copied().collect::<Vec<_>>());
        let mean_squared = self.mean_squared - of_means;
        let covariance_squared = self.covariance_squared - of_covariances;
        Ok(Estimate {
            squared: mean_squared + covariance_squared,
            mean_squared,
            covariance_squared,
            bias: of_means + of_covariances,
            // The derivative is taken where samples are and not where their law is, which adds twice the
            // second variance.
            standard_error: (first - second).max(second).sqrt(),
            left_over: left_over.sum(),
        })
    }

    /// Refuses a number of samples that are too few for this comparison, κ being known or taken as 1.
    ///
    /// # Errors
    /// [`TooFew`]
    pub fn check(&self, count: f64, kurtosis: f64) -> Result<(), TooFew> {
        let (rank, needed) = (self.rank(), PER_DIMENSION * self.rank() as f64);
        // Few samples tell too small a κ.
        let effective = (count - 1.0) / kurtosis.max(1.0);
        match effective >= needed {
            true => Ok(()),
            false => Err(TooFew { count: effective, rank, heavy: count - 1.0 >= needed }),
        }
    }

    /// What the sum of the roots loses with these numbers of samples: the integral of the module's
    /// documentation minus Σ s, by the trapezoidal rule in ln x, of which the integrand is analytic.
    fn lost(&self, effective: &[f64; 2]) -> f64 {
        const STEP: f64 = 0.125;
        let (Some(most), Some(least)) = (self.coupled.first(), self.coupled.last()) else {
            return 0.0;
        };
        // In units of the largest. The integrand falls as x^(3/2) below, and as x^(−3/2) above.
        let squares: Vec<f64> = self.coupled.iter().map(|s| (s / most) * (s / most)).collect();
        let (from, to) = (2.0 * (least / most).ln() - 28.0, 42.0);
        let nodes = ((to - from) / STEP).ceil() as usize;
        let sum: f64 = (0..=nodes)
            .map(|k| {
                let x = (from + STEP * k as f64).exp();
                let (mut above, mut fall) = (0.0, 0.0);
                for square in &squares {
                    let share = square / (square + x);
                    above += share;
                    fall += share * (x / (square + x));
                }
                let logs: f64 = effective.iter().map(|n| (-above / n).ln_1p()).sum();
                x.sqrt() * fall * (-0.5 * logs).exp_m1()
            })
            .sum();
        2.0 / PI * STEP * most * sum
    }

    /// The variance of the quadratic form.
    fn second_variance(&self, finite: &[&Finite]) -> f64 {
        let mut sum = 0.0;
        for (k, one) in finite.iter().enumerate() {
            for (l, other) in finite.iter().enumerate().skip(k) {
                let twice = if k == l { 1.0 } else { 2.0 };
                let square = self.mean_square(&one.kept, &other.kept, k == l);
                sum += 0.5 * twice * square / (one.count * other.count);
            }
        }
        sum
    }

    /// E K², of K(u, v) = 2⟨u, v⟩ + Σᵢⱼ hᵢⱼ (zᵢzⱼ − δᵢⱼ)(z′ᵢz′ⱼ − δᵢⱼ), over random pairs.
    fn mean_square(&self, one: &Kept, other: &Kept, is_same: bool) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut below = |n: usize| (random.next_u64() % n as u64) as usize;
        let (rows, columns) = (one.coordinates.rows(), other.coordinates.rows());
        if rows.min(columns) < 2 {
            return 0.0;
        }
        let pairs: Vec<(usize, usize)> = (0..PAIRS)
            .map(|_| match is_same {
                true => {
                    let u = below(rows);
                    (u, (u + 1 + below(rows - 1)) % rows)
                }
                false => (below(rows), below(columns)),
            })
            .collect();
        let (z, y) = (&one.coordinates, &other.coordinates);
        let rank = self.rank();
        let products = Matrix::from_fn(PAIRS, rank, |p, i| {
            let (u, v) = pairs[p];
            z[(u, i)] * y[(v, i)]
        });
        let Ok(bent) = products.multiply(&self.curvature) else { return f64::INFINITY };
        let (_, diagonal) = self.curvatures();
        let square = |p: usize| {
            let (u, v) = pairs[p];
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let own =
                |z: &[f64]| z.iter().zip(&self.coupled).map(|(z, s)| 0.5 * s * z * z).sum::<f64>();
            let product = dot(one.deviations.row(u), other.deviations.row(v));
            let of_means = 2.0 * if is_same { product + one.centred } else { product };
            let of_roots = dot(products.row(p), bent.row(p)) - own(z.row(u)) - own(y.row(v));
            (of_means + of_roots + diagonal).powi(2)
        };
        (0..PAIRS).map(square).sum::<f64>() / PAIRS as f64
    }
}

impl Tally {
    /// Whether the sample of this number is one of the [`KEPT`], which are spread over all.
    fn wants(&self, number: u64) -> bool {
        let (all, kept) = (u128::from(self.total.max(1)), (KEPT as u64).min(self.total) as u128);
        let before = |k: u64| u128::from(k) * kept / all;
        before(number + 1) > before(number)
    }
}
