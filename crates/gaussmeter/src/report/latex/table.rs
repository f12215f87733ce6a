//! Tables with booktabs.

use super::super::{Align, Label, ReportError, Table};
use super::escape;

/// With more columns than this, a table is set smaller and tighter to fit the usual page.
const WIDE: usize = 8;

pub(super) fn write(table: &Table) -> Result<String, ReportError> {
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
    line(&format!(r"\begin{{tabular}}{{@{{}}{}@{{}}}}", columns.collect::<String>()));
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
        let guard = if cells.trim_start().starts_with(['[', '*']) { "{}" } else { "" };
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
