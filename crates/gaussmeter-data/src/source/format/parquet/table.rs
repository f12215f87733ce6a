//! The columns of a parquet file, and reading their rows.

use super::pages::{MAX_VALUES, Pages, bad};
use super::thrift;
use crate::samples::SamplesError;
use crate::source::{Input, Number};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type as Node};
use std::fmt;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub(super) const MAGIC: &[u8] = b"PAR1";
pub(super) const ENCRYPTED: &[u8] = b"PARE";

/// Bytes at the end of a file: the length of the footer and the magic number.
const TAIL: u64 = 8;

/// Longest footer that is read: checking one takes about thirty times its length in memory.
const MAX_FOOTER: u64 = 64 << 20;

/// Most columns listed in an error.
const MAX_LISTED: usize = 16;

/// How deeply columns may be nested.
const MAX_DEPTH: usize = 64;

/// A parquet file.
pub(super) struct ParquetTable {
    file: ParquetFile,
    metadata: ParquetMetaData,
    /// The first row of each row group, and the total number of rows.
    starts: Vec<u64>,
    pub columns: Vec<ParquetColumn>,
    /// What the `datasets` library says about the columns, by name.
    features: serde_json::Value,
}

/// A column, as users see it.
#[derive(Clone, Debug)]
pub(super) struct ParquetColumn {
    pub name: String,
    /// The name with the levels that only the file has, such as `x.list.element`.
    pub path: String,
    /// The index of the leaf that holds its values.
    pub leaf: usize,
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Clone, Debug)]
pub(super) enum ColumnKind {
    /// Byte strings, and the leaf that holds their names, if there is one.
    Binary { names: Option<usize> },
    /// One number per row.
    Number(Number),
    /// Lists of numbers, or lists of lists.
    Lists(Lists),
    /// Anything else, in words.
    Other(&'static str),
}

/// How lists are stored.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    pub number: Number,
    /// The definition level of an entry, null or not, at each level of lists.
    pub entries: Vec<i16>,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnKind::Binary { .. } => f.write_str("binary"),
            ColumnKind::Number(number) => f.write_str(number.name()),
            ColumnKind::Lists(Lists { number, .. }) => write!(f, "lists of {}", number.name()),
            ColumnKind::Other(what) => f.write_str(what),
        }
    }
}

/// A file that can be read at any place.
struct ParquetFile {
    input: Input,
    /// A file that is compressed as a whole is decompressed into memory.
    memory: Option<Arc<[u8]>>,
    size: u64,
}

impl ParquetFile {
    fn open(input: &Input) -> Result<Self, SamplesError> {
        let memory: Option<Arc<[u8]>> =
            input.is_gzip().then(|| input.bytes()).transpose()?.map(Into::into);
        let size = match &memory {
            Some(bytes) => Some(bytes.len() as u64),
            None => input.size()?,
        };
        let size = size.ok_or_else(|| input.malformed("the size of the file is unknown"))?;
        Ok(ParquetFile { input: input.clone(), memory, size })
    }

    fn reader_at(&self, offset: u64) -> Result<Box<dyn Read + Send>, SamplesError> {
        match &self.memory {
            None => self.input.reader_at(offset),
            Some(bytes) => {
                let mut cursor = Cursor::new(Arc::clone(bytes));
                cursor.set_position(offset);
                Ok(Box::new(cursor))
            }
        }
    }

    fn bytes(&self, offset: u64, len: u64) -> Result<Vec<u8>, SamplesError> {
        let mut bytes = Vec::new();
        let read = self.reader_at(offset)?.take(len).read_to_end(&mut bytes);
        match read.map_err(|e| self.input.failed(e))? as u64 == len {
            true => Ok(bytes),
            false => Err(self.input.truncated(offset + bytes.len() as u64, self.size)),
        }
    }

