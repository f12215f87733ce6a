//! Lists read as eigenvalues, and warnings if they may be something else.

use crate::spectrum::{Notice, Spectrum, SpectrumError};

/// Eigenvalues, multiplicities and means.
type Lists<'a> = (&'a [f64], Option<&'a [f64]>, Option<&'a [f64]>);

/// A spectrum from lists, the first of which was stored as `dtype` (NumPy's name).
///
/// # Errors
/// [`SpectrumError`]
pub fn spectrum(
    name: &str,
    provenance: String,
    lists: Lists<'_>,
    dtype: &str,
) -> Result<Spectrum, SpectrumError> {
    let epsilon = match dtype {
        "float32" => f64::from(f32::EPSILON),
        "float16" => (-10f64).exp2(),
        "bfloat16" => (-7f64).exp2(),
        _ => 0.0,
    };
    let mut found = Spectrum::rounded(name, provenance, lists, epsilon)?;
    if epsilon > 0.0 {
        let lowest = found.eigenvalues().iter().copied().find(|v| *v > 0.0).unwrap_or(0.0);
        let (dtype, highest) = (dtype.into(), found.highest());
        found = found.with_notice(Notice::LowPrecision { dtype, lowest, highest });
    }
    if let (values, None, None) = lists
        && !is_sorted(values)
    {
        let reason = format!(
            "{} unsorted numbers are read as eigenvalues: they may be something else, such as one sample",
            values.len()
        );
        found = found.with_notice(Notice::Doubtful { reason });
    }
    Ok(found)
}

/// Whether values rise or fall, ignoring zeros and rounding errors: some solvers put the null space
/// first or last.
fn is_sorted(values: &[f64]) -> bool {
    let highest = values.iter().copied().fold(0.0, f64::max);
    let large = || values.iter().copied().filter(|v| *v > 1e-6 * highest);
    large().is_sorted() || large().is_sorted_by(|a, b| a >= b)
}

/// Names of quantities in data units rather than squared data units.
const ROOTS: [&str; 14] = [
    "s",
    "sv",
    "svs",
    "svd",
    "std",
    "stds",
    "stddev",
    "stdev",
    "sigma",
    "sigmas",
    "scale",
    "scales",
    "singular",
    "singularvalues",
];

/// Adds a warning if a list has a name usual for singular values or standard deviations.
pub fn doubt_name(spectrum: Spectrum, name: &str) -> Spectrum {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    if !ROOTS.contains(&&plain[..]) {
        return spectrum;
    }
    let reason = format!(
        "'{name}' sounds like standard deviations or singular values, but is read as eigenvalues: those are the squares (s²/n for singular values s of n centred samples); if they are eigenvalues, name the list 'eigenvalue'"
    );
    spectrum.with_notice(Notice::Doubtful { reason })
}
