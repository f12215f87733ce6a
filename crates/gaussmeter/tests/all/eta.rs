//! The stochasticity of a sampler, sought with its times: against a closed form, and against many values one
//! by one.

use gaussmeter::design::{End, Problem, Space, Start};
use gaussmeter::entry::{Entry, EntryError};
use gaussmeter::experiment::{
    Diffusion, EtaSearch, ExperimentError, Length, TuneOptions, Tuning, tune,
};
use gaussmeter::network::{Learnt, Network};
use gaussmeter::objective::{self, Steps};
use gaussmeter::prelude::*;
use gaussmeter::report::Report;
use gaussmeter::watch::{Progress, Watch};
use gaussmeter::{grid, process, sampler};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is asked of a search.
struct Asked<'a> {
    values: &'a [f64],
    process: &'a str,
    network: &'a str,
    objective: &'a str,
    steps: usize,
    init: Init,
    options: TuneOptions,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Asked {
            values: &[4.0, 1.0, 0.2, 0.03, 0.0],
            process: "edm",
            network: "exact",
            objective: "w2",
            steps: 4,
            init: Init::Normal { std: None },
            options: TuneOptions { starts: 4, free_eta: true, ..TuneOptions::default() },
        }
    }
}

impl Asked<'_> {
    fn watched(&self, sampler: &str, watch: Watch) -> Result<Tuning, ExperimentError> {
        let data = Spectrum::new("few", "", self.values, None, None).unwrap();
        let data = Diffusion::new(data, process::registry().build(self.process).unwrap());
        let free_eta = self.options.free_eta && !sampler.contains("eta=");
        let network = Network::read(self.network).unwrap();
        let options = TuneOptions { network, free_eta, ..self.options.clone() };
        let sampler = sampler::registry().build(sampler).unwrap();
        let objective = objective::registry().build(self.objective).unwrap();
        let (init, length) = (("init", &self.init), Length::Steps(self.steps));
        tune(&data, &sampler, length, init, &objective, options, watch)
    }

    fn of(&self, sampler: &str) -> Tuning {
        self.watched(sampler, Watch::NOBODY).unwrap()
    }

    /// With a given η.
    fn at(&self, sampler: &str, eta: f64) -> Tuning {
        self.of(&format!("{sampler}:eta={eta}"))
    }
}

fn eta(tuning: &Tuning) -> &EtaSearch {
    tuning.eta.as_ref().unwrap()
}

fn with_eta() -> Vec<&'static str> {
    let registry = sampler::registry();
    let has = |e: &&&Entry<dyn Sampler>| e.parameters.iter().any(|p| p.name == "eta");
    registry.entries.iter().filter(has).map(|e| e.name).collect()
}

/// One step of DDIM from N(0, λ + σ²) at σ to σ′ = qσ, for one eigenvalue λ: with c = q √(1 − η²(1 − q²)) the
/// output has the variance (λ² + 2cλσ² − c²λσ²)/(λ + σ²) + σ′², which is λ at c = 1 − q √(1 + σ²/λ).
#[test]
fn one_step_for_one_eigenvalue_has_a_closed_form() {
    for (lambda, q) in [(1.0f64, 0.35), (1.0, 0.32), (4.0, 0.45), (0.5, 0.28)] {
        let (sigma, end) = (2.0, 2.0 * q);
        let c = 1.0 - q * (1.0 + sigma * sigma / lambda).sqrt();
        let expected = ((1.0 - (c / q).powi(2)) / (1.0 - q * q)).sqrt();
        assert!((0.05..0.95).contains(&expected), "{expected}");
        let asked = Asked {
            values: &[lambda],
            process: "edm:sigma_max=2",
            steps: 1,
            init: Init::Exact,
            ..Asked::default()
        };
        let options = TuneOptions { end: End::At(end), ..asked.options.clone() };
        let found = Asked { options, ..asked }.of("ddim");
        let off = (eta(&found).eta - expected).abs();
        assert!(off <= eta(&found).tolerance, "λ = {lambda}, q = {q}: off by {off}");
        assert!(found.w2 < 0.02 * found.eta.as_ref().unwrap().tried[0].w2, "{}", found.w2);
    }
}

