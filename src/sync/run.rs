//! Sending what a target has not seen, and comparing it with what is here. A target's place in the journal moves only after it has
//! taken a page in, so that a crash at any moment repeats at most one page, which changes nothing. Searches of this process go first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::{Error, Result};
use super::page::{Page, conversation_id};
use super::target::Target;
use crate::domain::{MessageId, Timestamp};
use crate::memory::Memory;
use crate::store::{Progress, Standing};

/// Lines of the journal, and vectors, that are sent at once.
const LINES: usize = 500;
const VECTORS: usize = 1_000;
/// The same while somebody searches here: so few that a search hardly meets them on a small machine.
const LINES_ASIDE: usize = 20;
const VECTORS_ASIDE: usize = 40;
/// How long a page waits for a search to end, and how long nothing is sent after it.
const LULL: Duration = Duration::from_millis(250);
const ASIDE: Duration = Duration::from_millis(400);
/// Bytes of texts that are sent at once, as far as whole messages allow it.
const BYTES: usize = 8 << 20;
/// So many messages may be refused in one run; when it is more, something else is wrong.
const MOST_PARKED: u64 = 100;
/// Messages that differ are listed up to this number.
const LISTED: usize = 100;

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Messages, as they are now.
    pub messages: u64,
    /// Messages that are hidden or forgotten.
    pub gone: u64,
    /// Vectors.
    pub vectors: u64,
    /// Messages that the target refused for what they hold; they were set aside.
    pub parked: u64,
    /// Whether it was stopped. The next run goes on.
    pub interrupted: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sending {
    /// Changes and vectors that waited at the start.
    pub total: u64,
    /// Those that were sent.
    pub done: u64,
}

/// Sends all that a target has not seen.
pub(super) async fn push(
    memory: &Memory,
    target: &mut impl Target,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Sending),
) -> Result<Pushed> {
    let place = target.prepare().await?;
    let mut at = memory.progress(target.name(), &place)?;
    let (lines, vectors, _) = memory.waiting_after(at)?;
    let mut sending = Sending { total: lines + vectors, done: 0 };
    let mut pushed = Pushed::default();
    progress(sending);
    loop {
        if stop.load(Ordering::Relaxed) {
            pushed.interrupted = true;
            return Ok(pushed);
        }
        let aside = memory.is_asked();
        if aside {
            tokio::time::sleep(ASIDE).await;
            memory.wait_for_a_lull(LULL);
        }
        let (page, next, seen) = gather(memory, at, aside)?;
        if seen == 0 {
            target.finish(memory).await?;
            memory.note_progress(target.name(), &place, at, true, now())?;
            return Ok(pushed);
        }
        let (messages, vectors) = (page.messages.len() as u64, page.vectors.len() as u64);
        let gone = (page.hidden.len() + page.forgotten.len()) as u64;
        let parked =
            if page.is_empty() { 0 } else { deliver(memory, target, page, now(), MOST_PARKED - pushed.parked).await? };
        at = next;
        memory.note_progress(target.name(), &place, at, false, now())?;
        pushed.messages += messages - parked.min(messages);
        pushed.gone += gone;
        pushed.vectors += vectors;
        pushed.parked += parked;
        sending.done += seen;
        progress(sending);
    }
}

