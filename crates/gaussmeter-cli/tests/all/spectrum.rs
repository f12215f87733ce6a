//! `spectrum` and `merge` as their user sees them.

use crate::common::files::{f64s, npy};
use crate::common::{Folder, Ran, words};
use image::{ImageFormat, RgbImage};
use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};

impl Folder {
    /// The stdout of a run that must succeed.
    fn ok(&self, line: &str) -> String {
        let Ran { code, stdout, stderr } = self.run(line);
        assert_eq!(code, 0, "{line}: {stderr}");
        stdout
    }
    /// The one line of a run that must fail, and its code.
    fn fails(&self, line: &str) -> (i32, String) {
        let before = self.names();
        let Ran { code, stdout, stderr } = self.run(line);
        assert_eq!(stdout, "", "{line}");
        let errors: Vec<_> = stderr.lines().filter(|l| !l.starts_with("note: ")).collect();
        assert_eq!(errors.len(), 1, "{line}: {stderr}");
        assert_eq!(self.names(), before, "{line}: files left");
        (code, errors[0].strip_prefix("error: ").unwrap().to_owned())
    }
    /// An array of an npz file, as its bytes.
    fn stored(&self, file: &str, name: &str) -> Vec<u8> {
        let mut archive = zip::ZipArchive::new(fs::File::open(self.path(file)).unwrap()).unwrap();
        let mut bytes = Vec::new();
        std::io::copy(&mut archive.by_name(&format!("{name}.npy")).unwrap(), &mut bytes).unwrap();
        bytes
    }
}

fn named(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| n.to_string()).collect()
}

fn png(k: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(6, 5, |x, y| {
        let v = |c: u32| ((x * 31 + y * 17 * (k % 5) + k * k * 7 + c * 101) * (k + 3) % 256) as u8;
        image::Rgb([v(0), v(1), v(2)])
    });
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

fn write_pictures(folder: &Path, count: u32) {
    fs::create_dir(folder).unwrap();
    (0..count).for_each(|k| fs::write(folder.join(format!("{k:04}.png")), png(k)).unwrap());
}

#[test]
fn from_pictures_to_a_table() {
    let folder = Folder::empty();
    write_pictures(&folder.path("pictures"), 120);
    let Ran { code, stdout, stderr } = folder.run("spectrum pictures -o my.npz");
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("90"), "{stdout}");
    assert!(stderr.contains("note: 120 samples in ") && stderr.contains("dense"), "{stderr}");
    let table = folder.ok("table --spectrum my.npz --nfe 20 --sampler em");
    assert!(table.contains("W2 error on my (d = 90)"), "{table}");
    assert_eq!(folder.names(), named(&["my.npz", "pictures"]));
}

#[test]
fn parts_in_any_order_are_the_whole_bit_for_bit() {
    let folder = Folder::empty();
    write_pictures(&folder.path("pictures"), 101);
    folder.ok("spectrum pictures -o whole.npz --basis");
    for k in 1..=4 {
        folder.ok(&format!("spectrum pictures --part {k}/4 -o part{k}.npz"));
    }
    folder.ok("merge part3.npz part1.npz --sums -o left.npz");
    folder.ok("merge part4.npz left.npz part2.npz -o merged.npz --basis");
    for name in ["eigenvalue", "mean", "pixel_mean", "basis"] {
        assert_eq!(folder.stored("whole.npz", name), folder.stored("merged.npz", name), "{name}");
    }
    let (code, message) = folder.fails("merge part1.npz part2.npz part4.npz -o x.npz");
    assert_eq!(code, 1);
    assert!(message.starts_with("1 of 4 parts are missing: 3 "), "{message}");
    let (_, message) = folder.fails("merge part1.npz part2.npz part1.npz -o x.npz");
    assert!(message.contains("part1.npz: part 1/4 was given twice"), "{message}");
    folder.ok("merge part1.npz part2.npz part4.npz --incomplete -o some.npz");

    folder.ok("spectrum pictures --part 1/3 -o third.npz");
    let (_, message) = folder.fails("merge part1.npz third.npz");
    assert!(message.contains("parts differ in number of parts"), "{message}");
    fs::create_dir(folder.path("other")).unwrap();
    fs::write(folder.path("other/0.png"), png(3)).unwrap();
    folder.ok("spectrum other --part 2/4 -o other.npz");
    let (_, message) = folder.fails("merge part1.npz other.npz");
    assert!(message.contains("parts differ in data"), "{message}");
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::empty();
    write_pictures(&folder.path("pictures"), 140);
    for threads in ["1", "2", "5"] {
        let mut command = folder.command(&words(&format!("spectrum pictures -o {threads}.npz")));
        assert!(command.env("RAYON_NUM_THREADS", threads).output().unwrap().status.success());
    }
    // Eigenvectors may differ in the last bits, sums and means of pixels may not.
    for threads in ["1", "2", "5"] {
        folder.ok(&format!("spectrum pictures --part 1/1 -o sums{threads}.npz"));
    }
    for name in ["first", "second"] {
        assert_eq!(folder.stored("sums1.npz", name), folder.stored("sums2.npz", name));
        assert_eq!(folder.stored("sums1.npz", name), folder.stored("sums5.npz", name));
    }
    assert_eq!(folder.stored("1.npz", "pixel_mean"), folder.stored("5.npz", "pixel_mean"));
}

