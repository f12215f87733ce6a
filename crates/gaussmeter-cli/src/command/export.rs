use crate::failure::Failure;
use crate::options::{self, LengthOptions, SettingOptions, parse_time};
use crate::output::{note, print, write_text};
use clap::{Args, ValueEnum};
use gaussmeter::experiment::{Defaults, Words};
use gaussmeter::export::{self, Form};
use std::path::{Path, PathBuf};

/// A schedule for diffusers, k-diffusion, ComfyUI, EDM or flow matching
#[derive(Debug, Args)]
#[command(after_help = "\
The times of any grid, as text to paste. Changes needed for the project (whole
timesteps, float32, a last level) and their cost in W2 are reported on stderr
and included in json. The default is 10 network evaluations, with errors
measured from the law that the project starts from.

The process of a model is --process diffusers:scheduler_config.json, schedules in
files are --grid sigmas:FILE. Everything written here can be read back, with
sigmas:FILE, times:FILE, custom-timesteps:FILE or flow-sigmas:FILE.

Examples:
  gaussmeter export --to k-diffusion --sampler ddim --process edm --grid karras
  gaussmeter export --to diffusers --sampler dpmpp-2m --process vp-discrete
  gaussmeter export --to comfyui --sampler edm --process vp-discrete --steps 8
  gaussmeter export --to edm --sampler edm --process edm --grid karras -o a.json
  gaussmeter export --to flow --sampler ddim --process flow --format list")]
pub struct Arguments {
    /// Where the schedule goes: diffusers, k-diffusion, comfyui, edm or flow (see `gaussmeter list
    /// targets`)
    #[arg(long, value_name = "TARGET")]
    to: String,
    /// Sampler (see `gaussmeter samplers`)
    #[arg(long, value_name = "NAME", help_heading = "Setting")]
    sampler: String,
    #[command(flatten)]
    setting: SettingOptions,
    /// Truncation time, where sampling stops [default: 0, or where the grid ends by itself]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Initial law for the errors (see `gaussmeter list inits`) [default: that of the
    /// project]
    #[arg(long, value_name = "NAME")]
    init: Option<String>,
    #[command(flatten)]
    length: LengthOptions,
    /// code to paste, list (the bare numbers) or json (everything) [default: from the extension of
    /// -o, otherwise code]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<Format>,
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Code,
    List,
    Json,
}

impl Arguments {
    fn form(&self) -> Form {
        let extension = |path: &Path| path.extension().map(|e| e.to_ascii_lowercase());
        match (self.format, self.output.as_deref().and_then(extension)) {
            (Some(Format::Code), _) => Form::Code,
            (Some(Format::List), _) => Form::List,
            (Some(Format::Json), _) => Form::Json,
            (None, Some(e)) if e == "json" => Form::Json,
            (None, Some(e)) if e == "txt" && !self.is_comfyui() => Form::List,
            _ => Form::Code,
        }
    }

    /// ComfyUI's code is already plain text.
    fn is_comfyui(&self) -> bool {
        self.to.to_lowercase().starts_with("comfy")
    }
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    let target = export::registry().build(&a.to)?;
    let form = a.form();
    let words = Words {
        samplers: vec![a.sampler],
        inits: a.init.clone().into_iter().collect(),
        lengths: a.length.given(),
        eps: a.eps.into_iter().collect(),
        ..a.setting.words()
    };
    let question = options::read(&words, &Defaults::EXPORT)?;
    let spectrum = a.setting.load(&Defaults::EXPORT)?;
    let export = question.export(spectrum, &target, a.init.is_some())?;
    for line in export.notes() {
        note(line);
    }
    let text = export.text(form);
    match &a.output {
        Some(path) => write_text(path, &text),
        None => print(&text),
    }
}
