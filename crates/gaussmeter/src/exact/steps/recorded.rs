//! A sampler on a grid, recorded for its steps one by one.

use crate::exact::gradient::{Recorded, Site};
use crate::grid::Grid;
use crate::level::Level;
use crate::network::Learnt;
use crate::numeric::differentiation::{Real, Row};
use crate::sampler::{Sampler, SamplerError};
use crate::tape::{Op, Var};
use std::ops::Range;

/// A sampler on a grid, some of whose times are variables: the sum of the squared contributions of its
/// steps, of its start and of its end, with derivatives.
#[derive(Debug)]
pub struct LocalErrors<'n> {
    pub(super) network: &'n Learnt,
    pub(super) ops: Vec<Op<Real>>,
    pub(super) var_count: usize,
    pub(super) start: Level,
    /// Number of free times.
    pub(super) times: usize,
    pub(super) sites: Vec<Site>,
    pub(super) start_rows: [Row; 2],
    pub(super) arrivals: Vec<Arrival>,
    /// Whether it draws noise.
    pub(super) noisy: bool,
}

/// A step: where it arrives, and the operations between exact states and there.
#[derive(Debug)]
pub(super) struct Arrival {
    pub state: Var,
    /// The level of the exact state.
    pub level: Level,
    /// How α and σ there depend on the times.
    pub rows: [Row; 2],
    /// Operations that its state depends on, back to exact states, the last one first.
    pub cone: Vec<usize>,
    /// The exact states that they read: the vector, and the arrival (`None` for the start).
    pub exact: Vec<(Var, Option<usize>)>,
    /// Sites in the cone.
    pub sites: Vec<usize>,
    /// Times that the defect depends on, besides by correlations of exact states.
    pub touched: Vec<usize>,
}

pub(super) fn times_of<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<usize> {
    let mut times: Vec<usize> = rows.flatten().map(|entry| entry.0).collect();
    times.sort_unstable();
    times.dedup();
    times
}

impl<'n> LocalErrors<'n> {
    /// Records a sampler with the times `free` of its grid as variables, and the network that it calls.
    ///
    /// # Errors
    /// [`SamplerError`]: the sampler is undefined on this grid.
    pub fn new(
        sampler: &dyn Sampler,
        grid: &Grid,
        free: Range<usize>,
        network: &'n Learnt,
    ) -> Result<Self, SamplerError> {
        let recorded = Recorded::new(sampler, grid, free, true, network)?;
        let Recorded { ops, var_count, start, times, sites, start_rows, arrival_rows, .. } =
            recorded;
        let noisy = ops.iter().any(|op| matches!(op, Op::Noise { .. }));
        let mut sites_of: Vec<Vec<usize>> = vec![Vec::new(); ops.len()];
        for (k, site) in sites.iter().enumerate() {
            sites_of[site.op].push(k);
        }
        // The operation that writes a vector, and the arrival that makes it an exact state.
        let mut written: Vec<Option<usize>> = vec![None; var_count];
        let mut state_of: Vec<Option<Option<usize>>> = vec![None; var_count];
        state_of[0] = Some(None);
        let mut arrivals: Vec<Arrival> = Vec::new();
        let mut arrival_rows = arrival_rows.into_iter();
        for (k, op) in ops.iter().enumerate() {
            if let Some(dst) = op.dst() {
                written[dst.index()] = Some(k);
            }
            let Op::Arrive { state, level } = op else { continue };
            let (mut cone, mut exact) = (Vec::new(), Vec::new());
            let mut seen = vec![false; var_count];
            let mut open = vec![*state];
            while let Some(v) = open.pop() {
                if std::mem::replace(&mut seen[v.index()], true) {
                    continue;
                }
                match (state_of[v.index()], written[v.index()]) {
                    (Some(arrival), _) => exact.push((v, arrival)),
                    (None, Some(op)) => {
                        cone.push(op);
                        open.extend(ops[op].reads());
                    }
                    (None, None) => {}
                }
            }
            cone.sort_unstable_by(|a, b| b.cmp(a));
            let sites = cone.iter().flat_map(|op| sites_of[*op].iter().copied()).collect();
            state_of[state.index()] = Some(Some(arrivals.len()));
            arrivals.push(Arrival {
                state: *state,
                level: level.value().marginal(),
                rows: arrival_rows.next().unwrap_or_default(),
                cone,
                exact,
                sites,
                touched: Vec::new(),
            });
        }
        let touched = |arrival: &Arrival| {
            let of_sites = arrival.sites.iter().map(|site| &sites[*site].row);
            let of_exact = arrival.exact.iter().flat_map(|(_, number)| match number {
                Some(number) => &arrivals[*number].rows,
                None => &start_rows,
            });
            let of_end = arrivals.last().into_iter().flat_map(|last| &last.rows);
            times_of(of_sites.chain(of_exact).chain(&arrival.rows).chain(of_end))
        };
        let touched: Vec<Vec<usize>> = arrivals.iter().map(touched).collect();
        for (arrival, touched) in arrivals.iter_mut().zip(touched) {
            arrival.touched = touched;
        }
        Ok(LocalErrors {
            network,
            ops,
            var_count,
            start,
            times,
            sites,
            start_rows,
            arrivals,
            noisy,
        })
    }
}