/// Fifty values of η, one by one, are no better, with times that are sought as thoroughly.
#[test]
fn no_value_of_many_is_better() {
    // W2 alone has many minima where errors of steps cancel.
    for (sampler, objective, network, most) in [
        ("ddim", "w2", "gain:delta=-0.05", 1.0),
        ("ddim", "robust", "gain:delta=-0.1", 1.0),
        ("dpmpp-2m", "w2", "gain:delta=-0.05", 1.0),
        ("dpmpp-2m", "robust", "gain:delta=-0.05", 1.0),
        ("dpmpp-2m-sde", "w2", "perturbed:delta=0.1", 1.0),
        ("seeds-2", "w2", "gain:delta=-0.1", 1.0),
        ("seeds-2", "w2", "gain:delta=-0.07", 1.0),
        ("euler-ancestral", "kl-reverse", "gain:delta=0.05", 1.0),
    ] {
        let values: &[f64] = match objective {
            "kl-reverse" => &[4.0, 1.0, 0.2, 0.03],
            _ => &[4.0, 1.0, 0.2, 0.03, 0.0],
        };
        let asked = Asked { values, objective, network, ..Asked::default() };
        let found = asked.of(sampler);
        let all = (0..=50).map(|k| f64::from(k) / 50.0);
        let all: Vec<(f64, f64)> = all.map(|eta| (eta, asked.at(sampler, eta).value)).collect();
        let best = all.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        let (what, value) = (format!("{sampler}, {objective}, {network}"), found.value);
        assert!(
            value <= most * best.1 * (1.0 + 1e-6),
            "{what}: {value} at {}, {best:?}",
            eta(&found).eta
        );
        // What is told of it is what the sampler has with that η.
        let again = asked.at(sampler, eta(&found).eta);
        assert!((again.value / value - 1.0).abs() < 1e-3, "{what}: {} {value}", again.value);
        assert_eq!(again.run.sampler, found.run.sampler);
    }
}

/// Neither end is better, for any sampler that has the parameter, and the report has both.
#[test]
fn neither_end_is_better() {
    let names = with_eta();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        // Where there is no signal, a score that is off determines nothing.
        let (process, network) = match name.ends_with("-rf") {
            true => ("flow", "exact"),
            false => ("edm", "gain:delta=-0.05"),
        };
        let asked = Asked { process, steps: 3, network, ..Asked::default() };
        let options = TuneOptions { starts: 2, end: End::At(0.01), ..asked.options.clone() };
        let asked = Asked { options, ..asked };
        let found = asked.of(name);
        for (tried, end) in [(eta(&found).tried.first(), 0.0), (eta(&found).tried.last(), 1.0)] {
            let (tried, alone) = (tried.unwrap(), asked.at(name, end).value);
            assert!(found.value <= alone * (1.0 + 1e-9), "{name}: {} {alone}", found.value);
            assert!(tried.eta == end && *tried.value.as_ref().unwrap() <= alone * (1.0 + 1e-9));
        }
    }
}

