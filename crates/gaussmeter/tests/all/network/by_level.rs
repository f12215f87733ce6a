//! A factor on the score that depends on the noise level.

use super::*;
use std::io::Write;

fn file(rows: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    file.write_all(rows.as_bytes()).unwrap();
    file
}

fn gain(rows: &str) -> (tempfile::NamedTempFile, String) {
    let file = file(rows);
    let name = format!("gain:file={}", file.path().display());
    (file, name)
}

const ROWS: &str = "# measured\nsigma,delta\n0.01,0.1\n1,-0.05\n20,0.2\n";

/// δ of these rows.
fn delta(ratio: f64) -> f64 {
    match ratio {
        n if n <= 0.01 => 0.1,
        n if n <= 1.0 => 0.1 - 0.15 * (n / 0.01).ln() / 100f64.ln(),
        n if n <= 20.0 => -0.05 + 0.25 * n.ln() / 20f64.ln(),
        _ => 0.2,
    }
}

struct ByLevel(GaussianDenoiser);

impl Denoiser for ByLevel {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn native(&self) -> Prediction {
        Prediction::Score
    }
    fn evaluate(&mut self, x: &[f64], level: &Level, out: &mut [f64]) -> Result<(), DenoiserError> {
        self.0.predict(Prediction::Score, x, level, out)?;
        out.iter_mut().for_each(|y| *y *= 1.0 + delta(level.sigma / level.alpha));
        Ok(())
    }
}

/// Number by number as a network with such a factor: same start, same noises.
#[test]
fn a_factor_by_level_is_what_a_network_with_it_does() {
    let (_file, name) = gain(ROWS);
    let data = modes();
    let network = learnt(&name, &data);
    for name in ["vp-linear", "edm"] {
        let process = process(name);
        for sampler in ["em", "heun", "ddim", "dpmpp-2m-sde", "unipc", "edm"] {
            let plan = plan(sampler, &process, 12, 1e-3 * process.t_max());
            let start = Start::per_mode(&data, &Init::Normal { std: Some(1.0) }, plan.start());
            let exact = GaussianDenoiser::per_mode(&data);
            let draw = || Draw { seed: 3, first: 0, count: 4 };
            let program = network.program(&plan).unwrap();
            let ours =
                sample_batch(&program, &mut exact.clone(), &start, draw(), &mut go_on).unwrap();
            let theirs =
                sample_batch(&plan, &mut ByLevel(exact), &start, draw(), &mut go_on).unwrap();
            let size = theirs.iter().fold(1.0f64, |size, x| size.max(x.abs()));
            for (a, b) in ours.iter().zip(&theirs) {
                assert!((a - b).abs() < 1e-9 * size, "{name} {sampler}: {a} {b}");
            }
        }
    }
}

#[test]
fn continuous_solutions_by_level_solve_their_moment_equations() {
    let (_file, name) = gain(ROWS);
    let data = Spectrum::new("", "", &[0.0, 0.02, 1.0, 6.0], None, Some(&[0.5, 1.0, -2.0, 0.0]));
    let data = data.unwrap();
    let network = learnt(&name, &data);
    for (name, eps) in [("vp-linear", 1e-2), ("edm", 0.05)] {
        let process = process(name);
        for reverse in [ODE, SDE] {
            let law = continuous(reverse, &network, &*process, eps);
            for (out, mode) in law.modes.iter().zip(data.modes()) {
                let score = |level: &Level| {
                    let factor = 1.0 + delta(level.sigma / level.alpha);
                    let slope = -factor / level.variance(mode.eigenvalue);
                    [slope, -slope * level.alpha * mode.mean]
                };
                let start = (0.0, process.prior_std().powi(2));
                let (m, v) = integrated(reverse, &*process, score, start, eps, 40_000);
                // Corners of δ cost Runge–Kutta digits.
                let what = format!("{name} h = {}, {}", reverse.noise, mode.eigenvalue);
                assert!(relative_error(out.variance, v) < 1e-6, "{what}: {} {v}", out.variance);
                assert!((out.mean - m).abs() < 1e-6, "{what}: {} {m}", out.mean);
            }
        }
    }
}

/// For the ODE the factor of the variance is exp(∫ δ/(λ + τ) dτ) over τ = σ²/α²; for a null mode that is the
/// integral of δ over ln τ, of which the part between nodes is elementary.
#[test]
fn the_ode_of_a_null_mode_is_elementary() {
    let (_file, name) = gain(ROWS);
    let data = Spectrum::new("", "", &[0.0], None, None).unwrap();
    let network = learnt(&name, &data);
    let process = process("edm");
    let (start, end) = (process.level(80.0), process.level(0.002));
    let law = ODE.law_by(&network, &start, &end, &Init::Exact, Target::Marginal);
    let trapezia = [(0.002, 0.01), (0.01, 1.0), (1.0, 20.0), (20.0, 80.0)];
    let integral: f64 =
        trapezia.iter().map(|(a, b): &(f64, f64)| (delta(*a) + delta(*b)) * (b / a).ln()).sum();
    let expected = 0.002f64.powi(2) * (-integral).exp();
    assert!(relative_error(law.modes[0].variance, expected) < 1e-12);
}

/// Equal rows are one factor, in closed form.
#[test]
fn equal_rows_are_one_factor() {
    let data = modes();
    let (_file, name) = gain("0.1 0.03\n3 0.03\n");
    let (rows, one) = (learnt(&name, &data), learnt("gain:delta=0.03", &data));
    let process = process("vp-linear");
    for (sampler, reverse) in [("heun", ODE), ("em", SDE)] {
        let plan = plan(sampler, &process, 20, 1e-3);
        assert_eq!(Output::by(&rows, &plan).unwrap(), Output::by(&one, &plan).unwrap());
        let of = |n: &Learnt| continuous(reverse, n, &*process, 1e-3);
        for (a, b) in of(&rows).modes.iter().zip(&of(&one).modes) {
            assert!(relative_error(a.variance, b.variance) < 1e-12, "{a:?} {b:?}");
            assert!((a.variance_error - b.variance_error).abs() < 1e-12 * b.variance);
            assert!((a.mean_error - b.mean_error).abs() < 1e-12);
        }
    }
    // One row is the same.
    let (_file, name) = gain("0.1 0.03\n");
    assert_eq!(learnt(&name, &data).excess(), one.excess());
}

#[test]
fn files_that_are_no_factor_are_refused() {
    for (rows, reason) in [
        ("0.1\n0.2\n", "no column delta"),
        ("0.1 0.03\n-1 0\n", "noise level -1 in row 2"),
        ("0.1 0.03\n1 -1\n", "delta -1 in row 2"),
        ("0.1 nan\n", "delta NaN in row 1"),
        ("0.1 0.03\n0.1 0\n", "0.1 is there twice"),
        ("", "column"),
    ] {
        let (_file, name) = gain(rows);
        let error = Network::read(&name).unwrap_err().to_string();
        assert!(error.contains(reason), "{rows:?}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    for text in ["gain:delta=0.1,file=x.csv", "gain:file=nowhere.csv"] {
        assert!(matches!(Network::read(text), Err(EntryError::Build { .. })), "{text}");
    }
    assert!(matches!(Network::read("gain:delta=1e9"), Err(EntryError::BadValue { .. })));
}
