//! What registries promise: every member can be found, built and listed, none is forgotten, and
//! what cannot be built is refused in words that help.

use gaussmeter::data::format;
use gaussmeter::entry::{Entry, EntryError, Kind, Refused, Registry, split_list};
use gaussmeter::families::{Visit, families};
use gaussmeter::objective;
use gaussmeter::process::Edm;
use gaussmeter::{data, export, grid, metric, process, report, sampler};
use proptest::prelude::{ProptestConfig, prop, prop_assert_eq, proptest};
use std::collections::BTreeSet;
use std::path::Path;

/// Runs a check on every registry of the library.
macro_rules! for_every_registry {
    ($check:ident) => {
        struct Checked;
        impl Visit for Checked {
            fn visit<T: ?Sized + 'static>(&mut self, _: &str, _: &str, registry: &Registry<T>) {
                $check(registry);
            }
        }
        families(&mut Checked);
    };
}

/// A text form of an entry that gives the required parameters only, if they can be made up.
fn minimal<T: ?Sized>(entry: &Entry<T>) -> Option<String> {
    let required = entry.parameters.iter().filter(|p| p.default.is_none());
    let given = required.map(|p| match p.kind {
        Kind::Number { min, max } => Some(format!("{}={}", p.name, 1f64.clamp(min, max))),
        Kind::NumberOr { word } | Kind::NonNegativeOr { word } => {
            Some(format!("{}={word}", p.name))
        }
        Kind::Count { min } => Some(format!("{}={}", p.name, min.max(3))),
        Kind::CountTo { min, max } => Some(format!("{}={}", p.name, 3.clamp(min, max))),
        Kind::Choice(words) => Some(format!("{}={}", p.name, words[0])),
        Kind::Text => None,
    });
    let given: Vec<String> = given.collect::<Option<_>>()?;
    Some(format!("{}:{}", entry.name, given.join(",")))
}

#[test]
fn names_are_unique_and_found_in_any_case() {
    fn check<T: ?Sized>(registry: &Registry<T>) {
        let mut seen = BTreeSet::new();
        assert!(!registry.entries.is_empty());
        for entry in &registry.entries {
            for name in [&[entry.name], entry.aliases].concat() {
                let what = format!("{} '{name}'", registry.family);
                assert!(seen.insert(name.to_lowercase()), "{what} is taken");
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
                assert!(plain && !name.is_empty(), "{what} is not a plain word");
                for spelling in [name.to_string(), name.to_lowercase(), name.to_uppercase()] {
                    let found = registry.find(&spelling).unwrap();
                    assert!(std::ptr::eq(found, *entry), "{what} finds '{}'", found.name);
                }
            }
            assert_eq!(entry.name, entry.name.to_lowercase());
        }
        assert_eq!(registry.names().len(), registry.entries.len());
    }
    for_every_registry!(check);
}

