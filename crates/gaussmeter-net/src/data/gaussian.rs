use super::{Drawn, SampleDraw, TrainingData, shape_of};
use crate::random::stream;
use crate::shape::Shape;
use gaussmeter::basis::Basis;
use gaussmeter_data::Model;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::Arc;

/// Exact samples of a Gaussian with an eigenbasis: none is ever seen twice, and the exact network is known.
#[derive(Clone, Debug)]
pub struct GaussianData {
    basis: Arc<dyn Basis>,
    description: String,
    deviations: Vec<f64>,
    sigma_data: f64,
}

impl GaussianData {
    /// Samples of N(μ, Σ) in this basis, described in one line.
    pub fn new(basis: Arc<dyn Basis>, description: impl Into<String>) -> Self {
        let square = |v: &f64| v * v;
        let moments = basis.eigenvalues().iter().zip(basis.means());
        let second = moments.map(|(lambda, mean)| lambda + square(mean)).sum::<f64>();
        let sigma_data = (second / basis.dim() as f64).sqrt();
        let deviations = basis.eigenvalues().iter().map(|lambda| lambda.sqrt()).collect();
        GaussianData { basis, description: description.into(), deviations, sigma_data }
    }
}

impl From<Model> for GaussianData {
    fn from(model: Model) -> Self {
        GaussianData::new(model.basis.clone(), model.provenance)
    }
}

impl TrainingData for GaussianData {
    fn description(&self) -> String {
        self.description.clone()
    }

    fn shape(&self) -> Shape {
        shape_of(self.basis.shape())
    }

    fn sigma_data(&self) -> f64 {
        self.sigma_data
    }

    fn draw(&self, draw: SampleDraw) -> Drawn {
        let dim = self.basis.dim();
        let mut coordinates = vec![0.0; draw.count * dim];
        coordinates.par_chunks_mut(dim).enumerate().for_each(|(i, sample)| {
            let mut random = stream(draw.seed, draw.purpose(), draw.first + i as u64);
            for ((c, mean), deviation) in
                sample.iter_mut().zip(self.basis.means()).zip(&self.deviations)
            {
                let z: f64 = StandardNormal.sample(&mut random);
                *c = mean + deviation * z;
            }
        });
        let mut values = vec![0.0; coordinates.len()];
        self.basis.synthesize(&coordinates, &mut values);
        Drawn { values, classes: Vec::new(), stored: Vec::new() }
    }

    fn basis(&self) -> Option<&dyn Basis> {
        Some(&*self.basis)
    }
}
