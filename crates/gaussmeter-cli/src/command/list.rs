use crate::failure::Failure;
use crate::output::Output;
use clap::{Args, ValueEnum};
use gaussmeter::entry::{Entry, Registry};
use gaussmeter::report::{Align, Cell, Column, Field, Records, Report, Row, Table};
use gaussmeter::{data, exact, experiment, grid, metric, process, sampler};
use serde_json::json;

/// Everything that has a name: samplers, processes, grids, spectra, initial laws, metrics
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gaussmeter list
  gaussmeter list samplers --format json")]
pub struct Arguments {
    /// What to list [default: all]
    what: Option<What>,
    #[command(flatten)]
    output: Output,
}

/// The samplers, with their parameters and sources
#[derive(Debug, Args)]
pub struct SamplersArguments {
    #[command(flatten)]
    output: Output,
}

impl From<SamplersArguments> for Arguments {
    fn from(a: SamplersArguments) -> Self {
        Arguments { what: Some(What::Samplers), output: a.output }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Samplers,
    Processes,
    Grids,
    Spectra,
    Inits,
    Metrics,
}

/// An entry without its type.
struct Listed {
    family: &'static str,
    name: &'static str,
    aliases: &'static [&'static str],
    order: Option<u8>,
    parameters: Vec<String>,
    summary: &'static str,
    source: &'static str,
}

fn listed<T: ?Sized>(registry: &Registry<T>) -> Vec<Listed> {
    let item = |e: &&'static Entry<T>| Listed {
        family: registry.family,
        name: e.name,
        aliases: e.aliases,
        order: e.order,
        parameters: e
            .parameters
            .iter()
            .map(|p| match p.default {
                Some(default) => format!("{}={default}: {} ({})", p.name, p.summary, p.kind.expected()),
                None => format!("{}=…: {} ({}, required)", p.name, p.summary, p.kind.expected()),
            })
            .collect(),
        summary: e.summary,
        source: e.source,
    };
    registry.entries.iter().map(item).collect()
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let families = [
        (What::Samplers, "Samplers", listed(&sampler::registry())),
        (What::Processes, "Processes", listed(&process::registry())),
        (What::Grids, "Grids", listed(&grid::registry())),
        (What::Spectra, "Spectra", listed(&data::registry())),
        (What::Inits, "Initial laws", listed(&exact::init_registry())),
        (What::Metrics, "Metrics", listed(&metric::registry())),
    ];
    let wanted: Vec<_> =
        families.into_iter().filter(|(w, _, _)| a.what.is_none_or(|what| what == *w)).collect();
    let all = || wanted.iter().flat_map(|(_, _, entries)| entries);
    let report = Report {
        tables: wanted.iter().map(|(_, title, entries)| table(title, entries)).collect(),
        records: Records {
            columns: ["family", "name", "aliases", "order", "parameters", "summary", "source"]
                .map(String::from)
                .into(),
            rows: all().map(record).collect(),
        },
        json: json!({
            "schema": experiment::SCHEMA,
            "command": "list",
            "entries": all().map(|e| json!({
                "family": e.family,
                "name": e.name,
                "aliases": e.aliases,
                "order": e.order,
                "parameters": e.parameters,
                "summary": e.summary,
                "source": e.source,
            })).collect::<Vec<_>>(),
        }),
    };
    a.output.write(&report)
}

fn table(title: &str, entries: &[Listed]) -> Table {
    let has_order = entries.iter().any(|e| e.order.is_some());
    let mut columns = vec![Column::new("name", Align::Left)];
    if has_order {
        columns.push(Column::new("order", Align::Right));
    }
    columns.extend([Column::new("what it is", Align::Left), Column::new("source", Align::Left)]);
    let row = |e: &Listed| {
        let name = [&[e.name], e.aliases].concat().join(", ");
        let mut cells = vec![Cell::text(name)];
        if has_order {
            cells.push(Cell::text(e.order.map_or(String::new(), |o| o.to_string())));
        }
        cells.extend([Cell::text(e.summary), Cell::text(e.source)]);
        Row::new(cells)
    };
    let notes = entries
        .iter()
        .flat_map(|e| e.parameters.iter().map(|p| format!("{}: {p}", e.name)))
        .collect();
    Table { title: title.into(), columns, rows: entries.iter().map(row).collect(), notes }
}

fn record(e: &Listed) -> Vec<Field> {
    vec![
        Field::Text(e.family.into()),
        Field::Text(e.name.into()),
        Field::Text(e.aliases.join(" ")),
        e.order.map_or(Field::Missing, |o| Field::Count(o.into())),
        Field::Text(e.parameters.join("; ")),
        Field::Text(e.summary.into()),
        Field::Text(e.source.into()),
    ]
}
