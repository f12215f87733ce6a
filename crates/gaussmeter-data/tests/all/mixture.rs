//! Mixtures of Gaussians from labelled data, and from data without labels.

use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::mixture::{MixtureOptions, of_samples};
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_data::source::{Data, ReadOptions, open};
use gaussmeter_data::{Memory, MixtureModel, Model};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A grey picture of 2x2, of which samples of one class have similar ones.
fn picture(class: usize, k: usize) -> Vec<u8> {
    let level = |i: usize| (60 * class + 17 * (k * (i + 2) + i * i) % 40) as u8;
    let mut bytes = b"P5 2 2 255\n".to_vec();
    bytes.extend((0..4).map(level));
    bytes
}

const NAMES: [&str; 3] = ["cat", "dog", "emu"];
const EACH: [usize; 3] = [9, 6, 7];

fn mixture(paths: &[PathBuf], options: MixtureOptions) -> Result<MixtureModel, String> {
    let opened = open(paths, &ReadOptions::default()).map_err(|e| e.to_string())?;
    let Data::Samples(mut samples) = opened.data else { panic!("no samples") };
    of_samples("m.npz", &mut *samples, options, Watch::NOBODY).map_err(|e| e.to_string())
}

fn classes(path: &Path) -> Result<MixtureModel, String> {
    mixture(&[path.into()], MixtureOptions::default())
}

/// Name, file of each picture.
fn files() -> impl Iterator<Item = (usize, String, Vec<u8>)> {
    let of =
        |class: usize| (0..EACH[class]).map(move |k| (class, format!("{k:03}"), picture(class, k)));
    (0..3).flat_map(of)
}

fn tar(entries: &[(String, Vec<u8>)], path: &Path) {
    let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    archive.finish().unwrap();
}

fn check(model: &MixtureModel, names: &[&str]) {
    let all = model.mixture.components();
    assert_eq!(all.iter().map(|c| c.name()).collect::<Vec<_>>(), names);
    assert_eq!(model.counts, EACH.map(|n| n as u64));
    let total = EACH.iter().sum::<usize>() as f64;
    for (class, c) in all.iter().enumerate() {
        assert!((c.weight() - EACH[class] as f64 / total).abs() < 1e-15);
        let data: Vec<Vec<f64>> = (0..EACH[class])
            .map(|k| picture(class, k)[11..].iter().map(|v| f64::from(*v) / 127.5 - 1.0).collect())
            .collect();
        let n = data.len() as f64;
        let mean = |i: usize| data.iter().map(|x| x[i]).sum::<f64>() / n;
        let covariance = Matrix::from_fn(4, 4, |i, j| {
            data.iter().map(|x| (x[i] - mean(i)) * (x[j] - mean(j))).sum::<f64>() / n
        });
        let trace: f64 = (0..4).map(|i| covariance[(i, i)]).sum();
        assert!((0..4).all(|i| (c.mean()[i] - mean(i)).abs() < 1e-14));
        assert!((c.trace() - trace).abs() < 1e-13);
        let x = [0.3, -1.0, 0.2, 0.7];
        let along = c.eigenvectors().apply(&x).unwrap();
        let stretched: Vec<f64> = along.iter().zip(c.eigenvalues()).map(|(a, l)| a * l).collect();
        let found = c.eigenvectors().apply_transpose(&stretched).unwrap();
        let expected = covariance.apply(&x).unwrap();
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-13));
    }
}

