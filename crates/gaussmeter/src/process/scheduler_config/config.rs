//! From the text of a file to the values of one class.

use super::ConfigError;
use super::classes::{Class, Family, class};
use super::keys::{self, Role};
use crate::entry::nearest;
use serde_json::{Map, Value};

/// Every scheduler class with its keys and defaults; `{}` where a key has none.
const CLASSES: &str = include_str!("classes.json");

/// The values of a class: the file's, else its defaults.
#[derive(Debug)]
pub(super) struct Config {
    pub class: &'static Class,
    values: Map<String, Value>,
    defaults: Map<String, Value>,
    /// Sentences about keys that the class does not have.
    pub strangers: Vec<String>,
}

impl Config {
    /// # Errors
    /// [`ConfigError`]: no JSON object, no class or one without a process, values of another type.
    pub fn read(text: &[u8]) -> Result<Self, ConfigError> {
        let given = object(text).map_err(ConfigError::Malformed)?;
        let name = match given.get("_class_name") {
            Some(Value::String(name)) => name.as_str(),
            _ => return Err(ConfigError::NoClass),
        };
        let class = class(name).ok_or_else(|| unknown(name))?;
        if let Family::Refused(reason) = class.family {
            return Err(ConfigError::Refused(name.into(), reason.into()));
        }
        let all = object(CLASSES.as_bytes()).map_err(ConfigError::Malformed)?;
        let defaults = keys_of(&all, name);
        let mut values = defaults.clone();
        for (key, default) in &defaults {
            match given.get(key) {
                None if *default == Value::Object(Map::new()) => {
                    return Err(ConfigError::Missing(name.into(), key.clone()));
                }
                None => {}
                Some(Value::Null) if default.is_boolean() => {
                    values.insert(key.clone(), Value::Bool(false));
                }
                Some(Value::Null) => {}
                Some(value) => {
                    typed(key, default, value)?;
                    values.insert(key.clone(), value.clone());
                }
            }
        }
        let has_levels = defaults.contains_key("use_karras_sigmas");
        let mut strangers = Strangers::default();
        for (key, value) in given.iter().filter(|(key, _)| !defaults.contains_key(*key)) {
            match key.as_str() {
                // Read wherever levels are converted, whether it is a key of the class or not.
                "sigma_min" | "sigma_max" if has_levels => {
                    values.insert(key.clone(), value.clone());
                }
                key if key.starts_with('_') => {}
                key => strangers.add(&all, key, value),
            }
        }
        let strangers = strangers.sentences(name, &defaults);
        Ok(Config { class, values, defaults, strangers })
    }

    /// The value of a number; `None` if it is null or no key of the class.
    pub fn number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        match self.values.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => Err(ConfigError::Value(key.into(), "a number")),
            },
        }
    }

    /// The value of a positive number; `None` if it is null or no key of the class.
    pub fn positive(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        match self.number(key)? {
            Some(number) if number <= 0.0 => {
                Err(ConfigError::Value(key.into(), "a positive number"))
            }
            number => Ok(number),
        }
    }

    /// Whether a key is true.
    pub fn is(&self, key: &str) -> bool {
        self.values.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The value of a text; empty if it is null or no key of the class.
    pub fn text(&self, key: &str) -> &str {
        self.values.get(key).and_then(Value::as_str).unwrap_or("")
    }

    /// One of some words.
    pub fn word(&self, key: &str, words: &[&str]) -> Result<&str, ConfigError> {
        let text = self.text(key);
        match self.values.contains_key(key) && !words.contains(&text) {
            true => Err(ConfigError::Word(key.into(), self.shown(key), words.join(", "))),
            false => Ok(text),
        }
    }

    /// A value as the file has it.
    pub fn shown(&self, key: &str) -> String {
        self.values.get(key).unwrap_or(&Value::Null).to_string()
    }

    /// The list `trained_betas`, if there is one.
    pub fn trained_betas(&self) -> Result<Option<Vec<f64>>, ConfigError> {
        let error = || ConfigError::Value("trained_betas".into(), "a list of numbers");
        match self.values.get("trained_betas") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(list)) => list
                .iter()
                .map(|b| b.as_f64().ok_or_else(error))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(error()),
        }
    }

    /// The keys of a role that are not as by default, with their values.
    pub fn changed(&self, role: Role) -> Vec<String> {
        let differs = |key: &&String| self.values.get(*key) != self.defaults.get(*key);
        let of_role = |key: &&String| keys::role(key) == Some(role);
        let shown = |key: &String| format!("{key}={}", self.shown(key));
        self.defaults.keys().filter(of_role).filter(differs).map(shown).collect()
    }

    /// The keys of a role that are true.
    pub fn set(&self, role: Role) -> Vec<&str> {
        let of_role = |key: &&str| keys::role(key) == Some(role) && self.is(key);
        self.values.keys().map(String::as_str).filter(of_role).collect()
    }
}

