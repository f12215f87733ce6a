//! ZIP archives of pictures, as used by StyleGAN and EDM, or of other data files. Archives of arrays and
//! tensors are separate formats.

use super::SampleFormat;
use crate::samples::SamplesError;
use crate::source::blobs;
use crate::source::input::MAX_IN_MEMORY;
use crate::source::members::{self, Members};
use crate::source::{Blob, Blobs, Content, Input, ReadOptions, ReadSeek, pictures};
use std::io::Read;
use zip::{CompressionMethod, ZipArchive};

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "zip",
    summary: "ZIP archive: pictures (StyleGAN, EDM), or other data files",
    recognises: |input| {
        [&b"PK\x03\x04"[..], b"PK\x05\x06"].iter().any(|magic| input.head().starts_with(magic))
    },
    open,
};

/// Largest encoded picture.
const MAX_PICTURE: u64 = 256 << 20;

/// Most bytes that deflate makes of one.
const RATIO: u64 = 1032;

/// An entry that is a file.
#[derive(Clone)]
struct Member {
    name: String,
    index: usize,
    size: u64,
    /// Where its bytes begin, if they are not compressed.
    start: Option<u64>,
}

fn archive(input: &Input) -> Result<ZipArchive<Box<dyn ReadSeek>>, SamplesError> {
    ZipArchive::new(input.seekable()?).map_err(|e| {
        input.malformed(format!(
            "a ZIP archive (or .npz, .pt) that is truncated, damaged, or still being written: {e}"
        ))
    })
}

/// The files of an archive. They must not share bytes, nor claim to be larger than their bytes allow.
fn entries(input: &Input) -> Result<Vec<Member>, SamplesError> {
    let mut archive = archive(input)?;
    let (mut members, mut ranges) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(|e| input.malformed(e))?;
        let name = String::from_utf8_lossy(file.name_raw()).replace(char::is_control, "\u{fffd}");
        if !file.is_file() || file.is_symlink() || is_hidden(&name) {
            continue;
        }
        let bad = |reason: &str| Err(input.malformed(format!("'{name}': {reason}")));
        if file.encrypted() {
            return bad("encrypted: unpack it and give the folder");
        }
        let (size, packed) = (file.size(), file.compressed_size());
        let limit = match file.compression() {
            CompressionMethod::Stored => packed,
            CompressionMethod::Deflated => packed.saturating_mul(RATIO).saturating_add(RATIO),
            _ => {
                return bad(
                    "compressed with a method other than deflate: unpack it and give the folder",
                );
            }
        };
        if size > limit {
            return bad(&format!(
                "claims that {packed} bytes decompress to {size}, which is impossible"
            ));
        }
        let Some(start) = file.data_start() else {
            return bad("its place in the archive is unknown");
        };
        ranges.push((start, start.saturating_add(packed), members.len()));
        let is_stored = file.compression() == CompressionMethod::Stored && !input.is_gzip();
        members.push(Member { name, index, size, start: is_stored.then_some(start) });
    }
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        if let [(_, end, one), (start, _, other)] = pair
            && end > start
        {
            let name = |k: &usize| members.get(*k).map_or("", |m| &m.name[..]);
            return Err(input.malformed(format!(
                "'{}' and '{}' share bytes, which is not possible in a valid archive",
                name(one),
                name(other)
            )));
        }
    }
    Ok(members)
}

/// Whether an entry is to be ignored: macOS adds a folder of its own to archives.
fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part == "__MACOSX") || members::is_hidden(name)
}

fn open(input: &Input, options: &ReadOptions) -> Result<Content, SamplesError> {
    let mut members = entries(input)?;
    members.sort_by(|a, b| a.name.cmp(&b.name));
    // EDM and StyleGAN number folders of a thousand pictures each.
    let is_numbered = members.iter().any(|m| m.name.ends_with("dataset.json"));
    let mut archive = archive(input)?;
    let looks_like_picture = |member: &Member| {
        read(input, &mut archive, member, HEAD).map(|head| pictures::is_picture(&head))
    };
    let chosen = members::choose(input, options, members, |m| &m.name, looks_like_picture)?;
    let (members, note) = match chosen {
        Members::Pictures(members, note) => (members, note),
        Members::Others(members) => {
            return Ok(Content::Members(files(input, &mut archive, &members)?));
        }
    };
    if let Some(large) = members.iter().find(|m| m.size > MAX_PICTURE) {
        return Err(input.malformed(format!(
            "'{}' has {} MiB, but pictures are read only up to {} MiB",
            large.name,
            large.size >> 20,
            MAX_PICTURE >> 20
        )));
    }
    let input = input.clone();
    Ok(Content::Pictures(Box::new(Zipped { input, archive, members, is_numbered, note, next: 0 })))
}

/// Number of bytes that show whether a file is a picture.
const HEAD: u64 = 32;

/// At most `limit` bytes of a file.
fn read(
    input: &Input,
    archive: &mut ZipArchive<Box<dyn ReadSeek>>,
    member: &Member,
    limit: u64,
) -> Result<Vec<u8>, SamplesError> {
    let bad = |e: &dyn std::fmt::Display| input.malformed(format!("'{}': {e}", member.name));
    let file = archive.by_index(member.index).map_err(|e| bad(&e))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(|e| bad(&e))?;
    Ok(bytes)
}

/// The files as members; compressed ones are read into memory.
fn files(
    input: &Input,
    archive: &mut ZipArchive<Box<dyn ReadSeek>>,
    members: &[Member],
) -> Result<Vec<Input>, SamplesError> {
    let packed = members.iter().filter(|m| m.start.is_none());
    let total = packed.fold(0u64, |total, m| total.saturating_add(m.size));
    if total > MAX_IN_MEMORY {
        return Err(input.malformed(format!(
            "more than {} MiB in compressed files that are not pictures: unpack it and give the folder",
            MAX_IN_MEMORY >> 20
        )));
    }
    let file = |member: &Member| match member.start {
        Some(start) => input.slice(&member.name, start, member.size),
        None => {
            let bytes = read(input, archive, member, member.size.saturating_add(1))?;
            whole(input, member, &bytes)?;
            let name = match input.member() {
                Some(outer) => format!("{outer}: {}", member.name),
                None => member.name.clone(),
            };
            Input::memory(input.path(), &name, bytes)
        }
    };
    members.iter().map(file).collect()
}

/// Checks that a file has the size stated in the archive.
fn whole(input: &Input, member: &Member, bytes: &[u8]) -> Result<(), SamplesError> {
    match bytes.len() as u64 == member.size {
        true => Ok(()),
        false => Err(input.malformed(format!(
            "'{}': damaged, not the {} bytes stated in the archive",
            member.name, member.size
        ))),
    }
}

/// The pictures of an archive, in the order of their names.
struct Zipped {
    input: Input,
    archive: ZipArchive<Box<dyn ReadSeek>>,
    members: Vec<Member>,
    /// Whether folders are parts of a list, and no classes.
    is_numbered: bool,
    note: Option<String>,
    next: usize,
}

impl Blobs for Zipped {
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
        self.next += 1;
        // Reading one byte more shows whether there is more, and compares the checksum at the end.
        let bytes = read(&self.input, &mut self.archive, member, member.size.saturating_add(1))?;
        whole(&self.input, member, &bytes)?;
        let (path, entry) = (self.input.path().into(), Some(member.name.clone()));
        let class = blobs::folders(&member.name).filter(|_| !self.is_numbered);
        Ok(Some(Blob { path, entry, class, bytes }))
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
