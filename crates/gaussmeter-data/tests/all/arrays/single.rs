//! Files of one sample each, as caches of latents, embeddings and pictures are, have the spectrum of one
//! array of all.

use super::{error, fixture, folder, gzip, npy, read, samples, tar, zip};
use gaussmeter_data::Moments;
use gaussmeter_data::samples::Samples;
use gaussmeter_data::source::{self, Latents, ReadOptions, SamplesPerFile};
use std::path::Path;
use zip::CompressionMethod::{Deflated, Stored};

const COUNT: usize = 20;

/// The values of a sample of so many.
fn values(k: usize, dim: usize) -> Vec<f32> {
    (0..dim)
        .map(|i| ((k * k * 37 + i * i * 11 + 53 * k * i + 7 * i) % 97) as f32 / 16.0 - 3.0)
        .collect()
}

/// Files, named by the number of their sample.
fn files(axes: &[usize], name: impl Fn(usize) -> String) -> Vec<(String, Vec<u8>)> {
    let dim = axes.iter().product();
    (0..COUNT).map(|k| (name(k), npy(axes, &values(k, dim)))).collect()
}

fn with(samples_per_file: SamplesPerFile) -> ReadOptions {
    ReadOptions { samples_per_file, ..ReadOptions::default() }
}

/// Number and dimension of samples, and the trace of their covariance.
fn measured(samples: &mut dyn Samples) -> (u64, usize, f64) {
    let mut moments = Moments::of(samples).unwrap();
    let covariance = moments.covariance().unwrap();
    let trace = (0..covariance.rows()).map(|i| covariance[(i, i)]).sum();
    (moments.count(), moments.dim(), trace)
}

#[track_caller]
fn check(path: &Path, options: &ReadOptions, dim: usize, expected: &[usize]) {
    let all: Vec<f64> = (0..COUNT).flat_map(|k| values(k, dim)).map(f64::from).collect();
    let mut samples = samples(path, options);
    assert_eq!(samples.shape(), expected, "{}", path.display());
    assert_eq!(samples.size_hint(), Some(COUNT as u64));
    for rows in [1, 7, 100] {
        assert_eq!(read(&mut *samples, rows).unwrap(), all, "{}", path.display());
        assert_eq!(samples.position(), COUNT as u64);
        samples.rewind().unwrap();
    }
    samples.skip(3).unwrap();
    assert_eq!(read(&mut *samples, 4).unwrap(), &all[3 * dim..]);
}

fn notes(path: &Path, options: &ReadOptions) -> Vec<String> {
    source::open(&[path.to_path_buf()], options).unwrap().notes
}

fn write(files: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    folder(files.iter().map(|(name, bytes)| (&name[..], bytes.clone())))
}

#[test]
fn folders_and_archives_of_one_sample_per_file() {
    for (axes, shape) in [
        (&[4, 2, 2][..], &[4, 2, 2][..]),
        (&[1, 4, 2, 2], &[4, 2, 2]),
        (&[6], &[6]),
        (&[1, 6], &[6]),
        (&[2, 3], &[1, 2, 3]),
        (&[5, 5], &[1, 5, 5]),
        (&[3, 4, 5], &[3, 4, 5]),
        (&[16, 2, 2], &[16, 2, 2]),
        (&[3, 2, 2, 2], &[3, 2, 2, 2]),
    ] {
        let dim = axes.iter().product();
        let plain = write(&files(axes, |k| format!("{k:03}.npy")));
        check(plain.path(), &ReadOptions::default(), dim, shape);
        let nested = write(&files(axes, |k| format!("{:05}/img{k:08}.npy", k / 7)));
        check(nested.path(), &ReadOptions::default(), dim, shape);
        let mut web = files(axes, |k| format!("{k:05}.latent.npy"));
        for k in 0..COUNT {
            web.push((format!("{k:05}.cls"), k.to_string().into_bytes()));
            web.push((format!("{k:05}.json"), b"{\"caption\": \"a cat\"}".to_vec()));
        }
        web.sort();
        let mut labelled = web.clone();
        labelled.push(("dataset.json".into(), b"{\"labels\": []}".to_vec()));
        let archives = folder([
            ("a.tar", tar(&web)),
            ("a.tar.gz", gzip(&tar(&web))),
            ("stored.zip", zip(&labelled, Stored)),
            ("deflated.zip", zip(&labelled, Deflated)),
        ]);
        for name in ["a.tar", "a.tar.gz", "stored.zip", "deflated.zip"] {
            check(&archives.path().join(name), &ReadOptions::default(), dim, shape);
        }
    }
}

