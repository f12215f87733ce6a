//! `train` as its user sees it.

use crate::common::files::{coloured, f64s, noise, npy, picture};
use crate::common::{Folder, words};
use gaussmeter_net::Network;
use std::fs;
use std::process::Stdio;

const SMALL: &str = "train clouds.npz --width 8,8 --batch 16 --held-out 8 --every 20";

impl Folder {
    fn with_clouds() -> Self {
        let folder = Folder::empty();
        let ran = folder.run("texture power-law-field:size=8 -o clouds.npz");
        assert_eq!(ran.code, 0, "{ran:?}");
        folder
    }
    fn weights(&self, name: &str) -> Vec<u32> {
        let network = Network::load(&self.path(name)).unwrap();
        network.weights().iter().map(|w| w.to_bits()).collect()
    }
    /// Ends a training as Ctrl-C does, and returns what it says.
    #[cfg(unix)]
    fn interrupted(&self, line: &str, log: &str) -> String {
        let mut child = self.command(&words(line));
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The first row of the log shows that steps are being made.
        while !self.path(log).exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let id = child.id().to_string();
        let kill = std::process::Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        error
    }
}

#[test]
fn a_model_makes_weights_onnx_and_a_log() {
    let folder = Folder::with_clouds();
    let document = folder.json(&format!("{SMALL} --steps 60 --seed 3 -o net.safetensors"));
    assert_eq!(document["command"], "train");
    assert_eq!(document["steps"], 60);
    let multiple = document["multiple"].as_f64().unwrap();
    assert!((1.0..1.3).contains(&multiple), "{multiple} x floor");
    assert_eq!(document["levels"].as_array().unwrap().len(), 8);
    let log = folder.read("net.csv");
    let steps: Vec<&str> = log.lines().skip(1).map(|l| l.split(',').next().unwrap()).collect();
    assert_eq!(steps, ["20", "40", "60"]);
    let network = Network::load(&folder.path("net.safetensors")).unwrap();
    let command =
        format!("gaussmeter {SMALL} --steps 60 --seed 3 -o net.safetensors --format json");
    assert_eq!((network.about.command, network.about.seed), (command, 3));
    assert!(folder.bytes("net.onnx").len() > folder.bytes("net.safetensors").len() / 2);
    let names: Vec<String> = folder.names().into_iter().collect();
    assert_eq!(names, ["clouds.npz", "net.csv", "net.onnx", "net.safetensors"]);
}

/// In one command, the network of a picture is that of the texture that `texture` makes of it, and the texture is kept.
#[test]
fn a_picture_is_trained_on_as_its_texture() {
    let folder = Folder::empty();
    folder.write("fabric.png", picture(24, 20, 0));
    let small = "--width 8 --batch 8 --held-out 4 --steps 6";
    for size in ["--size 16", "--resize 16 --crop 16"] {
        let how = format!("{size} --periodic --centred --scale unit");
        let ran = folder.run(&format!("train --texture fabric.png {how} {small} -o direct"));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(folder.run(&format!("texture fabric.png {how} -o model.npz")).code, 0);
        let ran = folder.run(&format!("train model.npz {small} -o apart.safetensors"));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(folder.weights("direct.safetensors"), folder.weights("apart.safetensors"));
        assert_eq!(folder.bytes("direct.texture.npz"), folder.bytes("model.npz"));
    }
    let names: Vec<String> = folder.names().into_iter().filter(|n| n.contains("direct")).collect();
    assert_eq!(names, ["direct.csv", "direct.onnx", "direct.safetensors", "direct.texture.npz"]);
    let scored = folder.json(
        "score-error --network onnx:direct.onnx --spectrum direct.texture.npz --sampler ddim --steps 3 --per-level 64 --groups 8",
    );
    assert_eq!(scored["command"], "score-error");
}

