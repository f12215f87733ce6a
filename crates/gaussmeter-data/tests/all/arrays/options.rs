//! Every option of reading on every format: it has an effect, or an error says on what it has one.

use super::folders::{cifar, idx};
use super::{bytes_of, folder, gzip};
use crate::files::{encoded, fixture};
use gaussmeter_data::source::pictures::{Channels, Filter};
use gaussmeter_data::source::{
    self, ArrayKind, Input, Labels, Latents, Layout, ReadOption, ReadOptions, SamplesPerFile,
    ScaleChoice, Split, formats,
};
use image::{GrayImage, ImageFormat};
use std::collections::BTreeSet;
use zip::CompressionMethod;

fn png() -> Vec<u8> {
    let picture = GrayImage::from_fn(8, 6, |x, y| image::Luma([(31 * x + 17 * y) as u8]));
    encoded(picture, ImageFormat::Png)
}

fn parquet(name: &str) -> Vec<u8> {
    std::fs::read(fixture("parquet").join(name)).unwrap()
}

/// The usual options, and one that asks for something.
fn asking(choice: ReadOption) -> ReadOptions {
    let mut options = ReadOptions::default();
    match choice {
        ReadOption::Array => options.array = Some("nope".into()),
        ReadOption::Kind => options.kind = Some(ArrayKind::Samples),
        ReadOption::SamplesPerFile => options.samples_per_file = SamplesPerFile::One,
        ReadOption::Latents => options.latents = Latents::Mean,
        ReadOption::Labels => options.labels = Labels::Named("nope".into()),
        ReadOption::Layout => options.layout = Layout::Hwc,
        ReadOption::Scale => options.scale = ScaleChoice::Affine { factor: 0.5, offset: 1.0 },
        ReadOption::Split => options.split = Split::Test,
        ReadOption::Suffix => options.suffix = Some("nope".into()),
        ReadOption::Resize => options.pictures.resize = Some("4".parse().unwrap()),
        ReadOption::Crop => options.pictures.crop = Some("2".parse().unwrap()),
        ReadOption::Filter => options.pictures.filter = Filter::Nearest,
        ReadOption::Channels => options.pictures.channels = Channels::Rgb,
        ReadOption::SkipBad => options.pictures.skip_bad = true,
    }
    options
}

/// A format, a file of it, its content, and the options that have an effect.
fn table() -> Vec<(&'static str, &'static str, Vec<u8>, &'static [ReadOption])> {
    use ReadOption::{
        Array, Channels, Crop, Kind, Labels, Latents, Layout, Resize, SamplesPerFile, Scale,
        SkipBad, Split, Suffix,
    };
    let named = |names: [&str; 2], bytes: Vec<u8>| names.map(|n| (n.to_owned(), bytes.clone()));
    let arrays = named(["train.npy", "test.npy"], bytes_of("nchw.npy"));
    let pictures = named(["train/a.png", "test/b.png"], png());
    vec![
        ("picture", "one.png", png(), &[Scale, Resize, Crop, Channels, SkipBad]),
        ("npy", "u1.npy", bytes_of("u1.npy"), &[Kind, SamplesPerFile, Latents, Scale]),
        ("npy", "nchw.npy", bytes_of("nchw.npy"), &[Kind, SamplesPerFile, Latents, Scale, Layout]),
        ("npy", "covariance.npy", bytes_of("covariance.npy"), &[Kind, SamplesPerFile, Latents]),
        ("npy", "eigenvalues.npy", bytes_of("eigenvalues.npy"), &[Kind, SamplesPerFile, Latents]),
        ("npy", "u1.npy.gz", gzip(&bytes_of("u1.npy")), &[Kind, SamplesPerFile, Latents, Scale]),
        (
            "npz",
            "stored.npz",
            bytes_of("stored.npz"),
            &[Array, Kind, SamplesPerFile, Latents, Scale],
        ),
        ("npz", "fid.npz", bytes_of("fid.npz"), &[Array]),
        ("npz", "eigenvalues.npz", bytes_of("eigenvalues.npz"), &[Array]),
        ("torch", "tensor.pt", bytes_of("tensor.pt"), &[Kind, SamplesPerFile, Latents, Scale]),
        (
            "torch",
            "dict.pt",
            bytes_of("dict.pt"),
            &[Array, Kind, SamplesPerFile, Latents, Scale, Layout],
        ),
        (
            "safetensors",
            "one.safetensors",
            bytes_of("one.safetensors"),
            &[Array, Kind, SamplesPerFile, Latents, Scale],
        ),
        (
            "pickle",
            "array.pkl",
            bytes_of("array.pkl"),
            &[Kind, SamplesPerFile, Latents, Scale, Labels],
        ),
        (
            "pickle",
            "data_batch_1",
            bytes_of("data_batch_1"),
            &[Array, Kind, SamplesPerFile, Latents, Scale, Labels],
        ),
        (
            "parquet",
            "p.parquet",
            parquet("binary.parquet"),
            &[Array, Scale, Resize, Crop, Channels, SkipBad, Labels],
        ),
        ("parquet", "t.parquet", parquet("table.parquet"), &[Array, Scale, Labels]),
        ("parquet", "a.parquet", parquet("array3d.parquet"), &[Array, Scale, Layout, Labels]),
        ("idx", "images-idx3-ubyte", idx(8, &[5, 2, 3], &[7; 30]), &[Scale]),
        (
            "tar",
            "pictures.tar",
            super::tar(&pictures),
            &[Scale, Split, Suffix, Resize, Crop, Channels, SkipBad],
        ),
        (
            "tar",
            "pictures.tar.gz",
            gzip(&super::tar(&pictures)),
            &[Scale, Split, Suffix, Resize, Crop, Channels, SkipBad],
        ),
        (
            "tar",
            "arrays.tar",
            super::tar(&arrays),
            &[Kind, SamplesPerFile, Latents, Scale, Split, Suffix, Layout],
        ),
        (
            "zip",
            "pictures.zip",
            super::zip(&pictures, CompressionMethod::Stored),
            &[Scale, Split, Suffix, Resize, Crop, Channels, SkipBad],
        ),
        (
            "zip",
            "arrays.zip",
            super::zip(&arrays, CompressionMethod::Deflated),
            &[Kind, SamplesPerFile, Latents, Scale, Split, Suffix, Layout],
        ),
        ("cifar", "data.bin", cifar(&[6], 3, 0).0, &[Scale]),
        ("text", "list.txt", b"4\n1\n1\n".to_vec(), &[Kind]),
    ]
}

