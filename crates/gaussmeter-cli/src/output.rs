//! Where results go: stdout, or a file that is written under a temporary name and then renamed.

use crate::failure::Failure;
use clap::{Args, ValueEnum};
use gaussmeter::file::{UNFINISHED, remove_unfinished};
use gaussmeter::message::one_line;
use gaussmeter::report::{
    Content as Contains, Format, Page, Report, ReportError, Terminal, WORDS, by_extension, by_name,
    text_on,
};
use std::fs::{self, Permissions};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use terminal_size::{Height, Width, terminal_size_of};

/// Format and destination of a result.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// text, markdown, latex, html, csv or json; of the figure svg, pdf, png, pgfplots or matplotlib
    /// [default: from the extension of -o, otherwise text]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Width of a figure, such as 8.6cm, 3.4in or 240pt [default: 8.6cm, or 17.4cm for panels side by side]
    #[arg(long = "width", value_name = "LENGTH", value_parser = parse_width, allow_hyphen_values = true)]
    page: Option<f64>,
    /// Colours of text: auto means on terminals, unless NO_COLOR is set
    #[arg(long, alias = "colour", value_name = "WHEN", value_enum, default_value = "auto")]
    color: Colours,
}

/// When text has colours: on a terminal that has them unless NO_COLOR is set, also in files and pipes, or
/// never. (Values with a help of their own would make two pages of `--help`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colours {
    Auto,
    Always,
    Never,
}

impl Output {
    /// The format, checked before any work is done.
    pub fn format(&self) -> Result<&'static Format, Failure> {
        let format = match (&self.format, &self.output) {
            (Some(name), _) => by_name(name)?,
            (None, Some(path)) => {
                by_extension(path).map_err(|e| Failure::Usage(format!("{e} with --format")))?
            }
            (None, None) => by_name("text")?,
        };
        if self.page.is_some() && !format.is_drawing() {
            return Err(Failure::Usage(format!(
                "--width has no effect on {}: it is for svg, pdf, png, pgfplots and matplotlib",
                format.name
            )));
        }
        if self.output.is_none() { for_stdout(format) } else { built(format) }
    }

    /// The format of a result without a figure.
    pub fn format_of_tables(&self) -> Result<&'static Format, Failure> {
        of_tables(self.format()?)
    }

    /// Refuses an option that only affects tables if the format contains everything anyway.
    pub fn for_tables(&self, given: bool, option: &str) -> Result<(), Failure> {
        let format = self.format()?;
        match format.content {
            Contains::Tables => Ok(()),
            _ if !given => Ok(()),
            _ => Err(Failure::Usage(format!(
                "{option} has no effect on {}, which contains everything: it is for text, markdown and latex",
                format.name
            ))),
        }
    }

    /// Writes a report.
    pub fn write(&self, report: &dyn Report) -> Result<(), Failure> {
        self.write_as(report, false)
    }

    /// Writes a report, whose figure is drawn in characters on a terminal.
    pub fn write_with_chart(&self, report: &dyn Report) -> Result<(), Failure> {
        self.write_as(report, true)
    }

    fn write_as(&self, report: &dyn Report, has_chart: bool) -> Result<(), Failure> {
        let format = self.format()?;
        let page = Page { width: self.page };
        let terminal = self.terminal(format, has_chart);
        let content = |out: &mut dyn Write| match &terminal {
            Some(terminal) => text_on(terminal, report, out),
            None => format.write_on(&page, report, out),
        };
        match &self.output {
            Some(path) => save(path, &content),
            None => print_content(&content),
        }
    }

    /// The terminal that text is for, or what is to be as if it were one.
    fn terminal(&self, format: &Format, has_chart: bool) -> Option<Terminal> {
        let is_text = format.name == "text";
        let width = if self.output.is_none() { page(format) } else { None };
        let colours = match self.color {
            Colours::Never => 0,
            Colours::Always if is_text => colours().max(16),
            Colours::Auto if width.is_some() && !is_set("NO_COLOR") => colours(),
            _ => 0,
        };
        let has_chart = has_chart && width.is_some();
        (width.is_some() || colours > 0).then(|| Terminal {
            width,
            height: if has_chart { height() } else { 0 },
            colours,
            is_ascii: is_plain(),
        })
    }

    /// Width in characters for wrapping words.
    pub fn width(&self) -> Result<usize, Failure> {
        let format = self.format()?;
        Ok(if self.output.is_none() { width(format) } else { format.width_of_words() })
    }
}

