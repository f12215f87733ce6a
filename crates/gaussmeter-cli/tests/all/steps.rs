use crate::common::Folder;

/// Contributions add up to the W2 that eval reports at the end of the grid, in every format.
#[test]
fn steps_are_those_of_eval() {
    let folder = Folder::empty();
    let line = "--sampler dpmpp-2m --process edm --grid karras --steps 6";
    let steps = folder.json(&format!("steps {line}"));
    let eval = folder.json(&format!("eval {line}"));
    let (a, b) = (steps["w2_at_eps"].as_f64().unwrap(), eval["w2"].as_f64().unwrap());
    assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
    let list = steps["steps"].as_array().unwrap();
    assert_eq!(list.len(), 7);
    let squares: f64 = list.iter().map(|s| s["contribution"].as_f64().unwrap().powi(2)).sum();
    assert!((squares.sqrt() / steps["local"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    let (steps, eval) = (
        folder.json("steps --sampler em --steps 6 --process vp-linear --eps 0"),
        folder.json("eval --sampler em --steps 6 --eps 0"),
    );
    let (a, b) = (steps["w2_at_eps"].as_f64().unwrap(), eval["w2"].as_f64().unwrap());
    assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
}
