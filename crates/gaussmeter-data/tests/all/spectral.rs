//! Spectra of data: known covariances, the same by every method, errors as stated, files that the
//! library reads.

use crate::files::random;
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::prelude::*;
use gaussmeter::spectrum::Spectrum;
use gaussmeter_data::samples::{InMemory, Samples, Scale};
use gaussmeter_data::{
    DecomposeOptions, Decomposition, DecompositionError, DenseBasis, LanczosOptions, Method, Model,
    Moments, decompose,
};
use std::sync::Arc;

/// Reproducible numbers in [0, 1).
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut random = random(seed);
    move || (random() >> 11) as f64 / (1u64 << 53) as f64
}

/// Bytes whose coordinates share a few patterns of decreasing strength, so that the spectrum is
/// steep, with a mean that is not zero. Coordinates divisible by 50 are constant.
fn pictures(count: usize, dim: usize) -> Vec<u8> {
    let mut random = uniform(17);
    let patterns: Vec<Vec<f64>> = (0..12)
        .map(|k| (0..dim).map(|i| ((i * (k + 1)) as f64 * 0.37 + k as f64).sin()).collect())
        .collect();
    let mut values = Vec::with_capacity(count * dim);
    for _ in 0..count {
        let weights: Vec<f64> =
            (0..12).map(|k| 60.0 * (random() - 0.5) / (1.0 + k as f64)).collect();
        for i in 0..dim {
            let noise = 20.0 * (random() - 0.5) / (1.0 + (i % 30) as f64);
            let pattern: f64 = weights.iter().zip(&patterns).map(|(w, p)| w * p[i]).sum();
            let level = if i % 50 == 0 { 9.0 } else { 100.0 + 0.2 * i as f64 + pattern + noise };
            values.push(level.clamp(0.0, 255.0) as u8);
        }
    }
    values
}

fn samples(count: usize, dim: usize) -> InMemory {
    InMemory::bytes("pictures", &[dim], Scale::SYMMETRIC, pictures(count, dim)).unwrap()
}

fn by(method: Method, samples: &mut dyn Samples) -> Decomposition {
    samples.rewind().unwrap();
    decompose(samples, &DecomposeOptions { method: Some(method), ..DecomposeOptions::default() })
        .unwrap()
}

/// The reflection of x at a plane: an orthogonal matrix without zeros.
fn reflect(x: &[f64]) -> Vec<f64> {
    let axis: Vec<f64> = (0..x.len()).map(|i| 1.0 + (i as f64).sin()).collect();
    let along: f64 = axis.iter().zip(x).map(|(a, x)| a * x).sum();
    let square: f64 = axis.iter().map(|a| a * a).sum();
    x.iter().zip(&axis).map(|(x, a)| x - 2.0 * along / square * a).collect()
}

/// Points at ± √(d λᵢ) along the axes eᵢ of a turned frame, around a centre: covariance Σ λᵢ eᵢ eᵢᵀ.
fn cross(eigenvalues: &[f64], centre: &[f64]) -> InMemory {
    let d = eigenvalues.len();
    let mut values = Vec::new();
    for (i, eigenvalue) in eigenvalues.iter().enumerate() {
        for sign in [1.0, -1.0] {
            let mut x = centre.to_vec();
            x[i] += sign * (d as f64 * eigenvalue).sqrt();
            values.extend(reflect(&x));
        }
    }
    InMemory::floats("cross", &[d], Scale::IDENTITY, values).unwrap()
}

#[test]
fn known_covariances() {
    let d = 40;
    let eigenvalues: Vec<f64> = (0..d).map(|i| 10.0 / (1.0 + i as f64).powi(2)).collect();
    let centre: Vec<f64> = (0..d).map(|i| (i as f64 - 3.0) / 7.0).collect();
    let found = decompose(&mut cross(&eigenvalues, &centre), &DecomposeOptions::default()).unwrap();
    assert_eq!((found.method, found.rank, found.count), (Method::Dense, Some(d), Some(80)));
    // The turned frame is orthonormal to a few ε per coordinate only.
    let rounding = 10.0 * d as f64 * f64::EPSILON * eigenvalues[0];
    for k in 0..d {
        let (value, expected) = (found.eigenvalues[d - 1 - k], eigenvalues[k]);
        assert!((value - expected).abs() < rounding, "{value} instead of {expected}");
        let (mean, expected) = (found.means[d - 1 - k].abs(), centre[k].abs());
        assert!((mean - expected).abs() < 1e-9, "{mean} instead of {expected}");
    }
    assert!((found.trace - eigenvalues.iter().sum::<f64>()).abs() < 1e-12);
    let turned = reflect(&centre);
    assert!(found.mean.iter().zip(&turned).all(|(a, b)| (a - b).abs() < 1e-13));
}

