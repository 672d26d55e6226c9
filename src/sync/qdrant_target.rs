//! Qdrant as a copy of the vectors: a collection for each model, and one beside it that says which place this is and what was
//! forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use qdrant_client::qdrant::{
    Condition, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, DeletePointsBuilder, Distance, FieldType,
    Filter, GetPointsBuilder, PayloadIncludeSelector, PointId, PointStruct, RetrievedPoint, ScalarQuantizationBuilder,
    ScrollPointsBuilder, UpsertPointsBuilder, VectorParamsBuilder,
};
use qdrant_client::{Qdrant, QdrantError};
use uuid::Uuid;

use super::error::{Error, Result};
use super::page::{Page, conversation_id, project_id, vector_id};
use super::qdrant::QdrantPlace;
use super::target::{Holds, Sum, Target, text_digest};
use crate::domain::MessageId;
use crate::store::WholeVector;

/// The collection of places and tombstones. Its vectors say nothing.
const REGISTRY: &str = "claude-memory";
/// The layout of what is kept there.
const VERSION: i64 = 1;
/// Points that are read at once.
const TOGETHER: u32 = 4_096;

/// The collection of a model.
pub(super) fn collection(model: &str) -> String {
    format!("{REGISTRY}-{}", model.get(..16).unwrap_or(model))
}

/// The collection of one model on a server.
pub(super) struct QdrantTarget {
    client: Qdrant,
    collection: String,
    model: String,
    dimensions: usize,
    layout: (Option<NonZeroU32>, Option<NonZeroU32>),
}

impl QdrantTarget {
    /// Nothing is sent yet. `model` is its digest, `dimensions` the length of its vectors.
    pub(super) fn new(place: &QdrantPlace, model: String, dimensions: usize) -> Result<Self> {
        Ok(Self { client: place.client()?, collection: collection(&model), model, dimensions, layout: place.layout })
    }

    /// The registry's entry of our collection.
    fn entry(&self) -> Uuid {
        MessageId::imported("collection", &self.collection, &self.model).0
    }

    async fn entries(&self, ids: impl Iterator<Item = Uuid>) -> Result<Vec<RetrievedPoint>> {
        let ids: Vec<PointId> = ids.map(point_id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.client.get_points(GetPointsBuilder::new(REGISTRY, ids).with_payload(true)).await?.result)
    }

    async fn note(&self, points: Vec<PointStruct>) -> Result<()> {
        self.client.upsert_points(UpsertPointsBuilder::new(REGISTRY, points).wait(true)).await?;
        Ok(())
    }

    async fn make_registry(&self) -> Result<()> {
        if self.client.collection_exists(REGISTRY).await? {
            return Ok(());
        }
        let vectors = VectorParamsBuilder::new(1, Distance::Cosine).on_disk(true);
        let made = self.client.create_collection(CreateCollectionBuilder::new(REGISTRY).vectors_config(vectors)).await;
        self.unless_there(made.map(drop), REGISTRY).await
    }

