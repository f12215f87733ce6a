//! Samplers written in files give the law of those written here, and files that are wrong are refused
//! in one line.

use gaussmeter::prelude::*;
use gaussmeter::sampler::{self, PlanFile};
use gaussmeter_testkit::fitted_order;
use proptest::prelude::{ProptestConfig, prop, prop_assert, proptest};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LAMBDA: [f64; 5] = [0.0, 1e-3, 0.3, 1.0, 40.0];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plans")
}

fn example(name: &str) -> Box<dyn Sampler> {
    built(&format!("plan:{}", examples().join(name).display()))
}

fn built(text: &str) -> Box<dyn Sampler> {
    sampler::registry().build(text).unwrap().item
}

fn grids() -> Vec<Grid> {
    let grid = |process: Arc<dyn Process>, times: &[f64]| Grid::new(process, times).unwrap();
    vec![
        grid(Arc::new(VpLinear::paper()), &[1.0, 0.7, 0.4, 0.25, 0.1, 0.01]),
        grid(Arc::new(Flow), &[0.99, 0.7, 0.4, 0.1, 0.0]),
        grid(Arc::new(Edm::new(80.0)), &[80.0, 10.0, 2.0, 0.3, 0.01]),
    ]
}

fn output(sampler: &dyn Sampler, grid: &Grid) -> Output {
    let data = Spectrum::new("test", "", &LAMBDA, None, Some(&[1.0; 5])).unwrap();
    Output::of(&sampler.plan(grid).unwrap(), &data)
}

#[track_caller]
fn assert_same(a: &dyn Sampler, b: &dyn Sampler, grid: &Grid, what: &str) {
    let [a, b] = [a, b].map(|s| output(s, grid));
    assert_eq!(a.infinite.is_some(), b.infinite.is_some(), "{what}");
    let pairs = |f: fn(&Output) -> &Vec<f64>| f(&a).iter().zip(f(&b)).collect::<Vec<_>>();
    let all = [pairs(|o| &o.gain), pairs(|o| &o.noise_variance), pairs(|o| &o.mean_gain)].concat();
    for (a, b) in all.into_iter().filter(|(a, b)| a.is_finite() || b.is_finite()) {
        assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{what}: {a} {b}");
    }
}

#[test]
fn examples_are_the_built_in_samplers() {
    for (file, name, order) in [
        ("ddim.toml", "ddim", 1),
        ("heun.toml", "heun", 2),
        ("dpmpp-2m.toml", "dpmpp-2m", 2),
        ("ancestral.toml", "ddim:eta=0.5", 1),
    ] {
        let (plan, own) = (example(file), built(name));
        assert_eq!(plan.own_order(), Some(order));
        for grid in grids() {
            assert_same(&*plan, &*own, &grid, file);
            let [plan, own] = [&plan, &own].map(|s| s.plan(&grid).unwrap());
            assert_eq!((plan.nfe(), plan.steps()), (own.nfe(), own.steps()));
        }
    }
    // All files of the folder are covered here or are tableaus.
    let files = std::fs::read_dir(examples()).unwrap().count();
    assert_eq!(files, 5);
}

/// What a file declares can be measured.
#[test]
fn a_file_has_the_order_it_declares() {
    let data = Spectrum::new("two modes", "", &[0.3, 2.5], None, None).unwrap();
    let process: Arc<dyn Process> = Arc::new(Edm::new(5.0));
    for (file, order) in [("ddim.toml", 1.0), ("heun.toml", 2.0), ("dpmpp-2m.toml", 2.0)] {
        let errors: Vec<f64> = (0..3)
            .map(|k| {
                let plan =
                    example(file).plan(&Uniform.grid(&process, 128 << k, 1.0).unwrap()).unwrap();
                let law = Output::of(&plan, &data).law(&Init::Exact, Target::Marginal);
                law.modes.iter().map(|m| m.variance_error.abs()).sum()
            })
            .collect();
        assert!((fitted_order(&errors) - order).abs() < 0.2, "{file}: {errors:?}");
    }
}

