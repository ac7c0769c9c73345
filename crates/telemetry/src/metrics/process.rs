//! What the system knows of this process, by the names that Prometheus advises
//! for client libraries.

use metrics_process::collector;
use plimsoll_core::names;

use super::page::Page;

/// Writes what the platform tells; what it doesn't is left out.
pub(crate) fn write(page: &mut Page) {
    let process = collector::collect();
    if let Some(seconds) = process.cpu_seconds_total {
        page.family(
            names::PROCESS_CPU,
            "counter",
            "Seconds of user and system CPU time.",
        );
        page.sample(names::PROCESS_CPU, &[], seconds);
    }
    let gauges = [
        (
            names::PROCESS_RESIDENT,
            process.resident_memory_bytes,
            "Bytes of resident memory.",
        ),
        (
            names::PROCESS_VIRTUAL,
            process.virtual_memory_bytes,
            "Bytes of virtual memory.",
        ),
        (
            names::PROCESS_OPEN_FDS,
            process.open_fds,
            "Open file descriptors.",
        ),
        (
            names::PROCESS_MAX_FDS,
            // The crate tells "unlimited" as 0, which would look like none are left.
            process.max_fds.filter(|limit| *limit > 0),
            "Most file descriptors that may be open.",
        ),
        (names::PROCESS_THREADS, process.threads, "Threads."),
    ];
    for (name, value, help) in gauges {
        if let Some(value) = value {
            page.family(name, "gauge", help);
            page.sample(name, &[], value);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::metrics::Exposition;

    #[test]
    fn the_process_has_memory_threads_and_descriptors() {
        let mut page = Page::new(Exposition::Text);
        write(&mut page);
        let text = page.finish();
        for name in [
            names::PROCESS_CPU,
            names::PROCESS_RESIDENT,
            names::PROCESS_OPEN_FDS,
            names::PROCESS_THREADS,
        ] {
            let told = text.lines().find_map(|line| line.strip_prefix(name));
            let value: f64 = told.unwrap().trim().parse().unwrap();
            assert!(value > 0.0 || name == names::PROCESS_CPU, "{text}");
        }
    }
}
