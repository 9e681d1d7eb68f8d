//! The same over a WebSocket: one JSON text a message.

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::Said;
use super::pump::PATIENCE;

/// The longest message that is taken from a listener, who has nothing to say.
pub const READ_BYTES: usize = 4 * 1024;

pub async fn tell(mut socket: WebSocket, mut said: Receiver<Said>) {
    loop {
        let sent = tokio::select! {
            biased;
            heard = socket.recv() => match heard {
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Binary(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            said = said.recv() => match said {
                Some(said) => timeout(PATIENCE, socket.send(message(said))).await,
                None => return,
            },
        };
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

fn message(said: Said) -> Message {
    match said {
        Said::News { position, notification } => {
            // The notification is JSON already.
            let position = position.0;
            let text = format!("{{\"position\":{position},\"notification\":{notification}}}");
            Message::Text(text.into())
        }
        Said::Here(position) => Message::Text(json!({"position": position.0}).to_string().into()),
        Said::End(reason) => {
            // A reason has room for 123 bytes.
            let end = reason.floor_char_boundary(123);
            Message::Close(Some(CloseFrame {
                code: close_code::AWAY,
                reason: reason[..end].into(),
            }))
        }
    }
}
