//! What is known of the outputs of every operation that networks are made of.

use super::numbers::{moved, of_one, of_range, of_two};
use super::{FEW, Size, Tensor};
use crate::graph::Node;

/// Known and unknown axes.
type Dims = Vec<Size>;

/// What is known of the outputs; nothing of an operation that is not here.
pub fn outputs(node: &Node, inputs: &[Option<&Tensor>]) -> Vec<Tensor> {
    let op = Operation { node, inputs };
    let made = match &node.kind[..] {
        "Constant" => node.constant(),
        "Shape" => op.shape(),
        "Size" => op.input(0).map(|x| {
            let count = x.elements().map(|count| count as f64);
            Tensor::new(Vec::new(), Some(vec![count]), true)
        }),
        "Split" => return op.split().unwrap_or_default(),
        "TopK" => return op.top().map(|t| vec![t.clone(), t]).unwrap_or_default(),
        "DynamicQuantizeLinear" => {
            let one = || Tensor::new(Vec::new(), None, false);
            return op.like(0).map(|y| vec![y, one(), one()]).unwrap_or_default();
        }
        kind if ONE.contains(&kind) => op.one(),
        kind if TWO.contains(&kind) => op.two(),
        kind => op.layout(kind).or_else(|| op.computed(kind)),
    };
    // Masks, means and the like are at most as large as the first output.
    let second = made.as_ref().map(|t| Tensor { numbers: None, ..t.clone() }).unwrap_or_default();
    let rest = node.outputs.len().saturating_sub(1);
    std::iter::once(made.unwrap_or_default()).chain(std::iter::repeat_n(second, rest)).collect()
}

/// Operations whose output has the shape of the first input.
const ONE: &[&str] = &[
    "Abs",
    "Acos",
    "Asin",
    "Atan",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Ceil",
    "Clip",
    "Cos",
    "CumSum",
    "DequantizeLinear",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "EyeLike",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "IsInf",
    "IsNaN",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "Neg",
    "Not",
    "QuantizeLinear",
    "Reciprocal",
    "Relu",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softmax",
    "Softplus",
    "Sqrt",
    "Tan",
    "Tanh",
    "Trilu",
];

/// Operations whose inputs are broadcast against each other.
const TWO: &[&str] = &[
    "Add",
    "And",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "Pow",
    "PRelu",
    "Sub",
    "Sum",
    "Where",
    "Xor",
];

struct Operation<'a> {
    node: &'a Node,
    inputs: &'a [Option<&'a Tensor>],
}

/// Shapes of any number of tensors, broadcast.
fn broadcast<'a>(all: impl Iterator<Item = &'a Dims>) -> Dims {
    all.fold(Vec::new(), |a, b| {
        let length = a.len().max(b.len());
        let at = |dims: &Dims, k: usize| match (k + dims.len()).checked_sub(length) {
            Some(k) => dims[k],
            None => Some(1),
        };
        let size = |k| match (at(&a, k), at(b, k)) {
            (Some(1), size) | (size, Some(1)) => size,
            (Some(a), Some(b)) => Some(a.max(b)),
            // Either it is one, or both are the same.
            (None, size) | (size, None) => size,
        };
        (0..length).map(size).collect()
    })
}

/// The axis of this number, which counts from the end where it is negative.
fn axis(number: i64, length: usize) -> Option<usize> {
    let number = if number < 0 { number + length as i64 } else { number };
    usize::try_from(number).ok().filter(|k| *k < length)
}

