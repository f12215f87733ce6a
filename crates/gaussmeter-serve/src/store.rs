//! The data that questions are about: presets that were asked for, files that were uploaded.

use crate::question::{Asked, Data};
use crate::refusal::Refusal;
use axum::http::StatusCode;
use gaussmeter::data::{self, DataError, Info, Lent};
use gaussmeter::message::line;
use gaussmeter::spectrum::Spectrum;
use gaussmeter_data::samples::Scale;
use gaussmeter_data::source::ScaleChoice;
use gaussmeter_data::source::pictures::{PictureOptions, Size};
use gaussmeter_data::{Memory, Model, Picture, TextureModel};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Most uploads that are kept.
pub const MAX_UPLOADS: usize = 32;
/// Most bytes that they may take, as far as is known.
pub const MAX_KEPT: usize = 256 << 20;
/// Most bytes of an archive's content.
const MAX_UNPACKED: u64 = 512 << 20;
/// Presets that are kept.
const PRESETS: usize = 16;
/// Most dimensions of a preset, each of which may be a mode.
const MAX_DIM: f64 = 4_194_304.0;
/// Bytes of a mode, with what is made of it.
const MODE: usize = 64;
/// Memory that a picture and its texture may take.
const PICTURE_MEMORY: u64 = 1 << 30;

/// What ids of uploads follow in texts.
const UPLOAD: &str = "upload:";

/// What a request may not name.
pub const NO_FILES: &str =
    "files are not read for a request: upload the file, or give the levels of a grid as a list";

/// How pictures become textures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureOptions {
    /// Longest side.
    pub size: u32,
    /// Whether the periodic component is taken.
    pub periodic: bool,
    /// Whether the mean is taken away.
    pub centred: bool,
}

impl Default for TextureOptions {
    fn default() -> Self {
        TextureOptions { size: 256, periodic: false, centred: false }
    }
}

/// What data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Eigenvalues.
    Spectrum,
    /// Eigenvalues with eigenvectors.
    Model,
    /// The texture of a picture.
    Texture,
}

impl Kind {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Spectrum => "spectrum",
            Kind::Model => "model",
            Kind::Texture => "texture",
        }
    }
}

/// Data that can be asked about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// How questions refer to it, unless it is a preset.
    pub id: String,
    /// The file's name, or the preset's text.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The text for `--spectrum`.
    pub text: String,
    /// The command that makes this file.
    pub made_by: Option<String>,
    /// The eigenvalues.
    pub spectrum: Arc<Spectrum>,
    /// What is known about it.
    pub info: Arc<Info>,
    /// With eigenvectors.
    pub model: Option<Arc<Model>>,
    /// Whether the one who started the server gave it.
    pub is_given: bool,
    /// Bytes that it takes, roughly.
    bytes: usize,
}

impl Loaded {
    /// Whether samples of it are pictures.
    pub fn is_drawable(&self) -> bool {
        let drawable = |m: &Arc<Model>| m.image_shape().is_some() && m.display().is_some();
        self.model.as_ref().is_some_and(drawable)
    }

    /// What reading it has noticed.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        self.spectrum.notices().iter().map(|notice| format!("{}: {notice}", self.spectrum.name()))
    }
}

/// What is kept in memory.
#[derive(Debug, Default)]
pub struct Store {
    /// Files of the one who started the server.
    given: Vec<Arc<Loaded>>,
    /// The one used last is the last.
    uploads: Mutex<VecDeque<Arc<Loaded>>>,
    presets: Mutex<VecDeque<Arc<Loaded>>>,
}

impl Store {
    /// Adds a preset or a file of the one who starts the server, which stays.
    ///
    /// # Errors
    /// [`DataError`]
    pub fn give(&mut self, text: &str) -> Result<(), DataError> {
        let (info, spectrum) = match data::info(text)? {
            info if info.spectrum().is_some() => {
                let spectrum = info.spectrum().cloned();
                (info, spectrum)
            }
            info => (info, Some(data::load(text)?)),
        };
        let Some(spectrum) = spectrum else { return Ok(()) };
        let path = Path::new(text);
        let model = path.is_file().then(|| Model::load(path).ok()).flatten().map(Arc::new);
        let name = path.file_name().map_or(text.into(), |name| name.to_string_lossy());
        let id = id_of(&[b"given", text.as_bytes()]);
        let kind = if model.is_some() { Kind::Model } else { Kind::Spectrum };
        self.given.push(Arc::new(Loaded {
            id,
            name: name.into_owned(),
            kind,
            text: text.into(),
            made_by: None,
            spectrum: Arc::new(spectrum),
            info: Arc::new(info),
            model,
            is_given: true,
            bytes: 0,
        }));
        Ok(())
    }

