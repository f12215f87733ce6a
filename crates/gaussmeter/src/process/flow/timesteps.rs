use super::Flow;
use crate::level::Level;
use crate::network::Prediction;
use crate::network::conditioning::{Conditioning, Relation, Timestep, TimestepRule, Told};
use crate::process::Process;

/// A flow whose network is told an integer timestep: u as a multiple of 1/`steps`, predicting ε − x_0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FlowTimesteps<P> {
    pub process: P,
    pub rule: TimestepRule,
    pub steps: f64,
}

impl<P: Process> Process for FlowTimesteps<P> {
    fn t_max(&self) -> f64 {
        self.process.t_max()
    }
    fn level(&self, t: f64) -> Level {
        self.process.level(t)
    }
    fn conditioning(&self) -> Option<&dyn Conditioning> {
        Some(self)
    }
    /// Networks know u by itself, whatever the shift.
    fn network_level(&self, t: f64) -> Level {
        Flow.level(t)
    }
    fn prior_std(&self) -> f64 {
        self.process.prior_std()
    }
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.process.time_of(ratio)
    }
    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        self.process.log_alpha_ratio(from, to)
    }
    fn reverse_noise_variance(&self, from: &Level, to: &Level) -> f64 {
        self.process.reverse_noise_variance(from, to)
    }
    fn score_weight(&self, from: &Level, to: &Level) -> f64 {
        self.process.score_weight(from, to)
    }
}

impl<P: Process> FlowTimesteps<P> {
    fn whole(&self, rule: Timestep, t: f64) -> Option<Told> {
        let timestep = self.process.level(t).sigma * self.steps;
        let timestep = rule(timestep.floor(), timestep.fract())?;
        let level = Flow.level(timestep / self.steps);
        Some(Told { level, predicts: Prediction::Flow, relation: Relation::Listed })
    }
}

impl<P: Process> Conditioning for FlowTimesteps<P> {
    fn told(&self, t: f64) -> Option<Told> {
        self.whole(self.rule.within, t)
    }
    fn told_at_node(&self, t: f64) -> Option<Told> {
        self.whole(self.rule.at_node, t)
    }
}
