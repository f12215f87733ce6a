//! The opcodes, as `pickletools` documents them.

use super::known::{self, ARGUMENTS};
use super::value::{AXES, Bytes, Id, Known, Value, Values, text};
use crate::samples::SamplesError;
use crate::source::Input;
use std::collections::HashMap;
use std::io::{self, BufReader, Read};

/// Approximate limit on the memory of all values together.
const LIMIT: u64 = 1 << 30;

/// Memory that one opcode may take: a value, its place on the stack and in the memo.
const COST: u64 = 128;

/// Longest bytes held in memory; longer ones stay in the file.
const HELD: u64 = 1 << 12;

/// Longest name of a function or class.
const NAME: usize = 1 << 10;

struct Machine<'a> {
    input: &'a Input,
    reader: BufReader<Box<dyn Read + Send>>,
    /// Number of bytes read so far.
    at: u64,
    size: Option<u64>,
    left: u64,
    values: Values,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

/// Interprets a pickle. Returns its values, and which of them is the result.
pub(super) fn run(input: &Input) -> Result<(Values, Id), SamplesError> {
    let mut machine = Machine {
        input,
        reader: BufReader::new(input.reader()?),
        at: 0,
        size: input.size()?,
        left: LIMIT,
        values: Values::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    while machine.step()? {}
    let root = machine.pop()?;
    Ok((machine.values, root))
}

impl Machine<'_> {
    fn bad(&self, reason: impl std::fmt::Display) -> SamplesError {
        self.input.malformed(format!("damaged pickle: {reason} before byte {}", self.at))
    }

    /// An error: Python would run this.
    fn code(&self, what: &str) -> SamplesError {
        let what: String = what.chars().take(100).flat_map(char::escape_default).collect();
        self.input.malformed(format!(
            "contains Python code, a call of {what}, which is never run: save only the array"
        ))
    }

    /// Counts memory against the limit.
    fn take(&mut self, bytes: u64) -> Result<(), SamplesError> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            self.input.malformed(format!(
                "the pickle needs more than {} MiB of memory: save the array with numpy.save",
                LIMIT >> 20
            ))
        })?;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> SamplesError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                self.input.malformed(format!("pickle cut off after {} bytes", self.at))
            }
            _ => self.input.failed(error),
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], SamplesError> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|e| self.failed(e))?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// A little-endian number of N bytes.
    fn number<const N: usize>(&mut self) -> Result<u64, SamplesError> {
        let mut all = [0; 8];
        all[..N].copy_from_slice(&self.bytes::<N>()?);
        Ok(u64::from_le_bytes(all))
    }

    /// The next `len` bytes, in memory.
    fn held(&mut self, len: u64) -> Result<Vec<u8>, SamplesError> {
        self.take(len)?;
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(len).read_to_end(&mut bytes);
        self.at += read.map_err(|e| self.failed(e))? as u64;
        match bytes.len() as u64 == len {
            true => Ok(bytes),
            false => Err(self.failed(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// The rest of a line.
    fn line(&mut self) -> Result<Vec<u8>, SamplesError> {
        let mut line = Vec::new();
        loop {
            match self.bytes::<1>()? {
                [b'\n'] => break,
                [byte] => {
                    self.take(1)?;
                    line.push(byte);
                }
            }
        }
        Ok(line)
    }

    fn line_as<T: std::str::FromStr>(&mut self) -> Result<T, SamplesError> {
        let line = self.line()?;
        let parsed = std::str::from_utf8(&line).ok().and_then(|text| text.trim().parse().ok());
        parsed.ok_or_else(|| self.bad("not a number"))
    }

    fn name(&mut self) -> Result<String, SamplesError> {
        let line = self.line()?;
        match String::from_utf8(line) {
            Ok(name) if name.len() <= NAME => Ok(name),
            _ => Err(self.bad("not the name of a class")),
        }
    }

    /// The next `len` bytes, which stay in the file if there are many.
    fn blob(&mut self, len: u64) -> Result<(), SamplesError> {
        let blob = match len {
            0..=HELD => Bytes::Held(self.held(len)?.into()),
            _ => {
                let start = self.at;
                self.pass(len)?;
                Bytes::Range { start, len }
            }
        };
        self.push(Value::Bytes(blob))
    }

    fn pass(&mut self, len: u64) -> Result<(), SamplesError> {
        let end = self.at.checked_add(len);
        let cut = |machine: &Self| machine.failed(io::ErrorKind::UnexpectedEof.into());
        match (self.size, end) {
            (_, None) => return Err(cut(self)),
            (Some(size), Some(end)) if end > size => return Err(cut(self)),
            (Some(_), Some(end)) => self.reader = BufReader::new(self.input.reader_at(end)?),
            (None, _) => {
                let passed = io::copy(&mut (&mut self.reader).take(len), &mut io::sink());
                if passed.map_err(|e| self.failed(e))? < len {
                    return Err(cut(self));
                }
            }
        }
        self.at += len;
        Ok(())
    }

    fn text(&mut self, len: u64) -> Result<(), SamplesError> {
        let bytes = self.held(len)?;
        // Python writes lone surrogates, which are not characters.
        self.push(Value::Text(String::from_utf8_lossy(&bytes).into()))
    }

    fn push(&mut self, value: Value) -> Result<(), SamplesError> {
        let id = self.values.push(value).ok_or_else(|| self.bad("too many values"))?;
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, SamplesError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => self.stack.pop().ok_or_else(|| self.bad("nothing on the stack")),
            false => Err(self.bad("nothing on the stack")),
        }
    }

    fn top(&self) -> Result<Id, SamplesError> {
        self.stack.last().copied().ok_or_else(|| self.bad("nothing on the stack"))
    }

    /// Everything pushed since the last mark.
    fn since_mark(&mut self) -> Result<Vec<Id>, SamplesError> {
        let mark = self.marks.pop().ok_or_else(|| self.bad("no mark"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn pairs(&self, all: &[Id]) -> Result<Vec<(Id, Id)>, SamplesError> {
        let (pairs, rest) = all.as_chunks();
        match rest {
            [] => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
            _ => Err(self.bad("a key without a value")),
        }
    }

    fn extend(&mut self, new: &[Id]) -> Result<(), SamplesError> {
        let list = self.top()?;
        match self.values.get_mut(list) {
            Some(Value::List(all)) => all.extend_from_slice(new),
            _ => return Err(self.bad("no list to append to")),
        }
        Ok(())
    }

    fn set(&mut self, new: &[Id]) -> Result<(), SamplesError> {
        let (dict, new) = (self.top()?, self.pairs(new)?);
        match self.values.get_mut(dict) {
            Some(Value::Dict(all)) => all.extend(new),
            _ => return Err(self.bad("no dictionary to add to")),
        }
        Ok(())
    }

    fn tuple(&mut self, len: usize) -> Result<(), SamplesError> {
        let mut all = (0..len).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        all.reverse();
        self.push(Value::Tuple(all))
    }

    fn remember(&mut self, at: u64) -> Result<(), SamplesError> {
        let top = self.top()?;
        self.memo.insert(at, top);
        Ok(())
    }

    fn recall(&mut self, at: u64) -> Result<(), SamplesError> {
        let id = self.memo.get(&at).copied();
        let id = id.ok_or_else(|| self.bad(format!("nothing remembered as {at}")))?;
        self.stack.push(id);
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), SamplesError> {
        let known = Known::new(module, name);
        let known = known.ok_or_else(|| self.code(&format!("{module}.{name}")))?;
        self.push(Value::Name(known))
    }

    fn call(&mut self) -> Result<(), SamplesError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let made = match (self.values.get(function), self.values.get(arguments)) {
            (Value::Name(known), Value::Tuple(all)) if all.len() <= ARGUMENTS => {
                known::call(&self.values, known, all)
            }
            _ => None,
        };
        let made = made.ok_or_else(|| self.bad("a call with unexpected arguments"))?;
        self.take(match &made {
            Value::Tuple(all) => 4 * all.len() as u64,
            Value::Dict(all) => 8 * all.len() as u64,
            Value::Bytes(Bytes::Held(bytes)) => bytes.len() as u64,
            Value::Array(_) | Value::Tensor(_) => 16 * AXES as u64,
            _ => 0,
        })?;
        self.push(made)
    }

    fn build(&mut self) -> Result<(), SamplesError> {
        let (state, object) = (self.pop()?, self.top()?);
        let built = match (self.values.get(object), self.values.get(state)) {
            // Attributes of a dictionary do not matter.
            (Value::Dict(_), _) => return Ok(()),
            (object, state) => known::build(&self.values, object, state),
        };
        let built = built.ok_or_else(|| self.bad("an object with unexpected state"))?;
        if let Some(object) = self.values.get_mut(object) {
            *object = built;
        }
        Ok(())
    }

    fn persistent(&mut self, id: Id) -> Result<(), SamplesError> {
        let value = known::persistent(&self.values, self.values.get(id)).unwrap_or(Value::Other);
        self.push(value)
    }

    /// A little-endian integer of `len` bytes, in two's complement.
    fn long(&mut self, len: u64) -> Result<(), SamplesError> {
        let bytes = self.held(len)?;
        let value = match bytes.last() {
            None => Value::Int(0),
            Some(last) if bytes.len() <= 8 => {
                let mut all = [if *last < 0x80 { 0 } else { 0xff }; 8];
                all[..bytes.len()].copy_from_slice(&bytes);
                Value::Int(i64::from_le_bytes(all))
            }
            Some(_) => Value::Other,
        };
        self.push(value)
    }

    /// Runs one opcode. Returns whether more follow.
    fn step(&mut self) -> Result<bool, SamplesError> {
        self.take(COST)?;
        let [opcode] = self.bytes()?;
        match opcode {
            b'.' => return Ok(false),
            0x80 => match self.number::<1>()? {
                0..=5 => {}
                version => return Err(self.bad(format!("protocol {version} is unknown"))),
            },
            0x95 => drop(self.bytes::<8>()?),

            b'(' => self.marks.push(self.stack.len()),
            b'0' => match self.marks.last() {
                Some(mark) if *mark == self.stack.len() => drop(self.marks.pop()),
                _ => drop(self.pop()?),
            },
            b'1' => drop(self.since_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }

            b'p' => {
                let at = self.line_as()?;
                self.remember(at)?;
            }
            b'q' => {
                let at = self.number::<1>()?;
                self.remember(at)?;
            }
            b'r' => {
                let at = self.number::<4>()?;
                self.remember(at)?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,
            b'g' => {
                let at = self.line_as()?;
                self.recall(at)?;
            }
            b'h' => {
                let at = self.number::<1>()?;
                self.recall(at)?;
            }
            b'j' => {
                let at = self.number::<4>()?;
                self.recall(at)?;
            }

            b'N' => self.push(Value::Other)?,
            0x88 => self.push(Value::Int(1))?,
            0x89 => self.push(Value::Int(0))?,
            b'K' => {
                let value = self.number::<1>()?;
                self.push(Value::Int(value as i64))?;
            }
            b'M' => {
                let value = self.number::<2>()?;
                self.push(Value::Int(value as i64))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.bytes()?);
                self.push(Value::Int(value.into()))?;
            }
            b'I' => {
                let value = self.line_as()?;
                self.push(Value::Int(value))?;
            }
            b'L' => {
                let line = self.line()?;
                let digits = std::str::from_utf8(&line).ok().map(|l| l.trim_end_matches('L'));
                let value = digits.and_then(|l| l.parse().ok());
                self.push(value.map_or(Value::Other, Value::Int))?;
            }
            0x8a => {
                let len = self.number::<1>()?;
                self.long(len)?;
            }
            0x8b => {
                let len = self.number::<4>()?;
                self.long(len)?;
            }
            b'F' => {
                self.line()?;
                self.push(Value::Other)?;
            }
            b'G' => {
                self.bytes::<8>()?;
                self.push(Value::Other)?;
            }

            b'S' => {
                let line = self.line()?;
                let bytes = unquoted(&line).ok_or_else(|| self.bad("not a quoted text"))?;
                self.push(Value::Bytes(Bytes::Held(bytes.into())))?;
            }
            b'U' | b'C' => {
                let len = self.number::<1>()?;
                self.blob(len)?;
            }
            b'T' | b'B' => {
                let len = self.number::<4>()?;
                self.blob(len)?;
            }
            0x8e | 0x96 => {
                let len = self.number::<8>()?;
                self.blob(len)?;
            }
            b'V' => {
                let line = self.line()?;
                let text = unescaped(&line).ok_or_else(|| self.bad("not a text"))?;
                self.push(Value::Text(text.into()))?;
            }
            0x8c => {
                let len = self.number::<1>()?;
                self.text(len)?;
            }
            b'X' => {
                let len = self.number::<4>()?;
                self.text(len)?;
            }
            0x8d => {
                let len = self.number::<8>()?;
                self.text(len)?;
            }

            b')' => self.push(Value::Tuple(Vec::new()))?,
            0x85..=0x87 => self.tuple(usize::from(opcode - 0x84))?,
            b't' => {
                let all = self.since_mark()?;
                self.push(Value::Tuple(all))?;
            }
            // Sets contain no arrays, but they may occur.
            b']' | 0x8f => self.push(Value::List(Vec::new()))?,
            b'l' | 0x91 => {
                let all = self.since_mark()?;
                self.push(Value::List(all))?;
            }
            b'a' => {
                let new = self.pop()?;
                self.extend(&[new])?;
            }
            b'e' | 0x90 => {
                let new = self.since_mark()?;
                self.extend(&new)?;
            }
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b'd' => {
                let all = self.since_mark()?;
                let pairs = self.pairs(&all)?;
                self.push(Value::Dict(pairs))?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let new = self.since_mark()?;
                self.set(&new)?;
            }

            b'c' => {
                let (module, name) = (self.name()?, self.name()?);
                self.global(&module, &name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id| text(self.values.get(id)).map(|t| t.into_owned());
                let names = text(module).zip(text(name));
                let names = names.filter(|(m, n)| m.len() <= NAME && n.len() <= NAME);
                let (module, name) = names.ok_or_else(|| self.bad("not the name of a class"))?;
                self.global(&module, &name)?;
            }
            // New objects are made by a call.
            b'R' | 0x81 => self.call()?,
            b'b' => self.build()?,
            b'P' => {
                self.line()?;
                self.push(Value::Other)?;
            }
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)?;
            }
            b'i' => {
                let (module, name) = (self.name()?, self.name()?);
                return Err(self.code(&format!("{module}.{name}")));
            }
            b'o' | 0x92 => return Err(self.code("a class with arguments of its own")),
            0x82 => {
                let code = self.number::<1>()?;
                return Err(self.code(&format!("extension {code}")));
            }
            0x83 => {
                let code = self.number::<2>()?;
                return Err(self.code(&format!("extension {code}")));
            }
            0x84 => {
                let code = self.number::<4>()?;
                return Err(self.code(&format!("extension {code}")));
            }
            0x97 | 0x98 => {
                return Err(self.input.malformed(
                    "a pickle with buffers outside of it: save it without buffer_callback",
                ));
            }
            other => return Err(self.bad(format!("unknown opcode {other:#04x}"))),
        }
        Ok(true)
    }
}

/// A Python string literal without its quotes and escapes.
fn unquoted(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii_end();
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => return None,
    };
    let (mut bytes, mut rest) = (Vec::with_capacity(inner.len()), inner.iter());
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => {
                let digits = [*rest.next()?, *rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            quoted @ (b'\\' | b'\'' | b'"') => bytes.push(*quoted),
            _ => return None,
        }
    }
    Some(bytes)
}

/// Latin-1 text in which other characters are escaped as \uXXXX or \UXXXXXXXX.
fn unescaped(line: &[u8]) -> Option<String> {
    let (mut text, mut rest) = (String::with_capacity(line.len()), line);
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                rest = after;
                continue;
            }
        };
        let code = std::str::from_utf8(after.get(1..=digits)?).ok()?;
        let code = u32::from_str_radix(code, 16).ok()?;
        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = &after[digits + 1..];
    }
    Some(text)
}
