//! Identifiers of messages, and where new ones come from. Does not own database row numbers.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::{ContentHash, Timestamp};

/// Identifies one message everywhere: in this store, in an export, on another machine.
///
/// Imported messages get a UUIDv8 made from where they came from, so that two machines that import the same
/// transcript agree; saved ones get a UUIDv7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub Uuid);

impl MessageId {
    /// The identity of a message that exists in a foreign source (UUIDv8, RFC 9562 section 5.8).
    pub fn imported(source: &str, session: &str, message: &str) -> Self {
        let hash = ContentHash::of_parts(&[source.as_bytes(), session.as_bytes(), message.as_bytes()]);
        Self(uuid::Builder::from_custom_bytes(hash.0).into_uuid())
    }

    /// From the 16 stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl FromStr for MessageId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text.trim()).map(Self).map_err(|_| {
            format!("{text:?} is not a message id (expected the form 01890a5d-ac96-774b-bcce-b302099a8057)")
        })
    }
}

/// Where new identifiers come from: the operating system, or a counter so that tests can fix them.
#[derive(Debug)]
pub enum Ids {
    /// UUIDv7 with random bits from the operating system.
    System,
    /// UUIDv7 whose random bits are a hash of a seed and a counter (`CLAUDE_MEMORY_TEST_SEED`).
    Seeded {
        /// The seed.
        seed: u64,
        /// How many ids were given out.
        given: AtomicU64,
    },
}

impl Ids {
    /// Ids that repeat for the same seed.
    pub const fn seeded(seed: u64) -> Self {
        Self::Seeded { seed, given: AtomicU64::new(0) }
    }

    /// A new id whose time part is `now`.
    pub fn message(&self, now: Timestamp) -> MessageId {
        let random = match self {
            Self::System => Uuid::new_v4().into_bytes(),
            Self::Seeded { seed, given } => {
                let count = given.fetch_add(1, Ordering::Relaxed);
                ContentHash::of_parts(&[&seed.to_le_bytes(), &count.to_le_bytes()]).0
            }
        };
        let [_, _, _, _, _, _, tail @ ..] = random;
        let milliseconds = u64::try_from(now.milliseconds()).unwrap_or(0);
        MessageId(uuid::Builder::from_unix_timestamp_millis(milliseconds, &tail).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imported_ids_are_stable_and_round_trip() {
        let id = MessageId::imported("claude-code", "s", "m");
        assert_eq!(id, MessageId::imported("claude-code", "s", "m"));
        assert_ne!(id, MessageId::imported("claude-code", "s", "n"));
        assert_eq!(id.0.get_version_num(), 8);
        assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
        assert!("nonsense".parse::<MessageId>().is_err());
    }

    #[test]
    fn seeded_ids_repeat_and_carry_the_time() {
        let now = Timestamp::from_milliseconds(1_700_000_000_000);
        let (first, second) = (Ids::seeded(1), Ids::seeded(1));
        assert_eq!(first.message(now), second.message(now));
        assert_ne!(first.message(now), first.message(now));
        assert_eq!(first.message(now).0.get_version_num(), 7);
    }
}
