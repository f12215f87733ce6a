//! A configuration, but for the sampler: data, process, grid rule and network; and what runs there.

use super::diffusion::{Diffusion, NamedRule, NamedSampler, learnt};
use super::search::optimised_times;
use super::{ExperimentError, Length, MAX_STEPS};
use crate::exact::continuous::{ODE, Reverse, SDE};
use crate::exact::{Init, Law, Output, Target};
use crate::grid::{Grid, GridRule, Uniform};
use crate::network::{Learnt, Network, NetworkError};
use crate::spectrum::Spectrum;
use crate::tape::Plan;
use crate::watch::Watch;
use std::ops::Deref;
use std::sync::Arc;

/// Data, process, a rule that places the times of samplers, and the network that they call: what all
/// configurations of an experiment share.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Data and process.
    pub diffusion: Diffusion,
    /// Where the times go.
    pub rule: Arc<dyn GridRule>,
    /// Its text form.
    pub rule_label: String,
    /// The network that samplers call. Times are placed for the data, unless they are
    /// [optimised](crate::grid::Optimised) for it.
    pub network: Network,
}

impl Deref for Setting {
    type Target = Diffusion;

    fn deref(&self) -> &Diffusion {
        &self.diffusion
    }
}

/// A sampler on its grid.
#[derive(Clone, Debug)]
pub struct Run {
    /// Label of the sampler.
    pub sampler: String,
    /// Its times.
    pub grid: Grid,
    /// Its program.
    pub plan: Plan,
}

impl Run {
    /// A sampler on given times.
    ///
    /// # Errors
    /// [`ExperimentError::Sampler`]
    pub fn on(sampler: &NamedSampler, grid: Grid) -> Result<Self, ExperimentError> {
        let label = sampler.label.clone();
        match sampler.item.plan(&grid) {
            Ok(plan) => Ok(Run { sampler: label, grid, plan }),
            Err(source) => Err(ExperimentError::Sampler { sampler: label, source }),
        }
    }

    /// The law of its output with a network.
    ///
    /// # Errors
    /// [`NetworkError`]
    pub fn law(&self, network: &Learnt, init: &Init, target: Target) -> Result<Law, NetworkError> {
        Ok(Output::by(network, &self.plan)?.law_against(network.truth(), init, target))
    }

    /// The continuous solution that the sampler approximates: the reverse SDE if it draws noise,
    /// the probability-flow ODE if not.
    pub fn continuous(&self) -> (&'static str, Reverse) {
        if self.plan.is_stochastic() { ("sde", SDE) } else { ("ode", ODE) }
    }
}

impl Diffusion {
    /// The same with a rule that places times, and the exact network.
    pub fn with(&self, (rule_label, rule): NamedRule) -> Setting {
        Setting { diffusion: self.clone(), rule, rule_label, network: Network::default() }
    }

    /// The steps of a sampler whose times are sought, for a length: on equally spaced times, since the
    /// evaluations of nearly all samplers do not depend on where the times are.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn steps(
        &self,
        sampler: &NamedSampler,
        length: Length,
        eps: f64,
    ) -> Result<usize, ExperimentError> {
        let uniform: NamedRule = ("uniform".into(), Arc::new(Uniform));
        Ok(self.with(uniform).run(sampler, length, eps)?.grid.step_count())
    }
}

impl Setting {
    /// What the network has learnt of the data, where `init` fits it.
    ///
    /// # Errors
    /// [`ExperimentError::Network`]
    pub fn learnt(&self, init: &Init) -> Result<Learnt, ExperimentError> {
        learnt(&self.network, &self.spectrum, init)
    }

    /// A number of the law of a run, had the network learnt other data and were these the data. NaN where
    /// there is no such law.
    pub(super) fn on_other(
        &self,
        data: &Spectrum,
        run: &Run,
        init: &Init,
        number: impl Fn(&Law) -> f64,
    ) -> f64 {
        let learnt = Learnt::of(&*self.network.item, data);
        let law = learnt.and_then(|learnt| run.law(&learnt, init, Target::Data));
        law.map_or(f64::NAN, |law| number(&law))
    }

