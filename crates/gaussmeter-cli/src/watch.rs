//! Long work: its progress on a terminal, and the wish of the user, or of the batch system, to stop:
//! once gently, then at once.

use crate::failure::Failure;
use gaussmeter::watch::{Progress, Watch};
use std::io::{IsTerminal, Write, stderr};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it has been asked for.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to listen for interrupts.
pub fn listen() -> Result<(), Failure> {
    let heard = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            let _ = writeln!(stderr(), "error: interrupted twice: stopped at once");
            std::process::exit(1);
        }
    };
    match ctrlc::set_handler(heard) {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
        Err(error) => Err(Failure::request(&error)),
    }
}

/// Whether to stop.
pub fn is_asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Does long work under a watch that shows its progress and hears interrupts.
pub fn watched<T, E>(work: impl FnOnce(Watch) -> Result<T, E>) -> Result<T, Failure>
where
    Failure: From<E>,
{
    listen()?;
    let is_shown = stderr().is_terminal();
    let hear = |progress: Option<Progress>| {
        if let Some(progress) = progress.filter(|_| is_shown) {
            let Progress { what, unit, done, total } = progress;
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            let mut stderr = stderr().lock();
            let _ = write!(stderr, "\r{what}: {done}{of} {unit} \x1b[K");
            let _ = stderr.flush();
        }
        if is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = work(Watch::new(&hear));
    if is_shown {
        let _ = write!(stderr().lock(), "\r\x1b[K");
    }
    Ok(result?)
}

/// The end of a command that has told its result: a failure if that is not the whole of what was asked
/// for, so that scripts do not take it for that.
pub fn end(interrupted: bool) -> Result<(), Failure> {
    match interrupted {
        false => Ok(()),
        true => Err(Failure::Request("interrupted: the result is the best found so far".into())),
    }
}
