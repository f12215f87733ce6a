//! Pages of a column chunk. The crate's own page reader trusts page headers: it allocates as much memory
//! as they claim, and panics if a page is cut off.

use super::codec::decompress;
use super::thrift;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Most values of a page.
pub(super) const MAX_VALUES: u64 = 1 << 26;

/// Longest header of a page; it may contain a smallest and a largest value.
const MAX_HEADER: u64 = 16 << 20;

/// The pages of a column chunk, in order.
pub(super) struct Pages {
    reader: Box<dyn Read + Send>,
    /// Bytes of the chunk not read yet.
    left: u64,
    column: ColumnDescPtr,
    codec: Compression,
    /// The header of the next page, if already read.
    header: Option<PageHeader>,
    has_dictionary: bool,
    /// Number of values after which no further page is begun. A row may extend over several pages, and a
    /// page of a few bytes can claim millions of values.
    allowed: Arc<AtomicU64>,
}

/// The header of a page.
struct PageHeader {
    kind: PageKind,
    /// Size in bytes as stored, and decompressed.
    stored: usize,
    size: usize,
    values: u32,
    encoding: Encoding,
    /// The CRC-32 of the page as stored.
    checksum: Option<u32>,
}

enum PageKind {
    Dictionary,
    /// Version 1: whether the repetition and the definition levels, if any, have an encoding that is not
    /// deprecated.
    First {
        is_rle: [bool; 2],
    },
    /// Version 2: lengths of the repetition and definition levels, which are not compressed.
    Second {
        nulls: u32,
        rows: u32,
        levels: [usize; 2],
        is_compressed: bool,
    },
    /// No data.
    Index,
}

/// An error: the page is damaged, for this reason.
pub(super) fn bad(reason: impl Into<String>) -> ParquetError {
    ParquetError::General(reason.into())
}

impl Pages {
    /// Reads the pages in the next `len` bytes of a stream.
    pub fn new(
        reader: Box<dyn Read + Send>,
        len: u64,
        column: ColumnDescPtr,
        codec: Compression,
        allowed: Arc<AtomicU64>,
    ) -> Self {
        Pages { reader, left: len, column, codec, header: None, has_dictionary: false, allowed }
    }

    /// Reads the header of the next page, if there is one.
    fn peek(&mut self) -> Result<Option<&PageHeader>> {
        while self.header.is_none() && self.left > 0 {
            let limit = self.left.min(MAX_HEADER);
            let mut reader = (&mut self.reader).take(limit);
            let value = thrift::read(&mut reader)
                .map_err(|e| bad(format!("the header of a page cannot be read ({e})")))?;
            self.left -= limit - reader.limit();
            let header = PageHeader::new(&value)
                .filter(|h| h.stored as u64 <= self.left)
                .ok_or_else(|| bad("the header of a page makes no sense"))?;
            match header.kind {
                PageKind::Index => drop(self.body(header.stored)?),
                _ => self.header = Some(header),
            }
        }
        Ok(self.header.as_ref())
    }

    fn body(&mut self, len: usize) -> Result<Vec<u8>> {
        let mut body = Vec::with_capacity(len);
        let read = (&mut self.reader).take(len as u64).read_to_end(&mut body);
        self.left -= len as u64;
        match read.map_err(|e| ParquetError::External(Box::new(e)))? {
            n if n == len => Ok(body),
            n => Err(bad(format!("a page ends after {n} of {len} bytes"))),
        }
    }