#[test]
fn classes_are_folders_labels_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Folders, one within another.
    for (class, name, bytes) in files() {
        let place = at("pets/train").join(NAMES[class]);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(format!("{name}.pgm")), bytes).unwrap();
    }
    let by_folders = classes(&at("pets")).unwrap();
    check(&by_folders, &NAMES);
    // The same in an archive, and in two.
    let entries: Vec<(String, Vec<u8>)> =
        files().map(|(class, name, b)| (format!("train/{}/{name}.pgm", NAMES[class]), b)).collect();
    tar(&entries, &at("pets.tar"));
    let by_archive = classes(&at("pets.tar")).unwrap();
    check(&by_archive, &NAMES);
    assert_eq!(by_archive.mixture, by_folders.mixture);
    tar(&entries[..12], &at("a.tar"));
    tar(&entries[12..], &at("b.tar"));
    let shards = mixture(&[at("a.tar"), at("b.tar")], MixtureOptions::default()).unwrap();
    check(&shards, &NAMES);
    // Labels beside them, in the order of numbers; they say more than folders.
    let labelled = files().enumerate().flat_map(|(i, (class, _, bytes))| {
        let label = [2, 10, 100][class];
        let cls = (format!("x/{i:06}.cls"), format!("{label}\n").into_bytes());
        [(format!("x/{i:06}.pgm"), bytes), cls]
    });
    tar(&labelled.collect::<Vec<_>>(), &at("web.tar"));
    check(&classes(&at("web.tar")).unwrap(), &["2", "10", "100"]);
    // The label bytes of CIFAR.
    let record = |i: usize| {
        std::iter::once((i % 2) as u8 * 9).chain((0..3072).map(move |k| ((i * 7 + k) % 251) as u8))
    };
    fs::write(at("data_batch_1.bin"), (0..4).flat_map(record).collect::<Vec<_>>()).unwrap();
    let opened = open(&[at("data_batch_1.bin")], &ReadOptions::default()).unwrap();
    let Data::Samples(mut samples) = opened.data else { panic!("no samples") };
    samples.next_chunk(3).unwrap().unwrap();
    assert_eq!(samples.classes().unwrap(), ["0", "9", "0"]);
}

#[test]
fn a_file_holds_the_mixture_and_is_the_gaussian_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.npz");
    let entries: Vec<(String, Vec<u8>)> =
        files().map(|(class, name, b)| (format!("{}/{name}.pgm", NAMES[class]), b)).collect();
    tar(&entries, &folder.path().join("pets.tar"));
    let model = classes(&folder.path().join("pets.tar")).unwrap();
    model.save(&path).unwrap();
    assert_eq!(MixtureModel::load(&path).unwrap(), model);
    let whole = gaussmeter::data::load(path.to_str().unwrap()).unwrap();
    assert_eq!(whole.modes(), model.spectrum().unwrap().modes());
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("a mixture of Gaussians, not one"), "{error}");
    // Damage never panics.
    let bytes = fs::read(&path).unwrap();
    for k in (0..bytes.len()).step_by(41) {
        let mut damaged = bytes.clone();
        damaged[k] ^= 0x15;
        fs::write(&path, &damaged).unwrap();
        let _ = MixtureModel::load(&path);
        fs::write(&path, &bytes[..k]).unwrap();
        assert!(MixtureModel::load(&path).is_err());
    }
}

#[test]
fn clusters_are_found_whatever_the_chunks() {
    let centres = [[0.0, 0.0], [40.0, 0.0], [0.0, 40.0]];
    let values: Vec<f64> = (0..600)
        .flat_map(|i| {
            let noise = |k: usize| ((i * 37 + k * 101) as f64).sin();
            [centres[i % 3][0] + noise(0), centres[i % 3][1] + noise(1)]
        })
        .collect();
    let samples = || InMemory::floats("three", &[2], Scale::IDENTITY, values.clone()).unwrap();
    for seed in 0..5 {
        let options = MixtureOptions { clusters: Some(3), seed, ..MixtureOptions::default() };
        let found = of_samples("m", &mut samples(), options, Watch::NOBODY).unwrap();
        let again = of_samples("m", &mut samples(), options, Watch::NOBODY).unwrap();
        assert_eq!(found, again);
        assert_eq!(found.counts, [200, 200, 200]);
        let near = |mean: &[f64]| {
            centres.iter().any(|c| (c[0] - mean[0]).abs() < 0.3 && (c[1] - mean[1]).abs() < 0.3)
        };
        assert!(found.mixture.components().iter().all(|c| near(c.mean())));
    }
}

