//! How long it takes to design a schedule by each objective: 20 steps, 10 starts, 3,072 eigenvalues.

#![allow(missing_docs)]

use gaussmeter::design::{Effort, End, Problem, Space, Start, starts};
use gaussmeter::network::Learnt;
use gaussmeter::objective::{Local, Objective, Robust, SquaredWasserstein2};
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
    let network = Learnt::exact(&data);
    let from = starts(&space, &data, STARTS, 0).expect("starts");
    println!("{STEPS} steps, {STARTS} starts, {} eigenvalues", data.modes().len());
    println!("per objective: seconds, evaluations, seconds per evaluation relative to w2");
    println!("{:16} {:>26} {:>26} {:>26}", "sampler", "w2", "local", "robust");
    for name in
        ["ddim", "dpmpp-2m", "dpmpp-3m", "unipc", "edm", "dpm-2", "dpmpp-2m-sde", "dpmpp-sde"]
    {
        let sampler = sampler::registry().build(name).expect("a sampler").item;
        let mut first = None;
        print!("{name:16}");
        let objectives: [&dyn Objective; 3] = [&SquaredWasserstein2, &Local, &Robust::default()];
        for objective in objectives {
            let problem = Problem {
                watch: Watch::NOBODY,
                network: &network,
                sampler: &*sampler,
                init: &Init::Normal { std: Some(80.0) },
                objective,
                space: &space,
            };
            let start = Instant::now();
            let tuned = problem.tune(&from, Effort::default()).expect("a schedule");
            let seconds = start.elapsed().as_secs_f64();
            let each = seconds / tuned.best.evaluations as f64;
            let ratio = each / *first.get_or_insert(each);
            print!(" {seconds:8.3} {:>8} {ratio:8.2}", tuned.best.evaluations);
        }
        println!();
    }
}
