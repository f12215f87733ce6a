use crate::process::{Level, Process, VpCosine};

/// The process of `DDPMWuerstchenScheduler`, in its time: [`VpCosine`] at u = 1 − (1 − t)^`scaler`,
/// with ᾱ clamped to [0.0001, 0.9999]. It ends where the upper clamp begins, and its networks are
/// asked down to the lower one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wuerstchen {
    cosine: VpCosine,
    scaler: f64,
    t_min: f64,
    t_max: f64,
}

impl Wuerstchen {
    /// # Errors
    /// Where time has no finite derivative.
    pub fn new(s: f64, scaler: f64) -> Result<Self, String> {
        if scaler < 1.0 {
            return Err(format!(
                "scaler = {scaler} below 1 moves its time with infinite speed at the data: only 1 and more have a process"
            ));
        }
        let cosine = VpCosine::new(s);
        let reached = |alpha2: f64| cosine.time_of(((1.0 - alpha2) / alpha2).sqrt()).unwrap_or(1.0);
        let (t_min, t_max) = (unwarped(reached(0.9999), scaler), unwarped(reached(0.0001), scaler));
        Ok(Wuerstchen { cosine, scaler, t_min, t_max })
    }

    /// u, u′ and u″.
    fn warp(&self, t: f64) -> [f64; 3] {
        let k = self.scaler;
        if k == 1.0 {
            return [t, 1.0, 0.0];
        }
        let rest = 1.0 - t;
        let u = -(k * (-t).ln_1p()).exp_m1();
        [u, k * rest.powf(k - 1.0), -k * (k - 1.0) * rest.powf(k - 2.0)]
    }

    fn inner(&self, t: f64) -> Level {
        let [u, _, _] = self.warp(t);
        self.cosine.level(u)
    }
}

/// The time at which 1 − (1 − t)^`scaler` is u.
fn unwarped(u: f64, scaler: f64) -> f64 {
    if scaler == 1.0 { u } else { -((-u).ln_1p() / scaler).exp_m1() }
}

impl Process for Wuerstchen {
    fn t_max(&self) -> f64 {
        self.t_max
    }

    fn level(&self, t: f64) -> Level {
        let [u, first, second] = self.warp(t);
        let level = self.cosine.level(u);
        let chain = |prime: f64, double: f64| double * first * first + prime * second;
        Level {
            t,
            alpha_prime: level.alpha_prime * first,
            sigma_sigma_prime: level.sigma_sigma_prime * first,
            alpha_second: chain(level.alpha_prime, level.alpha_second),
            sigma_sigma_second: chain(level.sigma_sigma_prime, level.sigma_sigma_second),
            ..level
        }
    }

    fn prior_std(&self) -> f64 {
        1.0
    }

    fn t_min(&self) -> f64 {
        self.t_min
    }

    fn time_of(&self, ratio: f64) -> Option<f64> {
        let u = self.cosine.time_of(ratio)?;
        let t = unwarped(u, self.scaler);
        (t <= self.t_max * (1.0 + 4.0 * f64::EPSILON)).then(|| t.min(self.t_max))
    }

    fn log_alpha_ratio(&self, from: &Level, to: &Level) -> f64 {
        self.cosine.log_alpha_ratio(&self.inner(from.t), &self.inner(to.t))
    }
}
