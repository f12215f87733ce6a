//! Every command of README.md and docs, run as it is written: in the order of its page, in a folder of
//! its own, by the shell. What an earlier command of the page wrote is there for the next.

use crate::common::Folder;
use crate::common::files::{f64s, noise, npy, npz, picture};
use gaussmeter_testkit::{fixture, read_json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// Commands that are not run, and why. Each has to be in a document, or has to go from here.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo test --workspace", "runs this test"),
    ("cargo install --path crates/gaussmeter-cli", "an optimised build takes minutes"),
    ("cargo doc --open -p gaussmeter", "opens a browser"),
    ("cargo bench -p gaussmeter --bench exact", "an optimised build takes minutes"),
    ("cargo bench -p gaussmeter-serve", "an optimised build takes minutes"),
    ("gaussmeter serve", "runs until it is interrupted, and opens a browser"),
    (
        "gaussmeter serve --spectrum photos.npz --spectrum power-law:d=3072,alpha=1.5",
        "runs until it is interrupted, and opens a browser",
    ),
    ("gaussmeter serve --port 8080 --no-open", "runs until it is interrupted"),
    ("gaussmeter serve --host 192.168.1.20 --no-open", "runs until it is interrupted"),
    ("cargo bench -p gaussmeter --bench tune", "an optimised build takes minutes"),
    (
        "gaussmeter verify --data cifar16.npz --sampler dpmpp-2m,dpmpp-3m,unipc,edm,ddim --grid karras,exponential,fisher-rao,geodesic,optimised:objective=w2,optimised:objective=local,optimised --steps 5,8,10,15,20 --starts 64 --reference 200",
        "takes minutes, on data that are not in the repository",
    ),
    (
        "gaussmeter verify --data cifar16.npz --sampler dpmpp-2m,unipc,edm,ddim --grid karras,optimised,optimised:network=asked,optimised:objective=w2,network=asked --steps 10,20 --starts 64 --reference 200 --network gain:delta=-0.05",
        "takes a minute, on data that are not in the repository",
    ),
    ("gaussmeter train --texture fabric.png --size 64 -o net", "takes hours"),
    (
        "gaussmeter train clouds.npz --width 16,32 --steps 3000 --seed 1 -o clouds-edm.safetensors",
        "takes minutes",
    ),
    (
        "gaussmeter train clouds.npz --parametrization eps --width 16,32 --steps 1500 --seed 1 -o clouds-eps.safetensors",
        "takes minutes",
    ),
    (
        "gaussmeter score-error --network onnx:examples/networks/clouds-eps.onnx --spectrum clouds.npz --process vp-linear --grid uniform --eps 1e-3 --sampler em,heun --steps 999 --per-level 1024 --leaks",
        "takes minutes",
    ),
    (
        "gaussmeter train --texture fabric.png --size 16 --periodic --parametrization eps --width 16,32 --steps 600 --seed 1 -o net16",
        "takes minutes",
    ),
    (
        "gaussmeter score-error --network onnx:net16.onnx --spectrum fabric16.npz --process vp-linear --grid uniform --eps 1e-3 --sampler em,heun --steps 99 --per-level 6144 --groups 8 --sigmas 140,70,35,17,8,4,2,1,0.5,0.25,0.12,0.06,0.03,0.015,0.01 --leaks",
        "takes minutes, with a network that is not in the repository",
    ),
    (
        "gaussmeter score-error --network onnx:examples/networks/clouds-eps.onnx --spectrum clouds.npz --process vp-linear --grid uniform --eps 1e-3 --sampler em,heun --steps 99 --per-level 2048 --leaks",
        "takes minutes, built for tests",
    ),
    (
        "gaussmeter score-error --network onnx:net.onnx --spectrum fabric32.npz --process vp-linear --grid uniform --eps 1e-3 --sampler em,heun --steps 999 --per-level 256 --sigmas 140,70,35,17,8,4,2,1,0.5,0.25,0.12,0.06,0.03,0.015,0.01",
        "takes a minute",
    ),
    (
        "gaussmeter score-error --network onnx:net.onnx --spectrum fabric32.npz --process vp-linear --grid uniform --eps 1e-3 --sampler em,heun --steps 99 --per-level 64 --groups 8 --sigmas 140,70,35,17,8,4,2,1,0.5,0.25,0.12,0.06,0.03,0.015,0.01 --samples 32",
        "takes a minute",
    ),
    (
        "gaussmeter sample fabric32.npz --network onnx:net.onnx --sampler em --process vp-linear --grid uniform --eps 1e-3 --steps 99 --count 4 --compare -o em.png",
        "its network is not in the repository",
    ),
    (
        "gaussmeter sample fabric32.npz --network onnx:net.onnx --sampler heun --process vp-linear --grid uniform --eps 1e-3 --steps 99 --count 4 --compare -o heun.png",
        "its network is not in the repository",
    ),
    (
        "gaussmeter verify --data clouds.npz --network onnx:examples/networks/clouds-edm.onnx --sampler dpmpp-2m,dpmpp-3m,unipc --grid karras,exponential,optimised --steps 5,10,15,20 --starts 64 --reference 200",
        "takes minutes",
    ),
    (
        "gaussmeter verify --data clouds.npz --network onnx:examples/networks/clouds-eps.onnx --sampler dpmpp-2m,dpmpp-3m,unipc --grid karras,exponential,optimised:objective=local,optimised --steps 5,10,15,20 --starts 64 --reference 800",
        "takes minutes",
    ),
    (
        "gaussmeter mixture cifar10-train-jpeg.tar --clusters 1 -o one32.npz",
        "takes minutes, on data that are not in the repository",
    ),
    (
        "gaussmeter train cifar10-train-jpeg.tar --classes --width 16,32,64 --batch 32 --steps 1500 --every 100 --warm-up 50 --seed 1 -o cifar32.safetensors",
        "takes minutes, on data that are not in the repository",
    ),
    (
        "gaussmeter verify --data one32.npz --network onnx:cifar32.onnx --sampler dpmpp-2m,dpmpp-3m,unipc --grid karras,fisher-rao,optimised:objective=local,optimised --steps 5,8,10,15,20 --starts 32 --reference 120",
        "takes minutes, on data that are not in the repository",
    ),
    (
        "gaussmeter mixture cifar10-train-jpeg.tar --size 16 -o classes16.npz",
        "its data are not in the repository",
    ),
    (
        "gaussmeter train cifar10-train-jpeg.tar --classes --size 16 --width 24,48 --steps 1500 --every 100 --warm-up 50 --seed 1 -o cifar16.safetensors",
        "takes an hour, on data that are not in the repository",
    ),
    (
        "gaussmeter verify --data classes16.npz --network onnx:cifar16.onnx --sampler dpmpp-2m,dpmpp-3m,unipc,ddim --grid karras,exponential,fisher-rao,optimised:objective=w2,optimised:objective=local,optimised --steps 5,10,20 --starts 64",
        "takes minutes, with a network that is not in the repository",
    ),
    (
        "gaussmeter verify --data classes16.npz --network onnx:cifar16.onnx --sampler edm --grid karras,exponential,fisher-rao,optimised:objective=w2,optimised:objective=local,optimised --steps 3,5,10 --starts 64",
        "takes minutes, with a network that is not in the repository",
    ),
    (
        "gaussmeter verify --data classes16.npz --network onnx:cifar16.onnx,class=3,guidance=2 --sampler dpmpp-2m --grid karras,exponential,fisher-rao,optimised:objective=w2,optimised:objective=local,optimised --steps 5,10,20 --starts 64",
        "takes minutes, with a network that is not in the repository",
    ),
    (
        "gaussmeter export --to TARGET --sampler NAME --process NAME --grid RULE --steps N",
        "its names in capitals are the reader's",
    ),
    (
        "gaussmeter eval --process edm --grid karras --init exact --nfe N --sampler NAME",
        "its names in capitals are the reader's",
    ),
];

