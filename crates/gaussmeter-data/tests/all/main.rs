//! All integration tests of the crate in one binary. `cargo test -p gaussmeter-data --test all images`
//! runs those of one module.

mod arrays;
mod distance;
mod empirical;
mod files;
mod images;
mod labels;
mod mixture;
mod model;
mod moments;
mod parquet;
mod registry;
mod separable;
mod spectral;
mod summation;
mod watched;
