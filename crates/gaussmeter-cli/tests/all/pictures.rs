//! `texture` and `sample` as their user sees them.

use crate::common::{Folder, Ran, finished, words};
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_data::{DecomposeOptions, StationaryModel, decompose};
use gaussmeter_testkit::shared;
use std::fs;
use std::io::Read;
use std::path::Path;

impl Folder {
    /// With a small picture and its texture.
    fn with_fabric() -> Self {
        let folder = Folder::empty();
        folder.write_png("fabric.png", png::ColorType::Rgb, 12, 10, &pixels(360));
        folder.done("texture fabric.png -o fabric.npz");
        folder
    }
    fn run_with(&self, line: &str, threads: &str) -> Ran {
        finished(self.command(&words(line)).env("RAYON_NUM_THREADS", threads))
    }
    /// The stderr of a run that must succeed, without a word on stdout: notes only.
    fn done(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!((ran.code, &ran.stdout[..]), (0, ""), "{line}: {ran:?}");
        assert!(ran.stderr.lines().all(|l| l.starts_with("note: ")), "{ran:?}");
        ran.stderr
    }
    fn write_png(&self, name: &str, color: png::ColorType, width: u32, height: u32, data: &[u8]) {
        let file = fs::File::create(self.path(name)).unwrap();
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
    }
    /// An array of an archive: its header and the bytes of its values.
    fn array(&self, file: &str, name: &str) -> (String, Vec<u8>) {
        let mut zip = zip::ZipArchive::new(fs::File::open(self.path(file)).unwrap()).unwrap();
        let mut bytes = Vec::new();
        zip.by_name(&format!("{name}.npy")).unwrap().read_to_end(&mut bytes).unwrap();
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        (String::from_utf8(bytes[10..start].to_vec()).unwrap(), bytes[start..].to_vec())
    }
    fn floats(&self, file: &str, name: &str) -> Vec<f64> {
        let (_, bytes) = self.array(file, name);
        bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
    }
}

/// Stripes with some noise.
fn pixels(count: usize) -> Vec<u8> {
    (0..count).map(|i| 100 + (i % 36 * 4) as u8 / 2 + (i * i % 31) as u8).collect()
}

/// Size and texts of a PNG.
fn decode(path: &Path) -> ([u32; 2], png::ColorType, Vec<u8>, Vec<String>) {
    let file = std::io::BufReader::new(fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let texts = &reader.info().uncompressed_latin1_text;
    let texts = texts.iter().map(|t| format!("{}: {}", t.keyword, t.text)).collect();
    ([info.width, info.height], info.color_type, bytes, texts)
}

#[test]
fn a_texture_is_a_spectrum_and_a_model() {
    let folder = Folder::with_fabric();
    let note = folder.done("texture fabric.png --periodic --scale unit --centred -o t.npz");
    assert!(note.contains("3x10x12") && note.contains("mean taken away"), "{note}");
    assert!(note.contains("119 of 360 eigenvalues are not zero"), "{note}");
    let (header, meta) = folder.array("t.npz", "meta");
    assert!(header.contains("|u1"));
    let meta: serde_json::Value = serde_json::from_slice(&meta).unwrap();
    assert_eq!(meta["content"], "gaussmeter texture");
    assert_eq!((&meta["periodic"], &meta["scale"]["offset"]), (&true.into(), &0.0.into()));
    assert_eq!(folder.floats("t.npz", "channel_mean"), [0.0; 3]);
    assert_eq!(folder.floats("t.npz", "texton").len(), 360);
    let ran = folder.run("eval --sampler euler --spectrum t.npz --nfe 10 --format json");
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &document["spectrum"]["dim"]), (0, &360.0.into()));
    assert_eq!(document["spectrum"]["null_dim"], 241.0);
}

