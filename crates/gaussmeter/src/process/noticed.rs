//! Processes of which users should know something.

use super::{Level, Process};
use crate::network::Conditioning;

/// A process with notices; in all else the process.
#[derive(Debug)]
pub struct Noticed {
    process: Box<dyn Process>,
    notices: Vec<String>,
}

impl Noticed {
    /// `process` with these notices after its own.
    pub fn new(process: Box<dyn Process>, more: Vec<String>) -> Self {
        let mut notices = process.notices().to_vec();
        notices.extend(more);
        Noticed { process, notices }
    }
}

impl Process for Noticed {
    fn t_max(&self) -> f64 {
        self.process.t_max()
    }
    fn level(&self, t: f64) -> Level {
        self.process.level(t)
    }
    fn network_level(&self, t: f64) -> Level {
        self.process.network_level(t)
    }
    fn conditioning(&self) -> Option<&dyn Conditioning> {
        self.process.conditioning()
    }
    fn refuses_noise(&self) -> Option<&'static str> {
        self.process.refuses_noise()
    }
    fn prior_std(&self) -> f64 {
        self.process.prior_std()
    }
    fn time_of(&self, ratio: f64) -> Option<f64> {
        self.process.time_of(ratio)
    }
    fn time_at(&self, ratio: f64) -> Option<f64> {
        self.process.time_at(ratio)
    }
    fn t_min(&self) -> f64 {
        self.process.t_min()
    }
    fn training_steps(&self) -> Option<usize> {
        self.process.training_steps()
    }
    fn notices(&self) -> &[String] {
        &self.notices
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
