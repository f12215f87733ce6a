//! The stochasticity of a sampler that is the best for data, network and budget, on times of its own.

use super::tune::Search;
use super::{ExperimentError, NamedSampler};
use crate::design::Tuned;
use crate::entry::{EntryError, Kind};
use crate::grid::Grid;
use crate::message::line;
use crate::numeric::{Place, next_trial, promise};
use crate::sampler;
use crate::spectrum::Mode;
use crate::watch::Progress;

/// The values of η that are sought thoroughly divide its range into so many parts.
const PARTS: usize = 4;
/// The order in which they are: the ODE and the SDE first.
const ORDER: [usize; PARTS + 1] = [0, 4, 2, 1, 3];
/// Each of these parts is divided into so many.
const BETWEEN: usize = 5;
/// How many minima among all these values are enclosed: the least ones.
const MINIMA: usize = 3;
/// How closely η is determined, as a part of its range.
const TOLERANCE: f64 = 0.005;
/// Values of η divide its range into so many parts, so that they can be written down.
const UNITS: f64 = 1000.0;
/// Most values that are tried for one minimum.
const TRIALS: usize = 12;
/// Most values that are tried where slopes promise less.
const PROMISED: usize = 15;
/// By what part less than the least a promise has to be.
const WORTH: f64 = 1e-3;
/// What slopes are differences over.
const STEP: f64 = 1e-4;
/// The largest η that is sought: the reverse SDE.
const LARGEST: f64 = 1.0;
/// So little noise that nothing else differs from η = 0.
const LITTLE: f64 = 1e-9;
/// Values within this part of the least are the same, and less noise is better.
const SAME: f64 = 1e-9;

/// What the limit of little noise differs by, if it does.
const DIFFERS: f64 = 1e-6;

/// What relative errors of standard deviations count as none.
const ROUNDING: f64 = 1e-12;

/// The key of the parameter.
const KEY: &str = "eta";

/// A stochasticity that was tried, on the best times for it.
#[derive(Clone, Debug)]
pub struct EtaTried {
    /// η: 0 is the ODE, 1 the reverse SDE.
    pub eta: f64,
    /// Whether it is one of the five that are always told, from the least to the largest.
    pub is_usual: bool,
    /// The objective, as people read it.
    pub value: Result<f64, ExperimentError>,
    /// At η = 0, the objective with little noise in place of none, where that is less: what this η is compared
    /// by. Squared contributions of steps count a direction that a step turns around as an error of twice its
    /// standard deviation for rules without noise, and not for others.
    pub limit: Option<f64>,
    /// W2 to the data.
    pub w2: f64,
    /// The times.
    pub grid: Option<Grid>,
}

/// The best stochasticity of a sampler, and what else was tried.
#[derive(Clone, Debug)]
pub struct EtaSearch {
    /// The best.
    pub eta: f64,
    /// The range that it was sought in.
    pub range: (f64, f64),
    /// How closely it is to be determined.
    pub tolerance: f64,
    /// Whether it is: not where the search was stopped, or ran out of trials.
    pub is_determined: bool,
    /// Whether the sampler has larger ones than were tried.
    pub goes_on: bool,
    /// What was tried, the least stochastic first.
    pub tried: Vec<EtaTried>,
    /// Evaluations with derivatives, on all of them.
    pub evaluations: usize,
}

/// A sampler by its stochasticity.
pub(super) struct Etas<'a> {
    sampler: &'a NamedSampler,
    range: (f64, f64),
    goes_on: bool,
}

impl<'a> Etas<'a> {
    /// The range of a sampler's η.
    ///
    /// # Errors
    /// [`ExperimentError`]: it has none, it is given, or it is not defined between its ends.
    pub fn of(sampler: &'a NamedSampler) -> Result<Self, ExperimentError> {
        let label = || sampler.label.clone();
        let parameter = sampler.arguments.iter().find(|(p, _)| p.name == KEY);
        let Some((Kind::Number { min, max }, _)) = parameter.map(|(p, value)| (p.kind, value))
        else {
            let registry = sampler::registry();
            let with =
                registry.entries.iter().filter(|e| e.parameters.iter().any(|p| p.name == KEY));
            let known = with.map(|e| e.name).collect();
            return Err(ExperimentError::NoEta { sampler: label(), known });
        };
        if sampler.arguments.is_given(KEY) {
            return Err(ExperimentError::GivenEta { sampler: label() });
        }
        let range = (min, max.min(LARGEST));
        // Whether there is anything between the ends.
        sampler_with(sampler, 0.5 * (range.0 + range.1))?;
        Ok(Etas { sampler, range, goes_on: max > LARGEST })
    }

