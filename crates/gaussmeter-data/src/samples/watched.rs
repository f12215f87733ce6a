use super::{Chunk, LeftOut, Samples, SamplesError, Scale};
use gaussmeter::watch::{Progress, Watch};

/// Samples that report every chunk and can be stopped. A method that reads them then ends with
/// [`SamplesError::Interrupted`], or with the result so far.
pub struct Watched<'a> {
    samples: &'a mut dyn Samples,
    watch: Watch<'a>,
    pass: usize,
    has_begun: bool,
}

impl<'a> Watched<'a> {
    /// Reports every chunk to `watch`.
    pub fn new(samples: &'a mut dyn Samples, watch: Watch<'a>) -> Self {
        Watched { samples, watch, pass: 1, has_begun: false }
    }
}

impl Samples for Watched<'_> {
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
        let chunk = self.samples.next_chunk(max_rows)?;
        self.has_begun = true;
        let (pass, position) = (self.pass, self.samples.position());
        let what = format!("pass {pass}");
        let progress = Progress { what: &what, unit: "samples", done: position, total: None };
        match self.watch.tell(progress) {
            true => Ok(chunk),
            false => Err(SamplesError::Interrupted { pass, position }),
        }
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        self.samples.skip(count)
    }
    fn left_out(&self) -> LeftOut {
        self.samples.left_out()
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        if std::mem::take(&mut self.has_begun) {
            self.pass += 1;
        }
        self.samples.rewind()
    }
}
