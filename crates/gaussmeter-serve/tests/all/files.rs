//! Uploads, and pictures of them.

use crate::client::{Response, ask, get, post, request, server};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::net::SocketAddr;

fn upload(host: SocketAddr, query: &str, bytes: &[u8]) -> Response {
    let headers = [("Content-Type", "application/octet-stream")];
    request(host, "POST", &format!("/api/upload?{query}"), &headers, bytes)
}

fn uploaded(host: SocketAddr, query: &str, bytes: &[u8]) -> Value {
    let response = upload(host, query, bytes);
    assert_eq!(response.status, 200, "{query}: {}", String::from_utf8_lossy(&response.body));
    response.json()
}

/// A PNG of waves.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let wave = |x: u32, y: u32, c: u32| {
        let at = f64::from(x * (c + 1)) / 3.0 + f64::from(y) / 2.0;
        (127.0 + 100.0 * at.sin()) as u8
    };
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| wave(x, y, c))))
        .collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn a_spectrum_is_what_the_command_line_would_read() {
    let server = server();
    let host = server.address();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my eigenvalues.txt");
    std::fs::write(&path, "3\n1\n0.25\n").unwrap();
    let found = uploaded(host, "name=my%20eigenvalues.txt", b"3\n1\n0.25\n");
    assert_eq!((&found["kind"], &found["drawable"]), (&json!("spectrum"), &json!(false)));
    assert_eq!(found["document"]["spectrum"]["name"], "my eigenvalues");
    assert_eq!(found["document"]["spectrum"]["provenance"], "my eigenvalues.txt: 3 values, text");
    assert_eq!((&found["document"]["rank"], &found["made_by"]), (&json!(3.0), &Value::Null));
    let question = json!({"spectrum": {"id": found["id"]}, "sampler": "heun", "steps": 4});
    let answer = ask(host, "/api/eval", &question);
    assert_eq!(answer["document"]["spectrum"]["trace"], 4.25);
    assert_eq!(
        answer["command"],
        "gaussmeter eval --spectrum 'my eigenvalues.txt' --sampler heun --steps 4"
    );
    let again = uploaded(host, "name=my%20eigenvalues.txt", b"3\n1\n0.25\n");
    assert_eq!(again["id"], found["id"]);
    let list = get(host, "/api/uploads").json();
    assert_eq!(list["uploads"].as_array().unwrap().len(), 1);
    assert_eq!(list["uploads"][0]["name"], "my eigenvalues.txt");
}

#[test]
fn bad_files_are_refused_in_the_words_of_the_command_line() {
    let server = server();
    let host = server.address();
    for (name, bytes) in [
        ("x.npy", &b"\x93NUMPY\x01\x00"[..]),
        ("x.npz", b"PK\x03\x04 but no archive"),
        ("x.txt", b"one two three"),
        ("x.json", b"{\"eigenvalue\": [-1]}"),
        ("x.json", b"{\"eigenvalue\": [NaN]}"),
        ("x.csv", b""),
        ("x.png", b"\x89PNG\r\n\x1a\n and no picture"),
        ("x", &[0xff; 1000]),
    ] {
        let (status, kind, message) = upload(host, &format!("name={name}"), bytes).error();
        assert_eq!((status, &kind[..]), (400, "request"), "{name}: {message}");
        assert!(message.starts_with(&format!("{name}: ")), "{message}");
        assert!(!message.contains("/tmp") && !message.contains('\n'), "{message}");
    }
    let cut = &picture(20, 20)[..200];
    let (_, _, message) = upload(host, "name=cut.png", cut).error();
    assert!(message.starts_with("cut.png: "), "{message}");
    for query in ["", "name=x&scale=2", "name=x&size=0", "name=x&size=5000", "name=x&periodic=yes"]
    {
        let (status, kind, message) = upload(host, query, b"1\n2\n").error();
        assert_eq!((status, &kind[..]), (400, "usage"), "{query}: {message}");
    }
    let missing = r#"{"spectrum": {"id": "0123"}, "sampler": "heun"}"#;
    let (status, kind, message) = post(host, "/api/eval", missing).error();
    assert_eq!((status, &kind[..]), (404, "unknown"), "{message}");
}

