//! Figures by `-o`, `--format` and `--width`, and what is refused before anything is computed.

use crate::common::{Folder, words};

/// Formats of figures that this build writes, and how their files start.
fn drawings() -> Vec<(&'static str, &'static [u8])> {
    let mut known: Vec<(&str, &[u8])> =
        vec![("svg", b"<svg "), ("py", b"#!/usr/bin/env python3"), ("pgf", b"% needs")];
    if cfg!(feature = "figures") {
        known.extend([("pdf", &b"%PDF-"[..]), ("png", &b"\x89PNG"[..])]);
    }
    known
}

#[test]
fn figures_are_written_by_their_extension_and_into_pipes() {
    let folder = Folder::empty();
    for (extension, start) in drawings() {
        for command in ["curve --nfe 10", "pareto --sampler em,heun --nfe 5..9", "info cifar10"] {
            let run = folder.run(&format!("{command} -o figure.{extension}"));
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{command} {extension}");
            assert!(folder.bytes(&format!("figure.{extension}")).starts_with(start));
        }
        let piped = folder.command(&["info", "cifar10", "--format", extension]).output().unwrap();
        assert!(piped.stdout == folder.bytes(&format!("figure.{extension}")), "{extension}");
    }
}

#[test]
fn width_is_that_of_the_page() {
    let folder = Folder::empty();
    for (width, points) in
        [("10cm", "283.46"), ("3in", "216"), ("120 mm", "340.16"), ("240pt", "240")]
    {
        let run = folder.run_all(&["curve", "--nfe", "10", "-o", "f.svg", "--width", width]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let svg = folder.read("f.svg");
        assert!(svg.contains(&format!("width=\"{points}pt\"")), "{width}: {}", &svg[..120]);
    }
    for width in ["8.6", "0cm", "-1cm", "2m", "1e9cm", "nancm", "cm", "8.6 km"] {
        let run = folder.run_all(&["curve", "--nfe", "10", "-o", "g.svg", "--width", width]);
        assert_eq!((run.code, run.stderr.lines().count()), (2, 1), "{width}: {}", run.stderr);
    }
    let run = folder.run("curve --nfe 10 -o g.csv --width 8cm");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--width has no effect on csv"), "{}", run.stderr);
    assert_eq!(folder.names().len(), 1);
}

#[test]
fn what_has_no_figure_says_so() {
    let folder = Folder::empty();
    for command in ["list", "samplers", "show heun", "list formats"] {
        let run = folder.run(&format!("{command} -o f.svg"));
        assert_eq!((run.code, run.stderr.lines().count()), (2, 1), "{command}: {}", run.stderr);
        assert!(run.stderr.contains("there is no figure"), "{}", run.stderr);
    }
    let run = folder.run("curve --nfe 10 --rows 3 -o f.svg");
    assert!(run.code == 2 && run.stderr.contains("--rows has no effect on svg"), "{}", run.stderr);
    if !cfg!(feature = "figures") {
        let run = folder.run("curve --nfe 10 -o f.pdf");
        assert_eq!((run.code, run.stderr.lines().count()), (2, 1), "{}", run.stderr);
        assert!(run.stderr.contains("feature 'figures'"), "{}", run.stderr);
    }
    assert!(folder.names().is_empty());
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let folder = Folder::empty();
    let table = "table --sampler em,heun,euler --nfe 20 --eps 1e-3";
    let plain = folder.stdout(table);
    assert!(!plain.contains('\u{1b}'));
    let mut command = folder.command(&words(table));
    let output = command.args(["--color", "always"]).output().unwrap();
    let coloured = String::from_utf8(output.stdout).unwrap();
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let bare = |text: &str| {
        let parts = text.split('\u{1b}').enumerate();
        let part = |(k, part): (usize, &str)| match k {
            0 => part.to_string(),
            _ => part.split_once('m').unwrap().1.into(),
        };
        parts.map(part).collect::<String>()
    };
    assert_eq!(bare(&coloured), plain);
    assert_eq!(folder.stdout(&format!("{table} --color never")), plain);
    let curve = folder.stdout("curve --nfe 10");
    assert!(!curve.contains('\u{1b}') && !curve.contains('┤'), "{curve}");
}

#[test]
fn formats_of_results_are_listed() {
    let list = Folder::empty().stdout("list formats");
    for format in gaussmeter::report::formats() {
        assert!(list.contains(&format!("\n{} ", format.name)), "no {} in {list}", format.name);
    }
}
