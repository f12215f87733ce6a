use gaussmeter::experiment::Defaults;

/// What can be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Everything about one configuration.
    #[default]
    Eval,
    /// The error along time or truncation.
    Curve,
    /// The error per eigenvalue.
    Modes,
    /// What each step contributes.
    Steps,
    /// The ablation table.
    Table,
    /// Samplers at one budget.
    Rank,
    /// Error against evaluations.
    Pareto,
    /// Schedules beside the optimum.
    Schedules,
    /// A sampler as a program.
    Show,
    /// A spectrum at a glance.
    Info,
    /// What a page shows at once.
    Explore,
    /// The best times of a sampler.
    Tune,
    /// Samples, as pictures.
    Samples,
}

/// Keys of data, process, and where sampling stops.
const PLACE: &[&str] = &["spectrum", "process", "grid", "sampler", "init", "eps"];
/// Keys of the length of a run.
const LENGTH: &[&str] = &["nfe", "steps", "points"];
const NETWORK: &[&str] = &["network"];
const METRIC: &[&str] = &["metric"];

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 13] = [
        Verb::Eval,
        Verb::Curve,
        Verb::Modes,
        Verb::Steps,
        Verb::Table,
        Verb::Rank,
        Verb::Pareto,
        Verb::Schedules,
        Verb::Show,
        Verb::Info,
        Verb::Explore,
        Verb::Tune,
        Verb::Samples,
    ];

    /// The word in the path.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Eval => "eval",
            Verb::Curve => "curve",
            Verb::Modes => "modes",
            Verb::Steps => "steps",
            Verb::Table => "table",
            Verb::Rank => "rank",
            Verb::Pareto => "pareto",
            Verb::Schedules => "schedules",
            Verb::Show => "show",
            Verb::Info => "info",
            Verb::Explore => "explore",
            Verb::Tune => "tune",
            Verb::Samples => "samples",
        }
    }

    /// What it takes where nothing is said.
    pub fn defaults(self) -> &'static Defaults {
        match self {
            Verb::Eval => &Defaults::EVAL,
            Verb::Curve => &Defaults::CURVE,
            Verb::Modes => &Defaults::MODES,
            Verb::Steps => &Defaults::STEPS,
            Verb::Table => &Defaults::TABLE,
            Verb::Rank => &Defaults::RANK,
            Verb::Pareto => &Defaults::PARETO,
            Verb::Schedules => &Defaults::SCHEDULES,
            Verb::Show => &Defaults::SHOW,
            Verb::Info => &Defaults::EVAL,
            Verb::Explore => &Defaults::EXPLORE,
            Verb::Tune => &Defaults::TUNE,
            Verb::Samples => &Defaults::SAMPLE,
        }
    }

    /// The keys of its questions.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        let groups: &[&[&str]] = match self {
            Verb::Eval => &[PLACE, LENGTH, NETWORK, &["modes"]],
            Verb::Curve => &[PLACE, LENGTH, NETWORK, METRIC, &["against", "target"]],
            Verb::Modes | Verb::Steps => &[PLACE, LENGTH, NETWORK],
            Verb::Table => &[PLACE, LENGTH, NETWORK, METRIC, &["paper"]],
            Verb::Rank | Verb::Pareto => &[PLACE, &["nfe"], NETWORK, METRIC],
            Verb::Schedules => &[PLACE, &["nfe", "steps", "objective", "min_ratio"]],
            Verb::Show => &[&["process", "grid", "sampler", "eps"], LENGTH],
            Verb::Info => &[&["spectrum", "tolerance", "against"]],
            Verb::Explore => &[
                PLACE,
                LENGTH,
                NETWORK,
                METRIC,
                &["target", "detail", "curve_points", "mode_points"],
            ],
            Verb::Tune => &[
                &["spectrum", "process", "sampler", "init", "eps"],
                LENGTH,
                NETWORK,
                &["objective", "free", "min_ratio", "starts", "seed"],
            ],
            Verb::Samples => &[PLACE, LENGTH, &["count", "seed"]],
        };
        groups.iter().flat_map(|group| group.iter().copied())
    }

    /// Whether it has to be told a sampler.
    pub(super) fn needs_sampler(self) -> bool {
        self.defaults().samplers.is_empty() && !matches!(self, Verb::Info | Verb::Samples)
    }

    /// Whether several lengths are an answer each.
    pub(super) fn takes_many_lengths(self) -> bool {
        matches!(self, Verb::Table | Verb::Pareto | Verb::Schedules)
    }

    /// Whether sampling may stop at several times.
    pub(super) fn takes_many_eps(self) -> bool {
        matches!(self, Verb::Table | Verb::Curve)
    }

    /// Whether it may take long, so that quick questions do not wait for it.
    pub fn is_long(self) -> bool {
        matches!(
            self,
            Verb::Table | Verb::Rank | Verb::Pareto | Verb::Schedules | Verb::Tune | Verb::Samples
        )
    }
}
