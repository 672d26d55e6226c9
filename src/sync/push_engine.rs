//! Pushes changes to a target, and compares a target with the store. The cursor advances only after the target has
//! stored a page, so that a crash repeats at most one page, which changes nothing. Searches of this process have
//! priority.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::counts::{CompareReport, PushCounts, PushProgress};
use super::error::{Error, Result};
use super::page::{ChangePage, conversation_id};
use super::signing::Signer;
use super::target::{CompareBy, SyncTarget};
use crate::domain::{MessageId, Timestamp};
use crate::memory::Memory;
use crate::store::{MessageState, Snapshot, TargetCursor};

/// Changes per page.
const LINES: usize = 500;
/// Embeddings per page.
const VECTORS: usize = 1_000;
/// Changes per page during a search: so few that they hardly slow it on a small machine.
const LINES_DURING_SEARCH: usize = 20;
/// Embeddings per page during a search.
const VECTORS_DURING_SEARCH: usize = 40;
/// Maximum wait of a page for a search to end.
const SEARCH_WAIT: Duration = Duration::from_millis(250);
/// Pause before a page during a search.
const SEARCH_PAUSE: Duration = Duration::from_millis(400);
/// Bytes of texts per page, rounded up to whole messages.
const BYTES: usize = 8 << 20;
/// Maximum messages parked in one run; more rejections mean that something else is wrong.
const MAX_PARKED: u64 = 100;
/// Maximum number of differing messages that are listed.
const MAX_LISTED: usize = 100;

/// Pushes all changes that a target has not seen.
pub(super) async fn push_changes(
    memory: &Memory,
    target: &mut impl SyncTarget,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(PushProgress),
) -> Result<PushCounts> {
    let place = target.prepare_target().await?;
    let signer = Signer::load_key(memory, now())?;
    if target.compared_by() == CompareBy::Messages {
        memory.begin_signing(target.target_name(), &place, signer.machine(), now())?;
    }
    let mut at = memory.target_cursor(target.target_name(), &place)?;
    let (lines, vectors, _) = memory.pending_for_target(at)?;
    let mut sending = PushProgress { total: lines + vectors, done: 0 };
    let mut pushed = PushCounts::default();
    progress(sending);
    loop {
        if stop.load(Ordering::Relaxed) {
            pushed.interrupted = true;
            return Ok(pushed);
        }
        let aside = memory.is_search_recent();
        if aside {
            tokio::time::sleep(SEARCH_PAUSE).await;
            memory.yield_to_searches(SEARCH_WAIT);
        }
        let (page, next, seen) = gather_page(memory, &signer, at, aside)?;
        if seen == 0 {
            target.finish_push(memory).await?;
            memory.save_cursor(target.target_name(), &place, at, true, now())?;
            return Ok(pushed);
        }
        let (messages, vectors) = (page.messages.len() as u64, page.vectors.len() as u64);
        let gone = (page.hidden.len() + page.forgotten.len()) as u64;
        let parked = if page.is_empty() {
            0
        } else {
            deliver_page(memory, target, page, now(), MAX_PARKED - pushed.parked).await?
        };
        at = next;
        memory.save_cursor(target.target_name(), &place, at, false, now())?;
        pushed.messages += messages - parked.min(messages);
        pushed.gone += gone;
        pushed.vectors += vectors;
        pushed.parked += parked;
        sending.done += seen;
        progress(sending);
    }
}

