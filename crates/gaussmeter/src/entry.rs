//! Registries: how a sampler, a process, a grid rule, a spectrum preset or an initial law is named,
//! parametrised, listed and built from text.
//!
//! Every member of such a family is one file that ends in an [`Entry`]; the family's `registry()`
//! lists the entries. Command line, documentation and tests derive their lists from it.
//!
//! The text form is `name`, `name:value` (for the one positional parameter, if there is one) or
//! `name:key=value,key=value`.

use thiserror::Error;

/// The type of a parameter and its allowed values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A finite real number in `[min, max]`.
    Number {
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
    },
    /// A positive number, or one word.
    NumberOr {
        /// The word.
        word: &'static str,
    },
    /// A number that is not negative, or this word.
    NonNegativeOr {
        /// The word.
        word: &'static str,
    },
    /// A whole number, at least `min`.
    Count {
        /// Smallest allowed value.
        min: usize,
    },
    /// A whole number in `[min, max]`.
    CountTo {
        /// Smallest allowed value.
        min: usize,
        /// Largest allowed value.
        max: usize,
    },
    /// One of the listed words.
    Choice(&'static [&'static str]),
    /// Free text, such as a file name.
    Text,
}

/// A typed parameter of an [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// The key, as written before `=`.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// Default in text form; `None` if the parameter must be given.
    pub default: Option<&'static str>,
    /// One line of help.
    pub summary: &'static str,
}

/// One member of a family: its names, source, parameters, and how it is built.
pub struct Entry<T: ?Sized + 'static> {
    /// Canonical name.
    pub name: &'static str,
    /// Other names that resolve to the same member.
    pub aliases: &'static [&'static str],
    /// One line of help.
    pub summary: &'static str,
    /// Paper, equation or algorithm number.
    pub source: &'static str,
    /// Order of convergence, for members that have one. Tests measure it.
    pub order: Option<u8>,
    /// Parameters; the first one may also be given without its key.
    pub parameters: &'static [Parameter],
    /// Builds the member from arguments already checked against `parameters`.
    pub build: fn(&Arguments) -> Result<Box<T>, BuildError>,
}

/// Names that a family recognises but does not support, with the reason, so that users learn more
/// than that the name is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Members.
    Members {
        /// The names, in any case.
        names: &'static [&'static str],
        /// The reason, in one line.
        reason: &'static str,
    },
    /// Parameters of any member that does not declare them.
    Parameters {
        /// The keys.
        names: &'static [&'static str],
        /// The reason, in one line.
        reason: &'static str,
    },
}

/// Why a member could not be built although each argument is in range.
pub type BuildError = Box<dyn std::error::Error + Send + Sync>;

/// Why a member's text form could not be understood.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EntryError {
    /// No member of the family has this name.
    #[error("unknown {family} '{name}'{}", did_you_mean(.nearest.as_deref(), .known))]
    UnknownName {
        /// The family, in words: "sampler", "process", …
        family: &'static str,
        /// The name asked for.
        name: String,
        /// The most similar known name, if any is similar.
        nearest: Option<String>,
        /// All names of the family.
        known: Vec<&'static str>,
    },
    /// The family recognises the name but does not support it.
    #[error("{family} '{name}' is refused: {reason}")]
    Refused {
        /// The family, in words.
        family: &'static str,
        /// The name asked for.
        name: String,
        /// The reason.
        reason: &'static str,
    },
    /// The family recognises the parameter but does not support it.
    #[error("{family} '{name}': parameter '{key}' is refused: {reason}")]
    RefusedParameter {
        /// The family, in words.
        family: &'static str,
        /// The member.
        name: &'static str,
        /// The key that was given.
        key: String,
        /// The reason.
        reason: &'static str,
    },
    /// The member has no such parameter.
    #[error("{family} '{name}' has no parameter '{key}'{}", did_you_mean(.nearest.as_deref(), .known))]
    UnknownParameter {
        /// The family, in words.
        family: &'static str,
        /// The member.
        name: &'static str,
        /// The key that was given.
        key: String,
        /// The most similar known key, if any is similar.
        nearest: Option<String>,
        /// All keys of the member.
        known: Vec<&'static str>,
    },
    /// A parameter without default was left out.
    #[error("{family} '{name}' needs {key}=… ({summary})")]
    Missing {
        /// The family, in words.
        family: &'static str,
        /// The member.
        name: &'static str,
        /// The missing key.
        key: &'static str,
        /// Its meaning.
        summary: &'static str,
    },
    /// A parameter was given twice.
    #[error("{family} '{name}' got {key} twice")]
    Repeated {
        /// The family, in words.
        family: &'static str,
        /// The member.
        name: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A value has the wrong type or is out of range.
    #[error("{family} '{name}': {key} = '{value}' is not {expected}")]
    BadValue {
        /// The family, in words.
        family: &'static str,
        /// The member.
        name: &'static str,
        /// The key.
        key: &'static str,
        /// The value given.
        value: String,
        /// The allowed values, in words.
        expected: String,
    },
    /// The arguments are in range one by one but not together, or a file they name cannot be used.
    #[error("{family} '{name}': {source}")]
    Build {
        /// The family, in words.
        family: &'static str,
        /// The member.
        name: &'static str,
        /// The reason.
        source: BuildError,
    },
}

