//! Training does not depend on interruptions and threads.

use crate::common::{bits, edm, eps, linear, pictures, steps, trainer, unet, x0};
use gaussmeter::watch::Watch;
use gaussmeter_net::data::{Drawn, GaussianData, SampleDraw, TrainingData};
use gaussmeter_net::graph::Padding;
use gaussmeter_net::parametrization::Parametrization;
use gaussmeter_net::{NetError, Options, Shape};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

fn options() -> Options {
    Options { batch: 20, steps: 12, every: 5, held_out: 4, ..Options::default() }
}

/// Stopped after five steps, kept, read again and finished: weights, their average, moments and the log are the
/// same, bit for bit.
#[test]
fn resumed_training_is_the_same_bit_for_bit() {
    let data = pictures();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net.checkpoint.safetensors");
    let whole = {
        let mut all = trainer(&data, unet(Padding::Periodic), edm(&data), options());
        let ended = all.run(Watch::NOBODY, 0, &mut |_| Ok(()), &mut |_| Ok(())).expect("training");
        assert!(!ended.is_interrupted);
        all
    };
    let mut first = trainer(&data, unet(Padding::Periodic), edm(&data), options());
    let heard = AtomicU64::new(0);
    let hear = |_: Option<gaussmeter::watch::Progress>| match heard.fetch_add(1, Ordering::Relaxed)
    {
        7.. => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let keep = &mut |t: &gaussmeter_net::Trainer<'_>| t.keep(&path);
    let ended = first.run(Watch::new(&hear), 0, &mut |_| Ok(()), keep).expect("training");
    assert!(ended.is_interrupted && first.steps() == 7);
    let mut second = trainer(&data, unet(Padding::Periodic), edm(&data), options());
    second.resume(&path).expect("its own state");
    assert_eq!(second.steps(), 7);
    second.run(Watch::NOBODY, 0, &mut |_| Ok(()), &mut |_| Ok(())).expect("training");
    assert_eq!(bits(second.weights()), bits(whole.weights()));
    let average = |t: &gaussmeter_net::Trainer<'_>| bits(t.network("").expect("weights").weights());
    assert_eq!(average(&second), average(&whole));
    assert_eq!(second.rows(), whole.rows());
    assert_eq!(whole.rows().iter().map(|row| row.step).collect::<Vec<_>>(), [5, 10, 12]);
}

#[test]
fn threads_do_not_change_a_bit() {
    let data = pictures();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let mut all = trainer(&data, unet(Padding::Zero), eps(&data), options());
            steps(&mut all, 4);
            bits(all.weights())
        })
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(3));
}

/// A state of other training is refused, with what differs.
#[test]
fn other_options_are_refused() {
    let data = pictures();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.safetensors");
    let mut all = trainer(&data, linear(&[1.0]), x0(&data, &[1.0]), options());
    steps(&mut all, 2);
    all.keep(&path).expect("a file");
    let other = Options { rate: 0.5, ..options() };
    let mut other = trainer(&data, linear(&[1.0]), x0(&data, &[1.0]), other);
    let error = other.resume(&path).expect_err("another rate");
    assert!(matches!(error, NetError::Differs { .. }), "{error}");
    assert!(
        error.to_string().contains("rate 0.002") && error.to_string().contains("rate 0.5"),
        "{error}"
    );
    let mut other = trainer(&data, linear(&[2.0]), x0(&data, &[2.0]), options());
    let error = other.resume(&path).expect_err("another network").to_string();
    assert!(error.contains("the network is"), "{error}");
}

/// σ_data differs by rounding among machines: training goes on with that of the checkpoint.
#[test]
fn rounding_is_no_other_training() {
    let data = pictures();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.safetensors");
    let mut all = trainer(&data, unet(Padding::Zero), edm(&data), options());
    steps(&mut all, 2);
    all.keep(&path).expect("a file");
    let off = |by: f64| {
        let Parametrization { kind, name, sigma_data, law, .. } = edm(&data);
        Parametrization::new(kind, &name, sigma_data * (1.0 + by), law).expect("as before")
    };
    let mut near = trainer(&data, unet(Padding::Zero), off(3e-16), options());
    near.resume(&path).expect("the same but for rounding");
    steps(&mut near, 1);
    steps(&mut all, 1);
    assert_eq!(bits(near.weights()), bits(all.weights()));
    let mut far = trainer(&data, unet(Padding::Zero), off(1e-6), options());
    let error = far.resume(&path).expect_err("other data").to_string();
    assert!(error.contains("the parametrization is sigma_data"), "{error}");
}

/// Counts how often samples are drawn to measure on.
struct Counting(GaussianData, AtomicU64);

impl TrainingData for Counting {
    fn description(&self) -> String {
        self.0.description()
    }
    fn shape(&self) -> Shape {
        self.0.shape()
    }
    fn sigma_data(&self) -> f64 {
        self.0.sigma_data()
    }
    fn draw(&self, draw: SampleDraw) -> Drawn {
        self.1.fetch_add(draw.is_held_out.into(), Ordering::Relaxed);
        self.0.draw(draw)
    }
}

/// The summary is the last row of the log, not another measurement; after more steps it is one.
#[test]
fn the_end_is_measured_once() {
    let data = Counting(pictures(), AtomicU64::new(0));
    let mut all = trainer(&data, linear(&[0.5, 1.0]), x0(&data, &[0.5, 1.0]), options());
    let ended = all.run(Watch::NOBODY, 0, &mut |_| Ok(()), &mut |_| Ok(())).expect("training");
    let summary = all.summary(ended).expect("a summary");
    assert_eq!(data.1.load(Ordering::Relaxed), 3 * 2, "three rows of two levels");
    let mean = summary.levels.iter().map(|level| level.measured).sum::<f64>() / 2.0;
    assert_eq!(summary.last.expect("a row").measured, mean);
    steps(&mut all, 1);
    assert_ne!(all.summary(ended).expect("a summary").levels, summary.levels);
}
