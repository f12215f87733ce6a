//! The few numbers that sizes are computed from.

use super::{FEW, Size, Tensor};

/// Two numbers made one, as the runtime does: whole ones have 32 bits there, and what leaves them is not followed.
pub fn of_two(kind: &str, a: &Tensor, b: &Tensor, dims: Vec<Size>) -> Tensor {
    let is_whole = a.is_whole && b.is_whole;
    let compares = matches!(
        kind,
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor"
    );
    let of = |a: f64, b: f64| {
        let truth = |is: bool| f64::from(u8::from(is));
        Some(match kind {
            "Add" | "Sum" => a + b,
            "Sub" => a - b,
            "Mul" => a * b,
            "Div" if is_whole && b == 0.0 => return None,
            "Div" if is_whole => (a / b).trunc(),
            "Div" => a / b,
            // Signs are a matter of the runtime.
            "Mod" if a >= 0.0 && b > 0.0 => a % b,
            "Max" => a.max(b),
            "Min" => a.min(b),
            "Equal" => truth(a == b),
            "Greater" => truth(a > b),
            "GreaterOrEqual" => truth(a >= b),
            "Less" => truth(a < b),
            "LessOrEqual" => truth(a <= b),
            "And" => truth(a != 0.0 && b != 0.0),
            "Or" => truth(a != 0.0 || b != 0.0),
            "Xor" => truth((a != 0.0) != (b != 0.0)),
            _ => return None,
        })
    };
    let numbers = pairs(a, b).map(|pairs| {
        let each = |(a, b): (Option<f64>, Option<f64>)| kept(of(a?, b?)?, is_whole || compares);
        pairs.into_iter().map(each).collect()
    });
    Tensor::new(dims, numbers, is_whole || compares)
}

/// Numbers beside each other: of lists that are as long, or one beside all of another.
fn pairs(a: &Tensor, b: &Tensor) -> Option<Vec<(Option<f64>, Option<f64>)>> {
    let is_list = |t: &Tensor| t.dims.as_ref().is_some_and(|dims| dims.len() <= 1);
    let (x, y) = (a.numbers.as_ref()?, b.numbers.as_ref()?);
    match (x.len(), y.len()) {
        _ if !(is_list(a) && is_list(b)) => None,
        (n, m) if n == m => Some(x.iter().copied().zip(y.iter().copied()).collect()),
        (_, 1) => Some(x.iter().map(|x| (*x, y[0])).collect()),
        (1, _) => Some(y.iter().map(|y| (x[0], *y)).collect()),
        _ => None,
    }
}

/// The numbers of a tensor that is another one with its values moved: entry `index` of it is entry `from(axis,
/// index)`, for every axis, of the other.
pub fn moved(
    x: &Tensor,
    dims: &[Size],
    from: impl Fn(usize, &[u64]) -> u64,
) -> Option<Vec<Option<f64>>> {
    let numbers = x.numbers.as_ref()?;
    let known = |dims: &[Size]| dims.iter().copied().collect::<Option<Vec<u64>>>();
    let (own, to) = (known(x.dims.as_ref()?)?, known(dims)?);
    let count = to.iter().fold(1, |product: u64, size| product.saturating_mul(*size));
    let entry = |mut flat: u64| {
        let mut index = vec![0; to.len()];
        for (k, size) in to.iter().enumerate().rev() {
            (index[k], flat) = (flat % size, flat / size);
        }
        let of = |at: u64, k: usize| at.saturating_mul(own[k]).saturating_add(from(k, &index));
        let at = (0..own.len()).fold(0, of);
        usize::try_from(at).ok().and_then(|at| numbers.get(at).copied()).flatten()
    };
    (count <= FEW as u64).then(|| (0..count).map(entry).collect())
}

/// One number made another.
pub fn of_one(kind: &str, a: f64, is_whole: bool) -> Option<f64> {
    let found = match kind {
        "Abs" => a.abs(),
        "Neg" => -a,
        "Floor" => a.floor(),
        "Ceil" => a.ceil(),
        "Round" => a.round_ties_even(),
        "Relu" => a.max(0.0),
        "Sqrt" if !is_whole => a.sqrt(),
        "Not" => f64::from(u8::from(a == 0.0)),
        "Identity" | "Cast" | "CastLike" | "Dropout" if is_whole => a.trunc(),
        "Identity" | "Cast" | "CastLike" | "Dropout" => a,
        _ => return None,
    };
    kept(found, is_whole)
}

/// A number that the runtime has as well.
fn kept(number: f64, is_whole: bool) -> Option<f64> {
    let fits = f64::from(i32::MIN) <= number && number <= f64::from(i32::MAX);
    (if is_whole { fits } else { number.is_finite() }).then_some(number)
}

/// Numbers of a `Range`; none where it might not end.
pub fn of_range(from: f64, to: f64, by: f64, is_whole: bool) -> Option<u64> {
    let count = ((to - from) / by).ceil().max(0.0);
    // Steps that do not reach beyond the end: they would be lost in rounding, or leave 32 bits.
    let ends = match is_whole {
        true => kept(to + by, true).is_some(),
        false => by.abs() >= f64::from(f32::EPSILON) * from.abs().max(to.abs()),
    };
    (ends && by != 0.0 && count.is_finite()).then_some(count as u64)
}
