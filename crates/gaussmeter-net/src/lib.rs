//! Networks trained on the models of gaussmeter, where the exact denoiser is known and so is the least loss.
//!
//! ```text
//! TrainingData ─┐
//! Program ──────┼──► Trainer ──► Network ──► safetensors, ONNX, Denoiser
//! Parametrization ─┘
//! ```
//!
//! A [`program`] is a network written once on a [`graph`]; the [`tape`] runs it, forwards and backwards, in 32
//! bits and without other packages than a matrix product. Training is the same, bit for bit, for any number of
//! threads, and after interruption.

#![warn(clippy::unwrap_used, clippy::expect_used)]

mod checkpoint;
pub mod data;
pub mod declaration;
mod error;
pub mod evaluation;
pub mod file;
pub mod graph;
pub mod network;
pub mod onnx;
mod optimiser;
pub mod parameters;
pub mod parametrization;
pub mod program;
pub mod questions;
mod random;
pub mod report;
mod shape;
pub mod tape;
mod tensors;
mod trainer;

pub use error::NetError;
pub use network::Network;
pub use optimiser::{Decay, Optimiser};
pub use shape::Shape;
pub use trainer::{Ended, LogRow, Options, Trainer};
