//! Networks whose training was stopped: closed forms of what samplers make of them.

use super::*;

/// Exponential integral Ei(−x) for x > 0, by its series or its continued fraction.
fn ei_of_minus(x: f64) -> f64 {
    if x < 2.0 {
        let (mut term, mut sum) = (1.0, 0.0);
        for k in 1..60 {
            term *= -x / f64::from(k);
            sum += term / f64::from(k);
        }
        return 0.577_215_664_901_532_9 + x.ln() + sum;
    }
    let mut fraction = x + 200.0;
    for k in (1..200).rev() {
        fraction = x + f64::from(k) / (1.0 + f64::from(k) / fraction);
    }
    -(-x).exp() / fraction
}

fn ode_variance(network: &str, lambda: f64, from: f64, to: f64) -> f64 {
    let data = Spectrum::new("", "", &[lambda], None, None).unwrap();
    let process = process(&format!("edm:sigma_max={from}"));
    let (start, end) = (process.level(from), process.level(to));
    let init = Init::Normal { std: Some(from) };
    let network = learnt(network, &data);
    ODE.law_by(&network, &start, &end, &init, Target::Data).modes[0].variance
}

/// λ̃ = s_T² Φ(s_0)²/Φ(s_T)² of one layer.
#[test]
fn one_layer_has_its_closed_form() {
    let of = |lambda: f64, q: f64, tau: f64, from: f64, to: f64| {
        let phi = |s: f64| {
            let s2 = s * s;
            let first = 0.5 * (1.0 - q) * ei_of_minus(2.0 * tau * s2) * (-2.0 * tau * lambda).exp();
            (lambda + s2).sqrt() * (first - 0.5 * ei_of_minus(2.0 * tau * (s2 + lambda))).exp()
        };
        (from * phi(to) / phi(from)).powi(2)
    };
    // Computed to 16 digits by the authors' formula.
    assert!(relative_error(of(0.37, 0.1, 1.3, 80.0, 0.002), 0.011022000425413084) < 1e-13);
    let found = ode_variance("early-stopped:tau=1.3,q=0.1", 0.37, 80.0, 0.002);
    assert!(relative_error(found, 0.011022000425413084) < 1e-12, "{found}");
    for (lambda, q, tau) in [(2.0, 0.0, 0.5), (1e-3, 0.5, 30.0), (0.1, 1.0, 0.01), (5.0, 0.1, 3.0)]
    {
        let found = ode_variance(&format!("early-stopped:tau={tau},q={q}"), lambda, 80.0, 0.01);
        assert!(relative_error(found, of(lambda, q, tau, 80.0, 0.01)) < 1e-11, "{lambda} {found}");
        // Rate and length are one number.
        let half = format!("early-stopped:tau={},q={q},rate=2", 0.5 * tau);
        assert!(relative_error(ode_variance(&half, lambda, 80.0, 0.01), found) < 1e-14);
    }
}

#[test]
fn two_layers_have_theirs() {
    for (lambda, q, tau) in [(0.37f64, 0.1f64, 1.3f64), (2.0, 0.01, 0.5), (1e-3, 0.5, 30.0)] {
        let (from, to) = (80.0, 0.002);
        let e = (-8.0 * tau * lambda).exp();
        let d = q + (1.0 - q) * e;
        let phi = |s: f64| {
            let rest = lambda * e + q * (1.0 - e) * (lambda + s * s);
            s.powf((1.0 - q) * e / d) * rest.powf(q / (2.0 * d))
        };
        let expected = (from * phi(to) / phi(from)).powi(2);
        let name = format!("early-stopped:tau={tau},q={q},layers=2");
        let found = ode_variance(&name, lambda, from, to);
        assert!(relative_error(found, expected) < 1e-11, "{lambda}: {found} {expected}");
    }
}

fn weight(network: &str, lambda: f64, sigma: f64) -> f64 {
    let data = Spectrum::new("", "", &[lambda, 3.0], None, None).unwrap();
    let level = process("edm").level(sigma);
    learnt(network, &data).at(&level)(0).denoiser[0]
}

/// The weights against the gradient flow itself, in small steps: dW = −2η((λ + s²)W − λ)dτ for one layer; for
/// two, W = p² and dp = −4η p((λ + s²)p² − λ)dτ.
#[test]
fn weights_follow_the_gradient_flow() {
    let (lambda, sigma, q, tau) = (0.6, 0.8, 0.15, 0.9);
    let steps = 20_000;
    let dt = tau / f64::from(steps);
    let loss_slope = |w: f64| (lambda + sigma * sigma) * w - lambda;
    let runge_kutta = |mut x: f64, f: &dyn Fn(f64) -> f64| {
        for _ in 0..steps {
            let middle = x + 0.5 * dt * f(x);
            x += dt * f(middle);
        }
        x
    };
    let w = runge_kutta(q, &|w| -2.0 * loss_slope(w));
    assert!((weight("early-stopped:tau=0.9,q=0.15", lambda, sigma) - w).abs() < 1e-8, "{w}");
    let p = runge_kutta(q.sqrt(), &|p| -4.0 * p * loss_slope(p * p));
    let found = weight("early-stopped:tau=0.9,q=0.15,layers=2", lambda, sigma);
    assert!((found - p * p).abs() < 1e-8, "{found} {}", p * p);
}

