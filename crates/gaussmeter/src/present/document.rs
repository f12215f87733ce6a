//! What JSON documents have in common.

use super::quadrature::errors_json;
use crate::experiment::{Diffusion, SCHEMA, Setting};
use crate::report::number;
use crate::spectrum::Spectrum;
use serde_json::{Map, Value, json};

impl Diffusion {
    /// What every JSON document says of data and process.
    pub(crate) fn json(&self) -> Map<String, Value> {
        self.document(None)
    }

    fn document(&self, rule: Option<&str>) -> Map<String, Value> {
        let mut document = Map::new();
        let generator = concat!("gaussmeter ", env!("CARGO_PKG_VERSION"));
        document.insert("schema".into(), json!(SCHEMA));
        document.insert("generator".into(), json!(generator));
        document.insert("spectrum".into(), spectrum_json(&self.spectrum));
        document.insert("process".into(), json!(self.process_label));
        if let Some(rule) = rule {
            document.insert("grid_rule".into(), json!(rule));
        }
        if !self.process.notices().is_empty() {
            document.insert("process_notices".into(), self.process.notices().into());
        }
        document
    }
}

impl Setting {
    /// The network, unless it is the exact one.
    pub(super) fn add_network(&self, document: &mut Map<String, Value>) {
        if !self.network.is_exact() {
            document.insert("network".into(), json!(self.network.label));
        }
    }

    /// `, network gain:delta=0.01` for titles; nothing for the exact one.
    pub(super) fn with_network(&self) -> String {
        match self.network.is_exact() {
            true => String::new(),
            false => format!(", network {}", self.network.label),
        }
    }

    /// What every JSON document says of its setting.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let mut document = self.diffusion.document(Some(&self.rule_label));
        self.add_network(&mut document);
        document
    }
}

pub(super) fn spectrum_json(s: &Spectrum) -> Value {
    let mut document = json!({
        "name": s.name(),
        "provenance": s.provenance(),
        "dim": number(s.dim()),
        "modes": s.modes().len(),
        "trace": number(s.trace()),
        "null_dim": number(s.null_dim()),
    });
    if let Some(errors) = errors_json(s) {
        document["quadrature"] = errors;
    }
    document
}
