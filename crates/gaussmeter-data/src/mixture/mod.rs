//! From a data set to a mixture of Gaussians: one per class that the data name, or one per cluster.

mod clusters;
mod report;

use crate::memory::Memory;
use crate::model::MixtureModel;
use crate::moments::{BLOCK, Moments, MomentsError};
use crate::samples::{Chunk, Samples, SamplesError};
use clusters::Clusters;
use gaussmeter::mixture::{Component, Mixture, MixtureError};
use gaussmeter::numeric::linear_algebra::MatrixError;
use gaussmeter::watch::{Progress, Watch};
use std::collections::BTreeMap;
use thiserror::Error;

/// A data set cannot become a mixture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MixtureDataError {
    /// The samples cannot be read.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// Sums cannot be computed.
    #[error(transparent)]
    Moments(#[from] MomentsError),
    /// Numbers that are no mixture.
    #[error(transparent)]
    Mixture(#[from] MixtureError),
    /// Distances cannot be computed.
    #[error("clusters: {0}")]
    Matrix(#[from] MatrixError),
    /// The data do not say which class each sample is of.
    #[error(
        "{description}: nothing says which class each sample is of: classes are read from folders of pictures, .cls files in tar archives, CIFAR's files and columns of parquet files (--labels names one); --clusters K finds some in any data"
    )]
    NoClasses {
        /// What the data are.
        description: String,
    },
    /// Only one class.
    #[error(
        "{description}: all samples are of one class, '{class}': --clusters K finds several in any data"
    )]
    OneClass {
        /// What the data are.
        description: String,
        /// Its name.
        class: String,
    },
    /// A class of one sample has no covariance.
    #[error(
        "class '{class}' has a single sample, which has no covariance: leave it out, or use --clusters"
    )]
    Single {
        /// Its name.
        class: String,
    },
    /// No number of clusters, or more than samples to find them in.
    #[error("{asked} clusters of {count} samples: at least 1, and at most half of the samples")]
    Clusters {
        /// What was asked for.
        asked: usize,
        /// The samples.
        count: usize,
    },
    /// The sums of all classes would not fit.
    #[error("{0}")]
    Memory(String),
    /// It was stopped.
    #[error("interrupted after {position} samples: nothing is written")]
    Interrupted {
        /// Samples passed.
        position: u64,
    },
}

/// How components are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MixtureOptions {
    /// As many clusters, whatever the data say; the classes of the data if `None`.
    pub clusters: Option<usize>,
    /// Seed of the clusters.
    pub seed: u64,
    /// Memory that sums and samples may take.
    pub memory: Memory,
}

/// A Gaussian, with mean and covariance, for each class or cluster of a data set.
///
/// ```
/// use gaussmeter_data::mixture::{MixtureOptions, of_samples};
/// use gaussmeter_data::samples::{InMemory, Scale};
/// use gaussmeter::watch::Watch;
/// let values = vec![0.0, 0.1, 0.2, 9.0, 9.1, 9.5];
/// let mut samples = InMemory::floats("two groups", &[1], Scale::IDENTITY, values)?;
/// let options = MixtureOptions { clusters: Some(2), ..MixtureOptions::default() };
/// let model = of_samples("two", &mut samples, options, Watch::NOBODY)?;
/// assert_eq!(model.counts, [3, 3]);
/// let mut means: Vec<f64> = model.mixture.components().iter().map(|c| c.mean()[0]).collect();
/// means.sort_by(f64::total_cmp);
/// assert!((means[0] - 0.1).abs() < 1e-9 && (means[1] - 9.2).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MixtureDataError`]
pub fn of_samples(
    name: &str,
    samples: &mut dyn Samples,
    options: MixtureOptions,
    watch: Watch,
) -> Result<MixtureModel, MixtureDataError> {
    let found = match options.clusters {
        Some(count) => Some(Clusters::find(samples, count, options, watch)?),
        None => None,
    };
    let mut sums: BTreeMap<Key, Moments> = BTreeMap::new();
    let dim: usize = samples.shape().iter().product();
    samples.rewind()?;
    while let Some(chunk) = samples.next_chunk(BLOCK)? {
        if chunk.rows() > 0 {
            let keys: Vec<Key> = match &found {
                Some(clusters) => clusters.of(&chunk, samples.scale())?,
                None => {
                    let classes = samples.classes();
                    let none =
                        || MixtureDataError::NoClasses { description: samples.description() };
                    classes.ok_or_else(none)?.iter().map(|class| Key::new(class)).collect()
                }
            };
            for (key, part) in split(&chunk, dim, keys) {
                if !sums.contains_key(&key) {
                    // The covariance, and the block that is summed next.
                    let each = 8 * dim as u128 * (dim as u128 + BLOCK as u128);
                    let classes = sums.len() + 1;
                    let what = format!("summing {classes} classes of dimension {dim}");
                    let checked = options.memory.check(classes as u128 * each, what);
                    checked.map_err(MixtureDataError::Memory)?;
                    let new = Moments::new(&key.name, samples.shape(), samples.scale())?;
                    sums.insert(key.clone(), new);
                }
                if let Some(moments) = sums.get_mut(&key) {
                    moments.push(&part)?;
                }
            }
        }
        told(samples, watch, "sums")?;
    }
    of_sums(name, samples, sums, options)
}

