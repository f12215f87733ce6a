use super::{Asked, ExportError, plan, unknown};
use crate::exact::{Init, Output, Target};
use crate::experiment::NamedSampler;
use crate::sampler;
use crate::spectrum::Spectrum;
use crate::tape::Plan;
use std::fmt::Write as _;

/// A sampler of a project, and the sampler of this library that takes the same steps.
#[derive(Debug)]
pub(super) struct Runner {
    /// Its name there.
    pub name: &'static str,
    /// Text form of this library's sampler.
    pub runs: &'static str,
    /// The options that can be set, with their names in the project.
    pub options: &'static [(&'static str, &'static str)],
    /// Arguments that it needs to take these steps, in Python.
    pub arguments: &'static str,
}

/// A runner, its sampler with the options asked for, and its arguments in Python.
pub(super) struct Chosen<'a> {
    pub runner: &'a Runner,
    pub sampler: NamedSampler,
    pub arguments: String,
    /// What it runs, if that is not what was asked for.
    pub change: Option<String>,
}

const AUTO: &str = "auto";

/// The runner with this name, or for `auto` the first of `preferred` that takes the steps asked
/// for: the same sampler and options or, failing that, the same law on this spectrum.
pub(super) fn choose<'a>(
    what: &'static str,
    wanted: &str,
    runners: &'a [Runner],
    preferred: impl Fn(&Runner) -> bool,
    asked: &Asked<'_>,
) -> Result<Chosen<'a>, ExportError> {
    let known = || {
        let mut names: Vec<_> = runners.iter().map(|r| r.name).collect();
        names.dedup();
        names
    };
    let candidates: Vec<&Runner> = match wanted {
        AUTO => runners.iter().filter(|r| preferred(r)).collect(),
        name => runners.iter().filter(|r| r.name.eq_ignore_ascii_case(name)).collect(),
    };
    if candidates.is_empty() && wanted != AUTO {
        return Err(unknown(what, wanted, known()));
    }
    if let Some(chosen) = candidates.iter().find_map(|r| r.with_options_of(&asked.sampler.label)) {
        return Ok(chosen);
    }
    let own = plan(asked.sampler, asked.grid)?;
    for runner in &candidates {
        let Some(chosen) = runner.plain() else { continue };
        let Ok(other) = plan(&chosen.sampler, asked.grid) else { continue };
        if same(&own, &other, asked.spectrum) {
            return Ok(chosen);
        }
    }
    let sampler = asked.sampler.label.clone();
    match candidates.iter().find_map(|r| r.plain()) {
        Some(chosen) if wanted != AUTO => {
            let change = format!(
                "{} takes the steps of '{}', not of '{sampler}'",
                chosen.runner.name, chosen.sampler.label
            );
            Ok(Chosen { change: Some(change), ..chosen })
        }
        _ => Err(ExportError::NoRunner { what, sampler, known: known() }),
    }
}

impl Runner {
    /// Without options; `None` if the registry has no such sampler.
    fn plain(&self) -> Option<Chosen<'_>> {
        let sampler = sampler::registry().build(self.runs).ok()?;
        Some(Chosen { runner: self, sampler, arguments: self.arguments.into(), change: None })
    }

    /// With the options of a label for the same sampler, if all of them can be set.
    fn with_options_of(&self, label: &str) -> Option<Chosen<'_>> {
        let (name, given) = label.split_once(':').unwrap_or((label, ""));
        let (own, fixed) = self.runs.split_once(':').unwrap_or((self.runs, ""));
        if name != own {
            return None;
        }
        let pairs = |text: &'static str| text.split(',').filter_map(|pair| pair.split_once('='));
        let mut text = format!("{own}:{fixed}");
        let mut arguments = self.arguments.to_string();
        for (key, value) in given.split(',').filter_map(|pair| pair.split_once('=')) {
            if let Some((_, fixed)) = pairs(fixed).find(|(k, _)| *k == key) {
                if fixed != value {
                    return None;
                }
                continue;
            }
            let (_, theirs) = self.options.iter().find(|(ours, _)| *ours == key)?;
            let _ = write!(text, ",{key}={value}");
            let separator = if arguments.is_empty() { "" } else { ", " };
            let _ = match value.parse::<f64>() {
                Ok(_) => write!(arguments, "{separator}{theirs}={value}"),
                Err(_) => write!(arguments, "{separator}{theirs}=\"{value}\""),
            };
        }
        let sampler = sampler::registry().build(&text).ok()?;
        Some(Chosen { runner: self, sampler, arguments, change: None })
    }
}

/// Whether two programs have the same law on a spectrum.
fn same(a: &Plan, b: &Plan, spectrum: &Spectrum) -> bool {
    let law = |plan| Output::of(plan, spectrum).law(&Init::Exact, Target::Data);
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) + 1e-15;
    law(a)
        .modes
        .iter()
        .zip(&law(b).modes)
        .all(|(a, b)| close(a.gain, b.gain) && close(a.variance, b.variance))
}
