//! A mixture at a glance.

use crate::model::MixtureModel;
use gaussmeter::experiment::SCHEMA;
use gaussmeter::mixture::Component;
use gaussmeter::report::{Align, Cell, Column, Field, Forms, Records, Row, Style, Table, number};
use serde_json::json;

/// What is told of a component.
struct Told<'a> {
    component: &'a Component,
    count: u64,
    highest: f64,
    distance: f64,
}

impl MixtureModel {
    /// The components in all formats: share, samples, variance, and how far their means are from that of
    /// the whole.
    pub fn report(&self) -> Forms {
        let mean = self.mixture.mean();
        let told = |k: usize| {
            let component = &self.mixture.components()[k];
            let squares = component.mean().iter().zip(&mean).map(|(a, b)| (a - b) * (a - b));
            let highest = component.eigenvalues().iter().copied().fold(component.rest(), f64::max);
            let distance = squares.sum::<f64>().sqrt();
            Told { component, count: self.counts[k], highest, distance }
        };
        let all: Vec<Told<'_>> = (0..self.counts.len()).map(told).collect();
        let within: f64 = all.iter().map(|t| t.component.weight() * t.component.trace()).sum();
        let between: f64 = all.iter().map(|t| t.component.weight() * t.distance * t.distance).sum();
        Forms {
            tables: vec![self.table(&all, within, between)],
            records: records(&all),
            json: self.json(&all, within, between),
            ..Forms::default()
        }
    }

    fn table(&self, all: &[Told<'_>], within: f64, between: f64) -> Table {
        let mut columns = vec![Column::new("class", Align::Left)];
        for label in ["share", "samples", "variance", "top eigenvalue", "mean from the whole"] {
            columns.push(Column::new(label, Align::Right));
        }
        let row = |t: &Told<'_>| {
            let figure = |value: f64| Cell::number(value, Style::Significant(4));
            Row::new([
                Cell::text(t.component.name()),
                Cell::text(format!("{:.1}%", 100.0 * t.component.weight())),
                Cell::number(t.count as f64, Style::Integer),
                figure(t.component.trace()),
                figure(t.highest),
                figure(t.distance),
            ])
        };
        let shares = 100.0 * between / (within + between);
        let mut notes = vec![format!(
            "variance of the whole: {} within the classes, {} between their means ({shares:.1}%)",
            Style::Significant(4).label(within).plain(),
            Style::Significant(4).label(between).plain(),
        )];
        let singular = all.iter().filter(|t| t.component.is_singular());
        let singular: Vec<&str> = singular.map(|t| t.component.name()).collect();
        if let Some(first) = singular.first() {
            notes.push(format!(
                "{} of {} covariances are singular (first: '{first}'): samples of that class lie in a subspace, as with fewer samples than dimensions",
                singular.len(),
                all.len(),
            ));
        }
        let title = format!("{} (d = {}): a Gaussian each", self.description, self.mixture.dim());
        Table { title, columns, rows: all.iter().map(row).collect(), notes }
    }

    fn json(&self, all: &[Told<'_>], within: f64, between: f64) -> serde_json::Value {
        let class = |t: &Told<'_>| {
            json!({
                "name": t.component.name(),
                "share": number(t.component.weight()),
                "samples": t.count,
                "variance": number(t.component.trace()),
                "top_eigenvalue": number(t.highest),
                "mean_distance": number(t.distance),
                "singular": t.component.is_singular(),
            })
        };
        json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter-data ", env!("CARGO_PKG_VERSION")),
            "command": "mixture",
            "description": self.description,
            "shape": self.shape,
            "dim": self.mixture.dim(),
            "within": number(within),
            "between": number(between),
            "classes": all.iter().map(class).collect::<Vec<_>>(),
        })
    }
}

fn records(all: &[Told<'_>]) -> Records {
    let columns =
        ["class", "share", "samples", "variance", "top_eigenvalue", "mean_distance", "singular"];
    let row = |t: &Told<'_>| {
        vec![
            Field::Text(t.component.name().into()),
            Field::Number(t.component.weight()),
            Field::Count(t.count),
            Field::Number(t.component.trace()),
            Field::Number(t.highest),
            Field::Number(t.distance),
            Field::Text(if t.component.is_singular() { "yes" } else { "no" }.into()),
        ]
    };
    Records { columns: columns.map(String::from).into(), rows: all.iter().map(row).collect() }
}
