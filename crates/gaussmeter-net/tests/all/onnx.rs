//! An ONNX file answers as the network does.

use crate::common::{Labelled, edm, eps, linear, pictures, steps, trainer, unet, x0};
use gaussmeter::network::Denoiser;
use gaussmeter_net::graph::Padding;
use gaussmeter_net::{Network, Options};
use rten::{Model, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

fn run(network: &Network, x: &[f32], level: &[f32], class: Option<&[i32]>) -> Vec<f32> {
    let shape = network.program.shape;
    let bytes = network.onnx();
    let model = Model::load(bytes).expect("a model that rten reads");
    let count = level.len();
    let axes = [count, shape.channels, shape.height, shape.width];
    let x = NdTensor::from_data(axes, x.to_vec());
    let name = if model.find_node("sigma").is_some() { "sigma" } else { "t" };
    let id = |name: &str| model.node_id(name).expect(name);
    let mut inputs: Vec<(rten::NodeId, ValueOrView)> =
        vec![(id("x"), x.into()), (id(name), NdTensor::from_data([count], level.to_vec()).into())];
    if let Some(class) = class {
        inputs.push((id("class"), NdTensor::from_data([count], class.to_vec()).into()));
    }
    let outputs = model.run(inputs, model.output_ids(), None).expect("an answer");
    let [output] = &outputs[..] else { panic!("one output") };
    let output: rten_tensor::Tensor<f32> = output.clone().try_into().expect("numbers");
    assert_eq!(output.shape(), axes);
    output.to_vec()
}

/// Relative to the largest value.
fn off(found: &[f32], expected: &[f64]) -> f64 {
    let scale = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
    let pairs = found.iter().zip(expected);
    pairs.map(|(f, e)| (f64::from(*f) - e).abs()).fold(0.0, f64::max) / scale
}

#[test]
fn rten_answers_as_the_network_does() {
    let data = pictures();
    let options = Options { batch: 16, steps: 20, held_out: 2, average: 0.5, ..Options::default() };
    let all = [
        (unet(Padding::Zero), edm(&data)),
        (unet(Padding::Periodic), edm(&data)),
        (unet(Padding::Periodic), eps(&data)),
        (linear(&[0.5, 2.0]), x0(&data, &[0.5, 2.0])),
    ];
    for (architecture, parametrization) in all {
        let mut trainer = trainer(&data, architecture, parametrization, options.clone());
        steps(&mut trainer, 20);
        let mut network = trainer.network("").expect("weights");
        let count = 3;
        let x: Vec<f32> = (0..count * 64).map(|i| ((i * i % 31) as f32 * 0.7).sin()).collect();
        let times = [0.05_f32, 0.5, 0.9];
        let found = run(&network, &x, &times, None);
        let mut expected = Vec::new();
        for (x, t) in x.chunks(64).zip(times) {
            let level = network.parametrization.level(f64::from(t));
            let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            let mut out = vec![0.0; 64];
            network.evaluate(&x, &level, &mut out).expect("an answer");
            expected.extend(out);
        }
        let off = off(&found, &expected);
        assert!(off < 1e-5, "{:?}: {off:e}", network.program.architecture);
    }
}

/// A class, another, and none.
#[test]
fn classes_are_told_in_onnx_too() {
    let data = Labelled::pictures();
    let options = Options { batch: 16, steps: 20, held_out: 2, average: 0.0, ..Options::default() };
    let mut trainer = trainer(&data, unet(Padding::Zero), edm(&data), options);
    steps(&mut trainer, 20);
    let network = trainer.network("").expect("weights");
    let x: Vec<f32> = (0..64).map(|i| ((i * i % 31) as f32 * 0.7).sin()).collect();
    let level = network.parametrization.level(0.5);
    let mut answers = Vec::new();
    for (class, told) in [(Some(0), 0), (Some(1), 1), (None, 2)] {
        let found = run(&network, &x, &[0.5], Some(&[told]));
        let mut network = network.clone().of_class(class).expect("a class");
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let mut out = vec![0.0; 64];
        network.evaluate(&x, &level, &mut out).expect("an answer");
        assert!(off(&found, &out) < 1e-5, "{class:?}");
        answers.push(out);
    }
    assert!(answers[0] != answers[1] && answers[1] != answers[2]);
    assert!(network.of_class(Some(2)).is_err());
}
