//! Samplers tried on a mixture.

use super::trials::{Names, reason, shared_json};
use crate::experiment::{
    Check, Checked, ExperimentError, FineSolution, Length, Misled, Verification,
};
use crate::numeric::written;
use crate::report::{Align, Cell, Column, Field, Records, Report, Row, Style, Table, number};
use serde_json::json;

impl Verification {
    /// The verification in all formats.
    pub fn report(&self) -> impl Report + '_ {
        VerificationReport(self)
    }

    fn names(&self) -> Names<'_> {
        Names::of(&self.places)
    }

    /// `dpmpp-2m, karras, 20 steps`
    fn name(&self, check: &Check) -> String {
        let rule = self.names().rule(check.place);
        let process = match self.names().has_processes {
            true => format!(", {}", self.names().process(check.place)),
            false => String::new(),
        };
        format!("{}, {rule}{process}, {}", check.sampler, told(check))
    }

    fn table(&self) -> Table {
        let names = self.names();
        let mut columns = vec![Column::new("sampler", Align::Left)];
        for (differs, label) in [(names.has_rules, "grid"), (names.has_processes, "process")] {
            if differs {
                columns.push(Column::new(label, Align::Left));
            }
        }
        for label in ["steps", "NFE", "RMS", "±", "median", "same class"] {
            columns.push(Column::new(label, Align::Right));
        }
        for label in ["RMS", "W2"] {
            columns.push(Column::new(label, Align::Right).in_group("Gaussian"));
        }
        let ran: Vec<(&Check, &Checked)> =
            self.checks.iter().filter_map(|c| Some((c, c.result.as_ref().ok()?))).collect();
        let is_group = |a: &(&Check, &Checked), b: &(&Check, &Checked)| {
            a.0.sampler == b.0.sampler && a.1.steps == b.1.steps
        };
        // Grids with steps of their own stand beside rules of as many steps.
        let mut sorted = ran.clone();
        let first = |sampler: &str| ran.iter().position(|(c, _)| c.sampler == sampler);
        sorted.sort_by_key(|(check, checked)| (first(&check.sampler), checked.steps));
        let mut rows = Vec::new();
        for (g, group) in sorted.chunk_by(is_group).enumerate() {
            let best = group.iter().map(|(_, c)| c.rms).fold(f64::INFINITY, f64::min);
            for (k, (check, c)) in group.iter().enumerate() {
                let mut cells = vec![Cell::text(check.sampler.as_str())];
                for (differs, label) in [
                    (names.has_rules, names.rule(check.place)),
                    (names.has_processes, names.process(check.place)),
                ] {
                    if differs {
                        cells.push(Cell::text(label));
                    }
                }
                let figure = |value: f64| Cell::number(value, Style::Significant(4));
                let count = |n: usize| Cell::number(n as f64, Style::Integer);
                cells.extend([count(c.steps), count(c.nfe)]);
                cells.push(match c.rms == best && group.len() > 1 {
                    true => Cell::best(c.rms, Style::Significant(4)),
                    false => figure(c.rms),
                });
                cells.push(Cell::number(c.standard_error, Style::Significant(2)));
                cells.push(figure(c.median));
                cells.push(Cell::text(format!("{:.1}%", 100.0 * c.same_class)));
                cells.extend([figure(c.gaussian_rms), figure(c.w2)]);
                rows.push(Row { rule_above: g > 0 && k == 0, cells });
            }
        }
        let title = format!(
            "{} starts on {} ({} classes, d = {}){}: root mean square distance to the fine solution",
            self.options.starts,
            self.law,
            self.groups.members.len(),
            self.places[0].setting.spectrum.dim(),
            names.shared(),
        );
        Table { title, columns, rows, notes: self.notes() }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let by_process = self.names().has_processes;
        for fine in &self.references {
            let FineSolution { process, start, end, halved, same_class } = fine;
            let on = if by_process { format!(" on {process}") } else { String::new() };
            notes.push(format!(
                "fine solution{on}, from sigma/alpha {} to {}: Heun, {} steps; with half as many it differs by {} (RMS), and {:.1}% of the starts reach the same class",
                written(&start.noise_ratio()),
                written(&end.noise_ratio()),
                self.options.reference,
                Style::Significant(2).label(*halved).plain(),
                100.0 * same_class
            ));
        }
        notes.push(
            "Gaussian: the exact values for the Gaussian of the whole: the same distance, and W2 to the data".into(),
        );
        if let Some((w2, rms)) = self.correlation {
            notes.push(format!(
                "rank correlation (Spearman) of the RMS on the classes with the Gaussian's RMS: {rms:.2}; with its W2: {w2:.2}"
            ));
        }
        notes.extend(self.misled.map(|misled| self.misled(misled)));
        let mut lines: Vec<(String, Vec<String>)> = Vec::new();
        for check in &self.checks {
            let Err(error) = &check.result else { continue };
            let (why, name) = (reason_of(error), self.failed(check, error));
            match lines.iter_mut().find(|(known, _)| *known == why) {
                Some((_, all)) if all.contains(&name) => {}
                Some((_, all)) => all.push(name),
                None => lines.push((why, vec![name])),
            }
        }
        notes.extend(
            lines.into_iter().map(|(why, all)| format!("cannot run: {}: {why}", all.join("; "))),
        );
        notes
    }

    /// Who cannot run, without what does not matter for that.
    fn failed(&self, check: &Check, error: &ExperimentError) -> String {
        match error {
            ExperimentError::Stochastic { .. } => check.sampler.clone(),
            _ => self.name(check),
        }
    }

    fn misled(&self, Misled { predicted, better }: Misled) -> String {
        let (a, b) = (&self.checks[predicted], &self.checks[better]);
        let figures = |check: &Check| {
            let figure = |v: f64| Style::Significant(3).label(v).plain().to_owned();
            check
                .result
                .as_ref()
                .map_or_else(|_| (String::new(), String::new()), |c| (figure(c.w2), figure(c.rms)))
        };
        let ((w2_a, rms_a), (w2_b, rms_b)) = (figures(a), figures(b));
        format!(
            "the Gaussian W2 misleads most here: it puts {} ({w2_a}) before {} ({w2_b}), but on the classes their distances are {rms_a} and {rms_b}",
            self.name(a),
            self.name(b),
        )
    }

    fn records(&self) -> Records {
        let columns = [
            "sampler",
            "process",
            "grid",
            "eps",
            "steps",
            "nfe",
            "rms",
            "standard_error",
            "median",
            "same_class",
            "gaussian_rms",
            "w2",
            "reason",
        ];
        let row = |check: &Check| {
            let place = &self.places[check.place];
            let mut row = vec![
                Field::Text(check.sampler.clone()),
                Field::Text(place.setting.process_label.clone()),
                Field::Text(place.setting.rule_label.clone()),
                Field::Number(place.eps),
            ];
            match &check.result {
                Ok(c) => {
                    row.extend([c.steps, c.nfe].map(|n| Field::Count(n as u64)));
                    row.extend(
                        [c.rms, c.standard_error, c.median, c.same_class, c.gaussian_rms, c.w2]
                            .map(Field::Number),
                    );
                    row.push(Field::Missing);
                }
                Err(error) => {
                    row.push(match check.length {
                        Length::Steps(steps) => Field::Count(steps as u64),
                        _ => Field::Missing,
                    });
                    row.extend(std::iter::repeat_n(Field::Missing, 7));
                    row.push(Field::Text(reason_of(error)));
                }
            }
            row
        };
        Records {
            columns: columns.map(String::from).into(),
            rows: self.checks.iter().map(row).collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let mut document = shared_json(&self.places);
        document.insert("command".into(), json!("verify"));
        document.insert("mixture".into(), json!(self.law));
        let classes = self.groups.members.iter();
        let classes = classes.map(|g| json!({"name": g.name, "share": number(g.weight)}));
        document.insert("classes".into(), classes.collect());
        document.insert("starts".into(), json!(self.options.starts));
        document.insert("seed".into(), json!(self.options.seed));
        document.insert("interrupted".into(), json!(self.is_interrupted()));
        let fine = |f: &FineSolution| {
            json!({
                "process": f.process,
                "from": number(f.start.noise_ratio()),
                "to": number(f.end.noise_ratio()),
                "steps": self.options.reference,
                "halved": number(f.halved),
                "halved_same_class": number(f.same_class),
            })
        };
        document.insert("fine_solutions".into(), self.references.iter().map(fine).collect());
        let check = |check: &Check| {
            let place = &self.places[check.place];
            let mut one = json!({
                "sampler": check.sampler,
                "process": place.setting.process_label,
                "grid_rule": place.setting.rule_label,
                "eps": place.eps,
            });
            match &check.result {
                Ok(c) => {
                    one["steps"] = json!(c.steps);
                    one["nfe"] = json!(c.nfe);
                    one["rms"] = number(c.rms);
                    one["standard_error"] = number(c.standard_error);
                    one["median"] = number(c.median);
                    one["same_class"] = number(c.same_class);
                    one["gaussian_rms"] = number(c.gaussian_rms);
                    one["w2"] = number(c.w2);
                }
                Err(error) => one["reason"] = json!(reason_of(error)),
            }
            one
        };
        let (ran, failed): (Vec<_>, Vec<_>) = self.checks.iter().partition(|c| c.result.is_ok());
        document.insert("checks".into(), ran.into_iter().map(check).collect());
        document.insert("failures".into(), failed.into_iter().map(check).collect());
        document.insert(
            "rank_correlation".into(),
            match self.correlation {
                Some((w2, rms)) => json!({"w2": w2, "gaussian_rms": rms}),
                None => serde_json::Value::Null,
            },
        );
        document.insert(
            "misled".into(),
            match self.misled {
                Some(Misled { predicted, better }) => json!({
                    "predicted": self.name(&self.checks[predicted]),
                    "better": self.name(&self.checks[better]),
                }),
                None => serde_json::Value::Null,
            },
        );
        document.into()
    }
}

/// The length of a configuration: what it is, or what was asked for.
fn told(check: &Check) -> String {
    match &check.result {
        Ok(c) => Length::Steps(c.steps).to_string(),
        Err(_) => check.length.to_string(),
    }
}

fn reason_of(error: &ExperimentError) -> String {
    match error {
        ExperimentError::Stochastic { .. } => {
            "draws noise, so that its output has no distance to the solution from the same start"
                .into()
        }
        ExperimentError::Evaluation { reason, .. } => reason.clone(),
        other => reason(other),
    }
}

struct VerificationReport<'a>(&'a Verification);

impl Report for VerificationReport<'_> {
    fn tables(&self) -> Vec<Table> {
        vec![self.0.table()]
    }
    fn records(&self) -> Records {
        self.0.records()
    }
    fn json(&self) -> serde_json::Value {
        self.0.json()
    }
}
