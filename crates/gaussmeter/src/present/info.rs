//! What is known about a spectrum or a file.

use super::document::spectrum_json;
use super::figure;
use crate::data::Archive;
use crate::data::info::{Info, MOMENTS, Subject};
use crate::experiment::{NoiseLevels, SCHEMA};
use crate::report::{
    Align, Cell, Column, Field, Figure, Label, Records, Report, Row, Sketch, Style, Table, number,
    wrap,
};
use crate::spectrum::Spectrum;
use crate::summary::{Summary, ranked};
use serde_json::{Map, Value, json};

/// The version of the descriptions in files that is known here.
const VERSION: u64 = 1;

/// Names and what they stand for.
type Words = Vec<(String, String)>;

const EXPONENT: &str = "power_law_exponent";

/// Longest text shown of a description, in characters.
const LONGEST: usize = 400;

/// Most entries shown of a description that are not known here.
const MOST: usize = 16;

/// A number of a report.
struct Quantity {
    key: &'static str,
    name: &'static str,
    value: Option<f64>,
    count: bool,
    definition: Label,
    rule_above: bool,
}

impl Quantity {
    fn below_rule(self) -> Self {
        Quantity { rule_above: true, ..self }
    }
}

impl Info {
    /// Everything known, in all formats, with the noise levels that the data call for. Words are wrapped
    /// to `width`; the sketch is of ASCII characters if `ascii`, else of Braille.
    pub fn report<'a>(
        &'a self,
        levels: Option<&'a NoiseLevels>,
        width: usize,
        ascii: bool,
    ) -> impl Report + 'a {
        InfoReport { info: self, levels, width, ascii }
    }
}

struct InfoReport<'a> {
    info: &'a Info,
    levels: Option<&'a NoiseLevels>,
    width: usize,
    ascii: bool,
}

impl Report for InfoReport<'_> {
    fn tables(&self) -> Vec<Table> {
        let (words, mut notices) = self.words();
        match &self.info.subject {
            Subject::Spectrum(known) => {
                let (s, summary) = &**known;
                let title = format!("Spectrum of {}", s.name());
                let words = table_of_words(title, &words, self.width, notices);
                let levels = self.levels.map(NoiseLevels::table);
                [words, numbers(summary), distribution(summary)].into_iter().chain(levels).collect()
            }
            Subject::Moments(name) => {
                notices.push(
                    "moments are the sums over a data set or a part of it: `gaussmeter merge` makes a \
                     spectrum of one file of them or of several"
                        .into(),
                );
                let title = format!("Moments in {name}");
                vec![table_of_words(title, &words, self.width, notices)]
            }
        }
    }

    fn sketches(&self) -> Vec<Sketch> {
        match &self.info.subject {
            Subject::Spectrum(known) => vec![sketch(&known.0, &known.1, self.ascii)],
            Subject::Moments(_) => Vec::new(),
        }
    }

    fn figures(&self) -> Vec<Figure> {
        match &self.info.subject {
            Subject::Spectrum(known) => vec![figure::info::spectrum(&known.0, &known.1)],
            Subject::Moments(_) => Vec::new(),
        }
    }

    fn records(&self) -> Records {
        match &self.info.subject {
            Subject::Spectrum(known) => records(&known.0, &known.1),
            Subject::Moments(_) => {
                let field = |text: &String| Field::Text(text.clone());
                let row = |(item, value): &(String, String)| vec![field(item), field(value)];
                Records {
                    columns: vec!["item".into(), "value".into()],
                    rows: self.words().0.iter().map(row).collect(),
                }
            }
        }
    }

    fn json(&self) -> Value {
        let (kind, spectrum, numbers) = match &self.info.subject {
            Subject::Spectrum(known) => {
                ("spectrum", spectrum_json(&known.0), json_numbers(&known.1))
            }
            Subject::Moments(_) => ("moments", Value::Null, Map::new()),
        };
        let file = self.info.file.as_ref().map(|archive| {
            let meta = archive.meta.as_ref().and_then(|meta| meta.as_ref().ok());
            json!({
                "arrays": archive.arrays,
                "basis": basis(archive),
                "meta": meta.filter(|meta| is_ours(meta)),
            })
        });
        let mut document = json!({
            "schema": SCHEMA,
            "generator": concat!("gaussmeter ", env!("CARGO_PKG_VERSION")),
            "command": "info",
            "kind": kind,
            "spectrum": spectrum,
        });
        for (key, value) in numbers {
            document[key] = value;
        }
        document["noise_levels"] = self.levels.map_or(Value::Null, NoiseLevels::json);
        document["notices"] = json!(self.words().1);
        document["file"] = json!(file);
        document
    }
}

