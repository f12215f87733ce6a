//! Classifier-free guidance: closed forms, and samplers that converge to them.

use super::*;
use gaussmeter::spectrum::Mode;

fn white(variance: f64) -> Spectrum {
    Spectrum::new("", "", &[variance], None, None).unwrap()
}

/// λ_c = 1, λ_u = 2, w = 7.5, from noise without end to none: neither samples the powered law.
#[test]
fn guidance_shrinks_variance_and_samples_no_powered_law() {
    let network = learnt("guided:w=7.5,class=white:d=1", &white(2.0));
    let process = process("ve:sigma_max=1e9");
    for (reverse, expected) in [(ODE, 0.011048543456), (SDE, 0.142848423549)] {
        let (start, end) = (process.level(process.t_max()), process.level(0.0));
        let law = reverse.law_by(&network, &start, &end, &Init::Exact, Target::Data);
        let variance = law.modes[0].variance;
        assert!((variance - expected).abs() < 1e-12, "{variance:.13}, not {expected}");
        assert_eq!(law.modes[0].target_variance, 1.0);
    }
    let powered = network.powered().unwrap();
    assert!((powered[0].eigenvalue - 0.235294117647).abs() < 1e-12);
    // λ_c^w λ_u^{1 − w} for the ODE.
    assert!(relative_error(0.011048543456, 2f64.powf(-6.5)) < 1e-10);
}

/// The ODE's propagator between any levels, by its closed form.
#[test]
fn the_odes_factor_is_a_product_of_powers() {
    let (c, u, w) = (0.3, 1.7, -2.0);
    let class = Spectrum::new("", "", &[c], None, None).unwrap();
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), format!("{c}\n")).unwrap();
    let network = learnt(&format!("guided:w={w},class={}", file.path().display()), &white(u));
    assert_eq!(network.truth()[0].eigenvalue, class.eigenvalues()[0]);
    let process = process("edm");
    let (start, end) = (process.level(40.0), process.level(0.3));
    let law = ODE.law_by(&network, &start, &end, &Init::Exact, Target::Marginal);
    let power = |l: f64, w: f64| ((l + 0.09) / (l + 1600.0)).powf(w);
    let expected = power(c, w) * power(u, 1.0 - w) * (c + 1600.0);
    assert!(relative_error(law.modes[0].variance, expected) < 1e-12);
}

/// Samplers with small steps go there too, with means, through an interval of guidance.
#[test]
fn samplers_converge_to_the_guided_solution() {
    let data = Spectrum::new("", "", &[2.0, 0.5], None, Some(&[0.5, -1.0])).unwrap();
    let process = process("vp-linear");
    for name in ["guided:w=7.5,class=white:d=2", "guided:w=3,class=white:d=2,interval=0.5-3"] {
        let network = learnt(name, &data);
        for (sampler, reverse, tolerance) in [("heun", ODE, 1e-3), ("em", SDE, 2e-2)] {
            let output = Output::by(&network, &plan(sampler, &process, 4000, 1e-2)).unwrap();
            let init = Init::Normal { std: None };
            let law = output.law_against(network.truth(), &init, Target::Marginal);
            let limit = continuous(reverse, &network, &*process, 1e-2);
            for (a, b) in law.modes.iter().zip(&limit.modes) {
                assert!(
                    relative_error(a.variance, b.variance) < tolerance,
                    "{name} {sampler}: {a:?} {b:?}"
                );
                assert!((a.mean - b.mean).abs() < tolerance, "{name} {sampler}: {a:?} {b:?}");
            }
        }
    }
}

/// An interval: the three parts one after the other.
#[test]
fn an_interval_is_guidance_there_and_the_class_elsewhere() {
    let data = white(2.0);
    let network = learnt("guided:w=4,class=white:d=1,interval=0.5-3", &data);
    let process = process("edm");
    let (start, end) = (process.level(80.0), process.level(0.01));
    let law = ODE.law_by(&network, &start, &end, &Init::Exact, Target::Marginal);
    let part = |l: f64, to: f64, from: f64| (l + to * to) / (l + from * from);
    let guided = part(1.0, 0.5, 3.0).powf(4.0) * part(2.0, 0.5, 3.0).powf(-3.0);
    let expected = part(1.0, 0.01, 0.5) * guided * part(1.0, 3.0, 80.0) * (1.0 + 6400.0);
    assert!(relative_error(law.modes[0].variance, expected) < 1e-12);
}

