//! Qdrant as a target for embeddings: one collection per model, and a registry collection that holds the target's
//! identity and the tombstones.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{Error, Result};
use super::page::{ChangePage, conversation_id, project_id, vector_id};
use super::qdrant::{QdrantClient, QdrantEndpoint};
use super::qdrant_wire::{NewPoint, PointBatch, ScrollPage, StoredPoint, match_any, unexpected_value};
use super::target::{CompareBy, SyncTarget, XorDigest, text_digest};
use crate::domain::MessageId;
use crate::store::{Tombstone, VectorRecord};

/// Collection of target identities and tombstones. Its vectors carry no meaning.
const REGISTRY: &str = "claude-memory";
/// Version of the layout.
const VERSION: i64 = 1;
/// Points per scroll request.
const SCROLL_BATCH: u32 = 4_096;
/// Numbers of embeddings per request, about 6 MB of JSON; a server takes 32 MB by default.
const MAX_NUMBERS: usize = 500_000;
/// The vector of a registry entry.
const NO_VECTOR: &[f32] = &[1.0];

/// Returns the name of a model's collection.
pub(super) fn collection_name(model: &str) -> String {
    format!("{REGISTRY}-{}", model.get(..16).unwrap_or(model))
}

/// One model's collection on a server, as a target.
pub(super) struct QdrantTarget {
    client: QdrantClient,
    collection: String,
    model: String,
    dimensions: usize,
    layout: (Option<NonZeroU32>, Option<NonZeroU32>),
}

impl QdrantTarget {
    /// Builds the target; nothing is sent yet. `model` is a digest, `dimensions` the length of its embeddings.
    pub(super) fn new(place: &QdrantEndpoint, model: String, dimensions: usize) -> Self {
        Self {
            client: place.new_client(),
            collection: collection_name(&model),
            model,
            dimensions,
            layout: place.layout,
        }
    }

    /// Derives the id of our collection's registry entry.
    fn entry_id(&self) -> Uuid {
        MessageId::for_imported("collection", &self.collection, &self.model).0
    }

    async fn read_entries(&self, ids: impl Iterator<Item = Uuid>) -> Result<Vec<StoredPoint>> {
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = json!({ "ids": ids, "with_payload": true, "with_vector": false });
        self.client.send("POST", format!("/collections/{REGISTRY}/points"), &asked).await
    }

