//! Lists as programs print them, pasted into a file: `tensor([999, 850], device='cuda:0')`,
//! `[14.6 1.0 0. ]`, `[np.float64(14.6), np.float64(0.0)]`, `(999, 850, 24,)`.

use super::{Format, FormatError, Table, text, without_mark};
use std::str;

pub(super) static FORMAT: Format = Format {
    name: "printed",
    extensions: &[],
    recognises: |bytes| {
        let Ok(text) = str::from_utf8(without_mark(bytes)) else { return false };
        Printed::find(text).is_some_and(|list| {
            // JSON is read as JSON; so is text that is neither, for its error message.
            let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            list.call || !is_json() && list.numbers().is_ok_and(|n| n.iter().all(|v| v.is_finite()))
        })
    },
    read: |bytes, columns| {
        let text = String::from_utf8_lossy(without_mark(bytes));
        let list = Printed::find(&text).ok_or(FormatError::Unrecognised)?;
        Ok(Table::single(columns, list.numbers()?))
    },
};

/// A list within a text.
struct Printed<'a> {
    /// Whether it is the argument of a function call.
    call: bool,
    /// Line of its bracket, from 1.
    line: usize,
    /// What is between the brackets.
    inside: &'a str,
    /// What follows.
    after: &'a str,
}

impl<'a> Printed<'a> {
    /// The list that makes up a text, apart from a name and the call that prints it.
    fn find(text: &'a str) -> Option<Self> {
        let (open, close) = if text.contains('[') { ('[', ']') } else { ('(', ')') };
        let (before, rest) = text.split_once(open)?;
        let (inside, after) = rest.rsplit_once(close)?;
        let (before, line) = (before.trim(), before.matches('\n').count() + 1);
        let call = before.ends_with('(');
        // `timesteps: tensor(` is allowed; an assignment is a line of a program, another format.
        let name = match before.split_once(':') {
            Some((name, call)) if is_name(name.trim()) => call.trim(),
            _ => before,
        };
        let is_call = call && name.split('(').all(|part| part.is_empty() || is_name(part));
        (name.is_empty() || is_call).then_some(Printed { call, line, inside, after })
    }

    fn numbers(&self) -> Result<Vec<f64>, FormatError> {
        let bad = |reason: &str| FormatError::Malformed {
            format: FORMAT.name,
            reason: reason.to_owned(),
        };
        if self.inside.contains(['[', ']']) || self.after.contains(['[', ']']) {
            return Err(bad("several lists, or a list of lists: keep only one"));
        }
        if self.inside.contains("...") || self.inside.contains('…') {
            return Err(bad(
                "abbreviated by '...': print all of it, for example with list.tolist(), or save it with numpy.save",
            ));
        }
        let mut numbers = Vec::new();
        for (index, row) in self.inside.lines().enumerate() {
            let entries = row.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
            // Options of a call around one number: `tensor(14.6, device='cuda:0')`.
            let entries = entries.filter(|entry| !entry.is_empty() && !is_option(entry));
            for entry in entries {
                let number = match entry.split_once('(') {
                    Some((call, number)) if is_name(call) => number,
                    _ => entry,
                };
                numbers.push(text::number(self.line + index, number.trim_end_matches(')'))?);
            }
        }
        Ok(numbers)
    }
}

/// Names with dots, such as functions of modules.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || "_.".contains(c))
}

fn is_option(entry: &str) -> bool {
    entry.split_once('=').is_some_and(|(name, _)| is_name(name))
}
