//! The data sets as they are downloaded: MNIST, CIFAR; in folders and archives, with their parts.

use super::{bytes_of, error, fixture, folder, gzip, open, read, samples, tar};
use gaussmeter_data::samples::SamplesError;
use gaussmeter_data::source::{self, ReadOptions, Split};
use std::path::{Path, PathBuf};

/// A file of MNIST's format.
pub fn idx(kind: u8, axes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let axes_bytes = axes.iter().flat_map(|n| n.to_be_bytes());
    [0, 0, kind, axes.len() as u8].into_iter().chain(axes_bytes).chain(bytes.to_vec()).collect()
}

/// Records of CIFAR: labels, then pixels that count from `start`.
pub fn cifar(labels: &[u8], count: usize, start: usize) -> (Vec<u8>, Vec<f64>) {
    let (mut bytes, mut values) = (Vec::new(), Vec::new());
    for row in 0..count {
        bytes.extend_from_slice(labels);
        let pixels = (0..3072).map(|k| (start + row + 7 * k) as u8);
        values.extend(pixels.clone().map(f64::from));
        bytes.extend(pixels);
    }
    (bytes, values)
}

fn split(split: Split) -> ReadOptions {
    ReadOptions { split, ..ReadOptions::default() }
}

/// All values of a folder or file.
fn values(path: &Path, options: &ReadOptions) -> Vec<f64> {
    read(&mut *samples(path, options), 5).unwrap()
}

fn count(path: &Path, options: &ReadOptions) -> u64 {
    let mut samples = samples(path, options);
    let dim: usize = samples.shape().iter().product();
    let count = read(&mut *samples, 3).unwrap().len() / dim;
    assert_eq!(samples.size_hint(), Some(count as u64));
    count as u64
}

#[test]
fn mnist_is_read_as_it_is_downloaded() {
    let images = |n: u32, start: u8| {
        let bytes: Vec<u8> = (0..n * 6).map(|k| start.wrapping_add(k as u8)).collect();
        idx(8, &[n, 2, 3], &bytes)
    };
    let files = [
        ("train-images-idx3-ubyte", images(5, 0)),
        ("train-labels-idx1-ubyte", idx(8, &[5], &[1, 2, 3, 4, 5])),
        ("t10k-images-idx3-ubyte", images(2, 100)),
        ("t10k-labels-idx1-ubyte", idx(8, &[2], &[1, 2])),
    ];
    let zipped = files.clone().map(|(name, bytes)| (format!("{name}.gz"), gzip(&bytes)));
    let plain = folder(files);
    let zipped = folder(zipped.iter().map(|(name, bytes)| (&name[..], bytes.clone())));
    for folder in [plain.path(), zipped.path()] {
        let train: Vec<f64> = (0..30).map(f64::from).collect();
        assert_eq!(samples(folder, &split(Split::Auto)).shape(), [1, 2, 3]);
        assert_eq!(values(folder, &split(Split::Auto)), train);
        assert_eq!(values(folder, &split(Split::Train)), train);
        let test: Vec<f64> = (100..112).map(f64::from).collect();
        assert_eq!(values(folder, &split(Split::Test)), test);
        assert_eq!(count(folder, &split(Split::All)), 7);
        let source = source::open(&[folder.to_path_buf()], &ReadOptions::default()).unwrap();
        assert!(
            source.notes[0].contains("reading the train part, 1 of 2 files"),
            "{:?}",
            source.notes
        );
    }
    let one = plain.path().join("train-images-idx3-ubyte");
    assert_eq!(values(&one, &ReadOptions::default()).len(), 30);
    let labels = plain.path().join("train-labels-idx1-ubyte");
    assert!(error(&labels, &ReadOptions::default()).contains("labels, not images"));
}

#[test]
fn all_types_of_idx_are_read() {
    let numbers = [-2.0f64, 0.5, 1e3, -0.25];
    let be: Vec<u8> = numbers.iter().flat_map(|v| v.to_be_bytes()).collect();
    let be4: Vec<u8> = numbers.iter().flat_map(|v| (*v as f32).to_be_bytes()).collect();
    let shorts: Vec<u8> = [-2i16, 300].iter().flat_map(|v| v.to_be_bytes()).collect();
    let ints: Vec<u8> = [-70_000i32, 3].iter().flat_map(|v| v.to_be_bytes()).collect();
    let files = folder([
        ("f8", idx(0x0e, &[2, 2], &be)),
        ("f4", idx(0x0d, &[2, 2], &be4)),
        ("i4", idx(0x0c, &[1, 2], &ints)),
        ("i2", idx(0x0b, &[1, 2], &shorts)),
        ("i1", idx(0x09, &[1, 2], &[0xfe, 3])),
    ]);
    let values = |name: &str| values(&files.path().join(name), &ReadOptions::default());
    assert_eq!(values("f8"), numbers);
    assert_eq!(values("f4"), numbers);
    assert_eq!(values("i4"), [-70_000.0, 3.0]);
    assert_eq!(values("i2"), [-2.0, 300.0]);
    assert_eq!(values("i1"), [-2.0, 3.0]);
}

