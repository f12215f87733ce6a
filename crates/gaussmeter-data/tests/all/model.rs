//! From models back to pictures: samples have the law that they should have, whatever the model, the
//! sampler, batches and threads; files bring models back.

use crate::files::random;
use gaussmeter::basis::Basis;
use gaussmeter::exact::along;
use gaussmeter::experiment::{Diffusion, Length, Run, SampleError, Sampling, Setting};
use gaussmeter::network::Network;
use gaussmeter::paths::Draw;
use gaussmeter::prelude::*;
use gaussmeter::sampler;
use gaussmeter::spectrum::Spectrum;
use gaussmeter::texture::{MeanPeriodogram, Stationary};
use gaussmeter_data::samples::{InMemory, Scale};
use gaussmeter_data::{
    DecomposeOptions, Method, Model, Picture, SampleFile, SampleType, Sheet, StationaryModel,
    TextureModel, decompose, source::pictures,
};
use std::path::Path;
use std::sync::Arc;

const SHAPE: [usize; 3] = [3, 4, 5];
const DIM: usize = 60;

/// Pictures as they are.
const PLAIN: pictures::PictureOptions = pictures::PictureOptions {
    memory: gaussmeter_data::Memory(2 << 30),
    resize: None,
    crop: None,
    filter: pictures::Filter::Bicubic,
    channels: pictures::Channels::Auto,
    skip_bad: false,
};

/// Reproducible bytes.
fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut random = random(seed);
    let mut next = || (random() >> 40) as u8;
    (0..count).map(|i| (next() / 2).wrapping_add((i % DIM) as u8)).collect()
}

fn samples(count: usize) -> InMemory {
    InMemory::bytes("bytes", &SHAPE, Scale::SYMMETRIC, bytes(5, count * DIM)).unwrap()
}

fn picture() -> Picture {
    let values = bytes(9, DIM).into_iter().map(f64::from).collect();
    Picture { description: "toy.png".into(), shape: SHAPE, values, white: 255.0 }
}

fn texture() -> TextureModel {
    TextureModel::new(&picture(), Scale::SYMMETRIC, false, false).unwrap()
}

fn saved(folder: &Path, count: usize, method: Method) -> Model {
    let path = folder.join(format!("{method}.npz"));
    let options =
        DecomposeOptions { method: Some(method), basis: true, ..DecomposeOptions::default() };
    decompose(&mut samples(count), &options).unwrap().save(&path).unwrap();
    Model::load(&path).unwrap()
}

/// Dense, low-rank, texture and stationary models.
fn models() -> Vec<Model> {
    let folder = tempfile::tempdir().unwrap();
    vec![
        saved(folder.path(), 200, Method::Dense),
        saved(folder.path(), 20, Method::Gram),
        texture().model("texture"),
        StationaryModel::of(&mut samples(30)).unwrap().model("stationary"),
    ]
}

/// μ and Σ in data space, from the basis vectors.
fn moments(basis: &dyn Basis) -> (Vec<f64>, Vec<f64>) {
    let d = basis.dim();
    let mut mean = vec![0.0; d];
    basis.synthesize(basis.means(), &mut mean);
    let mut units = vec![0.0; d * d];
    units.iter_mut().step_by(d + 1).for_each(|u| *u = 1.0);
    let mut vectors = vec![0.0; d * d];
    basis.synthesize(&units, &mut vectors);
    let mut sigma = vec![0.0; d * d];
    for (vector, lambda) in vectors.chunks_exact(d).zip(basis.eigenvalues()) {
        for i in 0..d {
            for j in 0..d {
                sigma[i * d + j] += lambda * vector[i] * vector[j];
            }
        }
    }
    (mean, sigma)
}

#[test]
fn exact_samples_have_mean_and_covariance_of_the_model() {
    for model in models() {
        let basis = &*model.basis;
        let (mean, sigma) = moments(basis);
        let n = 4000;
        let x = Sampling::data(basis).batch(Draw { seed: 3, first: 0, count: n }).unwrap();
        let at = |i: usize, j: usize| sigma[i * DIM + j];
        let mut worst = 0.0_f64;
        for i in 0..DIM {
            let m = x.chunks_exact(DIM).map(|x| x[i]).sum::<f64>() / n as f64;
            let error = (at(i, i) / n as f64).sqrt().max(1e-13);
            worst = worst.max((m - mean[i]).abs() / error);
            for j in 0..=i {
                let centred = |x: &[f64]| (x[i] - mean[i]) * (x[j] - mean[j]);
                let c = x.chunks_exact(DIM).map(centred).sum::<f64>() / n as f64;
                // Variance of a product of two Gaussians.
                let variance = at(i, i) * at(j, j) + at(i, j) * at(i, j);
                let error = (variance / n as f64).sqrt().max(1e-13);
                worst = worst.max((c - at(i, j)).abs() / error);
            }
        }
        assert!(worst < 5.0, "{}: {worst} standard errors", model.name);
        println!("{}: at most {worst:.2} standard errors", model.name);
    }
}

