//! Work of requests: on threads of its own, no more at a time than there are, and no longer than somebody
//! waits for it.

use crate::refusal::Refusal;
use axum::http::StatusCode;
use gaussmeter::watch::{Progress, Watch};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// Most requests of a sort that wait for a thread.
const WAITING: usize = 256;

/// Threads for one sort of work.
#[derive(Debug)]
struct Threads {
    pool: ThreadPool,
    count: usize,
    /// Requests that may be worked on at a time.
    places: Arc<Semaphore>,
    /// Requests that may be there at all.
    queue: Arc<Semaphore>,
}

impl Threads {
    fn new(name: &'static str) -> Result<Self, ThreadPoolBuildError> {
        let count = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        let name = move |k| format!("gaussmeter-{name}-{k}");
        let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(name).build()?;
        let places = Arc::new(Semaphore::new(count));
        let queue = Arc::new(Semaphore::new(WAITING + count));
        Ok(Threads { pool, count, places, queue })
    }
}

/// A client, and the path that it asks.
type Asker = (String, String);

/// All threads: long work does not hold up short questions.
#[derive(Debug)]
pub struct Work {
    short: Threads,
    long: Threads,
    /// By client and path: the request that is answered now.
    current: Mutex<HashMap<Asker, (u64, Arc<Stop>)>>,
    asked: AtomicU64,
}

/// Tells work to stop.
#[derive(Debug, Default)]
pub struct Stop {
    is_told: AtomicBool,
    told: Notify,
}

impl Stop {
    /// Tells it.
    pub fn tell(&self) {
        self.is_told.store(true, Ordering::Relaxed);
        self.told.notify_waiters();
        self.told.notify_one();
    }

    /// Whether it has been told.
    pub fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }
}

/// Stops work when whoever waits for it goes.
#[derive(Debug)]
pub struct Waiting {
    stop: Arc<Stop>,
    leave: Option<(Arc<Work>, Asker, u64)>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stop.tell();
        if let Some((work, key, number)) = self.leave.take() {
            let mut current = work.current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.get(&key).is_some_and(|(known, _)| *known == number) {
                current.remove(&key);
            }
        }
    }
}

impl Waiting {
    /// What tells the work to stop.
    pub fn stop(&self) -> Arc<Stop> {
        self.stop.clone()
    }
}

/// A place among those who are worked for.
#[derive(Debug)]
pub struct Place {
    _place: OwnedSemaphorePermit,
    _queue: OwnedSemaphorePermit,
}

impl Work {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has none.
    pub fn new() -> Result<Self, ThreadPoolBuildError> {
        Ok(Work {
            short: Threads::new("short")?,
            long: Threads::new("long")?,
            current: Mutex::default(),
            asked: AtomicU64::new(0),
        })
    }

    /// Begins to wait for an answer. Earlier requests of the same client to the same path are told to stop.
    pub fn wait(self: &Arc<Self>, client: Option<&str>, path: &str) -> Waiting {
        let stop = Arc::new(Stop::default());
        let Some(client) = client else { return Waiting { stop, leave: None } };
        let key = (client.to_string(), path.to_string());
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, earlier)) = current.insert(key.clone(), (number, stop.clone())) {
            earlier.tell();
        }
        drop(current);
        Waiting { stop, leave: Some((self.clone(), key, number)) }
    }

    /// Requests that are worked on.
    pub fn working(&self) -> usize {
        let of = |threads: &Threads| threads.count - threads.places.available_permits();
        of(&self.short) + of(&self.long)
    }

    fn threads(&self, is_long: bool) -> &Threads {
        if is_long { &self.long } else { &self.short }
    }

    /// Waits for a place among those that are worked on.
    ///
    /// # Errors
    /// [`Refusal`]: too many wait already, or a newer request took the place of this one.
    pub async fn place(&self, is_long: bool, stop: &Stop) -> Result<Place, Refusal> {
        let threads = self.threads(is_long);
        let busy = || {
            let message = "too many requests are waiting: try again";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        };
        let queue = threads.queue.clone().try_acquire_owned().map_err(|_| busy())?;
        let place = threads.places.clone().acquire_owned();
        tokio::select! {
            biased;
            () = told(stop) => Err(Refusal::superseded()),
            place = place => Ok(Place { _place: place.map_err(|_| busy())?, _queue: queue }),
        }
    }

    /// Does work on other threads.
    ///
    /// # Errors
    /// [`Refusal`]: of the work, or because a newer request took the place of this one.
    pub async fn run<T: Send + 'static>(
        &self,
        is_long: bool,
        waiting: &Waiting,
        work: impl FnOnce(Watch) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let place = self.place(is_long, &waiting.stop).await?;
        let (send, receive) = oneshot::channel();
        self.spawn(is_long, place, waiting.stop(), move |watch| {
            // Nobody may wait any more.
            let _ = send.send(caught(|| work(watch)));
        });
        tokio::select! {
            biased;
            done = receive => done.unwrap_or_else(|_| Err(Refusal::defect("work without a result"))),
            () = told(&waiting.stop) => Err(Refusal::superseded()),
        }
    }

    /// Does work on other threads that nobody waits for.
    pub fn spawn(
        &self,
        is_long: bool,
        place: Place,
        stop: Arc<Stop>,
        work: impl FnOnce(Watch) + Send + 'static,
    ) {
        self.threads(is_long).pool.spawn(move || {
            let hear = |_: Option<Progress>| match stop.is_told() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            work(Watch::new(&hear).discarding());
            drop(place);
        });
    }
}

/// The result of work, which may panic.
pub fn caught<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(Refusal::defect(text))
    })
}

async fn told(stop: &Stop) {
    while !stop.is_told() {
        stop.told.notified().await;
    }
}
