//! The networks that are shipped.

use gaussmeter_data::TextureModel;
use gaussmeter_net::Network;
use gaussmeter_net::data::{GaussianData, TrainingData};
use gaussmeter_net::evaluation::evaluate;
use std::path::Path;

/// They are read, are of the data that their README names, and are as near to the exact network as it says; their
/// ONNX files are those that would be written now.
#[test]
fn are_worth_what_is_said_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/networks");
    let texture = TextureModel::power_law_field(16, 2.0, 0.5).expect("a texture");
    let data = GaussianData::from(texture.model("clouds"));
    for (name, most) in [("clouds-edm", 1.001), ("clouds-eps", 1.004)] {
        let network = Network::load(&folder.join(format!("{name}.safetensors"))).expect(name);
        assert_eq!(network.about.data, data.description());
        assert_eq!(network.program.shape, data.shape());
        let levels = evaluate(&data, &network, 7, 16).expect("a measurement");
        let sum = |of: fn(&gaussmeter_net::evaluation::LevelResult) -> f64| {
            levels.iter().map(of).sum::<f64>()
        };
        let multiple = 1.0 + sum(|l| l.measured) / sum(|l| l.floor.unwrap_or(f64::NAN));
        assert!((1.0..most).contains(&multiple), "{name}: {multiple} x floor");
        let onnx = std::fs::read(folder.join(format!("{name}.onnx"))).expect(name);
        assert!(onnx == network.onnx(), "{name}.onnx is not that of {name}.safetensors");
    }
}
