//! Text with variables, superscripts and subscripts: from the LaTeX that labels have.

use super::font::Face;
use crate::report::Label;
use std::iter::Peekable;
use std::str::Chars;

/// A line of text in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rich(Vec<Run>);

/// A part of one face.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub text: String,
    pub face: Face,
    pub script: Script,
}

/// Where a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Base,
    Super,
    Sub,
}

impl Script {
    /// Size, as a multiple of that of the line.
    pub fn scale(self) -> f64 {
        if self == Script::Base { 1.0 } else { 0.72 }
    }

    /// Height of its baseline above that of the line, as a multiple of the size.
    pub fn rise(self) -> f64 {
        match self {
            Script::Base => 0.0,
            Script::Super => 0.38,
            Script::Sub => -0.18,
        }
    }
}

/// Heights above and below the baseline, as multiples of the size: of capitals with an accent, and of g.
#[cfg(test)]
const ASCENT: f64 = 0.80;
#[cfg(test)]
const DESCENT: f64 = 0.22;

impl Rich {
    /// The LaTeX of a label if it is of the kind that labels have, its plain text otherwise.
    pub fn of(label: &Label) -> Self {
        label.own_latex().and_then(parse).unwrap_or_else(|| Rich::plain(label.plain()))
    }

    /// Text without variables.
    pub fn plain(text: &str) -> Self {
        Rich::in_face(text, Face::Regular)
    }

    pub fn in_face(text: &str, face: Face) -> Self {
        let mut rich = Rich::default();
        rich.push(text, face, Script::Base);
        rich
    }

    /// A power of ten, after a factor if it is not 1.
    pub fn power(factor: &str, exponent: i32) -> Self {
        let mut rich = Rich::default();
        if factor != "1" {
            rich.push(&format!("{factor}×"), Face::Regular, Script::Base);
        }
        rich.push("10", Face::Regular, Script::Base);
        rich.push(&minus(&exponent.to_string()), Face::Regular, Script::Super);
        rich
    }

