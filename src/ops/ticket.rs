//! Asks the running service of this machine for a ticket with which a browser gets in.

use serde_json::Value;

use super::agent::agent;

/// A ticket of the service at an address such as `127.0.0.1:8080`.
///
/// # Errors
/// Why there is none.
pub fn ticket(address: &str, token: &str) -> Result<String, String> {
    let request =
        agent().post(format!("http://{address}/api/tickets")).header("Authorization", format!("Bearer {token}"));
    let mut answer = request.send_empty().map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(format!("it answers {}; another program, or a service with another token", answer.status()));
    }
    let body: Value = answer.body_mut().read_json().map_err(|error| error.to_string())?;
    body.get("ticket")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| "it answers without a ticket".to_owned())
}
