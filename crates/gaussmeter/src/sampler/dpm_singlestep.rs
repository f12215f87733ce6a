use super::exponential::{Exponential, Model, SecondDerivative, Solver, solver};
use super::transfer::{eta, level_at, needs_finite_ratio, with_noise};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::numeric::written;
use crate::tape::{Linear, Tape, Var};

/// The singlestep DPM-Solvers with stages inside each step, at r₁h and r₂h in log-SNR, h = ln(ς/ς′).
/// In terms of the denoiser, with D at the start, D₁ and D₂ at the stages,
///
/// x₁ = e^{−r₁h} x + (1 − e^{−r₁h}) D, x₂ = e^{−r₂h} x + (1 − e^{−r₂h}) D + φ₂(r₂h) (r₂/r₁) (D₁ − D),
///
/// x′ = e^{−h} x + (1 − e^{−h}) D + φ₂(h) (D₂ − D)/r₂, φ₂(h) = 1 − (1 − e^{−h})/h,
///
/// and with two stages fewer x′ = e^{−h} x + (1 − e^{−h}) \[D + (D₁ − D)/(2r₁)\]. With the noise for the
/// model the integrals are the same ones of e^{+ℓ}. A step to σ = 0 has order 1.
///
/// The Heun solver takes the parabola through all three values instead. Either has order 3 with
/// r₂ = 2/3 only, where the weight of D₁, which is of order 1, vanishes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmStages {
    /// What is integrated.
    pub model: Model,
    /// Number of evaluations a step, from 1 to 3.
    pub order: usize,
    /// How the last stage weighs its differences.
    pub solver: Solver,
    /// Where the second evaluation is, as a share of the step in log-SNR.
    pub r1: f64,
    /// Where the third is.
    pub r2: f64,
}

impl DpmStages {
    /// One step, to the scale of `to`, where noise of standard deviation `left` is left.
    pub(super) fn step(
        &self,
        (grid, within): (&Grid, &Step),
        tape: &Tape,
        x: Var,
        from: &Level<Real>,
        (to, left): (&Level<Real>, Real),
    ) -> Result<Linear, SamplerError> {
        let corrected = SecondDerivative::Corrected;
        // A step of order 1 is the same in terms of the denoiser, also where no noise is left.
        let model = if left > 0.0 { self.model } else { Model::Denoiser };
        let m = tape.predict(model.prediction(), x, from);
        let whole = Exponential::leaving(model, 0.0, from, to, left);
        let mut later: Vec<(Real, Var)> = Vec::new();
        for r in [self.r1, self.r2].iter().take(self.order - 1).filter(|_| left > 0.0) {
            needs_finite_ratio(grid, within)?;
            let level = level_at(grid, within, from.noise_ratio() * (-r * whole.h).exp())?;
            let part = Exponential::new(self.model, 0.0, from, &level);
            let x_s = part.through(Solver::Heun, corrected, x, m, &later);
            later.push((part.h, tape.predict(self.model.prediction(), x_s, &level)));
        }
        Ok(whole.through(self.solver, corrected, x, m, &later))
    }
}

impl Sampler for DpmStages {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        for step in grid.steps() {
            let to = (step.to, step.to.sigma);
            let next = self.step((grid, &step), tape, x, step.from, to)?;
            x = tape.arrive(step.to, next);
        }
        Ok(x)
    }
}

/// The singlestep DPM-Solvers over the nodes of the grid: `order` steps are a group, whose k-th step
/// leads from the start of the group through its first k values with order k. One evaluation a step;
/// on a grid with the stages of [`DpmStages`] among its nodes it is the same sampler.
///
/// The last group has what is left of the steps, and a step to σ = 0 is a group of its own.
///
/// With noise the steps of a group share the noise on the way they share, so that the states at its
/// nodes are on one path. diffusers draws it anew for each of them, which leaves order 1; and its
/// third-order rule has a sign wrong with the Heun solver, which then does not converge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmSinglestep {
    /// What is integrated.
    pub model: Model,
    /// Steps a group, from 1 to 3.
    pub order: usize,
    /// How values are weighed: Heun with order 3 is the parabola through all, midpoint the line
    /// through the outer ones.
    pub solver: Solver,
    /// η ≥ 0: the share of fresh noise.
    pub eta: f64,
    /// Take the last step with order 1 where all groups are whole.
    pub lower_order_final: bool,
    /// The noise of diffusers.
    pub as_diffusers: bool,
}

