//! Samplers that live in the noise ratio σ/α give the same law on every process, and coincide where
//! the literature says so.

use gaussmeter::prelude::*;
use gaussmeter::process::{Process, Trig};
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
        "edm-euler:s_churn=3,variant=diffusers",
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
        "unipc",
        "unipc:order=3,solver=bh1,prediction=noise",
        "exponential-adams-bashforth:order=4",
        "exponential-adams-bashforth:prediction=noise",
        "deis:order=4",
        "deis:variant=comfyui",
        "plms",
        "ipndm",
        "ipndm-v:variant=comfyui",
        "gradient-estimation:gamma=1.7,final=multistep",
        "adams-bashforth-moulton",
        "adams-bashforth-moulton:mode=pec",
        "dpmpp-sde",
        "dpmpp-sde:eta=0.5,r=0.75,noise=iid",
        "ddpm-ancestral",
        "ddpm-ancestral:variance=fixed_large,last=noise",
        "euler-ancestral-rf:eta=0.7",
        "dpm-2-ancestral-rf:eta=0.7",
        "dpmpp-2s-ancestral-rf:eta=0.7",
        "lcm",
        "sa-solver",
        "sa-solver-pece:tau=0.5,predictor=2,corrector=2",
        "sa-solver:tau_min=0.1,tau_max=4,order_2=simple,predictor=2",
        "sa-solver:prediction=noise",
        "seeds-2:r=0.3",
        "seeds-3:eta=0.5",
        "er-sde",
        "er-sde:stages=2,scale=ode,integral=rectangles",
        "pc:predictor=ddim,step=0.3",
        "pc:predictor=ancestral,repeats=2",
        "annealed-langevin",
        "restart:min=0.6,max=4,repeats=2",
        "restart:min=0.6,max=4,repeats=2,steps=3",
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
        ("unipc:order=1,corrector=no", "ddim"),
        ("unipc:order=1,corrector=no,prediction=noise", "ddim"),
        ("exponential-adams-bashforth:order=2", "dpmpp-2m:heun"),
        ("exponential-adams-bashforth:order=4,prediction=noise", "deis:order=4"),
        ("deis:order=1", "ddim"),
        ("ipndm:order=1", "ddim"),
        ("ipndm-v", "lms:final=denoiser"),
        ("ipndm-v:order=2,variant=comfyui", "ipndm-v:order=2"),
        ("gradient-estimation:1", "ddim"),
        ("gradient-estimation:1.5", "ipndm:order=2,final=denoiser"),
        ("gradient-estimation:gamma=1.5,final=multistep", "ipndm:order=2"),
        ("unipc:order=2,corrector=no", "dpmpp-2m"),
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
        ("ddpm-ancestral", "euler-ancestral"),
        ("euler-ancestral-rf:eta=0", "ddim"),
        ("dpmpp-2s-ancestral-rf:eta=0", "dpmpp-2s-ancestral:eta=0"),
        ("tcd:eta=0", "ddim"),
        ("tcd:eta=1", "lcm"),
        ("sa-solver:predictor=1,corrector=0", "euler-ancestral"),
        ("sa-solver:tau=0,predictor=1,corrector=0", "ddim"),
        ("sa-solver:tau=0,predictor=1,corrector=0,prediction=noise", "ddim"),
        ("sa-solver:tau=0,predictor=2,corrector=0", "dpmpp-2m:heun"),
        ("seeds-2:eta=0", "dpmpp-sde:eta=0"),
        ("seeds-2:r=0.5,eta=0", "dpmpp-2s-ancestral:eta=0"),
        ("er-sde:stages=1,scale=ode", "ddim"),
        // Nothing is restarted above the levels of the grid.
        ("restart:min=0.01,max=0.02", "edm"),
        ("er-sde:stages=1,scale=sde", "euler-ancestral"),
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
    // On edm, t is the noise ratio: Euler in t is Euler in σ, a polynomial in t one in σ.
    let [edm, ..] = grids();
    for (a, b) in [("euler", "ddim"), ("deis:order=4,variant=t", "lms:final=denoiser")] {
        let [a_law, b_law] = [a, b].map(|text| in_ratio_coordinates(text, &edm));
        assert_same(&a_law, &b_law, &format!("{a} = {b} on edm"));
    }
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
        "unipc",
        "exponential-adams-bashforth",
        "deis",
        "deis:variant=t",
        "deis:variant=comfyui",
        "ipndm:final=denoiser",
        "ipndm-v:variant=comfyui",
        "gradient-estimation",
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
        "ddpm-ancestral:variance=fixed_large",
        "euler-ancestral-rf",
        "dpm-2-ancestral-rf",
        "dpmpp-2s-ancestral-rf",
        "lcm",
        "tcd",
        "sa-solver",
        "sa-solver-pece",
        "sa-solver:prediction=noise",
        "seeds-2",
        "seeds-3",
        "er-sde",
        "pc",
        "annealed-langevin",
        "restart:min=0.6,max=4",
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