/// A file or folder by its name, and what writes it.
type Given = (&'static str, fn(&Folder));

/// What readers have and the repository has not: its name in the documents, and something small in
/// its place. Each has to be in a document, or has to go from here.
const GIVEN: &[Given] = &[
    ("DATA", |f| photos(f, "DATA")),
    ("DATA...", |f| photos(f, "DATA...")),
    ("photos", |f| photos(f, "photos")),
    ("pets", |f| {
        for k in 0..24 {
            let class = ["cat", "dog"][k % 2];
            make_folder(f, &format!("pets/{class}"));
            f.write(&format!("pets/{class}/{k:02}.png"), picture(20 + 4 * (k % 2) as u32, 16, k));
        }
    }),
    ("fabric.png", |f| f.write("fabric.png", picture(24, 20, 0))),
    ("cifar-10-batches-bin", |f| {
        for name in ["data_batch_1.bin", "test_batch.bin"] {
            let bytes = |k: usize| (0..3072).map(move |i| ((i * (k + 7) + k * k * 31) % 251) as u8);
            let records = (0..20).flat_map(|k| std::iter::once(k as u8 % 10).chain(bytes(k)));
            make_folder(f, "cifar-10-batches-bin");
            f.write(&format!("cifar-10-batches-bin/{name}"), records.collect::<Vec<_>>());
        }
    }),
    ("cifar10-2024.npy", |f| {
        f.write("cifar10-2024.npy", npy("<f8", &format!("({},)", FEW.len()), &f64s(&FEW)));
    }),
    ("my.npz", |f| f.write("my.npz", spectrum())),
    ("class.csv", |f| f.write("class.csv", "50\n40\n20\n8\n1\n0.5\n0.2\n0.01\n")),
    ("measured.csv", |f| {
        f.write("measured.csv", "# sigma, delta\n0.01, 0.02\n0.5, -0.01\n20, 0.001\n")
    }),
    ("mean.json", |f| f.write("mean.json", r#"{"eigenvalues": [1.0], "mean": [1.0]}"#)),
    ("two-modes.json", |f| {
        let law = r#"{"coordinates": [{"weights": [0.3, 0.7], "means": [-1, 1], "stds": [0.2, 0.3]},
            {"weights": [1], "means": [0], "stds": [0.1], "copies": 15}]}"#;
        f.write("two-modes.json", law);
    }),
    ("net.onnx", |f| {
        let network = root().join("crates/gaussmeter-onnx/tests/fixtures/white.onnx");
        f.write("net.onnx", fs::read(network).unwrap());
    }),
    ("train-features.npy", |f| features(f, "train-features.npy", 0)),
    ("em-features.npy", |f| features(f, "em-features.npy", 1)),
    ("heun-features.npy", |f| features(f, "heun-features.npy", 2)),
    ("statistics.npz", |f| {
        let mu = npy("<f8", "(3,)", &f64s(&[0.0; 3]));
        let sigma = npy("<f8", "(3, 3)", &f64s(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]));
        f.write("statistics.npz", npz(&[("mu", mu), ("sigma", sigma)]));
    }),
    ("mytimes.txt", |f| f.write("mytimes.txt", "80\n20\n5\n1\n0.1\n0.002\n")),
    ("scheduler_config.json", |f| {
        let known = read_json(&fixture("scheduler_configs.json"));
        let model = known["published"].as_array().unwrap().first().unwrap();
        assert_eq!(model["model"], "Stable Diffusion 1.5");
        f.write("scheduler_config.json", model["config"].to_string());
    }),
    ("shard-*.tar", |f| {
        for shard in 0..2 {
            let mut archive = tar::Builder::new(Vec::new());
            for k in 0..8 {
                let bytes = picture(6, 5, 8 * shard + k);
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes.len() as u64);
                header.set_mode(0o644);
                archive.append_data(&mut header, format!("{shard}{k}.png"), &bytes[..]).unwrap();
            }
            f.write(&format!("shard-{shard}.tar"), archive.into_inner().unwrap());
        }
    }),
    // The document makes the first of eight parts, "and so on".
    ("part*.npz", |f| {
        for k in 2..=8 {
            let line = format!("gaussmeter spectrum shard-*.tar --part {k}/8 -o part{k}.npz");
            let output = shell(f, &line);
            assert!(output.status.success(), "{line}\n{}", text(&output.stderr));
        }
    }),
    ("examples/plans/dpmpp-2m.toml", examples),
    ("examples/networks/clouds-eps.onnx", trained),
    ("examples/plans/bogacki-shampine.toml", examples),
];

