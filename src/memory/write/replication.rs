//! Sync interface: changes, whole messages, embeddings of the model in use, and the cursor of each target.

use std::collections::{HashMap, HashSet};

use crate::disk::checkout;
use crate::domain::text::outgoing::SafeText;
use crate::domain::text::terms::TermExtractor;
use crate::domain::{MachineKey, MessageId, Origin, Timestamp};
use crate::memory::write::projects::project_for_directory;
use crate::memory::{Memory, Result};
use crate::store::{
    CopyPolicy, DeletionSigners, IncomingMessage, IncomingVector, Machine, MachineRelation, MergeCounts, MessageRecord,
    NewProject, QuarantineMark, TargetCursor, Tombstone,
};

/// Source prefix of messages that are in quarantine where they come from.
const QUARANTINE_PREFIX: &str = "quarantine:";
/// Version of what is signed: 2 since projects, branches, titles and deletions are.
const SIGNED_VERSION: u32 = 2;
/// Maximum characters of a machine's name.
const MAX_NAME_CHARACTERS: usize = 60;

impl Memory {
    /// Returns the number of changes and embeddings after a target's cursor, and the time of the first of those
    /// changes.
    pub fn pending_for_target(&self, progress: TargetCursor) -> Result<(u64, u64, Option<Timestamp>)> {
        let model = self.model_digest().unwrap_or_default();
        Ok(self.store.snapshot()?.count_changes_after(progress.journal, progress.vectors, &model)?)
    }

    /// Returns the cursor of a target whose endpoint identifies itself as `place`.
    pub fn target_cursor(&self, target: &str, place: &str) -> Result<TargetCursor> {
        Ok(self.store.snapshot()?.target_cursor(target, place, &self.model_digest().unwrap_or_default())?)
    }

    /// Stores the cursor of a target; `done` if it has received everything.
    pub fn save_cursor(
        &self,
        target: &'static str,
        place: &str,
        progress: TargetCursor,
        done: bool,
        now: Timestamp,
    ) -> Result<()> {
        let speaks_of = (place.to_owned(), self.model_digest().unwrap_or_default());
        Ok(self.store.record_target_cursor(target, speaks_of, progress, done, now)?)
    }

    /// Moves the cursor of a target to the beginning of the change log if the target was never sent what this machine
    /// signs: everything goes there once more, signed.
    pub fn begin_signing(&self, target: &'static str, place: &str, machine: MachineKey, now: Timestamp) -> Result<()> {
        let (name, value) = (format!("{target}_signed"), format!("{place} {machine} {SIGNED_VERSION}"));
        if self.store.snapshot()?.target_fact(&name)?.as_deref() == Some(&value) {
            return Ok(());
        }
        let sent = self.target_cursor(target, place)?;
        if sent.journal > 0 {
            self.save_cursor(target, place, TargetCursor { journal: 0, ..sent }, false, now)?;
        }
        Ok(self.store.record_target_fact(name, value)?)
    }

    /// Returns the position up to which decisions about messages were merged from a target.
    pub fn quarantine_cursor(&self, target: &str, place: &str) -> Result<i64> {
        let fact = self.store.snapshot()?.target_fact(&format!("{target}_quarantine"))?.unwrap_or_default();
        let position = fact.strip_prefix(place).and_then(|rest| rest.trim().parse().ok());
        Ok(position.unwrap_or(0))
    }

    /// Stores the position up to which decisions about messages were merged from a target.
    pub fn save_quarantine_cursor(&self, target: &str, place: &str, position: i64) -> Result<()> {
        Ok(self.store.record_target_fact(format!("{target}_quarantine"), format!("{place} {position}"))?)
    }

    /// Parks a message that a target rejected because of its content.
    pub fn park_message(&self, target: &'static str, message: MessageId, why: String, now: Timestamp) -> Result<()> {
        Ok(self.store.park_message(target, message, why, now)?)
    }

    /// Unparks messages that a target has accepted.
    pub fn unpark_messages(&self, target: &'static str, messages: Vec<MessageId>) -> Result<()> {
        Ok(self.store.unpark_messages(target, messages)?)
    }

