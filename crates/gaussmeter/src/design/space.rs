use crate::grid::{Grid, GridError};
use crate::numeric::written;
use crate::process::Process;
use std::ops::Range;
use std::sync::Arc;

/// Where a schedule starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At T.
    #[default]
    Fixed,
    /// Anywhere up to T.
    Free,
}

/// Where a schedule ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// At this time, eps; 0 is the data.
    At(f64),
    /// Anywhere above σ = 0.
    Free,
}

/// The schedules to search: which levels are fixed, and how close neighbours may be.
///
/// Levels are given by their log noise ratios ℓ = ln(σ/α), and a schedule by the logarithms of its
/// gaps, ℓ_k − ℓ_{k+1} = e^{q_k}, bounded below by the smallest allowed ratio of neighbours. If
/// both ends are fixed, the gaps share what remains beyond the smallest allowed ones, by a softmax
/// of q without bounds.
#[derive(Clone, Debug)]
pub struct Space {
    process: Arc<dyn Process>,
    steps: usize,
    min_log_ratio: f64,
    start: Start,
    /// The time it ends at.
    end: Option<f64>,
    /// Position of the noisiest and of the cleanest level with a finite log noise ratio.
    finite: (usize, usize),
    /// Log noise ratios at T and at eps, if they are finite and fixed.
    ends: (Option<f64>, Option<f64>),
}

/// Why no schedule meets the requirements.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// The smallest ratio of neighbours is below 1.
    #[error("the smallest ratio of neighbouring noise levels must be at least 1, not {}", written(.ratio))]
    Ratio {
        /// The ratio.
        ratio: f64,
    },
    /// The range is too narrow.
    #[error(
        "{steps} steps with neighbouring noise levels at least {} apart do not fit between sigma/alpha = {:.6} and {:.6}: ask for a smaller ratio or fewer steps", written(.ratio), written(.highest), written(.lowest))]
    TooNarrow {
        /// The number of steps.
        steps: usize,
        /// The smallest ratio.
        ratio: f64,
        /// The noise ratio at the start.
        highest: f64,
        /// The noise ratio at the end.
        lowest: f64,
    },
    /// The end is not valid for a grid.
    #[error(transparent)]
    Grid(#[from] GridError),
}

impl Space {
    /// Schedules of `steps` steps with neighbouring noise levels at least `min_ratio` apart.
    ///
    /// # Errors
    /// [`SpaceError`]
    pub fn new(
        process: &Arc<dyn Process>,
        steps: usize,
        start: Start,
        end: End,
        min_ratio: f64,
    ) -> Result<Self, SpaceError> {
        if min_ratio.is_nan() || min_ratio < 1.0 || min_ratio.is_infinite() {
            return Err(SpaceError::Ratio { ratio: min_ratio });
        }
        let t_max = process.t_max();
        let end = match end {
            End::At(eps) if !(0.0..t_max).contains(&eps) => {
                return Err(GridError::Eps { eps, t_max }.into());
            }
            End::At(eps) => Some(eps),
            End::Free => None,
        };
        if steps == 0 {
            return Err(GridError::TooShort { points: 1 }.into());
        }
        let log_ratio = |t: f64| {
            let level = process.level(t);
            Some(-level.log_snr()).filter(|l| l.is_finite())
        };
        let (highest, lowest) = (log_ratio(t_max), end.and_then(log_ratio));
        let to_data = end.is_some() && lowest.is_none();
        // A free start is finite even if T is not.
        let finite_start = highest.is_some() || start == Start::Free;
        let finite = (usize::from(!finite_start), steps - usize::from(to_data));
        let min_log_ratio = min_ratio.ln();
        if let (Some(highest), Some(lowest)) = (highest, lowest)
            && highest - lowest <= min_log_ratio * steps as f64
        {
            let ratio_at = |t: f64| process.level(t).noise_ratio();
            let (highest, lowest) = (ratio_at(t_max), ratio_at(end.unwrap_or(0.0)));
            return Err(SpaceError::TooNarrow { steps, ratio: min_ratio, highest, lowest });
        }
        let fixed = highest.filter(|_| start == Start::Fixed);
        let ends = (fixed, lowest);
        Ok(Space { process: process.clone(), steps, min_log_ratio, start, end, finite, ends })
    }

