//! The best sampler and schedule.

use super::levels::sigma_lines;
use super::trials::reason;
use super::{
    EXPECTED, INTERRUPTED, advice, cancellation_json, on_trained_networks, one_eigenvalue,
    start_note,
};
#[cfg(feature = "dense")]
use crate::experiment::USUAL;
use crate::experiment::{Candidate, DELTAS, GUIDANCE, Length, OPTIMISED, Recommendation, Timed};
use crate::numeric::evenly;
use crate::report::{
    Align, Cell, Column, Field, Figure, Records, Report, Row, Style, Table, number,
};
use serde_json::json;

impl Recommendation {
    /// Samplers that people see, unless they ask for others.
    pub const TOP: usize = 15;

    /// The recommendation in all formats, with the best `top` candidates (0 for all) for people; CSV
    /// and JSON have all.
    pub fn report(&self, top: usize) -> impl Report {
        RecommendationReport { recommendation: self, top }
    }
}

struct RecommendationReport<'a> {
    recommendation: &'a Recommendation,
    top: usize,
}

impl Report for RecommendationReport<'_> {
    fn tables(&self) -> Vec<Table> {
        let it = self.recommendation;
        let mut tables = vec![it.ranking_table(self.top)];
        #[cfg(feature = "dense")]
        if let Some(verification) = &it.verification {
            tables.extend(verification.report().tables());
        }
        tables.extend([it.front_table(), it.limits_table(), it.skips_table()]);
        tables
    }
    fn figures(&self) -> Vec<Figure> {
        let own = self.recommendation.figure();
        #[cfg(feature = "dense")]
        if let Some(verification) = &self.recommendation.verification {
            let tried = verification.report().figures();
            return std::iter::once(own).chain(tried).collect();
        }
        vec![own]
    }
    fn records(&self) -> Records {
        self.recommendation.records()
    }
    fn json(&self) -> serde_json::Value {
        self.recommendation.json()
    }
}

/// A large ratio to two digits.
fn rounded(ratio: f64) -> f64 {
    if ratio < 1e3 {
        return ratio;
    }
    let unit = 10f64.powf(ratio.log10().floor() - 1.0);
    (ratio / unit).round() * unit
}

impl Recommendation {
    /// The winner's noise levels σ/α, one per line, noisiest first: what `--grid sigmas:FILE` reads.
    pub fn sigmas(&self) -> String {
        self.winner().map(|(_, best)| sigma_lines(&best.grid)).unwrap_or_default()
    }

    /// Whether the winner holds on the data that it was tried on, in a sentence.
    #[cfg(feature = "dense")]
    fn verdict(&self) -> Option<String> {
        let found = self.verification.as_ref()?;
        let (winner, best) = self.winner()?;
        let ran = |is: &dyn Fn(&str, &str) -> bool| {
            found.checks.iter().find_map(|c| {
                let rule = &found.places[c.place].setting.rule_label;
                c.result.as_ref().ok().filter(|_| is(&c.sampler, rule))
            })
        };
        let own = ran(&|sampler, rule| sampler == winner.label && rule == best.label)?;
        let usual = ran(&|sampler, rule| sampler == USUAL && rule == "karras")?;
        let ((a, da), (b, db)) = (own.error(), usual.error());
        let short = |value: f64| Style::Significant(3).label(value).plain().to_string();
        let off = (da * da + db * db).sqrt();
        let verdict = match () {
            () if own.distances().is_some() != usual.distances().is_some() => {
                "rules with and without noise are measured differently"
            }
            () if b - a > 2.0 * off => "the recommendation holds there",
            () if a - b > 2.0 * off => {
                "the recommendation does not hold there: take what is better"
            }
            () => "they do not differ there by more than two standard errors",
        };
        Some(format!(
            "tried on {}, which is not Gaussian: {} ± {} against {} ± {} of {USUAL} on karras; {verdict}",
            found.law,
            short(a),
            short(da),
            short(b),
            short(db)
        ))
    }

    /// What candidates are compared by, in words.
    pub(super) fn error_name(&self) -> &str {
        match &self.options.objective.0[..] {
            _ if self.is_expected() => "expected error",
            "w2" => "W2",
            label => label,
        }
    }

