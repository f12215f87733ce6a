/// e^y − 1 − y without cancellation at small y.
pub(crate) fn excess(y: f64) -> f64 {
    if y.abs() < 1e-2 {
        // Ten terms of the series reach full precision there.
        (2..12).rev().fold(0.0, |tail, k| (1.0 + tail) * y / k as f64) * y
    } else {
        y.exp_m1() - y
    }
}