/// Sends a page. When the target refuses something in it, its messages are sent one by one, so that none holds up the others; those that are
/// refused alone are set aside. Returns how many were, at most `most`.
async fn deliver(memory: &Memory, target: &mut impl Target, page: Page, now: Timestamp, most: u64) -> Result<u64> {
    let name = target.name();
    let mut aside: BTreeSet<MessageId> = memory.parked(name)?.into_iter().map(|parked| parked.message).collect();
    match target.push(&page).await {
        Ok(()) if aside.is_empty() => return Ok(0),
        Ok(()) => {
            memory.unpark(name, page.messages.iter().map(|(message, _)| message.id).collect())?;
            return Ok(0);
        }
        Err(Error::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut parked = 0;
    for (message, one) in page.apart() {
        match (target.push(&one).await, message) {
            (Ok(()), Some(message)) if !one.messages.is_empty() && aside.contains(&message) => {
                memory.unpark(name, vec![message])?;
            }
            (Ok(()), _) => {}
            (Err(Error::Refused { why, .. }), Some(message)) if parked < most => {
                // A message that is not there has no vectors there either, and counts once.
                parked += u64::from(aside.insert(message));
                memory.park(name, message, why, now)?;
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok(parked)
}

/// The next page, the place after it, and how many lines and vectors it speaks for. Vectors come when all messages are there.
fn gather(memory: &Memory, at: Progress, aside: bool) -> Result<(Page, Progress, u64)> {
    let (mut page, mut next, mut seen) = (Page::default(), at, 0);
    let (most, vectors) = if aside { (LINES_ASIDE, VECTORS_ASIDE) } else { (LINES, VECTORS) };
    let lines = memory.changes_after(at.journal, most)?;
    let changed: BTreeMap<MessageId, Timestamp> = lines.iter().map(|line| (line.message, line.at)).collect();
    let mut known = BTreeSet::new();
    let mut bytes = 0;
    for line in &lines {
        next.journal = line.id;
        seen += 1;
        // What it is now is sent once, however often it changed.
        if known.insert(line.message) {
            let at = changed.get(&line.message).copied().unwrap_or(line.at);
            bytes += put(memory, &mut page, line.message, at, next.vectors)?;
        }
        if bytes >= BYTES {
            break;
        }
    }
    if lines.is_empty() {
        page.vectors = memory.vectors_after(at.vectors, vectors)?;
        seen += page.vectors.len() as u64;
        next.vectors = page.vectors.last().map_or(at.vectors, |vector| vector.id);
    }
    Ok((page, next, seen))
}

/// Puts a message as it is now onto a page, with its vectors up to a row; returns the bytes of its texts.
fn put(memory: &Memory, page: &mut Page, id: MessageId, at: Timestamp, vectors: i64) -> Result<usize> {
    match memory.standing(id)? {
        Standing::Here(message) => {
            let bytes = message.parts.iter().map(|part| part.text.len()).sum();
            page.messages.push((*message, at));
            page.sizes.push(memory.sizes(id)?);
            // What was made from a text that has changed is void over there.
            if vectors > 0 {
                page.whole.push(id);
                page.vectors.extend(memory.vectors_of(id, vectors)?);
            }
            return Ok(bytes);
        }
        Standing::Hidden => page.hidden.push(id),
        Standing::Forgotten(at, reason) => page.forgotten.push((id, at, reason)),
        // Cleaned up here; the copy keeps it.
        Standing::Gone => {}
    }
    Ok(0)
}

/// What differs between here and a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Conversations that were compared.
    pub conversations: u64,
    /// Messages here.
    pub messages: u64,
    /// Messages that are here and not there, at most a hundred of them.
    pub missing: Vec<MessageId>,
    /// Messages that say something else there.
    pub different: Vec<MessageId>,
    /// Messages that are there and not here: of other machines, or cleaned up here.
    pub extra: u64,
    /// Messages that are there and were forgotten here.
    pub undead: Vec<MessageId>,
    /// Messages that were sent again.
    pub repaired: u64,
}

impl Compared {
    /// Whether everything that is here is there, and nothing that was forgotten.
    pub fn agrees(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty() && self.undead.is_empty()
    }
}

/// Compares every conversation; with `repair` what differs is sent again.
pub(super) async fn check(
    memory: &Memory,
    target: &mut impl Target,
    repair: bool,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Compared> {
    target.prepare().await?;
    let holds = target.holds();
    let mut there = target.summaries().await?;
    let keys = memory.conversation_keys()?;
    let mut compared = Compared::default();
    let mut mend = Page { mends: true, ..Page::default() };
    for (number, (source, session)) in keys.iter().enumerate() {
        progress(number as u64, keys.len() as u64);
        let mut here = BTreeMap::new();
        for id in memory.conversation_messages(source, session)? {
            here.extend(holds.digest(memory, id)?.map(|digest| (id, digest)));
        }
        compared.conversations += 1;
        compared.messages += here.len() as u64;
        let id = conversation_id(source, session);
        let summary = there.remove(&id);
        let same = summary.as_ref().is_some_and(|summary| *summary == holds.together(&here));
        if same || (here.is_empty() && summary.is_none()) {
            continue;
        }
        let remote = target.digests(id).await?;
        for (message, digest) in &here {
            let list = match remote.get(message) {
                Some(other) if other == digest => continue,
                Some(_) => &mut compared.different,
                None => &mut compared.missing,
            };
            if list.len() < LISTED {
                list.push(*message);
            }
            if repair {
                put(memory, &mut mend, *message, now, i64::MAX)?;
            }
        }
        for message in remote.keys().filter(|id| !here.contains_key(id)) {
            odd(memory, &mut compared, &mut mend, *message, repair)?;
        }
        if mend.messages.len() >= LINES {
            compared.repaired += send(memory, target, &mut mend, now).await?;
        }
    }
    // Conversations that are there only.
    for id in there.keys() {
        for message in target.digests(*id).await?.keys() {
            odd(memory, &mut compared, &mut mend, *message, repair)?;
        }
    }
    compared.repaired += send(memory, target, &mut mend, now).await?;
    Ok(compared)
}

/// A message that is there and not here.
fn odd(memory: &Memory, compared: &mut Compared, mend: &mut Page, id: MessageId, repair: bool) -> Result<()> {
    match memory.standing(id)? {
        Standing::Forgotten(at, reason) => {
            compared.undead.push(id);
            if repair {
                mend.forgotten.push((id, at, reason));
            }
        }
        Standing::Hidden => {
            compared.undead.push(id);
            if repair {
                mend.hidden.push(id);
            }
        }
        Standing::Gone | Standing::Here(_) => compared.extra += 1,
    }
    Ok(())
}

async fn send(memory: &Memory, target: &mut impl Target, mend: &mut Page, now: Timestamp) -> Result<u64> {
    let page = std::mem::replace(mend, Page { mends: true, ..Page::default() });
    if page.is_empty() {
        return Ok(0);
    }
    let sent = (page.messages.len() + page.hidden.len() + page.forgotten.len()) as u64;
    let parked = deliver(memory, target, page, now, MOST_PARKED).await?;
    Ok(sent - parked.min(sent))
}
