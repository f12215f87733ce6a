//! Panics of the runtime, as errors. Its operators index and allocate by what a graph says, so that a
//! damaged or hostile file may make them panic; such a file is the user's input, not a bug of theirs.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// What the runtime calls its threads.
const THREADS: &str = "rten-";

/// What the threads of [`deep`] are called.
const DEEP: &str = "onnx";

/// The runtime orders operations by recursion: stack for the longest chain that is read, of which the
/// system only hands out what is used.
const STACK: usize = 256 << 20;

/// Runs a piece of the runtime, and returns what it says when it panics. Nothing of it is used afterwards
/// that it could have left half done.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence();
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| told(&*panic))
}

/// The same on a thread with a large stack.
pub fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    silence();
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name(DEEP.into()).stack_size(STACK);
        let thread = builder.spawn_scoped(scope, work).map_err(|error| error.to_string())?;
        thread.join().map_err(|panic| told(&*panic))
    })
}

fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it panicked".into())
}

/// Panics of these threads become messages: they are not printed as well.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            if !(name.starts_with(THREADS) || name == DEEP) {
                before(info);
            }
        }));
    });
}