#[test]
fn a_note_says_what_was_guessed_and_the_other_reading_can_be_had() {
    let latents = write(&files(&[4, 2, 2], |k| format!("{k:03}.npy")));
    let said = notes(latents.path(), &ReadOptions::default()).join("\n");
    assert!(said.contains("20 files of shape [4, 2, 2] are read as one sample each"), "{said}");
    assert!(said.contains("--samples-per-file rows reads 80 samples of shape [2, 2]"), "{said}");
    let mut rows = samples(latents.path(), &with(SamplesPerFile::Rows));
    assert_eq!((rows.size_hint(), rows.shape()), (Some(80), &[1, 2, 2][..]));
    assert_eq!(measured(&mut *rows).1, 4);
    assert!(notes(latents.path(), &with(SamplesPerFile::Rows)).is_empty());
    assert!(notes(latents.path(), &with(SamplesPerFile::One)).is_empty());

    let batches = write(&files(&[30, 6], |k| format!("{k:03}.npy")));
    let said = notes(batches.path(), &ReadOptions::default()).join("\n");
    assert!(said.contains("read as 600 samples of shape [6]"), "{said}");
    assert!(said.contains("--samples-per-file one"), "{said}");
    check(batches.path(), &with(SamplesPerFile::One), 180, &[1, 30, 6]);

    // Batches of sixteen, or sixteen tokens.
    let either = write(&files(&[16, 6], |k| format!("{k:03}.npy")));
    let refused = error(either.path(), &ReadOptions::default());
    assert!(refused.contains("20 files of shape [16, 6] could be one sample each"), "{refused}");
    assert!(refused.contains("or 320 samples of shape [6]"), "{refused}");
    check(either.path(), &with(SamplesPerFile::One), 96, &[1, 16, 6]);
    let shards = write(&files(&[16, 6], |k| format!("shard-{k:03}.npy")));
    assert_eq!(samples(shards.path(), &ReadOptions::default()).size_hint(), Some(320));

    // The last of several batches is shorter: nothing to say. Many that differ: a note.
    let ragged = |rows: &[usize]| {
        let files = rows.iter().enumerate();
        let files = files.map(|(k, n)| (format!("{k}.npy"), npy(&[*n, 6], &values(k, n * 6))));
        write(&files.collect::<Vec<_>>())
    };
    let last = ragged(&[9, 9, 9, 2]);
    assert_eq!(samples(last.path(), &ReadOptions::default()).size_hint(), Some(29));
    assert!(notes(last.path(), &ReadOptions::default()).is_empty());
    let tokens = ragged(&[9, 7, 9, 2]);
    let said = notes(tokens.path(), &ReadOptions::default()).join("\n");
    assert!(said.contains("4 files whose first axes differ are read as 27 samples"), "{said}");
    let refused = error(tokens.path(), &with(SamplesPerFile::One));
    assert!(refused.contains("shape [1, 7, 6] instead of [1, 9, 6]"), "{refused}");
    let vectors: Vec<_> = (4..7).map(|n| (format!("{n}.npy"), npy(&[n], &values(n, n)))).collect();
    let refused = error(write(&vectors).path(), &ReadOptions::default());
    assert!(refused.contains("shape [5] instead of [4]"), "{refused}");
}

