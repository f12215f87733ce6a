//! Files that were cut off, joined or damaged on their way: all samples, or an error.

use super::folders::cifar;
use super::{array, bytes_of, folder, gzip, open, read, tar};
use crate::files::encoded;
use gaussmeter_data::samples::SamplesError;
use gaussmeter_data::source::{Data, ReadOptions};
use std::path::Path;

/// The samples of a file of this name and content.
fn values(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<Vec<f64>, String> {
    let files = folder([(name, bytes.to_vec())]);
    values_of(&files.path().join(name), options).map_err(|e| e.to_string())
}

fn values_of(path: &Path, options: &ReadOptions) -> Result<Vec<f64>, SamplesError> {
    match open(path, options)? {
        Data::Samples(mut samples) => read(&mut *samples, 7),
        Data::Covariance(found) => Ok(found.covariance.into_values()),
        _ => panic!("{} holds no samples", path.display()),
    }
}

fn png(k: u8) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(5, 4, |x, y| image::Luma([k + (7 * x + 11 * y) as u8]));
    encoded(picture, image::ImageFormat::Png)
}

fn archives() -> [Vec<u8>; 2] {
    [
        tar(&[("a.npy", bytes_of("f4.npy")), ("b.npy", bytes_of("f4.npy"))]),
        tar(&[
            ("a.png", png(1)),
            ("b.png", png(40)),
            ("b.txt", b"two".to_vec()),
            ("c.png", png(90)),
        ]),
    ]
}

#[test]
fn a_tar_archive_that_ends_too_early_is_an_error() {
    for archive in archives() {
        let whole = values("whole.tar", &archive, &ReadOptions::default()).unwrap();
        let cuts = (0..archive.len()).filter(|len| len % 256 == 0 || len % 509 == 0);
        for len in cuts {
            if let Ok(found) = values("cut.tar", &archive[..len], &ReadOptions::default()) {
                assert_eq!(found, whole, "{len} of {}", archive.len());
            }
        }
        // Without the blocks of zeros at the end.
        let end = archive.len() - archive.iter().rev().take_while(|b| **b == 0).count();
        let end = end.next_multiple_of(512);
        let message = values("cut.tar", &archive[..end], &ReadOptions::default()).unwrap_err();
        assert!(message.contains("the end of the archive is missing after '"), "{message}");
        let message = values("cut.tar.gz", &gzip(&archive[..end]), &ReadOptions::default());
        assert!(message.unwrap_err().contains("the end of the archive is missing after '"));
    }
}

#[test]
fn joined_archives_are_read_to_their_end() {
    for archive in archives() {
        let once = values("one.tar", &archive, &ReadOptions::default()).unwrap();
        let joined = [&archive[..], &archive[..]].concat();
        let twice = [&once[..], &once[..]].concat();
        assert_eq!(values("two.tar", &joined, &ReadOptions::default()), Ok(twice.clone()));
        assert_eq!(
            values("two.tar.gz", &gzip(&joined), &ReadOptions::default()),
            Ok(twice.clone())
        );
        let members = [gzip(&archive), gzip(&archive)].concat();
        assert_eq!(values("two.tar.gz", &members, &ReadOptions::default()), Ok(twice));
    }
}

#[test]
fn gzip_is_checked_to_its_end() {
    let files = [
        ("a.npy.gz", gzip(&bytes_of("f4.npy"))),
        ("a.tar.gz", gzip(&archives()[0])),
        ("b.tar.gz", gzip(&archives()[1])),
        ("fortran.npy.gz", gzip(&bytes_of("fortran.npy"))),
        ("covariance.npy.gz", gzip(&bytes_of("covariance.npy"))),
    ];
    for (name, bytes) in files {
        let whole = values(name, &bytes, &ReadOptions::default()).unwrap();
        for len in 0..bytes.len() {
            if let Ok(found) = values(name, &bytes[..len], &ReadOptions::default()) {
                panic!("{name}: {len} of {} bytes: {}", bytes.len(), found == whole);
            }
        }
        // The checksum and the length.
        for at in bytes.len() - 8..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert!(values(name, &wrong, &ReadOptions::default()).is_err(), "{name}: byte {at}");
        }
    }
}

#[test]
fn entries_of_zip_archives_are_checked() {
    for (name, options) in [
        ("stored.npz", ReadOptions::default()),
        ("compressed.npz", ReadOptions::default()),
        ("several.npz", array("train")),
        ("tensor.pt", ReadOptions::default()),
        ("fid.npz", ReadOptions::default()),
        ("covariance.pt", ReadOptions::default()),
    ] {
        let bytes = bytes_of(name);
        let whole = values(name, &bytes, &options).unwrap();
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 4;
            if let Ok(found) = values(name, &wrong, &options) {
                assert_eq!(found, whole, "{name}: byte {at} of {}", bytes.len());
            }
        }
    }
}

#[test]
fn what_is_missing_is_said() {
    for (name, bytes, expected) in [
        ("a.npz", bytes_of("stored.npz"), "a ZIP archive (or .npz, .pt)"),
        ("a.pt", bytes_of("tensor.pt"), "a ZIP archive (or .npz, .pt)"),
        ("data_batch_1.bin", cifar(&[6], 3, 0).0, "not whole records of CIFAR-10"),
    ] {
        let message =
            values(name, &bytes[..bytes.len() - 30], &ReadOptions::default()).unwrap_err();
        assert!(message.contains(expected) && message.contains("truncated"), "{message}");
        // Beside other files it is not left out.
        let files =
            folder([("good.npy", bytes_of("u1.npy")), (name, bytes[..bytes.len() / 2].into())]);
        let message = values_of(files.path(), &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let files = folder([("good.npy", bytes_of("u1.npy")), ("empty.npy", Vec::new())]);
    let message = values_of(files.path(), &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("empty.npy: empty"), "{message}");
}