/// Writes a text to a file, or prints it.
pub fn emit(path: Option<&Path>, text: &str) -> Result<(), Failure> {
    match path {
        Some(path) => write_text(path, text),
        None => print(text),
    }
}

/// Writes a text file, whole or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    save(path, &|out| Ok(out.write_all(text.as_bytes())?))
}

/// What writes a result.
type Content<'a> = &'a dyn Fn(&mut dyn Write) -> Result<(), ReportError>;

/// Writes a file, whole or not at all.
fn save(path: &Path, content: Content) -> Result<(), Failure> {
    write_file(path, content).map_err(|error| stopped(&path.display(), error))
}

/// Refuses to overwrite a file that is read, under any name.
#[cfg(feature = "data")]
pub fn differs(output: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    let Ok(output) = output.canonicalize() else { return Ok(()) };
    match inputs.iter().find(|input| input.canonicalize().is_ok_and(|input| input == output)) {
        None => Ok(()),
        Some(input) => Err(Failure::Request(format!(
            "{} is an input and would be overwritten: give the result another name",
            input.display()
        ))),
    }
}

/// A line on stderr that is not an error.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "note: {}", one_line(&text.to_string()));
}

/// Width in characters for wrapping printed words.
pub fn width(format: &Format) -> usize {
    match page(format) {
        Some(page) => WORDS.saturating_sub(PAGE.saturating_sub(page)).max(16),
        None => format.width_of_words(),
    }
}

/// Columns of the usual terminal, of which [`WORDS`] are for words.
const PAGE: usize = 80;

/// Maximal width of printed text: that of the terminal, or of COLUMNS. Output to a pipe is not
/// limited.
fn page(format: &Format) -> Option<usize> {
    if format.name != "text" || !io::stdout().is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || terminal_size_of(io::stdout()).map(|(Width(width), _)| usize::from(width));
    told.or_else(seen).filter(|columns| *columns > 0)
}

/// The lines that a drawing in characters may have: half of the terminal.
fn height() -> usize {
    let seen = terminal_size_of(io::stdout()).map(|(_, Height(lines))| usize::from(lines));
    (seen.unwrap_or(24) / 2).clamp(8, 20)
}

/// The number of colours that the terminal has.
fn colours() -> usize {
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    match of("TERM").as_str() {
        "" | "dumb" => 0,
        term if term.contains("256") || is_set("COLORTERM") => 256,
        _ => 16,
    }
}

