//! Design of schedules: the times of a sampler that suit given data best.

mod condense;
mod minimise;
pub mod objective;
mod space;
mod starts;
mod stop;
mod teleport;
mod tune;

pub use condense::condensed;
pub(crate) use minimise::minimise;
pub use space::{End, Space, SpaceError, Start};
pub use starts::starts;
pub use stop::Stop;
pub use teleport::{Teleported, teleport};
pub use tune::{Descent, Effort, Problem, TuneError, Tuned};
