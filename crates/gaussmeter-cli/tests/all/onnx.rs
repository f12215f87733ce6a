//! Trained networks as their user sees them.

use crate::common::Folder;
use crate::common::files::{noise, picture};
use std::fs;
use std::path::Path;

/// Classes of grey pictures of 4x4, their law and spectrum, and a network that takes them for white noise.
fn pets() -> Folder {
    let folder = Folder::empty();
    let values = noise(2 * 30 * 16);
    for (k, pixels) in values.chunks(16).enumerate() {
        let class = ["cat", "dog"][k % 2];
        fs::create_dir_all(folder.path(&format!("pets/{class}"))).unwrap();
        let level = |v: &f64| (70.0 + 110.0 * (k % 2) as f64 + 50.0 * v) as u8;
        let mut bytes = b"P5 4 4 255\n".to_vec();
        bytes.extend(pixels.iter().map(level));
        folder.write(&format!("pets/{class}/{k}.pgm"), bytes);
    }
    for line in ["mixture pets -o law.npz", "spectrum pets --basis -o pets.npz"] {
        let ran = folder.run(line);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let network =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../gaussmeter-onnx/tests/fixtures/white.onnx");
    folder.write("net.onnx", fs::read(network).unwrap());
    folder
}

#[test]
fn verify_tries_it_beside_the_exact_network() {
    let folder = pets();
    let line = "verify --data law.npz --sampler edm,dpmpp-2m,euler-ancestral --grid karras --steps 6,12 --starts 24 --samples 64 --reference 80";
    let with = format!("{line} --network onnx:net.onnx");
    let (json, exact) = (folder.json(&with), folder.json(line));
    assert_eq!(json["trained_network"], "onnx:file=net.onnx");
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 6);
    for (check, own) in checks.iter().zip(exact["checks"].as_array().unwrap()) {
        let of_exact = match own["rms"].as_f64() {
            Some(rms) => rms,
            None => own["moments"]["covariances"]["w2"].as_f64().unwrap(),
        };
        // From the same starts, and the network is another one.
        assert_eq!(check["exact_network"].as_f64(), Some(of_exact));
        let is_other = check["rms"] != own["rms"] || check["moments"] != own["moments"];
        assert!(is_other, "{check}");
        assert_eq!(check["w2"], own["w2"]);
    }
    assert!(json["rank_correlation_with_exact_network"].is_f64());
    let text = folder.stdout(&with).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["exact network", "samplers call onnx:file=net.onnx", "that of its own ODE"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // In every batch size the same network, up to rounding of 32-bit floats.
    let other = folder.json(&format!("{with},batch=7"));
    let rms = |json: &serde_json::Value| json["checks"][0]["rms"].as_f64().unwrap();
    assert!((rms(&json) / rms(&other) - 1.0).abs() < 1e-3);
    assert_eq!(folder.json(&with), json);
}

/// On a Gaussian: what the steps cost the network, beside what the exact law predicts.
#[test]
fn verify_tries_it_on_the_gaussian_it_was_trained_on() {
    let folder = Folder::empty();
    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/networks");
    folder.write("net.onnx", fs::read(network.join("clouds-edm.onnx")).unwrap());
    let ran = folder.run("texture power-law-field:size=16,alpha=2 -o clouds.npz");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = "verify --data clouds.npz --network onnx:net.onnx --sampler edm,em --grid karras --steps 4,8 --starts 24 --samples 64 --reference 60";
    let json = folder.json(line);
    assert_eq!(json["trained_network"], "onnx:file=net.onnx");
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 4);
    for check in &checks[..2] {
        // It is near the exact network, so what was found is near what that has.
        let (found, predicted) =
            (check["rms"].as_f64().unwrap(), check["gaussian_rms"].as_f64().unwrap());
        assert!((found / predicted - 1.0).abs() < 0.15, "{found} {predicted}");
        assert!(check.get("exact_network").is_none());
    }
    assert!(checks[2]["moments"].is_object(), "{}", checks[2]);
    let text = folder.stdout(line).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("samplers call onnx:file=net.onnx") && !text.contains("exact network"));
    // Of the exact network of a Gaussian everything is known.
    let ran = folder.run("verify --data clouds.npz");
    assert!(ran.code == 1 && ran.stderr.contains("no law that is not Gaussian"), "{}", ran.stderr);
    let ran = folder.run("verify --data clouds.npz --network onnx:none.onnx");
    assert!(ran.code == 1 && ran.stderr.contains("none.onnx"), "{}", ran.stderr);
}

