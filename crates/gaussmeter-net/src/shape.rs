//! Sizes of what flows through a network.

use serde::{Deserialize, Serialize};

/// Channels, rows and columns of one sample. A vector of F values has F channels of one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Number of channels.
    pub channels: usize,
    /// Rows of a channel.
    pub height: usize,
    /// Columns of a channel.
    pub width: usize,
}

impl Shape {
    /// A picture.
    pub const fn image(channels: usize, height: usize, width: usize) -> Self {
        Shape { channels, height, width }
    }

    /// A vector of `len` values.
    pub const fn vector(len: usize) -> Self {
        Shape { channels: len, height: 1, width: 1 }
    }

    /// Pixels of a channel.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Number of values of a sample.
    pub const fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}
