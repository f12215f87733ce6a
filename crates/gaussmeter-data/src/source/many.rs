use super::Input;
use crate::samples::{Chunk, LeftOut, Samples, SamplesError, Scale};

/// Samples of several files, one file after the other.
pub(super) struct JoinedSamples {
    description: String,
    all: Vec<Box<dyn Samples>>,
    at: usize,
    /// Whether each file holds one sample, so that a chunk needs several files.
    single: bool,
}

impl JoinedSamples {
    /// Joins files of one sample each; at least one file.
    pub fn of_single(
        description: String,
        all: Vec<(Input, Box<dyn Samples>)>,
    ) -> Result<Self, SamplesError> {
        Ok(JoinedSamples { single: true, ..JoinedSamples::new(description, all)? })
    }

    /// Makes a chunk from as many files as needed. Each is closed when it has been read.
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

    /// Joins files of one shape and scale; at least one file.
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
                        "holds numbers of a different type than the files before: give a --scale for all",
                    ));
                }
            }
            kept.push(samples);
        }
        Ok(JoinedSamples { description, all: kept, at: 0, single: false })
    }
}

impl Samples for JoinedSamples {
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
    fn classes(&self) -> Option<&[String]> {
        // Chunks of files of one sample each come from several files.
        self.all.get(self.at).filter(|_| !self.single)?.classes()
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
