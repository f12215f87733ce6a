//! Classes that are listed beside samples: in pickles, parquet files and compressed archives.

use crate::files::{encoded, fixture, folder, gzip, tar};
use gaussmeter::watch::Watch;
use gaussmeter_data::mixture::{MixtureOptions, of_samples};
use gaussmeter_data::samples::Samples;
use gaussmeter_data::source::{Data, Labels, ReadOptions, Split, open};
use image::{GrayImage, ImageFormat};
use std::path::{Path, PathBuf};

fn samples(path: &Path, labels: Labels) -> Result<Box<dyn Samples>, String> {
    let options = ReadOptions { labels, split: Split::Auto, ..ReadOptions::default() };
    match open(&[path.into()], &options).map_err(|e| e.to_string())?.data {
        Data::Samples(samples) => Ok(samples),
        _ => panic!("no samples"),
    }
}

/// The classes of all samples, read a few at a time, twice.
fn classes(path: &Path, labels: Labels) -> Result<Option<Vec<String>>, String> {
    let mut samples = samples(path, labels)?;
    let read = |samples: &mut dyn Samples, rows: usize| -> Result<Option<Vec<String>>, String> {
        let mut all = Some(Vec::new());
        while let Some(chunk) = samples.next_chunk(rows).map_err(|e| e.to_string())? {
            match (&mut all, samples.classes()) {
                (Some(all), Some(classes)) => {
                    assert_eq!(classes.len(), chunk.rows());
                    all.extend(classes.iter().cloned());
                }
                (all, _) => *all = None,
            }
        }
        Ok(all)
    };
    let first = read(&mut *samples, 2)?;
    samples.rewind().map_err(|e| e.to_string())?;
    assert_eq!(read(&mut *samples, 5)?, first);
    Ok(first)
}

fn named(name: &str) -> Labels {
    Labels::Named(name.into())
}

fn arrays(name: &str) -> PathBuf {
    fixture("arrays").join(name)
}

fn parquet(name: &str) -> PathBuf {
    fixture("parquet").join(name)
}

fn list(words: &str) -> Option<Vec<String>> {
    Some(words.split(' ').map(String::from).collect())
}

#[test]
fn pickles_list_labels() {
    for name in ["data_batch_1", "data_batch_2"] {
        let path = arrays(name);
        assert_eq!(classes(&path, Labels::Auto), Ok(list("6 9")), "{name}");
        assert_eq!(classes(&path, named("labels")), Ok(list("6 9")));
        assert_eq!(classes(&path, named("filenames")), Ok(list("a.png b.png")));
        assert_eq!(classes(&path, Labels::Ignore), Ok(None));
        let error = classes(&path, named("fine")).unwrap_err();
        assert!(error.ends_with(&format!("{name}: no labels 'fine'")), "{error}");
        let error = classes(&path, named("data")).unwrap_err();
        assert!(error.contains("'data' is no list of labels"), "{error}");
    }
    // Of which there are two for one sample.
    let error = classes(&arrays("test_batch"), Labels::Auto).unwrap_err();
    assert!(error.ends_with("test_batch: 2 labels in 'labels' for 1 samples"), "{error}");
    assert_eq!(classes(&arrays("test_batch"), Labels::Ignore), Ok(None));
    // A folder of batches, and the archive that is downloaded.
    let batch = |name: &str| std::fs::read(arrays(name)).unwrap();
    let files = [
        ("cifar-10-batches-py/batches.meta", batch("batches.meta")),
        ("cifar-10-batches-py/data_batch_1", batch("data_batch_1")),
        ("cifar-10-batches-py/data_batch_2", batch("data_batch_2")),
    ];
    let all = folder(files.clone());
    assert_eq!(classes(all.path(), Labels::Auto), Ok(list("6 9 6 9")));
    let all = folder([("c.tar.gz", gzip(&tar(&files)))]);
    assert_eq!(classes(&all.path().join("c.tar.gz"), Labels::Auto), Ok(list("6 9 6 9")));
}

#[test]
fn parquet_has_columns_of_labels() {
    let folder = parquet("repository");
    // Named by the `datasets` library, over two files.
    assert_eq!(classes(&folder, Labels::Auto), Ok(list("a b c a b c a")));
    assert_eq!(classes(&folder, Labels::Ignore), Ok(None));
    assert_eq!(classes(&parquet("zstd.parquet"), Labels::Auto), Ok(list("0 1 2 0 1 2 0")));
    assert_eq!(classes(&parquet("v2.parquet"), named("label")), Ok(list("0 1 2 0 1 2 0")));
    // Beside lists, and text.
    assert_eq!(classes(&parquet("array3d.parquet"), Labels::Auto), Ok(list("0 1 2 3 4 5 6")));
    assert_eq!(classes(&parquet("binary.parquet"), named("id")), Ok(list("a b c d e f g")));
    assert_eq!(classes(&parquet("binary.parquet"), Labels::Auto), Ok(None));
    for (name, column, message) in [
        ("binary.parquet", "label", "no column 'label' (found: id (text), png (binary))"),
        ("binary.parquet", "png", "column 'png' holds binary: labels are integers or text"),
        (
            "lists/int32.parquet",
            "x",
            "column 'x' holds lists of int32: labels are integers or text",
        ),
    ] {
        let error = classes(&parquet(name), named(column)).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn labels_of_a_compressed_archive_lie_beside_pictures_or_elsewhere() {
    let picture = |k: usize| {
        let of = |x: u32, y: u32| image::Luma([(20 * k as u32 + 31 * x + 7 * y) as u8]);
        encoded(GrayImage::from_fn(2, 2, of), ImageFormat::Png)
    };
    let beside: Vec<(String, Vec<u8>)> = (0..6)
        .flat_map(|k| {
            let label = format!("{}\n", [5, 11][k % 2]).into_bytes();
            [(format!("s/{k}.cls"), label), (format!("s/{k}.png"), picture(k))]
        })
        .collect();
    let mut last = beside.clone();
    last.sort_by_key(|(name, _)| name.ends_with(".cls"));
    for (name, entries) in [("beside", beside), ("last", last)] {
        let (plain, gz) = (format!("{name}.tar"), format!("{name}.tar.gz"));
        let archive = tar(&entries);
        let all = folder([(&plain[..], archive.clone()), (&gz[..], gzip(&archive))]);
        let expected = list("5 11 5 11 5 11");
        assert_eq!(classes(&all.path().join(&plain), Labels::Ignore), Ok(expected.clone()));
        let gz = all.path().join(&gz);
        assert_eq!(classes(&gz, Labels::Auto), Ok(expected), "{name}");
        assert_eq!(classes(&gz, Labels::Ignore), Ok(list("s s s s s s")));
        let mut samples = samples(&gz, Labels::Auto).unwrap();
        let model = of_samples("m", &mut *samples, MixtureOptions::default(), Watch::NOBODY);
        let model = model.unwrap();
        assert_eq!(model.counts, [3, 3]);
        let names: Vec<&str> = model.mixture.components().iter().map(|c| c.name()).collect();
        assert_eq!(names, ["5", "11"]);
    }
}
