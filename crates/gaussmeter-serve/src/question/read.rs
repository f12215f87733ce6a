//! Values of keys.

use super::MAX_LIST;
use crate::refusal::Refusal;
use gaussmeter::experiment::MAX_STEPS;
use serde_json::Value;

/// Longest text.
const LONGEST: usize = 4096;

fn wrong(key: &str, needed: &str, found: &Value) -> Refusal {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Refusal::usage(format!("{key}: {needed} is needed, not {found}"))
}

pub(super) fn text(key: &str, value: &Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) if text.len() > LONGEST => {
            Err(Refusal::usage(format!("{key}: a text of more than {LONGEST} bytes")))
        }
        Value::String(text) if text.contains('\0') => {
            Err(Refusal::usage(format!("{key}: a text with a zero byte")))
        }
        Value::String(text) => Ok(text.clone()),
        other => Err(wrong(key, "a text", other)),
    }
}

fn list<'a>(key: &str, items: &'a [Value]) -> Result<&'a [Value], Refusal> {
    match items.len() {
        0 => Err(Refusal::usage(format!("{key}: the list is empty"))),
        1..=MAX_LIST => Ok(items),
        _ => Err(Refusal::usage(format!("{key}: a list of more than {MAX_LIST}"))),
    }
}

/// A text, or several where that is an answer each.
pub(super) fn texts(key: &str, value: &Value, several: bool) -> Result<Vec<String>, Refusal> {
    match value {
        Value::Array(items) if several => list(key, items)?.iter().map(|t| text(key, t)).collect(),
        Value::Array(_) => Err(wrong(key, "one text", value)),
        value => Ok(vec![text(key, value)?]),
    }
}

pub(super) fn number(key: &str, value: &Value) -> Result<f64, Refusal> {
    match value.as_f64() {
        Some(number) if number.is_finite() => Ok(number + 0.0),
        _ => Err(wrong(key, "a number", value)),
    }
}

/// A number of at least `least`, or several.
pub(super) fn numbers(
    key: &str,
    value: &Value,
    several: bool,
    least: f64,
) -> Result<Vec<f64>, Refusal> {
    let found = match value {
        Value::Array(items) if several => {
            list(key, items)?.iter().map(|n| number(key, n)).collect::<Result<_, _>>()?
        }
        value => vec![number(key, value)?],
    };
    match found.iter().find(|n| **n < least) {
        Some(n) if least > 0.0 => {
            Err(Refusal::usage(format!("{key}: {n} is not a positive number")))
        }
        Some(n) => Err(Refusal::usage(format!("{key}: {n} is negative"))),
        None => Ok(found),
    }
}

/// Levels given one by one, of which the first may be `"inf"`: `None` where the grid is in words.
pub(super) fn levels(key: &str, value: &Value) -> Result<Option<Vec<f64>>, Refusal> {
    let Value::Array(items) = value else { return Ok(None) };
    match items.split_first() {
        Some((first, rest)) if first == "inf" => {
            let rest = match rest {
                [] => Vec::new(),
                rest => numbers(key, &Value::from(rest), true, 0.0)?,
            };
            Ok(Some(std::iter::once(f64::INFINITY).chain(rest).collect()))
        }
        Some((first, _)) if first.is_number() => numbers(key, value, true, 0.0).map(Some),
        _ => Ok(None),
    }
}

pub(super) fn whole(key: &str, value: &Value, least: usize, most: usize) -> Result<usize, Refusal> {
    let found = value.as_u64().and_then(|n| usize::try_from(n).ok());
    match found {
        Some(n) if (least..=most).contains(&n) => Ok(n),
        _ if value.is_number() => {
            let needed = format!("a whole number from {least} to {most}");
            Err(Refusal::usage(format!("{key}: {value} is not {needed}")))
        }
        _ => Err(wrong(key, "a whole number", value)),
    }
}

/// A number of steps, points or evaluations, or several.
pub(super) fn counts(key: &str, value: &Value, several: bool) -> Result<Vec<usize>, Refusal> {
    match value {
        Value::Array(items) if several => {
            list(key, items)?.iter().map(|n| whole(key, n, 0, MAX_STEPS)).collect()
        }
        value => Ok(vec![whole(key, value, 0, MAX_STEPS)?]),
    }
}

pub(super) fn seed(key: &str, value: &Value) -> Result<u64, Refusal> {
    value.as_u64().ok_or_else(|| wrong(key, "a whole number from 0", value))
}

pub(super) fn flag(key: &str, value: &Value) -> Result<bool, Refusal> {
    value.as_bool().ok_or_else(|| wrong(key, "true or false", value))
}