/// Restarts on the levels of the grid are those on levels of their own at the same places, and go back
/// no further than the process.
#[test]
fn restarts_take_levels_of_the_grid() {
    let [grid, ..] = grids();
    let nfe = |text: &str| sampler::registry().build(text).unwrap().item.plan(&grid).unwrap().nfe();
    // 6 steps of Heun, one of Euler; twice from 4 over 3 and 1.2 to 0.5.
    assert_eq!(nfe("restart:min=0.6,max=4,repeats=2"), 13 + 2 * 3 * 2);
    assert_eq!(nfe("restart:min=0.6,max=4,repeats=2,steps=5"), 13 + 2 * 5 * 2);
    // To a level of the grid: it is not counted twice.
    assert_eq!(nfe("restart:min=0.5,max=3,repeats=2"), 13 + 2 * 2 * 2);
    let sampler = sampler::registry().build("restart:min=0.6,max=400").unwrap().item;
    assert_eq!(
        Sampler::plan(&*sampler, &Grid::new(Arc::new(Trig), &[1.0, 0.3, 0.1]).unwrap())
            .map(|p| p.nfe()),
        Ok(4 + 10 * 2)
    );
    let error = sampler::registry().build("restart:min=0.6,max=0.5").unwrap_err();
    assert_eq!(error.to_string(), "sampler 'restart': min = 0.6 must be below max = 0.5");
    let vp = gaussmeter::process::registry().build("vp-discrete").unwrap().item;
    let vp = Grid::new(vp.into(), &[1000.0, 300.0, 1.0]).unwrap();
    let error = sampler.plan(&vp).map(|plan| plan.nfe()).unwrap_err().to_string();
    assert_eq!(
        error,
        "undefined at step 2 of 2: restarts go back to sigma/alpha = 400, which the process does not reach: lower max"
    );
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
        "pndm",
        "plms",
        "ipndm-v:variant=comfyui",
        "adams-bashforth-moulton",
        "dpm-solver-3",
        "dpmpp-2s",
        "dpm-fast",
        "sa-solver:prediction=noise",
        "seeds-2",
        "er-sde",
        "restart",
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
             start below T, or use ddim, dpmpp-2m or heun (which steps in t)",
            "{text}"
        );
    }
}

/// Where no signal is left, the first step of a multistep method in log-SNR, and that of iPNDM, is the
/// one of DDIM, and the mean is not lost.
#[test]
fn multistep_methods_start_without_signal() {
    let grid = Grid::new(Arc::new(Flow), &[1.0, 0.8, 0.45, 0.1, 0.0]).unwrap();
    let shorter = Grid::new(Arc::new(Flow), &[1.0, 0.8]).unwrap();
    for text in [
        "unipc",
        "unipc:prediction=noise",
        "deis",
        "deis:variant=t",
        "ipndm",
        "gradient-estimation",
    ] {
        let [first, ddim] = [text, "ddim"].map(|text| output(text, &shorter));
        for (a, b) in
            first.gain.iter().zip(&ddim.gain).chain(first.mean_gain.iter().zip(&ddim.mean_gain))
        {
            assert!((a - b).abs() < 1e-13, "{text}: {a} {b}");
        }
        // D is the mean at the start, and there alone without an error of the step.
        let white = Spectrum::new("point", "", &[0.0], None, Some(&[1.0])).unwrap();
        let plan = sampler::registry().build(text).unwrap().item.plan(&grid).unwrap();
        let mean = Output::of(&plan, &white).mean_gain[0];
        assert!((mean - 1.0).abs() < 1e-12, "{text}: {mean}");
    }
    let lost = output("ipndm:variant=diffusers", &grid).mean_gain[0];
    assert!((lost - 1.0).abs() > 0.1, "{lost}");
}

