use crate::numeric::written;

/// What a user should know about a result; no reason to stop.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Errors cancel: the whole is smaller than one of its parts.
    BelowComponent {
        /// The whole.
        total: f64,
        /// "initialization", "truncation", "discretization" or "score approximation".
        component: &'static str,
        /// The part.
        part: f64,
    },
    /// Some modes are flipped.
    NegativeGains {
        /// How many distinct modes.
        modes: usize,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::BelowComponent { total, component, part } => write!(
                f,
                "the total error {:.4} is below the {component} error {:.4}: errors cancel here, which is luck, not accuracy",
                written(total),
                written(part)
            ),
            Warning::NegativeGains { modes } => write!(
                f,
                "{modes} mode{} negative gain: the law has the right size, but samples are flipped along these directions",
                if *modes == 1 { " has a" } else { "s have a" }
            ),
        }
    }
}
