//! Every sampler of the registry has the order of convergence it declares, and converges to the
//! right law.

use gaussmeter::exact::continuous::{ODE, SDE};
use gaussmeter::prelude::*;
use gaussmeter::{process, sampler};
use gaussmeter_testkit::fitted_order;
use std::sync::Arc;

/// Errors of variance and mean at the end of the grid, for halved steps, against the continuous
/// solution that the sampler approximates.
fn errors(
    process: &Arc<dyn Process>,
    sampler: &dyn Sampler,
    first: usize,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let data = Spectrum::new("two modes", "", &[0.3, 2.5], None, Some(&[1.0, -0.5])).unwrap();
    // Away from both ends, where processes may be singular and the asymptote is reached early.
    let (from, to) = (0.8 * process.t_max(), 0.2 * process.t_max());
    let init = Init::Diagonal { mean: vec![0.3, 0.1], variance: vec![1.7, 0.6] };
    let mut errors = (Vec::new(), Vec::new());
    for k in 0..4 {
        let n = first << k;
        let times: Vec<f64> =
            (0..=n).map(|i| (from * (n - i) as f64 + to * i as f64) / n as f64).collect();
        let plan = sampler.plan(&Grid::new(process.clone(), &times).unwrap()).ok()?;
        let reverse = if plan.is_stochastic() { SDE } else { ODE };
        let target = reverse.law(&data, plan.start(), &plan.end(), &init, Target::Data);
        let law = Output::of(&plan, &data).law(&data, &init, Target::Data);
        let pairs = || law.modes.iter().zip(&target.modes);
        errors.0.push(pairs().map(|(a, b)| (a.variance - b.variance).abs()).sum());
        errors.1.push(pairs().map(|(a, b)| (a.mean - b.mean).abs()).sum());
    }
    Some(errors)
}

#[test]
fn declared_orders_are_measured() {
    let mut measured = 0;
    for entry in sampler::registry().entries {
        let sampler = sampler::registry().build(entry.name).unwrap();
        for name in process::registry().names() {
            let process: Arc<dyn Process> = process::registry()
                .build(if name == "edm" { "edm:sigma_max=5" } else { name })
                .unwrap()
                .item
                .into();
            // Fourth order reaches rounding soon; first order needs many steps to show itself.
            let first = if entry.order == Some(4) { 16 } else { 128 };
            let Some((variance, mean)) = errors(&process, &*sampler.item, first) else {
                assert_eq!((entry.name, name == "vp-linear"), ("ddpm", false), "{name}");
                continue;
            };
            let order = f64::from(entry.order.expect("samplers declare an order"));
            for (what, errors) in [("variance", variance), ("mean", mean)] {
                // An exact mean has no order.
                if errors.iter().all(|e| *e < 1e-12) {
                    continue;
                }
                let fitted = fitted_order(&errors);
                assert!(
                    (fitted - order).abs() < 0.2,
                    "{} on {name}, {what}: fitted order {fitted:.2}, declared {order} ({errors:?})",
                    entry.name
                );
                measured += 1;
            }
        }
    }
    assert!(measured >= 30, "{measured}");
}