#[test]
fn sample_draws_with_it() {
    let folder = pets();
    let line = "sample pets.npz --sampler edm --process edm --grid karras --steps 8 --count 3";
    let options = ["", " --network onnx:net.onnx", " --network onnx:net.onnx --compare"];
    let all = options.map(|options| {
        let ran = folder.run(&format!("{line}{options} -o samples.npz"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        folder.bytes("samples.npz")
    });
    assert!(all[0] != all[1] && all[1] != all[2]);
    // The archive says what was called.
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(has(&all[1], "network onnx:file=net.onnx") && !has(&all[0], "network"));
}

#[test]
fn score_error_measures_it_and_names_a_network_for_other_commands() {
    let folder = pets();
    let line = "score-error --network onnx:net.onnx --spectrum pets.npz --sampler edm,em --steps 12 --per-level 256 --samples 400 --sigmas 80,30,12,6,3.5,2,1.4,1,0.7,0.5,0.35,0.25,0.18,0.12,0.08,0.05,0.03,0.015,0.007,0.002";
    let json = folder.json(line);
    assert_eq!(
        (json["command"].as_str(), json["levels"].as_array().unwrap().len()),
        (Some("score-error"), 20)
    );
    // White noise of variance λ₀ = 1/4, 3 % too large: g = 1.03 λ₀/(λ₀ + σ²) − λ/(λ + σ²), and all of the error
    // is affine.
    let eigenvalues: Vec<f64> =
        json["eigenvalues"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    for level in json["levels"].as_array().unwrap() {
        let sigma2 = level["sigma"].as_f64().unwrap().powi(2);
        for (k, lambda) in eigenvalues.iter().enumerate() {
            let gain = 1.03 * 0.25 / (0.25 + sigma2) - lambda / (lambda + sigma2);
            let found = level["modes"]["gain"][k].as_f64().unwrap();
            assert!(
                (found - gain).abs() < 1e-5 * (1.0 + gain.abs()),
                "{sigma2} {lambda}: {found} {gain}"
            );
        }
        let part = |name: &str| level["whole"][name]["value"].as_f64().unwrap();
        assert!(part("rest").abs() < 1e-6 * part("squared") + 1e-9, "{level}");
    }
    for run in json["runs"].as_array().unwrap() {
        let value = |key: &str| run["predicted"][key].as_f64().unwrap();
        let sampled = run["sampled"]["w2"].as_f64().unwrap();
        let error = run["sampled"]["standard_error"].as_f64().unwrap();
        assert!((value("value") - sampled).abs() < value("half") + 3.0 * error, "{run}");
        assert!(run["budget"]["score"].as_f64().unwrap() > run["exact"].as_f64().unwrap());
    }
    // Where its score points away from the data it is no multiple of the exact one: what was measured is shown,
    // and no file is made. Nor is one in the place of the network.
    let ran = folder.run(&format!("{line} --save-gain gain.csv"));
    assert!(ran.code == 1 && ran.stderr.contains("-0.032 times the exact one"), "{ran:?}");
    assert!(ran.stdout.contains("path KL") && !folder.path("gain.csv").exists(), "{ran:?}");
    let some = "score-error --network onnx:net.onnx --spectrum pets.npz --per-level 128 --sigmas 80,12,3.5";
    folder.stdout(&format!("{some} --save-gain gain.csv"));
    assert_eq!(folder.read("gain.csv").lines().count(), 4);
    let tuned =
        "tune --spectrum pets.npz --sampler ddim --steps 4 --starts 2 --network gain:file=gain.csv";
    assert!(folder.stdout(tuned).contains("gain:file=gain.csv"));
    let before = folder.bytes("net.onnx");
    let ran = folder.run(&format!("{some} --save-gain net.onnx"));
    assert!(ran.code == 1 && ran.stderr.contains("would be overwritten"), "{ran:?}");
    assert_eq!(before, folder.bytes("net.onnx"));
    let text = folder.stdout(line);
    for part in
        ["path KL between the levels", "the best for this network", "400 drawn with this network"]
    {
        assert!(
            text.split_whitespace().collect::<Vec<_>>().join(" ").contains(part),
            "{part}: {text}"
        );
    }
    assert_eq!(
        folder.stdout(&format!("{line} --format csv")).lines().count(),
        1 + 20 * eigenvalues.len()
    );
}

#[test]
fn linear_networks_and_stochasticities() {
    let folder = Folder::empty();
    let line = "score-error --network gain:delta=-0.05 --spectrum power-law:d=16,alpha=1.5 --per-level 128";
    let json = folder.json(&format!("{line} --sampler ddim,em --eta 0,0.5 --steps 5,8"));
    let samplers: Vec<&str> =
        json["runs"].as_array().unwrap().iter().map(|r| r["sampler"].as_str().unwrap()).collect();
    assert_eq!(samplers, ["ddim", "ddim", "ddim:eta=0.5", "ddim:eta=0.5", "em", "em"]);
    for level in json["levels"].as_array().unwrap() {
        assert!((level["score_gain"]["value"].as_f64().unwrap() + 0.05).abs() < 1e-9, "{level}");
    }
    let ran = folder.run(&format!("{line} --sampler em,edm --eta 0.5"));
    assert!(ran.code == 2 && ran.stderr.contains("--eta has no effect"), "{ran:?}");
    // What was measured stands for the network.
    folder.stdout(&format!("{line} --save-gain gain.csv"));
    let w2 = |network: &str| {
        let eval = "eval --sampler edm --process edm --grid karras --nfe 19 --spectrum power-law:d=16,alpha=1.5";
        folder.json(&format!("{eval} --network {network}"))["w2"].as_f64().unwrap()
    };
    assert!((w2("gain:file=gain.csv") / w2("gain:delta=-0.05") - 1.0).abs() < 1e-9);
    folder.stdout(&format!("{line} -o error.svg"));
    assert!(folder.read("error.svg").contains("Factor on the score"));
}

#[test]
fn what_is_refused_says_what_to_do() {
    let folder = pets();
    folder.write("broken.onnx", &folder.bytes("net.onnx")[..200]);
    for (line, code, message) in [
        ("eval --sampler heun --network onnx:net.onnx", 2, "score-error --save-gain"),
        ("tune --sampler edm --network onnx:net.onnx", 2, "score-error --save-gain"),
        ("verify --data law.npz --network onnx:none.onnx", 1, "no such file 'none.onnx'"),
        ("verify --data law.npz --network onnx:broken.onnx", 1, "truncated"),
        ("verify --data law.npz --network onnx:law.npz", 1, "law.npz: not an ONNX file"),
        ("verify --data law.npz --network onnx:net.onnx,class=1", 1, "no input for a class"),
        ("verify --data law.npz --network onnx:net.onnx,clas=1", 2, "did you mean 'class'?"),
        ("sample pets.npz --network onnx:net.onnx -o s.png", 2, "--sampler"),
        ("sample pets.npz --sampler em --network gain:delta=1 -o s.png", 2, "onnx:FILE"),
        ("score-error --network onnx:net.onnx --spectrum cifar10", 1, "--basis"),
        ("score-error --network onnx:net.onnx --spectrum law.npz", 1, "verify --data"),
        ("score-error --network exact --spectrum cifar10", 1, "all its eigenvalues"),
        (
            "score-error --network guided:w=2,class=white:d=16 --spectrum pets.npz",
            1,
            "guides samples to a class",
        ),
        ("score-error --network exact --spectrum pets.npz --sigmas 1,0", 2, "positive"),
        ("score-error --network exact --spectrum pets.npz --groups 9", 2, "8, 12, 16"),
        ("score-error --network exact --spectrum pets.npz --samples 3", 1, "at least 16"),
    ] {
        let ran = folder.run(line);
        assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{line}: {}", ran.stderr);
        let errors = ran.stderr.lines().filter(|l| l.starts_with("error: ")).count();
        assert_eq!((errors, &ran.stdout[..]), (1, ""), "{line}: {}", ran.stderr);
    }
}

/// Section 5 of the paper in one command, shortened, with the network that is shipped and with one of a picture.
#[cfg(all(unix, feature = "train"))]
#[test]
fn section_5_is_one_command() {
    let folder = Folder::empty();
    folder.write("fabric.png", picture(24, 20, 0));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/section-5.sh");
    for (arguments, of_training) in [(&["a"][..], 0), (&["b", "fabric.png", "8"], 4)] {
        let ran = std::process::Command::new("sh")
            .arg(&script)
            .args(arguments)
            .current_dir(folder.0.path())
            .env("GAUSSMETER", env!("CARGO_BIN_EXE_gaussmeter"))
            .envs([("POINTS", "8"), ("SAMPLES", "16"), ("STEPS", "2")])
            .output()
            .unwrap();
        let (text, error) =
            (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{error}");
        assert!(text.contains("W2 of samples") && text.contains("heun"), "{text}");
        let mut names: Vec<String> = fs::read_dir(folder.path(arguments[0]))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let made = ["em.npz", "em.png", "exact.npz", "heun.npz", "heun.png", "w2.txt"];
        assert!(made.iter().all(|name| names.iter().any(|n| n == name)), "{names:?}");
        assert_eq!(names.iter().filter(|name| name.starts_with("net.")).count(), of_training);
    }
}
