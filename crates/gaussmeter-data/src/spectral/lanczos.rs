//! Stochastic Lanczos quadrature: Σ is only multiplied by vectors, which takes one pass over the data
//! each time.
//!
//! Random vectors v₁ … v_b and the mean generate a block Krylov space; Σ restricted to it has
//! eigenvalues θ (the nodes) with eigenvectors y. For a random v with independent standard normal
//! coordinates, E vᵀ f(Σ) v = tr f(Σ), and vᵀ f(Σ) v ≈ Σ ⟨v, y⟩² f(θ): the squares, averaged over
//! the probes, are multiplicities. A converged eigenvalue has multiplicity 1, or as many copies as
//! there are nodes. That removes the largest eigenvalues, and with them most of the variance, from the
//! average. (Ubaru, Chen & Saad, SIAM J. Matrix Anal. Appl. 38, 2017; for the
//! deflation, Lin, Numer. Math. 136, 2017.)

use super::{Checks, Decomposition, DecompositionError, Method};
use crate::moments::{BLOCK, CENTRE};
use crate::samples::{Chunk, Samples, SamplesError, dim, for_each_chunk};
use gaussmeter::numeric::linear_algebra::{Matrix, SymmetricEigen};
use gaussmeter::spectrum::{Spectrum, SpectrumError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// Values of a chunk in f64: 128 MiB.
const CHUNK_VALUES: usize = 1 << 24;

/// A node counts as an eigenvalue if its relative residual is smaller.
const CONVERGED: f64 = 1e-6;

/// Nodes closer than this, relative to the largest, may be copies of one eigenvalue.
const CLUSTER: f64 = 1e-9;

/// Options of stochastic Lanczos quadrature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LanczosOptions {
    /// Number of random vectors, b ≥ 2. Their spread gives the statistical error.
    pub probes: usize,
    /// Number of products with the covariance, and so of passes over the data; at least 2. They take
    /// the memory of `steps · (probes + 1)` data vectors in f64.
    pub steps: usize,
    /// Seed of the random vectors.
    pub seed: u64,
}

impl Default for LanczosOptions {
    fn default() -> Self {
        LanczosOptions { probes: 8, steps: 40, seed: 0 }
    }
}

impl LanczosOptions {
    /// Bytes needed for the Krylov space of `count` samples of dimension `dim`, and for the block that
    /// is added to it.
    pub fn memory(&self, count: Option<u64>, dim: u128) -> u128 {
        let block = self.probes as u128 + 1;
        // No more directions than samples.
        let rank = count.map_or(u128::MAX, u128::from).min(dim) + block;
        let vectors = (self.steps as u128).saturating_mul(block).min(rank) + 3 * block;
        8 * dim * (vectors + MARGINALS)
    }
}

/// Vectors of the first pass: means, variances, sums.
const MARGINALS: u128 = 6;

/// A spectrum found by quadrature, with others that should agree with it: their differences estimate
/// its errors.
#[derive(Clone, Debug)]
pub struct Quadrature {
    /// The spectrum.
    spectrum: Spectrum,
    /// The spectra that leave out one probe each.
    leave_one_out: Vec<Spectrum>,
    /// The spectrum after half of the steps.
    halfway: Spectrum,
    /// Number of nodes that have converged to eigenvalues.
    pub converged: usize,
}

/// The value of a function of the spectrum, with errors.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Standard error from the spread of the probes (jackknife).
    pub probes: f64,
    /// How much the second half of the steps changed the value: a generous bound on the change by
    /// further steps.
    pub steps: f64,
}

impl Quadrature {
    /// The spectra that estimate the errors; the last is that after half of the steps.
    pub(super) fn alternatives(&self) -> impl Iterator<Item = &Spectrum> {
        self.leave_one_out.iter().chain([&self.halfway])
    }

    /// Evaluates a function of the spectrum, such as a trace or a Wasserstein distance, with errors.
    ///
    /// ```no_run
    /// # fn example(d: gaussmeter_data::Decomposition) -> Option<()> {
    /// let trace = d.quadrature?.estimate(|spectrum| spectrum.sum(|_, mode| mode.eigenvalue.sqrt()));
    /// println!("tr √Σ = {} ± {} ± {}", trace.value, trace.probes, trace.steps);
    /// # Some(()) }
    /// ```
    pub fn estimate(&self, function: impl Fn(&Spectrum) -> f64) -> Estimate {
        let value = function(&self.spectrum);
        let parts: Vec<f64> = self.leave_one_out.iter().map(&function).collect();
        let b = parts.len() as f64;
        let mean = parts.iter().sum::<f64>() / b;
        let squares: f64 = parts.iter().map(|p| (p - mean) * (p - mean)).sum();
        let probes = (squares * (b - 1.0) / b).sqrt();
        Estimate { value, probes, steps: (value - function(&self.halfway)).abs() }
    }
}

