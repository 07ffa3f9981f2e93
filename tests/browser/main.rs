//! The pages in a real browser: headless Chromium, driven by its own driver, with a virtual authenticator for passkeys.
//!
//! These tests need Debian's `chromium` and `chromium-driver`, and what `make tools` installs. `tests/browser.sh` says
//! when they are run.

mod accessibility;
mod authenticator;
mod browser;
mod deciding;
mod enrolling;
mod gallery;
mod logging_in;
mod login_issuer;
mod phone;
mod screenshots;
mod site;
mod stack;
