//! Networks that are exact for a finite training set: n samples of the data, whose covariance S about the
//! known mean has eigenvectors of its own.
//!
//! Over training sets, S is a Wishart matrix divided by n. A sampler that starts from N(0, v I) and calls the
//! network of S ends at a law of covariance f(S), where f is what it makes of one eigenvalue. [`expected`] has
//! E W2² to the data Σ:
//!
//! - with fine steps, f(S) = S and W2² = tr Σ + tr S − 2 tr (Σ^½ S Σ^½)^½. Σ^½ S Σ^½ is itself the covariance
//!   of n samples, of N(0, Σ²), and E tr M^½ for the covariance M of n samples of N(0, C) is
//!   (2/π) ∫ Σ_j c_j/(c_j + κ(u²)) du to leading order in the dimension, where [`kappa`] solves
//!   κ − l = (κ/n) Σ_j c_j/(c_j + κ) (Wang, Zavatone-Veth & Pehlevan, arXiv 2602.02908), and the next order
//!   is known too. This holds for any n;
//! - for any f, by the second order in S − Σ, with E|H_ij|² = λ_i λ_j/n (and 2λ_i²/n for i = j) and divided
//!   differences of f. This holds for n that are large beside the dimension;
//! - together: the first, plus what the second says that f ≠ identity changes.

use super::{Init, Output, Reason};
use crate::spectrum::{Mode, Spectrum};
use crate::tape::Plan;

/// κ, the noise variance that is left where n samples are trained on, as if there were all data: the solution
/// of κ − l = (κ/n) Σ m λ/(λ + κ) with κ ≥ l. At l = 0 it is 0 if n is at least the rank.
///
/// ```
/// use gaussmeter::exact::training_set::kappa;
/// use gaussmeter::prelude::*;
/// let data = Spectrum::new("white", "example", &[1.0], Some(&[100.0]), None)?;
/// // κ − l = (100/400) κ/(1 + κ)
/// let k = kappa(&data, 400.0, 0.5);
/// assert!((k - 0.5 - 0.25 * k / (1.0 + k)).abs() < 1e-14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn kappa(data: &Spectrum, n: f64, l: f64) -> f64 {
    let modes: Vec<(f64, f64)> =
        data.modes().iter().map(|m| (m.eigenvalue, m.multiplicity)).collect();
    solve(&modes, n, l)
}

/// The root of 1 − l/κ − (1/n) Σ m λ/(λ + κ), which increases with κ.
fn solve(modes: &[(f64, f64)], n: f64, l: f64) -> f64 {
    let rank: f64 = modes.iter().filter(|m| m.0 > 0.0).map(|m| m.1).sum();
    if l == 0.0 && rank <= n {
        return 0.0;
    }
    // Value and derivative with respect to ln κ.
    let residual = |kappa: f64| {
        let (mut value, mut slope) = (1.0 - l / kappa, l / kappa);
        for (lambda, multiplicity) in modes {
            let share = lambda / (lambda + kappa);
            value -= multiplicity / n * share;
            slope += multiplicity / n * share * kappa / (lambda + kappa);
        }
        (value, slope)
    };
    let trace: f64 = modes.iter().map(|m| m.0 * m.1).sum();
    let (mut low, mut high) = (l.max(f64::MIN_POSITIVE).ln(), (l + trace / n).ln());
    let mut z = high;
    for _ in 0..200 {
        let (value, slope) = residual(z.exp());
        if value > 0.0 {
            high = z;
        } else {
            low = z;
        }
        let newton = z - value / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - z).abs() <= 4.0 * f64::EPSILON * z.abs().max(1.0) {
            return next.exp();
        }
        z = next;
    }
    z.exp()
}