    pub fn push(&mut self, text: &str, face: Face, script: Script) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.face == face && last.script == script => last.text.push_str(text),
            _ => self.0.push(Run { text: text.into(), face, script }),
        }
    }

    pub fn extend(&mut self, other: &Rich) {
        other.0.iter().for_each(|run| self.push(&run.text, run.face, run.script));
    }

    pub fn runs(&self) -> &[Run] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn ends_with(&self, c: char) -> bool {
        self.0.last().is_some_and(|run| run.text.ends_with(c))
    }

    /// What one types for it: powers of ten as in `2e-5`.
    pub fn typed(&self) -> String {
        let mut typed = String::new();
        for run in &self.0 {
            match (run.script, typed.strip_suffix("10")) {
                (Script::Super, Some(factor)) => {
                    let factor = factor.strip_suffix('×').unwrap_or(factor);
                    let factor = if factor.is_empty() { "1" } else { factor };
                    typed = format!("{factor}e{}", run.text);
                }
                _ => typed.push_str(&run.text),
            }
        }
        typed.replace('−', "-")
    }

    pub fn width(&self, size: f64) -> f64 {
        let width = |run: &Run| run.face.width(&run.text) * run.script.scale();
        size * self.0.iter().map(width).sum::<f64>()
    }

    /// The height above the baseline.
    #[cfg(test)]
    pub fn ascent(&self, size: f64) -> f64 {
        let top = |run: &Run| run.script.rise() + ASCENT * run.script.scale();
        size * self.0.iter().map(top).fold(ASCENT, f64::max)
    }

    /// The depth below the baseline.
    #[cfg(test)]
    pub fn descent(&self, size: f64) -> f64 {
        let depth = |run: &Run| DESCENT * run.script.scale() - run.script.rise();
        size * self.0.iter().map(depth).fold(DESCENT, f64::max)
    }

    /// At most so many lines of at most such a width, broken at spaces, or after the parts of names with
    /// settings; the end of what does not fit is left out.
    pub fn wrap(&self, size: f64, width: f64, most: usize) -> Vec<Rich> {
        let mut lines: Vec<Rich> = Vec::new();
        for (is_spaced, word) in self.words() {
            let joined = lines.last().map(|line| {
                let mut joined = line.clone();
                joined.push(if is_spaced { " " } else { "" }, Face::Regular, Script::Base);
                joined.extend(&word);
                joined
            });
            match (joined, lines.len()) {
                // The last line takes the rest, and is cut.
                (Some(joined), count) if joined.width(size) <= width || count == most => {
                    lines[count - 1] = joined;
                }
                _ => lines.push(word),
            }
        }
        lines.iter().map(|line| line.cut(size, width)).collect()
    }

    /// The beginning, with `…` if it is not all.
    pub fn cut(&self, size: f64, width: f64) -> Rich {
        if self.width(size) <= width {
            return self.clone();
        }
        let end = Rich::plain("…");
        let mut room = width - end.width(size);
        let mut cut = Rich::default();
        'all: for run in &self.0 {
            for c in run.text.chars() {
                let c = c.to_string();
                room -= run.face.width(&c) * run.script.scale() * size;
                if room < 0.0 {
                    break 'all;
                }
                cut.push(&c, run.face, run.script);
            }
        }
        cut.extend(&end);
        cut
    }

    /// The parts between which a line may be broken, and whether a space is before them.
    fn words(&self) -> Vec<(bool, Rich)> {
        let mut words = vec![(false, Rich::default())];
        for run in &self.0 {
            let mut rest = run.text.as_str();
            while let Some(c) = rest.chars().next() {
                let end = rest.find([' ', ',', ':']).map_or(rest.len(), |at| at.max(1));
                let (part, tail) = match c {
                    ' ' => {
                        words.push((true, Rich::default()));
                        ("", &rest[1..])
                    }
                    _ => rest.split_at(end),
                };
                if let Some((_, word)) = words.last_mut() {
                    word.push(part, run.face, run.script);
                }
                // A name and its settings; not a bracket of two numbers.
                if run.script == Script::Base
                    && matches!(c, ',' | ':')
                    && tail.starts_with(char::is_alphabetic)
                {
                    words.push((false, Rich::default()));
                }
                rest = tail;
            }
        }
        words.retain(|(_, word)| !word.is_empty());
        words
    }
}

/// A number with a proper minus sign.
pub(crate) fn minus(number: &str) -> String {
    number.replace('-', "−")
}

/// Commands that are a character. Greek follows by name.
const SYMBOLS: [(&str, &str); 44] = [
    ("times", "×"),
    ("cdot", "·"),
    ("pm", "±"),
    ("infty", "∞"),
    ("le", "≤"),
    ("leq", "≤"),
    ("ge", "≥"),
    ("geq", "≥"),
    ("ne", "≠"),
    ("neq", "≠"),
    ("approx", "≈"),
    ("ll", "≪"),
    ("gg", "≫"),
    ("sum", "∑"),
    ("prod", "∏"),
    ("int", "∫"),
    ("partial", "∂"),
    ("to", "→"),
    ("rightarrow", "→"),
    ("leftarrow", "←"),
    ("Rightarrow", "⇒"),
    ("lVert", "‖"),
    ("rVert", "‖"),
    ("Vert", "‖"),
    ("|", "‖"),
    ("prime", "′"),
    ("ell", "ℓ"),
    ("ldots", "…"),
    ("dots", "…"),
    ("cdots", "…"),
    ("log", "log"),
    ("ln", "ln"),
    ("exp", "exp"),
    ("min", "min"),
    ("max", "max"),
    ("sup", "sup"),
    ("inf", "inf"),
    ("tr", "tr"),
    ("det", "det"),
    ("textbackslash", "\\"),
    ("textasciitilde", "~"),
    ("textasciicircum", "^"),
    ("colon", ":"),
    ("sqrt", "√"),
];

