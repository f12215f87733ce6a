//! Distances in all formats.

use super::{Distances, Known, Measured};
use gaussmeter::distance::{Estimate, PER_DIMENSION};
use gaussmeter::experiment::SCHEMA;
use gaussmeter::report::{Align, Cell, Column, Field, Forms, Records, Row, Style, Table, number};
use serde_json::{Value, json};

/// Fourth moments from which tails are called heavy, in units of those of a Gaussian.
const HEAVY: f64 = 1.1;

/// With fewer samples than this errors are not normal.
const NORMAL: u64 = 100;

const FIGURES: Style = Style::Significant(5);

impl Known {
    fn samples(self) -> Option<u64> {
        match self {
            Known::Samples(n) | Known::Statistics(n) => Some(n),
            Known::Uncounted | Known::Law => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Known::Samples(_) => "samples",
            Known::Statistics(_) | Known::Uncounted => "statistics",
            Known::Law => "law",
        }
    }

    fn words(self) -> String {
        match self {
            Known::Samples(n) => format!("{n} samples"),
            Known::Statistics(n) => format!("statistics of {n} samples"),
            Known::Uncounted => "statistics of an unknown number of samples".into(),
            Known::Law => "known exactly".into(),
        }
    }

    fn cell(self) -> Cell {
        match self {
            Known::Samples(n) | Known::Statistics(n) => Cell::number(n as f64, Style::Integer),
            Known::Uncounted => Cell::text("unknown"),
            Known::Law => Cell::text("exact"),
        }
    }
}

impl Distances {
    /// The distances in all formats.
    pub fn report(&self) -> Forms {
        Forms {
            tables: vec![self.table()],
            records: self.records(),
            json: self.json(),
            ..Forms::default()
        }
    }

    fn table(&self) -> Table {
        let grouped = |label: &str, group: &str| Column::new(label, Align::Right).in_group(group);
        let own = "without what finite samples add";
        let columns = vec![
            Column::new("set", Align::Left),
            Column::new("samples", Align::Right),
            grouped("W2² (FID)", "as computed"),
            grouped("W2", own).ranked(),
            grouped("95 %", own),
            grouped("W2²", own),
            grouped("± 95 %", own),
            grouped("of means", own),
            grouped("of covariances", own),
        ];
        let title =
            format!("Gaussian W2 to {} ({}, d = {})", self.reference, self.known.words(), self.dim);
        let best = self.best();
        let rows = self.sets.iter().enumerate().map(|(k, set)| row(set, best == Some(k)));
        Table { title, columns, rows: rows.collect(), notes: self.remarks() }
    }

    /// The nearest of several, where all are known.
    fn best(&self) -> Option<usize> {
        let values: Option<Vec<f64>> =
            self.sets.iter().map(|s| Some(s.estimate.ok()?.squared)).collect();
        let values = values.filter(|values| values.len() > 1)?;
        (0..values.len()).min_by(|a, b| values[*a].total_cmp(&values[*b]))
    }

    fn remarks(&self) -> Vec<String> {
        let mut notes = vec![
            "W2²: Fréchet distance of the Gaussians, |m − μ|² + tr(C + Σ − 2(C^½ΣC^½)^½), which is FID for Inception features; as computed: from means and covariances (n − 1) of the samples, as pytorch-fid does".to_string(),
        ];
        let known = || std::iter::once(self.known).chain(self.sets.iter().map(|s| s.known));
        if known().any(|known| known == Known::Uncounted) {
            notes.push("statistics of an unknown number of samples are taken as exact, so what that number adds is still in W2: --count and --reference-count tell it".into());
        }
        if known().any(|known| matches!(known, Known::Statistics(_))) {
            notes.push(
                "of statistics fourth moments are unknown and taken as those of a Gaussian".into(),
            );
        }
        for set in &self.sets {
            if let Err(few) = &set.estimate {
                notes.push(format!(
                    "{}: {few}; as computed W2² is too large by an unknown amount",
                    set.name
                ));
            }
        }
        let heavy = |set: &&Measured| {
            set.estimate.is_ok() && set.kurtosis.iter().flatten().any(|k| *k > HEAVY)
        };
        if let Some(set) = self.sets.iter().find(heavy) {
            let most = set.kurtosis.iter().flatten().fold(1.0, |a: f64, b| a.max(*b));
            notes.push(format!(
                "{}: fourth moments are {most:.2} times those of a Gaussian: what finite samples add is less well known, and intervals reach further down",
                set.name
            ));
        }
        let few = |set: &&Measured| {
            let counts = [self.known, set.known].into_iter().filter_map(Known::samples);
            set.estimate.is_ok() && counts.min().is_some_and(|n| n < NORMAL)
        };
        if let Some(set) = self.sets.iter().find(few) {
            notes.push(format!(
                "{}: of fewer than {NORMAL} samples errors are not normal: intervals of 95 % cover less (in one dimension, 20 samples: 85 %)",
                set.name
            ));
        }
        let same = |set: &&Measured| set.estimate.is_ok_and(|e| e.is_too_near());
        if let Some(set) = self.sets.iter().find(same) {
            notes.push(format!(
                "{}: nearer than independent samples of one law are: do both hold the same samples?",
                set.name
            ));
        }
        notes.extend(self.notes.iter().cloned());
        notes
    }

