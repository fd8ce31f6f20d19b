//! The default system call filter.
//!
//! It lets everything pass but what Docker's default profile refuses (moby 28,
//! `profiles/seccomp/default.json`): calls that reach the kernel outside the container, each free
//! again for who holds the capability that stands beside it. 32-bit programs do not run.

use std::{collections::BTreeMap, io};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use crate::kernel::capability::{Bits, bit};

/// Refused unless the capability is held; the empty name is held by nobody.
const REFUSED: &[(libc::c_long, &str)] = &[
    (libc::SYS_acct, "CAP_SYS_PACCT"),
    (libc::SYS_add_key, ""),
    (libc::SYS_bpf, "CAP_BPF"),
    (libc::SYS_clock_settime, "CAP_SYS_TIME"),
    (libc::SYS_delete_module, "CAP_SYS_MODULE"),
    (libc::SYS_fanotify_init, "CAP_SYS_ADMIN"),
    (libc::SYS_finit_module, "CAP_SYS_MODULE"),
    (libc::SYS_fsconfig, "CAP_SYS_ADMIN"),
    (libc::SYS_fsmount, "CAP_SYS_ADMIN"),
    (libc::SYS_fsopen, "CAP_SYS_ADMIN"),
    (libc::SYS_fspick, "CAP_SYS_ADMIN"),
    (libc::SYS_get_mempolicy, "CAP_SYS_NICE"),
    (libc::SYS_init_module, "CAP_SYS_MODULE"),
    (libc::SYS_io_uring_enter, ""),
    (libc::SYS_io_uring_register, ""),
    (libc::SYS_io_uring_setup, ""),
    (libc::SYS_kexec_file_load, "CAP_SYS_BOOT"),
    (libc::SYS_kexec_load, "CAP_SYS_BOOT"),
    (libc::SYS_keyctl, ""),
    (libc::SYS_mbind, "CAP_SYS_NICE"),
    (libc::SYS_mount, "CAP_SYS_ADMIN"),
    (libc::SYS_mount_setattr, "CAP_SYS_ADMIN"),
    (libc::SYS_move_mount, "CAP_SYS_ADMIN"),
    (libc::SYS_move_pages, ""),
    (libc::SYS_nfsservctl, ""),
    (libc::SYS_open_by_handle_at, "CAP_DAC_READ_SEARCH"),
    (libc::SYS_open_tree, "CAP_SYS_ADMIN"),
    (libc::SYS_perf_event_open, "CAP_PERFMON"),
    (libc::SYS_pivot_root, ""),
    (libc::SYS_process_madvise, "CAP_SYS_PTRACE"),
    (libc::SYS_quotactl, "CAP_SYS_ADMIN"),
    (libc::SYS_quotactl_fd, "CAP_SYS_ADMIN"),
    (libc::SYS_reboot, "CAP_SYS_BOOT"),
    (libc::SYS_request_key, ""),
    (libc::SYS_set_mempolicy, "CAP_SYS_NICE"),
    (libc::SYS_setdomainname, "CAP_SYS_ADMIN"),
    (libc::SYS_sethostname, "CAP_SYS_ADMIN"),
    (libc::SYS_setns, "CAP_SYS_ADMIN"),
    (libc::SYS_settimeofday, "CAP_SYS_TIME"),
    (libc::SYS_swapoff, ""),
    (libc::SYS_swapon, ""),
    (libc::SYS_syslog, "CAP_SYSLOG"),
    (libc::SYS_umount2, "CAP_SYS_ADMIN"),
    (libc::SYS_unshare, "CAP_SYS_ADMIN"),
    (libc::SYS_userfaultfd, ""),
    (libc::SYS_vhangup, "CAP_SYS_TTY_CONFIG"),
];
/// Further ones that only this architecture has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[(libc::c_long, &str)] = &[
    (libc::SYS__sysctl, ""),
    (libc::SYS_ioperm, "CAP_SYS_RAWIO"),
    (libc::SYS_iopl, "CAP_SYS_RAWIO"),
    (libc::SYS_sysfs, ""),
    (libc::SYS_uselib, ""),
    (libc::SYS_ustat, ""),
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[(libc::c_long, &str)] = &[];

