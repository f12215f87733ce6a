//! Convolutions as products of matrices: every pixel with its neighbours becomes a column.

use super::product::{Rows, product};
use crate::graph::{Padding, Sliding};
use crate::shape::Shape;

/// A convolution of `samples` pictures of `from` that gives pictures of `to`.
#[derive(Clone, Copy)]
pub(super) struct Convolution {
    pub sliding: Sliding,
    pub samples: usize,
    pub from: Shape,
    pub to: Shape,
}

impl Convolution {
    fn columns(self) -> usize {
        self.samples * self.to.pixels()
    }

    fn rows(self) -> usize {
        self.from.channels * self.sliding.kernel * self.sliding.kernel
    }

    /// Whether pixels are their own neighbourhood.
    fn is_pointwise(self) -> bool {
        self.sliding.kernel == 1 && self.sliding.stride == 1
    }

    /// W x + b.
    pub fn forward(self, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let columns = self.columns();
        let mut y: Vec<f32> = bias.iter().flat_map(|b| std::iter::repeat_n(*b, columns)).collect();
        let weight = Rows::new(weight, self.to.channels, self.rows());
        match self.is_pointwise() {
            true => product(weight, Rows::new(x, self.rows(), columns), &mut y, true),
            false => {
                let gathered = self.gather(x);
                product(weight, Rows::new(&gathered, self.rows(), columns), &mut y, true);
            }
        }
        y
    }

    /// Adds the gradients of weight and bias, and returns that of x where it `is_wanted`.
    pub fn backward(
        self,
        x: &[f32],
        weight: &[f32],
        dy: &[f32],
        [dweight, dbias]: [&mut [f32]; 2],
        is_wanted: bool,
    ) -> Option<Vec<f32>> {
        let (rows, columns) = (self.rows(), self.columns());
        for (db, dy) in dbias.iter_mut().zip(dy.chunks_exact(columns)) {
            *db += dy.iter().sum::<f32>();
        }
        let slopes = Rows::new(dy, self.to.channels, columns);
        let weight = Rows::new(weight, self.to.channels, rows).transpose();
        if self.is_pointwise() {
            product(slopes, Rows::new(x, rows, columns).transpose(), dweight, true);
            return is_wanted.then(|| {
                let mut dx = vec![0.0; x.len()];
                product(weight, slopes, &mut dx, false);
                dx
            });
        }
        let mut gathered = self.gather(x);
        product(slopes, Rows::new(&gathered, rows, columns).transpose(), dweight, true);
        is_wanted.then(|| {
            product(weight, slopes, &mut gathered, false);
            self.scatter(&mut gathered)
        })
    }

    /// The row, from where, and the column offset that a place of the kernel looks at.
    fn offsets(self) -> impl Iterator<Item = (isize, isize)> {
        let k = self.sliding.kernel as isize;
        (0..k * k).map(move |i| (i / k - k / 2, i % k - k / 2))
    }

    /// The neighbourhoods: row (c, i, j) has the pixel that place (i, j) of the kernel sees, for every pixel of
    /// the result.
    fn gather(self, x: &[f32]) -> Vec<f32> {
        let (from, to) = (self.from.pixels(), self.to.pixels());
        let mut gathered = vec![0.0; self.rows() * self.columns()];
        let mut targets = gathered.chunks_exact_mut(self.columns());
        for channel in x.chunks_exact(self.samples * from) {
            for offset in self.offsets() {
                let Some(target) = targets.next() else { return gathered };
                for (image, out) in channel.chunks_exact(from).zip(target.chunks_exact_mut(to)) {
                    self.look(offset, |to, from, n| {
                        out[to..to + n].copy_from_slice(&image[from..from + n]);
                    });
                }
            }
        }
        gathered
    }

    /// The transpose of [`Convolution::gather`].
    fn scatter(self, gathered: &mut [f32]) -> Vec<f32> {
        let (from, to) = (self.from.pixels(), self.to.pixels());
        let mut x = vec![0.0; self.from.channels * self.samples * from];
        let mut sources = gathered.chunks_exact(self.columns());
        for channel in x.chunks_exact_mut(self.samples * from) {
            for offset in self.offsets() {
                let Some(source) = sources.next() else { return x };
                for (image, dy) in channel.chunks_exact_mut(from).zip(source.chunks_exact(to)) {
                    self.look(offset, |to, from, n| {
                        for (x, dy) in image[from..from + n].iter_mut().zip(&dy[to..to + n]) {
                            *x += dy;
                        }
                    });
                }
            }
        }
        x
    }

    /// Runs of pixels of the result, and of those of the picture that a place of the kernel sees there: where
    /// they begin, and how many.
    #[inline(always)]
    fn look(self, (dy, dx): (isize, isize), mut run: impl FnMut(usize, usize, usize)) {
        let (height, width) = (self.from.height as isize, self.from.width as isize);
        let stride = self.sliding.stride as isize;
        let is_periodic = self.sliding.padding == Padding::Periodic;
        for row in 0..self.to.height as isize {
            let mut seen = row * stride + dy;
            if !(0..height).contains(&seen) {
                if !is_periodic {
                    continue;
                }
                seen = seen.rem_euclid(height);
            }
            let (start, to) = (seen * width, row * self.to.width as isize);
            if stride == 1 {
                // Columns whose neighbour lies within.
                let (first, last) = ((-dx).max(0), width - dx.max(0));
                if first < last {
                    let length = (last - first) as usize;
                    run((to + first) as usize, (start + first + dx) as usize, length);
                }
                if is_periodic && dx != 0 {
                    let column = if dx < 0 { 0 } else { width - 1 };
                    let neighbour = (column + dx).rem_euclid(width);
                    run((to + column) as usize, (start + neighbour) as usize, 1);
                }
                continue;
            }
            for column in 0..self.to.width as isize {
                let neighbour = column * stride + dx;
                if (0..width).contains(&neighbour) {
                    run((to + column) as usize, (start + neighbour) as usize, 1);
                } else if is_periodic {
                    let neighbour = neighbour.rem_euclid(width);
                    run((to + column) as usize, (start + neighbour) as usize, 1);
                }
            }
        }
    }
}