/// Eigenvalues that fall as those of pictures do.
const FEW: [f64; 8] = [200.0, 60.0, 20.0, 6.0, 2.0, 0.5, 0.1, 0.01];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn make_folder(folder: &Folder, name: &str) {
    fs::create_dir_all(folder.path(name)).unwrap();
}

/// The plans of the repository, in whose root its documents' commands are.
fn examples(folder: &Folder) {
    make_folder(folder, "examples/plans");
    for entry in fs::read_dir(root().join("examples/plans")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        fs::copy(&path, folder.path(&format!("examples/plans/{name}"))).unwrap();
    }
}

/// The networks of the repository.
fn trained(folder: &Folder) {
    let name = "examples/networks/clouds-eps.onnx";
    make_folder(folder, "examples/networks");
    fs::copy(root().join(name), folder.path(name)).unwrap();
}

fn photos(folder: &Folder, name: &str) {
    make_folder(folder, name);
    for k in 0..12 {
        folder.write(&format!("{name}/{k:02}.png"), picture(80, 70, k));
    }
}

/// Samples of three features.
fn features(folder: &Folder, name: &str, seed: usize) {
    let values = noise(300 + 60 * seed).split_off(60 * seed);
    folder.write(name, npy("<f8", "(100, 3)", &f64s(&values)));
}