pub(super) fn decompose(
    samples: &mut dyn Samples,
    options: &LanczosOptions,
) -> Result<Decomposition, DecompositionError> {
    for (name, value, least) in [("probes", options.probes, 2), ("steps", options.steps, 2)] {
        if value < least {
            return Err(DecompositionError::Option { name, value, least });
        }
    }
    let (description, shape, scale) =
        (samples.description(), samples.shape().to_vec(), samples.scale());
    let marginals = Marginals::of(samples)?;
    let unit = scale.factor * scale.factor;
    let mean: Vec<f64> = marginals.mean.iter().map(|m| scale.apply(*m)).collect();
    let trace = unit * marginals.variance.iter().sum::<f64>();
    let variances: Vec<f64> = marginals.variance.iter().map(|v| unit * v).collect();
    let channels = super::channels::channels(&shape, &mean, &variances);
    let varying: Vec<bool> = marginals.variance.iter().map(|v| *v > 0.0).collect();
    let dim = varying.iter().filter(|v| **v).count();
    let constant = varying.len() - dim;
    let count = marginals.count;

    let start = starting_block(&varying, &mean, options);
    let mut operator = Covariance { samples, marginals: &marginals, unit };
    let krylov = Krylov::new(start, options, |block| operator.apply(block))?;
    let whole = krylov.nodes(krylov.blocks.len(), dim, options.probes)?;
    let half = krylov.nodes(krylov.blocks.len().div_ceil(2), dim, options.probes)?;

    let rest = mean.iter().zip(&varying).filter(|(_, varying)| !**varying);
    let rest = rest.map(|(m, _)| m * m).sum::<f64>().sqrt();
    let lists = |nodes: &Nodes, left_out: Option<usize>| {
        let (mut eigenvalues, mut multiplicities, mut means) = nodes.lists(left_out);
        if constant > 0 {
            eigenvalues.push(0.0);
            multiplicities.push(constant as f64);
            means.push(rest / (constant as f64).sqrt());
        }
        (eigenvalues, multiplicities, means)
    };
    let spectrum = |nodes: &Nodes, left_out: Option<usize>| -> Result<Spectrum, SpectrumError> {
        let (eigenvalues, multiplicities, means) = lists(nodes, left_out);
        let provenance = "stochastic Lanczos quadrature";
        Spectrum::new(&description, provenance, &eigenvalues, Some(&multiplicities), Some(&means))
    };
    let leave_one_out = (0..options.probes).map(|p| spectrum(&whole, Some(p)));
    let quadrature = Quadrature {
        spectrum: spectrum(&whole, None)?,
        leave_one_out: leave_one_out.collect::<Result<_, _>>()?,
        halfway: spectrum(&half, None)?,
        converged: whole.converged.iter().filter(|c| **c).count(),
    };
    let found = quadrature.estimate(Spectrum::trace).value;
    let checks = Checks {
        trace: if found == trace { 0.0 } else { ((found - trace) / trace).abs() },
        orthogonality: krylov.orthogonality()?,
        residual: krylov.asymmetry(),
    };
    let (eigenvalues, multiplicities, means) = lists(&whole, None);
    Ok(Decomposition {
        description,
        shape,
        scale,
        count: Some(count),
        method: Method::Lanczos,
        reason: String::new(),
        eigenvalues,
        multiplicities: Some(multiplicities),
        means,
        mean,
        channels,
        trace,
        rounding: whole.rounding,
        rank: None,
        checks,
        basis: None,
        centred: false,
        quadrature: Some(quadrature),
    })
}