/// The model of an earlier training is replaced by nothing that fails, nor by another texture under training that
/// goes on.
#[cfg(unix)]
#[test]
fn a_kept_texture_is_not_lost() {
    let folder = Folder::empty();
    folder.write("fabric.png", picture(24, 20, 0));
    let line = "train --texture fabric.png --size 16 --width 8 --batch 8 --held-out 4 -o net";
    assert_eq!(folder.run(&format!("{line} --steps 2")).code, 0);
    let first = folder.bytes("net.texture.npz");
    folder.write("fabric.png", picture(24, 20, 1));
    for (wrong, code) in [("--batch 0", 2), ("--width 8,8,8,8,8,8", 1), ("--memory 1K", 1)] {
        assert_eq!(folder.run(&format!("{line} {wrong}")).code, code, "{wrong}");
        assert_eq!(folder.bytes("net.texture.npz"), first, "{wrong}");
    }
    // Two pictures of one variance: in the second, red is inverted.
    let red = |i: usize| i.is_multiple_of(3);
    let pixels: Vec<u8> = (0..768).map(|i| ((i * i * 31 + 7 * i) % 251) as u8).collect();
    let inverted = |(i, v): (usize, &u8)| if red(i) { 255 - v } else { *v };
    let other: Vec<u8> = pixels.iter().enumerate().map(inverted).collect();
    folder.write("squares.png", coloured(16, 16, &pixels));
    let begun = "train --texture squares.png --centred --scale none --width 8 --batch 8 --held-out 4 --steps 3000 --every 1 -o net";
    fs::remove_file(folder.path("net.csv")).unwrap();
    folder.interrupted(begun, "net.csv");
    let second = folder.bytes("net.texture.npz");
    assert_ne!(second, first);
    folder.write("squares.png", coloured(16, 16, &other));
    let refused = folder.run(&format!("{begun} --resume"));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("the picture has another one now"), "{refused:?}");
    assert_eq!(folder.bytes("net.texture.npz"), second);
    folder.write("squares.png", coloured(16, 16, &pixels));
    fs::remove_file(folder.path("net.csv")).unwrap();
    let error = folder.interrupted(&format!("{begun} --resume"), "net.csv");
    assert!(error.contains("--resume goes on"), "{error}");
}

/// Interrupted and resumed, on another number of threads, the weights are those of uninterrupted training.
#[cfg(unix)]
#[test]
fn interrupted_training_goes_on_where_it_was() {
    let folder = Folder::with_clouds();
    let line = |more: &str| format!("{SMALL} --steps 400 {more}");
    let command = line("-o a.safetensors");
    let error = folder.interrupted(&command, "a.csv");
    assert!(error.contains("--resume goes on from a.checkpoint.safetensors"), "{error}");
    assert!(!folder.path("a.safetensors").exists());
    let refused = folder.run(&command);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("go on with --resume, or remove it"), "{refused:?}");
    let other = folder.run(&line("--rate 0.5 --resume -o a.safetensors"));
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("the training is rate 0.002"), "{other:?}");

    assert_eq!(folder.run(&line("--resume -o a.safetensors")).code, 0);
    assert!(!folder.path("a.checkpoint.safetensors").exists());
    let whole = line("-o b.safetensors");
    let ran = folder.command(&words(&whole)).env("RAYON_NUM_THREADS", "1").output().unwrap();
    assert!(ran.status.success());
    assert_eq!(folder.weights("a.safetensors"), folder.weights("b.safetensors"));
    assert_eq!(folder.read("a.csv"), folder.read("b.csv"));
    // What makes the same again does not begin with a checkpoint that is gone.
    let onnx = folder.bytes("a.onnx");
    let has = |text: &str| onnx.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("gaussmeter train") && has("-o a.safetensors") && !has("--resume"));
}