fn setting(model: &Model, process: Arc<dyn Process>) -> Setting {
    Setting {
        diffusion: Diffusion {
            spectrum: Arc::new(model.spectrum().unwrap()),
            process,
            process_label: String::new(),
        },
        rule: Arc::new(Uniform),
        rule_label: String::new(),
        network: Network::default(),
    }
}

fn run(model: &Model, name: &str, steps: usize, eps: f64) -> Run {
    let sampler = sampler::registry().build(name).unwrap();
    let setting = setting(model, Arc::new(VpLinear::paper()));
    setting.run(&sampler, Length::Steps(steps), eps).unwrap()
}

#[test]
fn sampler_output_has_the_exact_law() {
    for model in models() {
        let basis = &*model.basis;
        for (name, init) in [("em", Init::Normal { std: Some(1.0) }), ("heun", Init::Exact)] {
            let run = run(&model, name, 30, 1e-2);
            let sampling = Sampling::sampler(basis, &run, &init, &[30]).unwrap();
            let n = 3000;
            let x = sampling.batch(Draw { seed: 8, first: 0, count: n }).unwrap();
            let mut c = vec![0.0; x.len()];
            basis.analyze(&x, &mut c);
            for j in 0..DIM {
                let (lambda, mean) = (basis.eigenvalues()[j], basis.means()[j]);
                let mode = Spectrum::new("", "", &[lambda], None, Some(&[mean])).unwrap();
                let law = Output::of(&run.plan, &mode).law(&init, Target::Data).modes[0];
                let m = c.chunks_exact(DIM).map(|c| c[j]).sum::<f64>() / n as f64;
                let v = c.chunks_exact(DIM).map(|c| (c[j] - law.mean).powi(2)).sum::<f64>();
                let ratio = v / n as f64 / law.variance;
                let error = (law.variance / n as f64).sqrt();
                assert!((m - law.mean).abs() < 5.0 * error + 1e-12, "{}, {name}, {j}", model.name);
                assert!((ratio - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt(), "{name} {j} {ratio}");
            }
        }
    }
}

/// States along the way are those of the laws along time, from the same noise.
#[test]
fn trajectories_run_from_noise_to_data() {
    let model = texture().model("texture");
    let run = run(&model, "em", 20, 1e-2);
    let states = [0, 7, 20];
    let init = Init::Normal { std: Some(1.0) };
    let sampling = Sampling::sampler(&*model.basis, &run, &init, &states).unwrap();
    let n = 2000;
    let x = sampling.batch(Draw { seed: 1, first: 0, count: n }).unwrap();
    let data = model.spectrum().unwrap();
    let laws = along(&run.plan, &data);
    for (k, state) in states.into_iter().enumerate() {
        assert_eq!(sampling.frames()[k].level, run.grid.levels()[state]);
        let law = laws[state].law(&init, Target::Data);
        let total: f64 = law.modes.iter().map(|m| m.multiplicity * m.variance).sum();
        let mean: f64 = law.modes.iter().map(|m| m.multiplicity * m.mean * m.mean).sum();
        let of = |sample: &[f64]| sample[k * DIM..][..DIM].iter().map(|v| v * v).sum::<f64>();
        let found = x.chunks_exact(3 * DIM).map(of).sum::<f64>() / n as f64;
        assert!((found / (total + mean) - 1.0).abs() < 0.05, "{state}: {found} {total}");
    }
    let output = Sampling::sampler(&*model.basis, &run, &init, &[20]).unwrap();
    let alone = output.batch(Draw { seed: 1, first: 5, count: 1 }).unwrap();
    assert_eq!(alone, x[5 * 3 * DIM + 2 * DIM..6 * 3 * DIM]);
}

#[test]
fn samples_depend_on_the_seed_alone() {
    for model in models() {
        let basis = &*model.basis;
        let run = run(&model, "em", 5, 1e-2);
        let all = |threads: usize, batch: usize| -> Vec<u64> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let samplings = [
                    Sampling::data(basis),
                    Sampling::comparison(basis, &run, &Init::Exact).unwrap(),
                ];
                let mut bits = Vec::new();
                for sampling in &samplings {
                    for first in (0..37).step_by(batch) {
                        let count = batch.min(37 - first);
                        let draw = Draw { seed: 2, first: first as u64, count };
                        bits.extend(sampling.batch(draw).unwrap().iter().map(|v| v.to_bits()));
                    }
                }
                bits
            })
        };
        let expected = all(1, 37);
        for (threads, batch) in [(2, 37), (1, 1), (2, 5), (3, 16), (2, 20)] {
            assert_eq!(all(threads, batch), expected, "{} {threads} {batch}", model.name);
        }
    }
}

