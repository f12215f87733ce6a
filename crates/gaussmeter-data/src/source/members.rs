//! Which files of an archive are read: its pictures, or all of them if it has none.

use super::{Input, ReadOption, ReadOptions, pictures, suffix};
use crate::samples::SamplesError;

/// The files of an archive that are read.
pub(super) enum Members<M> {
    /// Pictures, and what the user should know about their choice.
    Pictures(Vec<M>, Option<String>),
    /// There are no pictures: files of any other kind.
    Others(Vec<M>),
}

/// Chooses among the files of an archive as `options` say: by suffix, pictures before other files,
/// and pictures by split. `looks_like_picture` sees the first bytes of those whose name does not say
/// that they are pictures.
///
/// # Errors
/// [`SamplesError`], in particular where each sample has several files and nothing says which to read.
pub(super) fn choose<M: Clone>(
    input: &Input,
    options: &ReadOptions,
    mut members: Vec<M>,
    name: fn(&M) -> &str,
    mut looks_like_picture: impl FnMut(&M) -> Result<bool, SamplesError>,
) -> Result<Members<M>, SamplesError> {
    let place = input.place();
    if let Some(suffix) = &options.suffix {
        let names = members.iter().map(|member| name(member).to_owned()).collect();
        let mut kept = suffix::chosen(&place, names, suffix)?.into_iter();
        members.retain(|_| kept.next().unwrap_or(false));
    }
    let mut found = Vec::new();
    for member in &members {
        if pictures::has_extension(name(member).as_ref()) || looks_like_picture(member)? {
            found.push((name(member).to_owned(), member.clone()));
        }
    }
    if found.is_empty() {
        return Ok(Members::Others(members));
    }
    options.refuse(input, "pictures", &[ReadOption::Array])?;
    let mut notes = Vec::new();
    suffix::note_arrays(&place, members.iter().map(name), &mut notes);
    let (chosen, note) = options.split.choose(&place, found, true)?;
    notes.extend(note);
    suffix::check(&place, chosen.iter().map(|(name, _)| &name[..]), options, &mut notes)?;
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(Members::Pictures(chosen.into_iter().map(|(_, member)| member).collect(), note))
}

/// Whether a file is one to pass over: macOS writes its attributes as files that start with a dot.
pub(super) fn is_hidden(path: &str) -> bool {
    path.rsplit('/').next().is_none_or(|name| name.is_empty() || name.starts_with('.'))
}