#[test]
fn zeros_are_exact() {
    let dim = 120;
    // 3 constant coordinates, and one that repeats another: rank 116.
    let mut values = pictures(1000, dim);
    values.chunks_exact_mut(dim).for_each(|row| row[7] = row[8]);
    let mut data = InMemory::bytes("", &[dim], Scale::SYMMETRIC, values).unwrap();
    let full = by(Method::Dense, &mut data);
    assert_eq!(full.rank, Some(116));
    let spectrum = full.spectrum().unwrap();
    assert_eq!(spectrum.null_dim(), 4.0);
    assert!(spectrum.notices().is_empty(), "{:?}", spectrum.notices());
    let constant = 9.0 * (2.0 / 255.0) - 1.0;
    let means = spectrum.modes().iter().filter(|m| m.eigenvalue == 0.0 && m.mean == constant);
    assert_eq!(means.map(|m| m.multiplicity).sum::<f64>(), 3.0);

    // n samples leave at most n − 1 eigenvalues.
    for method in [Method::Dense, Method::Gram] {
        let few = by(method, &mut samples(20, dim));
        assert_eq!(few.rank, Some(19), "{method}");
        assert_eq!(few.spectrum().unwrap().null_dim(), 101.0);
        let one = by(method, &mut samples(1, dim));
        assert_eq!((one.rank, one.trace), (Some(0), 0.0), "{method}");
        let norm: f64 = one.mean.iter().map(|m| m * m).sum();
        let along = one.spectrum().unwrap().sum(|_, mode| mode.mean * mode.mean);
        assert!((along / norm - 1.0).abs() < 1e-14);
    }
}

/// ⟨μ, f(Σ) μ⟩ and tr f(Σ) do not depend on the choice of basis in eigenspaces.
fn fingerprint(spectrum: &Spectrum) -> Vec<f64> {
    let powers = [0.5, 1.0, 2.0].into_iter();
    powers
        .flat_map(|p| {
            [
                spectrum.sum(|_, m| m.eigenvalue.powf(p)),
                spectrum.sum(|_, m| m.mean * m.mean * m.eigenvalue.powf(p)),
            ]
        })
        .chain([spectrum.dim(), spectrum.sum(|_, m| m.mean * m.mean)])
        .collect()
}

#[test]
fn gram_is_dense() {
    let (count, dim) = (60, 1100);
    let exact = samples(count, dim);
    let real: Vec<f64> =
        pictures(count, dim).iter().map(|v| f64::from(*v) + (f64::from(*v)).sin()).collect();
    let real = InMemory::floats("", &[dim], Scale { factor: 0.01, offset: -1.3 }, real).unwrap();
    for mut data in [exact, real] {
        let (dense, gram) = (by(Method::Dense, &mut data), by(Method::Gram, &mut data));
        assert_eq!((dense.rank, gram.rank), (Some(count - 1), Some(count - 1)));
        let highest = *dense.eigenvalues.last().unwrap();
        for k in 0..count - 1 {
            let (a, b) = (dense.eigenvalues[dim - count + 1 + k], gram.eigenvalues[k]);
            assert!((a - b).abs() < 1e-13 * highest, "eigenvalue {k}: {a} and {b}");
            let (a, b) = (dense.means[dim - count + 1 + k].abs(), gram.means[k].abs());
            assert!((a - b).abs() < 1e-8, "mean {k}: {a} and {b}");
        }
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-13;
        assert!(dense.mean.iter().zip(&gram.mean).all(close));
        assert!((dense.trace / gram.trace - 1.0).abs() < 1e-13);
        let pair = [dense.spectrum().unwrap(), gram.spectrum().unwrap()];
        for (a, b) in fingerprint(&pair[0]).iter().zip(fingerprint(&pair[1])) {
            assert!((a / b - 1.0).abs() < 1e-9, "{a} and {b}");
        }
        for checks in [dense.checks, gram.checks] {
            assert!(
                checks.trace < 1e-13 && checks.orthogonality < 1e-12 && checks.residual < 1e-12
            );
        }
    }
}

