//! A network against the exact one.

use super::document::spectrum_json;
use super::trials::{Names, reason};
use crate::experiment::{
    Known, LevelError, PER_DIMENSION, Parts, SCHEMA, ScoreError, Scored, ScoredRun,
};
use crate::metric::Value;
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use serde_json::json;

impl ScoreError {
    /// The measurement in all formats.
    pub fn report(&self) -> impl Report + '_ {
        ScoreErrorReport(self)
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names::of(&self.places)
    }

    /// What ran, with what it was called by.
    pub(super) fn ran(&self) -> impl Iterator<Item = (&ScoredRun, &Scored)> {
        self.runs.iter().filter_map(|run| Some((run, run.result.as_ref().ok()?)))
    }

    fn levels_table(&self) -> Table {
        let right = |label: &str| Column::new(label, Align::Right);
        let mut columns = vec![right("sigma/alpha"), right("E|r|²"), right("±"), right("of floor")];
        columns.extend(PARTS.map(|(name, _)| right(name).in_group("parts, in %")));
        columns.push(right("δ").in_group("score times 1 + δ"));
        columns.push(right("±").in_group("score times 1 + δ"));
        columns.push(right("share in %").in_group("path KL"));
        let row = |(level, shares): (&LevelError, &Vec<f64>)| {
            let Known { value, half } = level.whole.squared;
            let mut cells = vec![
                Cell::number(level.sigma, Style::Significant(4)),
                Cell::number(value, Style::Significant(4)),
                width(half, value),
                relative(value, level.floor),
            ];
            cells.extend(PARTS.map(|(_, part)| percent(part(&level.whole).value, value)));
            cells.push(Cell::number(level.score_gain.value, Style::Significant(3)));
            cells.push(width(level.score_gain.half, level.score_gain.value));
            cells.push(percent(shares.iter().sum(), 1.0));
            Row::new(cells)
        };
        let rows = self.levels.iter().zip(&self.shares).map(row).collect();
        let mut notes = vec![
            "r: this network minus the exact one, as denoisers; floor: Σ λσ²/(λ + σ²), the error of the exact network as an estimate of the data; ±: 95 % intervals from groups of samples".to_string(),
            "constant: |E r|²; gain: linear in the own coordinate; leak: linear in the others; rest: not affine".into(),
        ];
        if self.levels.len() > 1 {
            notes.push(format!(
                "path KL between the levels (Girsanov): {} ± {} nats, {} of them by constant and linear errors",
                short(self.path_kl.value),
                short(self.path_kl.half),
                short(self.path_kl_affine)
            ));
        }
        let (done, asked) = (self.levels.len(), self.options.sigmas.len());
        if self.is_interrupted && done < asked {
            notes.push(format!("interrupted: {done} of {asked} noise levels were measured"));
        } else if self.is_interrupted {
            notes.push("interrupted: not all samplers were run".into());
        }
        Table {
            title: format!(
                "Error of {} on {} (d = {}), {} samples per level",
                self.network,
                self.spectrum.name(),
                self.spectrum.dim(),
                self.options.per_level
            ),
            columns,
            rows,
            notes,
        }
    }

    fn bands_table(&self) -> Option<Table> {
        if self.bands.len() < 2 {
            return None;
        }
        let mut columns = vec![Column::new("sigma/alpha", Align::Right)];
        for band in &self.bands {
            let label = match band.lowest {
                0.0 => "λ = 0".into(),
                lowest => format!("λ ≥ {}", Style::Significant(2).label(lowest).plain()),
            };
            let group = format!("{label} ({})", band.coordinates.len());
            for column in ["E|r|²", "rest in %", "KL in %"] {
                columns.push(Column::new(column, Align::Right).in_group(group.as_str()));
            }
        }
        let row = |(level, shares): (&LevelError, &Vec<f64>)| {
            let mut cells = vec![Cell::number(level.sigma, Style::Significant(4))];
            for (band, share) in level.bands.iter().zip(shares) {
                cells.push(Cell::number(band.squared.value, Style::Significant(3)));
                cells.push(percent(band.rest.value, band.squared.value));
                cells.push(percent(*share, 1.0));
            }
            Row::new(cells)
        };
        Some(Table {
            title: "The same by bands of eigenvalues, with their shares of the path KL".into(),
            columns,
            rows: self.levels.iter().zip(&self.shares).map(row).collect(),
            notes: Vec::new(),
        })
    }

    fn runs_table(&self) -> Option<Table> {
        if self.runs.is_empty() {
            return None;
        }
        let names = self.names();
        let right = |label: &str, group: &str| Column::new(label, Align::Right).in_group(group);
        let mut columns = vec![Column::new("sampler", Align::Left)];
        for (differs, label) in [(names.has_rules, "grid"), (names.has_processes, "process")] {
            if differs {
                columns.push(Column::new(label, Align::Left));
            }
        }
        columns.extend(["steps", "NFE"].map(|label| Column::new(label, Align::Right)));
        columns
            .extend(["exact network", "this one", "±"].map(|label| right(label, "W2 predicted")));
        let has_leaks = self.options.leaks;
        if has_leaks {
            columns.extend(["with leaks", "±"].map(|label| right(label, "W2 predicted")));
        }
        let is_sampled = self.options.samples > 0;
        if is_sampled {
            columns.extend(["this one", "±"].map(|label| right(label, "W2 of samples")));
        }
        columns.extend(ALONE.map(|label| right(label, "alone")));
        let best = self.best().map(|run| (&run.sampler, run.place, run.length));
        let figure = |value: f64| Cell::number(value, Style::Significant(4));
        let error = |value: f64| Cell::number(value, Style::Significant(2));
        let row = |(run, scored): (&ScoredRun, &Scored)| {
            let mut cells = vec![Cell::text(run.sampler.as_str())];
            for (differs, label) in [
                (names.has_rules, names.rule(run.place)),
                (names.has_processes, names.process(run.place)),
            ] {
                if differs {
                    cells.push(Cell::text(label));
                }
            }
            cells
                .extend([scored.steps, scored.nfe].map(|n| Cell::number(n as f64, Style::Integer)));
            let is_best = best == Some((&run.sampler, run.place, run.length));
            let known = |Known { value, half }: Known, is_best: bool| {
                let value = match is_best {
                    true => Cell::best(value, Style::Significant(4)),
                    false => figure(value),
                };
                [value, error(half)]
            };
            cells.push(figure(scored.exact));
            cells.extend(known(scored.predicted, is_best && !has_leaks));
            if has_leaks {
                cells.extend(known(scored.with_leaks.unwrap_or(UNKNOWN), is_best));
            }
            if is_sampled {
                let w2 = scored.sampled.map(|sampled| sampled.w2);
                cells.extend(match w2 {
                    Some(w2) => [figure(w2.value()), error(w2.standard_error())],
                    None => [Cell::text("–"), Cell::text("")],
                });
            }
            let parts = alone(scored);
            cells.extend(parts.map(|value| value.map_or(Cell::text("–"), figure)));
            Row::new(cells)
        };
        let rows = self.ran().map(row).collect();
        Some(Table {
            title: format!(
                "W2 of samplers on {} with the exact network and with {}{}",
                self.spectrum.name(),
                self.network,
                names.shared()
            ),
            columns,
            rows,
            notes: self.notes_of_runs(),
        })
    }

    fn notes_of_runs(&self) -> Vec<String> {
        let lacks = match self.options.leaks {
            true => "leaks are in the column of theirs, what is not affine in none",
            false => "leaks and what is not affine are not in it",
        };
        let mut notes = vec![format!(
            "predicted: exact, with the constant errors and gains of every eigenvector as measured; {lacks}; ±: 95 % intervals, with what lies between levels; below the levels measured the relative error of the score is that of the last one, above them the error of the denoiser"
        )];
        if self.levels.len() < 3 {
            notes.push(
                "less than three noise levels do not tell what lies between them: ± has no bound"
                    .into(),
            );
        }
        if let Some((_, scored)) = self.ran().find(|(_, scored)| scored.sampled.is_some()) {
            let what = match scored.sampled.is_some_and(|sampled| sampled.is_full) {
                true => "means and full covariances".into(),
                false => format!(
                    "means, and of variances along the eigenvectors (full covariances from {} samples)",
                    PER_DIMENSION as f64 * self.spectrum.dim()
                ),
            };
            notes.push(format!(
                "of samples: {} drawn with this network; W2 of {what}; what a finite number of samples adds is subtracted; ±: standard error",
                self.options.samples
            ));
        }
        // What the prediction does not have, as shares of the path KL.
        let share = |part: fn(&Parts) -> Known| -> f64 {
            let each = self.levels.iter().zip(&self.shares);
            let of = |(level, shares): (&LevelError, &Vec<f64>)| {
                let whole = &level.whole;
                let all = whole.squared.value;
                if all > 0.0 { shares.iter().sum::<f64>() * part(whole).value / all } else { 0.0 }
            };
            100.0 * each.map(of).sum::<f64>().clamp(0.0, 1.0)
        };
        let (leak, rest) = (share(|p| p.leak), share(|p| p.rest));
        if self.options.leaks {
            if rest > 5.0 {
                notes.push(format!(
                    "what is not affine is {rest:.0}% of the path KL: only samples show what it costs (--samples)"
                ));
            }
        } else if leak + rest > 5.0 {
            let shown = match self.spectrum.dim() <= WHOLE {
                true => {
                    "predictions have leaks with --leaks, and only samples show what both cost (--samples)"
                }
                false => "only samples show what they cost (--samples)",
            };
            notes.push(format!(
                "leaks are {leak:.0}% of the path KL and what is not affine {rest:.0}%: {shown}"
            ));
        }
        notes.push("alone: initialization, truncation and score of the continuous solution, discretization of the exact network at eps".into());
        if let Some(best) = self.best() {
            let name = self.names().full(&best.sampler, best.place);
            notes.push(format!("the best for this network: {name}, {}", best.length));
        }
        let mut failures: Vec<(String, Vec<String>)> = Vec::new();
        for run in &self.runs {
            let Err(error) = &run.result else { continue };
            let name = self.names().full(&run.sampler, run.place);
            let name = format!("{name}, {}", run.length);
            match failures.iter_mut().find(|(why, _)| *why == reason(error)) {
                Some((_, all)) => all.push(name),
                None => failures.push((reason(error), vec![name])),
            }
        }
        let line =
            |(why, all): (String, Vec<String>)| format!("cannot run: {}: {why}", all.join("; "));
        notes.extend(failures.into_iter().map(line));
        notes
    }

    fn records(&self) -> Records {
        let mut columns: Vec<String> =
            ["sigma", "eigenvalue", "multiplicity"].map(String::from).into();
        columns.extend(["squared", "squared_half", "gain", "gain_half"].map(String::from));
        columns.extend(["constant", "gain_part", "leak", "rest"].map(String::from));
        let mut rows = Vec::new();
        for level in &self.levels {
            let each = self.spectrum.modes().iter().zip(&level.modes).zip(&level.gains);
            for ((mode, parts), gain) in each {
                let values = [
                    level.sigma,
                    mode.eigenvalue,
                    mode.multiplicity,
                    parts.squared.value,
                    parts.squared.half,
                    gain.value,
                    gain.half,
                    parts.constant.value,
                    parts.gain.value,
                    parts.leak.value,
                    parts.rest.value,
                ];
                rows.push(values.map(Field::Number).into());
            }
        }
        Records { columns, rows }
    }

    fn json(&self) -> serde_json::Value {
        let known = |k: &Known| json!({"value": number(k.value), "half": number(k.half)});
        let parts = |p: &Parts| {
            json!({
                "squared": known(&p.squared),
                "constant": known(&p.constant),
                "gain": known(&p.gain),
                "leak": known(&p.leak),
                "rest": known(&p.rest),
            })
        };
        let level = |(level, shares): (&LevelError, &Vec<f64>)| {
            let of = |f: &dyn Fn(&Parts) -> f64| -> serde_json::Value {
                level.modes.iter().map(|m| number(f(m))).collect()
            };
            let gains = |f: &dyn Fn(&Known) -> f64| -> serde_json::Value {
                level.gains.iter().map(|g| number(f(g))).collect()
            };
            json!({
                "sigma": number(level.sigma),
                "floor": number(level.floor),
                "score_gain": known(&level.score_gain),
                "whole": parts(&level.whole),
                "bands": level.bands.iter().map(parts).collect::<Vec<_>>(),
                "shares": shares.iter().map(|s| number(*s)).collect::<Vec<_>>(),
                "modes": {
                    "squared": of(&|p| p.squared.value),
                    "squared_half": of(&|p| p.squared.half),
                    "gain": gains(&|g| g.value),
                    "gain_half": gains(&|g| g.half),
                    "constant": of(&|p| p.constant.value),
                    "leak": of(&|p| p.leak.value),
                    "rest": of(&|p| p.rest.value),
                },
            })
        };
        let run = |run: &ScoredRun| {
            let setting = &self.places[run.place].setting;
            let mut one = json!({
                "sampler": run.sampler,
                "process": setting.process_label,
                "grid_rule": setting.rule_label,
                "eps": self.places[run.place].eps,
                "length": run.length.to_string(),
            });
            match &run.result {
                Err(error) => one["reason"] = json!(reason(error)),
                Ok(scored) => {
                    one["steps"] = json!(scored.steps);
                    one["nfe"] = json!(scored.nfe);
                    one["exact"] = number(scored.exact);
                    one["predicted"] = known(&scored.predicted);
                    if let Some(with_leaks) = &scored.with_leaks {
                        one["with_leaks"] = known(with_leaks);
                    }
                    if let Some(sampled) = &scored.sampled {
                        one["sampled"] = json!({
                            "w2": number(sampled.w2.value()),
                            "standard_error": number(sampled.w2.standard_error()),
                            "squared": number(sampled.w2.squared),
                            "squared_error": number(sampled.w2.squared_error),
                            "bias": number(sampled.w2.bias),
                            "covariances": sampled.is_full,
                        });
                    }
                    for (name, value) in ALONE.iter().zip(alone(scored)) {
                        one["budget"][name] = value.map_or(json!(null), number);
                    }
                }
            }
            one
        };
        let bands = self.bands.iter();
        let band = |b: &crate::experiment::Band| json!({"lowest": number(b.lowest), "dimensions": b.coordinates.len()});
        let modes = self.spectrum.modes();
        let (ran, failed): (Vec<_>, Vec<_>) = self.runs.iter().partition(|r| r.result.is_ok());
        json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter ", env!("CARGO_PKG_VERSION")),
            "spectrum": spectrum_json(&self.spectrum),
            "command": "score-error",
            "network": self.network,
            "samples_per_level": self.options.per_level,
            "groups": self.options.groups,
            "samples": self.options.samples,
            "seed": self.options.seed,
            "interrupted": self.is_interrupted,
            "eigenvalues": modes.iter().map(|m| number(m.eigenvalue)).collect::<Vec<_>>(),
            "multiplicities": modes.iter().map(|m| number(m.multiplicity)).collect::<Vec<_>>(),
            "bands": bands.map(band).collect::<Vec<_>>(),
            "levels": self.levels.iter().zip(&self.shares).map(level).collect::<Vec<_>>(),
            "path_kl": known(&self.path_kl),
            "path_kl_affine": number(self.path_kl_affine),
            "runs": ran.into_iter().map(run).collect::<Vec<_>>(),
            "failures": failed.into_iter().map(run).collect::<Vec<_>>(),
        })
    }
}

