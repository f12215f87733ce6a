//! Errors of the library as exceptions of Python, with the same words.

use gaussmeter::entry::EntryError;
use gaussmeter::experiment::{ExperimentError, QuestionError};
use gaussmeter::message;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use std::error::Error;

/// Why something cannot be done: what a `GaussmeterError` says.
pub struct Failure {
    text: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure in our own words.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Failure { hint: advice(&text), text }
    }

    /// A failure in our own words, with what to do.
    pub fn with_hint(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure { text: text.into(), hint: Some(hint.into()) }
    }

    /// The same, with what to do if it does not say so.
    pub fn or_hint(self, hint: &str) -> Self {
        Failure { hint: self.hint.or_else(|| Some(hint.into())), ..self }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        let mut own = None;
        while let Some(e) = cause.filter(|_| own.is_none()) {
            own = of_entry(e);
            cause = e.source();
        }
        let text = in_python(&message::line(&error));
        Failure { hint: own.or_else(|| advice(&text)), text }
    }
}

/// What to do about a name or a parameter that there is not.
fn of_entry(error: &(dyn Error + 'static)) -> Option<String> {
    let error = match error.downcast_ref::<QuestionError>() {
        Some(QuestionError::Entry(error)) => error,
        _ => match error.downcast_ref::<ExperimentError>() {
            Some(ExperimentError::TooMuch { remedy, .. }) => return Some((*remedy).into()),
            _ => error.downcast_ref::<EntryError>()?,
        },
    };
    match error {
        EntryError::UnknownName { nearest: Some(name), .. }
        | EntryError::UnknownParameter { nearest: Some(name), .. } => {
            Some(format!("did you mean '{name}'?"))
        }
        EntryError::UnknownName { known, .. } | EntryError::UnknownParameter { known, .. } => {
            Some(format!("known: {}", known.join(", ")))
        }
        EntryError::BadValue { expected, .. } => Some(format!("give {expected}")),
        _ => None,
    }
}

/// Words that advice begins with.
const VERBS: [&str; 17] = [
    "use", "give", "ask", "take", "choose", "stop", "name", "run", "rename", "unpack", "merge",
    "make", "remove", "try", "save", "raise", "write",
];

/// The end of a message that says what to do.
fn advice(text: &str) -> Option<String> {
    let ends = [": ", "; ", ", "].iter().filter_map(|mark| text.rfind(mark).map(|at| at + 2));
    let is_advice = |at: &usize| {
        let word = text[*at..].split(|c: char| !c.is_ascii_alphabetic()).next();
        word.is_some_and(|word| VERBS.contains(&word))
    };
    ends.filter(is_advice).min().map(|at| text[at..].to_string())
}

/// Options of the command line as arguments: `--min-ratio` is `min_ratio`.
pub fn in_python(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split(' ') {
        let at = word.find("--").filter(|at| {
            let before = word[..*at].chars().all(|c| !c.is_alphanumeric());
            before && word[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
        });
        words.push(match at {
            Some(at) => format!("{}{}", &word[..at], word[at + 2..].replace('-', "_")),
            None => word.to_string(),
        });
    }
    words.join(" ")
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| {
            static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            let error = CLASS
                .import(py, "gaussmeter._errors", "GaussmeterError")
                .and_then(|class| class.call1((failure.text, failure.hint)));
            error.map_or_else(|error| error, PyErr::from_value)
        })
    }
}
