//! Several files of one sample, such as `000.input.png` and `000.target.png` in a WebDataset, share their
//! name up to a dot. A suffix chooses which of them to read.

use super::ReadOptions;
use crate::samples::SamplesError;
use std::collections::BTreeMap;

/// If there are more endings than this, they are not suffixes.
const MOST: usize = 16;

/// Splits a name before the suffix that tells the files of one sample apart. Numbers are never part of
/// it: `scan.001.png` and `scan.002.png` are two samples.
pub(super) fn cut(name: &str) -> (&str, &str) {
    let start = name.rfind('/').map_or(0, |at| at + 1);
    let has_letter = |part: &str| part.chars().any(char::is_alphabetic);
    let mut at = name.len();
    for (dot, _) in name[start..].rmatch_indices('.') {
        let dot = start + dot;
        match has_letter(&name[dot + 1..at]) && dot > start {
            true => at = dot,
            false => break,
        }
    }
    let suffix = &name[at..];
    (&name[..at], suffix.strip_prefix('.').unwrap_or(suffix))
}

/// Which of the names end in `suffix`; an error if none does.
pub(super) fn chosen(
    place: &str,
    names: Vec<String>,
    suffix: &str,
) -> Result<Vec<bool>, SamplesError> {
    let kept: Vec<bool> = names.iter().map(|name| name.ends_with(suffix)).collect();
    if kept.contains(&true) {
        return Ok(kept);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        *counts.entry(cut(name).1).or_default() += 1;
    }
    let mut found: Vec<(usize, &str)> = counts.into_iter().map(|(s, n)| (n, s)).collect();
    found.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let found: Vec<&str> = found.into_iter().map(|(_, suffix)| suffix).take(MOST).collect();
    Err(SamplesError::Malformed {
        path: place.into(),
        entry: None,
        reason: format!("no file ends in '{suffix}' (found: {})", found.join(", ")),
    })
}

/// Refuses several files per sample if no suffix is given. Adds a note if names only look like that.
pub(super) fn check<'a>(
    place: &str,
    names: impl Iterator<Item = &'a str>,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<(), SamplesError> {
    if options.suffix.is_some() {
        return Ok(());
    }
    let names: Vec<&str> = names.collect();
    if let Some((key, suffixes)) = together(names.iter().map(|name| cut(name))) {
        return Err(several(place, key, &suffixes));
    }
    if let Some((key, endings)) = together(names.iter().map(|name| cut_word(name))) {
        let listed = endings.join(", ");
        notes.push(format!(
            "{place}: files whose names differ only in {listed} ('{key}{}') are all read as samples: choose one kind with --suffix, such as --suffix {}",
            endings.first().unwrap_or(&""),
            endings.first().unwrap_or(&"")
        ));
    }
    Ok(())
}

/// Adds a note about arrays beside pictures.
pub(super) fn note_arrays<'a>(
    place: &str,
    names: impl Iterator<Item = &'a str>,
    notes: &mut Vec<String>,
) {
    const ARRAYS: [&str; 6] = ["npy", "npz", "pt", "pth", "pkl", "safetensors"];
    let is_array = |name: &&str| name.rsplit_once('.').is_some_and(|(_, e)| ARRAYS.contains(&e));
    let arrays: Vec<&str> = names.filter(is_array).collect();
    if let Some(first) = arrays.first() {
        let suffix = cut(first).1;
        notes.push(format!(
            "{place}: pictures are read, but not the {} arrays beside them (--suffix {suffix} reads those)",
            arrays.len()
        ));
    }
}

/// An error: several files of one sample, and nothing says which to read.
pub(super) fn several(place: &str, key: &str, suffixes: &[&str]) -> SamplesError {
    SamplesError::Malformed {
        path: place.into(),
        entry: None,
        reason: format!(
            "several files per sample, '{key}' with {}: choose one with --suffix, such as --suffix {}",
            suffixes.join(", "),
            suffixes.first().unwrap_or(&"")
        ),
    }
}

/// Splits a name before its last word, if that consists of letters: `000_input.png`.
fn cut_word(name: &str) -> (&str, &str) {
    let (key, _) = cut(name);
    let word = key.rfind(['_', '-']).map(|at| key.split_at(at));
    match word {
        Some((start, word)) if word[1..].chars().all(char::is_alphabetic) && word.len() > 1 => {
            (start, &name[start.len()..])
        }
        _ => (key, &name[key.len()..]),
    }
}

/// If most keys have several endings, and there are few of those: the first such key and its endings.
fn together<'a>(
    names: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<(&'a str, Vec<&'a str>)> {
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut endings: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, ending) in names {
        // The same name twice, as in concatenated archives, is another sample.
        let endings_of_key = keys.entry(key).or_default();
        if !endings_of_key.contains(&ending) {
            endings_of_key.push(ending);
        }
        *endings.entry(ending).or_default() += 1;
        if endings.len() > MOST {
            return None;
        }
    }
    let several = keys.values().filter(|endings| endings.len() > 1).count();
    if 2 * several < keys.len() {
        return None;
    }
    keys.into_iter().find(|(_, endings)| endings.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_before_what_tells_files_of_a_sample_apart() {
        for (name, expected) in [
            ("000.png", ("000", "png")),
            ("a/000.input.png", ("a/000", "input.png")),
            ("a.b/000.input.png", ("a.b/000", "input.png")),
            ("0.5.png", ("0.5", "png")),
            ("scan.001.png", ("scan.001", "png")),
            ("000", ("000", "")),
            (".hidden", (".hidden", "")),
            ("000.cls", ("000", "cls")),
            ("é.ü.png", ("é", "ü.png")),
        ] {
            assert_eq!(cut(name), expected, "{name}");
        }
        assert_eq!(cut_word("000_input.png"), ("000", "_input.png"));
        assert_eq!(cut_word("img_000.png"), ("img_000", ".png"));
    }

    #[test]
    fn files_of_a_sample_are_told_from_samples() {
        let found = |names: &[&str]| {
            let mut notes = Vec::new();
            let checked =
                check("x", names.iter().copied(), &ReadOptions::default(), &mut notes).is_err();
            (checked, !notes.is_empty())
        };
        assert_eq!(
            found(&["0.input.png", "0.target.png", "1.input.png", "1.target.png"]),
            (true, false)
        );
        assert_eq!(found(&["0.input.png", "0.target.png"]), (true, false));
        assert_eq!(found(&["0.jpg", "0.png", "1.jpg", "1.png"]), (true, false));
        assert_eq!(found(&["0.png", "1.png", "2.jpg"]), (false, false));
        assert_eq!(found(&["scan.001.png", "scan.002.png"]), (false, false));
        assert_eq!(found(&["0_in.png", "0_out.png", "1_in.png", "1_out.png"]), (false, true));
        assert_eq!(found(&["cat_000.png", "cat_001.png", "dog_000.png"]), (false, false));
        assert_eq!(found(&["train/0.png", "val/0.png"]), (false, false));
        assert_eq!(found(&[]), (false, false));
    }
}
