//! Accepts connections: plain, or over TLS.

use std::{io, net::SocketAddr, time::Duration};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Door, request_line::Escaping};

/// A client that begins a handshake and does not continue is not waited for.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of connections that wait to be served.
const BACKLOG: usize = 64;

/// A connection, as the gateway sees it.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) peer: SocketAddr,
    pub(super) door: Door,
}

impl Connected<IncomingStream<'_, PlainListener>> for Arrival {
    fn connect_info(stream: IncomingStream<'_, PlainListener>) -> Self {
        Self { peer: *stream.remote_addr(), door: Door::Plain }
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Arrival {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Accepts plain connections.
pub(super) struct PlainListener(pub(super) TcpListener);

impl axum::serve::Listener for PlainListener {
    type Io = Escaping<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, peer) = axum::serve::Listener::accept(&mut self.0).await;
        (Escaping::new(stream), peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// Accepts connections whose handshake is complete. Handshakes run concurrently: a slow one does not delay others.
pub(super) struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, Arrival)>,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// `authority` is the name of the host for mutual TLS, if this is it.
    pub(super) fn new(
        listener: TcpListener,
        acceptor: TlsAcceptor,
        authority: Option<String>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(BACKLOG);
        let accepting = tokio::spawn(accept(listener, acceptor, authority, sender));
        Ok(Self { address, ready, accepting })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    authority: Option<String>,
    sender: mpsc::Sender<(TlsStream<TcpStream>, Arrival)>,
) {
    loop {
        let (stream, peer) = axum::serve::Listener::accept(&mut listener).await;
        let (acceptor, authority, sender) = (acceptor.clone(), authority.clone(), sender.clone());
        tokio::spawn(async move {
            // A refused client learns it in the handshake.
            let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await else { return };
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let certificate = shown.map(|certificate| certificate.to_vec());
            let door = match authority {
                Some(authority) => Door::MutualTls { authority, certificate },
                None => Door::Tls,
            };
            let _ = sender.send((stream, Arrival { peer, door })).await;
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = Escaping<TlsStream<TcpStream>>;
    type Addr = Arrival;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some((stream, arrival)) => (Escaping::new(stream), arrival),
            // The task that accepts ends with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(Arrival { peer: self.address, door: Door::Tls })
    }
}