/// Flags of `clone` that make namespaces: `CLONE_NEWNS`, `CGROUP`, `UTS`, `IPC`, `USER`, `PID`, `NET`.
const NAMESPACE_FLAGS: [u64; 7] = [1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30];
/// What `personality` may be set to: Linux, 32-bit, with and without old `uname`; or only asked.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// Calls of the x32 ABI have this bit; nothing else on a 64-bit machine has.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;

/// Compiles the filter for a process with `capabilities`; one program for each answer it may give.
pub(crate) fn default_filters(capabilities: Bits) -> io::Result<Vec<BpfProgram>> {
    let is_held = |name: &str| bit(name).is_some_and(|bit| capabilities & bit != 0);
    let is_admin = is_held("CAP_SYS_ADMIN");
    let refused = REFUSED.iter().chain(REFUSED_HERE);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = refused
        .filter(|(_, capability)| !is_admin && !is_held(capability) || capability.is_empty())
        .map(|(call, _)| (*call, Vec::new()))
        .collect();
    let differs = PERSONALITIES.map(|it| condition(SeccompCmpOp::Ne, it));
    rules.insert(libc::SYS_personality, vec![rule(differs.into_iter().collect())?]);
    let mut filters = Vec::new();
    if !is_admin {
        let makes = NAMESPACE_FLAGS.map(|it| rule(vec![condition(SeccompCmpOp::MaskedEq(it), it)]));
        rules.insert(libc::SYS_clone, makes.into_iter().collect::<Result<_, _>>()?);
        // Its flags are in memory, where no filter sees them; without it, libc takes `clone`.
        let unseen = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        filters.push(compile(unseen, libc::ENOSYS)?);
    }
    filters.push(compile(rules, libc::EPERM)?);
    Ok(filters)
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: libc::c_int) -> io::Result<BpfProgram> {
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch);
    let program: BpfProgram =
        filter.and_then(TryInto::try_into).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(x32_guard().into_iter().chain(program).collect())
}

/// Refuses the second set of call numbers, which would pass by every rule.
#[cfg(target_arch = "x86_64")]
fn x32_guard() -> Vec<sock_filter> {
    let instruction = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    let code = |bits: u32| u16::try_from(bits).expect("instruction codes have 16 bits");
    let refuse = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    vec![
        // The number of the call is at offset 0 of `struct seccomp_data`.
        instruction(code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS), 0, 0),
        instruction(code(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K), 1, X32_BIT),
        instruction(code(libc::BPF_RET | libc::BPF_K), 0, refuse),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn x32_guard() -> Vec<sock_filter> {
    Vec::new()
}

fn rule(conditions: Vec<SeccompCondition>) -> io::Result<SeccompRule> {
    SeccompRule::new(conditions).map_err(io::Error::other)
}

fn condition(operation: SeccompCmpOp, value: u64) -> SeccompCondition {
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, operation, value).expect("argument 0 exists")
}

/// Puts a filter on the calling process for good; needs `CAP_SYS_ADMIN` or no new privileges.
pub(crate) fn install(filter: &BpfProgram) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: `program` points to `len` instructions that live until the call returns, and the
    // kernel only reads them; both crates declare the kernel's `struct sock_filter`.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_compile_and_stay_short() {
        let plain = default_filters(0).unwrap();
        assert_eq!(plain.len(), 2);
        assert!(plain[1].len() < 400, "{}", plain[1].len());
        let admin = default_filters(bit("CAP_SYS_ADMIN").unwrap()).unwrap();
        assert_eq!(admin.len(), 1, "clone3 is free for who may make namespaces");
    }
}
