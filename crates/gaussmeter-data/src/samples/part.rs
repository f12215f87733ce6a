use super::{Chunk, LeftOut, Samples, SamplesError, Scale};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Part `index` of `of` equal parts of a data set, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// Which part, from 1.
    pub index: u64,
    /// How many parts there are.
    pub of: u64,
}

/// A text is not a part of the form i/n.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("'{text}' is not a part: write i/n with 1 ≤ i ≤ n, such as 3/8")]
pub struct PartError {
    /// What was given.
    pub text: String,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let part = || {
            let (index, of) = text.split_once('/')?;
            let part = Part { index: index.trim().parse().ok()?, of: of.trim().parse().ok()? };
            part.is_valid().then_some(part)
        };
        part().ok_or_else(|| PartError { text: text.into() })
    }
}

/// Samples dealt to a part at a time, where their total number is not known.
const DEAL: u64 = 256;

/// Most parts of one data set.
const MAX_PARTS: u64 = 1_000_000;

impl Part {
    pub(crate) fn is_valid(self) -> bool {
        1 <= self.index && self.index <= self.of && self.of <= MAX_PARTS
    }

    /// The samples of this part: consecutive ones if their total number is known, otherwise every n-th
    /// batch of 256.
    ///
    /// # Errors
    /// [`SamplesError`]
    pub fn of_samples(self, whole: Box<dyn Samples>) -> Result<Box<dyn Samples>, SamplesError> {
        let range = whole.size_hint().map(|count| {
            let cut = |k: u64| (u128::from(count) * u128::from(k) / u128::from(self.of)) as u64;
            (cut(self.index - 1), cut(self.index))
        });
        let mut samples = PartOf { whole, part: self, range, passed: 0 };
        samples.rewind()?;
        Ok(Box::new(samples))
    }
}

struct PartOf {
    whole: Box<dyn Samples>,
    part: Part,
    /// First sample and the one after the last, if they are consecutive.
    range: Option<(u64, u64)>,
    /// Samples of the part read so far.
    passed: u64,
}

impl PartOf {
    /// Skips samples that do not belong to the part. Returns how many of the following ones do.
    fn advance(&mut self) -> Result<u64, SamplesError> {
        let position = self.whole.position();
        if let Some((_, end)) = self.range {
            return Ok(end.saturating_sub(position));
        }
        let (hand, at) = (position / DEAL, position % DEAL);
        let turns = (self.part.index - 1 + self.part.of - hand % self.part.of) % self.part.of;
        if turns > 0 {
            self.whole.skip(turns * DEAL - at)?;
            return Ok(DEAL);
        }
        Ok(DEAL - at)
    }
}

impl Samples for PartOf {
    fn description(&self) -> String {
        self.whole.description()
    }
    fn shape(&self) -> &[usize] {
        self.whole.shape()
    }
    fn scale(&self) -> Scale {
        self.whole.scale()
    }
    fn size_hint(&self) -> Option<u64> {
        self.range.map(|(start, end)| end - start)
    }
    fn is_bytes(&self) -> Option<bool> {
        self.whole.is_bytes()
    }
    fn position(&self) -> u64 {
        self.passed
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let (left, before) = (self.advance()?, self.whole.position());
        if left == 0 {
            return Ok(None);
        }
        let chunk = self.whole.next_chunk(max_rows.min(usize::try_from(left).unwrap_or(max_rows)));
        self.passed += self.whole.position() - before;
        chunk
    }
    fn skip(&mut self, mut count: u64) -> Result<(), SamplesError> {
        while count > 0 {
            let left = self.advance()?;
            let (step, before) = (count.min(left), self.whole.position());
            self.whole.skip(step)?;
            if left == 0 || self.whole.position() == before {
                break;
            }
            let passed = self.whole.position() - before;
            self.passed += passed;
            count -= passed;
        }
        Ok(())
    }
    fn left_out(&self) -> LeftOut {
        self.whole.left_out()
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.whole.rewind()?;
        self.passed = 0;
        match self.range {
            Some((start, _)) => self.whole.skip(start),
            None => Ok(()),
        }
    }
}
