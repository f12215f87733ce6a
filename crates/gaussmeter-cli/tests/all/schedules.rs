//! `gaussmeter schedules` and grids that follow the data, as their user sees them.

use crate::common::Folder;
use gaussmeter_testkit::relative_error;
use serde_json::Value;

fn results(folder: &Folder, line: &str) -> Vec<Value> {
    let document: Value =
        serde_json::from_str(&folder.stdout(&format!("{line} --format json"))).unwrap();
    assert_eq!((&document["schema"], &document["command"]), (&1.into(), &"schedules".into()));
    document["results"].as_array().unwrap().clone()
}

#[track_caller]
fn find<'a>(results: &'a [Value], sampler: &str, length: &str, schedule: &str) -> &'a Value {
    let is =
        |r: &&Value| r["sampler"] == sampler && r["length"] == length && r["schedule"] == schedule;
    results.iter().find(is).unwrap_or_else(|| panic!("no {sampler}, {length}, {schedule}"))
}

#[test]
fn the_optimum_is_below_every_schedule() {
    let folder = Folder::empty();
    folder.write("data.txt", "20\n1\n0.1\n0.003\n");
    let line = "schedules --spectrum data.txt --sampler ddim,dpmpp-2m --steps 4,6";
    let results = results(&folder, line);
    for sampler in ["ddim", "dpmpp-2m"] {
        for length in ["4 steps", "6 steps"] {
            let optimum = find(&results, sampler, length, "optimum");
            let best = optimum["error"].as_f64().unwrap();
            let column: Vec<&Value> = (results.iter())
                .filter(|r| r["sampler"] == sampler && r["length"] == length)
                .collect();
            let errors = column.iter().filter_map(|r| r["error"].as_f64());
            // What equals the optimum up to where descents end.
            assert!(errors.clone().all(|e| e >= best * (1.0 - 1e-6)), "{sampler} {length}");
            assert!(column.len() >= 14 && errors.count() >= 14, "{sampler} {length}");
            let marked: Vec<&&Value> = column.iter().filter(|r| r["best"] == true).collect();
            assert_eq!(marked.len(), 1, "{sampler} {length}");
            let sigmas: Vec<f64> = (optimum["sigmas"].as_array().unwrap().iter())
                .map(|s| s.as_f64().unwrap())
                .collect();
            assert_eq!((sigmas[0], sigmas[sigmas.len() - 1]), (80.0, 0.0));
            assert!(sigmas.windows(2).all(|w| w[0] >= 1.25 * w[1] * (1.0 - 1e-9)), "{sigmas:?}");
        }
    }
    // The best for DDIM is what the spectral schedule is.
    let [spectral, optimum] = ["spectral", "optimum"]
        .map(|s| find(&results, "ddim", "6 steps", s)["error"].as_f64().unwrap());
    assert!(relative_error(spectral, optimum) < 1e-4, "{spectral} {optimum}");
}

#[test]
fn errors_are_those_of_eval() {
    let folder = Folder::empty();
    let results = results(&folder, "schedules --sampler heun --nfe 10 --grid geodesic,karras");
    for grid in ["geodesic", "karras"] {
        let line =
            format!("eval --sampler heun --nfe 10 --process edm --grid {grid} --format json");
        let eval: Value = serde_json::from_str(&folder.stdout(&line)).unwrap();
        let found = find(&results, "heun", "10 NFE", grid);
        let [a, b] = [found["error"].as_f64().unwrap(), eval["w2"].as_f64().unwrap()];
        assert!(relative_error(a, b) < 1e-9, "{grid}: {a} {b}");
        assert_eq!((&found["steps"], &found["nfe"]), (&eval["steps"], &eval["nfe"]));
    }
}

#[test]
fn all_formats_show_all_schedules() {
    let folder = Folder::empty();
    folder.write("data.txt", "2\n0.1\n");
    let line = "schedules --spectrum data.txt --sampler ddim --steps 3 --grid karras,tangent,sdm";
    for format in ["text", "markdown", "latex", "csv", "json"] {
        let printed = folder.stdout(&format!("{line} --format {format}"));
        for name in ["karras", "tangent", "sdm", "optimum"] {
            assert!(printed.contains(name), "{format}: {printed}");
        }
    }
    let csv = folder.stdout(&format!("{line} --format csv"));
    assert!(csv.starts_with("sampler,length,schedule,steps,nfe,error,best\n"), "{csv}");
    assert_eq!(csv.lines().count(), 5);
}

#[test]
fn schedules_run_on_other_processes_and_to_a_truncation_time() {
    let folder = Folder::empty();
    folder.write("data.txt", "2\n0.1\n0\n");
    for (process, eps) in [("vp-linear", 1e-3), ("flow", 0.0), ("flow", 0.01)] {
        let line = format!(
            "schedules --spectrum data.txt --sampler ddim --steps 4 --process {process} --eps {eps}"
        );
        let results = results(&folder, &line);
        for schedule in ["uniform", "tangent", "geodesic", "spectral", "optimum"] {
            let found = find(&results, "ddim", "4 steps", schedule);
            assert!(found["error"].is_number(), "{line}: {found}");
        }
        // Where a schedule has no meaning, the reason is said.
        let infinite = find(&results, "ddim", "4 steps", "fisher-rao");
        let refused = process == "flow" || eps == 0.0;
        assert_eq!(infinite["reason"].is_string(), refused, "{line}: {infinite}");
    }
}

#[test]
fn grids_that_follow_the_data_work_in_every_command() {
    let folder = Folder::empty();
    folder.write("data.txt", "2\n0.1\n");
    let common = "--spectrum data.txt --process edm --grid geodesic";
    for line in
        ["eval --sampler ddim", "table --sampler ddim,heun", "modes --sampler ddim", "curve"]
    {
        let ran = folder.run(&format!("{line} {common}"));
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
    }
}

#[test]
fn bad_requests_get_one_line() {
    let folder = Folder::empty();
    folder.write("null.txt", "1\n0\n");
    for (line, code, message) in [
        ("schedules --min-ratio 0.5", 2, "the ratio must be at least 1"),
        ("schedules --min-ratio -1", 2, "the ratio must be at least 1"),
        ("schedules --sampler nothing", 2, "unknown sampler 'nothing'"),
        ("schedules --grid nothing", 2, "unknown grid 'nothing'"),
        ("schedules --grid ,", 2, "--grid is an empty list"),
        ("schedules --objective nothing", 2, "unknown objective 'nothing'"),
        ("schedules --eps 100", 1, "it must lie in [0, 80)"),
        ("schedules --steps 0", 1, "0 steps leaves no step"),
        ("schedules --sampler heun --nfe 1 --grid karras", 1, "at least 2 network evaluations"),
        (
            "eval --sampler ddim --process edm --grid fisher-rao --spectrum null.txt",
            1,
            "final=sigma_min",
        ),
        (
            "eval --sampler ddim --process edm --grid dynamic-programming:teacher=5 --steps 9",
            1,
            "give teacher=9 or more",
        ),
    ] {
        let ran = folder.run(line);
        assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
        assert!(ran.stdout.is_empty() && ran.stderr.contains(message), "{line}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().filter(|l| l.contains("error")).count(), 1, "{}", ran.stderr);
    }
}
