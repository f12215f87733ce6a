//! One recorded run of a library, and the grid it ran on.

use gaussmeter::prelude::*;
use gaussmeter::process;
use serde_json::Value;
use std::sync::Arc;

/// One recorded run of a library.
pub struct Case<'a>(pub &'a Value);

impl Case<'_> {
    pub fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }
    pub fn is(&self, variant: &str) -> bool {
        self.0["variant"] == variant
    }
    pub fn variant(&self) -> &str {
        self.0["variant"].as_str().unwrap()
    }
    /// A keyword argument of the call or of the constructor, if it was given.
    pub fn given(&self, key: &str) -> Option<f64> {
        ["kwargs", "step_kwargs", "config"].iter().find_map(|k| self.0[*k].get(key)?.as_f64())
    }
    pub fn numbers(&self, key: &str) -> Vec<f64> {
        numbers(&self.0[key])
    }
    /// Noise ratios at the nodes: the recorded list; where a library has none, the ratios at the
    /// evaluations, one a step, and at the output.
    pub fn nodes(&self) -> Vec<f64> {
        let ratio = |pair: &Value| {
            let pair = numbers(pair);
            pair[1] / pair[0]
        };
        let given = |key, default| self.given(key).unwrap_or(default);
        let discretization = self.0["kwargs"]["discretization"].as_str().unwrap_or("edm");
        if self.0["fn"] == "ablation_sampler" && discretization != "edm" && self.is_churned() {
            // Discretization vp, the only other one with churn: uniform in the time of its schedule.
            assert_eq!(discretization, "vp");
            let steps = self.0["num_steps"].as_f64().unwrap();
            let time = |i: u32| 1.0 + f64::from(i) / (steps - 1.0) * (1e-3 - 1.0);
            let node = |t: f64| (9.95 * t * t + 0.1 * t).exp_m1().sqrt();
            return (0..steps as u32).map(|i| node(time(i))).chain([0.0]).collect();
        }
        if self.0["fn"] == "ablation_sampler" && !self.is_churned() {
            let stages = if self.0["kwargs"]["solver"] == "euler" { 1 } else { 2 };
            let evaluations = self.0["evals_alpha_sigma"].as_array().unwrap().iter();
            return evaluations.step_by(stages).map(ratio).chain([0.0]).collect();
        }
        if self.0["fn"] == "edm_sampler" || self.0["fn"] == "ablation_sampler" {
            let (low, high) = (given("sigma_min", 0.002), given("sigma_max", 80.0));
            let (rho, last) = (given("rho", 7.0), self.0["num_steps"].as_f64().unwrap() - 1.0);
            let (from, to) = (high.powf(1.0 / rho), low.powf(1.0 / rho));
            let node = |i| (from + f64::from(i) / last * (to - from)).powf(rho);
            return (0..=last as u32).map(node).chain([0.0]).collect();
        }
        if let (true, Some(n)) = (self.0["fn"] == "sample_dpm_fast", self.given("n")) {
            // Called with the ends and the number of evaluations.
            let ends = self.numbers("sigmas");
            let node = |i| ends[0] * (ends[1] / ends[0]).powf(f64::from(i) / n);
            return (0..n as u32).map(node).chain([ends[1]]).collect();
        }
        if self.0["sigmas"].is_array() {
            let mut nodes = self.numbers("sigmas");
            // Two-stage schedulers of diffusers list the inner nodes twice.
            nodes.dedup();
            if self.0["config"]["interpolation_type"] == "log_linear" {
                // Its list is one level longer than its steps, so that it stops above 0.
                nodes.truncate(self.numbers("timesteps").len() + 1);
            }
            if self.0["sampler"].as_str().is_some_and(|s| s.starts_with("uni_pc")) {
                // Its last level is 0.001, with a σ that it forms as √(1 − e^{2 ln α}).
                let log_alpha = 0.5 * (1.0f64 / (0.001 * 0.001 + 1.0)).ln();
                nodes.pop();
                nodes.push((1.0 - (2.0 * log_alpha).exp()).sqrt() / log_alpha.exp());
            }
            if self.is_flow() && self.id().starts_with("comfyui") {
                // ComfyUI starts SDE samplers a little below u = 1.
                nodes[0] = nodes[0].min(numbers(&self.0["evals_alpha_sigma"][0])[1]);
            }
            return nodes;
        }
        let evaluations = self.0["evals_alpha_sigma"].as_array().unwrap().iter();
        let mut nodes: Vec<f64> = evaluations.chain([&self.output()]).map(ratio).collect();
        // A level where the network is asked twice.
        nodes.dedup();
        nodes
    }
    /// α and σ of the output; where they are not recorded, it is clean.
    pub fn output(&self) -> Value {
        match &self.0["output_alpha_sigma"] {
            Value::Null => serde_json::json!([1.0, 0.0]),
            output => output.clone(),
        }
    }
    pub fn is_churned(&self) -> bool {
        self.given("S_churn").is_some()
    }
    pub fn is_flow(&self) -> bool {
        self.0["state_space"].as_str().is_some_and(|s| s.starts_with("flow"))
    }
    /// Schedulers whose rule depends on the training timestep, not on the noise ratio alone.
    pub fn is_discrete(&self) -> bool {
        ["LCMScheduler", "TCDScheduler"].iter().any(|cls| self.0["cls"] == *cls)
            || self.is_fixed_stride()
    }
    /// Steps of T/n timesteps that do not lead to the next one (SAMPLERS.md, 5.4).
    pub fn is_fixed_stride(&self) -> bool {
        ["ddim", "pndm"]
            .iter()
            .any(|s| self.id().starts_with(&format!("diffusers/{s}/sd_linspace")))
    }
    /// Whether the recorded states are those of the process in [`Case::grid`], and not x = X/α.
    pub fn is_as_recorded(&self) -> bool {
        self.is_flow() || self.is_discrete() || self.is_trigonometric()
    }
    /// From no signal at all, on a variance-preserving process.
    pub fn is_trigonometric(&self) -> bool {
        self.0["state_space"].as_str().is_some_and(|s| s.starts_with("VP"))
            && self.0["evals_alpha_sigma"][0][0] == 0.0
    }
    /// The nodes on a process with the recorded states, or else on one with X = x.
    pub fn grid(&self) -> Option<Grid> {
        if self.is_discrete() {
            let config = &self.0["config"];
            let text = format!(
                "vp-discrete:schedule={},beta_start={},beta_end={}",
                config["beta_schedule"].as_str()?,
                config["beta_start"],
                config["beta_end"]
            );
            // Timestep k is time k + 1; the end is the data, or timestep 0 by its name.
            let end = if self.0["output_alpha_sigma"][1] == 0.0 { 0.0 } else { 1.0 };
            let times = self.numbers("timesteps").into_iter().map(|k| k + 1.0).chain([end]);
            let mut times: Vec<f64> = times.collect();
            times.dedup();
            let process = process::registry().build(&text).unwrap().item;
            return Grid::new(process.into(), &times).ok();
        }
        let nodes = self.nodes();
        if self.is_trigonometric() {
            let times: Vec<f64> = nodes.into_iter().map(f64::atan).collect();
            return Grid::new(Arc::new(process::Trig), &times).ok();
        }
        if !nodes.iter().all(|n| n.is_finite()) {
            return None;
        }
        let process: Arc<dyn Process> = match self.is_flow() {
            true => Arc::new(Flow),
            false => Arc::new(Edm::new(f64::max(80.0, nodes[0]))),
        };
        Grid::new(process, &nodes).ok()
    }
}

impl Case<'_> {
    /// The nodes on a process whose networks may be told other levels.
    pub fn grid_on(&self, process: Arc<dyn Process>) -> Option<Grid> {
        let nodes = self.nodes();
        if process.training_steps().is_none() {
            return Grid::new(process, &nodes).ok();
        }
        Grid::from_sigmas(process, &nodes).ok()
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}
