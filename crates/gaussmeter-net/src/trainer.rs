//! Training: every step depends on the seed and its number only.

use crate::data::{SampleDraw, TrainingData};
use crate::declaration::Declaration;
use crate::error::NetError;
use crate::evaluation::{LevelResult, evaluate};
use crate::network::{About, Network, at_once};
use crate::optimiser::{Decay, Moments, Optimiser};
use crate::parametrization::Parametrization;
use crate::program::Program;
use crate::questions::{Asked, ask};
use crate::tape::Tape;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::Memory;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Gradients that are computed apart and then added, in order: a fixed number, for the same bits on any number
/// of threads.
const PARTS: usize = 16;

/// The fewest samples of a part, where there are as many.
const LEAST: usize = 8;

/// Bytes per value of the samples that are asked about.
const PER_VALUE: u128 = 48;

/// The largest batch, number of steps and number of samples to measure on.
const MAX_BATCH: usize = 1 << 16;
const MAX_STEPS: u64 = 1 << 40;
const MAX_HELD_OUT: usize = 1 << 20;

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Samples of a step.
    pub batch: usize,
    /// Number of steps.
    pub steps: u64,
    /// Size of a step, after warm-up.
    pub rate: f64,
    /// Steps over which the rate rises.
    pub warm_up: u64,
    /// How the rate goes on.
    pub decay: Decay,
    /// Weight of the past in the running average of the weights, which is what is kept of a training; 0 for
    /// the weights themselves. Early on the average is shorter: (1 + n)/(10 + n) after n steps.
    pub average: f64,
    /// The longest gradient: longer ones are shortened to this norm. Infinite: none is.
    #[serde(with = "unlimited")]
    pub clip: f64,
    /// The rule.
    pub optimiser: Optimiser,
    /// Share of samples whose class the network is not told.
    pub drop_class: f64,
    /// Determines weights, samples, noise and everything else.
    pub seed: u64,
    /// Steps between rows of the log, at which the network is measured.
    pub every: u64,
    /// Samples per noise level on which it is measured.
    pub held_out: usize,
}

/// JSON has no infinite number.
mod unlimited {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        match value.is_finite() {
            true => serializer.serialize_some(value),
            false => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            batch: 64,
            steps: 10_000,
            rate: 2e-3,
            warm_up: 200,
            decay: Decay::Cosine,
            average: 0.999,
            clip: 1.0,
            optimiser: Optimiser::Adam,
            drop_class: 0.1,
            seed: 0,
            every: 500,
            held_out: 128,
        }
    }
}

impl Options {
    fn check(&self) -> Result<(), NetError> {
        let refuse = |wrong: bool, text: String| match wrong {
            true => Err(NetError::Option(text)),
            false => Ok(()),
        };
        let Options { batch, steps, rate, average, clip, drop_class, held_out, .. } = *self;
        refuse(
            !(1..=MAX_BATCH).contains(&batch),
            format!("--batch {batch}: a step has 1 to {MAX_BATCH} samples"),
        )?;
        refuse(
            !(1..=MAX_STEPS).contains(&steps),
            format!("--steps {steps}: training has 1 to {MAX_STEPS} steps"),
        )?;
        refuse(
            !(rate > 0.0 && rate <= 1e3),
            format!("--rate {rate}: the rate is positive and at most 1000"),
        )?;
        refuse(
            !(0.0..1.0).contains(&average),
            format!("--average {average}: the weight of the past is from 0 to below 1"),
        )?;
        refuse(clip.is_nan() || clip <= 0.0, format!("--clip {clip}: the norm is positive"))?;
        refuse(
            !(0.0..=1.0).contains(&drop_class),
            format!("--drop-class {drop_class}: a share is from 0 to 1"),
        )?;
        refuse(self.every == 0, "--every 0: at least one step between rows".into())?;
        refuse(
            !(2..=MAX_HELD_OUT).contains(&held_out),
            format!("--held-out {held_out}: from 2 to {MAX_HELD_OUT} samples"),
        )
    }

