//! Contributions of steps.

use crate::experiment::StepErrors;
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use serde_json::{Map, Value, json};

impl StepErrors {
    /// The contributions in all formats.
    pub fn report(&self) -> impl Report + '_ {
        StepsReport(self)
    }

    pub(super) fn title(&self) -> String {
        let StepErrors { setting, init_label, run, .. } = self;
        let s = &setting.spectrum;
        format!(
            "What each step of {} contributes to W2, {} (d = {}), {}, {} grid, init {init_label}{}, {} NFE",
            run.sampler,
            s.name(),
            s.dim(),
            setting.process_label,
            setting.rule_label,
            setting.with_network(),
            run.plan.nfe()
        )
    }
}

struct StepsReport<'a>(&'a StepErrors);

impl Report for StepsReport<'_> {
    fn tables(&self) -> Vec<Table> {
        vec![table(self.0)]
    }

    fn figures(&self) -> Vec<Figure> {
        vec![self.0.figure()]
    }

    fn records(&self) -> Records {
        let StepErrors { modes, levels, steps, .. } = self.0;
        let names = ["step", "t", "sigma", "eigenvalue", "multiplicity", "std", "mean"];
        let mut rows = Vec::with_capacity(steps.len() * modes.len());
        for (k, (level, step)) in levels.iter().zip(steps).enumerate() {
            for (mode, [std, mean]) in modes.iter().zip(step) {
                let numbers =
                    [level.t, level.noise_ratio(), mode.eigenvalue, mode.multiplicity, *std, *mean];
                let numbers = numbers.map(Field::Number);
                rows.push(std::iter::once(Field::Count(k as u64)).chain(numbers).collect());
            }
        }
        Records { columns: names.map(String::from).into(), rows }
    }

    fn json(&self) -> serde_json::Value {
        let StepErrors { setting, init_label, run, .. } = self.0;
        let mut document = setting.json();
        document.insert("command".into(), json!("steps"));
        document.insert("sampler".into(), json!(run.sampler));
        document.insert("init".into(), json!(init_label));
        document.extend(self.0.contributions());
        document.into()
    }
}

impl StepErrors {
    /// What JSON documents say of the steps themselves.
    pub(super) fn contributions(&self) -> Map<String, Value> {
        let StepErrors { run, levels, bands, .. } = self;
        let all = || 0..self.modes.len();
        let mut document = Map::new();
        document.insert("nfe".into(), json!(run.plan.nfe()));
        document.insert("w2_at_eps".into(), number(self.cancellation.total));
        document.insert("local".into(), number(self.cancellation.without));
        let lowest: Vec<_> = bands.iter().map(|(lowest, _)| number(*lowest)).collect();
        document.insert("bands".into(), lowest.into());
        let step = |(k, level): (usize, &crate::level::Level)| {
            let of_bands =
                bands.iter().map(|(_, modes)| number(self.size(k, modes.iter().copied())));
            json!({
                "step": k,
                "t": level.t,
                "sigma": number(level.noise_ratio()),
                "contribution": number(self.size(k, all())),
                "bands": of_bands.collect::<Vec<_>>(),
            })
        };
        let steps: Vec<_> = levels.iter().enumerate().map(step).collect();
        document.insert("steps".into(), steps.into());
        document
    }
}

fn table(errors: &StepErrors) -> Table {
    let StepErrors { levels, bands, .. } = errors;
    let all = || 0..errors.modes.len();
    let local = errors.cancellation.without;
    let mut columns: Vec<Column> = ["step", "t", "sigma/alpha", "contribution", "share"]
        .map(|n| Column::new(n, Align::Right))
        .into();
    for (lowest, _) in bands {
        let label = match lowest {
            0.0 => "λ = 0".into(),
            lowest => format!("λ ≥ {}", Style::Significant(2).label(*lowest).plain()),
        };
        columns.push(Column::new(label, Align::Right).in_group("eigenvalues"));
    }
    let figure = |value: f64| Cell::number(value, Style::Significant(4));
    let mut rows = Vec::new();
    for (k, level) in levels.iter().enumerate() {
        let size = errors.size(k, all());
        let name =
            if k == 0 { Cell::text("start") } else { Cell::number(k as f64, Style::Integer) };
        let share = if local == 0.0 { 0.0 } else { (size / local).powi(2) };
        let mut cells = vec![name, figure(level.t), figure(level.noise_ratio()), figure(size)];
        cells.push(Cell::number(share, Style::Significant(3)));
        cells.extend(bands.iter().map(|(_, modes)| figure(errors.size(k, modes.iter().copied()))));
        rows.push(Row::new(cells));
    }
    let blank = |n: usize| std::iter::repeat_with(|| Cell::text("")).take(n);
    for (name, value) in
        [("root of the sum of squares", local), ("with cancellation", errors.cancellation.total)]
    {
        let mut cells: Vec<Cell> = vec![Cell::text("")];
        cells.push(Cell::text(""));
        cells.push(Cell::text(name));
        cells.push(figure(value));
        cells.extend(blank(1 + bands.len()));
        rows.push(Row { rule_above: value == local && name.starts_with("root"), cells });
    }
    Table {
        title: errors.title(),
        columns,
        rows,
        notes: vec![
            "contribution: what the step does to exact states and an exact history, minus the exact solution, carried to the output by the sampler itself; share: of the sum of squares".into(),
            "with cancellation: W2 to the exact law where sampling stops. Contributions of one eigenvector add up with their signs; that they cancel belongs to Gaussian data and an exact network".into(),
        ],
    }
}
