//! Inputs that once gave a silent wrong answer, took all memory or never ended, as their user meets
//! them.

use crate::common::files::{f64s, noise, npy, npz};
use crate::common::{Folder, Ran};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn f32s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect()
}

/// Covariance and samples of `n` vectors of dimension `d` around 3.
fn statistics(n: usize, d: usize) -> (Vec<f64>, Vec<f64>) {
    let samples: Vec<f64> =
        noise(n * d).iter().enumerate().map(|(k, v)| 3.0 + v * (1 + k % d) as f64).collect();
    let mean = |j: usize| samples.iter().skip(j).step_by(d).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..d).map(mean).collect();
    let entry = |i: usize, j: usize| {
        samples.chunks_exact(d).map(|x| (x[i] - means[i]) * (x[j] - means[j])).sum::<f64>()
            / n as f64
    };
    let covariance = (0..d * d).map(|k| entry(k / d, k % d)).collect();
    (samples, covariance)
}

/// The covariance of samples as sums of products in float32 leave it.
fn in_single(samples: &[f64], n: usize, d: usize) -> Vec<f64> {
    let samples: Vec<f32> = samples.iter().map(|v| *v as f32).collect();
    let mean = |j: usize| samples.iter().skip(j).step_by(d).sum::<f32>() / n as f32;
    let means: Vec<f32> = (0..d).map(mean).collect();
    let product = |x: &[f32], i: usize, j: usize| (x[i] - means[i]) * (x[j] - means[j]);
    let entry = |i: usize, j: usize| {
        samples.chunks_exact(d).map(|x| product(x, i, j)).sum::<f32>() / n as f32
    };
    (0..d * d).map(|k| entry(k / d, k % d).into()).collect()
}

impl Folder {
    fn document(&self, line: &str) -> Value {
        let Ran { code, stdout, stderr } = self.run(line);
        assert_eq!(code, 0, "{line}: {stderr}");
        serde_json::from_str(&stdout).unwrap()
    }
    /// The error of a run that must fail soon and leave no file.
    fn refused(&self, line: &str) -> String {
        let (before, start) = (self.names(), Instant::now());
        let Ran { code, stdout, stderr } = self.run(line);
        assert!(code == 1 || code == 2, "{line}: {code} {stderr}");
        assert_eq!(stdout, "", "{line}");
        assert_eq!(self.names(), before, "{line}: files left");
        assert!(start.elapsed() < Duration::from_secs(60), "{line}");
        stderr.lines().find_map(|l| l.strip_prefix("error: ")).unwrap().to_owned()
    }
}

/// Marks sums as those of an interrupted run.
fn interrupt(folder: &Folder, from: &str, to: &str) {
    let mut archive = zip::ZipArchive::new(fs::File::open(folder.path(from)).unwrap()).unwrap();
    let names: Vec<String> = archive.file_names().map(|n| n.unwrap().to_string()).collect();
    let mut arrays = Vec::new();
    for name in &names {
        let mut bytes = Vec::new();
        std::io::copy(&mut archive.by_name(name).unwrap(), &mut bytes).unwrap();
        if name == "meta.npy" {
            let start = 10 + usize::from(bytes[8]) + 256 * usize::from(bytes[9]);
            let text = String::from_utf8(bytes[start..].to_vec()).unwrap();
            let text = text.replace("\"complete\":true", "\"complete\":false");
            bytes = npy("|u1", &format!("({},)", text.len()), text.as_bytes());
        }
        arrays.push((name.strip_suffix(".npy").unwrap(), bytes));
    }
    folder.write(to, npz(&arrays));
}

