//! Tar archives: pictures as WebDataset has them, or data files.

use super::Format;
use crate::samples::SamplesError;
use crate::source::input::{HEAD, MAX_IN_MEMORY};
use crate::source::{Blob, Blobs, Content, Input, Options, ReadSeek, Split, pictures, suffix};
use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use tar::Archive;

pub(super) static FORMAT: Format = Format {
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

/// Archives from before 1988 have no magic number, but a checksum: the sum of all bytes of the
/// header, its own place counted as spaces.
fn is_old_header(head: &[u8]) -> bool {
    let Some(block) = head.get(..512).filter(|block| block[0] != 0) else { return false };
    let (own, sum) = (148..156, |bytes: &[u8]| bytes.iter().map(|b| u32::from(*b)).sum::<u32>());
    let stored = String::from_utf8_lossy(&block[own.clone()]);
    let stored = u32::from_str_radix(stored.trim_matches(['\0', ' ']), 8);
    stored.is_ok_and(|stored| stored == sum(block) - sum(&block[own]) + 8 * u32::from(b' '))
}

/// Whether an entry with this path is one to look at.
fn is_hidden(path: &str) -> bool {
    // macOS writes its attributes as files that start with a dot.
    path.rsplit('/').next().is_none_or(|name| name.is_empty() || name.starts_with('.'))
}

/// A file in an archive.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    start: u64,
    len: u64,
}

fn open_plain(input: &Input, options: &Options) -> Result<Content, SamplesError> {
    let size = input.size()?.unwrap_or(u64::MAX);
    let mut archive = Archive::new(input.seekable()?);
    let mut members = Vec::new();
    for entry in archive.entries_with_seek().map_err(|e| input.failed(e))? {
        let entry =
            entry.map_err(|e| damaged(input, members.last().map(|m: &Member| &m.name[..]), &e))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !entry.header().entry_type().is_file() || is_hidden(&name) {
            continue;
        }
        let member = Member { name, start: entry.raw_file_position(), len: entry.size() };
        if member.start.saturating_add(member.len) > size {
            return Err(input.malformed(format!(
                "truncated in '{}': it ends at byte {}, the archive at {size}",
                member.name,
                member.start.saturating_add(member.len)
            )));
        }
        members.push(member);
    }
    check_torch(input, members.iter().map(|m| &m.name[..]))?;
    if let Some(suffix) = &options.suffix {
        let names = members.iter().map(|m| m.name.clone()).collect();
        let mut kept = suffix::chosen(&input.place(), names, suffix)?.into_iter();
        members.retain(|_| kept.next().unwrap_or(false));
    }
    let open = |m: &Member| input.slice(&m.name, m.start, m.len);
    let mut found = Vec::new();
    for member in &members {
        let is_picture = match pictures::has_extension(member.name.as_ref()) {
            true => true,
            false => pictures::is_picture(open(member)?.head()),
        };
        if is_picture {
            found.push(member.clone());
        }
    }
    if found.is_empty() {
        let members = members.iter().map(open).collect::<Result<_, _>>()?;
        return Ok(Content::Members(members));
    }
    let mut notes = Vec::new();
    suffix::note_arrays(&input.place(), members.iter().map(|m| &m.name[..]), &mut notes);
    let named = found.into_iter().map(|m| (m.name.clone(), m)).collect();
    let (chosen, note) = options.split.choose(&input.place(), named, true)?;
    notes.extend(note);
    let names = chosen.iter().map(|(name, _)| &name[..]);
    suffix::check(&input.place(), names, options, &mut notes)?;
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    let members = chosen.into_iter().map(|(_, member)| member).collect();
    Ok(Content::Pictures(Box::new(Plain {
        input: input.clone(),
        members,
        note,
        next: 0,
        reader: None,
    })))
}

/// Refuses what PyTorch wrote before it had files of its own.
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

fn damaged(input: &Input, last: Option<&str>, error: &io::Error) -> SamplesError {
    let after = last.map_or(String::new(), |name| format!(" after '{name}'"));
    input.malformed(format!("damaged{after}: {error}"))
}

