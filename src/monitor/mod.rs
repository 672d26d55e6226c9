//! Metrics, alert rules and their evaluation, thresholds, notifications. Owns what is measured and when it is an alert;
//! the transport belongs to `http` and `service`.

pub mod alert_evaluation;
pub mod alert_inputs;
pub mod alerts;
mod check;
pub mod http_client;
pub mod metrics;
pub mod notifications;
mod rules;
pub mod thresholds;

pub use check::{MonitoringUrls, check_monitoring};
pub use rules::{AlertRule, RULES, render_rules, render_tests};
