//! How much work a question asks for, before any of it is done.

use crate::question::{Asked, Detail, Verb};
use crate::refusal::Refusal;
use gaussmeter::experiment::{Length, Question};
use gaussmeter::spectrum::Spectrum;

/// Most eigenvalues times steps of one request.
pub const MAX_COST: f64 = 1e10;
/// Longest run: steps, points or evaluations.
pub const MAX_LENGTH: usize = 20_000;
/// Most steps whose times are sought.
pub const MAX_SOUGHT: usize = 200;

/// Refuses a question that asks for more than one request may.
///
/// # Errors
/// [`Refusal::too_much`]
pub fn check(asked: &Asked, question: &Question, spectrum: &Spectrum) -> Result<(), Refusal> {
    let setting = question.setting(spectrum.clone());
    let lengths: Vec<usize> = match asked.verb {
        Verb::Rank | Verb::Pareto | Verb::Schedules => question.asked_lengths(),
        _ => question.lengths(&setting),
    }
    .into_iter()
    .map(|length| match length {
        Length::Steps(n) | Length::Points(n) | Length::Nfe(n) => n,
    })
    .collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    if longest > MAX_LENGTH {
        return Err(Refusal::too_much(format!(
            "a run of {longest} is too long for a request: at most {MAX_LENGTH} steps, points or evaluations"
        )));
    }
    let seeks = matches!(asked.verb, Verb::Tune | Verb::Schedules)
        || question.rules.iter().any(|(_, rule)| rule.optimised().is_some());
    if seeks && longest > MAX_SOUGHT {
        return Err(Refusal::too_much(format!(
            "times are sought for at most {MAX_SOUGHT} steps or evaluations in a request, not {longest}"
        )));
    }
    let steps: f64 = lengths.iter().map(|n| *n as f64).sum();
    let modes = spectrum.modes().len() as f64;
    let eps = match asked.verb {
        Verb::Table | Verb::Curve => question.all_eps(&setting).len() as f64,
        _ => 1.0,
    };
    let places = (question.processes.len() * question.rules.len()) as f64;
    let runs = question.samplers.len().max(1) as f64 * places * eps;
    // Contributions of steps take each noise along each of them.
    let detailed = match asked.verb {
        Verb::Steps => modes * steps * steps,
        Verb::Explore if asked.detail != Detail::None => modes * steps * steps,
        _ => 0.0,
    };
    // Times that are chosen among those of a teacher are tried in pairs.
    let teacher = asked.words.grids.iter().map(|text| teacher(text)).max().unwrap_or(0) as f64;
    let placed = modes * steps * teacher * teacher;
    let cost = modes * steps * runs + detailed + placed;
    match cost <= MAX_COST {
        true => Ok(()),
        false => Err(Refusal::too_much(format!(
            "this asks for {cost:.1e} steps of eigenvalues, and one request may ask for {MAX_COST:.0e}: take fewer steps or samplers"
        ))),
    }
}

/// The fine steps that a grid chooses its times among, or more; 0 for other grids.
fn teacher(grid: &str) -> usize {
    let chooses = grid.contains("dynamic-programming") || grid.contains("oss");
    let numbers = grid.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    if chooses { numbers.max().unwrap_or(0).max(100) } else { 0 }
}
