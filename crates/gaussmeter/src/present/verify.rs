//! Samplers tried on data that are not Gaussian.

use super::trials::{Names, reason, shared_json};
use crate::experiment::{
    Agreement, Check, Checked, Distances, Estimate, ExperimentError, FineSolution, Length, Misled,
    Moments, Verification,
};
use crate::numeric::written;
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use serde_json::{Value, json};

/// Groups that documents list.
const LISTED: usize = 1000;

impl Verification {
    /// The verification in all formats.
    pub fn report(&self) -> impl Report + '_ {
        VerificationReport(self)
    }

    pub(super) fn names(&self) -> Names<'_> {
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

    /// What ran: rules with grids of their own beside others of as many steps.
    pub(super) fn sorted(&self) -> Vec<(&Check, &Checked)> {
        let mut ran: Vec<(&Check, &Checked)> =
            self.checks.iter().filter_map(|c| Some((c, c.result.as_ref().ok()?))).collect();
        let first = |sampler: &str| self.checks.iter().position(|c| c.sampler == sampler);
        ran.sort_by_key(|(check, checked)| (first(&check.sampler), checked.steps));
        ran
    }

    /// Whether some ran without noise, and whether some ran with noise.
    fn kinds(&self) -> (bool, bool) {
        let ran = || self.checks.iter().filter_map(|c| c.result.as_ref().ok());
        (ran().any(|c| c.distances().is_some()), ran().any(|c| c.moments().is_some()))
    }

    /// Exact W2 to the data, or why there is none, where it is known for the law.
    fn exact_w2(check: &Check) -> Option<&Result<f64, String>> {
        check.result.as_ref().ok()?.distances()?.exact_w2.as_ref()
    }

    fn has_exact_w2(&self) -> bool {
        self.checks.iter().any(|check| Verification::exact_w2(check).is_some())
    }

    fn has_groups(&self) -> bool {
        !self.groups.members.is_empty()
    }

    /// What configurations are called by: columns, and their cells.
    fn key_columns(&self) -> Vec<Column> {
        let names = self.names();
        let mut columns = vec![Column::new("sampler", Align::Left)];
        for (differs, label) in [(names.has_rules, "grid"), (names.has_processes, "process")] {
            if differs {
                columns.push(Column::new(label, Align::Left));
            }
        }
        columns.extend(["steps", "NFE"].map(|label| Column::new(label, Align::Right)));
        columns
    }

    fn key_cells(&self, check: &Check, c: &Checked) -> Vec<Cell> {
        let names = self.names();
        let mut cells = vec![Cell::text(check.sampler.as_str())];
        for (differs, label) in [
            (names.has_rules, names.rule(check.place)),
            (names.has_processes, names.process(check.place)),
        ] {
            if differs {
                cells.push(Cell::text(label));
            }
        }
        cells.extend([c.steps, c.nfe].map(|n| Cell::number(n as f64, Style::Integer)));
        cells
    }

    fn table(&self) -> Table {
        let (without, with) = self.kinds();
        let mut columns = self.key_columns();
        let right = |label: &str, group: &str| Column::new(label, Align::Right).in_group(group);
        if without {
            let group = "distance to the solution";
            columns.extend(["RMS", "±", "median"].map(|label| right(label, group)));
            if self.has_groups() {
                columns.push(right(&format!("same {}", self.groups.kind.one()), group));
            }
            if self.has_exact_w2() {
                columns.push(right("exact", "W2 to the data"));
            }
        }
        if with {
            columns.extend(["W2", "±"].map(|label| right(label, "moments")));
            if self.has_groups() {
                columns.push(right(&format!("{} off", self.groups.kind.many()), "moments"));
            }
        }
        if self.exact.is_some() {
            columns.push(right(if without { "RMS" } else { "W2" }, "exact network"));
        }
        if without {
            columns.push(right("RMS", "Gaussian"));
        }
        columns.push(right("W2", "Gaussian"));
        let ran = self.sorted();
        let is_group = |a: &(&Check, &Checked), b: &(&Check, &Checked)| {
            a.0.sampler == b.0.sampler && a.1.steps == b.1.steps
        };
        let figure = |value: f64| Cell::number(value, Style::Significant(4));
        let error = |value: f64| Cell::number(value, Style::Significant(2));
        let percent = |share: Option<f64>| {
            Cell::text(share.map_or_else(String::new, |s| format!("{:.1}%", 100.0 * s)))
        };
        let blanks = |n: usize| std::iter::repeat_with(|| Cell::text("")).take(n);
        let of_groups = usize::from(self.has_groups());
        let of_w2 = usize::from(self.has_exact_w2());
        let mut rows = Vec::new();
        for (g, group) in ran.chunk_by(is_group).enumerate() {
            for (k, (check, c)) in group.iter().enumerate() {
                // Distances to other fine solutions are no rivals.
                let reference = |c: &Checked| c.distances().map(|d| d.reference);
                let rivals = group.iter().filter(|(_, other)| reference(other) == reference(c));
                let rivals: Vec<f64> = rivals.map(|(_, c)| found(c)).collect();
                let best = rivals.iter().copied().fold(f64::INFINITY, f64::min);
                let own = |value: f64| match value == best && rivals.len() > 1 {
                    true => Cell::best(value, Style::Significant(4)),
                    false => figure(value),
                };
                let mut cells = self.key_cells(check, c);
                match c.distances() {
                    Some(d) => {
                        cells.extend([own(d.rms), error(d.standard_error), figure(d.median)]);
                        cells.extend(self.has_groups().then(|| percent(d.same_group)));
                        let exact = || match &d.exact_w2 {
                            Some(Ok(w2)) => figure(*w2),
                            _ => Cell::text("–"),
                        };
                        cells.extend(self.has_exact_w2().then(exact));
                    }
                    None if without => cells.extend(blanks(3 + of_groups + of_w2)),
                    None => {}
                }
                match c.moments() {
                    Some(m) => {
                        let estimate = m.estimate();
                        cells.extend([own(estimate.value()), error(estimate.standard_error())]);
                        let off = m.shares.as_ref().map(|shares| shares.error);
                        cells.extend(self.has_groups().then(|| percent(off)));
                    }
                    None if with => cells.extend(blanks(2 + of_groups)),
                    None => {}
                }
                if self.exact.is_some() {
                    let of_exact = |c: &Checked| figure(found(c));
                    cells.push(self.exact_of(check).map_or(Cell::text("–"), of_exact));
                }
                if without {
                    cells.push(c.distances().map_or(Cell::text(""), |d| figure(d.gaussian_rms)));
                }
                cells.push(figure(c.w2));
                rows.push(Row { rule_above: g > 0 && k == 0, cells });
            }
        }
        let mut counts = Vec::new();
        if without {
            counts.push(format!("{} starts", self.options.starts));
        }
        if with {
            counts.push(format!("{} samples", self.options.samples));
        }
        let groups = match self.groups.members.len() {
            0 => String::new(),
            count => format!("{count} {}, ", self.groups.kind.many()),
        };
        let title = format!(
            "{} on {} ({groups}d = {}){}",
            counts.join(" and "),
            self.law,
            self.places[0].setting.spectrum.dim(),
            self.names().shared(),
        );
        Table { title, columns, rows, notes: self.notes() }
    }

    /// The errors per band of eigenvalues.
    fn bands_table(&self) -> Option<Table> {
        if self.bands.len() < 2 {
            return None;
        }
        let mut columns = self.key_columns();
        for band in &self.bands {
            let label = match band.lowest {
                0.0 => "λ = 0".into(),
                lowest => format!("λ ≥ {}", Style::Significant(2).label(lowest).plain()),
            };
            let label = format!("{label} ({})", band.coordinates.len());
            for column in ["found", "Gaussian"] {
                columns.push(Column::new(column, Align::Right).in_group(label.as_str()));
            }
        }
        let ran = self.sorted();
        let row = |(k, (check, c)): (usize, &(&Check, &Checked))| {
            let mut cells = self.key_cells(check, c);
            for band in bands(c) {
                cells.extend(
                    [band.found, band.gaussian].map(|v| Cell::number(v, Style::Significant(3))),
                );
            }
            Row { rule_above: k > 0 && ran[k - 1].0.sampler != check.sampler, cells }
        };
        let rows = ran.iter().enumerate().map(row).collect();
        let (without, with) = self.kinds();
        let what = match (without, with) {
            (true, true) => "RMS distance to the solution, or W2 of moments for rules with noise",
            (true, false) => "RMS distance to the solution",
            (false, _) => "W2 of moments",
        };
        let title = format!("The same along the eigenvectors of bands of eigenvalues: {what}");
        let mut notes = Vec::new();
        for fine in &self.references {
            let all: Vec<String> = fine.halved_bands.iter().map(|h| short(*h)).collect();
            notes.push(format!(
                "half as many steps of the fine solution, before extrapolation, change it by {}",
                all.join(", ")
            ));
        }
        Some(Table { title, columns, rows, notes })
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let (without, with) = self.kinds();
        let by_process = self.names().has_processes;
        for fine in &self.references {
            let FineSolution { process, start, end, error, same_group, .. } = fine;
            let on = if by_process { format!(" on {process}") } else { String::new() };
            let same = same_group.map_or_else(String::new, |same| {
                let kind = self.groups.kind.one();
                format!(
                    "; with half as many {:.1}% of the starts reach the same {kind}",
                    100.0 * same
                )
            });
            notes.push(format!(
                "fine solution{on}, from sigma/alpha {} to {}: Heun, {} steps, extrapolated with a half and a quarter of them; its own error is about {} (RMS){same}",
                written(&start.noise_ratio()),
                written(&end.noise_ratio()),
                self.options.reference,
                short(*error),
            ));
        }
        if self.references.len() > 1 {
            notes.push("distances are to the fine solution that begins and ends where the sampler does: they say nothing beside those to another one, and not what a start or an end costs".into());
        }
        if let Some(network) = &self.network {
            let own = if without { ", and the fine solution is that of its own ODE" } else { "" };
            let beside = match self.exact {
                Some(_) => {
                    "; exact network: the same with the network of the data, from the same starts"
                }
                None => "",
            };
            notes.push(format!("samplers call {network}{own}{beside}"));
        }
        if let Some(correlation) = self.agreement_with_exact() {
            notes.push(format!(
                "rank correlation (Spearman) of the RMS with that of the exact network: {correlation:.2}"
            ));
        }
        let network = &self.places[0].setting.network;
        if without && !network.is_exact() {
            notes.push(format!(
                "samplers call the network {}, and the fine solution the exact one",
                network.label
            ));
        }
        let blurred: Vec<String> =
            self.blurred().iter().map(|i| self.name(&self.checks[*i])).collect();
        if !blurred.is_empty() {
            notes.push(format!(
                "the fine solution's own error is not small against {}: more steps (--reference), or starts that branch off",
                some(&blurred)
            ));
        }
        if with {
            notes.push(self.of_moments());
        }
        if self.has_exact_w2() {
            notes.push(
                "W2 to the data, exact: of the law of the outputs itself, by quantiles".into(),
            );
        }
        let mut without_w2: Vec<(&str, Vec<String>)> = Vec::new();
        for check in &self.checks {
            let Some(Err(why)) = Verification::exact_w2(check) else { continue };
            match without_w2.iter_mut().find(|(known, _)| known == why) {
                Some((_, all)) => all.push(self.name(check)),
                None => without_w2.push((why, vec![self.name(check)])),
            }
        }
        let no_w2 = |(why, all): (&str, Vec<String>)| format!("no exact W2: {}: {why}", some(&all));
        notes.extend(without_w2.into_iter().map(no_w2));
        notes.push(
            match (without, with) {
                (true, true) => "Gaussian: the exact values for the Gaussian of the whole: the distance to the solution of rules without noise, and W2 to the data",
                (true, false) => "Gaussian: the exact values for the Gaussian of the whole: the same distance, and W2 to the data",
                (false, _) => "Gaussian: the exact W2 to the data for the Gaussian of the whole",
            }
            .into(),
        );
        if let Some(found) = self.distances.correlation {
            let rms = found
                .rms
                .map_or_else(String::new, |rms| format!("with the Gaussian's RMS: {rms:.2}; "));
            let among = match self.references.len() > 1 {
                true => format!(", among the {} rows that most share a fine solution", found.among),
                false => String::new(),
            };
            notes.push(format!(
                "rank correlation (Spearman) of the RMS {rms}with its W2: {:.2}{among}",
                found.w2
            ));
        }
        if let Some(found) = self.moments.correlation {
            notes.push(format!(
                "rank correlation (Spearman) of W2 of moments with the Gaussian's W2: {:.2}",
                found.w2
            ));
        }
        for Agreement { misled, .. } in [self.distances, self.moments] {
            notes.extend(misled.map(|misled| self.misled(misled)));
        }
        if self.bands.is_empty() {
            notes.push("no bands of eigenvalues: the eigenvectors of the Gaussian of the whole are not known (they are computed up to 4096 dimensions)".into());
        }
        let infinite: Vec<String> = self
            .checks
            .iter()
            .filter(|check| check.result.as_ref().is_ok_and(|c| found(c).is_infinite()))
            .map(|check| self.name(check))
            .collect();
        if !infinite.is_empty() {
            notes.push(format!("infinite: outputs that are not finite, of {}", some(&infinite)));
        }
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

    /// What W2 of moments is.
    fn of_moments(&self) -> String {
        let what = match self.compares_covariances() {
            true => "of means and full covariances".into(),
            false => format!(
                "of means, and of variances along the eigenvectors of the Gaussian of the whole: no more than that of full covariances, which takes {} samples or more (--samples)",
                self.least_samples()
            ),
        };
        let chance = self.checks.iter().find_map(|check| {
            check.result.as_ref().ok()?.moments()?.shares.as_ref().map(|s| s.by_chance)
        });
        let off = chance.map_or_else(String::new, |chance| {
            format!(
                "; {} off: what would have to change its {} for the shares to be right, {:.1}% by chance in as many draws from the data",
                self.groups.kind.many(),
                self.groups.kind.one(),
                100.0 * chance
            )
        });
        format!(
            "moments, for rules with noise: W2 to the data {what}; what a finite number of samples adds is subtracted{off}"
        )
    }

    /// Who cannot run, without what does not matter for that.
    fn failed(&self, check: &Check, error: &ExperimentError) -> String {
        match error {
            ExperimentError::NoBasis { .. } => check.sampler.clone(),
            _ => self.name(check),
        }
    }

    fn misled(&self, Misled { predicted, better }: Misled) -> String {
        let (a, b) = (&self.checks[predicted], &self.checks[better]);
        let figures = |check: &Check| {
            let figure = |v: f64| Style::Significant(3).label(v).plain().to_owned();
            let of = |c: &Checked| (figure(c.w2), figure(found(c)));
            check.result.as_ref().map_or_else(|_| (String::new(), String::new()), of)
        };
        let ((w2_a, found_a), (w2_b, found_b)) = (figures(a), figures(b));
        let (whose, what) = match a.result.as_ref().ok().and_then(Checked::moments) {
            Some(_) => (" among rules with noise", "W2 of their moments are"),
            None => ("", "distances are"),
        };
        format!(
            "the Gaussian W2 misleads most here{whose}: it puts {} ({w2_a}) before {} ({w2_b}), but their {what} {found_a} and {found_b}",
            self.name(a),
            self.name(b),
        )
    }

    fn records(&self) -> Records {
        let mut columns: Vec<String> = [
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
            "moments_w2",
            "moments_error",
            "variances_w2",
            "variances_error",
            "classes_off",
            "classes_off_by_chance",
            "gaussian_rms",
            "exact_network",
            "exact_w2",
            "w2",
        ]
        .map(String::from)
        .into();
        for k in 1..=self.bands.len() {
            columns.extend(["", "_error", "_gaussian"].map(|what| format!("band_{k}{what}")));
        }
        columns.push("reason".into());
        let count = columns.len();
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
                    let maybe = |value: Option<f64>| value.map_or(Field::Missing, Field::Number);
                    row.extend([c.steps, c.nfe].map(|n| Field::Count(n as u64)));
                    let (d, m) = (c.distances(), c.moments());
                    let distance = |f: fn(&Distances) -> f64| maybe(d.map(f));
                    row.extend([distance(|d| d.rms), distance(|d| d.standard_error)]);
                    row.push(distance(|d| d.median));
                    row.push(maybe(d.and_then(|d| d.same_group)));
                    let moment = |f: fn(&Moments) -> f64| maybe(m.map(f));
                    row.push(maybe(m.and_then(|m| m.full).map(|e| e.value())));
                    row.push(maybe(m.and_then(|m| m.full).map(|e| e.standard_error())));
                    row.push(moment(|m| m.along.value()));
                    row.push(moment(|m| m.along.standard_error()));
                    let shares = m.and_then(|m| m.shares.as_ref());
                    row.push(maybe(shares.map(|s| s.error)));
                    row.push(maybe(shares.map(|s| s.by_chance)));
                    row.push(distance(|d| d.gaussian_rms));
                    row.push(maybe(self.exact_of(check).map(found)));
                    let exact = Verification::exact_w2(check).and_then(|w2| w2.as_ref().ok());
                    row.push(maybe(exact.copied()));
                    row.push(Field::Number(c.w2));
                    for band in bands(c) {
                        row.extend(
                            [band.found, band.standard_error, band.gaussian].map(Field::Number),
                        );
                    }
                    row.push(Field::Missing);
                }
                Err(error) => {
                    row.push(match check.length {
                        Length::Steps(steps) => Field::Count(steps as u64),
                        _ => Field::Missing,
                    });
                    row.resize(count - 1, Field::Missing);
                    row.push(Field::Text(reason_of(error)));
                }
            }
            row
        };
        Records { columns, rows: self.checks.iter().map(row).collect() }
    }

    fn json(&self) -> Value {
        let mut document = shared_json(&self.places);
        document.insert("command".into(), json!("verify"));
        document.insert("law".into(), json!(self.law));
        if let Some(network) = &self.network {
            document.insert("trained_network".into(), json!(network));
            let correlation = self.agreement_with_exact();
            document.insert("rank_correlation_with_exact_network".into(), json!(correlation));
        }
        let members = self.groups.members.iter().take(LISTED);
        let members = members.map(|g| json!({"name": g.name, "share": number(g.weight)}));
        document.insert(self.groups.kind.many().into(), members.collect());
        document.insert("starts".into(), json!(self.options.starts));
        document.insert("samples".into(), json!(self.options.samples));
        document.insert("seed".into(), json!(self.options.seed));
        document.insert("interrupted".into(), json!(self.is_interrupted()));
        let band = |b: &crate::experiment::Band| json!({"lowest": number(b.lowest), "dimensions": b.coordinates.len()});
        document.insert("bands".into(), self.bands.iter().map(band).collect());
        let fine = |f: &FineSolution| {
            let bands: Vec<Value> = f.halved_bands.iter().map(|h| number(*h)).collect();
            json!({
                "process": f.process,
                "from": number(f.start.noise_ratio()),
                "to": number(f.end.noise_ratio()),
                "steps": self.options.reference,
                "halved": number(f.halved),
                "halved_bands": bands,
                "error": number(f.error),
                "halved_same_class": f.same_group.map(number),
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
                    self.checked_json(c, &mut one);
                    if let Some(exact) = self.exact_of(check) {
                        one["exact_network"] = number(found(exact));
                    }
                }
                Err(error) => one["reason"] = json!(reason_of(error)),
            }
            one
        };
        let (ran, failed): (Vec<_>, Vec<_>) = self.checks.iter().partition(|c| c.result.is_ok());
        document.insert("checks".into(), ran.into_iter().map(check).collect());
        document.insert("failures".into(), failed.into_iter().map(check).collect());
        let blurred = self.blurred();
        let blurred: Vec<String> = blurred.iter().map(|i| self.name(&self.checks[*i])).collect();
        document.insert("blurred".into(), json!(blurred));
        let agreement = |found: &Agreement| {
            let correlation = found.correlation.map(|c| json!({"w2": c.w2, "gaussian_rms": c.rms}));
            let misled = found.misled.map(|m| {
                json!({
                    "predicted": self.name(&self.checks[m.predicted]),
                    "better": self.name(&self.checks[m.better]),
                })
            });
            (json!(correlation), json!(misled))
        };
        let (correlation, misled) = agreement(&self.distances);
        document.insert("rank_correlation".into(), correlation);
        document.insert("misled".into(), misled);
        let (correlation, misled) = agreement(&self.moments);
        document.insert("rank_correlation_with_noise".into(), correlation);
        document.insert("misled_with_noise".into(), misled);
        document.into()
    }

    fn checked_json(&self, c: &Checked, one: &mut Value) {
        one["steps"] = json!(c.steps);
        one["nfe"] = json!(c.nfe);
        if let Some(d) = c.distances() {
            one["rms"] = number(d.rms);
            one["standard_error"] = number(d.standard_error);
            one["median"] = number(d.median);
            one["same_class"] = json!(d.same_group.map(number));
            one["gaussian_rms"] = number(d.gaussian_rms);
            match &d.exact_w2 {
                Some(Ok(w2)) => one["exact_w2"] = number(*w2),
                Some(Err(why)) => one["no_exact_w2"] = json!(why),
                None => {}
            }
        }
        if let Some(m) = c.moments() {
            let estimate = |e: &Estimate| {
                json!({
                    "w2": number(e.value()),
                    "standard_error": number(e.standard_error()),
                    "squared": number(e.squared),
                    "squared_error": number(e.squared_error),
                    "bias": number(e.bias),
                })
            };
            let shares = m.shares.as_ref().map(|s| {
                let found: Vec<Value> = s.found.iter().take(LISTED).map(|p| number(*p)).collect();
                json!({
                    "found": found, "error": number(s.error), "by_chance": number(s.by_chance),
                })
            });
            one["moments"] = json!({
                "samples": m.samples,
                "covariances": m.full.as_ref().map(estimate),
                "variances": estimate(&m.along),
                "shares": shares,
            });
        }
        one["w2"] = number(c.w2);
        let band = |b: &crate::experiment::InBand| {
            json!({
                "found": number(b.found),
                "standard_error": number(b.standard_error),
                "gaussian": number(b.gaussian),
            })
        };
        one["bands"] = bands(c).iter().map(band).collect();
    }
}

