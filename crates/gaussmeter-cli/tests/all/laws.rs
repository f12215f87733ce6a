//! Laws that are not Gaussian, as their user sees them: `empirical`, `separable`, and labels.

use crate::common::Folder;
use crate::common::files::{f64s, noise, npy};
use std::fs;

/// Grey pictures of 4x4.
fn pictures(folder: &Folder, count: usize) {
    fs::create_dir_all(folder.path("pictures")).unwrap();
    for (k, pixels) in noise(count * 16).chunks(16).enumerate() {
        let level = |v: &f64| (120.0 + 50.0 * (k % 2) as f64 + 40.0 * v) as u8;
        let mut bytes = b"P5 4 4 255\n".to_vec();
        bytes.extend(pixels.iter().map(level));
        folder.write(&format!("pictures/{k:02}.pgm"), bytes);
    }
}

/// The document of a command that also tells what it has read.
fn json(folder: &Folder, line: &str) -> serde_json::Value {
    let ran = folder.run(&format!("{line} --format json"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

const LAW: &str = r#"{"coordinates": [
    {"weights": [0.3, 0.7], "means": [-1, 1], "stds": [0.4, 0.5]},
    {"weights": [1], "means": [0.2], "stds": [0.1], "copies": 3}]}"#;

#[test]
fn from_samples_to_a_verification() {
    let folder = Folder::empty();
    pictures(&folder, 30);
    let ran = folder.run("empirical pictures -o my-samples.npz");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in ["30 samples", "16", "3.8 KiB of memory"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    // The Gaussian of the whole for every other command: the spectrum of the same pictures.
    folder.run("spectrum pictures -o known.npz");
    let trace =
        |file: &str| folder.json(&format!("info {file}"))["spectrum"]["trace"].as_f64().unwrap();
    assert!((trace("my-samples.npz") / trace("known.npz") - 1.0).abs() < 1e-12);
    let line = "verify --data my-samples.npz --sampler ddim,edm --grid karras --steps 4,20 --starts 12 --reference 60";
    let checks = folder.json(line)["checks"].clone();
    let checks = checks.as_array().unwrap();
    assert_eq!(checks.len(), 4);
    // Outputs are samples: 20 steps reach those of the fine solution, 4 some others.
    let rms: Vec<f64> = checks.iter().map(|c| c["rms"].as_f64().unwrap()).collect();
    assert!(rms.iter().all(|r| r.is_finite()) && rms[0] > rms[1] && rms[2] > rms[3], "{rms:?}");
    // A part of them.
    let json = json(&folder, "empirical pictures --samples 7 --seed 2");
    assert_eq!((json["samples"].as_u64(), json["total"].as_u64()), (Some(7), Some(30)));
}

#[test]
fn from_a_law_to_a_verification() {
    let folder = Folder::empty();
    pictures(&folder, 40);
    folder.write("law.json", LAW);
    let ran = folder.run("separable law.json -o my-law.npz");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in ["(d = 4)", "0.300 0.700", "1 of 4 coordinates have more than one component"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(folder.stdout("info my-law.npz").contains('4'));
    let line = "verify --data my-law.npz --sampler ddim --grid karras --steps 5,20 --starts 12 --reference 60";
    let checks = folder.json(line)["checks"].clone();
    let exact: Vec<f64> =
        checks.as_array().unwrap().iter().map(|c| c["exact_w2"].as_f64().unwrap()).collect();
    assert!(exact.len() == 2 && exact[1] < exact[0], "{exact:?}");
    // Not that of the Gaussian of the whole.
    assert!((checks[1]["w2"].as_f64().unwrap() / exact[1] - 1.0).abs() > 0.01, "{checks}");
    // Narrow modes: large steps of higher order exchange starts, those of first order never.
    folder.write(
        "apart.json",
        r#"{"coordinates": [{"weights": [0.5, 0.5], "means": [-1, 1], "stds": [0.05, 0.05]}]}"#,
    );
    folder.run("separable apart.json -o apart.npz");
    let line = "verify --data apart.npz --sampler edm,ddim,em --grid karras --steps 6 --starts 12 --reference 60 --samples 100";
    let text = folder.stdout(line);
    for part in ["W2 to the data", "no exact W2: edm, karras, 6 steps: outputs are not in"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(folder.stdout(&format!("{line} --format csv")).lines().count(), 4);
    // Fitted to pictures: their moments.
    let json = json(&folder, "separable pictures");
    assert_eq!(json["dim"], 16);
    folder.run("separable pictures -o fitted.npz");
    folder.run("spectrum pictures -o known.npz");
    let trace =
        |file: &str| folder.json(&format!("info {file}"))["spectrum"]["trace"].as_f64().unwrap();
    assert!((trace("fitted.npz") / trace("known.npz") - 1.0).abs() < 1e-9);
}

#[test]
fn one_clear_line_where_it_cannot_be_done() {
    let folder = Folder::empty();
    pictures(&folder, 12);
    folder.write("values.npy", npy("<f8", "(3,)", &f64s(&[1.0; 3])));
    folder.write("law.json", LAW);
    for (name, from, to) in [
        ("nan.json", "0.3, 0.7", "0.3, null"),
        ("sum.json", "0.3, 0.7", "0.3, 0.3"),
        ("zero.json", "0.3, 0.7", "0, 0"),
        ("negative.json", "0.3, 0.7", "-0.3, 1.3"),
        ("length.json", "-1, 1", "-1"),
        ("word.json", "means", "meens"),
        ("none.json", "\"copies\": 3", "\"copies\": 0"),
    ] {
        folder.write(name, LAW.replacen(from, to, 1));
    }
    assert_eq!(folder.run("empirical pictures -o e.npz").code, 0);
    assert_eq!(folder.run("separable law.json -o s.npz").code, 0);
    let before = fs::read_dir(folder.path("")).unwrap().count();
    for (line, code, message) in [
        ("empirical pictures --samples 13 -o x.npz", 1, "13 samples of 12: at least 1"),
        ("empirical pictures --seed 1 -o x.npz", 2, "--samples"),
        (
            "empirical pictures --memory 1K -o x.npz",
            1,
            "allow more with --memory, or take fewer with --samples",
        ),
        ("empirical values.npy -o x.npz", 1, "give the samples themselves"),
        ("empirical pictures -o x.txt", 2, "spectra are .npz files"),
        ("empirical none -o x.npz", 1, "none"),
        ("separable nan.json -o x.npz", 1, "nan.json: "),
        ("separable sum.json -o x.npz", 1, "coordinate 0: the weights sum to 0.6, not to 1"),
        ("separable zero.json -o x.npz", 1, "coordinate 0: weight 0 is 0"),
        ("separable negative.json -o x.npz", 1, "coordinate 0: weight 0 is -0.3"),
        ("separable length.json -o x.npz", 1, "coordinate 0: 2 weights, 1 means and 2 standard"),
        ("separable word.json -o x.npz", 1, "unknown field `meens`"),
        ("separable none.json -o x.npz", 1, "coordinate 1: 0 copies"),
        ("separable gone.json -o x.npz", 1, "gone.json"),
        ("separable pictures -o x.npz", 1, "12 samples: at least 20"),
        ("separable values.npy -o x.npz", 1, "give the samples themselves"),
        ("sample e.npz -o x.png", 1, "a data set, not one Gaussian"),
        ("sample s.npz -o x.png", 1, "mixtures along its coordinates, not one Gaussian"),
        ("mixture pictures --labels id -o x.npz", 1, "--labels has no effect on pictures"),
        ("mixture pictures --labels id --clusters 2 -o x.npz", 2, "--clusters"),
        ("verify --data e.npz --starts 1", 1, "at least 2 starts"),
    ] {
        let ran = folder.run(line);
        let errors: Vec<&str> = ran.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!((ran.code, errors.len()), (code, 1), "{line}: {}", ran.stderr);
        assert!(errors[0].contains(message), "{line}: {}", errors[0]);
    }
    // Nothing half-written.
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), before);
}

#[test]
fn every_example_in_the_help_is_short_enough() {
    let folder = Folder::empty();
    for command in ["mixture", "empirical", "separable"] {
        for line in folder.stdout(&format!("{command} --help")).lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
}

/// A class with eigenvectors of its own takes dense matrices; without them, classes are matched by order.
#[test]
fn guidance_to_a_class_with_its_own_eigenvectors() {
    let folder = Folder::empty();
    pictures(&folder, 40);
    fs::create_dir_all(folder.path("class")).unwrap();
    for k in (0..40).step_by(2) {
        let name = format!("{k:02}.pgm");
        fs::copy(folder.path(&format!("pictures/{name}")), folder.path(&format!("class/{name}")))
            .unwrap();
    }
    assert_eq!(folder.run("spectrum pictures --basis -o all.npz").code, 0);
    assert_eq!(folder.run("spectrum class --basis -o class.npz").code, 0);
    let line = |class: &str, more: &str| {
        format!(
            "eval --spectrum all.npz --sampler heun --steps 8 --network guided:w=2,class={class}{more}"
        )
    };
    let dense = json(&folder, &line("class.npz", ""));
    assert_eq!(dense["dense"], true);
    assert!(dense["turned"].as_f64().unwrap() > 0.1, "{dense}");
    let number = |document: &serde_json::Value, key: &str| document[key].as_f64().unwrap();
    assert!(number(&dense, "w2_to_continuous") > 0.0);
    // Eigenvalues alone say less.
    folder.run("spectrum class -o eigenvalues.npz");
    let matched = folder.run(&line("eigenvalues.npz", " --format json"));
    assert!(matched.stderr.contains("the same eigenvectors"), "{}", matched.stderr);
    let matched: serde_json::Value = serde_json::from_str(&matched.stdout).unwrap();
    let apart = number(&dense, "variance_ratio") / number(&matched, "variance_ratio") - 1.0;
    assert!(apart.abs() > 1e-3, "{apart}");
    // The class itself, guided or not, has its own eigenvectors.
    let own = json(
        &folder,
        "eval --spectrum class.npz --sampler heun --steps 8 --network guided:w=5,class=class.npz",
    );
    assert!(number(&own, "turned") < 1e-10);
    let exact = folder.json("eval --spectrum class.npz --sampler heun --steps 8");
    let off = number(&own, "w2") / number(&exact, "w2") - 1.0;
    assert!(off.abs() < 1e-6, "{off}");
    for (more, says) in [(",rule=cfg++", "cfg++"), (" --modes", "no law per eigenvalue")] {
        let refused = folder.run(&line("class.npz", more));
        assert!(refused.code != 0 && refused.stderr.contains(says), "{}", refused.stderr);
    }
    let text = folder.run(&line("class.npz", "")).stdout;
    assert!(text.contains("W2 to the class") && text.contains("by dense matrices"), "{text}");
}
