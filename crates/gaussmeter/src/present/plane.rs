//! What samplers do in the plane.

use crate::experiment::{Plane, PlaneLaw, PlanePanel, PlaneSource, PlaneView};
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use serde_json::{Value, json};

impl Plane {
    /// The results in all formats; the figure shows one view of them.
    pub fn report(&self, view: PlaneView) -> impl Report + '_ {
        PlaneReport { plane: self, view }
    }
}

struct PlaneReport<'a> {
    plane: &'a Plane,
    view: PlaneView,
}

/// Standard deviations along the axes, and the covariance of the first with the second coordinate.
fn covariance(law: &PlaneLaw) -> [f64; 3] {
    let [a, b] = law.axes;
    [a[0] * a[0] + b[0] * b[0], a[0] * a[1] + b[0] * b[1], a[1] * a[1] + b[1] * b[1]]
}

impl Report for PlaneReport<'_> {
    fn tables(&self) -> Vec<Table> {
        let s = &self.plane.setting;
        let mut columns =
            vec![Column::new("sampler", Align::Left), Column::new("continuous", Align::Left)];
        for label in ["continuous", "sampler"] {
            columns.push(Column::new(label, Align::Right).in_group("W2 to p_eps"));
        }
        for label in ["initialization", "truncation", "discretization", "score"] {
            columns.push(Column::new(label, Align::Right).in_group("each source alone"));
        }
        let figure = |value: f64| Cell::number(value, Style::Significant(4));
        let rows = self.plane.panels.iter().zip(&self.plane.sources);
        let rows = rows.map(|([continuous, sampler], (_, sources))| {
            let mut cells =
                vec![Cell::text(sampler.name.as_str()), Cell::text(continuous.name.as_str())];
            cells.extend([continuous.w2, sampler.w2].map(figure));
            cells.extend(sources.iter().map(|source| figure(source.w2)));
            Row::new(cells)
        });
        let title = format!(
            "In the plane: {}, {}, {} grid, eps {}, init {}",
            s.spectrum.provenance(),
            s.process_label,
            s.rule_label,
            self.plane.eps,
            self.plane.init_label
        );
        let notes = vec![
            "W2 to p_eps: with the exact network, from the given start".into(),
            format!("score: of the continuous solution with network {}", s.network.label),
        ];
        vec![Table { title, columns, rows: rows.collect(), notes }]
    }

    fn figures(&self) -> Vec<Figure> {
        vec![match self.view {
            PlaneView::Paths => self.plane.paths(),
            PlaneView::Errors => self.plane.errors(),
        }]
    }

    fn is_figure(&self) -> bool {
        true
    }

    fn records(&self) -> Records {
        let names =
            ["sampler", "solution", "t", "law", "mean_1", "mean_2", "var_1", "cov", "var_2"];
        let mut rows = Vec::new();
        for [continuous, sampler] in &self.plane.panels {
            for panel in [continuous, sampler] {
                for (t, law, target) in &panel.states {
                    for (kind, law) in [("found", law), ("target", target)] {
                        let texts =
                            [&sampler.name, &panel.name].map(|name| Field::Text(name.clone()));
                        let numbers = law.mean.into_iter().chain(covariance(law));
                        rows.push(
                            texts
                                .into_iter()
                                .chain([Field::Number(*t), Field::Text(kind.into())])
                                .chain(numbers.map(Field::Number))
                                .collect(),
                        );
                    }
                }
            }
        }
        Records { columns: names.map(String::from).into(), rows }
    }

    fn json(&self) -> Value {
        let law =
            |law: &PlaneLaw| json!({"mean": law.mean, "covariance": covariance(law).map(number)});
        let samplers =
            self.plane.panels.iter().zip(&self.plane.sources).map(|(panels, sources)| {
                let panel = |panel: &PlanePanel| {
                    let states = panel.states.iter();
                    let states = states.map(|(t, found, target)| {
                    json!({"t": number(*t), "law": law(found), "target": law(target)})
                });
                    json!({
                        "name": panel.name,
                        "continuous": panel.is_exact,
                        "w2": number(panel.w2),
                        "states": states.collect::<Vec<_>>(),
                        "paths": panel.paths,
                    })
                };
                let source = |source: &PlaneSource| {
                    json!({
                        "source": source.name,
                        "w2": number(source.w2),
                        "law": law(&source.law),
                        "target": law(&source.target),
                    })
                };
                json!({
                    "sampler": sources.0,
                    "solutions": panels.iter().map(panel).collect::<Vec<_>>(),
                    "sources": sources.1.iter().map(source).collect::<Vec<_>>(),
                })
            });
        let mut document = self.plane.setting.json();
        document.insert("command".into(), json!("plane"));
        document.insert("init".into(), json!(self.plane.init_label));
        document.insert("eps".into(), json!(self.plane.eps));
        document.insert("samplers".into(), samplers.collect());
        document.into()
    }
}
