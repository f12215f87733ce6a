//! Order fitting, exact problems and golden files for the tests of gaussmeter.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The environment variable that makes checks against reference data fail, not be skipped, where these
/// are missing. `.ci/run` sets it.
pub const REQUIRE_SHARED: &str = "GAUSSMETER_REQUIRE_SHARED";

/// The folder of reference data beside the checkout, if it is there. Prints
/// `skipped: no ../shared` and returns `None` otherwise.
///
/// # Panics
/// If it is not there although [`REQUIRE_SHARED`] is set.
pub fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os(REQUIRE_SHARED).is_some_and(|value| !value.is_empty());
    assert!(!required, "no ../shared, and {REQUIRE_SHARED} is set");
    skipped("no ../shared");
    None
}

/// Says that the running test leaves something out, and why: past what keeps the output of tests that
/// pass to itself, so that it is read.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {why} ({})\n", thread.name().unwrap_or("a thread"));
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A file of reference values that the repository holds, in `tests/fixtures` of the crate `gaussmeter`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../gaussmeter/tests/fixtures").join(name)
}

/// A JSON file of reference values.
///
/// # Panics
/// If it cannot be read: a broken checkout, not a failing test.
pub fn read_json(path: &Path) -> serde_json::Value {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => panic!("{}: {e}", path.display()),
    };
    match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(e) => panic!("{}: {e}", path.display()),
    }
}

/// Relative difference |a − b| / |b|; 0 if both are equal or both infinite.
pub fn relative_error(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() / b.abs() }
}

/// Order of convergence fitted to errors on successively halved steps: the slope of the last two,
/// which are the closest to the asymptote.
///
/// # Panics
/// With fewer than two errors.
pub fn fitted_order(errors: &[f64]) -> f64 {
    match errors {
        [.., a, b] => (a / b).log2(),
        _ => panic!("an order needs two errors"),
    }
}