impl InfoReport<'_> {
    /// What is known in words, and what one should know about it.
    fn words(&self) -> (Words, Vec<String>) {
        let mut words: Words = Vec::new();
        let mut notices: Vec<String> = Vec::new();
        match &self.info.subject {
            Subject::Spectrum(known) => {
                let s = &known.0;
                words.push(("name".into(), s.name().into()));
                words.push(("provenance".into(), s.provenance().into()));
                notices.extend(s.notices().iter().map(ToString::to_string));
            }
            Subject::Moments(name) => words.push(("name".into(), name.into())),
        }
        let (said, doubts) = self.said();
        words.extend(said);
        notices.extend(doubts);
        (words, notices)
    }

    /// What the file says about itself, and what is wrong with that.
    fn said(&self) -> (Words, Vec<String>) {
        let Some(archive) = &self.info.file else { return Default::default() };
        let meta = match &archive.meta {
            Some(Ok(meta)) if is_ours(meta) => meta,
            Some(Ok(_)) => {
                let doubt = "the array 'meta' was not written by gaussmeter: not shown";
                return (Vec::new(), vec![doubt.into()]);
            }
            Some(Err(reason)) => {
                let doubt = format!("the array 'meta' cannot be read: {}", excerpt(reason));
                return (Vec::new(), vec![doubt]);
            }
            None => return Default::default(),
        };
        let mut words = described(meta);
        if archive.content() != Some(MOMENTS) {
            let basis = basis(archive).map(|name| format!("stored in array '{name}'"));
            words.push(("basis".into(), basis.unwrap_or_else(|| "not stored".into())));
        }
        let found = meta.get("version").unwrap_or(&Value::Null);
        let doubt = (*found != json!(VERSION)).then(|| {
            let found = excerpt(&found.to_string());
            format!("the description has version {found}, not {VERSION}: it may be misread")
        });
        (words, doubt.into_iter().collect())
    }
}

/// The array that leads from eigenvalues back to data: eigenvectors; or, where the basis is
/// Fourier's, the texton or the covariance of the channels per frequency.
fn basis(archive: &Archive) -> Option<&'static str> {
    ["basis", "texton", "spectral_matrix"].into_iter().find(|name| archive.has(name))
}

fn json_numbers(s: &Summary) -> Map<String, Value> {
    let (mut numbers, mut reasons) = (Map::new(), Map::new());
    let mut add = |key: &str, value: Value| numbers.insert(key.into(), value);
    add("distinct", s.distinct.into());
    for q in quantities(s) {
        if let Some(reason) = reason(&q, s) {
            reasons.insert(q.key.into(), reason.into());
        }
        // Three are in every document.
        if !matches!(q.key, "distinct" | "dim" | "trace" | "null_dim" | EXPONENT) {
            add(q.key, q.value.map_or(Value::Null, number));
        }
    }
    let law = match &s.power_law {
        Ok(law) => json!({
            "exponent": law.exponent,
            "r_squared": law.r_squared,
            "first_rank": law.first,
            "last_rank": law.last,
        }),
        Err(why) => {
            reasons.insert("power_law".into(), why.to_string().into());
            Value::Null
        }
    };
    let pairs = |list: &[(f64, f64)], value: &str| -> Value {
        list.iter().map(|(p, v)| json!({ "percent": p, value: number(*v) })).collect()
    };
    add("power_law", law);
    add("variance_modes", pairs(&s.variance_modes, "modes"));
    add("percentiles", pairs(&s.percentiles, "eigenvalue"));
    add("reasons", reasons.into());
    numbers
}

/// Why a number is infinite or missing.
fn reason(q: &Quantity, s: &Summary) -> Option<String> {
    match q.value {
        None => Some("all eigenvalues are 0".into()),
        Some(v) if !v.is_infinite() => None,
        _ if q.key == "condition" && s.null_dim > 0.0 => {
            Some(format!("the smallest eigenvalue is 0 ({})", null_modes(s)))
        }
        _ => Some("beyond the range of 64-bit floats".into()),
    }
}