/// A group under way: its start, and what was evaluated since.
struct Group<'a> {
    level: &'a Level<Real>,
    x: Var,
    model: Var,
    later: Vec<(Real, Var)>,
    noise: Linear,
}

impl Sampler for DpmSinglestep {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let steps = grid.step_count();
        let ends_low = self.lower_order_final && steps.is_multiple_of(self.order);
        let rule = match self.as_diffusers {
            true => SecondDerivative::WrongSign,
            false => SecondDerivative::Corrected,
        };
        let mut group: Option<Group> = None;
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            let model = self.model.between(from, to);
            let m = tape.predict(model.prediction(), x, from);
            // An infinite step, from α = 0, holds no derivative.
            let goes_on = |g: &Group| {
                g.later.len() + 1 < self.order
                    && to.sigma > 0.0
                    && g.level.alpha > 0.0
                    && !(ends_low && step.index + 1 == steps)
            };
            let current = match group.take().filter(goes_on) {
                Some(mut g) => {
                    g.later.push((Exponential::new(model, 0.0, g.level, from).h, m));
                    g
                }
                None => {
                    Group { level: from, x, model: m, later: Vec::new(), noise: Linear::default() }
                }
            };
            let whole = Exponential::new(model, self.eta, current.level, to);
            let mean = whole.through(self.solver, rule, current.x, current.model, &current.later);
            let noise = match self.as_diffusers {
                true => with_noise(tape, Linear::default(), whole.drawn),
                false => {
                    let last = Exponential::new(model, self.eta, from, to);
                    with_noise(tape, last.carry(current.noise), last.drawn)
                }
            };
            x = tape.arrive(to, mean + &noise);
            group = Some(Group { noise, ..current });
        }
        Ok(x)
    }
}

const fn share(name: &'static str, default: &'static str) -> Parameter {
    Parameter {
        name,
        kind: Kind::Number { min: 0.05, max: 1.0 },
        default: Some(default),
        summary: "where an evaluation is, as a share of the step in log-SNR",
    }
}

fn second(a: &Arguments, model: Model) -> Result<Box<dyn Sampler>, BuildError> {
    let solver = Solver::of(a.text("solver"));
    Ok(Box::new(DpmStages { model, order: 2, solver, r1: a.number("r1"), r2: 1.0 }))
}

fn third(a: &Arguments, model: Model) -> Result<Box<dyn Sampler>, BuildError> {
    let (r1, r2, solver) = (a.number("r1"), a.number("r2"), Solver::of(a.text("solver")));
    if r1 >= r2 {
        return Err(format!("r1 = {r1} must be below r2 = {r2}").into());
    }
    Ok(Box::new(DpmStages { model, order: 3, solver, r1, r2 }))
}

const SECOND: &[Parameter] = &[share("r1", "0.5"), solver("midpoint")];
const THIRD: &[Parameter] =
    &[share("r1", "0.3333333333333333"), share("r2", "0.6666666666666666"), solver("midpoint")];

pub(super) static NOISE_TWO: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-2",
    aliases: &["dpm_solver_2"],
    summary: "DPM-Solver-2: one stage inside each step, in terms of the noise; dpm-2 at r1 = 1/2",
    source: "Lu et al. (2022a), algorithms 1 and 4",
    order: Some(2),
    parameters: SECOND,
    build: |a| second(a, Model::Noise),
};

