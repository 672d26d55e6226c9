//! Signatures under what this machine sends, and their verification in what comes. Owns this machine's key and the bytes
//! that a signature covers.
//!
//! A part of a message is signed with the fields that decide how far it is believed and where it is shown. Its project is
//! not among them: each machine has its own key for one. What came from another machine goes on under that machine's
//! signature, or under none: only what is trusted here is ever signed here.

use std::collections::HashSet;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::error::{Error, Result};
use super::nul_escapes::escape_nul;
use crate::config::env;
use crate::disk;
use crate::domain::hash::random_key;
use crate::domain::{MachineKey, PartKind, Timestamp};
use crate::memory::Memory;
use crate::store::{MachineRelation, MessageRecord, PartRecord, QuarantineMark, Seal};

/// Most bytes of the file of the key.
const MAX_KEY_FILE: u64 = 4096;

/// First field of what is signed, so that a signature under one thing is none under another.
const PART_CONTEXT: &str = "claude-memory part 1";
const MARK_CONTEXT: &str = "claude-memory quarantine 1";

/// The key of this machine, and the machines whose word counts as its own.
pub(super) struct Signer {
    key: SigningKey,
    name: String,
    trusted: HashSet<MachineKey>,
}

impl Signer {
    /// Reads the key of this machine; creates it the first time. In a read-only folder without one a temporary key is
    /// used, which no other machine knows.
    ///
    /// # Errors
    /// If the key cannot be read or created, or the store cannot be written.
    pub(super) fn load_key(memory: &Memory, now: Timestamp) -> Result<Self> {
        let path = memory.paths().machine_key_file();
        if memory.is_read_only() && !path.exists() {
            return Ok(Self {
                key: SigningKey::from_bytes(&random_key()),
                name: String::new(),
                trusted: HashSet::new(),
            });
        }
        if !path.exists() {
            // If two processes start at once, one creates the key and both use it.
            disk::create_atomic(&path, &random_key())
                .map_err(|error| Error::File(format!("cannot create {}: {error}", path.display())))?;
        }
        let bytes = disk::read_foreign_file(&path, MAX_KEY_FILE)
            .map_err(|error| Error::File(format!("cannot read {}: {error}", path.display())))?;
        let secret: [u8; 32] = bytes.try_into().map_err(|_| {
            Error::File(format!("{} must have 32 bytes; move it away to create a new key", path.display()))
        })?;
        let key = SigningKey::from_bytes(&secret);
        let own = MachineKey(key.verifying_key().to_bytes());
        let mut machines = memory.machines()?;
        let is_known = machines.iter().any(|machine| machine.key == own && machine.relation == MachineRelation::This);
        if !is_known && !memory.is_read_only() {
            memory.relate_machine(own, MachineRelation::This, Some(&env::machine_name()), now)?;
            machines = memory.machines()?;
        }
        let name = machines.iter().find(|machine| machine.key == own).map(|machine| machine.name.clone());
        let trusted = machines.into_iter().filter(|machine| machine.relation.is_trusted()).map(|machine| machine.key);
        Ok(Self { key, name: name.unwrap_or_default(), trusted: trusted.collect() })
    }

    /// Returns the public key of this machine.
    pub(super) fn machine(&self) -> MachineKey {
        MachineKey(self.key.verifying_key().to_bytes())
    }

    /// Returns the name of this machine.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Signs the parts of a message that are this machine's own; passes on the valid signatures of others.
    pub(super) fn seal_record(&self, message: &mut MessageRecord, at: Timestamp) {
        let seals: Vec<Option<Seal>> = message.parts.iter().map(|part| self.seal_of_part(message, part, at)).collect();
        for (part, seal) in message.parts.iter_mut().zip(seals) {
            part.seal = seal;
        }
    }

    fn seal_of_part(&self, message: &MessageRecord, part: &PartRecord, at: Timestamp) -> Option<Seal> {
        let is_ours = match part.seal {
            Some(seal) if is_part_signed(message, part, &seal) => return Some(seal),
            // Changed here since, by a redaction for example.
            Some(seal) => self.trusted.contains(&seal.machine),
            None => !part.is_remote,
        };
        is_ours.then(|| {
            let signature = self.key.sign(&part_bytes(message, part, at)).to_bytes();
            Seal { machine: self.machine(), signed_at: at, signature }
        })
    }

    /// Signs a decision about a message that was made here.
    pub(super) fn seal_mark(&self, mark: &mut QuarantineMark) {
        if mark.seal.is_none() {
            mark.seal = Some((self.machine(), self.key.sign(&mark_bytes(mark)).to_bytes()));
        }
    }
}

/// Removes the signatures of a message that do not hold.
pub(super) fn drop_invalid_seals(message: &mut MessageRecord) {
    let valid: Vec<bool> =
        message.parts.iter().map(|part| part.seal.is_some_and(|seal| is_part_signed(message, part, &seal))).collect();
    for (part, valid) in message.parts.iter_mut().zip(valid) {
        part.seal = part.seal.filter(|_| valid);
    }
}

/// Removes the signature of a decision if it does not hold.
pub(super) fn drop_invalid_mark_seal(mark: &mut QuarantineMark) {
    let valid = mark.seal.is_some_and(|(machine, signature)| is_signed(machine, &mark_bytes(mark), &signature));
    mark.seal = mark.seal.filter(|_| valid);
}

fn is_part_signed(message: &MessageRecord, part: &PartRecord, seal: &Seal) -> bool {
    is_signed(seal.machine, &part_bytes(message, part, seal.signed_at), &seal.signature)
}

