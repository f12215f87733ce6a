//! Stationary laws are what their definitions say: dense circulant covariances, the Poisson
//! equation, and the published spectrum of a texture.

use gaussmeter::basis::Basis;
use gaussmeter::spectrum::Spectrum;
use gaussmeter::texture::{FourierBasis, PeriodicPlusSmooth, Stationary, Texture, TextureError};
use gaussmeter_testkit::{relative_error, shared};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use std::path::Path;

/// Odd, even, prime and trivial sizes.
const SHAPES: [[usize; 3]; 10] = [
    [3, 4, 6],
    [3, 5, 4],
    [2, 3, 7],
    [1, 4, 4],
    [1, 1, 6],
    [4, 5, 1],
    [2, 2, 2],
    [3, 1, 1],
    [1, 1, 1],
    [5, 3, 2],
];

fn normals(seed: u64, count: usize) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut random)).collect()
}

fn picture(seed: u64, shape: [usize; 3]) -> Vec<f64> {
    normals(seed, shape.iter().product()).iter().map(|z| 0.5 + z).collect()
}

fn max_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |max, (a, b)| (a - b).abs().max(max))
}

/// Position of pixel (i, j) of a channel, on the torus.
fn at([_, height, width]: [usize; 3], channel: usize, i: usize, j: usize) -> usize {
    (channel * height + i % height) * width + j % width
}

/// Σ = (1/n) Σᵢ, over all periodic shifts, of the outer products of the given images, divided by
/// `norm`: the definition, entry by entry.
fn circulant(images: &[Vec<f64>], shape: [usize; 3], norm: f64) -> Vec<Vec<f64>> {
    let [channels, height, width] = shape;
    let d = channels * height * width;
    let mut sigma = vec![vec![0.0; d]; d];
    for image in images {
        for si in 0..height {
            for sj in 0..width {
                let shifted: Vec<f64> = (0..d)
                    .map(|k| {
                        let (c, i, j) = (k / (height * width), k / width % height, k % width);
                        image[at(shape, c, i + si, j + sj)]
                    })
                    .collect();
                for (row, a) in sigma.iter_mut().zip(&shifted) {
                    row.iter_mut().zip(&shifted).for_each(|(s, b)| *s += a * b / norm);
                }
            }
        }
    }
    sigma
}

fn synthesized(basis: &FourierBasis, coordinates: &[f64]) -> Vec<f64> {
    let mut x = vec![f64::NAN; basis.dim()];
    basis.synthesize(coordinates, &mut x);
    x
}

fn analyzed(basis: &FourierBasis, x: &[f64]) -> Vec<f64> {
    let mut coordinates = vec![f64::NAN; basis.dim()];
    basis.analyze(x, &mut coordinates);
    coordinates
}

/// B diag(λ) Bᵀ, from the basis vectors themselves.
fn dense(basis: &FourierBasis) -> Vec<Vec<f64>> {
    let d = basis.dim();
    let mut sigma = vec![vec![0.0; d]; d];
    for (k, lambda) in basis.eigenvalues().iter().enumerate() {
        let mut unit = vec![0.0; d];
        unit[k] = 1.0;
        let vector = synthesized(basis, &unit);
        for (row, a) in sigma.iter_mut().zip(&vector) {
            row.iter_mut().zip(&vector).for_each(|(s, b)| *s += lambda * a * b);
        }
    }
    sigma
}

fn assert_same_matrix(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: f64, what: &str) {
    let scale = b.iter().flatten().fold(f64::MIN_POSITIVE, |max, v| v.abs().max(max));
    let difference = max_difference(&a.concat(), &b.concat());
    assert!(difference <= tolerance * scale, "{what}: {difference:e} of {scale}");
}

/// Image from mean and basis: all means lie where the basis says.
fn assert_mean(basis: &FourierBasis, mean: &[f64]) {
    let [_, height, width] = basis.shape() else { panic!() };
    let expected: Vec<f64> =
        mean.iter().flat_map(|m| std::iter::repeat_n(*m, height * width)).collect();
    assert!(max_difference(&synthesized(basis, basis.means()), &expected) < 1e-13);
}

