//! Everything about one spectrum, in one go: what `gaussmeter report` writes.

use super::{
    Along, Curve, Defaults, Evaluation, ExperimentError, Goal, Length, ModeErrors, NoiseLevels,
    Question, QuestionError, RecommendOptions, Recommendation, StepErrors, Table, Timed, Words,
    evaluate, noise_levels, recommend, step_errors,
};
#[cfg(feature = "dense")]
use super::{VERIFIED_STARTS, VerifyOptions};
use crate::data::Info;
use crate::grid::{GridRule, Sigmas};
#[cfg(feature = "dense")]
use crate::law::DataLaw;
use crate::shell::Line;
use crate::spectrum::Spectrum;
use crate::watch::Watch;
use std::sync::Arc;
use thiserror::Error;

/// The file that commands read the recommended levels from.
pub const LEVELS_FILE: &str = "levels.txt";

/// What is asked for.
#[derive(Default)]
pub struct DossierOptions {
    /// The data as commands name them; none for their own default.
    pub spectrum: Option<String>,
    /// The budget of network evaluations that a sampler is recommended for.
    pub budget: Option<usize>,
    /// Data that are not Gaussian, to try the recommendation on.
    #[cfg(feature = "dense")]
    pub law: Option<Arc<dyn DataLaw>>,
    /// What was typed.
    pub made_by: String,
}

/// Everything about one spectrum.
#[derive(Debug)]
pub struct Dossier {
    /// The data.
    pub info: Info,
    /// The noise levels that they call for.
    pub levels: NoiseLevels,
    /// Which sampler and which times.
    pub recommendation: Recommendation,
    /// The recommended sampler on its times, and what its steps contribute.
    pub winner: Option<(Evaluation, Result<StepErrors, ExperimentError>)>,
    /// The recommended noise levels, one per line.
    pub sigmas: String,
    /// Samplers at several budgets.
    pub table: Table,
    /// Samplers along time.
    pub curve: Curve,
    /// Samplers per eigenvalue.
    pub modes: ModeErrors,
    /// Commands that print these results: what, and the line.
    pub commands: Vec<(&'static str, String)>,
    /// References.
    pub bibtex: String,
    /// What was typed.
    pub made_by: String,
    /// Whether it was stopped: what is there is the best so far.
    pub interrupted: bool,
}

/// Why there is none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DossierError {
    /// The question cannot be read.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// It cannot be answered.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// Of sums over samples.
    #[error("sums over samples are no spectrum yet: gaussmeter merge makes one of them")]
    Moments,
}

/// Answers all questions about a spectrum. The words' samplers are compared in table and curves, and one of
/// them is recommended; where none are named, the recommendation is out of all samplers.
///
/// # Errors
/// [`DossierError`]
pub fn dossier(
    words: &Words,
    info: Info,
    options: DossierOptions,
    watch: Watch,
) -> Result<Dossier, DossierError> {
    let spectrum = Arc::new(info.spectrum().ok_or(DossierError::Moments)?.clone());
    let defaults = &Defaults::REPORT;
    let read = || words.read(defaults);
    let question = read()?;
    let budget = options.budget.unwrap_or(Defaults::RECOMMEND.budget());
    let recommendation = advice(words, &spectrum, budget, &options, watch)?;
    let mut at_budget = words.clone();
    at_budget.lengths = vec![Length::Nfe(budget)];
    let at_budget = at_budget.read(defaults)?;
    let winner = match recommendation.winner() {
        Some((candidate, timed)) => {
            let sampler = &recommendation.options.samplers[candidate.sampler];
            Some(on_its_times(&question, &spectrum, sampler, timed, watch)?)
        }
        None => None,
    };
    let table = read()?.table(spectrum.clone(), false, false, watch)?;
    let mut bibliography = words.clone();
    let names = question.samplers.iter().map(|s| s.label.clone());
    bibliography.samplers =
        names.chain(recommendation.winner().map(|(c, _)| c.label.clone())).collect();
    let dossier = Dossier {
        levels: noise_levels(&spectrum, &[], None)?,
        winner,
        sigmas: recommendation.sigmas(),
        curve: at_budget.curve(spectrum.clone(), Along::Time, None, watch)?,
        modes: at_budget.modes(spectrum.clone(), watch)?,
        commands: commands(words, &options, budget, &recommendation, &table),
        bibtex: bibliography.bibtex(None)?,
        made_by: options.made_by.clone(),
        interrupted: recommendation.interrupted || table.is_interrupted(),
        recommendation,
        table,
        info,
    };
    Ok(dossier)
}