#[cfg(unix)]
#[test]
fn interrupted_work_is_kept_and_resumed() {
    use std::io::Read;
    let folder = Folder::empty();
    let (rows, dim) = (40_000, 500);
    let bytes: Vec<u8> = (0..rows * dim).map(|i: usize| (i * i / 7 % 251) as u8).collect();
    fs::write(folder.path("x.npy"), npy("|u1", &format!("({rows}, {dim})"), &bytes)).unwrap();
    folder.ok("spectrum x.npy -o whole.npz");
    // Stopped as soon as something can be lost; on a fast machine it may already be done.
    let mut kept = false;
    for wait in [400, 200, 100, 50, 25] {
        let mut child = folder
            .command(&words("spectrum x.npy -o my.npz"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(interrupt.unwrap().success() || child.try_wait().unwrap().is_some());
        let status = child.wait().unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        if status.code() == Some(1) {
            let last = stderr.lines().last().unwrap();
            assert!(last.starts_with("error: interrupted after ") && last.contains("--resume"));
            assert!(!folder.path("my.npz").exists());
            kept = true;
            break;
        }
        let _ = fs::remove_file(folder.path("my.npz"));
    }
    if kept {
        let (code, message) = folder.fails("spectrum x.npy --scale unit --resume -o my.npz");
        assert!(code == 1 && message.contains("read with other options"), "{message}");
        let Ran { code, stderr, .. } = folder.run("spectrum x.npy --resume -o my.npz");
        assert!(code == 0 && stderr.contains("continuing after "), "{stderr}");
        assert_eq!(folder.stored("my.npz", "eigenvalue"), folder.stored("whole.npz", "eigenvalue"));
        assert_eq!(folder.names(), named(&["my.npz", "whole.npz", "x.npy"]));
    }
    let (_, message) = folder.fails("spectrum x.npy --resume -o other.npz");
    assert!(message.starts_with("nothing to resume"), "{message}");
}

#[test]
fn statistics_covariances_and_eigenvalues() {
    let folder = Folder::empty();
    fs::write(folder.path("cov.npy"), npy("<f8", "(2, 2)", &f64s(&[2.0, 1.0, 1.0, 2.0]))).unwrap();
    folder.ok("spectrum cov.npy -o cov.npz");
    let eval = folder.ok("eval --sampler em --spectrum cov.npz --format json");
    assert!(eval.contains("\"dim\": 2.0"), "{eval}");
    let values = folder.stored("cov.npz", "eigenvalue");
    let values: Vec<f64> = values[values.len() - 16..]
        .chunks_exact(8)
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15, "{values:?}");
    // The same numbers as two samples, if that is what they are.
    folder.ok("spectrum cov.npy --kind samples -o samples.npz");

    fs::write(folder.path("list.txt"), "# eigenvalue\n3\n1\n").unwrap();
    folder.ok("spectrum list.txt -o list.npz");
    assert_eq!(
        folder.stored("list.npz", "eigenvalue").len(),
        folder.stored("cov.npz", "eigenvalue").len()
    );
    let (code, message) = folder.fails("spectrum list.txt --part 1/2 -o x.npz");
    assert!(code == 2 && message.contains("--part"), "{message}");
    let (code, _) = folder.fails("spectrum list.txt --basis -o x.npz");
    assert_eq!(code, 1);
}

#[test]
fn bad_requests_get_one_line() {
    let folder = Folder::empty();
    write_pictures(&folder.path("pictures"), 5);
    let mut values = vec![0.5; 12];
    values[7] = f64::NAN;
    fs::write(folder.path("nan.npy"), npy("<f8", "(4, 3)", &f64s(&values))).unwrap();
    fs::write(folder.path("float.npy"), npy("<f8", "(4, 3)", &f64s(&[0.25; 12]))).unwrap();
    fs::write(folder.path("short.npy"), npy("<f8", "(9, 3)", &f64s(&[0.5; 12]))).unwrap();
    fs::write(folder.path("noise"), [1u8, 2, 3, 0, 255]).unwrap();
    for (line, code, text) in [
        ("spectrum missing -o x.npz", 1, "missing: No such file"),
        ("spectrum noise", 1, "noise: not recognised as any of"),
        ("spectrum nan.npy -o x.npz", 1, "nan.npy: sample 2, coordinate [1] is NaN"),
        ("spectrum short.npy -o x.npz", 1, "short.npy: ends in sample 4 of 9"),
        ("spectrum float.npy --scale unit", 1, "float64 values have no value of white"),
        ("spectrum float.npy --scale 0,1", 2, "--scale"),
        ("spectrum float.npy --array x --kind banana", 2, "banana"),
        ("spectrum pictures -o x.txt", 2, "spectra are .npz files"),
        ("spectrum pictures -o nowhere/x.npz", 1, "no such folder"),
        ("spectrum pictures --part 3/2 -o x.npz", 2, "'3/2' is not a part"),
        ("spectrum pictures --part 1/2", 2, "--output"),
        ("spectrum pictures --resize 0", 2, "'0' is not a size"),
        ("spectrum pictures --crop 9", 1, "too small for a crop of 9x9"),
        ("spectrum pictures --method lanczos --basis", 1, "gives no basis"),
        (
            "spectrum pictures --method lanczos --probes 1",
            1,
            "probes = 1, but it must be at least 2",
        ),
        (
            "spectrum pictures nan.npy",
            1,
            "nan.npy: holds samples, but pictures/0000.png holds pictures",
        ),
        ("spectrum", 2, "DATA"),
        ("merge pictures", 1, "pictures"),
        ("merge nan.npy", 1, "nan.npy: not a complete npz archive"),
    ] {
        let (found, message) = folder.fails(line);
        assert!(found == code && message.contains(text), "{line}: {found}, {message}");
    }
}

#[test]
fn memory_is_bounded_as_asked() {
    let folder = Folder::empty();
    write_pictures(&folder.path("pictures"), 40);
    let (code, message) = folder.fails("spectrum pictures --method gram --memory 1K -o x.npz");
    assert!(code == 1 && message.contains("memory"), "{message}");
    folder.ok("spectrum pictures --method gram --memory 1M -o gram.npz");
    let lanczos = "spectrum pictures --method lanczos --passes 8 --probes 4";
    folder.ok(&format!("{lanczos} --memory 1M -o kept.npz"));
    folder.ok(&format!("{lanczos} --memory 1K -o again.npz"));
    assert_eq!(folder.stored("kept.npz", "eigenvalue"), folder.stored("again.npz", "eigenvalue"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = Folder::empty();
    write_pictures(&folder.path("pictures"), 5);
    let full = Command::new("sh")
        .args([
            "-c",
            &format!(
                "trap '' XFSZ; ulimit -f 8; exec {} spectrum pictures --basis -o x.npz",
                env!("CARGO_BIN_EXE_gaussmeter")
            ),
        ])
        .current_dir(folder.0.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&full.stderr);
    assert!(!full.status.success() && stderr.contains("x.npz: file too large"), "{stderr}");
    assert_eq!(folder.names(), named(&["pictures"]), "{stderr}");
}

/// The training images of CIFAR-10 as JPEG. Largest eigenvalue and trace are those that NumPy finds
/// from Pillow's pixels, whose decoder differs from ours by some grey levels.
#[test]
fn cifar10_as_jpeg_in_one_command() {
    let Some(shared) = gaussmeter_testkit::shared() else { return };
    let tar = shared.join("data/images/cifar10-train-jpeg.tar");
    let folder = Folder::empty();
    let json = folder.ok(&format!("spectrum {} -o my.npz --format json", tar.display()));
    let info: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(info["spectrum"]["dim"], 3072.0, "{json}");
    for (key, expected) in [("trace", 754.631_156_485_255_8), ("largest", 220.219_168_94)] {
        let found = match key {
            "trace" => info["spectrum"]["trace"].as_f64().unwrap(),
            _ => info["highest"].as_f64().unwrap(),
        };
        assert!((found / expected - 1.0).abs() < 1e-3, "{key}: {found}");
    }
    let table = folder.ok("table --spectrum my.npz --nfe 50 --sampler em,heun");
    assert!(table.contains("W2 error on my (d = 3072)"), "{table}");
}