    /// Another machine may have made it in the same moment.
    async fn unless_there(&self, made: std::result::Result<(), QdrantError>, name: &str) -> Result<()> {
        match made {
            Ok(()) => Ok(()),
            Err(_) if self.client.collection_exists(name).await? => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn make_collection(&self) -> Result<()> {
        // The vectors themselves stay on the disk; a byte per dimension of each is enough to find the nearest in memory.
        let vectors = VectorParamsBuilder::new(self.dimensions as u64, Distance::Cosine).on_disk(true);
        let quantized = ScalarQuantizationBuilder::default().quantile(0.99).always_ram(true);
        let mut asked = CreateCollectionBuilder::new(&self.collection)
            .vectors_config(vectors)
            .quantization_config(quantized)
            .on_disk_payload(true);
        let (shards, replicas) = self.layout;
        if let Some(shards) = shards {
            asked = asked.shard_number(shards.get());
        }
        if let Some(replicas) = replicas {
            asked = asked.replication_factor(replicas.get());
        }
        let made = self.client.create_collection(asked).await;
        self.unless_there(made.map(drop), &self.collection).await?;
        let indexes = [
            ("message", FieldType::Keyword),
            ("conversation", FieldType::Keyword),
            ("project", FieldType::Keyword),
            ("session", FieldType::Keyword),
            ("role", FieldType::Keyword),
            ("at", FieldType::Integer),
        ];
        for (field, kind) in indexes {
            let index = CreateFieldIndexCollectionBuilder::new(&self.collection, field, kind).wait(true);
            self.client.create_field_index(index).await?;
        }
        Ok(())
    }

    /// How long the vectors of our collection are; `None` when it is not there.
    async fn size(&self) -> Result<Option<u64>> {
        use qdrant_client::qdrant::vectors_config::Config;
        if !self.client.collection_exists(&self.collection).await? {
            return Ok(None);
        }
        let info = self.client.collection_info(&self.collection).await?.result;
        let config = info.and_then(|info| info.config?.params?.vectors_config?.config);
        Ok(Some(match config {
            Some(Config::Params(params)) => params.size,
            _ => 0,
        }))
    }

    async fn delete(&self, filter: Filter) -> Result<()> {
        self.client.delete_points(DeletePointsBuilder::new(&self.collection).points(filter).wait(true)).await?;
        Ok(())
    }

    /// Calls `each` with the conversation, the message, the id and the text's digest of every point that a filter lets through.
    async fn each(&self, filter: Filter, mut each: impl FnMut(Uuid, MessageId, Uuid, &str)) -> Result<()> {
        let fields = ["conversation", "message", "text"];
        let mut offset = None;
        loop {
            let mut asked = ScrollPointsBuilder::new(&self.collection)
                .filter(filter.clone())
                .limit(TOGETHER)
                .with_payload(PayloadIncludeSelector { fields: fields.map(str::to_owned).to_vec() });
            if let Some(offset) = offset {
                asked = asked.offset::<PointId>(offset);
            }
            let page = self.client.scroll(asked).await?;
            for point in page.result {
                let text =
                    |name: &str| point.payload.get(name).and_then(|value| value.as_str()).map_or("", String::as_str);
                let message = text("message").parse().map_err(|_| odd())?;
                let conversation = Uuid::parse_str(text("conversation")).map_err(|_| odd())?;
                each(conversation, message, uuid(point.id.as_ref())?, text("text"));
            }
            offset = page.next_page_offset;
            if offset.is_none() {
                return Ok(());
            }
        }
    }

    fn point(vector: &WholeVector) -> PointStruct {
        let payload: [(&str, qdrant_client::qdrant::Value); 10] = [
            ("message", vector.message.to_string().into()),
            ("conversation", conversation_id(&vector.source, &vector.session).to_string().into()),
            ("project", project_id(&vector.project).into()),
            ("session", vector.session.clone().into()),
            ("source", vector.source.clone().into()),
            ("role", vector.role.name().into()),
            ("at", vector.at.milliseconds().into()),
            ("part", vector.part.into()),
            ("ordinal", vector.ordinal.into()),
            ("text", text_digest(vector.text_hash).into()),
        ];
        PointStruct::new(point_id(vector_id(vector)), vector.vector.clone(), payload)
    }
}

fn point_id(id: Uuid) -> PointId {
    id.to_string().into()
}

fn odd() -> Error {
    Error::Target { target: "qdrant", why: "a point holds what nothing here has written".to_owned() }
}

fn uuid(id: Option<&PointId>) -> Result<Uuid> {
    use qdrant_client::qdrant::point_id::PointIdOptions;
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Uuid(text)) => Uuid::parse_str(text).map_err(|_| odd()),
        _ => Err(odd()),
    }
}

/// Points of these messages.
fn of_messages(ids: impl Iterator<Item = MessageId>) -> Condition {
    Condition::matches("message", ids.map(|id| id.to_string()).collect::<Vec<_>>())
}

