//! The registries, in the order in which lists show them. What lists members, checks them or documents
//! them walks through [`families`], so that a new registry is one line here.

pub use crate::present::{Family, Listed, list_document, listed};

use crate::entry::Registry;
use crate::network::{conditioning, linear};
use crate::{data, exact, export, grid, metric, objective, process, sampler};

/// What is done with each registry, whatever its members are.
pub trait Visit {
    /// `plural` is the word by which people ask for the family, `title` its heading.
    fn visit<T: ?Sized + 'static>(
        &mut self,
        plural: &'static str,
        title: &'static str,
        registry: &Registry<T>,
    );
}

/// Visits every registry of the library.
///
/// ```
/// use gaussmeter::entry::Registry;
/// use gaussmeter::families::{Visit, families};
/// struct Count(usize);
/// impl Visit for Count {
///     fn visit<T: ?Sized + 'static>(&mut self, _: &'static str, _: &'static str, r: &Registry<T>) {
///         self.0 += r.entries.len();
///     }
/// }
/// let mut members = Count(0);
/// families(&mut members);
/// assert!(members.0 > 100);
/// ```
pub fn families(visitor: &mut impl Visit) {
    visitor.visit("samplers", "Samplers", &sampler::registry());
    visitor.visit("processes", "Processes", &process::registry());
    visitor.visit("grids", "Grids", &grid::registry());
    visitor.visit("spectra", "Spectra", &data::registry());
    visitor.visit("inits", "Initial laws", &exact::init_registry());
    visitor.visit("metrics", "Metrics", &metric::registry());
    visitor.visit("objectives", "Objectives of tune and schedules", &objective::registry());
    let title = "Conditioning: what networks of a process are told (conditioning=…)";
    visitor.visit("conditionings", title, &conditioning::registry());
    visitor.visit("networks", "Networks: what samplers call (--network)", &linear::registry());
    visitor.visit("targets", "Targets of export", &export::registry());
}