#[test]
fn sums_of_an_interrupted_run_are_no_part() {
    let folder = Folder::empty();
    let bytes: Vec<u8> = (0..60usize * 4).map(|k| (k * k % 251) as u8).collect();
    folder.write("x.npy", npy("|u1", "(60, 4)", &bytes));
    for part in ["1/2", "2/2"] {
        let line = format!("spectrum x.npy --part {part} -o part{}.npz", &part[..1]);
        assert_eq!(folder.run(&line).code, 0);
    }
    interrupt(&folder, "part1.npz", "part1.interrupted.npz");
    fs::remove_file(folder.path("part1.npz")).unwrap();
    for line in [
        "merge part1.interrupted.npz part2.npz -o x.npz",
        "merge part2.npz part1.interrupted.npz --sums -o x.npz",
        "merge part1.interrupted.npz",
        "spectrum part1.interrupted.npz -o x.npz",
    ] {
        let message = folder.refused(line);
        assert!(
            message.contains("sums of an interrupted run, over 30 samples"),
            "{line}: {message}"
        );
    }
    let Ran { code, stderr, .. } =
        folder.run("merge part1.interrupted.npz part2.npz --incomplete -o all.npz");
    assert!(code == 0 && stderr.contains("over 30 samples of part 1/2 only"), "{stderr}");
    // Sums of incomplete sums are incomplete.
    assert_eq!(
        folder.run("merge part1.interrupted.npz part2.npz --incomplete --sums -o sums.npz").code,
        0
    );
    assert!(folder.refused("merge sums.npz").contains("interrupted run, over 60 samples"));
    assert!(folder.document("info sums.npz --format json")["file"]["meta"]["complete"] == false);

    // Files of earlier versions say it by their name only.
    fs::rename(folder.path("part1.interrupted.npz"), folder.path("y.interrupted.npz")).unwrap();
    interrupt(&folder, "y.interrupted.npz", "other.npz");
    assert!(folder.refused("merge other.npz").contains("interrupted"));
}

#[test]
fn ranks_follow_the_stored_type() {
    let (n, d) = (20, 64);
    let (samples, covariance) = statistics(n, d);
    let folder = Folder::empty();
    let square = format!("({d}, {d})");
    let mean = vec![3.0; d];
    folder.write("samples.npy", npy("<f8", &format!("({n}, {d})"), &f64s(&samples)));
    folder.write("f8.npy", npy("<f8", &square, &f64s(&covariance)));
    folder.write("f4.npy", npy("<f4", &square, &f32s(&covariance)));
    let stats = |cast: fn(&[f64]) -> Vec<u8>, descr: &str| {
        npz(&[
            ("mu", npy(descr, &format!("({d},)"), &cast(&mean))),
            ("sigma", npy(descr, &square, &cast(&covariance))),
        ])
    };
    folder.write("fid8.npz", stats(f64s, "<f8"));
    folder.write("fid4.npz", stats(f32s, "<f4"));
    // float64 that was computed in float32 once.
    let rounded: Vec<f64> = covariance.iter().map(|v| f64::from(*v as f32)).collect();
    folder.write("f4in8.npy", npy("<f8", &square, &f64s(&rounded)));
    let single = in_single(&samples, n, d);
    folder.write("single4.npy", npy("<f4", &square, &f32s(&single)));
    folder.write("single8.npy", npy("<f8", &square, &f64s(&single)));
    folder.write("parts.npy", npy("<f4", &format!("({n}, {d})"), &f32s(&samples)));
    for part in 1..=2 {
        let line = format!("spectrum parts.npy --part {part}/2 -o part{part}.npz");
        assert_eq!(folder.run(&line).code, 0);
    }
    assert_eq!(folder.run("merge part1.npz part2.npz --centred -o parts.npy.s.npz").code, 0);
    let files = ["samples.npy", "f8.npy", "f4.npy", "fid8.npz", "fid4.npz", "f4in8.npy"];
    let mut found = Vec::new();
    for file in files.into_iter().chain(["single4.npy", "single8.npy", "parts.npy"]) {
        if file != "parts.npy" {
            let line = format!("spectrum {file} --centred -o {file}.s.npz");
            assert_eq!(folder.run(&line).code, 0);
        }
        let info = folder.document(&format!("info {file}.s.npz --format json"));
        assert_eq!(info["spectrum"]["null_dim"], (d - n + 1) as f64, "{file}");
        // Its last step takes null modes to zero, so that KL is finite.
        let line = format!(
            "eval --process edm --grid karras --sampler ddim --steps 18 --spectrum {file}.s.npz --format json"
        );
        found.push((file, folder.document(&line)));
    }
    for (file, eval) in &found {
        for key in ["w2", "kl_forward", "kl_reverse"] {
            let (a, b) = (eval[key].as_f64().unwrap(), found[0].1[key].as_f64().unwrap());
            assert!((a - b).abs() <= 1e-4 * b.abs(), "{file}, {key}: {a}, not {b}");
            assert!(key == "w2" || (1e-4..10.0).contains(&b), "{file}, {key}: {b}");
        }
    }
}