impl<'a> Operation<'a> {
    fn input(&self, k: usize) -> Option<&'a Tensor> {
        self.inputs.get(k).copied().flatten()
    }

    fn dims(&self, k: usize) -> Option<&'a Dims> {
        self.input(k)?.dims.as_ref()
    }

    /// Whole numbers that are an input, or in old files an attribute.
    fn ints(&self, name: &str, k: usize) -> Option<Vec<i64>> {
        match self.node.ints(name) {
            Some(ints) => Some(ints.to_vec()),
            None => self.input(k)?.ints(),
        }
    }

    fn has(&self, name: &str, k: usize) -> bool {
        self.node.ints(name).is_some() || self.input(k).is_some()
    }

    /// Numbers without a shape of input `k`.
    fn like(&self, k: usize) -> Option<Tensor> {
        let x = self.input(k)?;
        Some(Tensor { dims: x.dims.clone(), ..Tensor::default() })
    }

    /// Values of another shape, in the same order.
    fn reshaped(&self, dims: Dims) -> Option<Tensor> {
        let x = self.input(0)?;
        Some(Tensor::new(dims, x.numbers.clone(), x.is_whole))
    }

    fn one(&self) -> Option<Tensor> {
        const REALS: [i64; 4] = [1, 10, 11, 16];
        let x = self.input(0)?;
        let is_whole = match &self.node.kind[..] {
            "Cast" => !REALS.contains(&self.node.int("to", 1)),
            "CastLike" => self.input(1).is_some_and(|like| like.is_whole),
            "Not" | "IsInf" | "IsNaN" | "QuantizeLinear" => true,
            "DequantizeLinear" => false,
            _ => x.is_whole,
        };
        let is_truth = self.node.kind == "Cast" && self.node.int("to", 1) == 9;
        let of = |v: &Option<f64>| {
            let found = v.and_then(|v| of_one(&self.node.kind, v, is_whole));
            found.filter(|_| !is_truth || matches!(v, Some(0.0 | 1.0)))
        };
        let numbers = x.numbers.as_ref().map(|numbers| numbers.iter().map(of).collect());
        Some(match &x.dims {
            Some(dims) => Tensor::new(dims.clone(), numbers, is_whole),
            None => Tensor { is_whole, ..Tensor::default() },
        })
    }

    fn two(&self) -> Option<Tensor> {
        let all: Option<Vec<&Dims>> = (0..self.inputs.len()).map(|k| self.dims(k)).collect();
        let dims = broadcast(all?.into_iter());
        match (&self.node.kind[..], self.inputs) {
            ("Where", [Some(is), Some(yes), Some(no)]) => Some(chosen(is, yes, no, dims)),
            (kind, [Some(a), Some(b)]) => Some(of_two(kind, a, b, dims)),
            _ => Some(Tensor { dims: Some(dims), ..Tensor::default() }),
        }
    }

    /// Operations that move values, and those whose outputs are as large as numbers say.
    fn layout(&self, kind: &str) -> Option<Tensor> {
        let x = self.input(0)?;
        match kind {
            "ConstantOfShape" => {
                let dims = sizes(x)?;
                let filling = self.node.filling();
                let number = filling.and_then(|f| f.numbers.as_ref()?.first().copied().flatten());
                let number = if filling.is_some() { number } else { Some(0.0) };
                let count = Tensor::new(dims.clone(), None, true).elements().unwrap_or(0);
                let few = count <= super::FEW as u128;
                let numbers = few.then(|| vec![number; count as usize]);
                Some(Tensor::new(dims, numbers, filling.is_some_and(|f| f.is_whole)))
            }
            "Range" => {
                let number = |k| self.input(k)?.numbers.as_ref()?.first().copied().flatten();
                let (from, to, by) = (number(0)?, number(1)?, number(2)?);
                let count = of_range(from, to, by, x.is_whole)?;
                let few = count <= super::FEW as u64;
                let numbers = few.then(|| (0..count).map(|k| Some(from + by * k as f64)).collect());
                Some(Tensor::new(vec![Some(count)], numbers, x.is_whole))
            }
            "Expand" => {
                let from = x.dims.as_ref()?;
                let dims = broadcast([from, &sizes(self.input(1)?)?].into_iter());
                let before = dims.len() - from.len();
                let of = |k: usize, index: &[u64]| {
                    if from[k] == Some(1) { 0 } else { index[before + k] }
                };
                let numbers = moved(x, &dims, of);
                Some(Tensor::new(dims, numbers, x.is_whole))
            }
            "Tile" => {
                let (dims, by) = (x.dims.as_ref()?, sizes(self.input(1)?)?);
                let times = |(size, by): (&Size, &Size)| Some((*size)?.saturating_mul((*by)?));
                let dims = (dims.len() == by.len()).then(|| dims.iter().zip(&by).map(times));
                Some(Tensor::new(dims?.collect(), None, false))
            }
            "Pad" => self.padded(),
            "OneHot" => {
                let mut dims = x.dims.clone()?;
                let depth = sizes(self.input(1)?)?.first().copied().flatten();
                let at = axis(self.node.int("axis", -1), dims.len() + 1)?;
                dims.insert(at, depth);
                Some(Tensor::new(dims, None, false))
            }
            "Resize" => self.resized(),
            "Reshape" => self.reshape(),
            "Flatten" => {
                let dims = x.dims.as_ref()?;
                let at = self.node.int("axis", 1);
                let at = if at == dims.len() as i64 { dims.len() } else { axis(at, dims.len())? };
                let [rows, columns] = [&dims[..at], &dims[at..]].map(product);
                self.reshaped(vec![rows, columns])
            }
            "Squeeze" => {
                let dims = x.dims.as_ref()?;
                let at: Vec<usize> = match self.has("axes", 1) {
                    true => {
                        let given = self.ints("axes", 1)?;
                        given.iter().map(|k| axis(*k, dims.len())).collect::<Option<_>>()?
                    }
                    false => {
                        let sizes: Vec<u64> = dims.iter().copied().collect::<Option<_>>()?;
                        (0..sizes.len()).filter(|k| sizes[*k] == 1).collect()
                    }
                };
                let kept = dims.iter().enumerate().filter(|(k, _)| !at.contains(k));
                self.reshaped(kept.map(|(_, size)| *size).collect())
            }
            "Unsqueeze" => {
                let (dims, axes) = (x.dims.as_ref()?, self.ints("axes", 1)?);
                let length = dims.len() + axes.len();
                let at: Vec<usize> =
                    axes.iter().map(|k| axis(*k, length)).collect::<Option<_>>()?;
                let mut rest = dims.iter();
                let size = |k| if at.contains(&k) { Some(Some(1)) } else { rest.next().copied() };
                self.reshaped((0..length).map(size).collect::<Option<_>>()?)
            }
            "Transpose" => {
                let dims = x.dims.as_ref()?;
                let turned = (0..dims.len() as i64).rev().collect();
                let order = self.node.ints("perm").map_or(turned, <[i64]>::to_vec);
                let order = order.iter().map(|k| axis(*k, dims.len()));
                let order: Vec<usize> = order.collect::<Option<_>>()?;
                let dims: Dims = order.iter().map(|k| dims[*k]).collect();
                let place = |k| order.iter().position(|from| *from == k).unwrap_or(0);
                let numbers = moved(x, &dims, |k, index| index.get(place(k)).copied().unwrap_or(0));
                Some(Tensor::new(dims, numbers, x.is_whole))
            }
            "Concat" => self.joined(),
            "Slice" => self.slice(),
            "Gather" => self.gathered(),
            "GatherElements" => self.like(1),
            "GatherND" => {
                let (dims, indices) = (x.dims.as_ref()?, self.dims(1)?);
                let (last, rest) = indices.split_last()?;
                let from = usize::try_from(self.node.int("batch_dims", 0)).ok()?;
                let from = from.checked_add(usize::try_from((*last)?).ok()?)?;
                let dims = rest.iter().chain(dims.get(from..)?).copied().collect();
                Some(Tensor::new(dims, None, x.is_whole))
            }
            "DepthToSpace" => {
                let [n, c, h, w] = x.dims.as_ref()?[..] else { return None };
                let block = u64::try_from(self.node.int("blocksize", 0)).ok().filter(|b| *b > 0)?;
                let square = block.checked_mul(block)?;
                let times = |size: Size| size.map(|size| size.saturating_mul(block));
                let dims = vec![n, c.map(|c| c / square), times(h), times(w)];
                Some(Tensor::new(dims, None, false))
            }
            _ => None,
        }
    }

    /// Operations that compute with values.
    fn computed(&self, kind: &str) -> Option<Tensor> {
        let x = self.dims(0)?;
        let dims = match kind {
            "MatMul" | "MatMulInteger" => product_of(x, self.dims(1)?)?,
            "Gemm" => {
                let at = |k: usize, name: &str, first: bool| -> Option<Size> {
                    let [rows, columns] = self.dims(k)?[..] else { return None };
                    Some(if (self.node.int(name, 0) != 0) == first { columns } else { rows })
                };
                vec![at(0, "transA", true)?, at(1, "transB", false)?]
            }
            "Einsum" => self.einsum()?,
            "Conv" | "ConvInteger" => {
                let w = self.dims(1)?;
                let sides = self.windows(w.get(2..)?, true)?;
                [*x.first()?, *w.first()?].into_iter().chain(sides).collect()
            }
            "ConvTranspose" => {
                let w = self.dims(1)?;
                let groups = u64::try_from(self.node.int("group", 1)).ok()?;
                let channels = w.get(1)?.map(|c| c.saturating_mul(groups));
                let sides = self.unwound(w.get(2..)?)?;
                [*x.first()?, channels].into_iter().chain(sides).collect()
            }
            "MaxPool" | "AveragePool" => {
                let size = |k: &i64| Some(u64::try_from(*k).ok());
                let kernel: Dims =
                    self.node.ints("kernel_shape")?.iter().map(size).collect::<Option<_>>()?;
                let sides = self.windows(&kernel, false)?;
                [*x.first()?, *x.get(1)?].into_iter().chain(sides).collect()
            }
            "GlobalAveragePool" | "GlobalMaxPool" => {
                x.iter().enumerate().map(|(k, size)| if k < 2 { *size } else { Some(1) }).collect()
            }
            kind if kind.starts_with("Reduce") => return self.reduced(),
            "ArgMax" | "ArgMin" => {
                let at = axis(self.node.int("axis", 0), x.len())?;
                self.without(&[at], self.node.int("keepdims", 1) != 0)?
            }
            _ => return None,
        };
        Some(Tensor::new(dims, None, matches!(kind, "ArgMax" | "ArgMin")))
    }

    fn shape(&self) -> Option<Tensor> {
        let dims = self.dims(0)?;
        let length = dims.len() as i64;
        let end = |value: i64| {
            let value = if value < 0 { value.saturating_add(length) } else { value };
            value.clamp(0, length) as usize
        };
        let (from, to) = (end(self.node.int("start", 0)), end(self.node.int("end", length)));
        let sizes = dims.get(from..to.max(from))?;
        Some(Tensor::list(sizes.iter().map(|size| size.map(|size| size as f64)).collect(), true))
    }

    fn padded(&self) -> Option<Tensor> {
        let mut dims = self.dims(0)?.clone();
        let (pads, length) = (self.ints("pads", 1)?, dims.len() as i64);
        let axes = if self.has("axes", 3) { self.ints("axes", 3)? } else { (0..length).collect() };
        for (k, number) in axes.iter().enumerate() {
            let at = axis(*number, dims.len())?;
            let both = pads.get(k)?.checked_add(*pads.get(k + axes.len())?)?;
            dims[at] = dims[at].map(|size| size.saturating_add_signed(both));
        }
        Some(Tensor::new(dims, None, false))
    }

    fn resized(&self) -> Option<Tensor> {
        let dims = self.dims(0)?;
        let scales = self.input(2).filter(|scales| scales.elements() != Some(0));
        let sides: Dims = match (scales, self.input(3)) {
            (Some(scales), None) => {
                let scales = scales.numbers.as_ref()?;
                let times = |(size, scale): (&Size, &Option<f64>)| {
                    Some(((*size)? as f64 * scale.as_ref()?).floor() as u64)
                };
                dims.iter().zip(scales).map(times).collect()
            }
            (_, to) => sizes(to?)?,
        };
        (sides.len() == dims.len()).then(|| Tensor::new(sides, None, false))
    }

    fn reshape(&self) -> Option<Tensor> {
        let x = self.input(0)?;
        let to = self.input(1)?;
        let numbers = to.numbers.as_ref()?;
        let keeps = self.node.int("allowzero", 0) == 0;
        let of = |(k, number): (usize, &Option<f64>)| match number {
            Some(0.0) if keeps => x.dims.as_ref()?.get(k).copied().flatten(),
            Some(number) => u64::try_from(*number as i64).ok(),
            None => None,
        };
        let mut dims: Dims = numbers.iter().enumerate().map(of).collect();
        // One that is open, whether it is −1 or is not known, is what is left.
        let mut open = dims.iter().enumerate().filter(|(_, size)| size.is_none());
        if let (Some((at, _)), None, Some(count)) = (open.next(), open.next(), x.elements()) {
            let known = dims.iter().flatten().map(|size| u128::from(*size));
            let known = known.fold(1, u128::saturating_mul);
            dims[at] = u64::try_from(count.checked_div(known)?).ok();
        }
        self.reshaped(dims)
    }

    fn joined(&self) -> Option<Tensor> {
        let all: Vec<&Tensor> = self.inputs.iter().copied().collect::<Option<_>>()?;
        let mut dims = all.first()?.dims.clone()?;
        let at = axis(self.node.int("axis", i64::MAX), dims.len())?;
        let mut sum = Some(0u64);
        for tensor in &all {
            let other = tensor.dims.as_ref()?;
            sum = sum.zip(*other.get(at)?).map(|(sum, size)| sum.saturating_add(size));
            for (k, size) in other.iter().enumerate().filter(|(k, _)| *k != at) {
                *dims.get_mut(k)? = dims[k].or(*size);
            }
        }
        dims[at] = sum;
        let is_few = dims.len() == 1 && sum.is_some_and(|sum| sum <= FEW as u64);
        let lists = all.iter().map(|t| t.numbers.as_deref()).filter(|_| is_few);
        let numbers = lists.collect::<Option<Vec<_>>>().map(|lists| lists.concat());
        Some(Tensor::new(dims, numbers, all.iter().all(|t| t.is_whole)))
    }

    fn slice(&self) -> Option<Tensor> {
        let x = self.input(0)?;
        let mut dims = x.dims.clone()?;
        let (from, to) = (self.ints("starts", 1)?, self.ints("ends", 2)?);
        let all = (0..from.len() as i64).collect();
        let axes = if self.has("axes", 3) { self.ints("axes", 3)? } else { all };
        let ones = vec![1; from.len()];
        let steps = if self.has("steps", 4) { self.ints("steps", 4)? } else { ones };
        let mut taken = vec![(0, 1); dims.len()];
        for (k, number) in axes.iter().enumerate() {
            let at = axis(*number, dims.len())?;
            let step = *steps.get(k)?;
            let Some(size) = dims[at] else { continue };
            let (first, count) = steps_of(*from.get(k)?, *to.get(k)?, step, size)?;
            (dims[at], taken[at]) = (Some(count), (first, step));
        }
        let numbers = moved(x, &dims, |k, index| {
            let (first, step) = taken[k];
            step.saturating_mul(index[k] as i64)
                .saturating_add(first)
                .try_into()
                .unwrap_or(u64::MAX)
        });
        Some(Tensor::new(dims, numbers, x.is_whole))
    }

    fn gathered(&self) -> Option<Tensor> {
        let (x, indices) = (self.input(0)?, self.input(1)?);
        let (from, of) = (x.dims.as_ref()?, indices.dims.as_ref()?);
        let at = axis(self.node.int("axis", 0), from.len())?;
        let dims = from[..at].iter().chain(of).chain(&from[at + 1..]).copied().collect();
        let numbers = x.numbers.as_ref().filter(|_| from.len() == 1).and_then(|numbers| {
            let of = |k: i64| numbers.get(axis(k, numbers.len())?).copied().flatten();
            Some(indices.ints()?.into_iter().map(of).collect())
        });
        Some(Tensor::new(dims, numbers, x.is_whole))
    }

    fn split(&self) -> Option<Vec<Tensor>> {
        let x = self.input(0)?;
        let dims = x.dims.as_ref()?;
        let at = axis(self.node.int("axis", 0), dims.len())?;
        let count = self.node.outputs.len();
        let sizes: Dims = match self.has("split", 1) {
            true => {
                self.ints("split", 1)?.into_iter().map(|size| u64::try_from(size).ok()).collect()
            }
            false => {
                let each = dims[at].map(|size| size.div_ceil(count.max(1) as u64));
                let size = |k: usize| {
                    let (size, each) = (dims[at]?, each?);
                    Some(size.saturating_sub(each.saturating_mul(k as u64)).min(each))
                };
                (0..count).map(size).collect()
            }
        };
        let mut from = Some(0);
        let of = |size: &Size| {
            let part = match (&x.numbers, from, size) {
                (Some(numbers), Some(from), Some(size)) if dims.len() == 1 => {
                    Some(numbers.iter().skip(from).take(*size as usize).copied().collect())
                }
                _ => None,
            };
            from = from.zip(*size).map(|(from, size)| from.saturating_add(size as usize));
            let mut dims = dims.clone();
            dims[at] = *size;
            Tensor::new(dims, part, x.is_whole)
        };
        Some(sizes.iter().map(of).collect())
    }

    fn top(&self) -> Option<Tensor> {
        let mut dims = self.dims(0)?.clone();
        let at = axis(self.node.int("axis", -1), dims.len())?;
        dims[at] = sizes(self.input(1)?)?.first().copied().flatten();
        Some(Tensor::new(dims, None, false))
    }

    /// Axes without these, or with one value in each of them.
    fn without(&self, axes: &[usize], keeps: bool) -> Option<Dims> {
        let of = |(k, size): (usize, &Size)| match (axes.contains(&k), keeps) {
            (true, true) => Some(Some(1)),
            (true, false) => None,
            (false, _) => Some(*size),
        };
        Some(self.dims(0)?.iter().enumerate().filter_map(of).collect())
    }

    fn reduced(&self) -> Option<Tensor> {
        let x = self.input(0)?;
        let length = x.dims.as_ref()?.len();
        let given = if self.has("axes", 1) { self.ints("axes", 1)? } else { Vec::new() };
        let axes: Vec<usize> = given.iter().map(|k| axis(*k, length)).collect::<Option<_>>()?;
        let axes = match (axes.is_empty(), self.node.int("noop_with_empty_axes", 0)) {
            (true, 0) => (0..length).collect(),
            _ => axes,
        };
        let dims = self.without(&axes, self.node.int("keepdims", 1) != 0)?;
        let fold = |of: fn(f64, f64) -> f64| {
            let known: Option<Vec<f64>> = x.numbers.as_ref()?.iter().copied().collect();
            known?.into_iter().reduce(of)
        };
        let number = match &self.node.kind[..] {
            _ if axes.len() < length => None,
            "ReduceProd" => fold(|a, b| a * b),
            "ReduceSum" => fold(|a, b| a + b),
            "ReduceMax" => fold(f64::max),
            "ReduceMin" => fold(f64::min),
            _ => None,
        };
        let number = number.filter(|n| n.abs() <= f64::from(i32::MAX));
        Some(Tensor::new(dims, number.map(|n| vec![Some(n)]), x.is_whole))
    }

    fn einsum(&self) -> Option<Dims> {
        let equation: String = self.node.text("equation").chars().filter(|c| *c != ' ').collect();
        let (from, to) = equation.split_once("->")?;
        let mut sizes: Vec<(char, Size)> = Vec::new();
        for (k, letters) in from.split(',').enumerate() {
            let dims = self.dims(k)?;
            if letters.chars().count() != dims.len() {
                return None;
            }
            for pair in letters.chars().zip(dims.iter().copied()) {
                match sizes.iter_mut().find(|(letter, _)| *letter == pair.0) {
                    Some((_, size)) => *size = size.zip(pair.1).map(|(a, b)| a.max(b)),
                    None => sizes.push(pair),
                }
            }
        }
        let size = |letter| sizes.iter().find(|(l, _)| *l == letter).map(|(_, size)| *size);
        to.chars().map(size).collect()
    }

    /// Sides after a window has been moved over pictures.
    fn windows(&self, kernel: &[Size], dilates: bool) -> Option<Dims> {
        let sides = self.dims(0)?.get(2..)?;
        let same = self.node.text("auto_pad").starts_with("SAME");
        let rounds_up = self.node.int("ceil_mode", 0) != 0;
        let of = |(k, (side, kernel)): (usize, (&Size, &Size))| -> Option<Size> {
            let stride = self.at("strides", k, 1)?.max(1);
            let dilation = if dilates { self.at("dilations", k, 1)? } else { 1 };
            let pads =
                self.at("pads", k, 0)?.saturating_add(self.at("pads", k + sides.len(), 0)?);
            let (Some(side), Some(kernel)) = (*side, *kernel) else { return Some(None) };
            if same {
                return Some(Some(side.div_ceil(stride)));
            }
            let reach = dilation.saturating_mul(kernel.saturating_sub(1)).saturating_add(1);
            let room = side.saturating_add(pads).saturating_sub(reach);
            let steps = if rounds_up { room.div_ceil(stride) } else { room / stride };
            Some(Some(steps.saturating_add(1)))
        };
        (sides.len() == kernel.len())
            .then(|| sides.iter().zip(kernel).enumerate().map(of).collect())
            .flatten()
    }

    /// Sides after the reverse of that.
    fn unwound(&self, kernel: &[Size]) -> Option<Dims> {
        let sides = self.dims(0)?.get(2..)?;
        let same = self.node.text("auto_pad").starts_with("SAME");
        let of = |(k, (side, kernel)): (usize, (&Size, &Size))| -> Option<Size> {
            let stride = self.at("strides", k, 1)?.max(1);
            let more = self.at("output_padding", k, 0)?;
            let pads =
                self.at("pads", k, 0)?.saturating_add(self.at("pads", k + sides.len(), 0)?);
            let (Some(side), Some(kernel)) = (*side, *kernel) else { return Some(None) };
            if same {
                return Some(Some(side.saturating_mul(stride)));
            }
            let apart = side.saturating_sub(1).saturating_mul(stride);
            Some(Some(apart.saturating_add(kernel).saturating_add(more).saturating_sub(pads)))
        };
        (sides.len() == kernel.len())
            .then(|| sides.iter().zip(kernel).enumerate().map(of).collect())
            .flatten()
    }

    /// Entry `k` of whole numbers that are not negative.
    fn at(&self, name: &str, k: usize, default: u64) -> Option<u64> {
        match self.node.ints(name) {
            None => Some(default),
            Some(ints) => u64::try_from(*ints.get(k)?).ok(),
        }
    }
}

