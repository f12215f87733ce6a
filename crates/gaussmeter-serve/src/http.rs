//! Requests and responses.

use crate::answer::{self, Answers};
use crate::assets::Asset;
use crate::connection::Limits;
use crate::guard::{Guard, POLICY, queried};
use crate::question::{Asked, Verb};
use crate::refusal::Refusal;
use crate::store::TextureOptions;
use crate::tuning;
use crate::work::Work;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Longest question, in bytes.
pub const MAX_QUESTION: usize = 1 << 20;
/// Largest upload, in bytes.
pub const MAX_UPLOAD: usize = 64 << 20;
/// Longest name of a client.
const CLIENT: usize = 64;

/// What all requests share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What questions are answered from.
    pub answers: Arc<Answers>,
    /// The threads.
    pub work: Arc<Work>,
    /// Who may ask.
    pub guard: Arc<Guard>,
    /// How long clients may take.
    pub limits: Limits,
}

/// All paths.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", page())
        .route("/assets/{*name}", page())
        .route("/api/registry", get(registry))
        .route("/api/version", get(version))
        .route("/api/uploads", get(uploads))
        .route("/api/upload", post(upload))
        .route("/api/tune", post(tune))
        .route("/api/{verb}", post(question))
        .method_not_allowed_fallback(wrong_method)
        .fallback(nowhere)
        .layer(from_fn_with_state(shared.clone(), guarded))
        .with_state(shared)
}

fn page() -> MethodRouter<Shared> {
    get(|uri: Uri, headers: HeaderMap| async move {
        match Asset::at(uri.path()) {
            Some(asset) => asset.response(&headers),
            None => refused(&no_path(&uri)),
        }
    })
}

fn no_path(uri: &Uri) -> Refusal {
    Refusal::unknown(format!("there is no {}: docs/api.md has the paths", uri.path()))
}

async fn nowhere(uri: Uri) -> Response<Body> {
    refused(&no_path(&uri))
}

async fn wrong_method(uri: Uri) -> Response<Body> {
    let takes = match uri.path() {
        "/api/registry" | "/api/version" | "/api/uploads" => "GET",
        path if path.starts_with("/api/") => "POST",
        _ => "GET",
    };
    let message = format!("{} takes {takes}", uri.path());
    let mut response = refused(&Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", message));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(takes));
    response
}

/// Checks who asks, and tells browsers what they may do with the response.
async fn guarded(State(shared): State<Shared>, request: Request, next: Next) -> Response<Body> {
    let uri = request.uri().clone();
    let mut response = match shared.guard.check(&uri, request.headers()) {
        Err(refusal) => refused(&refusal),
        Ok(()) => match shared.guard.cookie(&uri) {
            // The token should not stay in the address.
            Some(cookie) if uri.path() == "/" => signed_in(cookie),
            _ => next.run(request).await,
        },
    };
    let always: [(HeaderName, &'static str); 4] = [
        (HeaderName::from_static("content-security-policy"), POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    headers.extend(always.map(|(name, value)| (name, HeaderValue::from_static(value))));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn signed_in(cookie: HeaderValue) -> Response<Body> {
    let response = Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, "/")
        .header(SET_COOKIE, cookie)
        .body(Body::empty());
    response.unwrap_or_default()
}

fn sent(status: StatusCode, value: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(Body::from(value.to_string())).unwrap_or_default()
}

/// A refusal as a response.
fn refused(refusal: &Refusal) -> Response<Body> {
    sent(refusal.status, &refusal.json())
}

fn result(found: Result<Value, Refusal>) -> Response<Body> {
    match found {
        Ok(value) => sent(StatusCode::OK, &value),
        Err(refusal) => refused(&refusal),
    }
}

async fn registry(State(shared): State<Shared>) -> Response<Body> {
    sent(StatusCode::OK, &answer::registry(&shared.answers))
}

async fn version(State(shared): State<Shared>) -> Response<Body> {
    let version = json!({
        "generator": concat!("gaussmeter ", env!("CARGO_PKG_VERSION")),
        "schema": gaussmeter::experiment::SCHEMA,
        "working": shared.work.working(),
    });
    sent(StatusCode::OK, &version)
}

async fn uploads(State(shared): State<Shared>) -> Response<Body> {
    sent(StatusCode::OK, &json!({"uploads": answer::uploads(&shared.answers)}))
}

/// Takes the body of a request, of at most so many bytes, in at most this time.
async fn body(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    time: Duration,
) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("the body is larger than {} MiB", most >> 20);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    };
    let told = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if told.unwrap_or(body.size_hint().lower()) > most as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(time, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(match std::error::Error::source(&error) {
            Some(cause) if cause.to_string().contains("length limit") => too_large(),
            _ => Refusal::usage("the body ended before its end"),
        }),
        Err(_) => {
            let message = format!("the body did not arrive within {} s", time.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "slow", message))
        }
    }
}

/// Takes a question.
async fn asked(
    shared: &Shared,
    verb: Verb,
    request: Request,
) -> Result<(Asked, Option<String>), Refusal> {
    let (parts, content) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let message = "a question needs the header 'Content-Type: application/json'";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message));
    }
    let client = client(&parts.uri)?;
    let bytes = body(&parts.headers, content, MAX_QUESTION, shared.limits.question).await?;
    Ok((Asked::parse(verb, &bytes)?, client))
}

