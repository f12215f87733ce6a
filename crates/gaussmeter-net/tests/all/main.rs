//! Tests of training, of what it keeps, and of the files it writes.

mod common;
mod diverging;
mod examples;
mod files;
mod floor;
mod gradients;
mod linear;
mod onnx;
mod resume;
mod stored;
mod training;
