//! The wish of the user, or of the batch system, to stop: once gently, then at once.

use crate::failure::Failure;
use gaussmeter::design::Stop;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it has been asked for.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to listen for interrupts.
pub fn listen() -> Result<Stop<'static>, Failure> {
    let heard = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            let _ = writeln!(std::io::stderr(), "error: interrupted twice: stopped at once");
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

/// The end of a command that has told its result: a failure if that is not the whole of what was asked
/// for, so that scripts do not take it for that.
pub fn end(interrupted: bool) -> Result<(), Failure> {
    match interrupted {
        false => Ok(()),
        true => Err(Failure::Request(
            "interrupted: the result is the best that was found until then".into(),
        )),
    }
}
