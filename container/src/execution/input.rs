//! What goes into a program: its standard input, or what is typed at its terminal.

use super::streams::Background;
use super::terminal::TerminalEnd;
use crate::jail::terminal::Size;
use axum::body::Bytes;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc::Receiver;

/// What a client sends while the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Bytes(Bytes),
    /// Without a terminal it has no effect.
    Resize(Size),
}

/// Writes standard input and closes it. A program that does not read it is its own affair.
pub fn feed(sender: pipe::Sender, text: String, more: Option<Receiver<Input>>) -> io::Result<Option<Background>> {
    let written = match sender.try_write(text.as_bytes()) {
        Ok(written) => written,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        // The program has ended already, or closed what it does not want to read.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
        Err(error) => return Err(error),
    };
    if written == text.len() && more.is_none() {
        return Ok(None);
    }
    Ok(Some(Background::start(async move {
        let _ = feed_on(sender, &text.as_bytes()[written..], more, |_| ()).await;
    })))
}

/// Types at a terminal, which stays open when nothing more is typed.
pub fn type_at(terminal: TerminalEnd, text: String, more: Option<Receiver<Input>>) -> Background {
    Background::start(async move {
        let screen = terminal.clone();
        // A terminal that is gone needs no size.
        let _ = feed_on(terminal, text.as_bytes(), more, |size| drop(screen.resize(size))).await;
    })
}

/// Writes as the program reads; a sender of more waits for that, too.
async fn feed_on(
    mut sender: impl AsyncWrite + Unpin,
    text: &[u8],
    more: Option<Receiver<Input>>,
    resize: impl Fn(Size),
) -> io::Result<()> {
    sender.write_all(text).await?;
    let Some(mut more) = more else { return Ok(()) };
    while let Some(input) = more.recv().await {
        match input {
            Input::Bytes(bytes) => sender.write_all(&bytes).await?,
            Input::Resize(size) => resize(size),
        }
    }
    Ok(())
}
