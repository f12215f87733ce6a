//! The process of a configuration, by the family of its class.

use super::ConfigError;
use super::classes::{COMMON, Family};
use super::config::Config;
use super::sine_squared::SineSquared;
use super::wuerstchen::Wuerstchen;
use crate::process::{Process, VpDiscrete, registry};

/// A process with the text that makes it, if there is one, and what differs from diffusers.
pub(super) struct Made {
    pub process: Box<dyn Process>,
    pub text: Option<String>,
    pub notices: Vec<String>,
}

impl Made {
    fn of(text: String) -> Result<Self, ConfigError> {
        let named = registry().build(&text).map_err(|e| ConfigError::Process(Box::new(e)))?;
        Ok(Made { process: named.item, text: Some(named.label), notices: Vec::new() })
    }

    fn unnamed(process: impl Process + 'static) -> Self {
        Made { process: Box::new(process), text: None, notices: Vec::new() }
    }

    fn with(mut self, notice: impl Into<String>) -> Self {
        self.notices.push(notice.into());
        self
    }
}

/// The process of a configuration.
pub(super) fn made(config: &Config) -> Result<Made, ConfigError> {
    let class = config.class.name;
    match config.class.family {
        Family::Betas(more, _) => from_betas(config, more),
        Family::Exploding => exploding(config),
        Family::Flow => flow(config),
        Family::Stages => match config.number("stages")? {
            Some(1.0) => flow(config),
            _ => Err(config.refused(
                "its stages differ in resolution and start from new noise: only stages=1 is one process",
            )),
        },
        Family::ScoreSdeVe => {
            let (low, high) = (config.range("sigma_min")?, config.range("sigma_max")?);
            Ok(Made::of(format!("ve:sigma_min={low},sigma_max={high}"))?.with(format!(
                "{class} writes sigma = sigma_min r^t, which is not 0 at the data: ve has sigma_min sqrt(r^(2t) - 1)"
            )))
        }
        Family::ScoreSdeVp => {
            let [low, high] = ["beta_min", "beta_max"].map(|key| config.range(key));
            Made::of(format!("vp-linear:beta_min={},beta_max={},convention=song", low?, high?))
        }
        Family::Trig => {
            config.word("prediction_type", &["trigflow"])?;
            let std = config.range("sigma_data")?;
            Ok(Made::of(format!("trig:sigma_data={std}"))?.with(format!(
                "pipelines give {class} latents times sigma_data = {std}: --spectrum is that of these; for the spectrum of latents as they are, --process trig is the same"
            )))
        }
        Family::Wuerstchen => {
            let (s, scaler) = (config.range("s")?, config.range("scaler")?);
            let process = Wuerstchen::new(s, scaler).map_err(|reason| config.refused(reason))?;
            let (first, last) = (process.t_max(), process.t_min());
            Ok(Made::unnamed(process).with(format!(
                "{class} clamps alpha_bar to [0.0001, 0.9999]: times end at t = {first:.6} here, for its 1, and its last level is --eps {last:.6}"
            )))
        }
        Family::SineSquared => match config.trained_betas()? {
            None => Ok(Made::unnamed(SineSquared)),
            Some(_) => Err(config.refused(
                "'trained_betas' are its levels in one run of as many steps, not a process: give them as --process trig --grid sigmas:FILE",
            )),
        },
        Family::Refused(reason) => Err(config.refused(reason)),
    }
}

impl Config {
    fn refused(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::Refused(self.class.name.into(), reason.into())
    }

    /// A positive number that must be there.
    fn range(&self, key: &str) -> Result<f64, ConfigError> {
        self.positive(key)?.ok_or_else(|| ConfigError::Value(key.into(), "a positive number"))
    }

    /// How its levels are spaced otherwise than by timesteps: at most one key is true.
    pub fn conversion(&self) -> Result<Option<&'static str>, ConfigError> {
        const KEYS: [&str; 4] =
            ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"];
        match KEYS.into_iter().filter(|key| self.is(key)).collect::<Vec<_>>()[..] {
            [] => Ok(None),
            [key] => Ok(Some(key)),
            [first, second, ..] => {
                Err(self.refused(format!("{first} and {second} are both true, which it refuses")))
            }
        }
    }
}

/// Largest number of training timesteps that is believed.
const MOST_STEPS: f64 = 1e6;

fn from_betas(config: &Config, more: &[&str]) -> Result<Made, ConfigError> {
    let class = config.class.name;
    let predicts = config.text("prediction_type");
    let words = ["epsilon", "v_prediction", "sample", "flow_prediction", "original_sample"];
    config.word("prediction_type", &words)?;
    config.word("timestep_spacing", &["leading", "linspace", "trailing"])?;
    config.word("timestep_type", &["discrete", "continuous"])?;
    config.word("interpolation_type", &["linear", "log_linear"])?;
    config.word("final_sigmas_type", &["zero", "sigma_min"])?;
    let converts = config.conversion()?;
    if config.is("use_flow_sigmas") {
        return flow(config);
    }
    if predicts == "flow_prediction" {
        return Err(config.refused(
            "prediction_type flow_prediction on levels of betas is no law: it needs use_flow_sigmas=true",
        ));
    }
    if config.number("shift_terminal")?.is_some() {
        return Err(config.refused("shift_terminal needs use_flow_sigmas=true"));
    }
    let made = table(config, more)?;
    let (low, high) = (config.positive("sigma_min")?, config.positive("sigma_max")?);
    let (lowest, highest) = (
        made.process.level(1.0).noise_ratio(),
        made.process.level(made.process.t_max()).noise_ratio(),
    );
    if let (Some(low), Some(high)) = (low, high)
        && low >= high
    {
        return Err(config.refused(format!("sigma_min = {low} is not below sigma_max = {high}")));
    }
    match (converts, high) {
        (Some(_), Some(high)) => {
            let is_continuous =
                config.text("timestep_type") == "continuous" && predicts == "v_prediction";
            if is_continuous {
                let low = low.unwrap_or(lowest).min(0.5 * high);
                let adds_data = config.text("timestep_spacing") == "leading";
                return Made::of(between(low, high, adds_data));
            }
            if high > highest * (1.0 + 1e-6) {
                return Err(config.refused(format!(
                    "sigma_max = {high} is above the highest level of its betas, {highest:.4}, where the network is told the last training timestep all the same: that needs timestep_type=continuous with prediction_type=v_prediction"
                )));
            }
            Ok(made)
        }
        (None, _) if low.is_some() || high.is_some() => Ok(made.with(format!(
            "{class} reads sigma_min and sigma_max with use_karras_sigmas, use_exponential_sigmas or use_beta_sigmas only: levels are those of its betas"
        ))),
        _ => Ok(made),
    }
}

