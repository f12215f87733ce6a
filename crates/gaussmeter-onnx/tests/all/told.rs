//! What networks are told, and on which scale states reach them.

use crate::made::{FLOAT, floats, folder, model, node, port, port_of, sizes};
use crate::{fixture, level};
use gaussmeter::network::{Denoiser, Prediction};
use gaussmeter::process;
use gaussmeter_onnx::OnnxNetwork;
use std::error::Error;

type Result = std::result::Result<(), Box<dyn Error>>;

/// A solver on one process asks a network of another for the same thing: states are scaled to it.
#[test]
fn states_are_scaled_to_the_process_of_the_network() -> Result {
    let text = format!(
        "onnx:{},prediction=noise,conditioning=time,process=vp-linear",
        fixture("torchscript.onnx").display()
    );
    let network = OnnxNetwork::read(&text)?;
    let vp = process::registry().build("vp-linear")?.item;
    let own = vp.level(0.4);
    let x: Vec<f64> = (0..48).map(|i| (f64::from(i) * 0.37).sin()).collect();
    // What the graph computes of its own state, told its own time.
    let plain = format!(
        "onnx:{},prediction=denoiser,conditioning=sigma",
        fixture("torchscript.onnx").display()
    );
    let mut expected = vec![0.0; 48];
    let mut graph = OnnxNetwork::read(&plain)?.bind(&[2, 4, 6])?;
    graph.evaluate(&x, &level(0.4), &mut expected)?;
    // A solver in the variance-exploding form, at the same noise ratio.
    let solver = level(own.noise_ratio());
    let scaled: Vec<f64> = x.iter().map(|x| x / own.alpha).collect();
    let mut found = vec![0.0; 48];
    let mut denoiser = network.bind(&[2, 4, 6])?;
    assert_eq!(denoiser.native(), Prediction::Noise);
    denoiser.evaluate(&scaled, &solver, &mut found)?;
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    // Beyond its process there is nothing that it could be told.
    let error = denoiser.evaluate(&scaled, &level(1e9), &mut found).err().ok_or("no error")?;
    let error = error.source().ok_or("no source")?.to_string();
    assert!(error.contains("it has never seen sigma/alpha = 1000000000"), "{error}");
    Ok(())
}

