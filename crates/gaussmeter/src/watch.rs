//! Whoever waits for long work: hears how far it is, and says whether it goes on.

use crate::grid::Grid;
use std::fmt;
use std::ops::ControlFlow;

/// How far long work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, such as `20 NFE`.
    pub what: &'a str,
    /// What is counted: `samplers`, `cells`, …
    pub unit: &'a str,
    /// How many are done.
    pub done: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
}

/// Hears of progress (`None`: still at it) and says whether to go on. It is called from any thread, and
/// once it has said [`ControlFlow::Break`] it should go on saying so.
pub type Hear<'a> = dyn Fn(Option<Progress>) -> ControlFlow<()> + Sync + 'a;

/// A watch over long work. Work looks at it between its parts, and where it is told to stop ends with
/// what it has, marked as interrupted.
///
/// ```
/// use gaussmeter::watch::{Progress, Watch};
/// use std::ops::ControlFlow;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// let heard = AtomicU64::new(0);
/// let hear = |progress: Option<Progress>| {
///     heard.fetch_max(progress.map_or(0, |p| p.done), Ordering::Relaxed);
///     if heard.load(Ordering::Relaxed) < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// };
/// let watch = Watch::new(&hear);
/// assert!(!watch.is_stopped() && !Watch::NOBODY.is_stopped());
/// assert!(watch.tell(Progress { what: "table", unit: "cells", done: 2, total: Some(10) }));
/// assert!(!watch.tell(Progress { what: "table", unit: "cells", done: 3, total: Some(10) }));
/// assert!(watch.is_stopped());
/// ```
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    hear: Option<&'a Hear<'a>>,
    see: Option<&'a See<'a>>,
    is_discarding: bool,
}

/// One evaluation of a search for times.
#[derive(Clone, Copy)]
pub struct Tried<'a> {
    /// What is minimised, as people read it: of `w2` not its square.
    pub value: f64,
    /// The times, made when they are asked for.
    pub grid: &'a dyn Fn() -> Option<Grid>,
}

/// Sees every evaluation of a search. It is called from any thread.
pub type See<'a> = dyn Fn(Tried) + Sync + 'a;

impl<'a> Watch<'a> {
    /// Nobody watches, and nobody stops anything.
    pub const NOBODY: Watch<'static> = Watch { hear: None, see: None, is_discarding: false };

    /// Somebody does.
    pub fn new(hear: &'a Hear<'a>) -> Self {
        Watch { hear: Some(hear), see: None, is_discarding: false }
    }

    /// The same, and somebody sees what searches try.
    pub fn seeing(self, see: &'a See<'a>) -> Self {
        Watch { see: Some(see), ..self }
    }

    /// The same where nobody wants what stopped work has found: it ends at once, without a result.
    pub fn discarding(self) -> Self {
        Watch { is_discarding: true, ..self }
    }

    /// Whether the work should stop, and nobody wants what it has found.
    pub fn is_abandoned(&self) -> bool {
        self.is_discarding && self.is_stopped()
    }

    /// Shows what a search has tried.
    pub(crate) fn show(&self, tried: Tried) {
        if let Some(see) = self.see {
            see(tried);
        }
    }

    /// Reports how far the work is; returns whether it goes on.
    pub fn tell(&self, progress: Progress) -> bool {
        self.hear.is_none_or(|hear| hear(Some(progress)).is_continue())
    }

    /// Whether the work should stop.
    pub fn is_stopped(&self) -> bool {
        self.hear.is_some_and(|hear| hear(None).is_break())
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.hear.is_some() { "Watch" } else { "Watch::NOBODY" })
    }
}
