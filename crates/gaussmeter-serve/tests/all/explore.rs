//! What a page shows at once: the numbers of the single questions.

use crate::client::{ask, post, server};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Points of a curve, by time.
fn points(t: &Value, error: &Value) -> HashMap<String, Value> {
    let (t, error) = (t.as_array().unwrap(), error.as_array().unwrap());
    assert_eq!(t.len(), error.len());
    t.iter().map(Value::to_string).zip(error.iter().cloned()).collect()
}

/// Compares with `curve`, `eval`, `steps` and `modes`.
fn compare(host: SocketAddr, setting: &Value, samplers: &[&str], detail: &str) {
    let with = |more: Value| {
        let mut question = setting.clone();
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        question
    };
    let question =
        with(json!({"sampler": samplers, "detail": detail, "curve_points": 5, "mode_points": 7}));
    let answer = ask(host, "/api/explore", &question);
    let found = &answer["document"];
    let curve = &ask(host, "/api/curve", &with(json!({"sampler": samplers})))["document"];
    let series = curve["series"].as_array().unwrap();
    for (k, sampler) in samplers.iter().enumerate() {
        let (own, all) = (&found["samplers"][k], &series[k]);
        let all_points = points(&all["t"], &all["w2"]);
        let own_points = points(&own["t"], &own["error"]);
        assert_eq!(own_points.len(), all_points.len().min(5), "{sampler}");
        for (t, error) in &own_points {
            assert_eq!(error, &all_points[t], "{sampler} at {t}");
        }
        let eval = &ask(host, "/api/eval", &with(json!({"sampler": sampler})))["document"];
        for key in [
            "sampler",
            "steps",
            "nfe",
            "w2",
            "w2_mean",
            "w2_cov",
            "w2_per_dim",
            "budget",
            "warnings",
        ] {
            assert_eq!(own[key], eval[key], "{sampler} {key}");
        }
        assert_eq!(own["value"], eval["w2"]);
        let schedule = &found["schedules"][own["schedule"].as_u64().unwrap() as usize];
        for (name, key) in [("t", "t"), ("alpha", "alpha")] {
            let levels: Vec<&Value> =
                eval["grid"].as_array().unwrap().iter().map(|l| &l[key]).collect();
            assert_eq!(schedule[name].as_array().unwrap().iter().collect::<Vec<_>>(), levels);
        }
    }
    for (k, name) in ["sde", "ode"].iter().enumerate() {
        let all = points(&series[samplers.len() + k]["t"], &series[samplers.len() + k]["w2"]);
        let own = points(&found["continuous"][k]["t"], &found["continuous"][k]["error"]);
        assert_eq!(found["continuous"][k]["name"], *name);
        assert!(own.len() > 2 && own.iter().all(|(t, error)| all[t] == *error), "{name}");
    }
    let steps = &ask(host, "/api/steps", &with(json!({"sampler": detail})))["document"];
    for key in ["nfe", "w2_at_eps", "local", "bands", "steps"] {
        assert_eq!(found["detail"]["steps"][key], steps[key], "{key}");
    }
    let modes = &ask(host, "/api/modes", &with(json!({"sampler": detail})))["document"];
    let modes = modes["samplers"][0]["modes"].as_array().unwrap();
    let own = found["detail"]["modes"].as_array().unwrap();
    assert_eq!(own.len(), modes.len().min(7));
    assert!(own.iter().all(|mode| modes.contains(mode)));
    assert_eq!((own.first(), own.last()), (modes.first(), modes.last()));
}

#[test]
fn numbers_are_those_of_single_questions() {
    let server = server();
    let host = server.address();
    let data = "power-law:d=100,alpha=1.2";
    let samplers = ["em", "heun", "dpmpp-2m"];
    compare(host, &json!({"spectrum": data, "steps": 12}), &samplers, "heun");
    // Twice, the second time with grids that were kept.
    let follows =
        json!({"spectrum": data, "process": "edm", "grid": "geodesic:final=sigma_min", "steps": 9});
    compare(host, &follows, &samplers, "em");
    compare(host, &follows, &samplers, "dpmpp-2m");
    let inexact =
        json!({"spectrum": data, "nfe": 12, "network": "gain:delta=-0.05", "init": "exact"});
    compare(host, &inexact, &samplers, "em");
    let listed = json!({"spectrum": "cifar10", "process": "edm", "grid": [80, 9, 1, 0.1, 0.01, 0]});
    compare(host, &listed, &["ddim", "dpmpp-2m"], "ddim");
    let sought =
        json!({"spectrum": data, "process": "edm", "grid": "optimised", "steps": 4, "eps": 0});
    compare(host, &sought, &["ddim", "dpmpp-2m"], "dpmpp-2m");
}

