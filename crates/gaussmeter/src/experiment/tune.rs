use super::robustness::{PERTURBATIONS, Perturbation, expected};
use super::{Diffusion, ExperimentError, Length, NamedSampler, Run};
use crate::design::{Effort, End, Problem, Space, Start, Tuned, starts};
use crate::entry::Named;
use crate::exact::Init;
use crate::grid::{self, Grid, GridError};
use crate::objective::Objective;
use crate::report::{Align, Cell, Column, Field, Forms, Records, Row, Style, Table, number};
use crate::watch::{Progress, Watch};
use serde_json::json;

/// How a schedule is sought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TuneOptions {
    /// Whether it starts at T.
    pub start: Start,
    /// Where it ends.
    pub end: End,
    /// The smallest ratio of neighbouring noise levels.
    pub min_ratio: f64,
    /// Number of schedules to descend from, beside the three best standard ones.
    pub starts: usize,
    /// Seed of the random ones.
    pub seed: u64,
    /// How hard it is sought.
    pub effort: Effort,
}

impl Default for TuneOptions {
    fn default() -> Self {
        TuneOptions {
            start: Start::Fixed,
            end: End::At(0.0),
            min_ratio: 1.25,
            starts: 10,
            seed: 0,
            effort: Effort::default(),
        }
    }
}

/// A schedule with its error; the reason if it has none.
#[derive(Clone, Debug)]
pub struct Rival {
    /// Its text form.
    pub label: String,
    /// The objective, as people read it.
    pub value: Result<f64, ExperimentError>,
    /// Its times.
    pub grid: Option<Grid>,
}

/// The best schedule of a sampler for given data, and what it is worth.
#[derive(Debug)]
pub struct Tuning {
    diffusion: Diffusion,
    init_label: String,
    objective: String,
    options: TuneOptions,
    /// The sampler on the optimal times.
    pub run: Run,
    /// How they were found.
    pub tuned: Tuned,
    /// The objective there, as people read it.
    pub value: f64,
    /// Standard schedules of as many steps, the best first.
    pub rivals: Vec<Rival>,
    /// Whether the search was stopped: what it has found is the best so far.
    pub interrupted: bool,
    /// Per perturbation: the expected error of the optimum, and of the best rival.
    pub robustness: Vec<(Perturbation, f64, Option<f64>)>,
}