/// What NumPy's float32 solver makes of 20 samples of dimension 64, wherever it is kept.
#[test]
fn lists_from_float32_have_the_kl_of_exact_ones() {
    let folder = Folder::empty();
    let exact: Vec<f64> = (0..19).map(|k| 1.25 * 0.8f64.powi(k)).collect();
    // Of both signs, and some larger than twice the lowest.
    let rounding =
        |k: usize| [-1.2e-8, 2.7e-8, 9e-9, -4e-9, 1.4e-8][k % 5] * (1.0 - k as f64 / 90.0);
    let with = |null: fn(f64) -> f64| -> Vec<f64> {
        (0..45).map(rounding).map(null).chain(exact.iter().rev().copied()).collect()
    };
    let (noisy, zero) = (with(|v| v), with(|_| 0.0));
    let lines = |values: &[f64]| -> Vec<u8> {
        values.iter().map(|v| format!("{v:.9e}\n")).collect::<String>().into_bytes()
    };
    let npy8 = |values: &[f64]| npy("<f8", "(64,)", &f64s(values));
    let npy4 = |values: &[f64]| npy("<f4", "(64,)", &f32s(values));
    let mut expected = None;
    for (name, bytes) in [
        ("exact.npy", npy8(&zero)),
        ("noisy8.npy", npy8(&noisy)),
        ("noisy4.npy", npy4(&noisy)),
        ("noisy.txt", lines(&noisy)),
    ] {
        folder.write(name, bytes);
        let line = "eval --process edm --grid karras --sampler ddim --steps 18 --format json";
        let eval = folder.document(&format!("{line} --spectrum {name}"));
        let kl = eval["kl_forward"].as_f64().unwrap_or(f64::INFINITY);
        let expected = *expected.get_or_insert(kl);
        assert!((kl - expected).abs() <= 1e-5 * expected && kl < 10.0, "{name}: {kl}");
    }
}

#[test]
fn a_list_with_negative_values_keeps_no_rounding() {
    let folder = Folder::empty();
    let list = [-3e-7, -1e-7, 0.0, 2e-7, 4e-7, 0.01, 1.0, 4.0];
    for (name, bytes) in [
        ("list4.npy", npy("<f4", "(8,)", &f32s(&list))),
        ("list8.npy", npy("<f8", "(8,)", &f64s(&list))),
    ] {
        folder.write(name, bytes);
        let info = folder.document(&format!("info {name} --format json"));
        assert_eq!(info["spectrum"]["null_dim"], 5.0, "{name}");
    }
    // Without a negative value nothing says that the small ones are rounding.
    folder.write("small.npy", npy("<f8", "(3,)", &f64s(&[2e-7, 1.0, 4.0])));
    assert_eq!(folder.document("info small.npy --format json")["spectrum"]["null_dim"], 0.0);
}

