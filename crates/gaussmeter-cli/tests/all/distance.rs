//! `gaussmeter distance`, as its user sees it.

use crate::common::Folder;
use crate::common::files::{f64s, noise, npy, npz};
use serde_json::Value;

const DIM: usize = 6;

/// 300 and 400 samples of 6 features.
fn features() -> [Vec<f64>; 2] {
    let mut all = noise(DIM * 700);
    let rest = all.split_off(DIM * 300);
    let scaled = |values: Vec<f64>, scales: [f64; DIM], shift: f64| -> Vec<f64> {
        values.iter().enumerate().map(|(k, v)| v * scales[k % DIM] + shift).collect()
    };
    let mut a = scaled(all, [3.0, 2.0, 1.0, 0.5, 0.2, 0.1], 0.0);
    a.chunks_mut(DIM).for_each(|x| x[1] += 0.5 * x[0]);
    let mut b = scaled(rest, [1.0, 2.0, 1.5, 0.5, 0.4, 0.1], 0.25);
    b.chunks_mut(DIM).for_each(|x| x[0] += 0.3 * x[2]);
    [a, b]
}

fn write(folder: &Folder, name: &str, values: &[f64]) {
    let shape = format!("({}, {DIM})", values.len() / DIM);
    folder.write(name, npy("<f8", &shape, &f64s(values)));
}

/// As pytorch-fid writes them: mean and covariance by `numpy.cov`.
fn statistics(values: &[f64]) -> Vec<u8> {
    let n = (values.len() / DIM) as f64;
    let mean: Vec<f64> =
        (0..DIM).map(|i| values.iter().skip(i).step_by(DIM).sum::<f64>() / n).collect();
    let entry = |k: usize| {
        let (i, j) = (k / DIM, k % DIM);
        let rows = values.chunks(DIM);
        rows.map(|x| (x[i] - mean[i]) * (x[j] - mean[j])).sum::<f64>() / (n - 1.0)
    };
    let covariance: Vec<f64> = (0..DIM * DIM).map(entry).collect();
    npz(&[
        ("mu", npy("<f8", &format!("({DIM},)"), &f64s(&mean))),
        ("sigma", npy("<f8", &format!("({DIM}, {DIM})"), &f64s(&covariance))),
    ])
}

/// `calculate_frechet_distance` of pytorch-fid 0.3.0 with NumPy's `mean` and `cov`, by SciPy's `sqrtm`, on
/// the features above; and on the first 20 and 30 of them.
const PYTORCH_FID: [f64; 2] = [2.165_830_873_967_048_7, 1.944_222_397_172_103];

#[test]
fn numbers_of_pytorch_fid() {
    let folder = Folder::empty();
    let [a, b] = features();
    write(&folder, "a.npy", &a);
    write(&folder, "b.npy", &b);
    write(&folder, "few-a.npy", &a[..20 * DIM]);
    write(&folder, "few-b.npy", &b[..30 * DIM]);
    folder.write("a.npz", statistics(&a));
    folder.write("b.npz", statistics(&b));
    let fid = |line: &str| {
        let json = folder.json(&format!("distance {line}"));
        json["sets"][0]["plug_in_squared"].as_f64().unwrap()
    };
    for (line, expected) in [
        ("a.npy b.npy", PYTORCH_FID[0]),
        ("b.npy a.npy", PYTORCH_FID[0]),
        ("a.npz b.npy", PYTORCH_FID[0]),
        ("a.npz b.npz", PYTORCH_FID[0]),
        ("few-a.npy few-b.npy", PYTORCH_FID[1]),
    ] {
        let found = fid(line);
        assert!((found / expected - 1.0).abs() < 1e-10, "{line}: {found} instead of {expected}");
    }
}

