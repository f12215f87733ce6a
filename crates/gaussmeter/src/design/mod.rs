//! Design of schedules: the times of a sampler that suit given data best.

pub mod objective;
