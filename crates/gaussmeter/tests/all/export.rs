//! Exported schedules: the real projects give the predicted law, what is written can be read back,
//! and what a project does not take is refused by name.

use gaussmeter::exact::{Init, Output, Target as Against};
use gaussmeter::experiment::Diffusion;
use gaussmeter::experiment::Setting;
use gaussmeter::export::{self, Export, ExportError, Form};
use gaussmeter::grid::{Grid, Sigmas};
use gaussmeter::network::Network;
use gaussmeter::process::{Edm, Process, from_scheduler_config};
use gaussmeter::spectrum::Spectrum;
use gaussmeter::{data, grid, process, sampler};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

const RECORDED: &str = include_str!("../fixtures/export.json");
/// Exported code in pipelines with all kinds of flags, as `record/export_flags.py` found it to run.
const FLAGS: &str = include_str!("../fixtures/export_flags.json");

fn setting(spectrum: Spectrum, process: &str, rule: &str) -> Setting {
    let process = process::registry().build(process).unwrap();
    let rule = grid::registry().build(rule).unwrap();
    Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(spectrum),
            process: process.item.into(),
            process_label: process.label,
        },
        rule: rule.item.into(),
        rule_label: rule.label,
        network: Network::default(),
    }
}

fn export_of(
    (setting, steps): (&Setting, usize),
    sampler: &str,
    target: &str,
) -> Result<Export, ExportError> {
    let sampler = sampler::registry().build(sampler).unwrap();
    let target = export::registry().build(target).unwrap();
    let end = setting.rule.own_end(&*setting.process).unwrap_or(0.0);
    let grid = setting.rule.grid(&setting.process, steps, end).unwrap();
    export::export(setting, &sampler, &grid, None, &target)
}

fn small() -> Spectrum {
    Spectrum::new("small", "", &[1e-3, 0.1, 1.0, 30.0], None, None).unwrap()
}

fn on(process: &str, rule: &str, steps: usize, sampler: &str, target: &str) -> Export {
    export_of((&setting(small(), process, rule), steps), sampler, target).unwrap()
}

fn refused(process: &str, rule: &str, steps: usize, sampler: &str, target: &str) -> String {
    export_of((&setting(small(), process, rule), steps), sampler, target).unwrap_err().to_string()
}

// ------------------------------------------------------------------------------ the real projects

/// The deviation of float32 tables and states, as a share of the standard deviation.
const SINGLE: f64 = 2e-5;