/// The objective goes on to η = 0: what little noise is left counts little, and weights are the same. Where a
/// step of the ODE turns a direction around, which the exact network makes none do, it would not: to a rule
/// without noise that is an error of twice the standard deviation, to one with noise it is none.
#[test]
fn the_ode_is_the_limit_of_little_noise() {
    let data = Spectrum::new("few", "", &[4.0, 1.0, 0.2, 0.03, 0.0], None, None).unwrap();
    let network = &Learnt::exact(&data);
    for name in with_eta() {
        let process: Arc<dyn Process> = match name.ends_with("-rf") {
            true => Arc::from(process::registry().build("flow").unwrap().item),
            false => Arc::new(Edm::new(80.0)),
        };
        // Above T's own noise, where some rules have no signal.
        let times: Vec<f64> = match name.ends_with("-rf") {
            true => vec![0.99, 0.8, 0.5, 0.2, 0.05],
            false => vec![80.0, 10.0, 2.0, 0.3, 0.02],
        };
        let grid = Grid::new(process.clone(), &times).unwrap();
        let space = Space::new(&process, 4, Start::Free, End::At(times[4]), 1.0).unwrap();
        let init = &Init::Normal { std: Some(grid.start().sigma) };
        let plan = |eta: f64| {
            let sampler = sampler::registry().build(&format!("{name}:eta={eta}")).unwrap();
            let plan = sampler.item.plan(&grid).unwrap();
            let steps = Steps { count: plan.steps(), multistep: plan.is_multistep() };
            (sampler, steps, plan.nfe())
        };
        for text in ["w2", "local", "robust"] {
            let objective = objective::registry().build(text).unwrap().item;
            let value = |eta: f64| {
                let (sampler, ..) = plan(eta);
                let (sampler, objective) = (&*sampler.item, &*objective);
                let watch = Watch::NOBODY;
                let problem = Problem { network, sampler, init, objective, space: &space, watch };
                objective.readable(problem.value(&grid).unwrap())
            };
            // Some draw noise of η, and some of its root.
            let (ode, little) = (value(0.0), value(1e-10));
            assert!((little / ode - 1.0).abs() < 1e-4, "{name}, {text}: {little} {ode}");
        }
        let (_, steps, nfe) = plan(0.0);
        for eta in [1e-6, 0.5, 1.0] {
            assert_eq!((plan(eta).1, plan(eta).2), (steps, nfe), "{name} at {eta}");
        }
    }
}

/// Where the limit of little noise is compared, the times are its own, and the whole is never worse than what
/// either end has.
#[test]
fn the_limit_of_little_noise_has_its_own_times() {
    let mut limits = 0;
    for (steps, delta) in [(5, 0.05), (4, 0.05), (4, 0.1), (6, 0.1)] {
        let network = &format!("gain:delta={delta}");
        let asked = Asked { objective: "robust", network, steps, ..Asked::default() };
        let found = asked.of("ddim");
        let search = eta(&found);
        let [ode, sde] = [&search.tried[0], search.tried.last().unwrap()];
        let own = *ode.value.as_ref().unwrap();
        let least = ode.limit.unwrap_or(own).min(*sde.value.as_ref().unwrap());
        assert!(found.value <= least * (1.0 + 1e-9), "{steps}, {delta}: {} {least}", found.value);
        let spent: usize = found.tuned.best.evaluations;
        assert!(search.evaluations > spent, "{} {spent}", search.evaluations);
        let Some(limit) = ode.limit else { continue };
        limits += 1;
        assert!(limit < own * (1.0 - 1e-6));
        // With a little noise the times that are told have the limit, those of the ODE alone do not.
        let data = Spectrum::new("few", "", asked.values, None, None).unwrap();
        let network = Network::read(network).unwrap();
        let learnt = Learnt::of(&*network.item, &data).unwrap();
        let objective = objective::registry().build("robust").unwrap().item;
        let sampler = sampler::registry().build("ddim:eta=1e-7").unwrap().item;
        let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
        let space = Space::new(&process, steps, Start::Fixed, End::At(0.0), 1.25).unwrap();
        let init = &Init::Normal { std: Some(80.0) };
        let problem = Problem {
            network: &learnt,
            sampler: &*sampler,
            init,
            objective: &*objective,
            space: &space,
            watch: Watch::NOBODY,
        };
        let again = objective.readable(problem.value(ode.grid.as_ref().unwrap()).unwrap());
        assert!((again / limit - 1.0).abs() < 1e-4, "{again} {limit}");
        if search.eta == 0.0 {
            assert!((found.value / limit - 1.0).abs() < 1e-9, "{} {limit}", found.value);
        }
    }
    assert!(limits > 0);
}

/// Where times make W2 vanish for every η, rounding decides nothing: less noise is better.
#[test]
fn rounding_does_not_choose_noise() {
    let found = Asked { steps: 6, ..Asked::default() }.of("dpmpp-2m");
    assert!(found.w2 < 1e-11, "{}", found.w2);
    assert_eq!(eta(&found).eta, 0.0);
    assert!(eta(&found).is_determined);
}

