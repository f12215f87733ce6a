use gaussmeter::basis::Basis;
use gaussmeter::numeric::linear_algebra::Matrix;
use gaussmeter_data::{DenseBasis, Memory};
use gaussmeter_net::data::{Drawn, GaussianData, SampleDraw, TrainingData};
use gaussmeter_net::graph::Padding;
use gaussmeter_net::network::About;
use gaussmeter_net::parametrization::{Kind, NoiseLaw, Parametrization};
use gaussmeter_net::program::{Architecture, Linear, Program, Unet};
use gaussmeter_net::{Network, Options, Shape, Trainer};
use std::sync::Arc;

/// Coordinates of their own, with these variances and means.
pub fn diagonal(shape: [usize; 3], variances: &[f64], means: &[f64]) -> GaussianData {
    let d = variances.len();
    let rows = Matrix::from_fn(d, d, |i, j| if i == j { 1.0 } else { 0.0 });
    let basis = DenseBasis::new(&shape, variances.to_vec(), means.to_vec(), rows);
    let basis: Arc<dyn Basis> = Arc::new(basis.expect("an orthonormal basis"));
    GaussianData::new(basis, "independent coordinates")
}

/// Grey pictures of 8×8 pixels whose variances fall, with a mean.
pub fn pictures() -> GaussianData {
    let variances: Vec<f64> = (0..64).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
    diagonal([1, 8, 8], &variances, &[0.1; 64])
}

/// The same with two classes, by turns.
pub struct Labelled(pub GaussianData, pub [String; 2]);

impl Labelled {
    pub fn pictures() -> Self {
        Labelled(pictures(), ["even", "odd"].map(String::from))
    }
}

impl TrainingData for Labelled {
    fn description(&self) -> String {
        self.0.description()
    }
    fn shape(&self) -> Shape {
        self.0.shape()
    }
    fn classes(&self) -> &[String] {
        &self.1
    }
    fn sigma_data(&self) -> f64 {
        self.0.sigma_data()
    }
    fn draw(&self, draw: SampleDraw) -> Drawn {
        let classes = (0..draw.count).map(|i| i % 2).collect();
        Drawn { classes, ..self.0.draw(draw) }
    }
}

pub fn unet(padding: Padding) -> Architecture {
    Architecture::Unet(Unet { channels: vec![8, 12], blocks: 1, padding })
}

pub fn edm(data: &dyn TrainingData) -> Parametrization {
    let law = NoiseLaw::LogNormal { mean: -0.5, deviation: 1.2 };
    Parametrization::new(Kind::Edm, "edm", data.sigma_data(), law).expect("a parametrization")
}

pub fn eps(data: &dyn TrainingData) -> Parametrization {
    let law = NoiseLaw::Uniform { from: 1e-3, to: 1.0 };
    Parametrization::new(Kind::Eps, "vp-linear", data.sigma_data(), law).expect("a parametrization")
}

/// x₀ predicted at a list of levels.
pub fn x0(data: &dyn TrainingData, sigmas: &[f64]) -> Parametrization {
    let law = NoiseLaw::Levels { times: sigmas.to_vec() };
    Parametrization::new(Kind::X0, "edm", data.sigma_data(), law).expect("a parametrization")
}

pub fn linear(sigmas: &[f64]) -> Architecture {
    Architecture::Linear(Linear { nodes: sigmas.iter().map(|s| 0.25 * s.ln()).collect() })
}

pub fn program(
    architecture: Architecture,
    parametrization: &Parametrization,
    data: &dyn TrainingData,
) -> Program {
    Program {
        architecture,
        shape: data.shape(),
        classes: data.classes().len(),
        frequencies: parametrization.frequencies(),
    }
}

pub fn trainer<'a>(
    data: &'a dyn TrainingData,
    architecture: Architecture,
    parametrization: Parametrization,
    options: Options,
) -> Trainer<'a> {
    let program = program(architecture, &parametrization, data);
    Trainer::new(data, program, parametrization, options, Memory(1 << 30)).expect("a trainer")
}

pub fn steps(trainer: &mut Trainer<'_>, count: u64) {
    (0..count).for_each(|_| {
        trainer.advance().expect("a step");
    });
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Weights that leave nothing at zero, of a size at which everything has an effect.
pub fn shaken(program: &Program) -> Vec<f32> {
    let layout = program.declare().expect("a network").layout;
    let mut weights = layout.initial(3);
    let shake = |i: usize| 0.05 * ((i * 7919 % 1013) as f32 / 506.5 - 1.0);
    weights.iter_mut().enumerate().for_each(|(i, w)| *w += shake(i));
    weights
}

/// An untrained network with such weights.
pub fn shaken_network(
    architecture: Architecture,
    parametrization: Parametrization,
    data: &dyn TrainingData,
) -> Network {
    let program = program(architecture, &parametrization, data);
    let weights = shaken(&program);
    Network::new(program, parametrization, weights, About::default()).expect("a network")
}
