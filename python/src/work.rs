//! Work in the background of a call: other threads of Python go on, signals are heard, and progress is
//! told. The work itself hears of nothing but its [`Watch`].

use crate::errors::Failure;
use gaussmeter::watch::{Progress, Watch};
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often signals are looked at.
const BEAT: Duration = Duration::from_millis(40);

/// The threads, and the process that has them: a process forked from it has none of them.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

fn pool() -> Result<Arc<ThreadPool>, Failure> {
    let mut kept = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let own = std::process::id();
    match &*kept {
        Some((process, pool)) if *process == own => Ok(pool.clone()),
        _ => {
            let pool = ThreadPoolBuilder::new().thread_name(|i| format!("gaussmeter-{i}")).build();
            let pool = Arc::new(pool?);
            // Joining threads that exist in another process only would never end.
            std::mem::forget(kept.replace((own, pool.clone())));
            Ok(pool)
        }
    }
}

/// How far the work is, in words that outlive it.
#[derive(Clone, PartialEq)]
struct Stage {
    what: String,
    unit: String,
    done: u64,
    total: Option<u64>,
}

/// What both threads see.
#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    stage: Mutex<Option<Stage>>,
}

impl Shared {
    fn hear(&self, progress: Option<Progress>, is_told: bool) -> ControlFlow<()> {
        if let Some(p) = progress.filter(|_| is_told) {
            let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
            let (what, unit) = (p.what.into(), p.unit.into());
            *stage = Some(Stage { what, unit, done: p.done, total: p.total });
        }
        match self.is_stopped.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn stage(&self) -> Option<Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What came of the work, or of its panic.
type Ended<T> = Result<Result<T, Failure>, Box<dyn Any + Send>>;

fn settled<T>(ended: Ended<T>) -> PyResult<T> {
    match ended {
        Ok(result) => Ok(result?),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            Err(PyRuntimeError::new_err(format!(
                "gaussmeter has failed ({text}): this is a defect of gaussmeter, please report it"
            )))
        }
    }
}

/// Waits for the end of work, and makes an object of what it has found.
type Rest = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// Work whose caller was interrupted, and which ends with what it has.
#[pyclass(frozen, module = "gaussmeter._native")]
pub struct Unfinished {
    wait: Mutex<Option<Rest>>,
}

#[pymethods]
impl Unfinished {
    /// Waits for the end of the work, and returns what it has found.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let wait = self.wait.lock().unwrap_or_else(PoisonError::into_inner).take();
        match wait {
            Some(wait) => wait(py),
            None => Err(PyRuntimeError::new_err("the result has been taken")),
        }
    }
}

/// Does work on other threads, until it ends or a signal handler raises an exception. Then the work is
/// told to stop, and a `KeyboardInterrupt` is raised as an `Interrupted`, from which what was found can
/// be had. `progress` is called with what is done, the unit, how many are done and of how many.
pub fn watched<T, F, C>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: F,
    finish: C,
) -> PyResult<Py<PyAny>>
where
    T: Send + 'static,
    F: FnOnce(Watch) -> Result<T, Failure> + Send + 'static,
    C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
{
    let pool = pool()?;
    // A callback of other work: its thread must not wait for threads that may all be waiting.
    if pool.current_thread_index().is_some() {
        let ended = py.detach(|| catch_unwind(AssertUnwindSafe(|| work(Watch::NOBODY))));
        return finish(py, settled(ended)?);
    }
    let shared = Arc::new(Shared::default());
    let is_told = progress.is_some();
    let (send, mut receive) = channel::<Ended<T>>();
    let own = shared.clone();
    pool.spawn(move || {
        let hear = |progress: Option<Progress>| own.hear(progress, is_told);
        let ended = catch_unwind(AssertUnwindSafe(|| work(Watch::new(&hear))));
        // Nobody waits any more if the caller was interrupted and let go of the result.
        let _ = send.send(ended);
    });
    match wait(py, &mut receive, &shared, progress) {
        Ok(ended) => finish(py, settled(ended)?),
        Err(raised) => {
            shared.is_stopped.store(true, Ordering::Relaxed);
            if !raised.is_instance_of::<PyKeyboardInterrupt>(py) {
                return Err(raised);
            }
            let receive = Mutex::new(receive);
            let rest = move |py: Python<'_>| {
                let ended = py
                    .detach(|| receive.into_inner().unwrap_or_else(PoisonError::into_inner).recv());
                match ended {
                    Ok(ended) => finish(py, settled(ended)?),
                    Err(_) => Err(PyRuntimeError::new_err("the work has ended without a result")),
                }
            };
            let unfinished = Unfinished { wait: Mutex::new(Some(Box::new(rest))) };
            let class = py.import("gaussmeter._errors")?.getattr("Interrupted")?;
            Err(PyErr::from_value(class.call1((unfinished,))?))
        }
    }
}

/// Waits for the end of the work, or for an exception raised by a signal handler or by `progress`.
fn wait<T: Send>(
    py: Python<'_>,
    receive: &mut Receiver<Ended<T>>,
    shared: &Shared,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Ended<T>> {
    let mut told = None;
    loop {
        let own = &mut *receive;
        let next = py.detach(move || own.recv_timeout(BEAT));
        if let Some(progress) = progress
            && let Some(stage) = shared.stage()
            && told.as_ref() != Some(&stage)
        {
            progress.call1((&stage.what, &stage.unit, stage.done, stage.total))?;
            told = Some(stage);
        }
        match next {
            Ok(ended) => return Ok(ended),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the work has ended without a result"));
            }
        }
    }
}