#[test]
fn an_option_has_an_effect_or_is_refused() {
    let mut seen = BTreeSet::new();
    for (format, name, bytes, effective) in table() {
        let files = folder([(name, bytes)]);
        let path = files.path().join(name);
        let input = Input::file(&path).unwrap();
        let found = formats().iter().find(|f| (f.recognises)(&input)).map(|f| f.name);
        assert_eq!(found, Some(format), "{name}");
        seen.insert(format);
        let open = |options: &ReadOptions| source::open(std::slice::from_ref(&path), options);
        open(&ReadOptions::default()).map(drop).unwrap_or_else(|e| panic!("{e}"));
        for choice in ReadOption::ALL {
            let message = open(&asking(choice)).err().map(|e| e.to_string()).unwrap_or_default();
            let refusal = format!("{} has no effect on ", choice.name());
            match effective.contains(&choice) {
                true => assert!(!message.contains("has no effect"), "{name}: {message}"),
                false => assert!(
                    message.contains(&refusal) && message.contains(choice.effect()),
                    "{name}, {}: '{message}'",
                    choice.name()
                ),
            }
        }
    }
    // What is recognised and not read has no options.
    let all: BTreeSet<_> = formats().iter().map(|f| f.name).filter(|n| *n != "arrow").collect();
    // What is missing here is a format whose options nobody has tried.
    assert_eq!(seen, all);
}

#[test]
fn a_folder_of_pictures_refuses_options_of_arrays() {
    let files = folder([("train/a.png", png()), ("test/b.png", png())]);
    for choice in ReadOption::ALL {
        let found = source::open(&[files.path().to_path_buf()], &asking(choice)).map(drop);
        let message = found.err().map(|e| e.to_string()).unwrap_or_default();
        let refused = [
            ReadOption::Array,
            ReadOption::Kind,
            ReadOption::SamplesPerFile,
            ReadOption::Latents,
            ReadOption::Labels,
            ReadOption::Layout,
            ReadOption::Filter,
        ];
        assert_eq!(message.contains("has no effect on"), refused.contains(&choice), "{message}");
    }
}

#[test]
fn a_filter_is_for_resizing() {
    let files = folder([("a.png", png())]);
    let mut options = asking(ReadOption::Filter);
    options.pictures.resize = asking(ReadOption::Resize).pictures.resize;
    assert!(source::open(&[files.path().join("a.png")], &options).is_ok());
}