    /// A page whose parts are where its header and its levels say.
    fn page(&mut self, header: PageHeader, stored: Vec<u8>) -> Result<Page> {
        let wrong = |e| bad(format!("a page cannot be decompressed: {e}"));
        let (values, encoding, statistics) = (header.values, header.encoding, None);
        let plain = |levels: usize, is_compressed: bool| {
            if self.codec == Compression::UNCOMPRESSED || !is_compressed {
                return Ok(stored);
            }
            let mut bytes = stored[..levels].to_vec();
            match header.size - levels {
                0 => Ok(bytes),
                size => decompress(self.codec, &stored[levels..], size, &mut bytes).map(|()| bytes),
            }
            .map_err(wrong)
        };
        match header.kind {
            PageKind::Dictionary => {
                let bytes = plain(0, true)?;
                if std::mem::replace(&mut self.has_dictionary, true) {
                    return Err(bad("two dictionaries"));
                }
                if !self.has_room(&bytes, values) {
                    return Err(bad(format!("a dictionary too short for its {values} values")));
                }
                let (buf, is_sorted) = (bytes.into(), false);
                Ok(Page::DictionaryPage { buf, num_values: values, encoding, is_sorted })
            }
            PageKind::Index => Err(bad("an index where a page should be")),
            PageKind::First { is_rle } => {
                let mut bytes = plain(0, true)?;
                let mut start = 0;
                let levels = [self.column.max_rep_level(), self.column.max_def_level()];
                for (levels, is_rle) in levels.into_iter().zip(is_rle) {
                    if levels > 0 {
                        if !is_rle {
                            return Err(bad("levels in an unsupported encoding"));
                        }
                        let len = prefix(&bytes[start..]).unwrap_or(usize::MAX);
                        start = start.saturating_add(len).saturating_add(4);
                        if start > bytes.len() {
                            return Err(bad("levels longer than their page"));
                        }
                    }
                }
                self.check(&mut bytes, start, encoding, values)?;
                Ok(Page::DataPage {
                    buf: bytes.into(),
                    num_values: values,
                    encoding,
                    def_level_encoding: Encoding::RLE,
                    rep_level_encoding: Encoding::RLE,
                    statistics,
                })
            }
            PageKind::Second { nulls, rows, levels: [repetition, definition], is_compressed } => {
                let start = repetition + definition;
                if start > header.size.min(header.stored) || nulls > values {
                    return Err(bad("levels longer than their page"));
                }
                let mut bytes = plain(start, is_compressed)?;
                self.check(&mut bytes, start, encoding, values)?;
                Ok(Page::DataPageV2 {
                    buf: bytes.into(),
                    num_values: values,
                    encoding,
                    num_nulls: nulls,
                    num_rows: rows,
                    def_levels_byte_len: definition as u32,
                    rep_levels_byte_len: repetition as u32,
                    is_compressed: false,
                    statistics,
                })
            }
        }
    }

    /// Whether these bytes can hold this many values.
    fn has_room(&self, bytes: &[u8], values: u32) -> bool {
        let width = match self.column.physical_type() {
            Type::BYTE_ARRAY | Type::INT32 | Type::FLOAT => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => self.column.type_length().max(1) as usize,
            Type::BOOLEAN => return false,
        };
        match self.column.physical_type() {
            Type::BYTE_ARRAY => {
                lengths(bytes).take(values as usize).filter(Option::is_some).count()
                    == values as usize
            }
            _ => bytes.len() / width >= values as usize,
        }
    }

    /// Checks values that the decoder would not check.
    fn check(
        &self,
        bytes: &mut Vec<u8>,
        start: usize,
        encoding: Encoding,
        values: u32,
    ) -> Result<()> {
        let data = &bytes[start..];
        let kind = self.column.physical_type();
        match (encoding, kind) {
            (Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY, _) if !self.has_dictionary => {
                Err(bad("a page needs a dictionary, but there is none"))
            }
            (Encoding::PLAIN, Type::BYTE_ARRAY) => {
                if lengths(data).any(|len| len.is_none()) {
                    return Err(bad("a value longer than its page"));
                }
                // At the end of the page the decoder panics after the last value, but not at an
                // impossible length.
                bytes.extend_from_slice(&[0xff; 4]);
                Ok(())
            }
            (Encoding::DELTA_LENGTH_BYTE_ARRAY, Type::BYTE_ARRAY) => {
                match differences_fit(data, values) {
                    Some(true) => Ok(()),
                    _ => Err(bad("values longer than their page")),
                }
            }
            (Encoding::DELTA_BINARY_PACKED, Type::INT32 | Type::INT64) => {
                let mut data = data;
                match (0..3).map_while(|_| thrift::varint(&mut data).ok()).nth(2) {
                    Some(1..) => Ok(()),
                    _ => Err(bad("a page of no values")),
                }
            }
            (Encoding::RLE, Type::BOOLEAN)
            | (
                Encoding::PLAIN
                | Encoding::PLAIN_DICTIONARY
                | Encoding::RLE_DICTIONARY
                | Encoding::BYTE_STREAM_SPLIT,
                _,
            ) => Ok(()),
            _ => Err(bad(format!("{kind} values in the unsupported encoding {encoding}"))),
        }
    }
}

