//! Decompression of pages, with no more memory than they claim to need.

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use std::io::{self, Read};

/// Buffer of a decompressor.
const BUFFER: usize = 1 << 14;

/// Appends the `size` bytes that `stored` decompresses to.
pub(super) fn decompress(
    codec: Compression,
    stored: &[u8],
    size: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let start = out.len();
    let failed = |e: io::Error| e.to_string();
    match codec {
        Compression::UNCOMPRESSED => out.extend_from_slice(stored),
        Compression::SNAPPY => {
            let found = snap::raw::decompress_len(stored).map_err(|e| e.to_string())?;
            let room = room(found, size, stored, 32, out)?;
            snap::raw::Decoder::new().decompress(stored, room).map_err(|e| e.to_string())?;
        }
        Compression::GZIP(_) => stream(MultiGzDecoder::new(stored), size, out).map_err(failed)?,
        Compression::BROTLI(_) => {
            stream(brotli::Decompressor::new(stored, BUFFER), size, out).map_err(failed)?;
        }
        Compression::ZSTD(_) => {
            let decoder = zstd::stream::read::Decoder::with_buffer(stored);
            decoder.and_then(|d| stream(d, size, out)).map_err(failed)?;
        }
        Compression::LZ4_RAW => lz4(stored, size, out)?,
        Compression::LZ4 => hadoop(stored, size, out)?,
        Compression::LZO => return Err("compressed with LZO, which is not supported".into()),
    }
    match out.len() - start {
        n if n == size => Ok(()),
        n => Err(format!("{n} bytes instead of {size}")),
    }
}

/// Room for `size` bytes, if `stored` can decompress to as many: one byte gives at most `ratio`.
fn room<'a>(
    found: usize,
    size: usize,
    stored: &[u8],
    ratio: usize,
    out: &'a mut Vec<u8>,
) -> Result<&'a mut [u8], String> {
    if found != size || size > stored.len().saturating_mul(ratio) {
        return Err(format!("{size} bytes cannot be in {}", stored.len()));
    }
    let start = out.len();
    out.resize(start + size, 0);
    Ok(&mut out[start..])
}

/// Reading one byte more than expected shows if there are too many.
fn stream(decoder: impl Read, size: usize, out: &mut Vec<u8>) -> io::Result<()> {
    decoder.take(size as u64 + 1).read_to_end(out).map(|_| ())
}

fn lz4(stored: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let room = room(size, size, stored, 256, out)?;
    let found = lz4_flex::block::decompress_into(stored, room).map_err(|e| e.to_string())?;
    out.truncate(out.len() - size + found);
    Ok(())
}

/// Hadoop's frames: both sizes, big-endian, and a block. Writers disagreed on the format of LZ4: data
/// without such frames are a single block.
fn hadoop(stored: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let start = out.len();
    let mut rest = stored;
    let framed = loop {
        if rest.is_empty() {
            break out.len() - start == size;
        }
        let Some((head, body)) = rest.split_first_chunk::<8>() else { break false };
        let number = |k: usize| {
            u32::from_be_bytes([head[k], head[k + 1], head[k + 2], head[k + 3]]) as usize
        };
        let (block_size, block_len) = (number(0), number(4));
        if block_size > size - (out.len() - start) || block_len > body.len() {
            break false;
        }
        let (block, after) = body.split_at(block_len);
        if lz4(block, block_size, out).is_err() {
            break false;
        }
        rest = after;
    };
    if framed {
        return Ok(());
    }
    out.truncate(start);
    lz4(stored, size, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
    use std::io::Write;

    fn compressed(codec: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
        Ok(match codec {
            Compression::SNAPPY => snap::raw::Encoder::new().compress_vec(bytes)?,
            Compression::GZIP(_) => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                encoder.write_all(bytes)?;
                encoder.finish()?
            }
            Compression::BROTLI(_) => {
                let mut out = Vec::new();
                brotli::CompressorWriter::new(&mut out, BUFFER, 5, 20).write_all(bytes)?;
                out
            }
            Compression::ZSTD(_) => zstd::encode_all(bytes, 3)?,
            Compression::LZ4_RAW => lz4_flex::block::compress(bytes),
            Compression::LZ4 => {
                let mut out = Vec::new();
                for block in bytes.chunks(700) {
                    let stored = lz4_flex::block::compress(block);
                    out.extend((block.len() as u32).to_be_bytes());
                    out.extend((stored.len() as u32).to_be_bytes());
                    out.extend(stored);
                }
                out
            }
            _ => bytes.to_vec(),
        })
    }

    #[test]
    fn sizes_that_are_wrong_take_no_memory() -> Result<(), Box<dyn std::error::Error>> {
        let bytes = vec![7; 1 << 20];
        for codec in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::BROTLI(BrotliLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
            Compression::LZ4_RAW,
            Compression::LZ4,
        ] {
            let stored = compressed(codec, &bytes)?;
            let mut out = b"levels".to_vec();
            decompress(codec, &stored, bytes.len(), &mut out)?;
            assert!(out.starts_with(b"levels") && out[6..] == bytes, "{codec}");
            for size in [0, 1, 1 << 19, (1 << 20) + 1, i32::MAX as usize] {
                let mut out = Vec::new();
                assert!(decompress(codec, &stored, size, &mut out).is_err(), "{codec}, {size}");
                assert!(out.capacity() < 4 << 20, "{codec}, {size}: {}", out.capacity());
            }
            assert!(decompress(codec, &stored[..stored.len() / 2], 1 << 20, &mut out).is_err());
        }
        // Before Hadoop's frames were agreed on, blocks stood alone.
        let (stored, mut out) = (compressed(Compression::LZ4_RAW, &bytes)?, Vec::new());
        decompress(Compression::LZ4, &stored, bytes.len(), &mut out)?;
        assert_eq!(out, bytes);
        Ok(())
    }
}