impl Target for QdrantTarget {
    fn name(&self) -> &'static str {
        "qdrant"
    }

    fn holds(&self) -> Holds {
        Holds::Vectors
    }

    async fn prepare(&mut self) -> Result<String> {
        self.make_registry().await?;
        let entry = self.entries(std::iter::once(self.entry())).await?.pop();
        let size = self.size().await?;
        if let Some(size) = size.filter(|size| *size != self.dimensions as u64) {
            return Err(Error::Invalid {
                message: format!(
                    "Qdrant's collection {} is for vectors of {size} dimensions; the model here makes {}",
                    self.collection, self.dimensions
                ),
                hint: "something else has made it: remove it, or use another server",
            });
        }
        if let (Some(entry), Some(_)) = (&entry, size) {
            let version = entry.payload.get("version").and_then(qdrant_client::qdrant::Value::as_integer);
            if version != Some(VERSION) {
                return Err(Error::Invalid {
                    message: format!("what is in Qdrant is of version {version:?}; this program knows {VERSION}"),
                    hint: "use the same version of claude-memory on every machine",
                });
            }
            let place = entry.payload.get("place").and_then(|value| value.as_str());
            return place.cloned().ok_or_else(odd);
        }
        // Indexes are made before the entry is written: one that is there says that all of it is.
        self.make_collection().await?;
        let place = Uuid::new_v4().to_string();
        let payload: [(&str, qdrant_client::qdrant::Value); 4] = [
            ("place", place.clone().into()),
            ("version", VERSION.into()),
            ("collection", self.collection.clone().into()),
            ("model", self.model.clone().into()),
        ];
        self.note(vec![PointStruct::new(point_id(self.entry()), vec![1.0], payload)]).await?;
        Ok(place)
    }

    async fn push(&mut self, page: &Page) -> Result<()> {
        if !page.forgotten.is_empty() {
            let tombstones = page.forgotten.iter().map(|(id, at, _)| {
                let payload: [(&str, qdrant_client::qdrant::Value); 1] = [("forgotten_at", at.milliseconds().into())];
                PointStruct::new(point_id(id.0), vec![1.0], payload)
            });
            self.note(tombstones.collect()).await?;
        }
        let gone: Vec<MessageId> =
            page.forgotten.iter().map(|(id, ..)| *id).chain(page.hidden.iter().copied()).collect();
        if !gone.is_empty() {
            self.delete(Filter::must([of_messages(gone.into_iter())])).await?;
        }
        if !page.whole.is_empty() {
            let whole: BTreeSet<MessageId> = page.whole.iter().copied().collect();
            let kept = page.vectors.iter().filter(|vector| whole.contains(&vector.message));
            let kept: Vec<PointId> = kept.map(|vector| point_id(vector_id(vector))).collect();
            let mut void = Filter::must([of_messages(whole.into_iter())]);
            void.must_not = vec![Condition::has_id(kept)];
            self.delete(void).await?;
        }
        let messages: BTreeSet<Uuid> = page.vectors.iter().map(|vector| vector.message.0).collect();
        let forgotten = self.entries(messages.into_iter()).await?;
        let forgotten: BTreeSet<Uuid> = forgotten.iter().map(|entry| uuid(entry.id.as_ref())).collect::<Result<_>>()?;
        let living = page.vectors.iter().filter(|vector| !forgotten.contains(&vector.message.0));
        let points: Vec<PointStruct> = living.map(Self::point).collect();
        if !points.is_empty() {
            self.client.upsert_points(UpsertPointsBuilder::new(&self.collection, points).wait(true)).await?;
        }
        Ok(())
    }

    async fn summaries(&mut self) -> Result<BTreeMap<Uuid, String>> {
        let mut sums: BTreeMap<Uuid, Sum> = BTreeMap::new();
        self.each(Filter::default(), |conversation, _, id, text| sums.entry(conversation).or_default().add(id, text))
            .await?;
        Ok(sums.into_iter().map(|(conversation, sum)| (conversation, sum.digits())).collect())
    }

    async fn digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>> {
        let mut sums: BTreeMap<MessageId, Sum> = BTreeMap::new();
        let filter = Filter::must([Condition::matches("conversation", conversation.to_string())]);
        self.each(filter, |_, message, id, text| sums.entry(message).or_default().add(id, text)).await?;
        Ok(sums.into_iter().map(|(message, sum)| (message, sum.digits())).collect())
    }
}
