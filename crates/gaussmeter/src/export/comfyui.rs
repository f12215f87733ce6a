use super::runner::{Runner, choose};
use super::{Asked, ExportError, Placed, Start, Target, flow_time, is_flow, plain, single_grid};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::process::Flow;
use std::sync::Arc;

/// The text for ComfyUI's node ManualSigmas, for SamplerCustom: plain decimals, since the node
/// cannot parse exponents. Levels are σ/α, or u for flow matching models.
#[derive(Clone, Debug, PartialEq)]
struct ComfyUi {
    sampler: String,
    /// Whether the model is a flow matching model; `None` if its process decides.
    flow: Option<bool>,
}

const fn runner(name: &'static str, runs: &'static str) -> Runner {
    Runner { name, runs, options: &[], arguments: "" }
}

static RUNNERS: &[Runner] = &[
    runner("euler", "ddim"),
    runner("euler", "edm-euler"),
    runner("heun", "edm"),
    runner("dpmpp_2m", "dpmpp-2m"),
    runner("res_multistep", "dpmpp-2m:solver=heun"),
    runner("euler_ancestral", "euler-ancestral"),
    runner("dpm_2", "dpm-2"),
    runner("dpm_2_ancestral", "dpm-2-ancestral"),
    runner("dpmpp_2s_ancestral", "dpmpp-2s-ancestral"),
    runner("dpmpp_sde", "dpmpp-sde"),
    runner("dpmpp_2m_sde", "dpmpp-2m-sde"),
    runner("dpmpp_2m_sde_heun", "dpmpp-2m-sde:solver=heun"),
    runner("dpmpp_3m_sde", "dpmpp-3m-sde"),
    runner("lms", "lms:final=denoiser"),
];

/// On flow matching models their step is one in u; what the others do there is not known here.
static ON_FLOW: &[Runner] = &[runner("euler", "ddim"), runner("heun", "heun:final=euler")];

impl Target for ComfyUi {
    fn place(&self, asked: &Asked<'_>) -> Result<Placed, ExportError> {
        let flow = self.flow.unwrap_or_else(|| is_flow(asked.grid));
        let (what, runners) = match flow {
            true => ("sampler of ComfyUI on flow matching models", ON_FLOW),
            false => ("sampler of ComfyUI", RUNNERS),
        };
        let chosen = choose(what, &self.sampler, runners, |_| true, asked)?;
        let name = chosen.runner.name;
        let (values, grid, start) = if flow {
            let levels = asked.grid.levels().iter().map(|l| flow_time(l) as f32);
            let levels: Vec<f32> = levels.collect();
            let times: Vec<f64> = levels.iter().map(|u| f64::from(*u)).collect();
            (levels, Grid::new(Arc::new(Flow), &times), Start::Sigma)
        } else {
            let (levels, grid) = single_grid(name, asked.grid)?;
            // Noise is scaled by √(1 + σ²) from the model's highest level on, otherwise by σ.
            let process = grid.process();
            let highest = process.level(process.t_max()).noise_ratio();
            let full = grid.start().noise_ratio() >= highest * (1.0 - 1e-5);
            (levels, Ok(grid), if full { Start::Unit } else { Start::Sigma })
        };
        let grid = grid.map_err(|source| ExportError::Grid { runner: name.into(), source })?;
        let mut changes: Vec<String> = chosen.change.into_iter().collect();
        changes.push("sigmas are rounded to float32".into());
        if grid.end().sigma > 0.0 {
            changes.push(format!(
                "the list ends at {}, not 0: the remaining noise stays in the picture",
                plain(values[values.len() - 1])
            ));
        }
        let digits: Vec<String> = values.iter().map(plain).collect();
        Ok(Placed {
            runner: name.into(),
            sampler: chosen.sampler,
            grid,
            start,
            argument: "sigmas",
            values: values.into_iter().map(f64::from).collect(),
            code: digits.join(", ") + "\n",
            digits,
            changes,
        })
    }

    fn is_python(&self) -> bool {
        false
    }
}

pub(super) static ENTRY: Entry<dyn Target> = Entry {
    name: "comfyui",
    aliases: &["comfy"],
    summary: "text for ComfyUI's node ManualSigmas, for SamplerCustom",
    source: "ComfyUI at a125cd84b054, comfy_extras/nodes_custom_sampler.py",
    order: None,
    parameters: &[
        Parameter {
            name: "sampler",
            kind: Kind::Text,
            default: Some("auto"),
            summary: "ComfyUI's sampler, such as dpmpp_2m; auto: the one that takes the same steps",
        },
        Parameter {
            name: "model",
            kind: Kind::Choice(&["auto", "eps", "flow"]),
            default: Some("auto"),
            summary: "whether levels are sigma/alpha (eps, also v and EDM) or u (flow); auto: decided by the process",
        },
    ],
    build: |a| {
        let flow = match a.text("model") {
            "eps" => Some(false),
            "flow" => Some(true),
            _ => None,
        };
        Ok(Box::new(ComfyUi { sampler: a.text("sampler").into(), flow }))
    },
};