    /// The process.
    pub fn process(&self) -> &Arc<dyn Process> {
        &self.process
    }

    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Number of gaps between finite levels.
    fn gaps(&self) -> usize {
        self.finite.1.saturating_sub(self.finite.0)
    }

    /// Number of parameters.
    pub fn dim(&self) -> usize {
        match self.ends {
            (Some(_), Some(_)) => self.gaps().saturating_sub(1),
            (None, None) => self.gaps() + 1,
            _ => self.gaps(),
        }
    }

    /// The lower bound of every parameter.
    pub fn bounds(&self) -> Vec<f64> {
        let gap = self.min_log_ratio.ln();
        match self.ends {
            (Some(_), Some(_)) => vec![f64::NEG_INFINITY; self.dim()],
            (None, None) => {
                let gaps = std::iter::repeat_n(gap, self.gaps());
                std::iter::once(f64::NEG_INFINITY).chain(gaps).collect()
            }
            _ => vec![gap; self.dim()],
        }
    }

    /// The positions of the levels that move.
    pub fn free(&self) -> Range<usize> {
        let (first, last) = self.finite;
        first + usize::from(self.ends.0.is_some())..(last + 1) - usize::from(self.ends.1.is_some())
    }

    /// Log noise ratios of the finite levels, noisiest first.
    fn levels(&self, q: &[f64]) -> Vec<f64> {
        let gap = f64::exp;
        let descend = |start: f64, gaps: &mut dyn Iterator<Item = f64>| -> Vec<f64> {
            std::iter::once(start)
                .chain(gaps.scan(start, |level, gap| {
                    *level -= gap;
                    Some(*level)
                }))
                .collect()
        };
        match self.ends {
            (Some(highest), Some(lowest)) => {
                let room = highest - lowest - self.min_log_ratio * self.gaps() as f64;
                let shares = softmax(q);
                let mut gaps = shares.iter().map(|s| self.min_log_ratio + room * s);
                let mut levels = descend(highest, &mut gaps);
                // The exact end, without the rounding of summed gaps.
                if let Some(last) = levels.last_mut() {
                    *last = lowest;
                }
                levels
            }
            (Some(highest), None) => descend(highest, &mut q.iter().map(|q| gap(*q))),
            (None, Some(lowest)) => {
                let mut ascending = vec![lowest];
                for q in q.iter().rev() {
                    ascending.push(ascending.last().copied().unwrap_or(lowest) + gap(*q));
                }
                ascending.reverse();
                ascending
            }
            (None, None) => match q.split_first() {
                Some((first, rest)) => descend(*first, &mut rest.iter().map(|q| gap(*q))),
                None => Vec::new(),
            },
        }
    }

    /// The grid for given parameters.
    ///
    /// # Errors
    /// [`GridError`]: the process does not reach a level.
    pub fn grid(&self, q: &[f64]) -> Result<Grid, GridError> {
        let (first, last) = self.finite;
        let levels = self.levels(q);
        let t_max = self.process.t_max();
        let mut times = Vec::with_capacity(self.steps + 1);
        if first == 1 {
            times.push(t_max);
        }
        for (k, level) in levels.iter().enumerate() {
            let t = match (k, self.ends) {
                (0, (Some(_), _)) => t_max,
                (k, (_, Some(_))) if k + 1 == levels.len() => self.end.unwrap_or(0.0),
                _ => {
                    let sigma = level.exp();
                    self.process.time_of(sigma).ok_or_else(|| {
                        let end = self.process.level(t_max);
                        let largest = end.sigma / end.alpha;
                        GridError::NoLevel { index: first + k, sigma, largest }
                    })?
                }
            };
            times.push(t);
        }
        if last < self.steps {
            times.push(0.0);
        }
        Grid::new(self.process.clone(), &times)
    }

