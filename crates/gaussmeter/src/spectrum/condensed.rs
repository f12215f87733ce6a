use super::{Spectrum, SpectrumError};

/// An approximation of a spectrum with at most `most` modes (and one at λ = 0): eigenvalues are
/// binned with equal width in ln λ; each bin has their mean eigenvalue and the root mean square of
/// the means. `None` if the spectrum is small enough already.
///
/// Errors are smooth in ln λ, so a schedule optimised on 128 bins is within a step or two of the
/// minimiser from the optimum for the spectrum itself.
///
/// # Errors
/// [`SpectrumError`], which does not occur for a valid spectrum.
pub fn condensed(spectrum: &Spectrum, most: usize) -> Result<Option<Spectrum>, SpectrumError> {
    let modes = spectrum.modes();
    let Some(bins) = bins(spectrum.eigenvalues(), most) else { return Ok(None) };
    // Σ multiplicity · (1, λ, μ²)
    let sums = |bin: &Vec<usize>| {
        let mut sums = [0.0; 3];
        for mode in bin.iter().map(|i| &modes[*i]) {
            let terms = [1.0, mode.eigenvalue, mode.mean * mode.mean];
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += mode.multiplicity * term;
            }
        }
        sums
    };
    let bins: Vec<[f64; 3]> = bins.iter().map(sums).collect();
    let column = |f: fn(&[f64; 3]) -> f64| bins.iter().map(f).collect::<Vec<f64>>();
    let means = column(|bin| (bin[2] / bin[0]).sqrt());
    Spectrum::new(
        spectrum.name(),
        "condensed",
        &column(|bin| bin[1] / bin[0]),
        Some(&column(|bin| bin[0])),
        spectrum.has_mean().then_some(&means[..]),
    )
    .map(Some)
}

/// The positions of eigenvalues in at most `most` bins of equal width in ln λ, and one for λ = 0; those that
/// are not empty. `None` where no more are positive.
pub(crate) fn bins(eigenvalues: &[f64], most: usize) -> Option<Vec<Vec<usize>>> {
    let positive = eigenvalues.iter().filter(|l| **l > 0.0);
    if positive.clone().count() <= most || most == 0 {
        return None;
    }
    let logs = || positive.clone().map(|l| l.ln());
    let (low, high) = (logs().fold(f64::MAX, f64::min), logs().fold(f64::MIN, f64::max));
    let width = (high - low) / most as f64;
    let mut bins = vec![Vec::new(); most + 1];
    for (i, eigenvalue) in eigenvalues.iter().enumerate() {
        let bin = match *eigenvalue > 0.0 {
            true => (((eigenvalue.ln() - low) / width) as usize).min(most - 1),
            false => most,
        };
        bins[bin].push(i);
    }
    bins.retain(|bin| !bin.is_empty());
    Some(bins)
}