/// The paper's spectrum, as `docs/textures.md` says.
#[test]
fn the_fabric_of_the_paper() {
    let Some(shared) = shared() else { return };
    let folder = Folder::with_fabric();
    fs::copy(shared.join("data/textures/fabric.png"), folder.path("f.png")).unwrap();
    let note = folder.done("texture f.png --periodic --scale unit --centred -o t.npz");
    assert!(note.contains("total variance 1805.1436302, 65535 of 196608"), "{note}");
    let (mut ours, multiplicity) =
        (folder.floats("t.npz", "eigenvalue"), folder.floats("t.npz", "multiplicity"));
    ours = ours
        .iter()
        .zip(multiplicity)
        .flat_map(|(l, m)| std::iter::repeat_n(*l, m as usize))
        .collect();
    let published = fs::read(shared.join("data/spectra/adsn-fabric-icml2025.npy")).unwrap();
    let values = &published[published.len() - 8 * 196_608..];
    let mut theirs: Vec<f64> =
        values.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    theirs.sort_by(f64::total_cmp);
    let worst = ours.iter().zip(&theirs).filter(|(a, _)| **a > 0.0);
    let worst = worst.fold(0.0, |max: f64, (a, b)| max.max((b / a - 1.0).abs()));
    assert!(worst < 7e-5, "{worst:e}");
    // A sample and a larger one.
    folder.done("sample t.npz --count 1 --size 300x256 -o big.png");
    assert_eq!(decode(&folder.path("big.png")).0, [256, 300]);
}

#[test]
fn sheets_have_the_size_and_the_texts_that_they_should() {
    let folder = Folder::with_fabric();
    assert_eq!(folder.done("sample fabric.npz -o a.png"), "");
    let (size, color, _, texts) = decode(&folder.path("a.png"));
    assert_eq!((size, color), ([4 * 12 + 3 * 2, 4 * 10 + 3 * 2], png::ColorType::Rgb));
    assert_eq!(texts[0], concat!("Software: gaussmeter ", env!("CARGO_PKG_VERSION")));
    assert!(texts[1].starts_with("Description: 16 samples of fabric.png: ADSN"), "{texts:?}");
    assert!(texts[1].ends_with("exact, seed 0"), "{texts:?}");

    folder.done("sample fabric.npz --count 3 --columns 3 --size 20x30 -o b.png");
    assert_eq!(decode(&folder.path("b.png")).0, [3 * 30 + 4, 20]);

    let note = folder.done("sample fabric.npz --count 2 --times 5 -o c.png");
    assert_eq!(note, "note: times taken: 1, 0.75, 0.5, 0.25, 0\n");
    assert_eq!(decode(&folder.path("c.png")).0, [5 * 12 + 8, 22]);

    let strip =
        "sample fabric.npz --sampler em --steps 10 --count 2 --eps 0 --times 0.11,0.5,0.49,1";
    let note = folder.done(&format!("{strip} -o d.png"));
    assert_eq!(note, "note: times taken: 1, 0.5, 0.1\n");
    assert_eq!(decode(&folder.path("d.png")).0, [3 * 12 + 4, 22]);
}

/// The law does not change with the size: what is smaller than the texture is a window of it.
#[test]
fn textures_have_any_size() {
    let folder = Folder::with_fabric();
    folder.done("sample fabric.npz --count 2 -o own.npz");
    folder.done("sample fabric.npz --count 2 --size 4x7 -o small.npz");
    let (own, small) = (folder.floats("own.npz", "samples"), folder.floats("small.npz", "samples"));
    let planes = own.chunks_exact(10 * 12).flat_map(|plane| plane.chunks_exact(12).take(4));
    assert_eq!(small, planes.flat_map(|row| &row[..7]).copied().collect::<Vec<_>>());
    assert!(folder.array("small.npz", "samples").0.contains("(2, 3, 4, 7)"));
    folder.done("sample fabric.npz --count 2 --columns 2 --size 4x30 --times 3 -o mixed.png");
    assert_eq!(decode(&folder.path("mixed.png")).0, [6 * 30 + 5 * 2, 4]);
    folder.done("sample fabric.npz --sampler heun --nfe 9 --compare --count 1 --size 5x5 -o c.png");
    assert_eq!(decode(&folder.path("c.png")).0, [3 * 5 + 4, 5]);
}