    /// The answer in one sentence.
    pub fn answer(&self) -> String {
        let Some((winner, best)) = self.winner() else { return String::new() };
        let short = |value: f64| Style::Significant(3).label(value).plain().to_string();
        let times = match &best.label[..] {
            OPTIMISED => "times optimised for this spectrum".to_string(),
            label => format!("the {label} schedule"),
        };
        let against = match self.usual.get(&self.budget) {
            Some(usual) => {
                let ratio = short(rounded(usual.error / best.error));
                format!(
                    ", {ratio} times less than the usual dpmpp-2m on karras within {} NFE ({})",
                    self.budget,
                    short(usual.error)
                )
            }
            None => String::new(),
        };
        let steps = Length::Steps(winner.steps);
        format!(
            "Use {} with {steps} ({} NFE) on {times}: {} {} on {}{against}.",
            winner.label,
            winner.nfe,
            self.error_name(),
            short(best.error),
            match self.options.network.is_exact() {
                true => self.diffusion.spectrum.name().to_string(),
                false => format!(
                    "{} with network {}",
                    self.diffusion.spectrum.name(),
                    self.options.network.label
                ),
            },
        )
    }

    fn ranking_table(&self, top: usize) -> Table {
        let cell = |timed: &Option<Timed>, is_best: bool| match timed {
            Some(t) if is_best => Cell::best(t.error, Style::Significant(4)),
            Some(t) => Cell::number(t.error, Style::Significant(4)),
            None => Cell::Empty,
        };
        let name = self.error_name();
        let has_w2 = name != "W2";
        let mut columns = vec![
            Column::new("sampler", Align::Left),
            Column::new("steps", Align::Right),
            Column::new("NFE", Align::Right),
            Column::new("standard schedule", Align::Left),
            Column::new(name, Align::Right),
            Column::new("optimised", Align::Right),
            Column::new("network 1% off", Align::Right),
        ];
        let has_guided = self.guided.iter().any(Option::is_some);
        if has_guided {
            columns.push(Column::new(format!("guidance {GUIDANCE}"), Align::Right));
        }
        if has_w2 {
            columns.push(Column::new("W2", Align::Right));
        }
        let shown = if top == 0 { usize::MAX } else { top };
        let ranking = self.ranking();
        let rows = ranking.iter().enumerate().take(shown).map(|(i, c)| {
            let is = |timed: &Option<Timed>| {
                i == 0 && timed.as_ref().is_some_and(|t| t.error == c.error())
            };
            let standard = c.standard.as_ref().map_or("", |t| &t.label);
            let mut cells = vec![
                Cell::text(c.label.clone()),
                Cell::number(c.steps as f64, Style::Integer),
                Cell::number(c.nfe as f64, Style::Integer),
                Cell::text(standard),
                cell(&c.standard, is(&c.standard)),
                cell(&c.optimised, is(&c.optimised)),
                match self.off.get(i) {
                    Some(off) => Cell::number(*off, Style::Significant(4)),
                    None => Cell::Empty,
                },
            ];
            if has_guided {
                cells.push(match self.guided.get(i) {
                    Some(Some(w2)) => Cell::number(*w2, Style::Significant(4)),
                    _ => Cell::Empty,
                });
            }
            if has_w2 {
                cells.push(match c.best() {
                    Some(best) => Cell::number(best.w2, Style::Significant(4)),
                    None => Cell::Empty,
                });
            }
            Row::new(cells)
        });
        let s = &self.diffusion;
        let mut notes = vec![format!(
            "{} within {} NFE, on {} (d = {}), {}, init {}, eps {}",
            match ranking.len() {
                1 => "1 sampler".to_string(),
                n => format!("the best of {n} samplers"),
            },
            self.budget,
            s.spectrum.name(),
            s.spectrum.dim(),
            s.process_label,
            self.options.init.0,
            self.options.eps,
        )];
        match self.is_expected() {
            true => notes.push(format!(
                "{EXPECTED}; W2: on the better schedule, if data and network are {}",
                if self.options.network.is_exact() {
                    "exactly Gaussian"
                } else {
                    "what they are said to be"
                }
            )),
            false => notes.extend(advice(self.cancellation)),
        }
        notes.extend(self.winner().and_then(|(_, best)| start_note(self.start, best.w2)));
        if let Some((winner, Timed { label, .. })) = self.winner()
            && label == OPTIMISED
        {
            let modes = self.diffusion.spectrum.modes().len();
            notes.extend(one_eigenvalue(modes, winner.steps.saturating_sub(1)));
            notes.extend(self.run().and_then(|run| on_trained_networks(&run)));
        }
        #[cfg(feature = "dense")]
        notes.extend(self.verdict());
        if self.interrupted {
            notes.push(INTERRUPTED.into());
        }
        notes.push(
            "network off by δ: the eigenvalues that it has learnt are multiplied by e^(δz), with an independent standard normal z for each eigenvector; the value is the root mean square of the error over z, on the better schedule"
                .into(),
        );
        if has_guided {
            notes.push(format!(
                "guidance {GUIDANCE}: what is left to the exact solution under classifier-free guidance of that scale, towards a class with half of the variance of every eigenvector (W2, rules without noise)"
            ));
        }
        let mut grouped: Vec<(String, Vec<&str>)> = Vec::new();
        for (label, error) in &self.failures {
            let reason = reason(error);
            match grouped.iter_mut().find(|(r, _)| *r == reason) {
                Some((_, labels)) => labels.push(label),
                None => grouped.push((reason, vec![label])),
            }
        }
        notes.extend(
            grouped
                .iter()
                .map(|(reason, labels)| format!("cannot run: {}: {reason}", labels.join("; "))),
        );
        Table { title: self.answer(), columns, rows: rows.collect(), notes }
    }

