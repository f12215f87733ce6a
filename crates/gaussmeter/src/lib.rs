//! Exact errors of diffusion samplers on Gaussian data.
//!
//! When the data are Gaussian, N(μ, Σ), the score is linear, so every usual sampler outputs a
//! Gaussian whose law has a closed recursion per eigenvalue of Σ. Its Wasserstein-2 distance to the
//! data is then a number, not an estimate. The method is based on Pierret & Galerne, "Diffusion
//! models for Gaussian distributions: exact solutions and Wasserstein errors" (ICML 2025, arXiv
//! 2405.14250).
//!
//! ```text
//! data ─► Spectrum ───────────────┐
//! Process + GridRule ─► Grid ─► Sampler ─► Plan ─┬─► exact: law per eigenvalue ─┐
//!                                                └─► paths: samples             ├─► Metric
//! ```
//!
//! Commands are functions of [`experiment`], which return results as data; `report` of a result is a
//! [`Report`](report::Report), which a [`Format`](report::Format) writes as text, LaTeX, JSON, ….
//!
//! ```
//! use gaussmeter::prelude::*;
//! use std::sync::Arc;
//!
//! let data = data::load("cifar10")?;
//! let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
//! let grid = Uniform.grid(&process, 25, 1e-3)?;
//! let plan = Heun::default().plan(&grid)?;
//! let law = Output::of(&plan, &data).law(&Init::Exact, Target::Data);
//! assert_eq!(plan.nfe(), 50);
//! assert_eq!(format!("{:.2}", wasserstein2(&law).total), "1.87");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The library returns values; it never prints and never opens a connection.

#![warn(clippy::unwrap_used, clippy::expect_used)]

pub mod basis;
pub mod bibliography;
pub mod data;
pub mod design;
#[cfg(feature = "dense")]
pub mod distance;
#[cfg(feature = "dense")]
pub mod empirical;
pub mod entry;
pub mod exact;
pub mod experiment;
pub mod export;
pub mod families;
pub mod file;
pub mod grid;
#[cfg(feature = "dense")]
pub mod law;
pub mod level;
pub mod message;
pub mod metric;
#[cfg(feature = "dense")]
pub mod mixture;
pub mod network;
pub mod numeric;
pub mod objective;
pub mod paths;
mod present;
pub mod process;
pub mod report;
pub mod sampler;
#[cfg(feature = "dense")]
pub mod separable;
pub mod shell;
pub mod spectrum;
pub mod summary;
pub mod tape;
#[cfg(feature = "dense")]
pub mod texture;
pub mod watch;

/// The names most programs need.
pub mod prelude {
    pub use crate::data;
    pub use crate::exact::{Init, Law, Output, Target};
    pub use crate::grid::{Grid, GridRule, Times, Uniform};
    pub use crate::metric::wasserstein2;
    pub use crate::process::{Edm, Flow, Level, Process, VpLinear};
    pub use crate::sampler::{
        Ddim, Ddpm, DpmPp2M, EdmSampler, Euler, EulerMaruyama, ExponentialIntegrator, Heun, Rk4,
        Sampler,
    };
    pub use crate::spectrum::Spectrum;
}
