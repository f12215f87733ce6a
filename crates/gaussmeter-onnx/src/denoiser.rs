use crate::error::OnnxError;
use crate::header::Port;
use crate::network::{Guided, OnnxNetwork};
use crate::quiet;
use crate::sizes::{self, Tensor};
use crate::spec::MOST_SAMPLES;
use gaussmeter::level::Level;
use gaussmeter::network::{Denoiser, DenoiserError, Prediction};
use rten::{NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::prelude::*;
use std::sync::Arc;
use thiserror::Error;

/// Why a network gave no prediction.
#[derive(Debug, Error)]
enum RunFailure {
    #[error("{file}: {reason}")]
    Runtime { file: String, reason: String },
    #[error("{file}: it has never seen sigma/alpha = {}: its process goes up to {} (process=… with a higher one asks it all the same)", short(*.ratio), short(*.most))]
    Beyond { file: String, ratio: f64, most: f64 },
    #[error("{file}: its output has the shape {found:?} for an input of shape {given:?}")]
    Shape { file: String, found: Vec<usize>, given: Vec<usize> },
    #[error("{file}: its output is not finite at sigma/alpha = {}", short(*.ratio))]
    NotFinite { file: String, ratio: f64 },
}

/// A network in a file, for data of one shape. Clones share its weights; each runs on a thread of its own.
#[derive(Debug)]
pub struct OnnxDenoiser {
    network: OnnxNetwork,
    inputs: Inputs,
    /// Axes of one sample, as the network takes them.
    shape: Vec<usize>,
    /// Rows, columns and channels of networks that have channels last, whatever axes they take.
    picture: Option<[usize; 3]>,
    /// Numbers of samples of one run for which the sizes of all values are known to be small enough.
    checked: Vec<usize>,
    dim: usize,
    /// Samples of one run: as many as the file has fixed, or up to the number asked for.
    batch: Batch,
    pool: Arc<ThreadPool>,
}

/// Inputs and output in the runtime.
#[derive(Clone, Copy, Debug)]
struct Inputs {
    state: NodeId,
    level: Option<NodeId>,
    class: Option<NodeId>,
    output: NodeId,
}

#[derive(Clone, Copy, Debug)]
enum Batch {
    Fixed(usize),
    UpTo(usize),
}

impl Clone for OnnxDenoiser {
    fn clone(&self) -> Self {
        OnnxDenoiser {
            network: self.network.clone(),
            shape: self.shape.clone(),
            checked: self.checked.clone(),
            pool: own_thread(),
            ..*self
        }
    }
}

/// One thread: what is computed then does not depend on how many there are.
fn own_thread() -> Arc<ThreadPool> {
    Arc::new(ThreadPool::with_num_threads(1))
}

impl OnnxDenoiser {
    pub(crate) fn new(network: &OnnxNetwork, shape: &[usize]) -> Result<Self, OnnxError> {
        let file = network.file.clone();
        let interface = |reason: String| OnnxError::Interface { file: file.clone(), reason };
        let node = |port: &Port| {
            let missing = || interface(format!("the runtime has no '{}'", port.name));
            network.model.find_node(&port.name).ok_or_else(missing)
        };
        let inputs = Inputs {
            state: node(&network.state)?,
            level: network.level.as_ref().map(node).transpose()?,
            class: network.class.as_ref().map(|(port, _)| node(port)).transpose()?,
            output: node(&network.output)?,
        };
        let dim: usize = shape.iter().product();
        let own = own_shape(network, shape).map_err(interface)?;
        let picture = match (network.channels_last, shape) {
            (true, [channels, height, width]) => Some([*height, *width, *channels]),
            _ => None,
        };
        let first = network.state.shape.as_ref().and_then(|s| s.first().copied().flatten());
        let batch = match first {
            Some(0) => return Err(interface("it takes batches of no samples".into())),
            Some(fixed) if fixed > MOST_SAMPLES => {
                return Err(interface(format!(
                    "it takes batches of {fixed} samples: at most {MOST_SAMPLES}"
                )));
            }
            Some(fixed) => Batch::Fixed(fixed),
            None => Batch::UpTo(network.batch),
        };
        // What is told is one number, or one for each sample.
        let class = network.class.as_ref().map(|(class, _)| class);
        for port in network.level.iter().chain(class) {
            let is_told =
                |size: &usize| *size == 1 || matches!(batch, Batch::Fixed(n) if n == *size);
            let mut fixed = port.shape.iter().flatten().flatten();
            if let Some(size) = fixed.find(|size| !is_told(size)) {
                return Err(interface(format!(
                    "its input '{}' has an axis of {size}: a level or a class is one number, or one for each sample",
                    port.name
                )));
            }
        }
        let network = network.clone();
        let (checked, pool) = (Vec::new(), own_thread());
        let mut bound =
            OnnxDenoiser { network, inputs, shape: own, picture, checked, dim, batch, pool };
        bound.check()?;
        Ok(bound)
    }

    /// The network.
    pub fn network(&self) -> &OnnxNetwork {
        &self.network
    }

    /// A first run: what cannot be run at all is known before any work is done. The runtime orders its
    /// operations then, by recursion, and keeps the order.
    fn check(&mut self) -> Result<(), OnnxError> {
        let x = vec![0.0; self.dim];
        let mut out = vec![0.0; self.dim];
        let file = self.network.file.clone();
        // A level that every process has.
        let level = self.network.trained.process.as_ref().map(|p| p.level(0.5 * p.t_max()));
        let level = level.unwrap_or(Level { t: 1.0, sigma: 1.0, ..Level::DATA });
        let found = quiet::deep(|| self.evaluate(&x, &level, &mut out));
        match found {
            Ok(Ok(())) => Ok(()),
            Ok(Err(DenoiserError::Network(error))) => {
                let reason = error.to_string();
                let prefix = format!("{file}: ");
                let reason = reason.strip_prefix(&prefix).unwrap_or(&reason).into();
                Err(OnnxError::Runtime { file, reason })
            }
            Ok(Err(error)) => Err(OnnxError::Runtime { file, reason: error.to_string() }),
            Err(reason) => Err(OnnxError::Runtime { file, reason }),
        }
    }

    /// The native prediction of the network for states of its own, told a level, for classes.
    fn run(&self, states: &[f32], told: f64, class: Option<i32>) -> Result<Vec<f32>, RunFailure> {
        let size = match self.batch {
            Batch::Fixed(size) | Batch::UpTo(size) => size,
        };
        let mut all = Vec::with_capacity(states.len());
        for part in states.chunks(size * self.dim) {
            let count = part.len() / self.dim;
            // A batch that is fixed is filled up.
            let mut part = part.to_vec();
            let taken = match self.batch {
                Batch::Fixed(size) => size,
                Batch::UpTo(_) => count,
            };
            part.resize(taken * self.dim, 0.0);
            let found = self.run_batch(part, taken, told, class)?;
            all.extend_from_slice(&found[..count * self.dim]);
        }
        Ok(all)
    }

    fn run_batch(
        &self,
        states: Vec<f32>,
        count: usize,
        told: f64,
        class: Option<i32>,
    ) -> Result<Vec<f32>, RunFailure> {
        let file = || self.network.file.clone();
        let runtime = |reason: String| RunFailure::Runtime { file: file(), reason };
        let shape: Vec<usize> = std::iter::once(count).chain(self.shape.iter().copied()).collect();
        let value = Value::from_shape(&shape, states).map_err(|e| runtime(e.to_string()))?;
        let mut inputs: Vec<(NodeId, ValueOrView)> = vec![(self.inputs.state, value.into())];
        if let (Some(node), Some(port)) = (self.inputs.level, &self.network.level) {
            let shape = port_shape(port, count);
            let length = shape.iter().product();
            let value = match port.is_whole {
                true => Value::from_shape(&shape, vec![told.round() as i32; length])
                    .map_err(|e| runtime(e.to_string()))?,
                false => Value::from_shape(&shape, vec![told as f32; length])
                    .map_err(|e| runtime(e.to_string()))?,
            };
            inputs.push((node, value.into()));
        }
        if let (Some(node), Some((port, _)), Some(class)) =
            (self.inputs.class, &self.network.class, class)
        {
            let shape = port_shape(port, count);
            let length = shape.iter().product();
            let value = match port.is_whole {
                true => Value::from_shape(&shape, vec![class; length])
                    .map_err(|e| runtime(e.to_string()))?,
                false => Value::from_shape(&shape, vec![class as f32; length])
                    .map_err(|e| runtime(e.to_string()))?,
            };
            inputs.push((node, value.into()));
        }
        let mut options = RunOptions::default();
        options.thread_pool = Some(self.pool.clone());
        let ran =
            quiet::caught(|| self.network.model.run(inputs, &[self.inputs.output], Some(options)));
        let mut found = ran.map_err(runtime)?.map_err(|e| runtime(e.to_string()))?;
        let found = found.pop().and_then(|value| value.into_tensor::<f32>());
        let Some(found) = found else {
            return Err(runtime("its output is not of 32-bit floats".into()));
        };
        let own = found.shape().to_vec();
        let values = found.to_vec();
        let wanted = count * self.dim;
        // Networks that also predict a variance have twice the channels: the mean is the first half.
        let has_variance = values.len() == 2 * wanted
            && !self.network.channels_last
            && own.first() == Some(&count)
            && own.get(1) == Some(&(2 * self.shape.first().copied().unwrap_or(0)));
        // Of one sample after another: as many axes as the input has, but for some of size 1, or one of all values.
        let sizes = |shape: &[usize]| -> Vec<usize> {
            shape.iter().skip(1).copied().filter(|size| *size != 1).collect()
        };
        let is_flat = sizes(&own).iter().product::<usize>() == self.dim && sizes(&own).len() <= 1;
        let is_own = own.first() == Some(&count) && (is_flat || sizes(&own) == sizes(&shape));
        match has_variance {
            true => Ok(values.chunks(2 * self.dim).flat_map(|v| &v[..self.dim]).copied().collect()),
            false if values.len() == wanted && is_own => Ok(values),
            false => Err(RunFailure::Shape { file: file(), found: own, given: shape }),
        }
    }

    fn ask(&self, states: &[f32], told: f64) -> Result<Vec<f32>, RunFailure> {
        let Some((_, Guided { class, against })) = self.network.class else {
            return self.run(states, told, None);
        };
        let mut found = self.run(states, told, Some(class))?;
        if let Some((any, weight)) = against {
            let any = self.run(states, told, Some(any))?;
            for (class, any) in found.iter_mut().zip(any) {
                *class = any + weight as f32 * (*class - any);
            }
        }
        Ok(found)
    }

    /// Checks how large the values are that the graph makes of so many samples.
    fn check_sizes(&mut self, samples: usize) -> Result<(), RunFailure> {
        let counts = match self.batch {
            Batch::Fixed(size) => [size, 0],
            Batch::UpTo(size) if samples < size => [samples, 0],
            Batch::UpTo(size) => [size, samples % size],
        };
        for count in counts {
            if count == 0 || self.checked.contains(&count) {
                continue;
            }
            let known =
                |shape: Vec<usize>| shape.into_iter().map(|size| Some(size as u64)).collect();
            let port = |port: &Port| {
                let name = port.name.clone();
                (name, Tensor::new(known(port_shape(port, count)), None, port.is_whole))
            };
            let own = std::iter::once(count).chain(self.shape.iter().copied()).collect();
            let state = (self.network.state.name.clone(), Tensor::new(known(own), None, false));
            let class = self.network.class.as_ref().map(|(class, _)| port(class));
            let all: Vec<(String, Tensor)> =
                [Some(state), self.network.level.as_ref().map(port), class]
                    .into_iter()
                    .flatten()
                    .collect();
            let inputs = all.iter().map(|(name, tensor)| (&name[..], tensor.clone()));
            sizes::check(&self.network.graph, inputs, true).map_err(|problem| {
                RunFailure::Runtime { file: self.network.file.clone(), reason: problem.to_string() }
            })?;
            self.checked.push(count);
        }
        Ok(())
    }

    /// Pictures with the axes of the network, from those of the data, or back.
    fn turned(&self, x: &[f32], back: bool) -> Vec<f32> {
        let Some([height, width, channels]) = self.picture else { return x.to_vec() };
        let plane = height * width;
        let (rows, columns) = if back { (plane, channels) } else { (channels, plane) };
        let mut out = vec![0.0; x.len()];
        for (from, to) in x.chunks_exact(self.dim).zip(out.chunks_exact_mut(self.dim)) {
            for (i, row) in from.chunks_exact(columns).enumerate() {
                row.iter().enumerate().for_each(|(j, v)| to[j * rows + i] = *v);
            }
        }
        out
    }

    fn predicted(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), RunFailure> {
        let ratio = level.noise_ratio();
        if ratio == 0.0 {
            // Without noise the state is the data; noise that it has none of is 0.
            let factor = match self.native() {
                Prediction::Noise => 0.0,
                _ => 1.0 / level.alpha,
            };
            out.iter_mut().zip(x).for_each(|(out, x)| *out = factor * x);
            return Ok(());
        }
        self.check_sizes(x.len() / self.dim.max(1))?;
        let trained = &self.network.trained;
        let Some((own, told)) = trained.at(ratio) else {
            let top = trained.process.as_ref().map(|p| p.level(p.t_max()).noise_ratio());
            let (file, most) = (self.network.file.clone(), top.unwrap_or(f64::INFINITY));
            return Err(RunFailure::Beyond { file, ratio, most });
        };
        // The noise is what both states have in common, so that α may be 0.
        let scale = own.sigma / level.sigma;
        let states: Vec<f32> = x.iter().map(|x| (scale * x) as f32).collect();
        let found = match self.network.channels_last {
            true => self.turned(&self.ask(&self.turned(&states, false), told)?, true),
            false => self.ask(&states, told)?,
        };
        if !found.iter().all(|v| v.is_finite()) {
            return Err(RunFailure::NotFinite { file: self.network.file.clone(), ratio });
        }
        let native = self.network.predicts;
        if native == self.native() {
            out.iter_mut().zip(found).for_each(|(out, v)| *out = f64::from(v));
            return Ok(());
        }
        let Some((a, b)) = self.native().from_native(native, &own) else {
            let reason = format!(
                "its {} does not determine the {} at sigma/alpha = {}",
                native.name(),
                self.native().name(),
                short(ratio)
            );
            return Err(RunFailure::Runtime { file: self.network.file.clone(), reason });
        };
        for ((out, v), x) in out.iter_mut().zip(found).zip(x) {
            *out = a * scale * x + b * f64::from(v);
        }
        Ok(())
    }
}

impl Denoiser for OnnxDenoiser {
    fn dim(&self) -> usize {
        self.dim
    }

    /// The noise of networks that predict it, and the denoiser of all others: neither depends on the scale
    /// of states, in which solver and network may differ.
    fn native(&self) -> Prediction {
        match self.network.predicts {
            Prediction::Noise => Prediction::Noise,
            _ => Prediction::Denoiser,
        }
    }

    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.predicted(x, level, out).map_err(|error| DenoiserError::Network(Box::new(error)))
    }
}

