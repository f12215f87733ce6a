//! Samplers whose evaluations do not grow with their steps end every command with a reason.

use crate::common::{Folder, words};
use std::time::{Duration, Instant};

#[test]
fn no_command_waits_for_evaluations_that_do_not_come() {
    let folder = Folder::empty();
    folder.write("never.toml", "[[rule]]\ndo = 'x_next = sigma_next / sigma * x'\n");
    let once = "[[rule]]\nwhen = 'step == 1'\ndo = 'x_next = x + 0.1 * denoiser(x)'\n";
    folder.write("once.toml", format!("{once}[[rule]]\ndo = 'x_next = x'\n"));
    let data = "--spectrum spiked:d=10,rank=3";
    for (file, spent) in [("never.toml", 0), ("once.toml", 1)] {
        for line in [
            format!("eval --sampler plan:{file} --nfe 10 {data}"),
            format!("eval --sampler plan:{file} {data}"),
            format!("curve --sampler plan:{file} --nfe 10 {data}"),
            format!("modes --sampler plan:{file} --nfe 10 {data}"),
            format!("show plan:{file} --nfe 10"),
            format!("table --sampler plan:{file} --nfe 10 {data}"),
            format!("rank --sampler plan:{file} --nfe 10 {data}"),
            format!("pareto --sampler plan:{file} --nfe 5..8 {data}"),
            format!("tune --sampler plan:{file} --nfe 10 {data}"),
            format!("schedules --sampler plan:{file} --nfe 10 {data}"),
            format!("recommend --sampler plan:{file} --nfe 10 {data}"),
        ] {
            let start = Instant::now();
            let ran = folder.run_all(&words(&line));
            assert!(start.elapsed() < Duration::from_secs(120), "{line}");
            assert_eq!(ran.code, 1, "{line}: {ran:?}");
            let reason = format!("spends {spent} network evaluations in");
            assert!(ran.stderr.contains(&reason), "{line}: {}", ran.stderr);
        }
    }
    // Others in the same list are ranked.
    let ran = folder.run(&format!("rank --sampler ddim,plan:never.toml --nfe 10 {data}"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let all = (ran.stdout + &ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        all.contains("ddim") && all.contains("spends 0 network evaluations however long it runs"),
        "{all}"
    );
}