const GREEK: [(&str, &str); 38] = [
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("delta", "δ"),
    ("epsilon", "ϵ"),
    ("varepsilon", "ε"),
    ("zeta", "ζ"),
    ("eta", "η"),
    ("theta", "θ"),
    ("iota", "ι"),
    ("kappa", "κ"),
    ("lambda", "λ"),
    ("mu", "μ"),
    ("nu", "ν"),
    ("xi", "ξ"),
    ("pi", "π"),
    ("rho", "ρ"),
    ("sigma", "σ"),
    ("varsigma", "ς"),
    ("tau", "τ"),
    ("upsilon", "υ"),
    ("phi", "ϕ"),
    ("varphi", "φ"),
    ("chi", "χ"),
    ("psi", "ψ"),
    ("omega", "ω"),
    ("vartheta", "ϑ"),
    ("Gamma", "Γ"),
    ("Delta", "Δ"),
    ("Theta", "Θ"),
    ("Lambda", "Λ"),
    ("Xi", "Ξ"),
    ("Pi", "Π"),
    ("Sigma", "Σ"),
    ("Upsilon", "Υ"),
    ("Phi", "Φ"),
    ("Psi", "Ψ"),
    ("Omega", "Ω"),
];

/// Commands whose argument is set in a face.
fn face_of(command: &str) -> Option<Face> {
    match command {
        "mathrm" | "text" | "textrm" | "operatorname" | "texttt" | "mathbb" | "textnormal" => {
            Some(Face::Regular)
        }
        "mathit" | "emph" | "textit" | "mathcal" => Some(Face::Italic),
        "mathbf" | "textbf" | "boldsymbol" => Some(Face::Bold),
        _ => None,
    }
}

/// The text of the LaTeX that labels have; `None` for anything else.
pub(crate) fn parse(latex: &str) -> Option<Rich> {
    let mut parser = Parser { rest: latex.chars().peekable(), rich: Rich::default() };
    let style = Style { is_math: false, face: None, script: Script::Base };
    parser.until(None, style)?;
    Some(parser.rich)
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    rich: Rich,
}

#[derive(Clone, Copy)]
struct Style {
    is_math: bool,
    /// Given by a command.
    face: Option<Face>,
    script: Script,
}

impl Style {
    fn face(self, c: char) -> Face {
        let is_variable = self.is_math && c.is_alphabetic() && !('Α'..='Ω').contains(&c);
        self.face.unwrap_or(if is_variable { Face::Italic } else { Face::Regular })
    }
}

