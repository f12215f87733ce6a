//! One file per verb.

pub mod completions;
pub mod curve;
pub mod eval;
pub mod list;
pub mod modes;
pub mod table;