    /// A sampler on a grid of a given number of steps.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn run_steps(
        &self,
        sampler: &NamedSampler,
        steps: usize,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        self.run_steps_watched(sampler, steps, eps, Watch::NOBODY)
    }

    /// The same where a search for times may be stopped.
    pub(super) fn run_steps_watched(
        &self,
        sampler: &NamedSampler,
        steps: usize,
        eps: f64,
        watch: Watch,
    ) -> Result<Run, ExperimentError> {
        let grid = match self.rule.optimised() {
            Some(wanted) => {
                let seek = || {
                    let on = (&self.diffusion, &self.network);
                    optimised_times(on, sampler, steps, eps, wanted, watch)
                };
                match self.rule.kept() {
                    Some(kept) => {
                        let network = if wanted.by_network { &self.network.label[..] } else { "" };
                        kept.sought(&sampler.label, network, steps, eps, seek)?
                    }
                    None => seek()?,
                }
            }
            None => self.rule.grid_for(&self.spectrum, &self.process, steps, eps)?,
        };
        Run::on(sampler, grid)
    }

    /// A sampler on a grid of a given length. For a budget of evaluations, these are counted on
    /// recorded programs.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn run(
        &self,
        sampler: &NamedSampler,
        length: Length,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        self.run_watched(sampler, length, eps, Watch::NOBODY)
    }

    /// [`Setting::run`] where a search for times may be stopped.
    ///
    /// # Errors
    /// [`ExperimentError`]; [`ExperimentError::Interrupted`] if it was stopped.
    pub fn run_watched(
        &self,
        sampler: &NamedSampler,
        length: Length,
        eps: f64,
        watch: Watch,
    ) -> Result<Run, ExperimentError> {
        if watch.is_stopped() {
            return Err(ExperimentError::Interrupted);
        }
        let no_step = || ExperimentError::NoStep { asked: length.to_string() };
        match length {
            Length::Steps(0) | Length::Points(0 | 1) | Length::Nfe(0) => Err(no_step()),
            Length::Steps(n) | Length::Points(n) | Length::Nfe(n) if n > MAX_STEPS => {
                Err(ExperimentError::TooLong { asked: length.to_string() })
            }
            Length::Steps(steps) => self.run_steps_watched(sampler, steps, eps, watch),
            Length::Points(points) => self.run_steps_watched(sampler, points - 1, eps, watch),
            // The steps that fit are counted elsewhere, so that times are sought once.
            Length::Nfe(_) if self.rule.optimised().is_some() => {
                let steps = self.steps(sampler, length, eps)?;
                self.run_steps_watched(sampler, steps, eps, watch)
            }
            Length::Nfe(nfe) => self.run_nfe(sampler, nfe, eps),
        }
    }

    /// The longest run within a budget. Evaluations grow with steps, nearly in proportion: the
    /// guess by proportion is corrected step by step.
    fn run_nfe(
        &self,
        sampler: &NamedSampler,
        nfe: usize,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        if let Some(steps) = self.rule.own_steps().or(sampler.item.own_steps()) {
            let run = self.run_steps(sampler, steps, eps)?;
            return if run.plan.nfe() <= nfe { Ok(run) } else { Err(too_small(&run, nfe)) };
        }
        let mut best = self.run_steps(sampler, nfe, eps)?;
        if best.plan.nfe() > nfe {
            let guess = (nfe * nfe / best.plan.nfe()).max(1);
            best = self.run_steps(sampler, guess, eps)?;
        }
        while best.plan.nfe() > nfe {
            let steps = best.grid.step_count();
            if steps == 1 {
                return Err(too_small(&best, nfe));
            }
            best = self.run_steps(sampler, steps - 1, eps)?;
        }
        while best.plan.nfe() < nfe {
            let longer = self.run_steps(sampler, best.grid.step_count() + 1, eps)?;
            if longer.plan.nfe() > nfe {
                break;
            }
            let is_stalled = longer.plan.nfe() <= best.plan.nfe();
            best = longer;
            if is_stalled {
                best = self.past_stall(sampler, best, nfe, eps)?;
            }
        }
        Ok(best)
    }

    /// A longer run for a sampler that does not ask its network in every step: in proportion, where that
    /// fits; else up to the step in which it asks next, or before it if that is one too many.
    ///
    /// # Errors
    /// [`ExperimentError::NoGrowth`] where far longer runs take no evaluation more.
    fn past_stall(
        &self,
        sampler: &NamedSampler,
        best: Run,
        nfe: usize,
        eps: f64,
    ) -> Result<Run, ExperimentError> {
        let (steps, spent) = (best.grid.step_count(), best.plan.nfe());
        let of = |n: usize| self.run_steps(sampler, n.min(MAX_STEPS), eps);
        // Twice as many, and more for short ones: without growth by then there is none to wait for.
        let patient = 2 * steps + PATIENCE;
        for share in [spent, spent + 1] {
            let longer = (steps * nfe).checked_div(share).map_or(steps, |n| n.min(patient));
            if longer > steps
                && let Ok(run) = of(longer)
                && (spent + 1..=nfe).contains(&run.plan.nfe())
            {
                return Ok(run);
            }
        }
        // Some grids have no room for that.
        let farther = [patient, 2 * steps].into_iter().find_map(|n| of(n).ok());
        let Some(mut high) = farther.filter(|run| run.plan.nfe() > spent) else {
            let sampler = best.sampler;
            return Err(ExperimentError::NoGrowth { sampler, spent, steps, nfe });
        };
        let mut low = best;
        while high.grid.step_count() > low.grid.step_count() + 1 {
            let middle = of(low.grid.step_count().midpoint(high.grid.step_count()))?;
            if middle.plan.nfe() > spent { high = middle } else { low = middle }
        }
        Ok(if high.plan.nfe() <= nfe { high } else { low })
    }
}

/// The steps beyond twice their number in which a sampler may still start to ask its network.
const PATIENCE: usize = 1024;

fn too_small(run: &Run, nfe: usize) -> ExperimentError {
    ExperimentError::Budget { sampler: run.sampler.clone(), needed: run.plan.nfe(), nfe }
}
