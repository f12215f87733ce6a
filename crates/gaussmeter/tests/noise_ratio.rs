//! Samplers that live in the noise ratio σ/α give the same law on every process, and coincide where
//! the literature says so.

use gaussmeter::prelude::*;
use gaussmeter::process::Process;
use gaussmeter::sampler;
use std::sync::Arc;

/// Noise ratios of the nodes.
const RATIOS: [f64; 8] = [20.0, 7.0, 3.0, 1.2, 0.5, 0.2, 0.05, 0.0];
const LAMBDA: [f64; 6] = [0.0, 1e-4, 0.03, 0.6, 1.0, 30.0];

/// The same noise ratios on the three processes.
fn grids() -> [Grid; 3] {
    // B = ½ ln(1 + ϱ²) = ½ t for constant β = ½.
    let vp = VpLinear::new(0.5, 0.5, 10.0).unwrap();
    let grid = |process: Arc<dyn Process>, time: fn(f64) -> f64| {
        Grid::new(process, &RATIOS.map(time)).unwrap()
    };
    [
        grid(Arc::new(Edm::new(80.0)), |ratio| ratio),
        grid(Arc::new(vp), |ratio| (ratio * ratio).ln_1p()),
        grid(Arc::new(Flow), |ratio| ratio / (1.0 + ratio)),
    ]
}

fn output(text: &str, grid: &Grid) -> Output {
    let plan = sampler::registry().build(text).unwrap().item.plan(grid).unwrap();
    let data = Spectrum::new("test", "", &LAMBDA, None, Some(&[1.0; 6])).unwrap();
    Output::of(&plan, &data)
}

/// Gain on x = X/α at the start, variance of noise and mean at σ = 0, α = 1.
fn in_ratio_coordinates(text: &str, grid: &Grid) -> [Vec<f64>; 3] {
    let output = output(text, grid);
    let gain = output.gain.iter().map(|g| g * grid.start().alpha).collect();
    [gain, output.noise_variance, output.mean_gain]
}

#[track_caller]
fn assert_same(a: &[Vec<f64>; 3], b: &[Vec<f64>; 3], what: &str) {
    for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1e-3), "{what}: {a} {b}");
    }
}

#[test]
fn the_law_depends_on_noise_ratios_alone() {
    for text in [
        "ddim",
        "ddim:eta=0.7",
        "euler-ancestral",
        "dpmpp-2m",
        "dpmpp-2m:heun",
        "dpmpp-2m-sde:eta=0.5",
        "dpmpp-2m-sde:eta=0.5,solver=heun",
        "edm",
        "edm:s_churn=3,s_min=0.1,s_max=10,s_noise=1.01",
        "edm-euler:s_churn=3,s_max=1",
        "dpm-2",
        "dpm-2:s_churn=3",
        "dpm-2-ancestral:eta=0.7",
        "dpmpp-2s-ancestral",
        "dpmpp-3m",
        "dpmpp-3m-sde:eta=0.5",
        "lms",
        "lms:order=3,final=denoiser",
        "dpmpp-sde",
        "dpmpp-sde:eta=0.5,r=0.75,noise=iid",
        "midpoint:noise-ratio",
        "ralston:noise-ratio",
        "rk3:variable=noise-ratio",
        "res-2s",
        "res-3s",
        "heunpp2",
        "heunpp2:comfyui",
        "edm-ablation:alpha=0.7,schedule=vp,scaling=vp,s_churn=2",
        "edm-ablation:schedule=ve",
    ] {
        let [edm, others @ ..] = grids().map(|g| in_ratio_coordinates(text, &g));
        for (other, process) in others.iter().zip(["vp", "flow"]) {
            assert_same(&edm, other, &format!("{text} on {process}"));
        }
    }
}