/// The process of a table of betas.
fn table(config: &Config, more: &[&str]) -> Result<Made, ConfigError> {
    let is_zero_snr = config.is("rescale_betas_zero_snr");
    let shift = config.positive("snr_shift_scale")?.unwrap_or(1.0);
    let predicts = match config.text("prediction_type") {
        "v_prediction" => "v",
        "sample" | "original_sample" => "x0",
        _ => "epsilon",
    };
    let made = match config.trained_betas()? {
        Some(betas) => {
            let mut process = VpDiscrete::new(&betas)?;
            if shift != 1.0 {
                process = process.with_snr_shift(shift)?;
            }
            if is_zero_snr {
                process = process.to_zero_snr()?;
            }
            Made::unnamed(process)
        }
        None => {
            let steps = config.number("num_train_timesteps")?.unwrap_or(0.0);
            if !(1.0..=MOST_STEPS).contains(&steps) || steps.fract() != 0.0 {
                let error = "a whole number up to 1000000";
                return Err(ConfigError::Value("num_train_timesteps".into(), error));
            }
            let known = match config.class.name {
                "UnCLIPScheduler" => vec!["squaredcos_cap_v2"],
                _ => [COMMON, more].concat(),
            };
            let schedule = match config.word("beta_schedule", &known)? {
                // The consistency decoder has no choice.
                "" => "squaredcos_cap_v2",
                schedule => schedule,
            };
            let mut text = format!("vp-discrete:schedule={schedule},steps={steps}");
            let usual = if schedule == "scaled_linear" { (0.00085, 0.012) } else { (0.0001, 0.02) };
            let needs_ends = matches!(schedule, "linear" | "scaled_linear" | "sigmoid");
            let ends = [("beta_start", usual.0), ("beta_end", usual.1)];
            for (key, usual) in ends.into_iter().filter(|_| needs_ends) {
                let value = config.range(key)?;
                if value != usual {
                    text += &format!(",{key}={value:?}");
                }
            }
            if shift != 1.0 {
                text += &format!(",snr_shift_scale={shift}");
            }
            if is_zero_snr {
                text += ",zero_snr=yes";
                if predicts != "epsilon" {
                    text += &format!(",network={predicts}");
                }
            }
            Made::of(text)?
        }
    };
    if !is_zero_snr {
        return Ok(made);
    }
    let class = config.class.name;
    let is_almost_zero =
        ["Euler", "DPMSolver", "UniPC"].iter().any(|start| class.starts_with(start));
    Ok(match (is_almost_zero, predicts) {
        (true, _) => made,
        (false, "epsilon") => made.with(format!(
            "{class} has alpha_bar = 0 at its last training timestep, where prediction_type epsilon makes it divide by 0: its result is inf or NaN wherever times start there; here alpha_bar is 2^-24"
        )),
        (false, _) => made.with(format!(
            "{class} has alpha_bar = 0 at its last training timestep, where it is 2^-24 (alpha = 0.000244) here"
        )),
    })
}

/// Levels from `high` to `low`, and a start with (σ_max² + 1)^½ where the class counts unit variance of
/// the data to it (its `init_noise_sigma`).
fn between(low: f64, high: f64, adds_data: bool) -> String {
    let start = if adds_data { format!(",prior_std={}", high.hypot(1.0)) } else { String::new() };
    format!("edm:sigma_max={high},sigma_min={low}{start}")
}

/// Variance exploding, between the two levels.
fn exploding(config: &Config) -> Result<Made, ConfigError> {
    let class = config.class.name;
    config.word("prediction_type", &["epsilon", "v_prediction", "sample"])?;
    config.word("sigma_schedule", &["karras", "exponential"])?;
    config.word("final_sigmas_type", &["zero", "sigma_min"])?;
    let (low, high) = (config.range("sigma_min")?, config.range("sigma_max")?);
    let adds_data = !matches!(class, "KarrasVeScheduler" | "CMStochasticIterativeScheduler");
    let made = Made::of(between(low, high, adds_data))?;
    Ok(match class {
        "KarrasVeScheduler" => made.with(format!(
            "{class} takes the squares of its levels for levels, from {} instead of {high} on: here they are levels",
            high * high
        )),
        _ => made,
    })
}

/// Flow matching, whose shifts are a matter of times.
fn flow(config: &Config) -> Result<Made, ConfigError> {
    config.conversion()?;
    if config.shown("scale_factors") != "null" {
        return Err(config.refused("scale_factors changes the resolution between steps"));
    }
    let made = Made::of("flow".into())?;
    Ok(match config.is("invert_sigmas") {
        true => made.with("invert_sigmas: levels of the file are 1 - u, u is that of flow here"),
        false => made,
    })
}
