//! Lines of the record on their way to a client, in bounded memory.

use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::Frame;
use model::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::warn;

use super::super::{ExportError, export};

/// How large the pieces are, and how many wait for the client.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_MAX: usize = 4;

/// A part of the record. Where it cannot be read to its end, the answer is cut off, so that no
/// client takes it for the whole.
pub fn lines(
    directory: PathBuf,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    reader: OwnedSemaphorePermit,
) -> Body {
    let (pieces, taken) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || {
        let mut out = io::BufWriter::with_capacity(PIECE_BYTES, Pieces(pieces));
        let exported = export(&directory, from, until, &mut out);
        let exported = exported.and_then(|_| out.flush().map_err(ExportError::Write));
        if let Err(ExportError::Read(error)) = exported {
            warn!(%error, "an export of the audit record was cut off");
            // Fails only where nobody waits any more.
            let _ = out.get_ref().0.blocking_send(Err(error));
        }
        drop(reader);
    });
    Body::new(Taken(taken))
}

type Piece = io::Result<Bytes>;

struct Pieces(mpsc::Sender<Piece>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Taken(mpsc::Receiver<Piece>);

impl hyper::body::Body for Taken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = ready!(self.0.poll_recv(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }
}