/// W2 of a sampler whose data law has this spectrum.
fn w2(spectrum: &Spectrum) -> f64 {
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let plan = EulerMaruyama.plan(&Uniform.grid(&process, 50, 1e-3).unwrap()).unwrap();
    let law = Output::of(&plan, spectrum).law(&Init::Normal { std: Some(1.0) }, Target::Data);
    wasserstein2(&law).total
}

#[test]
fn lanczos_is_dense_within_its_errors() {
    let dim = 600;
    let mut data = samples(2000, dim);
    let exact = by(Method::Dense, &mut data).spectrum().unwrap();
    let (mut tight, mut total) = (0, 0);
    for seed in 0..6 {
        let lanczos = LanczosOptions { probes: 6, steps: 20, seed };
        data.rewind().unwrap();
        let options = DecomposeOptions {
            method: Some(Method::Lanczos),
            lanczos,
            ..DecomposeOptions::default()
        };
        let found = decompose(&mut data, &options).unwrap();
        assert!(found.checks.orthogonality < 1e-12 && found.checks.residual < 1e-12);
        assert!(found.rank.is_none() && found.basis.is_none());
        let spectrum = found.spectrum().unwrap();
        assert!((spectrum.dim() - dim as f64).abs() < 1e-9, "multiplicities add up to d");
        assert!((spectrum.highest() / exact.highest() - 1.0).abs() < 1e-12);
        let quadrature = found.quadrature.unwrap();
        assert!(quadrature.converged >= 12, "the strong patterns are found one by one");

        let root = |s: &Spectrum| s.sum(|_, m| m.eigenvalue.sqrt());
        let functions: [&dyn Fn(&Spectrum) -> f64; 3] = [&Spectrum::trace, &root, &w2];
        for (k, function) in functions.into_iter().enumerate() {
            let (estimate, truth) = (quadrature.estimate(function), function(&exact));
            assert_eq!(estimate.value, function(&spectrum));
            let (error, stated) =
                ((estimate.value - truth).abs(), estimate.probes + estimate.steps);
            assert!(error <= 4.0 * stated, "function {k}: {error} of {stated}, {estimate:?}");
            assert!(stated < 0.03 * truth, "function {k}: {estimate:?}, {truth}");
            total += 1;
            tight += usize::from(error <= stated);
        }
        // The mean is in the Krylov space: its quadrature has no statistical error.
        for f in [|_| 1.0, |l: f64| l] {
            let along = |s: &Spectrum| s.sum(|_, m| m.mean * m.mean * f(m.eigenvalue));
            assert!((along(&spectrum) / along(&exact) - 1.0).abs() < 1e-9);
        }
    }
    assert!(tight * 2 > total, "{tight} of {total} within one standard error");
}

/// A Krylov space of the whole data space leaves nothing to chance.
#[test]
fn lanczos_with_enough_steps_is_exact() {
    let mut data = samples(500, 40);
    let (dense, found) = (by(Method::Dense, &mut data), by(Method::Lanczos, &mut data));
    let (a, b) = (dense.spectrum().unwrap(), found.spectrum().unwrap());
    for (a, b) in fingerprint(&a).iter().zip(fingerprint(&b)) {
        assert!((a / b - 1.0).abs() < 1e-10, "{a} and {b}");
    }
    let estimate = found.quadrature.unwrap().estimate(Spectrum::trace);
    assert!(estimate.probes < 1e-10 * estimate.value, "{estimate:?}");
}