/// Seeks the times that minimise an objective; `init` and `objective` come with their labels.
/// Where `watch` stops it, the search ends with the best so far.
///
/// # Errors
/// [`ExperimentError`]
pub fn tune(
    diffusion: &Diffusion,
    sampler: &NamedSampler,
    length: Length,
    (init_label, init): (&str, &Init),
    objective: &Named<dyn Objective>,
    options: TuneOptions,
    watch: Watch,
) -> Result<Tuning, ExperimentError> {
    let data = &*diffusion.spectrum;
    objective.item.check(data.modes().len()).map_err(ExperimentError::Objective)?;
    // The law of a free start is that of pure noise at its level.
    let init = match (options.start, init) {
        (Start::Free, Init::Normal { std: None }) => init.clone(),
        (Start::Free, Init::Exact) => return Err(ExperimentError::FreeExactStart),
        _ => diffusion.init(init)?,
    };
    let eps = match options.end {
        End::At(eps) => eps,
        End::Free => diffusion.process.t_min(),
    };
    let steps = diffusion.steps(sampler, length, eps)?;
    let space =
        Space::new(&diffusion.process, steps, options.start, options.end, options.min_ratio)?;
    let objective_item = &*objective.item;
    let problem = Problem {
        spectrum: data,
        sampler: &*sampler.item,
        init: &init,
        objective: objective_item,
        space: &space,
        watch,
    };
    watch.tell(Progress { what: "tune", unit: "searches", done: 0, total: Some(1) });
    let failed = |source| ExperimentError::Sampler { sampler: sampler.label.clone(), source };
    let evaluate =
        |grid: &Grid| problem.value(grid).map(|sum| objective_item.readable(sum)).map_err(failed);
    let mut rivals: Vec<Rival> = standard_schedules(diffusion, steps, eps, watch)
        .into_iter()
        .map(|(label, grid)| match grid {
            Ok(grid) => Rival { label, value: evaluate(&grid), grid: Some(grid) },
            Err(error) => Rival { label, value: Err(error.into()), grid: None },
        })
        .collect();
    let key = |r: &Rival| r.value.as_ref().map_or(f64::INFINITY, |v| *v);
    rivals.sort_by(|a, b| key(a).total_cmp(&key(b)));
    // The best of them, and others.
    let t_max = diffusion.process.t_max();
    let known = rivals.iter().filter_map(|r| r.grid.clone().filter(|_| key(r).is_finite()));
    let known = known.filter(|g| g.start().t == t_max && g.end().t == eps);
    let mut from: Vec<Grid> = known.take(KNOWN).collect();
    from.extend(starts(&space, data, options.starts, options.seed)?);
    let tuned = problem.tune(&from, options.effort)?;
    let interrupted = watch.is_stopped();
    let run = Run::on(sampler, tuned.grid.clone())?;
    if let Length::Nfe(budget) = length
        && run.plan.nfe() > budget
    {
        let (sampler, nfe) = (run.sampler, run.plan.nfe());
        return Err(ExperimentError::OverBudget { sampler, nfe, budget });
    }
    let best = rivals.first().and_then(|r| r.grid.as_ref());
    let robustness = PERTURBATIONS
        .iter()
        .map(|p| {
            let under = |grid: &Grid| expected(&problem, grid, *p);
            (*p, under(&tuned.grid), best.map(under))
        })
        .collect();
    let value = objective_item.readable(tuned.best.after);
    Ok(Tuning {
        diffusion: diffusion.clone(),
        init_label: init_label.into(),
        objective: objective.label.clone(),
        options,
        run,
        tuned,
        value,
        rivals,
        interrupted,
        robustness,
    })
}

/// The rules of the registry that need nothing but a number of steps, on given data and a given
/// process, from T to eps; those that there was time for.
pub fn standard_schedules(
    diffusion: &Diffusion,
    steps: usize,
    eps: f64,
    watch: Watch,
) -> Vec<(String, Result<Grid, GridError>)> {
    let (process, registry) = (&diffusion.process, grid::registry());
    let lowest = process.level(eps).noise_ratio();
    registry
        .entries
        .iter()
        .take_while(|_| !watch.is_stopped())
        .filter_map(|entry| {
            let has = |key: &str| entry.parameters.iter().any(|p| p.name == key);
            let text = match eps > 0.0 && has("sigma_min") && has("final") {
                true => format!("{}:sigma_min={lowest},final=sigma_min", entry.name),
                false => entry.name.to_string(),
            };
            // Lists from files are no rule.
            let rule = registry.build(&text).ok()?.item;
            if rule.own_steps().is_some() {
                return None;
            }
            let end = rule.own_end(&**process).unwrap_or(eps);
            let grid = rule.grid_for(&diffusion.spectrum, process, steps, end);
            match &grid {
                // Rules for other processes.
                Err(GridError::NotDiscrete | GridError::NotFlow) => None,
                _ => Some((entry.name.to_string(), grid)),
            }
        })
        .collect()
}

/// What tables say of a search that was stopped.
pub(super) const INTERRUPTED: &str = "interrupted: the best that was found until then";

/// Standard schedules to descend from, the best ones.
const KNOWN: usize = 3;

/// Directions of log gaps along which 10 % change the error by less than 1 %.
fn flat_directions(tuned: &Tuned) -> usize {
    // The objective is a square: ½ h δ² of its logarithm is half as much of that of the error.
    tuned.flatness.iter().filter(|h| 0.25 * *h * 0.01 < 0.01).count()
}

impl Tuning {
    /// The noise levels σ/α, one per line, noisiest first: what `--grid sigmas:FILE` reads.
    pub fn sigmas(&self) -> String {
        sigma_lines(&self.run.grid)
    }

