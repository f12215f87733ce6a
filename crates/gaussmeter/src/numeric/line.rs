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

/// A place where a function and its derivative are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub x: f64,
    pub f: f64,
    pub slope: f64,
}

/// Where, between neighbours further than `tolerance` apart, the cubics through values and slopes (Hermite's)
/// promise a value that is less than the least known by a part `worth` of it, and the least; `None` if none
/// does. So minima are found that values alone do not show: two between neighbours, say. Of what is infinite
/// or unknown nothing is promised.
pub(crate) fn promise(places: &[Place], tolerance: f64, worth: f64) -> Option<f64> {
    let least = places.iter().map(|p| p.f).fold(f64::INFINITY, f64::min);
    let between = |pair: &[Place]| {
        let [a, b] = pair else { return None };
        let width = b.x - a.x;
        let known = [a.f, b.f, a.slope, b.slope].iter().all(|v| v.is_finite());
        if !known || width <= tolerance || (a.slope >= 0.0 && b.slope <= 0.0) {
            return None;
        }
        // In u from 0 to 1: f + p u + q u² + r u³.
        let (p, rise) = (a.slope * width, b.f - a.f);
        let (q, r) = (3.0 * rise - 2.0 * p - b.slope * width, p + b.slope * width - 2.0 * rise);
        // The root of p + 2 q u + 3 r u² where the second derivative is positive, without cancellation.
        let root = q.mul_add(q, -3.0 * p * r).sqrt();
        let u = if q < 0.0 { (root - q) / (3.0 * r) } else { -p / (q + root) };
        if !(0.0..=1.0).contains(&u) {
            return None;
        }
        let u = u.clamp(INSIDE, 1.0 - INSIDE);
        let f = a.f + u * (p + u * (q + u * r));
        (f < a.f.min(b.f)).then_some((a.x + u * width, f))
    };
    let all = places.windows(2).filter_map(between);
    let (x, f) = all.min_by(|a, b| a.1.total_cmp(&b.1))?;
    (f < least - worth * least.abs()).then_some(x)
}

/// How far from both neighbours a place is tried, as a part of their distance.
const INSIDE: f64 = 0.1;
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

    /// Two minima in one bracket, of which values show neither or the wrong one.
    #[test]
    fn slopes_promise_minima_that_values_do_not_show() {
        let f = |x: f64| (x - 0.32).powi(2) * ((x - 0.37).powi(2) + 1e-3) * 1e3 - 2e-4 * x;
        let place = |x: f64| Place { x, f: f(x), slope: (f(x + 1e-6) - f(x - 1e-6)) / 2e-6 };
        let mut places: Vec<Place> = [0.3, 0.4].map(place).into();
        for _ in 0..12 {
            let Some(x) = promise(&places, 0.002, 1e-3) else { break };
            assert!(places.iter().all(|p| p.x != x), "{x}");
            places.insert(places.partition_point(|p| p.x < x), place(x));
        }
        let least = |places: &mut dyn Iterator<Item = f64>| {
            places.fold(f64::NAN, |least, x| if f(x) >= f(least) { least } else { x })
        };
        let found = least(&mut places.iter().map(|p| p.x));
        let best = least(&mut (0..=1000).map(|k| 0.3 + 1e-4 * f64::from(k)));
        assert!((found - best).abs() < 0.003, "{found} {best}");
        // A cubic is met exactly.
        let cubic = |x: f64| Place { x, f: x * x * x - x, slope: 3.0 * x * x - 1.0 };
        let x = promise(&[0.0, 1.0].map(cubic), 0.01, 1e-3);
        assert!(x.is_some_and(|x| (x - 3f64.sqrt().recip()).abs() < 1e-15), "{x:?}");
    }

    #[test]
    fn nothing_is_promised_beyond_ends_or_of_what_is_unknown() {
        let at = |x: f64, f: f64, slope: f64| Place { x, f, slope };
        let none = |places: &[Place]| promise(places, 0.01, 1e-3).is_none();
        assert!(none(&[]) && none(&[at(0.0, 1.0, -1.0)]));
        // Falling all the way, a hill, too near, no slope, infinite; not worth it.
        assert!(none(&[at(0.0, 1.0, -1.0), at(1.0, 0.0, -1.0)]));
        assert!(none(&[at(0.0, 1.0, 1.0), at(1.0, 1.0, -1.0)]));
        assert!(none(&[at(0.0, 1.0, -9.0), at(0.01, 1.0, 9.0)]));
        assert!(none(&[at(0.0, 1.0, f64::NAN), at(1.0, 1.0, 1.0)]));
        assert!(none(&[at(0.0, f64::INFINITY, -1.0), at(1.0, 1.0, 1.0)]));
        assert!(none(&[at(0.0, 1.0, -1e-3), at(1.0, 1.0, 1e-3)]));
        // A promise is inside, and of several the least is taken.
        let x = promise(&[at(0.0, 1.0, -1.0), at(1.0, 9.0, 99.0)], 0.01, 1e-3);
        assert!(x.is_none_or(|x| (0.1..=0.9).contains(&x)), "{x:?}");
        let two = [at(0.0, 1.0, -1.0), at(1.0, 1.0, 2.0), at(2.0, 1.0, 1.0)];
        let x = promise(&[two[0], two[1], at(1.5, 1.0, 0.1)], 0.01, 1e-3);
        assert!(x.is_some_and(|x| x < 1.0), "{x:?}");
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
