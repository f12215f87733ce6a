use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::numeric::written;
use crate::process::Process;

/// Levels u of flow matching: a base list, shifted towards noise, optionally stretched to end at a
/// terminal level, then the data.
///
/// The shift s maps u to s u/(1 + (s − 1) u). A dynamic shift is s = e^μ with μ linear in the
/// number of tokens; with diffusers' `time_shift_type=linear`, s = μ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowShift {
    /// The list to be shifted.
    pub base: FlowBase,
    /// s.
    pub shift: f64,
    /// Where the stretched list ends, if it has more than one level.
    pub terminal: Option<f64>,
    /// Whether a last step goes to the data.
    pub to_zero: bool,
}

/// Lists of n levels before the shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowBase {
    /// From 1 to 1/n in equal parts: pipelines of diffusers (Flux, Qwen), ComfyUI's `simple`.
    InverseSteps,
    /// From 1 to 1/1000: FlowMatchEulerDiscreteScheduler without `shift`.
    Thousandth,
    /// From 1 to the shifted 1/1000, which is thus shifted twice: the same scheduler with `shift`,
    /// the code of Stable Diffusion 3, ComfyUI's `normal`.
    Shifted,
    /// As `Shifted`, in n + 1 parts without the last: ComfyUI's `sgm_uniform`.
    SgmUniform,
    /// From 0.999 to 0 in n + 1 parts without the last: `use_flow_sigmas` of DPM-Solver, DEIS, SA-Solver.
    Dpm,
    /// From 1, less a millionth at the very end, to 1/1000 in n + 1 parts without the last:
    /// `use_flow_sigmas` of UniPC.
    UniPc,
}

impl FlowShift {
    fn shifted(&self, u: f64) -> f64 {
        self.shift * u / (1.0 + (self.shift - 1.0) * u)
    }

    fn levels(&self, n: usize) -> Vec<f64> {
        let between = |a: f64, b: f64, parts: usize| {
            let parts = parts.max(1);
            (0..n).map(move |k| (a * (parts - k) as f64 + b * k as f64) / parts as f64)
        };
        let (inner, outer) = (n.saturating_sub(1), n);
        let base: Vec<f64> = match self.base {
            FlowBase::InverseSteps => between(1.0, (n as f64).recip(), inner).collect(),
            FlowBase::Thousandth => between(1.0, 1e-3, inner).collect(),
            FlowBase::Shifted => between(1.0, self.shifted(1e-3), inner).collect(),
            FlowBase::SgmUniform => between(1.0, self.shifted(1e-3), outer).collect(),
            FlowBase::Dpm => between(0.999, 0.0, outer).collect(),
            FlowBase::UniPc => between(1.0, 1e-3, outer).collect(),
        };
        let mut levels: Vec<f64> = base.into_iter().map(|u| self.shifted(u)).collect();
        // A single level is where sampling starts: there is nothing to stretch.
        if let (Some(terminal), [_, .., last]) = (self.terminal, &levels[..]) {
            let scale = (1.0 - terminal) / (1.0 - *last);
            levels.iter_mut().for_each(|u| *u = 1.0 - (1.0 - *u) * scale);
            // Replaced by the exact value.
            levels.pop();
            levels.push(terminal);
        }
        if let (FlowBase::UniPc, Some(first)) = (self.base, levels.first_mut()) {
            *first = 1.0 - 1e-6;
        }
        levels
    }
}

/// Whether the states of a process are (1 − u) x_0 + u z.
pub(super) fn is_flow(process: &dyn Process) -> bool {
    let middle = process.level(0.5 * process.t_max()).marginal();
    (middle.alpha + middle.sigma - 1.0).abs() <= 1e-12
}

/// The time where a flow has σ = u; `None` if the process is not a flow.
fn time_of(process: &dyn Process, u: f64) -> Option<f64> {
    if !is_flow(process) {
        return None;
    }
    // Solvers may work in coordinates where the noise ratio is u itself.
    let is_in_u = process.level(process.t_max()).alpha == 1.0;
    process.time_of(if is_in_u { u } else { u / (1.0 - u) })
}

