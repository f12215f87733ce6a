//! How numbers are written.

use super::Label;

/// How a number is written. Infinite values are `∞` except in [`Style::Published`]; zero is `0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// As in the published table (arXiv 2405.14250): `0.65`, `67.32`; below 0.01 `6.7E-04`;
    /// infinite `-`. A value that two decimals round to 0.01 is written `0.01`, never `1.0E-02`.
    Published,
    /// As [`Style::Published`], but infinite is `∞`, and `3.1E+12` from 99500 on.
    Short,
    /// This many significant digits (1 to 17): `0.001235`, and `1.235e-5` or `1.235e6` outside
    /// [1e-3, 1e6). Digits before the point are never replaced by zeros.
    Significant(usize),
    /// A count, without decimals.
    Integer,
    /// The fewest digits that read back as the same number: `0.05`, `3072`, `1e-5`.
    Exact,
}

impl Style {
    /// A number in this style, in plain and in LaTeX form.
    ///
    /// ```
    /// use gaussmeter::report::Style;
    /// let label = Style::Significant(4).label(1.23449e-5);
    /// assert_eq!(label.plain(), "1.234e-5");
    /// assert_eq!(label.latex(), r"$1.234 \times 10^{-5}$");
    /// ```
    pub fn label(self, value: f64) -> Label {
        if value.is_infinite() {
            return match (self, value > 0.0) {
                (Style::Published, _) => Label::new("-"),
                (_, true) => Label::new("∞"),
                (_, false) => Label::new("-∞").with_latex(r"$-\infty$"),
            };
        }
        let plain = match self {
            _ if value == 0.0 => "0".into(),
            Style::Published => published(value, i32::MAX),
            Style::Short => published(value, 4),
            Style::Significant(digits) => significant(value, digits.clamp(1, 17)),
            Style::Integer => format!("{value:.0}"),
            Style::Exact => exact(value),
        };
        let latex = latex(&plain);
        Label::new(plain).with_latex(latex)
    }
}

fn published(value: f64, largest_exponent: i32) -> String {
    match scientific(value, 1) {
        (_, exponent) if (-2..=largest_exponent).contains(&exponent) => format!("{value:.2}"),
        (mantissa, exponent) => format!("{mantissa}E{exponent:+03}"),
    }
}

fn significant(value: f64, digits: usize) -> String {
    match scientific(value, digits - 1) {
        (_, exponent @ -3..6) => {
            let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
            format!("{value:.decimals$}")
        }
        (mantissa, exponent) => format!("{mantissa}e{exponent}"),
    }
}

/// The fewest digits that read back as the same number.
pub(super) fn exact(value: f64) -> String {
    let (fixed, scientific) = (value.to_string(), format!("{value:e}"));
    match (1e-2..1e6).contains(&value.abs()) || fixed.len() <= scientific.len() {
        true => fixed,
        false => scientific,
    }
}

/// Mantissa, rounded, and the decimal exponent it has after rounding.
fn scientific(value: f64, decimals: usize) -> (String, i32) {
    let text = format!("{value:.decimals$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.into(), exponent.parse().unwrap_or(0)),
        None => (text, 0),
    }
}

fn latex(plain: &str) -> String {
    match (plain.split_once('e'), plain.strip_prefix('-')) {
        (Some(("1", exponent)), _) => format!("$10^{{{exponent}}}$"),
        (Some((mantissa, exponent)), _) => format!(r"${mantissa} \times 10^{{{exponent}}}$"),
        (None, Some(magnitude)) => format!("$-${magnitude}"),
        (None, None) => plain.into(),
    }
}
