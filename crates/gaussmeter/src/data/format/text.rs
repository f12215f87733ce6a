use super::{Column, Format, FormatError, Table, could_hold, position, too_many, without_mark};
use crate::data::{MAX_VALUES, SPECTRUM};

pub(super) static FORMAT: Format = Format {
    name: "text",
    extensions: &["txt", "csv", "tsv", "dat"],
    recognises: |bytes| !bytes.contains(&0),
    read,
};

fn read(bytes: &[u8], columns: &[Column]) -> Result<Table, FormatError> {
    if could_hold(bytes) > MAX_VALUES {
        return Err(too_many("text", MAX_VALUES));
    }
    let text = String::from_utf8_lossy(without_mark(bytes));
    let rows: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split('#').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let is_pasted = is_pasted(&rows);
    let rows = rows.into_iter().map(|(line, row)| {
        let end: &[char] = if is_pasted { &[',', ';'] } else { &[] };
        (line, fields(row.strip_suffix(end).unwrap_or(row)))
    });
    if is_pasted && columns.len() == 1 && rows.len() > 1 {
        let numbers = rows.map(|(line, row)| numbers(line, &row));
        return Ok(Table::single(columns, numbers.collect::<Result<Vec<_>, _>>()?.concat()));
    }
    let mut rows = rows.peekable();
    let Some((line, first)) = rows.peek().cloned() else {
        return Ok(Table::single(columns, Vec::new()));
    };

    // `numpy.savetxt` writes its header as a comment.
    let commented = text
        .lines()
        .map_while(|line| line.trim().strip_prefix('#'))
        .map(|comment| fields(comment.trim()))
        .filter(|names| names.len() == first.len())
        .find_map(|names| names.iter().map(|n| position(columns, n)).collect::<Option<Vec<_>>>());
    let is_word = |f: &&str| f.starts_with(char::is_alphabetic) && f.parse::<f64>().is_err();
    let is_header =
        first.iter().all(is_word) || first.iter().any(|name| position(columns, name).is_some());
    let order: Vec<usize> = if is_header {
        rows.next();
        first.iter().map(|name| column(columns, line, name)).collect::<Result<_, _>>()?
    } else if let Some(order) = commented {
        order
    } else if first.len() <= columns.len() {
        if columns == SPECTRUM && first.len() > 1 {
            let has_spaces = text.lines().any(|line| line.contains(", "));
            let is_comma_list = !has_spaces && text.contains(',');
            check_unnamed(rows.clone().map(|(_, row)| row), is_comma_list)?;
        }
        (0..first.len()).collect()
    } else if columns.len() == 1 && rows.clone().count() == 1 {
        return Ok(Table::single(columns, numbers(line, &first)?));
    } else {
        let expected = match columns.len() {
            1 => "1".into(),
            most => format!("1 to {most}"),
        };
        return Err(FormatError::Columns { line, found: first.len(), expected });
    };

    let mut lists = vec![Vec::new(); order.len()];
    for (line, row) in rows {
        if row.len() != order.len() {
            let expected = order.len().to_string();
            return Err(FormatError::Columns { line, found: row.len(), expected });
        }
        for (list, value) in lists.iter_mut().zip(numbers(line, &row)?) {
            list.push(value);
        }
        if lists[0].len() > MAX_VALUES {
            return Err(FormatError::TooMany { found: text.lines().count() as u64 });
        }
    }
    let mut table = Table::new(columns);
    for (&index, list) in order.iter().zip(lists) {
        table.insert(columns, index, list)?;
    }
    table.checked(columns, order.iter().map(|&index| columns[index].singular))
}

/// Refuses unnamed columns of a spectrum that could mean something else.
fn check_unnamed<'a>(
    rows: impl Iterator<Item = Vec<&'a str>> + Clone,
    is_comma_list: bool,
) -> Result<(), FormatError> {
    let refused = |reason, example| Err(FormatError::Ambiguous { reason, example });
    const NAMES: &str = "'eigenvalue,multiplicity'";
    if rows.clone().nth(1).is_none() {
        return refused(
            "one line: a list of eigenvalues, or one eigenvalue with its multiplicity",
            "'eigenvalue,multiplicity', or write one eigenvalue per line",
        );
    }
    let is_digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_comma_list && rows.clone().all(|row| row.len() == 2 && row.iter().all(is_digits)) {
        return refused(
            "whole numbers separated by a comma: eigenvalues with multiplicities, or decimal commas (use decimal points instead)",
            NAMES,
        );
    }
    let counts_from = |start: usize| {
        let mut lines = rows.clone().zip(start..);
        lines.all(|(row, k)| row.first().is_some_and(|first| *first == k.to_string()))
    };
    if rows.clone().nth(2).is_some() && (counts_from(0) || counts_from(1)) {
        return refused(
            "the first column counts lines: it is read as eigenvalues only if a header says so",
            NAMES,
        );
    }
    let is_whole = |row: Vec<&str>| match &row[..] {
        [_, text] => text.parse::<f64>().map_or(true, |v| v.fract() == 0.0 || !v.is_finite()),
        _ => true,
    };
    match rows.clone().all(is_whole) {
        true => Ok(()),
        false => refused(
            "the second column has fractions, which multiplicities rarely are",
            "'eigenvalue,multiplicity' or 'eigenvalue,mean'",
        ),
    }
}

fn fields(row: &str) -> Vec<&str> {
    match row {
        _ if row.contains(';') => row.split(';').map(field).collect(),
        _ if row.contains(',') => row.split(',').map(field).collect(),
        _ => row.split_whitespace().map(field).collect(),
    }
}

fn field(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// Whether rows are those of a pasted list: all except possibly the last end in a separator with no
/// field after it.
fn is_pasted(rows: &[(usize, &str)]) -> bool {
    let ends = |(_, row): &(usize, &str)| row.ends_with([',', ';']) && row.len() > 1;
    match rows {
        [] => false,
        [one] => ends(one),
        [all @ .., _] => all.iter().all(ends),
    }
}

fn column(columns: &[Column], line: usize, name: &str) -> Result<usize, FormatError> {
    position(columns, name).ok_or_else(|| FormatError::UnknownColumn {
        line,
        name: excerpt(name),
        known: columns.iter().map(|c| c.singular).collect(),
    })
}

fn numbers(line: usize, fields: &[&str]) -> Result<Vec<f64>, FormatError> {
    fields.iter().map(|text| number(line, text)).collect()
}

pub(super) fn number(line: usize, text: &str) -> Result<f64, FormatError> {
    text.parse().map_err(|_| FormatError::Number { line, text: excerpt(text) })
}

/// The beginning of a field, for a message.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut start: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        start.push('…');
    }
    start
}
