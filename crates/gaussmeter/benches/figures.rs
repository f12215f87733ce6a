//! The time a figure takes in every format: eight curves of 1000 points. The best of many rounds is kept.
//! `cargo bench -p gaussmeter --bench figures`.

use gaussmeter::report::{Axis, Figure, Forms, Panel, Series, formats};
use std::time::{Duration, Instant};

const SERIES: usize = 8;
const POINTS: usize = 1000;
const ROUNDS: usize = 20;

fn figure() -> Figure {
    let line = |k: usize| {
        let at = |i: usize| i as f64 / (POINTS - 1) as f64;
        let value = |t: f64| ((6.0 * t + k as f64).sin() + 0.1 * (97.0 * t).sin()).exp();
        Series::line(format!("sampler {k}"), (0..POINTS).map(|i| (at(i), value(at(i)))).collect())
    };
    let panel = Panel {
        x: Axis::linear("t"),
        y: Axis::log("W2"),
        series: (0..SERIES).map(line).collect(),
        ..Panel::default()
    };
    Figure::of("Errors along time", panel)
}

fn main() {
    let report = Forms { figures: vec![figure()], ..Forms::default() };
    for format in formats().into_iter().filter(|format| format.is_drawing()) {
        let mut best = Duration::MAX;
        let mut bytes = Vec::new();
        for _ in 0..ROUNDS {
            bytes.clear();
            let start = Instant::now();
            if let Err(error) = format.write(&report, &mut bytes) {
                println!("{:12} {error}", format.name);
                break;
            }
            best = best.min(start.elapsed());
        }
        if !bytes.is_empty() {
            let milliseconds = 1e3 * best.as_secs_f64();
            println!("{:12} {milliseconds:8.2} ms {:8} bytes", format.name, bytes.len());
        }
    }
}
