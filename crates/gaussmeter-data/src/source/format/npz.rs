//! Archives of NumPy arrays.

use super::choose::{self, Named};
use super::{SampleFormat, npy};
use crate::moments::Moments;
use crate::samples::SamplesError;
use crate::source::records::Opener;
use crate::source::{Content, Input, ReadOption, ReadOptions};
use gaussmeter::data::npy::Header;
use std::collections::HashMap;
use std::io::{self, Read};
use zip::ZipArchive;

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "npz",
    summary: "NumPy archive: an array (--array), statistics of pytorch-fid (mu, sigma), a spectrum",
    recognises: |input| {
        names(input).is_ok_and(|names| {
            names.iter().any(|name| name.ends_with(".npy")) && !is_folder(input, &names)
        })
    },
    open,
};

/// Whether the entries are files of a folder, and not arrays that NumPy put in an archive. If they may be
/// either, the name of the archive decides.
fn is_folder(input: &Input, names: &[String]) -> bool {
    let is_other = |name: &String| !name.ends_with(".npy") && !name.ends_with('/');
    let name = input.name().to_ascii_lowercase();
    match name.ends_with(".npz") {
        true => false,
        false if name.ends_with(".zip") => true,
        false => names.iter().any(is_other) || names.iter().all(|name| name.contains('/')),
    }
}

/// Names of the entries of a ZIP archive.
pub(super) fn names(input: &Input) -> Result<Vec<String>, SamplesError> {
    if !input.head().starts_with(b"PK") {
        return Err(input.malformed("not a ZIP archive"));
    }
    let archive = ZipArchive::new(input.seekable()?).map_err(|e| input.malformed(e))?;
    let names = archive.file_names().map(|name| name.map(|n| n.to_string()));
    names.collect::<Result<_, _>>().map_err(|e| input.malformed(e))
}

/// Size of an entry of a ZIP archive, as stated there.
pub(super) fn entry_size(input: &Input, name: &str) -> Result<u64, SamplesError> {
    let mut archive = ZipArchive::new(input.seekable()?).map_err(|e| input.malformed(e))?;
    let entry = archive.by_name(name).map_err(|e| input.malformed(format!("'{name}': {e}")))?;
    Ok(entry.size())
}

/// Where the bytes of an uncompressed entry of a ZIP archive are in the file.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: u64,
    /// Its length.
    pub size: u64,
    sum: u32,
}