fn did_you_mean(nearest: Option<&str>, known: &[&'static str]) -> String {
    match (nearest, known) {
        (Some(n), _) => format!(": did you mean '{n}'?"),
        (None, []) => " (it has none)".into(),
        (None, _) => format!(" (known: {})", known.join(", ")),
    }
}

/// The name most similar to `wanted`, if one is similar enough to suggest.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Longer names are not typing errors.
    if wanted.len() > 100 {
        return None;
    }
    known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(&wanted.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k.to_string())
}

impl Kind {
    fn admits(&self, text: &str) -> bool {
        match self {
            Kind::Number { min, max } => {
                text.parse::<f64>().is_ok_and(|v| v.is_finite() && *min <= v && v <= *max)
            }
            Kind::NumberOr { word } => {
                text == *word || text.parse::<f64>().is_ok_and(|v| v.is_finite() && v > 0.0)
            }
            Kind::NonNegativeOr { word } => {
                text == *word || text.parse::<f64>().is_ok_and(|v| v.is_finite() && v >= 0.0)
            }
            Kind::Count { min } => text.parse::<usize>().is_ok_and(|v| v >= *min),
            Kind::CountTo { min, max } => {
                text.parse::<usize>().is_ok_and(|v| (*min..=*max).contains(&v))
            }
            Kind::Choice(words) => words.contains(&text),
            Kind::Text => !text.is_empty(),
        }
    }
    /// The allowed values, in words.
    pub fn expected(&self) -> String {
        match self {
            Kind::Number { min, max } => match (min.is_finite(), max.is_finite()) {
                (true, true) => format!("a number from {min:?} to {max:?}"),
                (true, false) if *min == f64::MIN_POSITIVE => "a positive number".into(),
                (true, false) => format!("a number of at least {min:?}"),
                (false, true) => format!("a number of at most {max:?}"),
                (false, false) => "a finite number".into(),
            },
            Kind::NumberOr { word } => format!("a positive number or '{word}'"),
            Kind::NonNegativeOr { word } => format!("a number of at least 0 or '{word}'"),
            Kind::Count { min } => format!("a whole number of at least {min}"),
            Kind::CountTo { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Text => "text".into(),
        }
    }
}

/// Arguments of a member, complete and checked: one value per declared parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments(Vec<Argument>);

#[derive(Clone, Debug, PartialEq)]
struct Argument {
    parameter: Parameter,
    value: String,
    /// Whether it was given, be it the default.
    is_given: bool,
}

impl Arguments {
    /// Each parameter with its value in text form, in the order of the entry.
    pub fn iter(&self) -> impl Iterator<Item = (&Parameter, &str)> {
        self.0.iter().map(|a| (&a.parameter, a.value.as_str()))
    }
    /// Whether the text gave this parameter a value, be it the default.
    pub fn is_given(&self, key: &str) -> bool {
        self.0.iter().any(|a| a.parameter.name == key && a.is_given)
    }
    fn text_of(&self, key: &str) -> &str {
        match self.0.iter().find(|a| a.parameter.name == key) {
            Some(argument) => &argument.value,
            None => panic!("'{key}' is not a declared parameter"),
        }
    }
    /// The value of a declared [`Kind::Number`] parameter.
    ///
    /// # Panics
    /// If `key` is not declared as a number: a bug in the member's file, not in any input.
    pub fn number(&self, key: &str) -> f64 {
        match self.text_of(key).parse() {
            Ok(v) => v,
            Err(_) => panic!("'{key}' is not declared as a number"),
        }
    }
    /// The value of a declared [`Kind::NumberOr`] or [`Kind::NonNegativeOr`] parameter; `None` if it is the
    /// word.
    pub fn number_or(&self, key: &str) -> Option<f64> {
        self.text_of(key).parse().ok()
    }
    /// The value of a declared [`Kind::Count`] or [`Kind::CountTo`] parameter.
    ///
    /// # Panics
    /// If `key` is not declared as a count.
    pub fn count(&self, key: &str) -> usize {
        match self.text_of(key).parse() {
            Ok(v) => v,
            Err(_) => panic!("'{key}' is not declared as a count"),
        }
    }
    /// The value of a declared [`Kind::Choice`] or [`Kind::Text`] parameter.
    ///
    /// # Panics
    /// If `key` is not declared.
    pub fn text(&self, key: &str) -> &str {
        self.text_of(key)
    }
}

/// A built member with its full text form.
#[derive(Debug)]
pub struct Named<T: ?Sized> {
    /// Canonical name with the arguments that differ from their defaults: `heun:final=euler`.
    pub label: String,
    /// Canonical name of the entry.
    pub name: &'static str,
    /// Order of convergence of the entry.
    pub order: Option<u8>,
    /// All parameters of the entry with their values.
    pub arguments: Arguments,
    /// The member itself.
    pub item: Box<T>,
}

/// A family of entries: the functions shared by all registries.
pub struct Registry<T: ?Sized + 'static> {
    /// The family, in words: "sampler", "process", …
    pub family: &'static str,
    /// Its members.
    pub entries: Vec<&'static Entry<T>>,
    /// Names it recognises but does not support.
    pub refused: &'static [Refused],
}