#[test]
fn the_real_projects_give_the_predicted_law() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let numbers = |v: &Value| -> Vec<f64> {
        v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let eigenvalues = numbers(&recorded["eigenvalues"]);
    let cases = recorded["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 19);
    for case in cases {
        let text = |key: &str| case[key].as_str().unwrap();
        let spectrum = Spectrum::new("recorded", "", &eigenvalues, None, None).unwrap();
        let setting = setting(spectrum, text("process"), text("grid"));
        let steps = case["steps"].as_u64().unwrap() as usize;
        let export = export_of((&setting, steps), text("sampler"), text("to")).unwrap();
        let placed = &export.placed;
        let what = format!("{} by {}", text("sampler"), text("runner"));
        assert_eq!(placed.runner, text("runner"), "{what}");
        for (ours, theirs) in placed.values.iter().zip(numbers(&case["values"])) {
            assert!((ours - theirs).abs() <= 1e-12 * theirs.abs(), "{what}: {ours} {theirs}");
        }

        let std = placed.start.std(placed.grid.start());
        let plan = placed.sampler.item.plan(&placed.grid).unwrap();
        let init = Init::Normal { std: Some(std) };
        let law = Output::of(&plan, &setting.spectrum).law(&init, Against::Data);
        let stds = numbers(&case["std"]);
        assert_eq!(law.modes.len(), stds.len());
        for mode in &law.modes {
            let index = eigenvalues.iter().position(|v| *v == mode.eigenvalue).unwrap();
            let (ours, theirs) = (mode.variance.sqrt(), stds[index]);
            let scale = theirs.max(mode.eigenvalue.sqrt());
            let deviation = (ours - theirs).abs() / scale;
            assert!(deviation < SINGLE, "{what}, {}: {ours} {theirs}", mode.eigenvalue);
        }
        let w2 = case["w2"].as_f64().unwrap();
        assert!((export.after - w2).abs() < 3e-6 * w2, "{what}: {} {w2}", export.after);
        // The cost of whole timesteps is real: without them the prediction would be off.
        if text("runner").starts_with("DPM") {
            assert!((export.before - w2).abs() > 3e-5 * w2, "{what}: {}", export.before);
        }
    }
}

/// Nothing in a pipeline's configuration but the model changes what exported code gives.
#[test]
fn exported_code_does_not_depend_on_the_flags_of_a_pipeline() {
    let recorded: Value = serde_json::from_str(FLAGS).unwrap();
    let eigenvalues: Vec<f64> =
        recorded["eigenvalues"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let (mut runs, mut runners) = (0, BTreeSet::new());
    for case in recorded["cases"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let spectrum = Spectrum::new("recorded", "", &eigenvalues, None, None).unwrap();
        let setting = setting(spectrum, text("process"), text("grid"));
        let steps = case["steps"].as_u64().unwrap() as usize;
        let export = export_of((&setting, steps), text("sampler"), text("to")).unwrap();
        let what = format!("{} by {}", text("sampler"), text("runner"));
        // What was run is what is written now.
        assert_eq!(export.placed.code, text("code"), "{what}");
        runners.insert(export.placed.runner.clone());
        for group in case["runs"].as_array().unwrap() {
            let w2 = group[0].as_f64().unwrap_or_else(|| panic!("{what}: {group}"));
            let deviation = (w2 / export.after - 1.0).abs();
            assert!(deviation < 3e-6, "{what}: {} is not {w2} with {}", export.after, group[1]);
            runs += group[1].as_array().unwrap().len();
        }
    }
    assert_eq!(runs, 301);
    let ExportError::Unknown { known, .. } =
        export_of((&setting(small(), "edm", "karras"), 3), "ddim", "diffusers:nothing")
            .unwrap_err()
    else {
        panic!("a scheduler that there is not")
    };
    let known: BTreeSet<String> = known.into_iter().map(str::to_string).collect();
    assert_eq!(runners, known, "every scheduler is run");
}

/// Every key of every scheduler's constructor is pinned, the model's, or known to change nothing.
#[test]
fn every_key_of_a_scheduler_is_pinned_or_known() {
    let recorded: Value = serde_json::from_str(FLAGS).unwrap();
    for case in recorded["cases"].as_array().unwrap() {
        let (runner, code) = (case["runner"].as_str().unwrap(), case["code"].as_str().unwrap());
        let (_, arguments) = code.split_once("from_config(").unwrap();
        for (key, kind) in recorded["keys"][runner].as_object().unwrap() {
            let is_pinned = arguments.contains(&format!(" {key}="));
            let kind = kind.as_str().unwrap();
            assert_eq!(is_pinned, kind.starts_with("pinned"), "{runner}, {key}: {kind}");
            assert!(is_pinned || ["model", "without influence"].contains(&kind), "{key}: {kind}");
        }
    }
}

// ------------------------------------------------------------------------------------ reading back

/// Writes an export and reads it as a grid of its process.
fn read_back(export: &Export, form: Form, file: &str, rule: &str, tolerance: f64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    std::fs::write(&path, export.text(form)).unwrap();
    let rule = rule.replace("FILE", &path.display().to_string());
    let named = grid::registry().build(&rule).unwrap_or_else(|e| panic!("{rule}: {e}"));
    let grid = &export.placed.grid;
    let process: &Arc<dyn Process> = grid.process();
    let end = named.item.own_end(&**process).unwrap();
    let read = named.item.grid(process, named.item.own_steps().unwrap(), end).unwrap();
    assert_eq!(read.step_count(), grid.step_count(), "{rule}");
    for (ours, theirs) in read.levels().iter().zip(grid.levels()) {
        let deviation = (ours.t - theirs.t).abs();
        assert!(deviation <= tolerance * (1e-3 + theirs.t), "{rule}: {} {}", ours.t, theirs.t);
    }
}

#[test]
fn every_form_of_every_target_reads_back() {
    let all = [(Form::Code, "a.py"), (Form::List, "a.txt"), (Form::Json, "a.json")];
    let sampler = "dpmpp-2m";
    for (process, target, rules) in [
        ("edm", "k-diffusion", ["sigmas:FILE"; 3]),
        ("vp-discrete", "k-diffusion", ["sigmas:FILE"; 3]),
        ("vp-discrete", "comfyui", ["sigmas:FILE"; 3]),
        ("vp-discrete", "diffusers", ["custom-timesteps:FILE"; 3]),
        ("edm", "flow", ["times:FILE"; 3]),
    ] {
        let export = on(process, "karras", 7, sampler, target);
        for ((form, file), rule) in all.into_iter().zip(rules) {
            // float32 is told by its shortest decimals, which are another float64.
            read_back(&export, form, file, rule, 1e-6);
        }
        if target != "flow" {
            read_back(&export, Form::Json, "a.json", "sigmas:FILE", 1e-12);
        }
        read_back(&export, Form::Json, "a.json", "times:FILE", 1e-14);
    }
    let export = on("edm", "karras", 7, "edm", "edm");
    for (form, file) in all {
        read_back(&export, form, file, "sigmas:FILE", 1e-14);
    }
    let heun = on("vp-discrete", "karras", 7, "edm", "diffusers");
    for (form, file) in all {
        read_back(&heun, form, file, "custom-timesteps:FILE", 1e-6);
    }
    let ending = on("vp-discrete", "karras:final=sigma_min", 7, sampler, "diffusers");
    for (form, file) in all {
        read_back(&ending, form, file, "custom-timesteps:FILE,final=sigma_min", 1e-12);
    }
    for (target, shift) in [("diffusers", 1), ("diffusers:shift=3", 3)] {
        let flow = on("flow", "uniform", 6, "ddim", target);
        let rule = format!("flow-sigmas:FILE,shift={shift}");
        read_back(&flow, Form::Code, "a.py", &rule, 1e-6);
        read_back(&flow, Form::List, "a.txt", &rule, 1e-6);
        read_back(&flow, Form::Json, "a.json", "times:FILE", 1e-14);
    }
    let comfy = on("flow", "uniform", 6, "heun", "comfyui");
    read_back(&comfy, Form::Code, "a.txt", "flow-sigmas:FILE", 1e-6);
    read_back(&comfy, Form::Code, "a.txt", "times:FILE", 1e-6);
    for target in ["flow", "flow:data_at=1"] {
        let flow = on("flow", "uniform", 6, "heun", target);
        read_back(&flow, Form::Json, "a.json", "times:FILE", 1e-14);
    }
    let ramp = on("edm", "karras", 7, "ddim", "diffusers");
    assert_eq!(ramp.placed.runner, "EDMEulerScheduler");
    read_back(&ramp, Form::Json, "a.json", "sigmas:FILE", 1e-12);
}

#[test]
fn numbers_with_another_meaning_are_not_read_as_noise_levels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.py");
    for export in
        [on("flow", "uniform", 6, "ddim", "diffusers"), on("edm", "karras", 7, "ddim", "diffusers")]
    {
        std::fs::write(&path, export.text(Form::Code)).unwrap();
        let error = Sigmas::read(&path).unwrap_err().to_string();
        assert!(error.contains("no 'sigma' or 'sigmas' (found: "), "{error}");
    }
}

#[test]
fn python_is_read_and_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.py");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = |e: data::DataError| e.to_string().replace(&path.display().to_string(), "a.py");
        data::read_numbers(&path).map_err(error)
    };
    assert_eq!(
        read("import torch\nx = [1]\nt = torch.tensor([3, 2.5,  # a\n 1e-3])\n").unwrap(),
        [3.0, 2.5, 1e-3]
    );
    assert_eq!(read("times = [1, 0]").unwrap(), [1.0, 0.0]);
    assert_eq!(
        read("t = [1,\n0").unwrap_err(),
        "a.py: not a valid python file: the list 't' has no end"
    );
    assert_eq!(read("\nt = [1,\nexit(),]").unwrap_err(), "a.py: line 3: 'exit()' is not a number");
    assert_eq!(read("t = [1]\nt = [2]").unwrap_err(), "a.py: 't' or 'times' occurs twice");
    assert_eq!(read("u = [1]").unwrap_err(), "a.py: no 't' or 'times' (found: u)");
    assert_eq!(read("t = []").unwrap_err(), "a.py: no numbers");
}