/// Keys that a class does not have.
#[derive(Default)]
struct Strangers {
    others: Vec<String>,
    unknown: Vec<String>,
}

impl Strangers {
    fn add(&mut self, all: &Map<String, Value>, key: &str, value: &Value) {
        let defaults: Vec<_> = all.values().filter_map(|class| class.get(key)).collect();
        let is_idle = matches!(value, Value::Null | Value::Bool(false));
        if defaults.is_empty() && !keys::OUT_OF_USE.contains(&key) {
            self.unknown.push(key.into());
        } else if !is_idle && !defaults.contains(&value) {
            self.others.push(format!("{key}={}", shortened(&value.to_string())));
        }
    }

    fn sentences(self, class: &str, defaults: &Map<String, Value>) -> Vec<String> {
        let known = || defaults.keys().map(String::as_str);
        let mut sentences: Vec<String> = Vec::new();
        if !self.others.is_empty() {
            let list = self.others.join(", ");
            sentences.push(format!("{class} has no {list}: ignored, as diffusers does"));
        }
        sentences.extend(self.unknown.iter().map(|key| {
            let key = shortened(key);
            let hint = nearest(&key, known()).map(|k| format!(" (did you mean '{k}'?)"));
            let hint = hint.unwrap_or_default();
            format!("no scheduler of diffusers has the key '{key}': ignored, as there{hint}")
        }));
        sentences
    }
}

/// The beginning of a text that may be long.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
    }
}

fn keys_of(all: &Map<String, Value>, class: &str) -> Map<String, Value> {
    all.get(class).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn unknown(name: &str) -> ConfigError {
    if let Some(class) = name.strip_prefix("Flax") {
        let reason = format!("diffusers has no Flax any more: name {class}, if that is its like");
        return ConfigError::Refused(shortened(name), reason);
    }
    let known = super::classes::CLASSES.iter().map(|class| class.name);
    let similar = nearest(name, known).filter(|_| name.contains("Sched"));
    ConfigError::Class(shortened(name), similar)
}

/// A value must have the type of its default; whatever has null may have any.
fn typed(key: &str, default: &Value, value: &Value) -> Result<(), ConfigError> {
    let expected = match default {
        Value::Bool(_) if !value.is_boolean() => "true or false",
        Value::Number(_) if !value.is_number() => "a number",
        Value::Array(_) if !value.is_array() => "a list",
        // An infinity is written as a word.
        Value::String(word) if word == MINUS_INFINITY && value.is_number() => return Ok(()),
        Value::String(_) if !value.is_string() => "text",
        _ => return Ok(()),
    };
    Err(ConfigError::Value(key.into(), expected))
}

const MINUS_INFINITY: &str = "-Infinity";

/// A JSON object as Python writes it: infinities and NaN are bare words there, which become strings.
fn object(text: &[u8]) -> Result<Map<String, Value>, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut plain = Vec::with_capacity(text.len());
    let (mut rest, mut is_string) = (text, false);
    while let Some((&byte, after)) = rest.split_first() {
        let words: [&[u8]; 3] = [MINUS_INFINITY.as_bytes(), b"Infinity", b"NaN"];
        let word = words.into_iter().find(|word| !is_string && rest.starts_with(word));
        if let Some(word) = word {
            plain.extend([b"\"", word, b"\""].concat());
            rest = rest.get(word.len()..).unwrap_or_default();
            continue;
        }
        plain.push(byte);
        rest = after;
        match (byte, rest.split_first()) {
            (b'"', _) => is_string = !is_string,
            (b'\\', Some((&escaped, after))) if is_string => {
                plain.push(escaped);
                rest = after;
            }
            _ => {}
        }
    }
    match serde_json::from_slice(&plain).map_err(|e| e.to_string())? {
        Value::Object(object) => Ok(object),
        _ => Err("it holds no keys with their values".into()),
    }
}
