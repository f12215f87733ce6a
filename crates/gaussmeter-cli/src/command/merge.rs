use crate::failure::Failure;
use crate::output::note;
use crate::spectra::{SolveOptions, Summary, save_path};
use clap::Args;
use gaussmeter_data::Moments;
use std::path::{Path, PathBuf};

/// Join parts made by `spectrum --part` into the spectrum of the whole
#[derive(Debug, Args)]
#[command(after_help = "\
Parts of 8-bit data give the same spectrum as the whole, bit for bit, in any
order. All parts must have been made with DATA written the same way.

Examples:
  gaussmeter spectrum train.tar --part 1/2 -o part1.npz     # on one machine
  gaussmeter spectrum train.tar --part 2/2 -o part2.npz     # on another
  gaussmeter merge part1.npz part2.npz -o train.npz
  gaussmeter merge node1/*.npz --sums -o node1.npz          # merge further later")]
pub struct Arguments {
    /// Files written by `gaussmeter spectrum --part` or `gaussmeter merge --sums`
    #[arg(required = true, value_name = "PART")]
    parts: Vec<PathBuf>,
    /// Write the spectrum (with --sums, the sums) to this .npz file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write sums that can be merged further, instead of a spectrum
    #[arg(long, requires = "output")]
    sums: bool,
    /// Go on although some parts are missing, or are sums of an interrupted run
    #[arg(long)]
    incomplete: bool,
    #[command(flatten)]
    solve: SolveOptions,
    #[command(flatten)]
    summary: Summary,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.summary.format()?;
    if let Some(folder) = a.parts.iter().find(|path| path.is_dir()) {
        let folder = folder.display();
        return Err(Failure::Request(format!(
            "{folder} is a folder: name the files in it, such as {folder}/*.npz"
        )));
    }
    if a.solve.basis && a.output.is_none() {
        return Err(Failure::Usage("--basis keeps eigenvectors in a file: name it with -o".into()));
    }
    if a.sums {
        a.summary.of_sums(&a.solve, "sums")?;
    }
    if let Some(path) = &a.output {
        save_path(path, &a.parts)?;
    }
    // In the order of the parts, so that the order of arguments changes nothing.
    // One is in memory at a time, besides their sum.
    let mut parts = Vec::with_capacity(a.parts.len());
    for path in &a.parts {
        let part = Moments::load(path)?;
        if !part.is_complete() {
            match a.incomplete {
                true => note(interrupted(path, &part)),
                false => {
                    return Err(Failure::Request(format!(
                        "{}: run the same command with --resume to its end, or merge what there is with --incomplete",
                        interrupted(path, &part)
                    )));
                }
            }
        }
        parts.push((part.parts().first().map(|part| part.index), path));
    }
    parts.sort_by_key(|(index, _)| *index);
    let mut all = parts.into_iter();
    let Some((_, first)) = all.next() else { return Ok(()) };
    let mut whole = Moments::load(first)?;
    for (_, path) in all {
        whole
            .merge(Moments::load(path)?)
            .map_err(|e| Failure::Request(format!("{}: {e}", path.display())))?;
    }
    if a.incomplete && !a.sums {
        match whole.missing_parts().len() {
            0 => {}
            1 => note("without 1 part"),
            missing => note(format!("without {missing} parts")),
        }
        whole = whole.as_whole();
    }
    match (a.sums, &a.output) {
        (true, Some(path)) => a.summary.finish_part(whole, path),
        _ => a.summary.merge(&a.solve, whole, a.output.as_deref()),
    }
}

/// What is to be said of sums that an interrupted run has kept.
fn interrupted(path: &Path, sums: &Moments) -> String {
    let parts: Vec<String> = sums.parts().iter().map(|part| format!(" of part {part}")).collect();
    format!(
        "{}: sums of an interrupted run, over {} samples{} only",
        path.display(),
        sums.count(),
        parts.concat()
    )
}
