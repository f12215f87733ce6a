//! Pictures in folders and archives: decoded as stored, of one shape or refused by name, damaged
//! ones named or counted.

use crate::files::{encoded, gzip, tar_of};
use gaussmeter_data::samples::{Chunk, Samples, SamplesError, Scale};
use gaussmeter_data::source::pictures::{self, Channels, Filter, Size};
use gaussmeter_data::source::{self, Data, ReadOptions, ScaleChoice, Split};
use gaussmeter_data::{Method, Moments};
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage, RgbaImage};
use std::fs;
use std::path::{Path, PathBuf};

/// A picture of its own for each number.
fn picture(k: u32, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let v = |c: u32| ((x * 31 + y * 17 + k * 7 + c * 101) * (k + 3) % 256) as u8;
        image::Rgb([v(0), v(1), v(2)])
    })
}

fn png(k: u32) -> Vec<u8> {
    encoded(picture(k, 5, 4), ImageFormat::Png)
}

/// [channels, height, width]
fn planes(picture: &RgbImage) -> Vec<u8> {
    (0..3).flat_map(|c| picture.pixels().map(move |p| p.0[c])).collect()
}

fn open(paths: &[PathBuf], options: &ReadOptions) -> Result<Box<dyn Samples>, SamplesError> {
    match source::open(paths, options)?.data {
        Data::Samples(samples) => Ok(samples),
        _ => panic!("no samples"),
    }
}

fn open_one(path: &Path) -> Result<Box<dyn Samples>, SamplesError> {
    open(&[path.into()], &ReadOptions::default())
}

/// All values, read in chunks of `rows`.
fn bytes(samples: &mut dyn Samples, rows: usize) -> Result<Vec<u8>, SamplesError> {
    let mut all = Vec::new();
    while let Some(chunk) = samples.next_chunk(rows)? {
        match chunk {
            Chunk::Bytes { values, .. } => all.extend(values),
            Chunk::Floats { .. } => panic!("floats"),
        }
    }
    Ok(all)
}

fn error(paths: &[PathBuf], options: &ReadOptions) -> String {
    let read = |mut samples: Box<dyn Samples>| bytes(&mut *samples, 100).map(|_| ());
    open(paths, options).and_then(read).expect_err("an error").to_string()
}

fn with(pictures: pictures::PictureOptions) -> ReadOptions {
    ReadOptions { pictures, ..ReadOptions::default() }
}

fn write_tar(path: &Path, files: &[(&str, &[u8])]) {
    fs::write(path, tar_bytes(files)).unwrap();
}

fn tar_bytes(files: &[(&str, &[u8])]) -> Vec<u8> {
    tar_of(tar::Header::new_gnu(), files)
}

#[test]
fn every_lossless_format_is_decoded_as_stored() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        ("a.png", ImageFormat::Png),
        ("b.bmp", ImageFormat::Bmp),
        ("c.tiff", ImageFormat::Tiff),
        ("d.qoi", ImageFormat::Qoi),
        ("e.ppm", ImageFormat::Pnm),
        ("f.webp", ImageFormat::WebP),
        // Recognised by content: its name says something else, or nothing.
        ("g.jpg", ImageFormat::Png),
        ("h", ImageFormat::Png),
    ];
    let mut expected = Vec::new();
    for (k, (name, format)) in formats.iter().enumerate() {
        let picture = picture(k as u32, 6, 3);
        fs::write(folder.path().join(name), encoded(picture.clone(), *format)).unwrap();
        expected.extend(planes(&picture));
    }
    let mut samples = open_one(folder.path()).unwrap();
    assert_eq!((samples.shape(), samples.size_hint()), ([3, 3, 6].as_slice(), Some(8)));
    assert_eq!(samples.scale(), Scale::SYMMETRIC);
    for rows in [1, 3, 100] {
        samples.rewind().unwrap();
        assert_eq!(bytes(&mut *samples, rows).unwrap(), expected, "{rows} at a time");
    }
}

