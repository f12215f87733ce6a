use super::{DataLaw, Group, GroupKind, GroupShare, Groups, LawError};
use crate::basis::{Basis, EigenCoordinates};
use crate::exact::Init;
use crate::level::Level;
use crate::network::Denoiser;
use crate::numeric::linear_algebra::Matrix;
use crate::paths::Draw;
use crate::separable::{
    self, Marginal, QuantileError, Separable, SeparableDenoiser, SeparableError,
};
use crate::spectrum::Spectrum;
use crate::tape::Plan;
use std::sync::Arc;

/// Why there may be no exact W2.
const ORDER: &str = "outputs are not in the order of the starts, so quantiles give none: take more steps, or a rule of first order";

/// Most groups: the combinations of components along coordinates that have several.
const MOST: usize = 64;

impl From<SeparableError> for LawError {
    fn from(error: SeparableError) -> Self {
        match error {
            SeparableError::Spectrum(error) => error.into(),
            error => LawError::Other(error.to_string()),
        }
    }
}

impl Separable {
    /// The coordinates with several components, if their combinations are few.
    fn split(&self) -> Vec<(usize, &Marginal)> {
        let several = |(_, m): &(usize, &Marginal)| m.weights().len() > 1;
        let split: Vec<_> = self.coordinates().iter().enumerate().filter(several).collect();
        let count = split
            .iter()
            .try_fold(1usize, |n, (_, m)| n.checked_mul(m.weights().len()).filter(|n| *n <= MOST));
        if count.is_some() { split } else { Vec::new() }
    }
}

impl From<Separable> for Arc<dyn DataLaw> {
    fn from(law: Separable) -> Self {
        Arc::new(law)
    }
}

impl DataLaw for Separable {
    fn name(&self) -> &str {
        Separable::name(self)
    }

    fn description(&self) -> String {
        format!("{} independent coordinates", self.dim())
    }

    fn dim(&self) -> usize {
        Separable::dim(self)
    }

    /// One per combination of the components of all coordinates, if there are few.
    fn groups(&self) -> Groups {
        let split = self.split();
        if split.is_empty() {
            return Groups::none();
        }
        let mut members = vec![Group { name: String::new(), weight: 1.0 }];
        for (_, marginal) in split {
            let each = |group: &Group| -> Vec<Group> {
                let dash = if group.name.is_empty() { "" } else { "-" };
                let of = |(k, weight): (usize, &f64)| Group {
                    name: format!("{}{dash}{}", group.name, k + 1),
                    weight: group.weight * weight,
                };
                marginal.weights().iter().enumerate().map(of).collect()
            };
            members = members.iter().flat_map(each).collect();
        }
        Groups { kind: GroupKind::Class, members }
    }

    fn denoiser(self: Arc<Self>) -> Box<dyn Denoiser + Send> {
        Box::new(SeparableDenoiser::new(self))
    }

    fn classes(&self, x: &[f64], level: &Level) -> Vec<usize> {
        let dim = self.dim();
        let mut classes = vec![0; x.len() / dim];
        for (j, marginal) in self.split() {
            let own: Vec<f64> = x.iter().skip(j).step_by(dim).copied().collect();
            let found = marginal.components(&own, level);
            for (class, k) in classes.iter_mut().zip(found) {
                *class = *class * marginal.weights().len() + k;
            }
        }
        classes
    }

    /// By products of the probabilities along the coordinates, which are independent.
    fn shares(&self, x: &[f64], level: &Level) -> Vec<GroupShare> {
        let (dim, split) = (self.dim(), self.split());
        let states = x.len() / dim;
        if split.is_empty() {
            return Vec::new();
        }
        let mut all = vec![vec![1.0]; states];
        for (j, marginal) in split {
            let own: Vec<f64> = x.iter().skip(j).step_by(dim).copied().collect();
            let probabilities = marginal.probabilities(&own, level);
            let each = probabilities.chunks(marginal.weights().len());
            for (products, own) in all.iter_mut().zip(each) {
                *products = products.iter().flat_map(|p| own.iter().map(move |q| p * q)).collect();
            }
        }
        let groups = all.first().map_or(0, Vec::len);
        let mut shares = vec![GroupShare::default(); groups];
        for products in &all {
            shares.iter_mut().zip(products).for_each(|(share, p)| share.add(*p, states));
        }
        shares
    }

    /// By quantiles.
    fn wasserstein2(&self, plan: &Plan, init: &Init) -> Option<Result<f64, String>> {
        let found = separable::wasserstein2(plan, self, init);
        Some(found.map(|found| found.total).map_err(|error| match error {
            QuantileError::NotMonotone { .. } => ORDER.into(),
            error => error.to_string(),
        }))
    }

    fn mean(&self) -> Vec<f64> {
        Separable::mean(self)
    }

    fn covariance(&self) -> Result<Matrix, LawError> {
        let covariance = Matrix::diagonal(&self.variances());
        covariance.check_finite()?;
        Ok(covariance)
    }

    fn draw(&self, draw: Draw) -> Vec<f64> {
        self.sample(draw)
    }

    fn knows_basis(&self) -> bool {
        true
    }

    /// That of the coordinates.
    fn basis(&self) -> Result<Arc<dyn Basis>, LawError> {
        Ok(Arc::new(EigenCoordinates::new(self.variances(), Separable::mean(self))))
    }

    fn gaussian(&self) -> Result<Spectrum, LawError> {
        Ok(Separable::gaussian(self)?)
    }
}
