//! A connection that waits for its client to take what it is sent, but not for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::stop::Stopped;

/// How long a client may take nothing once the server is told to stop.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// Fails with `TimedOut` where nothing could be written for as long as its patience.
#[derive(Debug)]
pub struct Patient {
    stream: TcpStream,
    patience: Duration,
    stopped: Stopped,
    stalled: Option<Stalled>,
}

/// The client takes nothing at the moment.
#[derive(Debug)]
struct Stalled {
    since: Instant,
    patience: Duration,
    end: Pin<Box<Sleep>>,
}

impl Patient {
    pub fn new(stream: TcpStream, patience: Duration, stopped: Stopped) -> Patient {
        Patient { stream, patience, stopped, stalled: None }
    }

    /// Passes on how a write went, unless it has been going nowhere for too long.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = match self.stopped.is_told() {
            true => self.patience.min(LAST_PATIENCE),
            false => self.patience,
        };
        let stalled = self.stalled.get_or_insert_with(|| {
            let since = Instant::now();
            Stalled { since, patience, end: Box::pin(sleep_until(since + patience)) }
        });
        if stalled.patience != patience {
            stalled.patience = patience;
            stalled.end.as_mut().reset(stalled.since + patience);
        }
        std::task::ready!(stalled.end.as_mut().poll(context));
        let problem = format!("the client took nothing for {patience:?}");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, problem)))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