#[test]
fn folders_and_archives_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let files: Vec<(String, Vec<u8>)> =
        (0..20).map(|k| (format!("{}/{k:05}.png", k / 7), png(k))).collect();
    for (name, content) in &files {
        let path = at("pictures").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::write(at("pictures/labels.csv"), "1,2,3").unwrap();
    fs::write(at("pictures/.DS_Store"), "hidden").unwrap();
    // WebDataset: labels lie beside the pictures. Long names need headers of their own.
    let long = format!("{}/0.png", "x".repeat(150));
    let mut entries: Vec<(&str, &[u8])> = vec![("first.cls", b"3"), ("._0.png", b"attributes")];
    entries.extend(files.iter().map(|(name, content)| (&name[..], &content[..])));
    entries.push(("00019.json", b"{}"));
    write_tar(&at("all.tar"), &entries);
    fs::write(at("all.tar.gz"), gzip(&tar_bytes(&entries))).unwrap();
    write_tar(&at("shard-0.tar"), &entries[..9]);
    let mut rest = entries[9..].to_vec();
    rest[3].0 = &long;
    write_tar(&at("shard-1.tar"), &rest);

    let expected: Vec<u8> = (0..20).flat_map(|k| planes(&picture(k, 5, 4))).collect();
    for (sources, count) in [
        (vec!["pictures"], Some(20)),
        (vec!["all.tar"], Some(20)),
        (vec!["all.tar.gz"], None),
        (vec!["shard-0.tar", "shard-1.tar"], Some(20)),
    ] {
        let paths: Vec<PathBuf> = sources.iter().map(|name| at(name)).collect();
        let mut samples = open(&paths, &ReadOptions::default()).unwrap();
        assert_eq!(samples.size_hint(), count, "{sources:?}");
        assert_eq!(bytes(&mut *samples, 6).unwrap(), expected, "{sources:?}");
        for (skipped, position) in [(0, 0), (1, 1), (13, 13), (20, 20), (99, 20)] {
            samples.rewind().unwrap();
            samples.skip(skipped).unwrap();
            if count.is_some() {
                assert_eq!(samples.position(), position, "{sources:?}");
            }
            let found = bytes(&mut *samples, 4).unwrap();
            assert_eq!(found, expected[60 * position as usize..], "{sources:?}, {skipped}");
            // Skipping also within a stream.
            samples.rewind().unwrap();
            samples.next_chunk(2).unwrap();
            samples.skip(skipped).unwrap();
            let start = 60 * (skipped as usize + 2).min(20);
            assert_eq!(bytes(&mut *samples, 4).unwrap(), expected[start..], "{sources:?}");
        }
    }
}

