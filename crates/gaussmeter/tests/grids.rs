//! Grid rules place the levels that the projects they come from place.

use gaussmeter::grid::{GridError, Sigmas};
use gaussmeter::prelude::*;
use gaussmeter::{grid, process};
use gaussmeter_testkit::relative_error;
use std::sync::Arc;

fn process(text: &str) -> Arc<dyn Process> {
    process::registry().build(text).unwrap().item.into()
}

fn rule(text: &str) -> Box<dyn GridRule> {
    grid::registry().build(text).unwrap().item
}

/// The noise levels σ/α of a grid.
fn sigmas(grid: &Grid) -> Vec<f64> {
    grid.levels().iter().map(|l| l.sigma / l.alpha).collect()
}

#[track_caller]
fn close(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len(), "{values:?} {expected:?}");
    for (v, e) in values.iter().zip(expected) {
        assert!(relative_error(*v, *e) <= tolerance, "{v:e} is not {e:e}: {values:?} {expected:?}");
    }
}

const FIVE: [f64; 4] = [80.0, 10.0, 0.5, 0.0];

#[test]
fn given_sigmas_are_times_of_edm_and_levels_of_any_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sigmas.txt");
    std::fs::write(&path, "80.0\n10.0\n0.5\n0.0\n").unwrap();
    let rule = rule(&format!("sigmas:{}", path.display()));
    let edm = process("edm");
    assert_eq!((rule.own_steps(), rule.own_end(&*edm)), (Some(3), Some(0.0)));
    let times = rule.grid(&edm, 3, 0.0).unwrap();
    assert_eq!(times.levels().iter().map(|l| l.t).collect::<Vec<_>>(), FIVE);
    for name in ["vp-linear", "flow"] {
        let grid = Sigmas::new(FIVE.to_vec()).grid(&process(name), 3, 0.0).unwrap();
        close(&sigmas(&grid), &FIVE, 1e-13);
    }
    let given = |list: &[f64]| Sigmas::new(list.to_vec());
    let error = |list: &[f64], steps, eps| given(list).grid(&edm, steps, eps).unwrap_err();
    assert!(matches!(error(&FIVE, 2, 0.0), GridError::FixedSteps { own: 3, asked: 2 }));
    assert!(matches!(error(&FIVE, 3, 0.1), GridError::FixedEnd { .. }));
    assert!(matches!(error(&[], 0, 0.0), GridError::TooShort { points: 0 }));
    let range = "but sigma/alpha runs from 0 to 80 on this process";
    for (list, message) in [
        (&[81.0, 1.0][..], format!("sigma 0 is 81, {range}")),
        (&[1.0, -1.0], format!("sigma 1 is -1, {range}")),
        (&[f64::NAN, 1.0], format!("sigma 0 is NaN, {range}")),
        (
            &[1.0, 1.0, 0.0],
            "sigmas must decrease from noise to data, but sigma 0 is 1 and the next is 1".into(),
        ),
    ] {
        assert_eq!(error(list, 1, 0.0).to_string(), message);
    }
    std::fs::write(&path, "100\n0\n").unwrap();
    let from_file = grid::registry().build(&format!("sigmas:{}", path.display())).unwrap().item;
    let message = from_file.grid(&edm, 1, 0.0).unwrap_err().to_string();
    assert_eq!(message, format!("{}: sigma 0 is 100, {range}", path.display()));
}