#[test]
fn a_comparison_shows_the_discretization_error() {
    let folder = Folder::with_fabric();
    let line = "sample fabric.npz --sampler heun --nfe 40 --count 3 --compare";
    let note = folder.done(&format!("{line} --init exact --gain 20 -o a.png"));
    assert!(note.contains("amplified 20 times; the difference is the discretization"), "{note}");
    let ([width, height], _, pixels, texts) = decode(&folder.path("a.png"));
    assert_eq!([width, height], [3 * 12 + 4, 34]);
    assert!(texts[1].contains("amplified 20 times"), "{texts:?}");
    // Third picture = mid grey + 20 · (second − first), up to rounding to grey levels.
    let at = |tile: usize, i: usize, j: usize| {
        f64::from(pixels[(i * width as usize + tile * 14 + j) * 3])
    };
    for (i, j) in [(0, 0), (3, 7), (9, 11)] {
        let shown = 127.5 + 20.0 * (at(1, i, j) - at(0, i, j));
        let found = at(2, i, j);
        assert!((found - shown.clamp(0.0, 255.0)).abs() <= 21.0, "{found} {shown}");
    }
    assert!(folder.done(&format!("{line} -o b.png")).contains("errors of initialization and"));
    let note = folder.done("sample fabric.npz --sampler em --nfe 40 --compare -o c.png");
    assert!(note.contains("is not a discretization error"), "{note}");
    folder.done(&format!("{line} -o d.npz"));
    let (header, _) = folder.array("d.npz", "samples");
    assert!(header.contains("(3, 3, 3, 10, 12)"), "{header}");
    let x = folder.floats("d.npz", "samples");
    assert!((x[360 + 5] - x[5] - x[720 + 5]).abs() < 1e-12);
}

#[test]
fn numbers_are_the_same_samples_in_any_type() {
    let folder = Folder::with_fabric();
    for dtype in ["f64", "f32", "u8"] {
        folder.done(&format!("sample fabric.npz --count 5 --dtype {dtype} -o {dtype}.npz"));
        let (header, _) = folder.array(&format!("{dtype}.npz"), "samples");
        assert!(header.contains("(5, 3, 10, 12)"), "{header}");
    }
    let x = folder.floats("f64.npz", "samples");
    let (_, single) = folder.array("f32.npz", "samples");
    let (_, stored) = folder.array("u8.npz", "samples");
    for (k, single) in single.as_chunks().0.iter().enumerate() {
        assert_eq!(f32::from_le_bytes(*single), x[k] as f32);
        let pixel = ((x[k] + 1.0) * 127.5).clamp(0.0, 255.0);
        assert!((f64::from(stored[k]) - pixel).abs() <= 0.5 + 1e-9);
    }
    // The picture shows what the file holds.
    folder.done("sample fabric.npz --count 1 -o x.png");
    let (_, _, pixels, _) = decode(&folder.path("x.png"));
    assert_eq!(pixels[0], stored[0]);
    assert_eq!(pixels[3], stored[1]);
    assert_eq!(pixels[1], stored[120]);
    // More samples begin with the same ones, and seeds differ.
    folder.done("sample fabric.npz --count 7 -o more.npz");
    assert_eq!(folder.floats("more.npz", "samples")[..x.len()], x);
    folder.done("sample fabric.npz --count 5 --seed 1 -o other.npz");
    assert_ne!(folder.floats("other.npz", "samples"), x);
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let folder = Folder::with_fabric();
    for (name, options) in [
        ("a.png", "--count 9"),
        ("b.npz", "--count 40 --sampler em --nfe 7"),
        ("c.png", "--sampler heun --nfe 10 --compare --count 4"),
    ] {
        let mut files = Vec::new();
        for threads in ["1", "2", "3"] {
            let ran = folder.run_with(&format!("sample fabric.npz {options} -o {name}"), threads);
            assert_eq!(ran.code, 0, "{ran:?}");
            files.push(folder.bytes(name));
        }
        assert!(files.iter().all(|f| *f == files[0]), "{name}");
    }
}

