use super::runner::{Runner, choose};
use super::{Asked, ExportError, Placed, Start, Target, plain, python_list, sigmas, to_data};
use crate::entry::{Entry, Kind, Parameter};

/// The `t_steps` of NVlabs/edm's `generate.py`: σ/α in float64, in which its loop computes.
#[derive(Clone, Debug, PartialEq)]
struct Edm {
    solver: String,
}

const fn runner(name: &'static str, runs: &'static str, solver: &'static str) -> Runner {
    Runner {
        name,
        runs,
        options: &[
            ("s_churn", "S_churn"),
            ("s_min", "S_min"),
            ("s_max", "S_max"),
            ("s_noise", "S_noise"),
        ],
        arguments: solver,
    }
}

/// With these arguments the list is one of σ, whatever other arguments the script has.
const EULER: &str = "solver=\"euler\", schedule=\"linear\", scaling=\"none\"";

static RUNNERS: &[Runner] = &[
    runner("heun", "edm", "solver=\"heun\""),
    runner("euler", "edm-euler", EULER),
    runner("euler", "ddim", EULER),
];

impl Target for Edm {
    fn place(&self, asked: &Asked<'_>) -> Result<Placed, ExportError> {
        let chosen = choose("solver of EDM", &self.solver, RUNNERS, |_| true, asked)?;
        let name = chosen.runner.name;
        let function = match chosen.sampler.name {
            "edm" => "edm_sampler",
            _ => "ablation_sampler",
        };
        let (grid, change) = to_data(function, asked.grid)?;
        let values = sigmas(function, &grid)?;
        let digits: Vec<String> = values.iter().map(plain).collect();
        let arguments = match function {
            // This function only has Heun.
            "edm_sampler" => chosen.arguments.replacen("solver=\"heun\"", "", 1),
            _ => format!(", {}", chosen.arguments),
        };
        let mut code = format!(
            "# In {function} of generate.py, in place of the lines that make t_steps:\n{}\
             t_steps = t_steps.to(latents.device)\nnum_steps = len(t_steps) - 1\n",
            python_list("t_steps", &digits, "torch.tensor(", ", dtype=torch.float64)")
        );
        code += &format!(
            "# called as {function}(net, latents{arguments}), with a network whose round_sigma changes\n\
             # nothing: VP, VE and EDM preconditioning, not iDDPM's\n"
        );
        Ok(Placed {
            runner: format!("{function}, {name}"),
            sampler: chosen.sampler,
            grid,
            start: Start::Sigma,
            argument: "t_steps",
            values,
            digits,
            changes: chosen.change.into_iter().chain(change).collect(),
            code,
        })
    }
}

pub(super) static ENTRY: Entry<dyn Target> = Entry {
    name: "edm",
    aliases: &["nvlabs-edm"],
    summary: "t_steps of EDM's generate.py",
    source: "Karras et al. (2022), NVlabs/edm, generate.py at 008a4e5316c8",
    order: None,
    parameters: &[Parameter {
        name: "solver",
        kind: Kind::Text,
        default: Some("auto"),
        summary: "heun or euler; auto: the one that takes the same steps",
    }],
    build: |a| Ok(Box::new(Edm { solver: a.text("solver").into() })),
};
