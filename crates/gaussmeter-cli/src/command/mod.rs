//! One file per verb.

pub mod cite;
pub mod completions;
pub mod curve;
pub mod eval;
pub mod export;
pub mod info;
pub mod list;
#[cfg(feature = "data")]
pub mod merge;
pub mod modes;
pub mod pareto;
pub mod rank;
pub mod recommend;
#[cfg(feature = "data")]
pub mod sample;
pub mod schedules;
pub mod show;
#[cfg(feature = "data")]
pub mod spectrum;
pub mod steps;
pub mod table;
#[cfg(feature = "data")]
pub mod texture;
pub mod tune;