/// The lengths of consecutive values; `None` for one that is too long.
fn lengths(mut bytes: &[u8]) -> impl Iterator<Item = Option<usize>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let len = prefix(bytes);
        let rest = len.and_then(|len| bytes.get(4 + len..));
        bytes = rest.unwrap_or_default();
        Some(len.filter(|_| rest.is_some()))
    })
}

/// The length stored before something.
fn prefix(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|len| u32::from_le_bytes(*len) as usize)
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Whether lengths stored as differences are at most this many, and add up to the bytes that follow: <https://parquet.apache.org/docs/file-format/data-pages/encodings>.
fn differences_fit(mut bytes: &[u8], values: u32) -> Option<bool> {
    let mut number = || thrift::varint(&mut bytes).ok();
    let (block, parts, count) = (number()?, number()?, number()?);
    let signed = |n: u64| (n >> 1) as i64 ^ -((n & 1) as i64);
    let mut length = signed(number()?);
    let per_part = usize::try_from(block.checked_div(parts)?).ok()?;
    if count > u64::from(values) || per_part == 0 || per_part % 32 > 0 || per_part > 1 << 26 {
        return None;
    }
    let (mut total, mut left) = (0u64, count);
    let mut add = |length: i64| {
        total += u64::from(u32::try_from(length).ok()?);
        left -= 1;
        Some(left)
    };
    let mut left = if count > 0 { add(length)? } else { 0 };
    while left > 0 {
        let least = signed(thrift::varint(&mut bytes).ok()?);
        let (widths, rest) = bytes.split_at_checked(usize::try_from(parts).ok()?)?;
        bytes = rest;
        for width in widths.iter().map(|width| usize::from(*width)) {
            if left == 0 {
                break;
            }
            let (part, rest) =
                bytes.split_at_checked((width <= 32).then_some(width * per_part / 8)?)?;
            bytes = rest;
            for k in 0..per_part.min(usize::try_from(left).ok()?) {
                let bit = |i: usize| u64::from(part[i / 8] >> (i % 8) & 1);
                let value = (0..width).fold(0, |value, i| value | bit(k * width + i) << i);
                length = length.checked_add(least)?.checked_add_unsigned(value)?;
                left = add(length)?;
            }
        }
    }
    Some(total <= bytes.len() as u64)
}

