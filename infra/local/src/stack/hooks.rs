//! The operator's functions that the provider invokes, as a child process: `infra/examples/serve.py`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::{Options, environment::is_localhost};
use crate::{Error, server::listen};

/// The name of the function that tells whom a hint means.
const USER_RESOLVER: &str = "user-resolver";
/// That of the function that delivers messages on custom channels, if there is one.
const NOTIFIER: &str = "notifier";

/// Usually it listens 0.2 s after its start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The running child. It ends when it is dropped, and also when this process is gone without a word, which closes its
/// standard input.
#[derive(Debug)]
pub struct Hooks {
    child: Child,
    url: String,
    /// The local login issuer, if it is the provider's.
    login_issuer: Option<String>,
    has_notifier: bool,
    data: PathBuf,
}

impl Hooks {
    /// Starts the functions of `folder` with an empty folder for their files, and waits until they are served. The phone,
    /// which is also the login issuer, has the webhooks of the chat that a notifier posts to.
    pub(super) async fn start(
        options: &Options,
        folder: &Path,
        issuer: &str,
        phone: &str,
    ) -> Result<Self, Error> {
        // Paths are relative to the current folder, but the program is started elsewhere.
        let folder = std::path::absolute(folder)?;
        if !folder.join(USER_RESOLVER).is_dir() {
            return Err(format!("{} has no folder {USER_RESOLVER}", folder.display()).into());
        }
        if !is_localhost(issuer) {
            return Err("functions on this machine are invoked only if the issuer is on localhost".into());
        }
        // It cannot be given a listener, so it gets a port that was free a moment ago.
        let port = listen(options.ports.hooks).await?.local_addr()?.port();
        let data = options.root.join(format!("target/local/hooks-{port}"));
        let _ = fs::remove_dir_all(&data);
        fs::create_dir_all(&data)?;
        let log = data.with_extension("log");
        let output = File::create(&log)?;
        let login_issuer = options.login_issuers.is_none().then(|| phone.to_owned());
        let has_notifier = folder.join(NOTIFIER).is_dir();
        let chat = [("WEBHOOKS", format!("{phone}/webhooks/")), ("CHAT", "1".to_owned())];
        let child = Command::new(python(&options.root))
            .arg(options.root.join("infra/examples/serve.py"))
            .args(["--with-parent", "--port", &port.to_string(), "--data"])
            .args([&data, &folder])
            .envs(login_issuer.iter().map(|issuer| ("LOGIN_ISSUER", issuer)))
            .envs(chat.into_iter().filter(|_| has_notifier))
            .current_dir(&options.root)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()?;
        let mut hooks =
            Self { child, url: format!("http://localhost:{port}"), login_issuer, has_notifier, data };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = hooks.child.try_wait()?.is_some();
            if ended || Instant::now() > deadline {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("{} was not served:\n{said}", folder.display()).into());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(hooks)
    }

    /// The settings of the provider's functions.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let function = ("USER_RESOLVER_FUNCTION", format!("{}/{USER_RESOLVER}", self.url));
        let issuers = self.login_issuer.clone().map(|issuer| ("USER_RESOLVER_ISSUERS", issuer));
        let notifier = ("USER_NOTIFIER_FUNCTION", format!("{}/{NOTIFIER}", self.url));
        let notifier = self.has_notifier.then_some(notifier);
        [function].into_iter().chain(issuers).chain(notifier).collect()
    }

    /// Where they are served in the way of Lambda's invoke API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder with their files.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Ends them, and waits until they have ended.
    pub(super) async fn stop(mut self) {
        // It fails if they have already ended.
        let _ = self.child.kill().await;
    }
}

/// The one installed for this repository, otherwise the one in `PATH`.
fn python(root: &Path) -> PathBuf {
    let installed = root.join(".tools/bin/python");
    if installed.exists() { installed } else { "python3".into() }
}

#[cfg(test)]
mod tests;