    /// The data of a question.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn find(&self, data: &Data) -> Result<Arc<Loaded>, Refusal> {
        match data {
            Data::Preset(text) => self.preset(text),
            Data::Upload(id) => self.upload(id).ok_or_else(|| {
                Refusal::unknown(
                    "there is no such upload: it may have made way for others, so upload it again",
                )
            }),
        }
    }

    /// The question with the names of files in place of the ids of uploads in `network`
    /// (`guided:class=upload:ID`), and what they name.
    ///
    /// # Errors
    /// [`Refusal`]: there is no such upload, or its name cannot stand among options.
    pub fn named(&self, asked: &Asked) -> Result<(Asked, Lent), Refusal> {
        let (mut asked, mut lent) = (asked.clone(), Lent::new());
        let Some(network) = &mut asked.words.network else { return Ok((asked, lent)) };
        while let Some(at) = network.find(UPLOAD) {
            let rest = &network[at + UPLOAD.len()..];
            let id: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
            let loaded = self.find(&Data::Upload(id.clone()))?;
            let name = &loaded.text;
            if name.contains([',', '=']) || name.contains(UPLOAD) {
                return Err(Refusal::usage(format!(
                    "{name} has a comma or an equals sign in its name: rename it, and upload it again"
                )));
            }
            network.replace_range(at..at + UPLOAD.len() + id.len(), name);
            lent.push((name.clone(), loaded.spectrum.clone()));
        }
        Ok((asked, lent))
    }

    fn upload(&self, id: &str) -> Option<Arc<Loaded>> {
        if let Some(given) = self.given.iter().find(|given| given.id == id) {
            return Some(given.clone());
        }
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let at = uploads.iter().position(|upload| upload.id == id)?;
        let found = uploads.remove(at)?;
        uploads.push_back(found.clone());
        Some(found)
    }

    fn preset(&self, text: &str) -> Result<Arc<Loaded>, Refusal> {
        let presets = || self.presets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = presets();
        if let Some(at) = known.iter().position(|preset| preset.text == text)
            && let Some(found) = known.remove(at)
        {
            known.push_back(found.clone());
            return Ok(found);
        }
        drop(known);
        let spectrum = preset(text)?;
        let loaded = Arc::new(Loaded {
            id: String::new(),
            name: text.into(),
            kind: Kind::Spectrum,
            text: text.into(),
            made_by: None,
            info: Arc::new(Info::of(spectrum.clone())),
            spectrum: Arc::new(spectrum),
            model: None,
            is_given: false,
            bytes: 0,
        });
        let mut known = presets();
        known.push_back(loaded.clone());
        if known.len() > PRESETS {
            known.pop_front();
        }
        Ok(loaded)
    }

    /// All files, those of the one who started the server first.
    pub fn list(&self) -> Vec<Arc<Loaded>> {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        self.given.iter().chain(uploads.iter()).cloned().collect()
    }

    /// Reads a file that was uploaded, and keeps it.
    ///
    /// # Errors
    /// [`Refusal`], in the words of the command line.
    pub fn add(
        &self,
        name: &str,
        bytes: &[u8],
        options: TextureOptions,
    ) -> Result<Arc<Loaded>, Refusal> {
        let name = base_name(name);
        let how = format!("{options:?}");
        let id = id_of(&[name.as_bytes(), how.as_bytes(), bytes]);
        if let Some(known) = self.upload(&id) {
            return Ok(known);
        }
        let folder = tempfile::tempdir().map_err(|error| unwritable(&error))?;
        let file = Written { folder: folder.path(), name: &name };
        let loaded = Arc::new(match Picture::size(bytes) {
            Some(size) => file.texture(id, bytes, size, options)?,
            None => file.spectrum(id, bytes)?,
        });
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.push_back(loaded.clone());
        let total =
            |uploads: &VecDeque<Arc<Loaded>>| uploads.iter().map(|u| u.bytes).sum::<usize>();
        while uploads.len() > 1 && (uploads.len() > MAX_UPLOADS || total(&uploads) > MAX_KEPT) {
            uploads.pop_front();
        }
        Ok(loaded)
    }
}

/// A preset by its text; files are not read.
fn preset(text: &str) -> Result<Spectrum, Refusal> {
    // Presets have a mode per dimension at most: what does not fit is refused before it is made.
    let arguments = text.split_once(':').map_or("", |(_, arguments)| arguments);
    let dims = arguments.split(',').filter_map(|piece| match piece.split_once('=') {
        Some((key, value)) if key.trim() == "d" => value.trim().parse::<f64>().ok(),
        Some(_) => None,
        None => piece.trim().parse::<f64>().ok(),
    });
    if dims.into_iter().any(|dim| dim > MAX_DIM) {
        return Err(Refusal::too_much(format!(
            "spectrum '{text}': at most {MAX_DIM} dimensions are made for a request"
        )));
    }
    gaussmeter::file::refusing(NO_FILES, || data::load(text)).map_err(|error| match error {
        // "no such file, and …" would speak of files.
        DataError::Unknown(error) => error.into(),
        error => error.into(),
    })
}

/// The name of a file without folders, as it may stand in a message or a command.
fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(120).collect();
    match plain.trim().trim_start_matches('.') {
        "" => "upload".into(),
        plain => plain.into(),
    }
}

