//! Questions as people would ask them elsewhere: a command line for a POSIX shell, a call in Python.

use crate::question::{Asked, Data, Verb};
use crate::store::Loaded;
use gaussmeter::experiment::{Along, LEVELS_FILE, Length};
use gaussmeter::shell::Line;
use std::fmt::{self, Display};

/// The file that a command writes pictures to.
const PICTURE_FILE: &str = "samples.png";

/// A call in Python.
struct Call {
    function: &'static str,
    arguments: Vec<String>,
}

impl Call {
    fn literal(text: &str) -> String {
        // A JSON text is a literal of Python too.
        serde_json::Value::from(text).to_string()
    }

    fn add(&mut self, name: &str, value: Option<impl Display>) {
        self.arguments.extend(value.map(|value| format!("{name}={value}")));
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        self.add(name, value.map(Call::literal));
    }

    /// One value alone, several as a list.
    fn several(&mut self, name: &str, values: &[String]) {
        match values {
            [] => {}
            [one] => self.add(name, Some(one)),
            several => self.add(name, Some(format!("[{}]", several.join(", ")))),
        }
    }

    fn texts(&mut self, name: &str, values: &[String]) {
        let literals: Vec<String> = values.iter().map(|text| Call::literal(text)).collect();
        self.several(name, &literals);
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gm.{}({})", self.function, self.arguments.join(", "))
    }
}

/// Data as commands name them; `None` where the command's own are taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// Those of the question.
    pub spectrum: Option<&'a str>,
    /// Those to compare with.
    pub against: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// The names of data that were found.
    pub fn of(asked: &Asked, spectrum: Option<&'a Loaded>, against: Option<&'a Loaded>) -> Self {
        let given = |data: &Option<Data>, loaded: Option<&'a Loaded>| {
            loaded.filter(|_| data.is_some()).map(|loaded| &loaded.text[..])
        };
        Names {
            spectrum: given(&asked.spectrum, spectrum),
            against: given(&asked.against, against),
        }
    }
}

/// A number with the fewest digits that read back as the same one.
fn digits(number: &f64) -> String {
    let plain = number.to_string();
    let short = format!("{number:e}");
    if short.len() < plain.len() { short } else { plain }
}

/// How a question is asked elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// A command line.
    pub command: String,
    /// A call in Python.
    pub python: String,
    /// The text of [`LEVELS_FILE`], if the command reads it.
    pub levels: Option<String>,
}

impl Elsewhere {
    /// The question on the command line and in Python.
    pub fn of(asked: &Asked, names: Names) -> Self {
        let levels = asked.sigmas.as_ref();
        let line = |sigma: &f64| digits(sigma) + "\n";
        Elsewhere {
            command: line_of(asked, names).to_string(),
            python: call_of(asked, names).to_string(),
            levels: levels.map(|sigmas| sigmas.iter().map(line).collect()),
        }
    }
}

/// The lengths in one unit: its name, and the numbers.
fn lengths(asked: &Asked) -> Option<(&'static str, Vec<String>)> {
    let numbers = asked.words.lengths.iter().map(|length| match length {
        Length::Steps(n) | Length::Points(n) | Length::Nfe(n) => n.to_string(),
    });
    let unit = match asked.words.lengths.first()? {
        Length::Steps(_) => "steps",
        Length::Points(_) => "points",
        Length::Nfe(_) => "nfe",
    };
    Some((unit, numbers.collect()))
}

fn free(asked: &Asked) -> Vec<&'static str> {
    [(asked.free_start, "start"), (asked.free_end, "end"), (asked.free_eta, "eta")]
        .into_iter()
        .filter_map(|(is_free, what)| is_free.then_some(what))
        .collect()
}

