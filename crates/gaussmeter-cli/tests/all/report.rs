//! `gaussmeter report`: its parts are what the commands print that it names; its page needs nothing else.

use crate::common::Folder;
use serde_json::Value;
use std::process::Command;

const REPORT: &str =
    "report --spectrum power-law:d=60,alpha=1.5 --sampler ddim,dpmpp-2m --nfe 8 --columns 5,8";

/// What a command line of a report prints as JSON, run by a shell.
fn printed(folder: &Folder, line: &str) -> Value {
    let binary = env!("CARGO_BIN_EXE_gaussmeter");
    let line = line.replacen("gaussmeter ", &format!("'{binary}' "), 1);
    let shell = Command::new("sh")
        .args(["-c", &format!("{line} --format json")])
        .current_dir(folder.path("."))
        .output()
        .unwrap();
    assert!(shell.status.success(), "{line}: {}", String::from_utf8_lossy(&shell.stderr));
    serde_json::from_slice(&shell.stdout).unwrap()
}

#[test]
fn its_parts_are_what_its_commands_print() {
    let folder = Folder::empty();
    for more in [
        "",
        " --network gain:delta=0.02 --init normal:std=79",
        " --process vp-linear --grid uniform --eps 0.001",
    ] {
        let document = folder.json(&format!("{REPORT}{more}"));
        assert_eq!(document["command"], "report");
        let commands = document["commands"].as_array().unwrap();
        let mut seen = Vec::new();
        for command in commands {
            let line = command["line"].as_str().unwrap();
            let verb = line.split(' ').nth(1).unwrap();
            let (mut own, mut alone) = (document[verb].clone(), printed(&folder, line));
            assert!(own.is_object(), "{verb}");
            // Times come back from levels with rounding: what depends on them is compared as numbers.
            if ["eval", "steps"].contains(&verb) {
                let w2 =
                    |document: &Value| document["w2"].as_f64().or(document["w2_at_eps"].as_f64());
                let (a, b) = (w2(&own).unwrap(), w2(&alone).unwrap());
                assert!((a / b - 1.0).abs() < 1e-9, "{verb}: {a} {b}");
            } else {
                for document in [&mut own, &mut alone] {
                    document.as_object_mut().unwrap().remove("process_notices");
                }
                assert_eq!(own, alone, "{line}");
            }
            seen.push(verb.to_owned());
        }
        assert_eq!(seen, ["info", "recommend", "eval", "steps", "table", "curve", "modes"]);
    }
}

#[test]
fn its_page_needs_no_network_and_has_what_was_typed() {
    let folder = Folder::empty();
    let line = format!("{REPORT} -o 'report.html'").replace('\'', "");
    folder.stdout(&line);
    let page = folder.read("report.html");
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; font-src data:";
    assert!(page.contains(policy), "{}", &page[..600]);
    // Namespaces and licences are names, not addresses that are loaded.
    let loads = ["src=\"", "@import", "url(http", "href=\"http", "<link"];
    assert!(loads.iter().all(|load| !page.contains(load)));
    assert!(page.contains(&format!("gaussmeter {line}")));
    for part in [
        "Recommendation",
        "Spectrum",
        "Error budget",
        "Samplers",
        "How this was made",
        "@inproceedings",
        "Save",
        "<svg",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
    // The same question, the same bytes.
    folder.stdout(&line);
    assert!(page == folder.read("report.html"));
}

#[test]
fn any_result_is_a_page() {
    let folder = Folder::empty();
    for line in [
        "table --nfe 10,20",
        "modes --nfe 10",
        "curve --nfe 20",
        "list samplers",
        "pareto --nfe 5,10",
    ] {
        folder.stdout(&format!("{line} -o page.html"));
        let page = folder.read("page.html");
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<table"), "{line}");
    }
}

#[test]
fn labels_are_no_markup() {
    let folder = Folder::empty();
    folder.write("a<b>&\"<!--.txt", "1\n0.5\n");
    let ran = folder.run_all(&["info", "a<b>&\"<!--.txt", "-o", "page.html"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let page = folder.read("page.html");
    assert!(page.contains("a&lt;b&gt;&amp;&quot;&lt;!--"), "{page}");
    // Scripts that draw figures are closed as often as they are opened.
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
}

#[test]
fn both_curves_are_the_curves() {
    let folder = Folder::empty();
    let options = "--spectrum power-law:d=20,alpha=1 --sampler em,heun --nfe 20";
    let both = folder.json(&format!("curve --against both {options}"));
    for (name, along) in [("t", "time"), ("eps", "eps")] {
        let alone = folder.json(&format!("curve --against {along} {options}"));
        assert_eq!(both[name]["series"], alone["series"]);
        assert_eq!(both[name]["target"], alone["target"]);
    }
    let one = folder.json(&format!("curve --against both {options} --eps 0.01"));
    let alone = folder.json(&format!("curve --against time {options} --eps 0.01"));
    assert_eq!(one["t"]["series"], alone["series"]);
    assert_eq!(one["eps"], both["eps"]);
    let several = folder.json(&format!("curve --against both {options} --eps 0.01,0.1"));
    assert_eq!(
        (&several["t"], several["eps"]["series"][0]["eps"].as_array().unwrap().len()),
        (&both["t"], 2)
    );
    let csv = folder.stdout(&format!("curve --against both {options} --format csv"));
    assert!(csv.starts_with("against,sampler,steps,nfe,at,w2\nt,em,20,20,1,"), "{}", &csv[..80]);
}