/// Count, mean and variance of each coordinate, as stored.
struct Marginals {
    count: u64,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Marginals {
    /// Sums of bytes are exact; other values are summed relative to the first vector.
    fn of(samples: &mut dyn Samples) -> Result<Self, DecompositionError> {
        let dim = dim(samples.shape())?;
        let mut shift: Option<Vec<f64>> = None;
        let (mut first, mut second) = (vec![0.0; dim], vec![0.0; dim]);
        samples.rewind()?;
        let count = for_each_chunk::<SamplesError>(samples, chunk_rows(dim), |_, chunk| {
            let mut values = Vec::new();
            let centre = match &chunk {
                Chunk::Bytes { .. } => vec![CENTRE as f64; dim],
                Chunk::Floats { values, .. } => values[..dim].to_vec(),
            };
            let shift = shift.get_or_insert(centre);
            centred(&chunk, shift, &mut values);
            for row in values.chunks_exact(dim) {
                for ((first, second), v) in first.iter_mut().zip(&mut second).zip(row) {
                    *first += v;
                    *second += v * v;
                }
            }
            Ok(())
        })?;
        let Some(shift) = shift else {
            return Err(SamplesError::Empty { description: samples.description() }.into());
        };
        let n = count as f64;
        let mean = shift.iter().zip(&first).map(|(shift, sum)| shift + sum / n).collect();
        // As sums of bytes are integers, n Σ x² − (Σ x)² is exactly zero where x is constant.
        let variance = first.iter().zip(&second).map(|(s, q)| (n * q - s * s).max(0.0) / (n * n));
        Ok(Marginals { count, mean, variance: variance.collect() })
    }
}

fn chunk_rows(dim: usize) -> usize {
    (CHUNK_VALUES / dim).clamp(1, BLOCK)
}

/// The values of a chunk less `centre`.
fn centred(chunk: &Chunk, centre: &[f64], out: &mut Vec<f64>) {
    out.clear();
    let centre = centre.iter().cycle();
    match chunk {
        Chunk::Bytes { values, .. } => {
            out.extend(values.iter().zip(centre).map(|(v, c)| f64::from(*v) - c));
        }
        Chunk::Floats { values, .. } => out.extend(values.iter().zip(centre).map(|(v, c)| v - c)),
    }
}

/// The covariance as an operator on the rows of a matrix.
struct Covariance<'a> {
    samples: &'a mut dyn Samples,
    marginals: &'a Marginals,
    unit: f64,
}

impl Covariance<'_> {
    fn apply(&mut self, block: &Matrix) -> Result<Matrix, DecompositionError> {
        let (rows, dim) = (block.rows(), block.columns());
        let expected = self.marginals.count;
        let mut sums = vec![0.0; rows * dim];
        self.samples.rewind()?;
        let mean = &self.marginals.mean;
        let found =
            for_each_chunk::<DecompositionError>(self.samples, chunk_rows(dim), |_, chunk| {
                let mut values = Vec::new();
                centred(&chunk, mean, &mut values);
                let x = Matrix::new(chunk.rows(), dim, values)?;
                let image = x.multiply_transpose(block)?.transpose_multiply(&x)?;
                sums.iter_mut().zip(image.values()).for_each(|(sum, v)| *sum += v);
                Ok(())
            })?;
        if found != expected {
            let description = self.samples.description();
            return Err(SamplesError::Changed { description, found, expected }.into());
        }
        let factor = self.unit / expected as f64;
        sums.iter_mut().for_each(|sum| *sum *= factor);
        Ok(Matrix::new(rows, dim, sums)?)
    }
}

/// Random vectors on the varying coordinates, and the mean there if it is not zero.
fn starting_block(varying: &[bool], mean: &[f64], options: &LanczosOptions) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let mut block = Vec::new();
    for probe in 0..options.probes {
        random.set_stream(probe as u64);
        let normal = |_: &bool| -> f64 { StandardNormal.sample(&mut random) };
        let vector: Vec<f64> = varying.iter().map(normal).collect();
        block.push(vector.iter().zip(varying).map(|(v, on)| if *on { *v } else { 0.0 }).collect());
    }
    block.push(mean.iter().zip(varying).map(|(m, on)| if *on { *m } else { 0.0 }).collect());
    block
}

/// An orthonormal basis of the Krylov space and Σ in it.
struct Krylov {
    /// One vector per row.
    basis: Matrix,
    /// Sizes of the basis after each block.
    blocks: Vec<usize>,
    /// ⟨qᵢ, Σ qⱼ⟩, column by column. The last block has further rows, for the part of Σ qⱼ outside the
    /// space.
    columns: Vec<Vec<f64>>,
    /// The starting vectors in terms of the first block.
    start: Vec<Vec<f64>>,
}