fn is_signed(machine: MachineKey, bytes: &[u8], signature: &[u8; 64]) -> bool {
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

fn part_bytes(message: &MessageRecord, part: &PartRecord, signed_at: Timestamp) -> Vec<u8> {
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

fn mark_bytes(mark: &QuarantineMark) -> Vec<u8> {
    let mut fields = SignedFields::with_context(MARK_CONTEXT);
    fields.add_bytes(mark.message.as_bytes());
    fields.add_number(mark.at.to_milliseconds());
    fields.add_number(mark.hidden.into());
    fields.add_text(&mark.reason);
    fields.0
}

/// Returns the key of this machine, with which it signs what it sends; creates it the first time.
///
/// # Errors
/// If the key cannot be read or created.
pub fn own_machine(memory: &Memory, now: Timestamp) -> Result<MachineKey> {
    Ok(Signer::load_key(memory, now)?.machine())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::domain::{MessageId, Origin, Role};
    use crate::store::{ConversationRecord, NoteRecord, ProjectRecord};

    fn record() -> MessageRecord {
        let part = PartRecord {
            key: 1,
            kind: PartKind::Note,
            origin: Origin::Person,
            tool: None,
            text: "we deploy on Tuesdays 每周二部署 \0".to_owned(),
            is_remote: false,
            seal: None,
        };
        let note = NoteRecord {
            kind: "rule".to_owned(),
            title: None,
            topic_key: None,
            tags: "[]".to_owned(),
            pinned: false,
            expires_at: None,
            superseded_by: None,
        };
        MessageRecord {
            id: MessageId::for_imported("saved", "s", "1"),
            conversation: ConversationRecord {
                source: "saved".to_owned(),
                session: "s".to_owned(),
                parent: None,
                title: None,
            },
            external_id: "1".to_owned(),
            parent_external_id: None,
            role: Role::User,
            at: Timestamp::from_milliseconds(1),
            directory: "/w".to_owned(),
            project: ProjectRecord { key: "/w".to_owned(), name: "w".to_owned(), root: "/w".to_owned(), remote: None },
            git_branch: None,
            model: None,
            sidechain: false,
            parts: vec![part],
            note: Some(note),
        }
    }

    fn signer(seed: u8, trusted: &[&Signer]) -> Signer {
        let trusted = trusted.iter().map(|signer| signer.machine()).collect();
        Signer { key: SigningKey::from_bytes(&[seed; 32]), name: String::new(), trusted }
    }

    #[test]
    fn a_signature_covers_every_field_that_decides_how_far_a_part_is_believed() {
        let mut sent = record();
        signer(1, &[]).seal_record(&mut sent, Timestamp::from_milliseconds(9));
        let mut whole = sent.clone();
        drop_invalid_seals(&mut whole);
        assert_eq!(whole, sent);
        let forgeries: HashMap<&str, fn(&mut MessageRecord)> = HashMap::from([
            ("text", (|message| message.parts[0].text.push('!')) as fn(&mut MessageRecord)),
            ("origin", |message| message.parts[0].origin = Origin::Model),
            ("kind", |message| message.parts[0].kind = PartKind::Text),
            ("key", |message| message.parts[0].key = 2),
            ("id", |message| message.id = MessageId::for_imported("saved", "s", "2")),
            ("role", |message| message.role = Role::Assistant),
            ("time", |message| message.at = Timestamp::from_milliseconds(2)),
            ("session", |message| message.conversation.session.push('x')),
            ("source", |message| message.conversation.source.push('x')),
            ("directory", |message| message.directory.push('x')),
            ("pin", |message| message.note.as_mut().unwrap().pinned = true),
            ("title", |message| message.note.as_mut().unwrap().title = Some("obey".to_owned())),
            ("note kind", |message| message.note.as_mut().unwrap().kind = "instruction".to_owned()),
            ("signed at", |message| {
                message.parts[0].seal.as_mut().unwrap().signed_at = Timestamp::from_milliseconds(10);
            }),
        ]);
        for (what, forge) in forgeries {
            let mut forged = sent.clone();
            forge(&mut forged);
            drop_invalid_seals(&mut forged);
            assert!(forged.parts[0].seal.is_none(), "{what}");
        }
    }

    #[test]
    fn what_came_from_elsewhere_is_signed_only_if_it_is_trusted() {
        let author = signer(1, &[]);
        let at = Timestamp::from_milliseconds(9);
        let mut sent = record();
        author.seal_record(&mut sent, at);
        sent.parts[0].is_remote = true;
        let mut passed_on = sent.clone();
        signer(2, &[]).seal_record(&mut passed_on, at);
        assert_eq!(passed_on, sent, "under the author's signature");
        for (friends, signed) in [(vec![], false), (vec![&author], true)] {
            let mut changed = sent.clone();
            changed.parts[0].text = "redacted".to_owned();
            signer(2, &friends).seal_record(&mut changed, at);
            assert_eq!(changed.parts[0].seal.is_some(), signed);
            drop_invalid_seals(&mut changed);
            assert_eq!(changed.parts[0].seal.is_some(), signed);
        }
        let mut unsigned = record();
        unsigned.parts[0].is_remote = true;
        signer(2, &[&author]).seal_record(&mut unsigned, at);
        assert!(unsigned.parts[0].seal.is_none());
    }

    #[test]
    fn a_decision_is_signed_whole() {
        let mut mark = QuarantineMark {
            message: MessageId::for_imported("a", "b", "c"),
            at: Timestamp::from_milliseconds(1),
            hidden: false,
            reason: "released".to_owned(),
            seal: None,
        };
        signer(1, &[]).seal_mark(&mut mark);
        let mut hidden = QuarantineMark { hidden: true, ..mark.clone() };
        drop_invalid_mark_seal(&mut hidden);
        drop_invalid_mark_seal(&mut mark);
        assert!(hidden.seal.is_none() && mark.seal.is_some());
    }
}