#[test]
fn what_could_be_two_things_is_asked_about() {
    let folder = Folder::empty();
    let (_, mut covariance) = statistics(200, 10);
    let trace: f64 = covariance.iter().step_by(11).sum();
    covariance[3] *= 1.0 + 1e-3;
    covariance[3] += 1e-4;
    folder.write("nearly.npy", npy("<f8", "(10, 10)", &f64s(&covariance)));
    let message = folder.refused("spectrum nearly.npy -o x.npz");
    assert!(
        message.contains("--kind covariance") && message.contains("--kind samples"),
        "{message}"
    );
    assert_eq!(folder.run("spectrum nearly.npy --kind covariance -o c.npz").code, 0);
    let found = folder.document("info c.npz --format json")["spectrum"]["trace"].as_f64().unwrap();
    assert!((found - trace).abs() < 1e-9 * trace, "{found}, not {trace}");
    assert_eq!(folder.run("spectrum nearly.npy --kind samples -o s.npz").code, 0);

    folder.write("column.npy", npy("<f8", "(3, 1)", &f64s(&[1.0, 2.0, 4.0])));
    let message = folder.refused("spectrum column.npy -o x.npz");
    assert!(message.contains("--kind eigenvalues"), "{message}");
    assert_eq!(folder.run("spectrum column.npy --kind eigenvalues -o e.npz").code, 0);
    assert_eq!(folder.document("info e.npz --format json")["spectrum"]["trace"], 7.0);

    for (text, message) in [
        ("1,2,3\n", "one line"),
        ("4 2\n", "one line"),
        ("0,5\n0,3\n0,2\n", "decimal commas"),
        ("4,25\n1,50\n", "decimal commas"),
        ("0 4.0\n1 1.0\n2 0.1\n", "counts lines"),
        ("1,0.5\n2,0.25\n3,0.125\n", "counts lines"),
        ("4 0.5\n1 0.25\n", "fractions"),
    ] {
        folder.write("x.csv", text);
        for line in ["info x.csv", "spectrum x.csv", "eval --sampler heun --spectrum x.csv"] {
            let found = folder.refused(line);
            assert!(found.contains(message) && found.contains("name the columns"), "{found}");
        }
    }
    for (text, dim) in [
        ("eigenvalue,multiplicity\n4,1\n1,2\n", 3.0),
        ("# eigenvalue multiplicity\n4 1\n1 2\n", 3.0),
        ("eigenvalue,multiplicity,mean\n1,2,3\n", 2.0),
        ("4.0 1\n1.0 2\n0.1 3\n", 6.0),
        ("4, 1\n1, 2\n", 3.0),
        ("4\n1\n0\n", 3.0),
    ] {
        folder.write("x.csv", text);
        let Ran { code, stdout, stderr } = folder.run("info x.csv --format json");
        assert_eq!((code, &stderr[..]), (0, ""), "{text}");
        let info: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(info["spectrum"]["dim"], dim, "{text}");
    }

    // Doubt is a notice, in every document that has notices.
    folder.write("unsorted.npy", npy("<f8", "(4,)", &f64s(&[1.0, 4.0, 2.0, 3.0])));
    folder.write("s.npy", npy("<f8", "(3,)", &f64s(&[1.0, 2.0, 4.0])));
    folder.write("sv.npz", npz(&[("singular_values", npy("<f8", "(2,)", &f64s(&[1.0, 2.0])))]));
    for (file, what) in [
        ("unsorted.npy", "unsorted numbers"),
        ("s.npy", "singular values"),
        ("sv.npz", "singular values"),
    ] {
        let notices = folder.document(&format!("info {file} --format json"))["notices"].to_string();
        assert!(notices.contains(what), "{file}: {notices}");
        for line in ["eval --sampler heun --spectrum", "spectrum"] {
            let words: Vec<&str> = line.split(' ').chain([file]).collect();
            let stderr = folder.run_all(&words).stderr;
            assert!(stderr.contains(what), "{line} {file}: {stderr}");
        }
    }
}

