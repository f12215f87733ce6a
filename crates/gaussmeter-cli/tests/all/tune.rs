//! `tune`: the best times for given data.

use crate::common::{Folder, words};
use serde_json::Value;
use std::process::{Command, Stdio};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_optimum_is_what_eval_finds_on_the_saved_levels() {
    let folder = Folder::empty();
    let line = "tune --sampler dpmpp-2m --nfe 10 --objective w2 --save sigmas.txt --format json";
    let tuned = json(&folder.stdout(line));
    let error = tuned["error"].as_f64().unwrap();
    assert!(error < 0.0348, "{error}");
    assert_eq!((tuned["steps"].as_u64(), tuned["nfe"].as_u64()), (Some(10), Some(10)));
    let sigmas: Vec<f64> =
        tuned["sigmas"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
    assert_eq!((sigmas[0], sigmas[10]), (80.0, 0.0));
    for w in sigmas[..10].windows(2) {
        assert!(w[0] / w[1] >= 1.25 * (1.0 - 1e-12), "{w:?}");
    }
    let line = "eval --sampler dpmpp-2m --process edm --grid sigmas:sigmas.txt --format json";
    let w2 = json(&folder.stdout(line))["w2"].as_f64().unwrap();
    assert!((w2 - error).abs() < 1e-9 * error, "{w2} {error}");

    // No standard schedule is as good, and the report says by how much.
    let others = tuned["schedules"].as_array().unwrap();
    assert!(others.len() >= 5);
    assert!(others.iter().all(|s| s["error"].as_f64().is_none_or(|e| e > error)));
    assert!(tuned["search"]["first_order"].as_f64().unwrap() < 1e-6);
    assert_eq!(tuned["robustness"].as_array().unwrap().len(), 3);
    // The same for the same seed.
    assert_eq!(
        folder.stdout("tune --sampler ddim --steps 6"),
        folder.stdout("tune --sampler ddim --steps 6")
    );
}

#[test]
fn every_format_has_the_times() {
    let folder = Folder::empty();
    let csv = folder.stdout("tune --sampler ddim --steps 4 --format csv");
    assert_eq!(csv.lines().next(), Some("step,t,alpha,sigma,ratio"));
    assert_eq!(csv.lines().count(), 6);
    for format in ["text", "markdown", "latex"] {
        let text = folder.stdout(&format!("tune --sampler ddim --steps 4 --format {format}"));
        for word in ["karras", "optimised", "first-order condition"] {
            assert!(text.contains(word), "{format}: {word}");
        }
    }
}

/// Ctrl-C in a search that would take long: what it has found is told and saved, and the exit code says
/// that it is not all.
#[cfg(unix)]
#[test]
fn an_interrupted_search_tells_the_best_so_far() {
    for (line, key) in [
        ("tune --sampler dpmpp-3m --nfe 30 --starts 10000 --save sigmas.txt", "error"),
        ("tune --sampler dpmpp-2m --nfe 60 --starts 4000 --free eta --save sigmas.txt", "eta"),
        ("recommend --nfe 30 --front 50,60,70,80,90,100 --save sigmas.txt", "winner"),
        ("rank --nfe 60000", "ranking"),
        ("table --sampler all --steps 2000,3000,4000,5000,6000,7000", "cells"),
        ("schedules --sampler ddim,dpmpp-3m,unipc,dpmpp-sde --steps 20,30,40,50,60,70", "results"),
    ] {
        // Until the program listens, the signal ends it.
        let found = (0..6).find_map(|attempt| {
            let folder = Folder::empty();
            let arguments: Vec<&str> =
                words(line).into_iter().chain(["--format", "json"]).collect();
            let mut command = folder.command(&arguments);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(1500 << attempt));
            let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            assert!(kill.unwrap().success() || child.try_wait().unwrap().is_some());
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() != Some(0), "{line}: not long enough to be interrupted");
            let early = output.status.code().is_none() || stderr.contains("before anything");
            (!early).then_some((folder, output.status.code(), output.stdout, stderr))
        });
        let (folder, code, stdout, stderr) = found.unwrap();
        assert_eq!(code, Some(1), "{stderr}");
        let last = "error: interrupted: the result is the best found so far";
        assert_eq!(stderr.lines().last(), Some(last), "{line}");
        let told = json(&String::from_utf8(stdout).unwrap());
        assert_eq!(told["interrupted"], true, "{line}");
        assert!(!told[key].is_null(), "{line}");
        if line.contains("--save") {
            assert!(folder.read("sigmas.txt").lines().count() > 2, "{line}");
        }
    }
}

