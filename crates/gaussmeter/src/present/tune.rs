//! The best schedule of a sampler.

use super::levels::sigma_lines;
use super::{
    INTERRUPTED, advice, cancellation_json, on_trained_networks, one_eigenvalue, start_note,
};
use crate::experiment::{EtaSearch, EtaTried, Perturbation, Rival, Tuning};
use crate::objective::{Robust, Steps};
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use crate::sampler;
use serde_json::json;

impl Tuning {
    /// The result in all formats.
    pub fn report(&self) -> impl Report {
        self
    }

    /// The noise levels σ/α, one per line, noisiest first: what `--grid sigmas:FILE` reads.
    pub fn sigmas(&self) -> String {
        sigma_lines(&self.run.grid)
    }

    /// What steps add to W2² in the objective, if that is what it is.
    fn added(&self) -> Option<String> {
        let plan = &self.run.plan;
        let steps = Steps { count: plan.steps(), multistep: plan.is_multistep() };
        let robust = Robust::default();
        let (deviation, evaluation) = (robust.deviation(&steps), robust.evaluation(&steps));
        let written = |value: f64| Style::Significant(3).label(value).plain().to_string();
        let weight = written(deviation * deviation);
        let of_evaluations = match evaluation {
            0.0 => String::new(),
            off => format!(
                ", and what steps make of each evaluation off by {off} of what is unknown of the data"
            ),
        };
        self.is_robust
            .then(|| format!("{weight} times the squared contributions of steps{of_evaluations}"))
    }

    fn summary(&self) -> Table {
        let text = |name: &str, text: String| Row::new([Cell::text(name), Cell::text(text)]);
        let figure = |name: &str, value: f64, digits: usize| {
            Row::new([Cell::text(name), Cell::number(value, Style::Significant(digits))])
        };
        let (s, best) = (&self.diffusion.spectrum, &self.tuned.best);
        let evaluations = self.eta.as_ref().map_or(best.evaluations, |found| found.evaluations);
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
        if let Some(EtaSearch { eta, range: (low, high), .. }) = &self.eta {
            rows.push(text("eta", format!("{eta}, the best from {low} to {high}")));
        }
        let network = &self.options.network;
        if !network.is_exact() {
            rows.push(text("network", network.label.clone()));
        }
        rows.push(Row { rule_above: true, ..figure("error", self.value, 6) });
        if self.is_robust {
            let name = match network.is_exact() {
                true => "  W2, if data and network are exactly Gaussian",
                false => "  W2 with this network, if the data are exactly Gaussian",
            };
            rows.push(figure(name, self.w2, 6));
        }
        if let Some((label, value)) = self.best_rival() {
            rows.push(figure(&format!("best standard schedule ({label})"), value, 6));
            rows.push(figure("  times better", value / self.value, 4));
        }
        let starts = format!("{} of {}", self.tuned.reached, self.tuned.starts);
        let flat = format!("{} of {}", self.flat_directions(), self.tuned.flatness.len());
        rows.push(Row { rule_above: true, ..text("starts that reached it", starts) });
        rows.push(text("evaluations, with derivatives", evaluations.to_string()));
        rows.push(figure("first-order condition (0 at an optimum)", best.slope, 2));
        rows.push(text("flat directions", flat));
        let mut notes = vec![
            "first-order condition: the largest derivative of the log error with respect to a log gap or, if smaller, the largest cosine between the residuals and their derivative with respect to a gap".to_string(),
            "flat direction: a change of the log gaps by 10% along it changes the error by less than 1%".into(),
        ];
        match self.added() {
            Some(added) => notes.push(format!(
                "error: the root of W2 squared plus {added} (docs/steps.md); it is for comparing schedules of as many steps"
            )),
            None => notes.extend(advice(self.cancellation)),
        }
        notes.extend(on_trained_networks(&self.run));
        notes.extend(start_note(self.start, self.w2));
        notes.extend(one_eigenvalue(
            self.diffusion.spectrum.modes().len(),
            self.tuned.flatness.len(),
        ));
        if self.interrupted {
            notes.push(INTERRUPTED.into());
        } else if self.tuned.reached * 2 < self.tuned.starts {
            notes.push(
                "few starts reached it: more of them (--starts) may find a better schedule".into(),
            );
        }
        Table {
            title: format!("Best schedule of {} on {}", self.run.sampler, s.name()),
            columns: vec![Column::new("quantity", Align::Left), Column::new("value", Align::Right)],
            rows,
            notes,
        }
    }

