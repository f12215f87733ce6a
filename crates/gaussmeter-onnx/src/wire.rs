//! The wire format of Protocol Buffers, read in place: every length is checked against the bytes that
//! there are.

use crate::error::Broken;

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A whole number.
    Number(u64),
    /// A message, a text, or packed numbers.
    Bytes(&'a [u8]),
    /// Four or eight bytes of a number.
    Fixed(&'a [u8]),
}

/// The fields of one message.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields(message)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Broken::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Broken::Wire)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Broken> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Broken::Truncated)?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(Value::Fixed)?,
            _ => return Err(Broken::Wire),
        };
        Ok((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Whole numbers of a field that may be packed.
pub fn numbers(value: Value) -> Result<Vec<u64>, Broken> {
    match value {
        Value::Number(number) => Ok(vec![number]),
        Value::Bytes(bytes) => {
            let mut rest = Fields(bytes);
            let mut all = Vec::new();
            while !rest.0.is_empty() {
                all.push(rest.varint()?);
            }
            Ok(all)
        }
        Value::Fixed(_) => Err(Broken::Wire),
    }
}

/// 32-bit floats of a field that may be packed.
pub fn floats(value: Value) -> Result<Vec<f32>, Broken> {
    match value {
        Value::Fixed(bytes) | Value::Bytes(bytes) if bytes.len().is_multiple_of(4) => {
            Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        }
        _ => Err(Broken::Wire),
    }
}

/// A text.
pub fn text(value: Value<'_>) -> Result<&str, Broken> {
    match value {
        Value::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|_| Broken::Wire),
        _ => Err(Broken::Wire),
    }
}

/// The bytes of a message.
pub fn message(value: Value<'_>) -> Result<&[u8], Broken> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(Broken::Wire),
    }
}
