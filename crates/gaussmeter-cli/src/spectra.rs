//! What `spectrum` and `merge` share: eigenvalues of sums, a file, a summary.

use crate::failure::Failure;
use crate::output::{
    differs, folder_of, for_stdout, note, print_report, replaceable, sweep, width,
};
use clap::Args;
use gaussmeter::data::Info;
use gaussmeter::report::{Format, by_name};
use gaussmeter::spectrum::Spectrum;
use gaussmeter_data::{Decomposition, Moments};
use std::path::{Path, PathBuf};

/// Options for the spectrum.
#[derive(Debug, Args)]
#[command(next_help_heading = "Result")]
pub struct SolveOptions {
    /// Keep the eigenvectors, needed to draw pictures
    #[arg(long)]
    pub basis: bool,
    /// Leave out the mean: the data are N(0, Σ), as in the paper
    #[arg(long)]
    pub centred: bool,
}

/// The summary on stdout.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Summary {
    /// Format of the summary on stdout: text, markdown, latex, csv or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
}

impl Summary {
    /// The format, checked before any work is done.
    pub fn format(&self) -> Result<&'static Format, Failure> {
        for_stdout(by_name(self.format.as_deref().unwrap_or("text"))?)
    }

    /// Refuses options for spectra if only sums are written.
    pub fn of_sums(&self, solve: &SolveOptions, what: &str) -> Result<(), Failure> {
        let given = [
            (solve.basis, "--basis"),
            (solve.centred, "--centred"),
            (self.format.is_some(), "--format"),
        ];
        match given.iter().find(|(given, _)| *given) {
            Some((_, option)) => Err(Failure::Usage(format!(
                "{option} has no effect on {what}: give it when they are merged into a spectrum"
            ))),
            None => Ok(()),
        }
    }

    /// Writes the output of `gaussmeter info` for a spectrum to stdout; the spectrum may be in a
    /// file or not.
    pub fn show(
        &self,
        file: Option<&Path>,
        spectrum: impl FnOnce() -> Result<Spectrum, Failure>,
    ) -> Result<(), Failure> {
        let found = match file {
            Some(path) => Info::read(path)?,
            None => Info::of(spectrum()?),
        };
        let format = self.format()?;
        print_report(format, &found.report(None, width(format), false))
    }

    /// Writes the spectrum to its file and a summary to stdout.
    pub fn finish(
        &self,
        solve: &SolveOptions,
        mut found: Decomposition,
        output: Option<&Path>,
    ) -> Result<(), Failure> {
        if solve.centred {
            found = found.centred();
        }
        if let Some(path) = output {
            found.save(path)?;
        }
        self.show(output, || Ok(found.spectrum()?))
    }

    /// The spectrum of complete sums.
    pub fn merge(
        &self,
        solve: &SolveOptions,
        mut moments: Moments,
        output: Option<&Path>,
    ) -> Result<(), Failure> {
        moments.check_whole()?;
        let found = Decomposition::of_moments(&mut moments, solve.basis)?;
        self.finish(solve, found, output)
    }

    /// Writes sums to their file.
    pub fn finish_part(&self, moments: &mut Moments, path: &Path) -> Result<(), Failure> {
        moments.save(path)?;
        let parts: Vec<_> = moments.parts().iter().map(ToString::to_string).collect();
        let of =
            if parts.is_empty() { String::new() } else { format!(" (part {})", parts.join(", ")) };
        note(format!(
            "sums over {} samples{of} in {}: gaussmeter merge turns them into a spectrum",
            moments.count(),
            path.display()
        ));
        Ok(())
    }
}

/// Checks that a spectrum can be written there, before any work is done.
pub fn save_path(path: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    differs(path, inputs)?;
    let is_npz = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"));
    if !is_npz {
        return Err(Failure::Usage(format!("-o {}: spectra are .npz files", path.display())));
    }
    let folder = folder_of(path);
    replaceable(path)?;
    match folder.is_dir() {
        false => Err(Failure::Request(format!("cannot write {}: no such folder", path.display()))),
        // An unnamed file, gone as soon as it is closed.
        true => match tempfile::tempfile_in(folder) {
            Ok(_) => {
                sweep(folder);
                Ok(())
            }
            Err(error) => {
                let (path, kind) = (path.display(), error.kind());
                Err(Failure::Request(format!("cannot write {path}: {kind}")))
            }
        },
    }
}

/// A shape in words.
pub fn shape_text(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}
