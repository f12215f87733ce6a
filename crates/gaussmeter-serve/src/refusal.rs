//! Why a request is not answered: one line for people, a word for programs.

use axum::http::StatusCode;
use gaussmeter::data::DataError;
use gaussmeter::entry::EntryError;
use gaussmeter::experiment::{ExperimentError, QuestionError, SampleError, SchedulesError};
use gaussmeter::message::{line, one_line};
use serde_json::{Value, json};
use std::error::Error;

/// A request that is not answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The status of the response.
    pub status: StatusCode,
    /// What sort of reason it is, in a word.
    pub kind: &'static str,
    /// The reason, in one line.
    pub message: String,
}

impl Refusal {
    /// A refusal with a status of its own.
    pub fn new(status: StatusCode, kind: &'static str, message: impl AsRef<str>) -> Self {
        Refusal { status, kind, message: one_line(message.as_ref()) }
    }

    /// The request was not understood.
    pub fn usage(message: impl AsRef<str>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, "usage", message)
    }

    /// The request cannot be met.
    pub fn request(error: &dyn Error) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, "request", line(error))
    }

    /// More work than one request may ask for.
    pub fn too_much(message: impl AsRef<str>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, "too_much", message)
    }

    /// There is no such thing.
    pub fn unknown(message: impl AsRef<str>) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, "unknown", message)
    }

    /// A defect of the program.
    pub fn defect(message: &str) -> Self {
        let message =
            format!("gaussmeter has failed ({message}): this is a defect, please report it");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", message)
    }

    /// A newer request of the same client took its place, or the client has left.
    pub fn superseded() -> Self {
        let message = "a newer request of the same client took the place of this one";
        Refusal::new(StatusCode::CONFLICT, "superseded", message)
    }

    /// As the body of a response.
    pub fn json(&self) -> Value {
        json!({"error": {"message": self.message, "kind": self.kind}})
    }
}

impl From<EntryError> for Refusal {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::Build { .. } => Refusal::request(&error),
            error => Refusal::usage(line(&error)),
        }
    }
}

impl From<QuestionError> for Refusal {
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Entry(error) => error.into(),
            error => Refusal::usage(line(&error)),
        }
    }
}

impl From<ExperimentError> for Refusal {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::Interrupted => Refusal::superseded(),
            ExperimentError::NoEta { .. } | ExperimentError::GivenEta { .. } => {
                Refusal::usage(line(&error))
            }
            error => Refusal::request(&error),
        }
    }
}

impl From<SchedulesError> for Refusal {
    fn from(error: SchedulesError) -> Self {
        match error {
            SchedulesError::MinRatio(_) => Refusal::usage(line(&error)),
            SchedulesError::Entry(error) => error.into(),
            SchedulesError::Experiment(error) => error.into(),
            error => Refusal::request(&error),
        }
    }
}

impl From<SampleError> for Refusal {
    fn from(error: SampleError) -> Self {
        match error {
            SampleError::Experiment(error) => error.into(),
            error => Refusal::request(&error),
        }
    }
}

impl From<DataError> for Refusal {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Unknown(_) | DataError::Preset(_) => Refusal::usage(line(&error)),
            error => Refusal::request(&error),
        }
    }
}
