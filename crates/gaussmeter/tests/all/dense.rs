//! Laws with full covariance matrices: distances between them, and what samplers and reverse
//! processes make of an initial covariance that does not commute with Σ.

use gaussmeter::exact::continuous::{ODE, Reverse, SDE, forward_cross_covariance};
use gaussmeter::exact::dense::{
    DenseData, DenseError, DenseGaussian, GaussianError, MAX_DIM, Matrix, MatrixError,
};
use gaussmeter::grid::Grid;
use gaussmeter::metric::{bures, wasserstein2, wasserstein2_dense};
use gaussmeter::prelude::*;
use gaussmeter::sampler;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert, proptest};
use std::sync::Arc;

const D: usize = 4;

/// A rotation: one plane rotation per pair of axes.
fn rotation(n: usize, angle: impl Fn(usize) -> f64) -> Matrix {
    let mut product = Matrix::diagonal(&vec![1.0; n]);
    let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    for (k, (i, j)) in pairs.enumerate() {
        let (s, c) = angle(k).sin_cos();
        product = Matrix::from_fn(n, n, |row, column| {
            let (a, b) = (product[(row, i)], product[(row, j)]);
            match column {
                _ if column == i => c * a + s * b,
                _ if column == j => c * b - s * a,
                _ => product[(row, column)],
            }
        });
    }
    product
}

fn times(a: &Matrix, b: &Matrix) -> Matrix {
    a.multiply(b).unwrap()
}

/// `basis · diag(values) · basisᵀ`
fn conjugate(basis: &Matrix, values: &[f64]) -> Matrix {
    times(&times(basis, &Matrix::diagonal(values)), &basis.transpose())
}

fn sum(a: &Matrix, factor: f64, b: &Matrix) -> Matrix {
    Matrix::from_fn(a.rows(), a.columns(), |i, j| a[(i, j)] + factor * b[(i, j)])
}

fn norm(a: &Matrix) -> f64 {
    a.values().iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[track_caller]
fn assert_close(a: &Matrix, b: &Matrix, tolerance: f64) {
    let error = norm(&sum(a, -1.0, b));
    assert!(error <= tolerance, "off by {error:e}:\n{a:?}\n{b:?}");
}

#[track_caller]
fn assert_same_law(a: &DenseGaussian, b: &DenseGaussian, tolerance: f64) {
    assert_close(a.covariance(), b.covariance(), tolerance);
    for (a, b) in a.mean().iter().zip(b.mean()) {
        assert!((a - b).abs() <= tolerance, "mean {a} instead of {b}");
    }
}

fn gaussian(mean: &[f64], covariance: Matrix) -> DenseGaussian {
    DenseGaussian::new(mean.to_vec(), covariance).unwrap()
}

fn w2(a: &DenseGaussian, b: &DenseGaussian) -> f64 {
    wasserstein2_dense(a, b).unwrap().total
}

fn levels(times: &[f64]) -> Vec<gaussmeter::process::Level> {
    times.iter().map(|t| VpLinear::paper().level(*t)).collect()
}

// ---------------------------------------------------------------------------------- distance

/// References computed with 60 digits.
#[test]
fn bures_matches_high_precision_values() {
    let generic = (
        [[2.0, 0.3, -0.1], [0.3, 1.0, 0.2], [-0.1, 0.2, 0.5]],
        [[1.0, -0.2, 0.4], [-0.2, 1.5, 0.0], [0.4, 0.0, 3.0]],
        1.225_045_973_431_133_2,
    );
    let singular = (
        [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]],
        [[1.0, 0.0, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 0.5]],
        1.426_849_110_754_969,
    );
    for (a, b, expected) in [generic, singular] {
        let distance =
            bures(&Matrix::from_rows(&a).unwrap(), &Matrix::from_rows(&b).unwrap()).unwrap();
        assert!((distance / expected - 1.0).abs() < 1e-14, "{distance} instead of {expected}");
    }
}

#[test]
fn commuting_covariances_follow_the_diagonal_formula() {
    for (n, angle) in [(3, 0.0), (3, 0.7), (40, 0.9)] {
        let basis = rotation(n, |k| angle * (1.0 + k as f64).sqrt());
        // Repeated and vanishing eigenvalues on both sides.
        let a: Vec<f64> = (0..n).map(|i| (i / 3) as f64).collect();
        let b: Vec<f64> = (0..n).map(|i| ((i * 7) % 5) as f64).collect();
        let expected: f64 = a.iter().zip(&b).map(|(a, b)| (a.sqrt() - b.sqrt()).powi(2)).sum();
        let distance = bures(&conjugate(&basis, &a), &conjugate(&basis, &b)).unwrap();
        assert!((distance / expected.sqrt() - 1.0).abs() < 1e-8, "{distance}, {expected}");
        let origin = vec![0.0; n];
        let diagonal = |v: &[f64]| DenseGaussian::diagonal(origin.clone(), v).unwrap();
        assert!((w2(&diagonal(&a), &diagonal(&b)) / expected.sqrt() - 1.0).abs() < 1e-14);
    }
}

