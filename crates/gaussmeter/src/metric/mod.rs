//! Distances between the law a sampler produces and the law it should produce.
//!
//! A new metric is one file with an [`Entry`](crate::entry::Entry) at its end, and one line in
//! [`registry`].

#[cfg(feature = "dense")]
mod bures;
mod kl;
mod trace;
mod wasserstein2;

#[cfg(feature = "dense")]
pub use bures::{DenseGaussian, GaussianError, bures, wasserstein2_dense};
pub use kl::{kl_forward, kl_reverse};
pub use trace::trace_error;
pub(crate) use wasserstein2::{W2, wasserstein2_of_output};
pub use wasserstein2::{Wasserstein2, wasserstein2, wasserstein2_terms};

use crate::entry::Registry;
use crate::exact::continuous::Reverse;
use crate::exact::{Init, Law, LawMode, Output, Reason, Target, along_some};
use crate::level::Level;
use crate::network::{Learnt, NetworkError};
use crate::report::Label;
use crate::spectrum::Mode;
use crate::tape::Plan;
use crate::watch::Watch;
use std::fmt::Debug;

/// The metrics that ship with the library.
pub fn registry() -> Registry<dyn Metric> {
    Registry {
        family: "metric",
        entries: vec![&wasserstein2::ENTRY, &kl::FORWARD, &kl::REVERSE, &trace::ENTRY],
        refused: &[],
    }
}

/// A value, and the reason if it is infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// The value; may be infinite, never NaN.
    pub value: f64,
    /// Why it is infinite.
    pub infinite: Option<Reason>,
}

impl Value {
    pub(crate) fn new(value: f64, infinite: Option<Reason>) -> Self {
        match infinite {
            Some(_) => Value { value: f64::INFINITY, infinite },
            None => Value { value, infinite: None },
        }
    }
}

/// How results refer to a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricName {
    /// Its key in the summary of one configuration, in JSON and CSV: `w2`.
    pub key: &'static str,
    /// Its label in that summary: `W2 to the data`.
    pub summary: &'static str,
    /// Its symbol, for column headings and axes: `W2`.
    pub symbol: &'static str,
    /// The symbol in LaTeX.
    pub latex: &'static str,
    /// How titles refer to it: `W2 error`.
    pub title: &'static str,
}

impl MetricName {
    /// The symbol as a label.
    pub fn label(&self) -> Label {
        Label::new(self.symbol).with_latex(self.latex)
    }
}

/// A distance from a [`Law`] to its target: 0 if they are equal.
pub trait Metric: Debug + Send + Sync {
    /// The distance.
    fn evaluate(&self, law: &Law) -> Value;

    /// The distance of a state from its target, where the data are `truth` (see [`Output::law_against`]).
    fn of_output(&self, state: &Output, truth: &[Mode], init: &Init, target: Target) -> Value {
        self.evaluate(&state.law_against(truth, init, target))
    }

    /// [`Metric::of_output`] for the states of a sampler whose numbers are `wanted` (0 is the initial state),
    /// with their times. Where `watch` stops it, those so far.
    ///
    /// # Errors
    /// [`NetworkError`]
    fn along(
        &self,
        network: &Learnt,
        plan: &Plan,
        (init, target): (&Init, Target),
        wanted: &(dyn Fn(usize) -> bool + Sync),
        watch: Watch,
    ) -> Result<Vec<(f64, Value)>, NetworkError> {
        along_some(network, plan, wanted, watch, |state| {
            (state.level.t, self.of_output(&state, network.truth(), init, target))
        })
    }

    /// The distances of continuous solutions that start at a level, at others from the noisiest on: by level,
    /// then by process. `None` where there is no shorter way than law by law, and where `watch` stops it.
    fn of_continuous(
        &self,
        processes: &[Reverse],
        network: &Learnt,
        (from, levels): (&Level, &[Level]),
        (init, target): (&Init, Target),
        watch: Watch,
    ) -> Option<Vec<Vec<Value>>> {
        let _ = (processes, network, from, levels, init, target, watch);
        None
    }

    /// The distance of a law that is given mode by mode, all of them finite.
    fn of_modes(&self, modes: &mut dyn Iterator<Item = LawMode>) -> Value {
        self.evaluate(&Law { modes: modes.collect(), infinite: None })
    }

    /// How results refer to it.
    fn name(&self) -> MetricName;

    /// Whether it satisfies the triangle inequality, so that a sum of errors bounds the whole: where the
    /// whole is below the error of truncation alone, discretization cancels truncation.
    fn is_triangular(&self) -> bool {
        false
    }

    /// The parts of the distance, shown with it in the summary of one configuration, each with its
    /// key and label.
    fn parts(&self, law: &Law) -> Vec<(&'static str, &'static str, Value)> {
        let _ = law;
        Vec::new()
    }
}