#[test]
fn the_option_is_refused_where_it_has_no_effect() {
    for name in ["covariance.npy", "eigenvalues.npy"] {
        let found = super::open(&fixture(name), &with(SamplesPerFile::One));
        assert!(found.is_ok(), "{name}: one array is one sample");
        let refused = error(&fixture(name), &with(SamplesPerFile::Rows));
        assert!(refused.contains("--samples-per-file has no effect on"), "{refused}");
    }
    for name in ["fid.npz", "eigenvalues.npz"] {
        let refused = error(&fixture(name), &with(SamplesPerFile::One));
        assert!(refused.contains("--samples-per-file has no effect on"), "{refused}");
        let latents = ReadOptions { latents: Latents::All, ..ReadOptions::default() };
        assert!(error(&fixture(name), &latents).contains("--latents has no effect on"));
    }
}

/// A cache of kohya-ss/sd-scripts: latents beside sizes.
fn kohya(key: &str, k: usize) -> Vec<u8> {
    let entry =
        |name: &str, axes: &[usize], values: &[f32]| (format!("{name}.npy"), npy(axes, values));
    let entries = [
        entry("crop_ltrb", &[4], &[0.0, 0.0, 16.0, 16.0]),
        entry(key, &[4, 2, 2], &values(k, 16)),
        entry("original_size", &[2], &[16.0, 16.0]),
    ];
    zip(&entries, Stored)
}

#[test]
fn one_array_of_several_is_chosen_where_the_others_are_lists() {
    for key in ["latents", "latents_2x2"] {
        let files: Vec<_> = (0..COUNT).map(|k| (format!("{k:03}_sd.npz"), kohya(key, k))).collect();
        let files = write(&files);
        check(files.path(), &ReadOptions::default(), 16, &[4, 2, 2]);
        let said = notes(files.path(), &ReadOptions::default()).join("\n");
        assert!(said.contains("crop_ltrb, original_size (choose with --array)"), "{said}");
        let named = ReadOptions { array: Some("original_size".into()), ..ReadOptions::default() };
        assert_eq!(samples(files.path(), &named).shape(), [2]);
    }
    // Two of the same kind are a question.
    let flipped: Vec<_> = ["latents", "latents_flipped"]
        .map(|name| (format!("{name}.npy"), npy(&[4, 2, 2], &values(0, 16))))
        .into();
    let both = write(&[("0.npz".into(), zip(&flipped, Stored))]);
    let refused = error(&both.path().join("0.npz"), &ReadOptions::default());
    assert!(
        refused.contains("choose one with --array (found: latents, latents_flipped)"),
        "{refused}"
    );
}

#[test]
fn lists_of_arrays_are_samples() {
    // numpy.savez("a.npz", *latents)
    let list: Vec<_> = files(&[4, 2, 2], |k| format!("arr_{k}.npy"));
    let list = write(&[("a.npz".into(), zip(&list, Deflated))]);
    check(&list.path().join("a.npz"), &ReadOptions::default(), 16, &[4, 2, 2]);
    let first = ReadOptions { array: Some("arr_7".into()), ..with(SamplesPerFile::One) };
    let found = read(&mut *samples(&list.path().join("a.npz"), &first), 1).unwrap();
    assert_eq!(found, values(7, 16).into_iter().map(f64::from).collect::<Vec<_>>());
    let named: Vec<_> = files(&[4, 2, 2], |k| format!("img_{k:03}.npy"));
    let named = write(&[("a.npz".into(), zip(&named, Stored))]);
    check(&named.path().join("a.npz"), &ReadOptions::default(), 16, &[4, 2, 2]);
    // Written by PyTorch: see make.py.
    let ramp: Vec<f64> = (0..96).map(super::ramp).collect();
    for (name, array, shape) in [
        ("list.pt", None, &[4, 2, 2][..]),
        ("list.pkl", None, &[4, 2, 2]),
        ("vectors.pt", None, &[16]),
        ("records.pt", None, &[4, 2, 2]),
        ("records.pt", Some("latent"), &[4, 2, 2]),
        ("records.pt", Some("*.latent"), &[4, 2, 2]),
        ("ids.pt", None, &[4, 2, 2]),
        ("ids.safetensors", None, &[4, 2, 2]),
    ] {
        let options = ReadOptions { array: array.map(String::from), ..ReadOptions::default() };
        let mut samples = samples(&fixture(name), &options);
        assert_eq!((samples.size_hint(), samples.shape()), (Some(6), shape), "{name}");
        assert_eq!(read(&mut *samples, 4).unwrap().len(), 96);
        samples.rewind().unwrap();
        let (found, dim, _) = measured(&mut *samples);
        assert_eq!((found, dim), (6, 16));
        samples.rewind().unwrap();
        assert_eq!(read(&mut *samples, 4).unwrap(), ramp, "{name}");
    }
    let named = ReadOptions { array: Some("3".into()), ..with(SamplesPerFile::One) };
    assert_eq!(read(&mut *samples(&fixture("list.pt"), &named), 1).unwrap(), &ramp[48..64]);
    // A pair of arrays with labels: the arrays.
    assert_eq!(samples(&fixture("labelled.pt"), &ReadOptions::default()).size_hint(), Some(4));
    let refused = error(&fixture("shared.pt"), &ReadOptions::default());
    assert!(refused.contains("choose one with --array (found: a, b)"), "{refused}");
}