/// E tr M^½ for the covariance M of n samples of N(0, C), C of these eigenvalues with multiplicities: tr M^½
/// is (2/π) ∫ tr M (M + u²)⁻¹ du, and E tr (M + l)⁻¹ is known to the order of 1/d beside its leading one
/// (Bai & Silverstein 2004), Σ 1/(c + κ) κ/l + Σ c²/(c + κ)³ / (n (1 − df₂/n)²), df₂ = Σ c²/(c + κ)².
fn expected_root(modes: &[(f64, f64)], n: f64) -> f64 {
    let largest = modes.iter().map(|m| m.0).fold(0.0, f64::max);
    if largest == 0.0 {
        return 0.0;
    }
    let root = largest.sqrt();
    let share = |u: f64| -> f64 {
        let kappa = solve(modes, n, u * u);
        let (mut share, mut freedom, mut third) = (0.0, 0.0, 0.0);
        for (c, m) in modes {
            let kept = c / (c + kappa);
            share += m * kept;
            freedom += m * kept * kept;
            third += m * kept * kept / (c + kappa);
        }
        let more = u * u * third / (n * (1.0 - freedom / n).powi(2));
        share - if more.is_finite() { more } else { 0.0 }
    };
    // u = √c_max e^{sinh x}: integrands are analytic and decay double-exponentially on both sides.
    let h = 0.05;
    let term = |k: i32| {
        let x = h * f64::from(k);
        let u = root * x.sinh().exp();
        x.cosh() * u * share(u)
    };
    let sum: f64 = (-90..=90).map(term).sum();
    2.0 / std::f64::consts::PI * h * sum
}

/// What W2 to expect over training sets, as square roots of expected squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Both together.
    pub w2: f64,
    /// The training set alone: fine steps, no truncation.
    pub training_set: f64,
    /// The sampler alone, with the exact network: n without end.
    pub sampler: f64,
    /// By the second order in 1/√n.
    pub second_order: f64,
}

/// Why there is no expectation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpectedError {
    /// The start knows the eigenvectors of the data.
    #[error(
        "the expected W2 over training sets is for a start that is the same in all directions: use --init normal, or draw one training set (draw=SEED)"
    )]
    Init,
    /// Means would be carried by eigenvectors that differ from set to set.
    #[error(
        "the expected W2 over training sets is for data without a mean: draw one training set (draw=SEED)"
    )]
    Mean,
    /// The law is infinite.
    #[error("the law is infinite: {0}")]
    Infinite(Reason),
}

/// Relative step of differences in λ.
const STEP: f64 = 0.01;

/// What a sampler makes of eigenvalues: f and its first two derivatives.
fn derivatives(
    plan: &Plan,
    data: &Spectrum,
    variance: f64,
) -> Result<Vec<[f64; 3]>, ExpectedError> {
    let at = |k: i32| {
        let factor = (STEP * f64::from(k)).exp();
        let output = Output::of(plan, &data.scaled(factor));
        match output.infinite {
            Some(reason) => Err(ExpectedError::Infinite(reason)),
            None => {
                let pairs = output.gain.iter().zip(&output.noise_variance);
                Ok(pairs.map(|(g, q)| g * g * variance + q).collect::<Vec<f64>>())
            }
        }
    };
    let f: Vec<Vec<f64>> = (-2..=2).map(at).collect::<Result<_, _>>()?;
    let of = |(i, mode): (usize, &Mode)| {
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|k| f[k][i]);
        if mode.eigenvalue == 0.0 {
            return [c, 0.0, 0.0];
        }
        // In ln λ, and then in λ.
        let first = ((a - e) + 8.0 * (d - b)) / (12.0 * STEP);
        let second = (16.0 * (b + d) - (a + e) - 30.0 * c) / (12.0 * STEP * STEP);
        let lambda = mode.eigenvalue;
        [c, first / lambda, (second - first) / (lambda * lambda)]
    };
    Ok(data.modes().iter().enumerate().map(of).collect())
}

