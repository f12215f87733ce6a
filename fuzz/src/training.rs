use super::on_disk;
use gaussmeter::level::Level;
use gaussmeter::network::Denoiser;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::{Memory, TextureModel};
use gaussmeter_net::data::{GaussianData, TrainingData};
use gaussmeter_net::graph::Padding;
use gaussmeter_net::parametrization::{Kind, NoiseLaw, Parametrization};
use gaussmeter_net::program::{Architecture, Program, Unet};
use gaussmeter_net::{NetError, Network, Options, Trainer};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Values of one sample and channels of a network that is also run: larger ones are as slow as they are meant to be.
const MOST: usize = 256;

/// The weights of a network, and the state of a training, in a file.
pub fn network(bytes: &[u8]) {
    let path = on_disk(bytes, "network.safetensors");
    if let Ok(mut network) = Network::load(&path) {
        let dim = network.dim();
        if dim <= MOST && network.weights().len() <= MOST * MOST {
            let level = Level { t: 0.5, sigma: 0.5, ..Level::DATA };
            let _ = network.evaluate(&vec![1.0; 2 * dim], &level, &mut vec![0.0; 2 * dim]);
        }
    }
    match resumed(&path) {
        Ok(()) | Err(NetError::Malformed { .. } | NetError::Differs { .. } | NetError::Read(_) | NetError::Diverged { .. }) => {}
        Err(error) => panic!("the training that seeds/make.py has begun: {error}"),
    }
}

/// Goes on with the training of `seeds/make.py`.
fn resumed(path: &Path) -> Result<(), NetError> {
    let texture = TextureModel::power_law_field(4, 2.0, 0.5);
    let Ok(texture) = texture else { panic!("no texture") };
    let data = GaussianData::from(texture.model("clouds.npz"));
    let sigma_data = data.sigma_data();
    let law = NoiseLaw::LogNormal { mean: (2.0 * sigma_data).ln() - 1.2, deviation: 1.2 };
    let parametrization = Parametrization::new(Kind::Edm, "edm", sigma_data, law)?;
    let architecture =
        Architecture::Unet(Unet { channels: vec![4], blocks: 1, padding: Padding::Periodic });
    let frequencies = parametrization.frequencies();
    let program = Program { architecture, shape: data.shape(), classes: 0, frequencies };
    let options = Options { steps: 1 << 30, batch: 2, held_out: 2, ..Options::default() };
    let mut trainer = Trainer::new(&data, program, parametrization, options, Memory(1 << 30))?;
    trainer.resume(path)?;
    let heard = AtomicU32::new(0);
    let hear = |_: Option<Progress>| match heard.fetch_add(1, Ordering::Relaxed) {
        0..6 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    trainer.run(Watch::new(&hear), 0, &mut |_| Ok(()), &mut |_| Ok(()))?;
    Ok(())
}
