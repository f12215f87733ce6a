//! Answers to questions that need more than one word of advice: what the command line, Python and page
//! would otherwise each decide for themselves.

use super::{
    Along, Column, Curve, Curves, Defaults, ExperimentError, Length, Program, Question,
    QuestionError, ScheduleOptions, Schedules, Setting, Table, TableOptions, Words, compared_rules,
    curve_eps, curve_time, program, schedules, spaced_eps, table,
};
use crate::bibliography::bibtex;
use crate::entry::{EntryError, Named, Registry};
use crate::exact::Target;
use crate::export::{self, Export, ExportError};
use crate::objective::Objective;
use crate::spectrum::Spectrum;
use crate::watch::Watch;
use crate::{data, grid, metric, process, sampler};
use std::sync::Arc;

/// Starts from which a recommended sampler is tried on data that are not Gaussian.
pub const VERIFIED_STARTS: usize = 64;

/// Why schedules cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchedulesError {
    /// The optimum could not tell its levels apart.
    #[error("--min-ratio {0}: the ratio must be at least 1")]
    MinRatio(f64),
    /// Sampling would stop before it starts.
    #[error("--eps {eps}: it must lie in [0, {t_max})")]
    Eps {
        /// Where it should stop.
        eps: f64,
        /// Where it starts.
        t_max: f64,
    },
    /// A schedule that is compared has a parameter that does not fit.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// They cannot be run.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
}