impl<T: ?Sized> Registry<T> {
    /// Canonical names, in registry order.
    pub fn names(&self) -> Vec<&'static str> {
        self.entries.iter().map(|e| e.name).collect()
    }

    /// Canonical names of the members that need no argument, in registry order.
    pub fn names_alone(&self) -> Vec<&'static str> {
        let needs = |e: &&&Entry<T>| e.parameters.iter().all(|p| p.default.is_some());
        self.entries.iter().filter(needs).map(|e| e.name).collect()
    }

    /// The entry with this name or alias (case does not matter).
    ///
    /// # Errors
    /// [`EntryError::UnknownName`], with the nearest known name; [`EntryError::Refused`].
    pub fn find(&self, name: &str) -> Result<&'static Entry<T>, EntryError> {
        let wanted = name.to_lowercase();
        let is_match = |known: &str| known.to_lowercase() == wanted;
        self.entries
            .iter()
            .find(|e| is_match(e.name) || e.aliases.iter().any(|a| is_match(a)))
            .copied()
            .ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> EntryError {
        let refusal = self.refused.iter().find_map(|refused| match refused {
            Refused::Members { names, reason } => {
                names.iter().any(|n| n.eq_ignore_ascii_case(name)).then_some(*reason)
            }
            Refused::Parameters { .. } => None,
        });
        if let Some(reason) = refusal {
            return EntryError::Refused { family: self.family, name: name.into(), reason };
        }
        let names =
            |e: &&'static Entry<T>| std::iter::once(e.name).chain(e.aliases.iter().copied());
        EntryError::UnknownName {
            family: self.family,
            name: name.into(),
            nearest: nearest(name, self.entries.iter().flat_map(names)),
            known: self.names(),
        }
    }

    fn unknown_parameter(&self, entry: &Entry<T>, key: &str) -> EntryError {
        let refusal = self.refused.iter().find_map(|refused| match refused {
            Refused::Parameters { names, reason } => names.contains(&key).then_some(*reason),
            Refused::Members { .. } => None,
        });
        let (family, name) = (self.family, entry.name);
        if let Some(reason) = refusal {
            return EntryError::RefusedParameter { family, name, key: key.into(), reason };
        }
        let known: Vec<_> = entry.parameters.iter().map(|p| p.name).collect();
        EntryError::UnknownParameter {
            family,
            name,
            key: key.into(),
            nearest: nearest(key, known.iter().copied()),
            known,
        }
    }

    /// Builds a member from its text form.
    ///
    /// # Errors
    /// [`EntryError`]: unknown names and keys, missing, repeated or invalid values.
    pub fn build(&self, text: &str) -> Result<Named<T>, EntryError> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let entry = self.find(name.trim())?;
        self.member(entry, self.arguments(entry, rest)?)
    }

    /// The same member with another value of one of its parameters.
    ///
    /// # Errors
    /// [`EntryError`]: no such parameter, or a value that is not allowed.
    ///
    /// ```
    /// use gaussmeter::sampler;
    /// let (samplers, sde) = (sampler::registry(), sampler::registry().build("dpmpp-2m-sde:solver=heun")?);
    /// assert_eq!(samplers.with(&sde, "eta", "0.5")?.label, "dpmpp-2m-sde:eta=0.5,solver=heun");
    /// # Ok::<(), gaussmeter::entry::EntryError>(())
    /// ```
    pub fn with(&self, member: &Named<T>, key: &str, value: &str) -> Result<Named<T>, EntryError> {
        let (family, entry) = (self.family, self.find(member.name)?);
        let mut arguments = member.arguments.clone();
        let Some(argument) = arguments.0.iter_mut().find(|a| a.parameter.name == key) else {
            return Err(self.unknown_parameter(entry, key));
        };
        let Parameter { name, kind, .. } = argument.parameter;
        if !kind.admits(value) {
            let (value, expected) = (value.into(), kind.expected());
            return Err(EntryError::BadValue {
                family,
                name: entry.name,
                key: name,
                value,
                expected,
            });
        }
        (argument.value, argument.is_given) = (value.into(), true);
        self.member(entry, arguments)
    }

    fn member(&self, entry: &Entry<T>, arguments: Arguments) -> Result<Named<T>, EntryError> {
        let item = (entry.build)(&arguments).map_err(|source| EntryError::Build {
            family: self.family,
            name: entry.name,
            source,
        })?;
        let changed: Vec<String> = arguments
            .iter()
            .filter(|(p, v)| p.default != Some(v))
            .map(|(p, v)| format!("{}={v}", p.name))
            .collect();
        let label = if changed.is_empty() {
            entry.name.to_string()
        } else {
            format!("{}:{}", entry.name, changed.join(","))
        };
        Ok(Named { label, name: entry.name, order: entry.order, arguments, item })
    }

    fn arguments(&self, entry: &Entry<T>, text: Option<&str>) -> Result<Arguments, EntryError> {
        let (family, name) = (self.family, entry.name);
        let mut given: Vec<(Parameter, String)> = Vec::new();
        let text = text.unwrap_or("");
        // A single text parameter, such as a file name, may itself contain commas and equal signs.
        let whole = matches!(entry.parameters, [Parameter { kind: Kind::Text, .. }]);
        let pieces: Vec<String> = match whole {
            true => vec![text.trim().into()],
            false => pieces(text, entry.parameters),
        };
        for (position, piece) in pieces.iter().filter(|p| !p.is_empty()).enumerate() {
            let piece = piece.as_str();
            let (key, value) = match (piece.split_once('='), entry.parameters.first()) {
                (Some((key, _)), Some(p)) if whole && key != p.name => (p.name, piece),
                (Some((key, value)), _) => (key.trim(), value.trim()),
                (None, Some(first)) if position == 0 => (first.name, piece),
                (None, _) => (piece, ""),
            };
            let parameter = entry
                .parameters
                .iter()
                .find(|p| p.name == key)
                .ok_or_else(|| self.unknown_parameter(entry, key))?;
            if given.iter().any(|(p, _)| p.name == parameter.name) {
                return Err(EntryError::Repeated { family, name, key: parameter.name });
            }
            if !parameter.kind.admits(value) {
                return Err(EntryError::BadValue {
                    family,
                    name,
                    key: parameter.name,
                    value: value.into(),
                    expected: parameter.kind.expected(),
                });
            }
            given.push((*parameter, value.into()));
        }
        entry
            .parameters
            .iter()
            .map(|p| match given.iter().position(|(g, _)| g.name == p.name) {
                Some(i) => {
                    let (parameter, value) = given.swap_remove(i);
                    Ok(Argument { parameter, value, is_given: true })
                }
                None => match p.default {
                    Some(default) => {
                        Ok(Argument { parameter: *p, value: default.into(), is_given: false })
                    }
                    None => {
                        Err(EntryError::Missing { family, name, key: p.name, summary: p.summary })
                    }
                },
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Arguments)
    }
}

