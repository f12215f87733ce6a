//! `gaussmeter recommend`, as its user sees it.

use crate::common::Folder;
use gaussmeter_testkit::relative_error;
use serde_json::Value;

const LINE: &str = "recommend --spectrum data.txt --sampler ddim,dpmpp-2m,heun --nfe 6 --front 4";

fn folder() -> Folder {
    let folder = Folder::empty();
    // More modes than times to choose: no schedule is perfect.
    let values = (0..24).map(|k| format!("{}\n", 20.0 * (-0.38 * f64::from(k)).exp()));
    folder.write("data.txt", values.collect::<String>());
    folder
}

#[test]
fn the_answer_comes_first_and_can_be_used() {
    let folder = folder();
    let text = folder.stdout(&format!("{LINE} --save sigmas.txt"));
    let answer = text.lines().next().unwrap();
    assert!(answer.starts_with("Use dpmpp-2m with 6 steps (6 NFE) on times optimised"), "{text}");
    assert!(answer.contains("times less than the usual dpmpp-2m on karras"), "{text}");
    for part in ["Pareto front", "What limits the winner", "Teleportation", "for real data"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json: Value =
        serde_json::from_str(&folder.stdout(&format!("{LINE} --format json"))).unwrap();
    assert_eq!((&json["schema"], &json["command"]), (&1.into(), &"recommend".into()));
    assert_eq!(json["answer"], answer);
    let line = "eval --spectrum data.txt --sampler dpmpp-2m --process edm --grid sigmas:sigmas.txt";
    let eval: Value =
        serde_json::from_str(&folder.stdout(&format!("{line} --init normal --format json")))
            .unwrap();
    let [a, b] = [&json["winner"]["w2"], &eval["w2"]].map(|v| v.as_f64().unwrap());
    assert!(relative_error(a, b) < 1e-6, "{a} {b}");
    assert_eq!(json["winner"]["nfe"], eval["nfe"]);
    let usual = "eval --spectrum data.txt --sampler dpmpp-2m --process edm --grid karras --nfe 6";
    let usual: Value =
        serde_json::from_str(&folder.stdout(&format!("{usual} --init normal --format json")))
            .unwrap();
    let of_w2 = folder.json(&format!("{LINE} --objective w2"));
    let [a, b] = [&of_w2["usual_error"], &usual["w2"]].map(|v| v.as_f64().unwrap());
    assert!(relative_error(a, b) < 1e-9, "{a} {b}");
    assert!(json["usual_error"].as_f64().unwrap() > a, "{json}");
    let budgets: Vec<&Value> =
        json["front"].as_array().unwrap().iter().map(|f| &f["budget"]).collect();
    assert_eq!(budgets, [4, 6]);
    let skips = json["teleportation"].as_array().unwrap();
    assert_eq!(
        (skips.len(), &skips[0]["nfe_saved"], &skips[6]["nfe_saved"]),
        (7, &0.into(), &6.into())
    );
}

/// Where the best times of a rule lost with a trained network, `tune` and `recommend` say so.
#[test]
fn the_best_times_are_said_to_have_lost_with_a_trained_network() {
    let folder = folder();
    let third = "of third order, lost to exponential and fisher-rao ones at 15 and 20 steps";
    let second = "of second order, lost to exponential and fisher-rao ones at 10 and 20 steps";
    for (sampler, nfe, expected) in [
        ("dpmpp-3m", 12, Some(third)),
        ("unipc", 10, Some(third)),
        ("dpmpp-2m", 10, Some(second)),
        ("dpmpp-3m", 6, None),
        ("dpmpp-2m", 6, None),
        ("ddim", 12, None),
    ] {
        for verb in [format!("recommend --front {nfe}"), "tune --starts 1".into()] {
            let line = format!("{verb} --spectrum data.txt --sampler {sampler} --nfe {nfe}");
            let text = folder.stdout(&line);
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for note in [third, second] {
                assert_eq!(text.contains(note), expected == Some(note), "{line}: {text}");
            }
        }
    }
}

#[test]
fn all_formats_name_all_samplers() {
    let folder = folder();
    for format in ["text", "markdown", "latex", "csv", "json"] {
        let printed = folder.stdout(&format!("{LINE} --format {format}"));
        for name in ["ddim", "dpmpp-2m", "heun"] {
            assert!(printed.contains(name), "{format}: {printed}");
        }
    }
    let csv = folder.stdout(&format!("{LINE} --format csv"));
    let header = "budget,rank,sampler,steps,nfe,standard,standard_w2,optimised_w2,standard_error,optimised_error\n";
    assert!(csv.starts_with(header), "{csv}");
    assert_eq!(csv.lines().count(), 7);
    let top = folder.stdout(&format!("{LINE} --top 1 --format markdown"));
    assert!(!top.contains("heun"), "{top}");
}

#[test]
fn other_processes_and_a_truncation_time() {
    let folder = folder();
    for more in ["--process vp-linear --eps 1e-3", "--process flow", "--error 0.5"] {
        let line = match more.starts_with("--error") {
            true => LINE.replace("--nfe 6", more),
            false => format!("{LINE} {more}"),
        };
        let json: Value =
            serde_json::from_str(&folder.stdout(&format!("{line} --format json"))).unwrap();
        assert!(json["winner"]["w2"].is_number(), "{more}: {json}");
    }
}

#[test]
fn bad_requests_get_one_line() {
    let folder = folder();
    for (line, code, message) in [
        ("recommend --sampler nothing", 2, "unknown sampler 'nothing'"),
        ("recommend --sampler ddim --nfe 0", 1, "0 NFE leaves no step"),
        ("recommend --sampler heun --nfe 1", 1, "needs at least 2 network evaluations"),
        ("recommend --sampler ddim --nfe 5 --error 1", 2, "cannot be used with"),
        ("recommend --sampler ddim --error 0", 2, "not a positive number"),
        ("recommend --sampler ddim --front 0", 2, "at least 1"),
        ("recommend --sampler ddim --min-ratio 0.5", 1, "must be at least 1"),
        ("recommend --sampler ddim --eps 100", 1, "100"),
        (
            "recommend --sampler ddim --spectrum data.txt --error 1e-9",
            1,
            "no sampler reaches an error of",
        ),
        ("recommend --process nothing", 2, "unknown process 'nothing'"),
        ("recommend --spectrum nothing.npy", 1, "nothing.npy"),
    ] {
        let ran = folder.run(line);
        assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
        assert!(ran.stdout.is_empty() && ran.stderr.contains(message), "{line}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{line}: {}", ran.stderr);
    }
}

/// A network that is not exact: the answer names it, its own error stands among the limits, and the winner
/// is what `eval` says it is.
#[test]
fn advice_for_a_network_that_is_not_exact() {
    let folder = Folder::empty();
    let line = "recommend --sampler dpmpp-2m,edm,dpmpp-2m-sde --nfe 9 --front 9 --network gain:delta=0.03 --save times.txt";
    let found = folder.json(line);
    assert_eq!(found["network"], "gain:delta=0.03");
    assert!(found["answer"].as_str().unwrap().contains("with network gain:delta=0.03"), "{found}");
    assert!(found["limits"]["score"].as_f64().unwrap() > 0.1);
    let winner = &found["winner"];
    let sampler = winner["sampler"].as_str().unwrap();
    let eval = format!(
        "eval --sampler {sampler} --process edm --grid sigmas:times.txt --network gain:delta=0.03 --format json"
    );
    let w2 = folder.json(&eval.replace(" --format json", ""))["w2"].as_f64().unwrap();
    assert!((winner["w2"].as_f64().unwrap() / w2 - 1.0).abs() < 1e-9, "{winner} {w2}");
    assert!(found["ranking"][0]["guidance_2"].is_null());
    let ran = folder.run("recommend --sampler ddim --nfe 4 --network samples:n=500");
    assert!(ran.code != 0 && ran.stderr.contains("only eval takes it"), "{}", ran.stderr);
}
