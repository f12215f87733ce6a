use super::jpeg;
use image::{DynamicImage, ImageFormat, ImageReader};
use std::io::Cursor;

/// A picture `[channels, height, width]`, plane by plane.
pub(crate) struct Decoded {
    pub shape: [usize; 3],
    pub pixels: Pixels,
}

/// Values of pixels.
pub(crate) enum Pixels {
    /// 8 bits each.
    Bytes(Vec<u8>),
    /// 16 bits each.
    Deep(Vec<u16>),
}

impl Pixels {
    pub fn bits(&self) -> u32 {
        match self {
            Pixels::Bytes(_) => 8,
            Pixels::Deep(_) => 16,
        }
    }
}

/// Decodes a picture; of several frames the first.
pub(super) fn picture(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let format = match image::guess_format(bytes) {
        Ok(format) => format,
        Err(_) if bytes.is_empty() => return Err("an empty file, no picture".into()),
        Err(_) => return Err("no picture: the first bytes are those of no known format".into()),
    };
    // The decoder fills what is missing with grey.
    if format == ImageFormat::Jpeg {
        jpeg::check_complete(bytes)?;
    }
    reader.set_format(format);
    reader.decode().map_err(|e| without_types(&e.to_string()))
}

/// A message without the insides of the decoder's types: `ChunkType { type: IDAT, critical: true }`
/// becomes IDAT.
fn without_types(message: &str) -> String {
    let (mut text, mut rest) = (String::new(), message);
    while let Some((before, after)) = rest.split_once(" { ") {
        let Some((inside, end)) = after.split_once(" }") else { break };
        let name = before.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
        let first = inside.split(',').next().unwrap_or_default();
        text.push_str(before.get(..name).unwrap_or(before));
        text.push_str(first.split_once(": ").map_or(first, |(_, value)| value));
        rest = end;
    }
    text + rest
}
