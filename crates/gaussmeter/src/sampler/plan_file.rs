use super::document::{self, check_keys};
use super::expression::{Expression, LONGEST_NAME, Scope, Value, arity, excerpt, functions};
use super::recorded::Recorded;
use super::transfer::undefined;
use super::{Sampler, SamplerError};
use crate::entry::{Entry, Kind, Parameter, nearest};
use crate::grid::{Grid, Step};
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::numeric::written;
use crate::tape::{Prediction, Tape, Var};
use serde_json::{Map, Value as Json};
use std::collections::{HashMap, VecDeque};
use std::path::Path;

/// A sampler defined in a TOML or JSON file; see `docs/samplers.md`.
///
/// Each step is taken by the first rule whose `when` holds. A rule is a list of assignments: to
/// numbers, to vectors (linear combinations of states, network outputs and noises) and, with
/// `x_next`, to the state at the end of the step. `name[-1]` is the value that a name had in the
/// previous step.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanFile {
    order: Option<u8>,
    content: Content,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Rules { numbers: HashMap<String, Numbers>, rules: Vec<Rule>, memory: usize },
    Recorded(Recorded),
}

/// A number defined in the file.
#[derive(Clone, Debug, PartialEq)]
enum Numbers {
    Constant(f64),
    PerStep(Vec<f64>),
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    when: Option<Expression>,
    assignments: Vec<Assignment>,
}

#[derive(Clone, Debug, PartialEq)]
struct Assignment {
    text: String,
    name: String,
    value: Expression,
}

/// Properties of a step's start; with `_next` and `_prev` of its end and of the previous step's
/// start.
const OF_LEVELS: [&str; 5] = ["t", "alpha", "sigma", "ratio", "level"];
/// Other numbers.
const OTHERS: [&str; 5] = ["h", "h_prev", "step", "steps", "pi"];
/// Functions that return or take a vector or a level, with their least and largest number of
/// arguments.
const FUNCTIONS: [(&str, usize, usize); 11] = [
    ("denoiser", 1, 2),
    ("score", 1, 2),
    ("noise", 1, 2),
    ("velocity", 1, 2),
    ("normal", 0, 0),
    ("at_time", 1, 1),
    ("at_ratio", 1, 1),
    ("t", 1, 1),
    ("alpha", 1, 1),
    ("sigma", 1, 1),
    ("ratio", 1, 1),
];
const RESULT: &str = "x_next";
/// Most assignments per rule, and most rules: far more than any method needs, since lookups are
/// linear.
const MOST_ASSIGNMENTS: usize = 10_000;
const MOST_RULES: usize = 1000;

/// The suffix of a level's name: how many levels later it is.
fn of_level(name: &str) -> Option<(&str, isize)> {
    let split = [("_next", 1), ("_prev", -1)]
        .iter()
        .find_map(|(suffix, shift)| Some((name.strip_suffix(suffix)?, *shift)));
    let (stem, shift) = split.unwrap_or((name, 0));
    OF_LEVELS.contains(&stem).then_some((stem, shift))
}

fn is_built_in(name: &str) -> bool {
    name == "x" || OTHERS.contains(&name) || of_level(name).is_some()
}

fn is_word(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
        && !(["and", "or", "not"].contains(&name) || name.len() > LONGEST_NAME)
}

