//! `ciba-bench`: measures, prints the figures, and writes them to a document.

use std::process::ExitCode;

use ciba_bench::arguments::Arguments;
use ciba_bench::report;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let written = async {
        let text = ciba_bench::run(&arguments).await?.markdown();
        println!("{text}");
        match &arguments.write {
            Some(document) => report::write(document, &text),
            None => Ok(()),
        }
    };
    match written.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
