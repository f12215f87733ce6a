//! Figures drawn: laid out once as a scene, which each backend writes.

pub(super) mod axis;
pub(super) mod field;
pub(super) mod font;
#[cfg(test)]
pub(super) mod gallery;
pub(super) mod layout;
mod legend;
pub(super) mod marks;
#[cfg(feature = "figures")]
pub(super) mod pdf;
#[cfg(feature = "figures")]
pub(super) mod png;
pub(super) mod rich;
pub(super) mod scene;
pub(super) mod style;
#[cfg(test)]
mod tests;
pub(super) mod ticks;

pub(super) use layout::scene;
