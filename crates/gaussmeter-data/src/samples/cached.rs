use super::memory::Values;
use super::{Chunk, InMemory, LeftOut, Samples, SamplesError, Scale};

/// Samples that are kept in memory during the first whole pass, if they fit, so that later passes need
/// not read and decode them again.
pub struct Cached<'a> {
    samples: &'a mut dyn Samples,
    limit: u64,
    state: State,
}

enum State {
    /// The samples since the start, all of which were handed out.
    Reading(Option<Values>),
    /// They do not fit, or this pass is not whole.
    TooLarge,
    /// All samples, and what was left out.
    Complete(InMemory, LeftOut),
}

impl<'a> Cached<'a> {
    /// Keeps at most `limit` bytes.
    pub fn new(samples: &'a mut dyn Samples, limit: u64) -> Self {
        let dim = samples.shape().iter().product::<usize>() as u64;
        let width = if samples.is_bytes() == Some(false) { 8 } else { 1 };
        let least = samples.size_hint().and_then(|n| n.checked_mul(dim)?.checked_mul(width));
        let state = match least.is_some_and(|bytes| bytes > limit) {
            true => State::TooLarge,
            false => State::Reading(None),
        };
        Cached { samples, limit, state }
    }
}

impl Samples for Cached<'_> {
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
        match &self.state {
            State::Complete(all, _) => all.size_hint(),
            _ => self.samples.size_hint(),
        }
    }
    fn is_bytes(&self) -> Option<bool> {
        self.samples.is_bytes()
    }
    fn position(&self) -> u64 {
        match &self.state {
            State::Complete(all, _) => all.position(),
            _ => self.samples.position(),
        }
    }

    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        if let State::Complete(all, _) = &mut self.state {
            return all.next_chunk(max_rows);
        }
        let chunk = self.samples.next_chunk(max_rows)?;
        if let State::Reading(kept) = &mut self.state {
            match &chunk {
                Some(chunk) => Values::append(kept, chunk.clone()),
                None => {
                    if let Some(values) = kept.take() {
                        let all = InMemory::complete(&*self.samples, values)?;
                        self.state = State::Complete(all, self.samples.left_out());
                    }
                    return Ok(None);
                }
            }
            if kept.as_ref().is_some_and(|values| values.bytes() > self.limit) {
                self.state = State::TooLarge;
            }
        }
        Ok(chunk)
    }

    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        match &mut self.state {
            State::Complete(all, _) => all.skip(count),
            // Skipped samples are not seen, so this pass is not whole.
            State::Reading(_) if count > 0 => {
                self.state = State::TooLarge;
                self.samples.skip(count)
            }
            _ => self.samples.skip(count),
        }
    }

    fn left_out(&self) -> LeftOut {
        match &self.state {
            State::Complete(_, left_out) => left_out.clone(),
            _ => self.samples.left_out(),
        }
    }

    fn rewind(&mut self) -> Result<(), SamplesError> {
        match &mut self.state {
            State::Complete(all, _) => all.rewind(),
            State::Reading(kept) => {
                *kept = None;
                self.samples.rewind()
            }
            State::TooLarge => self.samples.rewind(),
        }
    }
}
