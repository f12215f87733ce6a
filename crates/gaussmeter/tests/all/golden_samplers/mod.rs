//! What the libraries that people use compute, case by case: the recordings in
//! `../shared/golden/samplers` of k-diffusion, EDM, ComfyUI and diffusers with an exact Gaussian
//! denoiser, and a few of them beside this file, for checkouts without that folder.

mod case;
mod check;
mod names;

use check::{Skip, check_file};
use gaussmeter_testkit::{read_json, shared};
use names::{ELSEWHERE, FILES, SKIPPED};
use std::path::Path;

#[test]
fn libraries_compute_the_same() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("golden/samplers");
    let mut failures = Vec::new();
    let mut skipped: Vec<(&str, Skip, usize)> = Vec::new();
    for (name, text, expected) in FILES {
        let checked = check_file(&read_json(&folder.join(format!("{name}.json"))), *text);
        let cases = checked.covered + checked.skipped.len();
        println!("{name}: {} of {cases} cases, {:.1e}", checked.covered, checked.worst);
        for (id, why) in &checked.skipped {
            println!("  skipped: {id}: {why:?}");
            match skipped.iter_mut().find(|(file, reason, _)| file == name && reason == why) {
                Some((_, _, count)) => *count += 1,
                None => skipped.push((name, *why, 1)),
            }
        }
        failures.extend(checked.failures);
        if checked.covered != *expected {
            failures.push(format!("{name}: {} cases covered, not {expected}", checked.covered));
        }
    }
    // What is skipped is known, and so is what is not read.
    for (file, why, count) in &skipped {
        let known = SKIPPED.iter().find(|(f, w, _)| f == file && w == why).map_or(0, |s| s.2);
        if *count != known {
            failures.push(format!("{file}: {count} cases skipped as {why:?}, not {known}"));
        }
    }
    for (file, why, count) in SKIPPED {
        if !skipped.iter().any(|(f, w, _)| f == file && w == why) {
            failures.push(format!("{file}: no case skipped as {why:?}, not {count}"));
        }
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        match ELSEWHERE.iter().find(|(file, _)| *file == name) {
            Some((_, why)) => println!("{name}: not read: {why}"),
            None if FILES.iter().any(|(file, _, _)| *file == name) => {}
            None => failures.push(format!("{name}: a file that no test reads")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The same for the cases beside this file, one or two of each recording.
#[test]
fn libraries_compute_the_same_in_the_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let fixture = read_json(&folder.join("samplers.json"));
    for (name, text, _) in FILES {
        let checked = check_file(&fixture["files"][name], *text);
        assert!(checked.failures.is_empty(), "{}", checked.failures.join("\n"));
        assert!(checked.skipped.is_empty(), "{name}: {:?}", checked.skipped);
        assert!(checked.covered > 0, "{name}");
    }
}
