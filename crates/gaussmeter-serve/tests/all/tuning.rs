//! Searches, told as they go.

use crate::client::{connect, post, server};
use crate::hostile::{idle, working};
use gaussmeter::data;
use gaussmeter::design::End;
use gaussmeter::experiment::{Defaults, Length, TuneOptions, Words, tune};
use gaussmeter::objective;
use gaussmeter::report::Report;
use gaussmeter::watch::Watch;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Asks, and reads the head of the response.
fn begin(host: SocketAddr, question: &Value) -> BufReader<TcpStream> {
    let (mut stream, body) = (connect(host), question.to_string());
    let length = body.len();
    write!(
        stream,
        "POST /api/tune HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.contains(" 200 "), "{line}");
    let mut head = String::new();
    while line.trim() != "" {
        line.clear();
        stream.read_line(&mut line).unwrap();
        head.push_str(&line.to_lowercase());
    }
    assert!(head.contains("content-type: application/x-ndjson"), "{head}");
    stream
}

/// The next event; sizes of chunks are left out.
fn next(stream: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut line = String::new();
    while !line.starts_with('{') {
        line.clear();
        if stream.read_line(&mut line).unwrap() == 0 {
            return None;
        }
    }
    Some(serde_json::from_str(&line).unwrap())
}

#[test]
fn a_search_tells_its_levels_and_then_its_result() {
    let server = server();
    let question =
        json!({"sampler": "dpmpp-2m", "steps": 6, "starts": 3, "seed": 1, "objective": "w2"});
    let mut stream = begin(server.address(), &question);
    let events: Vec<Value> = std::iter::from_fn(|| next(&mut stream)).collect();
    let (last, progress) = events.split_last().unwrap();
    assert!(!progress.is_empty());
    let mut before = f64::INFINITY;
    for event in progress {
        assert_eq!(event["event"], "progress");
        let (best, sigmas) = (event["best"].as_f64().unwrap(), event["sigmas"].as_array().unwrap());
        assert!(best <= before && event["evaluations"].as_u64() > Some(0));
        assert_eq!((sigmas.len(), event["times"].as_array().unwrap().len()), (7, 7));
        let sigmas: Vec<f64> = sigmas.iter().map(|s| s.as_f64().unwrap()).collect();
        assert!(sigmas.is_sorted_by(|a, b| a > b) && sigmas[6] == 0.0, "{sigmas:?}");
        before = best;
    }
    assert_eq!(last["event"], "result");
    let words = Words {
        samplers: vec!["dpmpp-2m".into()],
        lengths: vec![Length::Steps(6)],
        ..Words::default()
    };
    let asked = words.read(&Defaults::TUNE).unwrap();
    let setting = asked.setting(data::load(Defaults::TUNE.spectrum).unwrap());
    let objective = objective::registry().build("w2").unwrap();
    let options = TuneOptions { starts: 3, seed: 1, end: End::At(0.0), ..TuneOptions::default() };
    let (sampler, length) = (asked.sampler().unwrap(), Length::Steps(6));
    let found =
        tune(&setting.diffusion, sampler, length, asked.init(), &objective, options, Watch::NOBODY);
    assert_eq!(last["document"], found.unwrap().report().json());
    assert_eq!(
        last["command"],
        "gaussmeter tune --sampler dpmpp-2m --steps 6 --objective w2 --starts 3 --seed 1"
    );
}

/// The sampler that is told has the best stochasticity, and the command asks for it again.
#[test]
fn a_stochasticity_is_sought_too() {
    let server = server();
    let question = json!({
        "spectrum": "power-law:d=12,alpha=2", "sampler": "ddim", "steps": 3, "starts": 2,
        "network": "gain:delta=-0.1", "objective": "w2", "free": ["end", "eta"],
    });
    let mut stream = begin(server.address(), &question);
    let last = std::iter::from_fn(|| next(&mut stream)).last().unwrap();
    let (document, best) = (&last["document"], &last["document"]["eta"]["best"]);
    assert!(best.as_f64().is_some_and(|eta| 0.0 < eta && eta <= 1.0), "{document}");
    let best = best.as_f64().unwrap();
    assert_eq!(document["sampler"], format!("ddim:eta={best}"));
    let command = last["command"].as_str().unwrap();
    assert!(command.contains("--sampler ddim ") && command.contains("--free end,eta"), "{command}");
    assert!(last["python"].as_str().unwrap().contains("free=[\"end\", \"eta\"]"), "{last}");
}

#[test]
fn closing_the_connection_ends_the_search() {
    let server = server();
    let host = server.address();
    let question = json!({"sampler": "dpmpp-3m", "steps": 30, "starts": 500});
    let mut stream = begin(host, &question);
    assert_eq!(next(&mut stream).unwrap()["event"], "progress");
    working(host);
    drop(stream);
    let took = idle(host);
    assert!(
        took < Duration::from_millis(if cfg!(debug_assertions) { 1500 } else { 150 }),
        "{took:?}"
    );
}

#[test]
fn what_cannot_be_sought_is_refused() {
    let server = server();
    let host = server.address();
    let nonsense = r#"{"sampler": "ddim", "steps": 5, "objective": "nonsense"}"#;
    let (status, kind, _) = post(host, "/api/tune", nonsense).error();
    assert_eq!((status, &kind[..]), (400, "usage"));
    for given in [
        r#"{"sampler": "ddim:eta=0.3", "free": ["eta"]}"#,
        r#"{"sampler": "heun", "free": ["eta"]}"#,
        r#"{"sampler": "ddim", "free": ["middle"]}"#,
    ] {
        let (status, kind, _) = post(host, "/api/tune", given).error();
        assert_eq!((status, &kind[..]), (400, "usage"), "{given}");
    }
    let both = r#"{"sampler": "ddim", "free": ["end"], "eps": 0.1}"#;
    let (status, kind, _) = post(host, "/api/tune", both).error();
    assert_eq!((status, &kind[..]), (400, "usage"));
}