// --------------------------------------------------------------------------------- what is written

#[test]
fn text_for_comfyui_has_plain_decimals() {
    let sigmas: Vec<f64> = (0..9).map(|k| 80.0 * 10f64.powi(-k)).chain([0.0]).collect();
    let process: Arc<dyn Process> = Arc::new(Edm::new(80.0));
    let grid = Grid::from_sigmas(process, &sigmas).unwrap();
    let setting = setting(small(), "edm", "karras");
    let sampler = sampler::registry().build("edm").unwrap();
    let target = export::registry().build("comfyui").unwrap();
    let export = export::export(&setting, &sampler, &grid, None, &target).unwrap();
    assert_eq!(
        export.text(Form::Code),
        "80.0, 8.0, 0.8, 0.08, 0.008, 0.0008, 0.00008, 0.000008, 0.0000008, 0.0\n"
    );
}

#[test]
fn options_of_a_sampler_become_arguments() {
    let sde = on("edm", "karras", 5, "dpmpp-2m-sde:eta=0.5,solver=heun", "k-diffusion");
    let call = "sample_dpmpp_2m_sde(model, x, sigmas, eta=0.5, solver_type=\"heun\")";
    assert!(sde.text(Form::Code).contains(call));
    assert!((sde.after - sde.before).abs() < 1e-6 * sde.before);
    let solver = on("vp-discrete", "karras", 5, "dpmpp-2m:solver=heun", "diffusers");
    assert!(
        solver
            .text(Form::Code)
            .contains("solver_order=2, solver_type=\"heun\", final_sigmas_type=\"zero\",\n")
    );
}

