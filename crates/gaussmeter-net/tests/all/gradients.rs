//! Every layer's way back against differences of its way forward.

use crate::common::{edm, linear, pictures, program, shaken, unet};
use gaussmeter_net::data::TrainingData;
use gaussmeter_net::graph::Padding;
use gaussmeter_net::parametrization::{Kind, NoiseLaw, Parametrization};
use gaussmeter_net::program::{Architecture, Program, Unet};
use gaussmeter_net::tape::{Question, Tape};
use std::ops::Range;

fn question(program: &Program, count: usize) -> Question {
    let wave = |i: usize| ((i * i % 97) as f32 * 0.37).sin();
    Question {
        shape: program.shape,
        x: (0..count * program.shape.len()).map(wave).collect(),
        told: (0..count).map(|i| 0.3 * i as f32 - 0.4).collect(),
        classes: (0..count).map(|i| i % (program.classes + 1)).collect(),
    }
}

/// Of differences in 32 bits along the gradient, relative to its length.
const ALONG: f64 = 1e-2;

/// The same in directions of no order, relative to what slopes are there: the lengths of the gradient and of the
/// direction, by the root of the number of parameters.
const ANYWHERE: f64 = 0.2;

/// Directions in which slopes are compared, besides that of the gradient.
const DIRECTIONS: u64 = 3;

/// Numbers of both signs in no order.
fn direction(index: u64, length: usize) -> Vec<f32> {
    let mut state = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|v| v * v).sum::<f32>().sqrt()
}

/// Σ slopes · F along directions in all parameters of one name at a time, and in all parameters: the derivative by the
/// tape, and by central differences. Along the gradient nothing cancels, but a gradient of which a part is missing is
/// as long as it should be; in other directions it is not.
fn compare(program: &Program) {
    let layout = program.declare().expect("a network").layout;
    let (weights, question) = (shaken(program), question(program, 3));
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
    let check = |name: &str, range: Range<usize>, along: &[f32], is_any: bool| {
        let step = 2e-3 / norm(along);
        let moved = |sign: f32| {
            let mut moved = weights.clone();
            let part = moved[range.clone()].iter_mut().zip(along);
            part.for_each(|(w, d)| *w += sign * step * d);
            value(&moved)
        };
        let difference = (moved(1.0) - moved(-1.0)) / f64::from(2.0 * step);
        let slopes = gradient[range.clone()].iter().zip(along);
        let slope: f64 = slopes.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let bound = if is_any { ANYWHERE / (along.len() as f64).sqrt() } else { ALONG };
        let scale = f64::from(norm(&gradient[range.clone()]) * norm(along));
        assert!(
            (difference - slope).abs() < bound * scale,
            "{name}: {difference} by differences, {slope} by the tape, of {scale}"
        );
    };
    let groups = layout.parameters().iter().map(|p| (&p.name[..], layout.range(p)));
    for (name, range) in groups.chain([("all", 0..weights.len())]) {
        let own = gradient[range.clone()].to_vec();
        assert!(norm(&own) > 0.0, "{name}: no gradient");
        check(name, range.clone(), &own, false);
        for index in 0..DIRECTIONS {
            check(name, range.clone(), &direction(index + 1, own.len()), true);
        }
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
