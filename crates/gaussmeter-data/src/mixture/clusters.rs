//! Clusters by k-means: seeds far from each other (k-means++, Arthur & Vassilvitskii 2007), then Lloyd's
//! iteration, on a random part of the data.

use super::{Key, MixtureDataError, MixtureOptions, told};
use crate::moments::BLOCK;
use crate::samples::{Chunk, Samples, Scale};
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::watch::Watch;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Most samples that clusters are sought in.
const SUBSET: usize = 10_000;

/// Most rounds of Lloyd's iteration.
const ROUNDS: usize = 100;

/// The centres of clusters, one per row.
pub(super) struct Clusters(Matrix);

/// A number in [0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

impl Clusters {
    pub fn find(
        samples: &mut dyn Samples,
        count: usize,
        options: MixtureOptions,
        watch: Watch,
    ) -> Result<Self, MixtureDataError> {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let (x, total) = subset(samples, &mut rng, options, watch)?;
        let n = x.rows();
        if count == 0 || 2 * count > n {
            return Err(MixtureDataError::Clusters { asked: count, count: total });
        }
        let mut centres = first_centres(&x, count, &mut rng);
        let mut assigned = vec![usize::MAX; n];
        for _ in 0..ROUNDS {
            let nearest = Clusters(centres.clone()).nearest(&x)?;
            let (now, distances): (Vec<usize>, Vec<f64>) = nearest.into_iter().unzip();
            if now == assigned {
                break;
            }
            assigned = now;
            centres = means(&x, &assigned, &distances, count);
            if watch.is_stopped() {
                return Err(MixtureDataError::Interrupted { position: samples.position() });
            }
        }
        Ok(Clusters(centres))
    }

    /// The cluster of each vector of a chunk.
    pub fn of(&self, chunk: &Chunk, scale: Scale) -> Result<Vec<Key>, MixtureDataError> {
        let x = Matrix::new(chunk.rows(), self.0.columns(), chunk.data(scale))?;
        let key = |(k, _): (usize, f64)| Key::new(&(k + 1).to_string());
        Ok(self.nearest(&x)?.into_iter().map(key).collect())
    }

    /// Per row of x: the nearest centre, and the squared distance to it but for |x|².
    fn nearest(&self, x: &Matrix) -> Result<Vec<(usize, f64)>, MixtureDataError> {
        let products = x.multiply_transpose(&self.0)?;
        let squares: Vec<f64> =
            (0..self.0.rows()).map(|k| self.0.row(k).iter().map(|c| c * c).sum()).collect();
        let of = |i: usize| {
            let distances = products.row(i).iter().zip(&squares).map(|(p, c)| c - 2.0 * p);
            let best = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            best.unwrap_or((0, 0.0))
        };
        Ok((0..x.rows()).map(of).collect())
    }
}

/// A random part of the data (algorithm R of Vitter 1985), and how many there are in all.
fn subset(
    samples: &mut dyn Samples,
    rng: &mut ChaCha8Rng,
    options: MixtureOptions,
    watch: Watch,
) -> Result<(Matrix, usize), MixtureDataError> {
    let dim: usize = samples.shape().iter().product();
    let fits = options.memory.0 / (16 * dim.max(1) as u64);
    let most = SUBSET.min(usize::try_from(fits).unwrap_or(SUBSET)).max(1);
    let (mut kept, mut seen): (Vec<f64>, u64) = (Vec::new(), 0);
    samples.rewind()?;
    while let Some(chunk) = samples.next_chunk(BLOCK)? {
        for row in chunk.data(samples.scale()).chunks(dim) {
            seen += 1;
            if seen <= most as u64 {
                kept.extend_from_slice(row);
                continue;
            }
            let at = rng.next_u64() % seen;
            if at < most as u64 {
                let at = at as usize * dim;
                kept[at..at + dim].copy_from_slice(row);
            }
        }
        told(samples, watch, "clusters")?;
    }
    let rows = kept.len() / dim;
    Ok((Matrix::new(rows, dim, kept)?, seen as usize))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Each centre a sample, with a probability in proportion to its squared distance to those before.
fn first_centres(x: &Matrix, count: usize, rng: &mut ChaCha8Rng) -> Matrix {
    let n = x.rows();
    let mut chosen = vec![(uniform(rng) * n as f64) as usize % n];
    let mut distances = vec![f64::INFINITY; n];
    while chosen.len() < count {
        let last = x.row(chosen[chosen.len() - 1]);
        for (i, d) in distances.iter_mut().enumerate() {
            *d = d.min(distance(x.row(i), last));
        }
        let mut at = uniform(rng) * distances.iter().sum::<f64>();
        let next = distances.iter().position(|d| {
            at -= d;
            at < 0.0
        });
        chosen.push(next.unwrap_or(chosen.len() % n));
    }
    Matrix::from_fn(count, x.columns(), |k, i| x[(chosen[k], i)])
}

/// The means of clusters. An empty one moves to the sample that is farthest from its own centre.
fn means(x: &Matrix, assigned: &[usize], distances: &[f64], count: usize) -> Matrix {
    let dim = x.columns();
    let (mut sums, mut sizes) = (vec![0.0; count * dim], vec![0usize; count]);
    for (i, &k) in assigned.iter().enumerate() {
        sizes[k] += 1;
        sums[k * dim..(k + 1) * dim].iter_mut().zip(x.row(i)).for_each(|(s, v)| *s += v);
    }
    let off = |i: &usize| distances[*i] + x.row(*i).iter().map(|v| v * v).sum::<f64>();
    let mut far: Vec<usize> = (0..x.rows()).collect();
    if sizes.contains(&0) {
        far.sort_by(|a, b| off(b).total_cmp(&off(a)));
    }
    let mut far = far.into_iter();
    for (k, size) in sizes.iter().enumerate() {
        let sum = &mut sums[k * dim..(k + 1) * dim];
        match (*size, far.len()) {
            (0, 1..) => sum.copy_from_slice(x.row(far.next().unwrap_or(0))),
            (size, _) => sum.iter_mut().for_each(|s| *s /= size.max(1) as f64),
        }
    }
    Matrix::from_fn(count, dim, |k, i| sums[k * dim + i])
}