#[test]
fn a_runner_is_found_by_its_steps() {
    // Euler in t is Euler in σ where t = σ, and no step of k-diffusion elsewhere.
    assert_eq!(on("edm", "karras", 5, "euler", "k-diffusion").placed.runner, "sample_euler");
    assert_eq!(
        refused("vp-linear", "uniform", 5, "euler", "edm"),
        "no solver of EDM takes the same steps as 'euler' on this grid: choose one (known: heun, euler)"
    );
    let named = on("vp-linear", "uniform", 5, "euler", "k-diffusion:sample_heun");
    assert_eq!(named.placed.changes[0], "sample_heun takes the steps of 'edm', not of 'euler'");
    assert!((named.after - named.before).abs() > 1e-3 * named.before);
}

#[test]
fn a_scheduler_that_ends_at_the_data_does() {
    let export = on("vp-discrete", "karras:final=sigma_min", 5, "ddim", "diffusers:DDPM");
    let changes = export.placed.changes.join("; ");
    assert!(changes.contains("becomes 0: DDPMScheduler always ends at the data"), "{changes}");
    assert_eq!(export.placed.grid.end().sigma, 0.0);
    assert_eq!(export.placed.grid.step_count(), 5);
}

#[test]
fn whole_timesteps_are_pushed_apart() {
    let setting = setting(small(), "vp-discrete", "karras");
    let sampler = sampler::registry().build("dpmpp-2m").unwrap();
    let target = export::registry().build("diffusers").unwrap();
    let values = |times: &[f64]| {
        let grid = Grid::new(setting.process.clone(), times).unwrap();
        export::export(&setting, &sampler, &grid, None, &target).map(|e| e.placed.values)
    };
    assert_eq!(values(&[900.0, 5.1, 5.05, 5.0, 4.9, 0.0]).unwrap(), [899.0, 4.0, 3.0, 2.0, 1.0]);
    assert_eq!(values(&[900.0, 2.1, 2.05, 2.0, 0.0]).unwrap(), [899.0, 2.0, 1.0, 0.0]);
    assert_eq!(values(&[1000.0, 1.0, 0.5, 0.0]).unwrap(), [999.0, 1.0, 0.0]);
    // Nine steps below timestep 1 have no nine timesteps, but the first may move.
    let crowd: Vec<f64> = (0..1001).map(|k| 2.0 - f64::from(k) / 500.0).collect();
    assert_eq!(values(&crowd).unwrap().len(), 1000, "all timesteps there are");
    let crowd: Vec<f64> = (0..1002).map(|k| 2.0 - f64::from(k) / 501.0).collect();
    assert!(values(&crowd).unwrap_err().to_string().starts_with("1001 steps do not fit"));
}

