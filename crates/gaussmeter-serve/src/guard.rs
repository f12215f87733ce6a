//! Who may ask: only pages of this server, under the names it has, with its token if there is one.

use crate::refusal::Refusal;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderValue, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use std::net::IpAddr;

/// The cookie that holds the token.
const COOKIE_NAME: &str = "gaussmeter";

/// What browsers may do with what they are sent.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
    form-action 'none'";

/// Who may ask.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Names with the port, as in `Host`.
    hosts: Vec<String>,
    /// Whether it listens on all addresses of the machine, whose names are not known. Its token then keeps
    /// other sites out.
    is_everywhere: bool,
    token: Option<String>,
}

impl Guard {
    /// For a server at this port. Other names than those of this machine's own address need a token.
    pub fn new(port: u16, others: &[String], token: Option<String>) -> Self {
        let own = ["127.0.0.1", "localhost", "[::1]"].map(String::from);
        let named = others.iter().map(|host| match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => host.to_lowercase(),
        });
        let is_unspecified =
            |host: &String| host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
        let is_everywhere = token.is_some() && others.iter().any(is_unspecified);
        let mut hosts = Vec::new();
        for host in own.into_iter().chain(named) {
            hosts.push(format!("{host}:{port}"));
            // Browsers leave out the port of http.
            if port == 80 {
                hosts.push(host);
            }
        }
        Guard { hosts, is_everywhere, token }
    }

    /// Whether somebody with the token of the URL should get it as a cookie.
    pub fn cookie(&self, uri: &Uri) -> Option<HeaderValue> {
        let token = self.token.as_deref().filter(|token| in_query(uri, token))?;
        let cookie = format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict");
        HeaderValue::from_str(&cookie).ok()
    }

    /// Refuses requests of other sites, under other names, and without the token.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let forbidden = |kind, message| Err(Refusal::new(StatusCode::FORBIDDEN, kind, message));
        let is_ours = |host: &str| self.is_everywhere || self.hosts.contains(&host.to_lowercase());
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let is_absolute = uri.authority().is_some_and(|authority| !is_ours(authority.as_str()));
        if !host.is_some_and(is_ours) || hosts.next().is_some() || is_absolute {
            return forbidden("host", "the request is addressed to another host than this server");
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let is_own = |origin: &HeaderValue| {
            let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            origin.is_some_and(|origin| {
                is_ours(origin) && (!self.is_everywhere || Some(origin) == host)
            })
        };
        if !origins.all(is_own) {
            return forbidden("origin", "the request comes from a page of another site");
        }
        // Pages of other sites may send some requests without an origin.
        let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        let is_page =
            uri.path() == "/" && headers.get("sec-fetch-mode").is_some_and(|m| m == "navigate");
        if matches!(site, Some("cross-site" | "same-site")) && !is_page {
            return forbidden("origin", "the request comes from a page of another site");
        }
        match &self.token {
            Some(token) if !has_token(uri, headers, token) => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "token",
                "the token is missing or wrong: open the URL that gaussmeter serve has printed",
            )),
            _ => Ok(()),
        }
    }
}

/// Whether two texts are equal, in a time that does not depend on where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    let differences = pairs.fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    one.len() == other.len() && differences == 0
}

/// The values of a key of the query.
pub fn queried<'a>(uri: &'a Uri, key: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs.filter_map(move |pair| pair.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))
}

fn in_query(uri: &Uri, token: &str) -> bool {
    queried(uri, "token").any(|given| is_same(given, token))
}

fn has_token(uri: &Uri, headers: &HeaderMap, token: &str) -> bool {
    let texts = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let bearer =
        |value: &str| value.strip_prefix("Bearer ").is_some_and(|v| is_same(v.trim(), token));
    let cookie = |value: &str| {
        value.split(';').any(|pair| match pair.trim().split_once('=') {
            Some((COOKIE_NAME, given)) => is_same(given, token),
            _ => false,
        })
    };
    in_query(uri, token) || texts(AUTHORIZATION).any(bearer) || texts(COOKIE).any(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_whole() {
        assert!(is_same("abc", "abc"));
        for other in ["abd", "ab", "abcd", ""] {
            assert!(!is_same("abc", other), "{other}");
        }
    }
}