    fn rate_at(&self, step: u64) -> f64 {
        let warm = ((step + 1) as f64 / self.warm_up.max(1) as f64).min(1.0);
        let rest = match self.decay {
            Decay::None => 1.0,
            Decay::Cosine => {
                let part = step as f64 / self.steps as f64;
                0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
        };
        self.rate * warm * rest
    }

    /// Number of parts of a batch, and samples of each.
    fn parts(&self) -> (usize, usize) {
        let size = self.batch.div_ceil(PARTS).max(LEAST).min(self.batch);
        (self.batch.div_ceil(size), size)
    }
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRow {
    /// Steps done.
    pub step: u64,
    /// Mean loss of the steps since the row before.
    pub loss: f64,
    /// The loss that the exact network would have had on the same noise levels, in expectation.
    pub floor: Option<f64>,
    /// Mean square of the difference of the averaged network from the exact one, on samples kept for that, over all
    /// noise levels; without an exact network its mean loss.
    pub measured: f64,
    /// The mean of the floors at these noise levels.
    pub measured_floor: Option<f64>,
}

impl LogRow {
    /// Loss of the averaged network in units of the least possible one.
    pub fn multiple(&self) -> Option<f64> {
        self.measured_floor.filter(|floor| *floor > 0.0).map(|floor| 1.0 + self.measured / floor)
    }
}

/// Sums since the last row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub loss: f64,
    pub floor: f64,
    pub steps: u64,
}

/// A network being trained.
pub struct Trainer<'a> {
    data: &'a dyn TrainingData,
    declaration: Declaration,
    /// What it is made of.
    pub program: Program,
    /// What it is asked and told.
    pub parametrization: Parametrization,
    /// How it is trained.
    pub options: Options,
    pub(crate) weights: Vec<f32>,
    pub(crate) average: Vec<f32>,
    pub(crate) moments: Moments,
    pub(crate) step: u64,
    pub(crate) sums: Sums,
    pub(crate) rows: Vec<LogRow>,
    /// What the last measurement found, and after which step.
    pub(crate) measured: Option<(u64, Vec<LevelResult>)>,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// Whether it was stopped before its last step.
    pub is_interrupted: bool,
    /// Samples per second, without measuring.
    pub examples_per_second: f64,
}

impl<'a> Trainer<'a> {
    /// A network before its first step.
    ///
    /// # Errors
    /// [`NetError`]: sizes or options that make no sense, or more memory than allowed.
    pub fn new(
        data: &'a dyn TrainingData,
        program: Program,
        parametrization: Parametrization,
        options: Options,
        memory: Memory,
    ) -> Result<Self, NetError> {
        options.check()?;
        let declaration = program.declare()?;
        // Of the samples of a batch, or of those held out: their values, noisy, scaled and what is wanted.
        let values = |count: usize| PER_VALUE * count as u128 * program.shape.len() as u128;
        let training = declaration.bytes(options.batch, options.parts().0) + values(options.batch);
        let at_once = options.held_out.min(at_once());
        let measuring = declaration.measuring_bytes(at_once) + values(options.held_out);
        let stored = data.bytes();
        let needed = training.max(measuring) + stored;
        let besides = if stored > 0 { ", beside the samples," } else { "" };
        let what = format!(
            "training {} parameters with batches of {}, measured on {} held-out samples{besides}",
            declaration.layout.len(),
            options.batch,
            options.held_out
        );
        memory.check(needed, what).map_err(NetError::Memory)?;
        let weights = declaration.layout.initial(options.seed);
        Ok(Trainer {
            average: weights.clone(),
            moments: options.optimiser.moments(weights.len()),
            weights,
            data,
            declaration,
            program,
            parametrization,
            options,
            step: 0,
            sums: Sums::default(),
            rows: Vec::new(),
            measured: None,
        })
    }

