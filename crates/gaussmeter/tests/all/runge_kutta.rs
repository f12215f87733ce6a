//! Runge–Kutta methods: those from tableaus are those written by hand, files of tableaus are checked,
//! and exponential ones have the weights of the literature.

use gaussmeter::prelude::*;
use gaussmeter::sampler::{self, RungeKutta, Tableau, Variable};
use gaussmeter::tape::Op;
use std::fs;
use std::sync::Arc;

const LAMBDA: [f64; 5] = [0.0, 1e-3, 0.3, 1.0, 40.0];

fn output(sampler: &dyn Sampler, grid: &Grid) -> Output {
    let data = Spectrum::new("test", "", &LAMBDA, None, Some(&[1.0; 5])).unwrap();
    Output::of(&sampler.plan(grid).unwrap(), &data)
}

#[track_caller]
fn assert_same(a: &dyn Sampler, b: &dyn Sampler, grid: &Grid) {
    let [a, b] = [a, b].map(|s| output(s, grid));
    let pairs = |f: fn(&Output) -> &Vec<f64>| f(&a).iter().zip(f(&b)).collect::<Vec<_>>();
    for (a, b) in [pairs(|o| &o.gain), pairs(|o| &o.mean_gain)].concat() {
        assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{a} {b}");
    }
}

fn built(text: &str) -> Box<dyn Sampler> {
    sampler::registry().build(text).unwrap().item
}

fn in_time(tableau: Tableau) -> RungeKutta {
    RungeKutta { tableau, variable: Variable::Time }
}

/// Midpoint by hand: x′ = x − Δt v(x − ½ Δt v, t − ½ Δt).
#[derive(Debug)]
struct Midpoint;

impl Sampler for Midpoint {
    fn record(
        &self,
        grid: &Grid,
        tape: &gaussmeter::tape::Tape,
        mut x: gaussmeter::tape::Var,
    ) -> Result<gaussmeter::tape::Var, sampler::SamplerError> {
        use gaussmeter::tape::Prediction::Velocity;
        for step in grid.steps() {
            let v = tape.predict(Velocity, x, step.from);
            let middle = step.level(0.5 * (step.from.t + step.to.t));
            let v = tape.predict(Velocity, x - (0.5 * step.dt()) * v, &middle);
            x = tape.arrive(step.to, x - step.dt() * v);
        }
        Ok(x)
    }
}

#[test]
fn tableaus_give_the_schemes_written_by_hand() {
    let times = [0.9, 0.7, 0.4, 0.25, 0.1, 0.01];
    let edm: Arc<dyn Process> = Arc::new(Edm::new(1.0));
    for process in [Arc::new(VpLinear::paper()) as Arc<dyn Process>, Arc::new(Flow), edm] {
        let grid = Grid::new(process, &times).unwrap();
        assert_same(&in_time(Tableau::euler()), &*built("euler"), &grid);
        assert_same(&in_time(Tableau::two_stages(1.0)), &*built("heun"), &grid);
        assert_same(&in_time(Tableau::classical()), &*built("rk4"), &grid);
        assert_same(&*built("midpoint"), &Midpoint, &grid);
        let heun = RungeKutta { tableau: Tableau::two_stages(1.0), variable: Variable::NoiseRatio };
        assert_same(&heun, &*built("edm"), &grid);
    }
    // In σ, a step to σ = 0 that would be evaluated there is Euler's, as in EDM.
    let grid = Grid::new(Arc::new(Edm::new(10.0)), &[10.0, 2.0, 0.3, 0.0]).unwrap();
    let heun = RungeKutta { tableau: Tableau::two_stages(1.0), variable: Variable::NoiseRatio };
    assert_same(&heun, &*built("edm"), &grid);
    assert_eq!(heun.plan(&grid).unwrap().nfe(), 5);
}