/// Pictures in an archive in which one can jump.
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
            bytes: Vec::new(),
        };
        let read = reader
            .seek(io::SeekFrom::Start(member.start))
            .and_then(|_| reader.take(member.len).read_to_end(&mut blob.bytes));
        match read.map_err(|e| self.input.failed(e))? as u64 == member.len {
            true => Ok(Some(blob)),
            false => Err(blob.malformed(format!(
                "{} of {} bytes: the archive has become shorter",
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

/// What a compressed archive holds is decided by its first picture: if there is one, pictures are
/// read as a stream, else all files into memory.
fn open_gzip(input: &Input, options: &Options) -> Result<Content, SamplesError> {
    let (mut members, mut total, mut names) = (Vec::new(), 0, Vec::new());
    let is_chosen = |name: &str| options.suffix.as_ref().is_none_or(|s| name.ends_with(&s[..]));
    for file in Stream::new(input, false, None).files {
        let (name, bytes) = file?;
        names.push(name.clone());
        if !is_chosen(&name) {
            continue;
        }
        if is_picture(&name, &bytes) {
            return match options.split {
                Split::Auto | Split::All => {
                    Ok(Content::Pictures(Box::new(Stream::new(input, true, options.suffix.clone()))))
                }
                _ => Err(input.malformed(
                    "--split needs a list of files, which a compressed archive does not have: decompress it first",
                )),
            };
        }
        total += bytes.len() as u64;
        if total > MAX_IN_MEMORY {
            return Err(input.malformed(format!(
                "more than {} MiB in files that are no pictures: decompress it first",
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

fn is_picture(name: &str, bytes: &[u8]) -> bool {
    pictures::has_extension(name.as_ref()) || pictures::is_picture(bytes)
}

type File = Result<(String, Vec<u8>), SamplesError>;

/// Files of a compressed archive, read ahead by a thread of its own.
struct Stream {
    input: Input,
    suffix: Option<String>,
    files: mpsc::Receiver<File>,
    /// The last picture.
    last: String,
}

impl Stream {
    fn new(input: &Input, pictures_only: bool, suffix: Option<String>) -> Self {
        let (sender, files) = mpsc::sync_channel(64);
        let input = input.clone();
        let (input_of_stream, last) = (input.clone(), String::new());
        let stream = Stream { input: input_of_stream, suffix: suffix.clone(), files, last };
        thread::spawn(move || {
            let is_chosen = |name: &str| suffix.as_ref().is_none_or(|s| name.ends_with(&s[..]));
            let keep = |name: &str, head: &[u8]| {
                !pictures_only || is_chosen(name) && is_picture(name, head)
            };
            if let Err(error) = read_files(&input, keep, &sender) {
                // The reader is gone if it has stopped reading.
                let _ = sender.send(Err(error));
            }
        });
        stream
    }
}

/// Sends files until the end, or until nobody listens.
fn read_files(
    input: &Input,
    keep: impl Fn(&str, &[u8]) -> bool,
    files: &mpsc::SyncSender<File>,
) -> Result<(), SamplesError> {
    let mut archive = Archive::new(input.reader()?);
    let mut last: Option<String> = None;
    for entry in archive.entries().map_err(|e| input.failed(e))? {
        let mut entry = entry.map_err(|e| damaged(input, last.as_deref(), &e))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        last = Some(name.clone());
        if !entry.header().entry_type().is_file() || is_hidden(&name) {
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
    Ok(())
}

impl Blobs for Stream {
    fn description(&self) -> String {
        self.input.place()
    }
    fn note(&self) -> Option<String> {
        let place = self.input.place();
        Some(format!(
            "{place}: all images of a compressed archive: it has no list to find a training part by"
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
        self.last.clone_from(&name);
        Ok(Some(Blob { path: self.input.path().into(), entry: Some(name), bytes }))
    }
    fn rewind(&mut self) -> Result<(), SamplesError> {
        *self = Stream::new(&self.input, true, self.suffix.clone());
        Ok(())
    }
}
