//! The server as users start it: what it answers is what the commands print that it gives with it.

use crate::common::Folder;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server in a folder, ended with the test.
struct Serving {
    child: Child,
    host: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn begin(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = folder.command(&[&["serve", "--no-open"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let host = line.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_string();
        Serving { child, host }
    }

    /// The response to a request, with its head.
    fn text(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.host,
            body.len()
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Value {
        let response = self.text(method, path, kind, body);
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {body}");
        body
    }

    fn ask(&self, verb: &str, question: &Value) -> Value {
        let body = question.to_string();
        self.request("POST", &format!("/api/{verb}"), "application/json", body.as_bytes())
    }
}

/// Runs a command as a shell would.
fn shell(folder: &Folder, line: &str) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_gaussmeter"));
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder.0.path()).env("PATH", path);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn answers_are_what_their_commands_print() {
    let folder = Folder::empty();
    folder.write("it's mine.txt", "9\n4\n1\n0.25\n0.01\n");
    let serving = Serving::begin(&folder, &["--spectrum", "it's mine.txt"]);
    let own = serving.request("GET", "/api/uploads", "", b"");
    let own = json!({"id": own["uploads"][0]["id"]});
    let dropped = serving.request(
        "POST",
        "/api/upload?name=dropped%20here.csv",
        "application/octet-stream",
        b"eigenvalue,multiplicity\n2,3\n0.5,10\n",
    );
    folder.write("dropped here.csv", "eigenvalue,multiplicity\n2,3\n0.5,10\n");
    let dropped = json!({"id": dropped["id"]});
    let levels = json!([80, 9.5, 1, 0.1, 1e-4, 0]);
    for (verb, question) in [
        ("eval", json!({"sampler": "heun"})),
        (
            "eval",
            json!({"spectrum": own, "sampler": "em", "points": 20, "init": "exact", "eps": 1e-4, "modes": true}),
        ),
        (
            "eval",
            json!({"spectrum": dropped, "sampler": "edm:s_churn=4,s_noise=1.003", "process": "edm", "grid": "karras:rho=5", "nfe": 21, "eps": 0}),
        ),
        (
            "eval",
            json!({"sampler": "dpmpp-2m", "process": "edm", "grid": levels, "network": "gain:delta=-0.05"}),
        ),
        (
            "curve",
            json!({"spectrum": own, "sampler": ["heun", "em"], "steps": 6, "target": "data", "metric": "kl-forward"}),
        ),
        (
            "curve",
            json!({"spectrum": own, "sampler": "heun", "steps": 6, "against": "eps", "eps": [1e-3, 0.1]}),
        ),
        ("modes", json!({"spectrum": own, "sampler": "heun,ddim", "steps": 5})),
        ("steps", json!({"spectrum": dropped, "sampler": "em", "steps": 5})),
        (
            "table",
            json!({"sampler": ["em", "heun"], "nfe": [10, 20], "eps": [1e-3, 0.01], "init": ["exact", "normal:std=1"]}),
        ),
        ("table", json!({"paper": true, "sampler": "em", "nfe": 50})),
        (
            "rank",
            json!({"spectrum": own, "sampler": "heun,ddim,unipc", "process": ["edm", "vp-linear"], "grid": ["karras", "exponential"], "nfe": 12}),
        ),
        ("pareto", json!({"spectrum": own, "sampler": "heun,ddim", "nfe": [5, 10]})),
        (
            "schedules",
            json!({"spectrum": own, "sampler": "ddim", "steps": [3], "objective": "w2", "min_ratio": 1.5}),
        ),
        ("show", json!({"sampler": "heun:final=euler", "process": "edm", "grid": levels})),
        ("info", json!({"spectrum": own, "tolerance": [0.1, 1e-3], "against": dropped})),
    ] {
        let answer = serving.ask(verb, &question);
        if let Some(levels) = answer["levels"].as_str() {
            folder.write("levels.txt", levels);
        }
        let line = format!("{} --format json", answer["command"].as_str().unwrap());
        let printed: Value = serde_json::from_str(&shell(&folder, &line)).unwrap();
        assert_eq!(answer["document"], printed, "{line}");
    }
}

#[test]
fn what_was_sought_is_what_its_command_prints() {
    let folder = Folder::empty();
    let serving = Serving::begin(&folder, &[]);
    let question = json!({
        "spectrum": "power-law:d=20,alpha=1", "sampler": "ddim", "steps": 3, "free": ["start"],
        "starts": 2, "seed": 7, "min_ratio": 1.3
    });
    let body = question.to_string();
    let text = serving.text("POST", "/api/tune", "application/json", body.as_bytes());
    let last = text.lines().rfind(|line| line.starts_with('{')).unwrap();
    let answer: Value = serde_json::from_str(last).unwrap();
    let line = format!("{} --format json", answer["command"].as_str().unwrap());
    let printed: Value = serde_json::from_str(&shell(&folder, &line)).unwrap();
    assert_eq!(answer["document"], printed, "{line}");
}

#[test]
fn explored_numbers_are_what_their_commands_print() {
    let folder = Folder::empty();
    let serving = Serving::begin(&folder, &[]);
    let question =
        json!({"sampler": ["rk4", "em", "heun"], "nfe": 3, "detail": "heun", "eps": 0.01});
    let answer = serving.ask("explore", &question);
    let json = |command: &Value| -> Value {
        let line = format!("{} --format json", command.as_str().unwrap());
        serde_json::from_str(&shell(&folder, &line)).unwrap()
    };
    let (found, curve) = (&answer["document"], json(&answer["command"]));
    for (own, series) in [(1, 0), (2, 1)] {
        assert_eq!(found["samplers"][own]["error"], curve["series"][series]["w2"]);
    }
    let eval = json(&found["detail"]["command"]);
    assert_eq!(found["samplers"][2]["w2"], eval["w2"]);
    assert_eq!(found["samplers"][2]["budget"], eval["budget"]);
}

#[test]
fn a_picture_gives_what_the_commands_write() {
    let folder = Folder::empty();
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, 30, 20);
    encoder.set_color(png::ColorType::Grayscale);
    let pixels: Vec<u8> = (0..600).map(|k| (k * k % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    folder.write("my fabric.png", &picture);
    let serving = Serving::begin(&folder, &[]);
    let path = "/api/upload?name=my%20fabric.png&size=16&periodic=true&centred=true";
    let upload = serving.request("POST", path, "image/png", &picture);
    shell(&folder, upload["made_by"].as_str().unwrap());
    let printed: Value =
        serde_json::from_str(&shell(&folder, "gaussmeter info 'my fabric.npz' --format json"))
            .unwrap();
    assert_eq!(upload["document"]["spectrum"], printed["spectrum"]);
    let question = json!({"spectrum": {"id": upload["id"]}, "sampler": "heun", "steps": 9, "count": 2, "seed": 3});
    let answer = serving.ask("samples", &question);
    shell(&folder, answer["command"].as_str().unwrap());
    let written = folder.bytes("samples.png");
    let shown = answer["png"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    assert_eq!(pixels_of(&written), pixels_of(&base64(shown)));
    let eval = serving.ask("eval", &json!({"spectrum": {"id": upload["id"]}, "sampler": "heun"}));
    let line = format!("{} --format json", eval["command"].as_str().unwrap());
    let printed: Value = serde_json::from_str(&shell(&folder, &line)).unwrap();
    assert_eq!(eval["document"], printed);
}

fn pixels_of(bytes: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

/// Bytes from base64.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |c: u8| DIGITS.iter().position(|d| *d == c).unwrap() as u32;
    let digits: Vec<u32> = text.bytes().filter(|c| *c != b'=').map(digit).collect();
    let group = |group: &[u32]| {
        let bits = group.iter().fold(0, |all, d| all << 6 | d) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

#[test]
fn what_cannot_be_served_is_refused_in_one_line() {
    let folder = Folder::empty();
    for (line, error) in [
        ("serve --no-open --spectrum nothing.npy", "error: no such file 'nothing.npy'\n"),
        ("serve --no-open --token 0123456789abcdef", "error: "),
        ("serve --no-open --host 127.0.0.1 --token short", "error: "),
        ("serve --no-open --host 192.0.2.1", "error: cannot listen on 192.0.2.1:0: "),
        ("serve --no-open --port 70000", "error: "),
    ] {
        let ran = folder.run(line);
        assert!(ran.code != 0 && ran.stderr.starts_with(error), "{line}: {ran:?}");
        assert_eq!((ran.stderr.lines().count(), &ran.stdout[..]), (1, ""), "{line}");
    }
    let taken = Serving::begin(&folder, &[]);
    let port = taken.host.rsplit(':').next().unwrap();
    let ran = folder.run(&format!("serve --no-open --port {port}"));
    assert!(
        ran.stderr.starts_with(&format!("error: cannot listen on 127.0.0.1:{port}: ")),
        "{ran:?}"
    );
}

#[test]
#[cfg(unix)]
fn an_interrupt_ends_it() {
    let folder = Folder::empty();
    let mut serving = Serving::begin(&folder, &["--host", "127.0.0.1"]);
    assert!(serving.host.contains("/?token="), "{}", serving.host);
    let pid = serving.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = serving.child.wait().unwrap();
    assert!(status.success(), "{status}");
}