    async fn write_points(&self, collection: &str, points: &[NewPoint<'_>]) -> Result<()> {
        let path = format!("/collections/{collection}/points?wait=true");
        let numbers = points.first().map_or(1, |point| point.vector.len().max(1));
        for some in points.chunks((MAX_NUMBERS / numbers).max(1)) {
            let _: Value = self.client.send("PUT", path.clone(), &PointBatch { points: some }).await?;
        }
        Ok(())
    }

    async fn create_registry(&self) -> Result<()> {
        if self.client.collection_exists(REGISTRY).await? {
            return Ok(());
        }
        let asked = json!({ "vectors": { "size": 1, "distance": "Cosine", "on_disk": true } });
        self.create_collection(REGISTRY, &asked).await
    }

    /// Creates a collection. An error is ignored if it exists now: another machine may have created it at the same
    /// moment.
    async fn create_collection(&self, name: &str, asked: &Value) -> Result<()> {
        match self.client.send::<Value>("PUT", format!("/collections/{name}"), asked).await {
            Ok(_) => Ok(()),
            Err(_) if self.client.collection_exists(name).await? => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn create_model_collection(&self) -> Result<()> {
        // Full vectors stay on disk; one byte per dimension in memory is enough to find the nearest.
        let mut asked = json!({
            "vectors": { "size": self.dimensions, "distance": "Cosine", "on_disk": true },
            "quantization_config": { "scalar": { "type": "int8", "quantile": 0.99, "always_ram": true } },
            "on_disk_payload": true,
        });
        let (shards, replicas) = self.layout;
        let layout = [("shard_number", shards), ("replication_factor", replicas)];
        if let Some(asked) = asked.as_object_mut() {
            asked.extend(layout.iter().filter_map(|(name, count)| Some(((*name).to_owned(), json!((*count)?.get())))));
        }
        self.create_collection(&self.collection, &asked).await?;
        let indexes = [
            ("message", "keyword"),
            ("conversation", "keyword"),
            ("project", "keyword"),
            ("session", "keyword"),
            ("role", "keyword"),
            ("at", "integer"),
        ];
        for (field, kind) in indexes {
            let path = format!("/collections/{}/index?wait=true", self.collection);
            let index = json!({ "field_name": field, "field_schema": kind });
            let _: Value = self.client.send("PUT", path, &index).await?;
        }
        Ok(())
    }

    /// Returns the dimensions of our collection; `None` if it does not exist.
    async fn collection_dimensions(&self) -> Result<Option<u64>> {
        if !self.client.collection_exists(&self.collection).await? {
            return Ok(None);
        }
        let info: Value = self.client.send("GET", format!("/collections/{}", self.collection), &()).await?;
        Ok(Some(info.pointer("/config/params/vectors/size").and_then(Value::as_u64).unwrap_or(0)))
    }

    async fn delete_matching(&self, filter: Value) -> Result<()> {
        let path = format!("/collections/{}/points/delete?wait=true", self.collection);
        let _: Value = self.client.send("POST", path, &json!({ "filter": filter })).await?;
        Ok(())
    }

    /// Calls `each` with conversation, message, id and text digest of every point that matches the filter.
    async fn for_each_point(&self, filter: Value, mut each: impl FnMut(Uuid, MessageId, Uuid, &str)) -> Result<()> {
        let path = format!("/collections/{}/points/scroll", self.collection);
        let mut asked = json!({
            "filter": filter,
            "limit": SCROLL_BATCH,
            "with_payload": ["conversation", "message", "text"],
            "with_vector": false,
        });
        loop {
            let page: ScrollPage = self.client.send("POST", path.clone(), &asked).await?;
            for point in page.points {
                let text = |name: &str| point.text(name).unwrap_or("");
                let message = text("message").parse().map_err(|_| unexpected_value())?;
                let conversation = Uuid::parse_str(text("conversation")).map_err(|_| unexpected_value())?;
                each(conversation, message, point.uuid()?, text("text"));
            }
            let Some(offset) = page.next_page_offset else { return Ok(()) };
            if let Some(asked) = asked.as_object_mut() {
                asked.insert("offset".to_owned(), offset);
            }
        }
    }

    fn to_point(vector: &VectorRecord) -> NewPoint<'_> {
        let payload = json!({
            "message": vector.message.to_string(),
            "conversation": conversation_id(&vector.source, &vector.session).to_string(),
            "project": project_id(&vector.project),
            "session": vector.session,
            "source": vector.source,
            "role": vector.role.name(),
            "at": vector.at.to_milliseconds(),
            "part": vector.part,
            "ordinal": vector.ordinal,
            "text": text_digest(vector.text_hash),
        });
        NewPoint { id: vector_id(vector).to_string(), vector: &vector.vector, payload }
    }
}

/// Builds the condition for points of these messages.
fn match_messages(ids: impl Iterator<Item = MessageId>) -> Value {
    match_any("message", ids.map(|id| id.to_string()))
}

impl SyncTarget for QdrantTarget {
    fn target_name(&self) -> &'static str {
        "qdrant"
    }

    fn compared_by(&self) -> CompareBy {
        CompareBy::Vectors
    }

    async fn prepare_target(&mut self) -> Result<String> {
        self.create_registry().await?;
        let entry = self.read_entries(std::iter::once(self.entry_id())).await?.pop();
        let size = self.collection_dimensions().await?;
        if let Some(size) = size.filter(|size| *size != self.dimensions as u64) {
            return Err(Error::Invalid {
                message: format!(
                    "Qdrant's collection {} has {size} dimensions; the embedding model here has {}",
                    self.collection, self.dimensions
                ),
                hint: "another program created it: delete the collection, or use another server",
            });
        }
        if let (Some(entry), Some(_)) = (&entry, size) {
            let version = entry.field("version").and_then(Value::as_i64);
            if version != Some(VERSION) {
                return Err(Error::Invalid {
                    message: format!("the collection has version {version:?}; this program supports version {VERSION}"),
                    hint: "use the same version of claude-memory on every machine",
                });
            }
            return entry.text("place").map(str::to_owned).ok_or_else(unexpected_value);
        }
        // Indexes are created before the entry is written, so an entry proves that the collection is complete.
        self.create_model_collection().await?;
        let place = Uuid::new_v4().to_string();
        let payload = json!({ "place": place, "version": VERSION, "collection": self.collection, "model": self.model });
        let entry = NewPoint { id: self.entry_id().to_string(), vector: NO_VECTOR, payload };
        self.write_points(REGISTRY, &[entry]).await?;
        Ok(place)
    }

    async fn push(&mut self, page: &ChangePage) -> Result<()> {
        if !page.forgotten.is_empty() {
            let tombstones = page.forgotten.iter().map(|Tombstone { message: id, at, .. }| {
                let payload = json!({ "forgotten_at": at.to_milliseconds() });
                NewPoint { id: id.0.to_string(), vector: NO_VECTOR, payload }
            });
            self.write_points(REGISTRY, &tombstones.collect::<Vec<_>>()).await?;
        }
        let gone: Vec<MessageId> =
            page.forgotten.iter().map(|one| one.message).chain(page.hidden.iter().copied()).collect();
        if !gone.is_empty() {
            self.delete_matching(json!({ "must": [match_messages(gone.into_iter())] })).await?;
        }
        if !page.whole.is_empty() {
            let whole: BTreeSet<MessageId> = page.whole.iter().copied().collect();
            let kept = page.vectors.iter().filter(|vector| whole.contains(&vector.message));
            let kept: Vec<String> = kept.map(|vector| vector_id(vector).to_string()).collect();
            let whole = match_messages(whole.into_iter());
            self.delete_matching(json!({ "must": [whole], "must_not": [{ "has_id": kept }] })).await?;
        }
        let messages: BTreeSet<Uuid> = page.vectors.iter().map(|vector| vector.message.0).collect();
        let forgotten = self.read_entries(messages.into_iter()).await?;
        let forgotten: BTreeSet<Uuid> = forgotten.iter().map(StoredPoint::uuid).collect::<Result<_>>()?;
        let living = page.vectors.iter().filter(|vector| !forgotten.contains(&vector.message.0));
        let points: Vec<NewPoint<'_>> = living.map(Self::to_point).collect();
        self.write_points(&self.collection, &points).await?;
        Ok(())
    }

    async fn conversation_digests(&mut self) -> Result<BTreeMap<Uuid, String>> {
        let mut sums: BTreeMap<Uuid, XorDigest> = BTreeMap::new();
        self.for_each_point(json!({}), |conversation, _, id, text| {
            sums.entry(conversation).or_default().add_vector(id, text);
        })
        .await?;
        Ok(sums.into_iter().map(|(conversation, sum)| (conversation, sum.to_hex())).collect())
    }

    async fn message_digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>> {
        let mut sums: BTreeMap<MessageId, XorDigest> = BTreeMap::new();
        let filter = json!({ "must": [match_any("conversation", std::iter::once(conversation.to_string()))] });
        self.for_each_point(filter, |_, message, id, text| sums.entry(message).or_default().add_vector(id, text))
            .await?;
        Ok(sums.into_iter().map(|(message, sum)| (message, sum.to_hex())).collect())
    }
}
