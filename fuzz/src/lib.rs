//! What the fuzz targets call: one function per family of readers. None may panic, hang, or ask for
//! memory that the input does not justify, whatever the bytes.

#[cfg(feature = "data")]
mod data_sets;
#[cfg(feature = "onnx")]
mod networks;
#[cfg(feature = "train")]
mod training;

#[cfg(feature = "data")]
pub use data_sets::{any_samples, model, parts, samples};
#[cfg(feature = "onnx")]
pub use networks::onnx;
#[cfg(feature = "train")]
pub use training::network;

use gaussmeter::data::{self, Column, format};
use gaussmeter::grid::Grid;
use gaussmeter::process::{Custom, Edm, Flow, Process, VpLinear, from_scheduler_config};
use gaussmeter::sampler::{PlanFile, Sampler, Tableau};
use gaussmeter::{entry, exact, grid, metric, objective, process, sampler};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// A file that holds the input, for readers that take a path.
struct OnDisk {
    folder: tempfile::TempDir,
}

static DISK: LazyLock<OnDisk> = LazyLock::new(|| match tempfile::tempdir() {
    Ok(folder) => OnDisk { folder },
    Err(error) => panic!("no folder for temporary files: {error}"),
});

fn on_disk(bytes: &[u8], name: &str) -> PathBuf {
    let path = DISK.folder.path().join(name);
    if let Err(error) = std::fs::write(&path, bytes) {
        panic!("{}: {error}", path.display());
    }
    path
}

/// A file of numbers in the format of this name: eigenvalues, times, noise levels.
pub fn numbers(format: &str, bytes: &[u8]) {
    let found = format::formats().iter().find(|f| (f.recognises)(bytes));
    if found.is_none_or(|f| f.name != format) {
        return;
    }
    let _ = data::read(&on_disk(bytes, "numbers"));
    for column in [data::SPECTRUM, &TIMES[..], &TIMES[1..]] {
        let _ = format::read(bytes, column);
    }
}

const TIMES: [Column; 2] =
    [Column { singular: "sigma", plural: "sigmas" }, Column { singular: "t", plural: "times" }];

/// Lists of times and noise levels, as grids read them.
pub fn times(bytes: &[u8]) {
    for columns in [&TIMES[..1], &TIMES[1..]] {
        let Ok((mut table, _)) = format::read(bytes, columns) else { continue };
        let Some(list) = table.take(0) else { continue };
        for process in processes() {
            let _ = Grid::new(process.clone(), &list);
            let _ = Grid::from_sigmas(process, &list);
        }
    }
}

/// A process given by lists.
pub fn custom_process(bytes: &[u8]) {
    const COLUMNS: [Column; 3] = [
        Column { singular: "t", plural: "times" },
        Column { singular: "alpha", plural: "alphas" },
        Column { singular: "sigma", plural: "sigmas" },
    ];
    let Ok((mut table, _)) = format::read(bytes, &COLUMNS) else { return };
    let lists: Vec<Vec<f64>> = (0..3).filter_map(|k| table.take(k)).collect();
    let [t, alpha, sigma] = &lists[..] else { return };
    if let Ok(process) = Custom::new(t, alpha, sigma) {
        visit(Arc::new(process));
    }
}

/// A `scheduler_config.json` of diffusers.
pub fn scheduler_config(bytes: &[u8]) {
    if let Ok(process) = from_scheduler_config(bytes) {
        visit(process.into());
    }
}

/// A grid on a process, and a sampler on it.
fn visit(process: Arc<dyn Process>) {
    let t_max = process.t_max();
    if let Ok(grid) = Grid::new(process, &[t_max, 0.5 * t_max, 0.0]) {
        let _ = sampler::Ddim::default().plan(&grid);
    }
}

fn processes() -> [Arc<dyn Process>; 3] {
    [Arc::new(Edm::new(80.0)), Arc::new(Flow), Arc::new(VpLinear::paper())]
}

/// A plan file, or a recorded program.
pub fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(sampler) = PlanFile::parse(text) {
        on_grids(&sampler);
    }
}

/// A Butcher tableau.
pub fn butcher(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(tableau) = Tableau::parse(text) {
        let variable = sampler::Variable::default();
        on_grids(&sampler::RungeKutta { tableau, variable });
    }
}

/// An expression, as the only line of a rule.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let text = format!("[[rule]]\ndo = '''\ny = {text}\nx_next = y\n'''\n");
    plan(text.as_bytes());
}

fn on_grids(sampler: &dyn Sampler) {
    for process in processes() {
        let t_max = process.t_max();
        if let Ok(grid) = Grid::new(process, &[t_max, 0.3 * t_max, 0.1 * t_max, 0.0]) {
            let _ = sampler.plan(&grid);
        }
    }
}

/// A question to the server: its first byte chooses what is asked, the rest is the body.
#[cfg(feature = "serve")]
pub fn serve_request(bytes: &[u8]) {
    use gaussmeter_serve::command::{Elsewhere, Names};
    use gaussmeter_serve::question::{Asked, Verb};
    let Some((first, body)) = bytes.split_first() else { return };
    let verb = Verb::ALL[usize::from(*first) % Verb::ALL.len()];
    let Ok(asked) = Asked::parse(verb, body) else { return };
    let _ = Elsewhere::of(&asked, Names::default());
    let _ = gaussmeter::file::refusing("not here", || asked.words.read(verb.defaults()));
}

/// The text forms of samplers, processes, grids, metrics, objectives and initial laws.
pub fn specs(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // What names a file is for the targets of files.
    if text.contains(['/', '\\', '.']) && !text.contains('=') {
        return;
    }
    for text in entry::split_list(text) {
        let _ = sampler::registry().build(&text);
        let _ = process::registry().build(&text);
        let _ = grid::registry().build(&text);
        let _ = metric::registry().build(&text);
        let _ = data::registry().build(&text);
        let _ = objective::registry().build(&text);
        let _ = exact::init_registry().build(&text);
    }
}