/// E W2² to second order in S − Σ, from f, f′ and f″ at every mode.
fn second_order(modes: &[Mode], f: &[[f64; 3]], n: f64) -> f64 {
    let mut total = 0.0;
    for (i, (a, fa)) in modes.iter().zip(f).enumerate() {
        total += a.multiplicity * (fa[0].sqrt() - a.eigenvalue.sqrt()).powi(2);
        if a.eigenvalue == 0.0 || fa[0] == 0.0 {
            continue;
        }
        let lost = 1.0 - (a.eigenvalue / fa[0]).sqrt();
        for (j, (b, fb)) in modes.iter().zip(f).enumerate() {
            if b.eigenvalue == 0.0 || fb[0] == 0.0 {
                continue;
            }
            let pairs = if i == j { a.multiplicity + 1.0 } else { b.multiplicity };
            let variance = a.multiplicity * pairs * a.eigenvalue * b.eigenvalue / n;
            let gap = b.eigenvalue - a.eigenvalue;
            let (once, twice) = if gap.abs() <= 1e-3 * a.eigenvalue.max(b.eigenvalue) {
                let once = 0.5 * (fa[1] + fb[1]) - gap / 12.0 * (fb[2] - fa[2]);
                (once, (2.0 * fa[2] + fb[2]) / 6.0)
            } else {
                let once = (fb[0] - fa[0]) / gap;
                (once, (once - fa[1]) / gap)
            };
            let (la, lb) = (a.eigenvalue, b.eigenvalue);
            let roots = (la * fa[0]).sqrt() + (lb * fb[0]).sqrt();
            let spread = (la * lb / (fa[0] * fb[0])).sqrt() * once * once / roots;
            total += variance * (lost * twice + 0.5 * spread);
        }
    }
    total
}

/// What W2 to expect of a sampler with the exact network of n samples, over training sets.
///
/// # Errors
/// [`ExpectedError`]
pub fn expected(
    plan: &Plan,
    data: &Spectrum,
    init: &Init,
    samples: usize,
) -> Result<Expected, ExpectedError> {
    if data.has_mean() {
        return Err(ExpectedError::Mean);
    }
    let Init::Normal { .. } = init else { return Err(ExpectedError::Init) };
    let n = samples as f64;
    let modes = data.modes();
    let Some(first) = modes.first() else { return Err(ExpectedError::Mean) };
    let (_, variance) = init.moments(plan.start(), 0, first);
    let f = derivatives(plan, data, variance)?;
    let identity: Vec<[f64; 3]> = modes.iter().map(|m| [m.eigenvalue, 1.0, 0.0]).collect();
    let squares: Vec<(f64, f64)> =
        modes.iter().map(|m| (m.eigenvalue * m.eigenvalue, m.multiplicity)).collect();
    let fine = (2.0 * (data.trace() - expected_root(&squares, n))).max(0.0);
    let (through, without) = (second_order(modes, &f, n), second_order(modes, &identity, n));
    let alone: f64 = modes
        .iter()
        .zip(&f)
        .map(|(m, f)| m.multiplicity * (f[0].sqrt() - m.eigenvalue.sqrt()).powi(2))
        .sum();
    Ok(Expected {
        w2: (fine + (through - without)).max(0.0).sqrt(),
        training_set: fine.sqrt(),
        sampler: alone.sqrt(),
        second_order: through.max(0.0).sqrt(),
    })
}

#[cfg(feature = "dense")]
pub use drawn::{DrawError, Drawn, MOST_DIM, drawn};

#[cfg(feature = "dense")]
mod drawn {
    use super::*;
    use crate::exact::Target;
    use crate::exact::continuous::Reverse;
    use crate::exact::dense::{DenseData, DenseError, DenseGaussian, Matrix};
    use crate::metric::{Wasserstein2, wasserstein2_dense};
    use crate::watch::{Progress, Watch};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{ChiSquared, Distribution, StandardNormal};
    use rayon::prelude::*;

    /// Most dimensions of a training set that is drawn: minutes, and a gigabyte.
    pub const MOST_DIM: usize = 4096;

