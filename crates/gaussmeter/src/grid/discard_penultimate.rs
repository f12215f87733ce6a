use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// Another rule with one more step, leaving out the level before the last: from
/// t_0 > … > t_{n−1} > t_n > t_{n+1} the last step goes from t_{n−1} to t_{n+1}.
///
/// ComfyUI's KSampler does this with every scheduler for the samplers `dpm_2`, `dpm_2_ancestral`,
/// `uni_pc` and `uni_pc_bh2`, for which a step from the lowest level above 0 does not pay off; its
/// SamplerCustom does not.
#[derive(Debug)]
pub struct DiscardPenultimate {
    /// The rule whose level is left out.
    pub rule: Box<dyn GridRule>,
}

impl DiscardPenultimate {
    fn without(&self, grid: &Grid) -> Result<Grid, GridError> {
        let mut times: Vec<f64> = grid.levels().iter().map(|level| level.t).collect();
        match times.len().checked_sub(2) {
            Some(penultimate) if penultimate > 0 => times.remove(penultimate),
            _ => return Err(GridError::TooShort { points: times.len().saturating_sub(1) }),
        };
        Grid::new(grid.process().clone(), &times)
    }
}

impl GridRule for DiscardPenultimate {
    fn follows_data(&self) -> bool {
        self.rule.follows_data()
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let longer = Request { steps: request.steps + 1, ..request };
        self.without(&self.rule.place(longer).map_err(one_less)?)
    }

    fn own_steps(&self) -> Option<usize> {
        Some(self.rule.own_steps()?.saturating_sub(1))
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.rule.own_end(process)
    }
}

/// The error as seen by a caller who asked for one step less.
fn one_less(error: GridError) -> GridError {
    match error {
        GridError::FixedSteps { own, asked } => {
            GridError::FixedSteps { own: own.saturating_sub(1), asked: asked.saturating_sub(1) }
        }
        other => other,
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "discard-penultimate",
    aliases: &["discard_penultimate", "discard_penultimate_sigma"],
    summary: "another grid with one more step, without its last level but one: ComfyUI's KSampler for dpm_2, dpm_2_ancestral, uni_pc, uni_pc_bh2",
    source: "ComfyUI, comfy/samplers.py at a125cd84b054 (DISCARD_PENULTIMATE_SIGMA_SAMPLERS)",
    order: None,
    parameters: &[Parameter {
        name: "grid",
        kind: Kind::Text,
        default: None,
        summary: "the other grid with its parameters, such as normal, karras or beta:alpha=0.5",
    }],
    build: |a| {
        let text = a.text("grid");
        let named = super::registry().build(text)?;
        if named.name == ENTRY.name {
            return Err("discard-penultimate leaves out one level only: it cannot be nested".into());
        }
        Ok(Box::new(DiscardPenultimate { rule: named.item }))
    },
};
