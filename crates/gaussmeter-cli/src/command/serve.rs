use crate::failure::Failure;
use crate::options::no_spectrum;
use crate::output::{note, print};
use clap::Args;
use gaussmeter_serve::{Options, ServeError};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

/// A local page to explore errors, schedules and samples, and its API
#[derive(Debug, Args)]
#[command(after_help = "\
Serves a page on this machine alone (127.0.0.1), opens it in a browser, and runs
until Ctrl-C. Its address is printed. The API behind the page answers the
questions of the command line: docs/api.md.

With --host the page can be reached from other machines, by whoever has the
token in the printed address. The connection is not encrypted: tunnel it (ssh -L)
where others may listen.

Examples:
  gaussmeter serve
  gaussmeter serve --spectrum photos.npz --spectrum power-law:d=3072,alpha=1.5
  gaussmeter serve --port 8080 --no-open
  gaussmeter serve --host 192.168.1.20 --no-open")]
pub struct Arguments {
    /// Port [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Data to offer on the page, beside the presets and what is dropped there; may be repeated
    #[arg(long, value_name = "NAME|FILE")]
    spectrum: Vec<String>,
    /// Listen on this address instead of 127.0.0.1; every request then needs a token
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// The token, at least 16 letters and digits [default: a random one]
    #[arg(long, value_name = "TOKEN", requires = "host", value_parser = parse_token)]
    token: Option<String>,
}

fn parse_token(text: &str) -> Result<String, String> {
    match text.len() >= 16 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        true => Ok(text.into()),
        false => Err("a token has at least 16 letters and digits, and nothing else".into()),
    }
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    let is_open = a.host.is_some();
    let options = Options {
        port: a.port,
        host: a.host,
        token: a.token,
        spectra: a.spectrum,
        ..Options::default()
    };
    let (send, interrupted) = channel();
    ctrlc::set_handler(move || {
        let _ = send.send(());
    })
    .map_err(|error| Failure::request(&error))?;
    let server = options.start().map_err(|error| match error {
        ServeError::Data { name, source } => no_spectrum(&name, *source),
        error => Failure::request(&error),
    })?;
    if is_open {
        note(
            "this page can be reached from other machines, by whoever has the token in its address; the connection is not encrypted",
        );
    }
    print(&format!("{}\n", server.url()))?;
    if !a.no_open {
        open(server.url());
    }
    // The sender lives as long as the program.
    let _ = interrupted.recv();
    Ok(())
}

/// Opens a browser, where there is a screen.
fn open(url: &str) {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        let has_screen =
            ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|v| std::env::var_os(v).is_some());
        if !has_screen {
            return;
        }
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match command.spawn() {
        // Whoever opens it is waited for elsewhere, so that it does not stay behind as a zombie.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(_) => note(format!("no browser was opened ({program} is missing): open {url}")),
    }
}
