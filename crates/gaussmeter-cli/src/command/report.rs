use crate::failure::Failure;
use crate::options::{NetworkOption, no_spectrum, parse_length, parse_time};
use crate::output::{Output, note};
use crate::watch::{self, watched};
use clap::Args;
use gaussmeter::data::info;
use gaussmeter::experiment::{Defaults, DossierOptions, Length, Words, dossier};
use gaussmeter::shell::quoted;

/// Everything about a spectrum in one page, to send to a colleague
#[derive(Debug, Args)]
#[command(after_help = "\
One file that needs no network: which sampler and which times to use, the
spectrum, the error budget, samplers at several budgets, along time and per
eigenvalue, with figures to explore (hover, zoom, toggle), the noise levels, the
commands that print each part, and BibTeX. It prints well. The other formats hold
all tables (text, markdown, latex), all figures (pdf, svg, png), the ranking (csv)
or everything (json).

The default takes about as long as `gaussmeter recommend`. After Ctrl-C the
report has what was found so far (exit code 1).

Examples:
  gaussmeter report --spectrum my.npy --sampler dpmpp-2m,ddim --nfe 6 -o my.html
  gaussmeter report -o report.html
  gaussmeter report --spectrum my-classes.npz --verify -o report.html")]
pub struct Arguments {
    /// Data: a preset, such as cifar10, or a file of eigenvalues [default: cifar10]
    #[arg(long, value_name = "NAME|FILE", help_heading = "Setting")]
    spectrum: Option<String>,
    /// Samplers in tables and curves, comma-separated; one of them is recommended. Without this, one of all
    /// samplers is [default: ddim,edm,dpmpp-2m,dpmpp-3m,unipc,euler-ancestral,dpmpp-2m-sde]
    #[arg(long, value_name = "NAME,…", help_heading = "Setting")]
    sampler: Vec<String>,
    /// Forward process (see `gaussmeter list processes`)
    #[arg(long, value_name = "NAME", default_value = Defaults::REPORT.process, help_heading = "Setting")]
    process: String,
    /// Where the times of tables and curves go (see `gaussmeter list grids`)
    #[arg(long, value_name = "NAME", default_value = Defaults::REPORT.grid, help_heading = "Setting")]
    grid: String,
    /// Initial law: exact, normal or normal:std=S (see `gaussmeter list inits`)
    #[arg(long, value_name = "NAME", default_value = Defaults::REPORT.inits, help_heading = "Setting")]
    init: String,
    #[command(flatten)]
    network: NetworkOption,
    /// Time where sampling stops [default: where the grid ends; 0 is the data]
    #[arg(long, value_name = "E", value_parser = parse_time, allow_hyphen_values = true, help_heading = "Setting")]
    eps: Option<f64>,
    /// Budget of network evaluations
    #[arg(long, value_name = "N", value_parser = parse_length, default_value_t = Defaults::RECOMMEND.budget(), help_heading = "Length", allow_negative_numbers = true)]
    nfe: usize,
    /// Budgets of the table
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = parse_length, default_values_t = Defaults::REPORT.numbers(), help_heading = "Length", allow_negative_numbers = true)]
    columns: Vec<usize>,
    /// Also try the recommendation on the classes, clusters or samples of the data, which are not Gaussian:
    /// --spectrum is then a file of `gaussmeter mixture`, `empirical` or `separable`
    #[cfg(feature = "data")]
    #[arg(long, help_heading = "Setting", requires = "spectrum")]
    verify: bool,
    #[command(flatten)]
    output: Output,
}

pub fn run(a: Arguments) -> Result<(), Failure> {
    a.output.format()?;
    let words = Words {
        processes: vec![a.process],
        grids: vec![a.grid],
        samplers: a.sampler,
        inits: vec![a.init],
        network: Some(a.network.network),
        lengths: a.columns.into_iter().map(Length::Nfe).collect(),
        eps: a.eps.into_iter().collect(),
        ..Words::default()
    };
    for notice in words.read(&Defaults::REPORT)?.notices() {
        note(notice);
    }
    let name = a.spectrum.as_deref().unwrap_or(Defaults::REPORT.spectrum);
    let found = info(name).map_err(|error| no_spectrum(name, error))?;
    #[cfg(feature = "data")]
    let law = match (a.verify, &a.spectrum) {
        (true, Some(path)) => Some(super::verify::load(std::path::Path::new(path))?),
        _ => None,
    };
    let typed = std::env::args().skip(1).map(|word| quoted(&word)).collect::<Vec<_>>().join(" ");
    let options = DossierOptions {
        spectrum: a.spectrum,
        budget: Some(a.nfe),
        #[cfg(feature = "data")]
        law,
        made_by: format!("gaussmeter {typed}"),
    };
    let dossier = watched(|watch| dossier(&words, found, options, watch))?;
    a.output.write(&dossier.report())?;
    watch::end(dossier.interrupted)
}
