//! Classifier-free guidance (Ho & Salimans 2022): D = w D_c + (1 − w) D_u, where the data are the law u of
//! everything and c is a class. Samples should be of the class. Outside an interval of noise levels
//! (Kynkäänniemi et al. 2024) the network is that of the class, w = 1.
//!
//! CFG++ (Chung et al. 2024) guides the denoised sample alone and adds noise back by the network of the data:
//! a step of DDIM from (α, σ) to (α′, σ′) is
//!
//! x′ = α′ (D_u + w (D_c − D_u)) + σ′ ε_u,
//!
//! which is the step a x + b D of DDIM with the guidance scale w α′/b in D: one that depends on the step. In
//! this form it is defined for every rule whose steps have one evaluation and no history.

use super::answer::{Answer, Answers, AtLevel};
use super::spectrum::matched;
use super::{Belief, LinearNetwork, NetworkError};
use crate::data;
use crate::entry::{Entry, Kind, Parameter};
use crate::level::Level;
use crate::spectrum::{Mode, Spectrum};
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Guided {
    class: Spectrum,
    guiding: Guiding,
}

/// How a network guides samples to a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Guiding {
    /// The class: a file or a preset.
    pub class: String,
    /// The guidance scale w.
    pub weight: f64,
    /// Noise ratios with guidance, from and to.
    pub interval: [f64; 2],
    /// CFG++: what is guided depends on the step.
    pub by_step: bool,
}

impl Guiding {
    /// w at a level: 1 outside of the interval.
    pub fn at(&self, level: &Level) -> f64 {
        self.within(level, self.weight)
    }

    fn within(&self, level: &Level, weight: f64) -> f64 {
        let [low, high] = self.interval;
        if (low..=high).contains(&level.noise_ratio()) { weight } else { 1.0 }
    }
}

/// Guidance towards a class that has half of the variance of every eigenvector, and the mean of the data.
pub(crate) fn towards_half(data: &Spectrum, weight: f64) -> Box<dyn LinearNetwork> {
    let half = |mode: &Mode| Mode { eigenvalue: 0.5 * mode.eigenvalue, ..*mode };
    let class = data.with_modes(data.modes().iter().map(half).collect());
    let interval = [0.0, f64::INFINITY];
    let guiding = Guiding { class: "half".into(), weight, interval, by_step: false };
    Box::new(Guided { class, guiding })
}

impl LinearNetwork for Guided {
    /// The truth is the class, and what is believed the law of everything.
    fn beliefs(&self, data: &Spectrum) -> Result<Vec<Belief>, NetworkError> {
        let pairs = matched(data, &self.class)?.into_iter();
        let belief = |(all, class): (Mode, Mode)| {
            let mean = if self.class.has_mean() { class.mean } else { all.mean };
            Belief { truth: Mode { mean, ..class }, believed: all }
        };
        Ok(pairs.map(belief).collect())
    }

    fn answers(
        &self,
        _: &Spectrum,
        beliefs: &[Belief],
    ) -> Result<Option<Arc<dyn Answers>>, NetworkError> {
        let (beliefs, guiding) = (beliefs.to_vec(), self.guiding.clone());
        Ok(Some(Arc::new(Guidance { beliefs, guiding })))
    }

    fn guidance(&self) -> Option<&Guiding> {
        Some(&self.guiding)
    }
}

#[derive(Debug)]
struct Guidance {
    beliefs: Vec<Belief>,
    guiding: Guiding,
}

impl Guidance {
    fn with(&self, level: &Level, weight: f64) -> AtLevel<'_> {
        let (level, w) = (*level, self.guiding.within(level, weight));
        Box::new(move |i| {
            let Belief { truth, believed } = &self.beliefs[i];
            let class = Answer::exact(truth, &level);
            if w == 1.0 {
                return class;
            }
            w * class + (1.0 - w) * Answer::exact(believed, &level)
        })
    }
}

impl Answers for Guidance {
    fn at(&self, level: &Level) -> AtLevel<'_> {
        self.with(level, self.guiding.weight)
    }

    fn in_step(&self, level: &Level, share: f64) -> AtLevel<'_> {
        self.with(level, self.guiding.weight / share)
    }

    fn is_by_step(&self) -> bool {
        self.guiding.by_step
    }

    fn breaks(&self) -> Vec<f64> {
        self.guiding.interval.into_iter().filter(|n| *n > 0.0 && n.is_finite()).collect()
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Answers> {
        let of = |mode: Mode| Mode { eigenvalue: factor * mode.eigenvalue, ..mode };
        let belief = |b: &Belief| Belief { truth: of(b.truth), believed: of(b.believed) };
        let beliefs = self.beliefs.iter().map(belief).collect();
        Arc::new(Guidance { beliefs, guiding: self.guiding.clone() })
    }
}

/// `LO-HI`, where HI may be inf, and numbers may have exponents.
fn interval(text: &str) -> Option<[f64; 2]> {
    let mut parts = text.match_indices('-').filter_map(|(at, _)| {
        let (low, high) = (text[..at].parse::<f64>().ok()?, text[at + 1..].parse::<f64>().ok()?);
        (0.0 <= low && low < high).then_some([low, high])
    });
    parts.next_back()
}

pub(super) static ENTRY: Entry<dyn LinearNetwork> = Entry {
    name: "guided",
    aliases: &["cfg"],
    summary: "classifier-free guidance, w times the denoiser of a class plus 1 - w times that of the data; samples should be of the class",
    source: "Ho & Salimans (2022); intervals: Kynkäänniemi et al. (2024); cfg++: Chung et al. (2024)",
    order: None,
    parameters: &[
        Parameter {
            name: "w",
            kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
            default: None,
            summary: "guidance scale: 1 is the class, 0 the data",
        },
        Parameter {
            name: "class",
            kind: Kind::Text,
            default: None,
            summary: "spectrum of the class: a file or a preset, of as many eigenvectors as the data have, its k-th largest along that of the data; eval takes both with their own eigenvectors if their files have them (spectrum --basis)",
        },
        Parameter {
            name: "interval",
            kind: Kind::Text,
            default: Some("0-inf"),
            summary: "noise levels sigma/alpha with guidance, LO-HI; elsewhere the network is that of the class",
        },
        Parameter {
            name: "rule",
            kind: Kind::Choice(&["cfg", "cfg++"]),
            default: Some("cfg"),
            summary: "cfg++: the denoised sample alone is guided, for rules of one evaluation per step without history, such as ddim",
        },
    ],
    build: |a| {
        let text = a.text("interval");
        let interval = interval(text).ok_or_else(|| {
            format!("interval = '{text}' is not LO-HI, two noise levels with 0 <= LO < HI")
        })?;
        let (name, weight) = (a.text("class"), a.number("w"));
        let (class, by_step) = (data::load(name)?, a.text("rule") == "cfg++");
        let guiding = Guiding { class: name.into(), weight, interval, by_step };
        Ok(Box::new(Guided { class, guiding }))
    },
};

#[cfg(test)]
mod tests {
    use super::interval;

    #[test]
    fn intervals_are_two_levels() {
        assert_eq!(interval("0-inf"), Some([0.0, f64::INFINITY]));
        assert_eq!(interval("1e-3-2.5e-1"), Some([1e-3, 0.25]));
        assert_eq!(interval("0.19-1.61"), Some([0.19, 1.61]));
        for text in ["", "1", "2-1", "1-1", "-1-2", "nan-1", "0-nan", "a-b"] {
            assert_eq!(interval(text), None, "{text}");
        }
    }
}
