//! Every rule of the registry with all of its options places one, two and three steps rightly, or says
//! why it does not.

use gaussmeter::entry::{Entry, Kind, Parameter};
use gaussmeter::prelude::*;
use gaussmeter::{grid, process};
use std::collections::HashMap;
use std::sync::Arc;

const PROCESSES: [&str; 12] = [
    "edm",
    "vp-discrete",
    "vp-discrete:zero_snr=yes",
    "vp-discrete:conditioning=round",
    "vp-linear",
    "vp-cosine",
    "sub-vp",
    "ve",
    "trig",
    "flow",
    "flow:coordinates=u",
    "flow:coordinates=u,shift=3",
];

/// Most texts of one entry that are tried in every combination; of more options, every pair.
const MOST: usize = 2500;

/// Values of a parameter, the default first.
fn values(parameter: &Parameter) -> Vec<String> {
    let numbers = |all: &[f64]| all.iter().map(|v| v.to_string()).collect::<Vec<_>>();
    let mut values: Vec<String> = parameter.default.into_iter().map(str::to_string).collect();
    let more = match parameter.kind {
        Kind::Choice(words) => words.iter().map(|w| w.to_string()).collect(),
        Kind::Number { min, max } => {
            let inside = [0.0, 0.3, 1.0, 3.0].into_iter().chain([min, max]);
            let plain = |v: &f64| (min..=max).contains(v) && (*v == 0.0 || (1e-3..1e3).contains(v));
            numbers(&inside.filter(plain).collect::<Vec<_>>())
        }
        Kind::NumberOr { .. } | Kind::NonNegativeOr { .. } => numbers(&[0.01, 0.5, 20.0]),
        Kind::Count { min } => vec![min.to_string(), (min + 40).to_string()],
        _ => Vec::new(),
    };
    for value in more {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// Text forms of an entry: all combinations of its options, or of every two.
fn texts(entry: &Entry<dyn GridRule>) -> Vec<String> {
    let options: Vec<(&str, Vec<String>)> =
        entry.parameters.iter().map(|p| (p.name, values(p))).collect();
    let text = |chosen: &[usize]| {
        let pairs = options.iter().zip(chosen).filter(|(_, k)| **k > 0);
        let pairs: Vec<String> = pairs.map(|((key, v), k)| format!("{key}={}", v[*k])).collect();
        format!("{}:{}", entry.name, pairs.join(","))
    };
    let all: usize = options.iter().map(|(_, v)| v.len()).product();
    let mut chosen = Vec::new();
    for mut index in 0..if all <= MOST { all } else { 0 } {
        let digits = options.iter().map(|(_, v)| {
            let digit = index % v.len();
            index /= v.len();
            digit
        });
        chosen.push(digits.collect::<Vec<_>>());
    }
    if all > MOST {
        for a in 0..options.len() {
            for b in 0..a {
                for i in 0..options[a].1.len() {
                    for j in 0..options[b].1.len() {
                        let mut digits = vec![0; options.len()];
                        (digits[a], digits[b]) = (i, j);
                        chosen.push(digits);
                    }
                }
            }
        }
    }
    let mut texts: Vec<String> = chosen.iter().map(|digits| text(digits)).collect();
    texts.sort();
    texts.dedup();
    texts
}

/// A rule as it was asked for.
struct Asked<'a> {
    name: &'a str,
    options: HashMap<&'a str, &'a str>,
    process: &'a dyn Process,
    steps: usize,
}

impl Asked<'_> {
    fn word(&self, key: &str, default: &'static str) -> &str {
        self.options.get(key).copied().unwrap_or(default)
    }
    fn number(&self, key: &str) -> Option<f64> {
        self.options.get(key)?.parse().ok()
    }
    /// The first level: σ/α, or for flow-shift u.
    fn first(&self) -> f64 {
        let level = |t: f64| self.process.level(t).noise_ratio();
        let top = level(self.process.t_max());
        let timestep = |k: usize| level(k as f64 + 1.0);
        match self.name {
            "timesteps" => {
                let offset = self.number("offset").unwrap_or(0.0) as usize;
                let points = self.steps + usize::from(self.word("family", "ddim") == "dpm");
                timestep(match self.word("spacing", "leading") {
                    "leading" => (points - 1) * (1000 / points) + offset,
                    "linspace" if points == 1 => 0,
                    _ => 999,
                })
            }
            "ddim_uniform" => {
                let table = self.number("table").unwrap_or(1000.0) as usize;
                let k = 1 + (self.steps - 1) * (table / self.steps);
                match self.process.training_steps() {
                    Some(_) => timestep(k),
                    None => level((k + 1) as f64 / table as f64),
                }
            }
            "ays" => match self.process.training_steps() {
                // Timestep 999, or the tables.
                Some(_) if self.word("model", "sd1") != "svd" => timestep(999),
                _ if self.word("model", "sd1") == "svd" => 700.0,
                _ => 14.615,
            },
            // The highest of its levels that is not above.
            "edm-iddpm" => f64::NAN,
            "flow-shift" => {
                let shift = self.number("shift").or(self.number("mu").map(f64::exp));
                let tokens = |n: f64| (0.5 + (n - 256.0) * 0.65 / 3840.0).exp();
                let s = shift.or(self.number("tokens").map(tokens)).unwrap_or(1.0);
                let first = match self.word("base", "inverse-steps") {
                    "dpm" => s * 0.999 / (1.0 + (s - 1.0) * 0.999),
                    "unipc" => 1.0 - 1e-6,
                    _ => 1.0,
                };
                // The first level of this base is stretched with the others.
                let moves = self.word("base", "inverse-steps") == "dpm"
                    && self.steps + usize::from(self.word("final", "zero") == "last") > 1;
                if self.options.contains_key("terminal") && moves { f64::NAN } else { first }
            }
            "dynamic-programming" | "ays-klub" => f64::NAN,
            _ => self.number("sigma_max").unwrap_or(top),
        }
    }
    /// The level it ends at; `None` where the options do not say.
    fn last(&self) -> Option<f64> {
        match self.word("final", "zero") {
            "zero" => Some(0.0),
            "last" => self.number("terminal"),
            _ => self.number("sigma_min"),
        }
    }
    /// What is wrong with a grid; `None` if nothing is.
    fn fault(&self, grid: &Grid, end: f64) -> Option<String> {
        let levels = grid.levels();
        let is_flow = self.name == "flow-shift";
        let noise = |l: &Level| if is_flow { l.marginal().sigma } else { l.noise_ratio() };
        let ratios: Vec<f64> = levels.iter().map(noise).collect();
        let near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        let wanted = self.first();
        if grid.step_count() != self.steps {
            return Some(format!("{} steps", grid.step_count()));
        }
        if levels.iter().any(|l| !(l.t.is_finite() && l.alpha.is_finite() && l.sigma.is_finite())) {
            return Some("a level is not finite".into());
        }
        let falls = ratios.windows(2).all(|w| w[0] > w[1]);
        if !falls || levels.windows(2).any(|w| w[0].t <= w[1].t) {
            return Some("levels do not decrease".into());
        }
        if !wanted.is_nan() && !near(ratios[0], wanted) {
            return Some(format!("starts at {}, not {wanted}", ratios[0]));
        }
        if grid.end().t != end {
            return Some(format!("ends at t = {}, not {end}", grid.end().t));
        }
        let last = ratios[ratios.len() - 1];
        match self.last() {
            Some(wanted) if !near(last, wanted) => Some(format!("ends at {last}, not {wanted}")),
            _ => None,
        }
    }
}

