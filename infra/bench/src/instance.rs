//! One function in its own process, started as Lambda does.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use ciba_local::Error;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::process;
use crate::runtime_api::RuntimeApi;

/// The folder of the binaries, and the folder for their output.
#[derive(Clone, Debug)]
pub struct Binaries {
    pub folder: PathBuf,
    pub log: PathBuf,
}

impl Binaries {
    pub fn path(&self, function: &str) -> PathBuf {
        self.folder.join(function)
    }
}

/// A running function that waits for an event. It ends when it is dropped.
pub struct Instance {
    function: String,
    api: RuntimeApi,
    child: Child,
    log: PathBuf,
    /// From the start to its first request for an event.
    pub init: Cost,
}

/// The cost of something.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub wall: Duration,
    /// CPU time.
    pub cpu: Duration,
}

/// The response of a function.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    fn read(payload: &[u8]) -> Result<Self, Error> {
        let payload: Value = serde_json::from_slice(payload)?;
        // A scheduled function does not return an HTTP response, but its result.
        let Some(status) = payload.get("statusCode").and_then(Value::as_u64) else {
            return Ok(Self { status: 200, body: payload.to_string() });
        };
        let body = payload["body"].as_str().unwrap_or_default().to_owned();
        Ok(Self { status: status.try_into()?, body })
    }

    /// A text member of the body.
    pub fn text(&self, member: &str) -> Result<String, Error> {
        let body: Value = serde_json::from_str(&self.body)?;
        Ok(body[member].as_str().ok_or_else(|| format!("no {member} in {body}"))?.to_owned())
    }
}

impl Instance {
    /// Starts `function` with only `environment` and Lambda's own variables in its environment.
    pub async fn start(
        binaries: &Binaries,
        function: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let mut api = RuntimeApi::start().await?;
        let program = binaries.path(function);
        // Unique, even if several processes of one function run.
        let port = api.address().rsplit(':').next().unwrap_or_default().to_owned();
        let log = binaries.log.join(format!("{function}-{port}.log"));
        let output = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = Command::new(&program);
        command
            .env_clear()
            .envs(environment)
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", function),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_RUNTIME_API", &api.address()),
            ])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        let begun = Instant::now();
        let child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let asked = api.asked().await.map_err(|error| of(function, &error, &log))?;
        let init = Cost { wall: asked - begun, cpu: cpu(&child)? };
        Ok(Self { function: function.to_owned(), api, child, log, init })
    }

    /// Invokes it, and waits until it asks for the next event, so that everything it does is counted.
    pub async fn invoke(&mut self, event: Bytes, expected: u16) -> Result<(Answer, Cost), Error> {
        let before = cpu(&self.child)?;
        let invoked = async {
            let answer = self.api.invoke(event).await?;
            self.api.asked().await?;
            Ok::<_, Error>(answer)
        };
        let (answer, wall) = invoked.await.map_err(|error| of(&self.function, &error, &self.log))?;
        let cost = Cost { wall, cpu: cpu(&self.child)?.saturating_sub(before) };
        let answer = Answer::read(&answer)?;
        if answer.status != expected {
            return Err(format!("{} responded with {answer:?}, not {expected}", self.function).into());
        }
        Ok((answer, cost))
    }

    /// The resident memory. Unit: bytes.
    pub fn memory(&self) -> Result<u64, Error> {
        Ok(process::resident_memory(pid(&self.child)?)?)
    }

    /// The CPU time since its start.
    pub fn cpu(&self) -> Result<Duration, Error> {
        cpu(&self.child)
    }

    /// What it has written to its log so far. Unit: bytes.
    pub fn logged(&self) -> Result<u64, Error> {
        Ok(fs::metadata(&self.log)?.len())
    }

    /// Ends it, and waits until it has ended, so that it does not affect the next measurement.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.child.kill().await?;
        Ok(fs::remove_file(&self.log)?)
    }
}

fn pid(child: &Child) -> Result<u32, Error> {
    Ok(child.id().ok_or("it has ended")?)
}

fn cpu(child: &Child) -> Result<Duration, Error> {
    Ok(process::cpu_time(pid(child)?)?)
}

fn of(function: &str, error: &Error, log: &Path) -> Error {
    let log = fs::read_to_string(log).unwrap_or_default();
    format!("{function}: {error}\n{log}").into()
}