#[test]
fn samplers_that_coincide() {
    for (a, b) in [
        ("ddim:eta=1", "euler-ancestral"),
        ("euler-ancestral:eta=0", "ddim"),
        ("dpmpp-2m-sde:eta=0", "dpmpp-2m"),
        ("edm-euler", "ddim"),
        ("lms:order=1", "ddim"),
        ("dpmpp-3m-sde:eta=0,second=midpoint", "dpmpp-3m"),
        ("dpm-2-ancestral:eta=0", "dpm-2"),
        ("dpmpp-sde:eta=0,noise=iid", "dpmpp-sde:eta=0"),
        ("dpmpp-2m-sde:eta=0,solver=heun", "dpmpp-2m:heun"),
        ("res-2s:solver=midpoint", "dpmpp-2s-ancestral:eta=0"),
        ("edm-ablation", "edm"),
        ("edm-ablation:s_churn=3,s_max=10", "edm:s_churn=3,s_max=10"),
        ("edm-ablation:solver=euler", "ddim"),
    ] {
        for grid in grids() {
            let [a_law, b_law] = [a, b].map(|text| in_ratio_coordinates(text, &grid));
            assert_same(&a_law, &b_law, &format!("{a} = {b}"));
        }
    }
    // On edm, t is the noise ratio: Euler in t is Euler in σ.
    let [edm, ..] = grids();
    assert_same(
        &in_ratio_coordinates("euler", &edm),
        &in_ratio_coordinates("ddim", &edm),
        "euler = ddim on edm",
    );
}

/// On flow, Euler in t and DDIM are the same sampler, also from α = 0.
#[test]
fn euler_on_flow_is_ddim() {
    let grid = Grid::new(Arc::new(Flow), &[1.0, 0.8, 0.45, 0.1, 0.0]).unwrap();
    let [euler, ddim] = ["euler", "ddim"].map(|text| output(text, &grid));
    let pairs = |f: fn(&Output) -> &Vec<f64>| f(&euler).iter().zip(f(&ddim)).collect::<Vec<_>>();
    for (a, b) in [pairs(|o| &o.gain), pairs(|o| &o.mean_gain)].concat() {
        assert!((a - b).abs() < 1e-13, "{a} {b}");
    }
}

/// One step turns the angle θ = arctan(σ/√λ) of a mode: the standard deviation is √λ ∏ cos(θ − θ′).
#[test]
fn ddim_is_a_product_of_cosines() {
    for grid in grids() {
        let start = grid.start();
        for (lambda, gain) in LAMBDA.iter().zip(output("ddim", &grid).gain).skip(1) {
            let theta = |ratio: f64| (ratio / lambda.sqrt()).atan();
            let cosines = RATIOS.windows(2).map(|w| (theta(w[0]) - theta(w[1])).cos());
            let expected = lambda.sqrt() * cosines.product::<f64>();
            let std = gain * start.variance(*lambda).sqrt();
            assert!((std / expected - 1.0).abs() < 1e-12, "λ = {lambda}: {std} {expected}");
        }
    }
}

/// Where Σ is singular and the last step ends at σ = 0, the output is on the data.
#[test]
fn the_last_step_to_no_noise_is_finite() {
    for text in [
        "ddim",
        "euler-ancestral",
        "dpmpp-2m",
        "dpmpp-2m-sde",
        "edm",
        "dpm-2",
        "dpm-2-ancestral",
        "dpmpp-2s-ancestral",
        "dpmpp-sde",
        "dpmpp-3m",
        "dpmpp-3m-sde",
        "lms:final=denoiser",
        "res-2s",
        "res-3s",
        "heunpp2",
        "heunpp2:comfyui",
        "rk3:variable=noise-ratio",
    ] {
        for grid in grids() {
            let output = output(text, &grid);
            assert!(output.infinite.is_none(), "{text}");
            assert_eq!((output.gain[0], output.noise_variance[0]), (0.0, 0.0), "{text}");
        }
    }
}

/// A step in the noise ratio cannot start where it is infinite, and churn not lead out of a process.
#[test]
fn infinite_noise_ratios_are_refused() {
    let flow = Grid::new(Arc::new(Flow), &[1.0, 0.5, 0.0]).unwrap();
    for text in [
        "edm",
        "dpm-2",
        "dpm-2-ancestral:eta=0.5",
        "dpmpp-2s-ancestral:eta=0.5",
        "dpmpp-sde",
        "edm-euler:1",
        "lms",
        "midpoint:noise-ratio",
        "rk3:variable=noise-ratio",
        "res-2s",
        "res-3s",
        "heunpp2",
        "edm-ablation",
    ] {
        let error = sampler::registry().build(text).unwrap().item.plan(&flow).unwrap_err();
        assert_eq!(
            error.to_string(),
            "undefined at step 1 of 2: the scheme steps in sigma/alpha, which is infinite at t = 1: \
             start below, or use ddim, dpmpp-2m, or heun, which steps in t",
            "{text}"
        );
    }
}
