//! Schedulers of diffusers whose steps are of a fixed length, whatever the next timestep is.

use gaussmeter::prelude::*;
use gaussmeter::{grid::CustomTimesteps, process, sampler};
use serde_json::Value;
use std::sync::Arc;

const RECORDED: &str = include_str!("../fixtures/stride.json");

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn ddim_and_plms_of_diffusers_take_steps_of_a_fixed_length() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let eigenvalues = numbers(&recorded["lambdas"]);
    let data = Spectrum::new("recorded", "", &eigenvalues, None, None).unwrap();
    let process: Arc<dyn Process> = process::registry().build("vp-discrete").unwrap().item.into();
    for case in recorded["cases"].as_array().unwrap() {
        let (id, to_zero) = (case["id"].as_str().unwrap(), case["to_zero"] == true);
        let mut timesteps = numbers(&case["timesteps"]);
        if !to_zero {
            // From timestep 0 to itself: no step.
            timesteps.pop();
        }
        let rule = CustomTimesteps::new(timesteps, to_zero);
        let end = rule.own_end(&*process).unwrap();
        let grid = rule.grid(&process, rule.own_steps().unwrap(), end).unwrap();
        let name = if id.contains("/ddim/") { "ddim" } else { "plms" };
        let variance = |text: &str| {
            let plan = sampler::registry().build(text).unwrap().item.plan(&grid).unwrap();
            let output = Output::of(&plan, &data);
            let gains = output.gain.iter().zip(data.eigenvalues());
            gains.map(|(g, l)| (*l, g * g)).collect::<Vec<_>>()
        };
        let theirs = variance(&format!("{name}:variant=diffusers,stride=200"));
        for (eigenvalue, wanted) in eigenvalues.iter().zip(numbers(&case["var"])) {
            let (_, ours) = theirs.iter().find(|(l, _)| l == eigenvalue).unwrap();
            assert!((ours - wanted).abs() <= 1e-9 * wanted + 1e-15, "{id}: {ours} {wanted}");
        }
        if to_zero {
            assert_eq!(theirs, variance(&format!("{name}:variant=diffusers")), "a fifth of T");
        }
        assert_ne!(theirs, variance(name));
    }
}

#[test]
fn strides_without_effect_are_refused() {
    for (text, reason) in [
        ("ddim:stride=200", "stride is for variant=diffusers"),
        ("plms:stride=200", "stride is for variant=diffusers"),
        ("ddim:variant=diffusers,stride=1.5", "a whole number of training timesteps"),
    ] {
        let error = sampler::registry().build(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let edm: Arc<dyn Process> = process::registry().build("edm").unwrap().item.into();
    let grid = Grid::new(edm, &[80.0, 1.0, 0.0]).unwrap();
    for text in ["ddim:variant=diffusers", "plms:variant=diffusers"] {
        let error = sampler::registry().build(text).unwrap().item.plan(&grid).unwrap_err();
        assert!(error.to_string().contains("vp-discrete"), "{error}");
    }
    // The second half of PLMS's first step would begin beyond timestep 999.
    let process: Arc<dyn Process> = process::registry().build("vp-discrete").unwrap().item.into();
    let grid = Grid::new(process, &[1000.0, 900.0, 0.0]).unwrap();
    let error = sampler::registry().build("plms:variant=diffusers,stride=200").unwrap();
    let error = error.item.plan(&grid).unwrap_err().to_string();
    assert!(error.contains("beyond the training timesteps"), "{error}");
}
