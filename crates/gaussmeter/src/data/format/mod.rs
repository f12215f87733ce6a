//! File formats, recognised by content. A new format is one file and one line in [`formats`].

mod json;
pub(super) mod npy;
pub(super) mod npz;
mod printed;
mod python;
mod text;

use thiserror::Error;

/// The error for a file with more numbers than are read.
fn too_many(format: &'static str, most: usize) -> FormatError {
    FormatError::Malformed { format, reason: format!("it holds more than {most} numbers") }
}

/// An upper bound on how many numbers a text holds: starts of words, and commas.
fn could_hold(text: &[u8]) -> usize {
    let mut last = b' ';
    let mut count = 0;
    for &byte in text {
        let begins = !byte.is_ascii_whitespace() && byte != b',' && last.is_ascii_whitespace();
        count += usize::from(begins || byte == b',');
        if !(byte.is_ascii_whitespace() && last == b',') {
            last = byte;
        }
    }
    count
}

/// The supported formats, in the order they are tried.
pub fn formats() -> &'static [&'static Format] {
    static ALL: &[&Format] = &[
        &npy::FORMAT,
        &npz::FORMAT,
        &printed::FORMAT,
        &json::FORMAT,
        &python::FORMAT,
        &text::FORMAT,
    ];
    ALL
}

/// One file format.
#[derive(Debug)]
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// Usual file name extensions, without the dot.
    pub extensions: &'static [&'static str],
    /// Whether the content of a file looks like this format.
    pub recognises: fn(&[u8]) -> bool,
    /// Reads the requested lists from the content of a file. The first column is required.
    pub read: fn(&[u8], &[Column]) -> Result<Table, FormatError>,
}

/// A list to look for in a file. An unnamed list is the first one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Its name, also used for one value.
    pub singular: &'static str,
    /// Its alternative name, also used for several values.
    pub plural: &'static str,
}

fn position(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|c| [c.singular, c.plural].iter().any(|n| n.eq_ignore_ascii_case(name)))
}

/// The lists found in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    lists: Vec<Option<Vec<f64>>>,
    /// Type of the first list (NumPy's name), for binary formats.
    pub dtype: Option<String>,
    /// The name that the file gives its content.
    pub name: Option<String>,
    /// What the file says about its content.
    pub note: Option<String>,
    /// The name of an archive's only array, if it is not one of those requested.
    pub array: Option<String>,
}

impl Table {
    fn new(columns: &[Column]) -> Self {
        Table { lists: vec![None; columns.len()], dtype: None, name: None, note: None, array: None }
    }

    fn single(columns: &[Column], values: Vec<f64>) -> Self {
        let mut table = Table::new(columns);
        if let Some(first) = table.lists.first_mut() {
            *first = Some(values);
        }
        table
    }

    fn insert(
        &mut self,
        columns: &[Column],
        index: usize,
        values: Vec<f64>,
    ) -> Result<(), FormatError> {
        match self.lists[index].replace(values) {
            None => Ok(()),
            Some(_) => Err(FormatError::Repeated { column: columns[index] }),
        }
    }

