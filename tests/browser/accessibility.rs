//! axe-core on every page, in each of its states, light and dark.

use std::path::PathBuf;

use ciba_tests::{root, tool};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::browser::Browser;
use crate::gallery::{Gallery, STATES};

/// The script, installed once per run.
async fn axe() -> &'static str {
    static AXE: OnceCell<String> = OnceCell::const_new();
    AXE.get_or_init(async || {
        let folder: PathBuf = root().join("tests/accessibility");
        let mut npm = Command::new(tool("npm"));
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder).kill_on_drop(true);
        let output = npm.output().await.expect("npm");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js")).expect("axe-core")
    })
    .await
}

/// What axe-core finds wrong with the page as it is now. All of its rules, those for good practice too. The driver
/// brings the script past the page's policy.
pub(crate) async fn violations(browser: &Browser) -> Vec<String> {
    browser.run(axe().await).await;
    let found = browser.evaluate("axe.run(document).then((it) => it.violations)").await;
    let found: &Vec<Value> = found.as_array().expect("a list");
    let told = found.iter().map(|it| format!("{}: {}", it["id"], it["nodes"][0]["failureSummary"]));
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_in_any_state_has_what_axe_finds_wrong() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    let mut wrong = Vec::new();
    for state in STATES {
        for dark in [false, true] {
            browser.dark(dark).await;
            gallery.show(&browser, state).await;
            let found = violations(&browser).await;
            wrong.extend(found.into_iter().map(|it| format!("{} (dark: {dark}): {it}", state.name)));
        }
    }
    // From right to left as well.
    browser.reads("ar").await;
    gallery.show(&browser, &STATES[0]).await;
    wrong.extend(violations(&browser).await);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Or the test above would hold of anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_what_is_wrong() {
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    gallery.show(&browser, &STATES[0]).await;
    browser.run("document.querySelector('#approve').textContent = ''").await;
    browser.run("document.querySelector('h1').style.color = '#ccc'").await;
    let found = violations(&browser).await.join(" ");
    assert!(found.contains("button-name") && found.contains("color-contrast"), "{found}");
}
