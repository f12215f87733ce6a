use super::{ExperimentError, Length, NamedSampler, Run, Setting};
use crate::entry::Entry;
use crate::sampler::Sampler;

/// A sampler as the linear program that it is on a grid, with its coefficients.
#[derive(Debug)]
pub struct Program {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// What the sampler is, in a line.
    pub summary: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// Its order, if it declares one.
    pub order: Option<u8>,
    /// Parameters: name, value and meaning.
    pub parameters: Vec<(&'static str, String, &'static str)>,
    /// The sampler on its grid.
    pub run: Run,
}

/// Records a sampler to show its program.
///
/// # Errors
/// [`ExperimentError`]
pub fn program(
    setting: &Setting,
    sampler: &NamedSampler,
    entry: &'static Entry<dyn Sampler>,
    length: Length,
    eps: f64,
) -> Result<Program, ExperimentError> {
    let run = setting.run(sampler, length, eps)?;
    // A line of the table, one of the records and one of the document.
    let (ops, steps) = (run.plan.ops().len(), run.grid.step_count());
    super::affordable(
        || format!("showing {ops} operations of {steps} steps"),
        ops,
        3500,
        "ask for fewer steps",
    )?;
    let parameters =
        sampler.arguments.iter().map(|(p, value)| (p.name, value.to_string(), p.summary)).collect();
    let order = sampler.item.own_order().or(sampler.order);
    let (setting, summary, source) = (setting.clone(), entry.summary, entry.source);
    Ok(Program { setting, summary, source, order, parameters, run })
}