/// Pushes a page. If the target rejects it, its messages are pushed one by one so that none blocks the others, and
/// those rejected alone are parked. Returns the number parked, at most `most`.
async fn deliver_page(
    memory: &Memory,
    target: &mut impl SyncTarget,
    page: ChangePage,
    now: Timestamp,
    most: u64,
) -> Result<u64> {
    let name = target.target_name();
    let mut aside: BTreeSet<MessageId> =
        memory.snapshot()?.parked_messages(name)?.into_iter().map(|parked| parked.message).collect();
    match target.push(&page).await {
        Ok(()) if aside.is_empty() => return Ok(0),
        Ok(()) => {
            memory.unpark_messages(name, page.messages.iter().map(|(message, _)| message.id).collect())?;
            return Ok(0);
        }
        Err(Error::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut parked = 0;
    for (message, one) in page.split_by_message() {
        match (target.push(&one).await, message) {
            (Ok(()), Some(message)) if !one.messages.is_empty() && aside.contains(&message) => {
                memory.unpark_messages(name, vec![message])?;
            }
            (Ok(()), _) => {}
            (Err(Error::Refused { why, .. }), Some(message)) if parked < most => {
                // A message that is not there has no vectors there either, and counts once.
                parked += u64::from(aside.insert(message));
                memory.park_message(name, message, why, now)?;
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok(parked)
}

/// Builds the next page. Returns it with the cursor after it and the number of changes and embeddings it covers.
/// Embeddings follow only after all messages.
fn gather_page(
    memory: &Memory,
    signer: &Signer,
    at: TargetCursor,
    aside: bool,
) -> Result<(ChangePage, TargetCursor, u64)> {
    let sender = Some((signer.machine(), signer.name().to_owned()));
    let (mut page, mut next, mut seen) = (ChangePage { sender, ..ChangePage::default() }, at, 0);
    let (most, vectors) = if aside { (LINES_DURING_SEARCH, VECTORS_DURING_SEARCH) } else { (LINES, VECTORS) };
    // The page is of one moment.
    let (snapshot, model) = (memory.snapshot()?, memory.model_digest().unwrap_or_default());
    let lines = snapshot.changes_after(at.journal, most)?;
    let changed: BTreeMap<MessageId, Timestamp> = lines.iter().map(|line| (line.message, line.at)).collect();
    let mut known = BTreeSet::new();
    let mut bytes = 0;
    for line in &lines {
        next.journal = line.id;
        seen += 1;
        // The current state is sent once, however often the message changed.
        if known.insert(line.message) {
            let at = changed.get(&line.message).copied().unwrap_or(line.at);
            bytes += add_message((&snapshot, &model, signer), &mut page, line.message, at, next.vectors)?;
        }
        if bytes >= BYTES {
            break;
        }
    }
    if lines.is_empty() {
        page.vectors = snapshot.vectors_after(at.vectors, &model, vectors)?;
        seen += page.vectors.len() as u64;
        next.vectors = page.vectors.last().map_or(at.vectors, |vector| vector.id);
    }
    Ok((page, next, seen))
}

/// What a page is made with: one moment of the store, the digest of the model whose vectors are sent, and the key.
type Source<'a> = (&'a Snapshot<'a>, &'a str, &'a Signer);

/// Adds a message's current state to a page, with its embeddings up to a row; returns the bytes of its texts.
fn add_message(
    (snapshot, model, signer): Source<'_>,
    page: &mut ChangePage,
    id: MessageId,
    at: Timestamp,
    vectors: i64,
) -> Result<usize> {
    if let Some(mut mark) = snapshot.quarantine_mark(id)? {
        signer.seal_mark(&mut mark);
        page.marks.push(mark);
    }
    match snapshot.message_state(id)? {
        MessageState::Here(mut message) => {
            signer.seal_record(&mut message, at);
            let bytes = message.parts.iter().map(|part| part.text.len()).sum();
            page.messages.push((*message, at));
            page.sizes.push(snapshot.text_sizes(id)?);
            // Embeddings of an earlier text are stale on the target.
            if vectors > 0 {
                page.whole.push(id);
                page.vectors.extend(snapshot.vectors_of_message(id, model, vectors)?);
            }
            return Ok(bytes);
        }
        MessageState::Hidden => page.hidden.push(id),
        MessageState::Forgotten(mut tombstone) => {
            signer.seal_tombstone(&mut tombstone);
            page.forgotten.push(tombstone);
        }
        // Deleted by cleanup here; the target keeps it.
        MessageState::Gone => {}
    }
    Ok(0)
}

/// Compares every conversation; with `repair` differences are pushed again.
pub(super) async fn compare_target(
    memory: &Memory,
    target: &mut impl SyncTarget,
    repair: bool,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<CompareReport> {
    target.prepare_target().await?;
    let (holds, signer) = (target.compared_by(), Signer::load_key(memory, now)?);
    let hidden = target.hidden_messages().await?;
    let mut there = target.conversation_digests().await?;
    let keys = memory.snapshot()?.conversation_keys()?;
    let mut compared = CompareReport::default();
    let mut mend = ChangePage { mends: true, ..ChangePage::default() };
    for (number, (source, session)) in keys.iter().enumerate() {
        progress(number as u64, keys.len() as u64);
        let mut here = digests_here(memory, holds, source, session)?;
        // What another machine has hidden is hidden here with the next pull.
        here.retain(|id, _| !hidden.contains(id));
        compared.conversations += 1;
        compared.messages += here.len() as u64;
        let id = conversation_id(source, session);
        let summary = there.remove(&id);
        let same = summary.as_ref().is_some_and(|summary| *summary == holds.combine_digests(&here));
        if same || (here.is_empty() && summary.is_none()) {
            continue;
        }
        let remote = target.message_digests(id).await?;
        let (snapshot, model) = (memory.snapshot()?, memory.model_digest().unwrap_or_default());
        for (message, digest) in &here {
            let list = match remote.get(message) {
                Some(other) if other == digest => continue,
                Some(_) => &mut compared.different,
                None => &mut compared.missing,
            };
            if list.len() < MAX_LISTED {
                list.push(*message);
            }
            if repair {
                add_message((&snapshot, &model, &signer), &mut mend, *message, now, i64::MAX)?;
            }
        }
        for message in remote.keys().filter(|id| !here.contains_key(id)) {
            classify_remote_only((&snapshot, &signer), &mut compared, &mut mend, *message, repair)?;
        }
        drop(snapshot);
        if mend.messages.len() >= LINES {
            compared.repaired += send_repairs(memory, target, &mut mend, now).await?;
        }
    }
    // Conversations that only the target has.
    for id in there.keys() {
        let messages = target.message_digests(*id).await?;
        let snapshot = memory.snapshot()?;
        for message in messages.keys() {
            classify_remote_only((&snapshot, &signer), &mut compared, &mut mend, *message, repair)?;
        }
    }
    compared.repaired += send_repairs(memory, target, &mut mend, now).await?;
    Ok(compared)
}

/// Computes the digests of a session's messages as they are here, all of one moment.
fn digests_here(memory: &Memory, holds: CompareBy, source: &str, session: &str) -> Result<BTreeMap<MessageId, String>> {
    let (snapshot, model) = (memory.snapshot()?, memory.model_digest().unwrap_or_default());
    let mut here = BTreeMap::new();
    for id in snapshot.conversation_messages(source, session)? {
        here.extend(holds.message_digest(&snapshot, &model, id)?.map(|digest| (id, digest)));
    }
    Ok(here)
}

/// Classifies a message that is only on the target.
fn classify_remote_only(
    (snapshot, signer): (&Snapshot<'_>, &Signer),
    compared: &mut CompareReport,
    mend: &mut ChangePage,
    id: MessageId,
    repair: bool,
) -> Result<()> {
    match snapshot.message_state(id)? {
        MessageState::Forgotten(mut tombstone) => {
            compared.undead.push(id);
            if repair {
                signer.seal_tombstone(&mut tombstone);
                mend.forgotten.push(tombstone);
            }
        }
        MessageState::Hidden => {
            compared.undead.push(id);
            if repair {
                mend.hidden.push(id);
            }
        }
        MessageState::Gone | MessageState::Here(_) => compared.extra += 1,
    }
    Ok(())
}

async fn send_repairs(
    memory: &Memory,
    target: &mut impl SyncTarget,
    mend: &mut ChangePage,
    now: Timestamp,
) -> Result<u64> {
    let page = std::mem::replace(mend, ChangePage { mends: true, ..ChangePage::default() });
    if page.is_empty() {
        return Ok(0);
    }
    let sent = (page.messages.len() + page.hidden.len() + page.forgotten.len()) as u64;
    let parked = deliver_page(memory, target, page, now, MAX_PARKED).await?;
    Ok(sent - parked.min(sent))
}
