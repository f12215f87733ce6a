//! How large the values are that a graph makes, found before the runtime makes them.
//!
//! Sizes are followed through the graph from those of its inputs, and so are the few numbers that it computes sizes
//! from. What is not known is left open: so the same rules tell what the runtime computes from constants alone when it
//! reads a file, and what it computes on a batch, where nothing may be open.

mod numbers;
mod rules;
#[cfg(test)]
mod tests;

use crate::error::Broken;
use crate::graph::{Graph, Node};
use crate::header::{MOST_VALUES, Port};
use std::collections::HashMap;

/// Numbers of a tensor that are followed: those of sizes.
pub const FEW: usize = 64;

/// Axes of a tensor: those of networks have up to eight or so.
pub const MOST_AXES: usize = 16;

/// Values of one tensor that any graph may make: a quarter of a GiB.
const MOST_MADE: u64 = 1 << 26;

/// Values of one tensor for each of the input, beyond that and up to [`MOST_VALUES`]: channels and tokens.
const FOR_EACH: u128 = 1024;

/// Tensors of the largest size that a graph may have at a time.
const AT_ONCE: u64 = 4;

/// The size of an axis, if it is known.
pub type Size = Option<u64>;

/// What is known of a tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// The sizes of its axes, if their number is known.
    pub dims: Option<Vec<Size>>,
    /// Its numbers, where it has few, those that are known.
    pub numbers: Option<Vec<Option<f64>>>,
    /// Whether they are whole.
    pub is_whole: bool,
    /// Whether it is the same in every run, so that the runtime makes it when it reads the file.
    pub is_fixed: bool,
}

impl Tensor {
    /// A tensor of this shape, with numbers if as many are given as fit.
    pub fn new(dims: Vec<Size>, numbers: Option<Vec<Option<f64>>>, is_whole: bool) -> Self {
        let found = Tensor { dims: Some(dims), is_whole, ..Tensor::default() };
        let count = found.elements().filter(|count| *count <= FEW as u128);
        // The runtime has 32 bits for whole numbers: files with more are cut.
        let [least, most] = [i32::MIN, i32::MAX].map(f64::from);
        let cut = |v: Option<f64>| v.map(|v| if is_whole { v.clamp(least, most) } else { v });
        let numbers = numbers.filter(|n| Some(n.len() as u128) == count);
        Tensor { numbers: numbers.map(|n| n.into_iter().map(cut).collect()), ..found }
    }

    /// One number.
    pub fn scalar(number: f64, is_whole: bool) -> Self {
        Tensor::new(Vec::new(), Some(vec![Some(number)]), is_whole)
    }

    /// A list of numbers.
    pub fn list(numbers: Vec<Option<f64>>, is_whole: bool) -> Self {
        Tensor::new(vec![Some(numbers.len() as u64)], Some(numbers), is_whole)
    }

    /// Number of its values, if it is known.
    pub fn elements(&self) -> Option<u128> {
        let product = |product: u128, size: &Size| size.map(|s| product.saturating_mul(s.into()));
        self.dims.as_ref()?.iter().try_fold(1, product)
    }

    /// Whole numbers, if all are known.
    fn ints(&self) -> Option<Vec<i64>> {
        let whole = |number: &Option<f64>| number.map(|number| number as i64);
        self.numbers.as_ref()?.iter().map(whole).collect()
    }

    /// The larger of what a file declares and what has been found, where they differ.
    fn widened(&mut self, declared: Option<Vec<Size>>) {
        let Some(declared) = declared else { return };
        match &mut self.dims {
            Some(dims) if dims.len() == declared.len() => {
                dims.iter_mut().zip(declared).for_each(|(size, declared)| {
                    *size = match (*size, declared) {
                        (Some(size), Some(declared)) => Some(size.max(declared)),
                        (size, declared) => size.or(declared),
                    };
                });
            }
            Some(_) => {}
            None => self.dims = Some(declared),
        }
    }
}

