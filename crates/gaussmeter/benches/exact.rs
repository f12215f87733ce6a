//! Speed of the exact interpreter: ns per mode-step of each scheme beside a fused loop written by
//! hand for that scheme, in the same run, and the time of the whole ablation table.
//!
//! Ratios within one run are what counts: both sides are interleaved and the best of many rounds is
//! kept, so that a busy machine slows both. `cargo bench -p gaussmeter --bench exact`; with
//! `-- heun,rk4 500` these schemes alone, in so many rounds.

use gaussmeter::experiment::{Column, Diffusion, Setting, TableOptions, table};
use gaussmeter::network::Network;
use gaussmeter::numeric::differentiation::Real;
use gaussmeter::prelude::*;
use gaussmeter::watch::Watch;
use gaussmeter::{exact, metric, sampler};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MODES: usize = 3072;
const STEPS: usize = 1000;
const ROUNDS: usize = 30;

/// The yardstick: what one would write for one scheme, coefficients precomputed, state in
/// registers, blocks of modes outside, steps inside.
mod by_hand {
    /// Modes per block: eight of the widest registers.
    const LANES: usize = 64;

    /// α² and σ² of a level, and what the scheme adds.
    #[derive(Clone, Copy)]
    pub struct Stage {
        pub alpha2: f64,
        pub sigma2: f64,
        /// Stochastic: (c, e, q) of v ← (c + e/s)² v + q. ODE: (βα², dt, 0).
        pub coefficients: (f64, f64, f64),
    }

    macro_rules! fused {
        ($name:ident, |$lambda:ident, $stages:ident, $state:ident| $body:block) => {
            #[multiversion::multiversion(targets(
                "x86_64+avx512f+avx512dq+avx512vl+avx512bw+avx2",
                "x86_64+avx2"
            ))]
            pub fn $name(lambda: &[f64], $stages: &[Stage], out: &mut [f64]) {
                for (l, o) in lambda.chunks_exact(LANES).zip(out.chunks_exact_mut(LANES)) {
                    let mut $lambda = [0.0; LANES];
                    $lambda.copy_from_slice(l);
                    let mut $state = [1.0; LANES];
                    $body;
                    o.copy_from_slice(&$state);
                }
            }
        };
    }

    fused!(stochastic, |lambda, stages, v| {
        for s in stages {
            let (c, e, q) = s.coefficients;
            for i in 0..LANES {
                let a = c + e / (s.alpha2 * lambda[i] + s.sigma2);
                v[i] = a * a * v[i] + q;
            }
        }
    });

    fused!(euler, |lambda, stages, g| {
        for s in stages {
            let (b, dt, _) = s.coefficients;
            let k = b * dt;
            for i in 0..LANES {
                g[i] *= 1.0 + k * (1.0 - lambda[i]) / (s.alpha2 * lambda[i] + s.sigma2);
            }
        }
    });

    fused!(heun, |lambda, stages, g| {
        let mut w = [0.0; LANES];
        let first = &stages[0];
        for i in 0..LANES {
            w[i] = first.coefficients.0 * (1.0 - lambda[i])
                / (first.alpha2 * lambda[i] + first.sigma2);
        }
        for pair in stages.windows(2) {
            let (dt, s) = (pair[0].coefficients.1, &pair[1]);
            for i in 0..LANES {
                let next = s.coefficients.0 * (1.0 - lambda[i]) / (s.alpha2 * lambda[i] + s.sigma2);
                let k1 = w[i] * g[i];
                let k2 = next * (g[i] + dt * k1);
                g[i] += 0.5 * dt * (k1 + k2);
                w[i] = next;
            }
        }
    });

    // Stages alternate: grid point, midpoint, grid point, …
    fused!(rk4, |lambda, stages, g| {
        let mut w = [0.0; LANES];
        let first = &stages[0];
        for i in 0..LANES {
            w[i] = first.coefficients.0 * (1.0 - lambda[i])
                / (first.alpha2 * lambda[i] + first.sigma2);
        }
        let mut k = 0;
        while k + 2 < stages.len() {
            let (dt, m, s) = (stages[k].coefficients.1, &stages[k + 1], &stages[k + 2]);
            for i in 0..LANES {
                let middle =
                    m.coefficients.0 * (1.0 - lambda[i]) / (m.alpha2 * lambda[i] + m.sigma2);
                let next = s.coefficients.0 * (1.0 - lambda[i]) / (s.alpha2 * lambda[i] + s.sigma2);
                let k1 = w[i] * g[i];
                let k2 = middle * (g[i] + 0.5 * dt * k1);
                let k3 = middle * (g[i] + 0.5 * dt * k2);
                let k4 = next * (g[i] + dt * k3);
                g[i] += dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
                w[i] = next;
            }
            k += 2;
        }
    });
}

