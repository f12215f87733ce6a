use crate::failure::Failure;
use crate::output::print;
use clap::Args;
use clap_complete::{Shell, generate};

/// Shell completions, to stdout
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gaussmeter completions bash >> ~/.bash_completion
  gaussmeter completions zsh > ~/.zfunc/_gaussmeter
  gaussmeter completions fish > ~/.config/fish/completions/gaussmeter.fish")]
pub struct Arguments {
    /// Which shell
    shell: Shell,
}

pub fn run(a: Arguments, command: &mut clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(a.shell, command, "gaussmeter", &mut script);
    print(&String::from_utf8_lossy(&script))
}
