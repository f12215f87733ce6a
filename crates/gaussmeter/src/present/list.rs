//! Everything that has a name, as a document.

use crate::entry::{Entry, Parameter, Registry};
use crate::experiment::SCHEMA;
use crate::families::{Visit, families};
use crate::report::{Format, formats};
use serde_json::{Value, json};

/// A member of a registry, without its type.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its family, in words.
    pub family: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Its order of convergence.
    pub order: Option<u8>,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// What it is.
    pub summary: &'static str,
    /// Where it is from.
    pub source: &'static str,
}

/// A family: the word by which people ask for it, its heading, its members.
pub type Family = (&'static str, &'static str, Vec<Listed>);

#[derive(Default)]
struct Families(Vec<Family>);

impl Visit for Families {
    fn visit<T: ?Sized + 'static>(
        &mut self,
        plural: &'static str,
        title: &'static str,
        registry: &Registry<T>,
    ) {
        let item = |e: &&'static Entry<T>| Listed {
            family: registry.family,
            name: e.name,
            aliases: e.aliases,
            order: e.order,
            parameters: e.parameters,
            summary: e.summary,
            source: e.source,
        };
        self.0.push((plural, title, registry.entries.iter().map(item).collect()));
    }
}

/// The families of the library, in the order in which lists show them.
pub fn listed() -> Vec<Family> {
    let mut all = Families::default();
    families(&mut all);
    all.0.push(("formats", "Formats of results", outputs()));
    all.0
}

/// The formats that results are written in.
fn outputs() -> Vec<Listed> {
    let item = |f: &Format| Listed {
        family: "format",
        name: f.name,
        aliases: &[],
        order: None,
        parameters: &[],
        summary: f.summary,
        source: "",
    };
    formats().into_iter().map(item).collect()
}

/// The document of `gaussmeter list`.
pub fn list_document<'a>(entries: impl IntoIterator<Item = &'a Listed>) -> Value {
    json!({
        "schema": SCHEMA,
        "generator": concat!("gaussmeter ", env!("CARGO_PKG_VERSION")),
        "command": "list",
        "entries": entries.into_iter().map(entry).collect::<Vec<_>>(),
    })
}

fn entry(e: &Listed) -> Value {
    let parameter = |p: &Parameter| {
        json!({
            "name": p.name,
            "default": p.default,
            "expected": p.kind.expected(),
            "summary": p.summary,
        })
    };
    json!({
        "family": e.family,
        "name": e.name,
        "aliases": e.aliases,
        "order": e.order,
        "parameters": e.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "summary": e.summary,
        "source": e.source,
    })
}