    /// Number of its parameters.
    pub fn parameters(&self) -> usize {
        self.weights.len()
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The weights as they are now, not their average.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// What it is trained on, in one line.
    pub fn data(&self) -> String {
        self.data.description()
    }

    /// See [`TrainingData::fingerprint`].
    pub(crate) fn fingerprint(&self) -> u64 {
        self.data.fingerprint()
    }

    /// How many of how many stored samples are kept to measure on.
    pub fn kept(&self) -> Option<[usize; 2]> {
        self.data.kept()
    }

    /// The log so far.
    pub fn rows(&self) -> &[LogRow] {
        &self.rows
    }

    /// The averaged network.
    ///
    /// # Errors
    /// None, as the weights are its own.
    pub fn network(&self, command: &str) -> Result<Network, NetError> {
        let about = About {
            data: self.data(),
            command: command.into(),
            seed: self.options.seed,
            steps: self.step,
            program: concat!("gaussmeter-net ", env!("CARGO_PKG_VERSION")).into(),
        };
        let (program, parametrization) = (self.program.clone(), self.parametrization.clone());
        Network::new(program, parametrization, self.average.clone(), about)
    }

    /// One step: its loss, and what the loss of the exact network would be in expectation, 0 where that is not
    /// known.
    ///
    /// # Errors
    /// [`NetError::Diverged`] where the loss, its gradient or what becomes of the weights is not finite: there is
    /// nothing to go on from then.
    pub fn advance(&mut self) -> Result<[f64; 2], NetError> {
        let Options { batch, seed, drop_class, .. } = self.options;
        let first = self.step * batch as u64;
        let draw = SampleDraw { seed, is_held_out: false, first, count: batch };
        let asked = ask(self.data, &self.parametrization, draw, None, drop_class);
        let (loss, mut gradient) = self.gradient(&asked);
        let norm = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>().sqrt();
        let diverged = NetError::Diverged { step: self.step + 1 };
        if !(loss.is_finite() && norm.is_finite()) {
            return Err(diverged);
        }
        if norm > self.options.clip {
            let scale = (self.options.clip / norm) as f32;
            gradient.iter_mut().for_each(|g| *g *= scale);
        }
        let (rate, step) = (self.options.rate_at(self.step), self.step);
        self.options.optimiser.step(&mut self.weights, &gradient, &mut self.moments, rate, step);
        let n = self.step as f64;
        let past = self.options.average.min((1.0 + n) / (10.0 + n)) as f32;
        let past = if self.options.average == 0.0 { 0.0 } else { past };
        for (a, w) in self.average.iter_mut().zip(&self.weights) {
            *a = past * *a + (1.0 - past) * w;
        }
        let lists = [&self.weights, &self.average, &self.moments.first, &self.moments.second];
        if !lists.into_iter().flatten().all(|value| value.is_finite()) {
            return Err(diverged);
        }
        self.step += 1;
        self.sums.loss += loss;
        self.sums.floor += asked.floor;
        self.sums.steps += 1;
        Ok([loss, asked.floor])
    }

    /// The mean square of F − target, and its gradient with respect to the weights.
    pub fn gradient(&self, asked: &Asked) -> (f64, Vec<f32>) {
        let (_, size) = self.options.parts();
        let count = asked.question.count();
        let dim = self.program.shape.len();
        let values = (count * dim) as f64;
        let starts: Vec<usize> = (0..count).step_by(size).collect();
        let of = |start: &usize| {
            let range = *start..(start + size).min(count);
            let part = asked.question.part(range.clone());
            let mut tape = Tape::new(&self.declaration.layout, &self.weights, &part);
            let y = self.program.record(&mut tape);
            let target = &asked.targets[range.start * dim..range.end * dim];
            let off: Vec<f32> = tape.answer(y).iter().zip(target).map(|(f, t)| f - t).collect();
            let loss = off.iter().map(|off| f64::from(*off) * f64::from(*off)).sum::<f64>();
            let slopes: Vec<f32> =
                off.iter().map(|off| (2.0 / values * f64::from(*off)) as f32).collect();
            let mut gradient = vec![0.0; self.weights.len()];
            tape.backward(y, &slopes, &mut gradient);
            (loss, gradient)
        };
        let parts: Vec<(f64, Vec<f32>)> = starts.par_iter().map(of).collect();
        let mut sum = vec![0.0; self.weights.len()];
        let mut total = 0.0;
        for (loss, gradient) in parts {
            total += loss;
            sum.iter_mut().zip(&gradient).for_each(|(s, g)| *s += g);
        }
        (total / values, sum)
    }

    /// Measures the averaged network at every noise level.
    ///
    /// # Errors
    /// [`NetError::Denoiser`]
    pub fn measure(&self) -> Result<Vec<LevelResult>, NetError> {
        if let Some((_, levels)) = self.measured.as_ref().filter(|(step, _)| *step == self.step) {
            return Ok(levels.clone());
        }
        let (seed, count) = (self.options.seed, self.options.held_out);
        evaluate(self.data, &self.network("")?, seed, count)
    }

    fn row(&self, levels: &[LevelResult]) -> Result<LogRow, NetError> {
        let count = levels.len() as f64;
        let steps = self.sums.steps.max(1) as f64;
        let floors: Option<f64> = levels.iter().map(|l| l.floor).sum();
        let measured = levels.iter().map(|l| l.measured).sum::<f64>() / count;
        if !measured.is_finite() {
            return Err(NetError::Diverged { step: self.step });
        }
        Ok(LogRow {
            step: self.step,
            loss: self.sums.loss / steps,
            floor: floors.map(|_| self.sums.floor / steps),
            measured,
            measured_floor: floors.map(|sum| sum / count),
        })
    }

    /// Trains to the last step, or until told to stop. `each` hears every row of the log, and `keep` is asked to
    /// keep the state, after every `keep_every` steps and where it stops.
    ///
    /// # Errors
    /// [`NetError::Diverged`], and what `each` and `keep` fail with.
    pub fn run(
        &mut self,
        watch: Watch,
        keep_every: u64,
        each: &mut dyn FnMut(&LogRow) -> Result<(), NetError>,
        keep: &mut dyn FnMut(&Trainer<'_>) -> Result<(), NetError>,
    ) -> Result<Ended, NetError> {
        let (mut seconds, mut done) = (0.0, 0);
        let mut is_interrupted = false;
        let mut said = self.rows.last().map(said).unwrap_or_else(|| "training".into());
        while self.step < self.options.steps {
            let progress = Progress {
                what: &said,
                unit: "steps",
                done: self.step,
                total: Some(self.options.steps),
            };
            if !watch.tell(progress) {
                is_interrupted = true;
                keep(self)?;
                break;
            }
            let start = Instant::now();
            self.advance()?;
            seconds += start.elapsed().as_secs_f64();
            done += self.options.batch;
            let is_last = self.step == self.options.steps;
            if self.step.is_multiple_of(self.options.every) || is_last {
                let levels = self.measure()?;
                let row = self.row(&levels)?;
                self.measured = Some((self.step, levels));
                self.sums = Sums::default();
                said = self::said(&row);
                self.rows.push(row.clone());
                each(&row)?;
            }
            if keep_every > 0 && self.step.is_multiple_of(keep_every) && !is_last {
                keep(self)?;
            }
        }
        Ok(Ended { is_interrupted, examples_per_second: done as f64 / f64::max(seconds, 1e-9) })
    }
}

/// A row in a few words.
fn said(row: &LogRow) -> String {
    match (row.floor, row.multiple()) {
        (Some(floor), Some(multiple)) => {
            format!("loss {:.4}, floor {floor:.4}, held out {multiple:.3} x floor", row.loss)
        }
        _ => format!("loss {:.4}, held out {:.4}", row.loss, row.measured),
    }
}
