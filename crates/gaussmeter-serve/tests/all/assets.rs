//! The page's files.

use crate::client::{get, request, server};
use gaussmeter_serve::assets::ASSETS;

#[test]
fn files_are_served_with_their_type_and_a_tag() {
    let server = server();
    let host = server.address();
    for asset in ASSETS.iter() {
        let path = format!("/assets/{}", asset.name);
        let response = get(host, &path);
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-type"), Some(asset.content_type()), "{path}");
        assert!(!response.body.is_empty(), "{path}");
        let tag = response.header("etag").unwrap();
        let again = request(host, "GET", &path, &[("If-None-Match", tag)], b"");
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let other = request(host, "GET", &path, &[("If-None-Match", "\"other\"")], b"");
        assert_eq!(other.status, 200, "{path}");
    }
    assert_eq!(get(host, "/").header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn other_paths_lead_nowhere() {
    let server = server();
    let host = server.address();
    for path in [
        "/assets/",
        "/assets/../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/assets//etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/index.html%00.js",
        "/api",
        "/api/",
        "/api/eval/",
        "/api/../etc/passwd",
        "/.git/config",
    ] {
        let response = get(host, path);
        assert!(matches!(response.status, 404 | 405), "{path}: {}", response.status);
        assert!(response.json()["error"]["message"].is_string(), "{path}");
    }
}
