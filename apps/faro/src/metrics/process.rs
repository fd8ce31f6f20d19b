//! What the kernel and the runtime say about this process, read when somebody asks.

use std::{fs, sync::atomic::AtomicU64};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// The kernel's unit of time in `/proc`, the same on every Linux: `getconf CLK_TCK`.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: i64 = 4096;

#[derive(Debug, Clone)]
pub(super) struct Process {
    cpu_seconds: Counter<f64, AtomicU64>,
    resident_bytes: Gauge,
    open_fds: Gauge,
    tasks: Gauge,
    queued: Gauge,
}

impl Process {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let it = Self {
            cpu_seconds: Counter::default(),
            resident_bytes: Gauge::default(),
            open_fds: Gauge::default(),
            tasks: Gauge::default(),
            queued: Gauge::default(),
        };
        registry.register("process_cpu_seconds", "CPU time used", it.cpu_seconds.clone());
        registry.register(
            "process_resident_memory_bytes",
            "Memory used",
            it.resident_bytes.clone(),
        );
        registry.register("process_open_fds", "Open files and sockets", it.open_fds.clone());
        registry.register("tokio_tasks", "Tasks of the runtime", it.tasks.clone());
        registry.register("tokio_queued_tasks", "Tasks that wait for a thread", it.queued.clone());
        it
    }

    pub(super) fn read(&self) {
        if let Ok(handle) = tokio::runtime::Handle::try_current() {
            let metrics = handle.metrics();
            self.tasks.set(i64::try_from(metrics.num_alive_tasks()).unwrap_or(0));
            self.queued.set(i64::try_from(metrics.global_queue_depth()).unwrap_or(0));
        }
        let n_fds = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.open_fds.set(i64::try_from(n_fds).unwrap_or(0));
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let n_pages = statm.split(' ').nth(1).and_then(|it| it.parse::<i64>().ok());
        self.resident_bytes.set(n_pages.unwrap_or(0) * PAGE_BYTES);
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // proc(5): after the name in parentheses come state and others; utime and stime are the 12th and 13th.
        let rest = stat.rsplit_once(") ").map_or("", |it| it.1);
        let ticks = rest.split(' ').skip(11).take(2).filter_map(|it| it.parse::<f64>().ok());
        let seconds = ticks.sum::<f64>() / TICKS_PER_SECOND;
        self.cpu_seconds.inner().store(seconds.to_bits(), std::sync::atomic::Ordering::Relaxed);
    }
}
