//! Asks the running Prometheus and Alertmanager whether they do what the exported files say: scrape the service, hold its rules, hand
//! alerts on, and reach the webhook.

use std::collections::HashSet;

use serde_json::Value;
use ureq::Agent;

use super::RULES;
use crate::memory::Check;
use crate::ops::agent::agent;

const EXPORT: &str = "run `claude-memory monitoring export DIR`, let Prometheus use the files, and reload it";

/// Who is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Address of Prometheus, as `http://127.0.0.1:9090`.
    pub prometheus: String,
    /// Address of Alertmanager.
    pub alertmanager: String,
    /// Address of the service.
    pub service: String,
    /// Address of the webhook.
    pub webhook: String,
    /// What the service and the webhook want.
    pub token: String,
}

/// Asks everybody. What cannot be asked is a check that failed.
pub fn check(asked: &Asked) -> Vec<Check> {
    let ask = Ask { agent: agent(), asked };
    vec![
        ask.answers("service", &format!("{}/readyz", asked.service), "start `claude-memory serve`"),
        ask.answers("webhook", &format!("{}/webhook", asked.webhook), "start `claude-memory serve` with --webhook"),
        ask.answers("prometheus", &format!("{}/-/healthy", asked.prometheus), "start Prometheus"),
        ask.target(),
        ask.rules(),
        ask.handing_over(),
        ask.answers("alertmanager", &format!("{}/-/healthy", asked.alertmanager), "start Alertmanager"),
        ask.receiver(),
    ]
}

struct Ask<'a> {
    agent: Agent,
    asked: &'a Asked,
}

impl Ask<'_> {
    fn text(&self, url: &str) -> Result<String, String> {
        let ours = url.starts_with(&self.asked.service) || url.starts_with(&self.asked.webhook);
        let mut request = self.agent.get(url);
        // The token is for ours only.
        if ours {
            request = request.header("Authorization", format!("Bearer {}", self.asked.token));
        }
        let mut response = request.call().map_err(|error| format!("{url}: {error}"))?;
        let text = response.body_mut().read_to_string().map_err(|error| format!("{url}: {error}"))?;
        if response.status().is_success() { Ok(text) } else { Err(format!("{url} answers {}", response.status())) }
    }

    fn json(&self, url: &str) -> Result<Value, String> {
        serde_json::from_str(&self.text(url)?).map_err(|error| format!("{url}: {error}"))
    }

    fn answers(&self, name: &'static str, url: &str, fix: &str) -> Check {
        verdict(name, self.text(url).map(|_| format!("{url} answers")), fix)
    }

    fn target(&self) -> Check {
        let url = format!("{}/api/v1/targets?state=active", self.asked.prometheus);
        let found = self.json(&url).and_then(|answer| {
            let targets = list(&answer, "/data/activeTargets");
            let ours = targets.iter().find(|target| text(target, "/labels/job") == "claude-memory");
            match ours.map(|target| (text(target, "/health"), text(target, "/lastError"))) {
                None => Err("Prometheus has no job claude-memory".to_owned()),
                Some(("up", _)) => Ok("Prometheus scrapes the service".to_owned()),
                Some((_, why)) => Err(format!("Prometheus cannot scrape the service: {why}")),
            }
        });
        verdict("target", found, EXPORT)
    }

    fn rules(&self) -> Check {
        let url = format!("{}/api/v1/rules?type=alert", self.asked.prometheus);
        let found = self.json(&url).and_then(|answer| {
            let groups = list(&answer, "/data/groups");
            let there: HashSet<&str> =
                groups.iter().flat_map(|group| list(group, "/rules")).map(|rule| text(rule, "/name")).collect();
            let missing: Vec<&str> = RULES.iter().map(|rule| rule.name).filter(|name| !there.contains(name)).collect();
            match missing.first() {
                None => Ok(format!("all {} rules are loaded", RULES.len())),
                Some(first) => Err(format!("{} rules are missing, for example {first}", missing.len())),
            }
        });
        verdict("rules", found, EXPORT)
    }

    fn handing_over(&self) -> Check {
        let url = format!("{}/api/v1/alertmanagers", self.asked.prometheus);
        let found = self.json(&url).and_then(|answer| match list(&answer, "/data/activeAlertmanagers").len() {
            0 => Err("Prometheus knows no Alertmanager".to_owned()),
            some => Ok(format!("Prometheus hands alerts to {some} Alertmanager")),
        });
        verdict("handing over", found, EXPORT)
    }

    fn receiver(&self) -> Check {
        let url = format!("{}/api/v2/status", self.asked.alertmanager);
        let wanted = format!("{}/webhook", self.asked.webhook);
        let found = self.json(&url).and_then(|answer| {
            if text(&answer, "/config/original").contains(&wanted) {
                Ok(format!("Alertmanager sends to {wanted}"))
            } else {
                Err(format!("Alertmanager does not send to {wanted}"))
            }
        });
        verdict("receiver", found, "let Alertmanager use the exported alertmanager.yml, and reload it")
    }
}

fn verdict(name: &'static str, found: Result<String, String>, fix: &str) -> Check {
    let ok = found.is_ok();
    let finding = found.unwrap_or_else(|why| why);
    Check { name, ok, finding, fix: (!ok).then(|| fix.to_owned()) }
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}
