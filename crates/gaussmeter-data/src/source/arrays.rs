//! Deciding what arrays are: one sample each, or several.

use super::format::Undecided;
use super::many::JoinedSamples;
use super::{Content, Input, Latents, ReadOption, ReadOptions, SamplesPerFile};
use crate::samples::{Samples, SamplesError};

/// Most channels that a first axis of pictures or latents can have.
const CHANNELS: usize = 32;

/// Arrays with more entries are batches, however many arrays there are.
const BATCH: usize = 64;

/// Decides what arrays are, all of them together.
pub(super) fn settle(
    description: String,
    contents: Vec<(Input, Content)>,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<(Input, Content)>, SamplesError> {
    let (mut arrays, mut others) = (Vec::new(), Vec::new());
    for (input, content) in contents {
        match content {
            Content::Arrays(all) => arrays.extend(all),
            other => others.push((input, other)),
        }
    }
    let Some(first) = arrays.first() else {
        for (input, content) in &others {
            options.refuse(input, content.name(), &ReadOption::ARRAYS)?;
        }
        return Ok(others);
    };
    if let Some(name) = first.name().filter(|_| !first.left.is_empty()) {
        notes.push(format!(
            "{}: {} read, but not {} (choose with --array)",
            first.input().place(),
            if arrays.len() > 1 {
                format!("arrays like '{name}' are")
            } else {
                format!("array '{name}' is")
            },
            first.left.join(", ")
        ));
    }
    let place = first.input().place();
    let arrays = match options.latents {
        Latents::All => arrays,
        Latents::Auto if !arrays.iter().all(Undecided::is_encoded) => arrays,
        latents => {
            let whole = first.axes().to_vec();
            let halves = arrays.into_iter().map(Undecided::half).collect::<Result<Vec<_>, _>>()?;
            let half = halves.first().map_or(&[][..], |a| a.axes());
            if latents == Latents::Auto {
                notes.push(format!(
                    "{place}: its name says that it holds means and deviations, of shape {whole:?}: only the means, of shape {half:?}, are read (--latents all reads both)"
                ));
            }
            halves
        }
    };
    let Some(first) = arrays.first() else { return Ok(others) };
    let guess = match options.samples_per_file {
        SamplesPerFile::One => Guess::One,
        SamplesPerFile::Rows => Guess::Rows,
        SamplesPerFile::Auto if arrays.len() < 2 || !others.is_empty() => Guess::Rows,
        SamplesPerFile::Auto => {
            let guess = of_arrays(&arrays);
            notes.extend(note(&arrays, guess));
            guess
        }
    };
    match guess {
        Guess::Ask => Err(ask(&arrays)),
        Guess::Rows => {
            for array in arrays {
                others.push((array.input().clone(), array.rows(options)?));
            }
            Ok(others)
        }
        Guess::One if others.is_empty() && is_covariance(&arrays, options) => {
            for array in arrays {
                others.push((array.input().clone(), array.rows(options)?));
            }
            Ok(others)
        }
        Guess::One => {
            let input = first.input().clone();
            let mut all: Vec<(Input, Box<dyn Samples>)> = Vec::with_capacity(arrays.len());
            for array in arrays {
                let input = array.input().clone();
                if let Content::Samples(samples) = array.one(options)? {
                    all.push((input, samples));
                }
            }
            others.push((
                input,
                Content::Samples(Box::new(JoinedSamples::of_single(description, all)?)),
            ));
            Ok(others)
        }
    }
}

/// What arrays are: one sample each, or one sample per entry of the first axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    One,
    Rows,
    /// Both are equally likely.
    Ask,
}

/// Two or more arrays.
fn of_arrays(arrays: &[Undecided]) -> Guess {
    let Some((first, rest)) = arrays.split_first() else { return Guess::Rows };
    let axes = first.axes();
    if axes.len() == 1 && rest.iter().all(|a| a.axes().len() == 1) {
        return Guess::One;
    }
    if rest.iter().any(|a| a.axes() != axes) {
        return Guess::Rows;
    }
    guess(arrays.len(), axes, first.is_byte(), first.listed, arrays.iter().all(is_shard))
}

/// The guess for `count` arrays of one shape. If there are more files than rows in each, each is one
/// sample, since batches are usually large; pictures and latents are known by their channels.
fn guess(count: usize, axes: &[usize], is_byte: bool, is_list: bool, is_shard: bool) -> Guess {
    let is_channels = |n: usize| matches!(n, 1 | 3 | 4);
    let (rows, more) = match axes {
        [] | [1, ..] => return Guess::Rows,
        [_] => return Guess::One,
        [rows, ..] => (*rows, count > *rows),
    };
    if is_shard {
        return Guess::Rows;
    }
    let is_one = match *axes {
        // Pictures and latents, channels first or last.
        [first, height, width] => {
            (is_channels(first) && height > 1 && width > 1)
                || (height == width && first <= CHANNELS)
                || (is_channels(width) && (is_byte || first == height))
        }
        [height, width] => height == width,
        _ => false,
    };
    if is_one || (is_list && rows <= BATCH) {
        return Guess::One;
    }
    if !more {
        return Guess::Rows;
    }
    // As many rows as a batch has.
    let is_round = rows % 8 == 0 || rows % 10 == 0;
    let may_be_batch = match axes.len() {
        2 => rows >= 16 && is_round,
        3 => rows > BATCH && is_round,
        _ => rows >= 8 && is_round,
    };
    if may_be_batch { Guess::Ask } else { Guess::One }
}

