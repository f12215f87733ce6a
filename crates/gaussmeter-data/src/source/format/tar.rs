//! Tar archives: of pictures, as used by WebDataset, or of other data files.

use super::SampleFormat;
use crate::samples::SamplesError;
use crate::source::blobs;
use crate::source::input::{HEAD, MAX_IN_MEMORY};
use crate::source::members::{self, Members};
use crate::source::{
    Blob, Blobs, Content, Input, Labels, ReadOption, ReadOptions, ReadSeek, Split, pictures, suffix,
};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use tar::Archive;

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "tar",
    summary: "tar archive, also gzipped: pictures (WebDataset), or other data files",
    recognises: |input| {
        let head = input.head();
        head.get(257..262) == Some(b"ustar") || is_old_header(head)
    },
    open: |input, options| match input.is_gzip() {
        false => open_plain(input, options),
        true => open_gzip(input, options),
    },
};

/// Whether a header is of an archive from before 1988. Those have no magic number, but a checksum: the
/// sum of all bytes of the header, with the checksum itself counted as spaces.
fn is_old_header(head: &[u8]) -> bool {
    let Some(block) = head.get(..512).filter(|block| block[0] != 0) else { return false };
    let (own, sum) = (148..156, |bytes: &[u8]| bytes.iter().map(|b| u32::from(*b)).sum::<u32>());
    let stored = String::from_utf8_lossy(&block[own.clone()]);
    let stored = u32::from_str_radix(stored.trim_matches(['\0', ' ']), 8);
    stored.is_ok_and(|stored| stored == sum(block) - sum(&block[own]) + 8 * u32::from(b' '))
}

/// A file in an archive.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    start: u64,
    len: u64,
    /// The class that it is of, if something says so.
    class: Option<String>,
}

fn open_plain(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    let size = input.size()?.unwrap_or(u64::MAX);
    let mut archive = Archive::new(input.seekable()?);
    // Archives can be joined by concatenation.
    archive.set_ignore_zeros(true);
    let (mut members, mut end, mut last) = (Vec::new(), 0, None);
    for entry in archive.entries_with_seek().map_err(|e| input.failed(e))? {
        let entry = entry.map_err(|e| damaged(input, last.as_deref(), &e))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        end = end_of(&entry);
        last = Some(name.clone());
        if !is_data(input, &entry, &name)? {
            continue;
        }
        let (start, len, class) = (entry.raw_file_position(), entry.size(), blobs::folders(&name));
        let member = Member { name, start, len, class };
        if member.start.saturating_add(member.len) > size {
            return Err(input.malformed(format!(
                "truncated in '{}', which ends at byte {}, but the archive ends at {size}",
                member.name,
                member.start.saturating_add(member.len)
            )));
        }
        members.push(member);
    }
    let mut after = Vec::new();
    let tail = if end <= size { Some(input.reader_at(end)?) } else { None };
    if let Some(tail) = tail {
        tail.take(BLOCK).read_to_end(&mut after).map_err(|e| input.failed(e))?;
    }
    if (after.len() as u64) < BLOCK {
        return Err(without_end(input, last.as_deref()));
    }
    check_torch(input, members.iter().map(|m| &m.name[..]))?;
    label(input, &mut members)?;
    let open = |m: &Member| input.slice(&m.name, m.start, m.len);
    let looks_like_picture = |m: &Member| Ok(pictures::is_picture(open(m)?.head()));
    let chosen = members::choose(input, options, members, |m| &m.name, looks_like_picture)?;
    let (members, note) = match chosen {
        Members::Pictures(members, note) => (members, note),
        Members::Others(members) => {
            let members = members.iter().map(open).collect::<Result<_, _>>()?;
            return Ok(Content::Members(members));
        }
    };
    let (input, next, reader) = (input.clone(), 0, None);
    Ok(Content::Pictures(Box::new(Plain { input, members, note, next, reader })))
}

/// Longest label, in bytes.
const MAX_LABEL: u64 = 256;

/// Gives files the class that the `.cls` file of their sample says, as WebDataset has it.
fn label(input: &Input, members: &mut [Member]) -> Result<(), SamplesError> {
    let is_label = |m: &Member| m.name.ends_with(".cls") && m.len <= MAX_LABEL;
    if !members.iter().any(is_label) {
        return Ok(());
    }
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    let mut reader = input.seekable()?;
    for m in members.iter().filter(|m| is_label(m)) {
        let mut bytes = Vec::new();
        let read = reader
            .seek(io::SeekFrom::Start(m.start))
            .and_then(|_| (&mut reader).take(m.len).read_to_end(&mut bytes));
        read.map_err(|e| input.failed(e))?;
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        labels.insert(suffix::cut(&m.name).0.to_owned(), text);
    }
    for m in members.iter_mut() {
        if let Some(class) = labels.get(suffix::cut(&m.name).0) {
            m.class = Some(class.clone());
        }
    }
    Ok(())
}

