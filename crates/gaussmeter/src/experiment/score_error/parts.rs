//! Numbers with intervals, from groups of samples.

/// A number that was measured, with half of the width of its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known {
    /// The number.
    pub value: f64,
    /// Half of the width of its interval.
    pub half: f64,
}

/// The parts of a mean square error E|r|², summed over some eigenvectors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// All of it.
    pub squared: Known,
    /// |E r|²: constant errors.
    pub constant: Known,
    /// What is linear in the own coordinate.
    pub gain: Known,
    /// What is linear in the other coordinates.
    pub leak: Known,
    /// What is not affine.
    pub rest: Known,
}

/// Student's t, two-sided 95 %, by the number of groups.
pub fn student(groups: usize) -> Option<f64> {
    const QUANTILES: [(usize, f64); 6] =
        [(8, 2.365), (12, 2.201), (16, 2.131), (20, 2.093), (24, 2.069), (32, 2.040)];
    QUANTILES.iter().find(|(count, _)| *count == groups).map(|(_, t)| *t)
}

/// A number from all groups, and from all but one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Jackknife {
    pub whole: f64,
    pub without: Vec<f64>,
}

impl Jackknife {
    /// The mean of one number per group.
    pub fn mean(values: &[f64]) -> Self {
        let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
        let without = values.iter().map(|v| (sum - v) / (count - 1.0)).collect();
        Jackknife { whole: sum / count, without }
    }

    /// The mean over pairs of different groups of a symmetric matrix, row by row, whose diagonal does not
    /// count.
    pub fn pairs(products: &[f64], groups: usize) -> Self {
        let count = groups as f64;
        let row = |g: usize| -> f64 {
            (0..groups).filter(|h| *h != g).map(|h| products[g * groups + h]).sum()
        };
        let rows: Vec<f64> = (0..groups).map(row).collect();
        let sum: f64 = rows.iter().sum();
        let left = (count - 1.0) * (count - 2.0);
        let without = rows.iter().map(|row| (sum - 2.0 * row) / left).collect();
        Jackknife { whole: sum / (count * (count - 1.0)), without }
    }

    /// With something else of the same groups subtracted.
    pub fn minus(&self, other: &Jackknife) -> Self {
        let without = self.without.iter().zip(&other.without).map(|(a, b)| a - b).collect();
        Jackknife { whole: self.whole - other.whole, without }
    }

    fn centre(&self) -> f64 {
        self.without.iter().sum::<f64>() / self.without.len() as f64
    }

    fn standard_error(&self) -> f64 {
        let (count, centre) = (self.without.len() as f64, self.centre());
        let spread: f64 = self.without.iter().map(|v| (v - centre).powi(2)).sum();
        ((count - 1.0) / count * spread).sqrt()
    }

    /// The number with its interval.
    pub fn known(&self) -> Known {
        let t = student(self.without.len()).unwrap_or(f64::INFINITY);
        Known { value: self.whole, half: t * self.standard_error() }
    }

    /// The root of a square, from which the bias of first order (Quenouille) is removed. Near 0, where the
    /// root has no derivative, the interval is how far the square goes up.
    pub fn debiased_root(&self) -> Known {
        // An infinite error, also where only some of the groups have it.
        if !(self.whole.is_finite() && self.without.iter().all(|v| v.is_finite())) {
            return Known { value: f64::INFINITY, half: f64::INFINITY };
        }
        let count = self.without.len() as f64;
        let square = (count * self.whole - (count - 1.0) * self.centre()).max(0.0);
        let half = self.known().half;
        let value = square.sqrt();
        let up = (square + half).sqrt() - value;
        Known { value, half: if half == 0.0 { 0.0 } else { up } }
    }
}

#[cfg(test)]
mod tests {
    use super::Jackknife;

    #[test]
    fn pairs_of_means_are_the_square_without_its_bias() {
        let values = [1.0, 2.0, 4.0, 5.0, 3.0, 3.5, 0.5, 1.5];
        let products: Vec<f64> =
            values.iter().flat_map(|a| values.iter().map(move |b| a * b)).collect();
        let found = Jackknife::pairs(&products, 8);
        let mean = values.iter().sum::<f64>() / 8.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 7.0;
        assert!((found.whole - (mean * mean - variance / 8.0)).abs() < 1e-12);
        // One left out: the same of the others.
        let others: Vec<f64> = values[1..].to_vec();
        let products: Vec<f64> =
            others.iter().flat_map(|a| others.iter().map(move |b| a * b)).collect();
        assert!((found.without[0] - Jackknife::pairs(&products, 7).whole).abs() < 1e-12);
        // The square of a mean, as something that is not linear: its root without the bias, and its interval.
        let of_others = |g: usize| ((values.iter().sum::<f64>() - values[g]) / 7.0).powi(2);
        let square = Jackknife { whole: mean * mean, without: (0..8).map(of_others).collect() };
        let root = square.debiased_root();
        assert!((root.value.powi(2) - (mean * mean - variance / 8.0)).abs() < 1e-12, "{root:?}");
        let half = 2.365 * 2.0 * mean * (variance / 8.0).sqrt();
        let up = root.value * root.value + half;
        assert!(((root.value + root.half).powi(2) / up - 1.0).abs() < 0.05, "{root:?} {up}");
        for infinite in [f64::INFINITY, f64::NAN] {
            let mut without = square.without.clone();
            without[3] = infinite;
            let root = Jackknife { without, ..square.clone() }.debiased_root();
            assert_eq!((root.value, root.half), (f64::INFINITY, f64::INFINITY));
        }
        // The interval of a mean is the usual one.
        let known = Jackknife::mean(&values).known();
        assert!((known.half - 2.365 * (variance / 8.0).sqrt()).abs() < 1e-12);
    }
}