#[test]
fn odd_pictures_are_named_or_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let good = png(1);
    let files: [(&str, Vec<u8>); 6] = [
        ("0.png", good.clone()),
        ("1.png", encoded(picture(1, 6, 4), ImageFormat::Png)),
        ("2.png", encoded(DynamicImage::from(picture(2, 5, 4)).to_luma8(), ImageFormat::Png)),
        ("3.png", encoded(DynamicImage::from(picture(2, 5, 4)).to_rgb16(), ImageFormat::Png)),
        ("4.png", good[..good.len() / 2].to_vec()),
        ("5.png", Vec::new()),
    ];
    let reasons = [
        "4x6 with 3 channels, but the first picture is 4x5 with 3 channels: make all of one shape with --resize, --crop and --channels, or leave out the others with --skip-bad",
        "4x5 with 1 channel, but the first picture is 4x5 with 3 channels: make all of one shape with --resize, --crop and --channels, or leave out the others with --skip-bad",
        "16 bits per channel, but the first picture has 8",
    ];
    for (odd, reason) in files[1..].iter().zip(reasons.map(Some).into_iter().chain([None, None])) {
        let entries = [("0.png", &good[..]), (odd.0, &odd.1), ("z.png", &good)];
        write_tar(&at("all.tar"), &entries);
        let message = error(&[at("all.tar")], &ReadOptions::default());
        let place = format!("{}: '{}': ", at("all.tar").display(), odd.0);
        assert!(message.starts_with(&place), "{message}");
        if let Some(reason) = reason {
            assert_eq!(message, format!("{place}{reason}"));
        }
        let skip = with(pictures::PictureOptions { skip_bad: true, ..Default::default() });
        let mut samples = open(&[at("all.tar")], &skip).unwrap();
        let mut moments = Moments::of(&mut *samples).unwrap();
        assert_eq!((moments.count(), moments.position()), (2, 3));
        assert_eq!(moments.left_out().count, 1);
        assert_eq!(moments.left_out().first.as_ref(), Some(&message));
        // One sample at a time, a chunk may be empty.
        samples.rewind().unwrap();
        let mut rows = Vec::new();
        while let Some(chunk) = samples.next_chunk(1).unwrap() {
            rows.push(chunk.rows());
        }
        assert_eq!(rows, [1, 0, 1]);
        moments.save(&at("sums.npz")).unwrap();
        assert_eq!(Moments::load(&at("sums.npz")).unwrap().left_out(), moments.left_out());
    }
    let no_good: Vec<(&str, &[u8])> = vec![("a.png", b"x"), ("b.png", b"y")];
    write_tar(&at("all.tar"), &no_good);
    let skip = with(pictures::PictureOptions { skip_bad: true, ..Default::default() });
    assert!(error(&[at("all.tar")], &skip).contains("'a.png': not a picture"));
}

#[test]
fn truncated_jpegs_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let whole = encoded(picture(4, 40, 30), ImageFormat::Jpeg);
    let path = folder.path().join("cut.jpg");
    for len in (2..whole.len()).step_by(7) {
        fs::write(&path, &whole[..len]).unwrap();
        let message = error(&[folder.path().into()], &ReadOptions::default());
        assert!(message.starts_with(&path.display().to_string()), "{message}");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(bytes(&mut *open_one(folder.path()).unwrap(), 9).unwrap().len(), 3 * 40 * 30);
}

#[test]
fn damaged_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = encoded(DynamicImage::from(picture(4, 9, 8)), format);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            let path = folder.path().join("a.bin");
            write_tar(&path, &[("0.png", &damaged), ("1.png", &whole)]);
            let skip = with(pictures::PictureOptions { skip_bad: true, ..Default::default() });
            if let Ok(mut samples) = open(&[path], &skip) {
                let _ = bytes(&mut *samples, 10);
            }
        }
    }
}

#[test]
fn damaged_archives_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.tar");
    let files: Vec<(String, Vec<u8>)> = (0..9).map(|k| (format!("{k}.png"), png(k))).collect();
    let entries: Vec<(&str, &[u8])> = files.iter().map(|(n, c)| (&n[..], &c[..])).collect();
    let whole = tar_bytes(&entries);
    // 20 bytes into the sixth picture.
    let at = whole.windows(5).position(|w| w == b"5.png").unwrap() + 512;
    fs::write(&path, &whole[..at + 20]).unwrap();
    let message = error(std::slice::from_ref(&path), &ReadOptions::default());
    assert!(message.contains("all.tar") && message.contains("'5.png'"), "{message}");

    // It becomes shorter after it was opened: where it is larger than what is read ahead.
    let large = encoded(picture(1, 300, 200), ImageFormat::Bmp);
    write_tar(&path, &[("0.bmp", &large), ("1.bmp", &large)]);
    let mut samples = open_one(&path).unwrap();
    let size = fs::metadata(&path).unwrap().len();
    fs::File::options().write(true).open(&path).unwrap().set_len(size - 5000).unwrap();
    let message = bytes(&mut *samples, 2).unwrap_err().to_string();
    assert!(message.contains("'1.bmp': ") && message.contains("shorter"), "{message}");

    let cut = gzip(&whole);
    fs::write(&path, &cut[..cut.len() / 2]).unwrap();
    let message = error(std::slice::from_ref(&path), &ReadOptions::default());
    assert!(message.contains("all.tar"), "{message}");

    // A file of a folder vanishes.
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    (0..3).for_each(|k| fs::write(pictures.join(format!("{k}.png")), png(k)).unwrap());
    let mut samples = open_one(&pictures).unwrap();
    fs::remove_file(pictures.join("2.png")).unwrap();
    let message = bytes(&mut *samples, 2).unwrap_err().to_string();
    assert!(message.contains("2.png") && message.contains("no such file"), "{message}");
}

