use crate::failure::Failure;
use crate::output::note;
use crate::spectra::{SolveOptions, Summary, save_path};
use clap::Args;
use gaussmeter_data::PartFiles;
use std::path::PathBuf;

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
    let files = PartFiles::open(&a.parts, a.incomplete)?;
    files.notes().iter().for_each(note);
    let mut whole = files.merge()?;
    if a.incomplete && !a.sums {
        match whole.missing_parts().len() {
            0 => {}
            1 => note("without 1 part"),
            missing => note(format!("without {missing} parts")),
        }
        whole = whole.as_whole();
    }
    match (a.sums, &a.output) {
        (true, Some(path)) => a.summary.finish_part(&mut whole, path),
        _ => a.summary.merge(&a.solve, whole, a.output.as_deref()),
    }
}
