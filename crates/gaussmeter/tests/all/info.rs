//! The numbers that describe a spectrum are those computed by hand, and survive any way of writing
//! the same spectrum; its sketch shows what it should.

use gaussmeter::data;
use gaussmeter::data::Info;
use gaussmeter::report::{Forms, Sketch, by_name};
use gaussmeter::spectrum::Spectrum;
use gaussmeter::summary::{NoPowerLaw, PERCENTS, SHARES, Summary, ranked};
use gaussmeter_testkit::relative_error;
use proptest::prelude::*;

fn spectrum(modes: &[(f64, f64)]) -> Spectrum {
    let (eigenvalues, multiplicities): (Vec<f64>, Vec<f64>) = modes.iter().copied().unzip();
    Spectrum::new("toy", "by hand", &eigenvalues, Some(&multiplicities), None).unwrap()
}

fn summary(modes: &[(f64, f64)]) -> Summary {
    Summary::of(&spectrum(modes))
}

#[track_caller]
fn assert_close(value: f64, expected: f64) {
    assert!(relative_error(value, expected) < 1e-13, "{value:e} instead of {expected:e}");
}

/// Entropy rank, participation ratio, stable rank.
fn ranks(s: &Summary) -> [f64; 3] {
    let ranks = s.effective_ranks.unwrap();
    [ranks.entropy_rank, ranks.participation_ratio, ranks.stable_rank]
}

fn values(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().map(|(_, value)| *value).collect()
}

#[test]
fn white_data_have_every_rank_equal_to_d() {
    for (d, variance) in [(1.0, 0.25), (10.0, 1.0), (2.5, 3.0)] {
        let s = summary(&[(variance, d)]);
        assert_eq!((s.dim, s.rank, s.null_dim, s.distinct), (d, d, 0.0, 1));
        assert_eq!(ranks(&s), [d; 3]);
        assert_eq!((s.trace, s.trace_per_dim), (d * variance, variance));
        assert_eq!((s.condition, s.condition_nonzero), (Some(1.0), Some(1.0)));
        assert_eq!(values(&s.percentiles), [variance; 9]);
    }
    let ten = summary(&[(1.0, 10.0)]);
    assert_eq!(values(&ten.variance_modes), [5.0, 9.0, 10.0, 10.0, 10.0]);
}

#[test]
fn two_levels_by_hand() {
    // tr = 8 + 2 = 10; p = 0.4 twice, 0.01 twenty times; 70 null modes.
    let s = summary(&[(4.0, 2.0), (0.1, 20.0), (0.0, 70.0)]);
    assert_eq!((s.dim, s.rank, s.null_dim, s.distinct), (92.0, 22.0, 70.0, 3));
    assert_close(s.trace, 10.0);
    assert_close(s.trace_per_dim, 10.0 / 92.0);
    assert_eq!((s.highest, s.lowest_nonzero), (4.0, Some(0.1)));
    assert_eq!((s.condition, s.condition_nonzero), (Some(f64::INFINITY), Some(40.0)));
    let [entropy, participation, stable] = ranks(&s);
    assert_close(entropy, (-0.8 * 0.4_f64.ln() - 0.2 * 0.01_f64.ln()).exp());
    assert_close(participation, 100.0 / 32.2);
    assert_close(stable, 2.5);
    // 5 of 10 take both large modes, 9 ten small ones more, 9.5 fifteen, 9.9 and 9.99 nearly all.
    assert_eq!(values(&s.variance_modes), [2.0, 12.0, 17.0, 21.0, 22.0]);
    // 70 of 92 are zero: 76 %. 90 of 92 are 0.1 or less: 98 %.
    assert_eq!(values(&s.percentiles), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 4.0, 4.0]);
    assert_eq!(s.power_law, Err(NoPowerLaw::Rank { rank: 22.0 }));
}

#[test]
fn fractional_multiplicities_are_weights() {
    let s = summary(&[(2.0, 0.5), (1.0, 1.5), (0.0, 2.0)]);
    assert_eq!((s.dim, s.rank, s.null_dim), (4.0, 2.0, 2.0));
    let [entropy, participation, stable] = ranks(&s);
    // p = 0.8 with weight 0.5, 0.4 with weight 1.5.
    assert_close(entropy, (-0.4 * 0.8_f64.ln() - 0.6 * 0.4_f64.ln()).exp());
    assert_close(participation, 6.25 / 3.5);
    assert_close(stable, 1.25);
    // Below 1: the largest eigenvalue has less than one mode.
    assert_close(ranks(&summary(&[(2.0, 0.5)]))[2], 0.5);
    // Half of 2.5 takes 0.5 + 0.25 modes.
    assert_eq!(values(&s.variance_modes), [1.0, 2.0, 2.0, 2.0, 2.0]);
    assert_eq!(ranked(&spectrum(&[(2.0, 0.5), (1.0, 1.5)])), [(1.0, 2.0), (1.5, 1.0), (2.0, 1.0)]);
}