/// The file of an example gives the same, and files in JSON and without leading zeros do.
#[test]
fn tableaus_are_read_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::new(Arc::new(VpLinear::paper()), &[0.9, 0.5, 0.2, 0.01]).unwrap();
    let (toml, json) = (folder.path().join("rk4.toml"), folder.path().join("heun"));
    let text = "name = \"RK4\"\norder = 4\nc = [0, \"1/2\", \"1/2\", 1]\n\
                A = [[], [\"1/2\"], [0, \"1/2\"], [0, 0, 1]]\nb = [\"1/6\", \"1/3\", \"1/3\", \"1/6\"]\n";
    fs::write(&toml, text).unwrap();
    fs::write(&json, r#"{"order": 2, "c": [0, 1], "A": [[0, 0], [1, 0]], "b": [0.5, 0.5]}"#)
        .unwrap();
    let named = sampler::registry().build(&format!("butcher:{}", toml.display())).unwrap();
    assert_eq!((named.order, named.item.own_order()), (None, Some(4)));
    assert_same(&*named.item, &*built("rk4"), &grid);
    assert_same(&*built(&format!("butcher:{}", json.display())), &*built("heun"), &grid);
    let text = format!("butcher:{},variable=noise-ratio", json.display());
    assert_same(&*built(&text), &*built("edm"), &grid);

    let example =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/plans/bogacki-shampine.toml");
    assert_eq!(built(&format!("butcher:{example}")).own_order(), Some(3));
}

#[test]
fn wrong_tableaus_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tableau.toml");
    let start = format!("sampler 'butcher': {}: ", path.display());
    for (text, expected) in [
        ("", "order is missing"),
        ("order = 2\n", "A is missing"),
        ("order = 2.5\n", "order: not a whole number"),
        ("order = 2\norde = 2\n", "unknown key 'orde': did you mean 'order'?"),
        ("order = \n", "not TOML: line 1: "),
        ("{\"order\": 2,}", "not JSON: "),
        ("order = 1\nc = [0]\nA = [[]]\nb = [\"1/0\"]\n", "b: inf is not finite"),
        (
            "order = 1\nc = [0]\nA = [[]]\nb = [\"1 +\"]\n",
            "b: '1 +': the end stands where a value is needed",
        ),
        ("order = 1\nc = [0]\nA = [[]]\nb = [true]\n", "b: true is not a number"),
        ("order = 1\nc = [0]\nA = [[]]\nb = []\n", "b: there are no stages"),
        ("order = 1\nc = [0]\nA = 3\nb = [1]\n", "A: not a list of rows"),
        ("order = 1\nc = [0]\nA = [3]\nb = [1]\n", "A: not a list"),
        ("order = 1\nc = [0, 1]\nA = [[]]\nb = [1]\n", "c: 2 stages, but b has 1"),
        ("order = 1\nc = [0]\nA = [[], [1]]\nb = [1]\n", "A: 2 stages, but b has 1"),
        ("order = 1\nc = [0]\nA = [[0, 0]]\nb = [1]\n", "A: row 1 has 2 entries for 1 stages"),
        (
            "order = 1\nc = [0.5]\nA = [[0.5]]\nb = [1]\n",
            "A: row 1 uses stage 1 (0.5): only explicit methods, whose stages use earlier ones only, can be run",
        ),
        (
            "order = 2\nc = [0, 0.5]\nA = [[], [0.4]]\nb = [0, 1]\n",
            "A: row 2 sums to 0.4, but c is 0.5",
        ),
        (
            "order = 2\nc = [0, 1.5]\nA = [[], [1.5]]\nb = [0, 1]\n",
            "c: 1.5 is outside [0, 1], the step",
        ),
        (
            "order = 2\nc = [0, 0.5]\nA = [[], [0.5]]\nb = [0, 0.9]\n",
            "b: the sum is 0.9, not 1: the method is not consistent",
        ),
        ("order = 0\nc = [0]\nA = [[]]\nb = [1]\n", "order: 0 is not an order of convergence"),
        (
            "order = 2\nc = [0]\nA = [[]]\nb = [1]\n",
            "order: 2 is declared, but sum b c is 0, not 0.5",
        ),
        (
            "order = 4\nc = [0, 0.5, 1]\nA = [[], [0.5], [-1, 2]]\nb = [\"1/6\", \"2/3\", \"1/6\"]\n",
            "order: 4 is declared, but sum b c A c is 0.16666666666666666, not 0.125",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let result = sampler::registry().build(&format!("butcher:{}", path.display()));
        let error = result.unwrap_err().to_string();
        let reason = error.strip_prefix(&start).unwrap_or_else(|| panic!("{error}"));
        assert!(reason.starts_with(expected), "{text}: {reason}");
        assert!(!reason.contains('\n'), "{reason}");
    }
    let missing = folder.path().join("missing");
    let error = sampler::registry().build(&format!("butcher:{}", missing.display())).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("sampler 'butcher': {}: no such file", missing.display())
    );
}

