//! Prometheus' text format. Owns families and labels; the encoding is that of the crate `prometheus`.

use std::time::Duration;

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder as _, TextEncoder};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// Labels of one row: names and values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A page that is being made.
#[derive(Debug, Default)]
pub(super) struct Page(Vec<MetricFamily>);

pub(super) fn labelled(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

impl Page {
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.gauges(name, help, vec![(Vec::new(), value)]);
    }

    pub(super) fn gauges(&mut self, name: &str, help: &str, rows: Vec<(Labels, f64)>) {
        let metric = |(labels, value)| {
            let (mut metric, mut gauge) = (of(labels), Gauge::default());
            gauge.set_value(value);
            metric.set_gauge(gauge);
            metric
        };
        self.family(name, help, MetricType::GAUGE, rows.into_iter().map(metric).collect());
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, rows: Vec<(Labels, f64)>) {
        let metric = |(labels, value)| {
            let (mut metric, mut counter) = (of(labels), Counter::default());
            counter.set_value(value);
            metric.set_counter(counter);
            metric
        };
        self.family(name, help, MetricType::COUNTER, rows.into_iter().map(metric).collect());
    }

    /// `rows`: labels, counts of each bucket and of what is beyond the last, sum.
    pub(super) fn histogram(&mut self, name: &str, help: &str, bounds: &[f64], rows: Vec<(Labels, Vec<u64>, f64)>) {
        let metric = |(labels, counts, sum): (Labels, Vec<u64>, f64)| {
            let (mut metric, mut histogram) = (of(labels), Histogram::default());
            let mut below = 0;
            let mut buckets = Vec::new();
            for (bound, count) in bounds.iter().zip(&counts) {
                below += count;
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(*bound);
                bucket.set_cumulative_count(below);
                buckets.push(bucket);
            }
            histogram.set_bucket(buckets);
            histogram.set_sample_count(counts.iter().sum());
            histogram.set_sample_sum(sum);
            metric.set_histogram(histogram);
            metric
        };
        self.family(name, help, MetricType::HISTOGRAM, rows.into_iter().map(metric).collect());
    }

    /// A family without rows is left out: it would be no family.
    fn family(&mut self, name: &str, help: &str, kind: MetricType, rows: Vec<Metric>) {
        if rows.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(rows);
        self.0.push(family);
    }

    /// With what the system says of this process.
    pub(super) fn text(mut self) -> String {
        self.process();
        let mut text = Vec::new();
        // Writing to memory cannot fail; a family that is not whole would be left out with all after it.
        if let Err(error) = TextEncoder::new().encode(&self.0, &mut text) {
            tracing::error!(%error, "a metric is not whole");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Adds the usual families of a process. A value that this system does not give is left out.
    fn process(&mut self) {
        let Ok(pid) = sysinfo::get_current_pid() else { return };
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().with_tasks();
        let mut system = System::new();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
        let Some(process) = system.process(pid) else { return };
        let cpu = Duration::from_millis(process.accumulated_cpu_time()).as_secs_f64();
        self.counter("process_cpu_seconds_total", "Total user and system CPU time.", vec![(Vec::new(), cpu)]);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; 2^53 bytes are more than any machine has")]
        let mut gauge = |name: &str, help: &str, value: u64| self.gauge(name, help, value as f64);
        if let Some(count) = process.open_files() {
            gauge("process_open_fds", "Number of open file descriptors.", count as u64);
        }
        if let Some(most) = process.open_files_limit() {
            gauge("process_max_fds", "Maximum number of open file descriptors.", most as u64);
        }
        gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", process.virtual_memory());
        gauge("process_resident_memory_bytes", "Resident memory size in bytes.", process.memory());
        gauge("process_start_time_seconds", "Start time of the process in seconds since 1970.", process.start_time());
        // The main thread is not among them.
        if let Some(tasks) = process.tasks() {
            gauge("process_threads", "Number of threads of the process.", tasks.len() as u64 + 1);
        }
    }
}

fn of(labels: Labels) -> Metric {
    let pair = |(name, value): (&str, String)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value);
        pair
    };
    let mut metric = Metric::default();
    metric.set_label(labels.into_iter().map(pair).collect());
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_is_described_as_the_kernel_describes_it() {
        let text = Page::default().text();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
        };
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let kernel = |name: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
        };
        let near = |one: f64, other: f64| (one - other).abs() <= other / 2.0;
        assert!(near(value("process_resident_memory_bytes"), kernel("VmRSS") * 1024.0), "{text}{status}");
        assert!(near(value("process_virtual_memory_bytes"), kernel("VmSize") * 1024.0), "{text}{status}");
        assert!(near(value("process_threads"), kernel("Threads")), "{text}{status}");
        assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") > value("process_open_fds"), "{text}");
        assert!(value("process_start_time_seconds") > 1.7e9, "{text}");
        assert!(value("process_cpu_seconds_total") < 3600.0, "{text}");
    }
}
