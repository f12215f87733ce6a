//! Files of both exporters, made by `fixtures/make.py`, beside what PyTorch computes.

use crate::{fixture, level};
use gaussmeter::network::Denoiser;
use gaussmeter_onnx::OnnxNetwork;
use serde_json::Value;
use std::error::Error;

type Result = std::result::Result<(), Box<dyn Error>>;

fn known(name: &str) -> std::result::Result<Value, Box<dyn Error>> {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(fixture("known.json"))?)?;
    Ok(all[name].clone())
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// The largest difference, with something to compare.
fn off(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    assert!(!a.is_empty() && b.iter().any(|b| b.abs() > 0.1));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn both_exporters_equal_pytorch() -> Result {
    for (name, batch) in [("torchscript", 64), ("torchscript", 2), ("dynamo", 64), ("dynamo", 1)] {
        let text = format!("onnx:{},batch={batch}", fixture(&format!("{name}.onnx")).display());
        let network = OnnxNetwork::read(&text)?;
        let mut denoiser = network.bind(&[2, 4, 6])?;
        assert_eq!((network.dim(), denoiser.dim()), (Some(48), 48));
        let known = known(name)?;
        let x = numbers(&known["x"]);
        let mut out = vec![0.0; x.len()];
        denoiser.evaluate(&x, &level(0.7), &mut out)?;
        let off = off(&out, &numbers(&known["out"]));
        assert!(off < 1e-5, "{name}: {off}");
        // A clone is the same, bit for bit, and so are the samples one by one on another thread.
        let mut clone = denoiser.clone();
        let apart = std::thread::spawn(move || {
            let mut apart = vec![0.0; x.len()];
            let mut parts = x.chunks(48).zip(apart.chunks_mut(48));
            parts.try_for_each(|(x, out)| clone.evaluate(x, &level(0.7), out))?;
            Ok::<_, gaussmeter::network::DenoiserError>(apart)
        });
        let apart = apart.join().map_err(|_| "panicked")??;
        let rounding = apart.iter().zip(&out).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(rounding < 1e-6, "{name}: {rounding}");
    }
    Ok(())
}

#[test]
fn classes_and_guidance() -> Result {
    let known = known("classes")?;
    let (x, any, class) =
        (numbers(&known["x"]), numbers(&known["out"]), numbers(&known["class_0"]));
    let file = fixture("classes.onnx");
    let run = |options: &str| {
        let network = OnnxNetwork::read(&format!("onnx:{}{options}", file.display()))?;
        let mut out = vec![0.0; x.len()];
        network.bind(&[2, 4, 6])?.evaluate(&x, &level(0.7), &mut out)?;
        Ok::<_, Box<dyn Error>>(out)
    };
    // The file says which class stands for any.
    assert!(off(&run("")?, &any) < 1e-5);
    assert!(off(&run(",class=0")?, &class) < 1e-5);
    let guided: Vec<f64> = any.iter().zip(&class).map(|(u, c)| u + 2.5 * (c - u)).collect();
    assert!(off(&run(",class=0,guidance=2.5")?, &guided) < 2e-5);
    assert!(off(&class, &any) > 0.01);
    for (options, message) in
        [(",guidance=2", "guidance needs a class"), (",class=-1", "class has to be a whole number")]
    {
        let error = run(options).err().ok_or("no error")?.to_string();
        assert!(error.contains(message), "{error}");
    }
    Ok(())
}

#[test]
fn weights_beside_the_file_and_a_batch_of_fixed_size() -> Result {
    let known = known("external")?;
    let file = fixture("external.onnx");
    // What the file does not say has to be said.
    let error = OnnxNetwork::read(&format!("onnx:{}", file.display())).err().ok_or("no error")?;
    assert!(
        error
            .to_string()
            .ends_with("add prediction=… (denoiser, noise, v-prediction, velocity, flow, score)"),
        "{error}"
    );
    let network = OnnxNetwork::read(&format!("onnx:{},prediction=denoiser", file.display()))?;
    let mut denoiser = network.bind(&[1, 2, 3])?;
    // Three samples in batches of two.
    let mut x = numbers(&known["x"]);
    let mut expected = numbers(&known["out"]);
    x.extend_from_within(..6);
    expected.extend_from_within(..6);
    let mut out = vec![0.0; 18];
    denoiser.evaluate(&x, &level(1.0), &mut out)?;
    assert!(off(&out, &expected) < 1e-5);
    let error = network.bind(&[7]).err().ok_or("no error")?.to_string();
    assert!(error.ends_with("it takes samples of 6, and the data have 7"), "{error}");
    Ok(())
}