fn assert_orthonormal(basis: &FourierBasis) {
    let x = normals(3, basis.dim());
    let coordinates = analyzed(basis, &x);
    let scale = (x.iter().map(|v| v * v).sum::<f64>()).sqrt();
    assert!(max_difference(&synthesized(basis, &coordinates), &x) < 1e-12, "{basis:.0?}");
    assert!(max_difference(&analyzed(basis, &synthesized(basis, &x)), &x) < 1e-12);
    let norm = coordinates.iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!((norm / scale - 1.0).abs() < 1e-12, "Parseval: {norm} and {scale}");
}

fn assert_spectrum_of(spectrum: &Spectrum, basis: &FourierBasis) {
    let mut expanded: Vec<(f64, f64)> = spectrum
        .modes()
        .iter()
        .flat_map(|m| std::iter::repeat_n((m.eigenvalue, m.mean), m.multiplicity as usize))
        .collect();
    let means = basis.means().iter().map(|m| m + 0.0);
    let mut coordinates: Vec<(f64, f64)> = basis.eigenvalues().iter().copied().zip(means).collect();
    for list in [&mut expanded, &mut coordinates] {
        list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    }
    assert_eq!(expanded, coordinates);
}

fn laplacian_on_torus(s: &[f64], shape: [usize; 3]) -> Vec<f64> {
    let [channels, height, width] = shape;
    let mut out = Vec::new();
    for c in 0..channels {
        for i in 0..height {
            for j in 0..width {
                let around = s[at(shape, c, i + 1, j)]
                    + s[at(shape, c, i + height - 1, j)]
                    + s[at(shape, c, i, j + 1)]
                    + s[at(shape, c, i, j + width - 1)];
                out.push(around - 4.0 * s[at(shape, c, i, j)]);
            }
        }
    }
    out
}

/// The Laplacian of an image without the differences across its edges.
fn laplacian_inside(u: &[f64], shape: [usize; 3]) -> Vec<f64> {
    let [channels, height, width] = shape;
    let mut out = vec![0.0; u.len()];
    let mut difference = |a: usize, b: usize| {
        out[a] += u[b] - u[a];
        out[b] += u[a] - u[b];
    };
    for c in 0..channels {
        for i in 0..height {
            for j in 0..width {
                if i + 1 < height {
                    difference(at(shape, c, i, j), at(shape, c, i + 1, j));
                }
                if j + 1 < width {
                    difference(at(shape, c, i, j), at(shape, c, i, j + 1));
                }
            }
        }
    }
    out
}

#[test]
fn periodic_plus_smooth_solves_its_poisson_equation() {
    for (seed, shape) in (0..).zip(SHAPES.into_iter().chain([[2, 31, 48]])) {
        let u = picture(seed, shape);
        let PeriodicPlusSmooth { periodic, smooth } = PeriodicPlusSmooth::of(&u, shape).unwrap();
        let sum: Vec<f64> = periodic.iter().zip(&smooth).map(|(p, s)| p + s).collect();
        assert!(max_difference(&sum, &u) < 1e-15 * 8.0);
        let (pixels, channels) = (shape[1] * shape[2], shape[0]);
        for c in 0..channels {
            let total: f64 = smooth[c * pixels..][..pixels].iter().sum();
            assert!(total.abs() < 1e-13 * pixels as f64, "mean of s: {total:e}");
        }
        // Δs = v, and the edges of p add nothing to its Laplacian.
        let inside = laplacian_inside(&u, shape);
        let v: Vec<f64> =
            laplacian_on_torus(&u, shape).iter().zip(&inside).map(|(all, i)| all - i).collect();
        assert!(max_difference(&laplacian_on_torus(&smooth, shape), &v) < 1e-12, "{shape:?}");
        assert!(max_difference(&laplacian_on_torus(&periodic, shape), &inside) < 1e-12);
    }
}

#[test]
fn periodic_component_has_no_jumps_and_constants_stay() {
    // A ramp jumps by 63 across its edge; its periodic component by 63/64.
    let shape = [1, 8, 64];
    let ramp: Vec<f64> = (0..512).map(|k| f64::from(k % 64)).collect();
    let p = PeriodicPlusSmooth::of(&ramp, shape).unwrap().periodic;
    assert!((p[63] - p[0] - 63.0 / 64.0).abs() < 1e-12);
    let constant = PeriodicPlusSmooth::of(&[0.3; 60], [2, 5, 6]).unwrap();
    assert_eq!(constant.smooth, [0.0; 60]);
    assert_eq!(constant.periodic, [0.3; 60]);
}

