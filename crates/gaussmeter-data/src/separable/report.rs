//! Independent coordinates at a glance.

use crate::model::SeparableModel;
use gaussmeter::experiment::SCHEMA;
use gaussmeter::report::{Align, Cell, Column, Field, Forms, Records, Row, Style, Table, number};
use gaussmeter::separable::Marginal;
use serde_json::json;

/// Most coordinates in the table.
const SHOWN: usize = 10;

impl SeparableModel {
    /// The coordinates in all formats, those of the largest variance first: weights, means and standard
    /// deviations of their components.
    pub fn report(&self) -> Forms {
        let mut all: Vec<(usize, &Marginal)> = self.law.coordinates().iter().enumerate().collect();
        all.sort_by(|a, b| b.1.variance().total_cmp(&a.1.variance()));
        let several = all.iter().filter(|(_, m)| m.weights().len() > 1).count();
        let list = |values: &[f64]| {
            let figures = values.iter().map(|v| Style::Significant(3).label(*v).plain().to_owned());
            Cell::text(figures.collect::<Vec<_>>().join(" "))
        };
        let row = |(j, m): &(usize, &Marginal)| {
            Row::new([
                Cell::number(*j as f64, Style::Integer),
                Cell::number(m.variance(), Style::Significant(4)),
                list(m.weights()),
                list(m.means()),
                list(m.stds()),
            ])
        };
        let mut columns: Vec<Column> =
            ["coordinate", "variance"].map(|c| Column::new(c, Align::Right)).into();
        columns.extend(["weights", "means", "deviations"].map(|c| Column::new(c, Align::Left)));
        let mut notes = vec![format!(
            "{several} of {} coordinates have more than one component",
            self.law.dim()
        )];
        if all.len() > SHOWN {
            notes.push(format!("the {SHOWN} of the largest variance are shown"));
        }
        let title = format!("{} (d = {})", self.description, self.law.dim());
        let rows = all.iter().take(SHOWN).map(row).collect();
        let records = all.iter().flat_map(|(j, m)| {
            (0..m.weights().len()).map(move |k| {
                vec![
                    Field::Count(*j as u64),
                    Field::Count(k as u64),
                    Field::Number(m.weights()[k]),
                    Field::Number(m.means()[k]),
                    Field::Number(m.stds()[k]),
                ]
            })
        });
        let names = ["coordinate", "component", "weight", "mean", "std"];
        let numbers = |values: &[f64]| values.iter().map(|v| number(*v)).collect::<Vec<_>>();
        let coordinate = |(j, m): &(usize, &Marginal)| {
            json!({
                "coordinate": j,
                "variance": number(m.variance()),
                "weights": numbers(m.weights()),
                "means": numbers(m.means()),
                "stds": numbers(m.stds()),
            })
        };
        Forms {
            tables: vec![Table { title, columns, rows, notes }],
            records: Records { columns: names.map(String::from).into(), rows: records.collect() },
            json: json!({
                "schema": SCHEMA,
                "generator": concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")),
                "command": "separable",
                "description": self.description,
                "dim": self.law.dim(),
                "several_components": several,
                "coordinates": all.iter().map(coordinate).collect::<Vec<_>>(),
            }),
            ..Forms::default()
        }
    }
}
