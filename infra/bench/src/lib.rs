//! Measures what each function costs: time, CPU, memory, size and DynamoDB calls, compared with a function that
//! does nothing.
//!
//! 1. Start DynamoDB, SNS, KMS and a login issuer on loopback, with plain ports and behind TLS.
//! 2. In each round start each function as its own process, as Lambda does, and invoke it: plain, then over TLS.
//! 3. Count the calls of each step, through the recording proxy.
//! 4. Run whole flows.
//! 5. Print the figures, and write them between the marks of a document.
//!
//! It asserts no times. It fails if the response of a function is not the one that its step expects.

pub mod arguments;
pub mod bank;
pub mod budget;
pub mod cost;
pub mod flow;
pub mod instance;
pub mod machine;
pub mod measure;
pub mod process;
pub mod report;
pub mod runtime_api;
pub mod size;
pub mod statistics;
pub mod step;
pub mod supply;
pub mod surroundings;
pub mod tls;

use std::collections::BTreeMap;
use std::fs;

use ciba_local::Error;

use crate::arguments::Arguments;
use crate::instance::Binaries;
use crate::machine::Machine;
use crate::report::Report;
use crate::size::Size;
use crate::step::functions;
use crate::supply::Supply;
use crate::surroundings::{Surroundings, Way};

/// Measures everything.
pub async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let log = Arguments::root().join("target/bench");
    fs::create_dir_all(&log)?;
    let binaries = Binaries { folder: std::path::absolute(&arguments.functions)?, log };
    let mut sizes = BTreeMap::new();
    for (function, _) in functions() {
        sizes.insert(function, Size::of(&binaries.path(function))?);
    }
    let surroundings = Surroundings::start(Arguments::root(), &binaries.log).await?;
    let mut supply = Supply::start(surroundings, &binaries).await?;
    let amount = arguments.amount();

    eprintln!("{} rounds over HTTP …", amount.rounds);
    let plain = measure::all(&mut supply, &binaries, Way::Plain, amount).await?;
    eprintln!("{} rounds over TLS …", amount.rounds);
    let tls = measure::all(&mut supply, &binaries, Way::Tls, amount).await?;
    eprintln!("DynamoDB calls …");
    let budgets = budget::all(&mut supply, &binaries).await?;
    let mut flows = Vec::new();
    for at_once in [1, 2] {
        eprintln!("{} flows, {at_once} at once …", arguments.flows);
        flows.push(flow::flows(&mut supply, &binaries, arguments.flows as usize, at_once).await?);
    }
    supply.stop().await?;
    let profile = binaries.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Report { profile, machine: Machine::read(), amount, sizes, plain, tls, budgets, flows })
}