    /// The result in all formats.
    pub fn report(&self) -> Forms {
        let tables = vec![self.summary(), self.comparison(), self.levels()];
        Forms { tables, records: self.records(), json: self.json(), ..Forms::default() }
    }

    fn summary(&self) -> Table {
        let text = |name: &str, text: String| Row::new([Cell::text(name), Cell::text(text)]);
        let figure = |name: &str, value: f64, digits: usize| {
            Row::new([Cell::text(name), Cell::number(value, Style::Significant(digits))])
        };
        let (s, best) = (&self.diffusion.spectrum, &self.tuned.best);
        let mut rows = vec![
            text("sampler", self.run.sampler.clone()),
            text(
                "spectrum",
                format!("{} (d = {}, {} distinct)", s.name(), s.dim(), s.modes().len()),
            ),
            text("process", self.diffusion.process_label.clone()),
            text("init", self.init_label.clone()),
            text("steps", self.run.grid.step_count().to_string()),
            text("NFE", self.run.plan.nfe().to_string()),
            text("objective", self.objective.clone()),
        ];
        rows.push(Row { rule_above: true, ..figure("error", self.value, 6) });
        if let Some((label, value)) = self.best_rival() {
            rows.push(figure(&format!("best standard schedule ({label})"), value, 6));
            rows.push(figure("  times better", value / self.value, 4));
        }
        let starts = format!("{} of {}", self.tuned.reached, self.tuned.starts);
        let flat = format!("{} of {}", flat_directions(&self.tuned), self.tuned.flatness.len());
        rows.push(Row { rule_above: true, ..text("starts that led there", starts) });
        rows.push(text("evaluations, with derivatives", best.evaluations.to_string()));
        rows.push(figure("first-order condition (0 at an optimum)", best.slope, 2));
        rows.push(text("flat directions", flat));
        let mut notes = vec![
            "first-order condition: the largest derivative of the logarithm of the error by a log gap or, if smaller, the largest cosine between the residuals and what a gap changes in them".to_string(),
            "flat: changing the log gaps by 10% that way changes the error by less than 1%".into(),
        ];
        if self.interrupted {
            notes.push(INTERRUPTED.into());
        } else if self.tuned.reached * 2 < self.tuned.starts {
            notes.push(
                "few starts led there: more of them (--starts) may find a better schedule".into(),
            );
        }
        Table {
            title: format!("Best schedule of {} on {}", self.run.sampler, s.name()),
            columns: vec![Column::new("quantity", Align::Left), Column::new("value", Align::Right)],
            rows,
            notes,
        }
    }

    fn best_rival(&self) -> Option<(&str, f64)> {
        let rival = self.rivals.first()?;
        Some((&rival.label, *rival.value.as_ref().ok()?))
    }

    fn comparison(&self) -> Table {
        let mut columns =
            vec![Column::new("schedule", Align::Left), Column::new("error", Align::Right)];
        columns
            .extend(self.robustness.iter().map(|(p, ..)| Column::new(p.to_string(), Align::Right)));
        let cell = |value: f64| Cell::number(value, Style::Significant(4));
        let blank = || Cell::text("");
        let mut first =
            vec![Cell::text("optimised"), Cell::best(self.value, Style::Significant(4))];
        first.extend(self.robustness.iter().map(|(_, value, _)| cell(*value)));
        let mut rows = vec![Row::new(first)];
        let mut notes = Vec::new();
        for (i, rival) in self.rivals.iter().enumerate() {
            match &rival.value {
                Ok(value) => {
                    let mut cells = vec![Cell::text(rival.label.clone()), cell(*value)];
                    cells.extend(self.robustness.iter().map(|(_, _, best)| match best {
                        Some(best) if i == 0 => cell(*best),
                        _ => blank(),
                    }));
                    rows.push(Row::new(cells));
                }
                Err(error) => notes.push(format!("{}: {error}", rival.label)),
            }
        }
        notes.push(
            "off by: the eigenvalues of the data, or those that the network has learnt, times e^(δz), each eigenvector with a standard normal z of its own; told is the mean over z, of W2 the root of its mean square".into(),
        );
        Table {
            title: format!(
                "Schedules of {} steps ({} NFE)",
                self.run.grid.step_count(),
                self.run.plan.nfe()
            ),
            columns,
            rows,
            notes,
        }
    }

