//! The command `export`, and reading back what it writes.

use crate::common::Folder;

const KARRAS: &str = "--process edm --grid karras --spectrum white:d=4 --steps 3";

#[test]
fn text_on_stdout_and_its_cost_on_stderr() {
    let folder = Folder::empty();
    let ran = folder.run(&format!("export --to comfyui --sampler dpmpp-2m {KARRAS}"));
    assert_eq!((ran.code, &ran.stdout[..]), (0, "80.0, 2.515219, 0.002, 0.0\n"), "{ran:?}");
    let notes: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(notes[0], "note: sigmas are rounded to float32");
    assert!(
        notes[1].starts_with("note: W2 is ") && notes[1].contains(" as exported ("),
        "{notes:?}"
    );
    assert!(notes[1].ends_with("3 evaluations, from normal:std=80.00624975587844"), "{notes:?}");
}

#[test]
fn what_is_written_is_evaluated_again() {
    let folder = Folder::empty();
    let export = "export --to edm --sampler edm";
    for (file, first) in [("a.json", "{"), ("a.py", "# edm in 3 steps"), ("a.txt", "80.0\n")] {
        assert_eq!(folder.run(&format!("{export} {KARRAS} -o {file}")).code, 0);
        assert!(folder.read(file).starts_with(first), "{file}");
    }
    let w2 = |grid: &str| -> f64 {
        let line = format!(
            "eval --sampler edm --process edm --spectrum white:d=4 --grid {grid} --format json"
        );
        let text = folder.run(&line).stdout;
        let value = text.split("\"w2\":").nth(1).unwrap().split(',').next().unwrap();
        value.trim().parse().unwrap()
    };
    let asked = w2("karras --steps 3 --eps 0");
    for file in ["a.json", "a.py", "a.txt"] {
        assert!((w2(&format!("sigmas:{file}")) - asked).abs() < 1e-12 * asked, "{file}");
    }
}

#[test]
fn the_model_is_told_by_its_configuration() {
    let folder = Folder::empty();
    folder.write(
        "scheduler_config.json",
        r#"{"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}"#,
    );
    let export = |process: &str| {
        folder.run(&format!(
            "export --to diffusers --sampler dpmpp-2m --grid karras --steps 4 --spectrum white:d=4 --process {process}"
        ))
    };
    let (file, own) = (export("diffusers:scheduler_config.json"), export("vp-discrete"));
    assert_eq!((file.code, &file.stdout), (0, &own.stdout), "{file:?}");
    assert!(file.stdout.contains("timesteps = [\n    999, "), "{}", file.stdout);
}

#[test]
fn bad_requests_are_one_line() {
    let folder = Folder::empty();
    for (line, code, words) in [
        (
            "export --to comfyu --sampler ddim",
            2,
            "unknown target 'comfyu': did you mean 'comfyui'?",
        ),
        (
            "export --to edm:solver=hein --sampler edm --process edm --grid karras",
            2,
            "unknown solver of EDM 'hein': did you mean 'heun'?",
        ),
        (
            "export --to diffusers:DDIM --sampler ddim --process vp-discrete --grid karras",
            1,
            "DDIMScheduler does not accept a list",
        ),
        (
            "export --to edm --sampler edm --process edm --grid karras --nfe 0",
            1,
            "0 NFE leaves no step",
        ),
        (
            "export --to edm --sampler edm --process edm --grid sigmas:no.json",
            1,
            "no such file 'no.json'",
        ),
        ("export --sampler edm", 2, "--to"),
    ] {
        let ran = folder.run(line);
        assert_eq!((ran.code, &ran.stdout[..]), (code, ""), "{line}: {ran:?}");
        assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{line}: {}", ran.stderr);
    }
}
