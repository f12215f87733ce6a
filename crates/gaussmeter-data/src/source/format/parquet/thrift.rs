//! Thrift's compact protocol, as far as it is needed to read page headers and to check footers:
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

use std::io::{self, ErrorKind, Read};

/// How deeply values may be nested; those of parquet are nested less than half as deeply.
const MAX_DEPTH: usize = 16;

/// A value. Only numbers are kept.
pub(super) enum Value {
    Integer(i64),
    List(Vec<Value>),
    /// Fields, by number.
    Struct(Vec<(i16, Value)>),
    Other,
}

impl Value {
    /// Field `id` of a struct.
    pub fn field(&self, id: i16) -> Option<&Value> {
        match self {
            Value::Struct(fields) => fields.iter().find(|(i, _)| *i == id).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Field `id` of a struct, if it is an integer.
    pub fn integer(&self, id: i16) -> Option<i64> {
        match self.field(id) {
            Some(Value::Integer(n)) => Some(*n),
            _ => None,
        }
    }
}

/// Reads a struct.
pub(super) fn read(reader: &mut dyn Read) -> io::Result<Value> {
    fields(reader, MAX_DEPTH)
}

fn fields(reader: &mut dyn Read, depth: usize) -> io::Result<Value> {
    let depth = depth.checked_sub(1).ok_or(ErrorKind::InvalidData)?;
    let (mut found, mut id) = (Vec::new(), 0i16);
    loop {
        let (delta, kind) = halves(byte(reader)?);
        if kind == 0 {
            return Ok(Value::Struct(found));
        }
        id = match delta {
            0 => integer(reader)? as i16,
            delta => id.wrapping_add(delta.into()),
        };
        let value = match kind {
            // The type of a field also gives the value of a boolean.
            1 | 2 => Value::Integer(i64::from(kind == 1)),
            kind => value(reader, kind, depth)?,
        };
        found.push((id, value));
    }
}

fn value(reader: &mut dyn Read, kind: u8, depth: usize) -> io::Result<Value> {
    let depth = depth.checked_sub(1).ok_or(ErrorKind::InvalidData)?;
    Ok(match kind {
        1..=3 => Value::Integer(i64::from(byte(reader)? as i8)),
        4..=6 => Value::Integer(integer(reader)?),
        7 => pass(reader, 8)?,
        8 => {
            let len = varint(reader)?;
            pass(reader, len)?
        }
        9 | 10 => {
            let (count, kind) = halves(byte(reader)?);
            let count = if count == 15 { varint(reader)? } else { count.into() };
            let mut list = Vec::new();
            for _ in 0..count {
                list.push(value(reader, kind, depth)?);
            }
            Value::List(list)
        }
        12 => fields(reader, depth)?,
        _ => return Err(ErrorKind::InvalidData.into()),
    })
}

fn halves(byte: u8) -> (u8, u8) {
    (byte >> 4, byte & 15)
}

fn byte(reader: &mut dyn Read) -> io::Result<u8> {
    let mut byte = [0];
    reader.read_exact(&mut byte)?;
    Ok(byte[0])
}

pub(super) fn varint(reader: &mut dyn Read) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(reader)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(ErrorKind::InvalidData.into())
}

fn integer(reader: &mut dyn Read) -> io::Result<i64> {
    let n = varint(reader)?;
    Ok((n >> 1) as i64 ^ -((n & 1) as i64))
}

fn pass(reader: &mut dyn Read, len: u64) -> io::Result<Value> {
    match io::copy(&mut reader.take(len), &mut io::sink())? == len {
        true => Ok(Value::Other),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bounded() {
        // A struct in a struct in a struct, lists of billions, text of terabytes.
        assert!(read(&mut &[0x1c; 1000][..]).is_err());
        assert!(read(&mut &[0x19; 1000][..]).is_err());
        for kind in [0x3, 0x5, 0x8, 0xc] {
            assert!(read(&mut &[0x19, 0xf0 | kind, 0xff, 0xff, 0xff, 0xff, 0x0f, 0][..]).is_err());
        }
        assert!(read(&mut &[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2][..]).is_err());
        // Fields 1 = -3, 2 = true, 200 = "ab", 201 = [1, 2].
        let bytes = [0x15, 5, 0x11, 0x08, 0x90, 3, 2, b'a', b'b', 0x19, 0x25, 2, 4, 0];
        let read = read(&mut &bytes[..]).ok();
        let integer = |id| read.as_ref().and_then(|v| v.integer(id));
        assert_eq!([1, 2, 200, 3].map(integer), [Some(-3), Some(1), None, None]);
        let list = read.as_ref().and_then(|v| v.field(201));
        assert!(matches!(list, Some(Value::List(list)) if list.len() == 2));
    }
}