/// Whether the terminal shows no more than ASCII, as far as it is known.
fn is_plain() -> bool {
    std::env::var("TERM").is_ok_and(|term| matches!(term.as_str(), "dumb" | "linux"))
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// A length of a figure in points.
fn parse_width(text: &str) -> Result<f64, String> {
    const UNITS: [(&str, f64); 4] =
        [("cm", 72.0 / 2.54), ("mm", 7.2 / 2.54), ("in", 72.0), ("pt", 1.0)];
    let known = UNITS.iter().find_map(|(unit, points)| Some((text.strip_suffix(unit)?, points)));
    let length =
        known.and_then(|(number, points)| Some(number.trim().parse::<f64>().ok()? * points));
    match length {
        Some(points) if (57.0..=3000.0).contains(&points) => Ok(points),
        Some(_) => Err("a figure is between 2.1cm and 1m wide".into()),
        None => Err("give a number and cm, mm, in or pt, such as 8.6cm".into()),
    }
}

fn built(format: &'static Format) -> Result<&'static Format, Failure> {
    format.check_built()?;
    Ok(format)
}

/// Refuses what a terminal does not show.
pub fn for_stdout(format: &'static Format) -> Result<&'static Format, Failure> {
    match format.content {
        Contains::Pictures if io::stdout().is_terminal() => {
            Err(Failure::Usage(format!("a terminal does not show {}: give -o FILE", format.name)))
        }
        _ => built(format),
    }
}

/// Refuses a format of figures for a result that has none.
pub fn of_tables(format: &'static Format) -> Result<&'static Format, Failure> {
    if format.is_drawing() { Err(ReportError::NoFigure.into()) } else { Ok(format) }
}

/// Prints a report to stdout.
#[cfg(feature = "data")]
pub fn print_report(format: &Format, report: &dyn Report) -> Result<(), Failure> {
    print_content(&|out| match page(format) {
        Some(page) => gaussmeter::report::text_within(report, page, out),
        None => format.write(report, out),
    })
}

/// Prints a result to stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    print_content(&|out| Ok(out.write_all(text.as_bytes())?))
}

fn print_content(content: Content) -> Result<(), Failure> {
    // Stdout by itself is flushed after every line.
    let result = filled(BufWriter::new(io::stdout().lock()), content);
    result.map(drop).map_err(|error| stopped(&"to stdout", error))
}

/// A writer that has taken a result, to the last byte.
fn filled<W: Write>(mut out: W, content: Content) -> Result<W, ReportError> {
    content(&mut out)?;
    out.flush()?;
    Ok(out)
}

fn stopped(place: &dyn std::fmt::Display, error: ReportError) -> Failure {
    match error {
        ReportError::Io(error) => failed(place, &error),
        error => error.into(),
    }
}

fn failed(place: &dyn std::fmt::Display, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        ErrorKind::NotFound => Failure::Request(format!("cannot write {place}: no such folder")),
        ErrorKind::NotConnected => Failure::Request(format!(
            "cannot write {place}: it is a named pipe without a reader: start the reader first"
        )),
        // The error itself may name the temporary file, which does not concern the user.
        kind => Failure::Request(format!("cannot write {place}: {kind}")),
    }
}

/// The extension of a file that must be one of a few types, in an existing folder: checked before
/// any work is done.
#[cfg(feature = "data")]
pub fn extension(path: &Path, known: &[&'static str]) -> Result<&'static str, Failure> {
    let given = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let Some(extension) = known.iter().find(|k| k.eq_ignore_ascii_case(given)) else {
        let known = known.join(" or .");
        return Err(Failure::Usage(format!("-o {}: the file must be .{known}", path.display())));
    };
    replaceable(path)?;
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

/// Refuses a path whose current content a file cannot replace. Text written in one go can go into a
/// pipe; archives and pictures are moved to their path and would replace it.
#[cfg(feature = "data")]
pub fn replaceable(path: &Path) -> Result<(), Failure> {
    let what = match fs::metadata(path) {
        Ok(found) if found.is_dir() => "it is a folder",
        Ok(found) if !found.is_file() => {
            "it is a pipe, a socket or a device, which a file cannot replace"
        }
        _ => return Ok(()),
    };
    Err(Failure::Request(format!("cannot write {}: {what}", path.display())))
}

/// The folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes temporary files that killed runs left in a folder that is written to.
pub fn sweep(folder: &Path) {
    let (count, bytes) = remove_unfinished(folder);
    if count > 0 {
        let files = if count == 1 { "file" } else { "files" };
        let folder = folder.display();
        note(format!(
            "removed {count} unfinished {files} of killed runs from {folder} ({} KiB)",
            bytes.div_ceil(1024)
        ));
    }
}

/// Links are followed; anything that is not a regular file, such as a device, cannot be replaced.
fn write_file(path: &Path, content: Content) -> Result<(), ReportError> {
    let refused = |kind: ErrorKind| Err(io::Error::from(kind).into());
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => refused(ErrorKind::IsADirectory),
        Ok(found) if !found.is_file() => {
            let _reader = reader(path, &found)?;
            filled(BufWriter::new(fs::File::create(path)?), content).map(drop)
        }
        Ok(found) if found.permissions().readonly() => refused(ErrorKind::PermissionDenied),
        Ok(found) => replace(&path.canonicalize()?, content, Some(found.permissions())),
        Err(_) => replace(&linked(path)?, content, None),
    }
}

/// Opening a named pipe blocks until it has a reader: this opens it without blocking, or fails if
/// there is no reader.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn reader(path: &Path, found: &fs::Metadata) -> io::Result<Option<fs::File>> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    const O_NONBLOCK: i32 = 0o4000;
    const ENXIO: i32 = 6;
    if !found.file_type().is_fifo() {
        return Ok(None);
    }
    match fs::OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(path) {
        Ok(pipe) => Ok(Some(pipe)),
        Err(error) if error.raw_os_error() == Some(ENXIO) => Err(ErrorKind::NotConnected.into()),
        Err(error) => Err(error),
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn reader(_path: &Path, _found: &fs::Metadata) -> io::Result<Option<fs::File>> {
    Ok(None)
}

/// The target of a dangling link, where the content is written.
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

/// Most links in a chain, as on Linux.
const MAX_LINKS: usize = 40;

/// A reader of the file sees either all of the old content or all of the new.
fn replace(
    path: &Path,
    content: Content,
    permissions: Option<Permissions>,
) -> Result<(), ReportError> {
    let folder = folder_of(path);
    sweep(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // Temporary files are private; results get the permissions of the user's mask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder)?;
    // Marks the file as being written. Some file systems have no locks.
    let _ = file.as_file().try_lock();
    filled(BufWriter::new(file.as_file()), content)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.persist(path).map_err(io::Error::from)?;
    Ok(())
}
