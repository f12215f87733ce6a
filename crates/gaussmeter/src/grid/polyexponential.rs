use super::range::{FINAL, Range, SIGMA_MAX, SIGMA_MIN};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// Log levels along a power of the index: σ_i = σ_min (σ_max/σ_min)^{(1 − i/(n − 1))^ρ}.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polyexponential {
    rho: f64,
    range: Range,
}

impl Polyexponential {
    /// The rule with exponent `rho` > 0; 1 is uniform in log σ.
    pub fn new(rho: f64, range: Range) -> Self {
        Polyexponential { rho, range }
    }
}

impl GridRule for Polyexponential {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        self.range.grid(process, steps, eps, |ramp, low, high| {
            low * (high / low).powf((1.0 - ramp).powf(self.rho))
        })
    }
    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static EXPONENTIAL: Entry<dyn GridRule> = Entry {
    name: "exponential",
    aliases: &["log-snr", "lu"],
    summary: "log sigma/alpha equally spaced: uniform log-SNR",
    source: "Lu et al. (2022a), DPM-Solver; k-diffusion, get_sigmas_exponential",
    order: None,
    parameters: &[SIGMA_MIN, SIGMA_MAX, FINAL],
    build: |a| Ok(Box::new(Polyexponential::new(1.0, Range::from(a)))),
};

pub(super) static POLYEXPONENTIAL: Entry<dyn GridRule> = Entry {
    name: "polyexponential",
    aliases: &[],
    summary: "log sigma/alpha along a power of the index",
    source: "k-diffusion, get_sigmas_polyexponential",
    order: None,
    parameters: &[
        Parameter {
            name: "rho",
            kind: Kind::Number { min: f64::MIN_POSITIVE, max: f64::INFINITY },
            default: Some("1"),
            summary: "exponent of the index; 1 is exponential",
        },
        SIGMA_MIN,
        SIGMA_MAX,
        FINAL,
    ],
    build: |a| Ok(Box::new(Polyexponential::new(a.number("rho"), Range::from(a)))),
};