fn null_modes(s: &Summary) -> String {
    format!("{} null mode{}", count(s.null_dim).plain(), if s.null_dim == 1.0 { "" } else { "s" })
}

/// Whole, or nearly so where multiplicities are fractional.
fn count(value: f64) -> Label {
    let style = match (value - value.round()).abs() <= 1e-9 * value {
        true => Style::Integer,
        false => Style::Significant(6),
    };
    style.label(value)
}

fn quantities(s: &Summary) -> Vec<Quantity> {
    let quantity = |key, name, value: Option<f64>, definition: &str| Quantity {
        key,
        name,
        value,
        count: false,
        definition: definition.into(),
        rule_above: false,
    };
    let counted = |key, name, value, definition: &str| Quantity {
        count: true,
        ..quantity(key, name, Some(value), definition)
    };
    let ranks = s.effective_ranks;
    let mut quantities = vec![
        counted("dim", "dimension d", s.dim, ""),
        counted("distinct", "distinct eigenvalues", s.distinct as f64, ""),
        counted("rank", "rank", s.rank, ""),
        counted("null_dim", "null dimension", s.null_dim, ""),
        quantity("trace", "total variance", Some(s.trace), "tr Σ").below_rule(),
        quantity("trace_per_dim", "  per dimension", Some(s.trace_per_dim), "tr Σ / d"),
        quantity("sigma_data", "  σ_data", Some(s.trace_per_dim.sqrt()), "√(tr Σ / d)"),
        quantity("mean_norm", "length of the mean", Some(s.mean_norm), "‖μ‖"),
        quantity("highest", "largest eigenvalue", Some(s.highest), "λmax"),
        quantity("lowest_nonzero", "smallest nonzero", s.lowest_nonzero, "λmin⁺"),
        quantity("condition", "condition number", s.condition, "λmax / λmin"),
        quantity("condition_nonzero", "  of nonzero modes", s.condition_nonzero, "λmax / λmin⁺"),
        quantity(
            "entropy_rank",
            "effective rank",
            ranks.map(|r| r.entropy_rank),
            "exp(−∑ p ln p), p = λ / tr Σ",
        )
        .below_rule(),
        quantity(
            "participation_ratio",
            "participation ratio",
            ranks.map(|r| r.participation_ratio),
            "(tr Σ)² / tr Σ²",
        ),
        quantity("stable_rank", "stable rank", ranks.map(|r| r.stable_rank), "tr Σ / λmax"),
    ];
    if let Ok(law) = &s.power_law {
        let (first, last) = (law.first, law.last);
        let fit = format!("over ranks {first} to {last}, R² = {:.3}", law.r_squared);
        let plain = format!("λₖ ∝ k^-a {fit}");
        let latex = format!(r"$\lambda_k \propto k^{{-a}}$ {}", Label::new(fit).latex());
        quantities.push(Quantity {
            definition: Label::new(plain).with_latex(latex),
            ..quantity(EXPONENT, "power-law exponent a", Some(law.exponent), "")
        });
    }
    quantities
}

fn table_of_words(
    title: String,
    words: &[(String, String)],
    width: usize,
    notes: Vec<String>,
) -> Table {
    let mut rows = Vec::new();
    for (name, value) in words {
        for (i, line) in wrap(value, width).into_iter().enumerate() {
            let name = if i == 0 { Cell::text(name.as_str()) } else { Cell::Empty };
            rows.push(Row::new([name, Cell::text(line)]));
        }
    }
    let columns = vec![Column::new("item", Align::Left), Column::new("what it is", Align::Left)];
    Table { title, columns, rows, notes }
}

