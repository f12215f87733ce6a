//! Where results go: stdout, or a file that is written beside its place and then renamed.

use crate::failure::Failure;
use clap::Args;
use gaussmeter::report::{Format, Report, by_extension, by_name};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Format and destination of a result.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// text, markdown, latex, csv or json [default: by the extension of -o, else text]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl Output {
    /// The format, checked before any work is done.
    pub fn format(&self) -> Result<&'static Format, Failure> {
        match (&self.format, &self.output) {
            (Some(name), _) => Ok(by_name(name)?),
            (None, Some(path)) => by_extension(path)
                .map_err(|e| Failure::Usage(format!("{e}; or give --format"))),
            (None, None) => Ok(by_name("text")?),
        }
    }

    /// Writes a report.
    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        let text = self.format()?.write(report)?;
        match &self.output {
            Some(path) => write_file(path, &text),
            None => print(&text),
        }
    }
}

/// Prints a result to stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let result = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    result.map_err(|e| match e.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::Request(format!("cannot write to stdout: {e}")),
    })
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    let fail = |e: std::io::Error| Failure::Request(format!("cannot write {}: {e}", path.display()));
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".gaussmeter-").tempfile_in(folder).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    readable_by_all(file.as_file()).map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

/// Temporary files are private; results are not.
#[cfg(unix)]
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}
#[cfg(not(unix))]
fn readable_by_all(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
