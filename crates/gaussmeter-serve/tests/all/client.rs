//! A client that says exactly what it is told.

use gaussmeter_serve::{Options, Server};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Status and message of an error.
    pub fn error(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |key: &str| json["error"][key].as_str().unwrap_or_default().to_string();
        (self.status, text("kind"), text("message"))
    }
}

pub fn server() -> Server {
    Options::default().start().unwrap()
}

pub fn connect(host: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Reads one response to its end.
pub fn receive(stream: &mut impl Read) -> Response {
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        all.push(byte[0]);
    }
    let head = String::from_utf8(all).unwrap();
    let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
    let mut response = Response { status, head, body: Vec::new() };
    let length = response.header("content-length").and_then(|length| length.parse().ok());
    response.body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut response.body).unwrap();
    response
}

/// Sends what it is given.
pub fn raw(host: SocketAddr, request: &[u8]) -> Response {
    let mut stream = connect(host);
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request);
    receive(&mut stream)
}

pub fn request(
    host: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    raw(host, &[head.as_bytes(), body].concat())
}

pub fn get(host: SocketAddr, path: &str) -> Response {
    request(host, "GET", path, &[], b"")
}

pub const JSON: (&str, &str) = ("Content-Type", "application/json");

pub fn post(host: SocketAddr, path: &str, body: &str) -> Response {
    request(host, "POST", path, &[JSON], body.as_bytes())
}

/// The answer to a question that has one.
pub fn ask(host: SocketAddr, path: &str, body: &Value) -> Value {
    let response = post(host, path, &body.to_string());
    let answer = response.json();
    assert_eq!(response.status, 200, "{path} {body}: {answer}");
    answer
}