    /// The noise ratio at T, if it is finite.
    pub(super) fn highest(&self) -> Option<f64> {
        let level = self.process.level(self.process.t_max());
        Some(level.noise_ratio()).filter(|ratio| ratio.is_finite())
    }

    /// The noise ratio at a fixed end, if it is not 0.
    pub(super) fn lowest(&self) -> Option<f64> {
        self.ends.1.map(f64::exp)
    }

    /// Number of gaps between levels with a finite log noise ratio.
    pub(super) fn levels_between(&self) -> usize {
        self.gaps()
    }

    /// Parameters of the schedule in this space that is closest to a grid with the same number of
    /// steps.
    pub fn parameters(&self, grid: &Grid) -> Vec<f64> {
        let (first, last) = self.finite;
        let levels: Vec<f64> = grid.levels()[first..=last].iter().map(|l| -l.log_snr()).collect();
        self.parameters_of(&levels)
    }

    /// The same from log noise ratios, noisiest first.
    pub(super) fn parameters_of(&self, levels: &[f64]) -> Vec<f64> {
        let gaps: Vec<f64> = levels.windows(2).map(|w| w[0] - w[1]).collect();
        let typical = gaps.iter().filter(|g| g.is_finite()).fold(1e-3, |m: f64, g| m.max(*g));
        let logs: Vec<f64> = gaps
            .iter()
            .map(|gap| match (self.ends, gap.is_finite()) {
                (_, false) => typical.ln(),
                // A share of zero would never grow: e^q has slope zero there.
                ((Some(_), Some(_)), true) => (gap - self.min_log_ratio).max(0.02 * typical).ln(),
                (_, true) => gap.max(self.min_log_ratio).ln(),
            })
            .collect();
        match self.ends {
            (Some(_), Some(_)) => match logs.split_last() {
                Some((last, rest)) => rest.iter().map(|q| q - last).collect(),
                None => Vec::new(),
            },
            (None, None) => {
                let start = levels.first().copied().filter(|l| l.is_finite()).unwrap_or(0.0);
                std::iter::once(start).chain(logs).collect()
            }
            _ => logs,
        }
    }

    /// Derivatives of the free times with respect to the parameters, one row per time.
    pub fn jacobian(&self, q: &[f64], grid: &Grid) -> Vec<Vec<f64>> {
        let first = self.finite.0;
        let shares = match self.ends {
            (Some(highest), Some(lowest)) => {
                let room = highest - lowest - self.min_log_ratio * self.gaps() as f64;
                softmax(q).iter().map(|share| (room * share, *share)).collect()
            }
            _ => Vec::new(),
        };
        // Level k falls with every gap above it and rises with every gap below it.
        let by_parameter = |k: usize, j: usize| match self.ends {
            (Some(_), Some(_)) => {
                let above: f64 = shares[..k].iter().map(|s| s.1).sum();
                shares[j].0 * (above - if j < k { 1.0 } else { 0.0 })
            }
            (Some(_), None) if j < k => -q[j].exp(),
            (None, Some(_)) if j >= k => q[j].exp(),
            (None, None) if j == 0 => 1.0,
            (None, None) if j <= k => -q[j].exp(),
            _ => 0.0,
        };
        self.free()
            .map(|position| {
                let level = &grid.levels()[position];
                // ℓ′ = σ′/σ − α′/α
                let sigma2 = level.sigma * level.sigma;
                let speed = level.sigma_sigma_prime / sigma2 - level.drift();
                (0..q.len()).map(|j| by_parameter(position - first, j) / speed).collect()
            })
            .collect()
    }

    /// Whether the start may move.
    pub fn start(&self) -> Start {
        self.start
    }
}

/// Shares of the exponentials of `q` and of an additional 0.
fn softmax(q: &[f64]) -> Vec<f64> {
    let largest = q.iter().fold(0.0f64, |m, q| m.max(*q));
    let powers: Vec<f64> = q.iter().chain([&0.0]).map(|q| (q - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}