/// The values of a graph by their names, those of the graphs around it behind it.
struct Scope<'a> {
    values: HashMap<&'a str, Tensor>,
    graph: &'a Graph,
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn get(&self, name: &str) -> Option<&Tensor> {
        self.values.get(name).or_else(|| self.outer?.get(name))
    }

    /// What the file says of a value.
    fn declared(&self, name: &str) -> Option<&Port> {
        self.graph.declared.get(name).or_else(|| self.outer?.declared(name))
    }

    /// The size of the first axis of an input that has this name.
    fn called(&self, name: &str) -> Size {
        let Some(outer) = self.outer else {
            let ports = self.graph.inputs.iter().filter_map(|input| self.graph.declared.get(input));
            let mut all =
                ports.filter_map(|port| Some((port, port.axes.iter().position(|n| n == name)?)));
            let (port, axis) = all.next()?;
            return self.values.get(&port.name[..])?.dims.as_ref()?.get(axis).copied().flatten();
        };
        outer.called(name)
    }
}

/// What is asked of a graph.
struct Check {
    /// Whether it runs on inputs whose sizes are all known, so that all others have to be.
    runs: bool,
    /// Values that there are now.
    alive: u128,
    /// Values that one tensor may have.
    most: u64,
}

impl Check {
    fn of(inputs: &HashMap<&str, Tensor>, runs: bool) -> Self {
        let given = inputs.values().filter_map(Tensor::elements).filter(|_| runs).max();
        let most = FOR_EACH.saturating_mul(given.unwrap_or(0));
        let most = u64::try_from(most).unwrap_or(u64::MAX).clamp(MOST_MADE, MOST_VALUES);
        Check { runs, alive: 0, most }
    }
}

/// Checks how large the values are that a graph makes of inputs of these shapes. If it does not run yet, only what is
/// known is held against the limits.
///
/// # Errors
/// [`Broken`]
pub fn check<'a>(
    graph: &'a Graph,
    inputs: impl Iterator<Item = (&'a str, Tensor)>,
    runs: bool,
) -> Result<(), Broken> {
    let given: HashMap<&str, Tensor> = inputs.collect();
    let mut check = Check::of(&given, runs);
    for (name, tensor) in &given {
        check.is_small(tensor, || format!("the input '{name}'"))?;
    }
    check.graph(Scope { values: given, graph, outer: None }).map(drop)
}

impl Check {
    /// Refuses a value that is too large, and counts it.
    fn is_small(&mut self, tensor: &Tensor, what: impl Fn() -> String) -> Result<(), Broken> {
        if !(self.runs || tensor.is_fixed) {
            return Ok(());
        }
        if tensor.dims.as_ref().is_some_and(|dims| dims.len() > MOST_AXES) {
            return Err(Broken::Axes { what: what(), most: MOST_AXES });
        }
        let elements = tensor.elements().unwrap_or(0);
        if elements > self.most.into() {
            let advice = if self.runs { ": a smaller batch=… may do" } else { "" };
            let (what, elements) = (what(), elements.to_string());
            return Err(Broken::Large { what, elements, most: self.most, advice });
        }
        self.alive += elements;
        let most = AT_ONCE.saturating_mul(self.most);
        match self.alive > most.into() {
            true => Err(Broken::Together { values: self.alive.to_string(), most }),
            false => Ok(()),
        }
    }

