//! The command in a temporary folder.

#[cfg(feature = "data")]
pub mod files;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A temporary working directory of the command.
pub struct Folder(pub tempfile::TempDir);

/// What a run did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn empty() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
    /// Names of all files, hidden ones too.
    pub fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gaussmeter"));
        command.args(arguments).current_dir(self.0.path()).env("COLUMNS", "80");
        for name in ["CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }
    pub fn run_all(&self, arguments: &[&str]) -> Ran {
        finished(&mut self.command(arguments))
    }
    pub fn run(&self, line: &str) -> Ran {
        self.run_all(&words(line))
    }
    /// The stdout of a run that must succeed without a word on stderr.
    pub fn stdout(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!((ran.code, &ran.stderr[..]), (0, ""), "{line}");
        ran.stdout
    }
    /// What such a run says in JSON.
    pub fn json(&self, line: &str) -> Value {
        let document: Value =
            serde_json::from_str(&self.stdout(&format!("{line} --format json"))).unwrap();
        assert_eq!(document["schema"], 1, "{line}");
        document
    }
}

/// Runs a command to its end. Where it does not write to a terminal there is no colour.
pub fn finished(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let ran = Ran {
        code: output.status.code().expect("killed by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'), "colour: {ran:?}");
    ran
}

pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
