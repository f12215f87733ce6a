use super::{Column, Format, FormatError, Table, npy, position};
use crate::data::MAX_BYTES;
use std::io::{Cursor, Read};
use zip::ZipArchive;

pub(in crate::data) static FORMAT: Format = Format {
    name: "npz",
    extensions: &["npz"],
    recognises: |bytes| bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06"),
    read,
};

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

fn malformed(reason: impl ToString) -> FormatError {
    FormatError::Malformed { format: "npz", reason: reason.to_string() }
}

fn read(bytes: &[u8], columns: &[Column]) -> Result<Table, FormatError> {
    let mut archive: Archive = ZipArchive::new(Cursor::new(bytes)).map_err(malformed)?;
    let files = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    let mut names: Vec<String> =
        files.iter().filter_map(|f| f.strip_suffix(".npy").map(String::from)).collect();
    names.sort_unstable();

    let mut table = Table::new(columns);
    for name in &names {
        let index = match position(columns, name) {
            Some(index) => index,
            None if names.len() == 1 => {
                table.array = Some(name.clone());
                0
            }
            None => continue,
        };
        let (values, dtype) = array(&mut archive, name, columns[index].plural)
            .map_err(|source| FormatError::Array { name: name.clone(), source: source.into() })?;
        table.insert(columns, index, values)?;
        if index == 0 {
            table.dtype = Some(dtype);
        }
    }
    table.checked(columns, names)
}

fn array(
    archive: &mut Archive,
    name: &str,
    what: &'static str,
) -> Result<(Vec<f64>, String), FormatError> {
    let file = archive.by_name(&format!("{name}.npy")).map_err(malformed)?;
    let mut bytes = Vec::new();
    // The announced size may be wrong: hence a limit on the inflated size too.
    let announced = file.size();
    if announced <= MAX_BYTES {
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(malformed)?;
    }
    if announced.max(bytes.len() as u64) > MAX_BYTES {
        return Err(FormatError::TooLarge);
    }
    npy::array(&bytes, what)
}