    fn metadata(&self) -> Result<ParquetMetaData, SamplesError> {
        let tail = self.bytes(self.size.saturating_sub(TAIL), TAIL.min(self.size))?;
        let len = match tail.split_first_chunk() {
            Some((len, MAGIC)) => u64::from(u32::from_le_bytes(*len)),
            Some((_, ENCRYPTED)) => return Err(self.input.malformed("encrypted")),
            _ => {
                return Err(self.input.malformed(
                    "the end of the parquet file is missing: truncated, or still being written",
                ));
            }
        };
        let damaged =
            |e: &dyn fmt::Display| self.input.malformed(format!("the footer is damaged: {e}"));
        let start = (self.size - TAIL).checked_sub(len);
        let start = start.ok_or_else(|| damaged(&"longer than the file"))?;
        if len > MAX_FOOTER {
            let (len, limit) = (len >> 20, MAX_FOOTER >> 20);
            return Err(self
                .input
                .malformed(format!("a footer of {len} MiB, above the limit of {limit} MiB")));
        }
        let footer = self.bytes(start, len)?;
        let schema = thrift::read(&mut &footer[..]).map_err(|e| damaged(&e))?;
        if !is_tree(&schema) {
            return Err(damaged(&"its columns do not form a tree"));
        }
        let mut options = ParquetMetaDataOptions::new();
        options.set_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
        options.set_column_stats_policy(ParquetStatisticsPolicy::SkipAll);
        options.set_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        guarded(|| ParquetMetaDataReader::decode_metadata_with_options(&footer, Some(&options)))
            .map_err(|e| damaged(&reason(&e)))
    }
}

/// Whether the columns listed in a footer form a tree, shallow enough for recursion. The crate allocates
/// memory for as many children as a column claims to have.
fn is_tree(footer: &thrift::Value) -> bool {
    let Some(thrift::Value::List(nodes)) = footer.field(2) else { return false };
    let mut waiting: Vec<i64> = Vec::new();
    for node in nodes {
        if let Some(siblings) = waiting.last_mut() {
            *siblings -= 1;
        }
        let children = node.integer(5).unwrap_or(0);
        if !(0..=nodes.len() as i64).contains(&children) || waiting.len() > MAX_DEPTH {
            return false;
        }
        if children > 0 {
            waiting.push(children);
        }
        while waiting.last() == Some(&0) {
            waiting.pop();
        }
    }
    waiting.is_empty()
}

/// Runs a decoder of the crate, which may panic on damaged files that passed all earlier checks.
fn guarded<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(bad("its values cannot be decoded")))
}

fn reason(error: &ParquetError) -> String {
    match error {
        ParquetError::General(text) | ParquetError::NYI(text) | ParquetError::EOF(text) => {
            text.clone()
        }
        other => other.to_string(),
    }
}

impl ParquetTable {
    pub fn open(input: &Input) -> Result<Arc<Self>, SamplesError> {
        let file = ParquetFile::open(input)?;
        let metadata = file.metadata()?;
        let mut starts = vec![0u64];
        for group in metadata.row_groups() {
            let rows = u64::try_from(group.num_rows()).ok();
            let end = rows.and_then(|rows| starts[starts.len() - 1].checked_add(rows));
            starts.push(end.ok_or_else(|| input.malformed("the footer is damaged: no row count"))?);
        }
        let columns = columns(metadata.file_metadata().schema_descr());
        let features = features(&metadata).unwrap_or_default();
        Ok(Arc::new(ParquetTable { file, metadata, starts, columns, features }))
    }

    pub fn input(&self) -> &Input {
        &self.file.input
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.starts[self.starts.len() - 1]
    }

    /// What the `datasets` library says about a column, such as `Image`.
    pub fn declared(&self, column: &str) -> Option<&str> {
        self.features.get(column)?.get("_type")?.as_str()
    }

    /// The names that the `datasets` library gives the numbers of a column of classes.
    pub fn class_names(&self, column: &str) -> Vec<String> {
        let names = self.features.get(column).and_then(|feature| feature.get("names"));
        let names = names.and_then(serde_json::Value::as_array);
        let text = |name: &serde_json::Value| name.as_str().map(String::from);
        names.and_then(|all| all.iter().map(text).collect()).unwrap_or_default()
    }