#[test]
fn training_and_test_parts_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for (part, numbers) in [("train", 0..4), ("test", 4..6)] {
        fs::create_dir(folder.path().join(part)).unwrap();
        for k in numbers {
            // Names of pictures themselves say nothing.
            fs::write(folder.path().join(part).join(format!("test{k}.png")), png(k)).unwrap();
        }
    }
    let count = |split| {
        let options = ReadOptions { split, ..ReadOptions::default() };
        open(&[folder.path().into()], &options).unwrap().size_hint()
    };
    let splits = [Split::Auto, Split::Train, Split::Test, Split::All];
    assert_eq!(splits.map(count), [Some(4), Some(4), Some(2), Some(6)]);
    let notes = source::open(&[folder.path().into()], &ReadOptions::default()).unwrap().notes;
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].ends_with("reading the train part, 4 of 6 files (--split all reads all)"),
        "{notes:?}"
    );
    let test = ReadOptions { split: Split::Test, ..ReadOptions::default() };
    assert!(
        error(&[folder.path().join("train")], &test)
            .contains("no file or folder is named as a test")
    );
}

#[test]
fn channels_are_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.png");
    let rgb = picture(3, 4, 2);
    let pixels = |options: &ReadOptions| {
        let mut samples = open(&[folder.path().into()], options).unwrap();
        (samples.shape().to_vec(), bytes(&mut *samples, 1).unwrap())
    };
    let channels = |channels| with(pictures::PictureOptions { channels, ..Default::default() });

    fs::write(&path, encoded(rgb.clone(), ImageFormat::Png)).unwrap();
    let (shape, gray) = pixels(&channels(Channels::Gray));
    assert_eq!(shape, [1, 2, 4]);
    for (found, p) in gray.iter().zip(rgb.pixels()) {
        let [r, g, b] = p.0.map(f64::from);
        assert!((f64::from(*found) - (0.299 * r + 0.587 * g + 0.114 * b)).abs() < 0.51);
    }
    let (shape, four) = pixels(&channels(Channels::Rgba));
    assert_eq!(shape, [4, 2, 4]);
    assert_eq!((&four[..24], &four[24..]), (&planes(&rgb)[..], [255; 8].as_slice()));

    let mut rgba = DynamicImage::from(rgb.clone()).to_rgba8();
    fs::write(&path, encoded(rgba.clone(), ImageFormat::Png)).unwrap();
    assert_eq!(pixels(&ReadOptions::default()), (vec![3, 2, 4], planes(&rgb)), "opaque");
    rgba.get_pixel_mut(1, 1).0[3] = 254;
    fs::write(&path, encoded(rgba, ImageFormat::Png)).unwrap();
    assert!(error(&[folder.path().into()], &ReadOptions::default()).contains("partly transparent"));
    assert_eq!(pixels(&channels(Channels::Rgb)), (vec![3, 2, 4], planes(&rgb)));

    let gray = DynamicImage::from(rgb).to_luma8();
    fs::write(&path, encoded(gray.clone(), ImageFormat::Png)).unwrap();
    assert_eq!(pixels(&ReadOptions::default()), (vec![1, 2, 4], gray.to_vec()));
    assert_eq!(pixels(&channels(Channels::Rgb)).1, gray.to_vec().repeat(3));
}

