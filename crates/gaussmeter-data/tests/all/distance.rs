//! Distances between data sets: what is compared, how it is read, and what is refused.

use crate::files::npy_of;
use gaussmeter::distance::{Comparison, Factored, Side};
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::distance::{DistanceError, Distances, Known, Opener, Subject, distance};
use gaussmeter_data::mixture::{MixtureOptions, of_samples};
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_data::source::{Number, ReadOption, ReadOptions, ScaleChoice};
use gaussmeter_data::{DecomposeOptions, GivenCovariance, Memory, Moments, decompose};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

const DIM: usize = 4;

/// Numbers of no structure in [−1, 1], correlated and scaled.
fn values(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut all: Vec<f64> = (0..count * DIM)
        .map(|k| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0) * [2.0, 1.0, 0.5, 0.2][k % DIM]
        })
        .collect();
    all.chunks_mut(DIM).for_each(|x| x[1] += 0.4 * x[0] + 0.1 * seed as f64);
    all
}

fn samples(count: usize, seed: u64) -> InMemory {
    InMemory::floats("numbers", &[DIM], Scale::IDENTITY, values(count, seed)).unwrap()
}

fn set(count: usize, seed: u64) -> Subject {
    Subject::of_samples(format!("{count} numbers"), Box::new(samples(count, seed)))
}

fn compare(reference: Subject, sets: Vec<Subject>) -> Result<Distances, DistanceError> {
    let (mut reference, mut sets) = (reference, sets);
    distance(&mut reference, &mut sets, Memory::default(), Watch::NOBODY)
}

/// By hand, from mean and covariance.
fn law(values: &[f64]) -> Factored {
    let n = (values.len() / DIM) as f64;
    let mean: Vec<f64> =
        (0..DIM).map(|i| values.iter().skip(i).step_by(DIM).sum::<f64>() / n).collect();
    // The centred samples themselves are a factor of the covariance.
    let columns = values.len() / DIM;
    let root =
        Matrix::from_fn(DIM, columns, |i, k| (values[k * DIM + i] - mean[i]) / (n - 1.0).sqrt());
    Factored::new(mean, root).unwrap()
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} instead of {expected}");
}

#[test]
fn samples_are_compared_with_everything_that_has_a_covariance() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (x, y) = (values(90, 1), values(60, 2));
    let expected = Comparison::new(&law(&x), &law(&y)).unwrap();
    let squared = expected.mean_squared() + expected.covariance_squared();

    let given = || {
        let (mean, covariance) = {
            let mut moments = Moments::of(&mut samples(90, 1)).unwrap();
            let covariance = moments.covariance().unwrap();
            let unbiased = Matrix::from_fn(DIM, DIM, |i, j| covariance[(i, j)] * 90.0 / 89.0);
            (moments.mean().unwrap(), unbiased)
        };
        let given = GivenCovariance::new("statistics", Some(mean), covariance, Number::F64);
        Subject::of_statistics(given.unwrap())
    };
    Moments::of(&mut samples(90, 1)).unwrap().save(&file("sums.npz")).unwrap();
    let open = |name: &str| Subject::open(&file(name), &ReadOptions::default()).unwrap();
    let references = [
        (set(90, 1), Known::Samples(90)),
        (given(), Known::Uncounted),
        (given().with_count(90).unwrap(), Known::Statistics(90)),
        (open("sums.npz"), Known::Statistics(90)),
    ];
    let mut errors = Vec::new();
    for (reference, known) in references {
        let found = compare(reference, vec![set(60, 2), set(90, 1)]).unwrap();
        assert_eq!((found.known, found.dim, found.sets.len()), (known, DIM, 2));
        assert_eq!(found.sets[0].known, Known::Samples(60));
        assert_close(found.sets[0].squared(), squared);
        assert_close(found.sets[0].mean_squared, expected.mean_squared());
        assert!(found.sets[1].squared() < 1e-12);
        let estimate = found.sets[0].estimate.unwrap();
        assert_close(estimate.squared + estimate.bias, squared);
        errors.push((estimate.bias, estimate.standard_error));
    }
    // What is not known to be finite adds nothing; statistics and sums are taken alike.
    assert!(errors[0].0 > 1.1 * errors[1].0 && errors[0].1 > errors[1].1);
    assert_close(errors[2].0, errors[3].0);
    assert!((errors[2].1 / errors[3].1 - 1.0).abs() < 0.05);
    assert!(errors[2].0 > errors[0].0, "uniform numbers have smaller fourth moments");

    // Laws in files: spectra with eigenvectors, of all dimensions and of some, and of a mixture.
    let options = DecomposeOptions { basis: true, ..DecomposeOptions::default() };
    decompose(&mut samples(90, 1), &options).unwrap().save(&file("basis.npz")).unwrap();
    let chosen = MixtureOptions { clusters: Some(2), ..MixtureOptions::default() };
    let model = of_samples("two", &mut samples(90, 1), chosen, Watch::NOBODY).unwrap();
    model.save(&file("mixture.npz")).unwrap();
    for (name, exact) in [("basis.npz", 1e-9), ("mixture.npz", 0.05)] {
        let found = compare(open(name), vec![set(60, 2), set(90, 1)]).unwrap();
        assert_eq!(found.known, Known::Law);
        // Their covariance is divided by n: of √(n/(n − 1)) − 1 of every deviation.
        let trace = 5.0 / 90.0;
        assert!(found.sets[1].squared() < trace * trace + exact, "{name}");
        assert!((found.sets[0].squared() / squared - 1.0).abs() < 0.03, "{name}");
        assert_eq!(found.sets[0].kurtosis[0], None);
    }
}

