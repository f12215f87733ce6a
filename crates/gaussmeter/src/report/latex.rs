//! LaTeX, with booktabs.

use super::{Align, Format, Label, ReportError, Table};

/// With more columns than this, a table is set smaller and tighter to fit the usual page.
const WIDE: usize = 8;

fn write(table: &Table) -> Result<String, ReportError> {
    let layout = table.layout(
        |column, _| column.label.latex().into_owned(),
        |cell, _| match cell.label().latex() {
            text if cell.is_best() && text.contains('$') => format!(r"\textbf{{\boldmath {text}}}"),
            text if cell.is_best() => format!(r"\textbf{{{text}}}"),
            text => text.into_owned(),
        },
    )?;
    let mut out = String::from("\\begin{table}[htbp]\n  \\centering\n");
    let mut line = |text: &str| out.extend(["  ", text, "\n"]);
    if !table.title.is_empty() {
        line(&format!(r"\caption{{{}}}\smallskip", escape(&table.title)));
    }
    if table.columns.len() > WIDE {
        line(r"\footnotesize\setlength{\tabcolsep}{2.5pt}");
    }
    let columns = table.columns.iter().map(|column| match column.align {
        Align::Left => 'l',
        Align::Right => 'r',
    });
    line(&format!(
        r"\begin{{tabular}}{{@{{}}{}@{{}}}}",
        columns.collect::<String>()
    ));
    line(r"  \toprule");
    if let Some((headers, rules)) = groups(table) {
        line(&format!(r"  {headers} \\"));
        line(&format!("  {rules}"));
    }
    for (index, (rule_above, cells)) in layout.lines(" & ").enumerate() {
        if rule_above || index == 1 {
            line(r"  \midrule");
        }
        // After `\\`, `[` and `*` would be read as its arguments.
        let guard = if cells.trim_start().starts_with(['[', '*']) {
            "{}"
        } else {
            ""
        };
        line(&format!(r"  {guard}{cells} \\"));
    }
    line(r"  \bottomrule");
    line(r"\end{tabular}");
    if !table.notes.is_empty() {
        let notes: Vec<_> = table.notes.iter().map(String::as_str).map(escape).collect();
        line(r"\par\smallskip");
        line(r"\parbox{\linewidth}{\footnotesize\raggedright");
        line(&format!("  {}}}", notes.join("\\par\n    ")));
    }
    out.push_str("\\end{table}\n");
    Ok(out)
}

/// The row of group headers and the rules under them, if there are groups.
fn groups(table: &Table) -> Option<(String, String)> {
    let (mut headers, mut rules) = (Vec::new(), Vec::new());
    let mut first = 1;
    for (group, columns) in table.groups() {
        let last = first + columns - 1;
        match group.map(Label::latex) {
            Some(group) => {
                headers.push(format!(r"\multicolumn{{{columns}}}{{c}}{{{group}}}"));
                rules.push(format!(r"\cmidrule(lr){{{first}-{last}}}"));
            }
            None => headers.extend(std::iter::repeat_n(String::new(), columns)),
        }
        first = last + 1;
    }
    (!rules.is_empty()).then(|| (headers.join(" & ").trim_start().to_owned(), rules.join(" ")))
}

