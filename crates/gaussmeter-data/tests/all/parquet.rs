//! Parquet files that pyarrow and `datasets` wrote: `../fixtures/parquet/make.py` has the formulae.

use gaussmeter_data::samples::{Chunk, Samples, SamplesError, Scale};
use gaussmeter_data::source::{self, Data, ReadOptions, ScaleChoice, Source, Split, pictures};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

type Outcome = Result<(), Box<dyn Error>>;

fn fixture(name: &str) -> PathBuf {
    crate::files::fixture("parquet").join(name)
}

fn open(name: &str, options: &ReadOptions) -> Result<Box<dyn Samples>, SamplesError> {
    samples(source::open(&[fixture(&format!("{name}.parquet"))], options)?)
}

fn samples(source: Source) -> Result<Box<dyn Samples>, SamplesError> {
    match source.data {
        Data::Samples(samples) => Ok(samples),
        _ => panic!("no samples"),
    }
}

fn with_array(name: &str) -> ReadOptions {
    ReadOptions { array: Some(name.into()), ..ReadOptions::default() }
}

/// All values, at most so many rows at a time, and whether they are bytes.
fn values(samples: &mut dyn Samples, rows: usize) -> Result<(Vec<f64>, bool), SamplesError> {
    let (mut all, mut is_bytes) = (Vec::new(), false);
    while let Some(chunk) = samples.next_chunk(rows)? {
        match chunk {
            Chunk::Bytes { values, .. } => {
                all.extend(values.into_iter().map(f64::from));
                is_bytes = true;
            }
            Chunk::Floats { values, .. } => all.extend(values),
        }
    }
    Ok((all, is_bytes))
}

/// What opening and reading says.
fn error(name: &str, options: &ReadOptions) -> String {
    let read = open(name, options).and_then(|mut samples| values(&mut *samples, 100));
    let text = read.map(|_| String::new()).unwrap_err().to_string();
    text.replace(&fixture("").display().to_string(), "")
}

fn pixel(k: usize, c: usize, y: usize, x: usize) -> f64 {
    ((40 * k + 90 * c + 7 * y + 11 * x * (k + 1)) % 256) as f64
}

/// Row k as [3, 5, 6].
fn picture(k: usize) -> Vec<f64> {
    let at = |i: usize| pixel(k, i / 30, i / 6 % 5, i % 6);
    (0..90).map(at).collect()
}

fn all_pictures(rows: impl IntoIterator<Item = usize>) -> Vec<f64> {
    rows.into_iter().flat_map(picture).collect()
}

fn number(k: usize, j: usize) -> f64 {
    let (k, j) = (k as f64, j as f64);
    k * 0.5 - 0.25 * j + 1.0 / (1.0 + k + j)
}

fn numbers(rows: usize, d: usize, of: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..rows * d).map(|i| of(i / d, i % d)).collect()
}

#[test]
fn pictures_of_every_codec_and_page() -> Outcome {
    let files = [
        "checksum",
        "snappy",
        "gzip",
        "brotli",
        "zstd",
        "lz4",
        "v2",
        "delta_length",
        "binary",
        "large_binary",
        "required",
    ];
    for (name, rows) in files.map(|name| (name, 7)).into_iter().chain([("pages", 9), ("nested", 4)])
    {
        let mut samples = open(name, &ReadOptions::default())?;
        assert_eq!(samples.shape(), [3, 5, 6], "{name}");
        assert_eq!(samples.size_hint(), Some(rows as u64), "{name}");
        assert_eq!(samples.scale(), Scale::SYMMETRIC);
        assert_eq!(values(&mut *samples, 2)?, (all_pictures(0..rows), true), "{name}");
        // Again from the beginning, and from every row on.
        for skipped in 0..=rows {
            samples.rewind()?;
            samples.next_chunk(1)?;
            samples.skip(skipped.saturating_sub(1) as u64)?;
            assert_eq!(samples.position(), skipped.max(1) as u64);
            let expected = all_pictures(skipped.max(1)..rows);
            assert_eq!(values(&mut *samples, 3)?.0, expected, "{name} from {skipped}");
        }
    }
    Ok(())
}

