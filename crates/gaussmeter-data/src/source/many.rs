use super::Input;
use crate::samples::{Chunk, LeftOut, Samples, SamplesError, Scale};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Samples of several files, one file after the other.
pub(super) struct Many {
    description: String,
    all: Vec<Box<dyn Samples>>,
    at: usize,
    /// Whether each holds one sample, so that chunks are made of many.
    single: bool,
}

impl Many {
    /// Files of one sample each; at least one.
    pub fn of_single(
        description: String,
        all: Vec<(Input, Box<dyn Samples>)>,
    ) -> Result<Self, SamplesError> {
        Ok(Many { single: true, ..Many::new(description, all)? })
    }

    /// A chunk from as many files as it takes. Each is closed when it has been read.
    fn gather(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let first = self.at;
        let (mut bytes, mut floats) = (Vec::new(), Vec::new());
        while self.at - first < max_rows.max(1) {
            let Some(samples) = self.all.get_mut(self.at) else { break };
            match samples.next_chunk(1)? {
                Some(Chunk::Bytes { values, .. }) => bytes.extend(values),
                Some(Chunk::Floats { values, .. }) => floats.extend(values),
                None => {}
            }
            samples.rewind()?;
            self.at += 1;
        }
        let rows = self.at - first;
        match (bytes.is_empty(), floats.is_empty()) {
            (true, true) => Ok(None),
            (false, true) => Ok(Some(Chunk::Bytes { rows, values: bytes })),
            (true, false) => Ok(Some(Chunk::Floats { rows, values: floats })),
            (false, false) => Err(SamplesError::Mixed { row: first as u64 }),
        }
    }

    /// Files of one shape and scale; at least one.
    pub fn new(
        description: String,
        all: Vec<(Input, Box<dyn Samples>)>,
    ) -> Result<Self, SamplesError> {
        let mut kept: Vec<Box<dyn Samples>> = Vec::with_capacity(all.len());
        for (input, samples) in all {
            if let Some(first) = kept.first() {
                if first.shape() != samples.shape() {
                    return Err(SamplesError::Shape {
                        path: input.path().into(),
                        entry: input.member().map(String::from),
                        found: samples.shape().to_vec(),
                        expected: first.shape().to_vec(),
                    });
                }
                if first.scale() != samples.scale() {
                    return Err(input.malformed(
                        "holds numbers of another type than the files before: name one --scale",
                    ));
                }
            }
            kept.push(samples);
        }
        Ok(Many { description, all: kept, at: 0, single: false })
    }
}

impl Samples for Many {
    fn description(&self) -> String {
        self.description.clone()
    }
    fn shape(&self) -> &[usize] {
        self.all[0].shape()
    }
    fn scale(&self) -> Scale {
        self.all[0].scale()
    }
    fn size_hint(&self) -> Option<u64> {
        self.all.iter().map(|s| s.size_hint()).sum()
    }
    fn position(&self) -> u64 {
        match self.single {
            true => self.at as u64,
            false => self.all.iter().map(|s| s.position()).sum(),
        }
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        if self.single {
            return self.gather(max_rows);
        }
        while let Some(samples) = self.all.get_mut(self.at) {
            if let Some(chunk) = samples.next_chunk(max_rows)? {
                return Ok(Some(chunk));
            }
            self.at += 1;
        }
        Ok(None)
    }
    fn skip(&mut self, mut count: u64) -> Result<(), SamplesError> {
        if self.single {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            self.at = self.at.saturating_add(count).min(self.all.len());
            return Ok(());
        }
        while let Some(samples) = self.all.get_mut(self.at).filter(|_| count > 0) {
            let before = samples.position();
            samples.skip(count)?;
            count -= samples.position() - before;
            if count > 0 {
                self.at += 1;
            }
        }
        Ok(())
    }
    fn left_out(&self) -> LeftOut {
        let mut all = LeftOut::default();
        for one in self.all.iter().map(|s| s.left_out()) {
            all.count += one.count;
            all.first = all.first.or(one.first);
        }
        all
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.at = 0;
        self.all.iter_mut().try_for_each(|samples| samples.rewind())
    }
}

/// Part `index` of `of` equal parts of a data set, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// Which part, from 1.
    pub index: u64,
    /// How many parts there are.
    pub of: u64,
}

/// A part is not of the form i/n.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("'{text}' is no part: write i/n with 1 ≤ i ≤ n, such as 3/8")]
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

/// Samples dealt to a part at a time, where their number is not known.
const DEAL: u64 = 256;

/// Most parts of one data set.
const MAX_PARTS: u64 = 1_000_000;

impl Part {
    pub(crate) fn is_valid(self) -> bool {
        1 <= self.index && self.index <= self.of && self.of <= MAX_PARTS
    }

    /// The samples of this part: consecutive ones if their number is known, else every n-th hand
    /// of 256.
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
    /// Samples of the part that are passed.
    passed: u64,
}

impl PartOf {
    /// How many samples from the current position on belong to the part, after passing over those
    /// that do not.
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