/// Whether the name of a file says that it is a part of a larger data set.
fn is_shard(array: &Undecided) -> bool {
    let name = array.input().name().to_ascii_lowercase();
    let words = || name.split(|c: char| !c.is_ascii_alphabetic());
    !array.listed
        && (words().any(|w| matches!(w, "shard" | "part" | "batch" | "chunk" | "split"))
            || name.contains("-of-"))
}

/// Whether the first array is a covariance, if the options leave that open.
fn is_covariance(arrays: &[Undecided], options: &ReadOptions) -> bool {
    options.kind.is_none()
        && options.samples_per_file == SamplesPerFile::Auto
        && arrays.first().is_some_and(|array| array.is_covariance())
}

/// "20 files of shape [4, 2, 2]", or "20 arrays …".
fn what(arrays: &[Undecided]) -> String {
    let axes = arrays.first().map_or(&[][..], |a| a.axes());
    let is_list = arrays.iter().all(|a| a.listed);
    let noun = if is_list { "arrays" } else { "files" };
    format!("{} {noun} of shape {axes:?}", arrays.len())
}

/// The other reading, in words.
fn as_rows(arrays: &[Undecided]) -> String {
    let axes = arrays.first().map_or(&[][..], |a| a.axes());
    let (rows, rest) = axes.split_first().map_or((1, &[][..]), |(rows, rest)| (*rows, rest));
    format!("{} samples of shape {rest:?}", rows.saturating_mul(arrays.len()))
}

/// What to say about a guess; nothing if there is no other reading.
fn note(arrays: &[Undecided], guess: Guess) -> Option<String> {
    let (first, rest) = arrays.split_first()?;
    let axes = first.axes();
    let place = first.input().place();
    let differ = rest.iter().filter(|a| a.axes() != axes).count();
    if differ > 0 {
        // One file that is shorter is the last of several batches.
        let same_rows = rest.iter().all(|a| a.axes().get(1..) == axes.get(1..));
        let is_many = same_rows && axes.len() > 1 && differ > 1;
        return (is_many && guess == Guess::Rows).then(|| {
            let total: usize =
                arrays.iter().filter_map(|a| a.axes().first()).fold(0, |n, rows| n.saturating_add(*rows));
            format!(
                "{place} …: {} files whose first axes differ are read as {total} samples of shape {:?}, one per entry of that axis",
                arrays.len(),
                &axes[1..]
            )
        });
    }
    match guess {
        Guess::One if axes.len() < 2 => {
            Some(format!("{place} …: {} are read as one sample each", what(arrays)))
        }
        Guess::One => Some(format!(
            "{place} …: {} are read as one sample each; --samples-per-file rows reads {}",
            what(arrays),
            as_rows(arrays)
        )),
        Guess::Rows if axes.first().is_some_and(|rows| *rows > 1 && *rows <= 64 * arrays.len()) => {
            Some(format!(
                "{place} …: {} are read as {}; --samples-per-file one reads one sample per file",
                what(arrays),
                as_rows(arrays)
            ))
        }
        Guess::Rows | Guess::Ask => None,
    }
}

fn ask(arrays: &[Undecided]) -> SamplesError {
    let reason = format!(
        "{} could be one sample each (--samples-per-file one) or {} (--samples-per-file rows): choose one",
        what(arrays),
        as_rows(arrays)
    );
    match arrays.first() {
        Some(array) => array.input().malformed(reason),
        None => SamplesError::Nothing { path: Default::default() },
    }
}

impl Content {
    /// Arrays as samples, if that is what they are.
    ///
    /// # Errors
    /// [`SamplesError`]
    pub fn settled(self, input: &Input, options: &ReadOptions) -> Result<Self, SamplesError> {
        let contents = vec![(input.clone(), self)];
        let mut all = settle(input.place(), contents, options, &mut Vec::new())?;
        match all.pop() {
            Some((_, content)) if all.is_empty() => Ok(content),
            _ => Err(input.malformed("several arrays of different kinds: name one with --array")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Layouts found in practice, and what they are.
    #[test]
    fn layouts_are_told_by_their_shapes() {
        use Guess::{Ask, One, Rows};
        for (count, axes, expected) in [
            // Latents of Stable Diffusion, of 16 channels, with means and deviations, of DC-AE.
            (20, &[4, 2, 2][..], One),
            (2, &[4, 64, 64], One),
            (3, &[16, 32, 32], One),
            (5, &[8, 32, 32], One),
            (1000, &[32, 16, 16], One),
            (1000, &[128, 4, 4], Ask),
            (50_000, &[1, 4, 32, 32], Rows),
            // Pictures, channels last and first, grey.
            (2, &[32, 32, 3], One),
            (24, &[4, 4, 3], One),
            (2, &[3, 32, 48], One),
            (10, &[28, 28], One),
            (24, &[2, 3], One),
            // Vectors, and one per token.
            (24, &[6], One),
            (1000, &[77, 768], One),
            (10, &[77, 768], Rows),
            (100, &[64, 768], Ask),
            // Videos.
            (100, &[25, 3, 64, 64], One),
            (100, &[16, 3, 64, 64], Ask),
            // Batches.
            (8, &[1000, 784], Rows),
            (2, &[60_000, 28, 28], Rows),
            (4, &[4, 6], Rows),
            (4, &[128, 4, 32, 32], Rows),
            (5, &[10_000, 32, 32, 3], Rows),
        ] {
            let found = guess(count, axes, false, false, false);
            assert_eq!(found, expected, "{count} of {axes:?}");
            let shards = if axes.len() == 1 { One } else { Rows };
            assert_eq!(
                guess(count, axes, false, false, true),
                shards,
                "{count} shards of {axes:?}"
            );
        }
    }
}