#[test]
fn lanczos_says_its_errors_everywhere() {
    let folder = Folder::empty();
    let (samples, _) = statistics(200, 40);
    folder.write("x.npy", npy("<f8", "(200, 40)", &f64s(&samples)));
    assert_eq!(folder.run("spectrum x.npy --method lanczos --passes 3 -o l.npz").code, 0);
    for line in [
        "eval --sampler heun --spectrum l.npz --format json",
        "table --sampler heun --nfe 10 --spectrum l.npz --format json",
        "rank --nfe 10 --spectrum l.npz --format json",
        "pareto --nfe 10 --sampler heun --spectrum l.npz --format json",
        "curve --sampler heun --nfe 10 --spectrum l.npz --format json",
        "modes --sampler heun --nfe 10 --spectrum l.npz --format json",
    ] {
        let Ran { code, stdout, stderr } = folder.run(line);
        assert!(code == 0 && stderr.contains("Lanczos quadrature"), "{line}: {stderr}");
        let document: Value = serde_json::from_str(&stdout).unwrap();
        let errors = &document["spectrum"]["quadrature"];
        assert_eq!(errors[0]["of"], "trace", "{line}: {errors}");
        assert!(errors[1]["steps"].as_f64().unwrap() > 0.0, "{line}: {errors}");
    }
    let notices = folder.document("info l.npz --format json")["notices"].to_string();
    assert!(notices.contains("± "), "{notices}");
    // Eigenvalues have no such error.
    assert_eq!(folder.run("spectrum x.npy -o d.npz").code, 0);
    assert!(folder.document("info d.npz --format json")["spectrum"].get("quadrature").is_none());
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0x55; (width as usize).div_ceil(8) * height as usize]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn memory_is_kept() {
    let folder = Folder::empty();
    folder.write("large.png", png(9000, 9000));
    folder.write("small.png", png(40, 30));
    fs::create_dir(folder.path("pictures")).unwrap();
    fs::copy(folder.path("large.png"), folder.path("pictures/a.png")).unwrap();
    folder.write("wide.npz", npz(&[("x", npy("|u1", "(2, 2147483648)", &[0; 64]))]));
    folder.write("wide.npy", npy("<f4", "(2, 1073741824)", &[0; 64]));
    folder.write("tall.npy", npy("|u1", "(2, 300000000)", &[0; 64]));
    folder.write("list.npy", npy("|i1", "(1000000000,)", &[0; 64]));
    for line in [
        "texture large.png -o x.npz",
        "texture small.png --resize 10000 -o x.npz",
        "texture small.png --memory 10K -o x.npz",
        "spectrum pictures --memory 100M -o x.npz",
        "spectrum pictures --method stationary --memory 100M -o x.npz",
        "spectrum wide.npz -o x.npz",
        "spectrum wide.npz --method lanczos -o x.npz",
        "spectrum wide.npy --memory 4G -o x.npz",
        "spectrum tall.npy -o x.npz",
        "spectrum tall.npy --method lanczos -o x.npz",
    ] {
        let message = folder.refused(line);
        assert!(message.contains("of memory") && message.contains("--memory"), "{line}: {message}");
    }
    folder.refused("spectrum list.npy -o x.npz");
    folder.refused("info list.npy");
    assert_eq!(folder.run("texture small.png -o x.npz").code, 0);
    let message = folder.refused("sample x.npz --size 9000x9000 --count 1 -o y.npz");
    assert!(message.contains("--memory"), "{message}");
}