/// PNDM as diffusers runs it, by its counter, its list of times and formula 9 of Liu et al., on one mode.
#[test]
fn pndm_follows_its_counter() {
    let process = VpLinear::new(0.5, 0.5, 10.0).unwrap();
    let (steps, length) = (7, 1.2);
    let times: Vec<f64> = (0..=steps).map(|k| 9.0 - length * f64::from(k)).collect();
    let grid = Grid::new(Arc::new(process), &times).unwrap();
    let alpha_bar = |t: f64| process.level(t).alpha.powi(2);
    let move_to = |x: f64, t: f64, to: f64, noise: f64| {
        let (a, b) = (alpha_bar(t), alpha_bar(to));
        let scale = a * (1.0 - b).sqrt() + (a * (1.0 - a) * b).sqrt();
        (b / a).sqrt() * x - (b - a) * noise / scale
    };
    for (mode, lambda) in LAMBDA.into_iter().enumerate().skip(1) {
        let noise = |x: f64, t: f64| {
            let a = alpha_bar(t);
            (1.0 - a).sqrt() * x / (a * lambda + 1.0 - a)
        };
        let weights: [&[f64]; 4] =
            [&[1.0], &[1.5, -0.5], &[23.0, -16.0, 5.0], &[55.0, -59.0, 37.0, -9.0]];
        let combined = |past: &[f64]| {
            let w = weights[past.len().min(4) - 1];
            let total = w.iter().sum::<f64>();
            past.iter().rev().zip(w).map(|(e, w)| e * w / total).sum::<f64>()
        };
        for text in ["pndm", "plms"] {
            let (mut x, mut past) = (1.0, Vec::new());
            let mut k = 0;
            while k < 3 && text == "pndm" {
                // Four evaluations, at t, twice half way, and at the end.
                let (start, mut sum) = (x, 0.0);
                for (stage, share) in
                    [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0].iter().enumerate()
                {
                    let at = [0.0, 0.5, 0.5, 1.0][stage];
                    let e = noise(x, times[k] - at * length);
                    if stage == 0 {
                        past.push(e);
                    }
                    sum += share * e;
                    let to = times[k] - [0.5, 0.5, 1.0, 1.0][stage] * length;
                    x = move_to(start, times[k], to, if stage == 3 { sum } else { e });
                }
                k += 1;
            }
            if text == "plms" {
                past.push(noise(x, times[0]));
                let ahead = move_to(x, times[0], times[1], past[0]);
                x = move_to(x, times[0], times[1], 0.5 * (past[0] + noise(ahead, times[1])));
                k = 1;
            }
            while k < steps as usize {
                past.push(noise(x, times[k]));
                x = move_to(x, times[k], times[k + 1], combined(&past));
                k += 1;
            }
            let gain = output(text, &grid).gain[mode];
            assert!((gain / x - 1.0).abs() < 1e-11, "{text}, λ = {lambda}: {gain} {x}");
        }
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
        ("dpmpp-3m:eta=0.5,variant=diffusers", "diffusers has only eta = 0 and eta = 1, not 0.5"),
        (
            "dpm-solver-singlestep-sde:eta=0.5,variant=diffusers",
            "diffusers has only eta = 1, not 0.5",
        ),
        (
            "dpm-solver-singlestep-sde:3,model=noise,variant=diffusers",
            "diffusers has no third-order rule for model=noise with eta = 1",
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

/// Rules that know training timesteps or flow models alone say what they need.
#[test]
fn rules_for_one_kind_of_process_name_it() {
    let [edm, _, flow] = grids();
    for (text, grid, reason) in [
        (
            "ddim:variant=diffusers",
            &flow,
            "variant=diffusers counts training timesteps: use the process vp-discrete",
        ),
        (
            "lcm:c_skip=yes",
            &flow,
            "c_skip and c_out depend on the training timestep: use the process vp-discrete",
        ),
        (
            "ddpm-ancestral:variant=comfyui",
            &edm,
            "variant=comfyui is what ComfyUI computes on flow models: use the process flow",
        ),
        (
            "sa-solver:last=corrected",
            &edm,
            "last=corrected evaluates at the end of the grid, where sigma = 0: end the grid above 0",
        ),
    ] {
        let sampler = sampler::registry().build(text).unwrap().item;
        let error = sampler.plan(grid).map(|plan| plan.nfe()).unwrap_err().to_string();
        let (_, found) = error.split_once("of 7: ").unwrap();
        assert_eq!(found, reason, "{text}");
    }
}

/// Arguments that do nothing beside others are refused.
#[test]
fn combinations_without_meaning_are_refused() {
    for (text, reason) in [
        ("edm-euler:variant=diffusers", "variant=diffusers differs only in its churn"),
        ("ddpm-ancestral:last=noise", "last=noise is for variance=fixed_large"),
        ("ddpm-ancestral:last=noise,variant=comfyui", "last=noise is for variance=fixed_large"),
        ("ddpm-ancestral:variance=fixed_large,variant=comfyui", "ComfyUI has no"),
        ("er-sde:stages=1,integral=rectangles", "one stage has nothing to integrate"),
        ("sa-solver:tau=0,tau_min=1", "tau_min and tau_max have no effect at tau=0"),
        ("sa-solver:tau_at=start", "tau_at=start has no effect without"),
        ("sa-solver:tau_min=2,tau_max=1", "tau_min is above tau_max"),
        ("sa-solver:prediction=noise,order_2=simple", "order_2=simple is for prediction=data"),
        ("sa-solver:predictor=1,corrector=1,order_2=simple", "order_2=simple is for"),
        ("sa-solver-pece:corrector=0", "there is nothing to correct with"),
        ("sa-solver:corrector=0,last=corrected", "there is nothing to correct with"),
    ] {
        let error = sampler::registry().build(text).unwrap_err().to_string();
        assert!(error.contains(&format!("': {reason}")), "{text}: {error}");
    }
}
