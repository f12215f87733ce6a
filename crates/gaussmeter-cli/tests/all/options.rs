//! Options without an effect are refused, and messages are short lines for people.

use crate::common::{Folder, Ran, words};
use std::fs;

/// Most characters of a line on stderr, `error: ` included.
const LONGEST: usize = 620;

/// The one line of a run that must fail.
#[track_caller]
fn refused(ran: &Ran, line: &str) -> String {
    let short: String = line.chars().take(100).collect();
    assert!(ran.code == 1 || ran.code == 2, "{short}: {}, {}", ran.code, ran.stderr.len());
    assert_eq!(ran.stdout, "", "{short}");
    let errors: Vec<&str> = ran.stderr.lines().filter(|l| !l.starts_with("note: ")).collect();
    assert_eq!(errors.len(), 1, "{short}: {}", ran.stderr.len());
    assert!(errors[0].chars().count() <= LONGEST, "{short}: {}", errors[0].len());
    assert!(!errors[0].contains(" { "), "{short}: {}", errors[0]);
    errors[0].to_owned()
}

#[test]
fn options_without_an_effect_are_refused() {
    let folder = Folder::empty();
    folder.write("times.txt", "1\n0.5\n0.1\n");
    for (line, expected) in [
        ("modes --nfe 5 --rows 3 --format csv", "--rows has no effect on csv"),
        ("curve --nfe 5 --rows 3 --format json", "--rows has no effect on json"),
        ("recommend --nfe 5 --sampler ddim --top 3 --format json", "--top has no effect on json"),
        ("pareto --nfe 5 --columns 3 -o front.csv", "--columns has no effect on csv"),
        ("info cifar10 --ascii --format json", "--ascii has no effect on json"),
        ("table --sampler euler --grid times:times.txt --count steps", "--count has no effect on"),
    ] {
        let ran = folder.run(line);
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        let message = refused(&ran, line);
        assert!(message.contains(expected), "{line}: {message}");
    }
    assert_eq!(folder.names().len(), 1);
}

#[test]
fn a_table_goes_on_without_what_is_undefined() {
    let folder = Folder::empty();
    let text = folder.stdout("table --nfe 10,50 --eps 1e-3");
    assert!(text.contains("note: cannot run: ddpm at NFE 10: undefined at step 1 of 10"), "{text}");
    let alone = folder.stdout("table --nfe 50 --eps 1e-3");
    let last = |text: &str, sampler: &str| {
        let row = text.lines().find(|l| l.split_whitespace().next() == Some(sampler)).unwrap();
        let cells: Vec<String> = row.split_whitespace().map(String::from).collect();
        cells[cells.len() - 2..].to_vec()
    };
    for sampler in ["em", "ddpm", "euler", "heun"] {
        assert_eq!(last(&text, sampler), last(&alone, sampler), "{sampler}");
    }
    let csv = folder.stdout("table --nfe 10 --eps 1e-3 --sampler ddpm,euler --format csv");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("sampler,eps,column,init,steps,nfe,w2,reason"));
    let row = lines.find(|l| l.starts_with("ddpm,")).unwrap();
    assert!(row.starts_with("ddpm,1e-3,10,exact,,,,") && row.contains("undefined"), "{row}");
    let json = folder.stdout("table --nfe 10 --eps 1e-3 --sampler ddpm,euler --format json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let cells = json["cells"].as_array().unwrap();
    let cell = cells.iter().find(|c| c["sampler"] == "ddpm").unwrap();
    assert!(cell["w2"].is_null() && cell["nfe"].is_null(), "{cell}");
    assert!(cell["reason"].as_str().unwrap().starts_with("undefined at step 1"), "{cell}");
    // Without a single number the reason is what there is to say.
    let message = refused(&folder.run("table --nfe 10 --sampler ddpm"), "ddpm alone");
    assert!(message.contains("undefined at step 1 of 10"), "{message}");
    folder.stdout("table --nfe 10,50 --show-nfe --format markdown");
    folder.stdout("table --nfe 10 --format latex");
}