#[test]
fn columns_of_pictures_are_chosen() -> Outcome {
    for name in ["image", "mask", "image.bytes"] {
        let mut samples = open("two_images", &with_array(name))?;
        assert_eq!(values(&mut *samples, 9)?.0, all_pictures(0..3));
        let column = name.trim_end_matches(".bytes");
        assert!(samples.description().ends_with(&format!(".parquet, column '{column}'")));
    }
    assert_eq!(
        error("two_images", &ReadOptions::default()),
        "two_images.parquet: several columns of pictures: choose one with --array (image, mask)"
    );
    assert_eq!(
        error("snappy", &with_array("picture")),
        "snappy.parquet: no column 'picture' (found: image (binary), label (int64))"
    );
    assert_eq!(
        error("binary", &with_array("id")),
        "binary.parquet: column 'id' holds text, which cannot be read as data"
    );
    // The features say which of three binary columns is the picture.
    assert_eq!(values(&mut *open("features", &ReadOptions::default())?, 9)?.0, all_pictures(0..3));
    assert_eq!(
        error("features", &with_array("raw")),
        "features.parquet: 'row 0': not a picture: the first bytes do not match any known format"
    );
    assert_eq!(
        error("bad/text", &ReadOptions::default()),
        "bad/text.parquet: no column can be read: rows must hold a picture, a list of numbers \
         or a number (id (text), when (neither text nor number))"
    );
    Ok(())
}

#[test]
fn pictures_that_are_not_there_are_bad_ones() -> Outcome {
    assert_eq!(
        error("missing", &ReadOptions::default()),
        "missing.parquet: 'row 1 (no bytes, only the path '1.png')': empty, not a picture"
    );
    let skip_bad =
        pictures::PictureOptions { skip_bad: true, ..pictures::PictureOptions::default() };
    let options = ReadOptions { pictures: skip_bad, ..ReadOptions::default() };
    let mut samples = open("missing", &options)?;
    assert_eq!(values(&mut *samples, 2)?.0, all_pictures([0, 3, 6]));
    assert_eq!((samples.position(), samples.left_out().count), (7, 4));
    let of = |k: u64| -> Result<String, Box<dyn Error>> {
        let mut samples = open("missing", &ReadOptions::default())?;
        samples.skip(k)?;
        let error = samples.next_chunk(1).map(|_| String::new()).unwrap_err().to_string();
        Ok(error.split_once(".parquet: ").unwrap().1.into())
    };
    assert_eq!(of(2)?, "'row 2 (null)': empty, not a picture");
    assert_eq!(of(4)?, "'row 4 ('4.png')': empty, not a picture");
    assert!(of(5)?.starts_with("'row 5 ('5.png')': not a picture"), "{}", of(5)?);
    Ok(())
}

#[test]
fn shards_of_a_repository() -> Outcome {
    let folder = || [fixture("repository")];
    let with = |split| ReadOptions { split, ..ReadOptions::default() };
    for (split, rows) in
        [(Split::Auto, 0..7), (Split::Train, 0..7), (Split::Test, 7..9), (Split::All, 0..9)]
    {
        let source = source::open(&folder(), &with(split))?;
        assert_eq!(source.notes.len(), usize::from(split == Split::Auto), "{:?}", source.notes);
        let mut samples = samples(source)?;
        assert_eq!(samples.size_hint(), Some(rows.len() as u64));
        // In the order of names, test comes before train.
        let order: Vec<usize> =
            if split == Split::All { (7..9).chain(0..7).collect() } else { rows.collect() };
        assert_eq!(values(&mut *samples, 3)?.0, all_pictures(order.iter().copied()));
        samples.rewind()?;
        samples.skip(order.len() as u64 - 1)?;
        assert_eq!(values(&mut *samples, 3)?.0, all_pictures(order.last().copied()));
    }
    Ok(())
}