    /// The nearest number in the range that is written with few digits.
    fn rounded(&self, eta: f64) -> f64 {
        let (low, high) = self.range;
        let units = ((eta - low) / (high - low) * UNITS).round().clamp(0.0, UNITS);
        low + (high - low) * units / UNITS
    }
}

/// The sampler with another η.
///
/// # Errors
/// [`ExperimentError::SingleEtas`]
pub(super) fn sampler_with(
    sampler: &NamedSampler,
    eta: f64,
) -> Result<NamedSampler, ExperimentError> {
    sampler::registry().with(sampler, KEY, &eta.to_string()).map_err(|error| {
        let reason = match error {
            EntryError::Build { source, .. } => line(&*source),
            error => line(&error),
        };
        ExperimentError::SingleEtas { sampler: sampler.label.clone(), reason }
    })
}

/// An η with the best times for it.
struct Tried {
    eta: f64,
    sampler: NamedSampler,
    is_usual: bool,
    found: Result<Tuned, ExperimentError>,
    /// See [`EtaTried::limit`].
    limit: Option<Tuned>,
    /// How the objective changes with η on these times, which is how that of the best times does.
    slope: f64,
}

impl Tried {
    /// What is minimised; infinite where there are no times.
    fn own(&self) -> f64 {
        self.found.as_ref().map_or(f64::INFINITY, |tuned| tuned.best.after)
    }

    /// What it is compared by.
    fn value(&self) -> f64 {
        self.limit.as_ref().map_or(self.own(), |tuned| tuned.best.after.min(self.own()))
    }

    /// The times that have this value.
    fn best(&self) -> Result<&Tuned, &ExperimentError> {
        match &self.limit {
            Some(limit) if limit.best.after < self.own() => Ok(limit),
            _ => self.found.as_ref(),
        }
    }

    fn evaluations(&self) -> usize {
        self.found.iter().chain(&self.limit).map(|tuned| tuned.best.evaluations).sum()
    }

    fn grid(&self) -> Option<&Grid> {
        self.found.as_ref().ok().map(|tuned| &tuned.grid)
    }

    /// The better of what was found and of what was found otherwise.
    fn improve(&mut self, other: Result<Tuned, ExperimentError>) {
        let placeholder = Err(ExperimentError::Interrupted);
        self.found = match (std::mem::replace(&mut self.found, placeholder), other) {
            (Ok(own), Ok(other)) => Ok(own.or(other)),
            (Err(_), Ok(found)) | (Ok(found), Err(_)) => Ok(found),
            (Err(error), Err(_)) => Err(error),
        };
    }
}

