//! Pictures of the pages, for people.

use std::fs;

use ciba::page::Language;
use ciba_tests::root;

use crate::browser::Browser;
use crate::gallery::{Gallery, STATES};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "no test: it writes target/screenshots (make screenshots)"]
async fn take() {
    let folder = root().join("target/screenshots");
    fs::create_dir_all(&folder).expect("a folder");
    let gallery = Gallery::open().await;
    let browser = Browser::start().await;
    let save = async |name: &str| {
        for (width, height) in [(360, 740), (1280, 800)] {
            for (dark, shade) in [(false, "light"), (true, "dark")] {
                browser.size(width, height).await;
                browser.dark(dark).await;
                browser
                    .run("document.querySelector('#notice:not(:empty)')?.scrollIntoView({ block: 'end' })")
                    .await;
                let file = folder.join(format!("{name}-{width}x{height}-{shade}.png"));
                fs::write(file, browser.screenshot().await).expect("a file");
            }
        }
    };
    browser.reads("en").await;
    for state in STATES {
        gallery.show(&browser, state).await;
        save(state.name).await;
    }
    for language in Language::ALL.into_iter().filter(|it| *it != Language::English) {
        browser.reads(language.tag()).await;
        gallery.show(&browser, &STATES[0]).await;
        save(&format!("{}-{}", STATES[0].name, language.tag())).await;
    }
}