#[test]
fn few_samples_have_the_distance_as_computed() {
    // Three samples in four dimensions, by the matrix of inner products.
    let found = compare(set(90, 1), vec![set(3, 2), set(40, 2)]).unwrap();
    let expected = Comparison::new(&law(&values(90, 1)), &law(&values(3, 2))).unwrap();
    assert_close(found.sets[0].squared(), expected.mean_squared() + expected.covariance_squared());
    let few = found.sets[0].estimate.unwrap_err();
    assert_eq!((few.rank, few.heavy), (2, false));
    assert!(found.sets[1].estimate.is_ok());
    let table = &found.report().tables[0];
    assert!(table.notes.iter().any(|n| n.starts_with("3 numbers: ")), "{:?}", table.notes);
}

#[test]
fn the_result_does_not_depend_on_what_is_kept() {
    let all = |memory: u64| {
        let mut sets = vec![set(3000, 2), set(2000, 3)];
        distance(&mut set(2500, 1), &mut sets, Memory(memory), Watch::NOBODY).unwrap()
    };
    let (kept, read) = (all(1 << 30), all(0));
    for (a, b) in kept.sets.iter().zip(&read.sets) {
        assert_eq!(a.estimate, b.estimate);
    }
}

/// Samples whose number cannot be enough are not read again for their fourth moments.
#[test]
fn too_few_are_told_at_once() {
    let told = Mutex::new(Vec::new());
    let hear = |progress: Option<Progress>| {
        told.lock().unwrap().extend(progress.map(|p| p.what.to_string()));
        ControlFlow::Continue(())
    };
    let mut sets = [set(6, 2)];
    let found = distance(&mut set(90, 1), &mut sets, Memory::default(), Watch::new(&hear));
    let found = found.unwrap();
    assert!(found.sets[0].estimate.is_err());
    assert_eq!(found.sets[0].kurtosis, [None, None]);
    let told = told.lock().unwrap();
    assert!(!told.is_empty() && told.iter().all(|what| !what.contains("fourth")), "{told:?}");
}

