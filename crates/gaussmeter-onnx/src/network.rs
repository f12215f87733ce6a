use crate::denoiser::OnnxDenoiser;
use crate::error::{Broken, OnnxError};
use crate::graph::Graph;
use crate::header::{External, Header, Port};
use crate::quiet;
use crate::spec::{AUTO, Spec};
use crate::told::{Conditioning, Trained};
use gaussmeter::network::Prediction;
use gaussmeter::{file, process};
use rten::Model;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Most bytes of a file: that of the format itself.
const MOST_BYTES: u64 = 1 << 31;

/// The class that a network is asked for, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Guided {
    /// The class, or what stands for any.
    pub class: i32,
    /// With this weight against what stands for any, if that is asked too.
    pub against: Option<(i32, f64)>,
}

/// A network in a file, with what it predicts and what it is told.
#[derive(Clone, Debug)]
pub struct OnnxNetwork {
    pub(crate) label: String,
    pub(crate) file: String,
    pub(crate) model: Arc<Model>,
    pub(crate) graph: Arc<Graph>,
    pub(crate) state: Port,
    pub(crate) level: Option<Port>,
    pub(crate) class: Option<(Port, Guided)>,
    pub(crate) output: Port,
    pub(crate) predicts: Prediction,
    pub(crate) trained: Trained,
    pub(crate) made: Made,
    pub(crate) channels_last: bool,
    pub(crate) batch: usize,
    metadata: BTreeMap<String, String>,
}

impl OnnxNetwork {
    /// The text form, as it was given.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// What it predicts.
    pub fn predicts(&self) -> Prediction {
        self.predicts
    }

    /// What it is told, and the process it was trained on.
    pub fn trained(&self) -> &Trained {
        &self.trained
    }

    /// How many values one sample has, where the file says.
    pub fn dim(&self) -> Option<usize> {
        let sizes = self.state.shape.as_ref()?.get(1..)?;
        sizes.iter().try_fold(1usize, |product, size| product.checked_mul((*size)?))
    }

    /// The network for data vectors of a shape: `[channels, height, width]` of pictures.
    ///
    /// # Errors
    /// [`OnnxError`]: it takes samples of another shape, or cannot be run on these.
    pub fn bind(&self, shape: &[usize]) -> Result<OnnxDenoiser, OnnxError> {
        OnnxDenoiser::new(self, shape)
    }

    pub(crate) fn load(spec: Spec, label: String) -> Result<Self, OnnxError> {
        let Spec { file, .. } = &spec;
        let path = Path::new(file);
        let bytes = file::read(path, MOST_BYTES)?;
        let broken = |problem| OnnxError::Broken { file: file.clone(), problem };
        let header = Header::read(&bytes).map_err(broken)?;
        header.external.iter().try_for_each(|e| check_external(path, e)).map_err(broken)?;
        // Weights beside the file can only be found from its path.
        let loaded = quiet::deep(|| match header.external.is_empty() {
            true => Model::load(bytes),
            false => Model::load_file(path),
        });
        let runtime = |reason: String| OnnxError::Runtime { file: file.clone(), reason };
        let model = loaded.map_err(runtime)?.map_err(|error| runtime(error.to_string()))?;
        OnnxNetwork::new(model, header, spec, label)
    }