/// A number in messages, with four digits.
fn short(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// The axes of one sample as the network has them, checked against those of the data.
fn own_shape(network: &OnnxNetwork, shape: &[usize]) -> Result<Vec<usize>, String> {
    let dim: usize = shape.iter().product();
    if let Some(made) = &network.made.shape {
        let several = |sizes: &[usize]| -> Vec<usize> {
            sizes.iter().copied().filter(|size| *size > 1).collect()
        };
        let product = made.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
        let is_flat = shape.len() == 1 && product == Some(dim);
        if !(is_flat || several(made) == several(shape)) {
            let [made, shape] = [made, shape].map(in_words);
            return Err(format!("it is of samples of {made}, and the data have {shape}"));
        }
    }
    let turned = match (network.channels_last, shape) {
        (true, [channels, height, width]) => vec![*height, *width, *channels],
        (true, _) => return Err("layout=hwc is for pictures".into()),
        (false, shape) => shape.to_vec(),
    };
    let Some(declared) = network.state.shape.as_ref().and_then(|s| s.get(1..)) else {
        return Ok(turned);
    };
    let fits = |shape: &[usize]| {
        declared.len() == shape.len()
            && declared.iter().zip(shape).all(|(d, s)| d.is_none_or(|d| d == *s))
    };
    // Vectors of as many values as pictures have, or pictures of one channel without that axis.
    let flat = vec![dim];
    let squeezed: Vec<usize> = turned.iter().copied().filter(|n| *n > 1).collect();
    let own = declared.iter().copied().collect::<Option<Vec<usize>>>();
    let own = own.filter(|own| own.iter().product::<usize>() == dim);
    let candidates = [Some(turned), Some(flat), Some(squeezed), own];
    candidates.into_iter().flatten().find(|shape| fits(shape)).ok_or_else(|| {
        let size = |d: &Option<usize>| d.map_or("any".into(), |d: usize| d.to_string());
        let declared: Vec<String> = declared.iter().map(size).collect();
        format!("it takes samples of {}, and the data have {}", declared.join("x"), in_words(shape))
    })
}

fn in_words(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// The shape of a level or a class for so many samples: one number, one per sample, or with axes of 1.
fn port_shape(port: &Port, count: usize) -> Vec<usize> {
    match &port.shape {
        None => vec![count],
        Some(axes) => axes
            .iter()
            .enumerate()
            .map(|(k, size)| size.unwrap_or(if k == 0 { count } else { 1 }))
            .collect(),
    }
}