/// What other projects call the solvers of the DPM family.
#[test]
fn names_of_other_projects_are_known() {
    for (ours, theirs) in [
        ("ddim", &["CogVideoXDDIMScheduler", "euler_cfg_pp"][..]),
        ("euler-ancestral", &["euler_ancestral", "euler_ancestral_cfg_pp"]),
        ("dpmpp-2m", &["dpmpp_2m", "dpmpp_2m_cfg_pp", "DPMSolverMultistepScheduler"]),
        ("dpmpp-2m", &["sample_dpmpp_2m", "EDMDPMSolverMultistepScheduler"]),
        ("dpmpp-2m-sde", &["dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "sample_dpmpp_2m_sde"]),
        ("dpmpp-2m-sde", &["CosineDPMSolverMultistepScheduler", "CogVideoXDPMScheduler"]),
        ("dpmpp-2m-sde-heun", &["dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"]),
        ("dpmpp-3m-sde", &["dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "sample_dpmpp_3m_sde"]),
        ("dpm-solver-singlestep", &["DPMSolverSinglestepScheduler"]),
        ("dpmpp-sde", &["dpmpp_sde", "dpmpp_sde_gpu", "DPMSolverSDEScheduler"]),
        ("dpmpp-2s-ancestral", &["dpmpp_2s_ancestral", "sample_dpmpp_2s_ancestral"]),
        ("dpmpp-2s-ancestral-cfg-pp", &["dpmpp_2s_ancestral_cfg_pp"]),
        ("dpm-2", &["dpm_2", "sample_dpm_2", "KDPM2DiscreteScheduler"]),
        ("dpm-fast", &["dpm_fast", "sample_dpm_fast"]),
        ("res-multistep", &["res_multistep", "res_multistep_cfg_pp"]),
        ("res-multistep-ancestral", &["res_multistep_ancestral", "res_multistep_ancestral_cfg_pp"]),
    ] {
        for name in theirs {
            assert_eq!(sampler::registry().find(name).unwrap().name, ours, "{name}");
        }
    }
}

#[test]
fn entries_are_described() {
    fn check<T: ?Sized>(registry: &Registry<T>) {
        for entry in &registry.entries {
            let what = format!("{} '{}'", registry.family, entry.name);
            assert!(!entry.summary.is_empty() && !entry.summary.ends_with('.'), "{what}");
            assert!(!entry.summary.contains('\n') && !entry.source.is_empty(), "{what}");
            let keys: BTreeSet<_> = entry.parameters.iter().map(|p| p.name).collect();
            assert_eq!(keys.len(), entry.parameters.len(), "{what} has a parameter twice");
            assert!(entry.parameters.iter().all(|p| !p.summary.is_empty()), "{what}");
        }
    }
    for_every_registry!(check);
    // Those without one have a limit of their own, which is measured instead; what is read from a file
    // has the order that the file declares.
    let without: Vec<_> =
        sampler::registry().entries.iter().filter(|e| e.order.is_none()).map(|e| e.name).collect();
    assert_eq!(without, ["lcm", "tcd", "pc", "annealed-langevin", "butcher", "plan"]);
    assert!(sampler::registry().entries.iter().all(|e| e.order != Some(0)));
}

#[test]
fn defaults_build_and_labels_round_trip() {
    fn check<T: ?Sized>(registry: &Registry<T>) {
        let mut built = 0;
        for entry in &registry.entries {
            let Some(text) = minimal(entry) else { continue };
            let named = registry.build(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((named.name, named.order), (entry.name, entry.order));
            assert_eq!(registry.build(&named.label).unwrap().label, named.label);
            if entry.parameters.iter().all(|p| p.default.is_some()) {
                for name in [&[entry.name], entry.aliases].concat() {
                    assert_eq!(registry.build(name).unwrap().label, entry.name);
                    assert_eq!(registry.build(&format!(" {name} : ")).unwrap().label, entry.name);
                }
            }
            // Defaults given by hand are still defaults.
            let all = entry.parameters.iter().filter_map(|p| Some((p.name, p.default?)));
            for (key, value) in all {
                let text =
                    format!("{text}{}{key}={value}", if text.ends_with(':') { "" } else { "," });
                assert_eq!(registry.build(&text).unwrap().label, named.label);
            }
            built += 1;
        }
        assert!(built > 0, "no {} builds", registry.family);
    }
    for_every_registry!(check);
}

/// Texts that a parameter must refuse.
fn inadmissible(kind: Kind) -> Vec<String> {
    let words = |list: &[&str]| list.iter().map(|w| w.to_string()).collect::<Vec<_>>();
    match kind {
        Kind::Number { min, max } => {
            let mut texts = words(&["nan", "inf", "-inf", "1e999", "one", "", "1 2", "0x1"]);
            if min > f64::MIN {
                texts.extend([format!("{:e}", min.next_down()), "-1e300".into()]);
            }
            if max < f64::MAX {
                texts.extend([format!("{:e}", max.next_up()), "1e300".into()]);
            }
            texts
        }
        Kind::Count { min } => {
            let mut texts = words(&["-1", "1.5", "1e3", "many", "", "99999999999999999999999"]);
            texts.extend(min.checked_sub(1).map(|low| low.to_string()));
            texts
        }
        Kind::CountTo { min, max } => {
            let mut texts = inadmissible(Kind::Count { min });
            texts.push((max + 1).to_string());
            texts
        }
        Kind::NumberOr { word } => {
            let mut texts = words(&["0", "-1", "nan", "inf", "1e999", "wide", ""]);
            texts.push(format!("{word}x"));
            texts
        }
        Kind::NonNegativeOr { word } => {
            let mut texts = words(&["-1", "nan", "inf", "1e999", "wide", ""]);
            texts.push(format!("{word}x"));
            texts
        }
        Kind::Choice(known) => {
            let mut texts = words(&["no-such-word", ""]);
            texts.push(format!("{}x", known[0]));
            texts
        }
        Kind::Text => words(&[""]),
    }
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    fn check<T: ?Sized>(registry: &Registry<T>) {
        for entry in &registry.entries {
            for parameter in entry.parameters {
                for value in inadmissible(parameter.kind) {
                    let text = format!("{}:{}={value}", entry.name, parameter.name);
                    let Err(error) = registry.build(&text) else { panic!("'{text}' was accepted") };
                    assert!(matches!(error, EntryError::BadValue { .. }), "{text}: {error:?}");
                    let expected = format!(
                        "{} '{}': {} = '{value}' is not {}",
                        registry.family,
                        entry.name,
                        parameter.name,
                        parameter.kind.expected()
                    );
                    assert_eq!(error.to_string(), expected);
                }
            }
        }
    }
    for_every_registry!(check);
}

#[test]
fn ranges_read_as_words() {
    let number = |min, max| Kind::Number { min, max }.expected();
    assert_eq!(number(0.0, 1.0), "a number from 0.0 to 1.0");
    assert_eq!(number(0.0, f64::INFINITY), "a number of at least 0.0");
    assert_eq!(number(f64::MIN_POSITIVE, f64::INFINITY), "a positive number");
    assert_eq!(number(f64::NEG_INFINITY, 2.0), "a number of at most 2.0");
    assert_eq!(number(f64::NEG_INFINITY, f64::INFINITY), "a finite number");
    assert_eq!(Kind::NumberOr { word: "auto" }.expected(), "a positive number or 'auto'");
    let expected = Kind::NonNegativeOr { word: "auto" }.expected();
    assert_eq!(expected, "a number of at least 0 or 'auto'");
    assert_eq!(Kind::Count { min: 1 }.expected(), "a whole number of at least 1");
    assert_eq!(Kind::Choice(&["a", "b"]).expected(), "one of a, b");
    assert_eq!(Kind::Text.expected(), "text");
}

#[test]
fn parameters_are_checked() {
    fn check<T: ?Sized>(registry: &Registry<T>) {
        for entry in &registry.entries {
            let what = format!("{} '{}'", registry.family, entry.name);
            let build = |arguments: &str| {
                let text = format!("{}:{arguments}", entry.name);
                registry.build(&text).map(|named| named.label).unwrap_err()
            };
            if let Some(missing) = entry.parameters.iter().find(|p| p.default.is_none()) {
                let (error, EntryError::Missing { key, .. }) = (&build("").to_string(), build(""))
                else {
                    panic!("{what} was built without {}", missing.name);
                };
                assert_eq!(key, missing.name);
                assert_eq!(*error, format!("{what} needs {key}=… ({})", missing.summary));
            }
            // One text parameter takes everything as it is.
            if matches!(entry.parameters, [p] if p.kind == Kind::Text) {
                continue;
            }
            let error = build("zzz=1");
            assert!(matches!(&error, EntryError::UnknownParameter { key, .. } if key == "zzz"));
            let known: Vec<_> = entry.parameters.iter().map(|p| p.name).collect();
            let known = match known[..] {
                [] => "(it has none)".to_string(),
                _ => format!("(known: {})", known.join(", ")),
            };
            assert_eq!(error.to_string(), format!("{what} has no parameter 'zzz' {known}"));
            for p in entry.parameters {
                let misspelt = format!("{}_=1", p.name);
                let message =
                    format!("{what} has no parameter '{}_': did you mean '{}'?", p.name, p.name);
                assert_eq!(build(&misspelt).to_string(), message);
                let value = match p.kind {
                    Kind::Choice(words) => words[0],
                    _ => "1",
                };
                let twice = build(&format!("{0}={value},{0}={value}", p.name));
                assert_eq!(twice.to_string(), format!("{what} got {} twice", p.name));
            }
        }
    }
    for_every_registry!(check);
}

#[test]
fn unknown_names_suggest_the_nearest() {
    fn check<T: ?Sized>(registry: &Registry<T>) {
        for entry in &registry.entries {
            for name in [&[entry.name], entry.aliases].concat() {
                let misspelt = format!("{name}x");
                let Err(error) = registry.find(&misspelt) else { panic!("{misspelt} is a name") };
                let message = error.to_string();
                let start = format!("unknown {} '{misspelt}': did you mean '", registry.family);
                assert!(message.starts_with(&start), "{message}");
                let suggestion = message[start.len()..].trim_end_matches("'?");
                assert_eq!(suggestion, name);
            }
        }
        let Err(error) = registry.build("§§§:a=1") else { panic!("built") };
        let known = registry.names().join(", ");
        assert_eq!(
            error.to_string(),
            format!("unknown {} '§§§' (known: {known})", registry.family)
        );
    }
    for_every_registry!(check);
}

/// What looks at the data has no exact law: it is refused by its name and with the reason.
#[test]
fn what_is_not_linear_is_refused_with_the_reason() {
    let samplers = sampler::registry();
    for name in ["dpm_adaptive", "DPM-Adaptive", "rk45", "dpm_adaptive:rtol=0.05"] {
        let Err(EntryError::Refused { reason, .. }) = samplers.build(name) else {
            panic!("{name} is not refused");
        };
        assert!(reason.contains("chooses its steps from the state"), "{name}");
    }
    let refusal = |text: &str| samplers.build(text).unwrap_err().to_string();
    assert_eq!(
        refusal("ddim:eta=0.5,clip_sample=true"),
        "sampler 'ddim': parameter 'clip_sample' is refused: clipping the predicted data is not \
         linear in the state, so there is no exact law: gaussmeter never clips"
    );
    assert!(refusal("dpmpp-2m:thresholding=true").contains("takes a quantile"));
    assert!(refusal("ScoreSdeVeScheduler").starts_with("sampler 'ScoreSdeVeScheduler' is refused"));
    // Unknown names stay unknown.
    assert!(matches!(samplers.build("ddim:clip=1"), Err(EntryError::UnknownParameter { .. })));
    assert!(matches!(samplers.build("adaptive"), Err(EntryError::UnknownName { .. })));
    // No member, and no parameter of one, is refused.
    let (mut members, mut parameters) = (BTreeSet::new(), BTreeSet::new());
    for refused in samplers.refused {
        let (names, reason, all) = match refused {
            Refused::Members { names, reason } => (names, reason, &mut members),
            Refused::Parameters { names, reason } => (names, reason, &mut parameters),
        };
        assert!(!reason.contains('\n') && !reason.ends_with('.'));
        assert!(names.iter().all(|name| all.insert(name.to_lowercase())), "{names:?}");
    }
    for entry in &samplers.entries {
        let names = [&[entry.name], entry.aliases].concat();
        assert!(!names.iter().any(|name| members.contains(&name.to_lowercase())), "{names:?}");
        assert!(!entry.parameters.iter().any(|p| parameters.contains(p.name)), "{}", entry.name);
    }
}

#[test]
fn the_first_parameter_needs_no_key() {
    let sampler = |text: &str| sampler::registry().build(text).unwrap().label;
    assert_eq!(sampler("heun:euler"), "heun:final=euler");
    assert_eq!(sampler("HEUN: final = euler "), "heun:final=euler");
    assert_eq!(sampler("heun:heun"), "heun");
    let process = |text: &str| process::registry().build(text).map(|n| n.label);
    assert_eq!(process("vp:0.1,t_max=2").unwrap(), "vp-linear:beta_min=0.1,t_max=2");
    assert!(
        matches!(process("vp:0.1,2"), Err(EntryError::UnknownParameter { key, .. }) if key == "2")
    );
    assert_eq!(process("karras:40").unwrap(), "edm:sigma_max=40");
    // In range one by one, but not together.
    assert_eq!(
        process("vp:beta_min=0,beta_max=0").unwrap_err().to_string(),
        "process 'vp-linear': beta_min and beta_max are both 0, so no noise is ever added"
    );
    for (text, reason) in [
        (
            "unipc:order=1,solver=bh1,corrector=no",
            "'unipc': solver weights differences, and order=1,corrector=no has none",
        ),
        (
            "unipc:order=1,lower_order_final=always",
            "'unipc': lower_order_final has no effect at order=1",
        ),
        (
            "deis:order=1,variant=t",
            "'deis': variant chooses how predictions are interpolated, and order=1 has only one",
        ),
    ] {
        let error = sampler::registry().build(text).map(|n| n.label).unwrap_err();
        assert_eq!(error.to_string(), format!("sampler {reason}"));
    }
    // A file name is taken whole.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a=1,b=2.txt");
    std::fs::write(&path, "1\n0.5\n0\n").unwrap();
    for text in [format!("times:{}", path.display()), format!("times:file={}", path.display())] {
        let named = grid::registry().build(&text).unwrap();
        assert_eq!(named.item.own_steps(), Some(2));
        assert_eq!(named.item.own_end(&Edm::new(1.0)), Some(0.0));
        assert_eq!(named.label, format!("times:file={}", path.display()));
    }
}

#[test]
fn formats_are_registered_like_the_rest() {
    let mut seen = BTreeSet::new();
    for format in report::formats() {
        assert!(!format.summary.is_empty() && !format.extensions.is_empty(), "{}", format.name);
        assert!(seen.insert(format.name.to_lowercase()), "{} is taken", format.name);
        for name in [&[format.name], format.extensions].concat() {
            for spelling in [name.to_lowercase(), name.to_uppercase()] {
                assert_eq!(report::by_name(&spelling).unwrap().name, format.name);
            }
        }
        for extension in format.extensions {
            let path = format!("a.b/c.{}", extension.to_uppercase());
            assert_eq!(report::by_extension(path).unwrap().name, format.name);
        }
        let error = report::by_name(&format!("{}x", format.name)).unwrap_err().to_string();
        let suggestion = format!("did you mean '{}'?", format.name);
        assert!(error.ends_with(&suggestion), "{error}");
    }
    let names = |known: &[&'static str]| known.iter().copied().collect::<BTreeSet<_>>().len();
    let read: Vec<_> = format::formats().iter().map(|f| f.name).collect();
    assert_eq!(names(&read), format::formats().len());
    let extensions: Vec<_> = format::formats().iter().flat_map(|f| f.extensions).copied().collect();
    assert_eq!(names(&extensions), extensions.len());
}

// ------------------------------------------------------------------------------------- the files

/// The names of all `static … : kind = … { name: "…", … };` in a source file.
fn declared_names(source: &str, kind: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in source.lines() {
        let is_static = line.contains("static ") && line.contains(&format!(": {kind}"));
        inside = (inside || is_static) && line != "};";
        let value = line.strip_prefix("    name: \"").and_then(|v| v.strip_suffix("\","));
        names.extend(value.filter(|_| inside).map(String::from));
    }
    names
}

/// Every file of a folder declares members that are registered, but for the helpers named here; and
/// everything registered is declared in one of them.
#[track_caller]
fn check_folder(folder: &str, kind: &str, helpers: &[&str], registered: Vec<&'static str>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut found = BTreeSet::new();
    let mut without = BTreeSet::new();
    for entry in std::fs::read_dir(&path).unwrap() {
        // A member may be a folder with helpers of its own.
        let entry = entry.unwrap().path();
        let stem = entry.file_stem().unwrap().to_str().unwrap().to_string();
        let file = if entry.is_dir() { entry.join("mod.rs") } else { entry };
        if file.extension().is_none_or(|e| e != "rs") || stem == "mod" {
            continue;
        }
        let names = declared_names(&std::fs::read_to_string(&file).unwrap(), kind);
        if names.is_empty() {
            without.insert(stem);
        }
        for name in names {
            assert!(
                registered.contains(&&*name),
                "'{name}' of {} is not registered",
                file.display()
            );
            assert!(found.insert(name.clone()), "'{name}' of {} is declared twice", file.display());
        }
    }
    assert_eq!(found, registered.iter().map(|n| n.to_string()).collect(), "{folder}");
    let helpers: BTreeSet<String> = helpers.iter().map(|h| h.to_string()).collect();
    assert_eq!(without, helpers, "files of {folder} without a member");
}

#[test]
fn every_file_is_registered() {
    let shared = &[
        "document",
        "exponential",
        "expression",
        "multistep",
        "recorded",
        "refused",
        "stride",
        "transfer",
        "variable",
    ];
    check_folder("sampler", "Entry<dyn Sampler>", shared, sampler::registry().names());
    check_folder("process", "Entry<dyn Process>", &["noticed"], process::registry().names());
    check_folder(
        "grid",
        "Entry<dyn GridRule>",
        &["kept", "length", "numpy", "range", "span"],
        grid::registry().names(),
    );
    check_folder("metric", "Entry<dyn Metric>", &["bures"], metric::registry().names());
    check_folder("export", "Entry<dyn Target>", &["runner"], export::registry().names());
    let rules = gaussmeter::network::conditioning::registry().names();
    check_folder("network/conditioning", "Entry<TimestepRule>", &[], rules);
    let objectives = objective::registry().names();
    check_folder("objective", "Entry<dyn Objective>", &[], objectives);
    check_folder("data/preset", "Entry<Spectrum>", &[], data::registry().names());
    let read = format::formats().iter().map(|f| f.name).collect();
    check_folder("data/format", "Format", &[], read);
    let written = report::formats().iter().map(|f| f.name).collect();
    let shared = &["chart", "figure", "plot", "records", "sketch", "style", "table", "thin"];
    check_folder("report", "Format", shared, written);
}

/// The reader of source files above sees what is there.
#[test]
fn declarations_are_found() {
    let source = "static A: Entry<dyn X> = Entry {\n    name: \"a\",\n    parameters: &[P {\n        name: \"p\",\n    }],\n};\n\
                  name: \"no\",\npub(super) static B: Entry<dyn X> = Entry {\n    name: \"b\",\n};\n    name: \"no\",\n\
                  static C: Entry<dyn Y> = Entry {\n    name: \"c\",\n};\n";
    assert_eq!(declared_names(source, "Entry<dyn X>"), ["a", "b"]);
}

// ---------------------------------------------------------------------------------------- lists

#[test]
fn lists_split_between_members() {
    for (text, expected) in [
        ("", &[][..]),
        (" , ,", &[]),
        ("em", &["em"]),
        ("em,heun", &["em", "heun"]),
        (" em , heun ,", &["em", "heun"]),
        ("heun:final=euler,em", &["heun:final=euler", "em"]),
        ("vp:beta_min=1,t_max=2", &["vp:beta_min=1,t_max=2"]),
        ("vp:1,t_max=2,edm", &["vp:1,t_max=2", "edm"]),
        ("vp:beta_min=1, t_max=2 , edm:sigma_max=3", &["vp:beta_min=1,t_max=2", "edm:sigma_max=3"]),
        ("a:b=c:d,e=f:g", &["a:b=c:d,e=f:g"]),
        // An argument without a member before it is left to be refused.
        ("em,final=euler", &["em", "final=euler"]),
        ("final=euler", &["final=euler"]),
    ] {
        assert_eq!(split_list(text), expected, "'{text}'");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// A list of text forms, joined by commas, comes apart again.
    #[test]
    fn lists_round_trip(items in prop::collection::vec("[a-z]{1,5}(:[a-z]{1,3}=[0-9]{1,2}(,[a-z]{1,3}=[0-9]{1,2}){0,2})?", 0..6)) {
        prop_assert_eq!(split_list(&items.join(",")), items);
    }

    /// No text makes a registry panic, and what is built keeps its label.
    #[test]
    fn any_text_is_answered(text in "(em|heun|vp|edm|normal|white|w2|times)?[:=,a-z0-9.+-]{0,12}") {
        struct Answered(String);
        impl Visit for Answered {
            fn visit<T: ?Sized + 'static>(&mut self, _: &str, _: &str, registry: &Registry<T>) {
                let same = |label: &str| registry.build(label).is_ok_and(|m| m.label == label);
                match registry.build(&self.0) {
                    Ok(member) => assert!(same(&member.label), "{}", self.0),
                    Err(error) => assert!(!error.to_string().is_empty(), "{}", self.0),
                }
            }
        }
        families(&mut Answered(text));
    }
}

#[test]
fn every_format_of_numbers_is_fuzzed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for format in gaussmeter::data::format::formats() {
        let file = format!("fuzz_targets/numbers_{}.rs", format.name);
        assert!(folder.join(&file).is_file() && manifest.contains(&file), "{file} is missing");
    }
}