/// Where the SDE is the best the report says so, with a sampler that can be run.
#[test]
fn more_noise_than_that_of_the_sde_is_hinted_at() {
    let null: Vec<f64> = [1.0].into_iter().chain([0.0; 40]).collect();
    let options = TuneOptions { starts: 2, end: End::At(1e-2), ..TuneOptions::default() };
    let options = TuneOptions { free_eta: true, ..options };
    let network = "gain:delta=-0.3";
    let asked = Asked { values: &null, network, steps: 12, options, ..Asked::default() };
    for (sampler, more) in [
        (
            "dpm-solver-singlestep-sde:order=3,model=noise",
            "dpm-solver-singlestep-sde:order=3,eta=1.5,model=noise",
        ),
        ("ddim", "ddim:eta=1.5"),
    ] {
        let found = asked.of(sampler);
        assert_eq!(eta(&found).eta, 1.0, "{sampler}");
        assert!(eta(&found).goes_on, "{sampler}");
        let notes = found.report().tables()[1].notes.join("; ");
        assert!(notes.contains(&format!("more noise may be better still ({more})")), "{notes}");
        assert!(sampler::registry().build(more).is_ok(), "{more}");
    }
    let inside = Asked { network: "gain:delta=-0.05", ..Asked::default() }.of("ddim");
    let notes = inside.report().tables()[1].notes.join("; ");
    assert!(eta(&inside).eta < 1.0 && !notes.contains("more noise"), "{notes}");
}

/// With an exact network and many steps noise only costs; along null directions a score that is too small
/// leaves e^(−2δL) of the noise's variance to the ODE, which noise forgets (docs/section-5.md).
#[test]
fn noise_pays_where_there_is_something_to_forget() {
    let values: Vec<f64> = (0..12).map(|k| 4.0 * 0.4f64.powi(k)).collect();
    let options = TuneOptions { starts: 2, free_eta: true, ..TuneOptions::default() };
    let exact = Asked { values: &values, steps: 16, options: options.clone(), ..Asked::default() };
    let found = exact.of("ddim");
    assert_eq!((eta(&found).eta, &found.run.sampler[..]), (0.0, "ddim"));

    let null: Vec<f64> = [1.0, 0.3].into_iter().chain([0.0; 40]).collect();
    let network = "gain:delta=-0.05";
    let options = TuneOptions { end: End::At(1e-3), ..options };
    let objective = "robust:deviation=1.6,evaluation=1e-9";
    let asked = Asked { values: &null, network, objective, steps: 16, options, ..Asked::default() };
    for sampler in ["ddim", "dpmpp-2m"] {
        let found = asked.of(sampler);
        let (best, ode) = (eta(&found).eta, eta(&found).tried[0].w2);
        assert!(best > 0.1 && found.w2 < 0.8 * ode, "{sampler}: {best}, {} {ode}", found.w2);
        assert!(
            found.run.sampler.ends_with(&format!("eta={best}")) && found.run.plan.is_stochastic()
        );
    }
}

