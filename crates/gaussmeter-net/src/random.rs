//! Random numbers that depend on a seed, a purpose and a count only: not on what was drawn before, nor on
//! threads. Training that is resumed goes on with the numbers it would have had.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What numbers are for: purposes have streams of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Values before training.
    Weights,
    /// Samples of the data.
    Data,
    /// Noise, noise levels and dropped classes.
    Noise,
    /// Samples that are kept to measure on.
    HeldOutData,
    /// Their noise.
    HeldOutNoise,
}

/// The stream of random numbers number `index` of a purpose.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(((purpose as u64) << 56) | (index & ((1 << 56) - 1)));
    random
}
