//! One clear line per failure, and its exit code.

use gaussmeter::data::DataError;
use gaussmeter::entry::EntryError;
use gaussmeter::experiment::ExperimentError;
use gaussmeter::grid::GridError;
use gaussmeter::report::ReportError;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// Why the command stops.
#[derive(Debug)]
pub enum Failure {
    /// The request cannot be met.
    Request(String),
    /// The request was not understood.
    Usage(String),
    /// Help or version was asked for, or clap has its own words.
    Clap(clap::Error),
    /// Whoever reads our output has stopped reading: nothing to report.
    ClosedPipe,
}

/// An error and its causes in one line, without repeating what a message already contains.
fn line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let message = e.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = e.source();
    }
    text.replace('\n', " ")
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
            Failure::Clap(error) if !error.use_stderr() => {
                // A closed pipe is no failure of ours.
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            Failure::Clap(error)
                if error.kind()
                    == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
            {
                let _ = error.print();
                return ExitCode::from(2);
            }
            Failure::Clap(error) => (one_line(&error), 2),
        };
        let _ = writeln!(std::io::stderr(), "error: {text}");
        ExitCode::from(code)
    }
}

/// Clap's message and its tip, without the usage block.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraphs = text.lines().map(str::trim).take_while(|l| !l.starts_with("Usage:"));
    let kept: Vec<&str> =
        paragraphs.filter(|l| !l.is_empty() && !l.starts_with("For more information")).collect();
    let text = kept.join(" ");
    format!("{} (see --help)", text.strip_prefix("error: ").unwrap_or(&text))
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
        Failure::request(&error)
    }
}
impl From<ExperimentError> for Failure {
    fn from(error: ExperimentError) -> Self {
        Failure::request(&error)
    }
}
impl From<GridError> for Failure {
    fn from(error: GridError) -> Self {
        Failure::request(&error)
    }
}
impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Failure::request(&error)
    }
}