/// Large matrices are multiplied in several threads: still the same bits wherever a vector stands.
#[test]
fn large_transforms_do_not_depend_on_their_neighbours() {
    let (dim, count) = (900, 40);
    let values: Vec<u8> = bytes(3, 30 * dim);
    let options = DecomposeOptions { basis: true, ..DecomposeOptions::default() };
    for samples in [30, 1200] {
        let values = if samples == 30 { values.clone() } else { bytes(4, samples * dim) };
        let mut data = InMemory::bytes("", &[dim], Scale::UNIT, values).unwrap();
        let basis = decompose(&mut data, &options).unwrap().into_basis().unwrap().unwrap();
        let x: Vec<f64> = bytes(6, count * dim).into_iter().map(|b| f64::from(b) / 77.0).collect();
        let transformed = |threads: usize, group: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut out = vec![0.0; 2 * x.len()];
                let (c, y) = out.split_at_mut(x.len());
                for k in (0..count).step_by(group) {
                    let range = k * dim..(k + group).min(count) * dim;
                    basis.analyze(&x[range.clone()], &mut c[range.clone()]);
                    basis.synthesize(&x[range.clone()], &mut y[range]);
                }
                out
            })
        };
        let expected = transformed(1, count);
        for (threads, group) in [(2, count), (1, 1), (2, 7), (2, 16)] {
            assert!(transformed(threads, group) == expected, "{samples} {threads} {group}");
        }
    }
}

/// From the same noise, a fine run of an ODE sampler started from p_T ends at the exact sample.
#[test]
fn samplers_converge_to_the_exact_sample() {
    for model in models() {
        for (name, order) in [("euler", 1.0), ("heun", 2.0)] {
            let error = |steps: usize| {
                let run = run(&model, name, steps, 0.05);
                let sampling = Sampling::comparison(&*model.basis, &run, &Init::Exact).unwrap();
                let x = sampling.batch(Draw { seed: 4, first: 0, count: 2 }).unwrap();
                let (exact, sampler, difference) =
                    (&x[..DIM], &x[DIM..2 * DIM], &x[2 * DIM..3 * DIM]);
                for i in 0..DIM {
                    assert!((sampler[i] - exact[i] - difference[i]).abs() < 1e-12);
                }
                difference.iter().map(|v| v * v).sum::<f64>().sqrt()
            };
            let errors = [400, 800, 1600].map(error);
            let found = (errors[1] / errors[2]).log2();
            assert!((found - order).abs() < 0.1, "{} {name}: order {found}", model.name);
            assert!(errors[2] < 0.02, "{errors:?}");
        }
    }
}

#[test]
fn infinite_predictions_are_refused_before_the_run() {
    let model = texture().model("texture");
    let run = run(&model, "heun", 10, 0.0);
    let error = Sampling::sampler(&*model.basis, &run, &Init::Exact, &[10]).unwrap_err();
    assert!(matches!(error, SampleError::Singular { .. }));
    let text = error.to_string();
    assert!(text.contains("the velocity at t = 0") && text.contains("eps > 0"), "{text}");
}

#[test]
fn the_same_seed_is_the_same_noise() {
    // α = 0-like levels: the exact solution is nearly the white noise itself, in data space.
    let process = Edm::new(80.0);
    let level = process.level(process.t_max());
    let noises: Vec<Vec<f64>> = models()
        .iter()
        .map(|model| {
            let sampling = Sampling::exact(&*model.basis, &[level]);
            let x = sampling.batch(Draw { seed: 6, first: 2, count: 1 }).unwrap();
            x.iter().map(|v| v / level.sigma).collect()
        })
        .collect();
    for other in &noises[1..] {
        assert!(noises[0].iter().zip(other).all(|(a, b)| (a - b).abs() < 0.1));
    }
}

