use super::{
    Column, Format, FormatError, MAX_NUMBERS, Table, could_hold, position, too_many, without_mark,
};

pub(super) static FORMAT: Format = Format {
    name: "text",
    extensions: &["txt", "csv", "tsv", "dat"],
    recognises: |bytes| !bytes.contains(&0),
    read,
};

fn read(bytes: &[u8], columns: &[Column]) -> Result<Table, FormatError> {
    if could_hold(bytes) > MAX_NUMBERS {
        return Err(too_many("text", MAX_NUMBERS));
    }
    let text = String::from_utf8_lossy(without_mark(bytes));
    let mut rows = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split('#').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
        .map(|(line, row)| (line, fields(row)))
        .peekable();
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
    }
    let mut table = Table::new(columns);
    for (&index, list) in order.iter().zip(lists) {
        table.insert(columns, index, list)?;
    }
    table.checked(columns, order.iter().map(|&index| columns[index].singular))
}

fn fields(row: &str) -> Vec<&str> {
    if row.contains(',') {
        row.split(',').map(|f| f.trim().trim_matches('"')).collect()
    } else {
        row.split_whitespace().map(|f| f.trim_matches('"')).collect()
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

/// The beginning of a field, fit for a message.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut start: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        start.push('…');
    }
    start
}
