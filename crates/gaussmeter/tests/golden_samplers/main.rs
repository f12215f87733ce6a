//! What the libraries that people use compute, case by case: the recordings in
//! `../shared/golden/samplers` of k-diffusion, EDM, ComfyUI and diffusers with an exact Gaussian
//! denoiser, and a few of them beside this file, for checkouts without that folder.

mod case;
mod check;
mod names;

use check::check_file;
use gaussmeter_testkit::{read_json, shared};
use names::FILES;
use std::path::Path;

#[test]
fn libraries_compute_the_same() {
    let Some(shared) = shared() else { return };
    let mut failures = Vec::new();
    for (name, text, expected) in FILES {
        let file = read_json(&shared.join(format!("golden/samplers/{name}.json")));
        let (covered, worst, failed) = check_file(&file, *text);
        println!(
            "{name}: {covered} of {} cases, {worst:.1e}",
            file["cases"].as_array().unwrap().len()
        );
        failures.extend(failed);
        if covered != *expected {
            failures.push(format!("{name}: {covered} cases covered, not {expected}"));
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
        let file = &fixture["files"][name];
        let (covered, _, failures) = check_file(file, *text);
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert_eq!(covered, file["cases"].as_array().unwrap().len(), "{name}");
        assert!(covered > 0, "{name}");
    }
}
