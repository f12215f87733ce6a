//! Files and texts that are huge, deep or mere noise: an error in one line, or an answer. No stack
//! overflows, and nothing takes long.

use gaussmeter::data::format;
use gaussmeter::entry::split_list;
use gaussmeter::prelude::*;
use gaussmeter::process::from_scheduler_config;
use gaussmeter::sampler::{PlanFile, Tableau};
use gaussmeter::{data, exact, grid, metric, objective, process, sampler};
use proptest::prelude::*;
use std::sync::Arc;

fn levels() -> Grid {
    Grid::new(Arc::new(Edm::new(80.0)), &[80.0, 5.0, 0.5, 0.0]).unwrap()
}

fn rule(result: &str) -> String {
    format!("[[rule]]\ndo = \"x_next = {result}\"\n")
}

/// The gain of the output on an eigenvalue of 2.
fn gain(text: &str) -> f64 {
    let plan = PlanFile::parse(text).unwrap().plan(&levels()).unwrap();
    let data = Spectrum::new("one", "", &[2.0], None, None).unwrap();
    Output::of(&plan, &data).gain[0]
}

fn one_line(what: &str, error: &str) {
    assert!(error.len() < 600 && !error.contains('\n'), "{what}: {error}");
}

/// Everything that reads text, on one text.
fn read(what: &str, text: &str) {
    if let Err(error) = PlanFile::parse(text) {
        one_line(what, &error);
    }
    if let Err(error) = Tableau::parse(text) {
        one_line(what, &error);
    }
    if let Err(error) = from_scheduler_config(text.as_bytes()) {
        one_line(what, &error.to_string());
    }
    if let Err(error) = format::read(text.as_bytes(), data::SPECTRUM) {
        one_line(what, &error.to_string());
    }
}

#[test]
fn flat_chains_are_read_however_long_they_are() {
    for count in [8192usize, 32_768] {
        let sum = format!("(x{}) / {count}", "+x".repeat(count - 1));
        assert_eq!(gain(&rule(&sum)), 1.0, "{count} terms");
    }
    // A step of Euler in σ, written at length.
    let short = "x + (sigma_next - sigma) / sigma * (x - denoiser(x))";
    let long = format!("{short}{}", "+0*x".repeat(20_000));
    assert_eq!(gain(&rule(&long)), gain(&rule(short)));
    // In numbers and conditions.
    let numbers = format!(
        "[numbers]\nweight = [\"1{}\", 2, 3]\n[[rule]]\nwhen = \"0{}\"\ndo = \"x_next = 2 * x\"\n{}",
        "-1+1".repeat(20_000),
        " or 0".repeat(20_000),
        rule("weight * x")
    );
    assert_eq!(gain(&numbers), 6.0);
    let zero = "+0".repeat(20_000);
    let tableau = format!(
        "order = 2\nc = [0, \"1/2{zero}\"]\nA = [[], [\"0.5{zero}\"]]\nb = [0, \"1{zero}\"]"
    );
    let tableau = Tableau::parse(&tableau).unwrap();
    assert_eq!((tableau, 2), (Tableau::two_stages(0.5), 2));
}

