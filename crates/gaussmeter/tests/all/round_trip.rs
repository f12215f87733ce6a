//! What `gaussmeter show` writes is read back as the same program: every sampler on every process, with
//! whatever networks are told, to σ = 0 and to a level above it.

use gaussmeter::experiment::{Diffusion, Length, NamedSampler, Setting, program};
use gaussmeter::network::Network;
use gaussmeter::prelude::*;
use gaussmeter::report::Report;
use gaussmeter::sampler::PlanFile;
use gaussmeter::tape::Op;
use gaussmeter::{process, sampler};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Networks that are told other levels than solvers work with.
const TOLD: &[&str] = &[
    "vp-discrete:conditioning=fractional",
    "vp-discrete:conditioning=fractional,network=x0",
    "vp-discrete:conditioning=round",
    "vp-discrete:conditioning=round,network=v",
    "vp-discrete:conditioning=truncate,network=x0",
    "vp-discrete:schedule=linear,steps=50,beta_end=0.3,conditioning=fractional,network=v",
    "flow:shift=3",
    "flow:coordinates=u",
    "flow:coordinates=u,shift=3",
    "flow:coordinates=u,noise=comfyui",
    "flow:coordinates=u,noise=comfyui,shift=0.5",
    "flow:conditioning=round",
    "flow:conditioning=truncate,shift=3",
    "flow:conditioning=round,steps=20,shift=2",
];

/// Variants that leave the levels of their grid, or their number.
const VARIANTS: &[&str] = &[
    "ddim:eta=0.5",
    "edm:s_churn=3",
    "edm-euler:s_churn=3,variant=diffusers",
    "dpm-fast:variant=comfyui",
    "dpm-fast:eta=0.5,variant=comfyui",
    "deis:repeated_end=yes",
    "deis:order=4,variant=comfyui-rhoab",
    "restart:min=0.2,max=3,repeats=2,steps=3",
    "pc:predictor=ddim,step=0.3",
    "pc:predictor=ancestral,repeats=2",
    "midpoint:noise-ratio",
    "sa-solver-pece:tau=0.5",
    "unipc:order=3,solver=bh1",
];

fn setting(process_text: &str, shares: &[f64]) -> Setting {
    let process: Arc<dyn Process> = process::registry().build(process_text).unwrap().item.into();
    let times = shares.iter().map(|share| share * process.t_max()).collect();
    let (lambda, mean) = ([0.0, 1e-3, 0.3, 1.0, 40.0], [0.5, -0.25, 1.0, -2.0, 3.0]);
    let spectrum = Spectrum::new("test", "", &lambda, None, Some(&mean)).unwrap();
    Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(spectrum),
            process,
            process_label: process_text.into(),
        },
        rule: Arc::new(Times::new(times)),
        rule_label: "times".into(),
        network: Network::default(),
    }
}

/// The law of the program that was read back, to the last bit; `None` where there is no program.
fn round_trip(setting: &Setting, named: &NamedSampler, steps: usize, eps: f64) -> Option<()> {
    let what = format!("{} on {}", named.label, setting.process_label);
    let entry = sampler::registry().find(named.name).unwrap();
    let shown = program(setting, named, entry, Length::Steps(steps), eps).ok()?;
    let text = shown.report(80).json().to_string();
    let read = PlanFile::parse(&text).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(read.own_steps(), Some(steps), "{what}");
    let plan = read.plan(&shown.run.grid).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(plan.ops().len(), shown.run.plan.ops().len(), "{what}");
    let levels = |plan: &gaussmeter::tape::Plan| -> Vec<Level> {
        let level = |op: &Op| match op {
            Op::Predict { level, .. } | Op::Arrive { level, .. } => Some(**level),
            Op::Noise { .. } | Op::Combine { .. } => None,
        };
        plan.ops().iter().filter_map(level).collect()
    };
    assert_eq!(levels(&plan), levels(&shown.run.plan), "{what}");
    let [a, b] = [&plan, &shown.run.plan].map(|plan| Output::of(plan, &setting.spectrum));
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for (a, b) in
        [(&a.gain, &b.gain), (&a.noise_variance, &b.noise_variance), (&a.mean_gain, &b.mean_gain)]
    {
        assert_eq!(bits(a), bits(b), "{what}");
    }
    Some(())
}

