//! Results of experiments as [reports](crate::report::Report): one file per result says what its
//! tables, figures, records and JSON document are. Nothing is computed here that a result does not
//! hold, and nothing is written: that is what [formats](crate::report::Format) do.

mod curve;
mod document;
mod eval;
mod info;
mod levels;
mod modes;
mod pareto;
mod quadrature;
mod rank;
mod recommend;
mod schedules;
mod show;
mod steps;
mod table;
mod trials;
mod tune;

/// What tables say of a search that was stopped.
const INTERRUPTED: &str = "interrupted: the best found so far";

/// Name of a metric's value in CSV and JSON: `w2`, `kl_forward`, …
fn value_name(metric: &str) -> String {
    metric.replace('-', "_")
}
