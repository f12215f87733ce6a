use crate::source::records::Number;
use gaussmeter::numeric::linear_algebra::Matrix;

/// Mean and covariance of data, computed elsewhere.
#[derive(Clone, Debug)]
pub struct GivenCovariance {
    /// What the data are.
    pub description: String,
    /// Their mean; zero if unknown.
    pub mean: Vec<f64>,
    /// Their covariance.
    pub covariance: Matrix,
    /// How its entries were stored: eigenvalues that this rounding could explain count as zero.
    pub number: Number,
}
