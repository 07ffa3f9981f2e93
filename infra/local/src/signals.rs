//! The signals that end the program.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the program is asked to end: by Ctrl-C, by a service manager, or because the terminal closed.
pub(crate) async fn any() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// The result of `work`; `None` if a signal came first.
pub(crate) async fn unless_any<T>(work: impl Future<Output = T>) -> io::Result<Option<T>> {
    tokio::select! {
        done = work => Ok(Some(done)),
        signal = any() => signal.map(|()| None),
    }
}