/// Samples that changed, or that have other classes, are other data: also where their variance is the same.
#[cfg(unix)]
#[test]
fn training_does_not_go_on_with_other_samples() {
    let folder = Folder::empty();
    fs::create_dir(folder.path("batch")).unwrap();
    let record = |k: usize, class: usize| -> Vec<u8> {
        let bytes = (0..3072).map(move |i| ((i * (k + 7) + k * k * 31) % 251) as u8);
        std::iter::once(class as u8).chain(bytes).collect()
    };
    let write = |classes: &dyn Fn(usize) -> usize, order: &dyn Fn(usize) -> usize| {
        let all: Vec<u8> = (0..20).flat_map(|k| record(order(k), classes(k))).collect();
        folder.write("batch/data_batch_1.bin", all);
    };
    write(&|k| k % 10, &|k| k);
    let line = "train batch --classes --width 8 --batch 2 --held-out 2 --steps 3000 --every 1 -o c";
    folder.interrupted(line, "c.csv");
    write(&|k| if k < 2 { 1 - k } else { k % 10 }, &|k| k);
    let classes = folder.run(&format!("{line} --resume"));
    write(&|k| k % 10, &|k| if k < 2 { 1 - k } else { k });
    let samples = folder.run(&format!("{line} --resume"));
    for refused in [classes, samples] {
        let errors: Vec<&str> =
            refused.stderr.lines().filter(|line| !line.starts_with("note:")).collect();
        assert_eq!((refused.code, errors.len()), (1, 1), "{refused:?}");
        assert!(errors[0].contains("the data is samples and classes of sum"), "{refused:?}");
    }
}