/// Means are pulled beyond the class's: for the ODE along one eigenvector with equal variances, guidance is the
/// exact network of a class whose mean is μ_u + w (μ_c − μ_u).
#[test]
fn guidance_exaggerates_means() {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), "eigenvalue,mean\n0.5,1\n").unwrap();
    let data = Spectrum::new("", "", &[0.5], None, Some(&[0.25])).unwrap();
    let network = learnt(&format!("guided:w=3,class={}", file.path().display()), &data);
    let far = Spectrum::new("", "", &[0.5], None, Some(&[0.25 + 3.0 * 0.75])).unwrap();
    let process = process("vp-linear");
    let (start, end) = (process.level(1.0), process.level(0.0));
    let init = Init::Normal { std: None };
    for (sampler, reverse) in [("heun", ODE), ("em", SDE)] {
        let plan = plan(sampler, &process, 30, 1e-2);
        let ours =
            Output::by(&network, &plan).unwrap().law_against(network.truth(), &init, Target::Data);
        let theirs = Output::of(&plan, &far).law(&init, Target::Data);
        assert!((ours.modes[0].mean - theirs.modes[0].mean).abs() < 1e-12);
        assert!((ours.modes[0].variance - theirs.modes[0].variance).abs() < 1e-12);
        let ours = reverse.law_by(&network, &start, &end, &init, Target::Data);
        let theirs = reverse.law(&far, &start, &end, &init, Target::Data);
        assert!((ours.modes[0].mean - theirs.modes[0].mean).abs() < 1e-12);
    }
    // The powered law has that mean as well, and the same variance.
    let powered = network.powered().unwrap()[0];
    assert!((powered.mean - 2.5).abs() < 1e-14 && (powered.eigenvalue - 0.5).abs() < 1e-14);
}

#[test]
fn powered_laws_exist_where_their_inverse_variance_is_positive() {
    // w/λ_c + (1 − w)/λ_u with λ_c = 1, w = 2: positive for λ_u > 1/2.
    assert!(learnt("guided:w=2,class=white:d=1", &white(0.51)).powered().is_some());
    assert!(learnt("guided:w=2,class=white:d=1", &white(0.49)).powered().is_none());
    let null = Spectrum::new("", "", &[0.0, 1.0], None, None).unwrap();
    assert!(learnt("guided:w=2,class=white:d=2", &null).powered().is_none());
    let powered = learnt("guided:w=2,class=spiked:d=2,rank=1", &null).powered().unwrap();
    assert_eq!(powered[0].eigenvalue, 0.0);
    assert!(learnt("exact", &null).powered().is_none());
}

/// `eval` compares with the class, and tells what guidance does.
#[test]
fn evaluations_tell_what_guidance_does() {
    let evaluation = evaluate(
        "white:d=3,variance=2",
        "heun",
        "guided:w=7.5,class=white:d=3",
        Length::Steps(4000),
    );
    let guidance = evaluation.guidance.unwrap();
    // Heun on vp-linear starts at a finite noise level and stops at eps.
    assert!((guidance.variance - guidance.variance_of_continuous).abs() < 1e-4, "{guidance:?}");
    assert!((guidance.variance - 0.011048543456).abs() < 2e-3, "{guidance:?}");
    let powered = guidance.powered.unwrap().value;
    let variance = evaluation.law.modes[0].variance;
    let distance = |target: f64| 3f64.sqrt() * (target.sqrt() - variance.sqrt());
    assert!(relative_error(powered, distance(0.235294117647)) < 1e-9);
    assert!(relative_error(evaluation.w2.total, distance(1.0)) < 1e-9);
    // Its other errors are those on the class.
    let class = evaluate("white:d=3", "heun", "exact", Length::Steps(4000));
    assert_eq!(evaluation.budget.truncation, class.budget.truncation);
    assert_eq!(evaluation.budget.discretization_at_eps, class.budget.discretization_at_eps);
    let document = evaluation.report(false).json();
    assert_eq!(document["w2_powered"], powered);
    assert!(document["variance_ratio"].is_number());
    assert!(class.guidance.is_none() && class.report(false).json().get("w2_powered").is_none());
}

