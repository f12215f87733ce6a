//! One clear line per failure, with an exit code.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use gaussmeter::data::DataError;
use gaussmeter::entry::EntryError;
use gaussmeter::experiment::{DossierError, ExperimentError, SchedulesError};
use gaussmeter::export::ExportError;
use gaussmeter::message::{line, one_line};
use gaussmeter::report::ReportError;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

const SEE_HELP: &str = " (see --help)";

/// The commands of the features `data`, `serve` and `train`.
pub const OF_DATA: [&str; 12] = [
    "spectrum",
    "merge",
    "mixture",
    "empirical",
    "separable",
    "verify",
    "score-error",
    "distance",
    "texture",
    "sample",
    "serve",
    "train",
];

/// Why the command stops.
#[derive(Debug)]
pub enum Failure {
    /// The request cannot be met.
    Request(String),
    /// The request was not understood.
    Usage(String),
    /// Help or version was requested, or clap reports the error itself.
    Clap(clap::Error),
    /// The reader of our output has stopped reading: nothing to report.
    ClosedPipe,
}

impl Failure {
    pub fn request(error: &dyn Error) -> Self {
        Failure::Request(line(error))
    }
    pub fn usage(error: &dyn Error) -> Self {
        Failure::Usage(line(error))
    }
    pub fn from_clap(error: clap::Error) -> Self {
        Failure::Clap(error)
    }

    /// Prints the failure to stderr (help and version to stdout) and returns its exit code.
    pub fn report(self) -> ExitCode {
        let (text, code) = match self {
            Failure::ClosedPipe => return ExitCode::SUCCESS,
            Failure::Request(text) => (text, 1),
            Failure::Usage(text) => (text, 2),
            Failure::Clap(error) if is_help(&error) => {
                // A closed pipe is not our failure.
                let _ = error.print();
                return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
            }
            Failure::Clap(error) => (in_our_words(&error), 2),
        };
        let _ = writeln!(std::io::stderr(), "error: {}", one_line(&text));
        ExitCode::from(code)
    }
}

/// Whether it is help, requested or not, or the version.
fn is_help(error: &clap::Error) -> bool {
    !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// Clap's message in one line, in the words of the registries where both say the same.
fn in_our_words(error: &clap::Error) -> String {
    let get = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(list)) => list.join(", "),
        _ => String::new(),
    };
    let (unknown, suggested, known) = match error.kind() {
        ErrorKind::UnknownArgument => {
            let given = get(ContextKind::InvalidArg);
            let what = if given.starts_with('-') { "option" } else { "argument" };
            (format!("{what} '{given}'"), get(ContextKind::SuggestedArg), String::new())
        }
        ErrorKind::InvalidSubcommand => {
            let given = get(ContextKind::InvalidSubcommand);
            if cfg!(not(feature = "data")) && OF_DATA.contains(&&given[..]) {
                return format!(
                    "this build does not include '{given}' and the other commands that read data sets: build without --no-default-features"
                );
            }
            if cfg!(not(feature = "train")) && given == "train" {
                return "this build does not train networks: build with the feature 'train'".into();
            }
            (format!("command '{given}'"), get(ContextKind::SuggestedSubcommand), String::new())
        }
        ErrorKind::InvalidValue if !get(ContextKind::InvalidValue).is_empty() => {
            let (given, option) = (get(ContextKind::InvalidValue), get(ContextKind::InvalidArg));
            let option = option.split(' ').next().unwrap_or_default();
            let known = get(ContextKind::ValidValue);
            (format!("value '{given}' of {option}"), get(ContextKind::SuggestedValue), known)
        }
        ErrorKind::ValueValidation | ErrorKind::ArgumentConflict => return first_paragraph(error),
        _ => return first_paragraph(error) + SEE_HELP,
    };
    match (&suggested[..], &known[..]) {
        ("", "") => format!("unknown {unknown}{SEE_HELP}"),
        ("", known) => format!("unknown {unknown} (known: {known})"),
        (near, _) => format!("unknown {unknown}: did you mean '{near}'?"),
    }
}

/// The message without tips and usage.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|l| !l.is_empty()).collect();
    let text = lines.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

impl From<EntryError> for Failure {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::Build { .. } => Failure::request(&error),
            _ => Failure::usage(&error),
        }
    }
}
impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Unknown(_) => Failure::usage(&error),
            DataError::Preset(error) => error.into(),
            _ => Failure::request(&error),
        }
    }
}
impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Unknown { .. } => Failure::usage(&error),
            _ => Failure::request(&error),
        }
    }
}
impl From<ExperimentError> for Failure {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::SeveralEnds
            | ExperimentError::OwnEnd
            | ExperimentError::NoEta { .. }
            | ExperimentError::GivenEta { .. } => Failure::usage(&error),
            _ => Failure::request(&error),
        }
    }
}
impl From<SchedulesError> for Failure {
    fn from(error: SchedulesError) -> Self {
        match error {
            SchedulesError::MinRatio(_) => Failure::usage(&error),
            SchedulesError::Entry(error) => error.into(),
            SchedulesError::Experiment(error) => error.into(),
            _ => Failure::request(&error),
        }
    }
}
impl From<DossierError> for Failure {
    fn from(error: DossierError) -> Self {
        match error {
            DossierError::Question(error) => error.into(),
            DossierError::Experiment(error) => error.into(),
            _ => Failure::request(&error),
        }
    }
}
/// Errors that always concern the request.
#[cfg(feature = "data")]
macro_rules! requests {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Failure::request(&error)
            }
        }
    )*};
}
#[cfg(feature = "data")]
requests!(
    gaussmeter::experiment::SampleError,
    gaussmeter::spectrum::SpectrumError,
    gaussmeter_data::DecompositionError,
    gaussmeter_data::FileError,
    gaussmeter_data::ModelError,
    gaussmeter_data::MomentsError,
    gaussmeter_data::distance::DistanceError,
    gaussmeter_data::empirical::EmpiricalDataError,
    gaussmeter_data::mixture::MixtureDataError,
    gaussmeter_data::PictureError,
    gaussmeter_data::separable::SeparableDataError,
    gaussmeter_data::samples::SamplesError
);
#[cfg(feature = "onnx")]
impl From<gaussmeter_onnx::OnnxError> for Failure {
    fn from(error: gaussmeter_onnx::OnnxError) -> Self {
        match error {
            gaussmeter_onnx::OnnxError::Entry(error) => error.into(),
            error => Failure::request(&error),
        }
    }
}

#[cfg(feature = "train")]
impl From<gaussmeter_net::NetError> for Failure {
    fn from(error: gaussmeter_net::NetError) -> Self {
        match error {
            gaussmeter_net::NetError::Option(_) => Failure::usage(&error),
            gaussmeter_net::NetError::Entry(error) => error.into(),
            _ => Failure::request(&error),
        }
    }
}
impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::NoFigure | ReportError::NotBuilt(_) => Failure::usage(&error),
            _ => Failure::request(&error),
        }
    }
}