    fn levels(&self) -> Table {
        let levels = self.run.grid.levels().iter().enumerate();
        let cell = |value: f64| Cell::number(value, Style::Significant(6));
        Table {
            title: "Times".into(),
            columns: ["step", "t", "sigma/alpha"].map(|n| Column::new(n, Align::Right)).into(),
            rows: levels
                .map(|(k, l)| {
                    let step = Cell::number(k as f64, Style::Integer);
                    Row::new([step, cell(l.t), cell(l.noise_ratio())])
                })
                .collect(),
            notes: Vec::new(),
        }
    }

    fn records(&self) -> Records {
        let levels = self.run.grid.levels().iter().enumerate();
        Records {
            columns: ["step", "t", "alpha", "sigma", "ratio"].map(String::from).into(),
            rows: levels
                .map(|(k, l)| {
                    let numbers = [l.t, l.alpha, l.sigma, l.noise_ratio()].map(Field::Number);
                    std::iter::once(Field::Count(k as u64)).chain(numbers).collect()
                })
                .collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let (run, best) = (&self.run, &self.tuned.best);
        let mut document = self.diffusion.json();
        document.insert("command".into(), json!("tune"));
        document.insert("sampler".into(), json!(run.sampler));
        document.insert("init".into(), json!(self.init_label));
        document.insert("objective".into(), json!(self.objective));
        document.insert("steps".into(), json!(run.grid.step_count()));
        document.insert("nfe".into(), json!(run.plan.nfe()));
        document.insert("min_ratio".into(), json!(self.options.min_ratio));
        document.insert("seed".into(), json!(self.options.seed));
        document.insert("interrupted".into(), json!(self.interrupted));
        document.insert("error".into(), number(self.value));
        document.insert(
            "search".into(),
            json!({
                "starts": self.tuned.starts,
                "reached": self.tuned.reached,
                "evaluations": best.evaluations,
                "first_order": number(best.slope),
                "flat_directions": flat_directions(&self.tuned),
                "curvature": self.tuned.flatness.iter().map(|h| number(*h)).collect::<Vec<_>>(),
            }),
        );
        let rival = |r: &Rival| match &r.value {
            Ok(value) => json!({"schedule": r.label, "error": number(*value)}),
            Err(error) => {
                json!({"schedule": r.label, "error": null, "reason": error.to_string()})
            }
        };
        document.insert("schedules".into(), self.rivals.iter().map(rival).collect());
        let robustness = self.robustness.iter().map(|(p, optimum, rival)| {
            let (what, delta) = match p {
                Perturbation::Data(delta) => ("data", delta),
                Perturbation::Network(delta) => ("network", delta),
            };
            json!({
                "perturbed": what,
                "delta": delta,
                "optimised": number(*optimum),
                "best_standard": rival.map(number),
            })
        });
        document.insert("robustness".into(), robustness.collect());
        let levels = run.grid.levels();
        document.insert("times".into(), levels.iter().map(|l| json!(l.t)).collect());
        let ratios = levels.iter().map(|l| number(l.noise_ratio()));
        document.insert("sigmas".into(), ratios.collect());
        document.into()
    }
}

/// The noise levels σ/α of a grid, one per line, noisiest first.
pub(super) fn sigma_lines(grid: &Grid) -> String {
    grid.levels().iter().map(|l| format!("{}\n", decimal(l.noise_ratio()))).collect()
}

/// A number without an exponent: some readers of lists do not know them.
fn decimal(value: f64) -> String {
    if value == 0.0 { "0.0".into() } else { format!("{value}") }
}