#[test]
fn texture_is_diagonal_in_its_basis() {
    for (seed, shape) in (0..).zip(SHAPES) {
        for periodic in [false, true] {
            let u = picture(seed, shape);
            let texture = Texture::adsn(&u, shape, periodic).unwrap();
            let basis = texture.basis();
            let sigma = circulant(&[texture.texton().to_vec()], shape, 1.0);
            assert_same_matrix(&dense(&basis), &sigma, 1e-12, &format!("{shape:?}"));
            assert_orthonormal(&basis);
            assert_mean(&basis, texture.mean());
            assert_spectrum_of(&texture.spectrum("texture").unwrap(), &basis);
        }
    }
}

#[test]
fn texture_keeps_mean_and_variance_of_its_picture() {
    let shape = [3, 9, 14];
    let u = picture(8, shape);
    let texture = Texture::adsn(&u, shape, false).unwrap();
    let spectrum = texture.spectrum("texture").unwrap();
    let mut variance = 0.0;
    for (channel, m) in u.chunks(9 * 14).zip(texture.mean()) {
        let mean = channel.iter().sum::<f64>() / 126.0;
        assert!((mean - m).abs() < 1e-15 * 8.0);
        variance += channel.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    }
    assert!((spectrum.trace() / variance - 1.0).abs() < 1e-13);
    // One mode per frequency except 0: 125 of 378, all the rest are null modes in one entry, the
    // mean aside.
    assert_eq!((spectrum.dim(), spectrum.null_dim()), (378.0, 253.0));
    let centred = texture.centred().spectrum("centred").unwrap();
    assert!(!centred.has_mean());
    assert_eq!(centred.modes()[0].multiplicity, 253.0);
    // ±ξ share an entry: (126 − 2)/2 pairs, and one self-conjugate frequency besides 0.
    assert_eq!(centred.modes().len(), 1 + 62 + 1);
}

#[test]
fn pictures_without_structure_have_exact_zeros() {
    let constant = Texture::adsn(&[0.1; 30], [2, 3, 5], true).unwrap();
    assert_eq!(constant.basis().eigenvalues(), [0.0; 30]);
    assert_orthonormal(&constant.basis());
    assert_eq!(constant.sample(0).len(), 30);
    let same = Stationary::from_samples([2, 3, 5], [[0.1; 30], [0.1; 30]]).unwrap();
    assert_eq!(same.basis().eigenvalues(), [0.0; 30]);
    // A texture has a null mode at frequency 0 and one less elsewhere. Its samples share the mean
    // and, at each frequency, the direction, but for the rounding of large values.
    let shape = [2, 256, 256];
    let faint: Vec<f64> = picture(1, shape).iter().map(|u| 10.0 + 0.01 * u).collect();
    let texture = Texture::adsn(&faint, shape, false).unwrap();
    let basis = texture.basis();
    let z = normals(2, basis.dim());
    let coordinates = z.iter().zip(basis.eigenvalues()).zip(basis.means());
    let coordinates: Vec<f64> = coordinates.map(|((z, l), m)| m + l.sqrt() * z).collect();
    let samples = [texture.sample(1), synthesized(&basis, &coordinates)];
    let law = Stationary::from_samples(shape, samples).unwrap();
    assert_eq!(texture.spectrum("texture").unwrap().null_dim(), 65_537.0);
    assert_eq!(law.spectrum("law").unwrap().null_dim(), 65_537.0);
    // Stripes of two values: one frequency only.
    let stripes: Vec<f64> = (0..36).map(|k| if k % 2 == 0 { 0.1 } else { 0.8 }).collect();
    let stripes = Texture::adsn(&stripes, [1, 6, 6], false).unwrap().spectrum("stripes").unwrap();
    assert_eq!(stripes.null_dim(), 35.0);
    assert!((stripes.highest() / (36.0 * 0.35 * 0.35) - 1.0).abs() < 1e-14);
}

