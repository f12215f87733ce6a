//! Summing a data set, or a part of one, without losing work to an interruption.

use super::{Moments, MomentsError, partial};
use crate::samples::{Part, Samples};
use gaussmeter::watch::Watch;
use std::path::PathBuf;

/// Dimension from which eigenvalues take so long that the sums are kept in the meantime.
const LONG: usize = 4096;

/// What a [`Summation`] sums, and where its result will go.
#[derive(Clone, Debug, Default)]
pub struct SummationOptions {
    /// The part to sum; the whole data set if `None`.
    pub part: Option<Part>,
    /// The file that the result will be written to. Interrupted sums are kept beside it, in
    /// [`Moments::kept_path`]; without an output they are lost.
    pub output: Option<PathBuf>,
    /// Start from the sums that an interrupted run with the same output has kept.
    pub resume: bool,
}

/// The sums of a data set, or of a part of one, in a pass that can be interrupted and resumed.
///
/// An interrupted pass leaves its sums in [`Moments::kept_path`]. A later pass over the same data, read
/// with the same options and with [`SummationOptions::resume`], continues from there and ends with the
/// same sums, bit for bit for 8-bit data. Kept sums of other data are refused.
///
/// ```
/// use gaussmeter_data::samples::{InMemory, Scale};
/// use gaussmeter_data::{Decomposition, Moments, MomentsError, Summation, SummationOptions};
/// use gaussmeter::watch::{Progress, Watch};
/// use std::ops::ControlFlow;
/// # let folder = tempfile::tempdir()?;
/// # let output = folder.path().join("bytes.npz");
///
/// let data = || InMemory::bytes("bytes", &[2], Scale::UNIT, (0..8192).map(|k| (k * k % 251) as u8).collect());
/// let options = SummationOptions { output: Some(output.clone()), ..Default::default() };
/// let mut first = Summation::begin(Box::new(data()?), options.clone())?;
/// let hear = |progress: Option<Progress>| match progress.is_none_or(|p| p.done < 2000) {
///     true => ControlFlow::Continue(()),
///     false => ControlFlow::Break(()), // Ctrl-C
/// };
/// let stopped = first.run(Watch::new(&hear));
/// assert!(matches!(stopped, Err(MomentsError::Interrupted { position: 2048, .. })));
///
/// let options = SummationOptions { resume: true, ..options };
/// let mut sums = Summation::begin(Box::new(data()?), options)?;
/// assert_eq!(sums.note().as_deref(), Some("continuing after 2048 samples"));
/// sums.run(Watch::NOBODY)?;
/// assert_eq!((sums.added(), sums.moments().count()), (2048, 4096));
/// Decomposition::of_moments(sums.moments_mut(), false)?.save(&output)?;
/// sums.finish();
/// assert!(!Moments::kept_path(&output).exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Summation {
    samples: Box<dyn Samples>,
    moments: Moments,
    kept: Option<PathBuf>,
    resume: bool,
    /// Vectors in the sums before this run.
    before: u64,
}

impl Summation {
    /// Prepares the pass. With [`SummationOptions::resume`], reads the kept sums.
    ///
    /// # Errors
    /// [`MomentsError`], in particular [`MomentsError::NothingToResume`] and
    /// [`MomentsError::OtherSums`].
    pub fn begin(
        samples: Box<dyn Samples>,
        options: SummationOptions,
    ) -> Result<Self, MomentsError> {
        let SummationOptions { part, output, resume } = options;
        let samples = match part {
            Some(part) => part.of_samples(samples)?,
            None => samples,
        };
        let mut moments = Moments::new(samples.description(), samples.shape(), samples.scale())?;
        if let Some(part) = part {
            moments = moments.with_part(part);
        }
        let kept = output.as_deref().map(partial::kept_path);
        if let Some(path) = kept.as_deref().filter(|_| resume) {
            if !path.exists() {
                return Err(MomentsError::NothingToResume { path: path.into() });
            }
            let found = Moments::load(path)?;
            if !found.is_about_the_same(&moments) {
                return Err(MomentsError::OtherSums { path: path.into() });
            }
            moments = found;
        }
        let before = moments.count();
        Ok(Summation { samples, moments, kept, resume, before })
    }

    /// What to tell the user before the pass: where it continues.
    pub fn note(&self) -> Option<String> {
        let position = self.moments.position();
        (self.resume && self.kept.is_some()).then(|| format!("continuing after {position} samples"))
    }

    /// The samples that are summed.
    pub fn samples(&self) -> &dyn Samples {
        &*self.samples
    }

    /// Sums the remaining samples. `watch` hears after each chunk how many samples have been read; where
    /// it stops the work, the sums are kept if there is an output.
    ///
    /// # Errors
    /// [`MomentsError`], in particular [`MomentsError::Interrupted`].
    pub fn run(&mut self, watch: Watch) -> Result<(), MomentsError> {
        if self.moments.extend(&mut *self.samples, watch)? {
            return Ok(());
        }
        if let Some(path) = &self.kept {
            self.moments.save(path)?;
        }
        let (position, kept) = (self.moments.position(), self.kept.clone());
        Err(MomentsError::Interrupted { position, kept })
    }

    /// Number of samples that this run has added.
    pub fn added(&self) -> u64 {
        self.moments.count() - self.before
    }

    /// The sums so far.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The sums so far, to decompose or save them.
    pub fn moments_mut(&mut self) -> &mut Moments {
        &mut self.moments
    }

    /// Keeps the sums while eigenvalues are computed, if that takes long. Returns what to tell the user.
    ///
    /// # Errors
    /// [`MomentsError::File`]
    pub fn keep_meanwhile(&mut self) -> Result<Option<String>, MomentsError> {
        let dim = self.moments.dim();
        let Some(path) = self.kept.as_deref().filter(|_| dim >= LONG) else { return Ok(None) };
        self.moments.save(path)?;
        Ok(Some(format!(
            "eigenvalues of a {dim}x{dim} matrix take long: until then the sums are kept in {} for --resume",
            path.display()
        )))
    }

    /// Removes the kept sums. Call this when the result has been written.
    pub fn finish(self) {
        let is_kept = self.resume || self.moments.dim() >= LONG;
        if let Some(path) = self.kept.filter(|_| is_kept) {
            // A file that cannot be removed does no harm.
            let _ = std::fs::remove_file(path);
        }
    }
}
