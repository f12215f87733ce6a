//! Archives of NumPy arrays.

use super::{Format, array, npy};
use crate::moments::Moments;
use crate::samples::SamplesError;
use crate::source::{Choice, Content, Covariance, Input, Options};
use std::io::{self, Read};
use zip::ZipArchive;

pub(super) static FORMAT: Format = Format {
    name: "npz",
    summary: "NumPy archive: an array (--array), statistics of pytorch-fid (mu, sigma), a spectrum",
    recognises: |input| names(input).is_ok_and(|n| n.iter().any(|name| name.ends_with(".npy"))),
    open,
};

/// Names of the entries of a zip archive.
pub(super) fn names(input: &Input) -> Result<Vec<String>, SamplesError> {
    if !input.head().starts_with(b"PK") {
        return Err(input.malformed("no zip archive"));
    }
    let archive = ZipArchive::new(input.seekable()?).map_err(|e| input.malformed(e))?;
    let names = archive.file_names().map(|name| name.map(|n| n.to_string()));
    names.collect::<Result<_, _>>().map_err(|e| input.malformed(e))
}

/// Number of bytes of an entry of a zip archive, as it says itself.
pub(super) fn entry_size(input: &Input, name: &str) -> Result<u64, SamplesError> {
    let mut archive = ZipArchive::new(input.seekable()?).map_err(|e| input.malformed(e))?;
    let entry = archive.by_name(name).map_err(|e| input.malformed(format!("'{name}': {e}")))?;
    Ok(entry.size())
}

/// An entry of a zip archive as a stream that starts so many bytes later. The archive is opened
/// again by each stream, in a thread of its own: its entries borrow it.
pub(super) fn entry(
    input: &Input,
    name: &str,
    offset: u64,
) -> Result<Box<dyn Read + Send>, SamplesError> {
    let mut archive = ZipArchive::new(input.seekable()?).map_err(|e| input.malformed(e))?;
    // Stored entries are a range of the file.
    let file = archive.by_name(name).map_err(|e| input.malformed(format!("'{name}': {e}")))?;
    let (method, start, size) = (file.compression(), file.data_start(), file.size());
    let sum = file.crc32();
    drop(file);
    if let (zip::CompressionMethod::Stored, Some(start), false) = (method, start, input.is_gzip()) {
        if offset > READ_THROUGH || sum == UNKNOWN_SUM {
            let reader = input.reader_at(start.saturating_add(offset))?;
            return Ok(Box::new(reader.take(size.saturating_sub(offset))));
        }
        let inner = input.reader_at(start)?.take(size);
        let mut reader = Checked { inner, left: size, found: flate2::Crc::new(), sum };
        let skipped = io::copy(&mut (&mut reader).take(offset), &mut io::sink());
        skipped.map_err(|e| input.malformed(format!("'{name}': {e}")))?;
        return Ok(Box::new(reader));
    }
    let (mut sender, receiver) = Pipe::new();
    let name = name.to_owned();
    std::thread::spawn(move || {
        let copied = archive.by_name(&name).map_err(io::Error::from).and_then(|mut file| {
            io::copy(&mut (&mut file).take(offset), &mut io::sink())?;
            io::copy(&mut file, &mut sender)
        });
        if let Err(error) = copied {
            // The reader is gone if it has stopped reading.
            let _ = sender.0.send(Err(error));
        }
    });
    Ok(Box::new(receiver))
}

/// Bytes before the wanted ones that are read for the sake of the checksum: more than the headers of
/// arrays. What begins in the middle of an entry goes without.
const READ_THROUGH: u64 = 1 << 17;

/// What PyTorch writes where it is told to compute no checksums.
const UNKNOWN_SUM: u32 = 0;

/// An entry whose checksum is compared at its end.
struct Checked<R> {
    inner: R,
    left: u64,
    found: flate2::Crc,
    sum: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.found.update(out.get(..read).unwrap_or_default());
        self.left = self.left.saturating_sub(read as u64);
        match read > 0 && self.left == 0 && self.found.sum() != self.sum {
            true => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum of the archive does not fit its bytes: copy or make it again",
            )),
            false => Ok(read),
        }
    }
}

