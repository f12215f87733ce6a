//! Files are written beside their place under another name, then moved there.

use crate::error::NetError;
use gaussmeter::file::UNFINISHED;
use std::io::Write;
use std::path::Path;

/// Writes a file, whole or not at all.
///
/// # Errors
/// [`NetError::Io`]
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), NetError> {
    let failed = |source: std::io::Error| NetError::Io { path: path.into(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(failed(std::io::Error::other("not a file, and cannot be replaced by one")));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // Temporary files are private; results are what the user's mask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(|error| failed(error.kind().into()))?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
