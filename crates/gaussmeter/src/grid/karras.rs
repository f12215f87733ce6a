use super::range::{FINAL, Range, SIGMA_MAX, SIGMA_MIN};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// Levels whose ρ-th roots are equally spaced: σ_i = (σ_max^{1/ρ} + i/(n − 1) (σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Karras {
    rho: f64,
    range: Range,
}

impl Karras {
    /// The rule with exponent `rho` > 0, usually 7.
    pub fn new(rho: f64, range: Range) -> Self {
        Karras { rho, range }
    }
}

impl GridRule for Karras {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        self.range.grid(process, steps, eps, |ramp, low, high| {
            let [low, high] = [low, high].map(|s| s.powf(self.rho.recip()));
            (high * (1.0 - ramp) + low * ramp).powf(self.rho)
        })
    }
    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "karras",
    aliases: &["edm"],
    summary: "sigma/alpha with equally spaced rho-th roots",
    source: "Karras et al. (2022), equation 5",
    order: None,
    parameters: &[
        Parameter {
            name: "rho",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("7"),
            summary: "exponent: larger puts more steps near the data",
        },
        SIGMA_MIN,
        SIGMA_MAX,
        FINAL,
    ],
    build: |a| Ok(Box::new(Karras::new(a.number("rho"), Range::from(a)))),
};
