//! Resizing like Pillow, bit for bit for 8-bit values: separable kernels with fixed-point weights, one
//! direction after the other, rounded to grey levels in between. The source is
//! `src/libImaging/Resample.c` of Pillow 13 and, for the nearest pixel, `ImagingScaleAffine` in
//! `Geometry.c`. Up to version 12, widths were always resized first.

/// How pixels are averaged when a picture is resized. All kernels but the first widen when the picture
/// shrinks. 8-bit pictures are resized exactly like Pillow, and so like torchvision; for 16-bit ones, all
/// averages are rounded to the nearest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Linear weights.
    Bilinear,
    /// Cubic weights, a = −1/2.
    #[default]
    Bicubic,
    /// A windowed sinc of three lobes.
    Lanczos,
}

impl Filter {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Filter::Nearest => "nearest",
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
            Filter::Lanczos => "lanczos",
        }
    }
}

/// Fractional bits of weights.
const BITS: u32 = 22;

/// A pixel value that can be averaged.
pub(super) trait Level: Copy + Default {
    /// A weight of the kernel.
    type Weight: Copy;
    /// A sum of weighted values.
    type Sum: Copy;
    /// The initial value of a sum.
    const START: Self::Sum;
    /// Whether positions of the nearest pixel are found by adding up steps.
    const ADDS_UP: bool;
    /// A weight, as used in sums.
    fn weight(weight: f64) -> Self::Weight;
    /// A sum with one more weighted value.
    fn add(sum: Self::Sum, value: Self, weight: Self::Weight) -> Self::Sum;
    /// The sum as a value, clipped to black and white.
    fn round(sum: Self::Sum) -> Self;
    /// Multiplies colours by alpha, for resizing; for interleaved values of four channels only.
    fn multiply(values: &mut [Self]);
    /// Divides colours by alpha, after resizing.
    fn divide(values: &mut [Self]);
}

impl Level for u8 {
    type Weight = i32;
    type Sum = i32;
    const START: i32 = 1 << (BITS - 1);
    const ADDS_UP: bool = true;

    fn weight(weight: f64) -> i32 {
        (weight * f64::from(1 << BITS)).round() as i32
    }
    fn add(sum: i32, value: u8, weight: i32) -> i32 {
        sum + i32::from(value) * weight
    }
    fn round(sum: i32) -> u8 {
        (sum >> BITS).clamp(0, 255) as u8
    }
    fn multiply(values: &mut [u8]) {
        for pixel in values.chunks_exact_mut(4) {
            let alpha = u32::from(pixel[3]);
            for colour in &mut pixel[..3] {
                let product = u32::from(*colour) * alpha + 128;
                *colour = (((product >> 8) + product) >> 8) as u8;
            }
        }
    }
    fn divide(values: &mut [u8]) {
        for pixel in values.chunks_exact_mut(4) {
            let alpha = u32::from(pixel[3]);
            for colour in &mut pixel[..3] {
                let whole = (255 * u32::from(*colour)).checked_div(alpha);
                *colour = whole.map_or(*colour, |whole| whole.min(255) as u8);
            }
        }
    }
}

impl Level for u16 {
    type Weight = f64;
    type Sum = f64;
    const START: f64 = 0.0;
    const ADDS_UP: bool = false;

    fn weight(weight: f64) -> f64 {
        weight
    }
    fn add(sum: f64, value: u16, weight: f64) -> f64 {
        sum + f64::from(value) * weight
    }
    fn round(sum: f64) -> u16 {
        sum.round().clamp(0.0, 65_535.0) as u16
    }
    fn multiply(values: &mut [u16]) {
        for pixel in values.chunks_exact_mut(4) {
            let alpha = f64::from(pixel[3]) / 65_535.0;
            for colour in &mut pixel[..3] {
                *colour = u16::round(f64::from(*colour) * alpha);
            }
        }
    }
    fn divide(values: &mut [u16]) {
        for pixel in values.chunks_exact_mut(4) {
            let alpha = f64::from(pixel[3]) / 65_535.0;
            if alpha > 0.0 {
                for colour in &mut pixel[..3] {
                    *colour = u16::round(f64::from(*colour) / alpha);
                }
            }
        }
    }
}

/// Resizes a picture of interleaved values; sides are at least 1.
pub(super) fn resize<T: Level>(
    mut values: Vec<T>,
    channels: usize,
    (height, width): (usize, usize),
    (new_height, new_width): (usize, usize),
    filter: Filter,
) -> Vec<T> {
    let Some(kernel) = Kernel::of(filter) else {
        let (rows, columns) = (nearest::<T>(height, new_height), nearest::<T>(width, new_width));
        let mut out = Vec::with_capacity(new_height * new_width * channels);
        for row in rows {
            let row = &values[row * width * channels..(row + 1) * width * channels];
            columns.iter().for_each(|x| out.extend_from_slice(&row[x * channels..][..channels]));
        }
        return out;
    };
    let has_alpha = channels == 4;
    if has_alpha {
        T::multiply(&mut values);
    }
    // The order matters where values are clipped to black and white.
    let fewer = |from: usize, to: usize| from as i64 - to as i64;
    let is_flattened = height > new_height;
    if is_flattened && fewer(height, new_height) > 2 * fewer(width, new_width) {
        values = heights(values, width * channels, (height, new_height), &kernel);
        values = widths(values, channels, (width, new_width), &kernel);
    } else {
        values = widths(values, channels, (width, new_width), &kernel);
        values = heights(values, new_width * channels, (height, new_height), &kernel);
    }
    if has_alpha {
        T::divide(&mut values);
    }
    values
}