impl Parser<'_> {
    /// Everything up to a character, or to the end.
    fn until(&mut self, end: Option<char>, style: Style) -> Option<()> {
        loop {
            match self.rest.next() {
                None => return end.is_none().then_some(()),
                Some(c) if Some(c) == end => return Some(()),
                Some(c) => self.part(c, style)?,
            }
        }
    }

    /// What a character starts.
    fn part(&mut self, c: char, style: Style) -> Option<()> {
        match c {
            '$' if style.is_math => return None,
            '$' => self.until(Some('$'), Style { is_math: true, ..style })?,
            '{' => self.until(Some('}'), style)?,
            '}' | '&' | '#' | '%' => return None,
            '^' | '_' if style.is_math && style.script == Script::Base => {
                let script = if c == '^' { Script::Super } else { Script::Sub };
                self.argument(Style { script, ..style })?;
            }
            '^' | '_' => return None,
            '\\' => self.command(style)?,
            '~' => self.push(" ", style),
            ' ' if style.is_math => {}
            '-' if style.is_math => self.push("−", style),
            '\'' if style.is_math => self.push("′", style),
            '-' => {
                let mut count = 1;
                while self.rest.next_if_eq(&'-').is_some() {
                    count += 1;
                }
                self.push(if count == 1 { "-" } else { "–" }, style);
            }
            // Relations have space around them.
            '=' | '<' | '>' | '+' if style.is_math && style.script == Script::Base => {
                self.push(&format!(" {c} "), style);
            }
            ',' if style.is_math => self.push(", ", style),
            _ => self.push(c.encode_utf8(&mut [0; 4]), style),
        }
        Some(())
    }

    /// A group, a command or a character.
    fn argument(&mut self, style: Style) -> Option<()> {
        match self.rest.next()? {
            '{' => self.until(Some('}'), style),
            c => self.part(c, style),
        }
    }

    fn command(&mut self, style: Style) -> Option<()> {
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(char::is_ascii_alphabetic) {
            name.push(c);
        }
        if name.is_empty() {
            name.push(self.rest.next()?);
        } else if !style.is_math {
            // Spaces end the name of a command.
            while self.rest.next_if_eq(&' ').is_some() {}
        }
        let known = |list: &[(&str, &'static str)]| {
            list.iter().find(|(known, _)| *known == name).map(|(_, symbol)| *symbol)
        };
        if let Some(face) = face_of(&name) {
            let is_math = style.is_math && name.starts_with("math") | (name == "boldsymbol");
            return self.argument(Style { face: Some(face), is_math, ..style });
        }
        if let Some(symbol) = known(&SYMBOLS) {
            let is_relation = ["≤", "≥", "≠", "≈", "≪", "≫", "→", "←", "⇒", "×"].contains(&symbol);
            match is_relation && style.is_math && style.script == Script::Base {
                true => self.push(&format!("\u{2009}{symbol}\u{2009}"), upright(style)),
                false => self.push(symbol, upright(style)),
            }
            return Some(());
        }
        if let Some(letter) = known(&GREEK) {
            self.push(letter, style);
            return Some(());
        }
        match name.as_str() {
            "%" | "_" | "&" | "#" | "$" | "{" | "}" => self.push(&name, style),
            "," | ";" | ":" | "!" => self.push("\u{2009}", style),
            " " | "quad" => self.push(" ", style),
            "left" | "right" | "limits" => {}
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, text: &str, style: Style) {
        for c in text.chars() {
            let mut bytes = [0; 4];
            self.rich.push(c.encode_utf8(&mut bytes), style.face(c), style.script);
        }
    }
}

/// Names of functions are not variables.
fn upright(style: Style) -> Style {
    Style { face: style.face.or(Some(Face::Regular)), ..style }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rich(latex: &str) -> Vec<(String, Face, Script)> {
        let parsed = Rich::of(&Label::new("PLAIN").with_latex(latex));
        parsed.0.into_iter().map(|run| (run.text, run.face, run.script)).collect()
    }

    #[test]
    fn labels_are_read() {
        use Face::*;
        use Script::*;
        let run = |text: &str, face, script| (text.to_string(), face, script);
        assert_eq!(rich("$t$"), [run("t", Italic, Base)]);
        assert_eq!(
            rich(r"$W_2$ to $p_\varepsilon$, 50\%"),
            [
                run("W", Italic, Base),
                run("2", Regular, Sub),
                run(" to ", Regular, Base),
                run("p", Italic, Base),
                run("ε", Italic, Sub),
                run(", 50%", Regular, Base),
            ]
        );
        assert_eq!(
            rich(r"$\mathcal{N}(0, I)$"),
            [
                run("N", Italic, Base),
                run("(0, ", Regular, Base),
                run("I", Italic, Base),
                run(")", Regular, Base)
            ]
        );
        assert_eq!(
            rich(r"$1.2 \times 10^{-5}$"),
            [run("1.2\u{2009}×\u{2009}10", Regular, Base), run("−5", Regular, Super)]
        );
        assert_eq!(
            rich(r"$\sigma_{\mathrm{max}}$"),
            [run("σ", Italic, Base), run("max", Regular, Sub)]
        );
    }

    #[test]
    fn anything_else_is_the_plain_text() {
        for latex in [
            r"$\frac{1}{2}$",
            "$x",
            "a_b",
            "{",
            "}",
            "$x^$",
            r"\unknown{x}",
            "$x_{y_z}$",
            "\\",
            "%",
        ] {
            assert_eq!(rich(latex), [("PLAIN".into(), Face::Regular, Script::Base)], "{latex}");
        }
    }

    #[test]
    fn lines_are_within_their_width() {
        let long = Rich::plain("a word and anextremelylongwordthatdoesnotfit and more of them");
        for most in 1..5 {
            let lines = long.wrap(8.0, 60.0, most);
            assert!(lines.len() <= most, "{lines:?}");
            assert!(lines.iter().all(|line| line.width(8.0) <= 60.0), "{lines:?}");
        }
        assert!(Rich::plain("").wrap(8.0, 60.0, 2).is_empty());
    }
}
