//! The command as its user sees it: exit code, stdout, stderr and files.

use crate::common::Folder;
use gaussmeter_testkit::{fixture, read_json, relative_error, shared, skipped};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const COMMANDS: [&str; 16] = [
    "",
    "table",
    "curve",
    "modes",
    "eval",
    "rank",
    "pareto",
    "recommend",
    "tune",
    "schedules",
    "export",
    "show",
    "cite",
    "list",
    "samplers",
    "completions",
];

impl Folder {
    fn w2(&self, line: &str) -> f64 {
        number(&self.json(line)["w2"])
    }
}

/// A number of a JSON document; infinities are strings.
fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap_or_else(|| panic!("{value} is not a number")),
    }
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is not a list"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string"))
}

/// Keys of an object, in alphabetical order.
fn keys(value: &Value) -> Vec<&str> {
    let keys: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.into_iter().collect()
}

#[track_caller]
fn assert_close(value: f64, expected: f64) {
    assert!(relative_error(value, expected) < 1e-10, "{value:e} instead of {expected:e}");
}

/// The cells of the rows of a text table, one space between them.
fn rows(table: &str) -> Vec<String> {
    table.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
}

fn npy_f64(values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("'<f8'", &format!("({},)", values.len()), &data)
}

fn npz(arrays: &[(&str, &[f64])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, values) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(&npy_f64(values)).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

// The paper's process, written down again: B(t) = ∫ β.
fn beta(t: f64) -> f64 {
    0.05 + 9.95 * t
}
fn beta_integral(t: f64) -> f64 {
    0.05 * t + 9.95 * t * t / 2.0
}
fn alpha(t: f64) -> f64 {
    (-beta_integral(t)).exp()
}
fn variance_at(t: f64, lambda: f64) -> f64 {
    lambda + (1.0 - lambda) * -(-2.0 * beta_integral(t)).exp_m1()
}

/// Mean and variance after Euler on the probability-flow ODE.
fn euler(times: &[f64], lambda: f64, mu: f64, mut mean: f64, mut variance: f64) -> (f64, f64) {
    for w in times.windows(2) {
        let (dt, l) = (w[0] - w[1], variance_at(w[0], lambda));
        let gain = 1.0 + dt * beta(w[0]) * (1.0 - 1.0 / l);
        mean = gain * mean + dt * beta(w[0]) * alpha(w[0]) / l * mu;
        variance *= gain * gain;
    }
    (mean, variance)
}

/// Mean and variance after Euler–Maruyama on the reverse SDE.
fn euler_maruyama(times: &[f64], lambda: f64, mut variance: f64) -> f64 {
    for w in times.windows(2) {
        let (dt, l) = (w[0] - w[1], variance_at(w[0], lambda));
        let gain = 1.0 + dt * beta(w[0]) * (1.0 - 2.0 / l);
        variance = gain * gain * variance + 2.0 * dt * beta(w[0]);
    }
    variance
}

fn uniform(steps: usize, start: f64, end: f64) -> Vec<f64> {
    (0..=steps).map(|k| start - (start - end) * k as f64 / steps as f64).collect()
}

/// Euler's W2 on eigenvalues without means, from N(0, std²).
fn euler_w2(times: &[f64], lambdas: &[f64], std: f64) -> f64 {
    let term = |&l: &f64| (euler(times, l, 0.0, 0.0, std * std).1.sqrt() - l.sqrt()).powi(2);
    lambdas.iter().map(term).sum::<f64>().sqrt()
}

const LAMBDAS: [f64; 3] = [2.0, 0.5, 0.1];

#[test]
fn paper_table_prints_the_published_cells() {
    let printed = Folder::empty().stdout("table --paper");
    let rows = rows(&printed);
    // Copied from the publication.
    for row in [
        "em 0 0 6.7E-04 4.78 4.78 0.65 0.66 0.32 0.32 0.16 0.16",
        "1e-5 4.1E-03 4.2E-03 2.81 2.81 0.57 0.57 0.30 0.30 0.16 0.16",
        "heun 0 0 0.07 - - - - - - - -",
        "1e-5 4.1E-03 0.07 23.42 23.42 2.86 2.87 1.05 1.06 0.37 0.38",
        "1e-5 4.1E-03 0.07 67.32 67.32 5.49 5.49 2.11 2.11 0.77 0.77",
        "1e-3 0.18 0.19 2.60 2.60 0.09 0.12 0.15 0.17 0.17 0.19",
    ] {
        assert!(rows.contains(&row.to_string()), "no row '{row}' in\n{printed}");
    }
    assert!(printed.contains("heun spends 98, 498, 998, 1998 network evaluations"), "{printed}");
    assert!(!printed.contains('*'), "the published table marks nothing:\n{printed}");

    let golden = fs::read_to_string(fixture("icml-table-printed.csv")).unwrap();
    let mut position = 0;
    assert_eq!(golden.lines().count(), 1 + 24);
    for line in golden.lines().skip(1) {
        let cells = line.replace("10^{-", "1e-").replace('}', "");
        let (sampler, cells) = cells.split_once(',').unwrap();
        let wanted = cells.replace(',', " ");
        let found = rows[position..].iter().position(|r| {
            *r == wanted || r.strip_prefix(sampler).is_some_and(|r| r.trim_start() == wanted)
        });
        position += found.unwrap_or_else(|| panic!("'{line}' is not next in\n{printed}")) + 1;
    }
}

#[test]
fn table_in_json_and_csv() {
    let folder = Folder::empty();
    let document = folder.json("table --paper");
    let cells = list(&document["cells"]);
    let (continuous, discretized): (Vec<&Value>, Vec<&Value>) =
        cells.iter().partition(|c| c["column"] == "continuous");
    assert_eq!((discretized.len(), continuous.len()), (192, 16));
    for cell in cells {
        let expected = ["column", "eps", "init", "nfe", "sampler", "steps", "w2"];
        let found: Vec<&str> = keys(cell).into_iter().filter(|k| *k != "reason").collect();
        assert_eq!(found, expected);
        assert_eq!(cell.get("reason").is_some(), number(&cell["w2"]).is_infinite(), "{cell}");
    }
    for cell in continuous {
        assert!(["sde", "ode"].contains(&text(&cell["sampler"])), "{cell}");
        assert!(cell["steps"].is_null() && cell["nfe"].is_null(), "{cell}");
    }
    let infinite = cells.iter().filter(|c| c["w2"] == "inf");
    assert_eq!(infinite.map(|c| text(&c["sampler"])).collect::<BTreeSet<_>>().len(), 2);

    // Both formats carry the same 64 bits.
    let csv = folder.stdout("table --paper --format csv");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("sampler,eps,column,init,steps,nfe,w2"));
    for cell in cells {
        let field = |key: &str| match &cell[key] {
            Value::String(s) => s.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let row: Vec<&str> = lines.next().unwrap().split(',').collect();
        for (i, key) in ["sampler", "column", "init", "steps", "nfe"].iter().enumerate() {
            assert_eq!(row[[0, 2, 3, 4, 5][i]], field(key));
        }
        let bits = |s: &str| s.parse::<f64>().unwrap().to_bits();
        assert_eq!(bits(row[1]), number(&cell["eps"]).to_bits());
        assert_eq!(bits(row[6]), number(&cell["w2"]).to_bits());
    }
    assert_eq!(lines.next(), None);

    // From the summary that is built in, to every printed digit and one more.
    check_cells(&document, 1e-3);
    let Some(shared) = shared() else { return };
    let full = shared.join("data/spectra/cifar10-icml2025.npy").canonicalize().unwrap();
    // A note says that the list is float32.
    let ran = folder.run(&format!("table --paper --format json --spectrum {}", full.display()));
    check_cells(&serde_json::from_str(&ran.stdout).unwrap(), 1e-9);
}

/// All cells of the published table.
fn check_cells(document: &Value, tolerance: f64) {
    let golden = read_json(&fixture("icml-table.json"));
    let find = |kind: &str, cell: &Value| {
        let is_same = |g: &&Value| match kind {
            "continuous" => g["solution"] == cell["sampler"],
            _ => {
                [("scheme", "sampler"), ("points_column", "column")]
                    .iter()
                    .all(|(theirs, ours)| g[theirs] == cell[ours])
                    && g["steps"] == cell["steps"]
                    && g["nfe"] == cell["nfe"]
            }
        };
        let all = list(&golden[kind]).iter();
        let found = all
            .filter(is_same)
            .find(|g| g["init"] == cell["init"] && number(&g["eps"]) == number(&cell["eps"]));
        number(&found.unwrap_or_else(|| panic!("no golden value for {cell}"))["w2"])
    };
    assert_eq!(list(&document["cells"]).len(), 192 + 16);
    for cell in list(&document["cells"]) {
        let kind = if cell["column"] == "continuous" { "continuous" } else { "discretized" };
        let (value, expected) = (number(&cell["w2"]), find(kind, cell));
        assert!(relative_error(value, expected) < tolerance, "{cell}: expected {expected}");
    }
}

#[test]
fn table_columns_count_what_they_say() {
    let folder = Folder::empty();
    let table = |options: &str| {
        let line = format!("table --spectrum white:d=2 --sampler heun,rk4 --eps 1e-3 {options}");
        (folder.stdout(&line), folder.json(&line))
    };
    let spent = |document: &Value| -> Vec<(u64, u64, u64)> {
        let cells = list(&document["cells"]).iter();
        let cells = cells.filter(|c| c["column"] != "continuous" && c["init"] == "exact");
        let count = |v: &Value| v.as_u64().unwrap();
        cells.map(|c| (count(&c["column"]), count(&c["steps"]), count(&c["nfe"]))).collect()
    };
    // (column, steps, evaluations) of Heun, then of RK4.
    for (unit, expected) in [
        ("points", [(9, 8, 16), (21, 20, 40), (9, 8, 32), (21, 20, 80)]),
        ("steps", [(9, 9, 18), (21, 21, 42), (9, 9, 36), (21, 21, 84)]),
        ("nfe", [(9, 4, 8), (21, 10, 20), (9, 2, 8), (21, 5, 20)]),
    ] {
        let (printed, document) = table(&format!("--count {unit} --columns 9,21"));
        assert_eq!(spent(&document), expected, "{unit}");
        let short = table(&format!("--{unit} 9,21"));
        assert_eq!((&printed, &document), (&short.0, &short.1), "{unit}");
        assert!(!printed.contains("True steps"), "{printed}");
        let shown = table(&format!("--{unit} 9,21 --show-nfe")).0;
        assert!(shown.starts_with(&printed), "{shown}");
        let [heun, rk4] = [&expected[..2], &expected[2..]]
            .map(|e| format!("{} {} {} {}", e[0].1, e[0].2, e[1].1, e[1].2));
        let rows = rows(&shown[printed.len()..]);
        for row in [format!("heun {heun}"), format!("rk4 {rk4}")] {
            assert!(rows.contains(&row), "no '{row}' in {shown}");
        }
    }
    assert_eq!(table("--columns 9,21"), table("--count nfe --columns 9,21"));
    assert_eq!(table("--nfe 9").0, table("--nfe 9 --eps 1e-3,1e-3").0, "a repeated eps is one row");
}

#[test]
fn eval_gives_the_numbers_of_the_textbook() {
    let folder = Folder::empty();
    let mu = [0.5, 0.0, -1.0];
    folder.write("data.json", r#"{"eigenvalue": [2, 0.5, 0.1], "mean": [0.5, 0, -1]}"#);
    let (steps, eps) = (40, 1e-3);
    let document = folder.json("eval --sampler euler --steps 40 --spectrum data.json");
    assert_eq!(
        keys(&document),
        [
            "budget",
            "command",
            "eps",
            "generator",
            "grid",
            "grid_rule",
            "init",
            "kl_forward",
            "kl_reverse",
            "nfe",
            "process",
            "reasons",
            "sampler",
            "schema",
            "spectrum",
            "steps",
            "trace_error",
            "w2",
            "w2_cov",
            "w2_mean",
            "w2_per_dim",
            "warnings"
        ]
    );
    let times = uniform(steps, 1.0, eps);
    let output: Vec<(f64, f64)> =
        (0..3).map(|i| euler(&times, LAMBDAS[i], mu[i], 0.0, 1.0)).collect();
    let sum = |term: &dyn Fn(usize) -> f64| (0..3).map(term).sum::<f64>();
    let root = |term: &dyn Fn(usize) -> f64| sum(term).sqrt();
    let distance =
        |m: f64, v: f64, i: usize| (m - mu[i]).powi(2) + (v.sqrt() - LAMBDAS[i].sqrt()).powi(2);
    let w2 = root(&|i| distance(output[i].0, output[i].1, i));
    let kl = |m: f64, v: f64, l: f64| (v / l - 1.0 - (v / l).ln() + m * m / l) / 2.0;
    let expected = [
        ("w2", w2),
        ("w2_mean", root(&|i| (output[i].0 - mu[i]).powi(2))),
        ("w2_cov", root(&|i| (output[i].1.sqrt() - LAMBDAS[i].sqrt()).powi(2))),
        ("w2_per_dim", w2 / 3f64.sqrt()),
        ("kl_forward", sum(&|i| kl(output[i].0 - mu[i], LAMBDAS[i], output[i].1))),
        ("kl_reverse", sum(&|i| kl(output[i].0 - mu[i], output[i].1, LAMBDAS[i]))),
        ("trace_error", sum(&|i| output[i].1) / 2.6 - 1.0),
        ("eps", eps),
        ("steps", steps as f64),
        ("nfe", steps as f64),
    ];
    for (key, expected) in expected {
        assert_close(number(&document[key]), expected);
    }

    // Each source of error alone.
    let budget = &document["budget"];
    assert_eq!(
        keys(budget),
        ["continuous", "discretization", "discretization_at_eps", "initialization", "truncation"]
    );
    assert_eq!(budget["continuous"], "ode");
    let start = |i: usize| variance_at(1.0, LAMBDAS[i]);
    let initialization = |i: usize| {
        let gain = (LAMBDAS[i] / start(i)).sqrt();
        distance(mu[i] - gain * alpha(1.0) * mu[i], gain * gain, i)
    };
    let truncation = |i: usize| distance(alpha(eps) * mu[i], variance_at(eps, LAMBDAS[i]), i);
    let exact = |i: usize, end: f64| {
        euler(&uniform(steps, 1.0, end), LAMBDAS[i], mu[i], alpha(1.0) * mu[i], start(i))
    };
    let to_zero = |i: usize| distance(exact(i, 0.0).0, exact(i, 0.0).1, i);
    let at_eps = |i: usize| {
        let (m, v) = exact(i, eps);
        (m - alpha(eps) * mu[i]).powi(2) + (v.sqrt() - variance_at(eps, LAMBDAS[i]).sqrt()).powi(2)
    };
    assert_close(number(&budget["initialization"]), root(&initialization));
    assert_close(number(&budget["truncation"]), root(&truncation));
    assert_close(number(&budget["discretization"]), root(&to_zero));
    assert_close(number(&budget["discretization_at_eps"]), root(&at_eps));

    let grid = list(&document["grid"]);
    assert_eq!(grid.len(), steps + 1);
    for (level, t) in grid.iter().zip(&times) {
        assert_eq!(keys(level), ["alpha", "sigma", "t"]);
        assert_close(number(&level["t"]), *t);
        assert_close(number(&level["alpha"]), alpha(*t));
        assert_close(number(&level["sigma"]), variance_at(*t, 0.0).sqrt());
    }

    // Euler-Maruyama, with the initial law p_T.
    let w2 = folder.w2("eval --sampler em --points 31 --init exact --eps 0 --spectrum white:d=4");
    let variance = euler_maruyama(&uniform(30, 1.0, 0.0), 1.0, 1.0);
    assert_close(w2, 2.0 * (variance.sqrt() - 1.0).abs());
}

#[test]
fn contributions_of_the_modes_sum_to_w2_squared() {
    let folder = Folder::empty();
    folder.write("data.csv", "eigenvalue,multiplicity\n2,1\n0.5,3\n0.1,10\n");
    let line = "eval --sampler heun --nfe 30 --spectrum data.csv";
    assert!(folder.json(line).get("modes").is_none());
    let document = folder.json(&format!("{line} --modes"));
    let modes = list(&document["modes"]);
    assert_eq!(modes.len(), 3);
    let names = ["eigenvalue", "multiplicity", "gain", "mean", "variance", "contribution"];
    for mode in modes {
        assert_eq!(keys(mode).into_iter().collect::<BTreeSet<_>>(), names.into());
        let (v, l) = (number(&mode["variance"]), number(&mode["eigenvalue"]));
        let expected = number(&mode["multiplicity"]) * (v.sqrt() - l.sqrt()).powi(2);
        assert!((number(&mode["contribution"]) - expected).abs() < 1e-10, "{mode}");
    }
    let sum = |modes: &[Value]| modes.iter().map(|m| number(&m["contribution"])).sum::<f64>();
    assert_close(sum(modes), number(&document["w2"]).powi(2));
    let csv = folder.stdout(&format!("{line} --modes --format csv"));
    assert_eq!(csv.lines().next(), Some(&names.join(",")[..]));
    assert_eq!(csv.lines().count(), 4);

    // The same numbers from `modes`.
    let several = folder.json("modes --sampler em,heun --nfe 30 --spectrum data.csv");
    let heun = &list(&several["samplers"])[1];
    assert_eq!((text(&heun["sampler"]), &heun["nfe"]), ("heun", &30.into()));
    assert_close(sum(list(&heun["modes"])), number(&document["w2"]).powi(2));
}

#[test]
fn curves_end_where_eval_does() {
    let folder = Folder::empty();
    let setting = "--spectrum geometric:d=9,lowest=1e-4,highest=10 --nfe 20";
    let expected = folder.w2(&format!("eval --sampler heun --eps 1e-2 {setting}"));
    let time = folder.json(&format!("curve --sampler heun --eps 1e-2 --target data {setting}"));
    let eps = folder.json(&format!("curve --against eps --eps 0.1,1e-2 --sampler heun {setting}"));
    for (document, along) in [(time, "t"), (eps, "eps")] {
        assert_eq!(document["against"], along);
        let series = list(&document["series"]);
        let names: Vec<&str> = series.iter().map(|s| text(&s["sampler"])).collect();
        assert_eq!(names, ["heun", "sde", "ode"]);
        for s in series {
            assert_eq!(list(&s[along]).len(), list(&s["w2"]).len());
            assert_close(number(list(&s[along]).last().unwrap()), 1e-2);
        }
        assert_close(number(list(&series[0]["w2"]).last().unwrap()), expected);
    }
    let csv = folder.stdout(&format!("curve --sampler em {setting} --format csv"));
    assert_eq!(csv.lines().next(), Some("sampler,steps,nfe,t,w2"));
    assert_eq!(csv.lines().count(), 1 + 3 * 21);
    // At most so many rows for people, all for machines.
    let points = |rows: usize| {
        let line = format!("curve --sampler em {setting} --format markdown --rows {rows}");
        folder.stdout(&line).lines().filter(|l| l.starts_with("| ")).count() - 2
    };
    assert_eq!((points(5), points(0), points(100)), (5, 21, 21));
}

#[test]
fn times_come_from_a_file() {
    let folder = Folder::empty();
    folder.write("times.txt", "1\n0.6\n0.25\n0.05\n");
    folder.write("times.npy", npy_f64(&[1.0, 0.6, 0.25, 0.05]));
    let expected = euler_w2(&[1.0, 0.6, 0.25, 0.05], &[1.5, 1.5], 1.0);
    for file in ["times.txt", "times.npy"] {
        let line = format!("--grid times:{file} --spectrum white:d=2,variance=1.5");
        let document = folder.json(&format!("eval --sampler euler {line}"));
        assert_close(number(&document["w2"]), expected);
        assert_eq!((number(&document["eps"]), &document["steps"]), (0.05, &3.into()));
        let table = folder.json(&format!("table --sampler euler --init normal {line}"));
        let cell = list(&table["cells"]).last().unwrap();
        assert_close(number(&cell["w2"]), expected);
        assert_eq!((number(&cell["eps"]), &cell["column"]), (0.05, &4.into()));
    }
}

#[test]
fn spectra_come_from_files_of_every_format() {
    let folder = Folder::empty();
    folder.write("law.npy", npy_f64(&LAMBDAS));
    folder.write("law.npz", npz(&[("eigenvalue", &LAMBDAS), ("multiplicity", &[1.0; 3])]));
    folder.write("law.csv", "eigenvalue,multiplicity\n2,1\n0.5,1\n0.1,1\n");
    folder.write("law.txt", "# eigenvalues\n2\n0.5\n0.1\n");
    folder.write("law.json", r#"{"eigenvalues": [2, 0.5, 0.1]}"#);
    let expected = euler_w2(&uniform(20, 1.0, 1e-3), &LAMBDAS, 1.0);
    for name in ["law.npy", "law.npz", "law.csv", "law.txt", "law.json"] {
        let line = format!("eval --sampler euler --nfe 20 --spectrum {name}");
        assert_close(folder.w2(&line), expected);
    }
    // Worth knowing, and no part of the result.
    let f32: Vec<u8> = [2f32, 0.5, 0.25].iter().flat_map(|v| v.to_le_bytes()).collect();
    folder.write("f32.npy", npy("'<f4'", "(3,)", &f32));
    let ran = folder.run("eval --sampler euler --spectrum f32.npy --format json");
    assert_eq!((ran.code, ran.stderr.lines().count()), (0, 1), "{ran:?}");
    assert!(ran.stderr.starts_with("note: f32: eigenvalues stored as float32"), "{ran:?}");
    assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "{ran:?}");
}

#[test]
fn initial_laws_processes_and_aliases() {
    let folder = Folder::empty();
    folder.write("law.txt", "2\n0.5\n0.1\n");
    let w2 = |options: &str| folder.w2(&format!("eval --nfe 20 --spectrum law.txt {options}"));

    let document =
        folder.json("eval --sampler euler --nfe 20 --spectrum law.txt --init normal:std=0.9");
    assert_eq!(document["init"], "normal:std=0.9");
    assert_close(number(&document["w2"]), euler_w2(&uniform(20, 1.0, 1e-3), &LAMBDAS, 0.9));

    // Variance exploding: dx/dt = t x / (λ + t²), from N(0, 80²).
    let times = uniform(20, 80.0, 1e-3);
    let std = |lambda: f64| {
        let gain = |w: &[f64]| 1.0 - (w[0] - w[1]) * w[0] / (lambda + w[0] * w[0]);
        80.0 * times.windows(2).map(gain).product::<f64>().abs()
    };
    let term = |&l: &f64| (std(l) - l.sqrt()).powi(2);
    let expected = LAMBDAS.iter().map(term).sum::<f64>().sqrt();
    assert_close(w2("--sampler euler --process edm:sigma_max=80"), expected);

    for (alias, name) in [
        ("--sampler Euler-Maruyama", "--sampler em"),
        ("--sampler runge-kutta-4", "--sampler rk4"),
        ("--sampler euler --process vp", "--sampler euler"),
        ("--sampler euler --process karras", "--sampler euler --process edm"),
        ("--sampler euler --grid linear", "--sampler euler"),
        ("--sampler euler --init p_T", "--sampler euler --init exact"),
        ("--sampler heun:euler", "--sampler heun:final=euler"),
    ] {
        assert_eq!(w2(alias), w2(name), "{alias}");
    }
}

#[test]
fn lists_may_be_repeated_or_separated_by_commas() {
    let folder = Folder::empty();
    let table = |options: &str| {
        folder.stdout(&format!("table --spectrum white:d=2 --nfe 8 --eps 1e-3 {options}"))
    };
    let expected = table("--sampler em,heun:final=euler,euler --init exact,normal:std=0.5");
    for name in ["em", "heun:final=euler", "euler"] {
        assert!(rows(&expected).iter().any(|r| r.starts_with(&format!("{name} 1e-3 "))));
    }
    for same in [
        "--sampler em --sampler heun:final=euler --sampler euler --init exact --init normal:std=0.5",
        "--sampler em,heun:euler --sampler euler --init p_T --init N0:0.5",
    ] {
        assert_eq!(table(same), expected, "{same}");
    }
}

#[test]
fn every_metric_has_its_name_in_the_documents() {
    let folder = Folder::empty();
    for (metric, key) in [("kl", "kl_forward"), ("kl-reverse", "kl_reverse"), ("trace", "trace")] {
        let table = format!("table --spectrum white:d=2 --sampler em --nfe 8 --metric {metric}");
        assert!(
            list(&folder.json(&table)["cells"]).iter().all(|c| c.get(key).is_some()),
            "{metric}"
        );
        let header = format!("sampler,eps,column,init,steps,nfe,{key}");
        assert!(folder.stdout(&format!("{table} --format csv")).starts_with(&header));
    }
}

#[test]
fn the_extension_of_the_file_is_its_format() {
    let folder = Folder::empty();
    let line = "eval --sampler euler --spectrum white:d=2";
    for (name, format) in [
        ("a.txt", "text"),
        ("a.md", "markdown"),
        ("a.tex", "latex"),
        ("a.csv", "csv"),
        ("a.JSON", "json"),
    ] {
        assert_eq!(folder.stdout(&format!("{line} -o {name}")), "");
        assert_eq!(folder.read(name), folder.stdout(&format!("{line} --format {format}")));
    }
    // What is asked for comes before what the name says.
    assert_eq!(folder.stdout(&format!("{line} -o b.txt --format json")), "");
    assert_eq!(folder.read("b.txt"), folder.read("a.JSON"));
    let names = ["a.JSON", "a.csv", "a.md", "a.tex", "a.txt", "b.txt"];
    assert_eq!(folder.names(), names.map(String::from).into(), "nothing is left over");
}

#[test]
fn files_are_replaced_whole_or_not_at_all() {
    let folder = Folder::empty();
    let line = "eval --sampler euler --spectrum white:d=2";
    folder.write("out.json", "precious");
    fs::hard_link(folder.path("out.json"), folder.path("reader")).unwrap();
    for bad in ["--spectrum nan.npy", "--eps 2", "--steps 0", "--sampler nosuch", "--format nosuch"]
    {
        let ran = folder.run(&format!("eval --sampler rk4 {bad} -o out.json"));
        assert_ne!(ran.code, 0, "{bad}");
        assert_eq!(folder.read("out.json"), "precious", "{bad}");
    }
    assert_eq!(folder.stdout(&format!("{line} -o out.json")), "");
    assert_eq!(folder.read("out.json"), folder.stdout(&format!("{line} --format json")));
    assert_eq!(folder.read("reader"), "precious", "an open file keeps its content");

    let refused = |path: &str, why: &str| {
        let before = folder.names();
        let ran = folder.run(&format!("{line} --format json -o {path}"));
        let message = format!("error: cannot write {path}: {why}\n");
        assert_eq!((ran.code, ran.stdout, ran.stderr), (1, String::new(), message));
        assert_eq!(folder.names(), before);
    };
    refused("nowhere/out.json", "no such folder");
    refused("out.json/out.json", "not a directory");
    refused(".", "is a directory");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay_as_they_are() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::empty();
    let line = "eval --sampler euler --spectrum white:d=2 -o";
    let mode = |name: &str| fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    let set_mode = |name: &str, mode: u32| {
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };

    folder.write("private.json", "");
    set_mode("private.json", 0o600);
    symlink("private.json", folder.path("link.json")).unwrap();
    folder.stdout(&format!("{line} link.json"));
    assert!(fs::symlink_metadata(folder.path("link.json")).unwrap().is_symlink());
    assert!(folder.read("private.json").starts_with('{'));
    assert_eq!(mode("private.json"), 0o600);

    // New files are as any other program makes them.
    folder.stdout(&format!("{line} new.json"));
    folder.write("reference", "");
    assert_eq!(mode("new.json"), mode("reference"));

    set_mode("new.json", 0o444);
    let ran = folder.run(&format!("{line} new.json"));
    let message = "error: cannot write new.json: permission denied\n";
    assert_eq!((ran.code, &ran.stderr[..]), (1, message));

    fs::create_dir(folder.path("closed")).unwrap();
    set_mode("closed", 0o555);
    if fs::write(folder.path("closed/probe"), "").is_ok() {
        skipped("this user may write anywhere");
        return;
    }
    let ran = folder.run(&format!("{line} closed/out.json"));
    let message = "error: cannot write closed/out.json: permission denied\n";
    assert_eq!((ran.code, &ran.stderr[..]), (1, message));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = Folder::empty();
    // More than a pipe holds, so that the command is still writing when its reader leaves.
    for line in ["curve --format csv", "eval --sampler em --steps 20000 --format json"] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut command = folder.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{line}");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        skipped("no /dev/full");
        return;
    };
    let output = Folder::empty().command(&["list"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: cannot write to stdout: ") && stderr.lines().count() == 1);
}

/// Runs a request that must fail, asking for a file as well, and checks how it fails.
#[track_caller]
fn assert_refused(folder: &Folder, arguments: &[&str], expected: &str) {
    let before = folder.names();
    let mut arguments = arguments.to_vec();
    if !arguments.iter().any(|a| *a == "-o" || a.starts_with("completions")) {
        arguments.extend(["-o", "out.json"]);
    }
    let ran = folder.run_all(&arguments);
    assert!(matches!(ran.code, 1 | 2), "{arguments:?}: {ran:?}");
    assert_eq!(ran.stdout, "", "{arguments:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{arguments:?}: {ran:?}");
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.ends_with('\n'), "{ran:?}");
    assert!(ran.stderr.contains(expected), "{arguments:?}: no '{expected}' in {ran:?}");
    assert_eq!(folder.names(), before, "{arguments:?}");
}

#[test]
fn bad_requests_get_one_line() {
    let folder = Folder::empty();
    folder.write("up.txt", "0.5\n1\n");
    folder.write("t.txt", "1\n0.5\n0\n");
    for (line, expected) in [
        ("eval --sampler euler --eps 1", "eps = 1 must lie in [0, 1)"),
        ("eval --sampler euler --eps 1.5", "eps = 1.5 must lie in [0, 1)"),
        ("curve --against eps --eps 0.1,2", "eps = 2 must lie in [0, 1)"),
        ("eval --sampler euler --eps -1e-3", "invalid value '-1e-3' for '--eps <E>'"),
        ("table --eps -1,0", "invalid value '-1' for '--eps <E,…>': times are finite and not neg"),
        ("table --eps nan", "times are finite and not negative"),
        ("table --eps 1e-3,x", "invalid value 'x' for '--eps <E,…>': not a number"),
        ("eval --sampler rk4 --nfe 3", "'rk4' needs at least 4 network evaluations"),
        ("table --nfe 3 --sampler rk4", "'rk4' needs at least 4 network evaluations"),
        ("eval --sampler euler --points 1", "1 point leaves no step"),
        ("eval --sampler euler --points 0", "0 points leaves no step"),
        ("eval --sampler euler --steps 0", "0 steps leaves no step"),
        ("table --nfe 0", "0 NFE leaves no step"),
        ("eval --sampler euler --steps -3", "not a whole number"),
        ("eval --sampler euler --steps 1.5", "not a whole number"),
        ("eval --sampler euler --steps 99999999999", "not a whole number from 0 to"),
        ("table --columns 50,1e3", "invalid value '1e3' for '--columns <N,…>': not a whole number"),
        ("modes --rows -1", "not a whole number"),
        ("eval --sampler ddpm --steps 10", "'ddpm': undefined at step 1 of 10"),
        ("table --steps 10 --sampler ddpm", "'ddpm': undefined at step 1 of 10"),
        ("eval --sampler ddpm --process edm", "defined for variance-preserving processes"),
        ("eval --sampler euler --network gain:delta=1,file=up.txt", "not both"),
        ("eval --sampler euler --network gain:file=none.csv", "no such file 'none.csv'"),
        ("eval --sampler euler --network gain:file=up.txt", "up.txt: no column delta: each row is"),
        (
            "eval --sampler euler --network guided:w=NaN,class=cifar10",
            "w = 'NaN' is not a finite number",
        ),
        (
            "eval --sampler euler --network guided:w=2,class=white:d=9",
            "has learnt 9 eigenvectors (white:d=9), but the data have 3072",
        ),
        ("eval --sampler euler --network guided:w=2,class=none.npy", "no such file 'none.npy'"),
        (
            "eval --sampler euler --network guided:w=2,class=cifar10,interval=2-1",
            "interval = '2-1' is not LO-HI",
        ),
        (
            "eval --sampler heun --network guided:w=2,class=cifar10,rule=cfg++",
            "one evaluation per step",
        ),
        (
            "eval --sampler euler --network early-stopped:tau=-1",
            "tau = '-1' is not a number of at least 0",
        ),
        (
            "eval --sampler euler --network samples:n=0",
            "n = '0' is not a whole number of at least 1",
        ),
        (
            "rank --network samples:n=9",
            "eigenvectors of its own, so that there is no law per eigenvalue: only eval",
        ),
        (
            "eval --sampler euler --init exact --network samples:n=9",
            "use --init normal, or draw one training set",
        ),
        (
            "eval --sampler em --spectrum white:d=5000 --network samples:n=9,draw=1",
            "of 5000 dimensions: at most 4096",
        ),
        ("eval --sampler eulr", "unknown sampler 'eulr': did you mean 'euler'?"),
        ("table --sampler em,huen", "unknown sampler 'huen': did you mean 'heun'?"),
        ("table --process vplinear", "unknown process 'vplinear': did you mean 'vp-linear'?"),
        ("table --grid unifrm", "unknown grid 'unifrm': did you mean 'uniform'?"),
        ("table --spectrum cifar", "unknown spectrum 'cifar': did you mean 'cifar10'?"),
        ("table --metric kl-revers", "unknown metric 'kl-revers': did you mean 'kl-reverse'?"),
        ("table --init nromal", "unknown init 'nromal': did you mean 'normal'?"),
        ("table --format jsn", "unknown format 'jsn': did you mean 'json'?"),
        ("table --fromat json", "unknown option '--fromat': did you mean '--format'?"),
        ("tabel", "unknown command 'tabel': did you mean 'table'?"),
        ("curve --against tim", "unknown value 'tim' of --against: did you mean 'time'?"),
        ("list sampler", "unknown value 'sampler' of [WHAT]: did you mean 'samplers'?"),
        ("completions fsh", "unknown value 'fsh' of <SHELL>: did you mean 'fish'?"),
        ("table extra", "unknown argument 'extra'"),
        ("table --count words", "(known: points, steps, nfe)"),
        ("eval --sampler heun:fina=euler", "no parameter 'fina': did you mean 'final'?"),
        ("eval --sampler euler:x=1", "'euler' has no parameter 'x'"),
        ("eval --sampler heun:final=rk4", "'rk4' is not one of heun, euler"),
        ("eval --sampler heun:euler,final=euler", "got final twice"),
        ("table --process edm:sigma_max=-3", "sigma_max = '-3' is not a positive number"),
        ("table --process vp:beta_min=0,beta_max=0", "no noise is ever added"),
        ("table --spectrum white:d=0", "d = '0' is not a whole number of at least 1"),
        ("table --spectrum power-law:alpha=1", "'power-law' needs d=…"),
        ("table --spectrum spiked:d=2,rank=5", "rank = 5 is larger than d = 2"),
        ("table --init normal:std=-1", "'-1' is not a positive number"),
        ("table --grid times", "'times' needs file=…"),
        ("table --grid times:nosuch.txt", "no such file 'nosuch.txt'"),
        ("eval --sampler euler --grid times:up.txt", "times must decrease"),
        ("eval --sampler euler --grid times:t.txt --steps 5", "5 were asked for"),
        ("eval --sampler euler --grid times:t.txt --eps 0.1", "0.1 was asked for"),
        ("curve --against eps --grid times:t.txt", "not times:FILE"),
        ("curve --eps 1e-3,1e-2", "takes a single --eps"),
        ("eval --sampler em --steps 3 --nfe 4", "cannot be used with"),
        ("table --steps 3 --count nfe", "cannot be used with"),
        ("table --steps 3 --columns 4", "cannot be used with"),
        ("table --paper --nfe 50", "cannot be used with"),
        ("eval", "required arguments were not provided: --sampler <NAME>"),
        ("completions", "required arguments were not provided: <SHELL>"),
        ("eval --sampler euler -o out.foo", "known: .txt, .md, .tex, .csv, .json"),
        ("eval --sampler euler -o out", "give a format with --format"),
    ] {
        assert_refused(&folder, &line.split_whitespace().collect::<Vec<_>>(), expected);
    }
    for (arguments, expected) in [
        (["table", "--sampler", ""], "--sampler is an empty list"),
        (["table", "--sampler", ","], "--sampler is an empty list"),
        (["table", "--init", ""], "--init is an empty list"),
        (["table", "--eps", ""], "not a number"),
        (["table", "--columns", ""], "not a whole number"),
        (["table", "--nfe", ","], "not a whole number"),
        (["table", "--spectrum", ""], "unknown spectrum ''"),
        (["table", "--sampler", "two\nlines"], "unknown sampler 'two lines'"),
        (["table", "--two\nlines", "x"], "unknown option '--two lines'"),
    ] {
        assert_refused(&folder, &arguments, expected);
    }
}

#[test]
fn bad_files_get_one_line() {
    let folder = Folder::empty();
    let pickle = npy("'|O'", "(1,)", b"\x80\x04N.");
    folder.write("object.npy", pickle);
    folder.write("complex.npy", npy("'<c16'", "(1,)", &[0; 16]));
    folder.write("structured.npy", npy("[('a', '<f8'), ('b', '<i4')]", "(1,)", &[0; 12]));
    folder.write("nan.npy", npy_f64(&[1.0, f64::NAN]));
    folder.write("infinite.npy", npy_f64(&[f64::INFINITY]));
    folder.write("negative.npy", npy_f64(&[1.0, -0.5]));
    folder.write("empty.npy", npy_f64(&[]));
    folder.write("matrix.npy", npy("'<f8'", "(2, 2)", &[0; 32]));
    folder.write("cut.npy", &npy_f64(&[1.0, 2.0])[..80]);
    folder.write("words.txt", "1\ntwo\n");
    folder.write("nan.csv", "eigenvalue,multiplicity\n1,nan\n");
    folder.write("broken.json", "{\"eigenvalue\": [1, }");
    fs::create_dir(folder.path("folder.npy")).unwrap();
    for (file, expected) in [
        ("nosuch.npy", "no such file 'nosuch.npy'"),
        ("nosuch/s", "no such file 'nosuch/s'"),
        ("object.npy", "object.npy: holds Python objects"),
        ("complex.npy", "complex.npy: type '<c16' is not a float or integer"),
        ("structured.npy", "structured.npy: type 'structured' is not a float or integer"),
        ("nan.npy", "nan.npy: eigenvalue 1 is NaN"),
        ("infinite.npy", "infinite.npy: eigenvalue 0 is inf"),
        ("negative.npy", "not a covariance"),
        ("empty.npy", "no eigenvalues"),
        ("matrix.npy", "expected a 1-D array of eigenvalues, found shape (2, 2)"),
        ("cut.npy", "truncated"),
        ("words.txt", "line 2: 'two' is not a number"),
        ("nan.csv", "nan.csv: multiplicity 0 is NaN"),
        ("broken.json", "broken.json: not a valid json file"),
        ("folder.npy", "folder.npy"),
    ] {
        for command in ["table", "curve", "modes", "eval --sampler em"] {
            let line = format!("{command} --spectrum {file}");
            assert_refused(&folder, &line.split_whitespace().collect::<Vec<_>>(), expected);
        }
    }
    assert_refused(&folder, &["table", "--grid", "times:nan.npy"], "time 1 is NaN");
}

#[test]
fn version_and_completions() {
    let folder = Folder::empty();
    assert_eq!(folder.stdout("--version"), concat!("gaussmeter ", env!("CARGO_PKG_VERSION"), "\n"));
    for shell in ["bash", "zsh", "fish"] {
        let script = folder.stdout(&format!("completions {shell}"));
        for word in ["gaussmeter", "table", "spectrum", "show-nfe"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    // Without a command: the help, as an error.
    let ran = folder.run("");
    assert_eq!((ran.code, &ran.stdout[..]), (2, ""));
    assert_eq!(ran.stderr, folder.stdout("-h"));
}

#[test]
fn every_example_in_the_help_runs() {
    let mut seen = 0;
    for command in COMMANDS {
        let folder = Folder::empty();
        folder.write("my.npy", npy_f64(&LAMBDAS));
        let help = folder.stdout(&format!("{command} --help"));
        assert_eq!(help, folder.stdout(&format!("{command} -h")), "one help, short enough");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
        let (_, examples) = help.split_once("\nExamples:\n").expect(command);
        for line in examples.lines().take_while(|l| !l.is_empty()) {
            let example = line.trim().strip_prefix("gaussmeter ").expect(line);
            // What it does follows after a wide space.
            let example = example.split("  ").next().unwrap();
            // A server runs until it is interrupted.
            if example.contains(['|', '>']) || example.starts_with("serve") {
                continue;
            }
            seen += 1;
            // An export tells what it costs.
            let stdout = match command == "export" || example.starts_with("export ") {
                true => folder.run(example).stdout,
                false => folder.stdout(example),
            };
            let file = example.split_once("-o ").map(|(_, f)| f.split(' ').next().unwrap());
            assert_eq!(stdout.is_empty(), file.is_some(), "{example}");
            if let Some(file) = file {
                assert!(!folder.bytes(file).is_empty(), "{example}");
            }
        }
    }
    assert!(seen >= 20, "{seen} examples");
}

#[test]
fn lists_name_everything_that_can_be_used() {
    let folder = Folder::empty();
    let document = folder.json("list");
    let entries = list(&document["entries"]);
    let known = |family: &str| -> Vec<&str> {
        let members = entries.iter().filter(|e| e["family"] == family);
        members.map(|e| text(&e["name"])).collect()
    };
    assert_eq!(known("sampler"), gaussmeter::sampler::registry().names());
    assert_eq!(known("process"), gaussmeter::process::registry().names());
    assert_eq!(known("grid"), gaussmeter::grid::registry().names());
    assert_eq!(known("spectrum"), gaussmeter::data::registry().names());
    assert_eq!(known("init"), gaussmeter::exact::init_registry().names());
    assert_eq!(known("metric"), gaussmeter::metric::registry().names());
    let rules = gaussmeter::network::conditioning::registry().names();
    assert_eq!(known("conditioning"), rules);
    assert_eq!(known("target"), gaussmeter::export::registry().names());

    let is_edm = |e: &&Value| e["family"] == "process" && e["name"] == "edm";
    let edm = entries.iter().find(is_edm).unwrap();
    let parameter = &edm["parameters"][0];
    assert_eq!((text(&parameter["name"]), text(&parameter["default"])), ("sigma_max", "80"));
    assert_eq!(parameter["expected"], "a positive number");

    assert_eq!(folder.stdout("samplers"), folder.stdout("list samplers"));
    let printed = folder.stdout("list");
    for entry in entries {
        let name = text(&entry["name"]);
        assert!(rows(&printed).iter().any(|r| r.split(' ').next() == Some(name)), "no {name}");
    }
    for line in printed.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(folder.stdout("list --format csv").lines().count(), 1 + entries.len());
}

/// The program of a sampler in all formats, run again from its document.
#[test]
fn programs_are_shown_and_run_again() {
    let folder = Folder::empty();
    let text = folder.stdout("show heun --steps 2 --process edm:sigma_max=2 --eps 0.5");
    assert!(rows(&text).contains(&"y1 = x0 - 0.750000 v1a".into()), "{text}");
    let printed = rows(&text);
    let last = "x2 = x1 - 0.375000 v2a - 0.375000 v2b 0.500000 1.00000 0.500000";
    assert!(printed.contains(&last.into()), "{text}");
    assert!(printed.contains(&"1 v1a = velocity(x0) 2.00000 1.00000 2.00000".into()), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for sampler in ["heun", "ddim:eta=0.5", "dpmpp-3m-sde", "dpmpp-sde", "edm:s_churn=3", "lms"] {
        let run = "--process edm --grid karras --steps 6 --spectrum spiked:d=10,rank=3";
        let setting = run.split(" --spectrum").next().unwrap();
        folder.stdout(&format!("show {sampler} {setting} -o program.json"));
        let direct = folder.w2(&format!("eval --sampler {sampler} {run}"));
        assert_eq!(folder.w2(&format!("eval --sampler plan:program.json {run}")), direct);
        let document: Value = serde_json::from_str(&folder.read("program.json")).unwrap();
        assert_eq!((&document["command"], &document["schema"]), (&"show".into(), &1.into()));
        assert_eq!(list(&document["grid"]).len(), 7);
        let csv = folder.stdout(&format!("show {sampler} {setting} --format csv"));
        let start = "step,op,result,kind,vector,coefficient,t,alpha,sigma\n";
        assert!(csv.starts_with(start) && csv.lines().count() > 12, "{csv}");
    }
    for (line, expected) in [
        ("--steps 5", "undefined at step 1 of 5: the program was recorded for 6 steps, not 5"),
        (
            "--steps 6 --eps 0.1",
            "undefined at step 1 of 6: the program was recorded with another process or grid: t is 80 \
             there and 1 here, at t = 80",
        ),
    ] {
        let ran = folder.run(&format!("eval --sampler plan:program.json {line}"));
        let start = "error: sampler 'plan:file=program.json': ";
        assert_eq!((ran.code, ran.stderr), (1, format!("{start}{expected}\n")));
    }
    let damaged = folder.read("program.json").replacen("\"of\": \"x0\"", "\"of\": \"x9\"", 1);
    folder.write("damaged.json", damaged);
    let ran = folder.run("eval --sampler plan:damaged.json");
    assert_eq!(
        (ran.code, &ran.stderr[..]),
        (
            1,
            "error: sampler 'plan': damaged.json: operation 1: 'x9' is not defined before \
             this operation\n"
        )
    );
}

#[test]
fn citations_are_bibtex() {
    let folder = Folder::empty();
    let keys = |line: &str| {
        let text = folder.stdout(line);
        let keys = text.lines().filter_map(|l| l.strip_prefix('@')?.split_once('{'));
        keys.map(|(_, key)| key.trim_end_matches(',').to_string()).collect::<Vec<_>>()
    };
    assert_eq!(keys("cite"), ["gaussmeter", "pierret2025diffusion"]);
    let all = keys("cite heun,dpmpp-2m --process edm:sigma_max=3 --grid karras --metric w2");
    for key in ["karras2022elucidating", "lu2022dpmpp", "kdiffusion", "diffusers"] {
        assert_eq!(all.iter().filter(|k| *k == key).count(), 1, "{all:?}");
    }
    let ran = folder.run("cite hein");
    assert_eq!(
        (ran.code, &ran.stderr[..]),
        (2, "error: unknown sampler 'hein': did you mean 'heun'?\n")
    );
}

#[test]
fn latex_compiles() {
    let folder = Folder::empty();
    let mut needed = BTreeSet::new();
    let mut body = String::new();
    for line in [
        "table",
        "table --paper",
        "table --nfe 24,48 --show-nfe",
        "eval --sampler heun --modes --eps 0 --spectrum spiked:d=10,rank=3",
        "modes --sampler em,heun",
        "curve --nfe 100",
        "curve --against eps --nfe 100",
        "show dpmpp-sde --steps 3",
        "list",
    ] {
        let latex = folder.stdout(&format!("{line} --format latex"));
        needed.extend(latex.lines().filter_map(|l| l.strip_prefix("% needs ")).map(String::from));
        body.push_str(&latex);
        body.push_str("\\clearpage\n");
    }
    let preamble: String = needed.iter().map(|n| format!("{n}\n")).collect();
    folder.write(
        "all.tex",
        format!(
            "\\documentclass{{article}}\n{preamble}\
             \\begin{{document}}\n{body}\\end{{document}}\n"
        ),
    );
    let is_found = |package: &str| {
        let found = Command::new("kpsewhich").arg(format!("{package}.sty")).output();
        found.is_ok_and(|o| o.status.success())
    };
    let packages = preamble.split(['{', '}', ',']).map(str::trim);
    let names = packages.filter(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric()));
    if let Some(missing) = names.into_iter().find(|p| !is_found(p)) {
        skipped(&format!("no LaTeX with {missing}"));
        return;
    }
    let mut pdflatex = Command::new("pdflatex");
    pdflatex.args(["-interaction=nonstopmode", "-halt-on-error", "all.tex"]);
    let output = pdflatex.current_dir(folder.path("")).stdin(Stdio::null()).output().unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && Path::new(&folder.path("all.pdf")).exists(), "{log}");
}
