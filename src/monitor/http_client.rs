//! HTTP client for servers of this machine: with a timeout, without redirects; every status counts as an answer.

use std::time::Duration;

use ureq::Agent;

/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn build_http_agent() -> Agent {
    let config =
        Agent::config_builder().timeout_global(Some(REQUEST_TIMEOUT)).http_status_as_error(false).max_redirects(0);
    Agent::new_with_config(config.build())
}
