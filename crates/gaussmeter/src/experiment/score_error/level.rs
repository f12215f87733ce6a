use super::leaks::AffineMaps;
use super::measured::Affine;
use super::parts::{Jackknife, Known, Parts};
use super::{Networks, ScoreErrorOptions};
use crate::basis::Basis;
use crate::experiment::verify::runs::network_error;
use crate::experiment::{Band, ExperimentError};
use crate::level::Level;
use crate::network::{Denoiser, GaussianDenoiser, Prediction};
use crate::numeric::linear_algebra::{Matrix, MatrixError};
use crate::paths::{Draw, NoiseSource, Streams};
use crate::spectrum::Spectrum;
use crate::watch::{Progress, Watch};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// The error of a network at one noise level.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelError {
    /// The noise level σ/α.
    pub sigma: f64,
    /// Σ λσ²/(λ + σ²): the error of the exact network itself, as an estimate of the data.
    pub floor: f64,
    /// δ: the score is nearest to 1 + δ times the exact one. A gain g along an eigenvector is one of
    /// −g (λ + σ²)/σ² of the score, whose mean square there is 1/(λ + σ²); δ is the mean by it.
    pub score_gain: Known,
    /// Parts of E|r|², over all eigenvectors.
    pub whole: Parts,
    /// The same over those of each band.
    pub bands: Vec<Parts>,
    /// Parts of E r² per mode of the spectrum, of one of its eigenvectors.
    pub modes: Vec<Parts>,
    /// The gain g of each mode: r = g (x − μ) + ….
    pub gains: Vec<Known>,
}

/// Where states are drawn.
pub struct Drawn<'a> {
    pub basis: &'a dyn Basis,
    pub networks: &'a Networks<'a>,
    pub options: &'a ScoreErrorOptions,
    pub watch: Watch<'a>,
}

/// One group of samples, along the eigenvectors.
pub struct Group {
    /// Standard normal numbers, (x − μ)/√(λ + σ²), sample by sample.
    pub z: Matrix,
    /// D_network − D.
    pub r: Matrix,
}

impl Group {
    /// Of every coordinate.
    fn averages(&self) -> Vec<Averages> {
        let mut sums = vec![Averages::default(); self.r.columns()];
        for a in 0..self.r.rows() {
            let row = self.r.row(a).iter().zip(self.z.row(a));
            sums.iter_mut().zip(row).for_each(|(sum, (r, z))| {
                *sum = sum.plus(&Averages { r: *r, z: *z, rz: r * z, zz: z * z, rr: r * r }, 1.0);
            });
        }
        let share = 1.0 / self.r.rows() as f64;
        sums.into_iter().map(|sum| sum.times(share)).collect()
    }
}

/// Averages of products, along one coordinate.
#[derive(Clone, Copy, Debug, Default)]
struct Averages {
    r: f64,
    z: f64,
    rz: f64,
    zz: f64,
    rr: f64,
}

impl Averages {
    fn plus(&self, other: &Averages, times: f64) -> Self {
        Averages {
            r: self.r + times * other.r,
            z: self.z + times * other.z,
            rz: self.rz + times * other.rz,
            zz: self.zz + times * other.zz,
            rr: self.rr + times * other.rr,
        }
    }

    fn times(&self, factor: f64) -> Self {
        Averages::default().plus(self, factor)
    }

    /// m and k of the line m + kz through the samples.
    fn line(&self) -> [f64; 2] {
        let k = (self.rz - self.r * self.z) / (self.zz - self.z * self.z);
        [self.r - k * self.z, k]
    }

    /// E r, E rz and E r², without bias. The line m + kz through other samples is known to have the means m
    /// and k and the mean square m² + k²; only what is left of r needs this group. So what is affine is found
    /// without any sampling error, and whatever the line is, the expectations are right.
    fn beside(&self, [m, k]: [f64; 2]) -> [f64; 3] {
        let Averages { r, z, rz, zz, rr } = *self;
        [r - k * z, k + rz - m * z - k * zz, rr + k * k * (1.0 - zz) - 2.0 * m * k * z]
    }
}