fn client(uri: &Uri) -> Result<Option<String>, Refusal> {
    let Some(client) = queried(uri, "client").next() else { return Ok(None) };
    let is_name =
        (1..=CLIENT).contains(&client.len()) && client.bytes().all(|b| b.is_ascii_alphanumeric());
    match is_name {
        true => Ok(Some(client.into())),
        false => {
            Err(Refusal::usage(format!("client: up to {CLIENT} letters and digits are needed")))
        }
    }
}

async fn question(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    let uri = request.uri().clone();
    let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.name() == name) else {
        return refused(&no_path(&uri));
    };
    let (asked, client) = match asked(&shared, verb, request).await {
        Ok(asked) => asked,
        Err(refusal) => return refused(&refusal),
    };
    let waiting = shared.work.wait(client.as_deref(), verb.name());
    let answers = shared.answers.clone();
    let is_long = asked.is_long();
    // The text is made on the other thread too: it may be long.
    let work = move |watch: gaussmeter::watch::Watch| {
        answers.answer(&asked, watch).map(|answer| answer.to_string())
    };
    match shared.work.run(is_long, &waiting, work).await {
        Ok(text) => {
            let response = Response::builder().header(CONTENT_TYPE, "application/json");
            response.body(Body::from(text)).unwrap_or_default()
        }
        Err(refusal) => refused(&refusal),
    }
}

async fn tune(State(shared): State<Shared>, request: Request) -> Response<Body> {
    match asked(&shared, Verb::Tune, request).await {
        Ok((asked, client)) => {
            let waiting = shared.work.wait(client.as_deref(), Verb::Tune.name());
            match tuning::begin(&shared, asked, waiting).await {
                Ok(events) => {
                    let kind = (CONTENT_TYPE, "application/x-ndjson");
                    let response = Response::builder().header(kind.0, kind.1);
                    response.body(Body::new(events)).unwrap_or_default()
                }
                Err(refusal) => refused(&refusal),
            }
        }
        Err(refusal) => refused(&refusal),
    }
}

/// The options of an upload.
fn upload_options(uri: &Uri) -> Result<(String, TextureOptions), Refusal> {
    let mut options = TextureOptions::default();
    let mut name = None;
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let flag = || match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Refusal::usage(format!("{key}: true or false is needed"))),
        };
        match key {
            "name" => name = Some(decoded(value)),
            "periodic" => options.periodic = flag()?,
            "centred" => options.centred = flag()?,
            "size" => {
                let size = value.parse().ok().filter(|size| (1..=1024).contains(size));
                options.size = size.ok_or_else(|| {
                    Refusal::usage("size: a whole number from 1 to 1024 is needed")
                })?;
            }
            "token" => {}
            other => {
                return Err(Refusal::usage(format!(
                    "upload has no key '{}' (known: name, size, periodic, centred)",
                    decoded(other)
                )));
            }
        }
    }
    match name {
        Some(name) => Ok((name, options)),
        None => Err(Refusal::usage("upload needs ?name=NAME, the name of the file")),
    }
}

/// A value of a query.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let (mut decoded, mut k) = (Vec::with_capacity(bytes.len()), 0);
    while k < bytes.len() {
        let escaped = || u8::from_str_radix(value.get(k + 1..k + 3)?, 16).ok();
        match (bytes[k], escaped()) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                k += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        k += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Types that a form of another site could send.
const FORMS: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

async fn upload(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (parts, content) = request.into_parts();
    let take = async {
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if FORMS.iter().any(|form| form.eq_ignore_ascii_case(kind)) {
            let message = "an upload is the file's bytes, such as application/octet-stream";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message));
        }
        let (name, options) = upload_options(&parts.uri)?;
        let bytes = body(&parts.headers, content, MAX_UPLOAD, shared.limits.upload).await?;
        let answers = shared.answers.clone();
        let waiting = shared.work.wait(None, "upload");
        let work = move |_: gaussmeter::watch::Watch| {
            answer::uploaded(&*answers.store.add(&name, &bytes, options)?)
        };
        shared.work.run(true, &waiting, work).await
    };
    result(take.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_queries_are_decoded() {
        assert_eq!(decoded("a%20b+c%2Fd"), "a b c/d");
        assert_eq!(decoded("%"), "%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%C3%A4ä"), "ää");
    }
}