#[test]
fn what_cannot_become_a_mixture_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.tar");
    let flat: Vec<_> = files().map(|(c, name, bytes)| (format!("{c}{name}.pgm"), bytes)).collect();
    tar(&flat, &path);
    let error = classes(&path).unwrap_err();
    assert!(
        error.contains("nothing says which class") && error.contains("--clusters K"),
        "{error}"
    );
    let one: Vec<_> =
        files().map(|(c, name, bytes)| (format!("all/{c}{name}.pgm"), bytes)).collect();
    tar(&one, &path);
    assert!(classes(&path).unwrap_err().contains("all samples are of one class, 'all'"));
    let mut lone = flat.clone();
    lone.iter_mut().for_each(|(name, _)| *name = format!("many/{name}"));
    lone.push(("few/1.pgm".into(), picture(1, 1)));
    tar(&lone, &path);
    assert!(classes(&path).unwrap_err().contains("class 'few' has a single sample"));
    let options =
        |clusters| MixtureOptions { clusters: Some(clusters), ..MixtureOptions::default() };
    for clusters in [0, 12, 1000] {
        let error = mixture(std::slice::from_ref(&path), options(clusters)).unwrap_err();
        assert!(error.contains("at most half of the samples"), "{error}");
    }
    let little = MixtureOptions { memory: Memory(1 << 10), ..MixtureOptions::default() };
    let error = mixture(std::slice::from_ref(&path), little).unwrap_err();
    assert!(error.contains("summing 1 classes of dimension 4 needs"), "{error}");
    let mut samples = InMemory::floats("x", &[1], Scale::IDENTITY, vec![1.0; 8]).unwrap();
    let stop = |_: Option<Progress>| ControlFlow::Break(());
    let stopped = of_samples("m", &mut samples, options(2), Watch::new(&stop)).unwrap_err();
    assert!(stopped.to_string().starts_with("interrupted after"), "{stopped}");
}

/// A file with other values, of 8 bytes each, at the end of one of its arrays.
fn with_values(path: &Path, name: &str, values: &[[u8; 8]]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).unwrap();
        let own = entry.name().unwrap().to_string();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).unwrap();
        if own == format!("{name}.npy") {
            let start = bytes.len() - 8 * values.len();
            bytes[start..].copy_from_slice(&values.concat());
        }
        out.start_file(own, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut out, &bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}

#[test]
fn files_of_no_mixture_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("m.npz"), folder.path().join("x.npz"));
    let entries: Vec<(String, Vec<u8>)> =
        files().map(|(class, name, b)| (format!("{}/{name}.pgm", NAMES[class]), b)).collect();
    tar(&entries, &folder.path().join("pets.tar"));
    classes(&folder.path().join("pets.tar")).unwrap().save(&path).unwrap();
    let floats = |values: &[f64]| values.iter().map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let lengths = |values: &[i64]| values.iter().map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    for (name, values, expected) in [
        ("component_weight", floats(&[f64::NAN, 0.5, 0.5]), "class 'cat' has weight NaN"),
        ("component_weight", floats(&[1.5, -0.5, 0.0]), "class 'dog' has weight -0.5"),
        ("component_weight", floats(&[0.0; 3]), "class 'cat' has weight 0"),
        ("component_weight", floats(&[1e-9; 3]), "the weights of the classes sum to 3"),
        ("component_mean", floats(&[f64::INFINITY]), "class 'emu': mean 3 is inf"),
        ("component_eigenvalue", floats(&[-1.0]), "class 'emu': eigenvalue"),
        ("component_rest", floats(&[-1.0; 3]), "class 'cat': the variance along other directions"),
        ("component_rank", lengths(&[9, 9, 9]), "array 'component_rank': 9"),
        ("component_rank", lengths(&[4, 4, 4]), ""),
        ("component_basis", floats(&[7.0]), "class 'emu': its eigenvectors are not orthonormal"),
        ("shape", lengths(&[1, 2, 3]), "array '"),
        ("shape", lengths(&[-1, 2, 2]), "array 'shape': length -1"),
    ] {
        fs::write(&other, with_values(&path, name, &values)).unwrap();
        let found = MixtureModel::load(&other).map(drop).map_err(|e| e.to_string());
        if expected.is_empty() {
            continue;
        }
        let error = found.unwrap_err();
        assert!(error.contains("x.npz: ") && error.contains(expected), "{name}: {error}");
        assert!(!error.contains('\n'));
    }
}