    fn front_table(&self) -> Table {
        let error = |value: f64| Cell::number(value, Style::Significant(4));
        let rows = self.front().into_iter().map(|(budget, c, is_new)| {
            let standard = self.candidates[&budget]
                .iter()
                .filter_map(|c| Some((c, c.standard.as_ref()?)))
                .min_by(|a, b| a.1.error.total_cmp(&b.1.error));
            let (name, value) = match standard {
                Some((c, t)) => (format!("{}, {}", c.label, t.label), error(t.error)),
                None => (String::new(), Cell::Empty),
            };
            Row::new([
                Cell::number(budget as f64, Style::Integer),
                Cell::text(if is_new { c.label.clone() } else { format!("({})", c.label) }),
                Cell::number(c.nfe as f64, Style::Integer),
                error(c.error()),
                Cell::text(name),
                value,
                self.usual.get(&budget).map_or(Cell::Empty, |u| error(u.error)),
            ])
        });
        let rows: Vec<Row> = rows.collect();
        let mut notes = vec!["usual: dpmpp-2m on karras within the same budget".to_string()];
        if self.front().iter().any(|(.., is_new)| !is_new) {
            notes.push("in parentheses: a smaller budget has a smaller error".into());
        }
        let columns = [
            ("budget", Align::Right),
            ("best", Align::Left),
            ("NFE", Align::Right),
            (self.error_name(), Align::Right),
            ("best on a standard schedule", Align::Left),
            (self.error_name(), Align::Right),
            ("usual", Align::Right),
        ];
        Table {
            title: "Pareto front: error against network evaluations (NFE)".into(),
            columns: columns.map(|(label, align)| Column::new(label, align)).into(),
            rows,
            notes,
        }
    }

    /// What the network's errors do, in a sentence.
    fn tolerance(&self) -> String {
        let percent = |delta: f64| Style::Significant(2).label(100.0 * delta).plain().to_string();
        let short = |value: f64| Style::Significant(3).label(value).plain().to_string();
        match &self.challenge {
            Some(c) => format!(
                "the winner stays the best until the network is off by about {}%: then {} ({}) has {}, the winner {}",
                percent(c.delta),
                c.sampler,
                c.schedule,
                short(c.error),
                short(c.winner),
            ),
            None if self.interrupted => "interrupted before other networks were tried".into(),
            None => format!(
                "the winner stays the best with a network that is off by up to {}%",
                percent(DELTAS[DELTAS.len() - 1])
            ),
        }
    }

