//! What the library promises, seen from outside: one program, so that it is linked once. The tests of
//! one file are `cargo test -p gaussmeter --test all NAME::`.

mod agreement;
mod bounds;
mod budget;
mod comfyui_grids;
mod conditioning;
mod coordinates;
mod data;
mod deis_rhoab;
#[cfg(feature = "dense")]
mod dense;
mod design;
#[cfg(feature = "dense")]
mod distance;
mod drawn_results;
#[cfg(feature = "dense")]
mod empirical;
mod eta;
mod evaluations;
mod explore;
mod export;
mod few_steps;
mod figures;
mod golden;
mod golden_samplers;
mod gradient;
mod grids;
mod hostile;
mod icml;
mod info;
mod metrics;
#[cfg(feature = "dense")]
mod mixture;
mod network;
mod noise_levels;
mod noise_ratio;
mod order;
mod plan_files;
mod plane;
mod processes;
mod propositions;
mod recommend;
mod registries;
mod report;
mod round_trip;
mod runge_kutta;
mod scheduler_configs;
mod schedules;
#[cfg(feature = "dense")]
mod score_error;
#[cfg(feature = "dense")]
mod separable;
mod steps;
mod stride;
#[cfg(feature = "dense")]
mod texture;
mod timesteps;
#[cfg(feature = "dense")]
mod verify;
