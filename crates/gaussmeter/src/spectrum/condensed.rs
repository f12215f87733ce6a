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
    let positive = modes.iter().filter(|m| m.eigenvalue > 0.0);
    if positive.clone().count() <= most || most == 0 {
        return Ok(None);
    }
    let logs = || positive.clone().map(|m| m.eigenvalue.ln());
    let (low, high) = (logs().fold(f64::MAX, f64::min), logs().fold(f64::MIN, f64::max));
    let width = (high - low) / most as f64;
    // Σ multiplicity · (1, λ, μ²), the last bin for λ = 0.
    let mut bins = vec![[0.0; 3]; most + 1];
    for mode in modes {
        let bin = match mode.eigenvalue > 0.0 {
            true => (((mode.eigenvalue.ln() - low) / width) as usize).min(most - 1),
            false => most,
        };
        let terms = [1.0, mode.eigenvalue, mode.mean * mode.mean];
        for (sum, term) in bins[bin].iter_mut().zip(terms) {
            *sum += mode.multiplicity * term;
        }
    }
    bins.retain(|bin| bin[0] > 0.0);
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