#[test]
fn what_one_sampler_cannot_do_does_not_concern_the_others() {
    let server = server();
    let host = server.address();
    let question = json!({"sampler": ["rk4", "em"], "nfe": 3, "detail": "rk4"});
    let answer = ask(host, "/api/explore", &question);
    let found = &answer["document"];
    let reason = found["samplers"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("needs at least 4 network evaluations"), "{reason}");
    assert_eq!(found["samplers"][1]["nfe"], 3);
    assert_eq!(found["detail"], Value::Null);
    assert_eq!(answer["command"], "gaussmeter curve --sampler em --nfe 3");
    // Where no steps can be told, everything else is.
    let infinite =
        json!({"spectrum": "spiked:d=8,rank=2", "sampler": "heun", "eps": 0, "steps": 4});
    let found = &ask(host, "/api/explore", &infinite)["document"];
    assert_eq!(found["samplers"][0]["w2"], "inf");
    assert!(found["samplers"][0]["reasons"]["w2"].is_string());
    assert!(found["detail"]["steps"].is_null() && found["detail"]["steps_reason"].is_string());
}

#[test]
fn the_detail_can_be_chosen_or_left_out() {
    let server = server();
    let host = server.address();
    let none = ask(host, "/api/explore", &json!({"detail": false}));
    assert_eq!(none["document"]["detail"], Value::Null);
    assert_eq!(none["command"], "gaussmeter curve --sampler em,ei,euler,heun --nfe 50");
    let heun = ask(host, "/api/explore", &json!({"detail": "heun", "metric": "kl-forward"}));
    let detail = &heun["document"]["detail"];
    assert_eq!(detail["sampler"], "heun");
    assert_eq!(detail["command"], "gaussmeter eval --sampler heun --nfe 50");
    assert_eq!(detail["python"], "gm.evaluate(sampler=\"heun\", nfe=50)");
    assert!(heun["command"].as_str().unwrap().ends_with("--metric kl-forward"));
    let (status, kind, message) = post(host, "/api/explore", r#"{"detail": "rk4"}"#).error();
    assert_eq!((status, &kind[..]), (400, "usage"));
    assert_eq!(message, "detail 'rk4' is not among the samplers");
}

#[test]
fn every_documented_key_is_there() {
    let page = include_str!("../../../../docs/api.md");
    let server = server();
    let question = json!({"sampler": "heun", "network": "gain:delta=0.01"});
    let answer = ask(server.address(), "/api/explore", &question);
    let document = &answer["document"];
    let section = page.split("## Explore").nth(1).unwrap().split("\n## ").next().unwrap();
    let tables: Vec<&str> = section.split("| key | meaning |\n|---|---|\n").skip(1).collect();
    // Of the question, the document, a sampler, and the detail.
    let places = [&Value::Null, document, &document["samplers"][0], &document["detail"]];
    assert_eq!(tables.len(), places.len());
    for (table, place) in tables.iter().zip(places).skip(1) {
        let rows = table.lines().take_while(|line| line.starts_with("| "));
        let names = rows.filter_map(|row| row.split('|').nth(1));
        let keys: Vec<&str> = names.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
        assert!(!keys.is_empty());
        for key in &keys {
            assert!(place.get(key).is_some(), "{key}");
        }
        for key in place.as_object().unwrap().keys() {
            let common = ["schema", "generator", "spectrum", "process", "grid_rule", "network"];
            let words = ["command", "init", "metric", "target", "eps"];
            let is_told =
                keys.contains(&&key[..]) || common.contains(&&key[..]) || words.contains(&&key[..]);
            assert!(is_told, "{key} is not documented");
        }
    }
}