#[test]
fn periodograms_do_not_depend_on_batches_and_threads() {
    let images: Vec<f64> = bytes(7, 50 * DIM).into_iter().map(f64::from).collect();
    let law = |threads: usize, batch: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut sums = MeanPeriodogram::new(SHAPE).unwrap();
            images.chunks(batch * DIM).for_each(|batch| sums.push(batch).unwrap());
            sums.finish().unwrap()
        })
    };
    let expected = Stationary::from_samples(SHAPE, images.chunks(DIM)).unwrap();
    for (threads, batch) in [(1, 1), (2, 50), (3, 7)] {
        let found = law(threads, batch);
        assert_eq!((found.mean(), found.count()), (expected.mean(), 50));
        assert_eq!(found.spectral_matrices(), expected.spectral_matrices());
        assert_eq!(found.basis().eigenvalues(), expected.basis().eigenvalues());
    }
    let mut sums = MeanPeriodogram::new(SHAPE).unwrap();
    sums.push(&images[..DIM]).unwrap();
    assert!(sums.push(&images[..DIM + 1]).unwrap_err().to_string().starts_with("image 2: "));
    assert_eq!(sums.count(), 1, "none of a bad batch");
}

fn same_basis(a: &dyn Basis, b: &dyn Basis) {
    assert_eq!((a.shape(), a.eigenvalues(), a.means()), (b.shape(), b.eigenvalues(), b.means()));
    let x: Vec<f64> = (0..DIM).map(|i| (i as f64).cos()).collect();
    let (mut y, mut z) = (vec![0.0; DIM], vec![0.0; DIM]);
    a.synthesize(&x, &mut y);
    b.synthesize(&x, &mut z);
    assert_eq!(y, z);
}

#[test]
fn saved_models_are_loaded_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.npz");
    for (periodic, centred) in [(false, false), (true, false), (true, true)] {
        let texture = TextureModel::new(&picture(), Scale::UNIT, periodic, centred).unwrap();
        texture.save(&path).unwrap();
        assert_eq!(TextureModel::load(&path).unwrap(), texture);
        let model = Model::load(&path).unwrap();
        same_basis(&*model.basis, &texture.texture.basis());
        let display = model.display().unwrap();
        assert_eq!(display, if centred { [-0.5, 0.5] } else { [0.0, 1.0] });
        let spectrum = data::load(path.to_str().unwrap()).unwrap();
        assert_eq!(spectrum.modes(), texture.texture.spectrum("").unwrap().modes());
        assert_eq!(spectrum.has_mean(), !centred);
        assert_eq!(model.resized(8, 7).unwrap().basis.shape(), [3, 8, 7]);
    }
    let law = StationaryModel::of(&mut samples(30)).unwrap();
    law.save(&path).unwrap();
    let model = Model::load(&path).unwrap();
    same_basis(&*model.basis, law.law.basis());
    assert_eq!((model.white, &model.provenance), (Some(255.0), &law.provenance()));
    let spectrum = data::load(path.to_str().unwrap()).unwrap();
    assert_eq!(spectrum.modes(), law.law.spectrum("").unwrap().modes());
    assert_eq!(
        model.resized(8, 8).unwrap_err().to_string(),
        "only textures can be resized, and m.npz is not a texture"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary files");
}

#[test]
fn damaged_files_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.npz");
    let options = DecomposeOptions { basis: true, ..DecomposeOptions::default() };
    let write: [&dyn Fn(); 4] = [
        &|| texture().save(&path).unwrap(),
        &|| StationaryModel::of(&mut samples(9)).unwrap().save(&path).unwrap(),
        &|| decompose(&mut samples(9), &options).unwrap().save(&path).unwrap(),
        &|| decompose(&mut samples(99), &options).unwrap().save(&path).unwrap(),
    ];
    for write in write {
        write();
        let whole = std::fs::read(&path).unwrap();
        assert!(Model::load(&path).is_ok());
        // Cut off, or one bit flipped: an error or, in what is not read, the same model.
        for k in 0..40 {
            let at = whole.len() * k / 40;
            std::fs::write(&path, &whole[..at]).unwrap();
            let line = Model::load(&path).unwrap_err().to_string();
            assert!(!line.contains('\n') && line.contains("m.npz"), "{line}");
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            std::fs::write(&path, &flipped).unwrap();
            if let Err(error) = Model::load(&path) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
    std::fs::write(&path, "1\n2\n").unwrap();
    assert!(Model::load(&path).unwrap_err().to_string().contains("no eigenvectors"));
    let missing = Model::load(Path::new("no/such.npz")).unwrap_err().to_string();
    assert!(missing.starts_with("no/such.npz: "), "{missing}");
    let mut vectors = InMemory::bytes("v", &[6], Scale::UNIT, vec![0; 12]).unwrap();
    let error = StationaryModel::of(&mut vectors).unwrap_err().to_string();
    assert_eq!(error, "v: vectors of shape [6] are not images of shape [channels, height, width]");
}

/// Writes a PNG of 2x3 pixels.
fn write_png(path: &Path, color: png::ColorType, depth: png::BitDepth, data: &[u8]) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, 3, 2);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(data).unwrap();
}

