//! Training that leads to no network fails, and says at which step.

use crate::common::{diagonal, linear, pictures, trainer, unet, x0};
use gaussmeter::watch::Watch;
use gaussmeter_net::data::{Drawn, GaussianData, SampleDraw, TrainingData};
use gaussmeter_net::graph::Padding;
use gaussmeter_net::{Decay, NetError, Optimiser, Options, Shape, Trainer};

/// The step at which it diverged; what would have been kept on the way.
fn diverged(mut trainer: Trainer<'_>) -> (u64, usize) {
    let mut rows = 0;
    let each = &mut |_: &_| {
        rows += 1;
        Ok(())
    };
    let ended = trainer.run(Watch::NOBODY, 0, each, &mut |_| Ok(()));
    match ended {
        Err(NetError::Diverged { step }) => (step, rows),
        other => panic!("{other:?}"),
    }
}

/// The loss before the last step is still finite, but no weights are after it.
#[test]
fn the_last_step_counts() {
    let data = pictures();
    let options = |steps: u64| Options {
        steps,
        rate: 1000.0,
        warm_up: 1,
        decay: Decay::None,
        clip: f64::INFINITY,
        optimiser: Optimiser::Sgd,
        batch: 16,
        held_out: 4,
        ..Options::default()
    };
    let of = |steps| trainer(&data, unet(Padding::Zero), crate::common::edm(&data), options(steps));
    let (last, _) = diverged(of(50));
    assert!(last > 1);
    assert_eq!(diverged(of(last)), (last, 0));
}

/// Samples as large as 32-bit numbers allow.
struct Large(GaussianData);

impl TrainingData for Large {
    fn description(&self) -> String {
        "large samples".into()
    }
    fn shape(&self) -> Shape {
        self.0.shape()
    }
    fn sigma_data(&self) -> f64 {
        self.0.sigma_data()
    }
    fn draw(&self, draw: SampleDraw) -> Drawn {
        let mut drawn = self.0.draw(draw);
        drawn.values.iter_mut().for_each(|v| *v *= 1e30);
        drawn
    }
}

/// A gradient without a length cannot be shortened to one.
#[test]
fn an_infinite_gradient_is_not_clipped() {
    let data = Large(diagonal([1, 1, 2], &[1.0, 0.5], &[0.0, 0.0]));
    let options = Options { steps: 2, batch: 4, held_out: 2, ..Options::default() };
    let trainer = trainer(&data, linear(&[1.0]), x0(&data, &[1.0]), options);
    assert_eq!(diverged(trainer), (1, 0));
}
