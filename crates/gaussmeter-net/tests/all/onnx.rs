//! An ONNX file answers as the network does.

use crate::common::{Labelled, edm, eps, linear, pictures, shaken_network, unet, x0};
use gaussmeter::network::Denoiser;
use gaussmeter_net::Network;
use gaussmeter_net::graph::Padding;
use gaussmeter_net::parametrization::{Kind, NoiseLaw, Parametrization};
use gaussmeter_net::tape::Question;
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

/// How near ONNX is to the network, relative to its largest value; what is told has to matter a hundred times more.
const NEAR: f64 = 1e-5;
const MATTERS: f64 = 100.0 * NEAR;

/// What the network says of samples, each at its own time.
fn asked(network: &mut Network, x: &[f32], times: &[f32]) -> Vec<f64> {
    let mut all = Vec::new();
    for (x, t) in x.chunks(x.len() / times.len()).zip(times) {
        let level = network.parametrization.level(f64::from(*t));
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let mut out = vec![0.0; x.len()];
        network.evaluate(&x, &level, &mut out).expect("an answer");
        all.extend(out);
    }
    all
}

fn waves(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * i % 31) as f32 * 0.7).sin()).collect()
}

/// Whatever is told, and with any part of the weights at zero: the ONNX file answers as the network does, and each of
/// these matters.
#[test]
fn rten_answers_as_the_network_does() {
    let data = pictures();
    let all = [
        (unet(Padding::Zero), edm(&data)),
        (unet(Padding::Periodic), edm(&data)),
        (unet(Padding::Periodic), eps(&data)),
    ];
    let times = [0.05_f32, 0.5, 0.9];
    let x = waves(3 * 64);
    for (architecture, parametrization) in all {
        let mut network = shaken_network(architecture, parametrization.clone(), &data);
        let expected = asked(&mut network, &x, &times);
        let found = run(&network, &x, &times, None);
        let name = format!("{:?}, {:?}", network.program.architecture, parametrization.kind);
        assert!(off(&found, &expected) < NEAR, "{name}: {:e}", off(&found, &expected));
        for part in ["film.scale", "film.shift", "embedding.0", "embedding.1", "second", "norm.1"] {
            let mut weights = network.weights().to_vec();
            for parameter in network.layout().parameters() {
                if parameter.name.contains(part) {
                    weights[network.layout().range(parameter)].fill(0.0);
                }
            }
            let (program, about) = (network.program.clone(), network.about.clone());
            let without = Network::new(program, parametrization.clone(), weights, about);
            let mut without = without.expect("a network");
            let changed = asked(&mut without, &x, &times);
            assert!(off(&found, &changed) > MATTERS, "{name}: {part} does not matter");
            let found = run(&without, &x, &times, None);
            assert!(off(&found, &changed) < NEAR, "{name} without {part}");
        }
        // The same sample at other levels.
        let same = x[..64].repeat(3);
        let found = run(&network, &same, &times, None);
        assert!(off(&found, &asked(&mut network, &same, &times)) < NEAR, "{name}");
        let output: Vec<Vec<f32>> = question(&network, &same, &times);
        for pair in output.windows(2) {
            let other: Vec<f64> = pair[1].iter().map(|v| f64::from(*v)).collect();
            assert!(off(&pair[0], &other) > MATTERS, "{name}: what it is told does not matter");
        }
    }
}

/// The output F for one scaled sample, told different levels: what stands around the network left aside.
fn question(network: &Network, x: &[f32], times: &[f32]) -> Vec<Vec<f32>> {
    let told = |t: &f32| {
        let level = network.parametrization.level(f64::from(*t));
        network.parametrization.at(&level).told as f32
    };
    let told = times.iter().map(told).collect();
    let question = Question { shape: network.program.shape, x: x.into(), told, classes: vec![] };
    network.output(&question).chunks(x.len() / times.len()).map(<[f32]>::to_vec).collect()
}

#[test]
fn a_linear_network_is_the_same_in_onnx() {
    let data = pictures();
    let mut network = shaken_network(linear(&[0.5, 2.0]), x0(&data, &[0.5, 2.0]), &data);
    let times = [0.3_f32, 0.5, 0.9, 2.5];
    let x = waves(4 * 64);
    let expected = asked(&mut network, &x, &times);
    assert!(off(&run(&network, &x, &times, None), &expected) < NEAR);
    let same = question(&network, &x[..64].repeat(4), &times);
    for (k, pair) in same.windows(2).enumerate() {
        let other: Vec<f64> = pair[1].iter().map(|v| f64::from(*v)).collect();
        // Beyond the first and the last level it is told nothing else.
        assert_eq!(off(&pair[0], &other) > MATTERS, k > 0, "{k}");
    }
}

/// A class, another, and none.
#[test]
fn classes_are_told_in_onnx_too() {
    let data = Labelled::pictures();
    let network = shaken_network(unet(Padding::Zero), edm(&data), &data);
    let x = waves(64);
    let mut answers: Vec<Vec<f64>> = Vec::new();
    for (class, told) in [(Some(0), 0), (Some(1), 1), (None, 2)] {
        let found = run(&network, &x, &[0.5], Some(&[told]));
        let mut network = network.clone().of_class(class).expect("a class");
        let expected = asked(&mut network, &x, &[0.5]);
        assert!(off(&found, &expected) < NEAR, "{class:?}");
        for other in &answers {
            assert!(off(&found, other) > MATTERS, "{class:?} is the same as another");
        }
        answers.push(expected);
    }
    // One of each in a batch.
    let found = run(&network, &x.repeat(3), &[0.5; 3], Some(&[0, 1, 2]));
    assert!(off(&found, &answers.concat()) < NEAR);
    assert!(network.of_class(Some(2)).is_err());
}

/// Readers refuse levels beyond those of the process that a file names: one whose levels go on names none.
#[test]
fn networks_of_large_levels_name_no_process_that_ends_below_them() {
    let data = pictures();
    let named = |mean: f64| {
        let law = NoiseLaw::LogNormal { mean, deviation: 1.2 };
        let large = Parametrization::new(Kind::Edm, "edm", 100.0, law).expect("levels");
        let onnx = shaken_network(unet(Padding::Zero), large, &data).onnx();
        onnx.windows(18).any(|part| part == b"gaussmeter.process")
    };
    assert!(named(-1.0) && !named(4.0));
}
