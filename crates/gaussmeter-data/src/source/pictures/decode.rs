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
    reader.decode().map_err(|e| e.to_string())
}
