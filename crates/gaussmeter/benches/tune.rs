//! How long it takes to design a schedule: 20 steps, 10 starts, 3,072 eigenvalues.

#![allow(missing_docs)]

use gaussmeter::design::{Effort, End, Problem, Space, Start, starts};
use gaussmeter::objective::SquaredWasserstein2;
use gaussmeter::prelude::*;
use gaussmeter::watch::Watch;
use gaussmeter::{data, sampler};
use std::sync::Arc;
use std::time::Instant;

const STEPS: usize = 20;
const STARTS: usize = 10;

fn main() {
    let data = data::load("power-law:d=3072,alpha=1.6,scale=220").expect("a preset");
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let space = Space::new(&process, STEPS, Start::Fixed, End::At(0.0), 1.25).expect("a space");
    let from = starts(&space, &data, STARTS, 0).expect("starts");
    println!("{STEPS} steps, {STARTS} starts, {} eigenvalues", data.modes().len());
    println!("{:22} {:>8} {:>12} {:>12}", "sampler", "seconds", "evaluations", "W2");
    for name in ["ddim", "dpmpp-2m", "dpmpp-3m", "dpmpp-2m-sde", "edm", "dpm-2", "dpmpp-sde"] {
        let sampler = sampler::registry().build(name).expect("a sampler").item;
        let problem = Problem {
            watch: Watch::NOBODY,
            spectrum: &data,
            sampler: &*sampler,
            init: &Init::Normal { std: Some(80.0) },
            objective: &SquaredWasserstein2,
            space: &space,
        };
        let start = Instant::now();
        let tuned = problem.tune(&from, Effort::default()).expect("a schedule");
        let seconds = start.elapsed().as_secs_f64();
        let w2 = tuned.best.after.sqrt();
        println!("{name:22} {seconds:8.3} {:>12} {w2:12.6}", tuned.best.evaluations);
    }
}
