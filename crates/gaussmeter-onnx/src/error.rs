//! Why a network cannot be read or run.

use gaussmeter::entry::EntryError;
use gaussmeter::file::FileError;
use thiserror::Error;

/// What is wrong with the bytes of a file.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Broken {
    /// It ends within a field.
    #[error("not an ONNX file, or a truncated one")]
    Truncated,
    /// It is not in the wire format.
    #[error("not an ONNX file, or a damaged one")]
    Wire,
    /// It has no graph.
    #[error("not an ONNX file: it has no graph")]
    NoGraph,
    /// Graphs in graphs in graphs.
    #[error("graphs are nested more than {0} deep")]
    Deep(usize),
    /// Too many operations.
    #[error("a graph of more than {0} operations")]
    Operations(usize),
    /// A tensor or a constant asks for more memory than any network of this size.
    #[error("{what} of {elements} values is larger than networks are (at most {most}){advice}")]
    Large {
        /// What it is.
        what: String,
        /// How many values it would have.
        elements: String,
        /// How many are read.
        most: u64,
        /// What to do, if there is something.
        advice: &'static str,
    },
    /// More memory at a time than networks take.
    #[error(
        "{values} values at a time are more than networks have (at most {most}): take a smaller batch=…, or pictures of fewer pixels"
    )]
    Together {
        /// How many values it would have.
        values: String,
        /// How many may be.
        most: u64,
    },
    /// A tensor of too many axes.
    #[error("{what} has more than {most} axes")]
    Axes {
        /// What it is.
        what: String,
        /// How many may be.
        most: usize,
    },
    /// Something that has a name of its own has it twice.
    #[error("'{0}' is there twice")]
    Twice(String),
    /// A value has other sizes than the file says, which the runtime believes.
    #[error(
        "the file says sizes of '{0}' that it does not have: export the network again, with a name of its own for every axis that may differ"
    )]
    Declared(String),
    /// Operations out of order.
    #[error(
        "a {kind} takes '{name}', which is not made before it: export the network in the order of its operations"
    )]
    Unmade {
        /// The operation.
        kind: String,
        /// The input.
        name: String,
    },
    /// An output whose size cannot be told.
    #[error(
        "how much a {kind} makes cannot be told before it runs: export the network for pictures of fixed size, or without this operation"
    )]
    Open {
        /// The operation.
        kind: String,
    },
    /// An operation that may run for ever.
    #[error(
        "the operation {0} may run without end and is refused: export the network without loops"
    )]
    Loop(String),
    /// Weights in a file that may not be read.
    #[error(
        "weights in '{0}': they have to lie beside the .onnx file, with a name that ends in .data or .onnx_data"
    )]
    External(String),
    /// Weights beyond the end of their file.
    #[error("weights beyond the end of '{0}'")]
    Beyond(String),
}

/// Why a network cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// Its text form cannot be understood.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Its file cannot be opened.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its file is damaged, or asks for too much.
    #[error("{file}: {problem}")]
    Broken {
        /// The file.
        file: String,
        /// What is wrong.
        problem: Broken,
    },
    /// The runtime does not take it.
    #[error("{file}: the network cannot be run: {reason}")]
    Runtime {
        /// The file.
        file: String,
        /// In the words of the runtime.
        reason: String,
    },
    /// Its inputs or outputs are not those of a denoiser.
    #[error("{file}: {reason}")]
    Interface {
        /// The file.
        file: String,
        /// What does not fit, and what to do.
        reason: String,
    },
}