/// The distance, or W2 of moments.
fn found(c: &Checked) -> f64 {
    match (c.distances(), c.moments()) {
        (Some(d), _) => d.rms,
        (None, Some(m)) => m.estimate().value(),
        (None, None) => f64::INFINITY,
    }
}

fn bands(c: &Checked) -> &[crate::experiment::InBand] {
    match (c.distances(), c.moments()) {
        (Some(d), _) => &d.bands,
        (None, Some(m)) => &m.bands,
        (None, None) => &[],
    }
}

fn short(value: f64) -> String {
    Style::Significant(2).label(value).plain().to_owned()
}

/// The first few of some names.
fn some(names: &[String]) -> String {
    const FEW: usize = 4;
    match names.len() {
        count if count > FEW + 1 => {
            format!("{}; and {} others", names[..FEW].join("; "), count - FEW)
        }
        _ => names.join("; "),
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
        ExperimentError::NoBasis { .. } => {
            "draws noise: its moments are compared along the eigenvectors of the Gaussian of the whole, which are not known"
                .into()
        }
        ExperimentError::Evaluation { reason, .. } => reason.clone(),
        other => reason(other),
    }
}

struct VerificationReport<'a>(&'a Verification);

impl Report for VerificationReport<'_> {
    fn tables(&self) -> Vec<Table> {
        std::iter::once(self.0.table()).chain(self.0.bands_table()).collect()
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
