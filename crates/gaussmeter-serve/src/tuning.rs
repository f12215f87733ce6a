//! A search for times, told as it goes.

use crate::http::Shared;
use crate::question::Asked;
use crate::refusal::Refusal;
use crate::work::{Waiting, caught};
use axum::body::{Bytes, HttpBody};
use gaussmeter::report::number;
use gaussmeter::watch::{Tried, Watch};
use hyper::body::Frame;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The shortest time between events.
const BEAT: Duration = Duration::from_millis(50);

/// Lines of a response, which end the search when nobody takes them any more.
pub struct Events {
    /// What came before the response began.
    first: Option<Bytes>,
    lines: Receiver<Line>,
    _waiting: Waiting,
}

/// A line, or why there is no result.
type Line = Result<Bytes, Refusal>;

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let text = |line: Line| line.unwrap_or_else(|refusal| self::line("error", refusal.json()));
        self.lines.poll_recv(context).map(|line| line.map(|line| Ok(Frame::data(text(line)))))
    }
}

fn line(event: &str, content: Value) -> Bytes {
    let mut all = json!({"event": event});
    if let (Value::Object(all), Value::Object(content)) = (&mut all, content) {
        all.extend(content);
    }
    Bytes::from(format!("{all}\n"))
}

/// What has been found so far.
#[derive(Default)]
struct Best {
    evaluations: u64,
    value: Option<f64>,
    /// The levels of the best, until they are told.
    levels: Option<(Vec<f64>, Vec<f64>)>,
    last: Option<Instant>,
}

/// Hears of a search.
struct Teller {
    best: Mutex<Best>,
    lines: Sender<Line>,
}

impl Teller {
    fn see(&self, tried: Tried) {
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        best.evaluations += 1;
        if tried.value.is_finite() && best.value.is_none_or(|value| tried.value < value) {
            best.value = Some(tried.value);
            if let Some(grid) = (tried.grid)() {
                let levels = grid.levels().iter();
                best.levels = Some(levels.map(|l| (l.t, l.noise_ratio())).unzip());
            }
        }
        let now = Instant::now();
        // Told again where nothing is better: who has left is noticed when something is sent.
        if best.last.is_some_and(|last| now - last < BEAT) {
            return;
        }
        let (Some(value), Some((times, sigmas))) = (best.value, &best.levels) else { return };
        let numbers = |list: &[f64]| list.iter().map(|n| number(*n)).collect::<Vec<_>>();
        let event = json!({
            "evaluations": best.evaluations,
            "best": number(value),
            "times": numbers(times),
            "sigmas": numbers(sigmas),
        });
        // A client that reads slowly misses some.
        if self.lines.try_send(Ok(line("progress", event))).is_ok() {
            best.last = Some(now);
        }
    }
}

/// Begins a search once there is a place for it, and waits for the first that it tells.
///
/// # Errors
/// [`Refusal`]: too many wait already, or nothing can be sought.
pub async fn begin(shared: &Shared, asked: Asked, waiting: Waiting) -> Result<Events, Refusal> {
    let (send, mut lines) = channel(16);
    let stop = waiting.stop();
    let place = shared.work.place(true, &stop).await?;
    let answers = shared.answers.clone();
    shared.work.spawn(true, place, stop, move |watch: Watch| {
        let teller = Teller { best: Mutex::default(), lines: send };
        let see = |tried: Tried| teller.see(tried);
        let found = caught(|| answers.answer(&asked, watch.seeing(&see)));
        // Nobody may be there any more.
        let _ = teller.lines.blocking_send(found.map(|answer| line("result", answer)));
    });
    // What cannot be sought at all is refused like any other question.
    let first = lines.recv().await.transpose()?;
    Ok(Events { first, lines, _waiting: waiting })
}
