//! The node's one firewall rule, as `nf_tables` messages.
//!
//! It reads, in the words of nft(8):
//! ```text
//! table ip zarpa { chain redirect { type nat hook prerouting priority dstnat;
//!   iifname "zarpa" meta l4proto tcp ip daddr & MASK != NETWORK ip daddr != EXTRA redirect to :PORT } }
//! ```
//! Source: `linux/netfilter/nf_tables.h`. All numbers inside are in network byte order.

use std::{io, net::Ipv4Addr};

use crate::kernel::netlink::{ACK, CREATE, Message, Socket};

const SUBSYSTEM: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NEW_TABLE: u16 = SUBSYSTEM;
const DELETE_TABLE: u16 = SUBSYSTEM | 2;
const NEW_CHAIN: u16 = SUBSYSTEM | 3;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const APPEND: u16 = 0x800;

const TABLE: &str = "zarpa";
const CHAIN: &str = "redirect";

const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const DATA_VALUE: u16 = 1;

/// The 32-bit registers from number 8 on; two of them are enough.
const REGISTER: u32 = 8;
const PORT_REGISTER: u32 = 12;
const COMPARE_EQUAL: u32 = 0;
const COMPARE_UNEQUAL: u32 = 1;
const META_IIFNAME: u32 = 6;
const META_L4PROTO: u32 = 16;
const NETWORK_HEADER: u32 = 1;
const DESTINATION_OFFSET: u32 = 16;
const INTERFACE_NAME_BYTES: usize = 16;
/// After conntrack saw the packet, before it is routed: `NF_IP_PRI_NAT_DST`.
const PRIORITY: i32 = -100;

/// Which connections go where.
pub(crate) struct Redirect<'a> {
    /// Device at which they arrive.
    pub(crate) bridge: &'a str,
    /// Not to these: the pods, and the node's own addresses.
    pub(crate) network: (Ipv4Addr, u8),
    pub(crate) addresses: &'a [Ipv4Addr],
    pub(crate) port: u16,
}

/// Puts the rule in place, at once, instead of what was there before; in the namespace of the
/// calling thread.
pub(crate) fn install(redirect: &Redirect<'_>) -> io::Result<()> {
    let messages = [
        table(NEW_TABLE, CREATE),
        table(DELETE_TABLE, 0),
        table(NEW_TABLE, CREATE),
        chain(),
        rule(redirect),
    ];
    let n_messages = messages.len();
    let mut batch = marker(BATCH_BEGIN).finish(0);
    for (message, sequence) in messages.into_iter().zip(1..) {
        batch.extend(message.finish(sequence));
    }
    batch.extend(marker(BATCH_END).finish(0));
    Socket::netfilter()?.ask_all(&batch, n_messages)
}

/// `struct nfgenmsg`: family, version, resource.
fn marker(kind: u16) -> Message {
    let [high, low] = (SUBSYSTEM >> 8).to_be_bytes();
    Message::new(kind, 0, &[0, 0, high, low])
}

fn message(kind: u16, flags: u16) -> Message {
    let family = u8::try_from(libc::NFPROTO_IPV4).expect("address families are small");
    Message::new(kind, flags | ACK, &[family, 0, 0, 0])
}

fn table(kind: u16, flags: u16) -> Message {
    let mut message = message(kind, flags);
    message.text(1, TABLE);
    message
}

fn chain() -> Message {
    let mut message = message(NEW_CHAIN, CREATE);
    let hook = u32::try_from(libc::NF_INET_PRE_ROUTING).expect("hooks are small");
    message
        .text(1, TABLE)
        .text(3, CHAIN)
        .nested(4, |it| {
            it.attribute(1, &hook.to_be_bytes()).attribute(2, &PRIORITY.to_be_bytes());
        })
        .text(7, "nat");
    message
}

fn rule(redirect: &Redirect<'_>) -> Message {
    let mut message = message(NEW_RULE, CREATE | APPEND);
    message.text(1, TABLE).text(2, CHAIN).nested(4, |list| {
        let mut name = [0; INTERFACE_NAME_BYTES];
        name[..redirect.bridge.len()].copy_from_slice(redirect.bridge.as_bytes());
        meta(list, META_IIFNAME);
        compare(list, COMPARE_EQUAL, &name);
        meta(list, META_L4PROTO);
        compare(list, COMPARE_EQUAL, &[6]);
        let mask = mask(redirect.network.1);
        destination(list);
        and(list, mask);
        compare(list, COMPARE_UNEQUAL, &(redirect.network.0.to_bits() & mask).to_be_bytes());
        for address in redirect.addresses {
            destination(list);
            compare(list, COMPARE_UNEQUAL, &address.octets());
        }
        redirect_to(list, redirect.port);
    });
    message
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

fn expression(list: &mut Message, name: &str, fill: impl FnOnce(&mut Message)) {
    list.nested(LIST_ELEMENT, |it| {
        it.text(EXPRESSION_NAME, name).nested(EXPRESSION_DATA, fill);
    });
}

fn meta(list: &mut Message, key: u32) {
    expression(list, "meta", |it| {
        it.attribute(1, &REGISTER.to_be_bytes()).attribute(2, &key.to_be_bytes());
    });
}

fn compare(list: &mut Message, operation: u32, value: &[u8]) {
    expression(list, "cmp", |it| {
        it.attribute(1, &REGISTER.to_be_bytes()).attribute(2, &operation.to_be_bytes()).nested(
            3,
            |it| {
                it.attribute(DATA_VALUE, value);
            },
        );
    });
}

fn destination(list: &mut Message) {
    expression(list, "payload", |it| {
        it.attribute(1, &REGISTER.to_be_bytes())
            .attribute(2, &NETWORK_HEADER.to_be_bytes())
            .attribute(3, &DESTINATION_OFFSET.to_be_bytes())
            .attribute(4, &4_u32.to_be_bytes());
    });
}

fn and(list: &mut Message, mask: u32) {
    expression(list, "bitwise", |it| {
        it.attribute(1, &REGISTER.to_be_bytes())
            .attribute(2, &REGISTER.to_be_bytes())
            .attribute(3, &4_u32.to_be_bytes())
            .nested(4, |it| {
                it.attribute(DATA_VALUE, &mask.to_be_bytes());
            })
            .nested(5, |it| {
                it.attribute(DATA_VALUE, &0_u32.to_be_bytes());
            });
    });
}

fn redirect_to(list: &mut Message, port: u16) {
    expression(list, "immediate", |it| {
        it.attribute(1, &PORT_REGISTER.to_be_bytes()).nested(2, |it| {
            it.attribute(DATA_VALUE, &port.to_be_bytes());
        });
    });
    expression(list, "redir", |it| {
        it.attribute(1, &PORT_REGISTER.to_be_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_follow_the_prefix() {
        assert_eq!(mask(0), 0);
        assert_eq!(mask(24), 0xffff_ff00);
        assert_eq!(mask(32), u32::MAX);
    }
}