/// Values made with Pillow: see `../fixtures/images/pillow.py`.
#[test]
fn resized_as_pillow_does() {
    const PILLOW: &str = include_str!("../fixtures/images/pillow.json");
    let cases: serde_json::Value = serde_json::from_str(PILLOW).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cases = cases["cases"].as_array().unwrap();
    for case in cases {
        let list = |key: &str| -> Vec<u8> { serde_json::from_value(case[key].clone()).unwrap() };
        let side = |key: &str| case[key].as_u64().unwrap() as u32;
        let (width, height, pixels) = (side("width"), side("height"), list("pixels"));
        let (picture, channels) = match case["mode"].as_str().unwrap() {
            "L" => {
                (GrayImage::from_raw(width, height, pixels).map(DynamicImage::from), Channels::Gray)
            }
            "RGB" => {
                (RgbImage::from_raw(width, height, pixels).map(DynamicImage::from), Channels::Rgb)
            }
            _ => {
                (RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from), Channels::Rgba)
            }
        };
        let png = encoded(picture.unwrap(), ImageFormat::Png);
        fs::write(folder.path().join("0.png"), png).unwrap();
        let size = |key: &str| case[key].as_str().map(|s| s.parse::<Size>().unwrap());
        let filter = match case["filter"].as_str().unwrap() {
            "nearest" => Filter::Nearest,
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            other => panic!("{other}"),
        };
        let options = pictures::PictureOptions {
            resize: size("resize"),
            crop: size("crop"),
            filter: if case["resize"].is_null() {
                pictures::PictureOptions::default().filter
            } else {
                filter
            },
            channels,
            ..Default::default()
        };
        let mut samples = open(&[folder.path().into()], &with(options)).unwrap();
        let found = bytes(&mut *samples, 1).unwrap();
        let (mode, resize, filter) = (&case["mode"], &case["resize"], &case["filter"]);
        let place = format!("{mode} {height}x{width} to {resize} {filter}");
        assert_eq!(found, list("expected"), "{place}");
    }
    assert_eq!(cases.len(), 160);
}

#[test]
fn sixteen_bits_and_scales() {
    let folder = tempfile::tempdir().unwrap();
    let deep =
        image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![0u16, 65535]).unwrap();
    fs::write(folder.path().join("0.png"), encoded(deep, ImageFormat::Png)).unwrap();
    for (scale, expected) in [
        (ScaleChoice::Auto, [-1.0, 1.0]),
        (ScaleChoice::Symmetric, [-1.0, 1.0]),
        (ScaleChoice::Unit, [0.0, 1.0]),
        (ScaleChoice::None, [0.0, 65535.0]),
        (ScaleChoice::Affine { factor: 2.0, offset: 1.0 }, [1.0, 131_071.0]),
    ] {
        let options = ReadOptions { scale, ..ReadOptions::default() };
        let mut samples = open(&[folder.path().into()], &options).unwrap();
        let mean = Moments::of(&mut *samples).unwrap().mean().unwrap();
        assert_eq!(mean, expected, "{scale:?}");
    }
}

#[test]
fn nothing_and_strange_things_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(error(&[at("missing")], &ReadOptions::default()).contains("missing: No such file"));
    assert!(error(&[folder.path().into()], &ReadOptions::default()).contains("no samples"));
    fs::write(at("noise.bin"), [7u8, 200, 3, 1, 0, 0, 255, 254]).unwrap();
    let message = error(&[at("noise.bin")], &ReadOptions::default());
    assert!(message.contains("noise.bin: not recognised as any of picture, npy"), "{message}");
    fs::write(at("empty.npy"), []).unwrap();
    assert!(error(&[at("empty.npy")], &ReadOptions::default()).ends_with("empty.npy: empty"));
    fs::remove_file(at("noise.bin")).unwrap();
    fs::remove_file(at("empty.npy")).unwrap();
    fs::write(at("readme.txt"), "no data").unwrap();
    let message = error(&[folder.path().into()], &ReadOptions::default());
    assert!(message.contains("no data among its 1 files (first: readme.txt)"), "{message}");
}

