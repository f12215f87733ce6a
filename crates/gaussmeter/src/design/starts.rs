use super::{Space, Start};
use crate::grid::{Grid, GridError};
use crate::spectrum::Spectrum;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal, Uniform};

/// Schedules to start descents from: three that are known to be good, and random ones with normal
/// log gaps and last levels between the smallest and the largest standard deviation of the data.
/// Deterministic for a given seed.
///
/// # Errors
/// [`GridError`]: the process reaches none of them.
pub fn starts(
    space: &Space,
    spectrum: &Spectrum,
    count: usize,
    seed: u64,
) -> Result<Vec<Grid>, GridError> {
    let positive = spectrum.eigenvalues().iter().filter(|l| **l > 0.0);
    let smallest = positive.clone().fold(f64::INFINITY, |m, l| m.min(*l)).sqrt();
    let largest = positive.fold(0.0f64, |m, l| m.max(*l)).sqrt();
    // For data without variance any level will do.
    let (smallest, largest) = if largest > 0.0 { (smallest, largest) } else { (0.01, 1.0) };
    let highest = match (space.highest(), space.start()) {
        (Some(highest), Start::Fixed) => highest,
        // A movable start does not begin at its bound.
        (Some(highest), Start::Free) => 0.9 * highest,
        (None, _) => 100.0 * largest,
    };
    let gaps = space.levels_between();
    let known = [
        (7.0, smallest.max(1e-5 * highest)),
        (3.0, (smallest * largest).sqrt()),
        (1.0, 0.3 * largest),
    ];
    let karras = |rho: f64, lowest: f64| -> Vec<f64> {
        let lowest = space.lowest().unwrap_or(lowest.min(0.5 * highest));
        let [a, b] = [highest, lowest].map(|s| s.powf(1.0 / rho));
        let share = |k: usize| k as f64 / gaps.max(1) as f64;
        (0..=gaps).map(|k| rho * (a + share(k) * (b - a)).ln()).collect()
    };
    let mut lists: Vec<Vec<f64>> =
        known.iter().map(|(rho, lowest)| karras(*rho, *lowest)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let [low, high] = [0.5 * smallest, 0.5 * largest].map(|s| s.min(0.5 * highest).ln());
    while lists.len() < count {
        let anywhere = match Uniform::new(low, high) {
            Ok(uniform) => uniform.sample(&mut rng),
            Err(_) => low,
        };
        let lowest = space.lowest().map_or(anywhere, f64::ln);
        let widths: Vec<f64> = (0..gaps)
            .map(|_| {
                let z: f64 = StandardNormal.sample(&mut rng);
                (0.5 * z).exp()
            })
            .collect();
        let scale = (highest.ln() - lowest) / widths.iter().sum::<f64>();
        let mut level = highest.ln();
        let mut list = vec![level];
        for width in widths {
            level -= scale * width;
            list.push(level);
        }
        lists.push(list);
    }
    lists.truncate(count.max(1));
    let (mut grids, mut refused) = (Vec::new(), None);
    for levels in &lists {
        // Gaps widened to the smallest allowed may leave the range of the process.
        match space.grid(&space.parameters_of(levels)) {
            Ok(grid) => grids.push(grid),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match refused {
        Some(error) if grids.is_empty() => Err(error),
        _ => Ok(grids),
    }
}
