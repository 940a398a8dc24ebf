//! What goes over the socket of a run: a request with its descriptors, signals one byte each, and how the call ended.

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

/// A longer request is none: the kernel takes no longer words and environment.
const LONGEST: u32 = 8 << 20;
/// The folder, and the three standard streams.
const DESCRIPTORS: usize = 4;

/// The kind of an answer by which the caller is to start the tool itself.
pub(super) const YOURS: u8 = 2;

/// The kind of an answer that brings the end of a terminal.
pub(super) const TERMINAL: u8 = 3;

/// A call as it is sent.
#[derive(Serialize, Deserialize)]
struct Sent {
    name: OsString,
    argv: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
}

/// A call that came over the socket.
pub(super) struct Request {
    /// The link's name.
    pub(super) name: OsString,
    /// Every word, the first included.
    pub(super) argv: Vec<Vec<u8>>,
    /// The environment, `NAME=value`.
    pub(super) env: Vec<Vec<u8>>,
    /// The folder, standard input, output and error.
    pub(super) descriptors: [OwnedFd; DESCRIPTORS],
}

/// Sends a call.
///
/// # Errors
/// When the other side is gone, or the call is too long.
pub(super) fn send(
    connection: &mut UnixStream,
    name: OsString,
    argv: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    descriptors: [BorrowedFd<'_>; DESCRIPTORS],
) -> io::Result<()> {
    let body = postcard::to_stdvec(&Sent { name, argv, env }).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).ok().filter(|n| *n <= LONGEST).ok_or(io::ErrorKind::InvalidInput)?;
    let numbers = descriptors.map(|d| d.as_raw_fd());
    let rights = [ControlMessage::ScmRights(&numbers)];
    sendmsg::<UnixAddr>(connection.as_raw_fd(), &[IoSlice::new(&length.to_le_bytes())], &rights, MsgFlags::empty(), None)?;
    connection.write_all(&body)
}

/// Receives a call.
///
/// # Errors
/// When it is none.
pub(super) fn receive(mut connection: &UnixStream) -> io::Result<Request> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut length = [0; 4];
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTORS]);
    let descriptors = {
        let mut parts = [IoSliceMut::new(&mut length)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_WAITALL;
        let message = recvmsg::<UnixAddr>(connection.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
        let mut found = Vec::new();
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(numbers) = control {
                found.extend(numbers.into_iter().filter_map(crate::sys::adopt));
            }
        }
        found
    };
    let descriptors = <[OwnedFd; DESCRIPTORS]>::try_from(descriptors).map_err(|_| invalid())?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(invalid());
    }
    let mut body = vec![0; length as usize];
    connection.read_exact(&mut body)?;
    let sent: Sent = postcard::from_bytes(&body).map_err(|_| invalid())?;
    Ok(Request { name: sent.name, argv: sent.argv, env: sent.env, descriptors })
}

/// Sends what the calls of a filter come to; from the child that stands behind it, before it becomes the tool.
///
/// # Errors
/// When the other side is gone.
pub(in super::super) fn send_filter(post: &UnixDatagram, filter: &OwnedFd) -> io::Result<()> {
    let numbers = [filter.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&numbers)];
    sendmsg::<UnixAddr>(post.as_raw_fd(), &[IoSlice::new(&[0])], &rights, MsgFlags::empty(), None)?;
    Ok(())
}

/// Receives it; nothing where the child sent none.
pub(in super::super) fn receive_filter(post: &UnixDatagram) -> Option<OwnedFd> {
    let (_, filter) = receive_descriptor(post, &mut [0], MsgFlags::MSG_DONTWAIT).ok()?;
    filter
}

/// Receives bytes and at most one descriptor; how many bytes came.
fn receive_descriptor(from: &impl AsRawFd, bytes: &mut [u8], flags: MsgFlags) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let mut held = None;
    let mut parts = [IoSliceMut::new(bytes)];
    let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<UnixAddr>(from.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            held = numbers.into_iter().filter_map(crate::sys::adopt).next();
        }
    }
    Ok((message.bytes, held))
}

/// Tells the caller to start these words itself: kind 2.
///
/// # Errors
/// When the other side is gone.
pub(super) fn reply_yours(connection: &mut UnixStream, words: &[u8]) -> io::Result<()> {
    let length = i32::try_from(words.len()).map_err(io::Error::other)?;
    reply(connection, YOURS, length)?;
    connection.write_all(words)
}

/// Gives the caller the end of a terminal to hold: kind 3.
///
/// # Errors
/// When the other side is gone.
pub(super) fn reply_terminal(connection: &UnixStream, held: BorrowedFd<'_>) -> io::Result<()> {
    let numbers = [held.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&numbers)];
    sendmsg::<UnixAddr>(connection.as_raw_fd(), &[IoSlice::new(&[TERMINAL, 0, 0, 0, 0])], &rights, MsgFlags::empty(), None)?;
    Ok(())
}

/// The next that is said of a call: its kind, its number, and a terminal's end where one is given.
///
/// # Errors
/// When the connection ends.
pub(super) fn receive_reply(connection: &UnixStream) -> io::Result<(u8, i32, Option<OwnedFd>)> {
    let mut bytes = [0; 5];
    let (length, held) = receive_descriptor(connection, &mut bytes, MsgFlags::MSG_WAITALL)?;
    let [kind, number @ ..] = bytes;
    if length < bytes.len() {
        Err(io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok((kind, i32::from_le_bytes(number), held))
    }
}

/// Tells how a call ended: `kind` 0 by a code, 1 by a signal.
///
/// # Errors
/// When the other side is gone.
pub(super) fn reply(connection: &mut UnixStream, kind: u8, number: i32) -> io::Result<()> {
    let mut bytes = vec![kind];
    bytes.extend(number.to_le_bytes());
    connection.write_all(&bytes)
}