fn spectrum() -> Vec<u8> {
    npz(&[("eigenvalue", npy("<f8", &format!("({},)", FEW.len()), &f64s(&FEW)))])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A command line of a page, and what the page shows as its output.
#[derive(Debug, PartialEq)]
struct Shown {
    line: String,
    output: Option<String>,
}

/// The command lines of a page, in their order: lines of their own, with their continuations, in
/// indented blocks and blocks of `sh`, and those within a sentence that say more than a verb. The
/// output of a command in a block of `sh` is the block of another kind that follows.
fn commands(page: &str) -> Vec<Shown> {
    let is_command = |line: &str| line.starts_with("gaussmeter ") || line.starts_with("cargo ");
    let page = page.replace("\\\n", " ");
    let mut found: Vec<Shown> = Vec::new();
    let mut lines = page.lines();
    // Whether nothing but space has come since a block of sh.
    let mut follows = false;
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if kind == "sh" {
                let block = block.iter().filter(|line| is_command(line));
                found.extend(block.map(|line| Shown { line: line.to_string(), output: None }));
            } else if let (true, Some(last)) = (follows, found.last_mut()) {
                last.output = Some(block.join("\n"));
            }
            follows = kind == "sh";
        } else if let Some(line) = line.strip_prefix("    ").filter(|line| is_command(line)) {
            found.push(Shown { line: line.to_owned(), output: None });
        } else if !line.trim().is_empty() {
            follows = false;
            let spans = line.split('`').skip(1).step_by(2);
            let spans = spans.filter(|span| is_command(span) && span.split(' ').count() > 2);
            found.extend(spans.map(|span| Shown { line: span.to_owned(), output: None }));
        }
    }
    for shown in &mut found {
        let comment = shown.line.find(" #").unwrap_or(shown.line.len());
        shown.line = shown.line[..comment].split_whitespace().collect::<Vec<_>>().join(" ");
    }
    found
}

/// The names in a command: its words, and the values in them.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', ':', ',', '=']).map(|word| word.trim_end_matches('/'))
}