fn numbers(s: &Summary) -> Table {
    let mut notes = Vec::new();
    let mut rows = Vec::new();
    for q in quantities(s) {
        let value = match q.value {
            Some(value) if q.count => Cell::text(count(value)),
            Some(value) => Cell::number(value, Style::Significant(6)),
            None => Cell::text("-"),
        };
        if let Some(reason) = reason(&q, s).filter(|_| q.value.is_some()) {
            notes.push(format!("{} is infinite: {reason}", q.name.trim()));
        }
        let cells = vec![Cell::text(q.name), value, Cell::text(q.definition.clone())];
        rows.push(Row { rule_above: q.rule_above, cells });
    }
    if s.lowest_nonzero.is_none() {
        notes.push("all eigenvalues are 0: ratios of them are not defined".into());
    }
    Table {
        title: String::new(),
        columns: vec![
            Column::new("quantity", Align::Left),
            Column::new("value", Align::Right),
            Column::new("definition", Align::Left),
        ],
        rows,
        notes,
    }
}

/// Shares of the variance and percentiles of the eigenvalues, side by side.
fn distribution(s: &Summary) -> Table {
    let percent = |p: f64| Cell::text(format!("{p} %"));
    let row = |i: usize| {
        let (p, eigenvalue) = s.percentiles[i];
        let mut cells = match s.variance_modes.get(i) {
            Some((share, modes)) => vec![percent(*share), Cell::text(count(*modes))],
            None => vec![Cell::Empty, Cell::Empty],
        };
        cells.extend([percent(p), Cell::number(eigenvalue, Style::Significant(6))]);
        Row::new(cells)
    };
    Table {
        title: String::new(),
        columns: vec![
            Column::new("variance", Align::Right).in_group("largest modes"),
            Column::new("modes", Align::Right).in_group("largest modes"),
            Column::new("of modes", Align::Right).in_group("percentiles"),
            Column::new("eigenvalue ≤", Align::Right).in_group("percentiles"),
        ],
        rows: (0..s.percentiles.len()).map(row).collect(),
        notes: Vec::new(),
    }
}

fn sketch(spectrum: &Spectrum, s: &Summary, ascii: bool) -> Sketch {
    let notes = match s.null_dim > 0.0 {
        true => vec![format!("{} not shown", null_modes(s))],
        false => Vec::new(),
    };
    let caption = format!("Eigenvalues by rank: {}.", Label::new(spectrum.name()).latex());
    Sketch {
        title: Label::new("Eigenvalues by rank, both logarithmic").with_latex(caption),
        x: Label::new("rank").with_latex("rank $k$"),
        y: Label::new("eigenvalue").with_latex(r"eigenvalue $\lambda_k$"),
        points: ranked(spectrum),
        notes,
        ascii,
    }
}

/// One row, so that the rows of several spectra make a table.
fn records(spectrum: &Spectrum, s: &Summary) -> Records {
    let number = |value: Option<f64>| value.map_or(Field::Missing, Field::Number);
    let mut columns = vec!["name".to_string()];
    let mut row = vec![Field::Text(spectrum.name().into())];
    let mut add = |name: String, value| {
        columns.push(name);
        row.push(number(value));
    };
    for q in quantities(s).iter().filter(|q| q.key != EXPONENT) {
        add(q.key.into(), q.value);
    }
    let law = s.power_law.ok();
    add(EXPONENT.into(), law.map(|l| l.exponent));
    add("power_law_r_squared".into(), law.map(|l| l.r_squared));
    add("power_law_first_rank".into(), law.map(|l| l.first));
    add("power_law_last_rank".into(), law.map(|l| l.last));
    for (i, share) in crate::summary::SHARES.iter().enumerate() {
        add(format!("modes_{share}"), s.variance_modes.get(i).map(|(_, modes)| *modes));
    }
    for (percent, eigenvalue) in &s.percentiles {
        add(format!("percentile_{percent}"), Some(*eigenvalue));
    }
    Records { columns, rows: vec![row] }
}

fn is_ours(meta: &Map<String, Value>) -> bool {
    meta.get("content").and_then(Value::as_str).is_some_and(|c| c.starts_with("gaussmeter "))
}