impl PlanFile {
    /// Reads a plan file, or the JSON document of `gaussmeter show`.
    ///
    /// # Errors
    /// One line that names the file and says what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, String> {
        document::read(path)
            .and_then(|map| Self::of(&map))
            .map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// The sampler that a TOML or JSON text describes.
    ///
    /// # Errors
    /// One line that says what is wrong.
    ///
    /// ```
    /// use gaussmeter::{prelude::*, sampler::PlanFile};
    /// use std::sync::Arc;
    /// let ddim = PlanFile::parse(r#"
    ///     order = 1
    ///     [[rule]]
    ///     do = """
    ///     q = sigma_next / sigma
    ///     x_next = q * x + (alpha_next - q * alpha) * denoiser(x)
    ///     """
    /// "#)?;
    /// let grid = Grid::new(Arc::new(Flow), &[0.9, 0.4, 0.0])?;
    /// assert_eq!(ddim.plan(&grid)?, Ddim::default().plan(&grid)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::of(&document::parse(text)?)
    }

    fn of(map: &Map<String, Json>) -> Result<Self, String> {
        let order = match map.get("order") {
            None | Some(Json::Null) => None,
            Some(order) => {
                let order = order.as_u64().and_then(|order| u8::try_from(order).ok());
                Some(order.filter(|o| *o > 0).ok_or("order: not a positive whole number")?)
            }
        };
        if map.contains_key("operations") {
            return Ok(PlanFile { order, content: Content::Recorded(Recorded::of(map)?) });
        }
        check_keys(map, &["name", "source", "order", "numbers", "rule"])?;
        let numbers = read_numbers(map)?;
        let rules = map.get("rule").ok_or("rule is missing: [[rule]] with what a step does")?;
        let rules = rules.as_array().ok_or("rule: not a list: write [[rule]]")?;
        if rules.is_empty() {
            return Err("rule: there is none".into());
        }
        if rules.len() > MOST_RULES {
            return Err(format!("rule: more than {MOST_RULES} rules"));
        }
        let mut read = Vec::new();
        for (i, rule) in rules.iter().enumerate() {
            let is_last = i + 1 == rules.len();
            let rule = read_rule(rule, is_last).map_err(|e| format!("rule {}: {e}", i + 1))?;
            read.push(rule);
        }
        let given: Vec<&str> = read
            .iter()
            .flat_map(|rule| rule.assignments.iter().map(|a| a.name.as_str()))
            .chain(numbers.keys().map(String::as_str))
            .collect();
        let mut memory = 0;
        for (i, rule) in read.iter().enumerate() {
            let depth =
                check_rule(rule, &numbers, &given).map_err(|e| format!("rule {}{e}", i + 1))?;
            memory = memory.max(depth);
        }
        Ok(PlanFile { order, content: Content::Rules { numbers, rules: read, memory } })
    }
}

fn read_numbers(map: &Map<String, Json>) -> Result<HashMap<String, Numbers>, String> {
    let Some(table) = map.get("numbers") else { return Ok(HashMap::new()) };
    let table = table.as_object().ok_or("numbers: not a table")?;
    let mut numbers = HashMap::new();
    for (name, value) in table {
        if is_built_in(name) || !is_word(name) || name == RESULT {
            return Err(format!("numbers.{}: this name cannot be defined", excerpt(name)));
        }
        let number = |value: &Json| {
            let constant = match value {
                Json::String(text) => Expression::parse(text)?.constant()?,
                other => other
                    .as_f64()
                    .ok_or_else(|| format!("{} is not a number", excerpt(&other.to_string())))?,
            };
            let is_finite = constant.is_finite();
            is_finite.then_some(constant).ok_or_else(|| format!("{constant} is not finite"))
        };
        let read = match value {
            Json::Array(list) => {
                list.iter().map(number).collect::<Result<_, String>>().map(Numbers::PerStep)
            }
            value => number(value).map(Numbers::Constant),
        };
        numbers.insert(name.clone(), read.map_err(|e| format!("numbers.{name}: {e}"))?);
    }
    Ok(numbers)
}

