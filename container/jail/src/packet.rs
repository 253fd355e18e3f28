//! Packets with descriptors over `SOCK_SEQPACKET` sockets, and over the first bytes of streams.

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Descriptors that one packet may carry: those of a command in a sandbox are the most.
const MAX_DESCRIPTORS: usize = 6;
/// Bytes of one packet; a command of our own has a few hundred.
pub const MAX_PACKET: usize = 16 * 1_024;

/// Sends one packet.
pub fn send_packet(socket: RawFd, bytes: &[u8], descriptors: &[RawFd]) -> io::Result<()> {
    let rights = [ControlMessage::ScmRights(descriptors)];
    let ancillary: &[ControlMessage] = if descriptors.is_empty() { &[] } else { &rights };
    sendmsg::<()>(socket, &[IoSlice::new(bytes)], ancillary, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// Takes the next packet into the buffer. Its length is 0 where the other side has gone.
pub fn receive_packet(socket: RawFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = cmsg_space!([RawFd; MAX_DESCRIPTORS]);
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(socket, &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let is_cut = message.flags.contains(MsgFlags::MSG_CTRUNC);
    let mut descriptors = Vec::new();
    for ancillary in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = ancillary {
            // SAFETY: the kernel has just made these descriptors for this process, and nobody else knows them.
            descriptors.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    // The kernel drops what this process has no number left for, and says so nowhere else.
    if is_cut {
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    Ok((message.bytes, descriptors))
}
