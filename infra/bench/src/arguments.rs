//! The command line.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::measure::Amount;

/// Measures what each function costs, compared with one that does nothing, and prints it as Markdown.
#[derive(Clone, Debug, Parser)]
#[command(name = "ciba-bench")]
pub struct Arguments {
    /// The folder with the functions' binaries
    #[arg(long, value_name = "DIR", default_value = "target/release")]
    pub functions: PathBuf,
    /// How often each function is started
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// How often each step is repeated in a warm function, in each round
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub warm: u32,
    /// How many whole flows are measured
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub flows: u32,
    /// A document in which the tables between the marks are also replaced
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

impl Arguments {
    pub fn amount(&self) -> Amount {
        Amount { rounds: self.rounds as usize, warm: self.warm as usize }
    }

    /// The folder with `template.yaml`.
    pub fn root() -> &'static Path {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).unwrap_or(here)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