/// Sizes that are the numbers of a tensor.
fn sizes(tensor: &Tensor) -> Option<Dims> {
    let size = |number: &Option<f64>| number.and_then(|n| u64::try_from(n as i64).ok());
    Some(tensor.numbers.as_ref()?.iter().map(size).collect())
}

fn product(dims: &[Size]) -> Size {
    dims.iter().try_fold(1u64, |product, size| Some(product.saturating_mul((*size)?)))
}

/// The first index and the number of those that a slice of an axis takes.
fn steps_of(from: i64, to: i64, step: i64, size: u64) -> Option<(i64, u64)> {
    let size = i64::try_from(size).ok()?;
    let within = |at: i64, least: i64, most: i64| {
        let at = if at < 0 { at.saturating_add(size) } else { at };
        at.clamp(least, most)
    };
    match step {
        0 => None,
        1.. => {
            let (from, to) = (within(from, 0, size), within(to, 0, size));
            Some((from, ((to - from).max(0) as u64).div_ceil(step as u64)))
        }
        _ => {
            let (from, to) = (within(from, -1, size - 1), within(to, -1, size - 1));
            Some((from, ((from - to).max(0) as u64).div_ceil(step.unsigned_abs())))
        }
    }
}

/// The shape of a product of matrices, or of many; nothing of many matrices and a vector, which the runtime leaves one
/// axis too many.
fn product_of(a: &Dims, b: &Dims) -> Option<Dims> {
    let [rows, columns] = match (&a[..], &b[..]) {
        ([_], [_]) => return Some(Vec::new()),
        ([_], [_, columns]) => return Some(vec![*columns]),
        ([rows, _], [_]) => return Some(vec![*rows]),
        ([.., rows, _], [.., _, columns]) => [*rows, *columns],
        _ => return None,
    };
    let outer = [a, b].map(|dims| dims[..dims.len() - 2].to_vec());
    let mut dims = broadcast(outer.iter());
    dims.extend([rows, columns]);
    Some(dims)
}

/// Numbers of one of two, where it is known which.
fn chosen(is: &Tensor, yes: &Tensor, no: &Tensor, dims: Dims) -> Tensor {
    let one = |t: &Tensor, k: usize| {
        let numbers = t.numbers.as_ref()?;
        numbers.get(if numbers.len() == 1 { 0 } else { k }).copied().flatten()
    };
    let count = product(&dims).filter(|count| *count <= super::FEW as u64 && dims.len() <= 1);
    let of = |k: usize| one(if one(is, k)? == 0.0 { no } else { yes }, k);
    let numbers = count.map(|count| (0..count as usize).map(of).collect());
    Tensor::new(dims, numbers, yes.is_whole && no.is_whole)
}