impl Question {
    /// The ablation table: one column per length, or the grid's own. `as_published` has the columns and the
    /// number format of the published table.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn table(
        self,
        spectrum: impl Into<Arc<Spectrum>>,
        as_published: bool,
        show_nfe: bool,
        watch: Watch,
    ) -> Result<Table, ExperimentError> {
        let setting = self.setting(spectrum);
        let has_own = self.asked_lengths.is_empty() && setting.rule.own_steps().is_some();
        let column = |length: &Length| match length {
            Length::Steps(n) | Length::Points(n) | Length::Nfe(n) if as_published && !has_own => {
                Column::published(*n)
            }
            length => Column::new(*length),
        };
        let options = TableOptions {
            eps: self.all_eps(&setting),
            columns: self.lengths(&setting).iter().map(column).collect(),
            samplers: self.samplers,
            inits: self.inits,
            metric: self.metric,
            as_published,
            show_nfe,
        };
        table(&setting, options, watch)
    }

    /// The error along time, or along truncation times: those asked for, or
    /// [some evenly spaced ones](spaced_eps). Without a target it is compared with p_t along time, and with
    /// the data along truncation.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn curve(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        along: Along,
        target: Option<Target>,
        watch: Watch,
    ) -> Result<Curve, ExperimentError> {
        match along {
            Along::Time => self.along_time(spectrum, &self.asked_eps, target, watch),
            Along::Eps => self.along_eps(spectrum, &self.asked_eps, target, watch),
        }
    }

    /// The error along time and along truncation times, as in the paper's figure 1. A single eps is where
    /// the first ends; several are the truncation times of the second.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn curves(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        target: Option<Target>,
        watch: Watch,
    ) -> Result<Curves, ExperimentError> {
        let spectrum = spectrum.into();
        let (end, list) = match &self.asked_eps[..] {
            one @ [_] => (one, &[][..]),
            list => (&[][..], list),
        };
        Ok(Curves {
            time: self.along_time(spectrum.clone(), end, target, watch)?,
            eps: self.along_eps(spectrum, list, target, watch)?,
        })
    }

    fn along_time(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        eps: &[f64],
        target: Option<Target>,
        watch: Watch,
    ) -> Result<Curve, ExperimentError> {
        let setting = self.setting(spectrum);
        let (length, target) = (self.length(&setting), target.unwrap_or(Target::Marginal));
        let eps = match eps {
            [] => self.own_eps(&setting)[0],
            [eps] => *eps,
            _ => return Err(ExperimentError::SeveralEnds),
        };
        let init = self.init();
        curve_time(&setting, &self.samplers, length, eps, init, (&self.metric, target), watch)
    }

    fn along_eps(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        eps: &[f64],
        target: Option<Target>,
        watch: Watch,
    ) -> Result<Curve, ExperimentError> {
        let setting = self.setting(spectrum);
        if setting.rule.own_end(&*setting.process).is_some() {
            return Err(ExperimentError::OwnEnd);
        }
        let (length, target) = (self.length(&setting), target.unwrap_or(Target::Data));
        let spaced = spaced_eps();
        let eps = if eps.is_empty() { &spaced } else { eps };
        let init = self.init();
        curve_eps(&setting, &self.samplers, length, eps, init, (&self.metric, target), watch)
    }

    /// The sampler as a linear program. It is the same for all data.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn program(&self) -> Result<Program, ExperimentError> {
        let data = Spectrum::new("white", "white:d=1", &[1.0], None, None);
        let data = data.map_err(|error| ExperimentError::Law(error.to_string()))?;
        let (setting, sampler) = (self.setting(data), self.sampler()?);
        let entry = sampler::registry().find(sampler.name);
        let entry = entry.map_err(|error| ExperimentError::Law(error.to_string()))?;
        program(&setting, sampler, entry, self.length(&setting), self.eps(&setting))
    }

    /// The times of the first sampler for a project; errors are measured from the first initial law if
    /// `with_init`, else from the law that the project starts from.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn export(
        &self,
        spectrum: impl Into<Arc<Spectrum>>,
        target: &Named<dyn export::Target>,
        with_init: bool,
    ) -> Result<Export, ExportError> {
        let setting: Setting = self.setting(spectrum);
        let (length, eps) = (self.length(&setting), self.eps(&setting));
        let sampler = self.sampler()?;
        let grid = setting.run(sampler, length, eps)?.grid;
        export::export(&setting, sampler, &grid, with_init.then(|| self.init()), target)
    }

    /// Every sampler on every schedule, and on the optimum. Without rules that were asked for, those that
    /// [go with the process](compared_rules) are compared.
    ///
    /// # Errors
    /// [`SchedulesError`]
    pub fn schedules(
        mut self,
        spectrum: impl Into<Arc<Spectrum>>,
        has_rules: bool,
        objective: Named<dyn Objective>,
        min_ratio: f64,
        watch: Watch,
    ) -> Result<Schedules, SchedulesError> {
        if !(min_ratio >= 1.0 && min_ratio.is_finite()) {
            return Err(SchedulesError::MinRatio(min_ratio));
        }
        let eps = self.asked_eps.first().copied().unwrap_or(Defaults::SCHEDULES.eps[0]);
        let process = self.processes[0].1.clone();
        let t_max = process.t_max();
        if eps >= t_max {
            return Err(SchedulesError::Eps { eps, t_max });
        }
        if !has_rules {
            self.rules = compared_rules(&*process, eps)?;
        }
        let diffusion = self.diffusion(spectrum);
        let modes = diffusion.spectrum.modes().len();
        objective.item.check(modes).map_err(ExperimentError::Objective)?;
        let options = ScheduleOptions {
            lengths: self.asked_lengths(),
            rules: self.rules,
            samplers: self.samplers,
            eps,
            init: self.inits.swap_remove(0),
            objective,
            min_ratio,
        };
        Ok(schedules(&diffusion, options, watch)?)
    }
}

impl Words {
    /// BibTeX of the papers and projects behind what is named, and of data of the registry. Of processes,
    /// grids, metric and data a bare name is enough, where a member needs parameters.
    ///
    /// # Errors
    /// [`QuestionError`]
    pub fn bibtex(&self, spectrum: Option<&str>) -> Result<String, QuestionError> {
        fn source<T: ?Sized>(
            registry: &Registry<T>,
            text: &str,
        ) -> Result<&'static str, EntryError> {
            let name = text.split(':').next().unwrap_or_default().trim();
            Ok(registry.find(name)?.source)
        }
        let mut sources = Vec::new();
        if !self.samplers.is_empty() {
            let samplers = Words { samplers: self.samplers.clone(), ..Words::default() };
            for named in samplers.read(&Defaults::RANK)?.samplers {
                sources.push(sampler::registry().find(named.name)?.source);
            }
        }
        for text in &self.processes {
            sources.push(source(&process::registry(), text)?);
        }
        for text in &self.grids {
            sources.push(source(&grid::registry(), text)?);
        }
        if let Some(text) = spectrum {
            sources.push(source(&data::registry(), text)?);
        }
        if let Some(text) = &self.metric {
            sources.push(source(&metric::registry(), text)?);
        }
        Ok(bibtex(sources))
    }
}
