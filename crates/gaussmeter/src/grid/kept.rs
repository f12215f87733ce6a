use super::{Grid, GridError, GridRule, Optimised, Request};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Most grids kept.
const MOST: usize = 256;

/// A rule that keeps the grids it has placed, for one spectrum on one process: placing by the data, or
/// seeking the best times of a sampler, takes far longer than running a sampler on them.
///
/// ```
/// use gaussmeter::grid::{GridRule, Kept};
/// use gaussmeter::prelude::*;
/// use std::sync::Arc;
/// let (data, process) = (data::load("cifar10")?, Arc::new(VpLinear::paper()) as Arc<dyn Process>);
/// let rule = gaussmeter::grid::registry().build("geodesic")?.item;
/// let kept = Kept::new(rule.into());
/// let [first, again] = [(); 2].map(|_| kept.grid_for(&data, &process, 20, 0.0));
/// assert_eq!(first?.levels(), again?.levels());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Kept {
    rule: Arc<dyn GridRule>,
    grids: Mutex<VecDeque<(Key, Grid)>>,
}

/// What a grid depends on, beside spectrum and process.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    /// Labels of a sampler and of a network that the times are sought for.
    sought_for: Option<(String, String)>,
    steps: usize,
    eps: u64,
}

impl Kept {
    /// A rule, with nothing placed yet.
    pub fn new(rule: Arc<dyn GridRule>) -> Self {
        Kept { rule, grids: Mutex::default() }
    }

    /// Times that are sought for a sampler and, where they depend on it, a network: those of an earlier
    /// search if there was one.
    pub(crate) fn sought<E>(
        &self,
        sampler: &str,
        network: &str,
        steps: usize,
        eps: f64,
        seek: impl FnOnce() -> Result<Grid, E>,
    ) -> Result<Grid, E> {
        let sought_for = Some((sampler.into(), network.into()));
        self.find(Key { sought_for, steps, eps: eps.to_bits() }, seek)
    }

    /// The lock is not held while a grid is made, so that two who ask at once may both make it.
    fn find<E>(&self, key: Key, make: impl FnOnce() -> Result<Grid, E>) -> Result<Grid, E> {
        let grids = || self.grids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, grid)) = grids().iter().find(|(known, _)| *known == key) {
            return Ok(grid.clone());
        }
        let grid = make()?;
        let mut grids = grids();
        if grids.len() >= MOST {
            grids.pop_front();
        }
        grids.push_back((key, grid.clone()));
        Ok(grid)
    }
}

impl GridRule for Kept {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let key = Key { sought_for: None, steps: request.steps, eps: request.eps.to_bits() };
        self.find(key, || self.rule.place(request))
    }

    fn follows_data(&self) -> bool {
        self.rule.follows_data()
    }

    fn variants(&self) -> &'static [&'static str] {
        self.rule.variants()
    }

    fn optimised(&self) -> Option<&Optimised> {
        self.rule.optimised()
    }

    fn kept(&self) -> Option<&Kept> {
        Some(self)
    }

    fn own_steps(&self) -> Option<usize> {
        self.rule.own_steps()
    }

    fn own_end(&self, process: &dyn crate::process::Process) -> Option<f64> {
        self.rule.own_end(process)
    }
}
