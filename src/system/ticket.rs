//! Requests a ticket from the service running on this machine, with which a browser signs in.

use serde_json::Value;

use crate::monitor::http_client::build_http_agent;

/// Requests a ticket from the service at an address such as `127.0.0.1:8080`. The error is the reason it failed.
pub fn request_ticket(address: &str, token: &str) -> Result<String, String> {
    let request = build_http_agent()
        .post(format!("http://{address}/api/tickets"))
        .header("Authorization", format!("Bearer {token}"));
    let mut answer = request.send_empty().map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(format!("the server answered {}: it is another program, or has another token", answer.status()));
    }
    let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    body.get("ticket")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| "the answer contains no ticket".to_owned())
}