/// The arguments in a text. The value of a text parameter that is itself a text form with parameters,
/// `class=power-law:d=6,alpha=1`, goes on with keys that the entry does not have.
fn pieces(text: &str, parameters: &[Parameter]) -> Vec<String> {
    let key = |piece: &str| piece.split_once('=').map(|(key, _)| key.trim().to_string());
    let declared = |key: &str| parameters.iter().find(|p| p.name == key);
    let mut pieces: Vec<String> = Vec::new();
    for piece in text.split(',').map(str::trim) {
        let is_own = key(piece).is_none_or(|key| declared(&key).is_some());
        let nests = |last: &&mut String| {
            last.contains(':')
                && key(last).and_then(|k| declared(&k)).is_some_and(|p| p.kind == Kind::Text)
        };
        match pieces.last_mut().filter(nests) {
            Some(last) if !is_own => {
                last.push(',');
                last.push_str(piece);
            }
            _ => pieces.push(piece.into()),
        }
    }
    pieces
}

/// Splits a comma-separated list of text forms, keeping `name:key=value,key=value` together.
///
/// ```
/// use gaussmeter::entry::split_list;
/// assert_eq!(split_list("em,edm:s_churn=4,s_noise=1,heun"), ["em", "edm:s_churn=4,s_noise=1", "heun"]);
/// ```
pub fn split_list(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for piece in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let continues = piece.contains('=') && !piece.split('=').next().unwrap_or("").contains(':');
        match items.last_mut() {
            Some(last) if continues && last.contains(':') => {
                last.push(',');
                last.push_str(piece);
            }
            _ => items.push(piece.into()),
        }
    }
    items
}