/// If B = T A T with T symmetric and positive, T is the optimal map, and W2 = ‖(T − I) A^½‖.
#[test]
fn close_and_ill_conditioned_covariances_keep_their_digits() {
    let basis = rotation(D, |k| 0.4 + k as f64);
    let direction = conjugate(&rotation(D, |k| 1.0 + (k as f64).sqrt()), &[0.9, -0.3, 0.5, -0.8]);
    let identity = Matrix::diagonal(&[1.0; D]);
    let flat: [f64; D] = [0.7, 1.0, 1.3, 2.0];
    let steep: [f64; D] = [1e-12, 1e-8, 1e-3, 2.0];
    // Rounding the entries of A and B moves W2 by ε λmax / √λmin: 1e-16 and 4e-10.
    for (eigenvalues, size, tolerance) in
        [(flat, 1e-8, 1e-7), (flat, 1e-4, 1e-11), (flat, 0.9, 1e-14), (steep, 0.9, 1e-9)]
    {
        let map = sum(&identity, size, &direction);
        let a = conjugate(&basis, &eigenvalues);
        let b = times(&times(&map, &a), &map);
        let root = times(&basis, &Matrix::diagonal(&eigenvalues.map(f64::sqrt)));
        let expected = size * norm(&times(&direction, &root));
        let distance = bures(&a, &b).unwrap();
        let error = (distance / expected - 1.0).abs();
        assert!(error < tolerance, "{distance:e} instead of {expected:e}: {error:e}");
    }
}

#[test]
fn large_matrices_pass_their_checks() {
    let n = 150;
    let basis = rotation(n, |k| (k as f64).sin());
    let other = rotation(n, |k| (2.0 + k as f64).sqrt());
    // Half the directions are null, the rest in clusters: the hard case for eigensolvers.
    let eigenvalues: Vec<f64> =
        (0..n).map(|i| if i % 2 == 0 { 0.0 } else { (i % 7) as f64 }).collect();
    let (a, b) = (conjugate(&basis, &eigenvalues), conjugate(&other, &eigenvalues));
    let forth = bures(&a, &b).unwrap();
    assert!((forth - bures(&b, &a).unwrap()).abs() < 1e-10 * forth);
    let turned = |c: &Matrix| times(&times(&other.transpose(), c), &other);
    assert!((forth - bures(&turned(&a), &turned(&b)).unwrap()).abs() < 1e-7 * forth);
    assert!(bures(&a, &a).unwrap() < 1e-12);
    assert!(bures(&Matrix::diagonal(&vec![0.0; n]), &a).unwrap() > 1.0);
}

#[test]
fn scale_does_not_matter() {
    let a = conjugate(&rotation(D, |k| k as f64), &[1.0, 2.0, 3.0, 4.0]);
    let b = conjugate(&rotation(D, |k| 1.0 - k as f64), &[1.0, 0.0, 3.0, 4.0]);
    let scaled = |c: &Matrix, s: f64| Matrix::from_fn(D, D, |i, j| s * c[(i, j)]);
    let expected = bures(&a, &b).unwrap();
    for exponent in [-290, -150, 150, 290] {
        let scale = 10f64.powi(exponent);
        let distance = bures(&scaled(&a, scale), &scaled(&b, scale)).unwrap() / scale.sqrt();
        assert!((distance / expected - 1.0).abs() < 1e-8, "{exponent}: {distance}, {expected}");
    }
}

