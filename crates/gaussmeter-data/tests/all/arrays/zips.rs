//! ZIP archives of pictures, as StyleGAN and EDM write them; hostile ones are refused.

use super::{error, folder, read, samples, zip};
use crate::files::encoded;
use gaussmeter_data::source::{self, ReadOptions, Split};
use std::io::Write;
use std::path::Path;
use zip::CompressionMethod::{Deflated, Stored};
use zip::write::SimpleFileOptions;

fn png(shade: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(4, 3, |x, y| {
        image::Rgb([shade, shade.wrapping_mul(x as u8 + 3), (x * 40 + y * 17) as u8])
    });
    encoded(picture, image::ImageFormat::Png)
}

/// What EDM's dataset_tool.py writes.
fn dataset() -> Vec<(String, Vec<u8>)> {
    let picture = |k: u8| (format!("00000/img{k:08}.png"), png(11 * k));
    let labels = b"{\"labels\": [[\"00000/img00000000.png\", 3]]}".to_vec();
    (0..9).map(picture).chain([("dataset.json".to_owned(), labels)]).collect()
}

fn values(path: &Path) -> Result<Vec<f64>, String> {
    let source =
        source::open(&[path.into()], &ReadOptions::default()).map_err(|e| e.to_string())?;
    match source.data {
        source::Data::Samples(mut samples) => read(&mut *samples, 4).map_err(|e| e.to_string()),
        _ => Err("no samples".into()),
    }
}

#[test]
fn pictures_are_those_of_a_folder() {
    let files = dataset();
    let (stored, deflated) = (zip(&files, Stored), zip(&files, Deflated));
    let mut all: Vec<(&str, Vec<u8>)> = vec![
        ("stored.zip", stored.clone()),
        ("deflated.zip", deflated),
        ("in.tar", super::tar(&[("a.zip", stored)])),
    ];
    let plain: Vec<String> = files.iter().map(|(name, _)| format!("plain/{name}")).collect();
    all.extend(plain.iter().zip(&files).map(|(name, (_, bytes))| (&name[..], bytes.clone())));
    let all = folder(all);
    let expected = values(&all.path().join("plain")).unwrap();
    assert_eq!(expected.len(), 9 * 36);
    for name in ["stored.zip", "deflated.zip", "in.tar"] {
        let path = all.path().join(name);
        let mut samples = samples(&path, &ReadOptions::default());
        assert_eq!((samples.shape(), samples.size_hint()), (&[3, 3, 4][..], Some(9)), "{name}");
        assert_eq!(read(&mut *samples, 2).unwrap(), expected, "{name}");
        samples.rewind().unwrap();
        samples.skip(4).unwrap();
        assert_eq!(read(&mut *samples, 100).unwrap(), &expected[4 * 36..], "{name}");
    }
    let parts: Vec<_> = ["train", "test"]
        .iter()
        .flat_map(|part| (0..3).map(move |k| (format!("{part}/{k}.png"), png(k))))
        .collect();
    let all = folder([("a.zip", zip(&parts, Stored))]);
    let path = all.path().join("a.zip");
    assert_eq!(samples(&path, &ReadOptions::default()).size_hint(), Some(3));
    let both = ReadOptions { split: Split::All, ..ReadOptions::default() };
    assert_eq!(samples(&path, &both).size_hint(), Some(6));
}

#[test]
fn other_data_are_read_within() {
    let names = ["f4.npy", "tensor.pt", "compressed.npz", "one.safetensors", "array.pkl"];
    let expected: Vec<f64> = (0..24).map(super::ramp).collect();
    for method in [Stored, Deflated] {
        for name in names {
            let files = [
                (format!("folder/{name}"), super::bytes_of(name)),
                ("LICENSE".into(), b"text".to_vec()),
                ("__MACOSX/folder/._x".into(), b"junk".to_vec()),
            ];
            let all = folder([("a.zip", zip(&files, method))]);
            assert_eq!(values(&all.path().join("a.zip")).as_deref(), Ok(&expected[..]), "{name}");
        }
    }
}

#[test]
fn a_beginning_is_an_error() {
    for method in [Stored, Deflated] {
        let bytes = zip(&dataset(), method);
        for len in (4..bytes.len()).step_by(13).chain(bytes.len() - 30..bytes.len()) {
            let all = folder([("a.zip", bytes[..len].to_vec())]);
            let refused = error(&all.path().join("a.zip"), &ReadOptions::default());
            assert!(
                refused.contains("truncated, damaged, or still being written"),
                "{len}: {refused}"
            );
        }
    }
}