/// Resizes rows to another width.
fn widths<T: Level>(
    values: Vec<T>,
    channels: usize,
    (width, new_width): (usize, usize),
    kernel: &Kernel,
) -> Vec<T> {
    if width == new_width {
        return values;
    }
    let windows = windows::<T>(kernel, width, new_width);
    let mut out = Vec::with_capacity(values.len() / width * new_width);
    for row in values.chunks_exact(width * channels) {
        match channels {
            1 => along::<T, 1>(row, &windows, &mut out),
            3 => along::<T, 3>(row, &windows, &mut out),
            _ => along::<T, 4>(row, &windows, &mut out),
        }
    }
    out
}

/// Another number of rows, each of so many values.
fn heights<T: Level>(
    values: Vec<T>,
    length: usize,
    (height, new_height): (usize, usize),
    kernel: &Kernel,
) -> Vec<T> {
    if height == new_height {
        return values;
    }
    let mut out = Vec::with_capacity(new_height * length);
    let mut sums = Vec::with_capacity(length);
    for window in windows::<T>(kernel, height, new_height) {
        sums.clear();
        sums.resize(length, T::START);
        let rows = values.chunks_exact(length).skip(window.first);
        for (row, weight) in rows.zip(&window.weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum = T::add(*sum, *value, *weight);
            }
        }
        out.extend(sums.iter().map(|sum| T::round(*sum)));
    }
    out
}

/// Averages along a row.
fn along<T: Level, const CHANNELS: usize>(row: &[T], windows: &[Window<T>], out: &mut Vec<T>) {
    for window in windows {
        let mut sums = [T::START; CHANNELS];
        let pixels = row[window.first * CHANNELS..].chunks_exact(CHANNELS);
        for (pixel, weight) in pixels.zip(&window.weights) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum = T::add(*sum, *value, *weight);
            }
        }
        out.extend(sums.map(T::round));
    }
}

/// The nearest old position for each new one. If it lies between two, rounding decides: Pillow adds up
/// steps for 8 bits, and multiplies for 16.
fn nearest<T: Level>(length: usize, new_length: usize) -> Vec<usize> {
    let step = length as f64 / new_length as f64;
    let mut sum = step * 0.5;
    let next = |place: usize| {
        let at = if T::ADDS_UP { sum } else { (place as f64 + 0.5) * step };
        sum += step;
        (at as usize).min(length - 1)
    };
    (0..new_length).map(next).collect()
}

/// Weights as a function of distance, and their reach.
struct Kernel {
    reach: f64,
    weight: fn(f64) -> f64,
}

impl Kernel {
    fn of(filter: Filter) -> Option<Self> {
        let (reach, weight): (f64, fn(f64) -> f64) = match filter {
            Filter::Nearest => return None,
            Filter::Bilinear => (1.0, |x| (1.0 - x.abs()).max(0.0)),
            Filter::Bicubic => (2.0, |x| {
                let (x, a) = (x.abs(), -0.5);
                match x {
                    _ if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
                    _ if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
                    _ => 0.0,
                }
            }),
            Filter::Lanczos => (3.0, |x| match (-3.0..3.0).contains(&x) {
                true => sinc(x) * sinc(x / 3.0),
                false => 0.0,
            }),
        };
        Some(Kernel { reach, weight })
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// The old positions that are averaged for a new one.
struct Window<T: Level> {
    first: usize,
    weights: Vec<T::Weight>,
}

/// The windows of all new positions. Kernels widen with the step when pictures shrink, and positions
/// outside of the picture are left out.
fn windows<T: Level>(kernel: &Kernel, length: usize, new_length: usize) -> Vec<Window<T>> {
    let step = length as f64 / new_length as f64;
    let widening = step.max(1.0);
    let (reach, inverse) = (kernel.reach * widening, 1.0 / widening);
    let window = |place: usize| {
        let centre = (place as f64 + 0.5) * step;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(length);
        let weight = |x: usize| (kernel.weight)((x as f64 - centre + 0.5) * inverse);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let sum = if sum == 0.0 { 1.0 } else { sum };
        let weights = weights.into_iter().map(|weight| T::weight(weight / sum)).collect();
        Window { first, weights }
    };
    (0..new_length).map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Pillow 13 makes of two pixels resized to seven: the fourth lies between them.
    #[test]
    fn the_nearest_of_two_pixels() {
        assert_eq!(nearest::<u8>(2, 7), [0, 0, 0, 0, 1, 1, 1]);
        assert_eq!(nearest::<u16>(2, 7), [0, 0, 0, 1, 1, 1, 1]);
    }
}