fn read_rule(rule: &Json, is_last: bool) -> Result<Rule, String> {
    let rule = rule.as_object().ok_or("not a table")?;
    check_keys(rule, &["when", "do"])?;
    let when = match (rule.get("when"), is_last) {
        (None, true) => None,
        (Some(Json::String(text)), false) => {
            Some(Expression::parse(text).map_err(|e| format!("when = '{}': {e}", excerpt(text)))?)
        }
        (Some(_), true) => {
            return Err("when: the last rule takes all remaining steps and has none".into());
        }
        (None, false) => return Err("without 'when' no later rule would ever be used".into()),
        (Some(_), false) => return Err("when: not text".into()),
    };
    let lines: Vec<&str> = match rule.get("do").ok_or("do is missing: what the step does")? {
        Json::String(text) => vec![text],
        Json::Array(list) => {
            let lines = list.iter().map(|line| line.as_str());
            lines.collect::<Option<_>>().ok_or("do: not a list of texts")?
        }
        _ => return Err("do: not text".into()),
    };
    let lines = lines.iter().flat_map(|text| text.lines());
    let lines = lines.map(|line| line.split('#').next().unwrap_or("")).flat_map(|l| l.split(';'));
    let mut assignments: Vec<Assignment> = Vec::new();
    for text in lines.map(str::trim).filter(|text| !text.is_empty()) {
        let fail = |reason: String| format!("'{}': {reason}", excerpt(text));
        let (name, value) = text
            .split_once('=')
            .filter(|(_, value)| !value.starts_with('='))
            .ok_or_else(|| fail("not of the form 'name = expression'".into()))?;
        let name = name.trim();
        if !is_word(name) || is_built_in(name) && name != RESULT {
            return Err(fail(format!("'{}' cannot be assigned", excerpt(name))));
        }
        if assignments.len() == MOST_ASSIGNMENTS {
            return Err(format!("do has more than {MOST_ASSIGNMENTS} assignments"));
        }
        if assignments.iter().any(|a| a.name == name) {
            return Err(fail(format!("{name} is assigned twice in a step")));
        }
        let value = Expression::parse(value).map_err(fail)?;
        assignments.push(Assignment { text: excerpt(text), name: name.into(), value });
    }
    match assignments.iter().any(|a| a.name == RESULT) {
        true => Ok(Rule { when, assignments }),
        false => Err(format!("do does not assign {RESULT}, the state at the end of the step")),
    }
}

/// Checks names and functions; returns the farthest step back that is used.
fn check_rule(
    rule: &Rule,
    numbers: &HashMap<String, Numbers>,
    given: &[&str],
) -> Result<usize, String> {
    let mut memory = 0;
    let mut check = |expression: &Expression, position: usize, names: bool| {
        expression.walk(&mut |part| match part {
            Expression::Name(name, back) => {
                memory = memory.max(*back);
                let known = |name: &str| is_built_in(name) || numbers.contains_key(name);
                let earlier = &rule.assignments[..position.min(rule.assignments.len())];
                let is_earlier = earlier.iter().any(|a| a.name == *name);
                let later = rule.assignments.iter().position(|a| a.name == *name);
                match (names, back, later) {
                    _ if known(name) && name != "x" => Ok(()),
                    (true, ..) if name == "x" => Ok(()),
                    (false, ..) => Err(format!("'{name}' is only known once the step is taken")),
                    (true, 0, _) if is_earlier => Ok(()),
                    (true, 0, Some(later)) if later == position => Err(format!(
                        "{name} refers to itself: its value in the previous step is {name}[-1]"
                    )),
                    (true, 0, Some(_)) => Err(format!("{name} is used before it is assigned")),
                    (true, 1.., _) if given.contains(&name.as_str()) => Ok(()),
                    _ => {
                        let fixed = OF_LEVELS.into_iter().chain(OTHERS).chain(["x"]);
                        let near = nearest(name, given.iter().copied().chain(fixed));
                        let near = near.map_or(String::new(), |n| format!(": did you mean '{n}'?"));
                        Err(format!("unknown name '{name}'{near}"))
                    }
                }
            }
            Expression::Call(name, arguments) => {
                let own = FUNCTIONS.iter().find(|f| f.0 == name).filter(|_| names);
                let admitted = match (own, arity(name)) {
                    (Some((_, least, most)), _) => *least..=*most,
                    (None, Some(number)) => number..=number,
                    (None, None) if FUNCTIONS.iter().any(|f| f.0 == name) => {
                        return Err(format!("'{name}' cannot be used here"));
                    }
                    (None, None) => {
                        let all = FUNCTIONS.iter().map(|f| f.0).chain(functions());
                        let near = nearest(name, all);
                        let near = near.map_or(String::new(), |n| format!(": did you mean '{n}'?"));
                        return Err(format!("unknown function '{name}'{near}"));
                    }
                };
                match admitted.contains(&arguments.len()) {
                    true => Ok(()),
                    false => Err(format!("{name} does not take {} arguments", arguments.len())),
                }
            }
            _ => Ok(()),
        })
    };
    if let Some(when) = &rule.when {
        check(when, 0, false).map_err(|e| format!(", when: {e}"))?;
    }
    for (position, a) in rule.assignments.iter().enumerate() {
        check(&a.value, position, true).map_err(|e| format!(": '{}': {e}", a.text))?;
    }
    Ok(memory)
}

