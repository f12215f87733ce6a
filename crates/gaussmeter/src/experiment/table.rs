use super::{ExperimentError, Length, NamedSampler, Setting};
use crate::entry::Named;
use crate::exact::continuous::{ODE, Reverse, SDE};
use crate::exact::{Init, Output, Target};
use crate::metric::{Metric, Value};
use crate::network::Learnt;
use crate::spectrum::{Spectrum, Spread};
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the ablation table shows.
#[derive(Debug)]
pub struct TableOptions {
    /// Samplers, in order.
    pub samplers: Vec<NamedSampler>,
    /// Truncation times, in order.
    pub eps: Vec<f64>,
    /// Lengths, one group of columns each.
    pub columns: Vec<Column>,
    /// Initial laws with their labels, one column each per group.
    pub inits: Vec<(String, Init)>,
    /// What is measured.
    pub metric: Named<dyn Metric>,
    /// Print as the published table does: its number format, `-` for infinite errors, no marks.
    pub as_published: bool,
    /// Add a table of the true steps and evaluations of every cell.
    pub show_nfe: bool,
}

/// A group of columns: how long samplers run.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The number in the header.
    pub label: usize,
    /// What the number means.
    pub length: Length,
    /// Samplers that run for another length, by canonical name: the paper's RK4 column has N/4
    /// points.
    pub exceptions: Vec<(&'static str, Length)>,
}

impl Column {
    /// A column where every sampler has the same length.
    pub fn new(length: Length) -> Self {
        let (Length::Steps(label) | Length::Points(label) | Length::Nfe(label)) = length;
        Column { label, length, exceptions: Vec::new() }
    }

    /// A column of the published table: N grid points, but N/4 for RK4. (Heun's column was
    /// computed with N points as well: 2 (N − 1) evaluations.)
    pub fn published(n: usize) -> Self {
        Column {
            exceptions: vec![("rk4", Length::Points(n / 4))],
            ..Column::new(Length::Points(n))
        }
    }

    fn length_of(&self, sampler: &NamedSampler) -> Length {
        let exception = self.exceptions.iter().find(|(name, _)| *name == sampler.name);
        exception.map_or(self.length, |(_, length)| *length)
    }
}

/// Which cell.
#[derive(Clone, Debug, PartialEq)]
pub enum CellKey {
    /// The continuous solution.
    Continuous,
    /// A discretization.
    Discretized {
        /// Position of its column in [`TableOptions::columns`].
        column: usize,
        /// True number of steps.
        steps: usize,
        /// True number of network evaluations.
        nfe: usize,
    },
    /// A discretization that is not defined there.
    Undefined {
        /// Position of its column in [`TableOptions::columns`].
        column: usize,
    },
}

/// One number of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableCell {
    /// Label of the sampler; "sde" or "ode" for a continuous solution.
    pub sampler: String,
    /// Truncation time.
    pub eps: f64,
    /// Which cell of the row.
    pub key: CellKey,
    /// Position of its initial law in [`TableOptions::inits`].
    pub init: usize,
    /// The error of the sampler, or why it cannot run there.
    pub value: Result<Value, ExperimentError>,
    /// What a quadrature of the spectrum leaves open of it.
    pub spread: Option<Spread>,
}

impl TableCell {
    /// The error as a number, if there is one.
    pub fn number(&self) -> Option<f64> {
        self.value.as_ref().ok().map(|v| v.value)
    }
}

/// The ablation table: error of samplers for all combinations of truncation, length and initial
/// law, beside the continuous solutions.
#[derive(Debug)]
pub struct Table {
    /// Data, process and grid rule.
    pub setting: Setting,
    /// What the table shows.
    pub options: TableOptions,
    /// Continuous solutions first: SDE then ODE, by eps, by initial law. Then samplers, by eps, by
    /// column, by initial law.
    pub cells: Vec<TableCell>,
    /// Per sampler: which continuous solution it approximates.
    pub continuous: Vec<&'static str>,
}