    /// Merges messages of other machines, each with the time of its change there. The caller has verified every seal in
    /// them. Redacts secrets in every field that is stored.
    ///
    /// # Errors
    /// If the store cannot be written; nothing is merged then.
    pub fn merge_remote(&self, messages: Vec<(MessageRecord, Timestamp)>) -> Result<MergeCounts> {
        let (mut incoming, mut hidden) = (Vec::with_capacity(messages.len()), Vec::new());
        // The person agreed to this text: another machine does not change it afterwards.
        let agreed = self.notes_with_consent();
        let trusted: HashSet<MachineKey> = self.machines()?.iter().filter_map(trusted_key).collect();
        let (mut altered, mut foreign_places) = (0, 0);
        for (mut message, changed_at) in messages {
            if agreed.contains(&message.id) && self.snapshot()?.find_message(message.id)?.is_some() {
                continue;
            }
            if !message.is_place_by_author(&|machine| trusted.contains(&machine)) {
                message.place = None;
                foreign_places += 1;
            }
            altered += u64::from(message.adopt_place());
            self.redact_record(&mut message)?;
            // What its sender keeps in quarantine is kept there here too.
            if let Some(source) = message.conversation.source.strip_prefix(QUARANTINE_PREFIX).map(str::to_owned) {
                message.conversation.source = source;
                let reason = "it came as a message in quarantine".to_owned();
                hidden.push(QuarantineMark { message: message.id, at: changed_at, hidden: true, reason, seal: None });
            }
            for part in &mut message.parts {
                part.is_remote = true;
                if part.origin == Origin::Elsewhere {
                    part.origin = Origin::Client;
                }
            }
            let project = remote_project(&message);
            incoming.push(IncomingMessage { message, changed_at, project });
        }
        if !hidden.is_empty() {
            self.store.merge_quarantine(hidden)?;
        }
        Ok(MergeCounts { altered, foreign_places, ..self.store.merge_remote(incoming)? })
    }

    /// Redacts secrets in all texts of a message of another machine. Names of folders identify projects and stay.
    fn redact_record(&self, message: &mut MessageRecord) -> Result<()> {
        let mut texts: Vec<&mut String> = Vec::new();
        for part in &mut message.parts {
            texts.push(&mut part.text);
            texts.extend(&mut part.tool);
        }
        texts.extend(&mut message.conversation.title);
        texts.extend(&mut message.git_branch);
        texts.extend(&mut message.model);
        texts.push(&mut message.project.name);
        texts.extend(&mut message.project.remote);
        if let Some(note) = &mut message.note {
            texts.push(&mut note.kind);
            texts.extend(&mut note.title);
            texts.extend(&mut note.topic_key);
            let tags: Vec<String> = serde_json::from_str(&note.tags).unwrap_or_default();
            let tags: Result<Vec<String>> = tags.into_iter().map(|tag| self.redact_text(tag)).collect();
            note.tags = serde_json::Value::from(tags?).to_string();
        }
        for text in texts {
            *text = self.redact_text(std::mem::take(text))?;
        }
        message.place = message.place.take().map(|place| message.describe_place(place.seal));
        Ok(())
    }

    /// Merges decisions of other machines to hide or release messages, whose seals the caller has verified. Returns how
    /// many messages were hidden and how many released.
    pub fn merge_quarantine(&self, mut marks: Vec<QuarantineMark>) -> Result<(u64, u64)> {
        for mark in &mut marks {
            mark.reason = self.redact_text(std::mem::take(&mut mark.reason))?;
        }
        let changed = self.store.merge_quarantine(marks)?;
        if changed.0 > 0 {
            self.purge_caches()?;
        }
        Ok(changed)
    }

    /// Returns the machines that have signed something here, this one first.
    pub fn machines(&self) -> Result<Vec<Machine>> {
        Ok(self.store.snapshot()?.machines()?)
    }

    /// Counts the deletions by who signed them.
    pub fn deletion_signers(&self) -> Result<DeletionSigners> {
        Ok(self.store.snapshot()?.deletion_signers()?)
    }

    /// Returns true if nothing can be stored in the data folder.
    pub fn is_read_only(&self) -> bool {
        self.store.is_frozen()
    }

    /// Records machines under the names that they give themselves.
    pub fn record_machines(&self, machines: Vec<(MachineKey, String)>, now: Timestamp) -> Result<()> {
        let known: HashMap<MachineKey, String> =
            self.machines()?.into_iter().map(|machine| (machine.key, machine.name)).collect();
        let mut new = Vec::new();
        for (key, name) in machines {
            let name = self.redact_text(SafeText::single_line(&name, MAX_NAME_CHARACTERS).as_str().to_owned())?;
            if known.get(&key) != Some(&name) {
                new.push((key, name));
            }
        }
        if new.is_empty() { Ok(()) } else { Ok(self.store.record_machines(new, now)?) }
    }