/// Values made with NumPy: see `../fixtures/images/eigenvalues.py`.
#[test]
fn lossless_pictures_have_the_eigenvalues_of_numpy() {
    let numpy: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/images/eigenvalues.json")).unwrap();
    let expected: Vec<f64> = serde_json::from_value(numpy["eigenvalues"].clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for k in 0..200 {
        fs::write(folder.path().join(format!("{k:03}.png")), png(k)).unwrap();
    }
    let mut samples = open_one(folder.path()).unwrap();
    for method in [Method::Dense, Method::Gram] {
        let options =
            gaussmeter_data::DecomposeOptions { method: Some(method), ..Default::default() };
        samples.rewind().unwrap();
        let found = gaussmeter_data::decompose(&mut *samples, &options).unwrap();
        let mut values = found.eigenvalues;
        values.sort_by(f64::total_cmp);
        assert_eq!(values.len(), expected.len());
        for (found, expected) in values.iter().zip(&expected) {
            let tolerance = if *expected > 1e-6 { 1e-10 } else { f64::INFINITY };
            assert!((found / expected - 1.0).abs() < tolerance, "{method}: {found}, {expected}");
        }
        assert!(expected.iter().filter(|v| **v > 1e-6).count() >= 60);
    }
}

/// A PNG that says that it has so many grey pixels, with content that is none.
fn promised(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    {
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_chunk(png::chunk::IDAT, &[0x5a; 400_000]).unwrap();
    }
    bytes
}

/// Decoding 256 million pixels takes 10 s, to be refused by every method afterwards.
#[test]
fn a_picture_too_large_for_every_method_is_refused_by_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let huge = promised(16_000);
    let files = [("0.png", &huge[..]), ("1.png", &huge[..])];
    write_tar(&at("a.tar"), &files);
    fs::create_dir(at("many")).unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(at("many").join(name), bytes).unwrap());
    for path in [at("many"), at("a.tar"), at("many/0.png")] {
        let message = error(&[path], &ReadOptions::default());
        assert!(
            message.contains("the spectrum of pictures 1x16000x16000 needs 11.5 GiB of memory")
                && message.ends_with("--memory, or make them smaller with --resize"),
            "{message}"
        );
    }
    // Resized or cut it is affordable, and decoded: then it is damaged.
    for options in [
        pictures::PictureOptions { resize: Some("32".parse().unwrap()), ..Default::default() },
        pictures::PictureOptions { crop: Some("32".parse().unwrap()), ..Default::default() },
    ] {
        let message = error(&[at("many")], &with(options));
        assert!(!message.contains("--memory"), "{message}");
    }
    // Left out, where that is asked for; and told from the others by its header too.
    fs::write(at("many/1.png"), png(1)).unwrap();
    let skip = pictures::PictureOptions { skip_bad: true, ..Default::default() };
    let mut samples = open(&[at("many")], &with(skip)).unwrap();
    assert_eq!(bytes(&mut *samples, 10).unwrap().len(), 60);
    assert_eq!(samples.left_out().count, 1);
    let first = samples.left_out().first.unwrap();
    assert!(first.contains("16000") && !first.contains("IDAT"), "{first}");
    fs::write(at("many/0.png"), png(0)).unwrap();
    fs::write(at("many/1.png"), &huge).unwrap();
    let message = error(&[at("many")], &ReadOptions::default());
    assert!(message.contains("1.png") && message.contains("16000"), "{message}");
}
