use crate::failure::Failure;
use crate::output::Output;
use clap::Args;
use clap::builder::PossibleValuesParser;
use gaussmeter::entry::{Kind, Parameter};
use gaussmeter::families::{Family, Listed, list_document, listed};
use gaussmeter::report::{Align, Cell, Column, Field, Forms, Records, Row, Table, wrap};

/// Everything that has a name: samplers, processes, grids, spectra, initial laws, metrics, objectives, formats
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gaussmeter list
  gaussmeter list spectra
  gaussmeter list processes --format json")]
pub struct Arguments {
    /// What to list [default: all]
    #[arg(value_parser = plurals())]
    what: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// The samplers, with their parameters and sources
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gaussmeter samplers
  gaussmeter samplers --format markdown")]
pub struct SamplersArguments {
    #[command(flatten)]
    output: Output,
}

impl From<SamplersArguments> for Arguments {
    fn from(a: SamplersArguments) -> Self {
        Arguments { what: Some("samplers".into()), output: a.output }
    }
}

/// All families that can be listed.
fn all() -> Vec<Family> {
    #[cfg_attr(not(feature = "data"), expect(unused_mut))]
    let mut all = listed();
    #[cfg(feature = "data")]
    all.push(("formats", "Formats of data sets", gaussmeter_data::source::listed()));
    all
}

/// The words for them.
fn plurals() -> PossibleValuesParser {
    let mut plurals: Vec<&str> = all().into_iter().map(|(plural, ..)| plural).collect();
    plurals.dedup();
    PossibleValuesParser::new(plurals)
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format_of_tables()?;
    let width = a.output.width()?;
    let mut wanted = all();
    wanted.retain(|(plural, ..)| a.what.as_deref().is_none_or(|what| what == *plural));
    let all = || wanted.iter().flat_map(|(_, _, entries)| entries);
    let report = Forms {
        tables: wanted.iter().map(|(_, title, entries)| table(title, entries, width)).collect(),
        records: Records {
            columns: ["family", "name", "aliases", "order", "parameters", "summary", "source"]
                .map(String::from)
                .into(),
            rows: all().map(record).collect(),
        },
        json: list_document(all()),
        ..Forms::default()
    };
    a.output.write(&report)
}

/// A rule above each entry; its parameters, with their meanings, below its name.
fn table(title: &str, entries: &[Listed], width: usize) -> Table {
    let has_order = entries.iter().any(|e| e.order.is_some());
    // Long settings leave less room for their meaning in 80 columns, of which 52 are for words and
    // 9 for order and gaps.
    let settings = entries.iter().flat_map(|e| e.parameters).map(|p| setting(p).len() + 2);
    let widest = entries.iter().map(|e| e.name.len()).chain(settings).max().unwrap_or(0);
    let width = if width == usize::MAX {
        width
    } else {
        width.min((width + 19).saturating_sub(widest).max(16))
    };
    let mut columns = vec![Column::new("name", Align::Left)];
    if has_order {
        columns.push(Column::new("order", Align::Right));
    }
    columns.push(Column::new("what it is", Align::Left));

    let mut rows = Vec::new();
    for e in entries {
        let mut rule_above = true;
        let mut add = |name: &str, order: Option<u8>, text: &str| {
            for (i, line) in wrap(text, width).into_iter().enumerate() {
                let is_first = i == 0;
                let mut cells = vec![if is_first { Cell::text(name) } else { Cell::Empty }];
                if has_order {
                    let order = order.filter(|_| is_first);
                    cells.push(order.map_or(Cell::Empty, |o| Cell::text(o.to_string())));
                }
                cells.push(Cell::text(line));
                rows.push(Row { rule_above, cells });
                rule_above = false;
            }
        };
        add(e.name, e.order, e.summary);
        if !e.source.is_empty() {
            add("", None, &format!("source: {}", e.source));
        }
        if !e.aliases.is_empty() {
            add("", None, &format!("also: {}", e.aliases.join(", ")));
        }
        for p in e.parameters {
            add(&format!("  {}", setting(p)), None, &explained(p));
        }
    }
    Table { title: title.into(), columns, rows, notes: Vec::new() }
}

/// `key=default`, as it would be typed; `key=…` is required.
fn setting(p: &Parameter) -> String {
    format!("{}={}", p.name, p.default.unwrap_or("…"))
}

fn explained(p: &Parameter) -> String {
    match p.kind {
        Kind::Text => p.summary.into(),
        _ => format!("{} ({})", p.summary, p.kind.expected()),
    }
}

fn record(e: &Listed) -> Vec<Field> {
    let parameters: Vec<String> =
        e.parameters.iter().map(|p| format!("{}: {}", setting(p), explained(p))).collect();
    vec![
        Field::Text(e.family.into()),
        Field::Text(e.name.into()),
        Field::Text(e.aliases.join(" ")),
        e.order.map_or(Field::Missing, |o| Field::Count(o.into())),
        Field::Text(parameters.join("; ")),
        Field::Text(e.summary.into()),
        Field::Text(e.source.into()),
    ]
}