fn line_of(asked: &Asked, names: Names) -> Line {
    let words = &asked.words;
    let mut line = Line::new(match asked.verb {
        Verb::Explore => "curve",
        Verb::Samples => "sample",
        verb => verb.name(),
    });
    match asked.verb {
        Verb::Show => line.operand(&words.samplers.join(",")),
        verb => {
            match verb {
                Verb::Info | Verb::Samples => {
                    line.operand(names.spectrum.unwrap_or(verb.defaults().spectrum));
                }
                _ => line.option("--spectrum", names.spectrum),
            }
            line.list("--sampler", &words.samplers);
        }
    }
    line.list("--process", &words.processes);
    match &asked.sigmas {
        Some(_) => line.option("--grid", Some(format!("sigmas:{LEVELS_FILE}"))),
        None => line.list("--grid", &words.grids),
    }
    if let Some((unit, numbers)) = lengths(asked) {
        // The published table has a unit of its own.
        let unit = if asked.paper { "columns" } else { unit };
        line.list(&format!("--{unit}"), &numbers);
    }
    let eps: Vec<String> = words.eps.iter().map(digits).collect();
    line.list("--eps", &eps);
    line.list("--init", &words.inits);
    line.option("--network", words.network.as_ref());
    line.option("--metric", words.metric.as_ref());
    line.option("--against", names.against);
    line.option("--against", (asked.along == Some(Along::Eps)).then_some("eps"));
    line.option("--target", asked.target.map(target_name));
    line.flag("--modes", asked.modes);
    line.flag("--paper", asked.paper);
    line.option("--objective", asked.objective.as_ref());
    line.list("--free", &free(asked));
    line.option("--min-ratio", asked.min_ratio.as_ref().map(digits));
    line.option("--starts", asked.starts);
    if asked.verb == Verb::Samples {
        line.flag("--compare", !words.samplers.is_empty());
        line.option("--count", asked.count);
        line.option("--columns", Some(1).filter(|_| words.samplers.is_empty()));
    }
    line.option("--seed", asked.seed);
    let tolerance: Vec<String> = asked.tolerance.iter().map(digits).collect();
    line.list("--tolerance", &tolerance);
    if asked.verb == Verb::Samples {
        line.option("-o", Some(PICTURE_FILE));
    }
    line
}

fn target_name(target: gaussmeter::exact::Target) -> &'static str {
    match target {
        gaussmeter::exact::Target::Data => "data",
        gaussmeter::exact::Target::Marginal => "marginal",
    }
}

fn call_of(asked: &Asked, names: Names) -> Call {
    let words = &asked.words;
    let function = match asked.verb {
        Verb::Eval => "evaluate",
        Verb::Explore => "curve",
        Verb::Samples => "sample",
        verb => verb.name(),
    };
    let mut call = Call { function, arguments: Vec::new() };
    let needs_data = matches!(asked.verb, Verb::Info | Verb::Samples);
    let own = needs_data.then_some(asked.verb.defaults().spectrum);
    call.text("spectrum", names.spectrum.or(own));
    call.texts("sampler", &words.samplers);
    call.texts("process", &words.processes);
    match &asked.sigmas {
        Some(sigmas) => {
            let literal = |sigma: &f64| match sigma.is_finite() {
                true => format!("{sigma:?}"),
                false => "float(\"inf\")".into(),
            };
            let sigmas: Vec<String> = sigmas.iter().map(literal).collect();
            call.add("grid", Some(format!("[{}]", sigmas.join(", "))));
        }
        None => call.texts("grid", &words.grids),
    }
    if let Some((unit, numbers)) = lengths(asked) {
        call.several(unit, &numbers);
    }
    let eps: Vec<String> = words.eps.iter().map(digits).collect();
    call.several("eps", &eps);
    call.texts("init", &words.inits);
    call.text("network", words.network.as_deref());
    call.text("metric", words.metric.as_deref());
    call.text("against", names.against);
    call.text("against", (asked.along == Some(Along::Eps)).then_some("eps"));
    call.text("target", asked.target.map(target_name));
    call.add("modes", asked.modes.then_some("True"));
    call.add("paper", asked.paper.then_some("True"));
    call.text("objective", asked.objective.as_deref());
    let free: Vec<String> = free(asked).into_iter().map(String::from).collect();
    call.texts("free", &free);
    call.add("min_ratio", asked.min_ratio.as_ref().map(digits));
    call.add("starts", asked.starts);
    if asked.verb == Verb::Samples {
        call.add("compare", (!words.samplers.is_empty()).then_some("True"));
        call.add("count", asked.count);
    }
    call.add("seed", asked.seed);
    let tolerance: Vec<String> = asked.tolerance.iter().map(digits).collect();
    call.several("tolerance", &tolerance);
    call
}
