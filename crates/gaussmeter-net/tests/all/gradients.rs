//! Every layer's way back against differences of its way forward.

use crate::common::{edm, linear, pictures, program, unet};
use gaussmeter_net::data::TrainingData;
use gaussmeter_net::graph::Padding;
use gaussmeter_net::parametrization::{Kind, NoiseLaw, Parametrization};
use gaussmeter_net::program::{Architecture, Program, Unet};
use gaussmeter_net::tape::{Question, Tape};

fn question(program: &Program, count: usize) -> Question {
    let wave = |i: usize| ((i * i % 97) as f32 * 0.37).sin();
    Question {
        shape: program.shape,
        x: (0..count * program.shape.len()).map(wave).collect(),
        told: (0..count).map(|i| 0.3 * i as f32 - 0.4).collect(),
        classes: (0..count).map(|i| i % (program.classes + 1)).collect(),
    }
}

/// Weights that leave nothing at zero.
fn weights(program: &Program) -> Vec<f32> {
    let layout = program.declare().expect("a network").layout;
    let mut weights = layout.initial(3);
    let shake = |i: usize| 0.05 * ((i * 7919 % 1013) as f32 / 506.5 - 1.0);
    weights.iter_mut().enumerate().for_each(|(i, w)| *w += shake(i));
    weights
}

/// Σ slopes · F along a direction in all parameters of one name at a time: the derivative by the tape, and by
/// central differences.
fn compare(program: &Program) {
    let layout = program.declare().expect("a network").layout;
    let (weights, question) = (weights(program), question(program, 3));
    let slope = |i: usize| ((i % 11) as f32 - 5.0) * 0.2;
    let value = |weights: &[f32]| {
        let mut tape = Tape::new(&layout, weights, &question);
        let y = program.record(&mut tape);
        let answer = tape.answer(y);
        answer.iter().enumerate().map(|(i, f)| f64::from(slope(i)) * f64::from(*f)).sum::<f64>()
    };
    let mut tape = Tape::new(&layout, &weights, &question);
    let y = program.record(&mut tape);
    let slopes: Vec<f32> = (0..3 * program.shape.len()).map(slope).collect();
    let mut gradient = vec![0.0; weights.len()];
    tape.backward(y, &slopes, &mut gradient);
    for parameter in layout.parameters() {
        let range = layout.range(parameter);
        let length = gradient[range.clone()].iter().map(|g| g * g).sum::<f32>().sqrt();
        assert!(length > 0.0, "{}: no gradient", parameter.name);
        // Along the gradient itself nothing cancels.
        let step = 2e-3;
        let moved = |sign: f32| {
            let mut moved = weights.clone();
            for i in range.clone() {
                moved[i] += sign * step * gradient[i] / length;
            }
            value(&moved)
        };
        let difference = (moved(1.0) - moved(-1.0)) / f64::from(2.0 * step);
        let off = (difference / f64::from(length) - 1.0).abs();
        assert!(
            off < 1e-2,
            "{}: {difference} by differences, {length} by the tape",
            parameter.name
        );
    }
}

#[test]
fn a_unet_with_either_border_classes_and_several_channels() {
    let data = pictures();
    for padding in [Padding::Zero, Padding::Periodic] {
        let plain = program(unet(padding), &edm(&data), &data);
        compare(&plain);
        compare(&Program { classes: 2, ..plain });
    }
    let wide =
        Architecture::Unet(Unet { channels: vec![8, 16, 8], blocks: 2, padding: Padding::Zero });
    let shape = gaussmeter_net::Shape::image(3, 8, 12);
    compare(&Program { shape, ..program(wide, &edm(&data), &data) });
}

#[test]
fn a_linear_network() {
    let data = pictures();
    let sigmas = [0.1, 1.0, 10.0];
    let law = NoiseLaw::Levels { times: sigmas.to_vec() };
    let x0 = Parametrization::new(Kind::X0, "edm", data.sigma_data(), law).expect("levels");
    compare(&program(linear(&sigmas), &x0, &data));
}