#[test]
fn no_variance_and_too_much() {
    let s = summary(&[(0.0, 3.0)]);
    assert_eq!((s.rank, s.null_dim, s.lowest_nonzero), (0.0, 3.0, None));
    assert_eq!((s.condition, s.condition_nonzero, s.effective_ranks), (None, None, None));
    assert!(s.variance_modes.is_empty() && ranked(&spectrum(&[(0.0, 3.0)])).is_empty());
    let s = summary(&[(1e308, 10.0), (1e-308, 10.0)]);
    assert_eq!((s.trace, s.condition), (f64::INFINITY, Some(f64::INFINITY)));
    assert_close(s.trace_per_dim, 5e307);
    ranks(&s).into_iter().for_each(|rank| assert_close(rank, 10.0));
    assert_eq!(values(&s.variance_modes), [5.0, 9.0, 10.0, 10.0, 10.0]);
}

#[test]
fn means_count_with_their_multiplicity_and_split_no_eigenvalue() {
    let s = Spectrum::new("toy", "", &[1.0, 1.0], Some(&[4.0, 1.0]), Some(&[2.0, 3.0])).unwrap();
    let s = Summary::of(&s);
    assert_eq!((s.mean_norm, s.distinct), (5.0, 1));
}

#[test]
fn power_laws_are_found_where_they_are() {
    for alpha in [0.5, 1.5, 3.0] {
        let s = Summary::of(&data::load(&format!("power-law:d=3072,alpha={alpha}")).unwrap());
        let law = s.power_law.unwrap();
        assert!((law.exponent - alpha).abs() < 1e-12, "{law:?}");
        assert!((law.r_squared - 1.0).abs() < 1e-12, "{law:?}");
        // 3072^¼ = 7.4, 3072^¾ = 412.6.
        assert_eq!((law.first, law.last), (8.0, 412.0));
    }
    let none = |text| Summary::of(&data::load(text).unwrap()).power_law.unwrap_err();
    assert_eq!(none("power-law:d=99,alpha=1"), NoPowerLaw::Rank { rank: 99.0 });
    let white = NoPowerLaw::Distinct { distinct: 0, first: 6.0, last: 177.0 };
    assert_eq!(none("white:d=1000"), white);
    let exponential = none("geometric:d=1000,lowest=1e-9,highest=1");
    assert!(matches!(exponential, NoPowerLaw::Poor { r_squared, .. } if r_squared < 0.9));
    let cifar10 = Summary::of(&data::load("cifar10").unwrap()).power_law.unwrap();
    assert!((1.3..1.5).contains(&cifar10.exponent), "{cifar10:?}");
}

/// Eigenvalues over many orders of magnitude, some of them zero, some equal.
fn modes(multiplicity: impl Strategy<Value = f64>) -> impl Strategy<Value = Vec<(f64, f64)>> {
    let eigenvalue = prop_oneof![
        4 => (-12.0..6.0).prop_map(|e: f64| 10f64.powf(e)),
        2 => (0..3).prop_map(|e| 2f64.powi(e)),
        1 => Just(0.0),
    ];
    proptest::collection::vec((eigenvalue, multiplicity), 1..40)
        .prop_filter("no variance", |modes| modes.iter().any(|(v, _)| *v > 0.0))
}

