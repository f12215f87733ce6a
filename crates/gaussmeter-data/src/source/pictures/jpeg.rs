/// Checks that a JPEG has its end marker, which a truncated file lacks, by walking from marker to marker.
///
/// ITU-T T.81, annex B: a marker is FF and a byte other than 00 and FF. Segments follow with their
/// length; after a start of scan comes compressed data, in which FF is followed by 00 or a restart
/// marker.
pub(super) fn check_complete(bytes: &[u8]) -> Result<(), String> {
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let cut =
        || format!("the JPEG ends after {} bytes, before its end marker: truncated", bytes.len());
    let is_standalone = |marker: u8| matches!(marker, 0x01 | 0xd0..=0xd8);
    let mut at = 0;
    loop {
        // There may be meaningless data between segments.
        while bytes.get(at).is_some_and(|b| *b != 0xff) {
            at += 1;
        }
        while bytes.get(at) == Some(&0xff) {
            at += 1;
        }
        let marker = *bytes.get(at).ok_or_else(cut)?;
        at += 1;
        match marker {
            END => return Ok(()),
            0 => continue,
            marker if is_standalone(marker) => continue,
            marker => {
                let &[high, low] = bytes.get(at..at + 2).ok_or_else(cut)? else {
                    return Err(cut());
                };
                at += usize::from(u16::from_be_bytes([high, low]));
                if marker == SCAN {
                    let is_data =
                        |pair: &[u8]| pair[0] != 0xff || matches!(pair[1], 0 | 0xd0..=0xd7);
                    let data = bytes.get(at..).ok_or_else(cut)?.windows(2);
                    at += data.take_while(|pair| is_data(pair)).count();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check_complete;
    use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};

    #[test]
    fn only_whole_pictures_pass() -> Result<(), Box<dyn std::error::Error>> {
        let pixels: Vec<u8> = (0..40 * 24 * 3).map(|i| (i * i % 251) as u8).collect();
        let mut whole = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut whole, 90);
        encoder.write_image(&pixels, 40, 24, ExtendedColorType::Rgb8)?;
        check_complete(&whole)?;
        let longer = [&whole[..], b"something after the end"].concat();
        check_complete(&longer)?;
        for len in 0..whole.len() {
            assert!(check_complete(&whole[..len]).is_err(), "{len} of {}", whole.len());
        }
        Ok(())
    }
}
