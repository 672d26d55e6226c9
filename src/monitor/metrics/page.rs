//! Prometheus' text format. Owns families and labels; the crate `prometheus` does the encoding.

use std::time::Duration;

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder as _, TextEncoder};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// Labels of one row: names and values.
pub(super) type MetricLabels = Vec<(&'static str, String)>;

/// Builder of a metrics page.
#[derive(Debug, Default)]
pub(super) struct MetricsPage(Vec<MetricFamily>);

pub(super) fn single_label(name: &'static str, value: &str) -> MetricLabels {
    vec![(name, value.to_owned())]
}

impl MetricsPage {
    pub(super) fn add_gauge(&mut self, name: &str, help: &str, value: f64) {
        self.add_gauges(name, help, vec![(Vec::new(), value)]);
    }

    pub(super) fn add_gauges(&mut self, name: &str, help: &str, rows: Vec<(MetricLabels, f64)>) {
        let metric = |(labels, value)| {
            let (mut metric, mut gauge) = (labelled_metric(labels), Gauge::default());
            gauge.set_value(value);
            metric.set_gauge(gauge);
            metric
        };
        self.push_family(name, help, MetricType::GAUGE, rows.into_iter().map(metric).collect());
    }

    pub(super) fn add_counter(&mut self, name: &str, help: &str, rows: Vec<(MetricLabels, f64)>) {
        let metric = |(labels, value)| {
            let (mut metric, mut counter) = (labelled_metric(labels), Counter::default());
            counter.set_value(value);
            metric.set_counter(counter);
            metric
        };
        self.push_family(name, help, MetricType::COUNTER, rows.into_iter().map(metric).collect());
    }

    /// Adds a histogram. Each row has labels, counts per bucket and beyond the last bound, and a sum.
    pub(super) fn add_histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[f64],
        rows: Vec<(MetricLabels, Vec<u64>, f64)>,
    ) {
        let metric = |(labels, counts, sum): (MetricLabels, Vec<u64>, f64)| {
            let (mut metric, mut histogram) = (labelled_metric(labels), Histogram::default());
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
        self.push_family(name, help, MetricType::HISTOGRAM, rows.into_iter().map(metric).collect());
    }

    /// Adds a metric family. One without rows is omitted, because the encoder rejects it.
    fn push_family(&mut self, name: &str, help: &str, kind: MetricType, rows: Vec<Metric>) {
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

    /// Encodes the page, with the metrics of this process.
    pub(super) fn encode_text(mut self) -> String {
        self.add_process();
        let mut text = Vec::new();
        // Writing to memory cannot fail; an incomplete family would be omitted with all after it.
        if let Err(error) = TextEncoder::new().encode(&self.0, &mut text) {
            tracing::error!(%error, "incomplete metric family");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Adds the usual process metrics. A value that this system does not provide is omitted.
    fn add_process(&mut self) {
        let Ok(pid) = sysinfo::get_current_pid() else { return };
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().with_tasks();
        let mut system = System::new();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
        let Some(process) = system.process(pid) else { return };
        let cpu = Duration::from_millis(process.accumulated_cpu_time()).as_secs_f64();
        self.add_counter("process_cpu_seconds_total", "Total user and system CPU time.", vec![(Vec::new(), cpu)]);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; 2^53 bytes are more than any machine has")]
        let mut gauge = |name: &str, help: &str, value: u64| self.add_gauge(name, help, value as f64);
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

fn labelled_metric(labels: MetricLabels) -> Metric {
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
        let text = MetricsPage::default().encode_text();
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