#[test]
fn what_is_no_covariance_is_refused() {
    let new = |rows: &[[f64; 2]]| {
        DenseGaussian::new(vec![0.0; 2], Matrix::from_rows(rows).unwrap()).unwrap_err()
    };
    let refused = |rows: &[[f64; 2]]| new(rows).to_string();
    assert_eq!(
        refused(&[[1.0, 0.5], [0.4, 1.0]]),
        "covariance: entry (1, 0) is 0.4, but the transposed entry is 0.5: the matrix is not symmetric"
    );
    assert_eq!(refused(&[[1.0, f64::NAN], [0.0, 1.0]]), "covariance: entry (0, 1) is NaN");
    assert!(
        matches!(new(&[[1.0, 2.0], [2.0, 1.0]]), GaussianError::Negative { eigenvalue, .. } if eigenvalue < -0.9)
    );
    assert!(matches!(new(&[[-1.0, 0.0], [0.0, -1.0]]), GaussianError::Negative { .. }));
    assert!(matches!(
        DenseGaussian::new(vec![0.0; 3], Matrix::diagonal(&[1.0; 2])),
        Err(GaussianError::Dimension { len: 3, expected: 2, .. })
    ));
    assert!(matches!(
        DenseGaussian::new(vec![0.0], Matrix::from_fn(1, 2, |_, _| 1.0)),
        Err(GaussianError::Matrix(MatrixError::NotSquare { rows: 1, columns: 2 }))
    ));
    assert!(matches!(DenseGaussian::new(vec![], Matrix::diagonal(&[])), Err(GaussianError::Empty)));
    assert!(matches!(
        DenseGaussian::diagonal(vec![0.0; 2], &[1.0, -1.0]),
        Err(GaussianError::Variance { index: 1, .. })
    ));
    assert!(matches!(
        wasserstein2_dense(
            &gaussian(&[0.0], Matrix::diagonal(&[1.0])),
            &gaussian(&[0.0; 2], Matrix::diagonal(&[1.0; 2]))
        ),
        Err(GaussianError::Dimension { .. })
    ));
    assert!(matches!(
        Matrix::from_rows(&[vec![1.0], vec![1.0, 2.0]]),
        Err(MatrixError::Ragged { row: 1, len: 2, expected: 1 })
    ));
    assert!(matches!(Matrix::new(usize::MAX, 2, vec![]), Err(MatrixError::Length { .. })));
    assert!(matches!(
        Matrix::diagonal(&[1.0]).multiply(&Matrix::diagonal(&[1.0; 2])),
        Err(MatrixError::Product { left: (1, 1), right: (2, 2) })
    ));
    // Rounding is no reason to refuse.
    let nearly = [[1.0, 1.0 + 1e-11], [1.0, 1.0 - 1e-11]];
    assert_eq!(gaussian(&[0.0; 2], Matrix::from_rows(&nearly).unwrap()).dim(), 2);
}