/// A description in words. What is not known here is shown as it is.
fn described(meta: &Map<String, Value>) -> Words {
    let mut words = Vec::new();
    let mut others = 0;
    for (key, value) in meta {
        let text = match (key.as_str(), value) {
            // What all of these say is said elsewhere.
            ("version" | "reason", _) | (_, Value::Null) => continue,
            ("provenance", _) if meta.contains_key("method") => continue,
            ("content", _) => plain(value).map(|what| ("content", what)),
            ("program", _) => plain(value).map(|who| ("written by", who)),
            ("description", _) => plain(value).map(|data| ("data", data)),
            ("count", _) => plain(value).map(|n| ("samples", n)),
            ("shape", _) => plain(value).map(|shape| ("shape of a sample", shape)),
            ("scale", _) => scale(value).map(|scale| ("scale", scale)),
            ("method", _) => plain(value).map(|method| {
                let reason = meta.get("reason").and_then(plain);
                ("method", reason.map_or(method.clone(), |reason| format!("{method}: {reason}")))
            }),
            ("channels", Value::Array(channels)) => {
                words.extend(channels.iter().take(MOST).enumerate().filter_map(channel));
                continue;
            }
            ("trace", _) => plain(value).map(|v| ("variance of the data", v)),
            ("rank", _) => plain(value).map(|rank| ("rank found", rank)),
            ("rounding", _) => {
                plain(value).map(|v| ("rounding", format!("errors of eigenvalues at most {v}")))
            }
            ("checks", Value::Object(checks)) => {
                let checks: Vec<_> =
                    checks.iter().filter_map(|(k, v)| Some(format!("{k} {}", plain(v)?))).collect();
                Some(("checks", format!("relative errors: {}", checks.join(", "))))
            }
            ("complete", Value::Bool(true)) => continue,
            ("complete", _) => {
                Some(("interrupted", "the run was stopped before its end".to_string()))
            }
            ("values", _) => plain(value).map(|values| ("type of the values", values)),
            ("parts", Value::Array(parts)) => {
                let part =
                    |p: &Value| Some(format!("{} of {}", plain(&p["index"])?, plain(&p["of"])?));
                let parts: Vec<_> = parts.iter().take(MOST).filter_map(part).collect();
                (!parts.is_empty()).then(|| ("parts", parts.join(", ")))
            }
            ("left_out", _) => value["count"].as_u64().filter(|n| *n > 0).map(|n| {
                let first =
                    plain(&value["first"]).map_or(String::new(), |first| format!(": {first}"));
                ("samples left out", format!("{n}{first}"))
            }),
            ("quadrature", Value::Array(estimates)) => {
                words.extend(estimates.iter().filter_map(estimate));
                continue;
            }
            _ if others == MOST => continue,
            _ => {
                others += 1;
                plain(value).map(|text| (key.as_str(), text))
            }
        };
        words.extend(text.map(|(name, text)| (excerpt(name), excerpt(&text))));
    }
    words
}

/// An entry of `channels`: `{mean, std, std_about_mean}`.
fn channel((k, entry): (usize, &Value)) -> Option<(String, String)> {
    let of = |key| plain(entry.get(key)?);
    let (mean, std, about) = (of("mean")?, of("std")?, of("std_about_mean")?);
    Some((
        format!("channel {}", k + 1),
        format!("mean {mean}, standard deviation {std} (σ_data), {about} about the mean image"),
    ))
}

/// An entry of `quadrature`: a name, and `{value, probes, steps}`.
fn estimate(entry: &Value) -> Option<(String, String)> {
    let name = excerpt(entry.get(0)?.as_str()?);
    let of = |key| plain(entry.get(1)?.get(key)?);
    let (value, probes, steps) = (of("value")?, of("probes")?, of("steps")?);
    Some((
        "quadrature".into(),
        format!("{name}: {value}, errors {probes} (probes), {steps} (steps)"),
    ))
}

fn scale(value: &Value) -> Option<String> {
    let (factor, offset) = (value.get("factor")?.as_f64()?, value.get("offset")?.as_f64()?);
    let sign = if offset < 0.0 { '−' } else { '+' };
    Some(format!("data = {factor} · stored {sign} {}", offset.abs()))
}

/// A scalar, or a short list of them.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(n) if n.is_f64() => {
            Some(Style::Significant(4).label(n.as_f64()?).plain().into())
        }
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(list) if list.len() <= 8 && !list.iter().any(Value::is_array) => {
            let list: Option<Vec<_>> = list.iter().map(plain).collect();
            Some(format!("[{}]", list?.join(", ")))
        }
        _ => None,
    }
}

/// The beginning of a text, fit for one line.
fn excerpt(text: &str) -> String {
    let mut start: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        start.push('…');
    }
    start.replace(char::is_control, " ")
}