/// On data of no variance D is the mean wherever the state is: exponential integrators are exact.
#[test]
fn exponential_integrators_are_exact_for_a_constant_denoiser() {
    let grid = Grid::new(Arc::new(Edm::new(80.0)), &[80.0, 3.0, 0.1]).unwrap();
    let null = LAMBDA.iter().position(|l| *l == 0.0).unwrap();
    for text in ["res-2s", "res-2s:c2=0.3,solver=midpoint", "res-3s", "res-3s:c2=0.4,c3=0.9"] {
        let output = output(&*built(text), &grid);
        assert!((output.gain[null] / (0.1 / 80.0) - 1.0).abs() < 1e-12, "{text}");
        assert!((output.mean_gain[null] - (1.0 - 0.1 / 80.0)).abs() < 1e-12, "{text}");
    }
}

/// The weights of the three-stage method with c₂ = ½, c₃ = 1 in short steps are those of Kutta's rk3, and
/// a step of one half log-SNR has these, from the φ functions.
#[test]
fn exponential_weights_are_those_of_the_literature() {
    let (sigma, h) = (2.0f64, 0.5f64);
    let grid = Grid::new(Arc::new(Edm::new(5.0)), &[sigma, sigma * (-h).exp()]).unwrap();
    let plan = built("res-3s").plan(&grid).unwrap();
    let predictions = plan.ops().iter().filter_map(|op| match op {
        Op::Predict { dst, .. } => Some(*dst),
        _ => None,
    });
    let predictions: Vec<_> = predictions.collect();
    let last = plan.ops().iter().rev().find_map(|op| match op {
        Op::Combine { terms, .. } => Some(terms),
        _ => None,
    });
    let weight = |i: usize| last.unwrap().iter().find(|t| t.1 == predictions[i]).unwrap().0;
    let phi1 = (1.0 - (-h).exp()) / h;
    let phi2 = (1.0 - phi1) / h;
    // γ = 4: b₂ = ⁴⁄₃ φ₂, b₃ = ⅓ φ₂.
    for (i, expected) in
        [h * (phi1 - 5.0 / 3.0 * phi2), 4.0 / 3.0 * h * phi2, h * phi2 / 3.0].iter().enumerate()
    {
        assert!((weight(i) - expected).abs() < 1e-14, "{i}: {} {expected}", weight(i));
    }
    for (text, expected) in [
        (
            "res-3s:c2=0.6666666666666666,c3=0.9",
            "there is no method of order 3 with c2 = 0.6666666666666666 and c3 = 0.9",
        ),
        (
            "edm-ablation:alpha=0.5,solver=euler",
            "alpha is the position of the second evaluation, and solver=euler has none",
        ),
        ("edm-ablation:sigma_min=3", "sigma_min and sigma_max are for schedule=vp"),
    ] {
        let error = sampler::registry().build(text).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}