    /// Why there is no law for a training set.
    #[derive(Clone, Debug, PartialEq, thiserror::Error)]
    #[non_exhaustive]
    pub enum DrawError {
        /// Too many dimensions.
        #[error(
            "a drawn training set takes dense matrices of {dim} dimensions: at most {MOST_DIM} (leave out draw for the expectation over training sets)"
        )]
        TooLarge {
            /// The dimension of the data.
            dim: f64,
        },
        /// A dense computation failed.
        #[error(transparent)]
        Dense(#[from] DenseError),
        /// It was stopped from outside.
        #[error("interrupted before anything was found")]
        Interrupted,
    }

    /// What a sampler does with the network of one training set.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Drawn {
        /// W2 of the output to the data.
        pub w2: Wasserstein2,
        /// W2 of the continuous solution with this network, from p_T to eps, to p_eps.
        pub score: Wasserstein2,
    }

    /// The covariance of n samples about the known mean, in the eigenbasis of the data, whose mode every
    /// coordinate is of.
    fn covariance(lambda: &[f64], n: usize, seed: u64) -> Result<Matrix, DenseError> {
        let d = lambda.len();
        // The factor of a Wishart matrix: of n normals each, or triangular (Bartlett).
        let columns = n.min(d);
        let row = |i: usize| -> Vec<f64> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(i as u64);
            let scale = (lambda[i] / n as f64).sqrt();
            let normal = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
            let entry = |j: usize| match (n >= d, j.cmp(&i)) {
                (false, _) | (true, std::cmp::Ordering::Less) => normal(&mut rng),
                (true, std::cmp::Ordering::Equal) => {
                    // Degrees of freedom are at least 1.
                    ChiSquared::new((n - i) as f64).map_or(0.0, |chi| chi.sample(&mut rng).sqrt())
                }
                (true, std::cmp::Ordering::Greater) => 0.0,
            };
            (0..columns).map(entry).map(|z: f64| scale * z).collect()
        };
        let rows: Vec<Vec<f64>> = (0..d).into_par_iter().map(row).collect();
        let factor =
            Matrix::new(d, columns, rows.concat()).map_err(crate::metric::GaussianError::from)?;
        Ok(factor.multiply_transpose(&factor).map_err(crate::metric::GaussianError::from)?)
    }

    /// The law of a sampler's output with the network of one training set, and that of the continuous
    /// solution: one eigendecomposition and two singular value decompositions of d × d matrices.
    ///
    /// # Errors
    /// [`DrawError`]
    pub fn drawn(
        plan: &Plan,
        reverse: &Reverse,
        data: &Spectrum,
        init: &Init,
        (samples, seed): (usize, u64),
        watch: Watch,
    ) -> Result<Drawn, DrawError> {
        if data.dim() > MOST_DIM as f64 {
            return Err(DrawError::TooLarge { dim: data.dim() });
        }
        let tell = |done| {
            watch.tell(Progress {
                what: "training set",
                unit: "decompositions",
                done,
                total: Some(3),
            });
            match watch.is_stopped() {
                true => Err(DrawError::Interrupted),
                false => Ok(()),
            }
        };
        tell(0)?;
        let truth = DenseData::of(data)?;
        let modes: Vec<(usize, Mode)> = truth.coordinates();
        let lambda: Vec<f64> = modes.iter().map(|m| m.1.eigenvalue).collect();
        let means: Vec<f64> = modes.iter().map(|m| m.1.mean).collect();
        let learnt = DenseData::new(means, covariance(&lambda, samples, seed)?)?;
        tell(1)?;
        let law_of = |init: &Init| -> Result<DenseGaussian, DenseError> {
            let moments = modes.iter().map(|(i, mode)| init.moments(plan.start(), *i, mode));
            let (mean, variance): (Vec<f64>, Vec<f64>) = moments.unzip();
            learnt.to_eigenbasis(&DenseGaussian::diagonal(mean, &variance)?)
        };
        let output = Output::of(plan, learnt.spectrum()).dense_law(&learnt, &law_of(init)?)?;
        let output = learnt.from_eigenbasis(&output)?;
        let target = truth.target(Target::Data, &plan.end())?;
        let w2 = wasserstein2_dense(&output, &target).map_err(DenseError::from)?;
        tell(2)?;
        let start = law_of(&Init::Exact)?;
        let solution = reverse.dense_law(&learnt, plan.start(), &plan.end(), &start)?;
        let solution = learnt.from_eigenbasis(&solution)?;
        let target = truth.target(Target::Marginal, &plan.end())?;
        let score = wasserstein2_dense(&solution, &target).map_err(DenseError::from)?;
        tell(3)?;
        Ok(Drawn { w2, score })
    }
}
