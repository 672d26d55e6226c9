//! Checks that the running Prometheus and Alertmanager do what the exported files say: scrape the service, load its
//! rules, send alerts on, and reach the webhook.

use std::collections::HashSet;

use serde_json::Value;
use ureq::Agent;

use super::RULES;
use crate::memory::CheckResult;
use crate::monitor::http_client::build_http_agent;

const EXPORT_HINT: &str = "run `claude-memory monitoring export DIR`, let Prometheus use the files, and reload it";

/// Addresses to check.
#[derive(Debug, Clone)]
pub struct MonitoringUrls {
    /// URL of Prometheus, such as `http://127.0.0.1:9090`.
    pub prometheus: String,
    /// URL of Alertmanager.
    pub alertmanager: String,
    /// URL of the service.
    pub service: String,
    /// URL of the webhook.
    pub webhook: String,
    /// Bearer token of scope metrics, for the service.
    pub metrics_token: String,
    /// Bearer token of scope webhook.
    pub webhook_token: String,
}

/// Checks every server. A server that cannot be reached is a failed check.
pub fn check_monitoring(asked: &MonitoringUrls) -> Vec<CheckResult> {
    let ask = MonitoringProbe { agent: build_http_agent(), asked };
    vec![
        ask.check_answers("service", &format!("{}/readyz", asked.service), "start `claude-memory serve`"),
        ask.check_answers(
            "webhook",
            &format!("{}/webhook", asked.webhook),
            "start `claude-memory serve` with --webhook",
        ),
        ask.check_answers("prometheus", &format!("{}/-/healthy", asked.prometheus), "start Prometheus"),
        ask.check_target(),
        ask.check_rules(),
        ask.check_alertmanager(),
        ask.check_answers("alertmanager", &format!("{}/-/healthy", asked.alertmanager), "start Alertmanager"),
        ask.check_receiver(),
    ]
}

struct MonitoringProbe<'a> {
    agent: Agent,
    asked: &'a MonitoringUrls,
}

impl MonitoringProbe<'_> {
    fn get_text(&self, url: &str) -> Result<String, String> {
        let mut request = self.agent.get(url);
        // Only our own servers get a token, and only the one that Prometheus and Alertmanager use.
        let tokens =
            [(&self.asked.service, &self.asked.metrics_token), (&self.asked.webhook, &self.asked.webhook_token)];
        if let Some((_, token)) = tokens.into_iter().find(|(server, _)| url.starts_with(server.as_str())) {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(|error| format!("{url}: {error}"))?;
        let text = response.body_mut().read_to_string().map_err(|error| format!("{url}: {error}"))?;
        if response.status().is_success() { Ok(text) } else { Err(format!("{url} answers {}", response.status())) }
    }

    fn get_json(&self, url: &str) -> Result<Value, String> {
        serde_json::from_str(&self.get_text(url)?).map_err(|error| format!("{url}: {error}"))
    }

    fn check_answers(&self, name: &'static str, url: &str, fix: &str) -> CheckResult {
        to_check(name, self.get_text(url).map(|_| format!("{url} answers")), fix)
    }

    fn check_target(&self) -> CheckResult {
        let url = format!("{}/api/v1/targets?state=active", self.asked.prometheus);
        let found = self.get_json(&url).and_then(|answer| {
            let targets = array_at(&answer, "/data/activeTargets");
            let ours = targets.iter().find(|target| text_at(target, "/labels/job") == "claude-memory");
            match ours.map(|target| (text_at(target, "/health"), text_at(target, "/lastError"))) {
                None => Err("Prometheus has no job claude-memory".to_owned()),
                Some(("up", _)) => Ok("Prometheus scrapes the service".to_owned()),
                Some((_, why)) => Err(format!("Prometheus cannot scrape the service: {why}")),
            }
        });
        to_check("target", found, EXPORT_HINT)
    }

    fn check_rules(&self) -> CheckResult {
        let url = format!("{}/api/v1/rules?type=alert", self.asked.prometheus);
        let found = self.get_json(&url).and_then(|answer| {
            let groups = array_at(&answer, "/data/groups");
            let there: HashSet<&str> =
                groups.iter().flat_map(|group| array_at(group, "/rules")).map(|rule| text_at(rule, "/name")).collect();
            let missing: Vec<&str> = RULES.iter().map(|rule| rule.name).filter(|name| !there.contains(name)).collect();
            match missing.first() {
                None => Ok(format!("all {} rules are loaded", RULES.len())),
                Some(first) => Err(format!("{} rules are missing, for example {first}", missing.len())),
            }
        });
        to_check("rules", found, EXPORT_HINT)
    }

    fn check_alertmanager(&self) -> CheckResult {
        let url = format!("{}/api/v1/alertmanagers", self.asked.prometheus);
        let found = self.get_json(&url).and_then(|answer| match array_at(&answer, "/data/activeAlertmanagers").len() {
            0 => Err("Prometheus has no active Alertmanager".to_owned()),
            some => Ok(format!("Prometheus sends alerts to {some} Alertmanager")),
        });
        to_check("handing over", found, EXPORT_HINT)
    }

    fn check_receiver(&self) -> CheckResult {
        let url = format!("{}/api/v2/status", self.asked.alertmanager);
        let wanted = format!("{}/webhook", self.asked.webhook);
        let found = self.get_json(&url).and_then(|answer| {
            if text_at(&answer, "/config/original").contains(&wanted) {
                Ok(format!("Alertmanager sends to {wanted}"))
            } else {
                Err(format!("Alertmanager does not send to {wanted}"))
            }
        });
        to_check("receiver", found, "let Alertmanager use the exported alertmanager.yml, and reload it")
    }
}

fn to_check(name: &'static str, found: Result<String, String>, fix: &str) -> CheckResult {
    let ok = found.is_ok();
    let finding = found.unwrap_or_else(|why| why);
    CheckResult { name, ok, finding, fix: (!ok).then(|| fix.to_owned()) }
}

fn array_at<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}
