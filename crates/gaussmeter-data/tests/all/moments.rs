//! Moments: exact for bytes, whatever the chunks, threads and parts; accurate for floats; in bounded
//! memory; whole in files.

use crate::files::random;
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::samples::{Chunk, InMemory, Samples, SamplesError, Scale};
use gaussmeter_data::{FileError, MAX_DIM, Moments, MomentsError};
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reproducible bytes.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut random = random(seed);
    let mut next = || (random() >> 32) as u8;
    (0..count).map(|_| next()).collect()
}

fn bytes(dim: usize, values: &[u8]) -> Chunk {
    Chunk::Bytes { rows: values.len() / dim, values: values.to_vec() }
}

fn floats(dim: usize, values: &[f64]) -> Chunk {
    Chunk::Floats { rows: values.len() / dim, values: values.to_vec() }
}

fn moments(scale: Scale, dim: usize, chunks: impl IntoIterator<Item = Chunk>) -> Moments {
    let mut moments = Moments::new("test", &[dim], scale).unwrap();
    chunks.into_iter().for_each(|chunk| moments.push(&chunk).unwrap());
    moments
}

/// n² times the covariance of x − 128, and n times the mean, in integers.
fn brute_force(dim: usize, values: &[u8]) -> (Vec<i128>, Vec<i128>) {
    let n = (values.len() / dim) as i128;
    let column = |i: usize| values[i..].iter().step_by(dim).map(|v| i128::from(*v));
    let sums: Vec<i128> = (0..dim).map(|i| column(i).sum()).collect();
    let second =
        |i: usize, j: usize| -> i128 { column(i).zip(column(j)).map(|(a, b)| a * b).sum() };
    let covariance = (0..dim)
        .flat_map(|i| (0..dim).map(move |j| (i, j)))
        .map(|(i, j)| n * second(i, j) - sums[i] * sums[j])
        .collect();
    (covariance, sums)
}

#[track_caller]
fn assert_exact(moments: &mut Moments, dim: usize, values: &[u8]) {
    let n = (values.len() / dim) as f64;
    let (covariance, sums) = brute_force(dim, values);
    let found = moments.covariance().unwrap();
    for (found, exact) in found.values().iter().zip(&covariance) {
        assert_eq!(*found, *exact as f64 / (n * n));
    }
    for (found, exact) in moments.mean().unwrap().iter().zip(&sums) {
        assert_eq!(*found, *exact as f64 / n);
    }
}

#[test]
fn moments_of_bytes_are_exact() {
    // Around the sizes of blocks and tiles, and at the extremes of the range.
    for (rows, dim) in [(1, 1), (2, 3), (1023, 2), (1024, 3), (1025, 5), (3000, 7), (40, 300)] {
        let values = noise(rows as u64, rows * dim);
        assert_exact(&mut moments(Scale::IDENTITY, dim, [bytes(dim, &values)]), dim, &values);
    }
    for extreme in [[0, 0], [255, 255], [0, 255]] {
        let values: Vec<u8> = (0..2 * 2500).map(|k| extreme[(k / 3) % 2]).collect();
        assert_exact(&mut moments(Scale::IDENTITY, 2, [bytes(2, &values)]), 2, &values);
    }
}

/// All sums of products over a block are 2²⁴: any larger block would not be exact in f32.
#[test]
fn the_largest_sums_are_exact() {
    let mut values = vec![0u8; 1024 * 300];
    values[5] = 1;
    let mut moments = moments(Scale::IDENTITY, 300, [bytes(300, &values)]);
    let covariance = moments.covariance().unwrap();
    let expected = 1023.0 / (1024.0 * 1024.0);
    assert_eq!(covariance[(5, 5)], expected);
    assert_eq!(covariance.values().iter().filter(|v| **v != 0.0).count(), 1);
}