#[test]
fn resized_texture_keeps_its_covariance() {
    let (small, large) = ([3, 4, 5], [3, 9, 10]);
    let texture = Texture::adsn(&picture(4, small), small, false).unwrap();
    let resized = texture.resized(9, 10).unwrap();
    assert_eq!(resized.mean(), texture.mean());
    let (before, after) = (texture.spectrum("a").unwrap(), resized.spectrum("b").unwrap());
    let per_pixel = |s: &Spectrum| s.trace() / s.dim();
    assert!((per_pixel(&after) / per_pixel(&before) - 1.0).abs() < 1e-13);
    // On twice the size no lag of the picture wraps: the covariance of pixels (c, 0, 0) and
    // (c', i, j) is the plain correlation of the texton.
    let sigma = dense(&resized.basis());
    let t = texture.texton();
    for (c, other) in [(0, 0), (0, 1), (2, 1)] {
        for i in 0..4 {
            for j in 0..5 {
                let mut expected = 0.0;
                for y in 0..4 - i {
                    for x in 0..5 - j {
                        expected += t[at(small, c, y, x)] * t[at(small, other, y + i, x + j)];
                    }
                }
                let found = sigma[at(large, c, 0, 0)][at(large, other, i, j)];
                assert!((found - expected).abs() < 1e-13, "{c} {other} {i} {j}");
            }
        }
    }
    assert_eq!(texture.resized(4, 5).unwrap().texton(), texture.texton());
}

#[test]
fn stationary_law_is_the_shift_averaged_covariance() {
    for (seed, shape) in (0..).zip(SHAPES) {
        let images: Vec<Vec<f64>> = (0..4).map(|i| picture(10 * seed + i, shape)).collect();
        let law = Stationary::from_samples(shape, &images).unwrap();
        let pixels = shape[1] * shape[2];
        let means: Vec<f64> = (0..shape[0])
            .map(|c| {
                let of = |u: &Vec<f64>| u[c * pixels..][..pixels].iter().sum::<f64>();
                images.iter().map(of).sum::<f64>() / (4 * pixels) as f64
            })
            .collect();
        assert!(max_difference(law.mean(), &means) < 1e-14);
        let centred: Vec<Vec<f64>> = images
            .iter()
            .map(|u| u.iter().zip(0..).map(|(u, k): (_, usize)| u - means[k / pixels]).collect())
            .collect();
        let sigma = circulant(&centred, shape, 4.0 * pixels as f64);
        assert_same_matrix(&dense(law.basis()), &sigma, 1e-12, &format!("{shape:?}"));
        assert_orthonormal(law.basis());
        assert_mean(law.basis(), law.mean());
        assert_spectrum_of(&law.spectrum("law").unwrap(), law.basis());
    }
}

#[test]
fn stationary_law_of_equal_channels_picks_independent_vectors() {
    // Independent channels of equal power: all eigenvalues at a frequency coincide, in the limit;
    // here exactly, from images that each have one lit channel.
    let shape = [3, 4, 5];
    let pattern = picture(7, [1, 4, 5]);
    let mean = pattern.iter().sum::<f64>() / 20.0;
    let images = (0..3).flat_map(|lit| [1.0, -1.0].map(|sign| (lit, sign))).map(|(lit, sign)| {
        let mut image = vec![0.0; 60];
        let channel = pattern.iter().map(|p| sign * (p - mean));
        image[lit * 20..][..20].iter_mut().zip(channel).for_each(|(x, p)| *x = p);
        image
    });
    let images: Vec<_> = images.collect();
    let law = Stationary::from_samples(shape, &images).unwrap();
    assert_orthonormal(law.basis());
    let sigma = circulant(&images, shape, 6.0 * 20.0);
    assert_same_matrix(&dense(law.basis()), &sigma, 1e-12, "equal channels");
}

#[test]
fn stationary_law_of_one_picture_is_its_texture() {
    let shape = [3, 6, 7];
    let u = picture(5, shape);
    let texture = Texture::adsn(&u, shape, false).unwrap().spectrum("texture").unwrap();
    let law = Stationary::from_samples(shape, [&u]).unwrap().spectrum("law").unwrap();
    assert_eq!(law.null_dim(), texture.null_dim());
    let positive = |s: &Spectrum| -> Vec<f64> {
        s.modes().iter().map(|m| m.eigenvalue).filter(|v| *v > 0.0).collect()
    };
    for (a, b) in positive(&law).iter().zip(positive(&texture)) {
        assert!(relative_error(*a, b) < 1e-11, "{a} and {b}");
    }
}

