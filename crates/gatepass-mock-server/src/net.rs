//! Connections that can be cut: TCP reset from the server's side, as a crashed process or a broken path gives it. And that can be made to
//! say something else than they were told to.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Accepts connections, each of which can be cut by itself or all together.
#[derive(Debug)]
pub(crate) struct CuttableListener {
    pub(crate) listener: TcpListener,
    /// Cuts every connection that was accepted.
    pub(crate) all: CancellationToken,
    /// How long the head of the first request may take.
    pub(crate) head_timeout: Duration,
}

/// How long no connection is accepted after a failure: the machine may have no file descriptor left.
const PAUSE: Duration = Duration::from_secs(1);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    return (CuttableStream::new(stream, self.all.child_token(), self.head_timeout), address);
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed; trying again in {PAUSE:?}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A TCP stream that reports a reset once it is cut, and sends one to its peer when it is dropped then: with a linger of
/// zero, closing sends RST instead of FIN.
#[derive(Debug)]
pub(crate) struct CuttableStream {
    stream: TcpStream,
    cut: CancellationToken,
    was_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    instead: Instead,
    /// What is left of that to write.
    left: Vec<u8>,
    /// Until the head of the first request has arrived.
    head: Option<Head>,
}

/// The end of a head (RFC 9112, section 2.1).
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A head that is yet to arrive.
#[derive(Debug)]
struct Head {
    timeout: Pin<Box<Sleep>>,
    /// How many bytes of its end have arrived.
    matched: usize,
}

impl Head {
    /// Returns whether the head ends in these bytes.
    fn ends_in(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| {
            self.matched =
                if *byte == END_OF_HEAD[self.matched] { self.matched + 1 } else { usize::from(*byte == b'\r') };
            self.matched == END_OF_HEAD.len()
        })
    }
}

/// What goes out instead of the next write.
type Instead = Arc<Mutex<Option<Vec<u8>>>>;

impl CuttableStream {
    fn new(stream: TcpStream, cut: CancellationToken, head_timeout: Duration) -> Self {
        let was_cut = Box::pin(cut.clone().cancelled_owned());
        let head = Some(Head { timeout: Box::pin(sleep(head_timeout)), matched: 0 });
        Self { stream, cut, was_cut, instead: Instead::default(), left: Vec::new(), head }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.was_cut.as_mut().poll(cx).is_pending() {
            return Ok(());
        }
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl Drop for CuttableStream {
    fn drop(&mut self) {
        // The connection may be dropped before it is polled again. This fails only if the socket is gone.
        if self.cut.is_cancelled() {
            self.stream.set_zero_linger().ok();
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        let this = &mut *self;
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if let Some(head) = &mut this.head {
            if head.ends_in(&buf.filled()[before..]) {
                this.head = None;
            } else if read.is_pending() && head.timeout.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        let taken = self.instead.lock().unwrap_or_else(PoisonError::into_inner).take();
        let is_replaced = taken.is_some() || !self.left.is_empty();
        self.left.extend(taken.into_iter().flatten());
        while !self.left.is_empty() {
            let this = &mut *self;
            let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &this.left))?;
            this.left.drain(..written);
        }
        if is_replaced {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What a handler needs to cut its own connection, or to let it say something else.
#[derive(Clone, Debug)]
pub(crate) struct Cutter {
    cut: CancellationToken,
    instead: Instead,
}

impl Cutter {
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// These bytes go out instead of what is written next.
    pub(crate) fn replace_next(&self, bytes: Vec<u8>) {
        *self.instead.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Cutter {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        let stream = stream.io();
        Self { cut: stream.cut.clone(), instead: Arc::clone(&stream.instead) }
    }
}
