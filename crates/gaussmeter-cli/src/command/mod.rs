//! One file per verb.

pub mod completions;
pub mod curve;
pub mod eval;
pub mod export;
pub mod info;
pub mod list;
#[cfg(feature = "data")]
pub mod merge;
pub mod modes;
#[cfg(feature = "data")]
pub mod sample;
#[cfg(feature = "data")]
pub mod spectrum;
pub mod table;
#[cfg(feature = "data")]
pub mod texture;