/// Gradient descent on E|s(x) − z|², step by step: A ← A − a(AC − 1).
#[test]
fn weights_follow_gradient_descent() {
    let (lambda, sigma) = (0.6, 0.8);
    let (c, largest) = (lambda + sigma * sigma, 3.0 + sigma * sigma);
    for (steps, rate) in [(0, 1.0), (1, 1.0), (7, 0.4), (30, 1.9)] {
        let mut a = 0.0;
        for _ in 0..steps {
            a -= rate / largest * (a * c - 1.0);
        }
        // D = x − s² A x.
        let expected = 1.0 - sigma * sigma * a;
        let found = weight(&format!("gradient-descent:steps={steps},rate={rate}"), lambda, sigma);
        assert!((found - expected).abs() < 1e-13, "{steps} {rate}: {found} {expected}");
    }
    // The largest eigenvalue itself, whose factor changes sign.
    let data = Spectrum::new("", "", &[3.0], None, None).unwrap();
    let level = process("edm").level(sigma);
    let [slope, _] = learnt("gradient-descent:steps=3,rate=1.5", &data).at(&level)(0).score;
    assert!((slope + (1.0 + 0.125) / largest).abs() < 1e-14, "{slope}");
    // A null mode without noise: what K steps reach, K a.
    let null = Spectrum::new("", "", &[0.0, 3.0], None, None).unwrap();
    let network = learnt("gradient-descent:steps=5,rate=0.5", &null);
    let [slope, _] = network.at(&process("edm").level(0.0))(0).score;
    assert!((slope + 5.0 * 0.5 / 3.0).abs() < 1e-15, "{slope}");
}

/// Trained to the end, all are the exact network, through any sampler.
#[test]
fn long_training_ends_at_the_exact_network() {
    let data = Spectrum::new("", "", &[0.02, 1.0, 6.0], None, Some(&[1.0, -2.0, 0.0])).unwrap();
    for process in ["vp-linear", "flow", "edm"] {
        let process = process_of(process);
        for sampler in ["em", "heun", "dpmpp-2m", "ddim"] {
            // Without signal the drift of the SDE is infinite.
            if sampler == "em" && process.level(process.t_max()).alpha == 0.0 {
                continue;
            }
            let plan = plan(sampler, &process, 20, 1e-2 * process.t_max());
            let exact = Output::of(&plan, &data).law(&Init::Exact, Target::Data);
            for name in [
                "early-stopped:tau=1e6",
                "early-stopped:tau=1e6,layers=2",
                "gradient-descent:steps=1000000000",
            ] {
                let network = learnt(name, &data);
                let law = Output::by(&network, &plan).unwrap();
                let law = law.law_against(network.truth(), &Init::Exact, Target::Data);
                for (a, b) in law.modes.iter().zip(&exact.modes) {
                    assert!(
                        relative_error(a.variance, b.variance) < 1e-9,
                        "{name} {sampler}: {a:?} {b:?}"
                    );
                    assert!((a.mean - b.mean).abs() < 1e-9, "{name} {sampler}: {a:?} {b:?}");
                }
            }
        }
    }
}

fn process_of(name: &str) -> Arc<dyn Process> {
    process(name)
}

#[test]
fn samplers_converge_to_the_stopped_solution() {
    let data = Spectrum::new("", "", &[0.05, 1.0, 4.0], None, Some(&[1.0, 0.0, 2.0])).unwrap();
    let process = process("vp-linear");
    for name in [
        "early-stopped:tau=0.5,q=0.3",
        "early-stopped:tau=0.5,layers=2",
        "gradient-descent:steps=4",
    ] {
        let network = learnt(name, &data);
        for (sampler, reverse, tolerance) in [("heun", ODE, 2e-4), ("em", SDE, 2e-2)] {
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

#[test]
fn training_that_cannot_be_is_refused() {
    for text in [
        "early-stopped",
        "early-stopped:tau=-1",
        "early-stopped:tau=nan",
        "early-stopped:tau=1,layers=3",
        "early-stopped:tau=1,q=-0.1",
        "early-stopped:tau=1,rate=0",
        "gradient-descent",
        "gradient-descent:steps=-1",
        "gradient-descent:steps=5,rate=2",
    ] {
        let error = Network::read(text).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    }
    // No training at all: D = q x/α, which does not exist where no signal is left.
    let data = Spectrum::new("", "", &[1.0], None, None).unwrap();
    let plan = plan("euler", &process("flow"), 4, 0.0);
    let network = learnt("early-stopped:tau=0,q=0.5", &data);
    let error = Output::by(&network, &plan).unwrap_err();
    assert!(matches!(error, NetworkError::NoSignal { .. }), "{error}");
}
