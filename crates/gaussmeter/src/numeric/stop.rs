use std::sync::atomic::{AtomicBool, Ordering};

/// The wish to stop, from outside. Searches look at it between evaluations, and end with the best that
/// they have found.
///
/// ```
/// use gaussmeter::numeric::Stop;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// let flag = AtomicBool::new(false);
/// let stop = Stop::when(&flag);
/// assert!(!stop.is_asked() && !Stop::NEVER.is_asked());
/// flag.store(true, Ordering::Relaxed);
/// assert!(stop.is_asked());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Stop<'a>(Option<&'a AtomicBool>);

impl<'a> Stop<'a> {
    /// Nobody asks.
    pub const NEVER: Stop<'static> = Stop(None);

    /// Asked for as soon as the flag is set.
    pub fn when(flag: &'a AtomicBool) -> Self {
        Stop(Some(flag))
    }

    /// Whether to stop.
    pub fn is_asked(&self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}
