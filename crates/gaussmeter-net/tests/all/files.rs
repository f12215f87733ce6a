//! Files are read back as they were, and damaged ones are refused in one line.

use crate::common::{bits, edm, eps, linear, pictures, steps, trainer, unet, x0};
use gaussmeter::level::Level;
use gaussmeter::network::Denoiser;
use gaussmeter::process::Process;
use gaussmeter_net::graph::Padding;
use gaussmeter_net::{Network, Options};

fn options() -> Options {
    Options { batch: 8, steps: 3, held_out: 2, ..Options::default() }
}

#[test]
fn a_network_is_read_as_it_was_written() {
    let data = pictures();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net.safetensors");
    let mut trainers = [
        trainer(&data, unet(Padding::Periodic), edm(&data), options()),
        trainer(&data, unet(Padding::Zero), eps(&data), options()),
        trainer(&data, linear(&[0.5, 2.0]), x0(&data, &[0.5, 2.0]), options()),
    ];
    for trainer in &mut trainers {
        steps(trainer, 3);
        let mut network = trainer.network("gaussmeter train …").expect("weights");
        network.save(&path).expect("a file");
        let mut read = Network::load(&path).expect("its own file");
        assert_eq!(bits(network.weights()), bits(read.weights()));
        assert_eq!(network.about, read.about);
        assert_eq!(network.program, read.program);
        let level = gaussmeter::process::Edm::new(80.0).level(0.7);
        let answer = |network: &mut Network, level: &Level| {
            let x: Vec<f64> = (0..64).map(|i| f64::from(i).sin()).collect();
            let mut out = vec![0.0; 64];
            network.evaluate(&x, level, &mut out).expect("an answer");
            out
        };
        assert_eq!(answer(&mut network, &level), answer(&mut read, &level));
    }
}

/// Every prefix and many flipped bytes: an error in one line, or the network with other weights, but no panic.
#[test]
fn damaged_files_are_refused_in_one_line() {
    let data = pictures();
    let folder = tempfile::tempdir().expect("a folder");
    let (net, state) = (folder.path().join("net.safetensors"), folder.path().join("state"));
    let mut trainer = trainer(&data, linear(&[1.0]), x0(&data, &[1.0]), options());
    steps(&mut trainer, 2);
    trainer.network("").expect("weights").save(&net).expect("a file");
    trainer.keep(&state).expect("a file");
    let damaged = folder.path().join("damaged");
    for path in [&net, &state] {
        let bytes = std::fs::read(path).expect("a file");
        let mut check = |bytes: &[u8]| {
            std::fs::write(&damaged, bytes).expect("a file");
            let result = match path == &net {
                true => Network::load(&damaged).map(drop),
                false => trainer.resume(&damaged),
            };
            if let Err(error) = &result {
                let text = error.to_string();
                assert!(!text.contains('\n') && text.contains("damaged"), "{text}");
            }
            result.is_err()
        };
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
        for end in (0..header).step_by(7).chain([header, bytes.len() - 1]) {
            assert!(check(&bytes[..end]), "the first {end} bytes");
        }
        let mut refused = 0;
        for at in 0..header {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            refused += u32::from(check(&flipped));
        }
        assert!(f64::from(refused) > 0.8 * header as f64, "{refused} of {header}");
        let mut infinite = bytes.clone();
        infinite[header..header + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert!(check(&infinite));
    }
    let error = Network::load(&state).expect_err("a checkpoint").to_string();
    assert!(error.contains("gaussmeter checkpoint instead of gaussmeter network"), "{error}");
    let error = trainer.resume(&folder.path().join("none")).expect_err("nothing").to_string();
    assert!(error.starts_with("no such file"), "{error}");
}

/// Sizes that a file may claim are refused before anything is allocated.
#[test]
fn absurd_sizes_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net.safetensors");
    for (architecture, shape) in [
        (r#"{"name":"unet","channels":[1000000000],"blocks":1,"padding":"zero"}"#, "8"),
        (r#"{"name":"unet","channels":[1024,1024,1024,1024],"blocks":16,"padding":"zero"}"#, "8"),
        (r#"{"name":"unet","channels":[],"blocks":1,"padding":"zero"}"#, "8"),
        (r#"{"name":"unet","channels":[8],"blocks":1,"padding":"zero"}"#, "9223372036854775807"),
        (r#"{"name":"linear","nodes":[0.0]}"#, "64"),
        (r#"{"name":"linear","nodes":[1.0,0.0]}"#, "8"),
    ] {
        let meta = format!(
            r#"{{"content":"gaussmeter network","version":1,"network":{{"architecture":{architecture},"shape":{{"channels":1,"height":{shape},"width":{shape}}},"classes":0,"frequencies":[1.0]}},"parametrization":{{"kind":"edm","process":"edm","sigma_data":0.5,"noise":{{"law":"levels","times":[1.0]}}}},"about":{{"data":"","command":"","seed":0,"steps":0,"program":""}}}}"#
        );
        let header = serde_json::json!({"__metadata__": {"gaussmeter": meta}}).to_string();
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        std::fs::write(&path, bytes).expect("a file");
        let error = Network::load(&path).expect_err(architecture).to_string();
        assert!(!error.contains('\n') && error.contains("net.safetensors: "), "{error}");
        assert!(!error.contains("no tensor"), "{architecture} {shape}: {error}");
    }
}