/// Eigenvalues of high multiplicity stop the iteration early; their weights are still theirs.
#[test]
fn lanczos_meets_repeated_eigenvalues() {
    let d = 200;
    let eigenvalues: Vec<f64> = (0..d).map(|i| [1.0, 4.0, 0.25, 0.0][i % 4]).collect();
    let mut data = cross(&eigenvalues, &vec![0.0; d]);
    let options = LanczosOptions { probes: 20, steps: 10, seed: 1 };
    let options = DecomposeOptions {
        method: Some(Method::Lanczos),
        lanczos: options,
        ..DecomposeOptions::default()
    };
    let spectrum = decompose(&mut data, &options).unwrap().spectrum().unwrap();
    for expected in [0.0, 0.25, 1.0, 4.0] {
        let near = |m: &&gaussmeter::spectrum::Mode| (m.eigenvalue - expected).abs() < 1e-9;
        let weight: f64 = spectrum.modes().iter().filter(near).map(|m| m.multiplicity).sum();
        assert!((weight - 50.0).abs() < 12.0, "{expected}: {weight}");
    }
    // With fewer copies than starting vectors, multiplicities are exact.
    let eigenvalues: Vec<f64> =
        (0..d).map(|i| [3.0, 2.0, 1.0, 0.5][i / 50] / (1 + i / 5) as f64).collect();
    let mut data = cross(&eigenvalues, &vec![0.0; d]);
    let spectrum = by(Method::Lanczos, &mut data).spectrum().unwrap();
    assert!((spectrum.trace() / eigenvalues.iter().sum::<f64>() - 1.0).abs() < 1e-10);
    let copies: f64 = spectrum
        .modes()
        .iter()
        .filter(|m| (m.eigenvalue - 3.0).abs() < 1e-9)
        .map(|m| m.multiplicity)
        .sum();
    assert_eq!(copies, 5.0);
}

#[test]
fn constant_data_have_a_spectrum_of_zeros() {
    for method in [Method::Dense, Method::Gram, Method::Lanczos] {
        let values = [3u8, 250, 0].repeat(7);
        let mut data = InMemory::bytes("", &[3], Scale::SYMMETRIC, values).unwrap();
        let found = by(method, &mut data);
        let spectrum = found.spectrum().unwrap();
        assert_eq!((spectrum.null_dim(), spectrum.dim()), (3.0, 3.0), "{method}");
        let norm: f64 = found.mean.iter().map(|m| m * m).sum();
        let along = spectrum.sum(|_, m| m.mean * m.mean);
        assert!((along / norm - 1.0).abs() < 1e-14, "{method}");
    }
}

#[test]
fn eigenvalues_do_not_depend_on_threads() {
    let results: Vec<(Vec<f64>, Matrix)> = [1, 2, 3]
        .iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(*threads).build().unwrap();
            pool.install(|| {
                let mut moments = Moments::of(&mut samples(900, 700)).unwrap();
                let found = Decomposition::of_moments(&mut moments, true).unwrap();
                (found.eigenvalues, found.basis.unwrap())
            })
        })
        .collect();
    assert!(results.iter().all(|r| *r == results[0]));
}

#[test]
fn the_basis_diagonalises() {
    let dim = 120;
    let mut data = samples(400, dim);
    let options = DecomposeOptions { basis: true, ..DecomposeOptions::default() };
    let found = decompose(&mut data, &options).unwrap();
    let rows = found.basis.clone().unwrap();
    let basis = found.into_basis().unwrap().unwrap();
    data.rewind().unwrap();
    let mut moments = Moments::of(&mut data).unwrap();
    let (covariance, mean) = (moments.covariance().unwrap(), moments.mean().unwrap());
    assert_eq!((basis.dim(), basis.shape()), (dim, &[dim][..]));

    let (mut x, mut c) = (vec![0.0; dim], vec![0.0; dim]);
    basis.analyze(&mean, &mut c);
    assert!(c.iter().zip(basis.means()).all(|(c, m)| (c - m).abs() < 1e-12));
    basis.synthesize(basis.means(), &mut x);
    assert!(x.iter().zip(&mean).all(|(x, m)| (x - m).abs() < 1e-12));
    let highest = *basis.eigenvalues().last().unwrap();
    for j in 0..dim {
        let e = rows.row(j);
        let image = covariance.apply(e).unwrap();
        for (image, e) in image.iter().zip(e) {
            assert!((image - basis.eigenvalues()[j] * e).abs() < 1e-13 * highest);
        }
    }
    let lanczos = DecomposeOptions { method: Some(Method::Lanczos), ..options };
    assert!(matches!(
        decompose(&mut data, &lanczos),
        Err(DecompositionError::NoBasis { method: Method::Lanczos })
    ));
}

