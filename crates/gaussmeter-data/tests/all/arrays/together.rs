//! Several files of one sample: one of them is chosen by its suffix, or all are refused by name.

use super::{error, folder, gzip, npy, open, png, read, samples, tar, zip};
use gaussmeter_data::source::{self, ReadOptions};
use zip::CompressionMethod::{Deflated, Stored};

fn suffix(suffix: &str) -> ReadOptions {
    ReadOptions { suffix: Some(suffix.into()), ..ReadOptions::default() }
}

fn pairs(name: impl Fn(usize, &str) -> String) -> Vec<(String, Vec<u8>)> {
    let pair =
        |k: usize| [(name(k, "input"), png(k as u8)), (name(k, "target"), png(100 + k as u8))];
    (0..5).flat_map(pair).collect()
}

/// The same files in a folder and in all archives.
fn everywhere(files: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let archives = [
        ("a.tar", tar(files)),
        ("a.tar.gz", gzip(&tar(files))),
        ("stored.zip", zip(files, Stored)),
        ("deflated.zip", zip(files, Deflated)),
    ];
    let archives = archives.map(|(name, bytes)| (name.to_owned(), bytes));
    let plain = files.iter().map(|(name, bytes)| (format!("plain/{name}"), bytes.clone()));
    let all: Vec<(String, Vec<u8>)> = plain.chain(archives).collect();
    folder(all.iter().map(|(name, bytes)| (&name[..], bytes.clone())))
}

const ALL: [&str; 5] = ["plain", "a.tar", "a.tar.gz", "stored.zip", "deflated.zip"];

#[test]
fn two_pictures_of_a_sample_are_not_pooled() {
    let all = everywhere(&pairs(|k, what| format!("{k:05}.{what}.png")));
    for name in ALL {
        let path = all.path().join(name);
        let refused = error(&path, &ReadOptions::default());
        assert!(refused.contains("'00000' with input.png, target.png"), "{name}: {refused}");
        assert!(refused.contains("--suffix input.png"), "{name}: {refused}");
        for (chosen, first) in [("input.png", 0.0), ("target.png", 100.0), ("et.png", 100.0)] {
            let mut samples = samples(&path, &suffix(chosen));
            let expected: Vec<f64> = (0..5).flat_map(|k| [first + f64::from(k); 2]).collect();
            assert_eq!(read(&mut *samples, 3).unwrap(), expected, "{name}, {chosen}");
            samples.rewind().unwrap();
            assert_eq!(read(&mut *samples, 2).unwrap(), expected, "{name}, {chosen}");
        }
        // All of them, if that is asked for.
        assert_eq!(read(&mut *samples(&path, &suffix(".png")), 3).unwrap().len(), 20, "{name}");
        let refused = error(&path, &suffix("mask.png"));
        assert!(
            refused.contains("no file ends in 'mask.png' (found: input.png, target.png)"),
            "{refused}"
        );
    }
}

#[test]
fn two_arrays_of_a_sample_are_not_pooled() {
    let files: Vec<(String, Vec<u8>)> = (0..6)
        .flat_map(|k| {
            let values = [k as f32, 1.0, 2.0, 3.0];
            [
                (format!("{k}.cls"), b"3".to_vec()),
                (format!("{k}.latent.npy"), npy(&[4], &values)),
                (format!("{k}.text.npy"), npy(&[4], &values.map(|v| v + 50.0))),
            ]
        })
        .collect();
    let all = everywhere(&files);
    for name in ALL {
        let path = all.path().join(name);
        let refused = error(&path, &ReadOptions::default());
        assert!(refused.contains("with latent.npy, text.npy"), "{name}: {refused}");
        let found = read(&mut *samples(&path, &suffix("text.npy")), 3).unwrap();
        assert_eq!((found.len(), found[0]), (24, 50.0), "{name}");
    }
}

#[test]
fn arrays_beside_pictures_are_named() {
    let files: Vec<(String, Vec<u8>)> = (0..6)
        .flat_map(|k| {
            let latent = npy(&[1, 2, 2], &[k as f32; 4]);
            [(format!("{k}.jpg.png"), png(k)), (format!("{k}.latent.npy"), latent)]
        })
        .collect();
    let all = everywhere(&files);
    for name in ["a.tar", "stored.zip", "deflated.zip"] {
        let path = all.path().join(name);
        let source = source::open(std::slice::from_ref(&path), &ReadOptions::default()).unwrap();
        let notes = source.notes.join("\n");
        assert!(notes.contains("but not the 6 arrays beside them (--suffix latent.npy"), "{notes}");
    }
    for name in ALL {
        let path = all.path().join(name);
        assert_eq!(samples(&path, &ReadOptions::default()).shape(), [1, 1, 2], "{name}");
        assert_eq!(samples(&path, &suffix("latent.npy")).shape(), [1, 2, 2], "{name}");
    }
}

#[test]
fn words_at_the_end_of_names_are_a_note() {
    let all = everywhere(&pairs(|k, what| format!("{k:05}_{what}.png")));
    for name in ["plain", "a.tar", "stored.zip"] {
        let path = all.path().join(name);
        let source = source::open(std::slice::from_ref(&path), &ReadOptions::default()).unwrap();
        let notes = source.notes.join("\n");
        assert!(notes.contains("differ only in _input.png, _target.png"), "{name}: {notes}");
        assert_eq!(samples(&path, &suffix("_target.png")).size_hint(), Some(5));
    }
}

#[test]
fn a_suffix_is_for_folders_and_archives() {
    let refused = error(&super::fixture("f4.npy"), &suffix("npy"));
    assert!(refused.contains("--suffix has no effect on a single file: it is for folders"));
}

#[test]
fn archives_in_archives_end() {
    let mut bytes = tar(&[("a.npy", npy(&[2, 2], &[1.0, 2.0, 3.0, 5.0]))]);
    let within = |bytes: &[u8]| tar(&[("inner.tar", bytes.to_vec())]);
    for _ in 0..2 {
        bytes = within(&bytes);
        let all = folder([("a.tar", bytes.clone())]);
        assert!(open(&all.path().join("a.tar"), &ReadOptions::default()).is_ok());
    }
    let all = folder([("a.tar", within(&within(&bytes)))]);
    let refused = error(&all.path().join("a.tar"), &ReadOptions::default());
    assert!(refused.contains("archives nested too deeply"), "{refused}");
}

#[test]
fn tensors_of_the_first_pytorch_are_named() {
    let files = ["sys_info", "pickle", "tensors", "storages"].map(|n| (n, b"\x80\x02.".to_vec()));
    let all = folder([("a.pt", tar(&files)), ("b.pt", gzip(&tar(&files)))]);
    for name in ["a.pt", "b.pt"] {
        let refused = error(&all.path().join(name), &ReadOptions::default());
        assert!(
            refused.contains("written by PyTorch 0.1: save it again with torch.save"),
            "{refused}"
        );
    }
}
