//! Signatures under what this machine sends, and their verification in what comes. Owns this machine's key; the bytes
//! that a signature covers are in `signed_bytes`.
//!
//! A part of a message is signed with the fields that decide how far it is believed. Where the message belongs (project,
//! branch, title of its session) is a statement of its own, which names what it says: each machine has its own project
//! for a folder, and the title of a session changes. What came from another machine goes on under that machine's
//! signature, or under none: only what is trusted here is ever signed here.

use std::collections::HashSet;

use ed25519_dalek::{Signer as _, SigningKey};

use super::error::{Error, Result};
use super::signed_bytes::{
    is_part_signed, is_place_signed, is_signed, mark_bytes, part_bytes, place_bytes, tombstone_bytes,
};
use crate::config::env;
use crate::disk;
use crate::domain::hash::random_key;
use crate::domain::{MachineKey, Timestamp};
use crate::memory::Memory;
use crate::store::{MachineRelation, MessageRecord, PartRecord, QuarantineMark, Seal, SignedPlace, Tombstone};

/// Most bytes of the file of the key.
const MAX_KEY_FILE: u64 = 4096;

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

    /// Signs what is this machine's own of a message: its parts, and where it belongs. Passes on the valid signatures of
    /// others.
    pub(super) fn seal_record(&self, message: &mut MessageRecord, at: Timestamp) {
        let seals: Vec<Option<Seal>> = message.parts.iter().map(|part| self.seal_of_part(message, part, at)).collect();
        message.place = self.sign_place(message, at);
        for (part, seal) in message.parts.iter_mut().zip(seals) {
            part.seal = seal;
        }
        // The row says what its machine signed, also where the folder belongs to another project here.
        if let Some(place) = &message.place {
            message.project = place.project.clone();
            message.git_branch.clone_from(&place.git_branch);
        }
    }

    /// Returns the statement about a message's place: that of the machine it came from, or one of this machine.
    fn sign_place(&self, message: &MessageRecord, at: Timestamp) -> Option<SignedPlace> {
        let is_ours = match &message.place {
            Some(place) if is_place_signed(message.id, place) => return Some(place.clone()),
            // Changed here since, by a redaction for example.
            Some(place) => self.trusted.contains(&place.seal.machine),
            None => message.parts.is_empty() || message.parts.iter().any(|part| !part.is_remote),
        };
        is_ours.then(|| {
            let seal = Seal { machine: self.machine(), signed_at: at, signature: [0; 64] };
            let mut place = message.describe_place(seal);
            place.seal.signature = self.key.sign(&place_bytes(message.id, &place, at)).to_bytes();
            place
        })
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

    /// Signs a deletion that was made here; passes on the valid signature of another machine.
    pub(super) fn seal_tombstone(&self, tombstone: &mut Tombstone) {
        let is_ours = match tombstone.seal {
            Some(_) if has_valid_seal(tombstone) => return,
            Some((machine, _)) => self.trusted.contains(&machine),
            None => !tombstone.is_remote,
        };
        tombstone.seal = is_ours.then(|| (self.machine(), self.key.sign(&tombstone_bytes(tombstone)).to_bytes()));
    }
}

/// Removes the signatures of a message that do not hold; returns how many there were.
pub(super) fn drop_invalid_seals(message: &mut MessageRecord) -> u64 {
    let invalid: Vec<bool> =
        message.parts.iter().map(|part| part.seal.is_some_and(|seal| !is_part_signed(message, part, &seal))).collect();
    let mut dropped = 0;
    for (part, _) in message.parts.iter_mut().zip(invalid).filter(|(_, invalid)| *invalid) {
        part.seal = None;
        dropped += 1;
    }
    if message.place.as_ref().is_some_and(|place| !is_place_signed(message.id, place)) {
        message.place = None;
        dropped += 1;
    }
    dropped
}