#[test]
fn cifar_binary_is_read_in_folders_and_archives() {
    let (one, one_values) = cifar(&[6], 3, 0);
    let (two, two_values) = cifar(&[9], 2, 50);
    let (test, test_values) = cifar(&[0], 4, 90);
    let files = [
        ("cifar-10-batches-bin/data_batch_1.bin", one),
        ("cifar-10-batches-bin/data_batch_2.bin", two),
        ("cifar-10-batches-bin/test_batch.bin", test),
        ("cifar-10-batches-bin/batches.meta.txt", b"airplane\nautomobile\n".to_vec()),
        ("cifar-10-batches-bin/readme.html", b"<html></html>".to_vec()),
    ];
    let train = [one_values, two_values].concat();
    let archives =
        folder([("cifar.tar", tar(&files)), ("cifar-10-binary.tar.gz", gzip(&tar(&files)))]);
    let files = folder(files);
    for path in [
        files.path().to_path_buf(),
        archives.path().join("cifar.tar"),
        archives.path().join("cifar-10-binary.tar.gz"),
    ] {
        assert_eq!(samples(&path, &ReadOptions::default()).shape(), [3, 32, 32]);
        assert_eq!(values(&path, &ReadOptions::default()), train);
        assert_eq!(values(&path, &split(Split::Test)), test_values);
        assert_eq!(count(&path, &split(Split::All)), 9);
    }
    let (hundred, values_100) = cifar(&[19, 99], 5, 3);
    let files = folder([("train.bin", hundred)]);
    assert_eq!(values(&files.path().join("train.bin"), &ReadOptions::default()), values_100);
}

#[test]
fn cifar_for_python_is_read_in_folders_and_archives() {
    let batch = |name: &str| bytes_of(name);
    let ten = [
        ("cifar-10-batches-py/batches.meta", batch("batches.meta")),
        ("cifar-10-batches-py/data_batch_1", batch("data_batch_1")),
        ("cifar-10-batches-py/data_batch_2", batch("data_batch_2")),
        ("cifar-10-batches-py/test_batch", batch("test_batch")),
        ("cifar-10-batches-py/readme.html", b"<html></html>".to_vec()),
    ];
    let hundred = [
        ("cifar-100-python/file.txt~", b"text".to_vec()),
        ("cifar-100-python/meta", batch("batches.meta")),
        ("cifar-100-python/test", batch("test_batch")),
        ("cifar-100-python/train", batch("data_batch_1")),
    ];
    let check = |path: PathBuf, train: u64| {
        assert_eq!(samples(&path, &ReadOptions::default()).shape(), [3, 32, 32]);
        assert_eq!(count(&path, &ReadOptions::default()), train);
        assert_eq!(count(&path, &split(Split::Test)), 1);
        assert_eq!(count(&path, &split(Split::All)), train + 1);
    };
    for (files, train) in [(&ten[..], 4), (&hundred[..], 2)] {
        let archive = tar(files);
        let all = folder(files.iter().cloned());
        check(all.path().to_path_buf(), train);
        let all = folder([("a.tar", archive.clone()), ("b.tar.gz", gzip(&archive))]);
        check(all.path().join("a.tar"), train);
        check(all.path().join("b.tar.gz"), train);
    }
    let all = folder([("a.gz", gzip(&batch("data_batch_1")))]);
    let plain = values(&fixture("data_batch_1"), &ReadOptions::default());
    assert_eq!(values(&all.path().join("a.gz"), &ReadOptions::default()), plain);
    // One pickle that would run code spoils the folder: it is not passed over in silence.
    let spoilt = folder([("data_batch_1", batch("data_batch_1")), ("x.pkl", batch("evil.pkl"))]);
    assert!(error(spoilt.path(), &ReadOptions::default()).contains("posix.system"));
}

#[test]
fn arrays_are_read_within_archives_and_compressed() {
    let files = ["f4.npy", "compressed.npz", "one.safetensors", "transposed.pt", "array.pkl"];
    let expected: Vec<f64> = (0..24).map(super::ramp).collect();
    for name in files {
        let archive = tar(&[("folder/first", bytes_of(name)), ("LICENSE", b"text".to_vec())]);
        let all = folder([
            ("a.tar", archive.clone()),
            ("a.tar.gz", gzip(&archive)),
            ("alone.gz", gzip(&bytes_of(name))),
        ]);
        for path in ["a.tar", "a.tar.gz", "alone.gz"] {
            assert_eq!(values(&all.path().join(path), &ReadOptions::default()), expected, "{name}");
        }
    }
    let all = folder([("a.tar", tar(&[("x.npz", bytes_of("eigenvalues.npz"))]))]);
    assert!(error(&all.path().join("a.tar"), &ReadOptions::default()).contains("unpack it"));
}

#[test]
fn files_together_are_of_one_shape_and_kind() {
    let open_all = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| fixture(name)).collect();
        source::open(&paths, &ReadOptions::default())
    };
    let message = |names: &[&str]| match open_all(names) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{names:?} are accepted"),
    };
    assert!(open_all(&["f4.npy", "f2.npy", "tensor.pt"]).is_ok());
    assert!(message(&["f4.npy", "window.pt"]).contains("shape [4] instead of [6]"));
    assert!(message(&["f4.npy", "u1.npy"]).contains("a different type"));
    assert!(message(&["f4.npy", "covariance.npy"]).contains("holds a covariance"));
    assert!(message(&["covariance.npy", "f4.npy"]).contains("give one such file at a time"));
    let folder = folder([("a.txt", b"text".to_vec()), ("meta", bytes_of("batches.meta"))]);
    assert!(error(folder.path(), &ReadOptions::default()).contains("holds no array"));
    let missing = open(&folder.path().join("missing"), &ReadOptions::default());
    assert!(matches!(missing, Err(SamplesError::Io { .. })));
}
