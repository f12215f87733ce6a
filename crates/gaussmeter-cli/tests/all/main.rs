//! What the command does, run as users run it: one program, so that it is linked once. The tests of
//! one file are `cargo test -p gaussmeter-cli --test all NAME::`.

mod cli;
mod common;
#[cfg(feature = "data")]
mod distance;
#[cfg(all(unix, feature = "data"))]
mod documented;
mod export;
mod figures;
mod info;
#[cfg(feature = "data")]
mod laws;
mod lengths;
#[cfg(feature = "onnx")]
mod onnx;
mod options;
#[cfg(feature = "data")]
mod pictures;
mod rank;
mod recommend;
#[cfg(feature = "data")]
mod refused_inputs;
mod report;
mod schedules;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "data")]
mod spectrum;
mod steps;
#[cfg(feature = "train")]
mod train;
mod tune;
#[cfg(feature = "data")]
mod verify;