    /// Follows a graph, and returns what is known of its outputs.
    fn graph(&mut self, scope: Scope<'_>) -> Result<Vec<Tensor>, Broken> {
        let graph = scope.graph;
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            last.extend(node.inputs.iter().map(|name| (&name[..], at)));
        }
        let before = self.alive;
        let Scope { mut values, outer, .. } = scope;
        let fixed = |tensor: &Tensor| Tensor { is_fixed: true, ..tensor.clone() };
        let constants = graph.constants.iter().map(|(name, c)| (&name[..], fixed(c)));
        values.extend(constants);
        let mut scope = Scope { values, graph, outer };
        for (at, node) in graph.nodes.iter().enumerate() {
            let made = self.node(node, &scope)?;
            for (name, mut tensor) in node.outputs.iter().zip(made) {
                if name.is_empty() {
                    continue;
                }
                if let (false, Some(declared)) = (self.runs, graph.declared.get(name)) {
                    tensor.widened(declared.tensor().dims);
                }
                self.is_small(&tensor, || format!("what {} '{name}' makes", node.kind))?;
                if scope.values.insert(name, tensor).is_some() {
                    return Err(Broken::Twice(name.clone()));
                }
            }
            // The runtime forgets values after their last use; constants it keeps.
            if self.runs {
                for name in &node.inputs {
                    let is_last = last.get(&name[..]) == Some(&at) && !graph.outputs.contains(name);
                    if is_last && !graph.constants.contains_key(name) {
                        last.remove(&name[..]);
                        let elements = scope.values.get(&name[..]).and_then(Tensor::elements);
                        self.alive = self.alive.saturating_sub(elements.unwrap_or(0));
                    }
                }
            }
        }
        let found = graph.outputs.iter().map(|name| scope.get(name).cloned().unwrap_or_default());
        let found = found.collect();
        if scope.outer.is_some() {
            self.alive = before;
        }
        Ok(found)
    }

    /// What is known of the outputs of an operation.
    fn node(&mut self, node: &Node, scope: &Scope<'_>) -> Result<Vec<Tensor>, Broken> {
        let get = |name: &String| match &name[..] {
            "" => Ok(None),
            name => match scope.get(name) {
                Some(tensor) => Ok(Some(tensor)),
                None => Err(Broken::Unmade { kind: node.kind.clone(), name: name.into() }),
            },
        };
        let inputs: Vec<Option<&Tensor>> = node.inputs.iter().map(get).collect::<Result<_, _>>()?;
        if node.kind == "Shape" {
            node.inputs.first().map_or(Ok(()), |name| is_as_declared(name, scope))?;
        }
        let mut made = match &node.kind[..] {
            "If" => self.branches(node, scope)?,
            _ => rules::outputs(node, &inputs),
        };
        made.resize(node.outputs.len().max(made.len()), Tensor::default());
        let is_fixed = inputs.iter().flatten().all(|input| input.is_fixed);
        for tensor in &mut made {
            let numbers = tensor.numbers.as_ref();
            tensor.is_fixed = is_fixed || numbers.is_some_and(|n| n.iter().all(Option::is_some));
        }
        let is_open = made.iter().zip(&node.outputs).any(|(t, _)| t.elements().is_none());
        match is_open && (self.runs || is_fixed) {
            true => Err(Broken::Open { kind: node.kind.clone() }),
            false => Ok(made),
        }
    }

    /// What both branches of an `If` agree on, or what the one makes that is taken.
    fn branches(&mut self, node: &Node, scope: &Scope<'_>) -> Result<Vec<Tensor>, Broken> {
        let taken = node.inputs.first().and_then(|name| scope.get(name)?.ints()?.first().copied());
        let mut of = |name: &str| -> Result<Option<Vec<Tensor>>, Broken> {
            let inner = |graph| Scope { values: HashMap::new(), graph, outer: Some(scope) };
            node.graph(name).map(|graph| self.graph(inner(graph))).transpose()
        };
        let (yes, no) = (of("then_branch")?, of("else_branch")?);
        let found = match taken {
            Some(0) => no,
            Some(_) => yes,
            None => {
                let both = yes.unwrap_or_default().into_iter().zip(no.unwrap_or_default());
                Some(both.map(|(yes, no)| agreed(yes, &no)).collect())
            }
        };
        Ok(found.unwrap_or_default())
    }
}

/// Refuses a value of which the file says other sizes than it has: the runtime takes what `Shape` gives from there, and
/// from the first axis of an input that has the same name.
fn is_as_declared(name: &str, scope: &Scope<'_>) -> Result<(), Broken> {
    let port = scope.declared(name);
    let (Some(port), Some(dims)) = (port, scope.get(name).and_then(|t| t.dims.as_ref())) else {
        return Ok(());
    };
    let Some(shape) = &port.shape else { return Ok(()) };
    let said = shape.iter().zip(&port.axes).map(|(size, axis)| match size {
        Some(size) => Some(*size as u64),
        None => scope.called(axis),
    });
    let differs = |(a, b): (Size, &Size)| a.zip(*b).is_some_and(|(a, b)| a != b);
    match shape.len() != dims.len() || said.zip(dims).any(differs) {
        true => Err(Broken::Declared(name.into())),
        false => Ok(()),
    }
}

/// What is known of a tensor that is one of two.
fn agreed(a: Tensor, b: &Tensor) -> Tensor {
    let dims = a.dims.filter(|dims| b.dims.as_ref().is_some_and(|other| other.len() == dims.len()));
    let same = |(a, b): (&Size, &Size)| if a == b { *a } else { None };
    let dims = dims.map(|dims| dims.iter().zip(b.dims.iter().flatten()).map(same).collect());
    let numbers = a.numbers.filter(|numbers| b.numbers.as_ref() == Some(numbers));
    Tensor { dims, numbers, is_whole: a.is_whole, is_fixed: false }
}
