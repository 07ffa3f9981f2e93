//! `cargo lambda watch` as a child: the stand-in for Lambda, and every function's process below it.

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

/// Ends the group when nobody is left to do so.
const GUARD: &str = include_str!("guard.sh");

/// It needs about two seconds to end its functions.
const PATIENCE: Duration = Duration::from_secs(5);

/// It listens 0.3 s after its start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much of the log is shown after a failure.
const LOG_LINES: usize = 40;

/// The running child. It leads a process group of its own, so that its functions end with it.
pub(super) struct Watch {
    child: Child,
    /// The group, until it has ended.
    group: Option<Pid>,
    /// Closes when this process is gone, and be it by SIGKILL; the guard then ends the group.
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
        // It cannot be handed a listener, so a port that was free a moment ago has to do.
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
            // Of whoever started this; it belongs to other keys and to nobody here.
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

    /// Fails if it has ended, or one of its functions has.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        if let Some(status) = self.child.try_wait()? {
            return Err(self.failure(&format!("cargo lambda watch has ended ({status})")));
        }
        // It never starts a function again, and whoever invokes that one waits in vain.
        if self.output().contains("command exited") {
            return Err(self.failure("a function has ended"));
        }
        Ok(())
    }

    /// An error that shows what the log says last.
    pub(super) fn failure(&self, what: &str) -> Error {
        let text = self.output();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        format!("{what}. The end of {}:\n{last}", self.log.display()).into()
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Asks the group to end, insists after a while, and returns when none of it is left.
    pub(super) async fn stop(&mut self) {
        let Some(group) = self.group.take() else { return };
        for signal in [Signal::TERM, Signal::KILL] {
            // It fails when the group has ended already.
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
    /// For a start that failed and a test that panicked. It blocks, for a tenth of a second as a rule: what
    /// comes after may be the end of this process, and then nobody would insist.
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