impl Search<'_> {
    /// The best η and its times. A few values from end to end are tried first, each with times that are
    /// sought as thoroughly as those of a given η, and again from the times of its neighbours; then more
    /// between them, from the times of neighbours, and where slopes promise less than the least. Around the
    /// lowest that are better than their neighbours the minimum is enclosed to [`TOLERANCE`]; the best of all is
    /// then sought thoroughly too. So it is never worse than either end is alone.
    ///
    /// # Errors
    /// [`ExperimentError`]: no η has times, or nobody wants them any more.
    pub(super) fn with_eta(&self, etas: &Etas) -> Result<(Tuned, EtaSearch), ExperimentError> {
        let mut tried: Vec<Tried> = Vec::new();
        let (low, high) = etas.range;
        for k in ORDER {
            if !tried.is_empty() && self.watch.is_stopped() {
                break;
            }
            let eta = etas.rounded(low + (high - low) * k as f64 / PARTS as f64);
            self.try_at(etas, &mut tried, eta, true)?;
        }
        self.share(&mut tried);
        self.limit(etas, &mut tried);
        tried.iter_mut().for_each(|t| t.slope = self.slope(etas, t));
        for k in (0..PARTS * BETWEEN).filter(|k| k % BETWEEN > 0) {
            if self.watch.is_stopped() {
                break;
            }
            let eta = etas.rounded(low + (high - low) * k as f64 / (PARTS * BETWEEN) as f64);
            self.try_at(etas, &mut tried, eta, false)?;
        }
        let tolerance = (high - low) * TOLERANCE;
        for _ in 0..PROMISED {
            let places: Vec<Place> =
                tried.iter().map(|t| Place { x: t.eta, f: t.value(), slope: t.slope }).collect();
            let next = promise(&places, tolerance, WORTH).map(|eta| etas.rounded(eta));
            let Some(eta) = next.filter(|_| !self.watch.is_stopped()) else { break };
            if tried.iter().any(|t| t.eta == eta) {
                break;
            }
            self.try_at(etas, &mut tried, eta, false)?;
        }
        let known: Vec<(f64, f64)> = tried.iter().map(|t| (t.eta, t.value())).collect();
        let floor = self.floor();
        let mut is_determined = true;
        for (from, to) in basins(&known, floor).into_iter().take(MINIMA) {
            let mut is_enclosed = false;
            for _ in 0..TRIALS {
                let within = tried.iter().filter(|t| (from..=to).contains(&t.eta));
                let known: Vec<(f64, f64)> = within.map(|t| (t.eta, t.value())).collect();
                let next = next_trial(&known, tolerance).map(|eta| etas.rounded(eta));
                is_enclosed = next.is_none_or(|eta| known.iter().any(|(at, _)| *at == eta));
                let Some(eta) = next.filter(|_| !is_enclosed && !self.watch.is_stopped()) else {
                    break;
                };
                self.try_at(etas, &mut tried, eta, false)?;
            }
            is_determined &= is_enclosed;
        }
        let most = as_good(tried.iter().map(Tried::value), floor);
        let best = tried.iter().position(|t| t.value() <= most).unwrap_or(0);
        if !tried[best].is_usual && !self.watch.is_stopped() {
            let again = self.thorough(&tried[best].sampler);
            tried[best].improve(again);
        }
        if self.watch.is_abandoned() {
            return Err(ExperimentError::Interrupted);
        }
        let tuned = tried[best].best().map_err(Clone::clone)?.clone();
        let search = EtaSearch {
            eta: tried[best].eta,
            range: etas.range,
            tolerance,
            is_determined: is_determined && !self.watch.is_stopped(),
            goes_on: etas.goes_on,
            evaluations: tried.iter().map(Tried::evaluations).sum(),
            tried: tried.into_iter().map(|t| self.told(t)).collect(),
        };
        Ok((tuned, search))
    }

    /// Tries an η: thoroughly, or from the times of its neighbours.
    fn try_at(
        &self,
        etas: &Etas,
        tried: &mut Vec<Tried>,
        eta: f64,
        is_usual: bool,
    ) -> Result<(), ExperimentError> {
        let (what, done) = ("eta", tried.len() as u64);
        self.watch.tell(Progress { what, unit: "values", done, total: None });
        let sampler = sampler_with(etas.sampler, eta)?;
        let position = tried.partition_point(|t| t.eta < eta);
        let found = match is_usual {
            true => self.thorough(&sampler),
            false => {
                let before = tried[..position].iter().rev().find_map(Tried::grid);
                let after = tried[position..].iter().find_map(Tried::grid);
                let from: Vec<Grid> = before.into_iter().chain(after).cloned().collect();
                self.near(&sampler, &from)
            }
        };
        if self.watch.is_abandoned() {
            return Err(ExperimentError::Interrupted);
        }
        let mut new = Tried { eta, sampler, is_usual, found, limit: None, slope: f64::NAN };
        // Of the usual ones it is found once they know of each other.
        if !is_usual {
            new.slope = self.slope(etas, &new);
        }
        tried.insert(position, new);
        Ok(())
    }

    /// Tries the times of each on its neighbours, in both directions.
    fn share(&self, tried: &mut [Tried]) {
        let last = tried.len().saturating_sub(1);
        let up = (0..last).map(|i| (i, i + 1));
        let down = (0..last).rev().map(|i| (i + 1, i));
        for (from, to) in up.chain(down) {
            if self.watch.is_stopped() {
                return;
            }
            if let Some(grid) = tried[from].grid().cloned() {
                let found = self.near(&tried[to].sampler, &[grid]);
                tried[to].improve(found);
            }
        }
    }

    /// Finds the [limit](EtaTried::limit) of the ODE, if it is another.
    fn limit(&self, etas: &Etas, tried: &mut [Tried]) -> Option<()> {
        let ode = tried.first_mut().filter(|t| t.eta == 0.0 && !self.watch.is_stopped())?;
        let (grid, less) = (ode.grid()?.clone(), ode.own() * (1.0 - DIFFERS));
        let sampler = sampler_with(etas.sampler, LITTLE).ok()?;
        // For rules that jump to another law there is none.
        let laws = [&ode.sampler, &sampler].map(|sampler| self.w2(sampler, &grid));
        let [law, other] = [laws[0].as_ref().ok()?, laws[1].as_ref().ok()?];
        if self.problem(&sampler).value(&grid).ok()? < less && (other - law).abs() <= DIFFERS * law
        {
            ode.limit = self.near(&sampler, &[grid]).ok();
        }
        Some(())
    }

    /// The derivative of the objective by η with the times that were found for it. As these are the best, it is
    /// that of the objective on the best times of every η, too.
    fn slope(&self, etas: &Etas, tried: &Tried) -> f64 {
        let Ok(tuned) = tried.best() else { return f64::NAN };
        let ((low, high), eta) = (etas.range, tried.eta);
        let step = STEP * (high - low);
        // Beside 0, where some objectives jump.
        let ends = [(eta - step).max(low.max(LITTLE)), (eta + step).min(high)];
        let value = |eta: f64| {
            let sampler = sampler_with(etas.sampler, eta).ok()?;
            self.problem(&sampler).value(&tuned.grid).ok()
        };
        match ends.map(value) {
            [Some(before), Some(after)] => (after - before) / (ends[1] - ends[0]),
            _ => f64::NAN,
        }
    }

    /// The objective where deviations and means are off by rounding.
    fn floor(&self) -> f64 {
        let share = |(index, mode): (usize, &Mode)| {
            let off = 1.0 + ROUNDING;
            let share =
                self.objective.share(index, mode, mode.eigenvalue.sqrt() * off, mode.mean * off);
            mode.multiplicity * share.value
        };
        let sum: f64 = self.network.truth().iter().enumerate().map(share).sum();
        if sum.is_finite() { sum.max(0.0) } else { 0.0 }
    }

    fn told(&self, tried: Tried) -> EtaTried {
        let own = tried.own();
        let limit = tried.limit.as_ref().map(|tuned| self.objective.readable(tuned.best.after));
        let best = tried.best().map(|tuned| tuned.grid.clone()).map_err(Clone::clone);
        let Tried { eta, sampler, is_usual, .. } = tried;
        match best {
            Ok(grid) => EtaTried {
                eta,
                is_usual,
                value: Ok(self.objective.readable(own)),
                limit,
                w2: self.w2(&sampler, &grid).unwrap_or(f64::INFINITY),
                grid: Some(grid),
            },
            Err(error) => {
                EtaTried { eta, is_usual, value: Err(error), limit, w2: f64::INFINITY, grid: None }
            }
        }
    }
}