type Loop = fn(&[f64], &[by_hand::Stage], &mut [f64]);

/// The hand-written loop of a scheme with its coefficients.
fn hand_written(name: &str, grid: &Grid) -> (Loop, Vec<by_hand::Stage>) {
    let stage = |level: &Level, coefficients| by_hand::Stage {
        alpha2: level.alpha * level.alpha,
        sigma2: level.sigma * level.sigma,
        coefficients,
    };
    // Time runs backwards.
    let ode = |level: &Level, dt: f64| stage(level, (level.sigma_sigma_prime, -dt, 0.0));
    let stochastic = |f: &dyn Fn(&gaussmeter::grid::Step) -> (Real, Real, Real)| -> Vec<_> {
        grid.steps()
            .map(|s| {
                let (a, b, c) = f(&s);
                stage(&s.from.value(), (a.value(), b.value(), c.value()))
            })
            .collect()
    };
    match name {
        "em" => {
            let f = |s: &gaussmeter::grid::Step| {
                let g2 = s.from.diffusion2() * s.dt();
                (1.0 - s.dt() * s.from.drift(), -g2, g2)
            };
            (by_hand::stochastic, stochastic(&f))
        }
        "ei" => {
            let f = |s: &gaussmeter::grid::Step| {
                (s.alpha_ratio(), -s.score_weight(), s.reverse_noise_variance())
            };
            (by_hand::stochastic, stochastic(&f))
        }
        "ddpm" => {
            let f = |s: &gaussmeter::grid::Step| {
                let beta = s.from.diffusion2() * s.dt();
                (1.0 / (1.0 - beta).sqrt(), -beta / (1.0 - beta).sqrt(), beta)
            };
            (by_hand::stochastic, stochastic(&f))
        }
        "euler" => {
            (by_hand::euler, grid.steps().map(|s| ode(&s.from.value(), s.dt().value())).collect())
        }
        "heun" => {
            let mut stages: Vec<_> =
                grid.steps().map(|s| ode(&s.from.value(), s.dt().value())).collect();
            stages.push(ode(grid.end(), 0.0));
            (by_hand::heun, stages)
        }
        "rk4" => {
            let mut stages = Vec::new();
            for s in grid.steps() {
                stages.push(ode(&s.from.value(), s.dt().value()));
                stages.push(ode(&s.level(0.5 * (s.from.t + s.to.t)).value(), 0.0));
            }
            stages.push(ode(grid.end(), 0.0));
            (by_hand::rk4, stages)
        }
        other => panic!("no hand-written loop for {other}"),
    }
}

/// Best times of several alternatives, run in turn.
fn best(rounds: usize, alternatives: &mut [&mut dyn FnMut()]) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; alternatives.len()];
    for _ in 0..rounds {
        for (time, run) in best.iter_mut().zip(alternatives.iter_mut()) {
            let start = Instant::now();
            run();
            *time = (*time).min(start.elapsed());
        }
    }
    best
}

fn spectrum(modes: usize) -> Spectrum {
    data::load(&format!("power-law:d={modes},alpha=1.6,scale=20")).expect("a preset")
}

/// The samplers of the paper, which have hand-written loops.
const PAPER: [&str; 6] = ["em", "ei", "ddpm", "euler", "heun", "rk4"];