#[test]
fn names_lead_nowhere() {
    let server = server();
    let host = server.address();
    for (given, name) in [
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("%2Fetc%2Fpasswd", "passwd"),
        ("..", "upload"),
        ("C%3A%5Cx.txt", "x.txt"),
        ("a%00b%0Ac", "abc"),
        ("", "upload"),
        ("-o", "-o"),
    ] {
        let found = uploaded(host, &format!("name={given}"), b"1\n2\n");
        assert_eq!(found["name"], name, "{given}");
    }
    let found = uploaded(host, "name=%27%24(touch%20x)%27.txt", b"1\n2\n");
    let question = json!({"spectrum": {"id": found["id"]}, "sampler": "heun"});
    let command = ask(host, "/api/eval", &question)["command"].clone();
    assert_eq!(command, r"gaussmeter eval --spectrum ''\''$(touch x)'\''.txt' --sampler heun");
}

#[test]
fn an_archive_of_far_more_than_it_is_large_is_refused() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("eigenvalue.npy", options).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..600 {
        std::io::Write::write_all(&mut archive, &zeros).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 4 << 20);
    let server = server();
    let (status, kind, message) = upload(server.address(), "name=bomb.npz", &bytes).error();
    assert_eq!((status, &kind[..]), (400, "too_much"), "{message}");
}

#[test]
fn a_class_to_guide_to_may_be_an_upload() {
    let server = server();
    let host = server.address();
    let all = uploaded(host, "name=all.txt", b"3\n1\n0.25\n");
    let class = uploaded(host, "name=my%20class.txt", b"2\n0.5\n0.125\n");
    let id = class["id"].as_str().unwrap();
    let network = format!("guided:w=2,class=upload:{id}");
    let question = json!({
        "spectrum": {"id": all["id"]}, "sampler": "heun", "steps": 4, "network": network,
    });
    let answer = ask(host, "/api/eval", &question);
    assert_eq!(
        answer["command"],
        "gaussmeter eval --spectrum all.txt --sampler heun --steps 4 --network 'guided:w=2,class=my class.txt'"
    );
    // What the command says.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("class.txt");
    std::fs::write(&path, "2\n0.5\n0.125\n").unwrap();
    let spectrum = |values: &[f64]| {
        gaussmeter::spectrum::Spectrum::new("all", "test", values, None, None).unwrap()
    };
    let words = gaussmeter::experiment::Words {
        network: Some(format!("guided:w=2,class={}", path.display())),
        samplers: vec!["heun".into()],
        lengths: vec![gaussmeter::experiment::Length::Steps(4)],
        ..Default::default()
    };
    let question = words.read(&gaussmeter::experiment::Defaults::EVAL).unwrap();
    let found =
        question.evaluate(spectrum(&[3.0, 1.0, 0.25]), gaussmeter::watch::Watch::NOBODY).unwrap();
    assert_eq!(answer["document"]["w2"].as_f64().unwrap(), found.w2.total);
    let explored = json!({
        "spectrum": {"id": all["id"]}, "sampler": "heun", "steps": 4, "network": network,
    });
    let explored = ask(host, "/api/explore", &explored);
    assert_eq!(explored["document"]["samplers"][0]["w2"].as_f64().unwrap(), found.w2.total);
    let refused = |body: Value| {
        let response = post(host, "/api/eval", &body.to_string());
        (response.status, response.json()["error"]["message"].as_str().unwrap().to_string())
    };
    let (status, message) = refused(json!({
        "sampler": "heun", "steps": 4, "network": "guided:w=2,class=upload:0123",
    }));
    assert!(status == 404 && message.contains("no such upload"), "{status} {message}");
    let odd = uploaded(host, "name=a%2Cb.txt", b"2\n0.5\n0.125\n");
    let network = format!("guided:w=2,class=upload:{}", odd["id"].as_str().unwrap());
    let (status, message) = refused(json!({"sampler": "heun", "steps": 4, "network": network}));
    assert!(status == 400 && message.contains("rename it"), "{status} {message}");
}

