//! Laws of independent coordinates: their file, and fits to data.

use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::empirical::EmpiricalOptions;
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_data::separable::of_samples;
use gaussmeter_data::{EmpiricalModel, Model, SeparableModel, load_law};
use std::fs;
use std::ops::ControlFlow;

const LAW: &str = r#"{"coordinates": [
    {"weights": [0.3, 0.7], "means": [-1, 1], "stds": [0.4, 0.0]},
    {"weights": [1], "means": [0.2], "stds": [0.1], "copies": 3}]}"#;

#[test]
fn a_file_holds_the_law_and_is_the_gaussian_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.npz");
    let model = SeparableModel::parse("s.npz", LAW).unwrap();
    model.save(&path).unwrap();
    assert_eq!(SeparableModel::load(&path).unwrap(), model);
    let whole = gaussmeter::data::load(path.to_str().unwrap()).unwrap();
    assert_eq!(whole.modes(), model.spectrum().unwrap().modes());
    let law = load_law(&path).unwrap();
    assert_eq!((law.name(), law.dim(), law.groups().members.len()), ("s.npz", 4, 2));
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("not one Gaussian"), "{error}");
    let error = EmpiricalModel::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("gaussmeter separable instead of gaussmeter empirical"), "{error}");
    // Damage never panics.
    let bytes = fs::read(&path).unwrap();
    for k in (0..bytes.len()).step_by(17) {
        let mut damaged = bytes.clone();
        damaged[k] ^= 0x15;
        fs::write(&path, &damaged).unwrap();
        let _ = load_law(&path);
        fs::write(&path, &bytes[..k]).unwrap();
        assert!(load_law(&path).is_err());
    }
}

/// Two independent coordinates, one of two modes, turned by an angle.
fn turned(count: usize) -> InMemory {
    let uniform = |i: usize, base: f64| (0.5 + i as f64 * base).fract();
    let values = (0..count)
        .flat_map(|i| {
            let (u, v) = (uniform(i, 0.754_877_666_246_692_7), uniform(i, 0.569_840_290_998_053_2));
            // Sums of uniform numbers are nearly normal.
            let spread =
                |u: f64| ((17.0 * u).fract() + (31.0 * u).fract() + (53.0 * u).fract()) - 1.5;
            let a = if u < 0.4 { -3.0 } else { 2.0 } + spread(u);
            let b = 0.8 * spread(v);
            [0.8 * a - 0.6 * b, 0.6 * a + 0.8 * b]
        })
        .collect();
    InMemory::floats("turned", &[2], Scale::IDENTITY, values).unwrap()
}

#[test]
fn modes_along_eigenvectors_are_found() {
    let fit = |count: usize| {
        of_samples("m", &mut turned(count), EmpiricalOptions::default(), Watch::NOBODY)
    };
    let model = fit(4000).unwrap();
    let all = model.law.coordinates();
    let [one, two] = all else { panic!("{all:?}") };
    // In increasing order of the eigenvalues.
    assert_eq!((one.weights().len(), two.weights().len()), (1, 2));
    let mut modes: Vec<(f64, f64)> =
        two.weights().iter().copied().zip(two.means().iter().copied()).collect();
    if modes[0].0 > modes[1].0 {
        modes.swap(0, 1);
    }
    assert!((modes[0].0 - 0.4).abs() < 0.01, "{modes:?}");
    assert!(((modes[1].1 - modes[0].1).abs() - 5.0).abs() < 0.05, "{modes:?}");
    let known = gaussmeter_data::decompose(&mut turned(4000), &Default::default()).unwrap();
    let (known, found) = (known.spectrum().unwrap(), model.spectrum().unwrap());
    for (a, b) in found.modes().iter().zip(known.modes()) {
        assert!((a.eigenvalue / b.eigenvalue - 1.0).abs() < 1e-10, "{a:?} {b:?}");
        assert!((a.mean.abs() - b.mean.abs()).abs() < 1e-10, "{a:?} {b:?}");
    }
    let error = fit(19).unwrap_err().to_string();
    assert_eq!(error, "19 samples: at least 20 for a mixture of two Gaussians per coordinate");
    let stop = |p: Option<Progress>| match p {
        Some(p) if p.what == "fits" => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let stopped = of_samples("m", &mut turned(50), EmpiricalOptions::default(), Watch::new(&stop));
    assert!(stopped.unwrap_err().to_string().starts_with("interrupted after"));
}
