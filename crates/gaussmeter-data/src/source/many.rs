use super::Input;
use crate::samples::{Chunk, LeftOut, Samples, SamplesError, Scale};

/// Samples of several files, one file after the other.
pub(super) struct Many {
    description: String,
    all: Vec<Box<dyn Samples>>,
    at: usize,
}

impl Many {
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
        Ok(Many { description, all: kept, at: 0 })
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
    fn is_bytes(&self) -> Option<bool> {
        self.all.first()?.is_bytes()
    }
    fn position(&self) -> u64 {
        self.all.iter().map(|s| s.position()).sum()
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        while let Some(samples) = self.all.get_mut(self.at) {
            if let Some(chunk) = samples.next_chunk(max_rows)? {
                return Ok(Some(chunk));
            }
            self.at += 1;
        }
        Ok(None)
    }
    fn skip(&mut self, mut count: u64) -> Result<(), SamplesError> {
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
