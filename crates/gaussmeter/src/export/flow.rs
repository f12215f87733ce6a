use super::{Asked, ExportError, Placed, Start, Target, flow_time, plain, python_list};
use crate::entry::{Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::process::Flow;
use crate::sampler;
use std::sync::Arc;

/// The times of flow matching, x_t = (1 − t) x_0 + t z, for your own loop, which defines the steps
/// between them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct FlowTimes {
    /// Whether data are at 1, and noise at 0.
    data_at_one: bool,
}

impl Target for FlowTimes {
    fn place(&self, asked: &Asked<'_>) -> Result<Placed, ExportError> {
        let runner = "flow matching";
        let times: Vec<f64> = asked.grid.levels().iter().map(flow_time).collect();
        let grid = Grid::new(Arc::new(Flow), &times)
            .map_err(|source| ExportError::Grid { runner: runner.into(), source })?;
        let label = &asked.sampler.label;
        let sampler = sampler::registry().build(label).map_err(|_| ExportError::NoRunner {
            what: "sampler of the registry",
            sampler: label.clone(),
            known: Vec::new(),
        })?;
        let (values, velocity): (Vec<f64>, _) = match self.data_at_one {
            false => (times, "noise - data"),
            true => (times.iter().map(|t| 1.0 - t).collect(), "data - noise"),
        };
        let digits: Vec<String> = values.iter().map(plain).collect();
        let code = format!(
            "import torch\n\n{}\n# v(x, t): the network's velocity, E[{velocity} | x at time t]. Euler:\n\
             x = torch.randn(shape)\n\
             for now, then in zip(t[:-1], t[1:]):\n    x = x + (then - now) * v(x, now)\n",
            python_list("t", &digits, "torch.tensor(", ", dtype=torch.float64)")
        );
        let change = self.data_at_one.then(|| "data are at t = 1, noise at t = 0".to_string());
        Ok(Placed {
            runner: runner.into(),
            sampler,
            grid,
            start: Start::Flow,
            argument: "t",
            values,
            digits,
            changes: change.into_iter().collect(),
            code,
        })
    }
}

pub(super) static ENTRY: Entry<dyn Target> = Entry {
    name: "flow",
    aliases: &["flow-matching"],
    summary: "times t of flow matching, x_t = (1 - t) x_0 + t z",
    source: "Lipman et al. (2023); Liu et al. (2023)",
    order: None,
    parameters: &[Parameter {
        name: "data_at",
        kind: Kind::Choice(&["0", "1"]),
        default: Some("0"),
        summary: "time of the data: 1 is the convention of Lipman et al., with increasing times",
    }],
    build: |a| Ok(Box::new(FlowTimes { data_at_one: a.text("data_at") == "1" })),
};