#[test]
fn remarks_say_what_intervals_are_worth() {
    let heavy = |seed: u64, count: usize| {
        let mut x = values(count, 1);
        for (k, x) in x.chunks_mut(DIM).enumerate() {
            let scale = if (k as u64 + seed).is_multiple_of(9) { 4.0 } else { 1.0 };
            x.iter_mut().for_each(|x| *x *= scale);
        }
        let samples = InMemory::floats("heavy", &[DIM], Scale::IDENTITY, x).unwrap();
        Subject::of_samples("heavy", Box::new(samples))
    };
    let notes = |reference: Subject, other: Subject| {
        compare(reference, vec![other]).unwrap().report().tables[0].notes.join("; ")
    };
    let wide = |seed: u64| {
        let samples = InMemory::floats("wide", &[3 * DIM], Scale::IDENTITY, values(600, seed));
        Subject::of_samples("wide", Box::new(samples.unwrap()))
    };
    let (tails, few) = ("times those of a Gaussian", "errors are not normal");
    let near = "do both hold the same samples?";
    let all = |text: &str| [tails, few, near].map(|part| text.contains(part));
    assert_eq!(all(&notes(set(200, 1), set(200, 2))), [false; 3]);
    assert_eq!(all(&notes(set(200, 1), set(99, 2))), [false, true, false]);
    assert_eq!(all(&notes(set(200, 2), heavy(0, 300))), [true, false, false]);
    assert_eq!(all(&notes(wide(2), wide(3))), [false; 3]);
    assert_eq!(all(&notes(wide(2), wide(2))), [false, false, true]);

    // The nearest of several is marked, and the half width is that of 95 %.
    let found = compare(set(300, 1), vec![set(300, 5), set(300, 2), set(300, 9)]).unwrap();
    let table = &found.report().tables[0];
    let best: Vec<bool> = table.rows.iter().map(|row| row.cells[3].is_best()).collect();
    assert_eq!(best, [false, true, false]);
    let estimate = found.sets[0].estimate.unwrap();
    let [low, high] = estimate.interval_squared();
    let half = format!("{:.1e}", 0.5 * (high - low));
    let shown = table.rows[0].cells[6].label().plain().to_string();
    let shown = format!("{:.1e}", shown.parse::<f64>().unwrap());
    assert_eq!(half, shown);
}

/// A file that changes between its two readings.
#[test]
fn samples_that_change_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let write = |count: usize| {
        let bytes: Vec<u8> = values(count, 3).iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(&path, npy_of("<f8", &[count, DIM], &bytes)).unwrap();
    };
    write(50);
    let changed = Mutex::new(false);
    let hear = |progress: Option<Progress>| {
        if progress.is_some_and(|p| p.what.starts_with("fourth moments of 90"))
            && !std::mem::replace(&mut *changed.lock().unwrap(), true)
        {
            write(40);
        }
        ControlFlow::Continue(())
    };
    let mut sets = [Subject::open(&path, &ReadOptions::default()).unwrap()];
    let found = distance(&mut set(90, 1), &mut sets, Memory(0), Watch::new(&hear));
    let text = found.unwrap_err().to_string();
    assert!(text.contains("x.npy") && text.contains("40"), "{text}");
}

