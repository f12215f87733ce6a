//! Flat results, one row each.

/// Flat results at full precision, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// Column names.
    pub columns: Vec<String>,
    /// One field per column.
    pub rows: Vec<Vec<Field>>,
}

/// One value of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// A name.
    Text(String),
    /// A number: the fewest digits that read back as the same; infinite values are `inf` and `-inf`.
    Number(f64),
    /// A count.
    Count(u64),
    /// Unknown: an empty field.
    Missing,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Field::Text(text) => f.write_str(text),
            Field::Number(value) => f.write_str(&super::style::exact(*value)),
            Field::Count(count) => write!(f, "{count}"),
            Field::Missing => Ok(()),
        }
    }
}
