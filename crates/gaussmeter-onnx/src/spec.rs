//! The text form of a network in a file: `onnx:FILE,key=value,…`.

use crate::error::OnnxError;
use crate::network::OnnxNetwork;
use gaussmeter::entry::{Arguments, Entry, Kind, Parameter, Registry};

/// What the text form says; `auto` is what the file says, or the usual.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Path of the file.
    pub file: String,
    /// What it predicts.
    pub prediction: String,
    /// What it is told of the noise level.
    pub conditioning: String,
    /// The process that it was trained on.
    pub process: String,
    /// The class that samples are to be of.
    pub class: String,
    /// The class that stands for none.
    pub null: String,
    /// The weight of guidance.
    pub guidance: f64,
    /// Axes of one sample.
    pub layout: String,
    /// Samples that are run together.
    pub batch: usize,
}

/// The word for what the file says.
pub const AUTO: &str = "auto";

const PREDICTIONS: &[&str] =
    &[AUTO, "denoiser", "noise", "v-prediction", "velocity", "flow", "score"];

const CONDITIONINGS: &[&str] = &[
    AUTO,
    "sigma",
    "log-sigma",
    "log-sigma-over-4",
    "time",
    "time-times-999",
    "time-times-1000",
    "timestep",
];

/// Most samples that are run together.
pub(crate) const MOST_SAMPLES: usize = 4096;

const fn text(name: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text, default: Some(AUTO), summary }
}

/// The text form.
pub static ENTRY: Entry<Spec> = Entry {
    name: "onnx",
    aliases: &[],
    summary: "a trained network in an ONNX file; what its metadata do not say has to be said",
    source: "docs/onnx.md",
    order: None,
    parameters: &[
        Parameter { name: "file", kind: Kind::Text, default: None, summary: "the .onnx file" },
        Parameter {
            name: "prediction",
            kind: Kind::Choice(PREDICTIONS),
            default: Some(AUTO),
            summary: "what it predicts: denoised data, noise, … (auto: what the file says)",
        },
        Parameter {
            name: "conditioning",
            kind: Kind::Choice(CONDITIONINGS),
            default: Some(AUTO),
            summary: "what it is told: sigma is sigma/alpha, time that of the process, timestep its training timestep",
        },
        text(
            "process",
            "the process it was trained on (auto: what the file says, or data + sigma z)",
        ),
        text("class", "the class that samples are to be of, by number (auto: any)"),
        text("null", "the class number that stands for any (auto: what the file says)"),
        Parameter {
            name: "guidance",
            kind: Kind::Number { min: -100.0, max: 100.0 },
            default: Some("1"),
            summary: "classifier-free guidance: any + guidance (class - any)",
        },
        Parameter {
            name: "layout",
            kind: Kind::Choice(&["chw", "hwc"]),
            default: Some("chw"),
            summary: "axes of its pictures: channels first or last",
        },
        Parameter {
            name: "batch",
            kind: Kind::CountTo { min: 1, max: MOST_SAMPLES },
            default: Some("64"),
            summary: "samples that are run together",
        },
    ],
    build: |a| Ok(Box::new(spec(a))),
};

fn spec(a: &Arguments) -> Spec {
    let text = |key| a.text(key).to_string();
    Spec {
        file: text("file"),
        prediction: text("prediction"),
        conditioning: text("conditioning"),
        process: text("process"),
        class: text("class"),
        null: text("null"),
        guidance: a.number("guidance"),
        layout: text("layout"),
        batch: a.count("batch"),
    }
}

/// The one text form of networks in files.
pub fn registry() -> Registry<Spec> {
    Registry { family: "network", entries: vec![&ENTRY], refused: &[] }
}

/// Whether a text names a network in a file.
///
/// ```
/// assert!(gaussmeter_onnx::is_onnx("onnx:net.onnx,class=3"));
/// assert!(!gaussmeter_onnx::is_onnx("gain:delta=-0.05"));
/// ```
pub fn is_onnx(text: &str) -> bool {
    let name = text.split(':').next().unwrap_or_default();
    name.trim().eq_ignore_ascii_case(ENTRY.name)
}

impl OnnxNetwork {
    /// The network of a text form: `onnx:FILE`, with what its metadata do not say.
    ///
    /// # Errors
    /// [`OnnxError`]
    pub fn read(text: &str) -> Result<Self, OnnxError> {
        let named = registry().build(text)?;
        OnnxNetwork::load(*named.item, named.label)
    }
}
