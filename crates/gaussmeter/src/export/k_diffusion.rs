use super::runner::{Runner, choose};
use super::{Asked, ExportError, Placed, Start, Target, plain, python_list, single_grid};
use crate::entry::{Entry, Kind, Parameter};

/// The `sigmas` of k-diffusion's `sample_*` functions: σ/α in float32, in which models there
/// compute.
#[derive(Clone, Debug, PartialEq)]
struct KDiffusion {
    sampler: String,
}

const CHURN: &[(&str, &str)] =
    &[("s_churn", "s_churn"), ("s_min", "s_tmin"), ("s_max", "s_tmax"), ("s_noise", "s_noise")];

const fn runner(
    name: &'static str,
    runs: &'static str,
    options: &'static [(&'static str, &'static str)],
) -> Runner {
    Runner { name, runs, options, arguments: "" }
}

static RUNNERS: &[Runner] = &[
    runner("sample_euler", "ddim", &[]),
    runner("sample_euler", "edm-euler", CHURN),
    runner("sample_heun", "edm", CHURN),
    runner("sample_dpmpp_2m", "dpmpp-2m", &[]),
    runner("sample_euler_ancestral", "euler-ancestral", &[("eta", "eta")]),
    runner("sample_dpm_2", "dpm-2", CHURN),
    runner("sample_dpm_2_ancestral", "dpm-2-ancestral", &[("eta", "eta")]),
    runner("sample_dpmpp_2s_ancestral", "dpmpp-2s-ancestral", &[("eta", "eta")]),
    runner("sample_dpmpp_sde", "dpmpp-sde", &[("eta", "eta"), ("r", "r")]),
    runner("sample_dpmpp_2m_sde", "dpmpp-2m-sde", &[("eta", "eta"), ("solver", "solver_type")]),
    runner("sample_dpmpp_3m_sde", "dpmpp-3m-sde", &[("eta", "eta")]),
    runner("sample_lms", "lms", &[("order", "order")]),
];

impl Target for KDiffusion {
    fn place(&self, asked: &Asked<'_>) -> Result<Placed, ExportError> {
        let chosen = choose("sampler of k-diffusion", &self.sampler, RUNNERS, |_| true, asked)?;
        let name = chosen.runner.name;
        let (sigmas, grid) = single_grid(name, asked.grid)?;
        let digits: Vec<String> = sigmas.iter().map(plain).collect();
        let arguments = match &chosen.arguments[..] {
            "" => String::new(),
            arguments => format!(", {arguments}"),
        };
        let code = format!(
            "import torch\nfrom k_diffusion.sampling import {name}\n\n{}\n\
             # model: a denoiser D(x, sigma), such as k_diffusion.external.CompVisDenoiser\n\
             sigmas = sigmas.to(device)\n\
             x = torch.randn(shape, device=device) * sigmas[0]\n\
             x = {name}(model, x, sigmas{arguments})\n",
            python_list("sigmas", &digits, "torch.tensor(", ")")
        );
        Ok(Placed {
            runner: name.into(),
            sampler: chosen.sampler,
            grid,
            start: Start::Sigma,
            argument: "sigmas",
            values: sigmas.into_iter().map(f64::from).collect(),
            digits,
            changes: chosen.change.into_iter().chain([ROUNDED.into()]).collect(),
            code,
        })
    }
}

const ROUNDED: &str = "sigmas are rounded to float32";

pub(super) static ENTRY: Entry<dyn Target> = Entry {
    name: "k-diffusion",
    aliases: &["k_diffusion", "kdiffusion"],
    summary: "tensor sigmas for k-diffusion's sample_* functions",
    source: "k-diffusion 0.1.1, sampling.py",
    order: None,
    parameters: &[Parameter {
        name: "sampler",
        kind: Kind::Text,
        default: Some("auto"),
        summary: "the function, such as sample_heun; auto: the one that takes the same steps",
    }],
    build: |a| Ok(Box::new(KDiffusion { sampler: a.text("sampler").into() })),
};
