//! Classes that are listed beside the samples.

use crate::samples::{Chunk, LeftOut, Samples, SamplesError, Scale};
use std::ops::Range;

/// Samples with a class each.
pub(super) struct Labelled {
    samples: Box<dyn Samples>,
    labels: Vec<String>,
    /// The samples of the last chunk.
    last: Range<usize>,
}

impl Labelled {
    /// As many labels as samples.
    pub fn new(samples: Box<dyn Samples>, labels: Vec<String>) -> Self {
        Labelled { samples, labels, last: 0..0 }
    }
}

impl Samples for Labelled {
    fn description(&self) -> String {
        self.samples.description()
    }
    fn shape(&self) -> &[usize] {
        self.samples.shape()
    }
    fn scale(&self) -> Scale {
        self.samples.scale()
    }
    fn size_hint(&self) -> Option<u64> {
        self.samples.size_hint()
    }
    fn is_bytes(&self) -> Option<bool> {
        self.samples.is_bytes()
    }
    fn position(&self) -> u64 {
        self.samples.position()
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let start = self.samples.position() as usize;
        let chunk = self.samples.next_chunk(max_rows)?;
        self.last = start..self.samples.position() as usize;
        Ok(chunk)
    }
    fn classes(&self) -> Option<&[String]> {
        self.labels.get(self.last.clone())
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        self.samples.skip(count)
    }
    fn left_out(&self) -> LeftOut {
        self.samples.left_out()
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.samples.rewind()
    }
}