/// Spectra with eigenvectors and stationary models, of vectors and of pictures.
#[test]
fn every_model_is_sampled() {
    let folder = Folder::with_fabric();
    let values = |count: usize| pixels(count * 40);
    let save = |name: &str, shape: &[usize], scale: Scale, count: usize| {
        let mut samples = InMemory::bytes(name, shape, scale, values(count)).unwrap();
        let options = DecomposeOptions { basis: true, ..DecomposeOptions::default() };
        decompose(&mut samples, &options).unwrap().save(&folder.path(name)).unwrap();
    };
    save("two-channels.npz", &[2, 4, 5], Scale::UNIT, 90);
    folder.done("sample two-channels.npz --count 3 -o a.png");
    let (size, color, _, _) = decode(&folder.path("a.png"));
    assert_eq!((size, color), ([12, 3 * 4 + 2 * 2], png::ColorType::Grayscale));

    save("few.npz", &[8, 5], Scale::SYMMETRIC, 9);
    folder.done("sample few.npz --count 4 --sampler heun --nfe 8 -o a.png");
    assert_eq!(decode(&folder.path("a.png")).0, [12, 18]);

    save("floats.npz", &[1, 8, 5], Scale::IDENTITY, 90);
    let error = refused(&folder, "sample floats.npz -o b.png", 1);
    assert!(error.contains("--range LO,HI"), "{error}");
    folder.done("sample floats.npz --range 0,255 -o a.png");

    save("vectors.npz", &[40], Scale::UNIT, 9);
    let error = refused(&folder, "sample vectors.npz -o b.png", 1);
    assert!(error.contains("vectors of shape [40] are not pictures: write them to"), "{error}");
    folder.done("sample vectors.npz -o a.npz");
    assert!(folder.array("a.npz", "samples").0.contains("(16, 40)"));
    let error = refused(&folder, "sample vectors.npz --size 9x9 -o b.npz", 1);
    assert!(error.contains("only textures can be resized"), "{error}");

    let mut samples = InMemory::bytes("set", &[2, 4, 5], Scale::UNIT, values(9)).unwrap();
    StationaryModel::of(&mut samples).unwrap().save(&folder.path("set.npz")).unwrap();
    folder.done("sample set.npz --times 3 --process flow --count 2 -o a.png");
    assert_eq!(decode(&folder.path("a.png")).0, [6 * 5 + 5 * 2, 10]);
}

/// The message of a request that must fail in one line, and leave nothing behind.
#[track_caller]
fn refused(folder: &Folder, line: &str, code: i32) -> String {
    let before = folder.names();
    let ran = folder.run(line);
    assert_eq!((ran.code, &ran.stdout[..]), (code, ""), "{line}: {ran:?}");
    let errors: Vec<&str> = ran.stderr.lines().filter(|l| !l.starts_with("note: ")).collect();
    assert!(errors.len() == 1 && errors[0].starts_with("error: "), "{line}: {ran:?}");
    assert_eq!(folder.names(), before, "{line}");
    errors[0].to_owned()
}

