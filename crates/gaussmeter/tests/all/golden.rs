//! Values that others computed: 50-digit arithmetic.

use gaussmeter::exact::continuous::{ODE, Reverse};
use gaussmeter::prelude::*;
use gaussmeter_testkit::{fixture, read_json, relative_error};
use std::sync::Arc;

fn strings(v: &serde_json::Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn high_precision_values_are_reached_to_1e_12() {
    let golden = read_json(&fixture("high-precision.json"));
    let setting = &golden["setting"];
    let (lambda, mu) = (strings(&setting["lam"]), strings(&setting["mu"]));
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let data =
        |mean: bool| Spectrum::new("golden", "", &lambda, None, mean.then_some(&mu)).unwrap();
    let init = |name: &str| match name {
        "pT" => Init::Exact,
        "N0" => Init::Normal { std: Some(1.0) },
        other => panic!("{other}"),
    };
    let mut worst = (0.0, String::new());
    let mut check = |key: &str, value: f64, expected: &str| {
        let expected: f64 = expected.parse().unwrap();
        if expected.abs() > 1e-8 || expected == 0.0 {
            let error = relative_error(value, expected);
            if error > worst.0 {
                worst = (error, format!("{key}: {value:e} instead of {expected:e}"));
            }
        }
    };
    for (key, expected) in golden["continuous"].as_object().unwrap() {
        let parts: Vec<&str> = key.split('|').collect();
        let reverse = match parts[0] {
            "ode" => ODE,
            "sde" => Reverse { noise: 1.0 },
            h => Reverse { noise: h[1..].parse().unwrap() },
        };
        let data = data(parts[3] == "mean=1");
        let (from, to) = (process.level(1.0), process.level(parts[1].parse().unwrap()));
        let law = reverse.law(&data, &from, &to, &init(parts[2]), Target::Data);
        check(key, wasserstein2(&law).total, expected.as_str().unwrap());
    }
    for (key, expected) in golden["schemes"].as_object().unwrap() {
        let parts: Vec<&str> = key.split('|').collect();
        let sampler = gaussmeter::sampler::registry().build(parts[0]).unwrap().item;
        let (steps, eps) = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
        let plan = sampler.plan(&Uniform.grid(&process, steps, eps).unwrap());
        let expected = expected.as_str().unwrap();
        if expected == "undefined" {
            assert!(plan.is_err(), "{key}");
            continue;
        }
        let data = data(parts[4] == "mean=1");
        let law = Output::of(&plan.unwrap(), &data).law(&init(parts[3]), Target::Data);
        let w2 = wasserstein2(&law);
        assert_eq!(w2.infinite.is_some(), expected == "inf", "{key}");
        check(key, w2.total, expected);
    }
    println!("worst relative error {:e} at {}", worst.0, worst.1);
    assert!(worst.0 <= 1e-12, "relative error {:e} at {}", worst.0, worst.1);
}
