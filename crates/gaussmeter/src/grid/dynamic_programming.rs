use super::range::{Range, SIGMA_MAX};
use super::span::{Data, SIGMA_MIN, Span, TO_DATA, lowest};
use super::{Grid, GridError, GridRule, Request};
use crate::entry::{Entry, Kind, Parameter};
use crate::process::Process;

/// Optimal steps by dynamic programming: the times of a student chosen among those of a teacher.
///
/// The teacher is the exact solution of the probability-flow ODE at n fine levels, those of Karras et al.
/// (ρ = 7). For every number of steps i and every level j, the student with i DDIM steps ending at
/// j extends the student with i − 1 steps that gives the smallest
/// E‖x_student(j) − x_teacher(j)‖², here Σ (λ + s_j²)(1 − ∏ cos(θ_k − θ_{k+1}))².
///
/// As in the publication, one student is kept per level. For one eigenvalue this finds the best
/// subset; for several, the best student with i steps need not extend the best one with i − 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DynamicProgramming {
    teacher: usize,
    range: Range,
}

impl DynamicProgramming {
    /// The rule for a teacher with this many steps.
    pub fn new(teacher: usize, range: Range) -> Self {
        DynamicProgramming { teacher, range }
    }

    /// The teacher's levels, noisiest first.
    fn fine(&self, span: &Span, lowest: f64) -> Vec<f64> {
        let to_data = span.low == 0.0;
        let low = if to_data { lowest.min(0.5 * span.high) } else { span.low };
        let parts = if to_data { self.teacher - 1 } else { self.teacher };
        let [a, b] = [span.high, low].map(|s| s.powf(1.0 / 7.0));
        let level = |k: usize| match k {
            0 => span.high,
            k if k == self.teacher => span.low,
            k if k == parts => low,
            k => {
                let ramp = k as f64 / parts as f64;
                (a * (1.0 - ramp) + b * ramp).powi(7)
            }
        };
        (0..=self.teacher).map(level).collect()
    }
}

/// Refuses a search that would take more than an hour, or gigabytes.
fn affordable(modes: usize, teacher: usize, steps: usize) -> Result<(), GridError> {
    let [modes, fine, wanted] = [modes, teacher, steps].map(|n| n as f64);
    // Per step, every pair of levels on every eigenvalue; roots, two generations of students, whence.
    let seconds = 1.5e-9 * wanted * 0.5 * fine * fine * modes;
    let bytes = 8.0 * fine * (3.0 * modes + wanted);
    match seconds <= 3600.0 && bytes <= 2e9 {
        true => Ok(()),
        false => Err(GridError::TooMuch {
            what: format!("choosing {steps} steps among {teacher}"),
            hours: seconds / 3600.0,
            gigabytes: bytes / 1e9,
            remedy: "a smaller teacher=…",
        }),
    }
}

/// The positions in `fine` of a student's levels, both ends included.
fn choose(data: &Data, fine: &[f64], steps: usize) -> Vec<usize> {
    let last = fine.len() - 1;
    // Per level and mode: 1/√(λ + s²).
    let roots: Vec<Vec<f64>> = fine
        .iter()
        .map(|s| data.modes.iter().map(|[_, l]| (l + s * s).sqrt().recip()).collect())
        .collect();
    // Per level: standard deviations relative to the teacher's, and the previous level.
    let mut students: Vec<Option<Vec<f64>>> = vec![None; fine.len()];
    students[0] = Some(vec![1.0; data.modes.len()]);
    let mut whence = vec![vec![0; fine.len()]; steps + 1];
    for step in 1..=steps {
        let mut next: Vec<Option<Vec<f64>>> = vec![None; fine.len()];
        // The others cannot reach the end in time.
        let reach = if step == steps { last..=last } else { step..=last - (steps - step) };
        for j in reach {
            let (to, to_roots) = (fine[j], &roots[j]);
            let mut best = f64::INFINITY;
            for (k, student) in students[..j].iter().enumerate() {
                let Some(student) = student else { continue };
                let (from, from_roots) = (fine[k], &roots[k]);
                let gain = |i: usize| {
                    let cos = (data.modes[i][1] + from * to) * from_roots[i] * to_roots[i];
                    student[i] * cos
                };
                let mut error = 0.0;
                for (i, [count, _]) in data.modes.iter().enumerate() {
                    let off = (1.0 - gain(i)) / to_roots[i];
                    error += count * off * off;
                }
                if error < best {
                    best = error;
                    whence[step][j] = k;
                }
            }
            if let Some(student) = &students[whence[step][j]] {
                let k = whence[step][j];
                let gains = student.iter().enumerate().map(|(i, gain)| {
                    gain * (data.modes[i][1] + fine[k] * to) * roots[k][i] * to_roots[i]
                });
                next[j] = Some(gains.collect());
            }
        }
        students = next;
    }
    let mut positions = vec![last];
    for step in (1..=steps).rev() {
        positions.push(whence[step][positions[positions.len() - 1]]);
    }
    positions.reverse();
    positions
}

impl GridRule for DynamicProgramming {
    fn follows_data(&self) -> bool {
        true
    }

    fn place(&self, request: Request) -> Result<Grid, GridError> {
        let Request { process, steps, eps, .. } = request;
        let data = Data::with_variance(request.spectrum()?)?;
        self.range.along(process, steps, eps, |span| {
            if span.high.is_infinite() {
                return Err(GridError::NoLargest);
            }
            let wanted = span.count - 1;
            if self.teacher < wanted {
                return Err(GridError::Teacher { teacher: self.teacher, steps: wanted });
            }
            affordable(data.modes.len(), self.teacher, wanted)?;
            let fine = self.fine(&span, lowest(&**process));
            Ok(choose(&data, &fine, wanted).into_iter().map(|k| fine[k]).collect())
        })
    }

    fn own_end(&self, process: &dyn Process) -> Option<f64> {
        self.range.own_end(process)
    }
}

pub(super) static ENTRY: Entry<dyn GridRule> = Entry {
    name: "dynamic-programming",
    aliases: &["oss"],
    summary: "times of a fine teacher grid, by dynamic programming on the error of DDIM along the way",
    source: "arXiv 2503.21774, with the error in closed form",
    order: None,
    parameters: &[
        Parameter {
            name: "teacher",
            kind: Kind::CountTo { min: 1, max: 100_000 },
            default: Some("100"),
            summary: "number of fine steps to choose from",
        },
        SIGMA_MIN,
        SIGMA_MAX,
        TO_DATA,
    ],
    build: |a| Ok(Box::new(DynamicProgramming::new(a.count("teacher"), Range::from(a)))),
};