// ---------------------------------------------------------------------------------------- refusals

#[test]
fn what_a_project_does_not_take_is_refused() {
    let vp = |target: &str| refused("vp-discrete", "karras", 5, "dpmpp-2m", target);
    assert_eq!(
        vp("diffusers:scheduler=DDIMScheduler"),
        "DDIMScheduler does not accept a list of noise levels or timesteps: use EulerDiscreteScheduler, which takes the same steps"
    );
    assert_eq!(
        vp("diffusers:scheduler=deismultistep"),
        vp("diffusers:scheduler=DEISMultistepScheduler")
    );
    assert_eq!(
        vp("diffusers:scheduler=DPMSolverMultistp"),
        "unknown scheduler of diffusers 'DPMSolverMultistpScheduler': did you mean 'DPMSolverMultistepScheduler'?"
    );
    assert!(
        vp("comfyui:sampler=§").starts_with("unknown sampler of ComfyUI '§' (known: euler, heun, ")
    );
    assert_eq!(
        refused("edm", "karras", 5, "dpmpp-2m", "diffusers:scheduler=DPMSolverMultistepScheduler"),
        "DPMSolverMultistepScheduler needs training timesteps: give the process of its network, such as vp-discrete or diffusers:scheduler_config.json"
    );
    assert_eq!(
        refused("vp-discrete", "karras", 5, "ddim", "diffusers:scheduler=FlowMatchEulerDiscrete"),
        "FlowMatchEulerDiscreteScheduler is for flow matching models: give the process flow, or levels sigma/alpha on edm"
    );
    // Of the levels of an EDM design those of a flow are made.
    let moved = on("edm", "karras", 5, "ddim", "diffusers:scheduler=FlowMatchEulerDiscrete");
    assert!((moved.after - moved.before).abs() < 1e-5 * moved.before);
    assert!((moved.placed.values[0] - 80.0 / 81.0).abs() < 1e-7);
    assert_eq!(
        refused("flow", "uniform", 5, "ddim", "k-diffusion"),
        "sample_euler needs sigma/alpha, which is infinite at t = 1: start at a level where some signal is left"
    );
    assert!(
        refused("edm", "karras", 5, "rk4", "k-diffusion")
            .starts_with("no sampler of k-diffusion takes the same steps as 'rk4'")
    );
}