#[test]
fn guidance_that_cannot_be_is_refused() {
    for text in [
        "guided",
        "guided:w=2",
        "guided:w=nan,class=cifar10",
        "guided:w=inf,class=cifar10",
        "guided:w=2,class=nowhere.npy",
        "guided:w=2,class=cifar10,interval=3-1",
        "guided:w=2,class=cifar10,interval=3",
    ] {
        let error = Network::read(text).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    }
    let item = Network::read("guided:w=2,class=white:d=7").unwrap().item;
    let error = Learnt::of(&*item, &white(1.0)).unwrap_err();
    assert!(matches!(error, NetworkError::Dimension { .. }), "{error}");
}

/// CFG++ as its authors write it, per mode: x' = α'(D_u + λ(D_c − D_u)) + σ' ε_u.
#[test]
fn cfg_plus_plus_is_its_own_recursion() {
    let data = Spectrum::new("", "", &[2.0, 0.5], None, Some(&[0.5, -1.0])).unwrap();
    let network = learnt("guided:w=0.6,class=white:d=2,rule=cfg++", &data);
    for name in ["vp-linear", "edm", "flow"] {
        let process = process(name);
        for eps in [0.0, 1e-2 * process.t_max()] {
            let plan = plan("ddim", &process, 9, eps);
            let output = Output::by(&network, &plan).unwrap();
            let levels: Vec<Level> =
                std::iter::once(*plan.start()).chain(plan.arrivals()).collect();
            for i in 0..2 {
                let (class, all) = (network.truth()[i], network.believed().modes()[i]);
                // Coefficient of the start, and constant.
                let mut x = [1.0, 0.0];
                for pair in levels.windows(2) {
                    let (from, to) = (&pair[0], &pair[1]);
                    let denoise = |mode: Mode, k: usize| {
                        let s = from.variance(mode.eigenvalue);
                        let mean = if k == 0 { 0.0 } else { from.sigma.powi(2) * mode.mean / s };
                        from.alpha * mode.eigenvalue / s * x[k] + mean
                    };
                    x = [0, 1].map(|k| {
                        let (c, u) = (denoise(class, k), denoise(all, k));
                        let noise = (x[k] - from.alpha * u) / from.sigma;
                        to.alpha * (u + 0.6 * (c - u)) + to.sigma * noise
                    });
                }
                assert!(
                    (output.gain[i] - x[0]).abs() < 1e-13,
                    "{name}: {} {}",
                    output.gain[i],
                    x[0]
                );
                let constant = output.constant[i];
                assert!((constant - x[1]).abs() < 1e-13, "{name}: {constant} {}", x[1]);
            }
        }
    }
}

#[test]
fn cfg_plus_plus_is_for_one_evaluation_per_step() {
    let process = process("vp-linear");
    let data = white(2.0);
    let network = learnt("guided:w=0.6,class=white:d=1,rule=cfg++", &data);
    for sampler in ["ddim", "ddim:eta=1", "euler", "em", "ei"] {
        assert!(Output::by(&network, &plan(sampler, &process, 6, 1e-3)).is_ok(), "{sampler}");
    }
    for (sampler, step) in [("heun", 1), ("dpmpp-2m", 2), ("rk4", 1)] {
        let error = Output::by(&network, &plan(sampler, &process, 6, 1e-3)).unwrap_err();
        assert_eq!(error, NetworkError::Step { step }, "{sampler}");
    }
    // Guidance acts once per step: there is no limit of small steps.
    let evaluation = evaluate(
        "white:d=1,variance=2",
        "ddim",
        "guided:w=0.6,class=white:d=1,rule=cfg++",
        Length::Steps(6),
    );
    assert!(evaluation.w2.total.is_finite());
    let score = evaluation.budget.score.unwrap();
    assert_eq!(score.infinite, Some(gaussmeter::exact::Reason::NoLimit));
}