impl PageHeader {
    fn new(value: &thrift::Value) -> Option<Self> {
        let size = |n: i64| usize::try_from(n).ok().filter(|n| *n <= i32::MAX as usize);
        let (kind, of) = match value.integer(1)? {
            0 => {
                let of = value.field(5)?;
                let is_rle = |id| of.integer(id) == Some(3);
                (PageKind::First { is_rle: [is_rle(4), is_rle(3)] }, of)
            }
            1 => (PageKind::Index, value),
            2 => (PageKind::Dictionary, value.field(7)?),
            3 => {
                let of = value.field(8)?;
                let kind = PageKind::Second {
                    nulls: of.integer(2)?.try_into().ok()?,
                    rows: of.integer(3)?.try_into().ok()?,
                    levels: [size(of.integer(6)?)?, size(of.integer(5)?)?],
                    is_compressed: of.integer(7) != Some(0),
                };
                (kind, of)
            }
            _ => return None,
        };
        let encoding =
            match (&kind, of.integer(if matches!(kind, PageKind::Second { .. }) { 4 } else { 2 })?)
            {
                (PageKind::Index, _) | (_, 0) => Encoding::PLAIN,
                (_, 2) => Encoding::PLAIN_DICTIONARY,
                (_, 3) => Encoding::RLE,
                (_, 5) => Encoding::DELTA_BINARY_PACKED,
                (_, 6) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
                (_, 7) => Encoding::DELTA_BYTE_ARRAY,
                (_, 8) => Encoding::RLE_DICTIONARY,
                (_, 9) => Encoding::BYTE_STREAM_SPLIT,
                _ => return None,
            };
        Some(PageHeader {
            size: size(value.integer(2)?)?,
            stored: size(value.integer(3)?)?,
            values: of.integer(1)?.try_into().ok()?,
            kind,
            encoding,
            checksum: value.integer(4).map(|crc| crc as u32),
        })
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.peek()?;
        let Some(header) = self.header.take() else { return Ok(None) };
        if !matches!(header.kind, PageKind::Dictionary) {
            let (values, allowed) = (u64::from(header.values), self.allowed.load(Relaxed));
            if values > MAX_VALUES || allowed == 0 {
                return Err(bad(format!(
                    "a page or row has more than {MAX_VALUES} values: write smaller ones"
                )));
            }
            self.allowed.store(allowed.saturating_sub(values), Relaxed);
        }
        let stored = self.body(header.stored)?;
        if header.checksum.is_some_and(|checksum| checksum != crc32(&stored)) {
            return Err(bad("a page is damaged: its checksum does not match"));
        }
        self.page(header, stored).map(Some)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(self.peek()?.map(|header| {
            let is_dict = matches!(header.kind, PageKind::Dictionary);
            let num_rows = match header.kind {
                PageKind::Second { rows, .. } => Some(rows as usize),
                _ => None,
            };
            PageMetadata {
                num_rows,
                num_levels: (!is_dict).then_some(header.values as usize),
                is_dict,
            }
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.peek()?;
        match self.header.take() {
            Some(header) => self.body(header.stored).map(drop),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    fn varint(mut n: u64, out: &mut Vec<u8>) {
        while n >= 0x80 {
            out.push(n as u8 | 0x80);
            n >>= 7;
        }
        out.push(n as u8);
    }

    /// A page of version 1 that claims to have this many bytes and values.
    fn page(size: u64, values: u64, body: &[u8]) -> Vec<u8> {
        let mut out = vec![0x15, 0, 0x15];
        varint(2 * size, &mut out);
        out.push(0x15);
        varint(2 * body.len() as u64, &mut out);
        out.extend([0x2c, 0x15]);
        varint(2 * values, &mut out);
        out.extend([0x15, 0, 0x15, 6, 0x15, 6, 0, 0]);
        out.extend(body);
        out
    }

    fn pages(bytes: Vec<u8>, codec: Compression) -> Result<Pages> {
        let schema = parse_message_type("message m { repeated int32 x; }")?;
        let column = SchemaDescriptor::new(Arc::new(schema)).column(0);
        let len = bytes.len() as u64;
        let allowed = Arc::new(AtomicU64::new(MAX_VALUES));
        Ok(Pages::new(Box::new(std::io::Cursor::new(bytes)), len, column, codec, allowed))
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() -> Result<()> {
        // A run of values of level 1 in a few bytes, none of which begins a row.
        let body = [5, 0, 0, 0, 0x80, 0x80, 0x80, 0x20];
        let levels = [&body[..], &[1], &body[..], &[1]].concat();
        let first = |size, values, body: &[u8], codec| {
            pages(page(size, values, body), codec)?.get_next_page()
        };
        let plain = Compression::UNCOMPRESSED;
        let at = levels.len() as u64;
        assert!(first(at, 1 << 20, &levels, plain).is_ok());
        assert!(first(at, MAX_VALUES + 1, &levels, plain).is_err());
        assert!(first(at, u64::from(u32::MAX), &levels, plain).is_err());
        assert!(first(i32::MAX as u64, 10, &levels, Compression::SNAPPY).is_err());
        assert!(first(1 << 32, 10, &levels, plain).is_err());
        assert!(first(at, 10, &levels[..5], plain).is_err());
        // A row that extends over pages of a few bytes each.
        let one = page(at, MAX_VALUES / 2, &levels);
        let mut endless = pages(one.repeat(10), plain)?;
        let results: Vec<bool> = (0..4).map(|_| endless.get_next_page().is_ok()).collect();
        assert_eq!(results, [true, true, false, false]);
        Ok(())
    }
}