pub(super) static NOISE_THREE: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-3",
    aliases: &["dpm_solver_3"],
    summary: "DPM-Solver-3: two stages inside each step, in terms of the noise",
    source: "Lu et al. (2022a), algorithms 2 and 5",
    order: Some(3),
    parameters: THIRD,
    build: |a| third(a, Model::Noise),
};

pub(super) static TWO: Entry<dyn Sampler> = Entry {
    name: "dpmpp-2s",
    aliases: &["dpmpp_2s"],
    summary: "DPM-Solver++(2S): one stage inside each step",
    source: "Lu et al. (2022b), algorithm 1",
    order: Some(2),
    parameters: SECOND,
    build: |a| second(a, Model::Denoiser),
};

pub(super) static THREE: Entry<dyn Sampler> = Entry {
    name: "dpmpp-3s",
    aliases: &["dpmpp_3s"],
    summary: "DPM-Solver++(3S): two stages inside each step",
    source: "Lu et al. (2022b), appendix; the authors' dpm-solver (singlestep, order 3)",
    order: Some(3),
    parameters: THIRD,
    build: |a| third(a, Model::Denoiser),
};

const ORDER: Parameter = Parameter {
    name: "order",
    kind: Kind::Choice(&["2", "3"]),
    default: Some("2"),
    summary: "steps a group, and order of its last",
};
const MODEL: Parameter = Parameter {
    name: "model",
    kind: Kind::Choice(&["denoiser", "noise"]),
    default: Some("denoiser"),
    summary: "what is integrated: denoiser (dpmsolver++ of diffusers) or noise (dpmsolver)",
};
const LOWER_ORDER_FINAL: Parameter = Parameter {
    name: "lower_order_final",
    kind: Kind::Choice(&["no", "yes"]),
    default: Some("no"),
    summary: "last step of order 1 where the steps are whole groups (diffusers)",
};

fn groups(a: &Arguments, eta: f64, as_diffusers: bool) -> Result<Box<dyn Sampler>, BuildError> {
    Ok(Box::new(DpmSinglestep {
        model: Model::of(a.text("model")),
        order: a.text("order").parse()?,
        solver: Solver::of(a.text("solver")),
        eta,
        lower_order_final: a.text("lower_order_final") == "yes",
        as_diffusers,
    }))
}

pub(super) static NODES: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-singlestep",
    aliases: &["DPMSolverSinglestepScheduler"],
    summary: "singlestep DPM-Solver with stages at the nodes of the grid",
    source: "Lu et al. (2022a, 2022b); diffusers (DPMSolverSinglestepScheduler)",
    order: Some(2),
    parameters: &[ORDER, MODEL, solver("midpoint"), LOWER_ORDER_FINAL],
    build: |a| groups(a, 0.0, false),
};

pub(super) static NODES_SDE: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-singlestep-sde",
    aliases: &["sde-dpm-solver-singlestep"],
    summary: "singlestep SDE-DPM-Solver with stages at the nodes of the grid",
    source: "diffusers (DPMSolverSinglestepScheduler, sde-dpmsolver++ and sde-dpmsolver)",
    order: Some(2),
    parameters: &[
        ORDER,
        eta("1"),
        MODEL,
        solver("midpoint"),
        Parameter {
            name: "variant",
            kind: Kind::Choice(&["corrected", "diffusers"]),
            default: Some("corrected"),
            summary: "states of a group on one path, or with noise of their own and a wrong sign (diffusers)",
        },
        LOWER_ORDER_FINAL,
    ],
    build: |a| {
        let (eta, as_diffusers) = (a.number("eta"), a.text("variant") == "diffusers");
        if as_diffusers && eta != 1.0 {
            return Err(format!("diffusers has eta = 1 only, not {}", written(&eta)).into());
        }
        if as_diffusers && (a.text("model"), a.text("order")) == ("noise", "3") {
            return Err("diffusers has no third-order rule for the noise with eta = 1".into());
        }
        groups(a, eta, as_diffusers)
    },
};
