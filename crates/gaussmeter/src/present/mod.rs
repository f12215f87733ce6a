//! Results of experiments as [reports](crate::report::Report): one file per result says what its
//! tables, figures, records and JSON document are. Nothing is computed here that a result does not
//! hold, and nothing is written: that is what [formats](crate::report::Format) do.

use crate::exact::steps::Cancellation;
use crate::experiment::{Run, StartError};
use crate::report::{Style, number};
use crate::sampler;

mod curve;
mod document;
mod dossier;
mod eval;
mod explore;
mod figure;
#[cfg(feature = "dense")]
mod guided;
mod info;
mod levels;
mod list;
mod modes;
mod noise_levels;
mod pareto;
mod plane;
mod quadrature;
mod rank;
mod recommend;
mod schedules;
#[cfg(feature = "dense")]
mod score_error;
mod show;
mod steps;
mod table;
mod training_set;
mod trials;
mod tune;
#[cfg(feature = "dense")]
mod verify;

pub use list::{Family, Listed, list_document, listed};

/// What tables say of a search that was stopped.
const INTERRUPTED: &str = "interrupted: the best found so far";

/// What the error to expect is.
const EXPECTED: &str = "expected error: the root of W2 squared plus a quarter of the squared contributions of steps, as if each step were off by half of its contribution (docs/steps.md)";

/// What users should know about a schedule that makes the errors of steps cancel; `None` if they hardly
/// do. On mixtures of Gaussians and trained networks such schedules lose to standard ones where a step uses
/// the results of earlier ones (docs/steps.md).
fn advice(cancellation: Option<Cancellation>) -> Option<String> {
    let Cancellation { total, without } = cancellation?;
    let short = |value: f64| Style::Significant(3).label(value).plain().to_string();
    (without > 3.0 * total).then(|| {
        format!(
            "the errors of steps cancel here: W2 {}, but {} without cancellation, which holds for Gaussian data and an exact network only. For a trained network and a multistep sampler take the objective robust, the default (docs/steps.md)",
            short(total),
            short(without)
        )
    })
}

/// Steps from which times of multistep rules were found to lose on trained networks: with fewer they won.
const FEW_STEPS: usize = 10;

/// What to say of optimised times for a multistep rule: with trained networks those of dpmpp-3m and unipc lost to
/// standard ones at 15 and 20 steps, and those of dpmpp-2m, by less, at 10 and 20 (docs/trained-networks.md).
fn on_trained_networks(run: &Run) -> Option<String> {
    let name = run.sampler.split(':').next().unwrap_or_default();
    let order = sampler::registry().find(name).ok()?.order?;
    let lost = match order {
        _ if run.grid.step_count() < FEW_STEPS => return None,
        2 => {
            "with trained networks the best times of dpmpp-2m, of second order, lost to exponential and fisher-rao ones at 10 and 20 steps, by up to a quarter"
        }
        3.. => {
            "with trained networks the best times of dpmpp-3m and unipc, of third order, lost to exponential and fisher-rao ones at 15 and 20 steps, by up to a factor of 2"
        }
        _ => return None,
    };
    run.plan.is_multistep().then(|| {
        format!("{lost} (docs/trained-networks.md): try those beside, with your network (verify --network onnx:FILE)")
    })
}

/// What to say of optimised times where one eigenvalue determines them: they make use of what holds for it
/// alone. On two clusters in every coordinate, all of one variance, they were worse than Karras'; with two
/// distinct variances already they were several times better (docs/steps.md).
fn one_eigenvalue(modes: usize, free: usize) -> Option<String> {
    (modes == 1 && free > 0).then(|| {
        "the spectrum has one distinct eigenvalue, which does not determine times that hold on other data: try them there (verify), or give more of a spectrum".into()
    })
}

/// What the start alone leaves of an error, where that is most of it.
fn start_note(start: Option<StartError>, w2: f64) -> Option<String> {
    let start = start.filter(|start| start.w2 > 0.5 * w2)?;
    let short = |value: f64| Style::Significant(3).label(value).plain().to_string();
    let mean = match start.of_mean > 0.5 * start.w2 {
        true => format!(
            ", {} of it because the data have a mean (which can also be added to the initial noise)",
            short(start.of_mean)
        ),
        false => String::new(),
    };
    Some(format!(
        "the start from pure noise at sigma/alpha = {} alone leaves W2 = {}{mean}: no times change that; a start at {} leaves a tenth (gaussmeter info)",
        short(start.sigma),
        short(start.w2),
        short(start.better)
    ))
}

/// What cancels, in JSON.
fn cancellation_json(cancellation: Option<Cancellation>) -> serde_json::Value {
    match cancellation {
        Some(Cancellation { total, without }) => {
            serde_json::json!({"w2_at_eps": number(total), "local": number(without)})
        }
        None => serde_json::Value::Null,
    }
}

/// Name of a metric's value in CSV and JSON: `w2`, `kl_forward`, …
fn value_name(metric: &str) -> String {
    metric.replace('-', "_")
}
