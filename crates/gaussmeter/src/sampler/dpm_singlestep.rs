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
/// and with one stage x′ = e^{−h} x + (1 − e^{−h}) \[D + (D₁ − D)/(2r₁)\]. In terms of the noise
/// the integrals are the same with e^{+ℓ}. A step to σ = 0 has order 1.
///
/// The Heun solver uses the parabola through all three values instead. Either has order 3 only with
/// r₂ = 2/3, where the weight of D₁, which is only accurate to order 1, vanishes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmStages {
    /// What is integrated: denoiser or noise.
    pub model: Model,
    /// Number of evaluations a step, from 1 to 3.
    pub order: usize,
    /// How the last stage weights the differences.
    pub solver: Solver,
    /// Position of the second evaluation, as a share of the step in log-SNR.
    pub r1: f64,
    /// Position of the third evaluation.
    pub r2: f64,
}

impl DpmStages {
    /// One step, to the scale of `to`, leaving noise of standard deviation `left`.
    pub(super) fn step(
        &self,
        (grid, within): (&Grid, &Step),
        tape: &Tape,
        x: Var,
        from: &Level<Real>,
        (to, left): (&Level<Real>, Real),
    ) -> Result<Linear, SamplerError> {
        let corrected = SecondDerivative::Corrected;
        // A step of order 1 is the same in terms of the denoiser, which also allows zero noise.
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

/// The singlestep DPM-Solvers with stages at the nodes of the grid: `order` steps form a group,
/// whose k-th step starts at the start of the group and uses its first k values, with order k. One
/// evaluation a step; on a grid with the stages of [`DpmStages`] among its nodes it is the same
/// sampler.
///
/// The last group has the remaining steps, and a step to σ = 0 is a group of its own.
///
/// With noise, the steps of a group share the noise of the interval they share, so that the states
/// at its nodes lie on one path. diffusers draws fresh noise for each of them, which leaves order
/// 1; its third-order rule with the Heun solver has a wrong sign and does not converge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmSinglestep {
    /// What is integrated: denoiser or noise.
    pub model: Model,
    /// Steps per group, from 1 to 3.
    pub order: usize,
    /// How values are weighted at order 3: Heun uses the parabola through all three, midpoint the
    /// line through the outer two.
    pub solver: Solver,
    /// η ≥ 0: the amount of fresh noise.
    pub eta: f64,
    /// Take the last step with order 1 if all groups are complete.
    pub lower_order_final: bool,
    /// Draw noise as diffusers does.
    pub as_diffusers: bool,
}

/// An unfinished group: its start, and the values evaluated since.
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
            // An infinite step, from α = 0, gives no derivative.
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
        summary: "position of an evaluation, as a share of the step in log-SNR",
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
    summary: "DPM-Solver-2: one stage inside each step, noise prediction; dpm-2 at r1 = 1/2",
    source: "Lu et al. (2022a), algorithms 1 and 4",
    order: Some(2),
    parameters: SECOND,
    build: |a| second(a, Model::Noise),
};

pub(super) static NOISE_THREE: Entry<dyn Sampler> = Entry {
    name: "dpm-solver-3",
    aliases: &["dpm_solver_3"],
    summary: "DPM-Solver-3: two stages inside each step, noise prediction",
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
    summary: "steps per group, and order of its last step",
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
    summary: "last step of order 1 if all groups are complete (diffusers)",
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
            summary: "states of a group on one noise path, or with fresh noise each and a wrong sign (diffusers)",
        },
        LOWER_ORDER_FINAL,
    ],
    build: |a| {
        let (eta, as_diffusers) = (a.number("eta"), a.text("variant") == "diffusers");
        if as_diffusers && eta != 1.0 {
            return Err(format!("diffusers has only eta = 1, not {}", written(&eta)).into());
        }
        if as_diffusers && (a.text("model"), a.text("order")) == ("noise", "3") {
            return Err("diffusers has no third-order rule for model=noise with eta = 1".into());
        }
        groups(a, eta, as_diffusers)
    },
};