/// Stored samples: no floor, but classes.
#[test]
fn samples_and_their_classes() {
    let folder = Folder::empty();
    folder.write("x.npy", npy("<f8", "(40, 1, 4, 4)", &f64s(&noise(640))));
    let line = "train x.npy --width 8 --steps 4 --batch 8 --held-out 4 -o x.safetensors";
    let ran = folder.run(&format!("{line} --format csv"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let records = ran.stdout.lines().nth(1).unwrap();
    assert_eq!(records.split(',').nth(2), Some(""), "no floor: {records}");
    let refused = folder.run(&format!("{line} --classes"));
    assert!(refused.stderr.contains("nothing says which class"), "{refused:?}");

    fs::create_dir(folder.path("batch")).unwrap();
    let bytes = |k: usize| (0..3072).map(move |i| ((i * (k + 7) + k * k * 31) % 251) as u8);
    let records = (0..20).flat_map(|k| std::iter::once(k as u8 % 10).chain(bytes(k)));
    folder.write("batch/data_batch_1.bin", records.collect::<Vec<_>>());
    let line = "train batch --classes --width 8 --steps 2 --batch 4 --held-out 2 -o c.safetensors";
    let ran = folder.run(line);
    assert_eq!(ran.code, 0, "{ran:?}");
    let network = Network::load(&folder.path("c.safetensors")).unwrap();
    assert_eq!(network.program.classes, 10);
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    let folder = Folder::with_clouds();
    folder.write("list.csv", "3\n2\n1\n");
    let cases = [
        ("train no.npz -o n.safetensors", 1, "no"),
        ("train list.csv -o n.safetensors", 1, "are no samples"),
        ("train clouds.npz -o n.onnx", 2, "the file must be .safetensors"),
        ("train clouds.npz -o no/n.safetensors", 1, "no such folder"),
        ("train clouds.npz --width 8,8,8,8,8 -o n.safetensors", 1, "cannot be halved 4 times"),
        ("train clouds.npz --width 0 -o n.safetensors", 1, "1 to 1024 channels"),
        (
            "train clouds.npz --width 1024,1024 --blocks 16 -o n.safetensors",
            1,
            "parameters, but at most",
        ),
        ("train clouds.npz --batch 0 -o n.safetensors", 2, "--batch 0: a step has 1 to"),
        ("train clouds.npz --batch 99999999 -o n.safetensors", 2, "a step has 1 to"),
        ("train clouds.npz --batch 60000 -o n.safetensors", 1, "training"),
        ("train clouds.npz --held-out 1000000 --memory 1G -o n.safetensors", 1, "held-out samples"),
        ("train clouds.npz --steps 0 -o n.safetensors", 2, "--steps 0"),
        ("train clouds.npz --rate -1 -o n.safetensors", 2, "--rate -1"),
        ("train clouds.npz --rate nan -o n.safetensors", 2, "--rate NaN"),
        ("train clouds.npz --average 1 -o n.safetensors", 2, "--average 1"),
        ("train clouds.npz --network linear -o n.safetensors", 2, "needs its noise levels"),
        (
            "train clouds.npz --network linear --levels 1,1 -o n.safetensors",
            1,
            "different noise levels",
        ),
        ("train clouds.npz --levels 1 -o n.safetensors", 2, "--levels is for --network linear"),
        (
            "train clouds.npz --parametrization eps --process edm -o n.safetensors",
            2,
            "variance-preserving",
        ),
        (
            "train clouds.npz --network linear --parametrization eps --levels 0.5,2 -o n.safetensors",
            2,
            "time 2 is beyond the last one of vp-linear, 1",
        ),
        (
            "train clouds.npz --network linear --levels 1e-300 -o n.safetensors",
            2,
            "noise levels have to be positive, their logarithms not beyond 30",
        ),
        ("train clouds.npz --process edm -o n.safetensors", 2, "is for --parametrization eps"),
        ("train clouds.npz --noise-std 99 -o n.safetensors", 2, "noise levels have to be positive"),
        ("train clouds.npz --classes -o n.safetensors", 2, "not for a Gaussian"),
        (
            "train clouds.npz --size 4 -o n",
            2,
            "--size, --resize, --crop or --channels is for samples",
        ),
        ("train clouds.npz --periodic -o n", 2, "--periodic and --centred are for --texture"),
        ("train clouds.npz --texture power-law-field -o n", 2, "cannot be used with"),
        ("train --texture no.png -o n", 1, "no.png"),
        ("train --texture list.csv -o n", 1, "list.csv"),
        ("train --texture power-law-field --size 8 -o n", 2, "has no effect on power-law-field"),
        ("train --texture power-law-field --split all -o n", 2, "--split is for samples"),
        ("train -o n", 2, "required"),
        ("train clouds.npz --resume -o n.safetensors", 1, "no such file"),
        (
            "train clouds.npz --rate 1000 --clip inf --warm-up 1 --optimiser sgd --steps 50 -o n.safetensors",
            1,
            "training diverged",
        ),
        (
            "train clouds.npz --rate 1000 --clip inf --warm-up 1 --optimiser sgd --decay none --steps 3 -o n.safetensors",
            1,
            "training diverged at step",
        ),
    ];
    folder.write("words.txt", "words are no data\n");
    let ran = folder.run("train words.txt -o n");
    let once = "error: words.txt: line 1: unknown column 'words' (known: ";
    assert!(ran.code == 1 && ran.stderr.starts_with(once), "{ran:?}");
    for (line, code, expected) in cases {
        let ran = folder.run(line);
        assert_eq!((ran.code, ran.stderr.lines().count()), (code, 1), "{line}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{line}: no '{expected}' in {}", ran.stderr);
    }
    let names: Vec<String> = folder.names().into_iter().collect();
    assert_eq!(names, ["clouds.npz", "list.csv", "words.txt"]);
}

#[test]
fn every_example_in_the_help_runs() {
    let folder = Folder::empty();
    let help = folder.stdout("train --help");
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let (_, examples) = help.split_once("\nExamples:\n").unwrap();
    let examples: Vec<&str> = examples.lines().take_while(|l| !l.is_empty()).collect();
    assert_eq!(examples.len(), 5);
    folder.write("fabric.png", picture(24, 20, 0));
    for line in examples {
        let line = line.trim().strip_prefix("gaussmeter ").unwrap();
        assert_eq!(folder.run(line).code, 0, "{line}");
        let mut file = line.split_once("-o ").unwrap().1.to_owned();
        if !file.contains('.') {
            file += ".safetensors";
        }
        assert!(!folder.bytes(&file).is_empty(), "{line}");
    }
}