#[test]
fn the_oldest_uploads_go() {
    let server = server();
    let host = server.address();
    let id = |k: usize| {
        let found = uploaded(host, "name=x.txt", format!("{}\n", k + 1).as_bytes());
        found["id"].as_str().unwrap().to_string()
    };
    let ids: Vec<String> = (0..gaussmeter_serve::store::MAX_UPLOADS + 1).map(id).collect();
    let status = |id: &str| {
        let question = json!({"spectrum": {"id": id}, "sampler": "heun"});
        post(host, "/api/eval", &question.to_string()).status
    };
    assert_eq!((status(&ids[0]), status(&ids[1])), (404, 200));
}

/// Width and height of an answer's picture, and its pixels.
fn decoded(answer: &Value) -> (u32, u32, Vec<u8>) {
    let url = answer["png"].as_str().unwrap();
    let bytes = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

#[test]
fn a_picture_becomes_a_texture_to_sample_from() {
    let server = server();
    let host = server.address();
    let found = uploaded(host, "name=waves.png&size=24", &picture(60, 40));
    assert_eq!((&found["kind"], &found["drawable"]), (&json!("texture"), &json!(true)));
    assert_eq!(found["made_by"], "gaussmeter texture waves.png --resize 24 --crop 24 -o waves.npz");
    assert_eq!(found["document"]["spectrum"]["dim"], 24.0 * 24.0 * 3.0);
    let data = json!({"id": found["id"]});
    let exact = ask(host, "/api/samples", &json!({"spectrum": data, "count": 3, "seed": 5}));
    let (width, height, _) = decoded(&exact);
    assert_eq!((width, height), (24, 3 * 24 + 2 * 2));
    assert_eq!(exact["document"]["columns"], json!(["exact"]));
    let command = "gaussmeter sample waves.npz --count 3 --columns 1 --seed 5 -o samples.png";
    assert_eq!(exact["command"], command);
    let question =
        json!({"spectrum": data, "sampler": "heun", "nfe": 40, "init": "exact", "count": 2});
    let both = ask(host, "/api/samples", &question);
    let (width, height, pixels) = decoded(&both);
    assert_eq!((width, height), (3 * 24 + 2 * 2, 2 * 24 + 2));
    assert_eq!(both["document"]["columns"], json!(["ode", "sampler", "difference"]));
    assert!(both["document"]["gain"].as_f64().unwrap() > 1.0);
    // From the same noise: nearly the same pictures, and the exact one is no grey.
    let row = |y: usize, x: usize| &pixels[(y * 76 + x) * 3..][..24 * 3];
    let close = (0..24).flat_map(|y| row(y, 0).iter().zip(row(y, 26)));
    let far = close.clone().filter(|(a, b)| a.abs_diff(**b) > 40).count();
    assert!(far < 24 * 24 * 3 / 20, "{far} of 1728 values differ");
    assert!(row(0, 0).iter().any(|v| v.abs_diff(row(0, 0)[0]) > 5));
    // The same seed draws the same again.
    assert_eq!(decoded(&ask(host, "/api/samples", &question)).2, pixels);
    let eval = ask(host, "/api/eval", &json!({"spectrum": data, "sampler": "heun"}));
    assert_eq!(eval["command"], "gaussmeter eval --spectrum waves.npz --sampler heun");
}

#[test]
fn samples_need_eigenvectors() {
    let server = server();
    let host = server.address();
    let (status, kind, message) = post(host, "/api/samples", "{}").error();
    assert_eq!((status, &kind[..]), (400, "usage"));
    assert!(message.starts_with("cifar10 has eigenvalues without eigenvectors"), "{message}");
}