/// Few samples: the eigenvectors of the Gram matrix, completed, are a basis like any other.
#[test]
fn the_low_rank_basis_diagonalises() {
    let dim = 600;
    for count in [1, 2, 40, 300] {
        let mut data = samples(count, dim);
        let options = DecomposeOptions { basis: true, ..DecomposeOptions::default() };
        let found = decompose(&mut data, &options).unwrap();
        assert_eq!((found.method, found.basis.as_ref().unwrap().rows()), (Method::Gram, count - 1));
        let fingerprints = fingerprint(&found.spectrum().unwrap());
        let basis = found.into_basis().unwrap().unwrap();
        data.rewind().unwrap();
        let mut moments = Moments::of(&mut data).unwrap();
        let (covariance, mean) = (moments.covariance().unwrap(), moments.mean().unwrap());

        // All unit vectors at once: orthonormal, and eigenvectors.
        let identity = Matrix::diagonal(&vec![1.0; dim]);
        let mut vectors = vec![0.0; dim * dim];
        basis.synthesize(identity.values(), &mut vectors);
        let mut back = vec![0.0; dim * dim];
        basis.analyze(&vectors, &mut back);
        let off = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).fold(0.0, |max: f64, (a, b)| max.max((a - b).abs()))
        };
        assert!(off(&back, identity.values()) < 1e-12, "{count}");
        let vectors = Matrix::new(dim, dim, vectors).unwrap();
        let products = vectors.multiply_transpose(&vectors).unwrap();
        assert!(off(products.values(), identity.values()) < 1e-12, "{count}");
        let highest = basis.eigenvalues().iter().fold(1e-300, |max: f64, v| max.max(*v));
        let images = vectors.multiply(&covariance).unwrap();
        for j in 0..dim {
            let scaled: Vec<f64> =
                vectors.row(j).iter().map(|e| basis.eigenvalues()[j] * e).collect();
            assert!(off(images.row(j), &scaled) < 1e-12 * highest, "{count}, vector {j}");
        }
        let mut c = vec![0.0; dim];
        basis.analyze(&mean, &mut c);
        assert!(off(&c, basis.means()) < 1e-12);
        let (values, means) = (basis.eigenvalues(), basis.means());
        let spectrum = Spectrum::new("", "", values, None, Some(means)).unwrap();
        for (a, b) in fingerprint(&spectrum).iter().zip(fingerprints) {
            assert!((a - b).abs() <= 1e-9 * b.abs(), "{count}: {a} and {b}");
        }
    }
}

/// Small eigenvalues keep their eigenvectors orthonormal, up to those that rounding drowns.
#[test]
fn steep_spectra_have_an_orthonormal_low_rank_basis() {
    let dim = 90;
    let eigenvalues: Vec<f64> = (0..30).map(|i| 10f64.powf(-0.45 * f64::from(i))).collect();
    let mut padded = eigenvalues.clone();
    padded.resize(dim, 0.0);
    let mut data = cross(&padded, &vec![0.25; dim]);
    let options =
        DecomposeOptions { basis: true, method: Some(Method::Gram), ..DecomposeOptions::default() };
    let found = decompose(&mut data, &options).unwrap();
    let rank = found.rank.unwrap();
    assert!((25..=30).contains(&rank), "{rank}");
    let rows = found.basis.as_ref().unwrap();
    let products = rows.multiply_transpose(rows).unwrap();
    for i in 0..rank {
        for j in 0..rank {
            assert!((products[(i, j)] - f64::from(i == j)).abs() < 1e-13, "{i}, {j}");
        }
    }
    assert!(found.into_basis().is_ok());
    // More samples than dimensions leave no null space for what is left of the mean.
    let full = decompose(&mut samples(200, 40), &options).unwrap();
    assert_eq!(full.spectrum().unwrap().dim(), 40.0);
}

