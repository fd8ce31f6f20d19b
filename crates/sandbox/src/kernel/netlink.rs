//! Netlink: messages written by hand, a blocking socket, and the requests that make a pod network.
//!
//! Source: `linux/netlink.h`, `linux/rtnetlink.h`, `linux/if_link.h`; routing messages and those of
//! nf_tables are built by the same fifty lines.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice::name_to_index,
    netlink::NETFILTER, recv, send, socket_with,
};

pub(crate) const REQUEST: u16 = 1;
pub(crate) const ACK: u16 = 4;
pub(crate) const CREATE: u16 = 0x400;
const EXCLUSIVE: u16 = 0x200;
const NESTED: u16 = 0x8000;
const HEADER_BYTES: usize = 16;
const ERROR: u16 = 2;

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;

/// The loopback device has this index in every namespace.
pub(crate) const LOOPBACK: u32 = 1;
/// Index that we give to the bridge: no lookup is needed, and no device that the kernel adds by
/// itself has it.
pub(crate) const BRIDGE: u32 = 1000;

/// One message, or the inside of an attribute, as it grows.
pub(crate) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// Begins a message with its fixed part `body`.
    pub(crate) fn new(kind: u16, flags: u16, body: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags | REQUEST).to_ne_bytes());
        bytes.extend_from_slice(body);
        Self { bytes }
    }

    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = u16::try_from(4 + value.len()).expect("attributes are short");
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Adds a text with its final zero.
    pub(crate) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    pub(crate) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inside = Self { bytes: Vec::new() };
        fill(&mut inside);
        self.attribute(kind | NESTED, &inside.bytes)
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Writes length and number into the header.
    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).expect("messages are short");
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

