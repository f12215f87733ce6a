use super::{Drawn, SampleDraw, TrainingData, shape_of};
use crate::error::NetError;
use crate::random::stream;
use crate::shape::Shape;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::Memory;
use gaussmeter_data::samples::{Chunk, Samples, Scale};
use rand_distr::{Distribution, StandardUniform};
use std::collections::BTreeMap;

/// Samples read at a time.
const ROWS: usize = 1024;

/// Stored samples, in memory as they are stored.
#[derive(Clone, Debug)]
pub struct StoredData {
    description: String,
    shape: Shape,
    scale: Scale,
    values: Values,
    classes: Vec<String>,
    labels: Vec<usize>,
    count: usize,
    sigma_data: f64,
}

#[derive(Clone, Debug)]
enum Values {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
}

impl StoredData {
    /// Reads all samples, with their classes where these are `wanted`.
    ///
    /// # Errors
    /// [`NetError`]: samples that cannot be read, that have no classes, or that take more than `memory`.
    pub fn read(
        samples: &mut dyn Samples,
        wants_classes: bool,
        memory: Memory,
        watch: Watch,
    ) -> Result<Self, NetError> {
        let (description, scale) = (samples.description(), samples.scale());
        let shape = shape_of(samples.shape());
        let (mut bytes, mut floats) = (Vec::new(), Vec::new());
        let (mut labels, mut count, mut squares) = (Vec::new(), 0_usize, 0.0);
        while let Some(chunk) = samples.next_chunk(ROWS)? {
            if chunk.rows() == 0 {
                continue;
            }
            if wants_classes {
                let classes = samples.classes().ok_or_else(|| {
                    NetError::Option(format!(
                        "{description}: nothing says which class each sample is of: leave out --classes"
                    ))
                })?;
                labels.extend_from_slice(classes);
            }
            count += chunk.rows();
            let size = if matches!(chunk, Chunk::Bytes { .. }) { 1 } else { 4 };
            let needed = (count as u128) * (shape.len() as u128) * size;
            memory.check(needed, format!("keeping {description}")).map_err(NetError::Memory)?;
            let square = |v: f64| {
                let v = scale.apply(v);
                v * v
            };
            match chunk {
                Chunk::Bytes { values, .. } => {
                    squares += values.iter().map(|v| square(f64::from(*v))).sum::<f64>();
                    bytes.extend(values);
                }
                Chunk::Floats { values, .. } => {
                    squares += values.iter().map(|v| square(*v)).sum::<f64>();
                    floats.extend(values.into_iter().map(|v| v as f32));
                }
            }
            let (done, total) = (count as u64, samples.size_hint());
            if !watch.tell(Progress { what: "reading", unit: "samples", done, total }) {
                return Err(NetError::Option(format!(
                    "interrupted after {count} samples were read"
                )));
            }
        }
        if count == 0 {
            return Err(NetError::Option(format!("no samples in {description}")));
        }
        let sigma_data = (squares / (count * shape.len()) as f64).sqrt();
        let values = if floats.is_empty() { Values::Bytes(bytes) } else { Values::Floats(floats) };
        let (classes, labels) = numbered(labels);
        Ok(StoredData { description, shape, scale, values, classes, labels, count, sigma_data })
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// Names of classes in order, numbers in the order of their values, and the number of each sample's.
fn numbered(labels: Vec<String>) -> (Vec<String>, Vec<usize>) {
    let key = |name: &String| (name.parse().unwrap_or(u64::MAX), name.clone());
    let mut numbers: BTreeMap<(u64, String), usize> =
        labels.iter().map(|name| (key(name), 0)).collect();
    numbers.values_mut().enumerate().for_each(|(i, number)| *number = i);
    let of = labels.iter().map(|name| numbers.get(&key(name)).copied().unwrap_or(0)).collect();
    (numbers.into_keys().map(|(_, name)| name).collect(), of)
}

impl TrainingData for StoredData {
    fn description(&self) -> String {
        format!("{}, {} samples, {}", self.description, self.count, self.scale)
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn sigma_data(&self) -> f64 {
        self.sigma_data
    }

    fn draw(&self, draw: SampleDraw) -> Drawn {
        let dim = self.shape.len();
        let of = |i: usize| {
            let mut random = stream(draw.seed, draw.purpose(), draw.first + i as u64);
            let u: f64 = StandardUniform.sample(&mut random);
            ((u * self.count as f64) as usize).min(self.count - 1)
        };
        let chosen: Vec<usize> = (0..draw.count).map(of).collect();
        let values = chosen.iter().flat_map(|i| {
            let range = i * dim..(i + 1) * dim;
            let value = |at: usize| match &self.values {
                Values::Bytes(values) => f64::from(values[at]),
                Values::Floats(values) => f64::from(values[at]),
            };
            range.map(move |at| self.scale.apply(value(at)))
        });
        let classes = chosen.iter().filter_map(|i| self.labels.get(*i).copied());
        Drawn { values: values.collect(), classes: classes.collect() }
    }
}