/// Computes the table, in parallel over its cells. A configuration that cannot run leaves its cells
/// empty, with the reason, and so does one that there was no time for because `watch` stopped the work.
///
/// # Errors
/// [`ExperimentError`]: nothing was given, the initial law does not fit, or no configuration can run.
pub fn table(
    setting: &Setting,
    options: TableOptions,
    watch: Watch,
) -> Result<Table, ExperimentError> {
    let empty = |what| Err(ExperimentError::Empty { what });
    match &options {
        o if o.samplers.is_empty() => return empty("sampler"),
        o if o.eps.is_empty() => return empty("eps"),
        o if o.inits.is_empty() => return empty("init"),
        _ => {}
    }
    let data = &setting.spectrum;
    let inits: Vec<Init> =
        options.inits.iter().map(|(_, i)| setting.init(i)).collect::<Result<_, _>>()?;
    let metric = &*options.metric.item;
    let each = inits.iter().map(|init| setting.learnt(init));
    let Some(learnt) = each.collect::<Result<Vec<_>, _>>()?.pop() else { return empty("init") };

    let start = setting.process.level(setting.process.t_max());
    let mut cells = Vec::new();
    for (name, reverse) in [("sde", SDE), ("ode", ODE)] as [(&str, Reverse); 2] {
        for &eps in &options.eps {
            let end = setting.process.level(eps);
            for (i, init) in inits.iter().enumerate() {
                let by = |network: &Learnt| {
                    metric.evaluate(&reverse.law_by(network, &start, &end, init, Target::Data))
                };
                let on = |other: &Spectrum| {
                    let learnt = Learnt::of(&*setting.network.item, other);
                    learnt.map_or(f64::NAN, |network| by(&network).value)
                };
                cells.push(TableCell {
                    sampler: name.into(),
                    eps,
                    key: CellKey::Continuous,
                    init: i,
                    value: Ok(by(&learnt)),
                    spread: data.spread(on),
                });
            }
        }
    }

    let (eps, columns) = (&options.eps, &options.columns);
    let jobs: Vec<(usize, f64, usize)> = (0..options.samplers.len())
        .flat_map(|s| eps.iter().flat_map(move |e| (0..columns.len()).map(move |c| (s, *e, c))))
        .collect();
    affordable(data.modes().len(), &options, inits.len())?;
    let done = AtomicU64::new(0);
    let group = |&(s, eps, column): &(usize, f64, usize)| {
        let sampler = &options.samplers[s];
        let cell = |key: &CellKey, init, value, spread| TableCell {
            sampler: sampler.label.clone(),
            eps,
            key: key.clone(),
            init,
            value,
            spread,
        };
        let run = match watch.is_stopped() {
            true => Err(ExperimentError::Interrupted),
            false => setting.run(sampler, columns[column].length_of(sampler), eps),
        };
        let run = run.and_then(|run| {
            let output = Output::by(&learnt, &run.plan)?;
            Ok((run, output))
        });
        let group = match run {
            Ok((run, output)) => {
                let (steps, nfe) = (run.grid.step_count(), run.plan.nfe());
                let key = CellKey::Discretized { column, steps, nfe };
                let on = |other: &Spectrum, init: &Init| {
                    setting.on_other(other, &run, init, |law| metric.evaluate(law).value)
                };
                let cells = inits.iter().enumerate().map(|(i, init)| {
                    let value =
                        metric.evaluate(&output.law_against(learnt.truth(), init, Target::Data));
                    cell(&key, i, Ok(value), data.spread(|other| on(other, init)))
                });
                // Not the run itself: long ones take megabytes each.
                (Some(run.continuous().0), cells.collect())
            }
            Err(error) => {
                let key = CellKey::Undefined { column };
                let cells = (0..inits.len()).map(|i| cell(&key, i, Err(error.clone()), None));
                (None, cells.collect())
            }
        };
        let done = 1 + done.fetch_add(1, Ordering::Relaxed);
        watch.tell(Progress { what: "table", unit: "runs", done, total: Some(jobs.len() as u64) });
        group
    };
    let groups: Vec<(Option<&'static str>, Vec<TableCell>)> =
        jobs.par_iter().with_max_len(1).map(group).collect();
    // Without a single result the reason is what there is to say.
    if groups.iter().all(|(continuous, _)| continuous.is_none())
        && let Some(Err(error)) = groups.first().and_then(|(_, c)| c.first()).map(|c| &c.value)
    {
        return Err(error.clone());
    }

    let per_sampler = eps.len() * columns.len();
    let continuous = (0..options.samplers.len())
        .map(|s| {
            let own = groups.iter().skip(s * per_sampler).take(per_sampler);
            own.filter_map(|(continuous, _)| *continuous).next().unwrap_or("ode")
        })
        .collect();
    cells.extend(groups.into_iter().flat_map(|(_, cells)| cells));
    Ok(Table { setting: setting.clone(), options, cells, continuous })
}

/// Refuses a table of more than 2 GB, or more than about ten hours on one processor.
fn affordable(modes: usize, o: &TableOptions, inits: usize) -> Result<(), ExperimentError> {
    let runs = o.samplers.len().saturating_mul(o.eps.len());
    let cells = runs.saturating_mul(o.columns.len()).saturating_mul(inits);
    let columns = o.columns.len();
    let what = || format!("a table of {columns} columns and {cells} cells");
    let remedy = "ask for fewer columns, or shorter ones";
    super::affordable(what, cells, 2000, remedy)?;
    // Recording a step takes as long as a thousand modes of it.
    let steps: f64 = o.columns.iter().map(|c| c.label as f64).sum();
    let hours = 1e-9 * runs as f64 * steps * (modes as f64 + 1000.0) / 3600.0;
    match hours <= 10.0 {
        true => Ok(()),
        false => Err(ExperimentError::TooMuch {
            what: what(),
            takes: format!("{hours:.0} hours"),
            most: "10 hours",
            remedy,
        }),
    }
}

impl Table {
    /// Whether it was stopped, so that cells are missing.
    pub fn is_interrupted(&self) -> bool {
        self.cells.iter().any(|cell| cell.value == Err(ExperimentError::Interrupted))
    }

    /// Cells of one continuous solution at one eps, by initial law.
    pub(crate) fn continuous_cells(&self, name: &str, eps: usize) -> &[TableCell] {
        let o = &self.options;
        let solution = if name == "sde" { 0 } else { o.eps.len() };
        &self.cells[(solution + eps) * o.inits.len()..][..o.inits.len()]
    }

    /// Cells of one sampler at one eps, by column, by initial law.
    pub(crate) fn row(&self, sampler: usize, eps: usize) -> &[TableCell] {
        let o = &self.options;
        let len = o.columns.len() * o.inits.len();
        let continuous = 2 * o.eps.len() * o.inits.len();
        &self.cells[continuous + (sampler * o.eps.len() + eps) * len..][..len]
    }

    /// Whether a cell is the smallest of its eps, column and initial law.
    pub(crate) fn is_best(&self, eps: usize, position: usize, value: f64) -> bool {
        let o = &self.options;
        o.samplers.len() > 1
            && value.is_finite()
            && (0..o.samplers.len())
                .filter_map(|s| self.row(s, eps)[position].number())
                .all(|other| other.abs() >= value.abs())
    }

    /// Number of discretized cells that are smaller than their own truncation error.
    pub(crate) fn below_truncation(&self) -> usize {
        if !self.options.metric.item.is_triangular() {
            return 0;
        }
        let data = &self.setting.spectrum;
        let learnt = Learnt::of(&*self.setting.network.item, data);
        let data = &*learnt.as_ref().map_or(Cow::Borrowed(&**data), |l| l.target(data));
        let start = self.setting.process.level(self.setting.process.t_max());
        let floors = self.options.eps.iter().map(|&eps| {
            let end = self.setting.process.level(eps);
            let law = ODE.law(data, &start, &end, &Init::Exact, Target::Data);
            (eps, self.options.metric.item.evaluate(&law).value)
        });
        floors
            .map(|(eps, floor)| {
                let is_below = |c: &&TableCell| {
                    c.key != CellKey::Continuous
                        && c.eps == eps
                        && c.number().is_some_and(|value| value < floor * (1.0 - 1e-9))
                };
                self.cells.iter().filter(is_below).count()
            })
            .sum()
    }

    /// Steps and evaluations of a sampler, per column in which it runs.
    pub(crate) fn lengths(&self, sampler: usize) -> Vec<Option<(usize, usize)>> {
        let spent = |column: usize| {
            (0..self.options.eps.len()).find_map(|eps| {
                match self.row(sampler, eps)[column * self.options.inits.len()].key {
                    CellKey::Discretized { steps, nfe, .. } => Some((steps, nfe)),
                    CellKey::Continuous | CellKey::Undefined { .. } => None,
                }
            })
        };
        (0..self.options.columns.len()).map(spent).collect()
    }
}