impl Place {
    /// Opens the entry `offset` bytes after its start.
    fn open(
        self,
        input: &Input,
        name: &str,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, SamplesError> {
        let Place { start, size, sum } = self;
        if offset > READ_THROUGH || sum == UNKNOWN_SUM {
            let reader = input.reader_at(start.saturating_add(offset))?;
            return Ok(Box::new(reader.take(size.saturating_sub(offset))));
        }
        let inner = input.reader_at(start)?.take(size);
        let mut reader = Checked { inner, left: size, found: flate2::Crc::new(), sum };
        let skipped = io::copy(&mut (&mut reader).take(offset), &mut io::sink());
        skipped.map_err(|e| input.malformed(format!("'{name}': {e}")))?;
        Ok(Box::new(reader))
    }
}

/// The places of all uncompressed entries: opening the archive for each of many takes long.
pub(super) fn places(input: &Input) -> Result<HashMap<String, Place>, SamplesError> {
    let mut places = HashMap::new();
    if input.is_gzip() {
        return Ok(places);
    }
    let mut archive = ZipArchive::new(input.seekable()?).map_err(|e| input.malformed(e))?;
    for index in 0..archive.len() {
        // A damaged entry is an error when it is read.
        let Ok(file) = archive.by_index_raw(index) else { continue };
        let is_plain = file.compression() == zip::CompressionMethod::Stored && !file.encrypted();
        if let (true, Ok(name), Some(start)) = (is_plain, file.name(), file.data_start()) {
            let place = Place { start, size: file.size(), sum: file.crc32() };
            places.insert(name.into_owned(), place);
        }
    }
    Ok(places)
}

/// Opens streams of an entry of a ZIP archive; their offsets count from `from`.
pub(super) fn entry_opener(
    input: &Input,
    name: String,
    places: &HashMap<String, Place>,
    from: u64,
) -> Opener {
    let input = input.clone();
    match places.get(&name).copied() {
        Some(place) => {
            Box::new(move |offset| place.open(&input, &name, from.saturating_add(offset)))
        }
        None => Box::new(move |offset| entry(&input, &name, from + offset)),
    }
}

/// Opens an entry of a ZIP archive `offset` bytes after its start. Each stream opens the archive again,
/// for a compressed entry in its own thread, because entries borrow the archive.
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
        return Place { start, size, sum }.open(input, name, offset);
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

/// Bytes before the wanted ones that are read for the sake of the checksum: more than the header of an
/// array. Streams that begin further into an entry are not checked.
const READ_THROUGH: u64 = 1 << 17;

/// What PyTorch writes if told not to compute checksums.
const UNKNOWN_SUM: u32 = 0;

/// A reader of an entry that compares the checksum at its end.
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
                "the checksum in the archive does not match its bytes: copy or make it again",
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

fn open(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
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
            return Err(input.malformed("a spectrum or partial sums inside an archive: unpack it"));
        }
        if is_moments {
            options.refuse(input, "partial sums", &[ReadOption::Kind])?;
            return match Moments::load(input.path()) {
                Ok(moments) => Ok(Content::Moments(Box::new(moments))),
                Err(error) => Err(input.malformed(error)),
            };
        }
        if is_spectrum {
            options.refuse(input, "a spectrum", &[ReadOption::Kind])?;
            return match gaussmeter::data::read(input.path()) {
                Ok(spectrum) => Ok(Content::Spectrum(Box::new(spectrum))),
                Err(error) => Err(input.malformed(error)),
            };
        }
        if has("mu") && has("sigma") {
            options.refuse(input, "statistics mu and sigma", &[ReadOption::Kind])?;
            let stored = |name| npy::stored(input, Some(name), opener(input, name));
            return choose::statistics(input, "mu and sigma", stored("mu")?, stored("sigma")?);
        }
    }
    let only = match (&options.array, &arrays[..]) {
        (None, [one]) => Some(one),
        (Some(name), _) => arrays.iter().find(|a| *a == name),
        _ => None,
    };
    match only {
        Some(name) => {
            npy::stored(input, Some(name), opener(input, name))?.content(input, Some(name), options)
        }
        None => {
            let (listed, places) = (listed(input, &arrays)?, places(input)?);
            choose::content(input, &listed, options, |name| {
                let open = entry_opener(input, format!("{name}.npy"), &places, 0);
                npy::stored(input, Some(name), open)
            })
        }
    }
}

/// The arrays with their headers. Arrays whose header cannot be read are listed without axes; choosing
/// one is an error.
fn listed(input: &Input, arrays: &[String]) -> Result<Vec<Named>, SamplesError> {
    let mut archive = ZipArchive::new(input.seekable()?).map_err(|e| input.malformed(e))?;
    let named = arrays.iter().map(|name| {
        let file = archive.by_name(&format!("{name}.npy")).map_err(io::Error::from);
        let header = file.ok().and_then(|mut file| Header::read(&mut file).ok());
        let known = header.and_then(|header| {
            let (number, _) = npy::number(&header).ok()?;
            Some((header.shape, number.name().to_owned()))
        });
        let (axes, kind) = known.unwrap_or_default();
        Named { name: name.clone(), axes, kind }
    });
    Ok(named.collect())
}

fn opener(input: &Input, name: &str) -> Opener {
    let (input, file) = (input.clone(), format!("{name}.npy"));
    Box::new(move |offset| entry(&input, &file, offset))
}
