//! A browser of a test's own.

use std::process::Stdio;
use std::time::Duration;

use axum::http::Method;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long anything on a page may take. Nothing waits that long but a test that fails.
const PATIENCE: Duration = Duration::from_secs(15);

/// A window of headless Chromium. The fields end in this order: first the browser, then its driver.
pub(crate) struct Browser {
    driver: Client,
    _chromedriver: Chromedriver,
}

/// A driver, which ends together with the browsers that it has started: left to themselves, they go on without it.
struct Chromedriver(Child);

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let Some(driver) = self.0.id() else { return };
        for process in descendants(driver).into_iter().chain([driver]) {
            if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
                // It may have ended by itself.
                let _ = kill_process(process, Signal::KILL);
            }
        }
    }
}

/// What a process has started, and what that has.
fn descendants(of: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = processes
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name, in parentheses, may have spaces of its own; the parent is the second field after it.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect();
    let mut found = Vec::new();
    let mut new = vec![of];
    while let Some(parent) = new.pop() {
        let children: Vec<_> = parents.iter().filter(|it| it.1 == parent).map(|it| it.0).collect();
        new.extend(&children);
        found.extend(children);
    }
    found
}

impl Browser {
    /// A phone's window, an English reader.
    pub(crate) async fn start() -> Self {
        let (chromedriver, port) = chromedriver().await;
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server", "--lang=en"];
        let wanted = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let wanted = wanted.as_object().expect("an object").clone();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let driver = builder.capabilities(wanted).connect(&format!("http://127.0.0.1:{port}")).await;
        let driver = driver.expect("a browser");
        let browser = Self { driver, _chromedriver: Chromedriver(chromedriver) };
        browser.size(360, 740).await;
        browser
    }

    pub(crate) async fn cdp(&self, method: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": method, "params": parameters });
        let answer = self.driver.issue_cmd(Vendor { path: "goog/cdp/execute", body }).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub(crate) async fn size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        self.cdp("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
    }

    pub(crate) async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.cdp("Emulation.setEmulatedMedia", features).await;
    }

    /// `Accept-Language` of what is loaded next.
    pub(crate) async fn reads(&self, languages: &str) {
        self.cdp("Network.enable", json!({})).await;
        self.cdp("Network.setExtraHTTPHeaders", json!({ "headers": { "Accept-Language": languages } })).await;
    }

    pub(crate) async fn offline(&self, offline: bool) {
        let conditions =
            json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.cdp("Network.enable", json!({})).await;
        self.cdp("Network.emulateNetworkConditions", conditions).await;
    }