    fn limits_table(&self) -> Table {
        let l = &self.limits;
        let discretization =
            l.discretization.as_ref().map(|v| v.value).map_err(ToString::to_string);
        let parts = [
            ("initialization", Ok(l.initialization.value)),
            ("truncation", Ok(l.truncation.value)),
            ("discretization", discretization.clone()),
        ];
        let score = l.score.map(|score| ("score", Ok(score.value)));
        let mut notes = Vec::new();
        let rows = parts.into_iter().chain(score).map(|(name, value)| {
            let cell = match value {
                Ok(value) => Cell::number(value, Style::Significant(4)),
                Err(error) => {
                    notes.push(format!("{name}: {error}"));
                    Cell::Empty
                }
            };
            Row::new([Cell::text(name), cell])
        });
        let rows = rows.collect();
        if let Some((_, best)) = self.winner() {
            let finite = [
                ("initialization", l.initialization.value),
                ("truncation", l.truncation.value),
                ("discretization", discretization.unwrap_or(0.0)),
            ];
            // What is meant to cancel, by times that were optimised for it, is no luck.
            if let Some((name, part)) = finite.iter().find(|(_, part)| best.w2 < 0.5 * part) {
                let short = |value: f64| Style::Significant(3).label(value).plain().to_string();
                notes.push(format!(
                    "errors cancel: the whole, {}, is below the {name} error alone, {}",
                    short(best.w2),
                    short(*part)
                ));
            }
        }
        notes.push(self.tolerance());
        Table {
            title: "What limits the winner: each source of error alone".into(),
            columns: vec![Column::new("source", Align::Left), Column::new("W2", Align::Right)],
            rows,
            notes,
        }
    }

    fn skips_table(&self) -> Table {
        let number = |value: f64| Cell::number(value, Style::Significant(4));
        let count = |value: usize| Cell::number(value as f64, Style::Integer);
        let whole = self.skips.first().map_or(f64::NAN, |s| s.error);
        let rows = evenly(self.skips.len(), 12).into_iter().map(|i| {
            let s = &self.skips[i];
            let change = Cell::number(s.error - whole, Style::Significant(3));
            Row::new([number(s.sigma), count(s.steps), count(s.saved), number(s.error), change])
        });
        let columns = ["sigma_skip", "steps skipped", "NFE saved", "W2", "change"];
        Table {
            title: "Teleportation: beginning at a level of the winner's schedule".into(),
            columns: columns.map(|c| Column::new(c, Align::Right)).into(),
            rows: rows.collect(),
            notes: vec![
                "the state goes from the first level to sigma_skip by the solution of the ODE for Gaussian data (arXiv 2412.09726); for real data the error of the Gaussian approximation comes on top".into(),
            ],
        }
    }

    fn records(&self) -> Records {
        let columns = [
            "budget",
            "rank",
            "sampler",
            "steps",
            "nfe",
            "standard",
            "standard_w2",
            "optimised_w2",
            "standard_error",
            "optimised_error",
        ];
        let rows = self.candidates.iter().flat_map(|(budget, found)| {
            found.iter().enumerate().map(|(rank, c)| {
                let number = |t: &Option<Timed>, of: fn(&Timed) -> f64| match t {
                    Some(t) => Field::Number(of(t)),
                    None => Field::Missing,
                };
                let label = c.standard.as_ref().map(|t| Field::Text(t.label.clone()));
                vec![
                    Field::Count(*budget as u64),
                    Field::Count(rank as u64 + 1),
                    Field::Text(c.label.clone()),
                    Field::Count(c.steps as u64),
                    Field::Count(c.nfe as u64),
                    label.unwrap_or(Field::Missing),
                    number(&c.standard, |t| t.w2),
                    number(&c.optimised, |t| t.w2),
                    number(&c.standard, |t| t.error),
                    number(&c.optimised, |t| t.error),
                ]
            })
        });
        Records { columns: columns.map(String::from).into(), rows: rows.collect() }
    }