#[cfg(unix)]
#[test]
fn what_never_ends_is_not_opened() {
    let folder = Folder::empty();
    let fifo = |name: &str| {
        let made = std::process::Command::new("mkfifo").arg(folder.path(name)).status();
        assert!(made.unwrap().success());
    };
    fifo("pipe");
    fifo("pipe.npz");
    fifo("pipe.csv");
    fs::create_dir(folder.path("folder.json")).unwrap();
    std::os::unix::fs::symlink("loop.npz", folder.path("loop.npz")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket.npz")).unwrap();
    let files = [
        "pipe",
        "pipe.npz",
        "pipe.csv",
        "folder.json",
        "loop.npz",
        "socket.npz",
        "/dev/zero",
        "/dev/null",
    ];
    for file in files {
        for line in [
            format!("spectrum ./{file} -o x.npz"),
            format!("info ./{file}"),
            format!("merge ./{file} -o x.npz"),
            format!("texture ./{file} -o x.npz"),
            format!("sample ./{file} -o x.npz"),
            format!("eval --sampler heun --spectrum ./{file}"),
            format!("eval --sampler heun --process diffusers:./{file}"),
            format!("eval --sampler heun --process custom:./{file}"),
            format!("eval --sampler heun --grid sigmas:./{file}"),
            format!("eval --sampler heun --grid times:./{file}"),
            format!("eval --sampler plan:./{file}"),
            format!("eval --sampler butcher:./{file}"),
        ] {
            let line = line.replace("./folder", "folder").replace(".//dev", "/dev");
            if line.starts_with("spectrum folder.json") {
                continue; // An empty folder of data.
            }
            let message = folder.refused(&line);
            assert!(message.len() < 400, "{line}: {message}");
        }
    }
    // In a folder of data they are left out, and said.
    fs::create_dir(folder.path("data")).unwrap();
    fs::write(folder.path("data/x.npy"), npy("<f8", "(3, 2)", &f64s(&noise(6)))).unwrap();
    fifo("data/pipe");
    fifo("data/pipe.png");
    let Ran { code, stderr, .. } = folder.run("spectrum data -o data.npz");
    assert!(code == 0 && stderr.contains("2 pipes, sockets or devices were left out"), "{stderr}");

    // A pipe of the shell is open already.
    let mut child = folder.command(&["info", "/dev/stdin"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"4\n1\n").unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn leftovers_of_killed_runs_are_removed() {
    let folder = Folder::empty();
    folder.write("x.npy", npy("<f8", "(3, 2)", &f64s(&noise(6))));
    folder.write(".gaussmeter-left", [1; 3000]);
    folder.write(".gaussmeter-locked", [1; 3000]);
    let locked = fs::File::options().write(true).open(folder.path(".gaussmeter-locked")).unwrap();
    locked.lock().unwrap();
    let Ran { code, stderr, .. } = folder.run("spectrum x.npy -o y.npz");
    assert!(code == 0 && stderr.contains("removed 1 unfinished file of killed runs"), "{stderr}");
    let names = folder.names();
    assert!(
        !names.contains(".gaussmeter-left") && names.contains(".gaussmeter-locked"),
        "{names:?}"
    );
    drop(locked);
    for (line, name) in
        [("info y.npz -o y.json", "left2"), ("eval --sampler heun -o e.csv", "left3")]
    {
        folder.write(&format!(".gaussmeter-{name}"), [1; 10]);
        assert_eq!(folder.run(line).code, 0);
        assert!(!folder.names().contains(&format!(".gaussmeter-{name}")), "{line}");
    }
}

/// What is moved to its place when it is complete would be there instead of the pipe.
#[cfg(unix)]
#[test]
fn pipes_are_neither_replaced_nor_waited_for() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = Folder::empty();
    folder.write("data.npy", npy("<f8", "(20, 2)", &f64s(&noise(40))));
    folder.write("small.png", png(40, 30));
    assert_eq!(folder.run("spectrum data.npy --part 1/2 -o sums.npz").code, 0);
    assert_eq!(folder.run("texture small.png -o model.npz").code, 0);
    for name in ["pipe.npz", "pipe.png", "pipe.txt"] {
        let made = std::process::Command::new("mkfifo").arg(folder.path(name)).status();
        assert!(made.unwrap().success());
        symlink(name, folder.path(&format!("link-{name}"))).unwrap();
    }
    let before = folder.names();
    for to in ["", "link-"] {
        for line in [
            "spectrum data.npy -o pipe.npz",
            "spectrum data.npy --part 1/2 -o pipe.npz",
            "merge sums.npz -o pipe.npz",
            "merge sums.npz --sums -o pipe.npz",
            "texture small.png -o pipe.npz",
            "sample model.npz -o pipe.npz",
            "sample model.npz -o pipe.png",
        ] {
            let message = folder.refused(&line.replace("pipe.", &format!("{to}pipe.")));
            assert!(message.contains("cannot replace"), "{line}: {message}");
        }
        if cfg!(target_os = "linux") {
            for line in ["info white:d=2 -o pipe.txt", "cite heun -o pipe.txt"] {
                let message = folder.refused(&line.replace("pipe.", &format!("{to}pipe.")));
                assert!(message.contains("without a reader"), "{line}: {message}");
            }
        }
    }
    assert_eq!(folder.names(), before);
    for name in ["pipe.npz", "pipe.png", "pipe.txt"] {
        let kind = fs::metadata(folder.path(name)).unwrap().file_type();
        assert!(kind.is_fifo(), "{name}");
    }
    // With a reader, text goes through.
    let reader = std::process::Command::new("cat")
        .arg(folder.path("pipe.txt"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.run("info white:d=2 -o pipe.txt").code != 0 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    let read = reader.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(read.stdout).unwrap(), folder.stdout("info white:d=2"));
}