    fn comparison(&self) -> Table {
        let mut columns =
            vec![Column::new("schedule", Align::Left), Column::new("error", Align::Right)];
        if self.is_robust {
            columns.push(Column::new("exact", Align::Right).in_group("W2"));
        }
        columns.extend(self.robustness.iter().map(|(p, ..)| {
            let column = Column::new(p.to_string(), Align::Right);
            if self.is_robust { column.in_group("W2") } else { column }
        }));
        let cell = |value: f64| Cell::number(value, Style::Significant(4));
        let blank = || Cell::text("");
        let mut first =
            vec![Cell::text("optimised"), Cell::best(self.value, Style::Significant(4))];
        first.extend(self.is_robust.then(|| cell(self.w2)));
        first.extend(self.robustness.iter().map(|(_, value, _)| cell(*value)));
        let mut rows = vec![Row::new(first)];
        let mut notes = Vec::new();
        for (i, rival) in self.rivals.iter().enumerate() {
            match &rival.value {
                Ok(value) => {
                    let mut cells = vec![Cell::text(rival.label.clone()), cell(*value)];
                    cells.extend(self.is_robust.then(|| cell(rival.w2)));
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
            "off by δ: the eigenvalues of the data, or those that the network has learnt, are multiplied by e^(δz), with an independent standard normal z for each eigenvector; the value is the mean over z, for W2 the root mean square".into(),
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

    /// The stochasticities that are always tried, and the best.
    fn etas(&self, found: &EtaSearch) -> Table {
        let mut columns =
            vec![Column::new("eta", Align::Right), Column::new("error", Align::Right)];
        columns.extend(self.is_robust.then(|| Column::new("W2", Align::Right)));
        let style = Style::Significant(4);
        let is_shown = |tried: &&EtaTried| tried.is_usual || tried.eta == found.eta;
        let row = |tried: &EtaTried| {
            let mut cells = vec![Cell::text(tried.eta.to_string())];
            cells.push(match &tried.value {
                Ok(value) if tried.eta == found.eta => Cell::best(*value, style),
                Ok(value) => Cell::number(*value, style),
                Err(_) => Cell::Empty,
            });
            cells.extend(self.is_robust.then(|| match &tried.value {
                Ok(_) => Cell::number(tried.w2, style),
                Err(_) => Cell::Empty,
            }));
            Row::new(cells)
        };
        let known = match (found.is_determined, self.interrupted) {
            (true, _) => format!("the best is determined to {}", found.tolerance),
            (false, true) => "the search was stopped, and the best is the best so far".into(),
            (false, false) => "the least of several minima".into(),
        };
        let mut notes = vec![format!(
            "{} values were tried, each on times for it; {known}; standard schedules are with eta = {}",
            found.tried.len(),
            found.eta
        )];
        if let Some(limit) = found.tried.iter().find_map(|tried| tried.limit) {
            notes.push(format!(
                "eta = 0 is compared by {}, what little noise has: steps turn some directions around there, which the objective takes for an error of rules without noise alone (docs/tune.md)",
                style.label(limit).plain()
            ));
        }
        if found.goes_on && found.eta == found.range.1 {
            let samplers = sampler::registry();
            let own = samplers.build(&self.run.sampler);
            let more = own.and_then(|own| samplers.with(&own, "eta", "1.5"));
            let more = more.map_or(String::new(), |more| format!(" ({})", more.label));
            notes.push(format!(
                "the best is the largest of them: more noise may be better still{more}"
            ));
        }
        let failed = found.tried.iter().filter_map(|tried| {
            tried.value.as_ref().err().map(|error| format!("eta = {}: {error}", tried.eta))
        });
        notes.extend(failed);
        Table {
            title: "Stochasticity".into(),
            columns,
            rows: found.tried.iter().filter(is_shown).map(row).collect(),
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
}

impl Report for Tuning {
    fn tables(&self) -> Vec<Table> {
        let etas = self.eta.as_ref().map(|found| self.etas(found));
        let tables = std::iter::once(self.summary()).chain(etas);
        tables.chain([self.comparison(), self.levels()]).collect()
    }

    fn figures(&self) -> Vec<Figure> {
        vec![self.figure()]
    }

    fn records(&self) -> Records {
        let levels = self.run.grid.levels().iter().enumerate();
        let eta = self.eta.as_ref().map(|found| found.eta);
        let columns = ["step", "t", "alpha", "sigma", "ratio"].into_iter();
        Records {
            columns: columns.chain(eta.map(|_| "eta")).map(String::from).collect(),
            rows: levels
                .map(|(k, l)| {
                    let numbers = [l.t, l.alpha, l.sigma, l.noise_ratio()].into_iter().chain(eta);
                    std::iter::once(Field::Count(k as u64))
                        .chain(numbers.map(Field::Number))
                        .collect()
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
        if !self.options.network.is_exact() {
            document.insert("network".into(), json!(self.options.network.label));
        }
        document.insert("objective".into(), json!(self.objective));
        document.insert("steps".into(), json!(run.grid.step_count()));
        document.insert("nfe".into(), json!(run.plan.nfe()));
        document.insert("min_ratio".into(), json!(self.options.min_ratio));
        document.insert("seed".into(), json!(self.options.seed));
        document.insert("interrupted".into(), json!(self.interrupted));
        document.insert("error".into(), number(self.value));
        document.insert("w2".into(), number(self.w2));
        document.insert(
            "search".into(),
            json!({
                "starts": self.tuned.starts,
                "reached": self.tuned.reached,
                "evaluations": best.evaluations,
                "first_order": number(best.slope),
                "flat_directions": self.flat_directions(),
                "curvature": self.tuned.flatness.iter().map(|h| number(*h)).collect::<Vec<_>>(),
            }),
        );
        if let Some(found) = &self.eta {
            document.insert("eta".into(), eta_json(found));
        }
        let rival = |r: &Rival| match &r.value {
            Ok(value) => {
                json!({"schedule": r.label, "error": number(*value), "w2": number(r.w2)})
            }
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
        document.insert("cancellation".into(), cancellation_json(self.cancellation));
        let levels = run.grid.levels();
        document.insert("times".into(), levels.iter().map(|l| json!(l.t)).collect());
        let ratios = levels.iter().map(|l| number(l.noise_ratio()));
        document.insert("sigmas".into(), ratios.collect());
        document.into()
    }
}

fn eta_json(found: &EtaSearch) -> serde_json::Value {
    let tried = found.tried.iter().map(|tried| match (&tried.value, &tried.grid) {
        (Ok(value), Some(grid)) => json!({
            "eta": tried.eta,
            "error": number(*value),
            "limit": tried.limit.map(number),
            "w2": number(tried.w2),
            "sigmas": grid.levels().iter().map(|l| number(l.noise_ratio())).collect::<Vec<_>>(),
        }),
        (value, _) => json!({
            "eta": tried.eta,
            "error": null,
            "reason": value.as_ref().err().map(|error| error.to_string()),
        }),
    });
    json!({
        "best": found.eta,
        "range": [found.range.0, found.range.1],
        "tolerance": found.tolerance,
        "determined": found.is_determined,
        "evaluations": found.evaluations,
        "tried": tried.collect::<Vec<_>>(),
    })
}
