//! The font of figures: subsets of Inter (SIL Open Font License, `font/OFL.txt`), made by `font/subset`.

use std::sync::LazyLock;

/// A face of the font.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Face {
    Regular,
    /// For variables.
    Italic,
    /// For the best of a column.
    Bold,
}

impl Face {
    pub const ALL: [Face; 3] = [Face::Regular, Face::Italic, Face::Bold];

    /// The font as a file.
    pub fn opentype(self) -> &'static [u8] {
        match self {
            Face::Regular => include_bytes!("font/Inter-Regular.otf"),
            Face::Italic => include_bytes!("font/Inter-Italic.otf"),
            Face::Bold => include_bytes!("font/Inter-SemiBold.otf"),
        }
    }

    /// The same, compressed for browsers.
    pub fn woff2(self) -> &'static [u8] {
        match self {
            Face::Regular => include_bytes!("font/Inter-Regular.woff2"),
            Face::Italic => include_bytes!("font/Inter-Italic.woff2"),
            Face::Bold => include_bytes!("font/Inter-SemiBold.woff2"),
        }
    }

    /// The number of a character's glyph; 0, a box, if the font lacks it.
    #[cfg(feature = "figures")]
    pub fn glyph(self, c: char) -> u16 {
        self.metrics().glyph(c).unwrap_or(0)
    }

    fn metrics(self) -> &'static Metrics {
        static ALL: LazyLock<[Metrics; 3]> =
            LazyLock::new(|| Face::ALL.map(|face| Metrics::read(face.opentype())));
        &ALL[self as usize]
    }

    /// The width of a text of size 1. A character that the font lacks has the width of another font.
    pub fn width(self, text: &str) -> f64 {
        let metrics = self.metrics();
        text.chars().map(|c| metrics.advance(c).unwrap_or(UNKNOWN)).sum()
    }

    /// Whether the font has a character.
    #[cfg(test)]
    pub fn has(self, c: char) -> bool {
        self.metrics().glyph(c).is_some()
    }
}

/// The width of characters of other fonts: those of East Asia are square.
const UNKNOWN: f64 = 1.0;

/// The widths of a font.
#[derive(Debug, Default)]
struct Metrics {
    units: f64,
    advances: Vec<u16>,
    /// Characters and their glyphs, in order.
    glyphs: Vec<(u16, u16)>,
}

impl Metrics {
    fn glyph(&self, c: char) -> Option<u16> {
        let code = u16::try_from(u32::from(c)).ok()?;
        let found = self.glyphs.binary_search_by_key(&code, |(code, _)| *code).ok()?;
        Some(self.glyphs[found].1)
    }

    fn advance(&self, c: char) -> Option<f64> {
        let glyph = usize::from(self.glyph(c)?);
        // The last advance holds for all further glyphs.
        let advance = self.advances.get(glyph).or(self.advances.last())?;
        Some(f64::from(*advance) / self.units)
    }

    /// From the tables `head`, `hhea`, `hmtx` and `cmap` of an OpenType font. These are our own files, so
    /// that anything else in them is a mistake of ours, which a test finds: nothing is known then.
    fn read(font: &[u8]) -> Self {
        Metrics::parse(font).unwrap_or_default()
    }

    fn parse(font: &[u8]) -> Option<Self> {
        let head = table(font, b"head")?;
        let hhea = table(font, b"hhea")?;
        let hmtx = table(font, b"hmtx")?;
        let advances = (0..usize::from(u16_at(hhea, 34)?)).map(|i| u16_at(hmtx, 4 * i));
        Some(Metrics {
            units: f64::from(u16_at(head, 18)?),
            advances: advances.collect::<Option<_>>()?,
            glyphs: glyphs(table(font, b"cmap")?)?,
        })
    }
}

/// The mapping of format 4 in a `cmap`.
fn glyphs(cmap: &[u8]) -> Option<Vec<(u16, u16)>> {
    let records = 0..usize::from(u16_at(cmap, 2)?);
    let offset = |i: usize| Some((u32_at(cmap, 8 + 8 * i)?) as usize);
    let mut maps = records.filter_map(|i| cmap.get(offset(i)?..));
    let map = maps.find(|map| u16_at(map, 0) == Some(4))?;
    let segments = usize::from(u16_at(map, 6)?) / 2;
    let mut all = Vec::new();
    for i in 0..segments {
        // Four lists, with two bytes between the first and the second.
        let in_list = |list: usize| 14 + 2 * (i + segments * list) + if list > 0 { 2 } else { 0 };
        let (end, start) = (u16_at(map, in_list(0))?, u16_at(map, in_list(1))?);
        let (delta, range) = (u16_at(map, in_list(2))?, u16_at(map, in_list(3))?);
        for code in start..=end {
            let glyph = match range {
                0 => code.wrapping_add(delta),
                _ => {
                    let at = in_list(3) + usize::from(range) + 2 * usize::from(code - start);
                    match u16_at(map, at)? {
                        0 => 0,
                        glyph => glyph.wrapping_add(delta),
                    }
                }
            };
            if glyph != 0 && code != u16::MAX {
                all.push((code, glyph));
            }
        }
    }
    all.sort_unstable();
    Some(all)
}

/// A table of an OpenType font.
pub(super) fn table<'a>(font: &'a [u8], tag: &[u8; 4]) -> Option<&'a [u8]> {
    let count = usize::from(u16_at(font, 4)?);
    let records = font.get(12..)?.chunks_exact(16).take(count);
    let record = records.into_iter().find(|record| record.starts_with(tag))?;
    let (offset, length) = (u32_at(record, 8)? as usize, u32_at(record, 12)? as usize);
    font.get(offset..offset.checked_add(length)?)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faces_have_the_characters_of_figures_and_their_widths() {
        for face in Face::ALL {
            for c in "Azå09αβεσφΣ₂²⁻∞√−×·≤≥±∑‖′→ℓ…≈∂λ  ".chars()
            {
                assert!(face.has(c), "{face:?} lacks {c:?}");
                let width = face.width(&c.to_string());
                assert!((0.1..1.3).contains(&width), "{face:?} {c:?} {width}");
            }
            assert!(!face.has('中') && !face.has('😀'));
            assert_eq!(face.width("中"), UNKNOWN);
        }
        // fontTools: hmtx of m and i over 2816 units.
        assert!(Face::Regular.width("m") > 3.0 * Face::Regular.width("i"));
    }
}