/// What a level has, per group and coordinate.
pub struct Found {
    sigma: f64,
    variances: Vec<f64>,
    /// Mean squares.
    squares: Vec<Vec<f64>>,
    affine: Affine,
    /// The leak of each coordinate and pair of groups g < h.
    leaks: Vec<Vec<f64>>,
    /// Where whole matrices were asked for.
    maps: Option<AffineMaps>,
}

impl Drawn<'_> {
    /// Draws and measures one level.
    pub fn level(&self, position: usize, sigma: f64) -> Result<Found, ExperimentError> {
        let ScoreErrorOptions { per_level, groups, sigmas, .. } = self.options;
        let level = Level { t: sigma, sigma, sigma_sigma_prime: sigma, ..Level::DATA };
        let eigenvalues = self.basis.eigenvalues();
        let variances: Vec<f64> = eigenvalues.iter().map(|l| l + sigma * sigma).collect();
        let size = per_level / groups;
        let (done, total) = (AtomicU64::new(0), (groups * sigmas.len()) as u64);
        let before = (position * groups) as u64;
        let group = |g: usize| {
            let done = before + done.fetch_add(1, Ordering::Relaxed);
            let progress =
                Progress { what: "noise levels", unit: "groups", done, total: Some(total) };
            match self.watch.tell(progress) {
                true => self.group((position, g, size), &level, &variances),
                false => Err(ExperimentError::Interrupted),
            }
        };
        let all: Vec<Group> = (0..*groups)
            .into_par_iter()
            .with_max_len(1)
            .map(group)
            .collect::<Result<_, ExperimentError>>()?;
        let found = Found::of(sigma, variances, all, self.options.leaks);
        found.map_err(|e| ExperimentError::Law(e.to_string()))
    }

    fn group(
        &self,
        (position, group, size): (usize, usize, usize),
        level: &Level,
        variances: &[f64],
    ) -> Result<Group, ExperimentError> {
        let dim = self.basis.dim();
        let first = ((position as u64) << 40) + (group * size) as u64;
        let mut z = vec![0.0; size * dim];
        Streams::new(Draw { seed: self.options.seed, first, count: size }).fill(&mut z);
        let means = self.basis.means();
        let place = |(j, z): (usize, &f64)| means[j % dim] + variances[j % dim].sqrt() * z;
        let x: Vec<f64> = z.iter().enumerate().map(place).collect();
        let mut exact = vec![0.0; x.len()];
        let mut own = GaussianDenoiser::in_basis(self.basis);
        let failed = |e: &_| match network_error(e) {
            ExperimentError::Evaluation { reason, .. } => {
                ExperimentError::Evaluation { sampler: "the network".into(), reason }
            }
            error => error,
        };
        own.predict(Prediction::Denoiser, &x, level, &mut exact).map_err(|e| failed(&e))?;
        let mut data = vec![0.0; x.len()];
        self.basis.synthesize(&x, &mut data);
        let mut answer = vec![0.0; x.len()];
        self.networks
            .with(|network| network.predict(Prediction::Denoiser, &data, level, &mut answer))
            .map_err(|e| failed(&e))?;
        let mut r = x;
        self.basis.analyze(&answer, &mut r);
        r.iter_mut().zip(&exact).for_each(|(r, exact)| *r -= exact);
        if !r.iter().all(|v| v.abs() < 1e70) {
            let sigma = level.sigma;
            let reason = format!("it predicts what is not finite at sigma/alpha = {sigma}");
            return Err(ExperimentError::Evaluation { sampler: "the network".into(), reason });
        }
        let bad = |e: MatrixError| ExperimentError::Law(e.to_string());
        Ok(Group {
            z: Matrix::new(size, dim, z).map_err(bad)?,
            r: Matrix::new(size, dim, r).map_err(bad)?,
        })
    }
}

