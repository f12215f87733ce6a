//! A local page, and the API behind it: the questions of the command line over HTTP, with the same words,
//! defaults and documents.
//!
//! ```no_run
//! let server = gaussmeter_serve::Options::default().start()?;
//! println!("{}", server.url());
//! # Ok::<(), gaussmeter_serve::ServeError>(())
//! ```
//!
//! A request passes [`guard`] (who asks), [`http`] (what is asked, how large it is), [`question`] (words)
//! and [`answer`] (the library's answer, on the threads of [`work`]).

#![warn(clippy::unwrap_used, clippy::expect_used)]

pub mod answer;
pub mod assets;
pub mod command;
mod connection;
pub mod guard;
pub mod http;
pub mod question;
pub mod refusal;
mod server;
pub mod store;
mod tuning;
pub mod work;

pub use connection::Limits;
pub use server::{Options, ServeError, Server};