fn main() {
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let grid = Uniform.grid(&process, STEPS, 1e-3).expect("a grid");
    let data = spectrum(MODES);
    let single = spectrum(1);
    let wide = spectrum(64 * MODES);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("threads");
    let two = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
    let registry = sampler::registry();

    let given: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let rounds = given.iter().find_map(|a| a.parse().ok()).unwrap_or(ROUNDS);
    let names: Vec<&str> = given.iter().flat_map(|a| a.split(',')).collect();
    let chosen: Vec<&str> = PAPER.into_iter().filter(|name| names.contains(name)).collect();

    println!("ns per mode-step, {MODES} modes x {STEPS} steps, best of {rounds} rounds");
    println!(
        "law: exact::Output::of on a recorded plan; record: recording it; single: a law of one mode,"
    );
    println!("which is mostly the translation of the plan, per mode-step of the whole spectrum");
    println!(
        "{:8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12}",
        "scheme", "by hand", "law", "ratio", "record", "single", "2 threads"
    );
    let per = |time: Duration, modes: usize| time.as_secs_f64() * 1e9 / (modes * STEPS) as f64;
    for name in if chosen.is_empty() { &PAPER[..] } else { &chosen[..] } {
        let sampler = registry.build(name).expect("a sampler").item;
        let plan = sampler.plan(&grid).expect("a plan");
        let (fused, stages) = hand_written(name, &grid);
        let mut out = vec![0.0; MODES];
        // The same numbers, before their times are compared.
        fused(data.eigenvalues(), &stages, &mut out);
        let output = Output::of(&plan, &data);
        for (i, hand) in out.iter().enumerate() {
            let ours = match plan.is_stochastic() {
                true => output.gain[i] * output.gain[i] + output.noise_variance[i],
                false => output.gain[i],
            };
            assert!((ours / hand - 1.0).abs() < 1e-9, "{name}, mode {i}: {ours} {hand}");
        }
        let times = best(
            rounds,
            &mut [
                &mut || fused(black_box(data.eigenvalues()), &stages, &mut out),
                &mut || one.install(|| drop(black_box(Output::of(&plan, &data)))),
                &mut || drop(black_box(sampler.plan(&grid))),
                &mut || drop(black_box(Output::of(&plan, &single))),
            ],
        );
        let wide_times = best(
            rounds.min(ROUNDS),
            &mut [&mut || one.install(|| drop(black_box(Output::of(&plan, &wide)))), &mut || {
                two.install(|| drop(black_box(Output::of(&plan, &wide))))
            }],
        );
        println!(
            "{name:8} {:8.3} {:8.3} {:8.2} {:8.3} {:8.3} {:8.3} ({:.2}x)",
            per(times[0], MODES),
            per(times[1], MODES),
            times[1].as_secs_f64() / times[0].as_secs_f64(),
            per(times[2], MODES),
            per(times[3], MODES),
            per(wide_times[1], 64 * MODES),
            wide_times[0].as_secs_f64() / wide_times[1].as_secs_f64(),
        );
    }

    if !chosen.is_empty() {
        return;
    }
    println!("\nthe published table: 192 cells and the continuous column");
    let options = || TableOptions {
        samplers: PAPER.iter().map(|n| registry.build(n).expect("a sampler")).collect(),
        eps: vec![0.0, 1e-5, 1e-4, 1e-3],
        columns: [50, 250, 500, 1000].map(Column::published).into(),
        inits: vec![
            ("exact".into(), Init::Exact),
            ("normal".into(), *exact::init_registry().build("normal").expect("a law").item),
        ],
        metric: metric::registry().build("w2").expect("a metric"),
        as_published: true,
        show_nfe: false,
    };
    for (label, data) in
        [("167 weighted nodes", data::load("cifar10").expect("a preset")), ("3072 modes", data)]
    {
        let setting = Setting {
            diffusion: Diffusion {
                spectrum: Arc::new(data),
                process: process.clone(),
                process_label: String::new(),
            },
            rule: Arc::new(Uniform),
            rule_label: String::new(),
            network: Network::default(),
        };
        let times = best(
            rounds,
            &mut [
                &mut || one.install(|| drop(black_box(table(&setting, options(), Watch::NOBODY)))),
                &mut || two.install(|| drop(black_box(table(&setting, options(), Watch::NOBODY)))),
            ],
        );
        println!(
            "{label:20} 1 thread {:6.1} ms, 2 threads {:6.1} ms",
            times[0].as_secs_f64() * 1e3,
            times[1].as_secs_f64() * 1e3
        );
    }
}