/// Options are for what can take them.
#[test]
fn options_of_reading_are_for_what_can_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let bytes: Vec<u8> = values(50, 3).iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&path, npy_of("<f8", &[50, DIM], &bytes)).unwrap();
    let sums = folder.path().join("sums.npz");
    Moments::of(&mut samples(90, 1)).unwrap().save(&sums).unwrap();
    let options = ReadOptions {
        scale: ScaleChoice::Affine { factor: 2.0, offset: 1.0 },
        ..ReadOptions::default()
    };
    let mut opener = Opener::default();
    let reference = opener.open(&sums, &options, &[]).unwrap();
    let other = opener.open(&path, &options, &[]).unwrap();
    opener.finish().unwrap();
    assert_eq!((reference.name(), other.name()), (sums.to_str().unwrap(), path.to_str().unwrap()));
    // Where nothing takes it, or it was for one alone, it is an error.
    let mut opener = Opener::default();
    opener.open(&sums, &options, &[]).unwrap();
    let text = opener.finish().unwrap_err().to_string();
    assert!(text.contains("--scale has no effect"), "{text}");
    let mut opener = Opener::default();
    let text = opener.open(&sums, &options, &[ReadOption::Scale]).err().unwrap().to_string();
    assert!(text.contains("--scale has no effect"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_said_in_a_line() {
    let refused = |reference, sets| compare(reference, sets).unwrap_err().to_string();
    let other = InMemory::floats("o", &[3], Scale::IDENTITY, vec![0.0; 30]).unwrap();
    let other = || Subject::of_samples("other.npy", Box::new(other.clone()));
    assert_eq!(refused(set(9, 1), vec![other()]), "other.npy has dimension 3, but 9 numbers has 4");
    let mut broken = values(9, 1);
    broken[4 * DIM + 2] = f64::NAN;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.npy");
    let bytes: Vec<u8> = broken.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&path, npy_of("<f8", &[9, DIM], &bytes)).unwrap();
    let broken = Subject::open(&path, &ReadOptions::default()).unwrap();
    let text = refused(set(9, 1), vec![broken]);
    assert!(text.contains("broken.npy") && text.contains("4") && text.contains("NaN"), "{text}");
    assert_eq!(refused(set(9, 1), vec![set(1, 1)]), "1 numbers: 1 sample: a covariance needs two");
    let counted = set(9, 1).with_count(7).err().unwrap().to_string();
    assert!(counted.contains("samples, which are counted"), "{counted}");
    let path = folder.path().join("values.npz");
    decompose(&mut samples(9, 1), &DecomposeOptions::default()).unwrap().save(&path).unwrap();
    let error = Subject::open(&path, &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("eigenvalues without eigenvectors"), "{error}");
    let error = Subject::open(Path::new("missing.npy"), &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("no such file 'missing.npy'"), "{error}");
}

#[test]
fn pixels_beside_other_numbers_are_noted() {
    let pixels = InMemory::bytes("p", &[DIM], Scale::SYMMETRIC, vec![7; 40]).unwrap();
    let pixels = Subject::of_samples("pixels", Box::new(pixels));
    let found = compare(set(90, 1), vec![pixels]).unwrap();
    assert!(found.notes.iter().any(|note| note.contains("the same units")), "{:?}", found.notes);
    // Without variance the mean and the trace are left.
    let law = law(&values(90, 1));
    let to_point = Comparison::new(
        &law,
        &Factored::new(
            vec![Scale::SYMMETRIC.apply(7.0); DIM],
            Matrix::new(DIM, 0, vec![]).unwrap(),
        )
        .unwrap(),
    );
    let to_point = to_point.unwrap();
    assert_close(found.sets[0].mean_squared, to_point.mean_squared());
    assert_close(found.sets[0].covariance_squared, to_point.covariance_squared());
    assert!(to_point.gaussian(Side::First, 90).is_ok());
}

#[test]
fn it_tells_its_progress_and_can_be_stopped() {
    let told = Mutex::new(Vec::new());
    let run = |stop: &str| {
        told.lock().unwrap().clear();
        let hear = |progress: Option<Progress>| {
            let mut told = told.lock().unwrap();
            if let Some(progress) = progress {
                told.push(progress.what.to_string());
            }
            match !stop.is_empty() && told.iter().any(|what| what == stop) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let mut sets = vec![set(2000, 2), set(3000, 3)];
        distance(&mut set(1500, 1), &mut sets, Memory(0), Watch::new(&hear))
    };
    assert!(!run("").unwrap().is_interrupted);
    let steps = {
        let mut told = told.lock().unwrap().clone();
        told.dedup();
        told
    };
    assert_eq!(
        steps,
        [
            "mean and covariance of 1500 numbers",
            "mean and covariance of 2000 numbers",
            "fourth moments of 1500 numbers",
            "fourth moments of 2000 numbers",
            "mean and covariance of 3000 numbers",
            "fourth moments of 1500 numbers",
            "fourth moments of 3000 numbers",
        ]
    );
    for first in &steps[..4] {
        assert!(matches!(run(first), Err(DistanceError::Interrupted)), "{first}");
    }
    let part = run("fourth moments of 3000 numbers").unwrap();
    assert!(part.is_interrupted && part.sets.len() == 1);
    assert_eq!(part.report().json["interrupted"], true);
}