/// A search that is stopped, at whatever moment, has the best of what it has tried.
#[test]
fn a_stopped_search_tells_the_best_of_what_it_tried() {
    let asked = Asked { network: "gain:delta=-0.05", ..Asked::default() };
    let whole = eta(&asked.of("ddim")).tried.len();
    let mut last = 0;
    for stop in [1, 2, 5, 9, 21] {
        let told = AtomicUsize::new(0);
        let hear = |progress: Option<Progress>| {
            told.fetch_add(
                usize::from(progress.is_some_and(|p| p.what == "eta")),
                Ordering::Relaxed,
            );
            match told.load(Ordering::Relaxed) < stop {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let found = asked.watched("ddim", Watch::new(&hear)).unwrap();
        let search = eta(&found);
        assert!(found.interrupted && search.tried.len() == stop && stop < whole, "{stop} {whole}");
        let values = search.tried.iter().map(|t| *t.value.as_ref().unwrap());
        assert_eq!(found.value, values.fold(f64::INFINITY, f64::min));
        assert!(search.tried.len() > last);
        last = search.tried.len();
        let told = AtomicUsize::new(0);
        let hear = |_: Option<Progress>| match told.fetch_add(1, Ordering::Relaxed) < 40 {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        };
        let discarded = asked.watched("ddim", Watch::new(&hear).discarding());
        assert_eq!(discarded.err(), Some(ExperimentError::Interrupted));
    }
}

#[test]
fn what_cannot_be_sought_is_said() {
    let asked = Asked::default();
    let error = |sampler: &str| asked.watched(sampler, Watch::NOBODY).unwrap_err();
    let ExperimentError::NoEta { sampler, known } = error("heun") else { panic!() };
    assert_eq!((&sampler[..], known), ("heun", with_eta()));
    for given in ["ddim:0.3", "ddim:0", "dpmpp-2m: eta = 0.5"] {
        assert!(matches!(error(given), ExperimentError::GivenEta { .. }), "{given}");
    }
    let diffusers = error("dpmpp-3m-sde:variant=diffusers").to_string();
    assert!(diffusers.contains("has only eta = 0 and eta = 1, not 0.5"), "{diffusers}");
    assert_eq!(error("dpm-solver-singlestep-sde:variant=diffusers").to_string().lines().count(), 1);
}

/// All formats have the best η and what it is compared with.
#[test]
fn reports_have_the_best_and_what_it_is_compared_with() {
    let asked = Asked { network: "gain:delta=-0.05", objective: "robust", ..Asked::default() };
    let found = asked.of("ddim");
    let (best, report) = (eta(&found).eta, found.report());
    assert!(best > 0.0 && best < 1.0 && best != 0.25 && best != 0.5 && best != 0.75, "{best}");
    let table = &report.tables()[1];
    assert_eq!((table.title.as_str(), table.rows.len()), ("Stochasticity", 6));
    let document = report.json();
    assert_eq!(document["sampler"], format!("ddim:eta={best}"));
    assert_eq!(document["eta"]["best"], best);
    let tried = document["eta"]["tried"].as_array().unwrap();
    assert!(tried.is_sorted_by(|a, b| a["eta"].as_f64() < b["eta"].as_f64()) && tried.len() > 6);
    let least = tried.iter().map(|t| t["error"].as_f64().unwrap()).fold(f64::INFINITY, f64::min);
    assert_eq!(document["error"], least);
    let records = report.records();
    assert_eq!((records.columns.len(), records.columns[5].as_str()), (6, "eta"));
    let figure = &report.figures()[0];
    assert_eq!(figure.panels.len(), 3);
    assert!(asked.at("ddim", best).report().json().get("eta").is_none());
}

#[test]
fn members_are_varied_by_one_parameter() {
    let samplers = sampler::registry();
    let given = samplers.build("dpmpp-2m-sde:solver=heun,eta=0.3").unwrap();
    assert!(given.arguments.is_given("eta") && !given.arguments.is_given("lower_order_final"));
    let varied = samplers.with(&given, "eta", "0.125").unwrap();
    assert_eq!(varied.label, "dpmpp-2m-sde:eta=0.125,solver=heun");
    let grid = grid::registry().build("karras").unwrap().item;
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = grid.grid(&process, 5, 0.0).unwrap();
    let direct = samplers.build(&varied.label).unwrap();
    let [a, b] = [&varied, &direct].map(|s| format!("{:?}", s.item.plan(&grid).unwrap()));
    assert_eq!(a, b);
    for (key, value) in [("eta", "-1"), ("eta", "much")] {
        let error = samplers.with(&given, key, value).unwrap_err();
        assert!(matches!(error, EntryError::BadValue { .. }), "{error}");
    }
    let error = samplers.with(&given, "etas", "1").unwrap_err();
    assert!(error.to_string().contains("did you mean 'eta'"), "{error}");
}