#[test]
fn messages_are_short_whatever_was_given() {
    let folder = Folder::empty();
    let long = "x".repeat(100_000);
    let wide = "é".repeat(40_000);
    folder.write("long.txt", format!("4\n{}\n", "y".repeat(250_000)));
    folder.write("long.csv", format!("eigenvalue,{}\n4,1\n", "z".repeat(250_000)));
    folder.write("long.json", format!("{{\"eigenvalue\": [1, \"{}\"]}}", "w".repeat(250_000)));
    folder.write("nested.json", "[".repeat(250_000));
    folder.write("minus.txt", "-1 ".repeat(80_000));
    let mut lines: Vec<Vec<String>> = Vec::new();
    for given in [&long, &wide] {
        for line in [
            "eval --sampler @",
            "eval --sampler euler --process @",
            "eval --sampler euler --grid @",
            "eval --sampler euler --grid karras:@=1",
            "eval --sampler euler --grid karras:rho=@",
            "eval --sampler euler --spectrum @",
            "eval --sampler euler --spectrum @.npy",
            "eval --sampler euler --init @",
            "eval --sampler euler --eps @",
            "eval --sampler euler --metric @",
            "eval --sampler euler --format @",
            "eval --sampler euler --nfe @",
            "eval --sampler euler --@",
            "table --columns @",
            "show @",
            "info @",
            "export --to @ --sampler euler",
            "tune --sampler euler --objective @",
            "schedules --grid @",
            "@",
        ] {
            lines.push(words(line).iter().map(|word| word.replace('@', given)).collect());
        }
    }
    for file in ["long.txt", "long.csv", "long.json", "nested.json", "minus.txt"] {
        for line in [
            "info @",
            "eval --sampler euler --spectrum ./@",
            "eval --sampler euler --grid sigmas:@",
            "eval --sampler euler --grid times:@",
            "eval --sampler plan:@",
            "eval --sampler euler --process custom:@",
        ] {
            lines.push(words(line).iter().map(|word| word.replace('@', file)).collect());
        }
    }
    for line in lines {
        let arguments: Vec<&str> = line.iter().map(String::as_str).collect();
        refused(&folder.run_all(&arguments), &line.join(" "));
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_written_through() {
    let folder = Folder::empty();
    fs::create_dir(folder.path("there")).unwrap();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.path(name)).unwrap();
    };
    link("there/table.csv", "first.csv");
    link("first.csv", "second.csv");
    folder.run("table --sampler em --nfe 5 --eps 1e-3 -o second.csv");
    assert!(folder.read("there/table.csv").starts_with("sampler,"));
    for name in ["first.csv", "second.csv"] {
        assert!(fs::symlink_metadata(folder.path(name)).unwrap().is_symlink());
    }
    link("nowhere/table.csv", "lost.csv");
    link("round.csv", "round.csv");
    for name in ["lost.csv", "round.csv"] {
        let line = format!("table --sampler em --nfe 5 --eps 1e-3 -o {name}");
        refused(&folder.run(&line), &line);
        assert!(fs::symlink_metadata(folder.path(name)).unwrap().is_symlink());
    }
}

#[cfg(feature = "data")]
mod data {
    use super::*;

    fn npy(rows: usize, columns: usize) -> Vec<u8> {
        let text =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        let value = |k: usize| ((k * k * 7 + k * 31) % 101) as f64 / 10.0;
        bytes.extend((0..rows * columns).flat_map(|k| value(k).to_le_bytes()));
        bytes
    }

    #[test]
    fn options_of_data_without_an_effect_are_refused() {
        let folder = Folder::empty();
        folder.write("a.npy", npy(20, 3));
        folder.write("list.txt", "eigenvalue,multiplicity\n4,1\n1,2\n");
        folder.write("mean.txt", "eigenvalue,multiplicity,mean\n4,1,2\n1,2,0\n");
        folder.run("spectrum a.npy --part 1/1 -o part.npz");
        for (line, expected) in [
            ("spectrum a.npy --filter nearest", "--resize"),
            ("spectrum a.npy --resize 4", "--resize has no effect on arrays of samples"),
            ("spectrum a.npy --probes 4", "--probes has no effect on method dense"),
            ("spectrum a.npy --method gram --passes 4", "--passes has no effect on method gram"),
            ("spectrum a.npy --basis", "name it with -o"),
            ("spectrum a.npy --part 1/2 -o x.npz --centred", "--centred has no effect on sums"),
            ("spectrum a.npy --part 1/2 -o x.npz --basis", "--basis has no effect on sums"),
            ("spectrum a.npy --part 1/2 -o x.npz --format csv", "--format has no effect on sums"),
            ("spectrum list.txt --method gram", "--method has no effect on eigenvalues"),
            ("spectrum list.txt --seed 3", "--seed has no effect on eigenvalues"),
            ("spectrum list.txt --centred", "--centred has no effect on eigenvalues without"),
            ("spectrum part.npz --method lanczos", "--method has no effect on sums"),
            ("merge part.npz --sums -o x.npz --basis", "--basis has no effect on sums"),
            ("merge .", ". is a folder: name the files in it"),
            ("info .", ". is a folder, not a spectrum: gaussmeter spectrum . -o my.npz"),
            ("eval --sampler em --spectrum part.npz", "part.npz holds sums over samples"),
            ("schedules --steps 3 --spectrum part.npz", "gaussmeter merge part.npz -o my.npz"),
            ("eval --sampler em --spectrum ./", "./ is a folder, not a spectrum"),
            ("texture a.png -o x.npz --filter nearest", "--resize"),
            ("sample a.npy -o x.npz --process edm", "--process needs --sampler or --times"),
            ("sample a.npy -o x.npz --times 1,0.5 --grid karras", "--grid needs --sampler"),
        ] {
            let message = refused(&folder.run(line), line);
            assert!(message.contains(expected), "{line}: {message}");
        }
        let json = folder.run("spectrum mean.txt --centred --format json").stdout;
        let with = folder.run("spectrum mean.txt --format json").stdout;
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let [left_out, with] = [&json, &with].map(|text| read(text));
        assert_eq!(left_out["spectrum"]["trace"], with["spectrum"]["trace"]);
        assert_ne!(left_out["spectrum"], with["spectrum"]);
    }

    #[test]
    fn damaged_pictures_are_told_in_words() {
        let folder = Folder::empty();
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let format = image::ImageFormat::Png;
        picture.write_to(&mut std::io::Cursor::new(&mut bytes), format).unwrap();
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0x10;
            folder.write("wrong.png", &wrong);
            let ran = folder.run("spectrum wrong.png");
            if ran.code != 0 {
                refused(&ran, "spectrum wrong.png");
            }
        }
    }
}
