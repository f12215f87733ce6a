//! Samples, as pictures.

use crate::question::Asked;
use crate::refusal::Refusal;
use crate::store::Loaded;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gaussmeter::experiment::{Question, SCHEMA, Sampling, States};
use gaussmeter::paths::Draw;
use gaussmeter::report::number;
use gaussmeter::watch::Watch;
use gaussmeter_data::{Model, Sheet, fitting_gain};
use serde_json::{Value, json};

/// Samples where nothing is said.
const COUNT: usize = 4;
/// Most values that are drawn for a request.
const MAX_VALUES: usize = 1 << 24;
const PROGRAM: &str = concat!("gaussmeter ", env!("CARGO_PKG_VERSION"));

/// A sheet of samples.
pub struct Drawn {
    /// As a URL of data.
    pub png: String,
    /// What it shows.
    pub document: Value,
    /// What users should know.
    pub notices: Vec<String>,
}

/// Draws samples of data with eigenvectors.
///
/// # Errors
/// [`Refusal`]
pub fn draw(
    asked: &Asked,
    question: &Question,
    data: &Loaded,
    watch: Watch,
) -> Result<Drawn, Refusal> {
    let (model, shape, range) = drawable(data)?;
    let setting = question.setting(model.spectrum().map_err(|error| Refusal::request(&error))?);
    super::cost::check(asked, question, &setting.spectrum)?;
    let init = setting.init(question.init().1)?;
    let (length, eps) = (question.length(&setting), question.eps(&setting));
    let run = match question.samplers.first() {
        Some(sampler) => Some(setting.run_watched(sampler, length, eps, watch)?),
        None => None,
    };
    let states = if run.is_some() { States::Comparison } else { States::Output };
    let sampling = Sampling::of(&*model.basis, &setting, run.as_ref(), &init, &states)?;
    let count = asked.count.unwrap_or(COUNT);
    let frames = sampling.frames();
    let dim: usize = shape.iter().product();
    let (values, most) = (count * frames.len() * dim, MAX_VALUES);
    if values > most {
        return Err(Refusal::too_much(format!(
            "{count} samples of {} values each are too many for a request: take at most {}",
            dim * frames.len(),
            most / (dim * frames.len()).max(1)
        )));
    }
    let mut sheet = Sheet::new(shape, count * frames.len(), frames.len())
        .map_err(|error| Refusal::request(&error))?;
    let seed = asked.seed.unwrap_or(0);
    let mut gain = None;
    for first in 0..count {
        if watch.is_stopped() {
            return Err(Refusal::superseded());
        }
        let drawn = sampling.batch(Draw { seed, first: first as u64, count: 1 })?;
        if run.is_some() && gain.is_none() {
            gain = Some(fitting_gain(&drawn[2 * dim..], range));
        }
        sheet.place_frames(first, frames, &drawn, range, gain.unwrap_or(1.0));
    }
    let about = run.as_ref().map(|run| run.about_difference(&init));
    let mut png = Vec::new();
    sheet.encode(&mut png, &[("Software", PROGRAM)]).map_err(|error| Refusal::request(&error))?;
    let columns: &[&str] =
        if run.is_some() { &["ode", "sampler", "difference"] } else { &["exact"] };
    let mut document = json!({
        "schema": SCHEMA,
        "generator": PROGRAM,
        "command": "sample",
        "spectrum": {"name": data.spectrum.name(), "provenance": data.spectrum.provenance()},
        "count": count,
        "seed": seed,
        "columns": columns,
        "width": shape[2],
        "height": shape[1],
        "channels": shape[0],
        "gain": gain.map(number),
        "about": about.unwrap_or("exact samples of the model"),
    });
    if let Some(run) = &run {
        document["sampler"] = json!(run.sampler);
        document["steps"] = json!(run.grid.step_count());
        document["nfe"] = json!(run.plan.nfe());
    }
    let centred = "the model has mean zero: samples are shown around mid grey";
    let mut notices: Vec<String> = question.notices().collect();
    notices.extend(model.centred.then(|| centred.into()));
    let png = format!("data:image/png;base64,{}", STANDARD.encode(&png));
    Ok(Drawn { png, document, notices })
}

/// The model of data, the shape of its pictures, and the values of black and white.
fn drawable(data: &Loaded) -> Result<(&Model, [usize; 3], [f64; 2]), Refusal> {
    let name = &data.name;
    let Some(model) = data.model.as_deref() else {
        return Err(Refusal::usage(format!(
            "{name} has eigenvalues without eigenvectors: upload a picture, or a file made by `gaussmeter spectrum DATA --basis`"
        )));
    };
    match (model.image_shape(), model.display()) {
        (Some(shape), Some(range)) => Ok((model, shape, range)),
        (None, _) => Err(Refusal::usage(format!(
            "{name}: vectors of shape {:?} are not pictures",
            model.basis.shape()
        ))),
        (_, None) => {
            Err(Refusal::usage(format!("{name}: it is not known whether the values are pixels")))
        }
    }
}