fn parsed(text: &str) -> PlanFile {
    PlanFile::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Deeper history, inner levels, numbers per step, conditions.
#[test]
fn the_language_has_what_samplers_need() {
    // DPM-Solver-2 by its midpoint in log-SNR.
    let dpm2 = parsed(
        r#"
        [[rule]]
        when = "sigma_next == 0"
        do = "x_next = alpha_next * denoiser(x)"
        [[rule]]
        do = [
            "d = denoiser(x); q = ratio_next / ratio",
            "middle = at_ratio(sqrt(ratio * ratio_next))   # half way",
            "y = sigma(middle) / sigma * x + (alpha(middle) - alpha * sigma(middle) / sigma) * d",
            "m = d + (denoiser(y, middle) - d) / sqrt(q)",
            "x_next = sigma_next / sigma * x + alpha_next * (1 - q) * m",
        ]
        "#,
    );
    // Adams–Bashforth of order 3 for equal steps in t, its weights as numbers per step.
    let adams = parsed(
        r#"{
        "order": 3,
        "numbers": {"a": [1, "3/2", "23/12", "23/12"], "b": [0, "-1/2", "-16/12", "-16/12"], "c": "5/12"},
        "rule": [
            {"when": "step == 1", "do": "v = velocity(x); x_next = x + (t_next - t) * a * v"},
            {"when": "step < 3", "do": "v = velocity(x); x_next = x + (t_next - t) * (a * v + b * v[-1])"},
            {"do": "v = velocity(x); x_next = x + (t_next - t) * (a * v + b * v[-1] + c * v[-2])"}
        ]}"#,
    );
    for grid in grids() {
        assert_same(&dpm2, &*built("dpm-2"), &grid, "dpm-2");
    }
    let edm = Grid::new(Arc::new(Edm::new(9.0)), &[9.0, 7.0, 5.0, 3.0, 1.0]).unwrap();
    assert_same(&adams, &*built("lms:order=3"), &edm, "lms");
    // A middle in time, an earlier state, names of earlier levels.
    let midpoint = parsed(
        r#"
        [[rule]]
        do = """
        v = velocity(x)
        x_next = x + (t_next - t) * velocity(x + (t_next - t) / 2 * v, at_time((t + t_next) / 2))
        """
        "#,
    );
    for grid in grids() {
        assert_same(&midpoint, &*built("midpoint"), &grid, "midpoint");
    }
    let leap = parsed(
        r#"
        [[rule]]
        when = "step <= 1"
        do = "x_next = x + (t_next - t) * velocity(x)"
        [[rule]]
        do = """
        same = t[-1] - t_prev + (t_next[-1] - t) + (h[-1] - h_prev) + (step[-1] - (step - 1)) + (alpha(level_prev) - alpha_prev)
        x_next = x[-1] + (t_next - t_prev) * velocity(x) + same * x
        """
        "#,
    );
    let plan = leap.plan(&grids()[0]).unwrap();
    let text = format!("{:?}", plan.ops()[4]);
    assert!(text.contains("Combine") && plan.ops().len() == 15 && plan.nfe() == 5, "{plan:?}");
    assert!(!text.contains("e-1"), "the sum of differences is 0: {text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a rule says, there is an answer: a reason, or a program.
    #[test]
    fn any_rule_is_answered(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "x", "d", "d[-1]", "x[-2]", "h", "sigma_prev", "level_next", "step", "1", "2.5", "1e308",
                "+", "-", "*", "/", "^", "(", ")", ",", "<", "==", "and", "not", "denoiser(x)", "normal()",
                "at_ratio(", "at_time(", "velocity(x, ", "phi2(", "log(", "sqrt(", "max(", "\n", ";", "d =",
                "x_next =", "é", "[", "]", "_next", "\\",
            ]),
            0..14,
        ),
        when in "(step > [0-9]|d|step > 1 and h_prev < 1|)?",
    ) {
        let text = words.join(" ");
        let first = "[[rule]]\nwhen = 'step == 1'\ndo = 'd = denoiser(x); x_next = x'\n";
        let second = format!("[[rule]]\nwhen = '{when}'\ndo = '''\ny = {text}\nx_next = x'''\n");
        match PlanFile::parse(&format!("{first}{second}{}", rule("x_next = x"))) {
            Err(reason) => prop_assert!(!reason.is_empty() && !reason.contains('\n'), "{}", reason),
            Ok(plan) => {
                for grid in grids() {
                    if let Err(error) = plan.plan(&grid) {
                        prop_assert!(!error.to_string().contains('\n'), "{}", error);
                    }
                }
            }
        }
        let _ = PlanFile::parse(&words.concat());
    }
}

