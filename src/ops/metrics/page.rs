//! Prometheus' text format. Owns families and labels; the encoding is that of the crate `prometheus`.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder as _, TextEncoder};

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
        self.0.extend(process());
        let mut text = Vec::new();
        // Writing to memory cannot fail; a family that is not whole would be left out with all after it.
        if let Err(error) = TextEncoder::new().encode(&self.0, &mut text) {
            tracing::error!(%error, "a metric is not whole");
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

#[cfg(target_os = "linux")]
fn process() -> Vec<MetricFamily> {
    use prometheus::core::Collector as _;
    prometheus::process_collector::ProcessCollector::for_self().collect()
}

#[cfg(not(target_os = "linux"))]
fn process() -> Vec<MetricFamily> {
    Vec::new()
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
