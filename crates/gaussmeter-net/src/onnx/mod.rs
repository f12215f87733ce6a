//! A network as an ONNX file: the interpreter that writes nodes, and what stands around the network.
//!
//! Inputs are `x` of shape `[batch, C, H, W]`; `sigma`, or `t` for a network that predicts noise, of shape
//! `[batch]`; and `class` of shape `[batch]` where there are classes. The output is `denoised` or `noise`, of
//! the shape of x. Metadata say what else a reader has to know.

mod protobuf;

use crate::error::NetError;
use crate::file;
use crate::graph::{Graph, Hats, NORM_EPSILON, Norm, Padding, Parameter, Sliding};
use crate::network::Network;
use crate::parametrization::{Kind, LEAST, Parametrization};
use crate::shape::Shape;
use protobuf::{Attribute, Axis, FLOAT, INT64, Message, attribute, tensor, value};
use std::path::Path;

/// The version of the set of operators.
const OPSET: i64 = 17;

/// The version of the format.
const IR: i64 = 8;

impl Network {
    /// Writes the network as ONNX, for batches of any size.
    ///
    /// # Errors
    /// [`NetError::Io`]
    pub fn save_onnx(&self, path: &Path) -> Result<(), NetError> {
        file::replace(path, &self.onnx())
    }

    /// The bytes of an ONNX file.
    pub fn onnx(&self) -> Vec<u8> {
        let shape = self.program.shape;
        let kind = self.parametrization.kind;
        let (level, conditioning, output) = match kind {
            Kind::Eps => ("t", "time", "noise"),
            Kind::Edm | Kind::X0 => ("sigma", "sigma", "denoised"),
        };
        let mut w = Nodes { network: self, nodes: Vec::new(), constants: Vec::new(), count: 0 };
        w.preconditioned(level, output);
        let image = [
            Axis::Named("batch"),
            Axis::Fixed(shape.channels),
            Axis::Fixed(shape.height),
            Axis::Fixed(shape.width),
        ];
        let mut inputs =
            vec![value("x", FLOAT, &image), value(level, FLOAT, &[Axis::Named("batch")])];
        if self.program.classes > 0 {
            inputs.push(value("class", INT64, &[Axis::Named("batch")]));
        }
        let graph = Message::new()
            .messages(1, &w.nodes)
            .text(2, "gaussmeter")
            .messages(5, &w.constants)
            .messages(11, &inputs)
            .message(12, &value(output, FLOAT, &image));
        let facts: Vec<Message> = self
            .facts(conditioning)
            .into_iter()
            .map(|(key, text)| Message::new().text(1, &format!("gaussmeter.{key}")).text(2, &text))
            .collect();
        Message::new()
            .int(1, IR)
            .text(2, "gaussmeter-net")
            .message(7, &graph)
            .message(8, &Message::new().int(2, OPSET))
            .messages(14, &facts)
            .into_bytes()
    }

    /// What a reader has to know, and where the network comes from.
    fn facts(&self, conditioning: &str) -> Vec<(&'static str, String)> {
        let Shape { channels, height, width } = self.program.shape;
        let mut facts = vec![
            ("version", "1".to_owned()),
            ("prediction", self.parametrization.prediction().name().into()),
            ("conditioning", conditioning.into()),
            ("sigma_data", self.parametrization.sigma_data.to_string()),
            ("shape", format!("{channels},{height},{width}")),
            ("data", self.about.data.clone()),
            ("command", self.about.command.clone()),
            ("seed", self.about.seed.to_string()),
            ("steps", self.about.steps.to_string()),
            ("program", self.about.program.clone()),
        ];
        // Networks that are told σ may know levels beyond those of their process.
        let Parametrization { kind, law, process, .. } = &self.parametrization;
        let highest = process.level(process.t_max()).noise_ratio();
        let is_within = law.representatives().iter().all(|t| *t <= highest);
        if *kind == Kind::Eps || is_within {
            facts.insert(3, ("process", self.parametrization.name.clone()));
        }
        if self.program.classes > 0 {
            facts.push(("classes", self.program.classes.to_string()));
            facts.push(("null_class", self.program.classes.to_string()));
        }
        facts
    }
}

