//! Design of schedules: the times of a sampler that suit given data best.

mod space;
mod starts;
mod teleport;
mod tune;

pub use space::{End, Space, SpaceError, Start};
pub use starts::starts;
pub use teleport::{TeleportError, Teleported, teleport};
pub use tune::{Descent, Effort, Problem, TuneError, Tuned};