proptest! {
    /// Rényi entropies decrease with their order.
    #[test]
    fn ranks_are_ordered(modes in modes(0.01..50.0)) {
        let s = summary(&modes);
        let [entropy, participation, stable] = ranks(&s);
        let slack = 1.0 + 1e-12;
        prop_assert!(stable <= participation * slack, "{stable} {participation}");
        prop_assert!(participation <= entropy * slack, "{participation} {entropy}");
        prop_assert!(entropy <= s.rank * slack, "{entropy} {}", s.rank);
        prop_assert!(s.rank <= s.dim * slack);
    }

    #[test]
    fn whole_modes_have_ranks_of_at_least_one(modes in modes((1..50).prop_map(f64::from))) {
        let s = summary(&modes);
        prop_assert!(ranks(&s).into_iter().all(|rank| rank >= 1.0));
        for list in [&s.variance_modes, &s.percentiles] {
            prop_assert!(list.windows(2).all(|w| w[0].1 <= w[1].1), "{list:?}");
        }
        prop_assert_eq!(s.percentiles[0].1 == 0.0, s.null_dim > 0.0);
        prop_assert_eq!(s.percentiles[8].1, s.highest);
        prop_assert!(s.variance_modes.iter().all(|(_, k)| (1.0..=s.rank).contains(k)));
    }

    /// Counts and quantiles agree with those of all modes written out one by one.
    #[test]
    fn whole_multiplicities_are_repetitions(modes in modes((1..9).prop_map(f64::from))) {
        let s = summary(&modes);
        let mut all: Vec<f64> =
            modes.iter().flat_map(|(v, m)| vec![*v; *m as usize]).collect();
        all.sort_by(f64::total_cmp);
        for (percent, value) in PERCENTS.iter().zip(values(&s.percentiles)) {
            let nearest = (percent / 100.0 * all.len() as f64 * (1.0 - 1e-12)).ceil().max(1.0);
            prop_assert_eq!(value, all[nearest as usize - 1], "{} %", percent);
        }
        for (share, count) in SHARES.iter().zip(values(&s.variance_modes)) {
            let held = |k: f64| all.iter().rev().take(k as usize).sum::<f64>() / s.trace;
            prop_assert!(held(count) >= share / 100.0 - 1e-9);
            prop_assert!(held(count - 1.0) < share / 100.0 + 1e-9);
        }
    }

    #[test]
    fn splitting_modes_changes_nothing(
        modes in modes(0.01..50.0),
        parts in proptest::collection::vec((0.05..0.95_f64, -1.0..1.0_f64), 40),
    ) {
        let whole = summary(&modes);
        // Different means keep equal eigenvalues apart.
        let (mut eigenvalues, mut multiplicities, mut means) = (vec![], vec![], vec![]);
        for ((v, m), (part, mean)) in modes.iter().zip(parts) {
            eigenvalues.extend([*v, *v]);
            multiplicities.extend([m * part, m * (1.0 - part)]);
            means.extend([mean, -mean]);
        }
        let split =
            Spectrum::new("", "", &eigenvalues, Some(&multiplicities), Some(&means)).unwrap();
        let split = Summary::of(&split);
        prop_assert_eq!(split.distinct, whole.distinct);
        prop_assert_eq!(split.condition, whole.condition);
        prop_assert_eq!(split.percentiles.clone(), whole.percentiles.clone());
        prop_assert_eq!(split.variance_modes.clone(), whole.variance_modes.clone());
        let numbers =
            |s: &Summary| [ranks(s).to_vec(), vec![s.dim, s.rank, s.trace, s.trace_per_dim]].concat();
        for (a, b) in numbers(&split).into_iter().zip(numbers(&whole)) {
            prop_assert!(relative_error(a, b) < 1e-12, "{a} {b}");
        }
    }

    /// Whatever the spectrum, every format is written, and the sketch fits a terminal.
    #[test]
    fn reports_are_written(modes in modes(0.01..1e6), scale in -300.0..300.0, ascii: bool) {
        let scaled: Vec<_> = modes.iter().map(|(v, m)| (v * 10f64.powf(scale), *m)).collect();
        prop_assume!(scaled.iter().any(|(v, _)| *v > 0.0));
        let info = Info::of(spectrum(&scaled));
        let report = info.report(None, 52, ascii);
        for format in ["text", "markdown", "latex", "csv", "json"] {
            let written = by_name(format).unwrap().to_string(&report).unwrap();
            prop_assert!(!written.contains("NaN"));
            if format == "text" {
                prop_assert!(written.lines().all(|l| l.chars().count() <= 80), "{}", written);
            }
        }
    }
}

fn drawn(points: &[(f64, f64)], ascii: bool) -> String {
    let sketch = Sketch {
        x: "rank".into(),
        y: "eigenvalue".into(),
        points: points.into(),
        ascii,
        ..Sketch::default()
    };
    let report = Forms { sketches: vec![sketch], ..Forms::default() };
    by_name("text").unwrap().to_string(&report).unwrap()
}

#[test]
fn a_sketch_of_a_power_law_is_a_straight_line() {
    assert_eq!(
        drawn(&[(1.0, 100.0), (1000.0, 0.01)], false),
        "\
eigenvalue
 100 ┤⠉⠒⠤⢄⡀
     │    ⠈⠉⠒⠤⢄⡀
     │         ⠈⠉⠒⠢⢄⣀
  10 ┤               ⠉⠒⠢⢄⣀
     │                    ⠉⠒⠢⢄⣀
   1 ┤                         ⠉⠒⠢⢄⣀
     │                              ⠉⠑⠢⠤⣀
     │                                   ⠉⠑⠢⠤⣀
 0.1 ┤                                        ⠉⠑⠢⠤⣀
     │                                             ⠉⠑⠢⠤⣀⡀
     │                                                  ⠈⠑⠒⠤⣀⡀
0.01 ┤                                                       ⠈⠑⠒⠤⣀
     └┬───────────────────┬──────────────────┬───────────────────┬
      1                   10                100                 1000
                                                              rank
"
    );
}

#[test]
fn a_sketch_in_ascii() {
    assert_eq!(
        drawn(&[(1.0, 1.0), (20.0, 1.0), (21.0, 0.01), (784.0, 0.01)], true),
        "\
eigenvalue
   1 +****************************
     |                           *
     |                           *
     |                           *
     |                           *
 0.1 +                           *
     |                           *
     |                           *
     |                           *
     |                           *
     |                           *
0.01 +                           *********************************
     ++-------------------+--------------------+------------------
      1                   10                  100             rank
"
    );
}

#[test]
fn a_sketch_of_one_eigenvalue_is_a_block_between_labels() {
    assert_eq!(
        drawn(&[(1.0, 0.25)], false),
        "\
eigenvalue
  1 ┤
    │
    │
    │
    │
    │
    │
    │⣿
    │
    │
    │
0.1 ┤
    └┬──────────────────────────────────────────────────────────┬
     1                                                          10
                                                             rank
"
    );
    assert_eq!(drawn(&[(1.0, 0.0)], false), "", "nothing to draw");
}