/// A line as the shell runs it: `gaussmeter` is this build, and so is what cargo builds and runs.
fn shell(folder: &Folder, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_gaussmeter"));
    let line = match line.strip_prefix("cargo run ").and_then(|rest| rest.split_once("-- ")) {
        Some((_, arguments)) => format!("gaussmeter {arguments}"),
        None => line.to_owned(),
    };
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(folder.0.path()).env("PATH", path);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Runs a page. What is wrong, and which inputs it was given.
fn run_page(page: &str) -> (Vec<String>, BTreeSet<&'static str>) {
    let (folder, mut wrong, mut given) = (Folder::empty(), Vec::new(), BTreeSet::new());
    for Shown { line, output } in commands(page) {
        if NOT_RUN.iter().any(|(not_run, _)| *not_run == line) {
            continue;
        }
        let written =
            |option: &str| line.split_once(option).and_then(|(_, rest)| names(rest).next());
        let written: Vec<&str> = [" -o ", " --save "].into_iter().filter_map(written).collect();
        for (name, write) in GIVEN {
            let is_read = || names(&line).any(|n| n == *name && !written.contains(&n));
            if given.contains(name) || folder.path(name).exists() {
                continue;
            }
            // Where something is written into a folder, that is there.
            if is_read() || name.contains("target/") && written.contains(name) {
                write(&folder);
                given.insert(*name);
            }
        }
        let start = Instant::now();
        let ran = shell(&folder, &line);
        println!("{:.1} s: {line}", start.elapsed().as_secs_f64());
        let (stdout, stderr) = (text(&ran.stdout), text(&ran.stderr));
        if !ran.status.success() {
            wrong.push(format!("{line}\n{stderr}"));
            continue;
        }
        if written.is_empty() && stdout.is_empty() {
            wrong.push(format!("{line}\nprints nothing"));
        }
        for file in written {
            if !fs::metadata(folder.path(file)).is_ok_and(|m| m.len() > 0) {
                wrong.push(format!("{line}\ndoes not write {file}"));
            }
        }
        if let Some(output) = output.filter(|output| *output != stdout.trim_end()) {
            wrong.push(format!("{line}\nis said to print\n{output}\nand prints\n{stdout}"));
        }
    }
    (wrong, given)
}

/// README.md and the pages of docs, by their names.
fn pages() -> BTreeMap<String, String> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let paths = docs.chain([root().join("README.md")]);
    let pages = paths.filter(|path| path.extension().is_some_and(|e| e == "md"));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    pages.map(|path| (name(&path), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_documented_command_runs_as_written() {
    let pages = pages();
    let all: Vec<String> =
        pages.values().flat_map(|page| commands(page)).map(|shown| shown.line).collect();
    assert!(all.len() >= 75, "only {} commands were found", all.len());
    for (not_run, why) in NOT_RUN {
        assert!(all.iter().any(|line| line == not_run), "in no document: {not_run} ({why})");
    }
    let results: Vec<_> = std::thread::scope(|scope| {
        let runs = pages.iter().map(|(name, page)| (name, scope.spawn(|| run_page(page))));
        let runs: Vec<_> = runs.collect();
        runs.into_iter().map(|(name, run)| (name, run.join().unwrap())).collect()
    });
    let mut given = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, (of_page, inputs)) in results {
        wrong.extend(of_page.into_iter().map(|what| format!("{name}: {what}")));
        given.extend(inputs);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for (name, _) in GIVEN {
        let is_same = |other: &&str| Path::new(other).parent() == Path::new(name).parent();
        let is_used = given.contains(name) || name.contains('/') && given.iter().any(is_same);
        assert!(is_used, "no document reads {name}");
    }
}

#[test]
fn commands_are_found_with_their_output() {
    let page = "    gaussmeter a \\\n      --b   # c\n\n    note: no\nSee `gaussmeter e` and `gaussmeter e f`.\n\n\
                ```sh\nmkdir x\ngaussmeter g\ncargo run -- h\n```\n\n```text\nout\nput\n```\n\n```sh\ngaussmeter i\n```\nBut\n```\nother\n```\n";
    let shown = |line: &str, output: Option<&str>| Shown {
        line: line.into(),
        output: output.map(String::from),
    };
    assert_eq!(
        commands(page),
        [
            shown("gaussmeter a --b", None),
            shown("gaussmeter e f", None),
            shown("gaussmeter g", None),
            shown("cargo run -- h", Some("out\nput")),
            shown("gaussmeter i", None),
        ]
    );
}
