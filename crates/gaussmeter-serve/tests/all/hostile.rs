//! Requests that mean harm, or none but too much.

use crate::client::{JSON, ask, connect, get, post, raw, receive, request, server};
use gaussmeter::entry::Registry;
use gaussmeter::families::{Visit, families};
use gaussmeter_serve::{Limits, Options};
use serde_json::json;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Posts a question that is refused; returns kind and message.
fn refused(host: SocketAddr, path: &str, body: &str) -> (String, String) {
    let response = post(host, path, body);
    let (status, kind, message) = response.error();
    assert_eq!(status, 400, "{path} {body}: {message}");
    assert!(!message.is_empty() && !message.contains('\n'), "{path} {body}: {message}");
    (kind, message)
}

#[test]
fn malformed_questions_are_refused_in_one_line() {
    let server = server();
    let host = server.address();
    for body in [
        "{",
        "nonsense",
        "[]",
        "\"heun\"",
        "{\"sampler\": \"heun\"} {}",
        "{\"sampler\": NaN}",
        "{\"eps\": 1e999, \"sampler\": \"heun\"}",
        "{\"eps\": Infinity, \"sampler\": \"heun\"}",
        "{\"eps\": -1, \"sampler\": \"heun\"}",
        "{\"eps\": \"0\", \"sampler\": \"heun\"}",
        "{\"eps\": [0, 1], \"sampler\": \"heun\"}",
        "{\"sampler\": 5}",
        "{\"sampler\": [\"heun\"]}",
        "{\"sampler\": \"heun\\u0000\"}",
        "{\"sampler\": \"\"}",
        "{\"sampler\": \"heun\", \"nfe\": 0}",
        "{\"sampler\": \"heun\", \"nfe\": 1.5}",
        "{\"sampler\": \"heun\", \"nfe\": -4}",
        "{\"sampler\": \"heun\", \"nfe\": 1e300}",
        "{\"sampler\": \"heun\", \"nfe\": 10, \"steps\": 5}",
        "{\"sampler\": \"heun\", \"grid\": []}",
        "{\"sampler\": \"heun\", \"grid\": [1]}",
        "{\"sampler\": \"heun\", \"grid\": [1, 2, 3]}",
        "{\"sampler\": \"heun\", \"grid\": [3, \"inf\", 0]}",
        "{\"sampler\": \"heun\", \"grid\": [3, null, 0]}",
        "{\"sampler\": \"heun\", \"spectrum\": {\"path\": \"/etc/passwd\"}}",
        "{\"sampler\": \"heun\", \"spectrum\": [1, 2]}",
        "{\"sampler\": \"heun\", \"modes\": 1}",
        "{\"sampler\": \"heun\", \"network\": \"gain:delta=-1\"}",
        "{\"sampler\": \"heun\", \"process\": \"edm:sigma_max=-1\"}",
        "{\"sampler\": \"heun\", \"init\": \"normal:std=1e999\"}",
        "{\"sampler\": \"heun\", \"unknown\": 1}",
    ] {
        refused(host, "/api/eval", body);
    }
    let deep = format!("{{\"sampler\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    refused(host, "/api/eval", &deep);
    let long = format!("{{\"sampler\": \"{}\"}}", "x".repeat(5000));
    refused(host, "/api/eval", &long);
    let many = json!({"sampler": vec!["em"; 20_000]}).to_string();
    refused(host, "/api/curve", &many);
    // It still answers.
    ask(host, "/api/eval", &json!({"sampler": "heun"}));
}

#[test]
fn more_work_than_one_request_may_ask_for_is_refused() {
    let server = server();
    let host = server.address();
    for (path, body) in [
        ("/api/eval", json!({"sampler": "heun", "nfe": 1_000_000})),
        ("/api/curve", json!({"steps": 20_000, "spectrum": "power-law:d=300000,alpha=1"})),
        ("/api/steps", json!({"sampler": "em", "steps": 20_000})),
        ("/api/explore", json!({"nfe": 20_000})),
        ("/api/tune", json!({"sampler": "ddim", "steps": 1000})),
        ("/api/eval", json!({"sampler": "ddim", "grid": "optimised", "steps": 1000})),
        ("/api/eval", json!({"sampler": "heun", "spectrum": "power-law:d=1000000000"})),
        (
            "/api/eval",
            json!({"sampler": "ddim", "steps": 90, "grid": "dynamic-programming:9000", "process": "edm"}),
        ),
        ("/api/rank", json!({"nfe": 20_000, "spectrum": "power-law:d=100000,alpha=1"})),
        ("/api/table", json!({"steps": vec![20_000; 100], "spectrum": "power-law:d=3072,alpha=1"})),
    ] {
        let start = Instant::now();
        let response = post(host, path, &body.to_string());
        let body_text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(body_text.contains("\"too_much\""), "{path} {body}: {body_text}");
        assert!(start.elapsed() < Duration::from_secs(5), "{path} {body}");
    }
    let (kind, _) = refused(host, "/api/samples", r#"{"count": 65}"#);
    assert_eq!(kind, "usage");
}

/// Collects the text forms of members that name a file.
#[derive(Default)]
struct NamingFiles(Vec<(&'static str, String)>);

impl Visit for NamingFiles {
    fn visit<T: ?Sized + 'static>(&mut self, _: &'static str, _: &'static str, all: &Registry<T>) {
        for entry in &all.entries {
            for parameter in entry.parameters.iter().filter(|p| matches!(p.name, "file" | "class"))
            {
                let (entry, key) = (entry.name, parameter.name);
                let text = |path: &str| format!("{entry}:{key}={path}");
                self.0.push((all.family, text("/etc/passwd")));
                self.0.push((all.family, text("Cargo.toml")));
            }
        }
    }
}

#[test]
fn files_of_the_server_are_not_read() {
    let server = server();
    let host = server.address();
    let mut naming = NamingFiles::default();
    families(&mut naming);
    let families: Vec<&str> = naming.0.iter().map(|(family, _)| *family).collect();
    for family in ["sampler", "process", "grid", "network", "objective"] {
        assert!(families.contains(&family), "no {family} names a file");
    }
    let nested = [
        ("grid", "discard-penultimate:sigmas:/etc/passwd".to_string()),
        ("grid", "discard-penultimate:grid=times:/etc/passwd".into()),
        ("grid", "optimised:objective=weighted:/etc/passwd".into()),
        ("objective", "mixture:w2=1,weighted:/etc/passwd".into()),
        ("network", "gain:file=/etc/passwd".into()),
        ("network", "guided:w=2,class=./../Cargo.toml".into()),
        ("spectrum", "/etc/passwd".into()),
        ("spectrum", "Cargo.toml".into()),
        ("spectrum", "../shared/data/spectra/cifar10-icml2025.npy".into()),
        ("spectrum", "x.npy".into()),
        ("sampler", "plan:/dev/zero".into()),
        ("process", "custom:/dev/stdin".into()),
    ];
    for (family, text) in naming.0.iter().cloned().chain(nested) {
        let mut question = json!({"sampler": "heun"});
        let path = match family {
            "objective" => "/api/tune",
            "target" => continue,
            _ => "/api/eval",
        };
        question[family] = json!(text);
        let response = post(host, path, &question.to_string());
        let body = String::from_utf8_lossy(&response.body).into_owned();
        assert!(body.contains("\"error\""), "{family} {text}: {body}");
        for leak in ["root:", "[package]", "no such file '", "expected a number"] {
            assert!(!body.contains(leak), "{family} {text}: {body}");
        }
    }
    // What is no file is not looked for either.
    let there = refused(host, "/api/eval", r#"{"sampler": "plan:/etc/passwd"}"#);
    let nowhere = refused(host, "/api/eval", r#"{"sampler": "plan:/etc/nowhere"}"#);
    assert_eq!(there.1.replace("passwd", "nowhere"), nowhere.1);
    assert!(there.1.contains("upload the file"), "{}", there.1);
    // Presets may stand where files may.
    ask(
        host,
        "/api/eval",
        &json!({
            "sampler": "heun", "spectrum": "white:d=4", "network": "spectrum:file=power-law:d=4,alpha=1"
        }),
    );
}

#[test]
fn bodies_have_limits() {
    let server = server();
    let host = server.address();
    let large = format!("{{\"sampler\": \"{}\"}}", "x".repeat(2 << 20));
    let (status, kind, _) = post(host, "/api/eval", &large).error();
    assert_eq!((status, &kind[..]), (413, "too_large"));
    // Refused before it is sent.
    let head = format!(
        "POST /api/upload?name=x.npy HTTP/1.1\r\nHost: {host}\r\nContent-Length: 80000000\r\n\r\n"
    );
    let (status, kind, message) = raw(host, head.as_bytes()).error();
    assert_eq!(
        (status, &kind[..], &message[..]),
        (413, "too_large", "the body is larger than 64 MiB")
    );
    // Chunks have no length.
    let mut stream = connect(host);
    write!(
        stream,
        "POST /api/eval HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
    for _ in 0..40 {
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    assert_eq!(receive(&mut stream).status, 413);
    let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(raw(host, head.as_bytes()).status, 431);
}

#[test]
fn questions_are_json_and_posted() {
    let server = server();
    let host = server.address();
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [("Content-Type", kind)];
        let (status, kind, _) = request(host, "POST", "/api/eval", &headers, b"{}").error();
        assert_eq!((status, &kind[..]), (415, "content_type"));
    }
    let form = [("Content-Type", "multipart/form-data; boundary=x")];
    assert_eq!(request(host, "POST", "/api/upload?name=x", &form, b"x").status, 415);
    for (method, path, allowed) in
        [("GET", "/api/eval", "POST"), ("DELETE", "/api/registry", "GET"), ("POST", "/", "GET")]
    {
        let response = request(host, method, path, &[JSON], b"{}");
        assert_eq!((response.status, response.header("allow")), (405, Some(allowed)), "{path}");
    }
    for garbage in ["\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        assert!(matches!(raw(host, garbage.as_bytes()).status, 0 | 400..=505), "{garbage:?}");
    }
}

#[test]
fn other_sites_are_refused() {
    let server = server();
    let host = server.address();
    let port = host.port();
    let status = |name: &str, headers: &str| {
        let head = format!("GET /api/version HTTP/1.1\r\nHost: {name}\r\n{headers}\r\n");
        raw(host, head.as_bytes()).status
    };
    for name in [format!("127.0.0.1:{port}"), format!("LOCALHOST:{port}"), format!("[::1]:{port}")]
    {
        assert_eq!(status(&name, ""), 200, "{name}");
        assert_eq!(status(&name, &format!("Origin: http://localhost:{port}\r\n")), 200, "{name}");
    }
    let own = format!("127.0.0.1:{port}");
    for name in [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        &format!("evil.example:{port}"),
        &format!("127.0.0.1.evil.example:{port}"),
        &format!("localhost:{port}.evil.example"),
        &format!("0.0.0.0:{port}"),
        "",
    ] {
        assert_eq!(status(name, ""), 403, "{name}");
    }
    for origin in [
        "http://evil.example",
        "null",
        &format!("https://127.0.0.1:{port}"),
        "http://127.0.0.1",
        &format!("http://127.0.0.1:{port}.evil.example"),
    ] {
        assert_eq!(status(&own, &format!("Origin: {origin}\r\n")), 403, "{origin}");
    }
    assert_eq!(status(&own, "Sec-Fetch-Site: cross-site\r\n"), 403);
    assert_eq!(status(&own, "Sec-Fetch-Site: same-origin\r\n"), 200);
    assert_eq!(status(&own, &format!("Host: {own}\r\n")), 403, "two hosts");
    assert_eq!(raw(host, b"GET /api/version HTTP/1.0\r\n\r\n").status, 403, "no host");
    let absolute = format!("GET http://evil.example/api/version HTTP/1.1\r\nHost: {own}\r\n\r\n");
    assert_eq!(raw(host, absolute.as_bytes()).status, 403);
}

#[test]
fn beyond_this_machine_a_token_is_needed() {
    let token = "0123456789abcdef";
    let options =
        Options { host: Some("127.0.0.1".into()), token: Some(token.into()), ..Options::default() };
    let server = options.start().unwrap();
    let host = server.address();
    assert_eq!(server.url(), format!("http://{host}/?token={token}"));
    let with = |headers: &[(&str, &str)]| request(host, "GET", "/api/version", headers, b"").status;
    assert_eq!(with(&[]), 401);
    assert_eq!(with(&[("Authorization", "Bearer 0123456789abcdeg")]), 401);
    assert_eq!(with(&[("Cookie", "gaussmeter=; other=0123456789abcdef")]), 401);
    assert_eq!(with(&[("Authorization", &format!("Bearer {token}"))]), 200);
    assert_eq!(get(host, "/api/version?token=wrong").status, 401);
    assert_eq!(get(host, &format!("/api/version?token={token}")).status, 200);
    // The page gets it as a cookie, and an address without it.
    let response = get(host, &format!("/?token={token}"));
    assert_eq!((response.status, response.header("location")), (303, Some("/")));
    let cookie = response.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(with(&[("Cookie", &format!("a=b; {pair}"))]), 200);
    // On all addresses, whose names are not known: the token, and pages of the same host.
    let everywhere =
        Options { host: Some("0.0.0.0".into()), token: Some(token.into()), ..Options::default() };
    let server = everywhere.start().unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    let status = |headers: &str| {
        let head = format!("GET /api/version HTTP/1.1\r\nHost: machine.example\r\n{headers}\r\n");
        raw(at, head.as_bytes()).status
    };
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!((status(""), status(&bearer)), (401, 200));
    assert_eq!(status(&format!("{bearer}Origin: http://machine.example\r\n")), 200);
    assert_eq!(status(&format!("{bearer}Origin: http://evil.example\r\n")), 403);
    let random = Options { host: Some("127.0.0.1".into()), ..Options::default() };
    let [one, other] = [(); 2].map(|()| random.start().unwrap().url().to_string());
    let token = |url: &str| url.split("token=").nth(1).unwrap().to_string();
    assert!(token(&one).len() == 32 && token(&one) != token(&other));
}

#[test]
fn browsers_are_told_what_they_may_do() {
    let server = server();
    let host = server.address();
    let (ok, error) = (get(host, "/api/version"), get(host, "/nowhere"));
    let forbidden = request(host, "GET", "/", &[("Origin", "http://evil.example")], b"");
    let answer = post(host, "/api/eval", r#"{"sampler": "heun"}"#);
    for response in [ok, error, forbidden, answer] {
        let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
        assert_eq!(response.header("content-security-policy"), Some(policy));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(response.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
}

#[test]
fn two_hundred_connections_are_answered() {
    let server = server();
    let host = server.address();
    let body = json!({"sampler": "em,heun,dpmpp-2m", "nfe": 20}).to_string();
    let expected = post(host, "/api/explore", &body).json();
    let mut streams: Vec<_> = (0..200).map(|_| connect(host)).collect();
    for stream in &mut streams {
        let length = body.len();
        write!(
            stream,
            "POST /api/explore HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
    }
    for stream in &mut streams {
        let response = receive(stream);
        assert_eq!((response.status, response.json() == expected), (200, true));
    }
}

#[test]
fn slow_clients_are_left() {
    let limits = Limits {
        head: Duration::from_millis(300),
        question: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Options { limits, ..Options::default() }.start().unwrap();
    let host = server.address();
    // A head that does not end, a byte at a time.
    let start = Instant::now();
    let mut stream = connect(host);
    let mut is_open = true;
    for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ".iter().cycle() {
        is_open = stream.write_all(&[*byte]).is_ok();
        if !is_open || start.elapsed() > Duration::from_secs(5) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!is_open, "still open after {:?}", start.elapsed());
    // A body that does not come.
    let mut stream = connect(host);
    write!(
        stream,
        "POST /api/eval HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    )
    .unwrap();
    let (status, kind, message) = receive(&mut stream).error();
    assert_eq!((status, &kind[..]), (408, "slow"), "{message}");
    // Nothing at all.
    let mut stream = connect(host);
    let start = Instant::now();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(start.elapsed() < Duration::from_secs(5));
    // Meanwhile others are answered.
    assert_eq!(get(host, "/api/version").status, 200);
}

#[test]
fn clients_that_take_nothing_are_left() {
    let limits = Limits { stall: Duration::from_millis(300), ..Limits::default() };
    let server = Options { limits, ..Options::default() }.start().unwrap();
    let host = server.address();
    let one = get(host, "/api/registry").body.len();
    // More than the system keeps of what is on its way.
    let count = (64 << 20) / one;
    let ask = |wait: Duration| {
        let mut stream = connect(host);
        let request = format!("GET /api/registry HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let mut asking = stream.try_clone().unwrap();
        let asked = std::thread::spawn(move || {
            // The server may go while it is asked.
            let _ = (0..count).try_for_each(|_| asking.write_all(request.as_bytes()));
        });
        std::thread::sleep(wait);
        let mut taken = 0;
        let mut buffer = vec![0; 1 << 16];
        while taken < count * one {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => taken += read,
                _ => break,
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
        asked.join().unwrap();
        taken
    };
    assert!(ask(Duration::ZERO) >= count * one);
    let taken = ask(Duration::from_secs(2));
    assert!(taken < count * one, "{taken} of {} bytes", count * one);
    assert_eq!(get(host, "/api/version").status, 200);
}

/// Waits until no question is worked on; returns how long it took.
pub fn idle(host: SocketAddr) -> Duration {
    let start = Instant::now();
    while get(host, "/api/version").json()["working"].as_u64().unwrap() > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "still working");
        std::thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

/// Waits until something is worked on.
pub fn working(host: SocketAddr) {
    let start = Instant::now();
    while get(host, "/api/version").json()["working"].as_u64().unwrap() == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "never working");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn work_ends_with_whoever_asked_for_it() {
    let server = server();
    let host = server.address();
    for (path, question) in [
        (
            "explore",
            json!({"grid": "optimised", "sampler": "dpmpp-3m,unipc", "process": "edm", "steps": 40, "eps": 0}),
        ),
        ("curve", json!({"steps": 19_000, "sampler": "em", "detail": false})),
        ("schedules", json!({"sampler": "dpmpp-2m,unipc,ddim", "steps": [30, 40]})),
    ] {
        let mut question = question;
        if path == "curve" {
            question.as_object_mut().unwrap().remove("detail");
            question["spectrum"] = json!("power-law:d=20000,alpha=1");
        }
        let body = question.to_string();
        let mut stream = connect(host);
        let length = body.len();
        write!(
            stream,
            "POST /api/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        working(host);
        drop(stream);
        let took = idle(host);
        assert!(took < Duration::from_secs(2), "{path}: {took:?}");
    }
}

#[test]
fn a_newer_question_takes_the_place_of_the_older() {
    let server = server();
    let host = server.address();
    let slow = json!({"grid": "optimised", "sampler": "dpmpp-3m,unipc", "process": "edm", "steps": 40, "eps": 0});
    let body = slow.to_string();
    let mut older = connect(host);
    let length = body.len();
    write!(
        older,
        "POST /api/explore?client=me HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    working(host);
    // Of others, and to other paths, nothing ends it.
    ask(host, "/api/explore?client=you", &json!({}));
    ask(host, "/api/eval?client=me", &json!({"sampler": "heun"}));
    ask(host, "/api/explore?client=me", &json!({}));
    let (status, kind, _) = receive(&mut older).error();
    assert_eq!((status, &kind[..]), (409, "superseded"));
    // The connection can be used again.
    write!(older, "GET /api/version HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    assert_eq!(receive(&mut older).status, 200);
    let (kind, _) = refused(host, "/api/explore?client=a%20b", "{}");
    assert_eq!(kind, "usage");
}
