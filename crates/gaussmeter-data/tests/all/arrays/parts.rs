//! The parts of a data set are the whole, whether its size is known or not.

use super::{fixture, read};
use gaussmeter_data::Moments;
use gaussmeter_data::samples::Part;
use gaussmeter_data::samples::{Chunk, InMemory, Samples, SamplesError, Scale};
use gaussmeter_data::source::{self, Data, ReadOptions};
use proptest::prelude::*;

const DIM: usize = 3;

fn bytes(count: usize) -> Vec<u8> {
    (0..count * DIM).map(|k| (k * k / 7 + 13 * k) as u8).collect()
}

fn in_memory(count: usize) -> Box<dyn Samples> {
    Box::new(InMemory::bytes("test", &[DIM], Scale::SYMMETRIC, bytes(count)).unwrap())
}

/// Samples that do not tell their number.
struct Unknown(Box<dyn Samples>);

impl Samples for Unknown {
    fn description(&self) -> String {
        self.0.description()
    }
    fn shape(&self) -> &[usize] {
        self.0.shape()
    }
    fn scale(&self) -> Scale {
        self.0.scale()
    }
    fn size_hint(&self) -> Option<u64> {
        None
    }
    fn position(&self) -> u64 {
        self.0.position()
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        self.0.next_chunk(max_rows)
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        self.0.skip(count)
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.0.rewind()
    }
}

fn whole(count: usize, is_known: bool) -> Box<dyn Samples> {
    match is_known {
        true => in_memory(count),
        false => Box::new(Unknown(in_memory(count))),
    }
}

fn part(index: u64, of: u64, count: usize, is_known: bool) -> Box<dyn Samples> {
    Part { index, of }.of_samples(whole(count, is_known)).unwrap()
}

fn rows(values: &[f64]) -> Vec<Vec<u64>> {
    values.chunks(DIM).map(|row| row.iter().map(|v| *v as u64).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn parts_together_are_the_whole(
        count in 1usize..2000, of in 1u64..9, max_rows in 1usize..700, is_known: bool,
    ) {
        let mut expected = rows(&read(&mut *in_memory(count), 100).unwrap());
        let mut found = Vec::new();
        let mut merged: Option<Moments> = None;
        for index in 1..=of {
            let mut samples = part(index, of, count, is_known);
            let values = read(&mut *samples, max_rows).unwrap();
            prop_assert_eq!(samples.position(), (values.len() / DIM) as u64);
            if is_known {
                prop_assert_eq!(samples.size_hint(), Some((values.len() / DIM) as u64));
            }
            found.extend(rows(&values));
            samples.rewind().unwrap();
            prop_assert_eq!(samples.position(), 0);
            prop_assert_eq!(read(&mut *samples, max_rows).unwrap(), values);
            samples.rewind().unwrap();
            let moments = Moments::of(&mut *samples).unwrap();
            match &mut merged {
                None => merged = Some(moments),
                Some(all) => all.merge(moments).unwrap(),
            }
        }
        if is_known {
            prop_assert_eq!(&found, &expected);
        }
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        let (mut merged, mut direct) =
            (merged.unwrap(), Moments::of(&mut *in_memory(count)).unwrap());
        prop_assert_eq!(merged.count(), direct.count());
        prop_assert_eq!(merged.mean().unwrap(), direct.mean().unwrap());
        let (merged, direct) = (merged.covariance().unwrap(), direct.covariance().unwrap());
        prop_assert_eq!(merged.values(), direct.values());
    }

    #[test]
    fn skipping_a_part_is_reading_it(
        count in 1usize..2000, of in 1u64..5, skips in prop::collection::vec(0u64..600, 1..4),
        is_known: bool,
    ) {
        let mut samples = part(1 + count as u64 % of, of, count, is_known);
        let all = read(&mut *samples, 64).unwrap();
        samples.rewind().unwrap();
        let mut at = 0;
        for skip in skips {
            samples.skip(skip).unwrap();
            at = (at + skip).min((all.len() / DIM) as u64);
            prop_assert_eq!(samples.position(), at);
        }
        prop_assert_eq!(read(&mut *samples, 64).unwrap(), &all[at as usize * DIM..]);
    }
}

#[test]
fn parts_of_several_files_are_the_whole() {
    let paths = ["f4.npy", "tensor.pt", "array.pkl", "compressed.npz"].map(fixture);
    let open = || match source::open(&paths, &ReadOptions::default()).unwrap().data {
        Data::Samples(samples) => samples,
        _ => panic!("no samples"),
    };
    let whole = read(&mut *open(), 3).unwrap();
    assert_eq!(whole.len(), 4 * 24);
    for of in [1, 2, 3, 5, 16, 20] {
        let part = |index| {
            let mut samples = Part { index, of }.of_samples(open()).unwrap();
            read(&mut *samples, 2).unwrap()
        };
        assert_eq!((1..=of).flat_map(part).collect::<Vec<_>>(), whole, "{of} parts");
    }
    let mut samples = open();
    samples.skip(5).unwrap();
    samples.skip(6).unwrap();
    assert_eq!(samples.position(), 11);
    assert_eq!(read(&mut *samples, 2).unwrap(), whole[11 * 6..]);
}

#[test]
fn parts_are_written_as_fractions() {
    let part: Part = "3/8".parse().unwrap();
    assert_eq!((part, part.to_string()), (Part { index: 3, of: 8 }, "3/8".into()));
    for text in ["", "0/8", "9/8", "1", "a/b", "1/0", "-1/2", "1/2/3"] {
        assert!(text.parse::<Part>().is_err(), "{text}");
    }
}