#[test]
fn constant_coordinates_have_no_variance() {
    for value in [0u8, 1, 77, 255] {
        let values = [value, 3].repeat(5000);
        let mut moments = moments(Scale::SYMMETRIC, 2, [bytes(2, &values)]);
        assert_eq!(moments.covariance().unwrap().values(), [0.0; 4]);
        let mean = f64::from(value) * (2.0 / 255.0) - 1.0;
        assert_eq!(moments.mean().unwrap()[0], mean);
    }
}

#[test]
fn scale_is_applied() {
    let values = noise(3, 700 * 4);
    let scale = Scale { factor: -0.25, offset: 7.0 };
    let mut raw = moments(Scale::IDENTITY, 4, [bytes(4, &values)]);
    let mut scaled = moments(scale, 4, [bytes(4, &values)]);
    for (raw, scaled) in raw.mean().unwrap().iter().zip(scaled.mean().unwrap()) {
        assert_eq!(scaled, -0.25 * raw + 7.0);
    }
    let (raw, scaled) = (raw.covariance().unwrap(), scaled.covariance().unwrap());
    raw.values().iter().zip(scaled.values()).for_each(|(raw, scaled)| {
        assert_eq!(*scaled, raw / 16.0);
    });
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

#[test]
fn threads_do_not_change_a_bit() {
    let dim = 600; // three tiles across
    let whole = noise(9, 2100 * dim);
    let real: Vec<f64> = whole.iter().map(|v| f64::from(*v).sin()).collect();
    let results: Vec<[Matrix; 2]> = [1, 2, 5]
        .iter()
        .map(|threads| {
            pool(*threads).install(|| {
                let chunks = [bytes(dim, &whole), floats(dim, &real)];
                chunks.map(|c| moments(Scale::SYMMETRIC, dim, [c]).covariance().unwrap())
            })
        })
        .collect();
    assert!(results.iter().all(|r| *r == results[0]));
}

/// Rows and places to cut.
fn cut_bytes() -> impl Strategy<Value = (usize, Vec<u8>, Vec<usize>)> {
    (1usize..6, 1usize..4000, any::<u64>()).prop_flat_map(|(dim, rows, seed)| {
        let cuts = proptest::collection::vec(0..=rows, 0..6);
        (Just(dim), Just(noise(seed, dim * rows)), cuts)
    })
}

fn pieces<T: Clone>(dim: usize, values: &[T], mut cuts: Vec<usize>) -> Vec<Vec<T>> {
    cuts.extend([0, values.len() / dim]);
    cuts.sort_unstable();
    let pieces = cuts.windows(2).map(|w| values[w[0] * dim..w[1] * dim].to_vec());
    pieces.filter(|piece| !piece.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_order_and_merging_do_not_change_a_bit((dim, values, cuts) in cut_bytes()) {
        let mut whole = moments(Scale::UNIT, dim, [bytes(dim, &values)]);
        let expected = (whole.covariance().unwrap(), whole.mean().unwrap(), whole.count());
        let mut parts = pieces(dim, &values, cuts);

        let mut chunked = moments(Scale::UNIT, dim, parts.iter().map(|p| bytes(dim, p)));
        let found = (chunked.covariance().unwrap(), chunked.mean().unwrap(), chunked.count());
        prop_assert_eq!(&found, &expected);

        parts.reverse();
        let mut merged = Moments::new("", &[dim], Scale::UNIT).unwrap();
        for part in &parts {
            merged.merge(moments(Scale::UNIT, dim, [bytes(dim, part)])).unwrap();
        }
        let found = (merged.covariance().unwrap(), merged.mean().unwrap(), merged.count());
        prop_assert_eq!(&found, &expected);
    }

    #[test]
    fn chunks_do_not_change_a_bit_of_floats((dim, values, cuts) in cut_bytes()) {
        let values: Vec<f64> = values.iter().map(|v| f64::from(*v).exp().ln_1p() / 3.0).collect();
        let mut whole = moments(Scale::UNIT, dim, [floats(dim, &values)]);
        let parts = pieces(dim, &values, cuts);
        let mut chunked = moments(Scale::UNIT, dim, parts.iter().map(|p| floats(dim, p)));
        prop_assert_eq!(chunked.covariance().unwrap(), whole.covariance().unwrap());
        prop_assert_eq!(chunked.mean().unwrap(), whole.mean().unwrap());

        // Merging rounds in another order.
        let mut merged = Moments::new("", &[dim], Scale::UNIT).unwrap();
        for part in &parts {
            merged.merge(moments(Scale::UNIT, dim, [floats(dim, part)])).unwrap();
        }
        let (a, b) = (merged.covariance().unwrap(), whole.covariance().unwrap());
        let largest = b.values().iter().fold(0.0f64, |max, v| max.max(v.abs()));
        for (a, b) in a.values().iter().zip(b.values()) {
            prop_assert!((a - b).abs() <= 1e-12 * largest);
        }
    }
}

/// The mean first, then deviations from it: nothing cancels.
fn two_pass(dim: usize, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = (values.len() / dim) as f64;
    let column = |i: usize| values[i..].iter().step_by(dim);
    let mean: Vec<f64> = (0..dim).map(|i| column(i).sum::<f64>() / n).collect();
    let covariance = (0..dim * dim)
        .map(|k| (k / dim, k % dim))
        .map(|(i, j)| {
            column(i).zip(column(j)).map(|(a, b)| (a - mean[i]) * (b - mean[j])).sum::<f64>() / n
        })
        .collect();
    (mean, covariance)
}

#[test]
fn floats_agree_with_the_two_pass_formula() {
    let dim = 5;
    let small: Vec<f64> = noise(4, 2500 * dim).iter().map(|v| f64::from(*v) / 255.0).collect();
    // Far from zero, the textbook formula loses 12 digits.
    for (offset, tolerance) in [(0.0, 1e-14), (1e6, 1e-9)] {
        let values: Vec<f64> = small.iter().map(|v| v + offset).collect();
        let (mean, covariance) = two_pass(dim, &values);
        let mut found = moments(Scale::IDENTITY, dim, [floats(dim, &values)]);
        for (found, expected) in found.covariance().unwrap().values().iter().zip(&covariance) {
            assert!((found - expected).abs() < tolerance * covariance[0], "{found}, {expected}");
        }
        for (found, expected) in found.mean().unwrap().iter().zip(&mean) {
            assert!((found / expected - 1.0).abs() < 1e-14);
        }
    }
}

/// Makes its vectors when they are asked for, and counts what it hands out.
struct Generated {
    shape: [usize; 1],
    rows: u64,
    next: u64,
    largest_chunk: usize,
}

impl Samples for Generated {
    fn description(&self) -> String {
        "generated".into()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn scale(&self) -> Scale {
        Scale::IDENTITY
    }
    fn size_hint(&self) -> Option<u64> {
        Some(self.rows)
    }
    fn position(&self) -> u64 {
        self.next
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        self.next = self.rows.min(self.next + count);
        Ok(())
    }
    fn next_chunk(&mut self, max_rows: usize) -> Result<Option<Chunk>, SamplesError> {
        let rows = (self.rows - self.next).min(max_rows as u64);
        if rows == 0 {
            return Ok(None);
        }
        let values = (self.next..self.next + rows).flat_map(|k| noise(k, self.shape[0])).collect();
        self.next += rows;
        self.largest_chunk = self.largest_chunk.max(rows as usize);
        Ok(Some(Chunk::Bytes { rows: rows as usize, values }))
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.next = 0;
        Ok(())
    }
}

/// What is held is the totals, one block as f32, one as bytes, and two chunks of at most 1024 rows.
#[test]
fn a_stream_may_be_far_larger_than_memory() {
    let dim = 48;
    let bound = 8 * dim * dim + 1024 * dim * (4 + 1 + 2);
    let rows = 20 * bound / dim;
    let mut stream = Generated { shape: [dim], rows: rows as u64, next: 0, largest_chunk: 0 };
    let seen = AtomicU64::new(0);
    let hear = |progress: Option<Progress>| {
        seen.fetch_max(progress.map_or(0, |p| p.done), Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let mut moments = Moments::new(stream.description(), stream.shape(), stream.scale()).unwrap();
    assert!(moments.extend(&mut stream, Watch::new(&hear)).unwrap());
    let seen = seen.into_inner();
    assert!(stream.largest_chunk <= 1024, "{} rows at once", stream.largest_chunk);
    assert_eq!((seen, moments.count()), (rows as u64, rows as u64));

    let n = rows as i128;
    let (mut sums, mut square, mut cross) = ([0i128; 2], 0i128, 0i128);
    for k in 0..rows as u64 {
        let row = noise(k, dim);
        let (a, b) = (i128::from(row[3]), i128::from(row[dim - 1]));
        sums = [sums[0] + a, sums[1] + b];
        square += a * a;
        cross += a * b;
    }
    let covariance = moments.covariance().unwrap();
    let n2 = (n * n) as f64;
    assert_eq!(covariance[(3, 3)], (n * square - sums[0] * sums[0]) as f64 / n2);
    assert_eq!(covariance[(dim - 1, 3)], (n * cross - sums[0] * sums[1]) as f64 / n2);
    assert_eq!(covariance[(3, dim - 1)], covariance[(dim - 1, 3)]);
}

#[test]
fn parts_from_files_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let dim = 300;
    let values = noise(12, 2000 * dim);
    let real: Vec<f64> = values.iter().map(|v| f64::from(*v).sqrt()).collect();
    let mut whole = moments(Scale::SYMMETRIC, dim, [bytes(dim, &values)]);
    let mut merged = Moments::new("", &[dim], Scale::SYMMETRIC).unwrap();
    for (k, part) in pieces(dim, &values, vec![100, 1500]).iter().enumerate() {
        let path = folder.path().join(format!("{k}.npz"));
        moments(Scale::SYMMETRIC, dim, [bytes(dim, part)]).save(&path).unwrap();
        merged.merge(Moments::load(&path).unwrap()).unwrap();
    }
    assert_eq!(merged.count(), 2000);
    assert_eq!(merged.covariance().unwrap(), whole.covariance().unwrap());
    assert_eq!(merged.mean().unwrap(), whole.mean().unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "no temporary files");

    let path = folder.path().join("floats.npz");
    let mut before = moments(Scale::UNIT, dim, [floats(dim, &real)]);
    before.save(&path).unwrap();
    let mut after = Moments::load(&path).unwrap();
    assert_eq!(after.covariance().unwrap(), before.covariance().unwrap());
    assert_eq!((after.shape(), after.scale(), after.count()), (&[dim][..], Scale::UNIT, 2000));
    assert_eq!(after.description(), "test");

    // A part without vectors is a part.
    Moments::new("", &[dim], Scale::UNIT).unwrap().save(&path).unwrap();
    after.merge(Moments::load(&path).unwrap()).unwrap();
    assert_eq!(after.covariance().unwrap(), before.covariance().unwrap());
}

#[test]
fn damaged_parts_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.npz");
    let values = noise(1, 50 * 4);
    moments(Scale::SYMMETRIC, 4, [bytes(4, &values)]).save(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let load = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        Moments::load(&path)
    };
    assert!(load(&good).is_ok());

    // Cut anywhere, it is no archive; a changed bit of an array fails its checksum. A bit of the
    // archive's own fields may be harmless, but is never a panic.
    for len in 0..good.len() {
        assert!(matches!(load(&good[..len]), Err(MomentsError::File(_))), "cut at {len}");
    }
    let data: Vec<usize> =
        good.windows(6).enumerate().filter(|(_, w)| *w == b"\x93NUMPY").map(|(k, _)| k).collect();
    assert_eq!(data.len(), 3);
    for k in 0..good.len() {
        let mut bad = good.clone();
        bad[k] ^= 0x10;
        let result = load(&bad);
        if data.iter().any(|start| (*start..start + 128 + 32).contains(&k)) {
            assert!(matches!(result, Err(MomentsError::File(_))), "byte {k}: {result:?}");
        }
    }
    let message = load(b"not an archive").unwrap_err().to_string();
    assert!(message.contains("part.npz: not a complete npz archive"), "{message}");
    let message = Moments::load(Path::new("no/such.npz")).unwrap_err().to_string();
    assert!(message.starts_with("no/such.npz: "), "{message}");
}

/// Sound archives whose content makes no sense.
#[test]
fn impossible_parts_are_refused() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.npz");
    let array = |descr: &str, len: usize, data: &[u8]| {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({len},), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    };
    let integers = |v: &[i64]| {
        let data: Vec<u8> = v.iter().flat_map(|v| v.to_le_bytes()).collect();
        array("<i8", v.len(), &data)
    };
    let meta = |count: u64, shape: &str, version: u32| {
        let text = format!(
            r#"{{"content": "gaussmeter moments", "version": {version}, "values": "u8", "count": {count},
            "shape": {shape}, "scale": {{"factor": 1.0, "offset": 0.0}}, "description": "d"}}"#
        );
        array("|u1", text.len(), text.as_bytes())
    };
    let load = |arrays: &[(&str, Vec<u8>)]| {
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (name, content) in arrays {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(format!("{name}.npy"), options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        Moments::load(&path)
    };
    let part = |meta: Vec<u8>, first: &[i64], second: &[i64]| {
        load(&[("meta", meta), ("first", integers(first)), ("second", integers(second))])
    };
    let refused = |result: Result<Moments, MomentsError>| result.unwrap_err().to_string();

    assert!(part(meta(2, "[2]", 1), &[3, -256], &[5, 1, 32768]).is_ok());
    let message = refused(part(meta(2, "[2]", 1), &[3, -257], &[5, 1, 32768]));
    assert!(
        message.ends_with("array 'first': value 1 cannot be a sum over so many samples"),
        "{message}"
    );
    for second in [[5, 1, 32769], [-5, 1, 2], [5, i64::MIN, 2], [5, 1, -2]] {
        let message = refused(part(meta(2, "[2]", 1), &[3, 4], &second));
        assert!(message.contains("array 'second': value"), "{message}");
    }
    assert!(part(meta(2, "[2]", 1), &[3, 4], &[5, -1, 2]).is_ok());
    let message = refused(part(meta(2, "[2]", 1), &[3], &[5, 1, 2]));
    assert!(message.ends_with("array 'first': shape [1] instead of [2]"), "{message}");
    let message = refused(part(meta(2, "[2]", 1), &[3, 4], &[5, 1, 2, 3]));
    assert!(message.contains("array 'second'"), "{message}");
    let message = refused(part(meta(2, "[2]", 7), &[3, 4], &[5, 1, 2]));
    assert!(message.contains("gaussmeter moments, version 7 instead of version 1"), "{message}");
    assert!(matches!(
        part(meta(2, "[99999999]", 1), &[3], &[5]),
        Err(MomentsError::TooLarge { dim: 99_999_999 })
    ));
    assert!(matches!(
        part(meta(2, "[]", 1), &[3], &[5]),
        Err(MomentsError::Samples(SamplesError::BadShape { .. }))
    ));
    for count in [0, u64::MAX] {
        let message = refused(part(meta(count, "[2]", 1), &[3, 4], &[5, 1, 2]));
        assert!(message.contains("array 'meta': count"), "{message}");
    }
    let message = refused(load(&[("meta", meta(2, "[2]", 1))]));
    assert!(message.contains("array 'first'"), "{message}");
    let wrong = array("<f8", 2, &[0; 16]);
    let message = refused(load(&[("meta", meta(2, "[2]", 1)), ("first", wrong)]));
    assert!(message.ends_with("array 'first': type '<f8' instead of '<i8'"), "{message}");
    let huge = array("<i8", usize::MAX, &[]);
    assert!(matches!(
        load(&[("meta", meta(2, "[2]", 1)), ("first", huge)]),
        Err(MomentsError::File(FileError::Array { name: "first", .. }))
    ));
}

#[test]
fn what_is_no_data_is_refused() {
    let message = |result: Result<(), MomentsError>| result.unwrap_err().to_string();
    let mut moments = Moments::new("pictures", &[1, 2], Scale::IDENTITY).unwrap();
    assert_eq!(moments.mean().unwrap_err().to_string(), "no samples in pictures");
    assert!(moments.covariance().is_err());
    moments.push(&bytes(2, &[1, 2])).unwrap();
    assert_eq!(
        message(moments.push(&floats(2, &[1.0, 2.0]))),
        "sample 1: 8-bit and other values in one stream"
    );
    assert_eq!(
        message(moments.push(&Chunk::Bytes { rows: 2, values: vec![1; 3] })),
        "3 values for 2 vectors of dimension 2"
    );
    assert!(moments.push(&Chunk::Bytes { rows: 0, values: vec![] }).is_err());
    assert!(moments.push(&Chunk::Bytes { rows: usize::MAX, values: vec![] }).is_err());
    assert_eq!(moments.count(), 1, "what is refused leaves no trace");

    let mut real = Moments::new("", &[2], Scale::IDENTITY).unwrap();
    real.push(&floats(2, &[1.0, 2.0])).unwrap();
    assert_eq!(
        message(real.push(&floats(2, &[1.0, 2.0, 3.0, f64::NAN]))),
        "sample 2, coordinate 1 is NaN"
    );
    let other = |shape: &[usize], scale| Moments::new("", shape, scale).unwrap();
    assert_eq!(
        message(real.merge(other(&[1, 2], Scale::IDENTITY))),
        "parts differ in shape: [2] and [1, 2]"
    );
    assert!(message(real.merge(other(&[2], Scale::UNIT))).starts_with("parts differ in scale"));
    let mut exact = other(&[2], Scale::IDENTITY);
    exact.push(&bytes(2, &[1, 2])).unwrap();
    assert_eq!(message(real.merge(exact)), "parts differ in kind of values: \"f64\" and \"u8\"");
    let mut huge = other(&[2], Scale::IDENTITY);
    huge.push(&floats(2, &[0.0, 0.0, 1e200, 1.0])).unwrap();
    assert!(matches!(huge.covariance(), Err(MomentsError::Matrix(_))));

    for shape in [&[][..], &[0], &[usize::MAX, 2]] {
        assert!(Moments::new("", shape, Scale::IDENTITY).is_err());
    }
    assert!(matches!(
        Moments::new("", &[MAX_DIM + 1], Scale::IDENTITY),
        Err(MomentsError::TooLarge { .. })
    ));
    for (factor, offset) in [(0.0, 0.0), (f64::NAN, 0.0), (1.0, f64::INFINITY)] {
        assert!(Moments::new("", &[1], Scale { factor, offset }).is_err());
    }
    let ragged = InMemory::bytes("", &[2], Scale::IDENTITY, vec![1, 2, 3]);
    assert!(matches!(ragged, Err(SamplesError::Chunk { rows: 2, values: 3, dim: 2 })));
    let infinite = InMemory::floats("", &[2], Scale::IDENTITY, vec![1.0, f64::INFINITY]);
    assert!(matches!(infinite, Err(SamplesError::NotFinite { row: 0, coordinate: 1, .. })));
    let mut none = InMemory::bytes("nothing", &[2], Scale::IDENTITY, vec![]).unwrap();
    let error = Moments::of(&mut none).unwrap().covariance().unwrap_err();
    assert_eq!(error.to_string(), "no samples in nothing");
}