/// A rule of one step.
fn rule(text: &str) -> String {
    format!("[[rule]]\ndo = '''{text}'''")
}

#[test]
fn wrong_files_are_refused_in_one_line() {
    for (text, expected) in [
        ("".to_string(), "rule is missing: [[rule]] with what a step does"),
        ("rule = 3".into(), "rule: not a list: write [[rule]]"),
        ("rule = []".into(), "rule: there is none"),
        ("order = -1".into(), "order: not a positive whole number"),
        ("ordr = 1".into(), "unknown key 'ordr': did you mean 'order'?"),
        ("[[rule]]\n".into(), "rule 1: do is missing: what the step does"),
        ("[[rule]]\ndo = 3".into(), "rule 1: do: not text"),
        ("[[rule]]\ndo = [3]".into(), "rule 1: do: not a list of texts"),
        (
            "[[rule]]\ndo = 'x_next = x'\nwen = '1'".into(),
            "rule 1: unknown key 'wen': did you mean 'when'?",
        ),
        (
            "[[rule]]\ndo = 'x_next = x'\nwhen = '1'".into(),
            "rule 1: when: the last rule takes all remaining steps and has none",
        ),
        (
            "[[rule]]\ndo = 'x_next = x'\n[[rule]]\ndo = 'x_next = x'".into(),
            "rule 1: without 'when' no later rule would ever be used",
        ),
        (
            "[[rule]]\nwhen = 'd > 1'\ndo = 'x_next = x'\n[[rule]]\ndo = 'd = 1; x_next = x'"
                .into(),
            "rule 1, when: 'd' is only known once the step is taken",
        ),
        (
            "[[rule]]\nwhen = 'score(x) > 1'\ndo = 'x_next = x'\n[[rule]]\ndo = 'x_next = x'"
                .into(),
            "rule 1, when: 'score' cannot be used here",
        ),
        (
            "[numbers]\nsigma = 1\n".to_string() + &rule("x_next = x"),
            "numbers.sigma: this name cannot be defined",
        ),
        (
            "[numbers]\na = '1/0'\n".to_string() + &rule("x_next = x"),
            "numbers.a: inf is not finite",
        ),
        (
            "[numbers]\na = [1, true]\n".to_string() + &rule("x_next = x"),
            "numbers.a: true is not a number",
        ),
        (rule(""), "rule 1: do does not assign x_next, the state at the end of the step"),
        (rule("x_next"), "rule 1: 'x_next': not of the form 'name = expression'"),
        (rule("a == 1"), "rule 1: 'a == 1': not of the form 'name = expression'"),
        (rule("sigma = 1"), "rule 1: 'sigma = 1': 'sigma' cannot be assigned"),
        (rule("2a = 1"), "rule 1: '2a = 1': '2a' cannot be assigned"),
        (rule("a = 1\na = 2"), "rule 1: 'a = 2': a is assigned twice in a step"),
        (rule("x_next = (x"), "rule 1: 'x_next = (x': the end stands where ')' is needed"),
        (
            rule("x_next = sigmma * x"),
            "rule 1: 'x_next = sigmma * x': unknown name 'sigmma': did you mean 'sigma'?",
        ),
        (
            rule("d = d; x_next = x"),
            "rule 1: 'd = d': d refers to itself: its value in the previous step is d[-1]",
        ),
        (rule("e = d; d = 1; x_next = x"), "rule 1: 'e = d': d is used before it is assigned"),
        (
            rule("d = 1; x_next = d[1] * x"),
            "rule 1: 'x_next = d[1] * x': d[1] refers to the future: only values of earlier steps are known, such as d[-1]",
        ),
        (
            rule("x_next = denoisr(x)"),
            "rule 1: 'x_next = denoisr(x)': unknown function 'denoisr': did you mean 'denoiser'?",
        ),
        (
            rule("x_next = normal(x)"),
            "rule 1: 'x_next = normal(x)': normal does not take 1 arguments",
        ),
        (rule("x_next = exp() * x"), "rule 1: 'x_next = exp() * x': exp does not take 0 arguments"),
    ] {
        assert_eq!(PlanFile::parse(&text).unwrap_err(), expected, "{text}");
    }
    // What only a run tells.
    let grid = &grids()[0];
    for (text, expected) in [
        (
            rule("d = denoiser(x); x_next = x + d[-1]"),
            "step 1 of 5: rule 1: 'x_next = x + d[-1]': d[-1] refers to a step before the first: \
             put a rule with when = \"step <= 1\" above",
        ),
        (
            "[[rule]]\nwhen = 'step == 1'\ndo = 'x_next = x'\n".to_string()
                + &rule("x_next = sigma_prev[-1] * x"),
            "step 2 of 5: rule 2: 'x_next = sigma_prev[-1] * x': sigma_prev[-1] refers to a step before \
             the first: put a rule with when = \"step <= 2\" above",
        ),
        (
            "[[rule]]\nwhen = 'step == 1'\ndo = 'x_next = x'\n".to_string()
                + &rule("d = 1; x_next = d[-1] * x"),
            "step 2 of 5: rule 2: 'x_next = d[-1] * x': the rule that took step 1 does not assign d",
        ),
        (
            "[numbers]\nw = [1, 2]\n".to_string() + &rule("x_next = w * x"),
            "step 1 of 5: numbers.w has 2 values, one per step, but there are 5 steps",
        ),
        (
            rule("x_next = x * x"),
            "step 1 of 5: rule 1: 'x_next = x * x': a vector * a vector is not defined",
        ),
        (
            rule("x_next = x + 1"),
            "step 1 of 5: rule 1: 'x_next = x + 1': a vector + a number is not defined",
        ),
        (
            rule("x_next = 1"),
            "step 1 of 5: rule 1: 'x_next = 1': a number stands where a vector is needed",
        ),
        (
            rule("x_next = exp(x)"),
            "step 1 of 5: rule 1: 'x_next = exp(x)': exp: a vector stands where a number is needed",
        ),
        (
            rule("x_next = denoiser(x, sigma)"),
            "step 1 of 5: rule 1: 'x_next = denoiser(x, sigma)': denoiser: a number stands where a level is needed",
        ),
        (
            rule("x_next = denoiser(x, at_time(2))"),
            "step 1 of 5: rule 1: 'x_next = denoiser(x, at_time(2))': at_time: 2 is outside [0, 1]",
        ),
        (
            rule("x_next = denoiser(x, at_ratio(-1))"),
            "step 1 of 5: rule 1: 'x_next = denoiser(x, at_ratio(-1))': at_ratio: no time of the process has sigma/alpha = -1e0",
        ),
    ] {
        let error = parsed(&text).plan(grid).unwrap_err().to_string();
        assert_eq!(error, format!("undefined at {expected}"), "{text}");
    }
    let error = parsed(&rule("x_next = log(-1) * x")).plan(grid).unwrap_err().to_string();
    assert!(error.contains("step 1 (towards t = 0.7) has a coefficient NaN"), "{error}");
    let error = sampler::registry().build("plan:no-such-file.toml").unwrap_err().to_string();
    assert_eq!(error, "sampler 'plan': no-such-file.toml: no such file");
}