impl Krylov {
    fn new(
        start: Vec<Vec<f64>>,
        options: &LanczosOptions,
        mut apply: impl FnMut(&Matrix) -> Result<Matrix, DecompositionError>,
    ) -> Result<Self, DecompositionError> {
        let dim = start.first().map_or(0, Vec::len);
        let mut basis: Vec<f64> = Vec::new();
        let mut coefficients = Vec::new();
        for vector in start {
            coefficients.push(append(&mut basis, dim, 0, vector, 0.0));
        }
        let (mut blocks, mut columns) = (Vec::new(), Vec::new());
        let mut first = 0;
        let mut radius = 0.0f64;
        while first < basis.len() / dim && blocks.len() < options.steps {
            let known = Matrix::new(basis.len() / dim, dim, basis)?;
            let rows = known.rows() - first;
            let block = Matrix::new(rows, dim, known.values()[first * dim..].to_vec())?;
            let mut image = match apply(&block) {
                // Fewer steps also give a result, with larger errors.
                Err(DecompositionError::Samples(SamplesError::Interrupted { .. }))
                    if blocks.len() >= 2 =>
                {
                    basis = known.into_values();
                    break;
                }
                image => image?,
            };
            let mut inside = vec![vec![0.0; known.rows()]; rows];
            // Twice is enough (Parlett).
            for _ in 0..2 {
                let part = image.multiply_transpose(&known)?;
                let projection = part.multiply(&known)?;
                let values = image.into_values();
                let values = values.iter().zip(projection.values()).map(|(v, p)| v - p).collect();
                image = Matrix::new(rows, dim, values)?;
                for (k, inside) in inside.iter_mut().enumerate() {
                    inside.iter_mut().zip(part.row(k)).for_each(|(sum, v)| *sum += v);
                }
            }
            radius = inside.iter().flatten().fold(radius, |max, v| max.max(v.abs()));
            first = known.rows();
            blocks.push(first);
            basis = known.into_values();
            for (k, mut inside) in inside.into_iter().enumerate() {
                // Anything shorter is rounding, not a direction.
                let least = radius * 1e-12;
                inside.extend(append(&mut basis, dim, first, image.row(k).to_vec(), least));
                columns.push(inside);
            }
        }
        let size = blocks.last().copied().unwrap_or(0);
        basis.truncate(size * dim);
        Ok(Krylov { basis: Matrix::new(size, dim, basis)?, blocks, columns, start: coefficients })
    }

    /// The nodes after `blocks` blocks, for a space of dimension `dim`.
    fn nodes(&self, blocks: usize, dim: usize, probes: usize) -> Result<Nodes, DecompositionError> {
        let size = blocks.checked_sub(1).map_or(0, |last| self.blocks[last]);
        let entry = |i: usize, j: usize| self.columns[j].get(i).copied().unwrap_or(0.0);
        let inside = |i: usize, j: usize| {
            if i.max(j) < size { 0.5 * (entry(i, j) + entry(j, i)) } else { 0.0 }
        };
        let SymmetricEigen { values, vectors, .. } =
            Matrix::from_fn(size, size, inside).symmetric_eigen()?;
        let outside = self.columns[..size].iter().map(Vec::len).max().unwrap_or(size) - size;
        let residual = Matrix::from_fn(outside, size, |i, j| entry(size + i, j));
        let residual = residual.multiply(&vectors)?;

        let highest = values.last().copied().unwrap_or(0.0);
        let rounding = dim as f64 * f64::EPSILON * highest;
        let theta: Vec<f64> =
            values.iter().map(|v| if *v <= rounding { 0.0 } else { *v }).collect();
        let small = |k: usize| {
            let square: f64 = (0..outside).map(|i| residual[(i, k)].powi(2)).sum();
            theta[k] > 0.0 && square.sqrt() <= CONVERGED * theta[k]
        };
        // As many copies as starting vectors: there may be more that they do not see.
        let copies =
            |k: usize| theta.iter().filter(|v| (**v - theta[k]).abs() <= CLUSTER * highest).count();
        let starts = self.blocks.first().copied().unwrap_or(0);
        let converged = (0..size).map(|k| small(k) && copies(k) < starts).collect();
        let along = |start: &Vec<f64>| -> Vec<f64> {
            let product = |k| start.iter().enumerate().map(|(i, c)| c * vectors[(i, k)]).sum();
            (0..size).map(product).collect()
        };
        let mut coefficients: Vec<Vec<f64>> = self.start.iter().map(along).collect();
        let mean = coefficients.split_off(probes).pop().unwrap_or_default();
        Ok(Nodes { dim, theta, converged, coefficients, mean, rounding })
    }

