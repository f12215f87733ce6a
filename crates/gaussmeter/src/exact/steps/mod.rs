//! Errors by step: what each step of a sampler contributes to the error of its output.
//!
//! Along one eigenvector with eigenvalue λ, the exact solution of the probability-flow ODE has the
//! standard deviation s_k = (α_k²λ + σ_k²)^½ at level k, and carries a small error e at level k on to
//! e s_N/s_k at the end. The **defect** δ_k of a step is its result from exact states and an exact
//! history (network outputs at exact states), minus the exact state; the same for the mean, α_k μ. Its
//! contribution to the error of the output is
//!
//! e_k = (s_N/s_k) δ_k
//!
//! to leading order: the sampler's own program carries it by its adjoint a_k instead of s_N/s_k, and with
//! a_k the contributions add up to the error of the output exactly ([`contributions`]). W2² takes the
//! square of their sum over k; their sum of squares ([`LocalErrors`]) is an error in which steps cannot
//! cancel. Cancellation belongs to Gaussian data and an exact network; defects do not. What a step makes of
//! errors of the evaluations that it uses is [`LocalErrors::amplification`].
//!
//! # Rules that draw noise
//!
//! Their exact solution is a chain of Gaussian states that takes in as much noise in each step as the
//! sampler does: with u_k = (x_k − α_k μ)/s_k, and z_k the part of the sampler's own state after step k,
//! from exact states, that is new noise, of variance b_k²,
//!
//! u_k = r_k u_{k−1} + z_k/s_k, r_k² = 1 − b_k²/s_k²
//!
//! (where b_k > s_k, z_k is scaled down to s_k). Without noise this is the solution of the
//! probability-flow ODE; states are exact at every level, and an error of the standard deviation is
//! carried by r² s_N/s_k over the steps after k. A defect is a linear form D_k in the initial state and
//! the noises; with x_N the exact last state and y the output, Var y − s_N² = Σ_k a_k Cov(D_k, y + x_N),
//! so that contributions to the standard deviation are a_k Cov(D_k, y + x_N)/(√Var y + s_N).

// Several blocks are indexed together, lane by lane.
#![allow(clippy::needless_range_loop)]

mod amplification;
mod contributions;
mod local;
mod noise;
mod recorded;

pub use contributions::{Cancellation, cancellation, contributions, contributions_watched};
pub use recorded::LocalErrors;
