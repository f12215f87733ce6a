//! Choosing which arrays of a file to read: one, a list of similar ones, or a mean and a covariance.

use super::array::{self, StoredArray, Undecided};
use crate::samples::SamplesError;
use crate::source::{ArrayKind, Content, Input, ReadOptions};
use crate::spectral::{GivenCovariance, NEARLY, asymmetry, symmetric};
use std::collections::BTreeMap;

/// Most names listed in an error.
const LISTED: usize = 20;

/// From this number on, similar arrays with unrelated names are read together.
const MANY: usize = 8;

/// An array as listed by its file.
pub(super) struct Named {
    pub name: String,
    pub axes: Vec<usize>,
    /// Its type, as named by the library that wrote it.
    pub kind: String,
}

/// Usual names of a mean and a covariance.
const STATISTICS: [(&str, &str); 4] =
    [("mu", "sigma"), ("mean", "cov"), ("mean", "covariance"), ("mu", "cov")];

/// Reads the chosen arrays of a file; `stored` finds one by its name.
pub(super) fn content(
    input: &Input,
    arrays: &[Named],
    options: &ReadOptions,
    stored: impl Fn(&str) -> Result<StoredArray, SamplesError>,
) -> Result<Content, SamplesError> {
    if matches!(options.kind, None | Some(ArrayKind::Covariance))
        && let Some((label, mean, covariance)) = pair(input, arrays, options)?
    {
        return statistics(input, &label, stored(mean)?, stored(covariance)?);
    }
    let chosen = choose(input, arrays, options)?;
    let one = |name: &str| stored(name)?.content(input, Some(name), options);
    match &chosen[..] {
        [name] if arrays.len() == 1 || options.array.is_some() => one(name),
        [name] => match one(name)? {
            Content::Arrays(mut all) => {
                let left = arrays.iter().map(|a| &a.name).filter(|n| n != name);
                all.iter_mut().for_each(|a| a.left = left.clone().cloned().collect());
                Ok(Content::Arrays(all))
            }
            other => Ok(other),
        },
        names => {
            let undecided =
                |name: &&str| Ok(Undecided::new(input, Some(name), stored(name)?, true));
            let mut all = names.iter().map(undecided).collect::<Result<Vec<_>, _>>()?;
            let is_left =
                |group: &Group<'_>| group.members.iter().all(|a| !names.contains(&&a.name[..]));
            if let Some(first) = all.first_mut() {
                let left = groups(arrays, numbered).into_iter().filter(is_left);
                first.left = left.map(|group| group.pattern).collect();
            }
            Ok(Content::Arrays(all))
        }
    }
}

/// The names of the arrays to read: the array or list named by `options`; otherwise the only array, the
/// only one with several axes, or all that are similar.
pub(super) fn choose<'a>(
    input: &Input,
    arrays: &'a [Named],
    options: &ReadOptions,
) -> Result<Vec<&'a str>, SamplesError> {
    let several = |names: Vec<&str>| {
        input.malformed(format!("several arrays: choose one with --array (found: {})", list(names)))
    };
    if arrays.is_empty() {
        return Err(input.malformed("holds no array"));
    }
    if let Some(wanted) = &options.array {
        if let Some(array) = arrays.iter().find(|a| a.name == *wanted) {
            return Ok(vec![&array.name]);
        }
        let is_wanted = |pattern: &str| {
            let bare = pattern.trim_start_matches("*.").trim_end_matches(".*");
            pattern == wanted || bare == wanted
        };
        let mut groups = groups(arrays, numbered);
        groups.retain(|group| is_wanted(&group.pattern));
        return match &groups[..] {
            [group] if is_alike(&group.members) => Ok(group.names()),
            [] => Err(input.malformed(format!(
                "no array '{wanted}' (found: {})",
                list(listing(arrays).iter().map(String::as_str).collect())
            ))),
            groups => Err(several(groups.iter().flat_map(Group::names).collect())),
        };
    }
    if let [one] = arrays {
        return Ok(vec![&one.name]);
    }
    for pattern in [numbered, counted] {
        let (sets, alone): (Vec<_>, Vec<_>) = groups(arrays, pattern)
            .into_iter()
            .partition(|group| group.members.len() > 1 && is_alike(&group.members));
        let alone = alone.iter().flat_map(|group| &group.members);
        // Arrays with at most one axis are labels, sizes or step counts.
        let alone: Vec<&Named> = alone.copied().filter(|a| a.axes.len() > 1).collect();
        match (&sets[..], &alone[..]) {
            ([], [one]) => return Ok(vec![&one.name]),
            ([set], []) => return Ok(set.names()),
            (sets, []) if !sets.is_empty() => {
                let deeper = |g: &&Group<'_>| g.members.iter().any(|a| a.axes.len() > 1);
                let mut deep = sets.iter().filter(deeper);
                if let (Some(set), None) = (deep.next(), deep.next()) {
                    return Ok(set.names());
                }
            }
            _ => {}
        }
    }
    let all: Vec<&Named> = arrays.iter().collect();
    if arrays.len() >= MANY && all[0].axes == all[1].axes && is_alike(&all) {
        return Ok(all.iter().map(|a| &a.name[..]).collect());
    }
    Err(several(listing(arrays).iter().map(String::as_str).collect()))
}