/// Nodes and constants of a graph. Pictures have axes `[batch, C, H, W]`, vectors too, with H = W = 1.
struct Nodes<'a> {
    network: &'a Network,
    nodes: Vec<Message>,
    constants: Vec<Message>,
    count: usize,
}

/// A value by its name, and its shape.
#[derive(Clone)]
struct Value {
    name: String,
    shape: Shape,
}

impl Nodes<'_> {
    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    /// A node with one output of this name.
    fn named(&mut self, op: &str, inputs: &[&str], about: &[(&str, Attribute)], output: &str) {
        let node = inputs.iter().fold(Message::new(), |m, input| m.text(1, input));
        let node = node.text(2, output).text(3, &format!("{op}_{output}")).text(4, op);
        let about: Vec<Message> =
            about.iter().map(|(name, value)| attribute(name, value)).collect();
        self.nodes.push(node.messages(5, &about));
    }

    fn node(&mut self, op: &str, inputs: &[&str], about: &[(&str, Attribute)]) -> String {
        let output = self.fresh();
        self.named(op, inputs, about, &output);
        output
    }

    fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = self.fresh();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constants.push(tensor(&name, FLOAT, shape, &bytes));
        name
    }

    fn float(&mut self, value: f64) -> String {
        self.floats(&[], &[value as f32])
    }

    fn ints(&mut self, values: &[i64]) -> String {
        let name = self.fresh();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constants.push(tensor(&name, INT64, &[values.len()], &bytes));
        name
    }

    /// A parameter, under its own name.
    fn parameter(&mut self, parameter: &Parameter) -> String {
        let values = &self.network.weights()[self.network.layout().range(parameter)];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constants.push(tensor(&parameter.name, FLOAT, &parameter.shape, &bytes));
        parameter.name.clone()
    }

    /// A parameter of one value per channel, along the axis of channels.
    fn per_channel(&mut self, parameter: &Parameter) -> String {
        let values = self.network.weights()[self.network.layout().range(parameter)].to_vec();
        self.floats(&[1, parameter.len(), 1, 1], &values)
    }

    fn reshaped(&mut self, x: &str, axes: &[i64]) -> String {
        let axes = self.ints(axes);
        self.node("Reshape", &[x, &axes], &[])
    }

    fn silu_of(&mut self, x: &str) -> String {
        let s = self.node("Sigmoid", &[x], &[]);
        self.node("Mul", &[x, &s], &[])
    }

    /// The network with what stands around it: c_in x and what it is told at first, c_skip x + c_out F at last.
    fn preconditioned(&mut self, level: &str, output: &str) {
        let data = self.network.parametrization.sigma_data;
        let level = self.reshaped(level, &[-1, 1, 1, 1]);
        let kind = self.network.parametrization.kind;
        self.named("Identity", &["x"], &[], "state");
        if kind == Kind::Eps {
            self.named("Identity", &["state"], &[], "scaled");
            self.named("Identity", &[&level], &[], "told");
        } else {
            let least = self.float(LEAST * data);
            let floored = self.node("Max", &[&level, &least], &[]);
            let log = self.node("Log", &[&floored], &[]);
            let quarter = self.float(0.25);
            self.named("Mul", &[&log, &quarter], &[], "told");
        }
        let mut around = None;
        if kind == Kind::Edm {
            let squared = self.node("Mul", &[&level, &level], &[]);
            let variance = self.float(data * data);
            let total = self.node("Add", &[&squared, &variance], &[]);
            let root = self.node("Sqrt", &[&total], &[]);
            self.named("Div", &["state", &root], &[], "scaled");
            let skip = self.node("Div", &[&variance, &total], &[]);
            let deviation = self.float(data);
            let out = self.node("Mul", &[&level, &deviation], &[]);
            around = Some((skip, self.node("Div", &[&out, &root], &[])));
        } else if kind == Kind::X0 {
            self.named("Identity", &["state"], &[], "scaled");
        }
        let network = self.network;
        let answer = network.program.record(self);
        match around {
            None => self.named("Identity", &[&answer.name], &[], output),
            Some((skip, out)) => {
                let kept = self.node("Mul", &["state", &skip], &[]);
                let learnt = self.node("Mul", &[&answer.name, &out], &[]);
                self.named("Add", &[&kept, &learnt], &[], output);
            }
        }
    }
}