#[test]
fn bad_requests_get_one_line() {
    let folder = Folder::with_fabric();
    folder.write_png("alpha.png", png::ColorType::GrayscaleAlpha, 2, 1, &[9, 255, 9, 254]);
    fs::write(folder.path("list.txt"), "1\n2\n").unwrap();
    fs::write(folder.path("cut.npz"), &folder.bytes("fabric.npz")[..900]).unwrap();
    folder.done("texture fabric.png --centred -o centred.npz");
    for (line, code, expected) in [
        ("texture no.png -o t.npz", 1, "no such file 'no.png'"),
        ("texture list.txt -o t.npz", 1, "list.txt: not a picture"),
        ("texture alpha.png -o t.npz", 1, "partly transparent"),
        ("texture fabric.png -o t.png", 2, "-o t.png: the file must be .npz"),
        ("texture fabric.png -o no/t.npz", 1, "cannot write no/t.npz: no such folder"),
        ("texture power-law-field:size=1 -o t.npz", 1, "a size from 2 to 128"),
        ("texture power-law-field:size=99999999999 -o t.npz", 1, "a size from 2 to 128"),
        (
            "texture power-law-field:sice=8 -o t.npz",
            2,
            "'sice=8' is no parameter of power-law-field",
        ),
        (
            "texture power-law-field --centred -o t.npz",
            2,
            "--centred has no effect on power-law-field",
        ),
        ("texture power-law-field --resize 9 -o t.npz", 2, "has no effect on power-law-field"),
        ("texture fabric.png --scale half -o t.npz", 2, "not auto, symmetric, unit"),
        ("sample fabric.npz -o t.jpg", 2, "the file must be .png or .npz"),
        ("sample no.npz -o t.png", 1, "no such file 'no.npz'"),
        ("sample list.txt -o t.png", 1, "gaussmeter spectrum DATA --basis"),
        ("sample cifar10 -o t.png", 2, "cifar10 is a list of eigenvalues without eigenvectors"),
        ("sample cut.npz -o t.png", 1, "cut.npz: not a complete npz archive"),
        ("sample fabric.npz --size 0x99 -o t.png", 2, "not HEIGHTxWIDTH"),
        ("sample fabric.npz --size 9 -o t.png", 2, "not HEIGHTxWIDTH"),
        ("sample fabric.npz --times 1 -o t.png", 2, "2 to 10000 times"),
        ("sample fabric.npz --times 0.5,2 -o t.png", 1, "time 2 is outside [0, 1]"),
        ("sample fabric.npz --compare -o t.png", 2, "--sampler"),
        ("sample fabric.npz --nfe 9 -o t.png", 2, "a length needs --sampler"),
        ("sample fabric.npz --init exact -o t.png", 2, "--init needs --sampler"),
        ("sample fabric.npz --eps 0.1 -o t.png", 2, "--eps needs --sampler"),
        ("sample fabric.npz --sampler heunn -o t.png", 2, "did you mean 'heun'"),
        ("sample fabric.npz --sampler heun --eps 0 -o t.png", 1, "stop at some eps > 0"),
        ("sample fabric.npz --dtype u8 -o t.png", 2, "--dtype needs an .npz file"),
        ("sample fabric.npz --range 0,1 -o t.npz", 2, "--range needs a .png file"),
        ("sample fabric.npz --range 1,1 -o t.png", 2, "not two different numbers"),
        ("sample fabric.npz --count 0 -o t.png", 2, "--count needs at least one sample"),
        ("sample fabric.npz --count 999999 --size 999x999 -o t.png", 1, "too large"),
        ("sample centred.npz --dtype u8 -o t.npz", 1, "8-bit pixels with their mean"),
        ("sample fabric.npz --sampler ei --steps 3 --process edm:sigma_max=1e300 -o t.png", 1, ""),
    ] {
        let error = refused(&folder, line, code);
        assert!(error.contains(expected), "{line}: no '{expected}' in {error}");
    }
}

#[test]
fn every_example_in_the_help_runs() {
    let folder = Folder::with_fabric();
    let mut seen = 0;
    for command in ["texture", "sample"] {
        let help = folder.run(&format!("{command} --help")).stdout;
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
        let (_, examples) = help.split_once("\nExamples:\n").unwrap();
        for line in examples.lines().take_while(|l| !l.is_empty()) {
            folder.done(line.trim().strip_prefix("gaussmeter ").unwrap());
            seen += 1;
        }
    }
    assert_eq!(seen, 8);
}