/// Arrays whose names differ only in numbers.
struct Group<'a> {
    pattern: String,
    members: Vec<&'a Named>,
}

impl<'a> Group<'a> {
    fn names(&self) -> Vec<&'a str> {
        self.members.iter().map(|a| &a.name[..]).collect()
    }
}

fn groups(arrays: &[Named], pattern: fn(&str) -> String) -> Vec<Group<'_>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for array in arrays {
        let pattern = pattern(&array.name);
        match places.get(&pattern).and_then(|at| groups.get_mut(*at)) {
            Some(group) => group.members.push(array),
            None => {
                places.insert(pattern.clone(), groups.len());
                groups.push(Group { pattern, members: vec![array] });
            }
        }
    }
    // NumPy's archives list their arrays by name, `arr_10` before `arr_2`.
    groups.iter_mut().for_each(|g| g.members.sort_by_key(|a| number(&a.name)));
    // A few numbered names are just names: x0 and x1 do not make a list.
    let is_few =
        |g: &Group<'_>| g.members.len() < MANY && g.pattern != numbered(&g.members[0].name);
    let (few, mut rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_few);
    let alone = few.into_iter().flat_map(|g| g.members);
    rest.extend(alone.map(|a| Group { pattern: a.name.clone(), members: vec![a] }));
    rest
}

/// The numbers in a name, as a sorting key.
fn number(name: &str) -> Vec<(usize, &str)> {
    let digits = name.split(|c: char| !c.is_ascii_digit()).filter(|d| !d.is_empty());
    digits.map(|d| d.trim_start_matches('0')).map(|d| (d.len(), d)).collect()
}