impl GridRule for FlowShift {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let levels = self.levels(if self.to_zero { steps } else { steps + 1 });
        let times = levels.into_iter().chain(self.to_zero.then_some(0.0));
        let times: Option<Vec<f64>> = times.map(|u| time_of(&**process, u)).collect();
        Grid::new(process.clone(), &times.ok_or(GridError::NotFlow)?)?.exactly(steps, eps)
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        match (self.to_zero, self.terminal) {
            (true, _) => Some(0.0),
            (_, Some(terminal)) => time_of(process, terminal),
            // The last level of those two does not depend on the number of steps.
            _ => time_of(process, *self.levels(2).last()?),
        }
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "flow-shift",
    aliases: &["FlowMatchEulerDiscreteScheduler"],
    summary: "levels u of flow matching: a list, shifted and optionally stretched, then the data",
    source: "Esser et al. (2024), equation 23; diffusers 0.42.1, FlowMatchEulerDiscreteScheduler; ComfyUI",
    order: None,
    parameters: &[
        Parameter {
            name: "base",
            kind: Kind::Choice(&[
                "inverse-steps",
                "thousandth",
                "shifted",
                "sgm_uniform",
                "dpm",
                "unipc",
            ]),
            default: Some("inverse-steps"),
            summary: "list before the shift, from 1 to: 1/n (Flux, Qwen, ComfyUI simple); 1/1000; the shifted 1/1000, so shifted twice (diffusers with shift, ComfyUI normal); the same without the last (sgm_uniform); or that of use_flow_sigmas in DPM-Solver or UniPC",
        },
        Parameter {
            name: "shift",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "s: u becomes s u/(1 + (s - 1) u); 3 for SD3",
        },
        Parameter {
            name: "mu",
            kind: Kind::NumberOr { word: "none" },
            default: Some("none"),
            summary: "dynamic shift s = e^mu; 1.15 for Flux in ComfyUI",
        },
        Parameter {
            name: "tokens",
            kind: Kind::NumberOr { word: "none" },
            default: Some("none"),
            summary: "dynamic shift with mu linear in the length of the sequence: 0.5 at 256, 1.15 at 4096",
        },
        Parameter {
            name: "terminal",
            kind: Kind::NumberOr { word: "none" },
            default: Some("none"),
            summary: "stretch 1 - u so that this is the last level (shift_terminal); a single level is not stretched",
        },
        Parameter {
            name: "final",
            kind: Kind::Choice(&["zero", "last"]),
            default: Some("zero"),
            summary: "zero: n levels, then a last step to 0; last: n + 1 levels of the list",
        },
    ],
    build: |a| {
        let base = match a.text("base") {
            "thousandth" => FlowBase::Thousandth,
            "shifted" => FlowBase::Shifted,
            "sgm_uniform" => FlowBase::SgmUniform,
            "dpm" => FlowBase::Dpm,
            "unipc" => FlowBase::UniPc,
            _ => FlowBase::InverseSteps,
        };
        let shift = match (a.number("shift"), a.number_or("mu"), a.number_or("tokens")) {
            (shift, None, None) => shift,
            (1.0, Some(mu), None) => mu.exp(),
            (1.0, None, Some(n)) => (0.5 + (n - 256.0) * (1.15 - 0.5) / (4096.0 - 256.0)).exp(),
            _ => return Err("shift, mu and tokens are three ways to give one shift".into()),
        };
        if !shift.is_finite() {
            return Err(format!("a shift of {shift} is too large").into());
        }
        let terminal = a.number_or("terminal");
        if let Some(terminal) = terminal.filter(|t| *t >= 1.0) {
            return Err(format!(
                "terminal = {} must lie below 1, where sampling starts",
                written(&terminal)
            )
            .into());
        }
        let to_zero = a.text("final") == "zero";
        let is_fixed = matches!(base, FlowBase::Thousandth | FlowBase::Shifted);
        if !to_zero && terminal.is_none() && !is_fixed {
            return Err("final=last needs base=thousandth or shifted, or terminal: with other bases the last level depends on the number of steps".into());
        }
        Ok(Box::new(FlowShift { base, shift, terminal, to_zero }))
    },
};
