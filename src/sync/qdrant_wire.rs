//! Points and conditions in the JSON of Qdrant's REST interface.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::Result;
use super::qdrant::unexpected_answer;

/// A point to store. Numbers of the vector are written as single precision, half as long as double precision.
#[derive(Debug, Serialize)]
pub(super) struct NewPoint<'a> {
    pub(super) id: String,
    pub(super) vector: &'a [f32],
    pub(super) payload: Value,
}

/// Points to store in one request.
#[derive(Debug, Serialize)]
pub(super) struct PointBatch<'a> {
    pub(super) points: &'a [NewPoint<'a>],
}

/// A point as the server returns it: with the parts that were asked for.
#[derive(Debug, Deserialize)]
pub(super) struct StoredPoint {
    id: Value,
    #[serde(default)]
    payload: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) vector: Option<Vec<f32>>,
}

impl StoredPoint {
    /// Returns the id, which is a UUID in every point of this program.
    pub(super) fn uuid(&self) -> Result<Uuid> {
        self.id.as_str().and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(unexpected_value)
    }

    /// Returns a field of the payload.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.payload.as_ref()?.get(name)
    }

    /// Returns a text of the payload.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str()
    }
}

/// A page of a scroll.
#[derive(Debug, Deserialize)]
pub(super) struct ScrollPage {
    pub(super) points: Vec<StoredPoint>,
    /// Id of the first point of the next page.
    #[serde(default)]
    pub(super) next_page_offset: Option<Value>,
}

/// The nearest points, nearest first.
#[derive(Debug, Deserialize)]
pub(super) struct QueryHits {
    pub(super) points: Vec<StoredPoint>,
}

/// Builds the condition that a field has one of these values.
pub(super) fn match_any(field: &str, values: impl Iterator<Item = String>) -> Value {
    json!({ "key": field, "match": { "any": values.collect::<Vec<_>>() } })
}

/// Builds the error of a point that another program changed.
pub(super) fn unexpected_value() -> super::Error {
    unexpected_answer("a point contains a value that this program never writes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_written_in_single_precision_and_read_back_equal() {
        let vector = [0.1_f32, -1.0, 3.402_823_5e38, 1e-9];
        let point = NewPoint { id: "x".to_owned(), vector: &vector, payload: json!({}) };
        let text = serde_json::to_string(&point).unwrap();
        assert!(text.contains("0.1,-1.0,"), "{text}");
        let back: StoredPoint = serde_json::from_str(&text).unwrap();
        assert_eq!(back.vector.as_deref(), Some(&vector[..]));
        assert!(back.uuid().is_err());
    }
}
