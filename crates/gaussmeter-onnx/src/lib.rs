//! Trained networks in ONNX files, as what samplers call.
//!
//! An [`OnnxNetwork`] is a file with what it predicts and what it is told of the noise level; bound to
//! the shape of data it is an [`OnnxDenoiser`], which implements [`Denoiser`]. It computes in 32-bit
//! floats, each network on one thread: results do not depend on the number of threads.
//!
//! | `metadata_props` | what it says |
//! |---|---|
//! | `gaussmeter.prediction` | `denoiser`, `noise`, `v-prediction`, `velocity`, `flow`, `score` |
//! | `gaussmeter.conditioning` | `sigma`, `log-sigma`, `log-sigma-over-4`, `time`, `time-times-999`, `time-times-1000`, `timestep` |
//! | `gaussmeter.process` | the text form of the process that it was trained on; none: data + σz |
//! | `gaussmeter.classes`, `gaussmeter.null_class` | number of classes, and the one that stands for any |
//! | `gaussmeter.version`, `gaussmeter.shape` | `1`; channels, height and width |
//!
//! [`Denoiser`]: gaussmeter::network::Denoiser

#![warn(clippy::unwrap_used, clippy::expect_used)]

mod denoiser;
mod error;
mod graph;
mod header;
mod network;
mod quiet;
mod sizes;
mod spec;
mod told;
mod wire;

pub use denoiser::OnnxDenoiser;
pub use error::{Broken, OnnxError};
pub use header::{External, Header, MOST_OPERATIONS, MOST_VALUES, Port};
pub use network::OnnxNetwork;
pub use spec::{AUTO, ENTRY, Spec, is_onnx, registry};
pub use told::{Conditioning, Trained};