#[test]
fn what_is_too_long_is_refused() {
    let fails = |text: &str| PlanFile::parse(text).unwrap_err();
    let long = fails(&rule(&format!("x{}", "+x".repeat(100_000))));
    assert!(
        long.ends_with("it is too long: more than 100000 numbers, names and operators"),
        "{long}"
    );
    let lines: String = (0..20_000).map(|k| format!("y{k} = {k}\n")).collect();
    let many = fails(&format!("[[rule]]\ndo = '''\n{lines}x_next = x\n'''"));
    assert!(many.contains("more than 10000 assignments"), "{many}");
    let entries = format!("[{}0]", "0,".repeat(5_000_000));
    let large = fails(&format!("{{\"numbers\": {{\"a\": {entries}}}}}"));
    assert!(large.contains("more than 4194304 entries"), "{large}");
    let large = format::read(entries.repeat(2).as_bytes(), data::SPECTRUM).unwrap_err();
    assert!(large.to_string().contains("more than 8388608 numbers"), "{large}");
    let large = format::read("1,".repeat(40_000_000).as_bytes(), data::SPECTRUM).unwrap_err();
    assert!(large.to_string().contains("more than 33554432 numbers"), "{large}");
    // As many rows without an entry would be filled with zeros.
    let (rows, ones) = ("[],".repeat(20_000), "0,".repeat(19_999));
    let stages = format!("order = 1\nc = [{ones}0]\nA = [{rows}]\nb = [1,{ones}]");
    let error = Tableau::parse(&stages).unwrap_err();
    assert_eq!(error, "b: 20000 stages are too many: at most 1000");
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [100, 1000, 100_000] {
        for (open, middle, close) in [
            ("[", "1", "]"),
            ("{\"a\":", "1", "}"),
            ("{\"operations\":[", "", "]}"),
            ("x = [", "1", "]"),
            ("a.", "b = 1", ""),
            ("[a.", "b", "]"),
            ("[[", "a", "]]"),
            ("x = {a = ", "1", "}"),
            ("(", "1", ")"),
        ] {
            for close in [close.repeat(depth), String::new()] {
                let text = format!("{}{middle}{close}", open.repeat(depth));
                read(&format!("{depth} times {open}"), &text);
                read(&format!("numbers, {depth} times {open}"), &format!("numbers = {text}"));
            }
        }
        for (open, close) in [("(", ")"), ("exp(", ")"), ("2^", ""), ("-(", ")"), ("1+(", ")")] {
            let text = format!("{}1{} * x", open.repeat(depth), close.repeat(depth));
            let error = PlanFile::parse(&rule(&text));
            assert_eq!(error.is_err(), depth >= 100, "{depth} times {open}");
            one_line(open, &error.err().unwrap_or_default().replace(&text, "…"));
        }
    }
}

fn build(text: &str) {
    let _ = sampler::registry().build(text);
    let _ = process::registry().build(text);
    let _ = grid::registry().build(text);
    let _ = metric::registry().build(text);
    let _ = data::registry().build(text);
    let _ = objective::registry().build(text);
    let _ = exact::init_registry().build(text);
}

#[test]
fn names_and_parameters_may_be_long() {
    for text in [
        "x".repeat(1_000_000),
        ":".repeat(1_000_000),
        format!("em:{}", "a=1,".repeat(200_000)),
        format!("edm:s_churn={}", "9".repeat(1_000_000)),
        format!("lms:{}", "=".repeat(1_000_000)),
    ] {
        build(&text);
        assert!(!split_list(&text).is_empty());
    }
    assert_eq!(split_list(&"em,".repeat(200_000)).len(), 200_000);
}

const WORDS: &[&str] = &[
    "x",
    "x_next",
    "x[-1]",
    "y",
    "h",
    "sigma",
    "sigma_next",
    "alpha_prev",
    "level",
    "1",
    "0.5",
    "1e309",
    "+",
    "-",
    "*",
    "/",
    "^",
    "**",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "==",
    "<",
    "and",
    "or",
    "not(",
    "exp(",
    "denoiser(",
    "normal()",
    "at_time(",
    "at_ratio(",
    "phi2(",
    "max(",
    ";",
    "\n",
    "#",
    "·",
    "é",
    "'",
    "{",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_words_are_an_error_or_a_sampler(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
        let text = words.join(" ");
        for plan in [rule(&text), format!("[[rule]]\ndo = '''\n{text}\nx_next = x\n'''\n"), text] {
            read("words", &plan);
            if let Ok(sampler) = PlanFile::parse(&plan) {
                let _ = sampler.plan(&levels());
            }
        }
    }

    #[test]
    fn any_text_is_a_name_or_an_error(text in "[a-z0-9:=,._é+-]{0,40}") {
        split_list(&text).iter().filter(|t| !t.contains("steps") && !t.contains("repeats")).for_each(|t| build(t));
    }
}