#[test]
fn every_program_is_read_back_to_the_last_bit() {
    let names = sampler::registry().names_alone();
    let processes = process::registry().names_alone();
    let mut undefined: BTreeMap<String, usize> = BTreeMap::new();
    let mut read = 0;
    for process_text in processes.iter().chain(TOLD) {
        for (shares, eps) in [
            (&[0.9, 0.6123, 0.3, 0.11, 0.02, 0.0][..], 0.0),
            (&[0.95, 0.7, 0.45, 0.2, 0.1, 0.05, 0.0123][..], 0.0123),
        ] {
            let setting = setting(process_text, shares);
            let eps = eps * setting.process.t_max();
            for text in names.iter().chain(VARIANTS) {
                let named = sampler::registry().build(text).unwrap();
                match round_trip(&setting, &named, shares.len() - 1, eps) {
                    Some(()) => read += 1,
                    None => *undefined.entry(process_text.to_string()).or_default() += 1,
                }
            }
        }
    }
    println!("{read} programs; undefined: {undefined:?}");
    assert!(read > 2000, "{read}");
    // Where rules that draw noise are refused.
    assert!(undefined["flow:coordinates=u"] > 40, "{undefined:?}");
    assert_eq!(undefined["flow:coordinates=u"], undefined["flow:coordinates=u,shift=3"]);
    let all = names.len() + VARIANTS.len();
    assert!(undefined["flow:coordinates=u,noise=comfyui"] < all / 4, "{undefined:?}");
}

/// On another process, or with another conditioning, a program is refused, also where levels differ by
/// a millionth only.
#[test]
fn a_program_belongs_to_its_process() {
    let shares = [0.9, 0.6123, 0.3, 0.11, 0.02, 0.0];
    let named = sampler::registry().build("dpmpp-2m").unwrap();
    let entry = sampler::registry().find("dpmpp-2m").unwrap();
    let show = |process_text: &str| {
        let setting = setting(process_text, &shares);
        program(&setting, &named, entry, Length::Steps(5), 0.0).unwrap()
    };
    let texts = [
        "vp-discrete",
        "vp-discrete:conditioning=fractional",
        "vp-discrete:conditioning=round",
        "flow",
        "flow:coordinates=u",
        "flow:shift=2",
        "edm",
    ];
    for from in texts {
        let document = show(from).report(80).json().to_string();
        for to in texts {
            let plan = PlanFile::parse(&document).unwrap().plan(&show(to).run.grid);
            // What the network is told is part of the program, which a network that knows all levels can
            // be told, and one that knows fractional timesteps if they are whole.
            let runs = from == to
                || from.starts_with("vp-discrete") && to == "vp-discrete"
                || from.ends_with("round") && to.ends_with("fractional");
            match plan {
                Ok(_) => assert!(runs, "{from} on {to}"),
                Err(error) => {
                    assert!(!runs, "{from} on {to}: {error}");
                    let error = error.to_string();
                    assert!(error.contains("another process or grid"), "{error}");
                }
            }
        }
    }
}

/// A budget says nothing of the length of a recorded program: it has its own.
#[test]
fn a_recorded_program_has_its_own_length() {
    let mut setting = setting("edm", &[0.9, 0.5, 0.0]);
    setting.rule = Arc::new(Uniform);
    let named = sampler::registry().build("heun").unwrap();
    let entry = sampler::registry().find("heun").unwrap();
    let shown = program(&setting, &named, entry, Length::Nfe(20), 1.0).unwrap();
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("program.json");
    std::fs::write(&path, shown.report(80).json().to_string()).unwrap();
    let read = sampler::registry().build(&format!("plan:{}", path.display())).unwrap();
    for nfe in [20, 50] {
        let run = setting.run(&read, Length::Nfe(nfe), 1.0).unwrap();
        assert_eq!((run.plan.nfe(), run.grid.step_count()), (20, 10));
    }
    let error = setting.run(&read, Length::Nfe(19), 1.0).unwrap_err().to_string();
    assert!(error.contains("needs at least 20 network evaluations"), "{error}");
}
