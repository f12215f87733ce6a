//! `gaussmeter info` as its user sees it.

use crate::common::{Folder, Ran};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;

impl Folder {
    /// Exit code and stderr of a run that must fail.
    fn error(&self, line: &str) -> (i32, String) {
        let Ran { code, stdout, stderr } = self.run(line);
        assert_eq!((stdout.as_str(), stderr.lines().count()), ("", 1), "{line}: {stderr}");
        (code, stderr.trim_end().into())
    }
}

/// The lines of a text, one space between words.
fn rows(text: &str) -> Vec<String> {
    text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn assert_rows(text: &str, expected: &[&str]) {
    for row in expected {
        assert!(rows(text).contains(&row.to_string()), "no row '{row}' in\n{text}");
    }
}

fn npy(descr: &str, count: usize, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({count},), }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
}

fn numbers(values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("<f8", values.len(), &data)
}

fn bytes(text: impl AsRef<[u8]>) -> Vec<u8> {
    npy("|u1", text.as_ref().len(), text.as_ref())
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// 1, 1, 1 and 0.01 with weight 4 and two null modes, in a file that says this of itself.
fn described(meta: impl AsRef<[u8]>) -> Vec<u8> {
    npz(&[
        ("eigenvalue", numbers(&[0.0, 0.01, 1.0])),
        ("multiplicity", numbers(&[2.0, 4.0, 3.0])),
        ("mean", numbers(&[0.0, 0.0, 2.0])),
        ("basis", numbers(&[1.0])),
        ("meta", bytes(meta)),
    ])
}

#[test]
fn text_of_a_small_spectrum() {
    let folder = Folder::empty();
    folder.write("small.csv", "eigenvalue,multiplicity,mean\n1,3,2\n0.01,4,0\n0,2,0\n");
    assert_eq!(
        folder.stdout("info small.csv --ascii"),
        "\
Spectrum of small
─────────────────────────────────────
item        what it is
─────────────────────────────────────
name        small
provenance  small.csv: 3 values, text
─────────────────────────────────────

─────────────────────────────────────────────────────────────
quantity                  value  definition
─────────────────────────────────────────────────────────────
dimension d                   9
distinct eigenvalues          3
rank                          7
null dimension                2
─────────────────────────────────────────────────────────────
total variance          3.04000  tr Σ
  per dimension        0.337778  tr Σ / d
  σ_data               0.581187  √(tr Σ / d)
length of the mean      3.46410  ‖μ‖
largest eigenvalue      1.00000  λmax
smallest nonzero      0.0100000  λmin⁺
condition number              ∞  λmax / λmin
  of nonzero modes      100.000  λmax / λmin⁺
─────────────────────────────────────────────────────────────
effective rank          3.22990  exp(−∑ p ln p), p = λ / tr Σ
participation ratio     3.08012  (tr Σ)² / tr Σ²
stable rank             3.04000  tr Σ / λmax
─────────────────────────────────────────────────────────────
note: condition number is infinite: the smallest eigenvalue is 0 (2 null modes)

───────────────────────────────────────
 largest modes        percentiles
───────────────  ──────────────────────
variance  modes  of modes  eigenvalue ≤
───────────────────────────────────────
    50 %      2       0 %             0
    90 %      3       1 %             0
    95 %      3       5 %             0
    99 %      4      25 %     0.0100000
  99.9 %      7      50 %     0.0100000
                     75 %       1.00000
                     95 %       1.00000
                     99 %       1.00000
                    100 %       1.00000
───────────────────────────────────────

Noise levels σ/α that these data call for
───────────────────────────────────────────────────────────
W2 at most  start from  steps, 80 = 1   stop at  denoise at
───────────────────────────────────────────────────────────
    0.1744       19.84         0.9774    0.1052      0.3493
   0.01744       198.7          1.005   0.01228     0.04461
  0.001744        1987          1.007  0.001233     0.01327
───────────────────────────────────────────────────────────
note: start from: the lowest σ_max at which N(0, σ² I), carried to the data by
      the exact ODE, is that close: W2² = Σ λ (1 − (1 + λ/σ²)^(−1/2))² + μ²λ/(λ
      + σ²)
note: steps: of a grid of equal geodesic density, relative to one from 80
note: stop at: the highest σ_min at which the law of noisy data is that close:
      W2² = Σ (√(λ + σ²) − √λ)²; denoise at: the same after a last step to 0, Σ
      λ (1 − (1 + σ²/λ)^(−1/2))²
note: a start from N(0, 80² I) leaves W2 = 0.0433, most of it (0.0433) from the
      mean of the data, at any number of steps: start higher, add the mean to
      the initial noise, or leave it out of the data
note: half of the work (of a grid of equal geodesic density) lies above σ/α =
      0.890

Eigenvalues by rank, both logarithmic
eigenvalue
   1 +*****************************
     |                             *
     |                             *
     |                              *
     |                               *
 0.1 +                                *
     |                                *
     |                                 *
     |                                  *
     |                                   *
     |                                   *
0.01 +                                    ***************
     ++----------------------------------------------------------+
      1                                                          10
                                                              rank
note: 2 null modes not shown
"
    );
}

#[test]
fn json_has_every_number() {
    let folder = Folder::empty();
    folder.write("small.csv", "eigenvalue,multiplicity,mean\n4,2,1\n0.5,4,0\n0,2,0\n");
    let mut document = folder.json("info small.csv");
    // exp(0.8 ln 2.5 + 0.2 ln 20), 100 / 33, and the length of the mean.
    for (key, expected) in [
        ("entropy_rank", 2.5_f64.powf(0.8) * 20_f64.powf(0.2)),
        ("participation_ratio", 100.0 / 33.0),
        ("mean_norm", 2_f64.sqrt()),
        ("sigma_data", 1.25_f64.sqrt()),
    ] {
        let value = document[key].take().as_f64().unwrap();
        assert!((value / expected - 1.0).abs() < 1e-14, "{key} = {value}, not {expected}");
    }
    // What noise levels are is tested in the library.
    let levels = document["noise_levels"].take();
    assert_eq!(levels["tolerances"].as_array().unwrap().len(), 3, "{levels}");
    assert!(levels["root_mean_square"].as_f64() > levels["sigma_data"].as_f64(), "{levels}");
    let pairs = |percents: &[f64], key: &str, values: &[f64]| -> Value {
        percents.iter().zip(values).map(|(p, v)| json!({ "percent": p, key: v })).collect()
    };
    let shares = [50.0, 90.0, 95.0, 99.0, 99.9];
    let percents = [0.0, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 100.0];
    let percentiles = [0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 4.0, 4.0, 4.0];
    assert_eq!(
        document,
        json!({
            "schema": 1,
            "generator": concat!("gaussmeter ", env!("CARGO_PKG_VERSION")),
            "command": "info",
            "noise_levels": null,
            "kind": "spectrum",
            "spectrum": {
                "name": "small", "provenance": "small.csv: 3 values, text",
                "dim": 8.0, "modes": 3, "trace": 10.0, "null_dim": 2.0,
            },
            "distinct": 3,
            "rank": 6.0,
            "trace_per_dim": 1.25,
            "sigma_data": null,
            "mean_norm": null,
            "highest": 4.0,
            "lowest_nonzero": 0.5,
            "condition": "inf",
            "condition_nonzero": 8.0,
            "entropy_rank": null,
            "participation_ratio": null,
            "stable_rank": 2.5,
            "power_law": null,
            "variance_modes": pairs(&shares, "modes", &[2.0, 4.0, 5.0, 6.0, 6.0]),
            "percentiles": pairs(&percents, "eigenvalue", &percentiles),
            "reasons": {
                "condition": "the smallest eigenvalue is 0 (2 null modes)",
                "power_law": "6 nonzero modes are fewer than 100",
            },
            "notices": [],
            "file": null,
        })
    );
}

#[test]
fn one_csv_row_per_spectrum() {
    let folder = Folder::empty();
    let csv = folder.stdout("info white:d=10 --format csv");
    let lines: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0].len()), (2, lines[1].len()));
    let value = |name: &str| lines[1][lines[0].iter().position(|c| *c == name).unwrap()];
    assert_eq!((value("name"), value("dim"), value("condition")), ("white:d=10", "10", "1"));
    assert_eq!((value("entropy_rank"), value("stable_rank")), ("10", "10"));
    assert_eq!((value("modes_90"), value("percentile_50")), ("9", "1"));
    assert_eq!(value("power_law_exponent"), "");
    let singular = folder.stdout("info spiked:d=784,rank=20 --format csv");
    assert_eq!(singular.lines().next(), csv.lines().next());
    assert!(singular.contains(",inf,"), "{singular}");
}

