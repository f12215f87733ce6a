//! Which files of an archive are read: its pictures, or all of them if it has none.

use super::{Input, ReadOption, ReadOptions, pictures, suffix};
use crate::samples::SamplesError;

/// The files of an archive to read.
pub(super) enum Members<M> {
    /// Pictures, and what to tell the user about the choice.
    Pictures(Vec<M>, Option<String>),
    /// Other files, if there are no pictures.
    Others(Vec<M>),
}

/// Chooses among the files of an archive by the suffix and split of `options`; pictures are preferred
/// to other files. `looks_like_picture` checks the content of a file whose name is not that of a
/// picture.
///
/// # Errors
/// [`SamplesError`], in particular if each sample has several files and no suffix is given.
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

/// Whether a file is to be ignored: macOS stores attributes in files that start with a dot.
pub(super) fn is_hidden(path: &str) -> bool {
    path.rsplit('/').next().is_none_or(|name| name.is_empty() || name.starts_with('.'))
}
