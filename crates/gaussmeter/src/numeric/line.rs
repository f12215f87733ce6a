//! Minimisation along a line, of functions that are expensive.

/// Where to try a function of one variable next that was tried at places, in order, with the values it had
/// there; `None` if its least value is between neighbours no further than `tolerance`, which must be
/// positive, or is at an end with such a neighbour.
///
/// As in Brent's method (1973, chapter 5) this is the vertex of the parabola through the least value and
/// its neighbours, or, where that does not narrow the bracket, a golden section of its longer part. All
/// that is known is in the places tried, so that whoever tries them may do so as it likes: from its
/// neighbours, say. With several minima it finds one of them. Infinite values are allowed.
pub(crate) fn next_trial(tried: &[(f64, f64)], tolerance: f64) -> Option<f64> {
    let least = (0..tried.len()).min_by(|a, b| tried[*a].1.total_cmp(&tried[*b].1))?;
    let (x, f) = tried[least];
    let left = least.checked_sub(1).map(|i| tried[i]);
    let right = tried.get(least + 1).copied();
    let length = |neighbour: Option<(f64, f64)>| neighbour.map_or(0.0, |(at, _)| (at - x).abs());
    let (before, after) = (length(left), length(right));
    // Places a tolerance apart, up to rounding, are close enough.
    if before.max(after) <= tolerance * (1.0 + 1e-6) {
        return None;
    }
    let (longer, towards) = if before > after { (before, -1.0) } else { (after, 1.0) };
    let (Some((a, fa)), Some((b, fb))) = (left, right) else {
        // At an end it may stay: soon a neighbour is close enough to tell.
        return Some(x + towards * (END * longer).max(tolerance));
    };
    let (p, q) = ((x - a) * (f - fb), (x - b) * (f - fa));
    let vertex = x - 0.5 * ((x - a) * p - (x - b) * q) / (p - q);
    Some(match () {
        () if !vertex.is_finite() => x + towards * GOLDEN * longer,
        // The least value is here: this narrows the bracket to one side, or leads further.
        () if (vertex - x).abs() < tolerance => x + towards * tolerance,
        () if before.min(after) < LOPSIDED * longer => x + towards * GOLDEN * longer,
        () => vertex,
    })
}

/// The smaller part of a golden section.
const GOLDEN: f64 = 0.381_966_011_250_105_1;
/// How far from an end its neighbour is next.
const END: f64 = 0.2;
/// Where one part of a bracket is so much shorter, a parabola would shorten it further.
const LOPSIDED: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    type Shape<'a> = (&'a str, &'a dyn Fn(f64) -> f64, usize);

    /// Where a function on [0, 1] ends, first tried at both ends and in the middle, and after how many trials.
    fn minimum(f: &dyn Fn(f64) -> f64, tolerance: f64) -> (f64, usize) {
        let mut tried: Vec<(f64, f64)> = [0.0, 0.5, 1.0].iter().map(|x| (*x, f(*x))).collect();
        while let Some(x) = next_trial(&tried, tolerance) {
            assert!((0.0..=1.0).contains(&x) && tried.iter().all(|t| t.0 != x), "{x} {tried:?}");
            let position = tried.partition_point(|t| t.0 < x);
            tried.insert(position, (x, f(x)));
            assert!(tried.len() < 40, "{tried:?}");
        }
        let least = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        (least.map_or(f64::NAN, |least| least.0), tried.len() - 3)
    }

    #[test]
    fn minima_inside_are_found_in_few_trials() {
        for centre in [0.03f64, 0.2, 0.37, 0.5, 0.81, 0.99] {
            let shapes: [Shape<'_>; 4] = [
                ("parabola", &|x| (x - centre).powi(2), 12),
                ("skew", &|x| (x - centre).exp() - (x - centre), 12),
                ("corner", &|x| (x - centre).abs(), 16),
                ("quartic", &|x| (x - centre).powi(4) + 1.0, 16),
            ];
            for (name, f, most) in shapes {
                let (found, trials) = minimum(f, 0.01);
                assert!((found - centre).abs() <= 0.01 + 1e-12, "{name} at {centre}: {found}");
                assert!(trials <= most, "{name} at {centre}: {trials} trials");
            }
        }
    }

    #[test]
    fn minima_at_ends_are_told_at_once() {
        for (end, f) in [(0.0, (|x| x) as fn(f64) -> f64), (1.0, |x| -x), (0.0, |x| x * x)] {
            let (found, trials) = minimum(&f, 0.01);
            assert!(found == end && trials <= 4, "{found} after {trials}");
        }
    }

    /// What is infinite is no minimum; where all is the same, one place is as good as another.
    #[test]
    fn walls_and_plateaus_end_too() {
        let wall = |x: f64| if x < 0.3 { f64::INFINITY } else { x };
        assert!((minimum(&wall, 0.01).0 - 0.3).abs() <= 0.01);
        assert_eq!(minimum(&|_| 1.0, 0.01).0, 0.0);
        assert_eq!(minimum(&|_| f64::INFINITY, 0.01).0, 0.0);
        assert_eq!(next_trial(&[], 0.1), None);
        assert_eq!(next_trial(&[(0.5, 1.0)], 0.1), None);
    }
}
