//! The Python package's native module: conversions between Python and the library, which does the work.

#![warn(clippy::unwrap_used, clippy::expect_used)]
// PyO3 makes items of its own, without documentation; users read that of the Python package.
#![allow(missing_docs)]

mod data;
mod distance;
mod errors;
mod law;
mod laws;
mod network;
mod plan;
mod question;
mod registries;
mod result;
mod sample;
mod spectrum;
mod verbs;
mod work;

use pyo3::prelude::*;

/// Conversions between Python and the library.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::data::{PyMoments, spectrum_of_array, spectrum_of_covariance, spectrum_of_files};
    #[pymodule_export]
    use crate::distance::distance;
    #[pymodule_export]
    use crate::law::PyLaw;
    #[pymodule_export]
    use crate::laws::{law_of_data, texture_of_picture};
    #[pymodule_export]
    use crate::plan::{PyStreams, plan};
    #[pymodule_export]
    use crate::registries::{label, order, registries};
    #[pymodule_export]
    use crate::result::PyReport;
    #[pymodule_export]
    use crate::sample::sample;
    #[pymodule_export]
    use crate::spectrum::PySpectrum;
    #[pymodule_export]
    use crate::verbs::{
        cite, curve, evaluate, export_schedule, info, modes, output_law, pareto, plane, rank,
        recommend, report, schedules, score_error, show, steps, table, tune, verify,
    };
    #[pymodule_export]
    use crate::work::Unfinished;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