#[test]
fn lists_of_every_number() -> Outcome {
    let integer = |k: usize, j: usize| (7 * k + j) as f64;
    for name in ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "delta"]
    {
        let mut samples = open(&format!("lists/{name}"), &ReadOptions::default())?;
        assert_eq!((samples.shape(), samples.size_hint()), (&[6][..], Some(7)));
        assert_eq!(values(&mut *samples, 2)?, (numbers(7, 6, integer), name == "uint8"), "{name}");
        samples.rewind()?;
        samples.skip(4)?;
        assert_eq!(values(&mut *samples, 9)?.0, numbers(7, 6, integer)[24..], "{name}");
    }
    for name in ["float16", "float32", "float64", "large", "fixed", "byte_stream_split"] {
        let rounded = |v: f64| match name {
            "float64" => v,
            "float16" => half::f16::from_f64(v).to_f64(),
            _ => f64::from(v as f32),
        };
        let mut samples = open(&format!("lists/{name}"), &ReadOptions::default())?;
        assert_eq!(samples.scale(), Scale::IDENTITY);
        let expected = numbers(7, 6, |k, j| rounded(number(k, j)));
        assert_eq!(values(&mut *samples, 3)?, (expected, false), "{name}");
    }
    for name in ["bool", "bool_v2"] {
        let mut samples = open(&format!("lists/{name}"), &ReadOptions::default())?;
        let expected = numbers(7, 6, |k, j| f64::from(u8::from((k + j) % 3 == 0)));
        assert_eq!(samples.scale(), Scale { factor: 2.0, offset: -1.0 });
        assert_eq!(values(&mut *samples, 3)?, (expected, true), "{name}");
    }
    for name in ["split", "split_v2"] {
        for skipped in 0..7 {
            let mut samples = open(&format!("lists/{name}"), &ReadOptions::default())?;
            samples.skip(skipped)?;
            let expected = &numbers(7, 40, number)[40 * skipped as usize..];
            assert_eq!(values(&mut *samples, 2)?.0, expected, "{name} from {skipped}");
        }
    }
    let mut y = open("lists/two", &with_array("y"))?;
    assert_eq!(values(&mut *y, 9)?.0, numbers(7, 6, integer));
    assert_eq!(
        error("lists/two", &ReadOptions::default()),
        "lists/two.parquet: several columns of lists: choose one with --array (x, y)"
    );
    let pixels = ReadOptions { scale: ScaleChoice::Unit, ..ReadOptions::default() };
    assert_eq!(
        error("lists/float32", &pixels),
        "lists/float32.parquet: float32 values have no value of white: give --scale as FACTOR,OFFSET"
    );
    Ok(())
}

#[test]
fn lists_of_lists_are_pictures() -> Outcome {
    for name in ["lists/hwc", "lists/chw", "array3d"] {
        let mut samples = open(name, &ReadOptions::default())?;
        assert_eq!(samples.shape(), [3, 5, 6], "{name}");
        assert_eq!(samples.scale(), Scale::SYMMETRIC);
        assert_eq!(values(&mut *samples, 4)?, (all_pictures(0..7), true), "{name}");
    }
    let mut samples = open("lists/hw", &ReadOptions::default())?;
    assert_eq!(samples.shape(), [1, 5, 6]);
    let expected = numbers(7, 30, |k, i| pixel(k, 0, i / 6, i % 6));
    assert_eq!(values(&mut *samples, 4)?, (expected, false));
    let chw = ReadOptions { layout: source::Layout::Chw, ..ReadOptions::default() };
    assert_eq!(open("lists/hwc", &chw)?.shape(), [5, 6, 3]);
    Ok(())
}

#[test]
fn tables_of_numbers() -> Outcome {
    let of = |k: usize, j: usize| match j {
        0 => number(k, 0),
        1 => f64::from(number(k, 1) as f32),
        _ => 3.0 * k as f64 - 5.0,
    };
    for name in ["table", "table_index"] {
        let mut samples = open(name, &ReadOptions::default())?;
        assert_eq!((samples.shape(), samples.size_hint()), (&[3][..], Some(7)));
        assert!(samples.description().ends_with(&format!("{name}.parquet, columns a, b, c")));
        assert_eq!(values(&mut *samples, 2)?, (numbers(7, 3, of), false), "{name}");
        samples.rewind()?;
        samples.skip(2)?;
        assert_eq!(values(&mut *samples, 9)?.0, numbers(7, 3, of)[6..], "{name}");
    }
    let mut samples = open("table_bytes", &ReadOptions::default())?;
    assert_eq!(values(&mut *samples, 2)?, (numbers(7, 3, |k, j| (7 * k + j) as f64), true));
    let mut samples = open("table_text", &with_array("c"))?;
    assert_eq!(samples.shape(), [1]);
    assert_eq!(values(&mut *samples, 2)?.0, numbers(7, 1, |k, _| of(k, 2)));
    assert!(
        error("table_text", &ReadOptions::default())
            .ends_with("choose one with --array (a (float64), b (float32), c (int16))")
    );
    assert_eq!(
        error("table_null", &ReadOptions::default()),
        "table_null.parquet: column 'd': row 4 is null or contains null: leave out such rows"
    );
    assert_eq!(
        error("table_nan", &ReadOptions::default()),
        "table_nan.parquet: column 'd': row 4 is NaN: samples must be finite"
    );
    Ok(())
}

