//! `rank` and `pareto`: samplers compared at equal network evaluations.

use crate::common::Folder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Rows of a CSV document by the names of its columns.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn number(row: &BTreeMap<String, String>, key: &str) -> f64 {
    row[key].parse().unwrap()
}

#[test]
fn samplers_are_ranked_by_the_errors_that_eval_tells() {
    let folder = Folder::empty();
    let ranking = json(&folder.stdout("rank --nfe 20 --format json"));
    let ranked = ranking["ranking"].as_array().unwrap();
    let names = |list: &Value| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|r| r["sampler"].as_str().unwrap().into()).collect()
    };
    let (able, unable) = (names(&ranking["ranking"]), names(&ranking["failures"]));
    let all = gaussmeter::sampler::registry().names_alone().into_iter().map(String::from);
    assert_eq!(&able | &unable, all.collect());
    assert!(able.is_disjoint(&unable) && unable.len() <= 1, "{unable:?}");
    let errors: Vec<f64> = ranked.iter().map(|r| r["w2"].as_f64().unwrap()).collect();
    assert!(errors.windows(2).all(|w| w[0] <= w[1]), "{errors:?}");
    for row in ranked.iter().step_by(5) {
        let sampler = row["sampler"].as_str().unwrap();
        let line = format!("eval --sampler {sampler} --nfe 20 --format json");
        let alone = json(&folder.stdout(&line));
        for key in ["w2", "steps", "nfe", "eps"] {
            assert_eq!(row[key], alone[key], "{sampler}, {key}");
        }
    }
    let text = folder.stdout("rank --nfe 20 --sampler heun,rk4,ddim");
    let order: Vec<&str> = text.lines().filter_map(|l| l.split_whitespace().nth(1)).collect();
    let order: Vec<&&str> = order.iter().filter(|w| ["heun", "rk4", "ddim"].contains(w)).collect();
    assert_eq!(order, [&"ddim", &"heun", &"rk4"]);
    let last: Vec<&str> = text.lines().nth_back(1).unwrap().split_whitespace().collect();
    assert_eq!(last, ["3", "rk4", "34.95", "5", "20"], "{text}");
}

#[test]
fn what_cannot_run_is_listed_with_its_reason() {
    let folder = Folder::empty();
    let line = "rank --nfe 10 --process flow --grid uniform,karras --sampler ddim,ddpm,dpm-2,lms";
    let text = folder.stdout(line).replace("\n      ", " ");
    for note in [
        "cannot run: ddpm, uniform: undefined at step 1 of 10: the scheme is defined for variance-preserving processes",
        "cannot run: dpm-2, uniform; lms, uniform: undefined at step 1 of 10: the scheme steps in sigma/alpha",
        "cannot run: all samplers, karras: at T no signal is left, so sigma/alpha is infinite there: give sigma_max=…",
    ] {
        assert!(text.contains(note), "{text}");
    }
    let csv = rows(&folder.stdout(&format!("{line} --format csv")));
    let ran: Vec<_> = csv.iter().filter(|r| !r["rank"].is_empty()).collect();
    assert_eq!((ran.len(), &ran[0]["sampler"][..], &ran[0]["grid"][..]), (1, "ddim", "uniform"));
    assert_eq!(csv.len(), 8);
    assert!(csv[1..].iter().all(|r| r["w2"].is_empty() && !r["reason"].is_empty()));
    // Nothing to show is a failure.
    let ran = folder.run("rank --nfe 3 --sampler rk4");
    let message =
        "error: sampler 'rk4' needs at least 4 network evaluations, but the budget is 3\n";
    assert_eq!((ran.code, &ran.stdout[..], &ran.stderr[..]), (1, "", message));
    for (line, message) in [
        ("rank --nfe 0", "0 NFE leaves no step"),
        ("rank --sampler ,", "--sampler is an empty list"),
        ("rank --grid karas", "did you mean 'karras'?"),
        ("pareto --process vp,edn", "did you mean 'edm'?"),
        ("pareto --nfe 6..1", "ends at 1, before 6"),
        ("pareto --nfe 1..5:0", "a step of 0"),
        ("pareto --nfe 1..900000", "more than 10000 numbers"),
        ("pareto --nfe 1..x", "not a whole number"),
    ] {
        let ran = folder.run(line);
        assert!(ran.code != 0 && ran.stderr.contains(message), "{line}: {ran:?}");
    }
}