impl Graph for Nodes<'_> {
    type Value = Value;

    fn input(&mut self) -> Value {
        Value { name: "scaled".into(), shape: self.network.program.shape }
    }

    fn told(&mut self) -> Value {
        Value { name: "told".into(), shape: Shape::vector(1) }
    }

    fn class_row(&mut self, table: &Parameter) -> Value {
        let len = table.shape.last().copied().unwrap_or(0);
        let rows = self.parameter(table);
        let row = self.node("Gather", &[&rows, "class"], &[("axis", Attribute::Int(0))]);
        let name = self.reshaped(&row, &[-1, len as i64, 1, 1]);
        Value { name, shape: Shape::vector(len) }
    }

    fn convolution(
        &mut self,
        x: &Value,
        weight: &Parameter,
        bias: &Parameter,
        sliding: Sliding,
    ) -> Value {
        let (w, b) = (self.parameter(weight), self.parameter(bias));
        let Sliding { kernel, stride, padding } = sliding;
        let Shape { height, width, .. } = x.shape;
        let is_wrapped = kernel > 1 && padding == Padding::Periodic;
        let input = match is_wrapped {
            true => self.wrapped(&x.name, height, width),
            false => x.name.clone(),
        };
        let pad = if kernel > 1 && !is_wrapped { 1 } else { 0 };
        let about = [
            ("kernel_shape", Attribute::Ints(vec![kernel as i64; 2])),
            ("strides", Attribute::Ints(vec![stride as i64; 2])),
            ("pads", Attribute::Ints(vec![pad; 4])),
        ];
        let name = self.node("Conv", &[&input, &w, &b], &about);
        let shape = Shape::image(bias.len(), sliding.side(height), sliding.side(width));
        Value { name, shape }
    }

    fn dense(&mut self, x: &Value, weight: &Parameter, bias: &Parameter) -> Value {
        let (w, b) = (self.parameter(weight), self.parameter(bias));
        let flat = self.reshaped(&x.name, &[0, -1]);
        let y = self.node("Gemm", &[&flat, &w, &b], &[("transB", Attribute::Int(1))]);
        let name = self.reshaped(&y, &[0, bias.len() as i64, 1, 1]);
        Value { name, shape: Shape::vector(bias.len()) }
    }

    fn activation(&mut self, x: &Value, norm: &Norm, film: Option<(&Value, &Value)>) -> Value {
        let Shape { channels, height, width } = x.shape;
        let grouped = self.reshaped(&x.name, &[0, norm.groups as i64, -1]);
        let ones = self.floats(&[norm.groups], &vec![1.0; norm.groups]);
        let zeros = self.floats(&[norm.groups], &vec![0.0; norm.groups]);
        let about = [("epsilon", Attribute::Float(NORM_EPSILON))];
        let y = self.node("InstanceNormalization", &[&grouped, &ones, &zeros], &about);
        let y = self.reshaped(&y, &[0, channels as i64, height as i64, width as i64]);
        let (scale, shift) = (self.per_channel(&norm.scale), self.per_channel(&norm.shift));
        let y = self.node("Mul", &[&y, &scale], &[]);
        let mut y = self.node("Add", &[&y, &shift], &[]);
        if let Some((scale, shift)) = film {
            let one = self.float(1.0);
            let scale = self.node("Add", &[&scale.name, &one], &[]);
            y = self.node("Mul", &[&y, &scale], &[]);
            y = self.node("Add", &[&y, &shift.name], &[]);
        }
        let name = self.silu_of(&y);
        Value { name, shape: x.shape }
    }

    fn silu(&mut self, x: &Value) -> Value {
        Value { name: self.silu_of(&x.name), shape: x.shape }
    }

    fn add(&mut self, x: &Value, y: &Value) -> Value {
        Value { name: self.node("Add", &[&x.name, &y.name], &[]), shape: x.shape }
    }

    fn upsample(&mut self, x: &Value) -> Value {
        let Shape { channels, height, width } = x.shape;
        let scales = self.floats(&[4], &[1.0, 1.0, 2.0, 2.0]);
        let about = [
            ("mode", Attribute::Text("nearest")),
            ("coordinate_transformation_mode", Attribute::Text("asymmetric")),
            ("nearest_mode", Attribute::Text("floor")),
        ];
        let name = self.node("Resize", &[&x.name, "", &scales], &about);
        Value { name, shape: Shape::image(channels, 2 * height, 2 * width) }
    }

    fn join(&mut self, x: &Value, y: &Value) -> Value {
        let name = self.node("Concat", &[&x.name, &y.name], &[("axis", Attribute::Int(1))]);
        Value { name, shape: Shape { channels: x.shape.channels + y.shape.channels, ..x.shape } }
    }

    fn waves(&mut self, x: &Value, frequencies: &[f32]) -> Value {
        let rows = self.floats(&[1, frequencies.len(), 1, 1], frequencies);
        let angles = self.node("Mul", &[&x.name, &rows], &[]);
        let sines = self.node("Sin", &[&angles], &[]);
        let cosines = self.node("Cos", &[&angles], &[]);
        let name = self.node("Concat", &[&sines, &cosines], &[("axis", Attribute::Int(1))]);
        Value { name, shape: Shape::vector(2 * frequencies.len()) }
    }

    fn hats(&mut self, x: &Value, hats: &Hats) -> Value {
        let len = hats.sides.len();
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| {
            let column: Vec<f32> = hats.sides.iter().map(|side| side[i]).collect();
            self.floats(&[1, len, 1, 1], &column)
        });
        let side = |w: &mut Self, slope: &str, start: &str| {
            let y = w.node("Mul", &[&x.name, slope], &[]);
            w.node("Add", &[&y, start], &[])
        };
        let (rising, falling) = (side(self, &a, &b), side(self, &c, &d));
        let (zero, one) = (self.float(0.0), self.float(1.0));
        let y = self.node("Min", &[&rising, &falling], &[]);
        let y = self.node("Min", &[&y, &one], &[]);
        Value { name: self.node("Max", &[&y, &zero], &[]), shape: Shape::vector(len) }
    }

    fn scaled(&mut self, x: &Value, by: &Value, index: usize) -> Value {
        let by = self.slice(&by.name, 1, index as i64, index as i64 + 1);
        Value { name: self.node("Mul", &[&x.name, &by], &[]), shape: x.shape }
    }

    fn flatten(&mut self, x: &Value) -> Value {
        let shape = Shape::vector(x.shape.len());
        let name = self.reshaped(&x.name, &[0, -1, 1, 1]);
        Value { name, shape }
    }

    fn image(&mut self, x: &Value, shape: Shape) -> Value {
        let axes = [0, shape.channels as i64, shape.height as i64, shape.width as i64];
        Value { name: self.reshaped(&x.name, &axes), shape }
    }
}

impl Nodes<'_> {
    fn slice(&mut self, x: &str, axis: i64, from: i64, to: i64) -> String {
        let (from, to, axis) = (self.ints(&[from]), self.ints(&[to]), self.ints(&[axis]));
        self.node("Slice", &[x, &from, &to, &axis], &[])
    }

    /// A picture with the opposite border on every side.
    fn wrapped(&mut self, x: &str, height: usize, width: usize) -> String {
        let mut y = x.to_owned();
        for (axis, size) in [(2, height as i64), (3, width as i64)] {
            let last = self.slice(&y, axis, size - 1, size);
            let first = self.slice(&y, axis, 0, 1);
            y = self.node("Concat", &[&last, &y, &first], &[("axis", Attribute::Int(axis))]);
        }
        y
    }
}
