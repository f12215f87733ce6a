use super::timesteps::around;
use super::{Grid, GridError, GridRule};
use crate::entry::Entry;
use crate::process::Process;
use std::sync::Arc;

/// ComfyUI's schedulers over the training timesteps of `vp-discrete`, T of them in n steps, each
/// followed by the data. Between training timesteps log σ/α is linear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ComfyUi {
    /// linspace(T − 1, 0, n).
    Normal,
    /// linspace(T − 1, 0, n + 1) without the last.
    SgmUniform,
    /// T − 1 − ⌊k T/n⌋.
    Simple,
    /// 1 + k ⌊T/n⌋ below T, which is n timesteps only where n divides T (30 steps asked for make 31).
    DdimUniform,
}

impl ComfyUi {
    fn timesteps(self, total: usize, n: usize) -> Vec<f64> {
        let last = total.saturating_sub(1);
        let spaced = |parts: usize| {
            (0..n)
                .map(|k| match k {
                    0 => last as f64,
                    k => last as f64 * (parts - k) as f64 / parts as f64,
                })
                .collect()
        };
        match self {
            ComfyUi::Normal => spaced(n.saturating_sub(1)),
            ComfyUi::SgmUniform => spaced(n),
            ComfyUi::Simple => (0..n)
                .map(|k| last as f64 - (k as f64 * (total as f64 / n as f64)).floor())
                .collect(),
            ComfyUi::DdimUniform => {
                let stride = (total / n.max(1)).max(1);
                (1..total).step_by(stride).map(|k| k as f64).rev().collect()
            }
        }
    }
}

impl GridRule for ComfyUi {
    fn grid(&self, process: &Arc<dyn Process>, steps: usize, eps: f64) -> Result<Grid, GridError> {
        let total = process.training_steps().ok_or(GridError::NotDiscrete)?;
        let level = |timestep: f64| {
            let [low, high] = around(&**process, timestep);
            low * (high / low).powf(timestep.fract())
        };
        let timesteps = self.timesteps(total, steps);
        let sigmas: Vec<f64> = timesteps.into_iter().map(level).chain([0.0]).collect();
        Grid::from_sigmas(process.clone(), &sigmas)?.exactly(steps, eps)
    }

    fn own_end(&self, _: &dyn Process) -> Option<f64> {
        Some(0.0)
    }
}

const SOURCE: &str = "ComfyUI, comfy/samplers.py at a125cd84b054";

pub(super) static NORMAL: Entry<dyn GridRule> = Entry {
    name: "normal",
    aliases: &[],
    summary: "ComfyUI's normal: equal steps in training timestep from T - 1 to 0, then the data",
    source: SOURCE,
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(ComfyUi::Normal)),
};

pub(super) static SGM_UNIFORM: Entry<dyn GridRule> = Entry {
    name: "sgm_uniform",
    aliases: &["sgm-uniform"],
    summary: "ComfyUI's sgm_uniform: equal steps in training timestep, the last level above 0 left out",
    source: SOURCE,
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(ComfyUi::SgmUniform)),
};

pub(super) static SIMPLE: Entry<dyn GridRule> = Entry {
    name: "simple",
    aliases: &[],
    summary: "ComfyUI's simple: every T/n-th training timestep from T - 1 on, then the data",
    source: SOURCE,
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(ComfyUi::Simple)),
};

pub(super) static DDIM_UNIFORM: Entry<dyn GridRule> = Entry {
    name: "ddim_uniform",
    aliases: &["ddim-uniform"],
    summary: "ComfyUI's ddim_uniform: every floor(T/n)-th training timestep from 1 on, then the data; n must divide T",
    source: SOURCE,
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(ComfyUi::DdimUniform)),
};
