//! Builds the programs before anything starts, with the compiler's progress visible.

use std::path::Path;

use tokio::process::Command;

use crate::Error;

/// Builds `binaries` of the workspace at `root`. `cargo lambda watch` would do it at the first request,
/// invisibly and while a client waits.
///
/// # Errors
/// If something does not compile.
pub async fn build(root: &Path, binaries: impl Iterator<Item = &str>) -> Result<(), Error> {
    let selected = binaries.flat_map(|binary| ["--bin", binary]);
    let mut cargo = Command::new("cargo");
    let status = cargo.arg("build").args(selected).current_dir(root).kill_on_drop(true).status().await?;
    if status.success() { Ok(()) } else { Err("the functions do not build".into()) }
}
