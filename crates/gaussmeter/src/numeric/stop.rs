use std::sync::atomic::{AtomicBool, Ordering};

/// A request to stop, from outside. Searches check it between evaluations and end with the best
/// result so far.
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
    /// Never stops.
    pub const NEVER: Stop<'static> = Stop(None);

    /// Stops as soon as the flag is set.
    pub fn when(flag: &'a AtomicBool) -> Self {
        Stop(Some(flag))
    }

    /// Whether to stop.
    pub fn is_asked(&self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}