    fn new(model: Model, header: Header, spec: Spec, label: String) -> Result<Self, OnnxError> {
        let Header { inputs, outputs, metadata, graph, .. } = header;
        let interface = |reason| OnnxError::Interface { file: spec.file.clone(), reason };
        let said = |given: &str, key: &str| match given {
            AUTO => metadata.get(&format!("gaussmeter.{key}")).cloned(),
            given => Some(given.to_string()),
        };
        let made = Made::of(&metadata).map_err(interface)?;
        let ports = Ports::of(inputs).map_err(interface)?;
        let output = outputs.into_iter().next().ok_or("it has no output".into());
        let predicts = said(&spec.prediction, "prediction").ok_or_else(|| {
            interface(format!(
                "it does not say what it predicts: add prediction=… ({})",
                ["denoiser", "noise", "v-prediction", "velocity", "flow", "score"].join(", ")
            ))
        })?;
        let predicts = prediction(&predicts).ok_or_else(|| {
            interface(format!("unknown gaussmeter.prediction '{predicts}': add prediction=…"))
        })?;
        let conditioning = match (said(&spec.conditioning, "conditioning"), &ports.level) {
            (Some(name), _) => {
                Conditioning::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| {
                    interface(format!(
                        "unknown gaussmeter.conditioning '{name}': add conditioning=…"
                    ))
                })?
            }
            // Without a level to tell there is nothing to know of it.
            (None, None) => Conditioning::Sigma,
            (None, Some(port)) => {
                let names = Conditioning::ALL.map(Conditioning::name).join(", ");
                return Err(interface(format!(
                    "it does not say what its input '{}' is told of the noise level: add conditioning=… ({names})",
                    port.name
                )));
            }
        };
        let process = match said(&spec.process, "process") {
            Some(name) => Some(Arc::from(process::registry().build(&name)?.item)),
            None => None,
        };
        let trained = Trained { conditioning, process };
        trained.check().map_err(|reason| interface(reason.into()))?;
        let whole = |text: Option<String>, key: &str| match text.map(|t| t.parse::<i32>()) {
            None => Ok(None),
            Some(Ok(number)) if number >= 0 => Ok(Some(number)),
            Some(_) => Err(interface(format!("{key} has to be a whole number, from 0"))),
        };
        let given = whole((spec.class != AUTO).then(|| spec.class.clone()), "class")?;
        let null = whole(said(&spec.null, "null_class"), "null")?;
        let class = match ports.class {
            None if given.is_some() || spec.guidance != 1.0 => {
                return Err(interface("it has no input for a class".into()));
            }
            None => None,
            Some(_) if given.is_some_and(|class| !made.has_class(class)) => {
                let classes = made.classes.unwrap_or_default();
                return Err(interface(format!("class: it has {classes} classes, from 0")));
            }
            Some(port) => {
                let guided = guided(given, null, spec.guidance).map_err(|r| interface(r.into()))?;
                Some((port, guided))
            }
        };
        Ok(OnnxNetwork {
            label,
            model: Arc::new(model),
            graph: Arc::new(graph),
            state: ports.state,
            level: ports.level,
            class,
            output: output.map_err(interface)?,
            predicts,
            trained,
            made,
            channels_last: spec.layout == "hwc",
            batch: spec.batch,
            metadata,
            file: spec.file,
        })
    }
}

/// What a file that gaussmeter has written says of itself besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Made {
    /// Number of its classes.
    classes: Option<u32>,
    /// Channels, rows and columns of its pictures.
    pub shape: Option<Vec<usize>>,
}

impl Made {
    /// The version of these metadata.
    const VERSION: &str = "1";

    fn of(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let get = |key: &str| metadata.get(&format!("gaussmeter.{key}"));
        if let Some(version) = get("version").filter(|version| *version != Made::VERSION) {
            return Err(format!(
                "it is of version {version} of gaussmeter's networks, and this is {}",
                Made::VERSION
            ));
        }
        let wrong =
            |key: &str, text: &String| format!("gaussmeter.{key} is '{text}', no number of it");
        let classes = get("classes").map(|text| text.parse().map_err(|_| wrong("classes", text)));
        let shape = get("shape").map(|text| {
            let sizes = text.split(',').map(|size| size.trim().parse());
            sizes.collect::<Result<_, _>>().map_err(|_| wrong("shape", text))
        });
        Ok(Made { classes: classes.transpose()?, shape: shape.transpose()? })
    }

