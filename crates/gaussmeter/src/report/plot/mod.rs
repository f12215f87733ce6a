//! Figures drawn: laid out once as a scene, which each backend writes.

mod axis;
mod field;
pub(super) mod font;
#[cfg(test)]
pub(super) mod gallery;
mod layout;
mod legend;
mod marks;
#[cfg(feature = "figures")]
pub(super) mod pdf;
#[cfg(feature = "figures")]
pub(super) mod png;
mod rich;
pub(super) mod scene;
pub(super) mod style;
#[cfg(test)]
mod tests;
mod ticks;

pub(super) use layout::scene;