/// A law on ℝ^D with random mean, eigenvectors and eigenvalues, of which some vanish.
fn any_law() -> impl Strategy<Value = DenseGaussian> {
    let angles = proptest::collection::vec(-3.2..3.2f64, D * (D - 1) / 2);
    let eigenvalue = proptest::prop_oneof![4 => 0.0..3.0f64, 1 => Just(0.0), 1 => 0.0..1e-6f64];
    let eigenvalues = proptest::collection::vec(eigenvalue, D);
    let mean = proptest::collection::vec(-2.0..2.0f64, D);
    (mean, angles, eigenvalues)
        .prop_map(|(mean, a, values)| gaussian(&mean, conjugate(&rotation(D, |k| a[k]), &values)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn w2_is_a_distance(a in any_law(), b in any_law(), c in any_law()) {
        prop_assert!(w2(&a, &a) < 1e-13);
        let ab = w2(&a, &b);
        prop_assert!((ab - w2(&b, &a)).abs() <= 1e-9 * ab);
        prop_assert!(ab <= w2(&a, &c) + w2(&c, &b) + 1e-12);
        let parts = wasserstein2_dense(&a, &b).unwrap();
        let shift: f64 = a.mean().iter().zip(b.mean()).map(|(a, b)| (a - b).powi(2)).sum();
        prop_assert!((parts.mean.powi(2) - shift).abs() <= 1e-14 * (1.0 + shift));
        prop_assert!((parts.mean.powi(2) + parts.covariance.powi(2) - ab * ab).abs() <= 1e-13 * ab * ab);
    }

    #[test]
    fn w2_does_not_depend_on_the_axes(
        a in any_law(),
        b in any_law(),
        angles in proptest::collection::vec(-3.2..3.2f64, D * (D - 1) / 2),
    ) {
        let basis = rotation(D, |k| angles[k]);
        let turned = |law: &DenseGaussian| {
            let covariance = times(&times(&basis, law.covariance()), &basis.transpose());
            gaussian(&basis.apply(law.mean()).unwrap(), covariance)
        };
        // Vanishing eigenvalues return as rounding errors, whose roots are 1e-8.
        prop_assert!((w2(&a, &b) - w2(&turned(&a), &turned(&b))).abs() < 1e-6);
    }

    /// THEORY: more noise contracts, for every initial law.
    #[test]
    fn noise_contracts_the_error(
        init in any_law(),
        data in any_law(),
        h in 0.0..1.5f64,
        more in 0.0..1.5f64,
        start in 0.2..1.0f64,
        fraction in 0.01..0.95f64,
    ) {
        let data = DenseData::new(data.mean().to_vec(), data.covariance().clone()).unwrap();
        let [from, to] = levels(&[start, start * fraction])[..] else { unreachable!() };
        let target = data.target(Target::Marginal, &to).unwrap();
        let error = |noise| w2(&Reverse { noise }.dense_law(&data, &from, &to, &init).unwrap(), &target);
        let contraction = (to.alpha.powi(-2) * from.alpha.powi(2))
            * (to.variance(data.spectrum().highest()) / from.variance(data.spectrum().highest()));
        let exponent = ((h + more).powi(2) - h * h) / 2.0;
        prop_assert!(error(h + more) <= contraction.powf(exponent) * error(h) + 1e-12);
    }

    #[test]
    fn two_legs_make_one_journey(
        init in any_law(),
        data in any_law(),
        noise in 0.0..2.0f64,
        first in 0.01..1.0f64,
        second in 0.0..1.0f64,
    ) {
        let data = DenseData::new(data.mean().to_vec(), data.covariance().clone()).unwrap();
        let [start, middle, end] = levels(&[1.0, first, first * second])[..] else { unreachable!() };
        let process = Reverse { noise };
        let direct = process.dense_law(&data, &start, &end, &init).unwrap();
        let halfway = process.dense_law(&data, &start, &middle, &init).unwrap();
        let both = process.dense_law(&data, &middle, &end, &halfway).unwrap();
        prop_assert!(norm(&sum(direct.covariance(), -1.0, both.covariance())) < 1e-12);
        prop_assert!(w2(&direct, &both) < 1e-7);
        let cross = process.dense_cross_covariance(&data, &start, &middle, &end, &init).unwrap();
        let again = process.dense_cross_covariance(&data, &middle, &middle, &end, &halfway).unwrap();
        prop_assert!(norm(&sum(&cross, -1.0, &again)) < 1e-12);
    }
}

// --------------------------------------------------------------------------- decompositions

#[test]
fn decompositions_recompose() {
    let entry = |i: usize, j: usize| ((3 * i + 7 * j * j + i * j) as f64).sin();
    for (rows, columns) in [(0, 0), (1, 1), (5, 3), (3, 5), (200, 170), (60, 200), (160, 160)] {
        for rank in [1, 2, rows.min(columns)] {
            let a = times(
                &Matrix::from_fn(rows, rank, entry),
                &Matrix::from_fn(rank, columns, |i, j| entry(j, i + 1)),
            );
            let svd = a.singular_values().unwrap();
            let middle =
                Matrix::from_fn(rows, columns, |i, j| if i == j { svd.values[i] } else { 0.0 });
            assert_close(&times(&times(&svd.u, &middle), &svd.v.transpose()), &a, 1e-13 * norm(&a));
            for (vectors, n) in [(&svd.u, rows), (&svd.v, columns)] {
                let identity = Matrix::diagonal(&vec![1.0; n]);
                assert_close(&times(&vectors.transpose(), vectors), &identity, 1e-12);
            }
            assert!(svd.values.windows(2).all(|w| w[0] >= w[1] && w[1] >= 0.0));

            let square = times(&a, &a.transpose());
            let eigen = square.symmetric_eigen().unwrap();
            let recomposed = conjugate(&eigen.vectors, &eigen.values);
            assert_close(&recomposed, &square, 1e-13 * norm(&square));
            let identity = Matrix::diagonal(&vec![1.0; rows]);
            assert_close(&times(&eigen.vectors.transpose(), &eigen.vectors), &identity, 1e-12);
            assert!(eigen.values.windows(2).all(|w| w[0] <= w[1]));
        }
    }
    let bad = Matrix::from_rows(&[[1.0, 2.0], [2.0, f64::INFINITY]]).unwrap();
    let expected = MatrixError::NotFinite { row: 1, column: 1, value: f64::INFINITY };
    assert_eq!(bad.singular_values().unwrap_err(), expected);
    assert_eq!(bad.symmetric_eigen().unwrap_err(), expected);
}

// -------------------------------------------------------------------------------------- laws

fn toy() -> Spectrum {
    let (eigenvalues, means) = ([1e-6, 0.0, 1.0, 3.5], [0.2, -0.4, 0.0, 1.0]);
    Spectrum::new("toy", "test", &eigenvalues, Some(&[1.0, 2.0, 1.0, 3.0]), Some(&means)).unwrap()
}

/// An initial law for [`toy`] that is diagonal: per mode, and per coordinate.
fn diagonal_init() -> (Init, DenseGaussian) {
    let (mean, variance) = (vec![0.3, -0.2, 0.1, 0.0], vec![1.2, 0.0, 0.7, 2.0]);
    let expand = |v: &[f64]| vec![v[0], v[0], v[1], v[2], v[3], v[3], v[3]];
    let dense = DenseGaussian::diagonal(expand(&mean), &expand(&variance)).unwrap();
    (Init::Diagonal { mean, variance }, dense)
}

/// A diagonal law, mode by mode and as a matrix, and its error.
#[track_caller]
fn assert_agrees(law: &Law, dense: &DenseGaussian, target: &DenseGaussian) {
    let per_coordinate = law
        .modes
        .iter()
        .flat_map(|m| std::iter::repeat_n((m.mean, m.variance), m.multiplicity as usize));
    for (i, (mean, variance)) in per_coordinate.enumerate() {
        assert!((dense.mean()[i] - mean).abs() <= 1e-14 * (1.0 + mean.abs()));
        assert!((dense.covariance()[(i, i)] - variance).abs() <= 1e-13 * variance);
        assert!((0..i).all(|j| dense.covariance()[(i, j)] == 0.0));
    }
    let (diagonal, dense) = (wasserstein2(law), wasserstein2_dense(dense, target).unwrap());
    assert!((diagonal.total - dense.total).abs() < 1e-13, "{diagonal:?} {dense:?}");
    assert!((diagonal.covariance - dense.covariance).abs() < 1e-13);
}

#[test]
fn diagonal_laws_agree_with_the_diagonal_engine() {
    let (spectrum, (init, dense_init)) = (toy(), diagonal_init());
    let data = DenseData::of(&spectrum).unwrap();
    let processes: [Arc<dyn Process>; 3] =
        [Arc::new(VpLinear::paper()), Arc::new(Edm::new(20.0)), Arc::new(Flow)];
    for process in &processes {
        let (start, end) = (process.level(process.t_max()), process.level(1e-3));
        for target in [Target::Data, Target::Marginal] {
            let dense_target = data.target(target, &end).unwrap();
            for noise in [0.0, 0.3, 1.0, 1.7] {
                let reverse = Reverse { noise };
                let law = reverse.law(&spectrum, &start, &end, &init, target);
                let dense = reverse.dense_law(&data, &start, &end, &dense_init).unwrap();
                assert_agrees(&law, &dense, &dense_target);
            }
        }
    }
    let grid = Uniform.grid(&processes[0], 40, 1e-3).unwrap();
    for name in sampler::registry().names_alone() {
        let plan = sampler::registry().build(name).unwrap().item.plan(&grid).unwrap();
        let output = Output::of(&plan, &spectrum);
        for target in [Target::Data, Target::Marginal] {
            let law = output.law(&init, target);
            let dense = output.dense_law(&data, &dense_init).unwrap();
            assert_agrees(&law, &dense, &data.target(target, &output.level).unwrap());
        }
    }
}

/// An error along directions of tiny variance only, far below the rounding errors of a covariance
/// matrix: C_0 is chosen so that the output has covariance T Σ T, which is ‖(T − I) Σ^½‖ away.
#[test]
fn small_variances_keep_their_digits() {
    let eigenvalues = [1e-12, 3e-12, 1.0, 1e3];
    let spectrum = Spectrum::new("steep", "test", &eigenvalues, None, None).unwrap();
    let data = DenseData::of(&spectrum).unwrap();
    let [start, end] = levels(&[1.0, 0.0])[..] else { unreachable!() };
    let map = Matrix::from_rows(&[[1.2, 0.1], [0.1, 0.7]]).unwrap();
    let map = Matrix::from_fn(D, D, |i, j| match (i, j) {
        (0..2, 0..2) => map[(i, j)],
        _ => f64::from(i == j),
    });
    let output = times(&times(&map, &Matrix::diagonal(&eigenvalues)), &map);
    let flow = |i: usize| ODE.propagator(eigenvalues[i], &start, &end);
    let init = Matrix::from_fn(D, D, |i, j| output[(i, j)] / (flow(i) * flow(j)));
    let law = ODE.dense_law(&data, &start, &end, &gaussian(&[0.0; D], init)).unwrap();
    let deviations = Matrix::diagonal(&eigenvalues.map(f64::sqrt));
    let expected = norm(&times(&sum(&map, -1.0, &Matrix::diagonal(&[1.0; D])), &deviations));
    let distance = w2(&law, &data.target(Target::Data, &end).unwrap());
    assert!((distance / expected - 1.0).abs() < 1e-7, "{distance:e} instead of {expected:e}");
}

/// Data and initial law in pixel coordinates, with a singular covariance and a repeated eigenvalue.
struct Pixels {
    basis: Matrix,
    eigenvalues: Vec<f64>,
    mean: Vec<f64>,
    init: DenseGaussian,
}

impl Pixels {
    fn new() -> Self {
        let init = conjugate(&rotation(D, |k| 1.3 * k as f64), &[0.5, 0.9, 1.4, 2.0]);
        Pixels {
            basis: rotation(D, |k| 0.5 + k as f64),
            eigenvalues: vec![2.0, 0.0, 0.3, 0.3],
            mean: vec![1.0, -0.5, 0.2, 2.0],
            init: gaussian(&[0.4, 0.1, -0.3, 0.0], init),
        }
    }
    fn data(&self) -> DenseData {
        DenseData::new(self.mean.clone(), conjugate(&self.basis, &self.eigenvalues)).unwrap()
    }
    /// Σ_t^{-1}
    fn precision(&self, level: &gaussmeter::process::Level) -> Matrix {
        let inverse = |l: &f64| 1.0 / level.variance(*l);
        conjugate(&self.basis, &self.eigenvalues.iter().map(inverse).collect::<Vec<_>>())
    }
}

/// dm/dτ = −f m − ½(1+h²) g² Σ_t^{-1} (m − α μ), dP/dτ = A P + P Aᵀ + h² g² I and dK/dτ = A K with
/// A = −f I − ½(1+h²) g² Σ_t^{-1}, τ = T − t, by Runge–Kutta steps in pixel coordinates.
#[test]
fn laws_solve_the_moment_equations() {
    let pixels = Pixels::new();
    let data = pixels.data();
    let processes: [(Arc<dyn Process>, f64, f64); 3] = [
        (Arc::new(VpLinear::paper()), 1.0, 0.1),
        (Arc::new(Edm::new(3.0)), 3.0, 0.4),
        (Arc::new(Flow), 0.9, 0.2),
    ];
    for (process, t_max, eps) in &processes {
        let (start, end) = (process.level(*t_max), process.level(*eps));
        let init = data.to_eigenbasis(&pixels.init).unwrap();
        for noise in [0.0, 0.5, 1.0, 1.7] {
            // Mean, covariance, covariance with the start: one matrix of 2 D + 1 columns.
            let rate = |t: f64, state: &Matrix| {
                let level = process.level(t);
                let score = 0.5 * (1.0 + noise * noise) * level.diffusion2();
                let precision = pixels.precision(&level);
                let drift = Matrix::from_fn(D, D, |i, j| {
                    -score * precision[(i, j)] - if i == j { level.drift() } else { 0.0 }
                });
                let part =
                    |first: usize, n: usize| Matrix::from_fn(D, n, |i, j| state[(i, first + j)]);
                let (m, p, k) = (part(0, 1), part(1, D), part(D + 1, D));
                let pull = precision.apply(&pixels.mean).unwrap();
                let (am, ap, ak) = (times(&drift, &m), times(&drift, &p), times(&drift, &k));
                Matrix::from_fn(D, 2 * D + 1, |i, j| match j {
                    0 => am[(i, 0)] + score * level.alpha * pull[i],
                    j if j > D => ak[(i, j - D - 1)],
                    j => {
                        let fresh =
                            if i + 1 == j { noise * noise * level.diffusion2() } else { 0.0 };
                        ap[(i, j - 1)] + ap[(j - 1, i)] + fresh
                    }
                })
            };
            let covariance = pixels.init.covariance();
            let mut state = Matrix::from_fn(D, 2 * D + 1, |i, j| match j {
                0 => pixels.init.mean()[i],
                j => covariance[(i, (j - 1) % D)],
            });
            let steps = 3000;
            let dt = (t_max - eps) / steps as f64;
            for k in 0..steps {
                let t = t_max - k as f64 * dt;
                let k1 = rate(t, &state);
                let k2 = rate(t - 0.5 * dt, &sum(&state, 0.5 * dt, &k1));
                let k3 = rate(t - 0.5 * dt, &sum(&state, 0.5 * dt, &k2));
                let k4 = rate(t - dt, &sum(&state, dt, &k3));
                let slope = sum(&sum(&sum(&k1, 2.0, &k2), 2.0, &k3), 1.0, &k4);
                state = sum(&state, dt / 6.0, &slope);
            }
            let reverse = Reverse { noise };
            let law = reverse.dense_law(&data, &start, &end, &init).unwrap();
            let law = data.from_eigenbasis(&law).unwrap();
            for i in 0..D {
                assert!((law.mean()[i] - state[(i, 0)]).abs() < 1e-9, "{process:?} {noise}");
            }
            assert_close(law.covariance(), &Matrix::from_fn(D, D, |i, j| state[(i, j + 1)]), 1e-9);
            let cross = reverse.dense_cross_covariance(&data, &start, &start, &end, &init).unwrap();
            let basis = data.basis().unwrap();
            let cross = times(&times(basis, &cross), &basis.transpose());
            assert_close(&cross, &Matrix::from_fn(D, D, |i, j| state[(i, j + 1 + D)]), 1e-9);
        }
    }
}

/// Euler–Maruyama written out in pixel coordinates.
#[test]
fn samplers_follow_the_matrix_recursion() {
    let pixels = Pixels::new();
    let data = pixels.data();
    let process = VpLinear::paper();
    let times_ = [1.0, 0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.01];
    let grid = Grid::new(Arc::new(process), &times_).unwrap();
    let (mut mean, mut covariance) =
        (pixels.init.mean().to_vec(), pixels.init.covariance().clone());
    for step in times_.windows(2) {
        let (dt, beta, level) = (step[0] - step[1], process.beta(step[0]), process.level(step[0]));
        let precision = pixels.precision(&level);
        let shift = precision.apply(&pixels.mean).unwrap();
        let identity = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
        let gain = Matrix::from_fn(D, D, |i, j| {
            identity(i, j) * (1.0 + dt * beta) - 2.0 * dt * beta * precision[(i, j)]
        });
        mean = gain.apply(&mean).unwrap();
        (0..D).for_each(|i| mean[i] += 2.0 * dt * beta * level.alpha * shift[i]);
        let carried = times(&times(&gain, &covariance), &gain.transpose());
        covariance =
            Matrix::from_fn(D, D, |i, j| carried[(i, j)] + 2.0 * dt * beta * identity(i, j));
    }
    let plan = EulerMaruyama.plan(&grid).unwrap();
    let init = data.to_eigenbasis(&pixels.init).unwrap();
    let law = Output::of(&plan, data.spectrum()).dense_law(&data, &init).unwrap();
    let law = data.from_eigenbasis(&law).unwrap();
    let scale = norm(&covariance);
    assert_same_law(&law, &gaussian(&mean, covariance), 1e-12 * scale);
}

#[test]
fn data_in_pixels_keep_their_law() {
    let pixels = Pixels::new();
    let data = pixels.data();
    assert_eq!((data.dim(), data.spectrum().null_dim()), (D, 1.0));
    let end = VpLinear::paper().level(0.0);
    let target = data.target(Target::Data, &end).unwrap();
    let given = gaussian(&pixels.mean, conjugate(&pixels.basis, &pixels.eigenvalues));
    assert_same_law(&data.from_eigenbasis(&target).unwrap(), &given, 1e-14);
    let there = data.to_eigenbasis(&pixels.init).unwrap();
    assert_same_law(&data.from_eigenbasis(&there).unwrap(), &pixels.init, 1e-14);
    // Equal eigenvalues whose means are not in order.
    let mean = [2.0, 1.0, -3.0, -4.0];
    let covariance = Matrix::diagonal(&[1.0, 1.0, 0.0, 0.0]);
    let tied = DenseData::new(mean.to_vec(), covariance.clone()).unwrap();
    let law = tied.target(Target::Data, &end).unwrap();
    let law = tied.from_eigenbasis(&law).unwrap();
    assert_same_law(&law, &gaussian(&mean, covariance), 0.0);
    // Both in the eigenbasis or both in pixels: the same distance.
    assert!((w2(&there, &target) - w2(&pixels.init, &given)).abs() < 1e-14);
}

/// From p_T the reverse SDE is the forward process run backwards; the ODE is not.
#[test]
fn the_reverse_sde_has_the_covariances_of_the_forward_process() {
    let pixels = Pixels::new();
    let data = pixels.data();
    let [start, noisier, cleaner] = levels(&[1.0, 0.6, 0.05])[..] else { unreachable!() };
    let exact = data.target(Target::Marginal, &start).unwrap();
    let cross =
        |r: Reverse| r.dense_cross_covariance(&data, &start, &noisier, &cleaner, &exact).unwrap();
    let per_mode = forward_cross_covariance(data.spectrum(), &cleaner, &noisier);
    let modes = data.spectrum().modes();
    let forward: Vec<f64> = modes
        .iter()
        .zip(per_mode)
        .flat_map(|(m, c)| std::iter::repeat_n(c, m.multiplicity as usize))
        .collect();
    assert_close(&cross(SDE), &Matrix::diagonal(&forward), 1e-14);
    assert!(norm(&sum(&cross(ODE), -1.0, &Matrix::diagonal(&forward))) > 0.1);
    let law = SDE.dense_law(&data, &start, &cleaner, &exact).unwrap();
    assert_same_law(&law, &data.target(Target::Marginal, &cleaner).unwrap(), 1e-14);
}

/// The contraction factor is sharp: an error along the largest eigenvalue attains it.
#[test]
fn noise_contracts_no_more_than_it_says() {
    let spectrum = Spectrum::new("two modes", "test", &[0.1, 4.0], None, None).unwrap();
    let data = DenseData::of(&spectrum).unwrap();
    let [from, to] = levels(&[0.9, 0.2])[..] else { unreachable!() };
    let exact = data.target(Target::Marginal, &from).unwrap();
    let init = gaussian(&[0.0, 1.0], exact.covariance().clone());
    let target = data.target(Target::Marginal, &to).unwrap();
    let error =
        |noise| w2(&Reverse { noise }.dense_law(&data, &from, &to, &init).unwrap(), &target);
    let r = (from.alpha / to.alpha).powi(2) * to.variance(4.0) / from.variance(4.0);
    assert!((error(1.5) / error(0.5) / r - 1.0).abs() < 1e-12);
}

#[test]
fn what_has_no_dense_law_is_refused() {
    let dense = |eigenvalues: &[f64], multiplicity: f64| {
        let weights = vec![multiplicity; eigenvalues.len()];
        DenseData::of(&Spectrum::new("s", "test", eigenvalues, Some(&weights), None).unwrap())
    };
    assert!(matches!(dense(&[1.0], 1.5), Err(DenseError::Multiplicity { multiplicity: 1.5, .. })));
    assert!(dense(&[1.0], MAX_DIM as f64).is_ok());
    assert!(matches!(dense(&[1.0, 2.0], 1e300), Err(DenseError::TooLarge { .. })));

    let data = dense(&[0.0, 1.0], 1.0).unwrap();
    let init = data.target(Target::Data, &VpLinear::paper().level(0.0)).unwrap();
    let small = DenseGaussian::diagonal(vec![0.0], &[1.0]).unwrap();
    let [noisy, clean] = levels(&[1.0, 0.0])[..] else { unreachable!() };
    assert!(matches!(
        SDE.dense_law(&data, &clean, &noisy, &init),
        Err(DenseError::Direction { .. })
    ));
    assert!(matches!(
        SDE.dense_cross_covariance(&data, &noisy, &clean, &noisy, &init),
        Err(DenseError::Direction { .. })
    ));
    assert!(matches!(SDE.dense_law(&data, &noisy, &clean, &small), Err(DenseError::Gaussian(_))));
    assert!(matches!(data.to_eigenbasis(&small), Err(DenseError::Gaussian(_))));
    // No time passes: nothing happens, even where the propagator would be 0/0.
    assert_eq!(SDE.dense_law(&data, &clean, &clean, &init).unwrap(), init);

    // Heun evaluates the score without noise, which is infinite along the null direction.
    let process: Arc<dyn Process> = Arc::new(VpLinear::paper());
    let plan = Heun::default().plan(&Uniform.grid(&process, 10, 0.0).unwrap()).unwrap();
    let output = Output::of(&plan, data.spectrum());
    assert!(matches!(output.dense_law(&data, &init), Err(DenseError::Infinite(_))));
    let other = dense(&[1.0], 1.0).unwrap();
    assert!(matches!(output.dense_law(&other, &small), Err(DenseError::Gaussian(_))));
}

/// Beside the eigendecomposition, for sizes on one and on several threads; and what has no inverse.
#[test]
fn positive_matrices_are_solved() {
    for n in [1, 7, 600] {
        let root = Matrix::from_fn(n, n, |i, j| ((3 * i + 7 * j * j + i * j) as f64).sin());
        let square = root.multiply_transpose(&root).unwrap();
        let m = Matrix::from_fn(n, n, |i, j| square[(i, j)] + f64::from(i == j));
        let right = Matrix::from_fn(n, 2, |i, j| (i + 5 * j) as f64 - 1.0);
        let found = m.solve_positive(&right).unwrap();
        let eigen = m.symmetric_eigen().unwrap();
        let along = eigen.vectors.transpose_multiply(&right).unwrap();
        let scaled = Matrix::from_fn(n, 2, |i, j| along[(i, j)] / eigen.values[i]);
        let expected = eigen.vectors.multiply(&scaled).unwrap();
        let size = expected.values().iter().fold(0.0f64, |m, v| m.max(v.abs()));
        for (found, expected) in found.values().iter().zip(expected.values()) {
            assert!((found - expected).abs() < 1e-11 * size, "{n}: {found} {expected}");
        }
    }
    let right = Matrix::from_rows(&[[1.0], [1.0]]).unwrap();
    for bad in
        [[[1.0, 1.0], [1.0, 1.0 - 1e-3]], [[0.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]]]
    {
        let bad = Matrix::from_rows(&bad).unwrap();
        let error = bad.solve_positive(&right).unwrap_err();
        assert!(matches!(error, MatrixError::Decomposition { .. }), "{error}");
    }
    let unit = Matrix::diagonal(&[1.0, 1.0, 1.0]);
    assert!(matches!(unit.solve_positive(&right), Err(MatrixError::Product { .. })));
    let wide = Matrix::from_rows(&[[1.0, 2.0]]).unwrap();
    assert!(matches!(wide.solve_positive(&right), Err(MatrixError::NotSquare { .. })));
    let nan = Matrix::diagonal(&[1.0, f64::NAN]);
    assert!(matches!(nan.solve_positive(&right), Err(MatrixError::NotFinite { .. })));
}
