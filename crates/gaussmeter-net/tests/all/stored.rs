//! Samples that are stored, of which there are only so many.

use crate::common::{edm, program, unet};
use gaussmeter::watch::Watch;
use gaussmeter_data::Memory;
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_net::data::{SampleDraw, StoredData, TrainingData};
use gaussmeter_net::graph::Padding;
use gaussmeter_net::{NetError, Options, Trainer};
use std::collections::BTreeSet;

/// `count` samples of two values, of which the first is its number.
fn numbered(count: usize) -> StoredData {
    let values = (0..count).flat_map(|i| [i as f64, 0.5]).collect();
    let mut samples = InMemory::floats("numbers", &[2], Scale::IDENTITY, values);
    let samples = samples.as_mut().expect("samples of two values");
    StoredData::read(samples, false, Memory(1 << 20), Watch::NOBODY).expect("samples")
}

fn drawn(data: &StoredData, seed: u64, is_held_out: bool) -> BTreeSet<u64> {
    let draw = SampleDraw { seed, is_held_out, first: 3, count: 4000 };
    data.draw(draw).values.chunks(2).map(|sample| sample[0] as u64).collect()
}

/// What a network is measured on, with any seed, it was never trained on, with any other.
#[test]
fn held_out_samples_are_not_trained_on() {
    for count in [2, 4, 37, 200] {
        let data = numbered(count);
        let (trained, kept) = (drawn(&data, 1, false), drawn(&data, 2, true));
        assert!(trained.is_disjoint(&kept), "{count}: {trained:?} {kept:?}");
        assert_eq!(trained.len() + kept.len(), count);
        assert_eq!((drawn(&data, 2, false), drawn(&data, 1, true)), (trained, kept.clone()));
        assert_eq!(data.kept(), Some([kept.len(), count]));
    }
    let one = numbered(1);
    assert_eq!((drawn(&one, 0, true), one.kept()), (BTreeSet::from([0]), Some([0, 1])));
}

/// The least memory that training is allowed in.
fn least(data: &StoredData, options: &Options) -> u64 {
    let parametrization = edm(data);
    let program = program(unet(Padding::Zero), &parametrization, data);
    let fits = |memory| {
        let (program, parametrization) = (program.clone(), parametrization.clone());
        match Trainer::new(data, program, parametrization, options.clone(), Memory(memory)) {
            Ok(_) => true,
            Err(NetError::Memory(_)) => false,
            Err(other) => panic!("{other}"),
        }
    };
    let (mut no, mut yes) = (0, 1 << 40);
    while yes - no > 1 {
        let middle = u64::midpoint(no, yes);
        *(if fits(middle) { &mut yes } else { &mut no }) = middle;
    }
    yes
}

/// One limit for samples, training and measuring, on however many threads.
#[test]
fn memory_is_that_of_samples_and_training_together() {
    let (few, many) = (tall(10), tall(5000));
    let options = Options { batch: 1, held_out: 256, ..Options::default() };
    let more = least(&many, &options) - least(&few, &options);
    assert_eq!(u128::from(more), many.bytes() - few.bytes());
    assert!(more >= 4990 * 4 * 4);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| least(&few, &options))
    };
    let (one, eight) = (on(1), on(8));
    assert!(one < eight, "{one} {eight}");
    assert_eq!(eight - one, (on(4) - one) / 3 * 7, "as many samples more as threads");
    assert_eq!(on(16), on(32), "more samples than there are");
}

/// Samples of 1×2×2 pixels.
fn tall(count: usize) -> StoredData {
    let values = (0..4 * count).map(|i| (i % 7) as f64).collect();
    let mut samples = InMemory::floats("pictures", &[1, 2, 2], Scale::IDENTITY, values);
    let samples = samples.as_mut().expect("samples");
    StoredData::read(samples, false, Memory(1 << 20), Watch::NOBODY).expect("samples")
}