/// A wrong byte is found by the checksum, or changes no pixel.
#[test]
fn a_wrong_byte_changes_no_picture() {
    for method in [Stored, Deflated] {
        let bytes = zip(&dataset(), method);
        let all = folder([("a.zip", bytes.clone())]);
        let path = all.path().join("a.zip");
        let right = values(&path).unwrap();
        let mut refused = 0;
        for at in (0..bytes.len()).step_by(3) {
            for wrong in [bytes[at] ^ 0x80, bytes[at].wrapping_add(1), 0xff, 0] {
                let mut damaged = bytes.clone();
                damaged[at] = wrong;
                std::fs::write(&path, damaged).unwrap();
                match values(&path) {
                    // Damage to the directory may take entries out, or give them other names.
                    Ok(found) => assert!(
                        found.chunks(36).all(|one| right.chunks(36).any(|other| one == other)),
                        "byte {at}"
                    ),
                    Err(reason) => {
                        refused += 1;
                        assert!(reason.len() < 1000 && !reason.contains('\n'), "{reason}");
                    }
                }
            }
        }
        assert!(refused > bytes.len() / 3);
    }
}

/// The places of a mark in bytes.
fn places(bytes: &[u8], mark: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(mark)).collect()
}

#[test]
fn hostile_archives_are_refused() {
    let refused = |bytes: Vec<u8>| {
        let all = folder([("a.zip", bytes)]);
        error(&all.path().join("a.zip"), &ReadOptions::default())
    };
    let bytes = zip(&dataset(), Stored);
    let (local, central) = (places(&bytes, b"PK\x03\x04"), places(&bytes, b"PK\x01\x02"));
    assert_eq!((local.len(), central.len()), (10, 10));

    // Entries that share their bytes.
    let mut shared = bytes.clone();
    for at in &central[1..9] {
        let first = central[0];
        let (offset, sizes) =
            (bytes[first + 42..first + 46].to_vec(), bytes[first + 16..first + 28].to_vec());
        shared[at + 42..at + 46].copy_from_slice(&offset);
        shared[at + 16..at + 28].copy_from_slice(&sizes);
    }
    assert!(refused(shared).contains("share bytes"));

    // Sizes beyond what bytes can hold, in both directories.
    let zeros = [("0.png".to_owned(), vec![0u8; 1 << 20])];
    let mut bomb = zip(&zeros, Deflated);
    for (mark, size) in [(&b"PK\x03\x04"[..], 22), (&b"PK\x01\x02"[..], 24)] {
        for at in places(&bomb, mark) {
            bomb[at + size..at + size + 4].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
        }
    }
    assert!(refused(bomb).contains("which is impossible"));

    // Encrypted entries, as their flags say.
    let mut locked = bytes.clone();
    for (all, flags) in [(&local, 6), (&central, 8)] {
        all.iter().for_each(|at| locked[at + flags] |= 1);
    }
    assert!(refused(locked).contains("encrypted"));

    // Another method: 14 is LZMA.
    let mut other = bytes.clone();
    for (all, method) in [(&local, 8), (&central, 10)] {
        all.iter().for_each(|at| other[at + method] = 14);
    }
    assert!(refused(other).contains("a method other than deflate"));

    // Pixels with another checksum.
    let mut wrong = bytes.clone();
    for at in &central {
        wrong[at + 16] ^= 1;
    }
    let found = refused(wrong);
    assert!(
        found.contains("00000/img00000000.png") && found.to_lowercase().contains("checksum"),
        "{found}"
    );

    // Archives in archives in archives.
    let mut deep = zip(&dataset(), Stored);
    for _ in 0..4 {
        deep = zip(&[("a.zip".to_owned(), deep)], Deflated);
    }
    assert!(refused(deep).contains("archives nested too deeply"));

    // Names are labels: nothing is written.
    let tricks = ["../../outside.png", "/absolute.png", "a\u{1b}[31m\n.png"].map(String::from);
    let tricks: Vec<_> = tricks.into_iter().map(|name| (name, b"no picture".to_vec())).collect();
    let found = refused(zip(&tricks, Stored));
    assert!(!found.contains(['\n', '\u{1b}']), "{found}");

    // Nothing but the end of an archive, and no data.
    assert!(refused(zip(&[], Stored)).contains("no samples"));
    let text = [("a.txt".to_owned(), b"text".to_vec())];
    assert!(refused(zip(&text, Stored)).contains("no data among its 1 files"));

    // More than memory may take, without being written anywhere.
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(Deflated);
    writer.start_file("0.npy", options).unwrap();
    let zeros = vec![0u8; 1 << 20];
    for _ in 0..2050 {
        writer.write_all(&zeros).unwrap();
    }
    writer.start_file("dataset.json", options).unwrap();
    writer.write_all(b"{}").unwrap();
    assert!(refused(writer.finish().unwrap().into_inner()).contains("more than 2048 MiB"));
}
