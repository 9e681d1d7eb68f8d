//! The same over a WebSocket: one JSON text a message.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::{End, Said};
use crate::stop::Stopped;

/// The longest message that is taken from a listener, who has nothing to say.
pub const READ_BYTES: usize = 4 * 1024;

/// How long a listener may take to confirm the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Tells a listener what is said, until either of them ends it.
pub async fn tell(mut socket: WebSocket, mut said: Receiver<Said>, mut stopped: Stopped) {
    loop {
        let said = tokio::select! {
            biased;
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                // Pings are answered by the library, and all else is passed over.
                Some(Ok(_)) => continue,
            },
            said = said.recv() => said,
        };
        let Some(said) = said else { return };
        let is_end = matches!(said, Said::End(_));
        if !send(&mut socket, message(said), &mut stopped).await {
            return;
        }
        if is_end {
            return confirmed(socket).await;
        }
    }
}

/// Sends a message; tells whether the listener still takes any.
async fn send(socket: &mut WebSocket, message: Message, stopped: &mut Stopped) -> bool {
    let mut sending = std::pin::pin!(socket.send(message));
    let sent = tokio::select! {
        biased;
        sent = &mut sending => sent,
        // From now on its connection has less patience with it, but must be asked again.
        () = stopped.told() => sending.await,
    };
    sent.is_ok()
}

/// Waits until the listener knows of the end: to hang up before could take the message from it.
async fn confirmed(mut socket: WebSocket) {
    let hearing = async { while let Some(Ok(_)) = socket.recv().await {} };
    // Whether it confirms the end or not, it has come.
    let _ = timeout(CLOSE_TIMEOUT, hearing).await;
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
        Said::End(end) => {
            let code = match end {
                End::Stopped => close_code::AWAY,
                End::Unknown => close_code::POLICY,
                End::Gone(_) | End::Unwritten { .. } => close_code::ERROR,
            };
            let reason = end.to_string();
            // There is room for 123 bytes.
            let length = reason.floor_char_boundary(123);
            Message::Close(Some(CloseFrame { code, reason: reason[..length].into() }))
        }
    }
}