#[test]
fn other_predictions_are_those_of_the_denoiser() -> Result {
    let file = fixture("torchscript.onnx");
    let x: Vec<f64> = (0..48).map(|i| (f64::from(i) * 0.73).cos()).collect();
    let (sigma, mut raw, mut out) = (0.6, vec![0.0; 48], vec![0.0; 48]);
    let run = |prediction: &str, out: &mut [f64]| {
        let text = format!("onnx:{},prediction={prediction}", file.display());
        OnnxNetwork::read(&text)?.bind(&[2, 4, 6])?.predict(
            Prediction::Denoiser,
            &x,
            &level(sigma),
            out,
        )?;
        Ok::<(), Box<dyn Error>>(())
    };
    run("denoiser", &mut raw)?;
    // D = x − σε; of v at α = 1: D = (x − σv)/(1 + σ²); of the velocity dx/dσ: D = x − σv; of the
    // score: D = x + σ²s; of the flow ε − D: D = (x − σu)/(1 + σ).
    type Form = (&'static str, fn(f64, f64, f64) -> f64);
    let forms: [Form; 5] = [
        ("noise", |x, y, s| x - s * y),
        ("v-prediction", |x, y, s| (x - s * y) / (1.0 + s * s)),
        ("velocity", |x, y, s| x - s * y),
        ("score", |x, y, s| x + s * s * y),
        ("flow", |x, y, s| (x - s * y) / (1.0 + s)),
    ];
    for (name, form) in forms {
        run(name, &mut out)?;
        for ((out, raw), x) in out.iter().zip(&raw).zip(&x) {
            let expected = form(*x, *raw, sigma);
            assert!((out - expected).abs() < 1e-6, "{name}: {out} {expected}");
        }
    }
    Ok(())
}

#[test]
fn without_noise_the_state_is_the_data() -> Result {
    let text = format!("onnx:{}", fixture("dynamo.onnx").display());
    let mut denoiser = OnnxNetwork::read(&text)?.bind(&[2, 4, 6])?;
    let mut out = [0.0; 48];
    denoiser.evaluate(&[0.25; 48], &level(0.0), &mut out)?;
    assert_eq!(out, [0.25; 48]);
    Ok(())
}

#[test]
fn what_does_not_go_together_is_said() -> Result {
    let file = fixture("dynamo.onnx");
    for (options, message) in [
        ("conditioning=time", "add process=…, such as process=vp-linear"),
        (
            "conditioning=timestep,process=vp-linear",
            "training timesteps, which this process has none of",
        ),
        ("process=vp-linaer", "did you mean 'vp-linear'?"),
        ("prediction=epsilon", "is not one of auto, denoiser, noise"),
        ("class=1", "it has no input for a class"),
        ("guidance=2", "it has no input for a class"),
        ("batch=0", "a whole number from 1 to 4096"),
    ] {
        let text = format!("onnx:{},{options}", file.display());
        let error = OnnxNetwork::read(&text).err().ok_or(options)?.to_string();
        assert!(error.contains(message), "{options}: {error}");
    }
    Ok(())
}

/// A network that answers what it is told.
fn echo() -> Vec<u8> {
    model(
        &[
            port(11, b"x"),
            port_of(11, b"sigma", FLOAT, &[-1]),
            port(12, b"y"),
            floats(b"zero", &[], &[0.0]),
            sizes(b"axes", &[-1, 1]),
            node(b"Mul", &[b"x", b"zero"], b"zeros"),
            node(b"Reshape", &[b"sigma", b"axes"], b"column"),
            node(b"Add", &[b"zeros", b"column"], b"y"),
        ]
        .concat(),
    )
}

#[test]
fn every_conditioning_is_what_its_name_says() -> Result {
    let path = folder("told")?.join("echo.onnx");
    std::fs::write(&path, echo())?;
    let told = |options: &str, ratio: f64| {
        let text = format!("onnx:{},prediction=denoiser,{options}", path.display());
        let mut out = [0.0; 8];
        OnnxNetwork::read(&text)?.bind(&[4])?.evaluate(&[0.3; 8], &level(ratio), &mut out)?;
        assert!(out.iter().all(|v| *v == out[0]), "{out:?}");
        Ok::<f64, Box<dyn Error>>(out[0])
    };
    let near = |found: f64, expected: f64, what: &str| {
        assert!((found - expected).abs() < 2e-5 * expected.abs(), "{what}: {found} {expected}");
    };
    for (name, expected) in
        [("sigma", 3.7), ("log-sigma", 3.7_f64.ln()), ("log-sigma-over-4", 3.7_f64.ln() / 4.0)]
    {
        near(told(&format!("conditioning={name}"), 3.7)?, expected, name);
    }
    let vp = process::registry().build("vp-linear")?.item;
    let ratio = vp.level(0.37).noise_ratio();
    for (name, expected) in [("time", 0.37), ("time-times-999", 369.63), ("time-times-1000", 370.0)]
    {
        let found = told(&format!("conditioning={name},process=vp-linear"), ratio)?;
        near(found, expected, name);
    }
    // The noise ratio after k + 1 of 1000 steps, from their betas: √(1 − ᾱ)/√ᾱ.
    let after = |steps: u32| {
        let root = |part: f64| 0.00085_f64.sqrt() + part * (0.012_f64.sqrt() - 0.00085_f64.sqrt());
        let kept = (0..steps).map(|k| 1.0 - root(f64::from(k) / 999.0).powi(2)).product::<f64>();
        ((1.0 - kept) / kept).sqrt()
    };
    let timestep = |ratio| {
        let process = "process=vp-discrete:schedule=scaled_linear";
        told(&format!("conditioning=timestep,{process}"), ratio)
    };
    for step in [1, 250, 998] {
        near(timestep(after(step + 1))?, f64::from(step), "timestep");
    }
    assert_eq!(timestep(0.5 * after(1))?, 0.0);
    Ok(())
}
