//! One file per verb.

pub mod completions;
pub mod curve;
pub mod eval;
pub mod list;
pub mod modes;
#[cfg(feature = "data")]
pub mod sample;
pub mod table;
#[cfg(feature = "data")]
pub mod texture;
