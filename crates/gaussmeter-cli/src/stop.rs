//! Requests to stop by the user or the batch system: the first time gently, then at once.

use crate::failure::Failure;
use gaussmeter::design::Stop;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a stop was requested.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Starts listening for interrupts.
pub fn listen() -> Result<Stop<'static>, Failure> {
    let heard = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            let _ = writeln!(std::io::stderr(), "error: interrupted twice: stopped immediately");
            std::process::exit(1);
        }
    };
    match ctrlc::set_handler(heard) {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(Stop::when(&ASKED)),
        Err(error) => Err(Failure::request(&error)),
    }
}

/// Whether to stop.
#[cfg(feature = "data")]
pub fn is_asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Ends a command that has printed its result: with a failure if the result is incomplete, so that
/// scripts notice.
pub fn end(interrupted: bool) -> Result<(), Failure> {
    match interrupted {
        false => Ok(()),
        true => Err(Failure::Request("interrupted: the result is the best found so far".into())),
    }
}
