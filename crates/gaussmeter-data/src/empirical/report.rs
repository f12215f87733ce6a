//! A data set at a glance.

use crate::model::EmpiricalModel;
use gaussmeter::experiment::SCHEMA;
use gaussmeter::report::{Align, Cell, Column, Field, Forms, Records, Row, Style, Table, number};
use serde_json::json;

impl EmpiricalModel {
    /// The data set in all formats: samples, dimension, variance and size.
    pub fn report(&self) -> Forms {
        let (law, mean) = (&self.law, self.law.mean());
        let (count, dim) = (law.count(), law.dim());
        let square = |v: f64| v * v;
        let off = |i: usize| law.points().row(i).iter().zip(&mean).map(|(x, m)| square(x - m));
        let variance = (0..count).flat_map(off).sum::<f64>() / count as f64;
        let length = mean.iter().map(|m| square(*m)).sum::<f64>().sqrt();
        let figure = |value: f64| Cell::number(value, Style::Significant(4));
        let columns = ["samples", "of", "dimensions", "variance", "length of the mean"];
        let table = Table {
            title: self.description.clone(),
            columns: columns.iter().map(|c| Column::new(*c, Align::Right)).collect(),
            rows: vec![Row::new([
                Cell::number(count as f64, Style::Integer),
                Cell::number(self.total as f64, Style::Integer),
                Cell::number(dim as f64, Style::Integer),
                figure(variance),
                figure(length),
            ])],
            notes: vec![format!(
                "its exact network is a mean over all samples, which take {} of memory",
                self.size()
            )],
        };
        let names = ["samples", "total", "dim", "variance", "mean_length"];
        let records = Records {
            columns: names.map(String::from).into(),
            rows: vec![vec![
                Field::Count(count as u64),
                Field::Count(self.total),
                Field::Count(dim as u64),
                Field::Number(variance),
                Field::Number(length),
            ]],
        };
        let json = json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")),
            "command": "empirical",
            "description": self.description,
            "shape": self.shape,
            "samples": count,
            "total": self.total,
            "dim": dim,
            "variance": number(variance),
            "mean_length": number(length),
        });
        Forms { tables: vec![table], records, json, ..Forms::default() }
    }
}