    /// As somebody who has switched script off.
    pub(crate) async fn without_script(&self) {
        self.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Opens another tab and goes there; the one that was left.
    pub(crate) async fn new_tab(&self) -> WindowHandle {
        let left = self.driver.window().await.expect("a tab");
        let tab = self.driver.new_window(true).await.expect("another tab");
        self.driver.switch_to_window(tab.handle).await.expect("another tab");
        left
    }

    pub(crate) async fn back_to(&self, tab: WindowHandle) {
        self.driver.switch_to_window(tab).await.expect("the tab");
    }

    pub(crate) async fn open(&self, url: &str) {
        self.driver.goto(url).await.expect("a page");
    }

    pub(crate) async fn back(&self) {
        self.driver.back().await.expect("the page before");
    }

    pub(crate) async fn reload(&self) {
        self.driver.refresh().await.expect("the page again");
    }

    /// What an expression is on the page; a promise is waited for.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        let answer = self.driver.execute(&format!("return {expression}"), vec![]).await;
        answer.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Runs a script that is not the page's.
    pub(crate) async fn run(&self, script: &str) {
        self.driver.execute(script, vec![]).await.expect("a script");
    }

    /// Taps an element, and notes what of asking for a passkey and the end of the tap came first. It is tapped by script,
    /// because a browser goes on with what was awaited before it ends a tap by hand.
    pub(crate) async fn tap(&self, selector: &str) -> Value {
        let script = format!(
            "const noted = [];
             for (const name of ['get', 'create']) {{
               const ask = navigator.credentials[name].bind(navigator.credentials);
               navigator.credentials[name] = (options) => {{ noted.push(name); return ask(options); }};
             }}
             document.querySelector('{selector}').click();
             noted.push('over');
             return new Promise((done) => setTimeout(() => done(noted.slice(0, 2)), 100));"
        );
        let answer = self.driver.execute(&script, vec![]).await;
        answer.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    /// A button below the details is enabled when it has come into sight.
    pub(crate) async fn click(&self, selector: &str) {
        self.run(&format!("document.querySelector('{selector}')?.scrollIntoView({{ block: 'center' }})"))
            .await;
        self.wait_until(&format!("!document.querySelector('{selector}')?.ariaDisabled")).await;
        let element = self.driver.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types a text into a field.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let field = self.driver.find(Locator::Css(selector)).await;
        let field = field.unwrap_or_else(|error| panic!("{selector}: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Presses a key, wherever the focus is.
    pub(crate) async fn press(&self, key: Key) {
        let value = char::from(key);
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.driver.perform_actions(keys).await.expect("a key");
    }

    /// What is to be read there.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self.driver.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.text().await.expect("a text")
    }

    /// Waits until the page's heading is this: what was clicked may lead to another page, or change this one.
    #[track_caller]
    pub(crate) fn shows(&self, heading: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let start = Instant::now();
            loop {
                let shown = match self.driver.find(Locator::Css("h1")).await {
                    Ok(element) => element.text().await.unwrap_or_default(),
                    // Between two pages.
                    Err(_) => String::new(),
                };
                if shown == heading {
                    return;
                }
                assert!(start.elapsed() < PATIENCE, "{caller}: not {heading:?} but {shown:?}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    pub(crate) async fn is_displayed(&self, selector: &str) -> bool {
        match self.driver.find_all(Locator::Css(selector)).await.expect("a search").first() {
            Some(element) => element.is_displayed().await.expect("an element"),
            None => false,
        }
    }

    /// Waits until an expression is true on the page.
    #[track_caller]
    pub(crate) fn wait_until(&self, expression: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let start = Instant::now();
            let script = format!("return Boolean({expression})");
            loop {
                let answer = self.driver.execute(&script, vec![]).await;
                // An error is a page on its way to another.
                if answer.is_ok_and(|it| it == json!(true)) {
                    return;
                }
                assert!(start.elapsed() < PATIENCE, "{caller}: {expression}\n{}", self.text("body").await);
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Waits until the page has answered what was done on it: with an end, or with a notice and its buttons back.
    #[track_caller]
    pub(crate) fn settled(&self) -> impl Future<Output = ()> {
        self.wait_until(
            "document.querySelector('.end') || \
             (document.querySelector('#notice').textContent && !document.querySelector('[aria-disabled]'))",
        )
    }

    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        self.driver.screenshot().await.expect("a picture")
    }

    /// What the browser complained about since the last time: errors of scripts, refused by policy, failed to load.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let command = Vendor { path: "se/log", body: json!({ "type": "browser" }) };
        let log: Result<Value, CmdError> = self.driver.issue_cmd(command).await;
        let log = log.expect("the console");
        let entries = log.as_array().expect("a list").iter();
        entries.map(|entry| format!("{} {}", entry["level"], entry["message"])).collect()
    }
}

/// A command of Chromium's driver beyond those of WebDriver.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// The driver, and its port.
async fn chromedriver() -> (Child, String) {
    // It looks for a free port itself, and gives up when another one of its kind has just taken it.
    for _ in 0..5 {
        let mut chromedriver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver (Debian: chromium-driver)");
        let mut lines = BufReader::new(chromedriver.stdout.take().expect("its output")).lines();
        while let Some(line) = lines.next_line().await.expect("its output") {
            let Some((_, port)) = line.split_once("successfully on port ") else { continue };
            let port = port.trim_end_matches('.').to_owned();
            // Or the driver would wait for somebody to read on.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (chromedriver, port);
        }
    }
    panic!("chromedriver does not start");
}
