//! Command lines, as people would type them.

use std::fmt::{self, Display};

/// A command line for a POSIX shell.
///
/// ```
/// use gaussmeter::shell::Line;
/// let mut line = Line::new("eval");
/// line.option("--spectrum", Some("my data.npz"));
/// line.list("--sampler", &["heun", "ddim"]);
/// line.flag("--modes", true);
/// assert_eq!(line.to_string(), "gaussmeter eval --spectrum 'my data.npz' --sampler heun,ddim --modes");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(String);

impl Line {
    /// `gaussmeter VERB`
    pub fn new(verb: &str) -> Self {
        Line(format!("gaussmeter {verb}"))
    }

    /// Adds a word of its own.
    pub fn operand(&mut self, text: &str) {
        // What begins like an option is none.
        let text = if text.starts_with('-') { format!("./{text}") } else { text.into() };
        self.0.push(' ');
        self.0.push_str(&quoted(&text));
    }

    /// Adds an option, if it has a value.
    pub fn option(&mut self, name: &str, value: Option<impl Display>) {
        let Some(value) = value.map(|value| value.to_string()) else { return };
        let between = if value.starts_with('-') && name.starts_with("--") { '=' } else { ' ' };
        self.0.push_str(&format!(" {name}{between}{}", quoted(&value)));
    }

    /// Adds an option with a comma-separated list, unless that is empty.
    pub fn list(&mut self, name: &str, values: &[impl Display]) {
        let list: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.option(name, (!list.is_empty()).then(|| list.join(",")));
    }

    /// Adds an option without a value, if it is given.
    pub fn flag(&mut self, name: &str, is_given: bool) {
        if is_given {
            self.0.push(' ');
            self.0.push_str(name);
        }
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word of a command line, quoted for a POSIX shell where that is needed.
///
/// ```
/// use gaussmeter::shell::quoted;
/// assert_eq!(quoted("edm:sigma_max=80"), "edm:sigma_max=80");
/// assert_eq!(quoted("it's"), r"'it'\''s'");
/// ```
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
