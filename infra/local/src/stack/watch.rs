//! `cargo lambda watch` as a child process: the stand-in for Lambda, and parent of every function's process.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::{
    net::TcpStream,
    process::{Child, ChildStdin, Command},
    time::{Instant, sleep},
};

use super::Options;
use crate::{Error, server::listen};

/// Ends the process group if this process is gone.
const GUARD: &str = include_str!("guard.sh");

/// It takes about two seconds to end its functions.
const PATIENCE: Duration = Duration::from_secs(5);

/// Usually it listens 0.3 s after its start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much of the log is shown after a failure.
const LOG_LINES: usize = 40;

/// The running child. It leads its own process group, so that its functions end with it.
pub(super) struct Watch {
    child: Child,
    /// The group, until it has ended.
    group: Option<Pid>,
    /// Closes when this process is gone, even by SIGKILL; the guard then ends the group.
    _lifeline: Option<ChildStdin>,
    url: String,
    log: PathBuf,
}

impl Watch {
    /// Starts it and waits until it listens.
    pub(super) async fn start(
        options: &Options,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        // It cannot be given a listener, so it gets a port that was free a moment ago.
        let port = listen(options.ports.watch).await?.local_addr()?.port();
        let log = log_file(&options.root, port)?;
        let output = File::create(&log)?;
        let mut child = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&options.cargo_lambda)
            .args(["lambda", "watch", "--disable-cors", "--ignore-changes"])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
            .args(["--concurrency", &options.concurrency.max(1).to_string()])
            .current_dir(&options.root)
            .envs(environment)
            // Inherited from the environment; it belongs to other credentials.
            .env_remove("AWS_SESSION_TOKEN")
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let lifeline = child.stdin.take();
        let url = format!("http://127.0.0.1:{port}");
        let mut watch = Self { child, group, _lifeline: lifeline, url, log };
        watch.listens(port).await?;
        Ok(watch)
    }

    async fn listens(&mut self, port: u16) -> Result<(), Error> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            self.check()?;
            if Instant::now() > deadline {
                return Err(self.failure("cargo lambda watch does not listen"));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Lambda's invoke API.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Fails if it has exited, or one of its functions has.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        if let Some(status) = self.child.try_wait()? {
            return Err(self.failure(&format!("cargo lambda watch has ended ({status})")));
        }
        // It never restarts a function, and an invocation of that one would wait for ever.
        if self.output().contains("command exited") {
            return Err(self.failure("a function has ended"));
        }
        Ok(())
    }

    /// An error with the end of the log.
    pub(super) fn failure(&self, what: &str) -> Error {
        let text = self.output();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        format!("{what}. The end of {}:\n{last}", self.log.display()).into()
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Asks the group to end, kills it after a while, and returns when no process of it is left.
    pub(super) async fn stop(&mut self) {
        let Some(group) = self.group.take() else { return };
        for signal in [Signal::TERM, Signal::KILL] {
            // It fails if the group has already ended.
            let _ = kill_process_group(group, signal);
            if self.ended(group).await {
                return;
            }
        }
    }

    async fn ended(&mut self, group: Pid) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            // Reaps the leader; a zombie would count as a member.
            let _ = self.child.try_wait();
            if test_kill_process_group(group).is_err() {
                return true;
            }
            sleep(LOOK_EVERY).await;
        }
        false
    }
}

impl Drop for Watch {
    /// For a failed start and a panicking test. It blocks, usually for a tenth of a second: this process may exit
    /// next, and then nothing would kill the group.
    fn drop(&mut self) {
        let Some(group) = self.group.take() else { return };
        let _ = kill_process_group(group, Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn log_file(root: &Path, port: u16) -> io::Result<PathBuf> {
    let folder = root.join("target/local");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("functions-{port}.log")))
}

#[cfg(test)]
mod tests;
