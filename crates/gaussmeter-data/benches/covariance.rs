//! Time and memory of the spectrum of 50,000 pictures of 3072 bytes, step by step:
//! `cargo bench -p gaussmeter-data`. Other sizes: `-- COUNT DIM`.
//!
//! Processor time, where Linux tells it, is what counts on a busy machine.

use gaussmeter_data::samples::{Chunk, Samples, SamplesError, Scale};
use gaussmeter_data::{Decomposition, Moments};
use std::time::Instant;

/// Pictures made while they are read, from a block of noise at changing offsets.
struct Synthetic {
    shape: [usize; 1],
    noise: Vec<u8>,
    count: u64,
    next: u64,
}

impl Samples for Synthetic {
    fn description(&self) -> String {
        "noise".into()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn scale(&self) -> Scale {
        Scale::SYMMETRIC
    }
    fn size_hint(&self) -> Option<u64> {
        Some(self.count)
    }
    fn position(&self) -> u64 {
        self.next
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        self.next = self.count.min(self.next + count);
        Ok(())
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let rows = (self.count - self.next).min(max_rows as u64) as usize;
        if rows == 0 {
            return Ok(None);
        }
        let dim = self.shape[0];
        let mut values = Vec::with_capacity(rows * dim);
        for row in self.next..self.next + rows as u64 {
            let start = (row as usize * 7919) % (self.noise.len() - dim);
            values.extend_from_slice(&self.noise[start..start + dim]);
        }
        self.next += rows as u64;
        Ok(Some(Chunk::Bytes { rows, values }))
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.next = 0;
        Ok(())
    }
}

/// Seconds of processor time and peak MiB of this process.
fn usage() -> Option<(f64, u64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some((ticks / 100.0, peak.split_whitespace().next()?.parse::<u64>().ok()? >> 10))
}

fn step<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let (before, start) = (usage(), Instant::now());
    let result = work();
    let wall = start.elapsed().as_secs_f64();
    match (before, usage()) {
        (Some((before, _)), Some((after, peak))) => {
            println!("{name:24} {wall:7.2} s, processor {:7.2} s, peak {peak} MiB", after - before);
        }
        _ => println!("{name:24} {wall:7.2} s"),
    }
    result
}

fn main() {
    let mut numbers = std::env::args().filter_map(|a| a.parse().ok());
    let (count, dim): (usize, usize) =
        (numbers.next().unwrap_or(50_000), numbers.next().unwrap_or(3072));
    let mut state = 1u64;
    let noise = (0..dim + 2_000_003).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let (noise, count) = (noise.collect(), count as u64);
    let mut samples = Synthetic { shape: [dim], noise, count, next: 0 };
    println!("{count} samples of {dim} bytes");
    let mut moments = step("moments", || Moments::of(&mut samples)).expect("bytes");
    step("covariance", || moments.covariance()).expect("moments");
    let found = step("eigenvalues and means", || Decomposition::of_moments(&mut moments, false));
    let found = found.expect("moments");
    println!("rank {:?}, {:?}", found.rank, found.checks);
    let found = step("with basis", || Decomposition::of_moments(&mut moments, true));
    let folder = tempfile::tempdir().expect("folder");
    step("partial result saved", || moments.save(&folder.path().join("moments.npz")))
        .expect("file");
    let path = folder.path().join("spectrum.npz");
    step("spectrum file saved", || found.expect("moments").save(&path)).expect("file");
}
