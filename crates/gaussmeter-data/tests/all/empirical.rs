//! The data set itself as a law, and its file.

use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::empirical::{EmpiricalOptions, of_samples};
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_data::{EmpiricalModel, Memory, MixtureModel, Model};
use std::fs;
use std::ops::ControlFlow;

fn bytes(count: usize, dim: usize) -> InMemory {
    let values = (0..count * dim).map(|k| ((k * 37 + k * k * 11) % 251) as u8).collect();
    InMemory::bytes("noise", &[dim], Scale::SYMMETRIC, values).unwrap()
}

fn floats(values: Vec<f64>) -> InMemory {
    InMemory::floats("numbers", &[2], Scale::IDENTITY, values).unwrap()
}

fn of(samples: &mut InMemory, options: EmpiricalOptions) -> Result<EmpiricalModel, String> {
    of_samples("e.npz", samples, options, Watch::NOBODY).map_err(|e| e.to_string())
}

#[test]
fn a_file_holds_the_samples_exactly_and_is_the_gaussian_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.npz");
    let halves: Vec<f64> = (0..40).map(|k| 0.5 * f64::from(k * k % 17)).collect();
    let thirds: Vec<f64> = halves.iter().map(|v| v / 3.0).collect();
    for (mut samples, width) in [
        (bytes(50, 6), 1),
        // Fewer samples than dimensions.
        (bytes(5, 300), 1),
        (floats(halves), 4),
        (floats(thirds), 8),
    ] {
        let model = of(&mut samples, EmpiricalOptions::default()).unwrap();
        model.save(&path).unwrap();
        assert_eq!(EmpiricalModel::load(&path).unwrap(), model);
        let whole = gaussmeter::data::load(path.to_str().unwrap()).unwrap();
        assert_eq!(whole.modes(), model.spectrum().unwrap().modes());
        assert_eq!(whole.dim(), model.law.dim() as f64);
        let stored = stored_size(&path);
        assert_eq!(stored, width * model.law.points().values().len() as u64);
    }
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("a data set, not one Gaussian"), "{error}");
    let error = MixtureModel::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("gaussmeter empirical instead of gaussmeter mixture"), "{error}");
    // Damage never panics.
    let whole = fs::read(&path).unwrap();
    for k in (0..whole.len()).step_by(23) {
        let mut damaged = whole.clone();
        damaged[k] ^= 0x15;
        fs::write(&path, &damaged).unwrap();
        let _ = EmpiricalModel::load(&path);
        fs::write(&path, &whole[..k]).unwrap();
        assert!(EmpiricalModel::load(&path).is_err());
    }
}

/// Bytes of the array `samples`, without its header of 128.
fn stored_size(path: &std::path::Path) -> u64 {
    let mut archive = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    archive.by_name("samples.npy").unwrap().size() - 128
}

#[test]
fn a_random_part_is_uniform_and_reproducible() {
    let values: Vec<f64> = (0..60).flat_map(|k| [f64::from(k), 0.0]).collect();
    let options = |seed| EmpiricalOptions { samples: Some(15), seed, ..Default::default() };
    let mut hits = vec![0; 60];
    for seed in 0..400 {
        let model = of(&mut floats(values.clone()), options(seed)).unwrap();
        assert_eq!((model.law.count(), model.total), (15, 60));
        let mut chosen: Vec<usize> =
            model.law.points().values().chunks(2).map(|x| x[0] as usize).collect();
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen.len(), 15);
        chosen.iter().for_each(|k| hits[*k] += 1);
    }
    // Each is in a part with probability 1/4: 100 of 400, deviation 8.7.
    assert!(hits.iter().all(|n| (60..=140).contains(n)), "{hits:?}");
    let one = |seed| of(&mut floats(values.clone()), options(seed)).unwrap();
    assert_eq!(one(3), one(3));
    assert_ne!(one(3), one(4));
    assert!(one(3).description.ends_with("15 of 60 samples (seed 3)"));
}

#[test]
fn what_cannot_become_a_law_is_refused() {
    let samples = |n| EmpiricalOptions { samples: Some(n), ..Default::default() };
    for asked in [0, 51] {
        let error = of(&mut bytes(50, 6), samples(asked)).unwrap_err();
        assert!(error.starts_with(&format!("{asked} samples of 50: at least 1")), "{error}");
    }
    let little = EmpiricalOptions { memory: Memory(4 << 10), ..Default::default() };
    let error = of(&mut bytes(50, 6), little).unwrap_err();
    assert_eq!(
        error,
        "50 samples of dimension 6 with their moments needs 5.6 KiB of memory, but the limit is 4 KiB: allow more with --memory, or take fewer with --samples"
    );
    assert_eq!(
        of(&mut bytes(50, 6), EmpiricalOptions { samples: Some(20), ..little })
            .unwrap()
            .law
            .count(),
        20
    );
    let error = of(&mut bytes(0, 6), EmpiricalOptions::default()).unwrap_err();
    assert_eq!(error, "no samples in noise");
    let stop = |_: Option<Progress>| ControlFlow::Break(());
    let stopped = of_samples("e", &mut bytes(50, 6), samples(4), Watch::new(&stop)).unwrap_err();
    assert_eq!(stopped.to_string(), "interrupted after 50 samples: nothing is written");
}