#[test]
fn lists_that_make_no_grid_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let process =
        |name: &str| -> Arc<dyn Process> { process::registry().build(name).unwrap().item.into() };
    let error = |rule: &str, on: &str, text: &str| {
        std::fs::write(&path, text).unwrap();
        let rule = rule.replace("FILE", &path.display().to_string());
        let rule = grid::registry().build(&rule).unwrap().item;
        let error = rule.grid(&process(on), rule.own_steps().unwrap(), 0.0).unwrap_err();
        error.to_string().replace(&path.display().to_string(), "a.txt")
    };
    let timesteps = |on: &str, text: &str| error("custom-timesteps:FILE", on, text);
    assert_eq!(timesteps("vp-discrete", "1000, 3"), "a.txt: timestep 0 is 1000, outside [0, 999]");
    assert!(
        timesteps("vp-discrete", "3, 3")
            .starts_with("a.txt: timesteps must decrease from noise to data, but timestep 0 is 3")
    );
    assert!(timesteps("edm", "3, 2").contains("needs the process vp-discrete"));
    assert!(error("flow-sigmas:FILE", "flow", "1.5, 0").contains("outside [0, 1]"));
    assert!(error("flow-sigmas:FILE", "edm", "1, 0.5").contains("sigma 0 is inf"));
}

// ------------------------------------------------------------------------- scheduler_config.json

#[test]
fn the_process_of_a_scheduler_configuration() {
    let build = |text: &str| from_scheduler_config(text.as_bytes());
    let same = |config: &str, text: &str| {
        let (ours, other) = (build(config).unwrap(), process::registry().build(text).unwrap().item);
        assert_eq!(ours.t_max(), other.t_max(), "{config}");
        for k in [0.1, 0.5, 0.9, 1.0] {
            assert_eq!(ours.level(k * ours.t_max()), other.level(k * other.t_max()), "{config}");
        }
    };
    same(
        r#"{"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "trained_betas": null}"#,
        "vp-discrete",
    );
    same(r#"{"_class_name": "DDPMScheduler"}"#, "vp-discrete:schedule=linear");
    same(
        r#"{"_class_name": "HeunDiscreteScheduler", "num_train_timesteps": 100}"#,
        "vp-discrete:schedule=linear,beta_start=0.00085,beta_end=0.012,steps=100",
    );
    same(
        r#"{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "rescale_betas_zero_snr": true}"#,
        "vp-discrete:zero_snr=yes",
    );
    same(r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}"#, "flow");
    same(r#"{"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true}"#, "flow");
    same(r#"{"_class_name": "EDMEulerScheduler", "sigma_max": 100}"#, "edm:sigma_max=100");
    let betas = ["0.1"; 9].join(",");
    let of_ddim = |keys: &str| format!("{{\"_class_name\": \"DDIMScheduler\", {keys}}}");
    assert_eq!(build(&of_ddim(&format!("\"trained_betas\": [{betas}]"))).unwrap().t_max(), 9.0);

    let error = |text: &str| build(text).unwrap_err().to_string();
    assert!(error("[]").starts_with("not a scheduler_config.json: "));
    assert_eq!(
        error(&of_ddim(r#""beta_schedule": "exp""#)),
        "unknown beta_schedule \"exp\" (known: linear, scaled_linear, squaredcos_cap_v2)"
    );
    assert_eq!(error(&of_ddim(r#""beta_start": "a""#)), "'beta_start' is not a number");
    assert_eq!(
        error(&of_ddim(r#""num_train_timesteps": 1e12"#)),
        "'num_train_timesteps' is not a whole number up to 1000000"
    );
    assert_eq!(
        error(&of_ddim(r#""trained_betas": ["a"]"#)),
        "'trained_betas' is not a list of numbers"
    );
    assert_eq!(
        error(r#"{"_class_name": "EDMEulerScheduler", "sigma_max": 0}"#),
        "'sigma_max' is not a positive number"
    );
    let missing = process::registry().build("diffusers:no-such.json").unwrap_err().to_string();
    assert_eq!(missing, "process 'diffusers': no such file 'no-such.json'");
    assert!(!Path::new("no-such.json").exists());
}
