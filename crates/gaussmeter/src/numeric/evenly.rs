/// At most `rows` indices below `len` (0: all), evenly spaced, first and last included.
pub(crate) fn evenly(len: usize, rows: usize) -> Vec<usize> {
    match rows {
        _ if len <= rows => (0..len).collect(),
        0 => (0..len).collect(),
        1 => vec![0],
        _ => (0..rows).map(|k| k * (len - 1) / (rows - 1)).collect(),
    }
}
