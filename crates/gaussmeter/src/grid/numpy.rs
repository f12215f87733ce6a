//! Lists of numbers as NumPy computes them, to the last bit. Projects round such lists to whole
//! timesteps, and a number that is a half on paper may be less in floating point: 15 · (999/30) is
//! 499.49999999999994.

/// `numpy.linspace(start, stop, count)`: start + k · ((stop − start)/(count − 1)), with `stop` as
/// the last number. A single number is `start`.
pub(super) fn linspace(start: f64, stop: f64, count: usize) -> Vec<f64> {
    let step = (stop - start) / count.saturating_sub(1) as f64;
    (0..count)
        .map(|k| match k {
            0 => start,
            k if k + 1 == count => stop,
            k => k as f64 * step + start,
        })
        .collect()
}

/// `numpy.linspace(start, stop, count, endpoint=False)`.
pub(super) fn linspace_open(start: f64, stop: f64, count: usize) -> Vec<f64> {
    let step = (stop - start) / count as f64;
    (0..count).map(|k| k as f64 * step + start).collect()
}

/// `numpy.arange(start, stop, step)`: ⌈(stop − start)/step⌉ numbers start + k · δ, where δ is the
/// difference of the first two.
pub(super) fn arange(start: f64, stop: f64, step: f64) -> Vec<f64> {
    let count = ((stop - start) / step).ceil().max(0.0) as usize;
    let step = (start + step) - start;
    (0..count).map(|k| start + k as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of NumPy 1.26.4.
    #[test]
    fn lists_are_those_of_numpy() {
        let points = linspace(0.0, 999.0, 31);
        assert_eq!(points[15], 499.49999999999994);
        assert_eq!(points[30], 999.0);
        assert_eq!(linspace(0.0, 999.0, 1), [0.0]);
        assert_eq!(linspace(0.0, 999.0, 0), [0.0; 0]);
        let open = linspace_open(0.0, 1.0, 98);
        assert_eq!(open[49], 0.49999999999999994);
        assert_eq!(open.len(), 98);
        let parts = arange(1000.0, 0.0, -1000.0 / 48.0);
        assert_eq!((parts.len(), parts[47]), (48, 20.833333333331552));
        assert_eq!(arange(5.0, 0.0, -1.0), [5.0, 4.0, 3.0, 2.0, 1.0]);
    }
}