impl Found {
    fn of(
        sigma: f64,
        variances: Vec<f64>,
        groups: Vec<Group>,
        is_whole: bool,
    ) -> Result<Self, MatrixError> {
        let dim = variances.len();
        let averages: Vec<Vec<Averages>> = groups.par_iter().map(Group::averages).collect();
        let totals: Vec<Averages> = (0..dim)
            .map(|j| averages.iter().fold(Averages::default(), |sum, all| sum.plus(&all[j], 1.0)))
            .collect();
        let others = 1.0 / (averages.len() as f64 - 1.0);
        // Through the samples of all other groups.
        let line = |own: &Vec<Averages>| -> Vec<[f64; 2]> {
            let each = own.iter().zip(&totals);
            each.map(|(own, all)| all.plus(own, -1.0).times(others).line()).collect()
        };
        let lines: Vec<Vec<[f64; 2]>> = averages.par_iter().map(line).collect();
        let of = |(own, lines): (&Vec<Averages>, &Vec<[f64; 2]>)| -> Vec<[f64; 3]> {
            own.iter().zip(lines).map(|(own, line)| own.beside(*line)).collect()
        };
        let estimates: Vec<Vec<[f64; 3]>> = averages.par_iter().zip(&lines).map(of).collect();
        let part = |k: usize| -> Vec<Vec<f64>> {
            estimates.iter().map(|group| group.iter().map(|part| part[k]).collect()).collect()
        };
        let (means, mut gains, squares) = (part(0), part(1), part(2));
        let maps = if is_whole { Some(AffineMaps::of(&groups)?) } else { None };
        let mut groups = groups;
        subtract(&lines, &mut groups);
        let leaks = leaks(dim, &groups)?;
        for gain in &mut gains {
            gain.iter_mut().zip(&variances).for_each(|(gain, v)| *gain /= v.sqrt());
        }
        Ok(Found { sigma, variances, squares, affine: Affine { means, gains }, leaks, maps })
    }

    /// Constant errors and gains, and what is affine with all leaks.
    pub fn into_affine(self) -> (Affine, Option<AffineMaps>) {
        (self.affine, self.maps)
    }

    /// Sums over modes, bands and all.
    pub fn summary(
        &self,
        spectrum: &Spectrum,
        basis: &dyn Basis,
        coordinates: &[usize],
        bands: &[Band],
        options: &ScoreErrorOptions,
    ) -> LevelError {
        let (sigma, groups) = (self.sigma, options.groups);
        let all: Vec<usize> = (0..coordinates.len()).collect();
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); spectrum.modes().len()];
        coordinates.iter().enumerate().for_each(|(j, mode)| members[*mode].push(j));
        let delta = |g: usize| {
            let gains = &self.affine.gains[g];
            let sum: f64 = gains.iter().sum::<f64>() / (sigma * sigma);
            -sum / self.variances.iter().map(|v| v.recip()).sum::<f64>()
        };
        let gain = |own: &Vec<usize>| {
            let of = |g: usize| own.iter().map(|j| self.affine.gains[g][*j]).sum::<f64>();
            let of = |g: usize| of(g) / own.len() as f64;
            Jackknife::mean(&(0..groups).map(of).collect::<Vec<f64>>()).known()
        };
        let floor = basis.eigenvalues().iter().map(|l| l * sigma * sigma / (l + sigma * sigma));
        LevelError {
            sigma,
            floor: floor.sum(),
            score_gain: Jackknife::mean(&(0..groups).map(delta).collect::<Vec<f64>>()).known(),
            whole: self.parts(&all, 1.0),
            bands: bands.iter().map(|band| self.parts(&band.coordinates, 1.0)).collect(),
            modes: members.par_iter().map(|own| self.parts(own, own.len() as f64)).collect(),
            gains: members.iter().map(gain).collect(),
        }
    }

    /// The parts of the square over some coordinates, divided by a number.
    fn parts(&self, own: &[usize], divisor: f64) -> Parts {
        let groups = self.squares.len();
        let sum =
            |values: &dyn Fn(usize) -> f64| own.iter().map(|j| values(*j)).sum::<f64>() / divisor;
        let squares: Vec<f64> = (0..groups).map(|g| sum(&|j| self.squares[g][j])).collect();
        let pairs = |of: &dyn Fn(usize, usize, usize) -> f64| {
            let mut products = vec![0.0; groups * groups];
            let mut pair = 0;
            for g in 0..groups {
                for h in g + 1..groups {
                    let value = sum(&|j| of(j, g * groups + h, pair));
                    products[g * groups + h] = value;
                    products[h * groups + g] = value;
                    pair += 1;
                }
            }
            Jackknife::pairs(&products, groups)
        };
        let Affine { means, gains } = &self.affine;
        let both =
            |all: &[Vec<f64>], j: usize, at: usize| all[at / groups][j] * all[at % groups][j];
        let constant = pairs(&|j, at, _| both(means, j, at));
        let gain = pairs(&|j, at, _| self.variances[j] * both(gains, j, at));
        let leak = pairs(&|j, _, pair| self.leaks[pair][j]);
        let squared = Jackknife::mean(&squares);
        let rest = squared.minus(&constant).minus(&gain).minus(&leak);
        Parts {
            squared: squared.known(),
            constant: constant.known(),
            gain: gain.known(),
            leak: leak.known(),
            rest: rest.known(),
        }
    }
}