/// Most dimensions for which a note speaks of whole matrices.
const WHOLE: f64 = 1024.0;

/// What was not predicted.
const UNKNOWN: Known = Known { value: f64::NAN, half: f64::NAN };

/// A part of a square by its name, and where it is.
type Part = (&'static str, fn(&Parts) -> Known);

/// The parts of a square.
pub(super) const PARTS: [Part; 4] = [
    ("constant", |p| p.constant),
    ("gain", |p| p.gain),
    ("leak", |p| p.leak),
    ("rest", |p| p.rest),
];

/// The sources of error, by name.
const ALONE: [&str; 4] = ["initialization", "truncation", "discretization", "score"];

fn alone(scored: &Scored) -> [Option<f64>; 4] {
    let b = &scored.budget;
    let value = |v: Value| v.value;
    [
        Some(value(b.initialization)),
        Some(value(b.truncation)),
        Some(value(b.discretization_at_eps)),
        b.score.map(value),
    ]
}

fn relative(value: f64, floor: f64) -> Cell {
    match floor > 0.0 {
        true => Cell::number(value / floor, Style::Significant(3)),
        false => Cell::text("–"),
    }
}

/// Half of the width of an interval: 0 where there is nothing but rounding.
fn width(half: f64, value: f64) -> Cell {
    let rounding = 1e-12 * value.abs();
    Cell::number(if half <= rounding { 0.0 } else { half }, Style::Significant(2))
}

/// A share in per cent with one decimal.
fn percent(part: f64, whole: f64) -> Cell {
    match whole > 0.0 {
        true => {
            let share = (100.0 * part / whole).clamp(0.0, 100.0);
            Cell::text(format!("{share:.1}"))
        }
        false => Cell::text("–"),
    }
}

fn short(value: f64) -> String {
    Style::Significant(3).label(value).plain().to_owned()
}

struct ScoreErrorReport<'a>(&'a ScoreError);

impl Report for ScoreErrorReport<'_> {
    fn tables(&self) -> Vec<Table> {
        let others = [self.0.bands_table(), self.0.runs_table()];
        std::iter::once(self.0.levels_table()).chain(others.into_iter().flatten()).collect()
    }
    fn figures(&self) -> Vec<Figure> {
        vec![self.0.figure()]
    }
    fn records(&self) -> Records {
        self.0.records()
    }
    fn json(&self) -> serde_json::Value {
        self.0.json()
    }
}
