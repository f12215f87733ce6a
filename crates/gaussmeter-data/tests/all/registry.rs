//! The formats of data sets: every file of the folder is one, and each is described.

use gaussmeter_data::source::formats;
use std::collections::BTreeSet;
use std::path::Path;

/// What formats share.
const HELPERS: [&str; 3] = ["array", "choose", "mod"];

#[test]
fn every_file_is_registered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/source/format");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into())
        .filter(|name: &String| !HELPERS.contains(&&name[..]))
        .collect();
    let registered: BTreeSet<String> = formats().iter().map(|f| f.name.into()).collect();
    assert_eq!(files, registered);
    assert_eq!(formats().len(), registered.len(), "a name is there twice");
    for format in formats() {
        assert!(!format.summary.is_empty() && !format.summary.contains('\n'), "{}", format.name);
    }
}

#[test]
fn every_format_is_fuzzed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for format in formats() {
        let file = format!("fuzz_targets/samples_{}.rs", format.name);
        assert!(folder.join(&file).is_file() && manifest.contains(&file), "{file} is missing");
    }
}
