use super::{Grid, GridError, GridRule, Request};
use crate::entry::Entry;

/// Equal steps in time: t_k = (T (n − k) + eps k) / n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform;

impl GridRule for Uniform {
    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let t_max = process.t_max();
        if !(0.0..t_max).contains(&eps) {
            return Err(GridError::Eps { eps, t_max });
        }
        let n = steps as f64;
        // A sum of positive terms: T − (T − eps) k / n would lose digits of a small eps.
        let times: Vec<f64> = (0..=steps)
            .map(|k| match k {
                0 => t_max,
                k if k == steps => eps,
                k => (t_max * (steps - k) as f64 + eps * k as f64) / n,
            })
            .collect();
        Grid::new(process.clone(), &times)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "uniform",
    aliases: &["linear"],
    summary: "equal steps in t from T to eps",
    source: "Pierret & Galerne (2025), section 5",
    order: None,
    parameters: &[],
    build: |_| Ok(Box::new(Uniform)),
};