#[cfg(feature = "dense")]
mod dense {
    use super::*;
    use gaussmeter::basis::Basis;
    use gaussmeter::exact::dense::{DenseData, DenseError, DenseGaussian, Matrix, law_by_sum};
    use gaussmeter::experiment::{Defaults, Words};
    use gaussmeter::watch::{Progress, Watch};
    use std::ops::ControlFlow;

    fn law_of(plan: &Plan, class: &DenseData, all: &DenseData, w: f64) -> DenseGaussian {
        let start = DenseGaussian::diagonal(vec![0.0; 3], &[1.0; 3]).unwrap();
        law_by_sum(plan, &[class, all], |_| vec![w, 1.0 - w], &start, Watch::NOBODY).unwrap()
    }

    /// With common eigenvectors, the dense law is that per eigenvalue.
    #[test]
    fn a_common_basis_has_the_law_per_eigenvalue() {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), "eigenvalue,mean\n0.2,1\n0.7,-1\n3,0.5\n").unwrap();
        let all = Spectrum::new("", "", &[0.5, 1.0, 2.0], None, Some(&[0.1, 0.2, 0.3])).unwrap();
        let network = learnt(&format!("guided:w=2.5,class={}", file.path().display()), &all);
        let class = data::load(file.path().to_str().unwrap()).unwrap();
        let (class, all) = (DenseData::of(&class).unwrap(), DenseData::of(&all).unwrap());
        for sampler in ["em", "heun", "dpmpp-2m-sde"] {
            let plan = plan(sampler, &process("vp-linear"), 8, 1e-2);
            let dense = law_of(&plan, &class, &all, 2.5);
            let init = Init::Normal { std: Some(1.0) };
            let law = Output::by(&network, &plan).unwrap();
            let law = law.law_against(network.truth(), &init, Target::Data);
            for (i, mode) in law.modes.iter().enumerate() {
                assert!((dense.mean()[i] - mode.mean).abs() < 1e-12, "{sampler}");
                assert!((dense.covariance()[(i, i)] - mode.variance).abs() < 1e-12, "{sampler}");
            }
        }
    }

    /// Elsewhere it is what matrices do, written out: Euler–Maruyama's x + dt (β x + 2β s(x)) + noise.
    #[test]
    fn other_eigenvectors_have_the_law_of_matrices() {
        let sigma_c = [[1.0, 0.6, 0.1], [0.6, 0.8, 0.0], [0.1, 0.0, 0.3]];
        let sigma_u = [[2.0, -0.4, 0.0], [-0.4, 1.5, 0.3], [0.0, 0.3, 0.9]];
        let (mu_c, mu_u) = ([1.0, 0.0, -0.5], [0.0, 0.5, 0.0]);
        let data = |mu: [f64; 3], sigma: [[f64; 3]; 3]| {
            DenseData::new(mu.to_vec(), Matrix::from_rows(&sigma).unwrap()).unwrap()
        };
        let (class, all) = (data(mu_c, sigma_c), data(mu_u, sigma_u));
        let w = 3.0;
        let process = process("vp-linear");
        let plan = plan("em", &process, 10, 1e-2);
        let dense = law_of(&plan, &class, &all, w);
        let (mut mean, mut covariance) = (vec![0.0; 3], Matrix::diagonal(&[1.0; 3]));
        let levels: Vec<Level> = std::iter::once(*plan.start()).chain(plan.arrivals()).collect();
        for pair in levels.windows(2) {
            let (level, dt) = (&pair[0], pair[0].t - pair[1].t);
            let g2 = level.diffusion2();
            // The inverse of α²Σ + σ², by Cramer's rule.
            let inverse = |sigma: [[f64; 3]; 3]| {
                let a = |i: usize, j: usize| {
                    let diagonal = if i % 3 == j % 3 { level.sigma.powi(2) } else { 0.0 };
                    level.alpha.powi(2) * sigma[i % 3][j % 3] + diagonal
                };
                let minor = |i: usize, j: usize| {
                    a(i + 1, j + 1) * a(i + 2, j + 2) - a(i + 1, j + 2) * a(i + 2, j + 1)
                };
                let det: f64 = (0..3).map(|j| a(0, j) * minor(0, j)).sum();
                Matrix::from_fn(3, 3, |i, j| minor(j, i) / det)
            };
            let (c, u) = (inverse(sigma_c), inverse(sigma_u));
            let slope = Matrix::from_fn(3, 3, |i, j| -w * c[(i, j)] - (1.0 - w) * u[(i, j)]);
            let shift: Vec<f64> = (c.apply(&mu_c).unwrap().iter())
                .zip(u.apply(&mu_u).unwrap())
                .map(|(c, u)| level.alpha * (w * c + (1.0 - w) * u))
                .collect();
            let step = Matrix::from_fn(3, 3, |i, j| {
                let own = if i == j { 1.0 - dt * level.drift() } else { 0.0 };
                own + dt * g2 * slope[(i, j)]
            });
            let moved = step.apply(&mean).unwrap();
            mean = moved.iter().zip(&shift).map(|(m, s)| m + dt * g2 * s).collect();
            let carried = step.multiply(&covariance).unwrap().multiply_transpose(&step).unwrap();
            covariance =
                Matrix::from_fn(3, 3, |i, j| carried[(i, j)] + if i == j { dt * g2 } else { 0.0 });
        }
        for i in 0..3 {
            assert!((dense.mean()[i] - mean[i]).abs() < 1e-11 * (1.0 + mean[i].abs()));
            for j in 0..3 {
                let off = dense.covariance()[(i, j)] - covariance[(i, j)];
                assert!(off.abs() < 1e-11 * (1.0 + covariance[(i, i)]), "{i} {j}: {off}");
            }
        }
    }

    /// Eigenvectors in three pixels, one per row.
    #[derive(Debug)]
    struct Rotated {
        rows: Matrix,
        eigenvalues: [f64; 3],
        means: [f64; 3],
    }

    impl Basis for Rotated {
        fn shape(&self) -> &[usize] {
            &[3]
        }
        fn eigenvalues(&self) -> &[f64] {
            &self.eigenvalues
        }
        fn means(&self) -> &[f64] {
            &self.means
        }
        fn synthesize(&self, coordinates: &[f64], x: &mut [f64]) {
            self.rows.apply_transpose_all(coordinates, x);
        }
        fn analyze(&self, x: &[f64], coordinates: &mut [f64]) {
            self.rows.apply_all(x, coordinates);
        }
    }

    /// A rotation by an angle in the plane of two pixels, after one in another plane.
    fn rotated(eigenvalues: [f64; 3], means: [f64; 3], angle: f64) -> Rotated {
        let turn = |a: usize, b: usize, by: f64| {
            Matrix::from_fn(3, 3, |i, j| match (i, j) {
                (i, j) if i == j && (i == a || i == b) => by.cos(),
                (i, j) if i == j => 1.0,
                (i, j) if (i, j) == (a, b) => by.sin(),
                (i, j) if (i, j) == (b, a) => -by.sin(),
                _ => 0.0,
            })
        };
        let rows = turn(0, 1, angle).multiply(&turn(1, 2, 0.7)).unwrap();
        Rotated { rows, eigenvalues, means }
    }

    /// Whatever the pixels, common eigenvectors have the errors of eigenvalues; others have others.
    #[test]
    fn errors_with_eigenvectors_are_those_without_where_these_agree() {
        let folder = tempfile::tempdir().unwrap();
        let class = folder.path().join("class.csv");
        std::fs::write(&class, "eigenvalue,mean\n0.2,1\n0.7,-1\n3,0.5\n").unwrap();
        let data = ([0.5, 1.0, 2.0], [0.1, 0.2, 0.3]);
        let all = Spectrum::new("all", "", &data.0, None, Some(&data.1)).unwrap();
        let errors = |sampler: &str, w: f64, angle: f64| {
            let words = Words {
                samplers: vec![sampler.into()],
                network: Some(format!("guided:w={w},class={},interval=0.1-inf", class.display())),
                lengths: vec![Length::Steps(12)],
                ..Words::default()
            };
            let question = words.read(&Defaults::EVAL).unwrap();
            let bases = (
                &rotated([0.2, 0.7, 3.0], [1.0, -1.0, 0.5], 0.4 + angle) as &dyn Basis,
                &rotated(data.0, data.1, 0.4) as &dyn Basis,
            );
            let dense = question.guided(all.clone(), bases, Watch::NOBODY).unwrap().unwrap();
            (dense, question.evaluate(all.clone(), Watch::NOBODY).unwrap())
        };
        for (sampler, w) in [("heun", 1.2), ("dpmpp-2m", 4.0), ("em", 1.5)] {
            let (dense, modes) = errors(sampler, w, 0.0);
            let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{sampler}: {a} {b}");
            let guidance = modes.guidance.unwrap();
            assert!(dense.turned < 1e-14);
            near(dense.w2.total, modes.w2.total);
            near(dense.w2.mean, modes.w2.mean);
            near(dense.variance, guidance.variance);
            assert_eq!(dense.powered.is_some(), guidance.powered.is_some());
            if let (Some(dense), Some(modes)) = (dense.powered, guidance.powered) {
                near(dense.total, modes.value);
            }
            match dense.fine {
                Some(fine) => {
                    let off = fine.variance / guidance.variance_of_continuous - 1.0;
                    assert!(off.abs() < 2e-4, "{sampler} {w}: {off:e}");
                }
                None => assert_eq!(sampler, "em"),
            }
            let (turned, _) = errors(sampler, w, 0.5);
            assert!(turned.turned > 0.05);
            assert!((turned.w2.total / modes.w2.total - 1.0).abs() > 1e-3, "{sampler}");
        }
        // w = 1 is the class alone, whatever the data.
        let (own, turned) = (errors("heun", 1.0, 0.0).0, errors("heun", 1.0, 0.5).0);
        assert!((own.w2.covariance - turned.w2.covariance).abs() < 1e-12);
        assert!((own.powered.unwrap().total / own.w2.total - 1.0).abs() < 1e-10);
    }

    #[test]
    fn guidance_with_eigenvectors_refuses_what_it_does_not_know() {
        let all = Spectrum::new("all", "", &[0.5, 1.0, 2.0], None, None).unwrap();
        let basis = rotated([0.5, 1.0, 2.0], [0.0; 3], 0.4);
        let ask = |network: &str, class: &dyn Basis| {
            let words = Words {
                samplers: vec!["ddim".into()],
                network: Some(network.into()),
                ..Words::default()
            };
            let question = words.read(&Defaults::EVAL).unwrap();
            question.guided(all.clone(), (class, &basis), Watch::NOBODY)
        };
        assert!(ask("gain:delta=0.1", &basis).unwrap().is_none());
        let error = ask("guided:w=2,class=white:d=3,rule=cfg++", &basis).unwrap_err();
        assert!(error.to_string().contains("cfg++"), "{error}");
    }

    #[test]
    fn dense_sums_can_be_stopped_and_refuse_other_dimensions() {
        let data = |d: usize| DenseData::of(&data::load(&format!("white:d={d}")).unwrap()).unwrap();
        let plan = plan("ddim", &process("vp-linear"), 4, 1e-3);
        let start = DenseGaussian::diagonal(vec![0.0; 3], &[1.0; 3]).unwrap();
        let of = |part: &DenseData, watch| law_by_sum(&plan, &[part], |_| vec![1.0], &start, watch);
        assert!(matches!(of(&data(2), Watch::NOBODY), Err(DenseError::Gaussian(_))));
        let stop = |_: Option<Progress>| ControlFlow::Break(());
        assert_eq!(of(&data(3), Watch::new(&stop)), Err(DenseError::Interrupted));
    }
}