    fn records(&self) -> Records {
        let columns = [
            "set",
            "samples",
            "plug_in_squared",
            "plug_in_mean_squared",
            "plug_in_covariance_squared",
            "w2",
            "w2_low",
            "w2_high",
            "w2_squared",
            "standard_error",
            "w2_squared_low",
            "w2_squared_high",
            "mean_squared",
            "covariance_squared",
            "bias",
        ];
        let row = |set: &Measured| {
            let mut row = vec![
                Field::Text(set.name.clone()),
                set.known.samples().map_or(Field::Missing, Field::Count),
                Field::Number(set.squared()),
                Field::Number(set.mean_squared),
                Field::Number(set.covariance_squared),
            ];
            match &set.estimate {
                Ok(estimate) => row.extend(values(estimate).map(|(_, v)| Field::Number(v))),
                Err(_) => row.resize(columns.len(), Field::Missing),
            }
            row
        };
        let rows = self.sets.iter().map(row).collect();
        Records { columns: columns.map(String::from).into(), rows }
    }

    fn json(&self) -> Value {
        let set = |set: &Measured| {
            let mut object = json!({
                "name": set.name,
                "kind": set.known.name(),
                "samples": set.known.samples(),
                "plug_in_squared": number(set.squared()),
                "plug_in_mean_squared": number(set.mean_squared),
                "plug_in_covariance_squared": number(set.covariance_squared),
                "kurtosis": set.kurtosis[1].map(number),
                "reference_kurtosis": set.kurtosis[0].map(number),
            });
            if let Some(object) = object.as_object_mut() {
                match &set.estimate {
                    Ok(estimate) => {
                        let values = values(estimate);
                        object.extend(values.map(|(key, v)| (key.to_string(), number(v))));
                        object.insert("left_over".into(), number(estimate.left_over));
                    }
                    Err(few) => {
                        object.insert("reason".into(), few.to_string().into());
                    }
                }
            }
            object
        };
        json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")),
            "command": "distance",
            "reference": {
                "name": self.reference,
                "kind": self.known.name(),
                "samples": self.known.samples(),
            },
            "dim": self.dim,
            "per_dimension": PER_DIMENSION,
            "sets": self.sets.iter().map(set).collect::<Vec<_>>(),
            "notes": self.notes,
            "interrupted": self.is_interrupted,
        })
    }
}

/// The numbers of an estimate, by their names in files.
fn values(e: &Estimate) -> [(&'static str, f64); 10] {
    let ([low, high], [low_squared, high_squared]) = (e.interval(), e.interval_squared());
    [
        ("w2", e.value()),
        ("w2_low", low),
        ("w2_high", high),
        ("w2_squared", e.squared),
        ("standard_error", e.standard_error),
        ("w2_squared_low", low_squared),
        ("w2_squared_high", high_squared),
        ("mean_squared", e.mean_squared),
        ("covariance_squared", e.covariance_squared),
        ("bias", e.bias),
    ]
}

fn row(set: &Measured, is_best: bool) -> Row {
    let figure = |value: f64| Cell::number(value, FIGURES);
    let mut cells = vec![Cell::text(set.name.clone()), set.known.cell(), figure(set.squared())];
    match &set.estimate {
        Ok(e) => {
            let w2 = if is_best { Cell::best } else { Cell::number };
            let [low, high] = e.interval().map(|v| FIGURES.label(v).plain().to_string());
            cells.extend([
                w2(e.value(), FIGURES),
                Cell::text(format!("[{low}, {high}]")),
                figure(e.squared),
                Cell::number(1.96 * e.standard_error, Style::Significant(2)),
                figure(e.mean_squared),
                figure(e.covariance_squared),
            ]);
        }
        Err(_) => cells.extend(std::iter::repeat_n(Cell::text("–"), 6)),
    }
    Row::new(cells)
}
