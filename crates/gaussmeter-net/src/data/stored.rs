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

/// One sample of so many is kept to measure on.
pub const KEPT: usize = 10;

/// Stored samples, in memory as they are stored. Of every [`KEPT`] one is kept to measure on, and never trained on.
#[derive(Clone, Debug)]
pub struct StoredData {
    description: String,
    shape: Shape,
    scale: Scale,
    values: Values,
    classes: Vec<String>,
    labels: Vec<usize>,
    parts: Parts,
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
        let parts = Parts::of(count, &labels);
        Ok(StoredData { description, shape, scale, values, classes, labels, parts, sigma_data })
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.parts.trained.len() + self.parts.kept.len()
    }
}

/// Which samples are trained on, and which are kept to measure on.
#[derive(Clone, Debug, PartialEq)]
struct Parts {
    trained: Vec<usize>,
    kept: Vec<usize>,
}

impl Parts {
    /// One of [`KEPT`] samples is kept, and one of fewer samples, in an order without any of the data's own, the
    /// same for every seed; classes are kept in proportion, and no class loses its last sample. Nothing is kept
    /// where every class has one sample. Classes that are too small for their part hand on less than one sample of it.
    fn of(count: usize, labels: &[usize]) -> Self {
        let class = |i: usize| labels.get(i).copied().unwrap_or(0);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|i| (class(*i), mixed(*i as u64)));
        let (mut parts, mut waiting) = (Parts { trained: Vec::new(), kept: Vec::new() }, 0);
        let mut spare = None;
        for (at, i) in order.iter().enumerate() {
            waiting += 1;
            let is_first = at == 0 || class(order[at - 1]) != class(*i);
            if is_first {
                waiting = waiting.min(KEPT);
            }
            if !is_first {
                spare = Some(*i);
            }
            match waiting >= KEPT && !is_first {
                true => {
                    parts.kept.push(*i);
                    waiting -= KEPT;
                }
                false => parts.trained.push(*i),
            }
        }
        if let (true, Some(spare)) = (parts.kept.is_empty(), spare) {
            parts.trained.retain(|i| *i != spare);
            parts.kept.push(spare);
        }
        parts.trained.sort_unstable();
        parts.kept.sort_unstable();
        parts
    }

    /// Those of a purpose: all, where none are kept.
    fn of_purpose(&self, is_held_out: bool) -> &[usize] {
        if is_held_out && !self.kept.is_empty() { &self.kept } else { &self.trained }
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): numbers in no order.
fn mixed(i: u64) -> u64 {
    let z = i.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
        format!("{}, {} samples, {}", self.description, self.count(), self.scale)
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

    fn bytes(&self) -> u128 {
        let values = match &self.values {
            Values::Bytes(values) => values.len(),
            Values::Floats(values) => 4 * values.len(),
        };
        let numbers = self.count() + self.labels.len();
        (values + numbers * size_of::<usize>()) as u128
    }

    fn fingerprint(&self) -> u64 {
        let mut sum = 0u64;
        let mut add = |number: u64| sum = mixed(sum ^ number);
        match &self.values {
            Values::Bytes(values) => {
                let (whole, rest) = values.as_chunks::<8>();
                whole.iter().for_each(|eight| add(u64::from_le_bytes(*eight)));
                rest.iter().for_each(|byte| add(u64::from(*byte)));
            }
            Values::Floats(values) => values.iter().for_each(|v| add(u64::from(v.to_bits()))),
        }
        self.labels.iter().for_each(|label| add(*label as u64));
        sum
    }

    fn kept(&self) -> Option<[usize; 2]> {
        Some([self.parts.kept.len(), self.count()])
    }

    fn draw(&self, draw: SampleDraw) -> Drawn {
        let dim = self.shape.len();
        let all = self.parts.of_purpose(draw.is_held_out);
        let of = |i: usize| {
            let mut random = stream(draw.seed, draw.purpose(), draw.first + i as u64);
            let u: f64 = StandardUniform.sample(&mut random);
            all[((u * all.len() as f64) as usize).min(all.len() - 1)]
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
        let (values, labels) = (values.collect(), chosen.iter());
        let classes = labels.filter_map(|i| self.labels.get(*i).copied()).collect();
        Drawn { values, classes, stored: chosen }
    }
}

#[cfg(test)]
mod tests {
    use super::Parts;
    use std::collections::BTreeSet;

    /// Every sample is in one part, a tenth is kept, and no class is without samples to train on.
    #[test]
    fn a_tenth_of_every_class_is_kept() {
        for (count, classes) in [(1, 1), (2, 1), (9, 3), (12, 1), (1000, 1), (1000, 4), (30, 10)] {
            let labels: Vec<usize> = (0..count).map(|i| i % classes).collect();
            let parts = Parts::of(count, &labels);
            let all: BTreeSet<usize> = parts.trained.iter().chain(&parts.kept).copied().collect();
            assert_eq!(all, (0..count).collect(), "{count}");
            assert_eq!(parts.trained.len() + parts.kept.len(), count);
            let least = usize::from(count > 1);
            assert_eq!(parts.kept.len(), (count / 10).max(least), "{count}");
            for class in 0..classes {
                let of = |part: &[usize]| part.iter().filter(|i| *i % classes == class).count();
                assert!(of(&parts.trained) > 0, "{count} of {classes}, class {class}");
                let (share, kept) = (count / 10 / classes, of(&parts.kept));
                assert!(kept.abs_diff(share) <= 1, "{count}: {kept} of class {class}");
            }
        }
        assert!(Parts::of(5, &[4, 3, 2, 1, 0]).kept.is_empty());
        // A hundred classes of one sample leave their part to nobody.
        let labels: Vec<usize> =
            (0..320).map(|i| if i < 100 { i } else { 100 + usize::from(i >= 120) }).collect();
        let kept = Parts::of(320, &labels).kept;
        let of = |class: usize| kept.iter().filter(|i| labels[**i] == class).count();
        assert!((2..=3).contains(&of(100)) && of(101) == 20, "{} {}", of(100), of(101));
    }

    /// Data that repeat, of whatever period, have kept samples of every phase.
    #[test]
    fn kept_samples_follow_no_period() {
        let kept = Parts::of(2000, &[]).kept;
        for period in [2, 5, 10, 16] {
            let phases: BTreeSet<usize> = kept.iter().map(|i| i % period).collect();
            assert_eq!(phases.len(), period);
        }
    }
}