#[test]
fn pictures_keep_their_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.png");
    let (eight, sixteen) = (png::BitDepth::Eight, png::BitDepth::Sixteen);
    let data: Vec<u8> = (0..18).collect();
    write_png(&path, png::ColorType::Rgb, eight, &data);
    let picture = Picture::open(&path, &PLAIN).unwrap();
    assert_eq!((picture.shape, picture.white), ([3, 2, 3], 255.0));
    assert_eq!(picture.values[..6], [0.0, 3.0, 6.0, 9.0, 12.0, 15.0]);
    assert_eq!(picture.white, 255.0);

    write_png(&path, png::ColorType::Grayscale, sixteen, &data[..12]);
    let picture = Picture::open(&path, &PLAIN).unwrap();
    assert_eq!((picture.shape, picture.white), ([1, 2, 3], 65_535.0));
    assert_eq!(picture.values[1], 256.0 * 2.0 + 3.0);
    assert_eq!(picture.white, 65_535.0);

    let opaque: Vec<u8> = (0..12).map(|i| if i % 2 == 1 { 255 } else { i }).collect();
    write_png(&path, png::ColorType::GrayscaleAlpha, eight, &opaque);
    assert_eq!(Picture::open(&path, &PLAIN).unwrap().values, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    let mut clear = opaque;
    clear[9] = 254;
    write_png(&path, png::ColorType::GrayscaleAlpha, eight, &clear);
    let error = Picture::open(&path, &PLAIN).unwrap_err().to_string();
    assert!(error.contains("p.png: partly transparent"), "{error}");

    let whole = std::fs::read(&path).unwrap();
    for content in [&whole[..whole.len() / 2], b"no picture"] {
        std::fs::write(&path, content).unwrap();
        let error = Picture::open(&path, &PLAIN).unwrap_err().to_string();
        assert!(error.contains("p.png: ") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn sheets_are_pictures_in_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.png");
    let mut sheet = Sheet::new([1, 2, 3], 3, 2).unwrap();
    for k in 0..3 {
        let data: Vec<f64> = (0..6).map(|i| f64::from(10 * k + i)).collect();
        sheet.place(k as usize, &data, |v| if v == 25.0 { 300.0 } else { v - 1.0 });
    }
    sheet.write(&path, &[("Description", "μ of 3")]).unwrap();
    let picture = Picture::open(&path, &PLAIN).unwrap();
    assert_eq!(picture.shape, [1, 6, 8]);
    let row = |i: usize| &picture.values[i * 8..(i + 1) * 8];
    assert_eq!(row(0), [0.0, 0.0, 1.0, 255.0, 255.0, 9.0, 10.0, 11.0]);
    assert_eq!(row(2), [255.0; 8]);
    assert_eq!(row(5), [22.0, 23.0, 255.0, 255.0, 255.0, 255.0, 255.0, 255.0]);
    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    assert!(text.contains("Description\0? of 3"));
    // Two channels side by side, and a sheet that no one can look at.
    let sheet = Sheet::new([2, 2, 3], 4, 2).unwrap();
    sheet.write(&path, &[]).unwrap();
    assert_eq!(Picture::open(&path, &PLAIN).unwrap().shape, [1, 6, 18]);
    assert!(Sheet::new([3, 512, 512], 1 << 30, 1).is_err());
}

#[test]
fn sample_files_hold_what_was_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    for (dtype, size) in [(SampleType::F64, 8), (SampleType::F32, 4), (SampleType::U8, 1)] {
        let mut file = SampleFile::create(&path, &[3, 2], dtype, Scale::UNIT).unwrap();
        file.push(&[0.0, 1.0]).unwrap();
        file.push(&[0.2, -1.0, 2.0, 0.5]).unwrap();
        file.finish(&[0.0], &"made").unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
        let mut data = Vec::new();
        std::io::Read::read_to_end(&mut zip.by_name("samples.npy").unwrap(), &mut data).unwrap();
        let values = &data[data.len() - 6 * size..];
        if dtype == SampleType::U8 {
            assert_eq!(values, [0, 255, 51, 0, 255, 128]);
        }
        assert_eq!(data.len() % 64, 6 * size % 64);
    }
}