/// A name with list positions replaced by `*`: numbers between dots, and those of `numpy.savez`.
fn numbered(name: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let part = |part: &str| match part.strip_prefix("arr_") {
        Some(rest) if is_number(rest) => "arr_*".to_owned(),
        _ if is_number(part) => "*".to_owned(),
        _ => part.to_owned(),
    };
    name.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// A name with all numbers replaced by `*`.
fn counted(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for c in name.chars() {
        match c.is_ascii_digit() {
            false => pattern.push(c),
            true if pattern.ends_with('*') => {}
            true => pattern.push('*'),
        }
    }
    pattern
}

/// Whether arrays have the same type and the same axes except for the first.
fn is_alike(arrays: &[&Named]) -> bool {
    let Some((first, rest)) = arrays.split_first() else { return false };
    !first.axes.is_empty()
        && rest.iter().all(|a| {
            a.axes.len() == first.axes.len()
                && a.axes[1..] == first.axes[1..]
                && a.kind == first.kind
        })
}

/// Names for an error, with one pattern per list.
fn listing(arrays: &[Named]) -> Vec<String> {
    let groups = groups(arrays, numbered);
    groups
        .into_iter()
        .map(|group| match &group.members[..] {
            [one] => one.name.clone(),
            _ if is_alike(&group.members) => group.pattern,
            members => list(members.iter().map(|a| &a.name[..]).collect()),
        })
        .collect()
}

fn list(names: Vec<&str>) -> String {
    let listed = names[..names.len().min(LISTED)].join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// A mean and a covariance that belong together: a label and both names. Among several pairs,
/// `--array` chooses one by the common beginning of its names.
fn pair<'a>(
    input: &Input,
    arrays: &'a [Named],
    options: &ReadOptions,
) -> Result<Option<(String, &'a str, &'a str)>, SamplesError> {
    let by_name: BTreeMap<&str, &Named> = arrays.iter().map(|a| (&a.name[..], a)).collect();
    let mut found = Vec::new();
    for mean in arrays {
        let (prefix, own) = match mean.name.rsplit_once('.') {
            Some((prefix, own)) => (prefix, own),
            None => ("", &mean.name[..]),
        };
        let covariance =
            STATISTICS.iter().filter(|(name, _)| *name == own).find_map(|(_, name)| {
                let dot = if prefix.is_empty() { "" } else { "." };
                by_name.get(&format!("{prefix}{dot}{name}")[..]).copied()
            });
        let fits = |c: &&Named| match (&mean.axes[..], &c.axes[..]) {
            (&[d], &[rows, columns]) => d == rows && d == columns,
            _ => false,
        };
        if let Some(covariance) = covariance.filter(fits) {
            let label = format!("{} and {}", mean.name, covariance.name);
            found.push((prefix, label, &mean.name[..], &covariance.name[..]));
        }
    }
    if let Some(wanted) = &options.array {
        let is_array = by_name.contains_key(&wanted[..]);
        let own = found.into_iter().filter(|_| !is_array).find(|(prefix, ..)| prefix == wanted);
        return Ok(own.map(|(_, label, mean, covariance)| (label, mean, covariance)));
    }
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|(prefix, ..)| *prefix).collect();
        if !names.contains(&"") {
            return Err(input.malformed(format!(
                "several pairs of a mean and a covariance: choose one with --array (found: {})",
                list(names)
            )));
        }
        found.retain(|(prefix, ..)| prefix.is_empty());
    }
    Ok(found.pop().map(|(_, label, mean, covariance)| (label, mean, covariance)))
}

/// A mean and a covariance, as pytorch-fid has them.
pub(super) fn statistics(
    input: &Input,
    label: &str,
    mu: StoredArray,
    sigma: StoredArray,
) -> Result<Content, SamplesError> {
    let (mean_axes, axes) = (mu.axes.clone(), sigma.axes.clone());
    if axes.len() != 2 || axes[0] != axes[1] || mean_axes != axes[..1] || axes[0] > crate::MAX_DIM {
        return Err(input.malformed(format!(
            "mu of shape {mean_axes:?} and sigma of shape {axes:?} are not a mean and a covariance"
        )));
    }
    let not_finite = || input.malformed(format!("{label} must be finite"));
    let sigma = sigma.array(input, Some("sigma"))?;
    let covariance = array::matrix(&sigma)?.ok_or_else(not_finite)?;
    let error = asymmetry(&covariance);
    if error > NEARLY {
        let reason =
            format!("sigma is not a covariance: not symmetric (relative error {error:.1e})");
        return Err(input.malformed(reason));
    }
    let (number, covariance) = (sigma.number, symmetric(covariance));
    let mean = mu.array(input, Some("mu"))?.values()?;
    if mean.iter().any(|v| !v.is_finite()) {
        return Err(not_finite());
    }
    let description = format!("{}, statistics {label}", input.place());
    Ok(Content::Covariance(Box::new(GivenCovariance { description, mean, covariance, number })))
}