    fn json(&self) -> serde_json::Value {
        let mut document = self.diffusion.json();
        let mut put = |key: &str, value: serde_json::Value| {
            document.insert(key.into(), value);
        };
        put("command", json!("recommend"));
        put("init", json!(self.options.init.0));
        if !self.options.network.is_exact() {
            put("network", json!(self.options.network.label));
        }
        put("objective", json!(self.options.objective.0));
        put("compared_by", json!(self.error_name()));
        put("eps", json!(self.options.eps));
        put("min_ratio", json!(self.options.min_ratio));
        put("budget", json!(self.budget));
        put("interrupted", json!(self.interrupted));
        put("answer", json!(self.answer()));
        let candidate = |c: &Candidate| {
            let standard = c.standard.as_ref();
            json!({
                "sampler": c.label,
                "steps": c.steps,
                "nfe": c.nfe,
                "standard": standard.map(|t| &t.label),
                "standard_error": standard.map(|t| number(t.error)),
                "optimised_error": c.optimised.as_ref().map(|t| number(t.error)),
                "standard_w2": standard.map(|t| number(t.w2)),
                "optimised_w2": c.optimised.as_ref().map(|t| number(t.w2)),
            })
        };
        if let Some((winner, best)) = self.winner() {
            let mut entry = candidate(winner);
            entry["schedule"] = json!(best.label);
            entry["error"] = number(best.error);
            entry["w2"] = number(best.w2);
            let levels = best.grid.levels();
            entry["times"] = levels.iter().map(|l| json!(l.t)).collect();
            entry["sigmas"] = levels.iter().map(|l| number(l.noise_ratio())).collect();
            put("winner", entry);
        }
        let of_usual = |budget: usize, of: fn(&Timed) -> f64| {
            self.usual.get(&budget).map_or(json!(null), |u| number(of(u)))
        };
        put("usual_error", of_usual(self.budget, |u| u.error));
        put("usual_w2", of_usual(self.budget, |u| u.w2));
        let ranking = self.ranking().iter().enumerate().map(|(i, c)| {
            let mut entry = candidate(c);
            entry["guidance_2"] = match self.guided.get(i) {
                Some(Some(w2)) => number(*w2),
                _ => json!(null),
            };
            entry["network_off_1_percent"] = self.off.get(i).map_or(json!(null), |o| number(*o));
            entry
        });
        put("ranking", ranking.collect());
        let failures = self.failures.iter();
        put(
            "failures",
            failures.map(|(s, e)| json!({"sampler": s, "reason": reason(e)})).collect(),
        );
        let front = self.front().into_iter().map(|(budget, c, is_new)| {
            let mut entry = candidate(c);
            entry["budget"] = json!(budget);
            entry["error"] = number(c.error());
            entry["w2"] = c.best().map_or(json!(null), |t| number(t.w2));
            entry["on_front"] = json!(is_new);
            entry["usual_error"] = of_usual(budget, |u| u.error);
            entry["usual_w2"] = of_usual(budget, |u| u.w2);
            entry
        });
        put("front", front.collect());
        put("cancellation", cancellation_json(self.cancellation));
        let l = &self.limits;
        put(
            "limits",
            json!({
                "initialization": number(l.initialization.value),
                "truncation": number(l.truncation.value),
                "discretization": l.discretization.as_ref().ok().map(|v| number(v.value)),
                "score": l.score.map(|v| number(v.value)),
            }),
        );
        let challenge = self.challenge.as_ref().map(|c| {
            json!({
                "delta": c.delta,
                "sampler": c.sampler,
                "schedule": c.schedule,
                "error": number(c.error),
                "winner_error": number(c.winner),
                "w2": number(c.w2[0]),
                "winner_w2": number(c.w2[1]),
            })
        });
        put("score_error", challenge.unwrap_or(json!(null)));
        let skips = self.skips.iter().map(|s| {
            json!({
                "sigma_skip": number(s.sigma),
                "steps_skipped": s.steps,
                "nfe_saved": s.saved,
                "w2": number(s.error),
            })
        });
        put("teleportation", skips.collect());
        #[cfg(feature = "dense")]
        if let Some(verification) = &self.verification {
            put("verification", verification.report().json());
        }
        document.into()
    }
}
