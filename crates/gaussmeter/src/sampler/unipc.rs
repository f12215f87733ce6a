use super::exponential::LowerOrderFinal;
use super::multistep::{along, exponential_weights};
use super::transfer::{contraction, transfer};
use super::{Sampler, SamplerError};
use crate::entry::{Arguments, BuildError, Entry, Kind, Parameter};
use crate::grid::Grid;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::tape::{Linear, Prediction, Tape, Var};

/// How a single difference of network outputs is weighted. Two and more are weighted so that the
/// method has the highest order, which leaves no choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SingleWeight {
    /// ½ h: B₁ of UniPC.
    Bh1,
    /// ½ |e^z − 1|: B₂ of UniPC.
    #[default]
    Bh2,
    /// As for several differences: exact for a network output linear in log-SNR.
    Exact,
}

/// Exponential multistep methods in log-SNR. Over a step h, with m₀ the network output at its start, m_k
/// the earlier ones, r_k < 0 their positions in units of h, and z = −h for denoisers or z = h for
/// noises,
///
/// x′ = e^{−h} x + (1 − e^{−h}) m₀ + Σ_k w_k (m_k − m₀) (denoiser),
///
/// x′ = x − ς′ [(e^h − 1) m₀ + Σ_k w_k (m_k − m₀)] (noise),
///
/// Σ_k w_k r_k^i = |z| i! φ_{i+1}(z): the polynomial through the outputs is integrated exactly, and
/// `order` is the number of outputs. This is the exponential Adams–Bashforth method and the predictor
/// of UniPC, which writes w_k = B ρ_k/|r_k|; with noise predictions it is DEIS.
///
/// UniPC's corrector adds the output m_t at the result, r = 1, once it is known, and continues from
/// the corrected x: one evaluation serves both, and the order increases by one. The last x′ is not
/// corrected. The first steps use as many terms as there are outputs; a step to σ = 0 has order 1,
/// as does a step from α = 0, where h is infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniPc {
    /// p ≥ 1: the number of network outputs in the predictor.
    pub order: usize,
    /// How a single difference is weighted.
    pub single: SingleWeight,
    /// Whether the corrector runs.
    pub corrector: bool,
    /// Whether noise predictions are extrapolated instead of denoisers.
    pub noise: bool,
    /// Whether the last steps have orders …, 2, 1.
    pub lower_order_final: LowerOrderFinal,
}

/// A step that can still be corrected.
struct Open {
    /// The state of a step of order 1.
    base: Linear,
    /// The factor of Σ w (m_k − m₀) in the state.
    scale: Real,
    z: Real,
    first: Var,
    /// The r_k and the outputs.
    past: Vec<(Real, Var)>,
}

impl Open {
    fn state(&self, single: SingleWeight) -> Linear {
        let r: Vec<Real> = self.past.iter().map(|(r, _)| *r).collect();
        let weights = match (&r[..], single) {
            ([r], SingleWeight::Bh1) => vec![0.5 * self.z.abs() / *r],
            ([r], SingleWeight::Bh2) => vec![0.5 * self.z.exp_m1().abs() / *r],
            _ => exponential_weights(self.z, &r),
        };
        let terms = self.past.iter().zip(weights);
        terms.fold(self.base.clone(), |sum, ((_, m), w)| sum + (self.scale * w) * (*m - self.first))
    }
}

/// ln(ς/ς′).
fn distance(from: &Level<Real>, to: &Level<Real>) -> Real {
    -contraction(from, to).ln()
}