fn advice(
    words: &Words,
    spectrum: &Arc<Spectrum>,
    budget: usize,
    options: &DossierOptions,
    watch: Watch,
) -> Result<Recommendation, DossierError> {
    let words = Words { grids: Vec::new(), lengths: Vec::new(), ..words.clone() };
    let mut question = words.read(&Defaults::RECOMMEND)?;
    let mut asked =
        RecommendOptions::new(question.samplers.split_off(0), question.inits.swap_remove(0));
    asked.network = question.network.clone();
    asked.goal = Goal::Nfe(budget);
    if let Some(eps) = words.eps.first() {
        asked.eps = *eps;
    }
    #[cfg(not(feature = "dense"))]
    let _ = options;
    #[cfg_attr(not(feature = "dense"), expect(unused_mut))]
    let mut found = recommend(&question.diffusion(spectrum.clone()), asked, watch)?;
    #[cfg(feature = "dense")]
    if let Some(law) = &options.law {
        let verify = VerifyOptions { starts: VERIFIED_STARTS, ..VerifyOptions::default() };
        match found.verify(law.clone(), verify, watch) {
            // What has been recommended is worth telling.
            Err(ExperimentError::Interrupted) => found.interrupted = true,
            tried => tried?,
        }
    }
    Ok(found)
}

fn on_its_times(
    question: &Question,
    spectrum: &Arc<Spectrum>,
    sampler: &super::NamedSampler,
    timed: &Timed,
    watch: Watch,
) -> Result<(Evaluation, Result<StepErrors, ExperimentError>), ExperimentError> {
    let sigmas = timed.grid.levels().iter().map(|l| l.noise_ratio()).collect();
    let rule: Arc<dyn GridRule> = Arc::new(Sigmas::new(sigmas));
    let mut setting = question.setting(spectrum.clone());
    (setting.rule, setting.rule_label) = (rule, format!("sigmas:{LEVELS_FILE}"));
    // Levels end where their own times do, which rounding may tell from those of the grid.
    let eps = setting.rule.own_end(&*setting.process).unwrap_or(timed.grid.end().t);
    let length = Length::Steps(timed.grid.step_count());
    let evaluation = evaluate(&setting, sampler, length, eps, question.init(), watch)?;
    Ok((evaluation, step_errors(&setting, sampler, length, eps, question.init(), watch)))
}

/// The commands that print what is in the report.
fn commands(
    words: &Words,
    options: &DossierOptions,
    budget: usize,
    recommendation: &Recommendation,
    table: &Table,
) -> Vec<(&'static str, String)> {
    let shared = |verb: &str, has_grid: bool| {
        let mut line = Line::new(verb);
        line.option("--spectrum", options.spectrum.as_deref());
        let process = words.processes.first().map_or(Defaults::REPORT.process, |p| p);
        line.option("--process", Some(process));
        if has_grid {
            line.option("--grid", Some(words.grids.first().map_or(Defaults::REPORT.grid, |g| g)));
        }
        line.option("--init", words.inits.first());
        let network = words.network.as_deref().filter(|network| *network != "exact");
        line.option("--network", network);
        line
    };
    let samplers: Vec<&str> = table.options.samplers.iter().map(|s| &s.label[..]).collect();
    let mut info = Line::new("info");
    info.operand(options.spectrum.as_deref().unwrap_or(Defaults::REPORT.spectrum));
    let mut recommend = shared("recommend", false);
    recommend.list("--sampler", &words.samplers);
    recommend.option("--eps", words.eps.first());
    recommend.option("--nfe", Some(budget));
    #[cfg(feature = "dense")]
    recommend.flag("--verify", options.law.is_some());
    recommend.option("--save", Some(LEVELS_FILE));
    let mut commands = vec![
        ("the spectrum", info.to_string()),
        ("the recommendation, and its noise levels", recommend.to_string()),
    ];
    if let Some((winner, _)) = recommendation.winner() {
        for (what, verb) in [("its error budget", "eval"), ("what its steps contribute", "steps")] {
            let mut line = shared(verb, false);
            line.option("--sampler", Some(&winner.label));
            line.option("--grid", Some(format!("sigmas:{LEVELS_FILE}")));
            commands.push((what, line.to_string()));
        }
    }
    let eps = |line: &mut Line| line.list("--eps", &words.eps);
    let mut line = shared("table", true);
    line.list("--sampler", &samplers);
    let columns: Vec<usize> = table.options.columns.iter().map(|c| c.label).collect();
    line.list("--nfe", &columns);
    // A table has several truncation times by default.
    if table.setting.rule.own_end(&*table.setting.process).is_none() {
        line.list("--eps", &table.options.eps);
    }
    let inits: Vec<&str> = table.options.inits.iter().map(|(label, _)| &label[..]).collect();
    if words.inits.is_empty() {
        line.list("--init", &inits);
    }
    commands.push(("samplers at several budgets", line.to_string()));
    for (what, verb) in [("along time", "curve"), ("per eigenvalue", "modes")] {
        let mut line = shared(verb, true);
        line.list("--sampler", &samplers);
        line.option("--nfe", Some(budget));
        eps(&mut line);
        commands.push((what, line.to_string()));
    }
    commands
}