#[test]
fn latex_has_tables_and_a_figure_markdown_a_fence() {
    let folder = Folder::empty();
    let latex = folder.stdout("info cifar10 --format latex");
    for part in [
        "% needs \\usepackage{booktabs}\n% needs \\usepackage{pgfplots}",
        r"\begin{tabular}",
        r"\begin{loglogaxis}[",
        r"\caption{Eigenvalues by rank: cifar10.}",
        r"$\lambda_k \propto k^{-a}$ over ranks 8 to 412, R$^{2}$ = 0.998",
    ] {
        assert!(latex.contains(part), "no {part} in\n{latex}");
    }
    let Ran { code, stdout, .. } = folder.run("info spiked:d=784,rank=20 -o spiked.md");
    assert_eq!((code, &stdout[..]), (0, ""));
    let markdown = fs::read_to_string(folder.path("spiked.md")).unwrap();
    assert!(markdown.contains("```text\neigenvalue\n"), "{markdown}");
    assert!(markdown.ends_with("rank\n```\n\n- 764 null modes not shown\n"), "{markdown}");
}

#[test]
fn presets_fit_a_terminal() {
    let folder = Folder::empty();
    for preset in [
        "cifar10",
        "cifar10-icml2025",
        "power-law:d=3072,alpha=1.5",
        "white:d=1",
        "spiked:d=784,rank=20",
        "geometric:d=100,lowest=1e-300,highest=1e300",
    ] {
        let text = folder.stdout(&format!("info {preset}"));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let ascii = folder.stdout(&format!("info {preset} --ascii"));
        let (_, sketch) = ascii.split_once("\neigenvalue\n").unwrap();
        assert!(sketch.is_ascii(), "{sketch}");
    }
}