    /// Sets the relation of a machine, and with it how far everything that it signed is trusted here.
    pub fn relate_machine(
        &self,
        key: MachineKey,
        relation: MachineRelation,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        let name = name.map(|name| SafeText::single_line(name, MAX_NAME_CHARACTERS).as_str().to_owned());
        Ok(self.store.relate_machine(key, relation, name, now)?)
    }

    /// Stores embeddings of the model in use that other machines computed; skips those of texts that differ here.
    /// Returns the number stored.
    pub fn store_remote_embeddings(&self, vectors: Vec<IncomingVector>) -> Result<u64> {
        if vectors.is_empty() {
            return Ok(0);
        }
        Ok(self.store.merge_remote_vectors(self.embedding_model()?, vectors)?)
    }

    /// Returns the mean number of terms of a passage with its neighbours, which a remote target cannot compute.
    pub fn mean_window(&self) -> Result<f32> {
        Ok(self.doc_values()?.mean_window())
    }

    /// Returns the rows of the projects with these keys.
    pub fn project_rows(&self, keys: &[String]) -> Result<Vec<i64>> {
        let known = self.store.snapshot()?.project_keys()?.into_iter();
        Ok(known.filter(|(_, key)| keys.contains(key)).map(|(row, _)| row).collect())
    }

    /// Applies tombstones of other machines, whose signatures the caller has verified: deletes their messages and counts
    /// those that existed here, by who signed the deletion. Tombstones of unknown ids are stored too. Copies keep the
    /// messages until the person agrees: another machine cannot empty the backups of this one.
    pub fn apply_tombstones(&self, mut tombstones: Vec<Tombstone>, now: Timestamp) -> Result<DeletionSigners> {
        for tombstone in &mut tombstones {
            tombstone.reason = self.redact_text(std::mem::take(&mut tombstone.reason))?;
        }
        let relations: HashMap<MachineKey, MachineRelation> =
            self.machines()?.into_iter().map(|machine| (machine.key, machine.relation)).collect();
        let mut signers = DeletionSigners::default();
        for Tombstone { message, reason, seal, .. } in self.store.record_remote_tombstones(tombstones, now)? {
            let signer = seal.map(|(machine, _)| relations.get(&machine).copied().unwrap_or(MachineRelation::Unknown));
            signers.add(signer, self.store.forget(vec![message], reason, CopyPolicy::Keep, now)?.messages);
        }
        if signers != DeletionSigners::default() {
            self.purge_caches()?;
            self.store.truncate_log()?;
        }
        Ok(signers)
    }

    /// Stores the cursor up to which changes of a target were pulled.
    pub fn save_pull_cursor(&self, target: &'static str, place: &str, pulled: i64, now: Timestamp) -> Result<()> {
        Ok(self.store.record_pull_position(target, place.to_owned(), pulled, now)?)
    }

    /// Returns the distinct search terms of a message, for a full-text index of a target.
    pub fn search_terms_of(message: &MessageRecord) -> Vec<String> {
        let terms = TermExtractor::default();
        let mut words = Vec::new();
        for part in &message.parts {
            terms.for_each_term(&part.text, &mut |word| words.push(word.to_owned()));
        }
        words.sort_unstable();
        words.dedup();
        words
    }
}

fn trusted_key(machine: &Machine) -> Option<MachineKey> {
    machine.relation.is_trusted().then_some(machine.key)
}

/// Returns the project of a message from another machine: the local one if its directory exists here, else the one it
/// had there.
fn remote_project(message: &MessageRecord) -> NewProject {
    if message.directory.is_empty() || std::path::Path::new(&message.directory).is_dir() {
        return project_for_directory(&message.directory);
    }
    let project = &message.project;
    let remote = project.remote.as_deref().and_then(checkout::remote_identity);
    NewProject {
        key: project.key.clone(),
        name: project.name.clone(),
        root: project.root.clone(),
        remote: project.remote.clone(),
        remote_key: remote.map(|remote| format!("remote:{remote}")),
        directory: message.directory.clone(),
        missing: true,
    }
}