/// The front, from its definition.
#[test]
fn no_run_beats_one_on_the_front() {
    let folder = Folder::empty();
    let line = "pareto --process edm,vp --grid karras,uniform --nfe 5..25:4,40 --eps 0 \
                --sampler ddim,edm-euler,heun,dpmpp-2m,ddpm";
    let csv = rows(&folder.stdout(&format!("{line} --format csv")));
    let ran: Vec<_> = csv.iter().filter(|r| r["reason"].is_empty()).collect();
    let point = |r: &BTreeMap<String, String>| (number(r, "nfe"), number(r, "w2"));
    let mut on_front = 0;
    for row in &ran {
        let (nfe, error) = point(row);
        assert!(nfe <= number(row, "budget"));
        let is_beaten = ran.iter().map(|r| point(r)).any(|(n, e)| {
            (n < nfe && e <= error * (1.0 + 1e-9)) || (n == nfe && e < error * (1.0 - 1e-9))
        });
        assert_eq!(row["front"], if is_beaten { "no" } else { "yes" }, "{row:?}");
        on_front += u32::from(!is_beaten);
    }
    assert!(on_front > 3 && on_front < 30, "{on_front}");
    // Budgets that come to the same run are told once: Heun in t spends an even number.
    let heun = ran.iter().filter(|r| r["sampler"] == "heun" && r["process"] == "edm");
    let heun: Vec<(&str, f64)> = heun.map(|r| (&r["grid"][..], number(r, "nfe"))).collect();
    let karras: Vec<f64> = heun.iter().filter(|h| h.0 == "karras").map(|h| h.1).collect();
    assert_eq!(karras, [4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 40.0]);
    let json = json(&folder.stdout(&format!("{line} --format json")));
    assert_eq!(json["points"].as_array().unwrap().len(), ran.len());
    assert_eq!(json["failures"].as_array().unwrap().len(), csv.len() - ran.len());
    let text = folder.stdout(&format!("{line} --columns 3")).replace("\n      ", " ");
    assert!(text.contains("3 of 7 budgets shown"), "{text}");
    assert!(text.contains("cannot run: ddpm, karras, edm"), "{text}");
}

/// Samplers that are the same one share their places on the front.
#[test]
fn equal_runs_are_all_on_the_front() {
    let folder = Folder::empty();
    let line = "pareto --nfe 5,10 --sampler ddim,edm-euler --format csv";
    let csv = rows(&folder.stdout(line));
    assert_eq!(csv.len(), 4);
    assert!(csv.iter().all(|r| r["front"] == "yes"), "{csv:?}");
}

#[test]
fn latex_draws_errors_against_evaluations() {
    let folder = Folder::empty();
    let line = "pareto --sampler heun,ddim --nfe 2..6 -o front.tex";
    assert_eq!(folder.stdout(line), "");
    let tex = folder.read("front.tex");
    for part in [
        r"\begin{loglogaxis}",
        r"\addlegendentry{heun}",
        r"\addlegendentry{Pareto front}",
        "xlabel={network evaluations}",
        "cannot run",
    ] {
        assert_eq!(tex.contains(part), part != "cannot run", "{part}: {tex}");
    }
    let table = folder.stdout("rank --nfe 8 --sampler heun,ddim --format markdown");
    assert!(table.contains("|    1 | ddim    | 6.122 |     8 |   8 |"), "{table}");
}