#[test]
fn a_file_says_what_it_is() {
    let folder = Folder::empty();
    let meta = json!({
        "content": "gaussmeter texture", "version": 1, "program": "gaussmeter-data 0.1.0",
        "description": "brick.png", "provenance": "said above", "count": 1, "shape": [3, 32, 48],
        "scale": { "factor": 0.5, "offset": -1.0 }, "method": "dense", "reason": "it fits",
        "trace": 3.04, "rank": 7, "rounding": 1.25e-14,
        "checks": { "trace": 1e-16, "residual": 2e-15 },
        "quadrature": [["trace", { "value": 3.04, "probes": 0.01, "steps": 0.0 }]],
        "model": "asymptotic discrete spot noise", "nested": { "not": "shown" },
    });
    folder.write("t.npz", described(meta.to_string()));
    let text = folder.stdout("info t.npz");
    assert_rows(
        &text,
        &[
            "content gaussmeter texture",
            "written by gaussmeter-data 0.1.0",
            "data brick.png",
            "samples 1",
            "shape of a sample [3, 32, 48]",
            "scale data = 0.5 · stored − 1",
            "method dense: it fits",
            "variance of the data 3.040",
            "rank found 7",
            "rounding errors of eigenvalues at most 1.250e-14",
            "checks relative errors: trace 1.000e-16, residual 2.000e-15",
            "quadrature trace: 3.040, errors 0.01000 (probes), 0 (steps)",
            "model asymptotic discrete spot noise",
            "basis stored in array 'basis'",
            "dimension d 9",
        ],
    );
    assert!(!text.contains("said above") && !text.contains("note: the"), "{text}");
    let document = folder.json("info t.npz");
    assert_eq!(document["file"]["meta"], meta);
    assert_eq!(document["file"]["basis"], "basis");
    assert_eq!(
        document["file"]["arrays"],
        json!(["basis", "eigenvalue", "mean", "meta", "multiplicity"])
    );
}

#[test]
fn provenance_is_told_where_no_method_is() {
    let folder = Folder::empty();
    let meta = json!({
        "content": "gaussmeter spectrum", "version": 1, "provenance": "merged by hand",
    });
    folder.write("t.npz", described(meta.to_string()));
    assert_rows(&folder.stdout("info t.npz"), &["provenance merged by hand"]);
}