#[test]
fn rows_that_are_no_samples_are_named() {
    let null = "is null or contains null: leave out such rows";
    let ragged = "has lists of different lengths, which do not make an array";
    for (name, expected) in [
        ("ragged", "'x, row 4': shape [2] instead of [3]: all samples must have the same shape"),
        ("ragged2", &format!("column 'x': row 1 {ragged}")),
        ("first_ragged", &format!("column 'x': row 0 {ragged}")),
        ("null", &format!("column 'x': row 2 {null}")),
        ("null_value", &format!("column 'x': row 4 {null}")),
        ("empty_list", "column 'x': row 1 has an empty list"),
        ("first_empty", "column 'x': row 0 has an empty list"),
        ("inner_empty", "column 'x': row 1 has an empty list"),
        ("nan", "column 'x': row 4, coordinate [2] is NaN: samples must be finite"),
        ("inf2", "column 'x': row 1, coordinate [1, 0] is -inf: samples must be finite"),
        ("no_rows", "no rows"),
    ] {
        let found = error(&format!("bad/{name}"), &ReadOptions::default());
        assert_eq!(found, format!("bad/{name}.parquet: {expected}"));
    }
    // No name is offered that would be refused.
    let refused = error("bad/structs", &ReadOptions::default());
    assert!(refused.contains("no column can be read"), "{refused}");
    assert!(refused.ends_with("(x (lists of several columns))"), "{refused}");
}

#[test]
fn in_gzip_and_tar() -> Outcome {
    let folder = tempfile::tempdir()?;
    let bytes = std::fs::read(fixture("zstd.parquet"))?;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &bytes)?;
    let gzip = folder.path().join("data.parquet.gz");
    std::fs::write(&gzip, encoder.finish()?)?;
    let archive = folder.path().join("data.tar");
    let mut builder = tar::Builder::new(std::fs::File::create(&archive)?);
    builder.append_path_with_name(fixture("zstd.parquet"), "a/0.parquet")?;
    builder.append_path_with_name(fixture("missing.parquet"), "a/1.parquet")?;
    builder.finish()?;
    let mut samples = self::samples(source::open(&[gzip], &ReadOptions::default())?)?;
    assert_eq!(values(&mut *samples, 4)?.0, all_pictures(0..7));
    let mut samples = self::samples(source::open(&[archive], &ReadOptions::default())?)?;
    assert_eq!(samples.size_hint(), Some(14));
    let error = values(&mut *samples, 8).unwrap_err().to_string();
    let expected = "'a/1.parquet: row 1 (no bytes, only the path '1.png')': empty, not a picture";
    assert!(error.ends_with(expected), "{error}");
    Ok(())
}

/// Every so many bytes are damaged. All were, once: that takes a minute.
const STEP: usize = 5;

/// Files that have all formats of pages between them, and whether their pages have checksums.
const WHOLE: [(&str, bool); 13] = [
    ("checksum", true),
    ("lists/checksum", true),
    ("snappy", false),
    ("gzip", false),
    ("brotli", false),
    ("lz4", false),
    ("pages", false),
    ("v2", false),
    ("delta_length", false),
    ("lists/split_v2", false),
    ("lists/byte_stream_split", false),
    ("lists/delta", false),
    ("table", false),
];

fn read_bytes(path: &Path, bytes: &[u8]) -> Result<Vec<f64>, SamplesError> {
    let io = |source| SamplesError::Io { path: path.into(), source };
    std::fs::write(path, bytes).map_err(io)?;
    let mut samples = samples(source::open(&[path.into()], &ReadOptions::default())?)?;
    Ok(values(&mut *samples, 3)?.0)
}

#[test]
fn cut_off_files_are_errors() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("cut.parquet");
    for (name, _) in WHOLE {
        let whole = std::fs::read(fixture(&format!("{name}.parquet")))?;
        for len in (0..whole.len()).step_by(7).chain(whole.len() - 20..whole.len()) {
            assert!(read_bytes(&path, &whole[..len]).is_err(), "{name}, {len} bytes");
        }
    }
    Ok(())
}

#[test]
fn damaged_files_are_errors_and_never_panics() -> Outcome {
    static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    // Other tests may panic as they like.
    let own = std::thread::current().id();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == own {
            PANICS.lock().unwrap_or_else(|e| e.into_inner()).push(info.to_string());
        }
        hook(info);
    }));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("damaged.parquet");
    for (name, is_checked) in WHOLE {
        let whole = std::fs::read(fixture(&format!("{name}.parquet")))?;
        let expected = read_bytes(&path, &whole)?;
        for at in (0..whole.len()).step_by(STEP) {
            let mut bytes = whole.clone();
            bytes[at] ^= [0x01, 0x80, 0xff][at / STEP % 3];
            if let Ok(found) = read_bytes(&path, &bytes) {
                assert!(!is_checked || found == expected, "{name}, byte {at}");
            }
            bytes.remove(at);
            let _ = read_bytes(&path, &bytes);
        }
    }
    let panics = std::mem::take(&mut *PANICS.lock().map_err(|e| e.to_string())?);
    assert!(panics.is_empty(), "{panics:#?}");
    Ok(())
}
