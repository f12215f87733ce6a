//! How series look, in all formats that draw.

use super::scene::Colour;
use crate::report::figure::{Figure, Role, Series};

/// Those colours of Okabe & Ito (2008), distinguishable with any colour vision, that are visible on
/// white.
pub(crate) const COLOURS: [(&str, Colour); 6] = [
    ("OkabeItoBlue", [0, 114, 178]),
    ("OkabeItoVermillion", [213, 94, 0]),
    ("OkabeItoGreen", [0, 158, 115]),
    ("OkabeItoPurple", [204, 121, 167]),
    ("OkabeItoOrange", [230, 159, 0]),
    ("OkabeItoSky", [86, 180, 233]),
];

/// Ink and gaps in points. Curves differ without colour too. Mostly ink, unlike [`REFERENCES`].
pub(crate) const DASHES: [&[f64]; 5] =
    [&[], &[7.0, 3.0], &[7.0, 2.0, 1.5, 2.0], &[7.0, 2.0, 1.5, 2.0, 1.5, 2.0], &[4.0, 2.0]];

/// Shapes of marks, in the order of [`DASHES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
    Pentagon,
}

pub(crate) const MARKS: [Mark; 5] =
    [Mark::Circle, Mark::Square, Mark::Triangle, Mark::Diamond, Mark::Pentagon];

/// Lines of series to compare with: ink and gaps, and how black they are.
pub(crate) const REFERENCES: [(&[f64], f64); 4] =
    [(&[3.0, 2.0], 1.0), (&[1.0, 2.0], 1.0), (&[3.0, 2.0], 0.6), (&[1.0, 2.0], 0.6)];

/// The colour of one of many.
pub(crate) const FAINT: Colour = [150, 150, 150];

/// How a series looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub role: Role,
    /// How many of the same role are before it.
    pub order: usize,
}

impl Look {
    pub fn colour(self) -> Colour {
        match self.role {
            Role::Main => COLOURS[self.order % COLOURS.len()].1,
            Role::Reference => {
                let (_, black) = REFERENCES[self.order % REFERENCES.len()];
                [(255.0 * (1.0 - black)).round() as u8; 3]
            }
            Role::Faint => FAINT,
        }
    }

    pub fn dashes(self) -> &'static [f64] {
        match self.role {
            Role::Main => DASHES[self.order % DASHES.len()],
            Role::Reference => REFERENCES[self.order % REFERENCES.len()].0,
            Role::Faint => &[],
        }
    }

    pub fn mark(self) -> Mark {
        MARKS[self.order % MARKS.len()]
    }
}

impl Figure {
    /// How a series looks: as the first of its name.
    pub(crate) fn look(&self, series: &Series) -> Look {
        let names = self.names();
        let at = names.iter().position(|(name, _)| **name == series.name);
        let role = at.map_or(series.role, |at| names[at].1);
        let before = &names[..at.unwrap_or(0)];
        Look { role, order: before.iter().filter(|(_, own)| *own == role).count() }
    }
}
