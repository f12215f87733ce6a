//! Networks exported by PyTorch equal PyTorch, what is said of them is used, and hostile files are errors.

mod hostile;
mod layout;
mod made;
mod told;
mod torch;

use gaussmeter::level::Level;
use std::path::PathBuf;

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// x = x₀ + σz
pub(crate) fn level(sigma: f64) -> Level {
    Level { t: sigma, sigma, sigma_sigma_prime: sigma, ..Level::DATA }
}
