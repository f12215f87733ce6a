//! Plain text in LaTeX.

/// Plain text as LaTeX: special characters escaped, mathematical symbols in math mode. Other
/// non-ASCII characters are unchanged: pdfLaTeX knows accented Latin letters, dashes and quotes.
pub(in super::super) fn escape(text: &str) -> String {
    let glyphs: Vec<_> = text.chars().map(glyph).collect();
    let runs: Vec<(Kind, String)> = glyphs
        .chunk_by(|a, b| a.0 == b.0)
        .map(|run| (run[0].0, run.iter().map(|(_, latex)| latex.as_str()).collect()))
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
        // TikZ has another `\to`.
        '→' => (Symbol, r"\rightarrow"),
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
