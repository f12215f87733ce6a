use super::runge_kutta::Tableau;
use super::transfer::{Churn, churn};
use super::variable::{EdmSchedule, EdmTime, Variable};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::numeric::written;
use crate::tape::{Tape, Var};

/// The sampler of the EDM ablations: after churn, Euler's method or the second-order method with
/// its second stage at share α of the step, in a chosen time and scale (see [`EdmTime`]),
///
/// t₁ = t̂ + αh, x₁ = x̂ + αh f, x′ = x̂ + h [(1 − 1/2α) f + f₁/2α].
///
/// The step to σ = 0 is Euler's. The discretization of EDM, the choice of nodes, is the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct EdmAblation {
    /// The noise added before each step.
    pub churn: Churn,
    /// The method.
    pub tableau: Tableau,
    /// Its time and scale.
    pub time: EdmTime,
}

impl Sampler for EdmAblation {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let (variable, euler) = (Variable::Edm(self.time), Tableau::euler());
        for step in grid.steps() {
            let (lifted, from) = self.churn.lift(grid, &step, tape, x)?;
            let tableau = if step.to.sigma == 0.0 { &euler } else { &self.tableau };
            let state = tableau.step(variable, (grid, &step), tape, (lifted, &from))?;
            x = tape.arrive(step.to, state);
        }
        Ok(x)
    }
}

fn build(a: &Arguments) -> Result<Box<dyn Sampler>, BuildError> {
    let alpha = a.number("alpha");
    let tableau = match a.text("solver") {
        "euler" if alpha != 1.0 => {
            return Err(
                "alpha is the position of the second evaluation, and solver=euler has none".into(),
            );
        }
        "euler" => Tableau::euler(),
        _ => Tableau::two_stages(alpha),
    };
    let range = (a.number_or("sigma_min"), a.number_or("sigma_max"));
    let schedule = match (a.text("schedule"), range) {
        ("vp", (None, None)) => EdmSchedule::Vp { beta_d: 19.9, beta_min: 0.1 },
        ("vp", (Some(low), Some(high))) => EdmSchedule::vp(low, high).ok_or_else(|| {
            format!(
                "no schedule=vp has sigma_min = {} at t = 0.001 and sigma_max = {} at t = 1",
                written(&low),
                written(&high)
            )
        })?,
        ("vp", _) => return Err("give both sigma_min and sigma_max, or neither".into()),
        (_, (Some(_), _) | (_, Some(_))) => {
            return Err("sigma_min and sigma_max are for schedule=vp".into());
        }
        ("ve", _) => EdmSchedule::Ve,
        _ => EdmSchedule::Linear,
    };
    let time = EdmTime { schedule, unit_variance: a.text("scaling") == "vp" };
    Ok(Box::new(EdmAblation { churn: Churn::of(a), tableau, time }))
}

const CHURN: [Parameter; 4] = churn();

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "edm-ablation",
    aliases: &["ablation_sampler"],
    summary: "Euler or a two-stage method in a chosen time and scale, with optional churn",
    source: "Karras et al. (2022), equation 4, table 1 and algorithm 3",
    order: Some(2),
    parameters: &[
        Parameter {
            name: "alpha",
            kind: Kind::Number { min: 0.01, max: 1.0 },
            default: Some("1"),
            summary: "position of the second evaluation, as a share of the step: 1 is Heun, 0.5 midpoint",
        },
        Parameter {
            name: "solver",
            kind: Kind::Choice(&["heun", "euler"]),
            default: Some("heun"),
            summary: "two stages, or one",
        },
        Parameter {
            name: "schedule",
            kind: Kind::Choice(&["linear", "vp", "ve"]),
            default: Some("linear"),
            summary: "the noise ratio as a function of time",
        },
        Parameter {
            name: "scaling",
            kind: Kind::Choice(&["none", "vp"]),
            default: Some("none"),
            summary: "the scale of the state: 1, or the one of unit variance",
        },
        Parameter {
            name: "sigma_min",
            kind: Kind::NumberOr { word: "default" },
            default: Some("default"),
            summary: "noise ratio of schedule=vp at t = 0.001; default: that of beta from 0.1 to 20",
        },
        Parameter {
            name: "sigma_max",
            kind: Kind::NumberOr { word: "default" },
            default: Some("default"),
            summary: "noise ratio of schedule=vp at t = 1; default: that of beta from 0.1 to 20",
        },
        CHURN[0],
        CHURN[1],
        CHURN[2],
        CHURN[3],
    ],
    build,
};
