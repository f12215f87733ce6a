//! Noisy samples, what the network is told of them, and what it should answer.

use crate::data::{SampleDraw, TrainingData};
use crate::parametrization::{Kind, Parametrization};
use crate::random::{Purpose, stream};
use crate::tape::Question;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use rayon::prelude::*;

/// Questions and their answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What the network is asked.
    pub question: Question,
    /// What F should be, without the exact network: the target of the loss.
    pub targets: Vec<f32>,
    /// The noisy samples as the process has them, x = αx₀ + σz.
    pub noisy: Vec<f64>,
    /// Which of the stored samples each is; nothing where all are fresh.
    pub stored: Vec<usize>,
    /// Mean over the samples of the least expected loss at their levels; 0 where it is not known.
    pub floor: f64,
}

/// Asks about samples at levels that are drawn too, or all at one time `t`. Of `drop` of them the network is not
/// told the class.
pub fn ask(
    data: &dyn TrainingData,
    parametrization: &Parametrization,
    draw: SampleDraw,
    t: Option<f64>,
    drop: f64,
) -> Asked {
    let shape = data.shape();
    let dim = shape.len();
    let drawn = data.draw(draw);
    let purpose = if draw.is_held_out { Purpose::HeldOutNoise } else { Purpose::Noise };
    let mut noisy = drawn.values;
    let mut x = vec![0.0; noisy.len()];
    let mut targets = vec![0.0; noisy.len()];
    let none = data.classes().len();
    let eigenvalues = data.basis().map(|basis| basis.eigenvalues());
    let samples = noisy
        .par_chunks_mut(dim)
        .zip(x.par_chunks_mut(dim))
        .zip(targets.par_chunks_mut(dim))
        .enumerate();
    let told: Vec<(f32, usize, f64)> = samples
        .map(|(i, ((noisy, x), targets))| {
            let mut random = stream(draw.seed, purpose, draw.first + i as u64);
            let drawn_t = parametrization.law.draw(&mut random);
            let dropped: f64 = StandardUniform.sample(&mut random);
            let level = parametrization.level(t.unwrap_or(drawn_t));
            let at = parametrization.at(&level);
            for ((value, x), target) in noisy.iter_mut().zip(x).zip(targets) {
                let z: f64 = StandardNormal.sample(&mut random);
                let clean = *value;
                *value = level.alpha * clean + level.sigma * z;
                *x = (at.input * *value) as f32;
                *target = match parametrization.kind {
                    Kind::Eps => z,
                    Kind::X0 => clean,
                    // ((1 − c_skip) x₀ − c_skip σz)/c_out, without a difference of large numbers.
                    Kind::Edm => {
                        let total = level.sigma.hypot(parametrization.sigma_data);
                        let ratio = level.sigma / parametrization.sigma_data;
                        (ratio * clean - parametrization.sigma_data * z) / total
                    }
                } as f32;
            }
            let class = match drawn.classes.get(i) {
                Some(class) if dropped >= drop => *class,
                _ => none,
            };
            let floor = eigenvalues.map_or(0.0, |all| parametrization.floor(&level, all));
            (at.told as f32, class, floor)
        })
        .collect();
    let floor = told.iter().map(|(_, _, floor)| floor).sum::<f64>() / told.len().max(1) as f64;
    let classes = match none {
        0 => Vec::new(),
        _ => told.iter().map(|(_, class, _)| *class).collect(),
    };
    let told = told.iter().map(|(told, _, _)| *told).collect();
    let stored = drawn.stored;
    Asked { question: Question { shape, x, told, classes }, targets, noisy, stored, floor }
}