    /// Largest difference of ⟨qᵢ, Σ qⱼ⟩ and ⟨qⱼ, Σ qᵢ⟩, relative to the largest of them.
    fn asymmetry(&self) -> f64 {
        let size = self.columns.len();
        let entry = |i: usize, j: usize| self.columns[j].get(i).copied().unwrap_or(0.0);
        let pairs = (0..size).flat_map(|j| (0..j).map(move |i| (i, j)));
        let worst = pairs.fold(0.0f64, |max, (i, j)| max.max((entry(i, j) - entry(j, i)).abs()));
        let highest = self.columns.iter().flatten().fold(0.0f64, |max, v| max.max(v.abs()));
        if worst == 0.0 { 0.0 } else { worst / highest }
    }

    /// ‖(Q Qᵀ − 1) x‖ / ‖x‖ for x = (1, −1, 1, …).
    fn orthogonality(&self) -> Result<f64, DecompositionError> {
        let x: Vec<f64> =
            (0..self.basis.rows()).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let back = self.basis.apply(&self.basis.apply_transpose(&x)?)?;
        let square: f64 = back.iter().zip(&x).map(|(a, b)| (a - b) * (a - b)).sum();
        Ok((square / x.len().max(1) as f64).sqrt())
    }
}

/// Orthogonalises a vector against the basis and appends what is left, unless that is no longer than
/// `least` or lost in rounding. Returns the coordinates of the vector from basis vector `first` on.
fn append(
    basis: &mut Vec<f64>,
    dim: usize,
    first: usize,
    mut vector: Vec<f64>,
    least: f64,
) -> Vec<f64> {
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let least = least.max(1e-12 * norm(&vector));
    let mut coefficients = vec![0.0; basis.len() / dim - first];
    for _ in 0..2 {
        for (c, q) in coefficients.iter_mut().zip(basis[first * dim..].chunks_exact(dim)) {
            let part: f64 = q.iter().zip(&vector).map(|(q, v)| q * v).sum();
            vector.iter_mut().zip(q).for_each(|(v, q)| *v -= part * q);
            *c += part;
        }
    }
    let length = norm(&vector);
    if length > least {
        basis.extend(vector.iter().map(|v| v / length));
        coefficients.push(length);
    }
    coefficients
}

/// Eigenvalues of Σ in a Krylov space, with the probes and the mean along their vectors.
struct Nodes {
    /// Dimension of the whole space.
    dim: usize,
    theta: Vec<f64>,
    converged: Vec<bool>,
    /// Per probe.
    coefficients: Vec<Vec<f64>>,
    mean: Vec<f64>,
    rounding: f64,
}

impl Nodes {
    /// Eigenvalues, multiplicities and means; without the probe `left_out`.
    fn lists(&self, left_out: Option<usize>) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let probes = self.coefficients.iter().enumerate();
        let probes: Vec<_> = probes.filter(|(p, _)| Some(*p) != left_out).collect();
        let weight = |k: usize| probes.iter().map(|(_, c)| c[k] * c[k]).sum::<f64>();
        let open: Vec<usize> = (0..self.theta.len()).filter(|k| !self.converged[*k]).collect();
        let known = self.theta.len() - open.len();
        let total: f64 = open.iter().map(|k| weight(*k)).sum();
        let per_weight = (self.dim.saturating_sub(known)) as f64 / total;

        let (mut eigenvalues, mut multiplicities, mut means) = (vec![], vec![], vec![]);
        for k in 0..self.theta.len() {
            let multiplicity = if self.converged[k] { 1.0 } else { per_weight * weight(k) };
            // NaN if no weight is left.
            if multiplicity > 0.0 {
                eigenvalues.push(self.theta[k]);
                multiplicities.push(multiplicity);
                means.push(self.mean.get(k).map_or(0.0, |m| m.abs()) / multiplicity.sqrt());
            }
        }
        (eigenvalues, multiplicities, means)
    }
}
