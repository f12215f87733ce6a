use super::{DataLaw, Group, GroupKind, Groups, LawError};
use crate::empirical::{Empirical, EmpiricalDenoiser, EmpiricalError};
use crate::level::Level;
use crate::network::Denoiser;
use crate::numeric::linear_algebra::Matrix;
use crate::paths::Draw;
use crate::spectrum::Spectrum;
use std::sync::Arc;

impl From<EmpiricalError> for LawError {
    fn from(error: EmpiricalError) -> Self {
        match error {
            EmpiricalError::Whole(error) => error.into(),
            EmpiricalError::Matrix(error) => error.into(),
            EmpiricalError::Spectrum(error) => error.into(),
            error => LawError::Other(error.to_string()),
        }
    }
}

impl From<Empirical> for Arc<dyn DataLaw> {
    fn from(law: Empirical) -> Self {
        Arc::new(law)
    }
}

impl DataLaw for Empirical {
    fn name(&self) -> &str {
        Empirical::name(self)
    }

    fn description(&self) -> String {
        format!("a data set of {} samples", self.count())
    }

    fn dim(&self) -> usize {
        Empirical::dim(self)
    }

    fn groups(&self) -> Groups {
        let count = self.count();
        let group = |i: usize| Group { name: i.to_string(), weight: 1.0 / count as f64 };
        Groups { kind: GroupKind::Sample, members: (0..count).map(group).collect() }
    }

    fn denoiser(self: Arc<Self>) -> Box<dyn Denoiser + Send> {
        Box::new(EmpiricalDenoiser::new(self))
    }

    fn classes(&self, x: &[f64], level: &Level) -> Vec<usize> {
        self.nearest(x, level)
    }

    fn mean(&self) -> Vec<f64> {
        Empirical::mean(self)
    }

    fn covariance(&self) -> Result<Matrix, LawError> {
        Ok(Empirical::covariance(self)?)
    }

    fn draw(&self, draw: Draw) -> Vec<f64> {
        self.sample(draw).0
    }

    /// From the inner products of the samples, if they are fewer than dimensions.
    fn gaussian(&self) -> Result<Spectrum, LawError> {
        Ok(Empirical::gaussian(self)?)
    }
}
