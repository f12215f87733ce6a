//! ComfyUI's `deis` with `deis_mode=rhoab, max_order=4`, by its own formulas for one eigenvalue.

use gaussmeter::prelude::*;
use gaussmeter::sampler;
use std::sync::Arc;

/// Its weights for the step from node `i` with `order` earlier nodes, the latest first: integrals of
/// Lagrange polynomials by their antiderivatives.
fn weights(sigmas: &[f64], i: usize, order: usize) -> Vec<f64> {
    let nodes: Vec<f64> = (0..=order).map(|k| sigmas[i - k]).collect();
    let weight = |j: usize| {
        // Coefficients of Π (σ − node) over the others, from the constant on.
        let mut polynomial = vec![1.0];
        let mut scale = 1.0;
        for (_, node) in nodes.iter().enumerate().filter(|(m, _)| *m != j) {
            scale *= nodes[j] - node;
            let mut next = vec![0.0; polynomial.len() + 1];
            for (k, c) in polynomial.iter().enumerate() {
                next[k + 1] += c;
                next[k] -= node * c;
            }
            polynomial = next;
        }
        let at = |x: f64| -> f64 {
            let terms = polynomial.iter().enumerate();
            terms.map(|(k, c)| c * x.powi(k as i32 + 1) / (k as f64 + 1.0)).sum()
        };
        (at(sigmas[i + 1]) - at(sigmas[i])) / scale
    };
    (0..=order).map(weight).collect()
}

/// What `sample_deis` makes of a unit state.
fn gain(sigmas: &[f64], eigenvalue: f64) -> f64 {
    let steps = sigmas.len() - 1;
    let (mut x, mut slopes, mut latest): (f64, Vec<f64>, Vec<f64>) = (1.0, vec![], vec![]);
    for i in 0..steps {
        let (sigma, next) = (sigmas[i], sigmas[i + 1]);
        slopes.insert(0, x * sigma / (eigenvalue + sigma * sigma));
        // The list of weights has branches for orders 1, 2 and 3, and keeps what it had beyond.
        if (1..=3).contains(&i) {
            latest = weights(sigmas, i, i);
        }
        x += match i == 0 || next == 0.0 {
            true => (next - sigma) * slopes[0],
            false => latest.iter().zip(&slopes).map(|(c, d)| c * d).sum(),
        };
    }
    x
}

#[test]
fn weights_of_step_4_serve_all_later_ones() {
    let lambda = [0.0, 1e-3, 0.3, 1.0, 40.0];
    let data = Spectrum::new("test", "", &lambda, None, None).unwrap();
    let deis = sampler::registry().build("deis:order=4,variant=comfyui-rhoab").unwrap().item;
    let lms = sampler::registry().build("lms:final=denoiser").unwrap().item;
    for steps in [1usize, 2, 3, 4, 5, 6, 8, 20] {
        let sigmas: Vec<f64> = (0..steps)
            .map(|k| 14.6 * (0.05f64 / 14.6).powf(k as f64 / (steps.max(2) - 1) as f64))
            .chain([0.0])
            .collect();
        let grid = Grid::new(Arc::new(Edm::new(80.0)), &sigmas).unwrap();
        let output = Output::of(&deis.plan(&grid).unwrap(), &data);
        for (found, eigenvalue) in output.gain.iter().zip(lambda) {
            let expected = gain(&sigmas, eigenvalue);
            let error = (found - expected).abs();
            assert!(error <= 1e-8 * expected.abs().max(1e-3), "{steps} steps: {found} {expected}");
        }
        // Up to five steps it is the linear multistep method.
        let same = Output::of(&lms.plan(&grid).unwrap(), &data).gain;
        let is_same = output.gain.iter().zip(&same).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs());
        assert_eq!(is_same, steps <= 5, "{steps} steps");
    }
    for text in ["deis:variant=comfyui-rhoab", "deis:order=2,variant=comfyui-rhoab"] {
        let error = sampler::registry().build(text).unwrap_err().to_string();
        assert!(error.contains("comfyui-rhoab needs order=4"), "{error}");
    }
}