/// Whether the empirical second moments of N centred samples are those of `sigma`. Each entry has
/// variance (σᵢᵢ σⱼⱼ + σᵢⱼ²)/N. With N = 20,000 and fewer than 5,000 entries, 6 standard deviations
/// are exceeded with probability below 1e-5, were the seed drawn anew.
fn assert_sampled(samples: impl Iterator<Item = Vec<f64>>, mean: &[f64], sigma: &[Vec<f64>]) {
    let d = sigma.len();
    let mut sums = vec![vec![0.0; d]; d];
    let mut count = 0.0;
    for sample in samples {
        count += 1.0;
        let x: Vec<f64> = sample.iter().zip(mean).map(|(x, m)| x - m).collect();
        for (row, a) in sums.iter_mut().zip(&x) {
            row.iter_mut().zip(&x).for_each(|(s, b)| *s += a * b);
        }
    }
    for i in 0..d {
        for j in 0..=i {
            let variance = (sigma[i][i] * sigma[j][j] + sigma[i][j].powi(2)) / count;
            let z = (sums[i][j] / count - sigma[i][j]) / variance.sqrt();
            assert!(z.abs() < 6.0, "entry {i}, {j}: {z:.1} standard deviations");
        }
    }
}

#[test]
fn samples_have_the_covariance_of_the_model() {
    let shape = [3, 4, 5];
    let texture = Texture::adsn(&picture(6, shape), shape, true).unwrap();
    let sigma = circulant(&[texture.texton().to_vec()], shape, 1.0);
    let mean: Vec<f64> = texture.mean().iter().flat_map(|m| [*m; 20]).collect();
    assert_sampled((0..20_000).map(|seed| texture.sample(seed)), &mean, &sigma);
    let basis = texture.basis();
    let from_basis = (0..20_000).map(|seed| {
        let z = normals(1_000_000 + seed, basis.dim());
        let coordinates = z.iter().zip(basis.eigenvalues()).zip(basis.means());
        let coordinates: Vec<f64> = coordinates.map(|((z, l), m)| m + l.sqrt() * z).collect();
        synthesized(&basis, &coordinates)
    });
    assert_sampled(from_basis, &mean, &sigma);
}

#[test]
fn estimate_converges_to_the_model() {
    // 2,000 samples: an eigenvalue is the mean of 2,000 exponential variables (or χ²₁ where ξ = −ξ),
    // with relative deviation √(2/2,000) at most; 6 of them for each of 60 coordinates.
    let shape = [3, 4, 5];
    let texture = Texture::adsn(&picture(9, shape), shape, false).unwrap();
    let samples = (0..2_000).map(|seed| texture.sample(seed));
    let law = Stationary::from_samples(shape, samples).unwrap();
    let (model, estimate) = (texture.basis(), law.basis());
    for (k, (m, e)) in model.eigenvalues().iter().zip(estimate.eigenvalues()).enumerate() {
        assert!((m - e).abs() <= 6.0 * (2.0_f64 / 2_000.0).sqrt() * m + 1e-20, "{k}: {m} and {e}");
    }
}

#[test]
fn large_sizes_reach_rounding() {
    for shape in [[3, 256, 256], [2, 127, 90]] {
        let texture = Texture::adsn(&picture(2, shape), shape, true).unwrap();
        assert_orthonormal(&texture.basis());
    }
}

