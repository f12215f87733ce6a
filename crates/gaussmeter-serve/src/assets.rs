//! The page: files that are built in.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, Response, StatusCode};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Path in the folder `page`, and content. What draws figures is the library's.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file of the page.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its path in the folder `page`.
    pub name: &'static str,
    content: &'static [u8],
    etag: String,
}

/// All of them.
pub static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |&(name, content): &(&'static str, &'static [u8])| {
        let hash = Sha256::digest(content);
        let digits: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Asset { name, content, etag: format!("\"{digits}\"") }
    };
    let figures = gaussmeter::report::html::ASSETS.map(|(name, text)| (name, text.as_bytes()));
    FILES.iter().chain(&figures).map(asset).collect()
});

impl Asset {
    /// The file at a path of a URL: the page at `/`, all files below `/assets/`.
    pub fn at(path: &str) -> Option<&'static Asset> {
        let name = match path {
            "/" => "index.html",
            path => path.strip_prefix("/assets/")?,
        };
        ASSETS.iter().find(|asset| asset.name == name)
    }

    /// The type of its content, by its extension.
    pub fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" | "mjs" => "text/javascript; charset=utf-8",
            "json" => "application/json",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "ico" => "image/x-icon",
            "woff2" => "font/woff2",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The response to a request with these headers.
    pub fn response(&self, headers: &HeaderMap) -> Response<Body> {
        let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut tags = known.flat_map(|value| value.split(','));
        let is_known = tags.any(|tag| tag.trim().trim_start_matches("W/") == self.etag);
        // A browser asks each time whether it has changed: another version has the same address.
        let response = Response::builder()
            .header(CONTENT_TYPE, self.content_type())
            .header(CACHE_CONTROL, "no-cache")
            .header(ETAG, &self.etag);
        let response = match is_known {
            true => response.status(StatusCode::NOT_MODIFIED).body(Body::empty()),
            false => response.body(Body::from(self.content)),
        };
        response.unwrap_or_default()
    }
}
