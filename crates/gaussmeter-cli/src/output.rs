//! Where results go: stdout, or a file that is written beside its place and then renamed.

use crate::failure::{Failure, one_line};
use clap::Args;
use gaussmeter::file::{UNFINISHED, remove_unfinished};
use gaussmeter::report::{Format, Report, by_extension, by_name};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
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
            (None, Some(path)) => {
                by_extension(path).map_err(|e| Failure::Usage(format!("{e} with --format")))
            }
            (None, None) => Ok(by_name("text")?),
        }
    }

    /// Refuses an option that is for tables where the format has all there is.
    pub fn for_tables(&self, given: bool, option: &str) -> Result<(), Failure> {
        match self.format()?.name {
            name @ ("csv" | "json") if given => Err(Failure::Usage(format!(
                "{option} has no effect on {name}, which has everything: it is for text, markdown and latex"
            ))),
            _ => Ok(()),
        }
    }

    /// Writes a report.
    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        let text = self.format()?.write(report)?;
        emit(self.output.as_deref(), &text)
    }
}

/// Writes a text to a file, or prints it.
pub fn emit(path: Option<&Path>, text: &str) -> Result<(), Failure> {
    match path {
        Some(path) => write_file(path, text).map_err(|e| failed(&path.display(), &e)),
        None => print(text),
    }
}

/// Writes a text file, whole or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    write_file(path, text).map_err(|e| failed(&path.display(), &e))
}

/// Refuses to write over a file that is read, whatever it is called.
#[cfg(feature = "data")]
pub fn differs(output: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    let Ok(output) = output.canonicalize() else { return Ok(()) };
    match inputs.iter().find(|input| input.canonicalize().is_ok_and(|input| input == output)) {
        None => Ok(()),
        Some(input) => Err(Failure::Request(format!(
            "{} is read, and would be written over: give the result another name",
            input.display()
        ))),
    }
}

/// A line on stderr that is no failure.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "note: {}", one_line(&text.to_string()));
}

/// Characters to which words are wrapped. Markdown wraps by itself; with 52, text fits a terminal and
/// LaTeX a page.
pub fn width(format: &Format) -> usize {
    if format.name == "markdown" { usize::MAX } else { 52 }
}

/// Prints a result to stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let result = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    result.map_err(|e| failed(&"to stdout", &e))
}

fn failed(place: &dyn std::fmt::Display, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        ErrorKind::NotFound => Failure::Request(format!("cannot write {place}: no such folder")),
        // The error itself may name the temporary file, which is none of the user's business.
        kind => Failure::Request(format!("cannot write {place}: {kind}")),
    }
}

/// The extension of a file that has to be one of a few kinds, in a folder that is there: checked
/// before any work is done.
#[cfg(feature = "data")]
pub fn extension(path: &Path, known: &[&'static str]) -> Result<&'static str, Failure> {
    let given = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let Some(extension) = known.iter().find(|k| k.eq_ignore_ascii_case(given)) else {
        let known = known.join(" or .");
        return Err(Failure::Usage(format!("-o {}: the file is .{known}", path.display())));
    };
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(failed(&path.display(), &ErrorKind::NotFound.into()))
        }
        _ => {
            sweep(folder_of(path));
            Ok(extension)
        }
    }
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what killed runs have left in a folder that is written to.
pub fn sweep(folder: &Path) {
    let (count, bytes) = remove_unfinished(folder);
    if count > 0 {
        let files = if count == 1 { "file" } else { "files" };
        let folder = folder.display();
        note(format!(
            "{count} unfinished {files} of killed runs removed from {folder} ({} KiB)",
            bytes.div_ceil(1024)
        ));
    }
}

/// Links are followed; what is no regular file, such as a device, cannot be replaced.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => fs::write(path, text),
        Ok(found) if found.permissions().readonly() => Err(ErrorKind::PermissionDenied.into()),
        Ok(found) => replace(&path.canonicalize()?, text, Some(found.permissions())),
        Err(_) => replace(&linked(path)?, text, None),
    }
}

/// Where a link leads that leads to nothing: what is written there is found by the link.
fn linked(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            // A relative link starts from the folder of the link.
            Ok(next) => {
                path = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next))
            }
            Err(_) => return Ok(path),
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// Most links that lead to each other, as on Linux.
const MAX_LINKS: usize = 40;

/// A reader of the file sees all of the old content or all of the new.
fn replace(path: &Path, text: &str, permissions: Option<Permissions>) -> io::Result<()> {
    let folder = folder_of(path);
    sweep(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // Temporary files are private; results are what the user's mask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    // Says that someone is at work on it. Some file systems have no locks.
    let _ = file.as_file().try_lock();
    file.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.persist(path)?;
    Ok(())
}
