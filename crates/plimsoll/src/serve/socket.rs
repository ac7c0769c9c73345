//! A connection's socket, which is still counted after an upgrade: HTTP's task
//! has ended then, and some handler's own task has the socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use plimsoll_core::Permit;
use plimsoll_health::Drain;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::wire::Wire;

/// The socket itself.
pub(super) struct Socket {
    stream: TcpStream,
    wire: Arc<Wire>,
    _seat: Arc<OnceLock<Permit>>,
}

/// What stays with the server while the socket moves.
pub(super) struct Seat(Arc<OnceLock<Permit>>);

impl Socket {
    pub(super) fn new(stream: TcpStream, wire: Arc<Wire>) -> (Self, Seat) {
        let seat = Arc::default();
        let socket = Self {
            stream,
            wire,
            _seat: Arc::clone(&seat),
        };
        (socket, Seat(seat))
    }
}

impl Seat {
    /// Counts the socket from now to its end, if somebody has it still.
    pub(super) fn take_if_upgraded(self, drain: &Drain) {
        if Arc::strong_count(&self.0) > 1 {
            let _ = self.0.set(drain.enter_upgraded());
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wire.set_full(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wire.set_full(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
