//! Every sampler of the registry has the order of convergence it declares, and converges to the
//! right law.

use gaussmeter::entry::Entry;
use gaussmeter::exact::continuous::{ODE, Reverse, SDE};
use gaussmeter::prelude::*;
use gaussmeter::{process, sampler};
use gaussmeter_testkit::fitted_order;
use std::sync::Arc;

/// Errors of variance and mean at the end of the grid, for halved steps, against the continuous
/// solution that the sampler approximates: the one with the given noise, or else the SDE or ODE.
fn errors(
    process: &Arc<dyn Process>,
    sampler: &dyn Sampler,
    (order, noise): (u8, Option<f64>),
    first: usize,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let data = Spectrum::new("two modes", "", &[0.3, 2.5], None, Some(&[1.0, -0.5])).unwrap();
    // Away from both ends, where processes may be singular and the asymptote is reached early.
    let (from, to) = (0.8 * process.t_max(), 0.2 * process.t_max());
    let init = Init::Diagonal { mean: vec![0.3, 0.1], variance: vec![1.7, 0.6] };
    let mut errors = (Vec::new(), Vec::new());
    for k in 0..4u32 {
        let n = first << k;
        let mut times: Vec<f64> =
            (0..=n).map(|i| (from * (n - i) as f64 + to * i as f64) / n as f64).collect();
        // Methods with history start with order 1: short first steps leave its error behind.
        if order > 2 {
            let step = times[0] - times[1];
            let halvings = (0..4 * first.ilog2() + 8 * k).rev();
            let short = halvings.map(|j| from - step * 0.5f64.powi(j as i32 + 1));
            times.splice(1..1, short);
        }
        let plan = sampler.plan(&Grid::new(process.clone(), &times).unwrap()).ok()?;
        let either = if plan.is_stochastic() { SDE } else { ODE };
        let reverse = noise.map_or(either, |noise| Reverse { noise });
        let target = reverse.law(&data, plan.start(), &plan.end(), &init, Target::Data);
        let law = Output::of(&plan, &data).law(&data, &init, Target::Data);
        let pairs = || law.modes.iter().zip(&target.modes);
        errors.0.push(pairs().map(|(a, b)| (a.variance - b.variance).abs()).sum());
        errors.1.push(pairs().map(|(a, b)| (a.mean - b.mean).abs()).sum());
    }
    Some(errors)
}

/// Text forms beside the defaults: with another order, or with another share η of noise.
const VARIANTS: &[(&str, u8, Option<f64>)] = &[
    ("heun:final=euler", 2, None),
    ("ddim:eta=0.5", 1, Some(0.5)),
    ("ddim:eta=1.5", 1, Some(1.5)),
    ("dpmpp-2m:heun", 2, None),
    ("dpmpp-2m:lower_order_final=always", 2, None),
    ("dpmpp-2m-sde:solver=heun", 2, None),
    ("dpmpp-3m:second=heun,lower_order_final=always", 2, None),
    ("lms:order=1", 1, None),
    ("lms:order=2", 2, None),
    ("lms:order=3", 3, None),
    ("lms:final=denoiser", 4, None),
    ("dpm-2-ancestral:eta=0", 2, None),
    ("dpm-2-ancestral:eta=0.5", 1, Some(0.5)),
    ("dpmpp-2s-ancestral:eta=0", 2, None),
    ("dpmpp-2s-ancestral:eta=0.5", 1, Some(0.5)),
    ("dpmpp-sde:eta=0", 2, None),
    ("dpmpp-sde:r=0.75", 2, None),
    ("dpmpp-sde:noise=iid", 1, None),
];

#[test]
fn declared_orders_are_measured() {
    let registry = sampler::registry();
    let declared = |e: &&'static Entry<dyn Sampler>| {
        (e.name, e.order.expect("samplers declare an order"), None)
    };
    let members: Vec<_> =
        registry.entries.iter().map(declared).chain(VARIANTS.iter().copied()).collect();
    let mut measured = 0;
    for (text, order, noise) in members {
        let sampler = registry.build(text).unwrap().item;
        for name in process::registry().names_alone() {
            let process: Arc<dyn Process> = process::registry()
                .build(if name == "edm" { "edm:sigma_max=5" } else { name })
                .unwrap()
                .item
                .into();
            // Fourth order reaches rounding soon; first order needs many steps to show itself where
            // the next order has the larger constant.
            let first = match order {
                4 => 32,
                3 => 32,
                2 => 128,
                _ => 2048,
            };
            let Some((variance, mean)) = errors(&process, &*sampler, (order, noise), first) else {
                assert_eq!((text, name == "vp-linear"), ("ddpm", false), "{name}");
                continue;
            };
            let order = f64::from(order);
            for (what, errors) in [("variance", variance), ("mean", mean)] {
                // An exact mean has no order.
                if errors.iter().all(|e| *e < 1e-12) {
                    continue;
                }
                let fitted = fitted_order(&errors);
                assert!(
                    (fitted - order).abs() < 0.2,
                    "{text} on {name}, {what}: fitted order {fitted:.2}, declared {order} ({errors:?})"
                );
                measured += 1;
            }
        }
    }
    assert!(measured >= 50, "{measured}");
}

/// Ancestral steps of second order add their noise to what the ODE left: marginals are of order 2 if
/// the start is p_T, although the law given the start is not.
#[test]
fn ancestral_marginals_are_of_second_order() {
    let data = Spectrum::new("two modes", "", &[0.3, 2.5], None, None).unwrap();
    let process: Arc<dyn Process> = Arc::new(Edm::new(5.0));
    for (text, order) in [
        ("dpm-2-ancestral", 2.0),
        ("dpm-2-ancestral:eta=0.5", 2.0),
        ("dpmpp-2s-ancestral", 2.0),
        ("dpmpp-2s-ancestral:eta=0.5", 2.0),
        ("euler-ancestral", 1.0),
    ] {
        let sampler = sampler::registry().build(text).unwrap().item;
        let errors: Vec<f64> = (0..4)
            .map(|k| {
                let plan = sampler.plan(&Uniform.grid(&process, 128 << k, 1.0).unwrap()).unwrap();
                let law = Output::of(&plan, &data).law(&data, &Init::Exact, Target::Marginal);
                law.modes.iter().map(|m| m.variance_error.abs()).sum()
            })
            .collect();
        let fitted = fitted_order(&errors);
        assert!((fitted - order).abs() < 0.1, "{text}: {fitted:.2} ({errors:?})");
    }
}
