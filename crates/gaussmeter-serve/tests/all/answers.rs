//! Every question: the library's own document, and how to ask elsewhere.

use crate::client::{ask, get, post, server};
use gaussmeter::data;
use gaussmeter::experiment::{Along, Curve, Defaults, Length, ModeErrors, Pareto, Words};
use gaussmeter::report::Report;
use gaussmeter::watch::Watch;
use gaussmeter_serve::question::Verb;
use serde_json::{Value, json};

fn words(sampler: &str) -> Words {
    Words { samplers: vec![sampler.into()], lengths: vec![Length::Steps(8)], ..Words::default() }
}

fn spectrum(name: &str) -> gaussmeter::spectrum::Spectrum {
    data::load(name).unwrap()
}

#[test]
fn documents_are_those_of_the_library() {
    let (server, nobody) = (server(), Watch::NOBODY);
    let host = server.address();
    let data = "power-law:d=40,alpha=1.5";
    let heun = json!({"spectrum": data, "sampler": "heun", "steps": 8});
    let both = json!({"spectrum": data, "sampler": ["heun", "em"], "steps": 8});
    let read = |words: &Words, defaults| words.read(defaults).unwrap();
    let two = Words { samplers: vec!["heun,em".into()], ..words("heun") };
    let budget = Words { lengths: vec![Length::Nfe(9)], ..two.clone() };
    let budgets = json!({"spectrum": data, "sampler": "heun,em", "nfe": 9});
    let cases: [(&str, &Value, Value); 8] = [
        (
            "eval",
            &heun,
            read(&words("heun"), &Defaults::EVAL)
                .evaluate(spectrum(data), nobody)
                .unwrap()
                .report(false)
                .json(),
        ),
        (
            "curve",
            &both,
            read(&two, &Defaults::CURVE)
                .curve(spectrum(data), Along::Time, None, nobody)
                .unwrap()
                .report(Curve::ROWS)
                .json(),
        ),
        (
            "modes",
            &both,
            read(&two, &Defaults::MODES)
                .modes(spectrum(data), nobody)
                .unwrap()
                .report(ModeErrors::ROWS)
                .json(),
        ),
        (
            "steps",
            &heun,
            read(&words("heun"), &Defaults::STEPS)
                .steps(spectrum(data), nobody)
                .unwrap()
                .report()
                .json(),
        ),
        (
            "table",
            &both,
            read(&two, &Defaults::TABLE)
                .table(spectrum(data), false, false, nobody)
                .unwrap()
                .report()
                .json(),
        ),
        (
            "rank",
            &budgets,
            read(&budget, &Defaults::RANK).rank(spectrum(data), nobody).unwrap().report().json(),
        ),
        (
            "pareto",
            &budgets,
            read(&budget, &Defaults::PARETO)
                .pareto(spectrum(data), nobody)
                .unwrap()
                .report(Pareto::COLUMNS)
                .json(),
        ),
        (
            "show",
            &json!({"sampler": "heun", "steps": 2}),
            read(&Words { lengths: vec![Length::Steps(2)], ..words("heun") }, &Defaults::SHOW)
                .program()
                .unwrap()
                .report(usize::MAX)
                .json(),
        ),
    ];
    for (verb, question, document) in cases {
        let answer = ask(host, &format!("/api/{verb}"), question);
        assert_eq!(answer["document"], document, "{verb}");
        assert!(answer["command"].as_str().unwrap().starts_with(&format!("gaussmeter {verb} ")));
        assert!(answer["python"].as_str().unwrap().starts_with("gm."), "{answer}");
        assert!(answer["notices"].is_array() && answer.get("levels").is_none());
    }
}

#[test]
fn an_empty_question_has_the_defaults_of_the_command() {
    let server = server();
    let host = server.address();
    let response = post(host, "/api/curve", "");
    assert_eq!(
        (response.status, response.json()["command"].as_str()),
        (200, Some("gaussmeter curve"))
    );
    let info = ask(host, "/api/info", &json!({"spectrum": "white:d=3", "tolerance": [0.1]}));
    assert_eq!(info["document"]["rank"], 3.0);
    assert_eq!(info["command"], "gaussmeter info white:d=3 --tolerance 0.1");
    let (status, kind, message) = post(host, "/api/eval", "{}").error();
    assert_eq!((status, &kind[..]), (400, "usage"));
    assert_eq!(message, "eval needs a sampler, such as \"sampler\": \"heun\"");
}

#[test]
fn levels_can_be_given_one_by_one() {
    let server = server();
    let question = json!({"sampler": "dpmpp-2m", "process": "edm", "grid": [80.0, 2.5, 1e-3, 0]});
    let answer = ask(server.address(), "/api/eval", &question);
    assert_eq!(answer["document"]["steps"], 3);
    let sigma = |k: usize| answer["document"]["grid"][k]["sigma"].as_f64();
    assert_eq!([sigma(0), sigma(2), sigma(3)], [Some(80.0), Some(1e-3), Some(0.0)]);
    assert_eq!(answer["levels"], "80\n2.5\n1e-3\n0\n");
    let command = "gaussmeter eval --sampler dpmpp-2m --process edm --grid sigmas:levels.txt";
    assert_eq!(answer["command"], command);
    assert_eq!(
        answer["python"],
        "gm.evaluate(sampler=\"dpmpp-2m\", process=\"edm\", grid=[80.0, 2.5, 0.001, 0.0])"
    );
    // From where no signal is left.
    let question = json!({"sampler": "ddim", "process": "flow", "grid": ["inf", 1, 0]});
    let answer = ask(server.address(), "/api/eval", &question);
    assert_eq!(
        (&answer["document"]["steps"], &answer["levels"]),
        (&json!(2), &json!("inf\n1\n0\n"))
    );
}

#[test]
fn what_is_there_is_told() {
    let server = server();
    let registry = get(server.address(), "/api/registry").json();
    let entries = registry["document"]["entries"].as_array().unwrap();
    for (family, name) in
        [("sampler", "heun"), ("process", "edm"), ("grid", "optimised"), ("format", "npz")]
    {
        assert!(entries.iter().any(|e| e["family"] == family && e["name"] == name), "{name}");
    }
    for verb in Verb::ALL {
        assert!(registry["defaults"][verb.name()]["spectrum"].is_string(), "{}", verb.name());
    }
    assert_eq!(registry["defaults"]["explore"]["nfe"], json!([50]));
    assert_eq!(registry["defaults"]["show"]["steps"], json!([4]));
    for limit in ["cost", "length", "question_bytes", "upload_bytes", "uploads", "kept_bytes"] {
        assert!(registry["limits"][limit].as_f64().unwrap() > 0.0, "{limit}");
    }
    let version = get(server.address(), "/api/version").json();
    assert_eq!(version["schema"], gaussmeter::experiment::SCHEMA);
}

#[test]
fn processes_say_what_they_notice() {
    let server = server();
    let question = json!({"sampler": "heun", "process": "sub-vp"});
    let words = Words {
        samplers: vec!["heun".into()],
        processes: vec!["sub-vp".into()],
        ..Words::default()
    };
    let notices: Vec<String> = words.read(&Defaults::EVAL).unwrap().notices().collect();
    assert_eq!(ask(server.address(), "/api/eval", &question)["notices"], json!(notices));
}