/// The names known in a step.
struct Names<'a> {
    grid: &'a Grid,
    /// All steps of the grid.
    all: &'a [Step<'a>],
    step: &'a Step<'a>,
    tape: &'a Tape<'a>,
    numbers: &'a HashMap<String, Numbers>,
    /// Values of this step and of earlier ones, the latest first.
    frames: &'a VecDeque<HashMap<String, Value>>,
}

impl Names<'_> {
    fn too_far(&self, name: &str, back: usize) -> String {
        let before = self.step.index;
        let asked = if back == 0 { name.into() } else { format!("{name}[-{back}]") };
        format!(
            "{asked} refers to a step before the first: put a rule with when = \"step <= {}\" above",
            before + 1
        )
    }

    /// The level where the step `back` steps ago starts, or `shift` levels later.
    fn level(&self, name: &str, back: usize, shift: isize) -> Result<Level<Real>, String> {
        let index = self.step.index.checked_sub(back).and_then(|i| i.checked_add_signed(shift));
        let index = index.ok_or_else(|| self.too_far(name, back))?;
        // Every level but the last is where a step starts.
        Ok(self.all.get(index).map_or_else(|| *self.all[index - 1].to, |step| *step.from))
    }

    /// The level passed to a function, or that of the step.
    fn told(&self, level: Option<&Value>) -> Result<Level<Real>, String> {
        match level {
            None => Ok(*self.step.from),
            Some(Value::Level(level)) => Ok(*level),
            Some(other) => Err(format!("{} stands where a level is needed", other.kind())),
        }
    }
}

/// A property of a level.
fn property(name: &str, level: Level<Real>) -> Value {
    match name {
        "t" => Value::Number(level.t),
        "alpha" => Value::Number(level.alpha),
        "sigma" => Value::Number(level.sigma),
        "ratio" => Value::Number(level.noise_ratio()),
        _ => Value::Level(level),
    }
}

impl Scope for Names<'_> {
    fn name(&self, name: &str, back: usize) -> Result<Value, String> {
        if let Some((stem, shift)) = of_level(name) {
            return Ok(property(stem, self.level(name, back, shift)?));
        }
        let index = self.step.index.checked_sub(back).ok_or_else(|| self.too_far(name, back))?;
        let log_snr_step = |shift: isize| -> Result<Value, String> {
            let from = self.level(name, back, shift)?;
            let to = self.level(name, back, shift + 1)?;
            Ok(Value::Number((from.sigma * to.alpha / (to.sigma * from.alpha)).ln()))
        };
        match name {
            "h" => return log_snr_step(0),
            "h_prev" => return log_snr_step(-1),
            "step" => return Ok(Value::Number(Real::from((index + 1) as f64))),
            "steps" => return Ok(Value::Number(Real::from(self.all.len() as f64))),
            "pi" => return Ok(Value::Number(Real::from(std::f64::consts::PI))),
            _ => {}
        }
        match self.numbers.get(name) {
            Some(Numbers::Constant(value)) => return Ok(Value::Number(Real::from(*value))),
            // Their number has been checked.
            Some(Numbers::PerStep(list)) => return Ok(Value::Number(Real::from(list[index]))),
            None => {}
        }
        let found = self.frames.get(back).and_then(|frame| frame.get(name)).cloned();
        found.ok_or_else(|| match back {
            0 => format!("unknown name '{name}'"),
            _ => format!("the rule that took step {} does not assign {name}", index + 1),
        })
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        FUNCTIONS.iter().find(|f| f.0 == name)?;
        let kind = Prediction::ALL.into_iter().find(|kind| kind.name() == name);
        let result = || match (kind, name, arguments) {
            (Some(kind), _, [x, rest @ ..]) => {
                let level = self.told(rest.first())?;
                let output = self.tape.predict(kind, x.clone().vector()?, &level);
                Ok(Value::Vector(output.into()))
            }
            (None, "normal", _) => Ok(Value::Vector(self.tape.noise().into())),
            (None, "at_time", [t]) => {
                let (t, t_max) = (t.clone().number()?, self.grid.process().t_max());
                match (0.0..=t_max).contains(&t.value()) {
                    true => Ok(Value::Level(self.step.level(t))),
                    false => {
                        Err(format!("{} is outside [0, {}]", written(&t.value()), written(&t_max)))
                    }
                }
            }
            (None, "at_ratio", [ratio]) => {
                let ratio = ratio.clone().number()?;
                let level = self.step.level_at(ratio);
                let level = level
                    .ok_or_else(|| format!("no time of the process has sigma/alpha = {ratio:e}"));
                Ok(Value::Level(level?))
            }
            (None, property_name, [level]) => Ok(property(property_name, self.told(Some(level))?)),
            _ => Err("wrong number of arguments".into()),
        };
        Some(result())
    }
}