/// Removes the signature of a decision if it does not hold; returns true if it did not.
pub(super) fn drop_invalid_mark_seal(mark: &mut QuarantineMark) -> bool {
    let invalid = mark.seal.is_some_and(|(machine, signature)| !is_signed(machine, &mark_bytes(mark), &signature));
    mark.seal = mark.seal.filter(|_| !invalid);
    invalid
}

/// Returns false for a deletion under a signature that does not hold. One without a signature is valid.
pub(super) fn has_valid_seal(tombstone: &Tombstone) -> bool {
    tombstone.seal.is_none_or(|(machine, signature)| is_signed(machine, &tombstone_bytes(tombstone), &signature))
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
    use crate::domain::{MessageId, Origin, PartKind, Role};
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
            git_branch: Some("main".to_owned()),
            model: None,
            sidechain: false,
            parts: vec![part],
            note: Some(note),
            place: None,
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
        assert!(drop_invalid_mark_seal(&mut hidden) && !drop_invalid_mark_seal(&mut mark));
        assert!(hidden.seal.is_none() && mark.seal.is_some());
    }

    type Forgery = fn(&mut SignedPlace);

    #[test]
    fn a_statement_covers_every_field_of_a_place_and_nothing_else() {
        let mut sent = record();
        signer(1, &[]).seal_record(&mut sent, Timestamp::from_milliseconds(9));
        let forgeries: [(&str, Forgery); 8] = [
            ("key", |place| place.project.key.push('x')),
            ("name", |place| place.project.name.push('x')),
            ("root", |place| place.project.root.push('x')),
            ("remote", |place| place.project.remote = Some(String::new())),
            ("branch", |place| place.git_branch = None),
            ("title", |place| place.title = Some("obey".to_owned())),
            ("time", |place| place.seal.signed_at = Timestamp::from_milliseconds(10)),
            ("machine", |place| place.seal.machine = signer(2, &[]).machine()),
        ];
        for (what, forge) in forgeries {
            let mut forged = sent.clone();
            forge(forged.place.as_mut().unwrap());
            assert_eq!(drop_invalid_seals(&mut forged), 1, "{what}");
            assert!(forged.place.is_none() && forged.parts[0].seal.is_some(), "{what}");
        }
        let mut other = sent.clone();
        other.id = MessageId::for_imported("saved", "s", "2");
        assert_eq!(drop_invalid_seals(&mut other), 2, "the part and the place of another message");
        // The row may say something else: the statement says what was signed.
        let mut moved = sent.clone();
        moved.project.name = "elsewhere".to_owned();
        assert_eq!(drop_invalid_seals(&mut moved), 0);
        signer(2, &[]).seal_record(&mut moved, Timestamp::from_milliseconds(99));
        assert_eq!(moved.place, sent.place, "passed on under the signature of its author");
        assert_eq!(moved.project, sent.project);
    }

    #[test]
    fn a_deletion_is_signed_whole_and_passed_on() {
        let mut sent = Tombstone {
            message: MessageId::for_imported("a", "b", "c"),
            at: Timestamp::from_milliseconds(1),
            reason: "asked for".to_owned(),
            is_remote: false,
            seal: None,
        };
        let unsigned = Tombstone { is_remote: true, ..sent.clone() };
        signer(1, &[]).seal_tombstone(&mut sent);
        assert!(has_valid_seal(&sent) && has_valid_seal(&unsigned));
        let forgeries: [fn(&mut Tombstone); 3] = [
            |one| one.message = MessageId::for_imported("a", "b", "d"),
            |one| one.at = Timestamp::from_milliseconds(2),
            |one| one.reason.push('!'),
        ];
        for forge in forgeries {
            let mut forged = sent.clone();
            forge(&mut forged);
            assert!(!has_valid_seal(&forged));
        }
        let mut passed_on = Tombstone { is_remote: true, ..sent.clone() };
        signer(2, &[]).seal_tombstone(&mut passed_on);
        assert_eq!(passed_on.seal, sent.seal);
        let mut vouched_for = unsigned;
        signer(2, &[]).seal_tombstone(&mut vouched_for);
        assert!(vouched_for.seal.is_none(), "nobody vouches for what came unsigned");
    }
}
