//! The ablation table as a heat map.

use crate::experiment::{CellKey, Table, TableCell};
use crate::report::{Axis, FieldCell, Figure, Label, Marks, Panel, Series, Style};

impl Table {
    /// A row per sampler and truncation time, a column per length and initial law; colours by the error.
    pub(in crate::present) fn figure(&self) -> Figure {
        let o = &self.options;
        let several_eps = o.eps.len() > 1;
        let mut rows = Vec::new();
        let mut cells = Vec::new();
        let columns = o.columns.iter().flat_map(|column| {
            let group = self.group(column);
            o.inits.iter().map(move |(init, _)| match o.inits.len() {
                1 => group.clone(),
                _ => Label::new(format!("{}, {init}", group.plain())).with_latex(format!(
                    "{}, {}",
                    group.latex(),
                    Label::new(init.as_str()).latex()
                )),
            })
        });
        let columns: Vec<Label> = columns.collect();
        for (s, sampler) in o.samplers.iter().enumerate() {
            for (e, eps) in o.eps.iter().enumerate() {
                let eps = Style::Exact.label(*eps);
                rows.push(match several_eps {
                    false => Label::new(sampler.label.as_str()),
                    true => Label::new(format!("{}, eps {}", sampler.label, eps.plain()))
                        .with_latex(format!(
                            r"{}, $\varepsilon$ {}",
                            Label::new(sampler.label.as_str()).latex(),
                            eps.latex()
                        )),
                });
                cells.extend(
                    self.row(s, e).iter().filter_map(|cell| self.cell(cell, rows.len() - 1, e)),
                );
            }
        }
        let measured = o.metric.item.name();
        let panel = Panel {
            x: Axis::names("", columns),
            y: Axis::names("", rows),
            series: vec![Series::of(measured.label(), Marks::Field(cells))],
            ..Panel::default()
        };
        Figure { notes: self.notes(), ..Figure::of(self.title(), panel) }
    }

    fn cell(&self, cell: &TableCell, y: usize, eps: usize) -> Option<FieldCell> {
        let CellKey::Discretized { column, .. } = cell.key else { return None };
        let (value, inits) = (cell.number()?, self.options.inits.len());
        let x = column * inits + cell.init;
        let is_best = !self.options.as_published && self.is_best(eps, x, value);
        Some(FieldCell { x, y, value, text: Style::Short.label(value).plain().into(), is_best })
    }
}
