//! `mixture` and `verify` as their user sees them.

use crate::common::Folder;
use crate::common::files::noise;
use std::fs;

/// Two classes of grey pictures of 4x4.
fn pets(folder: &Folder) {
    let values = noise(2 * 30 * 16);
    for (k, pixels) in values.chunks(16).enumerate() {
        let class = ["cat", "dog"][k % 2];
        fs::create_dir_all(folder.path(&format!("pets/{class}"))).unwrap();
        let level = |v: &f64| (70.0 + 110.0 * (k % 2) as f64 + 50.0 * v) as u8;
        let mut bytes = b"P5 4 4 255\n".to_vec();
        bytes.extend(pixels.iter().map(level));
        folder.write(&format!("pets/{class}/{k}.pgm"), bytes);
    }
}

#[test]
fn from_pictures_to_a_verification() {
    let folder = Folder::empty();
    pets(&folder);
    let ran = folder.run("mixture pets -o my-classes.npz");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in ["cat", "dog", "50.0%", "30", "variance of the whole", "2 classes (d = 16)"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    // The Gaussian of the whole for every other command.
    assert!(folder.stdout("info my-classes.npz").contains("16"));
    folder.stdout(
        "tune --spectrum my-classes.npz --sampler dpmpp-2m --nfe 6 --starts 2 --save times.txt",
    );
    let line = "verify --data my-classes.npz --sampler dpmpp-2m,edm,euler-ancestral,ddpm --grid karras,exponential,sigmas:times.txt --steps 4,6 --starts 40 --samples 48 --reference 80";
    let text = folder.stdout(line).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "sigmas:file=times.txt",
        "same class",
        "rank correlation (Spearman)",
        "classes off",
        "48 samples on my-classes.npz (2 classes, d = 16)",
        "which takes 64 samples or more (--samples)",
        "bands of eigenvalues: RMS distance to the solution, or W2 of moments",
        "the scheme is defined for variance-preserving processes",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = folder.json(line);
    // Times from a file have one length.
    assert_eq!(json["checks"].as_array().unwrap().len(), 15);
    let of = |rule: &str| {
        let all = json["checks"].as_array().unwrap();
        let is = |c: &&serde_json::Value| {
            c["grid_rule"] == rule && c["sampler"] == "dpmpp-2m" && c["steps"] == 6
        };
        all.iter().find(is).unwrap()["rms"].as_f64().unwrap()
    };
    assert!(of("karras") > 0.0 && of("sigmas:file=times.txt") > 0.0);
    assert_eq!(folder.json(line), json);
    // With a factor on the score: the fine solution is that of the exact network, so that more is left.
    let with = "verify --data my-classes.npz --sampler edm --grid karras,optimised:network=asked --steps 9 --starts 24 --reference 80 --network gain:delta=";
    let rms = |delta: &str| {
        let checks = folder.json(&format!("{with}{delta}"))["checks"].clone();
        [0, 1].map(|k| checks[k]["rms"].as_f64().unwrap())
    };
    let (exact, off) = (rms("0"), rms("-0.1"));
    assert!(off[0] > 1.5 * exact[0] && off[1] < 0.5 * off[0], "{exact:?} {off:?}");
    assert!(
        folder.stdout(&format!("{with}-0.1")).contains("samplers call the network gain:delta=-0.1")
    );
    let refused = folder.run("verify --data my-classes.npz --network shrunk:rho=0.1");
    assert!(
        refused.code == 1 && refused.stderr.contains("their own network"),
        "{}",
        refused.stderr
    );
    let noisy = &json["checks"][12];
    assert_eq!(noisy["sampler"], "euler-ancestral");
    assert!(noisy["moments"]["variances"]["w2"].as_f64().unwrap() > 0.0);
    assert!(noisy["moments"]["covariances"].is_null() && noisy["rms"].is_null());
    let full = folder.json("verify --data my-classes.npz --sampler euler-ancestral --grid karras --steps 4 --samples 64");
    assert!(full["checks"][0]["moments"]["covariances"]["w2"].as_f64().unwrap() > 0.0);
    assert_eq!(full["fine_solutions"].as_array().unwrap().len(), 0);
    assert_eq!(folder.stdout(&format!("{line} --format csv")).lines().count(), 21);
    // Another seed, other starts.
    assert_ne!(folder.json(&format!("{line} --seed 1"))["checks"], json["checks"]);
    // Clusters of the same pictures.
    let ran = folder.run("mixture pets --clusters 2 --seed 3 --format json");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((json["schema"].as_i64(), json["classes"].as_array().unwrap().len()), (Some(1), 2));
}

#[test]
fn one_clear_line_where_it_cannot_be_done() {
    let folder = Folder::empty();
    pets(&folder);
    folder.write(
        "values.npy",
        crate::common::files::npy("<f8", "(3,)", &crate::common::files::f64s(&[1.0; 3])),
    );
    assert_eq!(folder.run("mixture pets -o m.npz").code, 0);
    for (line, code, message) in [
        ("mixture pets/cat", 1, "nothing says which class each sample is of"),
        ("mixture pets --clusters 31", 1, "at most half of the samples"),
        ("mixture pets --seed 1", 2, "--clusters"),
        ("mixture values.npy", 1, "give the samples themselves"),
        ("mixture pets -o m.txt", 2, "spectra are .npz files"),
        ("verify --data values.npy", 1, "gaussmeter mixture DATA -o my-classes.npz makes one"),
        ("verify --data none.npz", 1, "none.npz"),
        ("verify --data m.npz --sampler em --samples 0", 1, "at least 16 samples"),
        ("verify --data m.npz --sampler em --samples many", 2, "not a whole number"),
        ("verify --data m.npz --sampler ddpm", 1, "variance-preserving processes"),
        ("verify --data m.npz --starts 1", 1, "at least 2 starts"),
        ("verify --data m.npz --reference 3", 1, "at least 8 steps of the fine solution"),
        ("verify --data m.npz --steps 0", 1, "0 steps leaves no step"),
        ("verify --data m.npz --grid karas", 2, "did you mean 'karras'?"),
        ("sample m.npz -o m.png", 1, "a mixture of Gaussians, not one"),
    ] {
        let ran = folder.run(line);
        let errors: Vec<&str> = ran.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!((ran.code, errors.len()), (code, 1), "{line}: {}", ran.stderr);
        assert!(errors[0].contains(message), "{line}: {}", errors[0]);
    }
}