    /// The table itself if its first list exists. `found` are the names in the file.
    fn checked(
        self,
        columns: &[Column],
        found: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, FormatError> {
        match self.values(0) {
            Some(_) => Ok(self),
            None => Err(FormatError::Missing {
                column: columns[0],
                found: found.into_iter().map(Into::into).collect(),
            }),
        }
    }

    /// The values of a column, if the file has it.
    pub fn values(&self, column: usize) -> Option<&[f64]> {
        self.lists.get(column)?.as_deref()
    }

    /// Moves the values of a column out of the table.
    pub fn take(&mut self, column: usize) -> Option<Vec<f64>> {
        self.lists.get_mut(column)?.take()
    }
}

/// Why the content of a file cannot be understood.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum FormatError {
    /// No format recognises the content.
    #[error("not recognised as {}", names())]
    Unrecognised,
    /// There are no numbers.
    #[error("no numbers")]
    Empty,
    /// The file does not follow its format.
    #[error("not a valid {format} file: {reason}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The file is shorter than its header says.
    #[error("truncated: {expected} bytes of data announced, {found} found")]
    Truncated {
        /// What the header announces.
        expected: u64,
        /// The bytes found.
        found: u64,
    },
    /// An array is larger than [`MAX_BYTES`](super::MAX_BYTES).
    #[error("larger than {} MiB", super::MAX_BYTES >> 20)]
    TooLarge,
    /// There are more values than are read.
    #[error(
        "{found} values, but at most {} are read: merge equal eigenvalues with a multiplicity column",
        super::MAX_VALUES
    )]
    TooMany {
        /// The number of values.
        found: u64,
    },
    /// Columns without a header could mean several things.
    #[error("{reason}: name the columns in a first line, such as {example}")]
    Ambiguous {
        /// What they could mean.
        reason: &'static str,
        /// Header lines.
        example: &'static str,
    },
    /// An array is not one-dimensional.
    #[error("expected a 1-D array of {what}, found shape {shape}")]
    Rank {
        /// What the array should hold.
        what: &'static str,
        /// Its shape, as Python writes it.
        shape: String,
    },
    /// An array does not hold real numbers of a known type.
    #[error(
        "type '{dtype}' is not a float or integer of at most 64 bits: save the array as float64"
    )]
    Dtype {
        /// The type found.
        dtype: String,
    },
    /// An array holds Python objects.
    #[error("holds Python objects (pickle), which are never loaded: save the array as float64")]
    Pickled,
    /// Something is wrong with one array of an archive.
    #[error("array '{name}': {source}")]
    Array {
        /// Its name.
        name: String,
        /// The reason.
        source: Box<FormatError>,
    },
    /// The required list is missing.
    #[error("no '{}' or '{}' (found: {})", column.singular, column.plural, list(found))]
    Missing {
        /// The list.
        column: Column,
        /// The names in the file.
        found: Vec<String>,
    },
    /// A list occurs twice, perhaps under both of its names.
    #[error("'{}' or '{}' occurs twice", column.singular, column.plural)]
    Repeated {
        /// The list.
        column: Column,
    },
    /// A header line has an unknown column name.
    #[error("line {line}: unknown column '{name}' (known: {})", known.join(", "))]
    UnknownColumn {
        /// Line, from 1.
        line: usize,
        /// The name.
        name: String,
        /// The known names.
        known: Vec<&'static str>,
    },
    /// A line has the wrong number of fields.
    #[error("line {line}: {found} columns instead of {expected}")]
    Columns {
        /// Line, from 1.
        line: usize,
        /// Number of fields.
        found: usize,
        /// The expected number in words: "2", "1 to 3".
        expected: String,
    },
    /// A field of a text file is not a number.
    #[error("line {line}: '{text}' is not a number")]
    Number {
        /// Line, from 1.
        line: usize,
        /// The field.
        text: String,
    },
    /// A JSON value is not a list of numbers.
    #[error("'{key}' is {found}, not a list of numbers")]
    NotAList {
        /// Its key.
        key: String,
        /// What it is, in words.
        found: &'static str,
    },
    /// An entry of a JSON list is not a number.
    #[error("{what} {index} is {found}, not a number")]
    Entry {
        /// What the list holds.
        what: &'static str,
        /// Position in the list, from 0.
        index: usize,
        /// What the entry is, in words.
        found: &'static str,
    },
    /// A JSON file follows a schema of another version.
    #[error("schema {found}, but this version reads schema 1")]
    Schema {
        /// The schema found.
        found: String,
    },
}

fn names() -> String {
    let names: Vec<_> = formats().iter().map(|f| f.name).collect();
    names.join(", ")
}

fn list(found: &[String]) -> String {
    match found {
        [] => "nothing".into(),
        found => found.join(", "),
    }
}

/// Reads the requested lists from the content of a file, in the first format that recognises it.
///
/// ```
/// use gaussmeter::data::{SPECTRUM, format};
/// let (table, format) = format::read(b"multiplicity,eigenvalue\n3,0.5\n1,2\n", SPECTRUM)?;
/// assert_eq!(format.name, "text");
/// assert_eq!(table.values(0), Some([0.5, 2.0].as_slice()));
/// # Ok::<(), format::FormatError>(())
/// ```
///
/// # Errors
/// [`FormatError`]
///
/// # Panics
/// If `columns` is empty.
pub fn read(bytes: &[u8], columns: &[Column]) -> Result<(Table, &'static Format), FormatError> {
    let format =
        formats().iter().find(|f| (f.recognises)(bytes)).ok_or(FormatError::Unrecognised)?;
    Ok(((format.read)(bytes, columns)?, format))
}

/// The content of a text file without its byte order mark.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