/// A socket to the kernel, of the namespace in which it was made.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Opens a socket for devices, addresses and routes, which is protocol 0.
    pub(crate) fn route() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        Ok(Self(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?))
    }

    pub(crate) fn netfilter() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        Ok(Self(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER))?))
    }

    /// Sends one request and waits for its acknowledgement.
    pub(crate) fn ask(&self, message: Message) -> io::Result<()> {
        self.ask_all(&message.finish(1), 1)
    }

    /// Sends finished messages at once and waits until `n_acknowledged` of them are, or one fails.
    pub(crate) fn ask_all(&self, bytes: &[u8], n_acknowledged: usize) -> io::Result<()> {
        send(&self.0, bytes, SendFlags::empty())?;
        let mut seen = 0;
        let mut buffer = vec![0; 8192];
        while seen < n_acknowledged {
            let (n_bytes, _) = recv(&self.0, &mut buffer[..], RecvFlags::empty())?;
            let mut rest = &buffer[..n_bytes];
            while let Some(length) = rest.first_chunk::<4>() {
                let length = u32::from_ne_bytes(*length) as usize;
                if length < HEADER_BYTES + 4 || length > rest.len() {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if rest[4..6] == ERROR.to_ne_bytes() {
                    let code = rest[HEADER_BYTES..]
                        .first_chunk::<4>()
                        .map_or(0, |it| i32::from_ne_bytes(*it));
                    if code != 0 {
                        return Err(io::Error::from_raw_os_error(-code));
                    }
                    seen += 1;
                }
                rest = &rest[length.next_multiple_of(4).min(rest.len())..];
            }
        }
        Ok(())
    }

    /// Finds the index of a device.
    pub(crate) fn index(&self, name: &str) -> io::Result<u32> {
        Ok(name_to_index(&self.0, name)?)
    }

    /// Takes a device up.
    pub(crate) fn set_up(&self, index: u32) -> io::Result<()> {
        self.ask(Message::new(RTM_NEWLINK, ACK, &link(index, true)))
    }

    /// Makes a bridge with index [`BRIDGE`] that is up; one that is there already stays.
    pub(crate) fn add_bridge(&self, name: &str, address: Ipv4Addr) -> io::Result<()> {
        let mut message = Message::new(RTM_NEWLINK, ACK | CREATE | EXCLUSIVE, &link(BRIDGE, true));
        message.text(IFLA_IFNAME, name).attribute(IFLA_ADDRESS, &hardware_address(address)).nested(
            IFLA_LINKINFO,
            |it| {
                it.text(IFLA_INFO_KIND, "bridge");
            },
        );
        unless_there(self.ask(message))
    }

    /// Makes a pair of devices: one, up, on the bridge of this namespace; the other, down, because
    /// its peer is not there yet, in `namespace` as `eth0` with a hardware
    /// address that follows from `address`, so that an address used again needs no new neighbour
    /// entry.
    pub(crate) fn add_pair(&self, namespace: BorrowedFd<'_>, address: Ipv4Addr) -> io::Result<()> {
        let mut message = Message::new(RTM_NEWLINK, ACK | CREATE | EXCLUSIVE, &link(0, true));
        message.text(IFLA_IFNAME, "veth%d").attribute(IFLA_MASTER, &BRIDGE.to_ne_bytes()).nested(
            IFLA_LINKINFO,
            |it| {
                it.text(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, |it| {
                    it.nested(VETH_INFO_PEER, |it| {
                        it.raw(&link(0, false))
                            .text(IFLA_IFNAME, "eth0")
                            .attribute(IFLA_ADDRESS, &hardware_address(address))
                            .attribute(IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes());
                    });
                });
            },
        );
        self.ask(message)
    }

    /// Gives a device an address; one that it has already stays.
    pub(crate) fn add_address(&self, index: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        let mut body = vec![libc_u8(libc::AF_INET), prefix, 0, 0];
        body.extend_from_slice(&index.to_ne_bytes());
        let mut message = Message::new(RTM_NEWADDR, ACK | CREATE | EXCLUSIVE, &body);
        message.attribute(IFA_LOCAL, &address.octets()).attribute(IFA_ADDRESS, &address.octets());
        unless_there(self.ask(message))
    }

    /// Adds the default route through `gateway`.
    pub(crate) fn add_default_route(&self, index: u32, gateway: Ipv4Addr) -> io::Result<()> {
        let body = [
            libc_u8(libc::AF_INET),
            0,
            0,
            0,
            libc::RT_TABLE_MAIN,
            libc::RTPROT_BOOT,
            libc::RT_SCOPE_UNIVERSE,
            libc::RTN_UNICAST,
            0,
            0,
            0,
            0,
        ];
        let mut message = Message::new(RTM_NEWROUTE, ACK | CREATE | EXCLUSIVE, &body);
        message.attribute(RTA_OIF, &index.to_ne_bytes()).attribute(RTA_GATEWAY, &gateway.octets());
        self.ask(message)
    }
}

/// `struct ifinfomsg`; an index of 0 lets the kernel choose.
fn link(index: u32, is_up: bool) -> [u8; 16] {
    let up = u32::from(is_up);
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&up.to_ne_bytes());
    body[12..16].copy_from_slice(&up.to_ne_bytes());
    body
}

fn hardware_address(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x0a, 0x58, a, b, c, d]
}

fn libc_u8(value: libc::c_int) -> u8 {
    u8::try_from(value).expect("address families are small")
}

fn unless_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested() {
        let mut message = Message::new(20, ACK, &[9, 9, 9, 9]);
        message.nested(1, |it| {
            it.text(3, "lo");
        });
        let bytes = message.finish(7);
        assert_eq!(bytes.len(), 32);
        assert_eq!(bytes[..4], 32_u32.to_ne_bytes());
        assert_eq!(bytes[6..8], (ACK | REQUEST).to_ne_bytes());
        assert_eq!(bytes[8..12], 7_u32.to_ne_bytes());
        assert_eq!(bytes[20..24], [12, 0, 1, 0x80], "length without the padding, kind, nested");
        assert_eq!(bytes[24..], [7, 0, 3, 0, b'l', b'o', 0, 0]);
    }
}