#[test]
fn bad_requests_get_one_line() {
    let folder = Folder::empty();
    folder.write("w.txt", "1\n2\n");
    for (arguments, message) in [
        ("--sampler rk4 --nfe 3", "sampler 'rk4' needs at least 4 network evaluations"),
        ("--sampler nope", "unknown sampler 'nope'"),
        ("--sampler ddim --min-ratio 0.9", "must be at least 1, not 0.9"),
        ("--sampler ddim --steps 30 --eps 1", "ask for a smaller ratio or fewer steps"),
        ("--sampler ddim --eps 100", "must lie in [0, 80)"),
        ("--sampler ddim --starts 0", "at least 1"),
        ("--sampler ddim --free end --eps 0.1", "--free end optimises the end that --eps fixes"),
        ("--sampler heun --free eta", "has no parameter eta that could be sought: those that have"),
        ("--sampler ddim:eta=0.3 --free end,eta", "its eta is given, and is to be sought"),
        ("--sampler dpmpp-3m:variant=diffusers --free eta", "only eta = 0 and eta = 1, not 0.5"),
        ("--sampler ddim --free start --init exact", "a free start is best where nothing"),
        ("--sampler ddim --objective weighted:w.txt", "w.txt has 2 weights"),
        ("--sampler ddim --objective mixture:w2=0", "all weights are 0"),
        ("--sampler ddpm", "defined for variance-preserving processes"),
        ("--sampler restart --nfe 12", "depends on where levels lie"),
    ] {
        let ran = folder.run(&format!("tune {arguments}"));
        assert!(ran.code != 0 && ran.stdout.is_empty(), "{arguments}: {ran:?}");
        assert!(ran.stderr.contains(message), "{arguments}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

/// Where no objective is given, it is the sum of W2², squared contributions of steps, as `eval` and
/// `schedules` have them, and what steps make of errors of evaluations.
#[test]
fn the_default_trusts_cancellation_less() {
    let folder = Folder::empty();
    let line = "tune --sampler dpmpp-2m --nfe 8";
    let usual = folder.stdout(line);
    assert!(usual.contains("2.56 times") && usual.contains("evaluation off by 0.02"), "{usual}");
    let tuned =
        folder.json(&format!("{line} --objective robust:evaluation=1e-9 --save sigmas.txt"));
    let of = |command: &str| {
        folder.json(&format!("{command} --sampler dpmpp-2m --process edm --grid sigmas:sigmas.txt"))
    };
    let number = |v: &Value| v.as_f64().unwrap();
    let w2 = number(&of("eval")["w2"]);
    assert!((number(&tuned["w2"]) / w2 - 1.0).abs() < 1e-9);
    let line = "schedules --sampler dpmpp-2m --steps 8 --grid sigmas:sigmas.txt --objective local";
    let local = number(&folder.json(line)["results"][0]["error"]);
    let expected = (w2 * w2 + 2.56 * local * local).sqrt();
    assert!((number(&tuned["error"]) / expected - 1.0).abs() < 1e-9, "{tuned} {expected}");
    let text = folder.stdout("tune --sampler ddim --steps 4");
    assert!(text.contains("plus 0.0900 times"), "{text}");
}

/// Times that are sought for the network that the sampler calls are better with it than others are.
#[test]
fn times_can_be_for_a_network_that_is_not_exact() {
    let folder = Folder::empty();
    let network = "--network gain:delta=-0.05";
    let w2 = |more: &str| {
        let tune =
            "tune --sampler dpmpp-2m --steps 8 --objective w2 --save times.txt --format json";
        let tuned = json(&folder.stdout(&format!("{tune} {more}")));
        let eval = "eval --sampler dpmpp-2m --process edm --grid sigmas:times.txt --format json";
        (tuned, json(&folder.stdout(&format!("{eval} {network}")))["w2"].as_f64().unwrap())
    };
    let ((_, without), (tuned, with)) = (w2(""), w2(network));
    assert_eq!(tuned["network"], "gain:delta=-0.05");
    assert!((tuned["error"].as_f64().unwrap() / with - 1.0).abs() < 1e-9);
    assert!(with < 0.9 * without, "{with} {without}");
    // The same times by name.
    let line = "eval --sampler dpmpp-2m --process edm --steps 8 --eps 0 --format json";
    let named = |grid: &str| {
        json(&folder.stdout(&format!("{line} --grid {grid} {network}")))["w2"].as_f64().unwrap()
    };
    let asked = named("optimised:objective=w2,network=asked");
    assert!((asked / with - 1.0).abs() < 1e-9, "{asked} {with}");
    assert!((named("optimised:objective=w2") / without - 1.0).abs() < 1e-9);
    for network in [
        "early-stopped:tau=5",
        "gradient-descent:steps=9",
        "perturbed:delta=0.1",
        "guided:w=2,class=cifar10-icml2025",
    ] {
        let tuned = json(&folder.stdout(&format!(
            "tune --sampler ddim --steps 4 --starts 2 --network {network} --format json"
        )));
        assert!(tuned["search"]["first_order"].as_f64().unwrap() < 1e-4, "{network}: {tuned}");
    }
    for (network, says) in [
        ("guided:w=0.5,class=cifar10,rule=cfg++", "no times can be sought"),
        ("samples:n=500", "only eval takes it"),
    ] {
        let ran = folder.run(&format!("tune --sampler ddim --steps 4 --network {network}"));
        assert!(
            ran.code != 0 && ran.stderr.contains(says) && ran.stderr.lines().count() == 1,
            "{}",
            ran.stderr
        );
    }
}

/// The stochasticity that is found is part of the sampler that is told, whose W2 `eval` computes alike.
#[test]
fn the_best_stochasticity_is_that_of_the_sampler_told() {
    let folder = Folder::empty();
    let setting = "--spectrum power-law:d=40,alpha=2 --network gain:delta=-0.1";
    let line = format!("tune --sampler dpmpp-2m --steps 6 --starts 2 {setting} --objective w2");
    let free = json(&folder.stdout(&format!("{line} --free eta --save sigmas.txt --format json")));
    let (name, number) = (free["sampler"].as_str().unwrap(), |v: &Value| v.as_f64().unwrap());
    let best = number(&free["eta"]["best"]);
    assert!(name == format!("dpmpp-2m:eta={best}") && 0.0 < best && best < 1.0, "{name} {best}");
    let eval = format!("eval --sampler {name} --process edm --grid sigmas:sigmas.txt {setting}");
    let w2 = number(&json(&folder.stdout(&format!("{eval} --format json")))["w2"]);
    assert!((number(&free["w2"]) / w2 - 1.0).abs() < 1e-9, "{w2} {free}");
    let fixed = json(&folder.stdout(&format!("{line} --format json")));
    assert!(number(&free["error"]) < number(&fixed["error"]) && fixed["eta"].is_null());
    let tried = free["eta"]["tried"].as_array().unwrap();
    assert!(number(&tried[0]["error"]) <= number(&fixed["error"]) * (1.0 + 1e-9));
    let csv = folder.stdout(&format!("{line} --free eta --format csv"));
    assert_eq!(csv.lines().next(), Some("step,t,alpha,sigma,ratio,eta"));
    assert!(csv.lines().nth(1).is_some_and(|row| row.ends_with(&format!(",{best}"))), "{csv}");
    let text = folder.stdout(&format!("{line} --free eta,end"));
    assert!(text.contains("Stochasticity") && text.contains("the best from 0 to 1"), "{text}");
}

/// One eigenvalue does not determine times that hold elsewhere, and the report says so.
#[test]
fn one_eigenvalue_is_said_to_be_too_few() {
    let folder = Folder::empty();
    let says = |spectrum: &str| {
        let text = folder
            .stdout(&format!("tune --sampler dpmpp-2m --steps 6 --starts 2 --spectrum {spectrum}"));
        words(&text).join(" ").contains("has one distinct eigenvalue, which does not determine")
    };
    folder.write("two.csv", "1\n1.2\n");
    assert!(says("white:d=16") && !says("two.csv"));
    let text =
        folder.stdout("recommend --sampler dpmpp-2m --nfe 6 --front 6 --spectrum white:d=16");
    assert!(words(&text).join(" ").contains("has one distinct eigenvalue"), "{text}");
}