fn told(samples: &dyn Samples, watch: Watch, what: &str) -> Result<(), MixtureDataError> {
    let (done, total) = (samples.position(), samples.size_hint());
    match watch.tell(Progress { what, unit: "samples", done, total }) {
        true => Ok(()),
        false => Err(MixtureDataError::Interrupted { position: done }),
    }
}

/// The name of a class, in the order of its numbers where it has some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    number: u64,
    name: String,
}

impl Key {
    fn new(name: &str) -> Self {
        Key { number: name.parse().unwrap_or(u64::MAX), name: name.to_owned() }
    }
}

/// The vectors of a chunk by their classes, in the order in which these come.
fn split(chunk: &Chunk, dim: usize, keys: Vec<Key>) -> Vec<(Key, Chunk)> {
    let mut rows: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    keys.into_iter().enumerate().for_each(|(row, key)| rows.entry(key).or_default().push(row));
    fn gather<T: Copy>(values: &[T], dim: usize, rows: &[usize]) -> Vec<T> {
        rows.iter().flat_map(|r| &values[r * dim..(r + 1) * dim]).copied().collect()
    }
    let part = |rows: &[usize]| match chunk {
        Chunk::Bytes { values, .. } => {
            Chunk::Bytes { rows: rows.len(), values: gather(values, dim, rows) }
        }
        Chunk::Floats { values, .. } => {
            Chunk::Floats { rows: rows.len(), values: gather(values, dim, rows) }
        }
    };
    rows.into_iter().map(|(key, rows)| (key, part(&rows))).collect()
}

fn of_sums(
    name: &str,
    samples: &dyn Samples,
    sums: BTreeMap<Key, Moments>,
    options: MixtureOptions,
) -> Result<MixtureModel, MixtureDataError> {
    let description = samples.description();
    if sums.is_empty() {
        return Err(SamplesError::Empty { description }.into());
    }
    if let Some((Key { name: class, .. }, _)) = sums.iter().find(|(_, m)| m.count() < 2) {
        return Err(MixtureDataError::Single { class: class.clone() });
    }
    let names: Vec<&str> = sums.keys().map(|key| &key.name[..]).collect();
    if let ([class], None) = (&names[..], options.clusters) {
        return Err(MixtureDataError::OneClass { description, class: (*class).into() });
    }
    let names: Vec<String> = without_common(&names);
    let total: u64 = sums.values().map(Moments::count).sum();
    let kind = if options.clusters.is_some() { "clusters" } else { "classes" };
    let description = format!("{description}, {} {kind}", sums.len());
    let (mut components, mut counts) = (Vec::new(), Vec::new());
    for (mut moments, name) in sums.into_values().zip(names) {
        let weight = moments.count() as f64 / total as f64;
        let (mean, covariance) = (moments.mean()?, moments.covariance()?);
        counts.push(moments.count());
        drop(moments);
        components.push(Component::of_covariance(name, weight, mean, &covariance)?);
    }
    let mixture = Mixture::new(name, components)?;
    let (shape, scale) = (samples.shape().to_vec(), samples.scale());
    Ok(MixtureModel { mixture, counts, description, shape, scale })
}

/// Names of folders without those that all of them lie in.
fn without_common(names: &[&str]) -> Vec<String> {
    let folders = |name: &str| name.split('/').map(String::from).collect::<Vec<_>>();
    let first = names.first().map_or_else(Vec::new, |name| folders(name));
    let shared = |name: &&str| folders(name).iter().zip(&first).take_while(|(a, b)| a == b).count();
    let least = names.iter().map(shared).min().unwrap_or(0);
    let own = |name: &&str| match folders(name).get(least..) {
        // A class whose folder holds those of the others.
        Some([]) | None => (*name).to_owned(),
        Some(rest) => rest.join("/"),
    };
    names.iter().map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::without_common;

    #[test]
    fn classes_are_named_without_what_they_share() {
        assert_eq!(without_common(&["train/cat", "train/dog"]), ["cat", "dog"]);
        assert_eq!(without_common(&["a/x/1", "a/y/1"]), ["x/1", "y/1"]);
        assert_eq!(without_common(&["a", "a/b"]), ["a", "b"]);
        assert_eq!(without_common(&["0", "1"]), ["0", "1"]);
    }
}
