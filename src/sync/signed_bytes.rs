//! Bytes that each kind of signature covers, and their verification. Owns the order of the fields; does not own keys.
//!
//! Every field is preceded by its length, and the first one names the kind, so that a signature under one thing is none
//! under another.

use ed25519_dalek::{Signature, VerifyingKey};

use super::nul_escapes::escape_nul;
use crate::domain::{MachineKey, MessageId, PartKind, Timestamp};
use crate::store::{MessageRecord, PartRecord, QuarantineMark, Seal, SignedPlace, Tombstone};

const PART_CONTEXT: &str = "claude-memory part 1";
const MARK_CONTEXT: &str = "claude-memory quarantine 1";
const PLACE_CONTEXT: &str = "claude-memory message 1";
const TOMBSTONE_CONTEXT: &str = "claude-memory deletion 1";

pub(super) fn is_part_signed(message: &MessageRecord, part: &PartRecord, seal: &Seal) -> bool {
    is_signed(seal.machine, &part_bytes(message, part, seal.signed_at), &seal.signature)
}

pub(super) fn is_signed(machine: MachineKey, bytes: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(&machine.0)
        .is_ok_and(|key| key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok())
}

/// Fields that a signature covers, each preceded by its length.
struct SignedFields(Vec<u8>);

impl SignedFields {
    fn with_context(context: &str) -> Self {
        let mut fields = Self(Vec::with_capacity(256));
        fields.add_text(context);
        fields
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        self.0.extend((bytes.len() as u64).to_le_bytes());
        self.0.extend(bytes);
    }

    fn add_text(&mut self, text: &str) {
        self.add_bytes(text.as_bytes());
    }

    fn add_number(&mut self, number: i64) {
        self.add_bytes(&number.to_le_bytes());
    }

    fn add_optional(&mut self, text: Option<&str>) {
        self.add_text(text.unwrap_or(""));
    }
}

pub(super) fn part_bytes(message: &MessageRecord, part: &PartRecord, signed_at: Timestamp) -> Vec<u8> {
    let mut fields = SignedFields::with_context(PART_CONTEXT);
    fields.add_bytes(message.id.as_bytes());
    fields.add_number(signed_at.to_milliseconds());
    // PostgreSQL keeps these with U+0000 escaped.
    for text in [&message.conversation.source, &message.conversation.session, &message.directory] {
        fields.add_text(&escape_nul(text).0);
    }
    fields.add_text(message.role.name());
    fields.add_number(message.at.to_milliseconds());
    fields.add_number(part.key);
    fields.add_text(part.kind.name());
    fields.add_text(part.origin.name());
    fields.add_optional(part.tool.as_deref());
    fields.add_text(&part.text);
    if let Some(note) = message.note.as_ref().filter(|_| part.kind == PartKind::Note) {
        fields.add_text(&note.kind);
        fields.add_optional(note.title.as_deref());
        fields.add_optional(note.topic_key.as_deref());
        fields.add_text(&note.tags);
        fields.add_number(note.pinned.into());
        fields.add_number(note.expires_at.map_or(-1, Timestamp::to_milliseconds));
        fields.add_bytes(note.superseded_by.as_ref().map_or(&[], |id| id.as_bytes().as_slice()));
    }
    fields.0
}

pub(super) fn mark_bytes(mark: &QuarantineMark) -> Vec<u8> {
    let mut fields = SignedFields::with_context(MARK_CONTEXT);
    fields.add_bytes(mark.message.as_bytes());
    fields.add_number(mark.at.to_milliseconds());
    fields.add_number(mark.hidden.into());
    fields.add_text(&mark.reason);
    fields.0
}

/// Returns the bytes of the statement about where a message belongs: its project, its branch, the title of its session.
pub(super) fn place_bytes(message: MessageId, place: &SignedPlace, signed_at: Timestamp) -> Vec<u8> {
    let mut fields = SignedFields::with_context(PLACE_CONTEXT);
    fields.add_bytes(message.as_bytes());
    fields.add_number(signed_at.to_milliseconds());
    for text in [&place.project.key, &place.project.name, &place.project.root] {
        fields.add_text(text);
    }
    for text in [&place.project.remote, &place.git_branch, &place.title] {
        fields.add_number(text.is_some().into());
        fields.add_optional(text.as_deref());
    }
    fields.0
}

/// Returns the bytes of the statement that a message was deleted.
pub(super) fn tombstone_bytes(tombstone: &Tombstone) -> Vec<u8> {
    let mut fields = SignedFields::with_context(TOMBSTONE_CONTEXT);
    fields.add_bytes(tombstone.message.as_bytes());
    fields.add_number(tombstone.at.to_milliseconds());
    // As PostgreSQL keeps it.
    fields.add_text(&tombstone.reason.replace('\0', "\u{2400}"));
    fields.0
}

/// Returns true if the statement about a message's place is what its machine signed.
pub(super) fn is_place_signed(message: MessageId, place: &SignedPlace) -> bool {
    let Seal { machine, signed_at, signature } = place.seal;
    is_signed(machine, &place_bytes(message, place, signed_at), &signature)
}