/// Plain text as LaTeX: special characters escaped, mathematical symbols in math mode. Other
/// characters outside ASCII stay as they are: pdfLaTeX knows accented Latin letters, dashes, quotes.
pub(super) fn escape(text: &str) -> String {
    let glyphs: Vec<_> = text.chars().map(glyph).collect();
    let runs: Vec<(Kind, String)> = glyphs
        .chunk_by(|a, b| a.0 == b.0)
        .map(|run| {
            (
                run[0].0,
                run.iter().map(|(_, latex)| latex.as_str()).collect(),
            )
        })
        .collect();
    let mut out = String::new();
    for (i, (kind, latex)) in runs.iter().enumerate() {
        let before = |n: usize| i.checked_sub(n).map_or(Kind::Text, |i| runs[i].0);
        if (*kind == Kind::Text) != (before(1) == Kind::Text) {
            out.push('$');
        }
        match kind {
            // Two hyphens would become a dash; `--paper` must not.
            Kind::Text => out.push_str(&latex.replace("--", "-{}-").replace("--", "-{}-")),
            Kind::Symbol => out.push_str(latex),
            Kind::Superscript | Kind::Subscript => {
                // TeX refuses two superscripts on one base, even with a subscript between them.
                let base = if before(2) == *kind { "{}" } else { "" };
                let mark = if *kind == Kind::Superscript { '^' } else { '_' };
                out.push_str(&format!("{base}{mark}{{{latex}}}"));
            }
        }
    }
    if runs.last().is_some_and(|(kind, _)| *kind != Kind::Text) {
        out.push('$');
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Symbol,
    Superscript,
    Subscript,
}

fn glyph(c: char) -> (Kind, String) {
    use Kind::{Subscript, Superscript, Symbol, Text};
    let (kind, latex) = match c {
        '&' => (Text, r"\&"),
        '%' => (Text, r"\%"),
        '$' => (Text, r"\$"),
        '#' => (Text, r"\#"),
        '_' => (Text, r"\_"),
        '{' => (Text, r"\{"),
        '}' => (Text, r"\}"),
        '~' => (Text, r"\textasciitilde{}"),
        '^' => (Text, r"\textasciicircum{}"),
        '\\' => (Text, r"\textbackslash{}"),
        '`' => (Text, r"\textasciigrave{}"),
        '"' => (Text, "''"),
        c if c.is_control() => (Text, " "),

        '<' => (Symbol, "<"),
        '>' => (Symbol, ">"),
        '|' => (Symbol, "|"),
        '−' => (Symbol, "-"),
        '±' => (Symbol, r"\pm"),
        '×' => (Symbol, r"\times"),
        '·' => (Symbol, r"\cdot"),
        '≤' => (Symbol, r"\le"),
        '≥' => (Symbol, r"\ge"),
        '≪' => (Symbol, r"\ll"),
        '≫' => (Symbol, r"\gg"),
        '≠' => (Symbol, r"\ne"),
        '≈' => (Symbol, r"\approx"),
        '∼' => (Symbol, r"\sim"),
        '∝' => (Symbol, r"\propto"),
        '≡' => (Symbol, r"\equiv"),
        '→' => (Symbol, r"\to"),
        '←' => (Symbol, r"\leftarrow"),
        '∈' => (Symbol, r"\in"),
        '∞' => (Symbol, r"\infty"),
        '∂' => (Symbol, r"\partial"),
        '∇' => (Symbol, r"\nabla"),
        '∑' => (Symbol, r"\sum"),
        '∏' => (Symbol, r"\prod"),
        '∫' => (Symbol, r"\int"),
        '√' => (Symbol, r"\surd"),
        '‖' => (Symbol, r"\|"),
        '½' => (Symbol, r"\frac12"),

        'α' => (Symbol, r"\alpha"),
        'β' => (Symbol, r"\beta"),
        'γ' => (Symbol, r"\gamma"),
        'δ' => (Symbol, r"\delta"),
        'ε' => (Symbol, r"\varepsilon"),
        'ζ' => (Symbol, r"\zeta"),
        'η' => (Symbol, r"\eta"),
        'θ' => (Symbol, r"\theta"),
        'ι' => (Symbol, r"\iota"),
        'κ' => (Symbol, r"\kappa"),
        'λ' => (Symbol, r"\lambda"),
        // The micro sign and the Greek letter.
        'µ' | 'μ' => (Symbol, r"\mu"),
        'ν' => (Symbol, r"\nu"),
        'ξ' => (Symbol, r"\xi"),
        'π' => (Symbol, r"\pi"),
        'ρ' => (Symbol, r"\rho"),
        'σ' => (Symbol, r"\sigma"),
        'τ' => (Symbol, r"\tau"),
        'υ' => (Symbol, r"\upsilon"),
        'φ' => (Symbol, r"\varphi"),
        'χ' => (Symbol, r"\chi"),
        'ψ' => (Symbol, r"\psi"),
        'ω' => (Symbol, r"\omega"),
        'Γ' => (Symbol, r"\Gamma"),
        'Δ' => (Symbol, r"\Delta"),
        'Θ' => (Symbol, r"\Theta"),
        'Λ' => (Symbol, r"\Lambda"),
        'Ξ' => (Symbol, r"\Xi"),
        'Π' => (Symbol, r"\Pi"),
        'Σ' => (Symbol, r"\Sigma"),
        'Φ' => (Symbol, r"\Phi"),
        'Ψ' => (Symbol, r"\Psi"),
        'Ω' => (Symbol, r"\Omega"),

        '⁰' => (Superscript, "0"),
        '¹' => (Superscript, "1"),
        '²' => (Superscript, "2"),
        '³' => (Superscript, "3"),
        '⁴' => (Superscript, "4"),
        '⁵' => (Superscript, "5"),
        '⁶' => (Superscript, "6"),
        '⁷' => (Superscript, "7"),
        '⁸' => (Superscript, "8"),
        '⁹' => (Superscript, "9"),
        '⁺' => (Superscript, "+"),
        '⁻' => (Superscript, "-"),
        'ⁿ' => (Superscript, "n"),
        'ᵀ' => (Superscript, "T"),
        '°' => (Superscript, r"{\circ}"),
        '′' => (Superscript, r"{\prime}"),
        '″' => (Superscript, r"{\prime\prime}"),
        '₀' => (Subscript, "0"),
        '₁' => (Subscript, "1"),
        '₂' => (Subscript, "2"),
        '₃' => (Subscript, "3"),
        '₄' => (Subscript, "4"),
        '₅' => (Subscript, "5"),
        '₆' => (Subscript, "6"),
        '₇' => (Subscript, "7"),
        '₈' => (Subscript, "8"),
        '₉' => (Subscript, "9"),
        '₊' => (Subscript, "+"),
        '₋' => (Subscript, "-"),
        'ᵢ' => (Subscript, "i"),
        'ⱼ' => (Subscript, "j"),
        'ₖ' => (Subscript, "k"),
        'ₙ' => (Subscript, "n"),
        'ₜ' => (Subscript, "t"),
        _ => return (Text, c.into()),
    };
    (kind, latex.into())
}

pub(super) static FORMAT: Format = Format {
    name: "latex",
    extensions: &["tex"],
    summary: "booktabs tables for a paper",
    write: |report| {
        let tables = report
            .tables
            .iter()
            .map(write)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(format!(
            "% needs \\usepackage{{booktabs}}\n{}",
            tables.join("\n")
        ))
    },
};
