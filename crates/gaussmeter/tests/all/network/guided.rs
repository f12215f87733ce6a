//! Classifier-free guidance: closed forms, and samplers that converge to them.

use super::*;

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
