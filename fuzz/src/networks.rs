use super::on_disk;
use gaussmeter::level::Level;
use gaussmeter::network::Denoiser;
use gaussmeter_onnx::OnnxNetwork;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Values of one sample: graphs that ask for more by themselves are refused, and this is no test of theirs.
const MOST: usize = 256;

/// A network in a file, run once. The runtime may panic, which the reader makes an error of: one that
/// reaches this function is a finding.
pub fn onnx(bytes: &[u8]) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let path = on_disk(bytes, "network.onnx");
    let text = format!("onnx:{},prediction=denoiser,conditioning=sigma,class=0", path.display());
    let read = || {
        let plain = text.trim_end_matches(",class=0");
        let network = OnnxNetwork::read(&text).or_else(|_| OnnxNetwork::read(plain));
        let Ok(network) = network else { return };
        let dim = network.dim().unwrap_or(4);
        if dim > MOST {
            return;
        }
        if let Ok(mut bound) = network.bind(&[dim]) {
            let level = Level { t: 0.5, sigma: 0.5, ..Level::DATA };
            let _ = bound.evaluate(&vec![1.0; 2 * dim], &level, &mut vec![0.0; 2 * dim]);
        }
    };
    if catch_unwind(AssertUnwindSafe(read)).is_err() {
        std::process::abort();
    }
}