#[test]
fn files_are_read_by_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pictures.npz");
    let name = path.to_str().unwrap();
    let shape = [3, 5, 8];
    let values = pictures(400, 120);
    let mut data = InMemory::bytes("pictures", &shape, Scale::SYMMETRIC, values).unwrap();
    for (method, basis) in [
        (Method::Dense, true),
        (Method::Dense, false),
        (Method::Gram, false),
        (Method::Gram, true),
        (Method::Lanczos, false),
    ] {
        data.rewind().unwrap();
        let options =
            DecomposeOptions { method: Some(method), basis, ..DecomposeOptions::default() };
        let found = decompose(&mut data, &options).unwrap();
        found.save(&path).unwrap();
        let (read, expected) = (data::load(name).unwrap(), found.spectrum().unwrap());
        assert_eq!(read.modes(), expected.modes(), "{method}");
        assert!(read.has_mean());
        match Model::load(&path) {
            Err(error) => {
                assert!(!basis && error.to_string().contains("gaussmeter spectrum DATA --basis"));
            }
            Ok(read) => {
                assert_eq!(read.image_shape(), Some(shape));
                let expected = found.into_basis().unwrap().unwrap();
                assert_eq!(read.basis.eigenvalues(), expected.eigenvalues());
                assert_eq!(read.basis.means(), expected.means());
                let (mut a, mut b) = (vec![0.0; 120], vec![0.0; 120]);
                read.basis.synthesize(expected.eigenvalues(), &mut a);
                expected.synthesize(expected.eigenvalues(), &mut b);
                assert_eq!(a, b);
            }
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary files");

    // A centred law is written without means, and the description of it all is JSON.
    let values = vec![0, 0, 255, 255, 0, 255, 255, 0];
    let mut corners = InMemory::bytes("corners", &[2], Scale::SYMMETRIC, values).unwrap();
    decompose(&mut corners, &DecomposeOptions::default()).unwrap().save(&path).unwrap();
    assert!(!data::load(name).unwrap().has_mean());
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert!(zip.by_name("mean.npy").is_err());
    let mut meta = Vec::new();
    std::io::Read::read_to_end(&mut zip.by_name("meta.npy").unwrap(), &mut meta).unwrap();
    assert_eq!(meta.len() - meta.iter().position(|b| *b == b'\n').unwrap() - 1, meta.len() - 128);
    let meta: serde_json::Value = serde_json::from_slice(&meta[128..]).unwrap();
    assert_eq!(meta["description"], "corners");
    assert_eq!((&meta["count"], &meta["method"]), (&4.into(), &"dense".into()));
    assert_eq!(meta["scale"]["offset"], -1.0);

    let missing = folder.path().join("no/such/folder.npz");
    let error = decompose(&mut samples(9, 3), &DecomposeOptions::default())
        .unwrap()
        .save(&missing)
        .unwrap_err();
    assert!(error.to_string().ends_with("folder.npz: entity not found"), "{error}");
    // What cannot be written leaves the old file alone.
    let before = std::fs::read(&path).unwrap();
    std::fs::create_dir(folder.path().join("taken.npz")).unwrap();
    let taken = folder.path().join("taken.npz");
    assert!(
        decompose(&mut samples(9, 3), &DecomposeOptions::default()).unwrap().save(&taken).is_err()
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn bases_that_are_none_are_refused() {
    let new = |shape: &[usize], n: usize, rows: Matrix| {
        DenseBasis::new(shape, vec![1.0; n], vec![0.0; 2], rows).unwrap_err().to_string()
    };
    let identity = Matrix::diagonal(&[1.0, 1.0]);
    assert!(DenseBasis::new(&[2], vec![1.0; 2], vec![0.0; 2], identity.clone()).is_ok());
    assert_eq!(new(&[2], 3, identity.clone()), "3 eigenvalues for shape [2]");
    assert_eq!(new(&[3, 1], 3, identity), "2 means for shape [3, 1]");
    let skewed = Matrix::from_rows(&[[1.0, 0.0], [1e-6, 1.0]]).unwrap();
    assert!(new(&[2], 2, skewed).starts_with("the rows of the basis are not orthonormal"));
}

#[test]
fn samples_that_are_none_are_refused() {
    for method in [Method::Dense, Method::Gram, Method::Lanczos] {
        let mut none = InMemory::bytes("nothing", &[2], Scale::IDENTITY, vec![]).unwrap();
        let options = DecomposeOptions { method: Some(method), ..DecomposeOptions::default() };
        let error = decompose(&mut none, &options).unwrap_err();
        assert_eq!(error.to_string(), "no samples in nothing", "{method}");
    }
    let lanczos = LanczosOptions { probes: 1, ..LanczosOptions::default() };
    let options =
        DecomposeOptions { method: Some(Method::Lanczos), lanczos, ..DecomposeOptions::default() };
    let error = decompose(&mut samples(5, 5), &options).unwrap_err();
    assert_eq!(error.to_string(), "lanczos: probes = 1, but it must be at least 2");
}
