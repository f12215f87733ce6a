//! Training timesteps are rounded where the projects round them, for every number of steps.

use gaussmeter::grid::GridError;
use gaussmeter::prelude::*;
use gaussmeter::{grid, process};
use serde_json::Value;
use std::sync::Arc;

const RECORDED: &str = include_str!("../fixtures/timesteps.json");

fn process(text: &str) -> Arc<dyn Process> {
    process::registry().build(text).unwrap().item.into()
}

/// The training timesteps of a rule, noisiest first.
fn timesteps(process: &Arc<dyn Process>, rule: &str, steps: usize) -> Result<Vec<i64>, GridError> {
    let rule = grid::registry().build(rule).unwrap().item;
    let grid = rule.grid(process, steps, 0.0)?;
    let whole = |l: &Level| {
        assert_eq!(l.t.fract(), 0.0);
        l.t as i64 - 1
    };
    Ok(grid.levels()[..steps].iter().map(whole).collect())
}

/// a/b to the nearest whole number, halves to even.
fn rounded(a: usize, b: usize) -> i64 {
    let (quotient, twice) = (a / b, 2 * (a % b));
    let up = twice > b || twice == b && quotient % 2 == 1;
    (quotient + usize::from(up)) as i64
}

/// The list of exact arithmetic.
fn exact(spacing: &str, family: &str, total: usize, n: usize) -> Vec<i64> {
    let parts = if family == "dpm" { n } else { n - 1 };
    let at = |k: usize| match spacing {
        "leading" => ((parts - k) * (total / (parts + 1))) as i64,
        "linspace" if parts == 0 => 0,
        "linspace" => rounded((total - 1) * (parts - k), parts),
        // round(T − k T/n) − 1
        _ => rounded(total * (n - k), n) - 1,
    };
    (0..n).map(at).collect()
}

#[test]
fn every_spacing_is_that_of_diffusers_for_every_number_of_steps() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let (mut lists, mut differ, mut refused) = (0, 0, 0);
    for (name, case) in recorded["timesteps"].as_object().unwrap() {
        let words: Vec<&str> = name.split(' ').collect();
        let [total, family, spacing] = words[..] else { panic!("{name}") };
        let process = process(&format!("vp-discrete:steps={total}"));
        let rule = format!("timesteps:{spacing},family={family}");
        let total: usize = total.parse().unwrap();
        let surplus: Vec<u64> =
            case["surplus"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        for n in 1..=total {
            let ours = timesteps(&process, &rule, n);
            if surplus.contains(&(n as u64)) {
                assert_eq!(ours, Err(GridError::Surplus { made: n + 1, asked: n }), "{name}");
                refused += 1;
                continue;
            }
            let mut expected = exact(spacing, family, total, n);
            for place in case["differs"][n.to_string()].as_array().into_iter().flatten() {
                expected[place[0].as_u64().unwrap() as usize] = place[1].as_i64().unwrap();
                differ += 1;
            }
            lists += 1;
            match ours {
                Ok(ours) => assert_eq!(ours, expected, "{name}, {n} steps"),
                // More points than a stride of 1 has room for.
                Err(e) => {
                    assert!(expected.windows(2).any(|w| w[0] <= w[1]), "{name}, {n} steps: {e}")
                }
            }
        }
    }
    assert_eq!((lists, differ, refused), (16886, 1493, 402));
}

#[test]
fn beta_rounds_as_comfyui_does() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    for (name, case) in recorded["beta"].as_object().unwrap() {
        let words: Vec<&str> = name.split(' ').collect();
        let [total, a, b] = words[..] else { panic!("{name}") };
        let process = process(&format!("vp-discrete:steps={total}"));
        let rule = format!("beta:alpha={a},beta={b}");
        for (k, list) in case.as_array().unwrap().iter().enumerate() {
            let [count, sum] = [0, 1].map(|i| list[i].as_i64().unwrap());
            match timesteps(&process, &rule, k + 1) {
                Ok(ours) => {
                    let weighted: i64 = ours.iter().zip(1..).map(|(t, weight)| t * weight).sum();
                    assert_eq!(
                        (ours.len() as i64, weighted),
                        (count, sum),
                        "{name}, {} steps",
                        k + 1
                    );
                }
                // What rounds to the same timestep is one step there too.
                Err(e) => {
                    let own = count as usize;
                    assert_eq!(e, GridError::FixedSteps { own, asked: k + 1 }, "{name}");
                }
            }
        }
    }
}

/// What Python's `int(k * (T / n))` makes of a whole number that T/n times k stays below: timesteps of
/// n steps, place by place, in CPython 3.11.
const SIMPLE: [(usize, usize, usize, i64); 14] = [
    (1000, 38, 19, 500),
    (1000, 76, 19, 750),
    (1000, 76, 38, 500),
    (1000, 122, 61, 500),
    (1000, 152, 19, 875),
    (1000, 152, 38, 750),
    (1000, 152, 76, 500),
    (1000, 174, 87, 500),
    (1000, 186, 93, 500),
    (1000, 198, 99, 500),
    (1024, 98, 49, 512),
    (1024, 196, 49, 768),
    (1024, 196, 98, 512),
    (1024, 196, 147, 256),
];

#[test]
fn simple_truncates_as_python_does() {
    let mut differ = 0;
    for total in [100, 1000, 1024] {
        let process = process(&format!("vp-discrete:steps={total}"));
        for n in 1..=usize::min(total, 200) {
            let mut expected: Vec<i64> =
                (0..n).map(|k| (total - 1 - total * k / n) as i64).collect();
            for (_, _, place, timestep) in SIMPLE.iter().filter(|s| (s.0, s.1) == (total, n)) {
                expected[*place] = *timestep;
                differ += 1;
            }
            assert_eq!(timesteps(&process, "simple", n).unwrap(), expected, "{n} of {total}");
        }
    }
    assert_eq!(differ, SIMPLE.len());
}

/// Indices of EDM's `((len(u) - 1) / (num_steps - 1) * step_indices).round()` where a half on paper is
/// rounded the other way, out of all 991 levels from 80 to 0.002.
#[test]
fn levels_of_improved_ddpm_are_rounded_as_edm_does() {
    let edm = process("edm");
    let levels = |steps: usize| {
        let rule = grid::registry().build("edm-iddpm").unwrap().item;
        let grid = rule.grid(&edm, steps, 0.0).unwrap();
        grid.levels().iter().map(|l| l.t).collect::<Vec<_>>()
    };
    let all = levels(991);
    for (steps, place, index) in [(29, 7, 247), (53, 39, 743), (109, 51, 467), (109, 99, 907)] {
        assert_eq!(levels(steps)[place], all[index], "{steps} steps");
        assert_eq!(990 * place % (steps - 1) * 2, steps - 1, "a half on paper");
    }
}