#[test]
fn unusable_images_are_refused() {
    let text = |e: TextureError| e.to_string();
    let wrong = Texture::adsn(&[0.0; 5], [1, 2, 3], false).unwrap_err();
    assert_eq!(text(wrong), "5 values for an image of 1x2x3");
    let nan = PeriodicPlusSmooth::of(&[0.0, 1.0, 2.0, f64::NAN], [2, 1, 2]).unwrap_err();
    assert_eq!(
        text(nan),
        "channel 1, row 0, column 1 is NaN, but pixels must be finite and at most 1e100 in absolute value"
    );
    for shape in [[0, 2, 2], [1, 0, 4], [1, 1 << 40, 1 << 40], [1 << 20, 1 << 10, 1]] {
        let empty = Stationary::from_samples(shape, [[0.0; 4]]).unwrap_err();
        assert!(matches!(empty, TextureError::Shape { .. }), "{empty}");
    }
    let none = Stationary::from_samples([1, 2, 2], Vec::<Vec<f64>>::new()).unwrap_err();
    assert_eq!(none, TextureError::Empty);
    let second = Stationary::from_samples([1, 2, 2], [vec![0.0; 4], vec![0.0; 3]]).unwrap_err();
    assert_eq!(text(second), "image 1: 3 values for an image of 1x2x2");
    let texture = Texture::adsn(&[0.0, 1.0, 3.0, 2.0], [1, 2, 2], false).unwrap();
    assert_eq!(
        text(texture.resized(1, 5).unwrap_err()),
        "a texton of 2x2 pixels does not fit on a torus of 1x5: ask for at least the texton's size"
    );
    assert!(matches!(texture.resized(usize::MAX, 2), Err(TextureError::Shape { .. })));
}

/// An 8-bit PNG as [channels, height, width] in [0, 1].
fn read_png(path: &Path) -> (Vec<f64>, [usize; 3]) {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let (height, width) = (info.height as usize, info.width as usize);
    let channels = info.color_type.samples();
    assert_eq!(info.bit_depth, png::BitDepth::Eight);
    let pixels = height * width;
    let value = |k: usize| f64::from(bytes[k % pixels * channels + k / pixels]) / 255.0;
    ((0..channels * pixels).map(value).collect(), [channels, height, width])
}

/// The published list belongs to the periodic component of the picture in [0, 1], and was computed in
/// 32 bits. Its differences have the size and the profile of a 32-bit transform of the picture's
/// Laplacian divided by |ξ|²: up to 1e-4 where |ξ| is small, and 1e-5 at the smallest values.
#[test]
fn fabric_reproduces_its_published_spectrum() {
    let Some(shared) = shared() else { return };
    let (image, shape) = read_png(&shared.join("data/textures/fabric.png"));
    let spectrum = Texture::adsn(&image, shape, true).unwrap().spectrum("fabric").unwrap();
    let file = shared.join("data/spectra/adsn-fabric-icml2025.npy");
    let published = gaussmeter::data::load(file.to_str().unwrap()).unwrap();
    let expanded = |s: &Spectrum| -> Vec<f64> {
        let modes = s.modes().iter().rev().filter(|m| m.eigenvalue > 0.0);
        modes.flat_map(|m| std::iter::repeat_n(m.eigenvalue, m.multiplicity as usize)).collect()
    };
    let (ours, mut theirs) = (expanded(&spectrum), expanded(&published));
    assert_eq!((spectrum.dim(), spectrum.null_dim()), (196_608.0, 131_073.0));
    assert_eq!(theirs.pop().map(|v| v < 1e-10), Some(true), "frequency 0");
    assert_eq!(ours.len(), theirs.len());
    assert!(relative_error(spectrum.trace(), published.trace()) < 5e-7);
    for (range, largest, median) in [
        (1e-2..f64::MAX, 7e-5, 1.2e-7),
        (1e-4..1e-2, 7e-6, 3e-7),
        (1e-5..1e-4, 8e-6, 1e-6),
        (0.0..1e-5, 1.6e-5, 3e-6),
    ] {
        let pairs = ours.iter().zip(&theirs).filter(|(a, _)| range.contains(*a));
        let mut errors: Vec<f64> = pairs.map(|(a, b)| relative_error(*b, *a)).collect();
        errors.sort_by(f64::total_cmp);
        let (max, middle) = (errors[errors.len() - 1], errors[errors.len() / 2]);
        println!("{range:?}: {} values, median {middle:.1e}, largest {max:.1e}", errors.len());
        assert!(max < largest && middle < median, "{range:?}: {middle:e} {max:e}");
    }
    println!("trace {:.7} and {:.7}", spectrum.trace(), published.trace());
}
