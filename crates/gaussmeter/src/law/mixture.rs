use super::{DataLaw, Group, GroupKind, GroupShare, Groups, LawError};
use crate::level::Level;
use crate::mixture::{Mixture, MixtureDenoiser, MixtureError};
use crate::network::Denoiser;
use crate::numeric::linear_algebra::Matrix;
use crate::paths::Draw;
use std::sync::Arc;

impl From<MixtureError> for LawError {
    fn from(error: MixtureError) -> Self {
        match error {
            MixtureError::Whole(error) => error.into(),
            MixtureError::Matrix(error) => error.into(),
            MixtureError::Spectrum(error) => error.into(),
            error => LawError::Other(error.to_string()),
        }
    }
}

impl From<Mixture> for Arc<dyn DataLaw> {
    fn from(mixture: Mixture) -> Self {
        Arc::new(mixture)
    }
}

impl DataLaw for Mixture {
    fn name(&self) -> &str {
        Mixture::name(self)
    }

    fn description(&self) -> String {
        format!("a mixture of {} Gaussians", self.components().len())
    }

    fn dim(&self) -> usize {
        Mixture::dim(self)
    }

    fn groups(&self) -> Groups {
        let all = self.components().iter();
        let members = all.map(|c| Group { name: c.name().into(), weight: c.weight() }).collect();
        Groups { kind: GroupKind::Class, members }
    }

    fn denoiser(self: Arc<Self>) -> Box<dyn Denoiser + Send> {
        Box::new(MixtureDenoiser::new(self))
    }

    fn classes(&self, x: &[f64], level: &Level) -> Vec<usize> {
        Mixture::classes(self, x, level)
    }

    /// By responsibilities.
    fn shares(&self, x: &[f64], level: &Level) -> Vec<GroupShare> {
        let count = self.components().len();
        let all = self.responsibilities(x, level);
        let states = (all.len() / count).max(1);
        let mut shares = vec![GroupShare::default(); count];
        for state in all.chunks(count) {
            shares.iter_mut().zip(state).for_each(|(share, p)| share.add(*p, states));
        }
        shares
    }

    fn mean(&self) -> Vec<f64> {
        Mixture::mean(self)
    }

    fn covariance(&self) -> Result<Matrix, LawError> {
        Ok(Mixture::covariance(self)?)
    }

    fn draw(&self, draw: Draw) -> Vec<f64> {
        self.sample(draw).0
    }
}