    /// These columns and their types, in words.
    pub fn listing(&self, which: impl Fn(&&ParquetColumn) -> bool) -> String {
        let one = |column: &ParquetColumn| format!("{} ({})", column.name, column.kind);
        let mut all: Vec<_> = self.columns.iter().filter(which).map(one).collect();
        // Columns of a record inside a list have the name of the list.
        all.dedup();
        if let Some(more @ 1..) = all.len().checked_sub(MAX_LISTED) {
            all.truncate(MAX_LISTED);
            all.push(format!("{more} more"));
        }
        all.join(", ")
    }

    /// The largest definition level of a leaf: that of a value that is not null.
    pub fn present(&self, leaf: usize) -> i16 {
        self.metadata.file_metadata().schema_descr().column(leaf).max_def_level()
    }

    /// A reader of a leaf in a row group.
    fn reader(
        &self,
        group: usize,
        leaf: usize,
        allowed: &Arc<AtomicU64>,
    ) -> Result<ColumnReader, SamplesError> {
        let damaged = || {
            self.input().malformed(format!("the footer is damaged: no place of row group {group}"))
        };
        let chunk = self.metadata.row_group(group).columns().get(leaf).ok_or_else(damaged)?;
        let first = chunk.data_page_offset();
        let start = chunk.dictionary_page_offset().filter(|at| (1..first).contains(at));
        let start = u64::try_from(start.unwrap_or(first)).map_err(|_| damaged())?;
        let len = u64::try_from(chunk.compressed_size()).map_err(|_| damaged())?;
        if start.checked_add(len).is_none_or(|end| end > self.file.size) {
            return Err(damaged());
        }
        let column = chunk.column_descr_ptr();
        let (file, codec) = (self.file.reader_at(start)?, chunk.compression());
        let pages = Pages::new(file, len, column.clone(), codec, Arc::clone(allowed));
        Ok(get_column_reader(column, Box::new(pages)))
    }
}

/// Reads a leaf of a table.
pub(super) struct Leaf {
    table: Arc<ParquetTable>,
    leaf: usize,
    open: Option<Open>,
    allowed: Arc<AtomicU64>,
}

/// The row group being read, and its next row.
struct Open {
    group: usize,
    next: u64,
    reader: ColumnReader,
}

/// Runs the same code on the reader of any type.
macro_rules! each {
    ($reader:expr, $typed:ident => $code:expr) => {
        match $reader {
            ColumnReader::BoolColumnReader($typed) => $code,
            ColumnReader::Int32ColumnReader($typed) => $code,
            ColumnReader::Int64ColumnReader($typed) => $code,
            ColumnReader::Int96ColumnReader($typed) => $code,
            ColumnReader::FloatColumnReader($typed) => $code,
            ColumnReader::DoubleColumnReader($typed) => $code,
            ColumnReader::ByteArrayColumnReader($typed) => $code,
            ColumnReader::FixedLenByteArrayColumnReader($typed) => $code,
        }
    };
}

impl Leaf {
    pub fn new(table: &Arc<ParquetTable>, leaf: usize) -> Self {
        Leaf { table: Arc::clone(table), leaf, open: None, allowed: Arc::default() }
    }

    pub fn input(&self) -> &Input {
        self.table.input()
    }

    /// Reads at most `rows` rows from `row` on with `read`, all from one row group. Returns their number.
    pub fn read(
        &mut self,
        row: u64,
        rows: usize,
        read: impl FnOnce(&mut ColumnReader, usize) -> Result<usize, ParquetError>,
    ) -> Result<usize, SamplesError> {
        let table = Arc::clone(&self.table);
        let group = table.starts.partition_point(|start| *start <= row) - 1;
        let Some(end) = table.starts.get(group + 1) else { return Ok(0) };
        let mut open = match self.open.take() {
            Some(open) if open.group == group && open.next <= row => open,
            _ => {
                let reader = table.reader(group, self.leaf, &self.allowed)?;
                Open { group, next: table.starts[group], reader }
            }
        };
        let too_few = |found: u64| {
            let expected = end - table.starts[group];
            Err(bad(format!("ends after {found} of {expected} rows")))
        };
        let rows = rows.min(usize::try_from(end - row).unwrap_or(usize::MAX));
        let done = guarded(|| {
            let before = usize::try_from(row - open.next).unwrap_or(usize::MAX);
            self.allowed.store(u64::MAX, Relaxed);
            let passed = each!(&mut open.reader, reader => reader.skip_records(before))?;
            open.next += passed as u64;
            if passed < before {
                return too_few(open.next - table.starts[group]);
            }
            self.allowed.store(MAX_VALUES, Relaxed);
            let done = read(&mut open.reader, rows)?;
            open.next += done as u64;
            match done == rows {
                true => Ok(done),
                false => too_few(open.next - table.starts[group]),
            }
        });
        let done = done.map_err(|error| self.damaged(group, error))?;
        self.open = Some(open);
        Ok(done)
    }

