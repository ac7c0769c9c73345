//! How the runtime that serves is doing: tokio's stable metrics.

use plimsoll_core::names;
use plimsoll_telemetry::metrics::Page;
use tokio::runtime::RuntimeMetrics;

/// Writes the runtime's families. How busy it is: the rate of busy seconds
/// divided by the workers.
pub(crate) fn write(page: &mut Page, runtime: &RuntimeMetrics) {
    let workers = runtime.num_workers();
    let gauges = [
        (names::RUNTIME_WORKERS, workers, "Worker threads."),
        (
            names::RUNTIME_TASKS,
            runtime.num_alive_tasks(),
            "Tasks that are alive.",
        ),
        (
            names::RUNTIME_QUEUE,
            runtime.global_queue_depth(),
            "Tasks that wait in the queue of all workers.",
        ),
    ];
    for (name, value, help) in gauges {
        page.family(name, "gauge", help);
        page.sample(name, &[], value);
    }
    let busy = (0..workers).map(|worker| runtime.worker_total_busy_duration(worker));
    page.family(
        names::RUNTIME_BUSY,
        "counter",
        "Seconds that workers were busy, over all of them.",
    );
    let busy: std::time::Duration = busy.sum();
    page.sample(names::RUNTIME_BUSY, &[], busy.as_secs_f64());
    let parks = (0..workers).map(|worker| runtime.worker_park_count(worker));
    page.family(
        names::RUNTIME_PARKS,
        "counter",
        "How often workers had nothing to do.",
    );
    page.sample(names::RUNTIME_PARKS, &[], parks.sum::<u64>());
}
