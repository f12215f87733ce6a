use gaussmeter::numeric::linear_algebra::{MatrixError, Real, inner_products};
use rayon::prelude::*;
use std::ops::Range;

/// Vectors per block. Signed 8-bit integers have products of at most 2¹⁴, so that all partial sums over
/// a block are integers of at most 2²⁴, which are exact in f32 in any order.
pub(crate) const BLOCK: usize = 1024;

/// Rows and columns of a tile, whose sums over a block fit in the cache.
const TILE: usize = 256;

/// The type in which sums of products over blocks are added up.
pub(crate) trait Total: Copy + Default + PartialEq + Send + Sync {
    /// The type in which products are summed over one block.
    type Element: Real + Default + Send + Sync;

    fn add(totals: &mut [Self], block: &[Self::Element]);
}

impl Total for f64 {
    type Element = f64;

    fn add(totals: &mut [f64], block: &[f64]) {
        totals.iter_mut().zip(block).for_each(|(total, sum)| *total += sum);
    }
}

impl Total for i64 {
    type Element = f32;

    fn add(totals: &mut [i64], block: &[f32]) {
        // The spacing of numbers around 1.5 · 2⁵² is 1: adding it turns the last bits of an f64
        // into those of an integer. A cast would do the same, one number at a time.
        const SHIFT: f64 = 6_755_399_441_055_744.0;
        for (total, sum) in totals.iter_mut().zip(block) {
            let bits = (f64::from(*sum) + SHIFT).to_bits();
            *total += bits.wrapping_sub(SHIFT.to_bits()) as i64;
        }
    }
}

/// The lower triangle of Σ x xᵀ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Products<T> {
    dim: usize,
    tiles: Vec<Tile<T>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Tile<T> {
    rows: Range<usize>,
    columns: Range<usize>,
    totals: Vec<T>,
}

impl<T: Total> Products<T> {
    pub(crate) fn zero(dim: usize) -> Self {
        let ranges: Vec<Range<usize>> =
            (0..dim).step_by(TILE).map(|start| start..(start + TILE).min(dim)).collect();
        let lower = ranges.iter().enumerate().flat_map(|(i, rows)| {
            ranges[..=i].iter().map(move |columns| (rows.clone(), columns.clone()))
        });
        let tile = |(rows, columns): (Range<usize>, Range<usize>)| {
            let totals = vec![T::default(); rows.len() * columns.len()];
            Tile { rows, columns, totals }
        };
        Products { dim, tiles: lower.map(tile).collect() }
    }

    /// Adds x xᵀ for each of consecutive vectors x.
    pub(crate) fn add_block(&mut self, block: &[T::Element]) -> Result<(), MatrixError> {
        let dim = self.dim;
        self.tiles.par_iter_mut().try_for_each_init(Vec::new, |sums, tile| {
            sums.resize(tile.totals.len(), T::Element::default());
            inner_products(block, dim, tile.rows.clone(), tile.columns.clone(), sums)?;
            T::add(&mut tile.totals, sums);
            Ok(())
        })
    }

    /// Changes every entry on and below the diagonal.
    pub(crate) fn update(&mut self, change: impl Fn(usize, usize, T) -> T + Sync) {
        self.tiles.par_iter_mut().for_each(|tile| {
            let columns = tile.columns.clone();
            let rows = tile.totals.chunks_exact_mut(columns.len());
            for (i, totals) in tile.rows.clone().zip(rows) {
                for (j, total) in columns.clone().zip(totals).take_while(|(j, _)| *j <= i) {
                    *total = change(i, j, *total);
                }
            }
        });
    }

    /// The entry (i, j), where j ≤ i.
    pub(crate) fn at(&self, i: usize, j: usize) -> T {
        let (row, column) = (i / TILE, j / TILE);
        let tile = &self.tiles[row * (row + 1) / 2 + column];
        tile.totals[(i % TILE) * tile.columns.len() + j % TILE]
    }

    /// The symmetric matrix of `entry(i, j, total)`, row by row.
    pub(crate) fn matrix(&self, entry: impl Fn(usize, usize, T) -> f64 + Sync) -> Vec<f64> {
        let dim = self.dim;
        let mut values = vec![0.0; dim * dim];
        values.par_chunks_mut(TILE * dim).enumerate().for_each(|(row, strip)| {
            let first = row * TILE;
            for (k, values) in strip.chunks_exact_mut(dim).enumerate() {
                let i = first + k;
                values.iter_mut().enumerate().for_each(|(j, value)| {
                    let (i, j) = (i.max(j), i.min(j));
                    *value = entry(i, j, self.at(i, j));
                });
            }
        });
        values
    }

    /// The lower triangle with the diagonal, row by row.
    pub(crate) fn packed(&self) -> impl Iterator<Item = T> + '_ {
        (0..self.dim).flat_map(move |i| (0..=i).map(move |j| self.at(i, j)))
    }

    /// Restores what [`Products::packed`] gave.
    pub(crate) fn from_packed(dim: usize, values: &[T]) -> Self {
        let mut products = Products::zero(dim);
        products.update(|i, j, _| values[i * (i + 1) / 2 + j]);
        products
    }
}