#[test]
fn damaged_or_foreign_descriptions_do_not_hide_the_spectrum() {
    let folder = Folder::empty();
    let deep = "[".repeat(100_000);
    let long = format!(
        r#"{{"content": "gaussmeter spectrum", "version": 1, "description": "{}"}}"#,
        "x".repeat(2000)
    );
    for (meta, notice) in [
        ("{\"content\": ", "note: the array 'meta' cannot be read: not a JSON object: EOF"),
        ("[1, 2]", "note: the array 'meta' cannot be read: not a JSON object: invalid type"),
        (&deep, "note: the array 'meta' cannot be read: not a JSON object: "),
        ("{}", "note: the array 'meta' was not written by gaussmeter: not shown"),
        (r#"{"content": 3}"#, "note: the array 'meta' was not written by gaussmeter: not shown"),
        (
            r#"{"content": "gaussmeter spectrum", "version": 2, "shape": {"a": 1}, "checks": 7}"#,
            "note: the description has version 2, not 1: it may be misread",
        ),
        (&long, "xxx…"),
    ] {
        folder.write("d.npz", described(meta));
        let text = folder.stdout("info d.npz");
        assert!(text.contains(notice), "no '{notice}' in\n{text}");
        assert_rows(&text, &["dimension d 9"]);
        assert_eq!(folder.json("info d.npz")["rank"], 7.0);
    }
    let eigenvalue = ("eigenvalue", numbers(&[1.0, 2.0]));
    for (meta, notice) in [
        (numbers(&[1.0]), "cannot be read: type float64 instead of the bytes of a text"),
        (b"nonsense".to_vec(), "cannot be read: not a valid npy file"),
        (bytes(vec![b' '; 1 << 21]), "cannot be read: larger than 1024 KiB"),
    ] {
        folder.write("d.npz", npz(&[eigenvalue.clone(), ("meta", meta)]));
        let text = rows(&folder.stdout("info d.npz")).join(" ");
        assert!(text.contains(notice), "no '{notice}' in\n{text}");
    }
}

#[test]
fn moments_are_described() {
    let folder = Folder::empty();
    let meta = json!({
        "content": "gaussmeter moments", "version": 1, "values": "u8", "count": 10000,
        "shape": [3, 32, 32], "scale": { "factor": 0.5, "offset": 0.0 },
        "description": "data_batch_1", "parts": [{ "index": 2, "of": 5 }, "odd"],
        "left_out": { "count": 3, "first": "a.png: cut off" },
    });
    let part = npz(&[("meta", bytes(meta.to_string())), ("first", numbers(&[1.0]))]);
    folder.write("part.npz", part);
    let text = folder.stdout("info part.npz");
    assert_rows(
        &text,
        &[
            "Moments in part",
            "data data_batch_1",
            "samples 10000",
            "shape of a sample [3, 32, 32]",
            "scale data = 0.5 · stored + 0",
            "parts 2 of 5",
            "samples left out 3: a.png: cut off",
        ],
    );
    assert!(text.contains("`gaussmeter merge`"), "{text}");
    let document = folder.json("info part.npz");
    assert_eq!((&document["kind"], &document["spectrum"]), (&json!("moments"), &Value::Null));
    assert_eq!(document["file"]["meta"], meta);
    assert!(folder.stdout("info part.npz --format csv").contains("samples,10000\n"));
}

#[test]
fn notices_are_told() {
    let folder = Folder::empty();
    let data: Vec<u8> = [1.0_f32, -1e-8].iter().flat_map(|v| v.to_le_bytes()).collect();
    folder.write("single.npy", npy("<f4", 2, &data));
    let text = folder.stdout("info single.npy");
    assert!(text.contains("note: 1 negative eigenvalue (lowest"), "{text}");
    assert!(text.contains("note: eigenvalues stored as float32"), "{text}");
    assert_eq!(folder.json("info single.npy")["notices"].as_array().unwrap().len(), 2);
}

#[test]
fn no_variance() {
    let folder = Folder::empty();
    folder.write("zero.txt", "0\n0\n");
    let text = folder.stdout("info zero.txt");
    assert_rows(&text, &["dimension d 2", "rank 0", "stable rank - tr Σ / λmax"]);
    assert!(text.contains("note: all eigenvalues are 0"), "{text}");
    assert!(text.ends_with("note: 2 null modes not shown\n"), "{text}");
    let document = folder.json("info zero.txt");
    assert_eq!(document["stable_rank"], Value::Null);
    assert_eq!(document["reasons"]["stable_rank"], "all eigenvalues are 0");
}

#[test]
fn errors_are_one_clear_line() {
    let folder = Folder::empty();
    folder.write("words.txt", "no spectrum at all\n");
    folder.write("other.npz", npz(&[("a", numbers(&[1.0])), ("b", numbers(&[1.0]))]));
    folder.write("cut.npz", &described("{}")[..200]);
    for (line, code, message) in [
        ("info missing.npy", 1, "error: no such file 'missing.npy'"),
        (
            "info cifar",
            2,
            "error: no such file, and unknown spectrum 'cifar': did you mean 'cifar10'?",
        ),
        ("info words.txt", 1, "error: words.txt: line 1: "),
        ("info other.npz", 1, "error: other.npz: no 'eigenvalue' or 'eigenvalues' (found: a, b)"),
        ("info cut.npz", 1, "error: cut.npz: not a valid npz file: "),
        ("info cifar10 --format docx", 2, "error: unknown format 'docx'"),
        ("info", 2, "error: the following required arguments were not provided: <FILE|PRESET>"),
    ] {
        let (found, error) = folder.error(line);
        assert!(found == code && error.starts_with(message), "{line}: {found} {error}");
    }
}

#[test]
fn every_example_in_the_help_runs() {
    let folder = Folder::empty();
    folder.write("my.npy", numbers(&[2.0, 0.5, 0.1]));
    let help = folder.stdout("info --help");
    assert_eq!(help, folder.stdout("info -h"), "one help, short enough");
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    let (_, examples) = help.split_once("\nExamples:\n").unwrap();
    let examples: Vec<_> = examples.lines().take_while(|l| !l.is_empty()).collect();
    assert_eq!(examples.len(), 6);
    for example in examples {
        folder.stdout(example.trim().strip_prefix("gaussmeter ").unwrap());
    }
    assert!(folder.path("power-law.tex").exists());
}

/// Files as the library of data sets writes them.
#[cfg(feature = "data")]
#[test]
fn files_of_ours_are_understood() {
    use gaussmeter_data::samples::{InMemory, Samples, Scale};
    use gaussmeter_data::{DecomposeOptions, LanczosOptions, Method, Moments, decompose};

    let folder = Folder::empty();
    let pixels: Vec<u8> = (0..6 * 40_u32).map(|i| (i * i * 37 % 251) as u8).collect();
    let mut samples = InMemory::bytes("noise", &[1, 2, 3], Scale::SYMMETRIC, pixels).unwrap();
    let dense = DecomposeOptions { basis: true, ..DecomposeOptions::default() };
    decompose(&mut samples, &dense).unwrap().save(&folder.path("dense.npz")).unwrap();
    let lanczos = DecomposeOptions {
        method: Some(Method::Lanczos),
        lanczos: LanczosOptions { probes: 2, steps: 3, seed: 1 },
        ..DecomposeOptions::default()
    };
    samples.rewind().unwrap();
    decompose(&mut samples, &lanczos).unwrap().save(&folder.path("lanczos.npz")).unwrap();
    samples.rewind().unwrap();
    Moments::of(&mut samples).unwrap().save(&folder.path("part.npz")).unwrap();

    let facts = ["data noise", "samples 40", "shape of a sample [1, 2, 3]"];
    let text = folder.stdout("info dense.npz");
    assert_rows(&text, &facts);
    assert_rows(&text, &["rank found 6", "basis stored in array 'basis'", "dimension d 6"]);
    let text = folder.stdout("info lanczos.npz");
    assert_rows(&text, &facts);
    assert_rows(&text, &["method lanczos: as asked", "basis not stored", "dimension d 6"]);
    assert!(text.contains("\nquadrature"), "{text}");
    let text = folder.stdout("info part.npz");
    assert_rows(&text, &facts);
    assert_rows(&text, &["type of the values u8"]);
}