#[test]
fn few_steps_are_placed_or_refused() {
    let data = [&[1e-3, 0.1, 1.0, 30.0][..], &[0.0, 0.5, 2.0]]
        .map(|list| Spectrum::new("few", "", list, None, None).unwrap());
    let (mut placed, mut refused, mut faults) = (0, 0, Vec::new());
    let mut reasons: HashMap<String, usize> = HashMap::new();
    for entry in grid::registry().entries {
        if entry.parameters.iter().any(|p| p.default.is_none()) {
            continue; // a list from a file
        }
        if grid::registry().build(entry.name).unwrap().item.optimised().is_some() {
            continue; // placed for a sampler
        }
        let mut on_few = [false; 3];
        for text in texts(entry) {
            let Ok(named) = grid::registry().build(&text) else { continue };
            let pairs = text.split_once(':').map_or("", |(_, pairs)| pairs);
            let options = pairs.split(',').filter_map(|pair| pair.split_once('=')).collect();
            let options: HashMap<&str, &str> = options;
            for process_text in PROCESSES {
                let process: Arc<dyn Process> =
                    process::registry().build(process_text).unwrap().item.into();
                let end = named.item.own_end(&*process).unwrap_or(0.0);
                for (steps, data) in [1, 2, 3].into_iter().zip(data.iter().cycle()) {
                    let options = options.clone();
                    let asked = Asked { name: entry.name, options, process: &*process, steps };
                    let what = format!("{text} on {process_text}, {steps} steps");
                    match named.item.grid_for(data, &process, steps, end) {
                        Ok(grid) => {
                            placed += 1;
                            on_few[steps - 1] = true;
                            faults.extend(asked.fault(&grid, end).map(|f| format!("{what}: {f}")));
                        }
                        Err(e) => {
                            refused += 1;
                            if e.to_string().contains("NaN") {
                                faults.push(format!("{what}: {e}"));
                            }
                            let kind = format!("{e:?}");
                            let kind = kind.split([' ', '(']).next().unwrap_or_default();
                            *reasons.entry(format!("{} {kind}", entry.name)).or_default() += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(on_few, [true; 3], "{}", entry.name);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort();
    println!("{placed} placed, {refused} refused: {reasons:?}");
    println!("{} faults", faults.len());
    assert!(placed > 20_000, "{placed}");
    faults.truncate(60);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