/// What is as good as the least of these values, of which all below a floor are.
fn as_good(values: impl Iterator<Item = f64>, floor: f64) -> f64 {
    let least = values.fold(f64::INFINITY, f64::min);
    (least + SAME * least.abs()).max(floor)
}

/// From neighbour to neighbour of each place whose value is the least among its own and theirs, the least
/// first; none where all values are the same.
fn basins(tried: &[(f64, f64)], floor: f64) -> Vec<(f64, f64)> {
    let most = as_good(tried.iter().map(|t| t.1), floor);
    if tried.iter().all(|t| t.1 <= most) {
        return Vec::new();
    }
    let is_lowest = |i: &usize| {
        let value = tried[*i].1;
        value.is_finite()
            && (*i == 0 || value < tried[i - 1].1)
            && tried.get(i + 1).is_none_or(|next| value <= next.1)
    };
    let mut lowest: Vec<usize> = (0..tried.len()).filter(is_lowest).collect();
    lowest.sort_by(|a, b| tried[*a].1.total_cmp(&tried[*b].1));
    let last = tried.len().saturating_sub(1);
    let around = |i: usize| (tried[i.saturating_sub(1)].0, tried[(i + 1).min(last)].0);
    lowest.into_iter().map(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_are_looked_for_between_neighbours() {
        let at = |values: &[f64]| -> Vec<(f64, f64)> {
            values.iter().enumerate().map(|(k, v)| (k as f64, *v)).collect()
        };
        assert_eq!(basins(&at(&[3.0, 2.0, 4.0, 1.0, 2.0]), 0.0), [(2.0, 4.0), (0.0, 2.0)]);
        assert_eq!(basins(&at(&[1.0, 2.0, 2.0, 1.5]), 0.0), [(0.0, 1.0), (2.0, 3.0)]);
        assert_eq!(basins(&at(&[2.0, 1.0, 1.0, 2.0]), 0.0), [(0.0, 2.0)]);
        assert_eq!(basins(&at(&[f64::INFINITY, 2.0, 3.0]), 0.0), [(0.0, 2.0)]);
        assert!(basins(&at(&[1.0; 5]), 0.0).is_empty() && basins(&[], 0.0).is_empty());
        assert!(basins(&at(&[f64::INFINITY; 3]), 0.0).is_empty());
        // What is nothing but rounding has no minima.
        assert!(basins(&at(&[3e-30, 1e-30, 2e-30]), 1e-24).is_empty());
    }
}