impl Sampler for PlanFile {
    fn record(&self, grid: &Grid, tape: &Tape, mut x: Var) -> Result<Var, SamplerError> {
        let (numbers, rules, memory) = match &self.content {
            Content::Recorded(recorded) => return recorded.replay(grid, tape, x),
            Content::Rules { numbers, rules, memory } => (numbers, rules, *memory),
        };
        let all: Vec<Step> = grid.steps().collect();
        let steps = all.len();
        let mut frames: VecDeque<HashMap<String, Value>> = VecDeque::new();
        for step in &all {
            if tape.is_full() {
                return Ok(x);
            }
            for (name, list) in numbers {
                if let Numbers::PerStep(list) = list
                    && list.len() != steps
                {
                    let reason = format!(
                        "numbers.{name} has {} values, one per step, but there are {steps} steps",
                        list.len()
                    );
                    return Err(undefined(grid, step, reason));
                }
            }
            frames.truncate(memory);
            frames.push_front(HashMap::from([("x".into(), Value::Vector(x.into()))]));
            let mut chosen = None;
            for (i, rule) in rules.iter().enumerate() {
                let fail = |e| undefined(grid, step, format!("rule {}, when: {e}", i + 1));
                let holds = match &rule.when {
                    None => Real::from(1.0),
                    Some(when) => when
                        .value(&Names { grid, all: &all, step, tape, numbers, frames: &frames })
                        .and_then(Value::number)
                        .map_err(fail)?,
                };
                if holds != 0.0 {
                    chosen = Some((i, rule));
                    break;
                }
            }
            let Some((i, rule)) = chosen else { continue };
            for a in &rule.assignments {
                let fail = |e| undefined(grid, step, format!("rule {}: '{}': {e}", i + 1, a.text));
                let names = Names { grid, all: &all, step, tape, numbers, frames: &frames };
                let value = a.value.value(&names).map_err(fail)?;
                if a.name == RESULT {
                    let state = value.clone().vector().map_err(fail)?;
                    x = tape.arrive(step.to, state);
                }
                let value = if a.name == RESULT { Value::Vector(x.into()) } else { value };
                if let Some(frame) = frames.front_mut() {
                    frame.insert(a.name.clone(), value);
                }
            }
        }
        Ok(x)
    }

    fn own_order(&self) -> Option<u8> {
        self.order
    }

    fn own_steps(&self) -> Option<usize> {
        match &self.content {
            Content::Recorded(recorded) => Some(recorded.steps()),
            Content::Rules { numbers, .. } => numbers.values().find_map(|number| match number {
                Numbers::PerStep(list) => Some(list.len()),
                Numbers::Constant(_) => None,
            }),
        }
    }
}

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "plan",
    aliases: &[],
    summary: "a sampler defined in a file",
    source: "user",
    order: None,
    parameters: &[Parameter {
        name: "file",
        kind: Kind::Text,
        default: None,
        summary: "TOML or JSON file with the rules of a step, or JSON output of 'gaussmeter show'",
    }],
    build: |a| Ok(Box::new(PlanFile::read(Path::new(a.text("file")))?)),
};
