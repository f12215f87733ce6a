//! Figures drawn: laid out once as a scene, which each backend writes.

mod axis;
mod field;
pub(super) mod font;
#[cfg(test)]
pub(super) mod gallery;
mod layout;
mod legend;
mod marks;
mod rich;
pub(super) mod scene;
pub(super) mod style;
mod ticks;

pub(super) use layout::scene;