/// Refuses the archives that the first PyTorch wrote.
fn check_torch<'a>(
    input: &Input,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), SamplesError> {
    let own = ["sys_info", "pickle", "tensors", "storages"];
    let found = names.filter(|name| own.contains(&name.trim_start_matches("./"))).count();
    match found == own.len() {
        true => Err(input.malformed(
            "written by PyTorch 0.1: save it again with torch.save(torch.load(path, weights_only=False), path)",
        )),
        false => Ok(()),
    }
}

/// Archives consist of blocks of this size and end with at least one block of zeros.
const BLOCK: u64 = 512;

/// Where the entry ends and the next begins.
fn end_of<R: Read>(entry: &tar::Entry<'_, R>) -> u64 {
    let size = entry.raw_file_position().saturating_add(entry.size());
    size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

/// Whether an entry is a file to read.
fn is_data<R: Read>(
    input: &Input,
    entry: &tar::Entry<'_, R>,
    name: &str,
) -> Result<bool, SamplesError> {
    let kind = entry.header().entry_type();
    if kind.is_gnu_sparse() {
        let reason = format!("'{name}' is stored as a sparse file: pack it without --sparse");
        return Err(input.malformed(reason));
    }
    Ok((kind.is_file() || kind.is_contiguous()) && !members::is_hidden(name))
}

fn without_end(input: &Input, last: Option<&str>) -> SamplesError {
    let after = last.map_or(String::new(), |name| format!(" after '{name}'"));
    input.malformed(format!(
        "the end of the archive is missing{after}: truncated, or still being written (tar ends with blocks of zeros)"
    ))
}

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn damaged(input: &Input, last: Option<&str>, error: &io::Error) -> SamplesError {
    let after = last.map_or(String::new(), |name| format!(" after '{name}'"));
    input.malformed(format!("damaged{after}: {error}"))
}

/// Pictures in an archive that can be read at any place.
struct Plain {
    input: Input,
    members: Vec<Member>,
    note: Option<String>,
    next: usize,
    reader: Option<Box<dyn ReadSeek>>,
}

impl Blobs for Plain {
    fn description(&self) -> String {
        self.input.place()
    }
    fn note(&self) -> Option<String> {
        self.note.clone()
    }
    fn count(&self) -> Option<u64> {
        Some(self.members.len() as u64)
    }
    fn next_blob(&mut self) -> Result<Option<Blob>, SamplesError> {
        let Some(member) = self.members.get(self.next) else { return Ok(None) };
        let reader = match &mut self.reader {
            Some(reader) => reader,
            reader @ None => reader.insert(self.input.seekable()?),
        };
        self.next += 1;
        let mut blob = Blob {
            path: self.input.path().into(),
            entry: Some(member.name.clone()),
            class: member.class.clone(),
            bytes: Vec::new(),
        };
        let read = reader
            .seek(io::SeekFrom::Start(member.start))
            .and_then(|_| reader.take(member.len).read_to_end(&mut blob.bytes));
        match read.map_err(|e| self.input.failed(e))? as u64 == member.len {
            true => Ok(Some(blob)),
            false => Err(blob.malformed(format!(
                "only {} of {} bytes: the archive has become shorter",
                blob.bytes.len(),
                member.len
            ))),
        }
    }
    fn skip(&mut self, count: u64) -> Result<(), SamplesError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.next = self.next.saturating_add(count).min(self.members.len());
        Ok(())
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        self.next = 0;
        Ok(())
    }
}

/// Opens a compressed archive. If it contains a picture, pictures are read as a stream; otherwise all
/// files are read into memory.
fn open_gzip(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    let (mut members, mut total, mut names) = (Vec::new(), 0, Vec::new());
    let is_chosen = |name: &str| options.suffix.as_ref().is_none_or(|s| name.ends_with(&s[..]));
    for file in Stream::new(input, false, None).files {
        let (name, bytes) = file?;
        names.push(name.clone());
        if !is_chosen(&name) {
            continue;
        }
        if is_picture(&name, &bytes) {
            options.refuse(input, "pictures", &[ReadOption::Array])?;
            return match options.split {
                Split::Auto | Split::All => {
                    let labels = match options.labels {
                        Labels::Ignore => BTreeMap::new(),
                        _ => labels(input)?,
                    };
                    let stream = Stream::new(input, true, options.suffix.clone());
                    Ok(Content::Pictures(Box::new(Stream { labels: labels.into(), ..stream })))
                }
                _ => Err(input.malformed(
                    "--split needs a list of files, which a compressed archive does not have: decompress it first",
                )),
            };
        }
        total += bytes.len() as u64;
        if total > MAX_IN_MEMORY {
            return Err(input.malformed(format!(
                "more than {} MiB in files that are not pictures: decompress it first",
                MAX_IN_MEMORY >> 20
            )));
        }
        members.push(Input::memory(input.path(), &name, bytes)?);
    }
    check_torch(input, names.iter().map(|name| &name[..]))?;
    if let Some(suffix) = options.suffix.as_ref().filter(|_| members.is_empty()) {
        suffix::chosen(&input.place(), names, suffix)?;
    }
    Ok(Content::Members(members))
}

