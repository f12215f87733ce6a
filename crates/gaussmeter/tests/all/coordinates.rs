//! Samplers of projects that work in x = X/α and σ/α give the law of their output there, whatever our
//! process is: every sampler on every process, against itself on a variance-exploding one.

use gaussmeter::prelude::*;
use gaussmeter::process::Trig;
use gaussmeter::{process, sampler};
use std::collections::BTreeSet;
use std::sync::Arc;

const LAMBDA: [f64; 6] = [0.0, 1e-4, 0.03, 0.6, 1.0, 30.0];

/// Noise ratios of nodes, to the data and to a level above them.
const RATIOS: [&[f64]; 3] =
    [&[9.0, 5.0, 3.0, 1.2, 0.5, 0.2, 0.05, 0.0], &[9.0, 5.0, 3.0, 1.2, 0.5, 0.2], &[9.0, 0.0]];

/// Members with parameters that change what they do at the end, or in which coordinates.
const VARIANTS: &[&str] = &[
    "dpm-fast:variant=comfyui",
    "dpm-fast:eta=0.5,variant=comfyui",
    "deis:variant=comfyui",
    "deis:order=4,variant=comfyui-rhoab",
    "deis:repeated_end=yes",
    "lms:final=denoiser",
    "ipndm:variant=diffusers",
    "ipndm-v:variant=comfyui",
    "ddpm-ancestral:variant=comfyui",
    "dpmpp-2s-ancestral-cfg-pp:variant=comfyui",
    "dpmpp-3m-sde:variant=k-diffusion",
    "dpmpp-3m-sde:variant=diffusers",
    "edm:s_churn=3",
    "edm-euler:s_churn=3,variant=diffusers",
    "unipc:order=3,solver=bh1",
    "sa-solver:lower_order_final=comfyui",
    "sa-solver:lower_order_final=diffusers,last=predicted",
    "er-sde:integral=rectangles",
    "heunpp2:comfyui",
    "plms",
];

/// Rules in the time of the process, or in its α and σ: their law is another one on each, as their
/// papers have it.
const IN_TIME: &[&str] =
    &["ei", "em", "euler", "heun", "midpoint", "pc", "pndm", "ralston", "rk3", "rk4", "tcd"];

fn on(process: &Arc<dyn Process>, ratios: &[f64]) -> Option<Grid> {
    Grid::from_sigmas(process.clone(), ratios).ok()
}

/// Gain on x, variance and mean of x at the end of the grid.
fn law(text: &str, grid: &Grid) -> Option<[Vec<f64>; 3]> {
    let data = Spectrum::new("test", "", &LAMBDA, None, Some(&[1.0; 6])).unwrap();
    let plan = sampler::registry().build(text).unwrap().item.plan(grid).ok()?;
    assert_eq!(plan.end().t, grid.end().t, "{text} ends elsewhere than its grid");
    let output = Output::of(&plan, &data);
    let (start, end) = (grid.start().alpha, grid.end().alpha);
    let scaled = |v: Vec<f64>, by: f64| v.into_iter().map(|v| v * by).collect();
    Some([
        scaled(output.gain, start / end),
        scaled(output.noise_variance, 1.0 / (end * end)),
        scaled(output.mean_gain, 1.0 / end),
    ])
}

#[test]
fn the_law_in_sigma_space_does_not_depend_on_the_process() {
    let edm: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let mut others: Vec<(String, Arc<dyn Process>)> = Vec::new();
    for name in process::registry().names_alone() {
        let item = process::registry().build(name).unwrap().item;
        others.push((name.into(), item.into()));
    }
    others.push(("trig".into(), Arc::new(Trig)));
    let mut differ: BTreeSet<String> = BTreeSet::new();
    let mut compared = 0;
    let names = sampler::registry().names_alone();
    for text in names.iter().chain(VARIANTS) {
        // With levels of these grids in between.
        let text = if *text == "restart" { "restart:min=0.3,max=4" } else { text };
        for ratios in RATIOS {
            let Some(expected) = on(&edm, ratios).and_then(|grid| law(text, &grid)) else {
                continue;
            };
            for (name, process) in &others {
                let Some(found) = on(process, ratios).and_then(|grid| law(text, &grid)) else {
                    continue;
                };
                compared += 1;
                let mut pairs = found.iter().flatten().zip(expected.iter().flatten());
                let is_close =
                    |(a, b): &(&f64, &f64)| a == b || (*a - *b).abs() <= 1e-9 * b.abs().max(1e-3);
                if let Some((a, b)) = pairs.find(|pair| !is_close(pair)) {
                    println!("{text} on {name}, {} steps: {a} {b}", ratios.len() - 1);
                    differ.insert(text.to_string());
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
    let expected: BTreeSet<String> = IN_TIME.iter().map(|s| s.to_string()).collect();
    assert_eq!(differ, expected);
}
