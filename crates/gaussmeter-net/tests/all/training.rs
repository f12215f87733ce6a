//! What training does to samples and gradients.

use crate::common::{Labelled, diagonal, edm, linear, pictures, trainer, x0};
use gaussmeter_net::data::{SampleDraw, TrainingData};
use gaussmeter_net::questions::ask;
use gaussmeter_net::{Decay, Optimiser, Options};

/// The share of samples whose class is not told is that which was asked for, whatever the class; nothing else
/// changes.
#[test]
fn classes_are_dropped_as_often_as_asked() {
    let data = Labelled::pictures();
    let parametrization = edm(&data);
    let count = 4000;
    let draw = SampleDraw { seed: 2, is_held_out: false, first: 0, count };
    let asked = |drop| ask(&data, &parametrization, draw, None, drop);
    let whole = asked(0.0);
    for drop in [0.0, 0.1, 0.7, 1.0] {
        let asked = asked(drop);
        let (mut dropped, mut of_class) = ([0.0; 2], [0.0; 2]);
        for (i, class) in asked.question.classes.iter().enumerate() {
            of_class[i % 2] += 1.0;
            match class {
                2 => dropped[i % 2] += 1.0,
                class => assert_eq!(*class, i % 2),
            }
        }
        for (dropped, all) in dropped.into_iter().zip(of_class) {
            let (share, error) = (dropped / all, f64::sqrt(drop * (1.0 - drop) / all));
            assert!((share - drop).abs() <= 4.0 * error, "{share} instead of {drop}");
        }
        assert_eq!((&asked.question.x, &asked.targets), (&whole.question.x, &whole.targets));
    }
    // To measure on, all classes are told.
    let draw = SampleDraw { is_held_out: true, ..draw };
    let told = ask(&data, &parametrization, draw, Some(0.5), 0.0).question.classes;
    assert!(told.iter().enumerate().all(|(i, class)| *class == i % 2));
}

/// One step of plain descent on a linear network moves its weights by rate times the gradient, whose length is at most
/// that of --clip: longer ones keep their direction, shorter ones are as they are.
#[test]
fn gradients_are_shortened_to_a_length() {
    let data = diagonal([1, 1, 4], &[4.0, 2.0, 1.0, 0.5], &[0.5; 4]);
    let rate = 0.01;
    let moved = |clip: f64| {
        let options = Options {
            batch: 64,
            steps: 5,
            rate,
            warm_up: 0,
            decay: Decay::None,
            average: 0.0,
            clip,
            optimiser: Optimiser::Sgd,
            ..Options::default()
        };
        let mut trainer = trainer(&data, linear(&[0.5]), x0(&data, &[0.5]), options);
        // All weights of a linear network begin at zero.
        trainer.advance().expect("a step");
        trainer.weights().iter().map(|w| f64::from(*w) / -rate).collect::<Vec<f64>>()
    };
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let whole = moved(f64::INFINITY);
    let length = norm(&whole);
    assert!(length > 0.5, "{length}");
    assert_eq!(moved(1.01 * length), whole);
    for clip in [0.9 * length, 0.3 * length, 0.01 * length] {
        let shortened = moved(clip);
        assert!((norm(&shortened) / clip - 1.0).abs() < 1e-5, "{} of {clip}", norm(&shortened));
        for (short, long) in shortened.iter().zip(&whole) {
            let expected = long * clip / length;
            assert!((short - expected).abs() < 1e-5 * clip, "{short} instead of {expected}");
        }
    }
}

/// The exact network of a Gaussian is measured on samples without classes.
#[test]
fn samples_without_classes_are_told_none() {
    let data = pictures();
    let draw = SampleDraw { seed: 2, is_held_out: false, first: 0, count: 5 };
    assert!(ask(&data, &edm(&data), draw, None, 0.5).question.classes.is_empty());
    assert!(data.kept().is_none());
}
