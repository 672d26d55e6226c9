//! Identifiers of messages, and the generator of new ones. Does not own database row numbers.

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
    /// Derives the id of a message of a foreign source (UUIDv8, RFC 9562 section 5.8).
    pub fn for_imported(source: &str, session: &str, message: &str) -> Self {
        let hash = ContentHash::of_parts(&[source.as_bytes(), session.as_bytes(), message.as_bytes()]);
        Self(uuid::Builder::from_custom_bytes(hash.0).into_uuid())
    }

    /// Creates an id from its 16 stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Returns the 16 bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the beginning of the id, for models: a whole one costs 31 tokens.
    ///
    /// Distinguishes the messages of one store: 32 bits of a hash, or the milliseconds of an id generated here.
    pub fn short_form(&self) -> String {
        let digits = if self.0.get_version_num() == 7 { 13 } else { 8 };
        self.to_string().chars().take(digits).collect()
    }
}

/// Prefix of a message id, at least four hexadecimal digits, or a whole id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdPrefix {
    first: MessageId,
    last: MessageId,
}

impl IdPrefix {
    /// Returns the lowest and the highest id with this prefix; both are equal for a whole id.
    pub const fn id_bounds(&self) -> (MessageId, MessageId) {
        (self.first, self.last)
    }
}

impl FromStr for IdPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.trim().chars().filter(|character| *character != '-').collect();
        let filled = |fill: char| {
            let bits = digits.chars().chain(std::iter::repeat(fill)).take(32).collect::<String>();
            u128::from_str_radix(&bits, 16).map(|bits| MessageId(Uuid::from_u128(bits)))
        };
        match (filled('0'), filled('f')) {
            (Ok(first), Ok(last)) if (4..=32).contains(&digits.len()) && digits.is_ascii() => Ok(Self { first, last }),
            _ => Err(format!("{text:?} is not a message id (expected 4 hexadecimal digits or more, as in c39f3828)")),
        }
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

/// Generator of new ids: random bits of the operating system, or a counter so that tests can fix them.
#[derive(Debug)]
pub enum IdGenerator {
    /// UUIDv7 with random bits from the operating system.
    System,
    /// UUIDv7 whose random bits are a hash of a seed and a counter (`CLAUDE_MEMORY_TEST_SEED`).
    Seeded {
        seed: u64,
        /// Number of ids generated.
        given: AtomicU64,
    },
}

impl IdGenerator {
    /// Creates a generator that yields the same ids for the same seed.
    pub const fn with_seed(seed: u64) -> Self {
        Self::Seeded { seed, given: AtomicU64::new(0) }
    }

    /// Generates an id whose time part is `now`.
    pub fn new_message_id(&self, now: Timestamp) -> MessageId {
        let random = match self {
            Self::System => Uuid::new_v4().into_bytes(),
            Self::Seeded { seed, given } => {
                let count = given.fetch_add(1, Ordering::Relaxed);
                ContentHash::of_parts(&[&seed.to_le_bytes(), &count.to_le_bytes()]).0
            }
        };
        let [_, _, _, _, _, _, tail @ ..] = random;
        let milliseconds = u64::try_from(now.to_milliseconds()).unwrap_or(0);
        MessageId(uuid::Builder::from_unix_timestamp_millis(milliseconds, &tail).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imported_ids_are_stable_and_round_trip() {
        let id = MessageId::for_imported("claude-code", "s", "m");
        assert_eq!(id, MessageId::for_imported("claude-code", "s", "m"));
        assert_ne!(id, MessageId::for_imported("claude-code", "s", "n"));
        assert_eq!(id.0.get_version_num(), 8);
        assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
        assert!("nonsense".parse::<MessageId>().is_err());
    }

    #[test]
    fn a_short_id_begins_the_whole_one() {
        let imported = MessageId::for_imported("claude-code", "s", "m");
        let saved = IdGenerator::with_seed(1).new_message_id(Timestamp::from_milliseconds(1_700_000_000_000));
        for (id, length) in [(imported, 8), (saved, 13)] {
            assert_eq!(id.short_form().len(), length);
            let (first, last) = id.short_form().parse::<IdPrefix>().unwrap().id_bounds();
            assert!(first < id && id < last);
            let whole = id.to_string().parse::<IdPrefix>().unwrap();
            assert_eq!(whole.id_bounds(), (id, id));
        }
        for wrong in ["", "c39", "nonsense", "c39f38281", "数据库数据库数据", &"0".repeat(33)] {
            assert_eq!(wrong.parse::<IdPrefix>().is_ok(), wrong == "c39f38281", "{wrong}");
        }
    }

    #[test]
    fn seeded_ids_repeat_and_carry_the_time() {
        let now = Timestamp::from_milliseconds(1_700_000_000_000);
        let (first, second) = (IdGenerator::with_seed(1), IdGenerator::with_seed(1));
        assert_eq!(first.new_message_id(now), second.new_message_id(now));
        assert_ne!(first.new_message_id(now), first.new_message_id(now));
        assert_eq!(first.new_message_id(now).0.get_version_num(), 7);
    }
}
