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

/// Gain on x = X/α, variance of noise and mean of x where the sampler ends.
fn in_ratio_coordinates(text: &str, grid: &Grid) -> [Vec<f64>; 3] {
    let end = sampler::registry().build(text).unwrap().item.plan(grid).unwrap().end();
    let Output { gain, noise_variance, mean_gain, .. } = output(text, grid);
    let scaled = |v: Vec<f64>, by: f64| v.iter().map(|v| v * by).collect();
    [
        scaled(gain, grid.start().alpha / end.alpha),
        scaled(noise_variance, 1.0 / (end.alpha * end.alpha)),
        scaled(mean_gain, 1.0 / end.alpha),
    ]
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
        "dpmpp-3m-sde:variant=diffusers",
        "dpm-solver-2m",
        "dpm-solver-2m:heun",
        "dpm-solver-3m",
        "dpm-solver-2",
        "dpm-solver-3",
        "dpmpp-2s",
        "dpmpp-3s:solver=heun",
        "dpm-solver-singlestep:3",
        "dpm-solver-singlestep:3,model=noise,solver=heun",
        "dpm-solver-singlestep-sde:3,eta=0.5",
        "dpm-solver-singlestep-sde:variant=diffusers",
        "dpm-fast",
        "dpm-fast:eta=0.5,variant=comfyui",
        "dpm-solver-2m-sde",
        "dpm-solver-singlestep-sde:3,model=noise",
        "res-multistep-ancestral:eta=0.5",
        "dpmpp-2s-ancestral-cfg-pp:variant=comfyui",
        "lms",
        "lms:order=3,final=denoiser",
        "dpmpp-sde",
        "dpmpp-sde:eta=0.5,r=0.75,noise=iid",
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
        ("dpmpp-2m-sde-heun", "dpmpp-2m-sde:solver=heun"),
        ("res-multistep", "dpmpp-2m:heun"),
        ("res-multistep-ancestral:eta=0", "res-multistep"),
        ("dpmpp-2s-ancestral-cfg-pp", "dpmpp-2s-ancestral"),
        ("dpmpp-2s", "dpmpp-2s-ancestral:eta=0"),
        ("dpm-solver-2", "dpm-2"),
        ("dpm-solver-2m-sde:eta=0", "dpm-solver-2m"),
        ("dpm-solver-1-sde:eta=0", "ddim"),
        ("dpm-solver-singlestep-sde:eta=0", "dpm-solver-singlestep"),
        ("dpmpp-3m-sde:eta=0,variant=k-diffusion", "dpmpp-3m-sde:eta=0,variant=diffusers"),
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

/// A first step from α = 0 has order 1: multistep and singlestep rules over nodes start there.
#[test]
fn an_infinite_first_step_is_ddim() {
    let law = |text: &str, times: &[f64]| output(text, &Grid::new(Arc::new(Flow), times).unwrap());
    for text in [
        "dpmpp-2m",
        "dpmpp-3m",
        "res-multistep",
        "dpm-solver-2m",
        "dpm-solver-3m",
        "dpm-solver-2m-sde:eta=0",
        "dpm-solver-singlestep:3",
        "dpm-solver-singlestep:model=noise",
    ] {
        let (a, b) = (law(text, &[1.0, 0.8]), law("ddim", &[1.0, 0.8]));
        assert_eq!((a.gain, a.mean_gain), (b.gain, b.mean_gain), "{text}");
        let longer = law(text, &[1.0, 0.8, 0.5, 0.2, 0.0]);
        assert!(longer.gain.iter().all(|g| g.is_finite() && *g < 6.0), "{text}");
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
        "dpm-solver-2m",
        "dpm-solver-3m",
        "dpm-solver-3",
        "dpmpp-3s",
        "dpm-solver-singlestep:3,solver=heun",
        "dpm-solver-singlestep:model=noise",
        "dpm-solver-2",
        "dpm-solver-singlestep-sde",
        "dpm-solver-singlestep-sde:model=noise",
        "dpm-solver-2m-sde",
        "dpm-fast:eta=0.5",
        "res-multistep-ancestral",
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
        "dpm-solver-3",
        "dpmpp-2s",
        "dpm-fast",
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

/// On nodes that have its stages among them, the singlestep solver over nodes is the one with stages.
#[test]
fn stages_may_be_nodes() {
    let edm: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let nodes = |n: usize| {
        let node = |i| 20.0 * 0.0025f64.powf(i as f64 / n as f64);
        Grid::from_sigmas(edm.clone(), &(0..=n).map(node).collect::<Vec<_>>()).unwrap()
    };
    for (order, stages, over_nodes) in [
        (2, "dpmpp-2s", "2"),
        (2, "dpm-solver-2:solver=heun", "2,model=noise,solver=heun"),
        (3, "dpmpp-3s:solver=heun", "3,solver=heun"),
        (3, "dpm-solver-3:solver=heun", "3,model=noise,solver=heun"),
    ] {
        let a = in_ratio_coordinates(stages, &nodes(4));
        let over_nodes = format!("dpm-solver-singlestep:{over_nodes}");
        assert_same(&a, &in_ratio_coordinates(&over_nodes, &nodes(4 * order)), stages);
    }
}

/// A run of whole groups may keep its last step for itself; one that is too short for its order has a
/// lower one.
#[test]
fn groups_of_steps() {
    let edm: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let law = |text: &str, sigmas: &[f64]| {
        in_ratio_coordinates(text, &Grid::from_sigmas(edm.clone(), sigmas).unwrap())
    };
    let singlestep = |arguments: &str, sigmas: &[f64]| {
        law(&format!("dpm-solver-singlestep:{arguments}"), sigmas)
    };
    let (two, three) = ([20.0, 5.0, 1.0], [20.0, 5.0, 1.0, 0.5]);
    assert_same(&singlestep("2,lower_order_final=yes", &two), &law("ddim", &two), "1, 1");
    assert_same(&singlestep("3", &two), &singlestep("2", &two), "1, 2");
    let last = singlestep("3,lower_order_final=yes", &three);
    assert_same(&last, &singlestep("2", &three), "1, 2, 1");
    assert_same(
        &singlestep("2,lower_order_final=yes", &three),
        &singlestep("2", &three),
        "1, 2, 1",
    );
    assert_same(
        &law("dpm-solver-singlestep-sde:3", &[20.0, 5.0]),
        &law("euler-ancestral", &[20.0, 5.0]),
        "1",
    );
}

/// Combinations that no rule belongs to.
#[test]
fn combinations_without_a_rule_are_refused() {
    for (text, message) in [
        ("dpmpp-3m:eta=0.5,variant=diffusers", "diffusers has eta = 0 and eta = 1 only, not 0.5"),
        (
            "dpm-solver-singlestep-sde:eta=0.5,variant=diffusers",
            "diffusers has eta = 1 only, not 0.5",
        ),
        (
            "dpm-solver-singlestep-sde:3,model=noise,variant=diffusers",
            "diffusers has no third-order rule for the noise with eta = 1",
        ),
        ("dpm-solver-3:r1=0.7", "r1 = 0.7 must be below r2 = 0.6666666666666666"),
    ] {
        let error = sampler::registry().build(text).unwrap_err().to_string();
        assert!(error.ends_with(message), "{error}");
    }
}

/// Blocks are steps of DPM-Solver-3, -2 and -1 between the ends of the grid.
#[test]
fn fast_is_made_of_blocks() {
    let edm: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let node = |parts: usize| move |i: usize| 20.0 * 0.0025f64.powf(i as f64 / parts as f64);
    let gain = |text: &str, sigmas: &[f64]| {
        output(text, &Grid::from_sigmas(edm.clone(), sigmas).unwrap()).gain
    };
    for (n, blocks) in [
        (2, &["dpm-solver-2"][..]),
        (3, &["dpm-solver-2", "ddim"]),
        (4, &["dpm-solver-3", "ddim"]),
        (5, &["dpm-solver-3", "dpm-solver-2"]),
        (6, &["dpm-solver-3", "dpm-solver-2", "ddim"]),
        (7, &["dpm-solver-3", "dpm-solver-3", "ddim"]),
    ] {
        let mut expected = vec![1.0; LAMBDA.len()];
        for (i, block) in blocks.iter().enumerate() {
            let ends = [i, i + 1].map(node(blocks.len()));
            let gains = gain(block, &ends);
            expected = expected.iter().zip(&gains).map(|(a, b)| a * b).collect();
        }
        let nodes: Vec<f64> = (0..=n).map(node(n)).collect();
        let to_zero = [&nodes[..], &[0.0]].concat();
        let last: Vec<f64> = gain("ddim", &[nodes[n], 0.0]);
        let denoised: Vec<f64> = expected.iter().zip(&last).map(|(a, b)| a * b).collect();
        for (found, expected) in
            [(gain("dpm-fast", &nodes), &expected), (gain("dpm-fast", &to_zero), &denoised)]
        {
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() <= 1e-12 * b.abs().max(1e-3), "{n}: {a} {b}");
            }
        }
    }
}