/// What the `.cls` files of a compressed archive say, by the name of their sample. They need not be
/// beside it, so they are read before the pictures.
fn labels(input: &Input) -> Result<BTreeMap<String, String>, SamplesError> {
    let mut labels = BTreeMap::new();
    for file in files(input, |name, _| name.ends_with(".cls")) {
        let (name, bytes) = file?;
        if bytes.len() as u64 <= MAX_LABEL {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            labels.insert(suffix::cut(&name).0.to_owned(), text);
        }
    }
    Ok(labels)
}

fn is_picture(name: &str, bytes: &[u8]) -> bool {
    pictures::has_extension(name.as_ref()) || pictures::is_picture(bytes)
}

type File = Result<(String, Vec<u8>), SamplesError>;

/// Files of a compressed archive, read ahead in a separate thread.
struct Stream {
    input: Input,
    suffix: Option<String>,
    files: mpsc::Receiver<File>,
    /// The last picture.
    last: String,
    /// Classes, by the names of samples.
    labels: Arc<BTreeMap<String, String>>,
}

/// The files of a compressed archive, read ahead in a separate thread.
fn files(
    input: &Input,
    keep: impl Fn(&str, &[u8]) -> bool + Send + 'static,
) -> mpsc::Receiver<File> {
    let (sender, files) = mpsc::sync_channel(64);
    let input = input.clone();
    thread::spawn(move || {
        if let Err(error) = read_files(&input, keep, &sender) {
            // The receiver is gone if it has stopped reading.
            let _ = sender.send(Err(error));
        }
    });
    files
}

impl Stream {
    fn new(input: &Input, pictures_only: bool, suffix: Option<String>) -> Self {
        let wanted = suffix.clone();
        let is_chosen = move |name: &str| wanted.as_ref().is_none_or(|s| name.ends_with(&s[..]));
        let files = files(input, move |name, head| {
            !pictures_only || is_chosen(name) && is_picture(name, head)
        });
        let (last, labels) = (String::new(), Arc::default());
        Stream { input: input.clone(), suffix, files, last, labels }
    }
}

/// Sends files until the end, or until the receiver is gone.
fn read_files(
    input: &Input,
    keep: impl Fn(&str, &[u8]) -> bool,
    files: &mpsc::SyncSender<File>,
) -> Result<(), SamplesError> {
    let count = Arc::new(AtomicU64::new(0));
    let mut archive = Archive::new(Counted { inner: input.reader()?, count: count.clone() });
    archive.set_ignore_zeros(true);
    let (mut last, mut end): (Option<String>, u64) = (None, 0);
    for entry in archive.entries().map_err(|e| input.failed(e))? {
        let mut entry = entry.map_err(|e| damaged(input, last.as_deref(), &e))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        last = Some(name.clone());
        end = end_of(&entry);
        if !is_data(input, &entry, &name)? {
            continue;
        }
        let failed = |e: io::Error| input.malformed(format!("'{name}': {e}"));
        let mut bytes = Vec::new();
        (&mut entry).take(HEAD as u64).read_to_end(&mut bytes).map_err(failed)?;
        if !keep(&name, &bytes) {
            continue;
        }
        if entry.size() > MAX_IN_MEMORY {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        entry.read_to_end(&mut bytes).map_err(failed)?;
        if files.send(Ok((name, bytes))).is_err() {
            return Ok(());
        }
    }
    match count.load(Ordering::Relaxed) >= end.saturating_add(BLOCK) {
        true => Ok(()),
        false => Err(without_end(input, last.as_deref())),
    }
}

impl Blobs for Stream {
    fn description(&self) -> String {
        self.input.place()
    }
    fn note(&self) -> Option<String> {
        let place = self.input.place();
        Some(format!(
            "{place}: reading all images: a compressed archive has no list in which to find a training part"
        ))
    }
    fn count(&self) -> Option<u64> {
        None
    }
    fn next_blob(&mut self) -> Result<Option<Blob>, SamplesError> {
        let Ok(file) = self.files.recv() else { return Ok(None) };
        let (name, bytes) = file?;
        let ((last, own), (key, other)) = (suffix::cut(&self.last), suffix::cut(&name));
        if self.suffix.is_none() && last == key && own != other {
            return Err(suffix::several(&self.input.place(), key, &[own, other]));
        }
        let class = self.labels.get(key).cloned().or_else(|| blobs::folders(&name));
        self.last.clone_from(&name);
        Ok(Some(Blob { path: self.input.path().into(), entry: Some(name), class, bytes }))
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        let labels = Arc::clone(&self.labels);
        *self = Stream { labels, ..Stream::new(&self.input, true, self.suffix.clone()) };
        Ok(())
    }
}