fn id_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn unwritable(error: &dyn Error) -> Refusal {
    let message = format!("the file cannot be kept while it is read: {}", line(error));
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", message)
}

/// A file in a folder that goes when it has been read.
struct Written<'a> {
    folder: &'a Path,
    name: &'a str,
}

impl Written<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The reason in the words of somebody who has the file under its name.
    fn refused(&self, error: &dyn Error) -> Refusal {
        let folder = format!("{}{}", self.folder.display(), std::path::MAIN_SEPARATOR);
        let mut refusal = Refusal::request(error);
        refusal.message = refusal.message.replace(&folder, "");
        refusal
    }

    fn write(&self, bytes: &[u8]) -> Result<PathBuf, Refusal> {
        let path = self.path(self.name);
        std::fs::write(&path, bytes).map_err(|error| unwritable(&error))?;
        Ok(path)
    }

    fn spectrum(&self, id: String, bytes: &[u8]) -> Result<Loaded, Refusal> {
        let unpacked = self.unpacked(bytes)?;
        let path = self.write(bytes)?;
        let info =
            Info::read_as(&path, Path::new(self.name)).map_err(|error| self.refused(&error))?;
        let Some(spectrum) = info.spectrum().cloned() else {
            let name = self.name;
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "request",
                format!(
                    "{name} holds sums over samples, not a spectrum: gaussmeter merge {name} -o my.npz makes one of them"
                ),
            ));
        };
        let model = Model::load(&path).ok().map(Arc::new);
        let modes = MODE * spectrum.modes().len();
        Ok(Loaded {
            id,
            name: self.name.into(),
            kind: if model.is_some() { Kind::Model } else { Kind::Spectrum },
            text: self.name.into(),
            made_by: None,
            spectrum: Arc::new(spectrum),
            info: Arc::new(info),
            is_given: false,
            bytes: modes + if model.is_some() { unpacked as usize } else { 0 },
            model,
        })
    }

    /// Bytes of the content; refuses archives in which there is far more than they are large.
    fn unpacked(&self, bytes: &[u8]) -> Result<u64, Refusal> {
        let own = bytes.len() as u64;
        if !bytes.starts_with(b"PK") {
            return Ok(own);
        }
        let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(bytes)) else {
            return Ok(own);
        };
        let sizes =
            (0..archive.len()).map(|k| archive.by_index_raw(k).map_or(0, |file| file.size()));
        match sizes.fold(0u64, u64::saturating_add) {
            size @ 0..=MAX_UNPACKED => Ok(size),
            size => Err(Refusal::too_much(format!(
                "{}: its arrays take {} MiB: at most {} MiB are read of an upload",
                self.name,
                size >> 20,
                MAX_UNPACKED >> 20
            ))),
        }
    }

    fn texture(
        &self,
        id: String,
        bytes: &[u8],
        [height, width]: [u32; 2],
        TextureOptions { size, periodic, centred }: TextureOptions,
    ) -> Result<Loaded, Refusal> {
        let is_large = height.max(width) > size;
        let resize = (is_large && height.min(width) > size).then_some(Size::Side(size));
        let crop = is_large.then_some(match resize {
            Some(_) => Size::Side(size),
            None => Size::Both { height: height.min(size), width: width.min(size) },
        });
        let memory = Memory(PICTURE_MEMORY);
        let options = PictureOptions { resize, crop, memory, ..PictureOptions::default() };
        let picture = Picture::decode(Path::new(self.name), bytes, &options)
            .map_err(|error| self.refused(&error))?;
        let scale = ScaleChoice::Symmetric.resolve(Some(picture.white)).unwrap_or(Scale::IDENTITY);
        let texture = TextureModel::new(&picture, scale, periodic, centred)
            .map_err(|error| self.refused(&error))?;
        // What `gaussmeter texture` would write, and every command read.
        let stem =
            Path::new(self.name).file_stem().map_or(self.name.into(), |s| s.to_string_lossy());
        let text = format!("{stem}.npz");
        let path = self.path(&text);
        texture.save(&path).map_err(|error| self.refused(&error))?;
        let info = Info::read_as(&path, Path::new(&text)).map_err(|error| self.refused(&error))?;
        let model = Model::load(&path).map_err(|error| self.refused(&error))?;
        let Some(spectrum) = info.spectrum().cloned() else {
            return Err(Refusal::defect("a texture without a spectrum"));
        };
        let mut command = gaussmeter::shell::Line::new("texture");
        command.operand(self.name);
        command.option("--resize", resize);
        command.option("--crop", crop);
        command.flag("--periodic", periodic);
        command.flag("--centred", centred);
        command.option("-o", Some(&text));
        let bytes = MODE * (spectrum.modes().len() + model.basis.dim());
        Ok(Loaded {
            id,
            name: self.name.into(),
            kind: Kind::Texture,
            text,
            made_by: Some(command.to_string()),
            spectrum: Arc::new(spectrum),
            info: Arc::new(info),
            model: Some(Arc::new(model)),
            is_given: false,
            bytes,
        })
    }
}
