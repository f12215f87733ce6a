//! Checks that the documents and the help match the command line.

use crate::Cli;
use crate::failure::OF_DATA;
use clap::{CommandFactory, Parser};
use gaussmeter::entry::{EntryError, Registry};
use gaussmeter::{data, exact, export, grid, metric, objective, process, sampler};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names and texts of README.md, CONTRIBUTING.md and the pages in docs.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = fs::read_dir(root.join("docs")).unwrap_or_else(|e| panic!("docs: {e}"));
    let docs = docs.flatten().map(|entry| entry.path());
    let pages = docs.chain([root.join("README.md"), root.join("CONTRIBUTING.md")]);
    let pages = pages.filter(|page| page.extension().is_some_and(|e| e == "md"));
    pages.map(|page| (page.display().to_string(), text(&page))).collect()
}

fn text(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// The help of every command, with its examples.
fn help() -> Vec<(String, String)> {
    let mut cli = Cli::command();
    cli.build();
    let mut texts = vec![("help".to_owned(), cli.render_long_help().to_string())];
    for command in cli.get_subcommands_mut() {
        texts.push((command.get_name().to_owned(), command.render_long_help().to_string()));
    }
    texts
}

/// The command lines in a text: on lines of their own, with their continuations, without templates
/// (`--to TARGET`).
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.split("\\\n").map(str::trim).collect::<Vec<_>>().join(" ");
    let lines = joined.lines().map(str::trim_start).filter_map(|line| {
        let at = line.find("gaussmeter-cli -- ").map(|at| at + "gaussmeter-cli -- ".len());
        match at {
            Some(at) => Some(format!("gaussmeter {}", &line[at..])),
            None => line.starts_with("gaussmeter ").then(|| line.to_owned()),
        }
    });
    let placeholder =
        |word: &String| ["N", "NAME", "RULE", "TARGET", "[OPTIONS]"].contains(&&word[..]);
    lines
        .map(|line| {
            // In the help's examples, a comment follows after two spaces.
            let command = line.split("  ").next().unwrap_or_default();
            let words = command
                .split_whitespace()
                .take_while(|word| !word.starts_with(['#', '|', '>', '&']));
            words.map(|word| word.trim_matches('\'').to_owned()).collect::<Vec<_>>()
        })
        .filter(|words| {
            let known = |name: &String| Cli::command().find_subcommand(name).is_some();
            let of_data = |name: &String| OF_DATA.contains(&&name[..]);
            words.get(1).is_some_and(|name| known(name) || of_data(name))
        })
        .filter(|words| !words.iter().any(placeholder))
        .filter(|words| cfg!(feature = "data") || !OF_DATA.contains(&&words[1][..]))
        .filter(|words| cfg!(feature = "train") || words[1] != "train")
        .collect()
}

#[test]
fn every_command_that_is_shown_is_understood() {
    let mut count = 0;
    for (page, text) in pages().into_iter().chain(help()) {
        for words in commands(&text) {
            count += 1;
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{page}: {}\n{error}", words.join(" "));
            }
        }
    }
    assert!(count > 100, "{count} commands");
}

#[test]
fn every_option_that_is_named_is_one() {
    let mut cli = Cli::command();
    cli.build();
    let commands = cli.get_subcommands().chain([&cli]);
    let longs = commands.flat_map(|c| c.get_arguments()).filter_map(|a| a.get_long());
    let mut known: BTreeSet<String> = longs.map(|long| format!("--{long}")).collect();
    // Of cargo, git and other tools.
    let foreign = "--workspace --test --profile --no-default-features --release --bench --path --open --peers";
    known.extend(foreign.split(' ').map(String::from));
    if cfg!(not(feature = "data")) {
        return;
    }
    let mut count = 0;
    for (page, text) in pages() {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        for word in text.split(|c| !part(c)).filter(|word| word.starts_with("--")) {
            if word.chars().all(|c| c == '-') {
                continue;
            }
            count += 1;
            assert!(known.contains(word), "{page}: {word}");
        }
    }
    assert!(count > 100, "{count} options");
}

/// Whether a text is valid as a member of a family; `None` if its name belongs to another one.
/// Missing files do not count as errors.
fn checked<T: ?Sized>(registry: &Registry<T>, text: &str) -> Option<Result<(), EntryError>> {
    registry.find(text.split(':').next().unwrap_or_default()).ok()?;
    match registry.build(text) {
        Ok(_) | Err(EntryError::Build { .. } | EntryError::Missing { .. }) => Some(Ok(())),
        Err(error) => Some(Err(error)),
    }
}

/// Such as `karras:rho=5`, which must be valid in one of the families that have a `karras`.
#[test]
fn every_setting_that_is_named_is_one() {
    let mut count = 0;
    for (page, text) in pages() {
        let words = text.split(|c: char| c.is_whitespace() || "`|()".contains(c));
        for word in words.filter(|word| word.split_once(':').is_some_and(|(_, v)| v.contains('=')))
        {
            let word = word.trim_end_matches([',', '.', ';', ':']);
            if word.contains(['…', '/', '"', '{']) {
                continue;
            }
            let known = [
                checked(&sampler::registry(), word),
                checked(&process::registry(), word),
                checked(&grid::registry(), word),
                checked(&data::registry(), word),
                checked(&metric::registry(), word),
                checked(&objective::registry(), word),
                checked(&export::registry(), word),
                checked(&exact::init_registry(), word),
            ];
            let found: Vec<_> = known.into_iter().flatten().collect();
            count += usize::from(!found.is_empty());
            let right = found.is_empty() || found.iter().any(Result::is_ok);
            assert!(right, "{page}: {word}: {found:?}");
        }
    }
    assert!(count > 30, "{count} settings");
}
