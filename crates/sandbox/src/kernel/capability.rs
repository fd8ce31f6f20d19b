//! Capabilities: their names, and giving up all but some.

use std::io;

use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities,
    },
};

/// By number. Source: `linux/capability.h`, Linux 6.18.
const NAMES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// A set, one bit for each number.
pub(crate) type Bits = u64;

/// Reads what this process has: all that it can give to a privileged container.
pub(crate) fn held() -> io::Result<Bits> {
    Ok(capabilities(None)?.permitted.bits())
}

/// Turns names into bits; the first unknown name is the error.
pub(crate) fn parse(names: &[String]) -> Result<Bits, &str> {
    names.iter().try_fold(0, |bits, name| match bit(name) {
        Some(bit) => Ok(bits | bit),
        None => Err(name.as_str()),
    })
}

/// Finds the bit of a name.
pub(crate) fn bit(name: &str) -> Option<Bits> {
    NAMES.iter().position(|it| *it == name).map(|number| 1 << number)
}

/// Takes everything but `keep` out of the bounding set, so that no program can bring it back.
pub(crate) fn bound(keep: Bits) -> io::Result<()> {
    for number in 0..NAMES.len() {
        let capability = 1 << number;
        if keep & capability == 0 {
            match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(capability)) {
                // An older kernel does not know the newest ones.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Makes `keep` all that this process has and may use; nothing is inherited.
pub(crate) fn set(keep: Bits) -> io::Result<()> {
    let keep = CapabilitySet::from_bits_retain(keep);
    let inheritable = CapabilitySet::empty();
    clear_ambient_capability_set()?;
    Ok(set_capabilities(None, CapabilitySets { effective: keep, permitted: keep, inheritable })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_bits_and_unknown_ones_are_told() {
        let names = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(parse(&names(&["CAP_CHOWN", "CAP_KILL"])), Ok(0b10_0001));
        assert_eq!(parse(&names(&["CAP_CHOWN", "CAP_FLY"])), Err("CAP_FLY"));
        assert_eq!(bit("CAP_CHECKPOINT_RESTORE"), Some(1 << 40));
    }
}