    /// Whether there is a class of this number, as far as the file says.
    fn has_class(&self, class: i32) -> bool {
        self.classes.is_none_or(|count| u32::try_from(class).is_ok_and(|class| class < count))
    }
}

/// What is asked of a network with classes.
fn guided(given: Option<i32>, null: Option<i32>, weight: f64) -> Result<Guided, &'static str> {
    match (given, null) {
        (None, _) if weight != 1.0 => Err("guidance needs a class: add class=…"),
        (None, None) => Err("it has an input for a class: add class=…"),
        (None, Some(any)) => Ok(Guided { class: any, against: None }),
        (Some(class), _) if weight == 1.0 => Ok(Guided { class, against: None }),
        (Some(_), None) => Err("guidance needs the class number that stands for any: add null=…"),
        (Some(class), Some(any)) => Ok(Guided { class, against: Some((any, weight)) }),
    }
}

fn prediction(name: &str) -> Option<Prediction> {
    Some(match name {
        "denoiser" => Prediction::Denoiser,
        "noise" => Prediction::Noise,
        "v-prediction" => Prediction::V,
        "velocity" => Prediction::Velocity,
        "flow" => Prediction::Flow,
        "score" => Prediction::Score,
        _ => return None,
    })
}

/// What the inputs are for.
struct Ports {
    state: Port,
    level: Option<Port>,
    class: Option<Port>,
}

impl Ports {
    fn of(mut inputs: Vec<Port>) -> Result<Self, String> {
        const STATES: &[&str] = &["x", "sample", "input", "image", "latent", "noisy"];
        const CLASSES: &[&str] = &["class", "classes", "class_labels", "labels", "label", "y"];
        let names: Vec<String> = inputs.iter().map(|port| port.name.clone()).collect();
        let mut take =
            |find: &dyn Fn(&Port) -> bool| inputs.iter().position(find).map(|k| inputs.remove(k));
        let named = |names: &'static [&str]| move |p: &Port| names.contains(&&p.name[..]);
        // By name, or as the first that is no list of numbers.
        let is_state = |p: &Port| !p.is_whole && p.shape.as_ref().is_none_or(|s| s.len() > 1);
        let state = take(&|p| is_state(p) && named(STATES)(p)).or_else(|| take(&is_state));
        let class = take(&named(CLASSES));
        let level = take(&|_| true);
        match (state, inputs.is_empty()) {
            (Some(state), true) => Ok(Ports { state, level, class }),
            (None, _) => Err(format!("no input for noisy samples among '{}'", names.join("', '"))),
            (_, false) => Err(format!(
                "inputs '{}' are more than samples, a noise level and a class: export it with the others fixed",
                names.join("', '")
            )),
        }
    }
}

/// Weights beside a file: what the runtime reads has to be there, and of the length that is said.
fn check_external(model: &Path, external: &External) -> Result<(), Broken> {
    let External { location, end } = external;
    let path = Path::new(location);
    let is_name = path.file_name().is_some_and(|name| name == path.as_os_str());
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !(is_name && (extension.starts_with("data") || extension.starts_with("onnx_data"))) {
        return Err(Broken::External(location.clone()));
    }
    let path = model.with_file_name(location);
    let length = file::check(&path).map_err(|_| Broken::External(location.clone()))?.len();
    match *end <= length {
        true => Ok(()),
        false => Err(Broken::Beyond(location.clone())),
    }
}

impl Trained {
    fn check(&self) -> Result<(), &'static str> {
        match &self.process {
            None if self.conditioning.needs_time() => Err(
                "it is told the time of the process it was trained on: add process=…, such as process=vp-linear",
            ),
            Some(process)
                if self.conditioning == Conditioning::Timestep
                    && process.training_steps().is_none() =>
            {
                Err(
                    "it is told training timesteps, which this process has none of: add process=vp-discrete or another one that has, or conditioning=time",
                )
            }
            _ => Ok(()),
        }
    }
}
