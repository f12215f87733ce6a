//! Progress on stderr.

use crate::failure::Failure;
use crate::output::note;
use crate::watch;
use gaussmeter::watch::Progress;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::ops::ControlFlow;
use std::time::Instant;

/// Long work that reports its progress and can be stopped: the first time gently, then at once.
pub struct Work {
    bar: ProgressBar,
    start: Instant,
}

impl Work {
    /// Starts listening for interrupts, and shows a bar if stderr is a terminal.
    pub fn begin(total: Option<u64>) -> Result<Self, Failure> {
        watch::listen()?;
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        let counts = match total {
            Some(_) => "{wide_bar} {human_pos}/{human_len}, {per_sec}, {eta} left",
            None => "{spinner} {human_pos}, {per_sec}",
        };
        let style = ProgressStyle::with_template(&format!("{{msg}} {counts}"));
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(Work { bar, start: Instant::now() })
    }

    /// Shows what is being done.
    pub fn say(&self, what: impl Into<std::borrow::Cow<'static, str>>) {
        self.bar.set_message(what);
        self.bar.tick();
    }

    /// Shows how far the work is; says whether to go on.
    pub fn at(&self, position: u64) -> ControlFlow<()> {
        self.hear(Some(Progress { what: "", unit: "", done: position, total: None }))
    }

    /// The same, for a [`Watch`](gaussmeter::watch::Watch).
    pub fn hear(&self, progress: Option<Progress>) -> ControlFlow<()> {
        if let Some(progress) = progress {
            if !progress.what.is_empty() {
                self.bar.set_message(progress.what.to_string());
            }
            self.bar.set_position(progress.done);
        }
        match Work::is_stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Whether a stop was requested.
    pub fn is_stopped() -> bool {
        watch::is_asked()
    }

    /// Ends the bar.
    pub fn done(self) {
        self.bar.finish_and_clear();
    }

    /// Ends the bar and reports how long it took.
    pub fn end(self, what: &str, count: u64) {
        self.bar.finish_and_clear();
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = HumanCount((count as f64 / seconds.max(1e-9)).round() as u64);
        let time = match seconds < 60.0 {
            true => format!("{seconds:.1} s"),
            false => HumanDuration(self.start.elapsed()).to_string(),
        };
        note(format!("{} {what} in {time} ({rate}/s)", HumanCount(count)));
    }
}