    fn damaged(&self, group: usize, error: ParquetError) -> SamplesError {
        let input = self.table.input();
        let text = reason(&error);
        match error {
            ParquetError::External(source) if source.is::<std::io::Error>() => {
                match source.downcast::<std::io::Error>() {
                    Ok(error) => input.failed(*error),
                    Err(_) => input.malformed(text),
                }
            }
            _ => {
                let schema = self.table.metadata.file_metadata().schema_descr();
                let path = schema.column(self.leaf).path().string();
                input.malformed(format!("column '{path}', row group {group}: {text}"))
            }
        }
    }
}

fn features(metadata: &ParquetMetaData) -> Option<serde_json::Value> {
    let all = metadata.file_metadata().key_value_metadata()?;
    let text = all.iter().find(|entry| entry.key == "huggingface")?.value.as_ref()?;
    let mut json: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(json.pointer_mut("/info/features")?.take())
}

/// The columns of a schema.
fn columns(schema: &SchemaDescriptor) -> Vec<ParquetColumn> {
    let leaves = schema.columns();
    let paths: Vec<String> = leaves.iter().map(|leaf| leaf.path().string()).collect();
    let mut columns = Vec::new();
    for (k, leaf) in leaves.iter().enumerate() {
        let (name, kind) = column(leaf, schema.get_column_root(k));
        let (name, kind) = match (kind, name.strip_suffix(".bytes")) {
            (ColumnKind::Binary { .. }, Some(parent)) => {
                let names = paths.iter().position(|path| *path == format!("{parent}.path"));
                let names = names.filter(|n| leaves[*n].max_rep_level() == 0);
                (parent.to_owned(), ColumnKind::Binary { names })
            }
            (kind, _) => (name, kind),
        };
        columns.push(ParquetColumn { name, path: paths[k].clone(), leaf: k, kind });
    }
    // Names of pictures do not count as a column.
    let names = |column: &ParquetColumn| match column.kind {
        ColumnKind::Binary { names } => names,
        _ => None,
    };
    let names: Vec<usize> = columns.iter().filter_map(names).collect();
    columns.retain(|column| !names.contains(&column.leaf));
    columns
}

/// Name and kind of the column with this leaf; `root` is its outermost part.
fn column(leaf: &ColumnDescriptor, root: &Node) -> (String, ColumnKind) {
    let parts = leaf.path().parts();
    let (mut node, mut level, mut entries) = (Some(root), 0, Vec::new());
    // The part whose entries are the outermost list, and whether each list has one kind of entry.
    let (mut list, mut is_single) = (None, true);
    for k in 0..parts.len() {
        let Some(at) = node else { break };
        let info = at.get_basic_info();
        let repetition = info.has_repetition().then(|| info.repetition());
        level += i16::from(repetition != Some(Repetition::REQUIRED));
        if repetition == Some(Repetition::REPEATED) {
            entries.push(level);
            list = list.or(Some(k));
        }
        let children = if at.is_group() { at.get_fields() } else { &[] };
        is_single &= list.is_none() || children.len() <= 1;
        node = parts
            .get(k + 1)
            .and_then(|name| children.iter().find(|c| c.name() == name))
            .map(|c| &**c);
    }
    let name = parts[..list.map_or(parts.len(), |k| k.max(1))].join(".");
    let kind = match (number(leaf), list) {
        (_, Some(_)) if !is_single || entries.len() != leaf.max_rep_level() as usize => {
            ColumnKind::Other("lists of several columns")
        }
        (Some(number), Some(_)) => ColumnKind::Lists(Lists { number, entries }),
        (None, Some(_)) => ColumnKind::Other("lists"),
        (Some(number), None) => ColumnKind::Number(number),
        (None, None) if is_text(leaf) => ColumnKind::Other("text"),
        (None, None) if leaf.physical_type() == Type::BYTE_ARRAY => {
            ColumnKind::Binary { names: None }
        }
        (None, None) => ColumnKind::Other("neither text nor number"),
    };
    (name, kind)
}