impl UniPc {
    /// [`Sampler::record`] with the number of steps that `lower_order_final` counts.
    pub(super) fn record_of(&self, grid: &Grid, tape: &Tape, mut x: Var, steps: usize) -> Var {
        // Levels and outputs, the latest first.
        let mut past: Vec<(Level<Real>, Var)> = Vec::new();
        let mut open: Option<Open> = None;
        for step in grid.steps() {
            let (from, to) = (step.from, step.to);
            if from.alpha == 0.0 {
                let d = tape.predict(Prediction::Denoiser, x, from);
                x = tape.arrive(to, transfer(from, to, to.sigma, x, d));
                continue;
            }
            // Without a correction, the last step to σ = 0 is D itself.
            let takes_denoiser = !self.noise || (to.sigma == 0.0 && open.is_none());
            let kind = if takes_denoiser { Prediction::Denoiser } else { Prediction::Noise };
            let model = tape.predict(kind, x, from);
            if let Some(mut open) = open.take() {
                open.past.push((Real::from(1.0), model));
                x = tape.keep(open.state(self.single));
            }
            let (base, scale) = match takes_denoiser {
                true => (transfer(from, to, to.sigma, x, model), to.alpha),
                false => (along(from, to, x, model), -to.sigma),
            };
            if to.sigma == 0.0 {
                x = tape.arrive(to, base);
                continue;
            }
            let h = distance(from, to);
            let mut order = self.order;
            if self.lower_order_final.applies(steps) {
                order = order.min(steps - step.index);
            }
            let behind = past.iter().take(order - 1);
            let behind = behind.map(|(level, m)| (-distance(level, from) / h, *m)).collect();
            let z = if self.noise { h } else { -h };
            let now = Open { base, scale, z, first: model, past: behind };
            x = tape.arrive(to, now.state(self.single));
            open = self.corrector.then_some(now);
            past.insert(0, (*from, model));
            past.truncate(self.order);
        }
        x
    }
}

impl Sampler for UniPc {
    fn record(&self, grid: &Grid, tape: &Tape, x: Var) -> Result<Var, SamplerError> {
        Ok(self.record_of(grid, tape, x, grid.step_count()))
    }
}

pub(super) const PREDICTION: Parameter = Parameter {
    name: "prediction",
    kind: Kind::Choice(&["denoiser", "noise"]),
    default: Some("denoiser"),
    summary: "the network output that is extrapolated",
};

pub(super) const LOWER_ORDER_FINAL: Parameter = Parameter {
    name: "lower_order_final",
    kind: Kind::Choice(&["no", "under15", "always"]),
    default: Some("no"),
    summary: "when the last steps have orders ..., 2, 1: only to sigma = 0, below 15 steps, always",
};

/// The arguments `order` and `lower_order_final`; the latter has no effect at order 1.
pub(super) fn orders(a: &Arguments) -> Result<(usize, LowerOrderFinal), BuildError> {
    let (order, lower) = (a.text("order").parse()?, a.text("lower_order_final"));
    match (order, lower) {
        (1, "under15" | "always") => Err("lower_order_final has no effect at order=1".into()),
        _ => Ok((order, LowerOrderFinal::of(lower))),
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "unipc",
    aliases: &["uni_pc", "uni_pc_bh2", "UniPCMultistepScheduler"],
    summary: "UniPC: multistep predictor and corrector that share their evaluations",
    source: "Zhao et al. (2023), algorithms 1 and 2; diffusers; ComfyUI (order=3, uni_pc solver=bh1)",
    order: Some(3),
    parameters: &[
        Parameter {
            name: "order",
            kind: Kind::Choice(&["1", "2", "3", "4"]),
            default: Some("2"),
            summary: "order p of the predictor; with the corrector the method has order p + 1",
        },
        Parameter {
            name: "solver",
            kind: Kind::Choice(&["bh1", "bh2"]),
            default: Some("bh2"),
            summary: "B(h) = h or exp(h) - 1, which matters only for a single difference",
        },
        Parameter {
            name: "corrector",
            kind: Kind::Choice(&["yes", "no"]),
            default: Some("yes"),
            summary: "whether states are corrected once their network output is known",
        },
        PREDICTION,
        LOWER_ORDER_FINAL,
    ],
    build: |a| {
        let (order, lower_order_final) = orders(a)?;
        let (solver, corrector) = (a.text("solver"), a.text("corrector") == "yes");
        if order == 1 && !corrector && solver != "bh2" {
            return Err("solver weights differences, and order=1,corrector=no has none".into());
        }
        Ok(Box::new(UniPc {
            order,
            single: if solver == "bh1" { SingleWeight::Bh1 } else { SingleWeight::Bh2 },
            corrector,
            noise: a.text("prediction") == "noise",
            lower_order_final,
        }))
    },
};
