//! The server, asked over TCP.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod assets;
mod client;
mod explore;
mod files;
mod hostile;
mod tuning;
