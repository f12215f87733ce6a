use serde::Serialize;

/// All values of one channel of the data, over samples and places.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Channel {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation: what networks with one σ_data per channel, and latents that are
    /// normalised per channel, call for. Its square is the mean of the variances of the coordinates
    /// plus the variance, over coordinates, of their means.
    pub std: f64,
    /// Root of the mean of the variances of the coordinates alone: the deviation from the mean image.
    pub std_about_mean: f64,
}

/// The channels of data of shape C × H × W; all values as one channel for other shapes. `mean` and
/// `variances` have an entry per coordinate.
pub(super) fn channels(shape: &[usize], mean: &[f64], variances: &[f64]) -> Vec<Channel> {
    let places = match shape {
        [_, height, width] => height * width,
        _ => mean.len(),
    };
    let average = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / places as f64;
    let of = |(mean, variances): (&[f64], &[f64])| {
        let whole = average(&mut mean.iter().copied());
        let within = average(&mut variances.iter().copied());
        let between = average(&mut mean.iter().map(|m| (m - whole) * (m - whole)));
        Channel { mean: whole, std: (within + between).sqrt(), std_about_mean: within.sqrt() }
    };
    mean.chunks(places.max(1)).zip(variances.chunks(places.max(1))).map(of).collect()
}

impl Channel {
    /// The same channel when the mean of the data is left out.
    pub(super) fn centred(self) -> Self {
        Channel { mean: 0.0, std: self.std_about_mean, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, channels};

    /// Against the mean and the deviation of all values of a channel, taken one by one.
    #[test]
    fn channels_are_those_of_all_values() {
        // Two samples of 2 × 1 × 2.
        let samples = [[1.0, 5.0, -1.0, 0.5], [2.0, 9.0, -3.0, 0.0]];
        let at = |i: usize| samples.map(|s: [f64; 4]| s[i]);
        let mean: Vec<f64> = (0..4).map(|i| at(i).iter().sum::<f64>() / 2.0).collect();
        let variance =
            |i: usize| at(i).iter().map(|v| (v - mean[i]) * (v - mean[i])).sum::<f64>() / 2.0;
        let variances: Vec<f64> = (0..4).map(variance).collect();
        let found = channels(&[2, 1, 2], &mean, &variances);
        for (c, channel) in found.iter().enumerate() {
            let values: Vec<f64> =
                samples.iter().flat_map(|s| s[2 * c..2 * c + 2].to_vec()).collect();
            let mean = values.iter().sum::<f64>() / 4.0;
            let std = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 4.0).sqrt();
            assert!((channel.mean - mean).abs() < 1e-15 && (channel.std - std).abs() < 1e-15);
        }
        assert_eq!(found.len(), 2);
        assert_eq!(channels(&[4], &mean, &variances).len(), 1);
        let centred = found[0].centred();
        assert_eq!(centred, Channel { mean: 0.0, std: found[0].std_about_mean, ..found[0] });
    }
}
