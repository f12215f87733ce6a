//! Samples that are stored, of which there are only so many.

use gaussmeter::watch::Watch;
use gaussmeter_data::Memory;
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_net::data::{SampleDraw, StoredData, TrainingData};
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
