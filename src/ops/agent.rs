//! How servers of this machine are asked over HTTP: with patience that ends, no redirects, and every status as an answer.

use std::time::Duration;

use ureq::Agent;

/// A server of this machine answers within this time.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn agent() -> Agent {
    let config = Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).max_redirects(0);
    Agent::new_with_config(config.build())
}
