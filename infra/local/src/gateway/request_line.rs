//! Request lines that hyper refuses and API Gateway passes on.
//!
//! A query with a raw quotation mark or angle bracket is malformed (RFC 3986 §3.4), and hyper responds with 400 by
//! itself. The service passes it on unchanged. So what hyper would refuse is escaped before hyper reads the line,
//! in a form that no client has a reason to send, and is restored when the event is built.
//!
//! Only the first line of a connection is handled: a request written by hand comes on its own connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Begins an escape; the byte's two hexadecimal digits follow. It is not a valid percent sequence.
const ESCAPE: &str = "%!";
/// A longer line is passed on as it is; the gateway refuses it by its size.
const LONGEST: usize = 16 * 1024;

/// Whether hyper refuses a request because of this byte in its target.
const fn is_refused(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`')
}

/// The request line with a target that hyper accepts.
fn escape(line: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(line.len());
    for (at, byte) in line.iter().enumerate() {
        if is_refused(*byte) || line[at..].starts_with(ESCAPE.as_bytes()) {
            escaped.extend(format!("{ESCAPE}{byte:02x}").bytes());
        } else {
            escaped.push(*byte);
        }
    }
    escaped
}

/// A path or a query as it was sent.
pub(super) fn restore(text: &str) -> String {
    let mut parts = text.split(ESCAPE);
    let mut restored = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                restored.push(char::from(byte));
                restored.push_str(&part[2..]);
            }
            None => restored.extend([ESCAPE, part]),
        }
    }
    restored
}

/// A connection whose first line is escaped.
pub(super) struct Escaping<S> {
    inner: S,
    /// Bytes that were read but not yet passed on.
    read: Vec<u8>,
    is_past_the_line: bool,
}

impl<S> Escaping<S> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner, read: Vec::new(), is_past_the_line: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Escaping<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_past_the_line {
            let mut bytes = [0; 2048];
            let mut chunk = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut chunk))?;
            self.read.extend_from_slice(chunk.filled());
            let end = self.read.iter().position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let mut escaped = escape(&self.read[..end]);
                escaped.extend_from_slice(&self.read[end..]);
                self.read = escaped;
            }
            self.is_past_the_line = end.is_some() || chunk.filled().is_empty() || self.read.len() > LONGEST;
        }
        if self.read.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, out);
        }
        let length = self.read.len().min(out.remaining());
        out.put_slice(&self.read[..length]);
        self.read.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Escaping<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn what_is_escaped_comes_back_as_it_was() {
        for target in ["/a?b=\"<c>\"", "/`", "/%22?%!22", "/%!", "/%!%!zz", "/a?b=%20&c=d#e", "/%!\u{fc}"] {
            let escaped = String::from_utf8(escape(target.as_bytes())).unwrap();
            assert!(!escaped.bytes().any(is_refused), "{escaped}");
            assert_eq!(restore(&escaped), target);
        }
    }

    #[tokio::test]
    async fn only_the_first_line_is_changed_however_it_arrives() {
        let sent = b"POST /a?b=\"c\" HTTP/1.1\r\nX-Quote: \"d\"\r\n\r\n<body>";
        for size in [1, 5, sent.len()] {
            let (client, server) = tokio::io::duplex(size);
            let sending = async move {
                let mut client = client;
                client.write_all(sent).await.unwrap();
            };
            let mut read = String::new();
            let mut server = Escaping::new(server);
            let (_, ended) = tokio::join!(sending, server.read_to_string(&mut read));
            ended.unwrap();
            assert_eq!(read, "POST /a?b=%!22c%!22 HTTP/1.1\r\nX-Quote: \"d\"\r\n\r\n<body>", "{size}");
        }
    }
}