/// Subtracts constant errors and what is linear in the own coordinate z, by lines through the samples of the
/// other groups: with one line for all, the products of two groups were not of independent samples.
fn subtract(lines: &[Vec<[f64; 2]>], groups: &mut [Group]) {
    groups.par_iter_mut().zip(lines).for_each(|(group, lines)| {
        let (z, r) = (&group.z, &group.r);
        let left = |a: usize, j: usize| r.row(a)[j] - lines[j][0] - lines[j][1] * z.row(a)[j];
        group.r = Matrix::from_fn(r.rows(), lines.len(), left);
    });
}

/// The part of E rᵢ² that is linear in the other coordinates, Σⱼ E[rᵢxⱼ]²/vⱼ over j ≠ i, per pair of groups
/// g < h: the mean over samples a of one and b of the other of rᵢ(a) rᵢ(b) (z(a)·z(b) − zᵢ(a) zᵢ(b)), which needs
/// no matrix of d × d; with one where samples are more than dimensions. Constant errors and gains were subtracted
/// before.
fn leaks(dim: usize, groups: &[Group]) -> Result<Vec<Vec<f64>>, MatrixError> {
    let count = groups.len();
    let pairs: Vec<(usize, usize)> =
        (0..count).flat_map(|g| (g + 1..count).map(move |h| (g, h))).collect();
    if groups.iter().all(|group| group.r.rows() > dim) {
        let cross = |group: &Group| -> Result<Matrix, MatrixError> {
            Ok(group.r.transpose_multiply(&group.z)?.map(|v| v / group.r.rows() as f64))
        };
        let all: Vec<Matrix> = groups.par_iter().map(cross).collect::<Result<_, _>>()?;
        let of = |&(g, h): &(usize, usize)| {
            let row = |i: usize| {
                let both = all[g].row(i).iter().zip(all[h].row(i)).enumerate();
                both.filter(|(j, _)| *j != i).map(|(_, (a, b))| a * b).sum()
            };
            (0..dim).map(row).collect()
        };
        return Ok(pairs.par_iter().map(of).collect());
    }
    let own: Vec<Vec<f64>> = groups
        .par_iter()
        .map(|group| group.averages().iter().map(|average| average.rz).collect())
        .collect();
    let of = |&(g, h): &(usize, usize)| {
        let (left, right) = (&groups[g], &groups[h]);
        let products = left.z.multiply_transpose(&right.z)?;
        let carried = products.multiply(&right.r)?;
        let mut sums = vec![0.0; dim];
        for a in 0..left.r.rows() {
            let row = left.r.row(a).iter().zip(carried.row(a));
            sums.iter_mut().zip(row).for_each(|(sum, (r, c))| *sum += r * c);
        }
        let samples = (left.r.rows() * right.r.rows()) as f64;
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = *sum / samples - own[g][i] * own[h][i];
        }
        Ok(sums)
    };
    pairs.par_iter().map(of).collect()
}