fn is_text(leaf: &ColumnDescriptor) -> bool {
    use {ConvertedType as C, LogicalType as L};
    matches!(leaf.logical_type_ref(), Some(L::String | L::Enum | L::Json))
        || matches!(leaf.converted_type(), C::UTF8 | C::ENUM | C::JSON)
}

/// The type of the numbers of a leaf, if it holds numbers.
fn number(leaf: &ColumnDescriptor) -> Option<Number> {
    use {ConvertedType as C, LogicalType as L};
    let logical = leaf.logical_type_ref();
    let integer = match (logical, leaf.converted_type()) {
        (Some(L::Integer(int)), _) => Some((int.bit_width, int.is_signed)),
        (Some(_), _) => None,
        (None, C::UINT_8) => Some((8, false)),
        (None, C::INT_8) => Some((8, true)),
        (None, C::UINT_16) => Some((16, false)),
        (None, C::INT_16) => Some((16, true)),
        (None, C::UINT_32) => Some((32, false)),
        (None, C::UINT_64) => Some((64, false)),
        (None, C::NONE | C::INT_32 | C::INT_64) if leaf.physical_type() == Type::INT32 => {
            Some((32, true))
        }
        (None, C::NONE | C::INT_32 | C::INT_64) => Some((64, true)),
        _ => None,
    };
    Some(match (leaf.physical_type(), integer) {
        (Type::BOOLEAN, _) => Number::Bool,
        (Type::FLOAT, _) => Number::F32,
        (Type::DOUBLE, _) => Number::F64,
        (Type::FIXED_LEN_BYTE_ARRAY, _) if logical == Some(&L::Float16) => Number::F16,
        (Type::INT32, Some((8, false))) => Number::U8,
        (Type::INT32, Some((8, true))) => Number::I8,
        (Type::INT32, Some((16, false))) => Number::U16,
        (Type::INT32, Some((16, true))) => Number::I16,
        (Type::INT32, Some((32, false))) => Number::U32,
        (Type::INT32, Some((32, true))) => Number::I32,
        (Type::INT64, Some((64, false))) => Number::U64,
        (Type::INT64, Some((64, true))) => Number::I64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a footer whose columns have these numbers of children is accepted.
    fn is_taken(children: &[u8]) -> std::io::Result<bool> {
        // Field 2, a list of structs, of which field 5 is a number of one byte.
        let mut footer = vec![0x29, 0xfc, 0x80 | (children.len() % 128) as u8];
        footer.push((children.len() / 128) as u8);
        for n in children {
            footer.extend([0x55, 2 * n, 0]);
        }
        footer.push(0);
        Ok(is_tree(&thrift::read(&mut &footer[..])?))
    }

    #[test]
    fn columns_are_a_tree_of_bounded_depth() -> std::io::Result<()> {
        for (children, expected) in [
            (&[0][..], true),
            (&[2, 0, 0], true),
            (&[2, 1, 0, 0], true),
            (&[2, 0], false),
            (&[63, 0], false),
        ] {
            assert_eq!(is_taken(children)?, expected, "{children:?}");
        }
        let chain = |depth: usize| [vec![1; depth], vec![0]].concat();
        assert!(is_taken(&chain(MAX_DEPTH))?);
        assert!(!is_taken(&chain(MAX_DEPTH + 2))? && !is_taken(&chain(10_000))?);
        Ok(())
    }
}
