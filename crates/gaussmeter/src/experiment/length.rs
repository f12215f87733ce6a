use std::fmt;

/// How long a sampler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Number of steps.
    Steps(usize),
    /// Number of grid points: one more than steps. The paper's N.
    Points(usize),
    /// Network evaluations: as many steps as fit.
    Nfe(usize),
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Length::Steps(n) => write!(f, "{n} step{}", if *n == 1 { "" } else { "s" }),
            Length::Points(n) => write!(f, "{n} point{}", if *n == 1 { "" } else { "s" }),
            Length::Nfe(n) => write!(f, "{n} NFE"),
        }
    }
}