#[test]
fn every_format_has_the_same_numbers() {
    let folder = Folder::empty();
    let [a, b] = features();
    write(&folder, "a.npy", &a);
    write(&folder, "b.npy", &b);
    write(&folder, "half.npy", &b[..200 * DIM]);
    let json: Value = folder.json("distance a.npy b.npy half.npy");
    assert_eq!((&json["command"], &json["dim"]), (&"distance".into(), &6.into()));
    assert_eq!(json["reference"]["samples"], 300);
    let sets = json["sets"].as_array().unwrap();
    assert_eq!(
        sets.iter().map(|s| s["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["b.npy", "half.npy"]
    );
    let number = |k: usize, key: &str| sets[k][key].as_f64().unwrap();
    for k in 0..2 {
        let squared = number(k, "mean_squared") + number(k, "covariance_squared");
        assert!((number(k, "w2_squared") - squared).abs() < 1e-12);
        assert!((number(k, "plug_in_squared") - number(k, "bias") - squared).abs() < 1e-12);
        assert!((number(k, "w2").powi(2) - squared).abs() < 1e-12);
        assert!(number(k, "w2_low") < number(k, "w2") && number(k, "w2") < number(k, "w2_high"));
    }
    // Half of the samples add twice as much of theirs.
    assert!(number(1, "bias") > 1.2 * number(0, "bias"));
    let csv = folder.stdout("distance a.npy b.npy half.npy --format csv");
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let column = rows[0].iter().position(|name| *name == "w2").unwrap();
    assert_eq!(rows[2][column].parse::<f64>().unwrap(), number(1, "w2"));
    let text = folder.stdout("distance a.npy b.npy half.npy");
    for part in ["Gaussian W2 to a.npy (300 samples, d = 6)", "FID", "95 %", "half.npy"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for format in ["markdown", "latex"] {
        assert!(
            folder.stdout(&format!("distance a.npy b.npy --format {format}")).contains("b.npy")
        );
    }
    assert_eq!(folder.stdout("distance a.npy b.npy -o d.json"), "");
    assert!(folder.read("d.json").contains("plug_in_squared"));
}

#[test]
fn statistics_are_counted_if_their_number_is_told() {
    let folder = Folder::empty();
    let [a, b] = features();
    folder.write("a.npz", statistics(&a));
    folder.write("b.npz", statistics(&b));
    write(&folder, "b.npy", &b);
    let bias = |line: &str| {
        let json = folder.json(&format!("distance {line}"));
        json["sets"][0]["bias"].as_f64().unwrap()
    };
    assert_eq!(bias("a.npz b.npz"), 0.0);
    let (one, both) = (
        bias("a.npz b.npz --reference-count 300"),
        bias("a.npz b.npz --reference-count 300 --count 400"),
    );
    assert!(0.0 < one && one < both);
    // Of few samples it is the table that says so.
    let text = folder.stdout("distance a.npz b.npz");
    assert!(text.contains("--count"), "{text}");
    let few = folder.stdout("distance a.npz b.npz --count 8");
    assert!(few.contains("1.75 samples per dimension") && few.contains("–"), "{few}");
    for (line, part) in [
        ("distance a.npz b.npy --count 400", "--count has no effect"),
        ("distance b.npy a.npz --reference-count 400", "samples, which are counted"),
        ("distance a.npz b.npz --count 1", "a covariance needs two"),
        ("distance b.npy missing.npy", "missing.npy"),
        ("distance b.npy b.npy -o b.npy", "no format has the extension"),
        ("distance b.npy b.npy --format svg", "no figure"),
        ("distance b.npy", "SAMPLES"),
    ] {
        let ran = folder.run(line);
        assert!(ran.code != 0 && ran.stderr.contains(part), "{line}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

/// Statistics under a name of their own beside features, as EDM2 has them; pixels beside statistics.
#[test]
fn options_of_reading_are_for_one_of_them_or_for_all() {
    let folder = Folder::empty();
    let [a, b] = features();
    let n = (a.len() / DIM) as f64;
    let mean: Vec<f64> = (0..DIM).map(|i| a.iter().skip(i).step_by(DIM).sum::<f64>() / n).collect();
    let mut covariance = vec![0.0; DIM * DIM];
    for x in a.chunks(DIM) {
        for (k, c) in covariance.iter_mut().enumerate() {
            *c += (x[k / DIM] - mean[k / DIM]) * (x[k % DIM] - mean[k % DIM]) / (n - 1.0);
        }
    }
    let array = |values: &[f64], shape: &str| npy("<f8", shape, &f64s(values));
    let other: Vec<f64> = mean.iter().map(|m| m + 1.0).collect();
    folder.write(
        "edm2.npz",
        npz(&[
            ("fid.mu", array(&mean, "(6,)")),
            ("fid.sigma", array(&covariance, "(6, 6)")),
            ("fd_dinov2.mu", array(&other, "(6,)")),
            ("fd_dinov2.sigma", array(&covariance, "(6, 6)")),
        ]),
    );
    folder.write("b.npz", npz(&[("features", array(&b, "(400, 6)"))]));
    let json = folder.json("distance edm2.npz b.npz --reference-array fid");
    let found = json["sets"][0]["plug_in_squared"].as_f64().unwrap();
    assert!((found / PYTORCH_FID[0] - 1.0).abs() < 1e-10, "{found}");
    // --scale is for the features, statistics have none.
    let json = folder.json("distance edm2.npz b.npz --reference-array fid --scale 2,0");
    assert!(json["sets"][0]["plug_in_squared"].as_f64().unwrap() > 1.5 * found);
    for (line, part) in [
        ("distance edm2.npz b.npz", "choose one with --array"),
        ("distance edm2.npz b.npz --reference-array fid --reference-scale 2,0", "--scale has no"),
        ("distance edm2.npz b.npz --reference-array fid --resize 4", "--resize has no effect"),
        ("distance edm2.npz b.npz --reference-array other", "no array 'other'"),
    ] {
        let ran = folder.run(line);
        assert!(ran.code != 0 && ran.stderr.contains(part), "{line}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

/// Exact samples of a texture are at no distance from it, those of a coarse sampler are.
#[test]
fn samples_are_compared_with_the_model_they_come_from() {
    let folder = Folder::empty();
    let ran = folder.run("texture power-law-field:size=4,alpha=2 -o clouds.npz");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for (name, sampler) in [("exact", ""), ("coarse", " --sampler euler --nfe 4 --eps 1e-3")] {
        let ran = folder.run(&format!("sample clouds.npz --count 1500{sampler} -o {name}.npz"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let json = folder.json("distance clouds.npz exact.npz coarse.npz");
    assert_eq!(json["reference"]["kind"], "law");
    assert!(!json["notes"].to_string().contains("same units"), "{json}");
    let number = |k: usize, key: &str| json["sets"][k][key].as_f64().unwrap();
    assert_eq!(number(0, "w2_low"), 0.0);
    let expected =
        folder.json("eval --spectrum clouds.npz --sampler euler --nfe 4 --eps 1e-3")["w2"]
            .as_f64()
            .unwrap();
    assert!(number(1, "w2_low") < expected && expected < number(1, "w2_high"), "{expected} {json}");
    assert!(number(0, "w2_high") < 0.5 * number(1, "w2_low"), "{json}");
}