/// The writing end of a stream between threads; [`Receiver`] is the reading one.
pub(super) struct Pipe(std::sync::mpsc::SyncSender<io::Result<Vec<u8>>>);

pub(super) struct Receiver {
    pieces: std::sync::mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Pipe {
    pub fn new() -> (Pipe, Receiver) {
        let (sender, pieces) = std::sync::mpsc::sync_channel(4);
        (Pipe(sender), Receiver { pieces, piece: io::Cursor::default() })
    }
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.send(Ok(bytes.to_vec())).map_err(closed)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Receiver {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.piece.read(out)? {
                0 if !out.is_empty() => match self.pieces.recv() {
                    Ok(piece) => self.piece = io::Cursor::new(piece?),
                    Err(_) => return Ok(0),
                },
                read => return Ok(read),
            }
        }
    }
}

fn open(input: &Input, options: &Options) -> Result<Content, SamplesError> {
    let mut arrays: Vec<String> = names(input)?
        .into_iter()
        .filter_map(|name| name.strip_suffix(".npy").map(String::from))
        .collect();
    arrays.sort_unstable();
    let has = |name: &str| arrays.iter().any(|a| a == name);
    let is_moments = has("meta") && (has("second") || arrays.len() == 1);
    let is_spectrum = has("eigenvalue") || has("eigenvalues");
    if options.array.is_none() {
        if (is_moments || is_spectrum) && input.member().is_some() {
            return Err(input.malformed("a spectrum or partial sums in an archive: unpack it"));
        }
        if is_moments {
            options.refuse(input, "partial sums", &[Choice::Kind])?;
            return match Moments::load(input.path()) {
                Ok(moments) => Ok(Content::Moments(Box::new(moments))),
                Err(error) => Err(input.malformed(error)),
            };
        }
        if is_spectrum {
            options.refuse(input, "a spectrum", &[Choice::Kind])?;
            return match gaussmeter::data::read(input.path()) {
                Ok(spectrum) => Ok(Content::Spectrum(Box::new(spectrum))),
                Err(error) => Err(input.malformed(error)),
            };
        }
        if has("mu") && has("sigma") {
            options.refuse(input, "statistics mu and sigma", &[Choice::Kind])?;
            return statistics(input);
        }
    }
    let name = array::choose(input, &arrays, options)?;
    npy::stored(input, Some(name), opener(input, name))?.content(input, Some(name), options)
}

fn opener(input: &Input, name: &str) -> crate::source::records::Opener {
    let (input, file) = (input.clone(), format!("{name}.npy"));
    Box::new(move |offset| entry(&input, &file, offset))
}

/// The statistics of pytorch-fid.
fn statistics(input: &Input) -> Result<Content, SamplesError> {
    let stored = |name| npy::stored(input, Some(name), opener(input, name));
    let (mu, sigma) = (stored("mu")?, stored("sigma")?);
    let (mean_axes, axes) = (mu.axes.clone(), sigma.axes.clone());
    if axes.len() != 2 || axes[0] != axes[1] || mean_axes != axes[..1] || axes[0] > crate::MAX_DIM {
        return Err(input.malformed(format!(
            "mu of shape {mean_axes:?} and sigma of shape {axes:?} are no mean and covariance"
        )));
    }
    let not_finite = || input.malformed("mu and sigma must be finite");
    let sigma = sigma.array(input, Some("sigma"))?;
    let covariance = array::matrix(&sigma)?.ok_or_else(not_finite)?;
    let error = array::asymmetry(&covariance);
    if error > array::SYMMETRIC {
        let reason = format!("sigma is no covariance: not symmetric (relative error {error:.1e})");
        return Err(input.malformed(reason));
    }
    let mean = mu.array(input, Some("mu"))?.values()?;
    if mean.iter().any(|v| !v.is_finite()) {
        return Err(not_finite());
    }
    let description = format!("{}, statistics mu and sigma", input.place());
    Ok(Content::Covariance(Box::new(Covariance { description, mean, covariance })))
}