#[test]
fn means_are_read_of_means_and_deviations() {
    let both = |k: usize| [values(k, 16), vec![1.5 + k as f32; 16]].concat();
    let encoded = |name: &dyn Fn(usize) -> String| -> Vec<(String, Vec<u8>)> {
        (0..COUNT).map(|k| (name(k), npy(&[8, 2, 2], &both(k)))).collect()
    };
    let repa = write(&encoded(&|k| format!("00000/img-mean-std-{k:08}.npy")));
    check(repa.path(), &ReadOptions::default(), 16, &[4, 2, 2]);
    let said = notes(repa.path(), &ReadOptions::default()).join("\n");
    assert!(
        said.contains("of shape [8, 2, 2]: only the means, of shape [4, 2, 2], are read"),
        "{said}"
    );
    let all = ReadOptions { latents: Latents::All, ..ReadOptions::default() };
    assert_eq!(samples(repa.path(), &all).shape(), [8, 2, 2]);
    let plain = write(&encoded(&|k| format!("{k}.npy")));
    assert_eq!(samples(plain.path(), &ReadOptions::default()).shape(), [8, 2, 2]);
    let mean = ReadOptions { latents: Latents::Mean, ..ReadOptions::default() };
    let plain: Vec<_> = encoded(&|k| format!("{k:02}.npy"));
    check(write(&plain).path(), &mean, 16, &[4, 2, 2]);
    // All samples in one array.
    let whole: Vec<f32> = (0..COUNT).flat_map(both).collect();
    let whole = write(&[("a.npy".into(), npy(&[COUNT, 8, 2, 2], &whole))]);
    check(&whole.path().join("a.npy"), &mean, 16, &[4, 2, 2]);
    let odd = write(&[("a.npy".into(), npy(&[20, 3, 2, 2], &vec![0.0; 240]))]);
    assert!(error(&odd.path().join("a.npy"), &mean).contains("cannot hold means and deviations"));
}

/// Measured on files that people reported, if they are there.
#[test]
fn reported_files_have_the_right_trace() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/reports/data");
    if !reports.exists() {
        println!("skipped: no ../shared");
        return;
    }
    for (name, count, dim, trace) in [
        ("ditfeat", 20, 16, 15.766_224_342_991_883),
        ("wds_npy.tar", 20, 16, 15.766_224_342_991_883),
        ("kohya", 20, 16, 15.766_224_342_991_883),
        ("repa", 20, 16, 15.766_224_342_991_883),
        ("lat_list.pt", 20, 16, 15.766_224_342_991_883),
        ("emb1d", 24, 6, 5.319_303_271_049_334),
        ("img2d", 24, 6, 5.319_303_271_049_334),
        ("hwc3d", 24, 48, 15.416_169_635_610_235),
    ] {
        let mut samples = samples(&reports.join(name), &ReadOptions::default());
        let scale = samples.scale().factor;
        let found = measured(&mut *samples);
        let data = found.2 * scale * scale;
        assert_eq!((found.0, found.1), (count, dim), "{name}");
        // The trace is that of stored values or of data.
        let error = [found.2, data].map(|t| (t / trace - 1.0).abs());
        assert!(error[0].min(error[1]) < 1e-12, "{name}: {} {data}", found.2);
    }
}
