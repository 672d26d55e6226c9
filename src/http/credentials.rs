//! Credentials of browsers: a ticket, valid once and for one minute, is exchanged for a session key of the page, so
//! that the token never appears on a command line. Keys become invalid when the process ends or the token of the scope
//! admin is replaced.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::token::{Scope, TokenSet};
use crate::domain::ContentHash;
use crate::domain::hash::{random_key, to_hex};

/// Lifetime of a ticket.
const TICKET_AGE: Duration = Duration::from_mins(1);
/// Maximum number of unused tickets and of valid keys; the oldest are evicted.
const MAX_TICKETS: usize = 16;
const MAX_KEYS: usize = 64;

/// What a request may do, by the token or key that it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) scope: Scope,
    /// True for a session key of the page, which cannot get tickets: it ends with its tab.
    pub(super) is_key: bool,
}

/// Tokens, tickets and session keys of one server. Only their hashes are kept.
#[derive(Debug)]
pub(super) struct Credentials {
    tokens: TokenSet,
    tickets: Mutex<VecDeque<(ContentHash, Instant)>>,
    /// Hash of each key, with the hash of the admin token in force when it was issued.
    keys: Mutex<VecDeque<(ContentHash, Option<ContentHash>)>>,
}

impl Credentials {
    /// Creates credentials with no ticket and no key.
    pub(super) fn new(tokens: TokenSet) -> Self {
        Self { tokens, tickets: Mutex::default(), keys: Mutex::default() }
    }

    /// Issues a new ticket.
    pub(super) fn issue_ticket(&self) -> String {
        let ticket = to_hex(&random_key());
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.push_back((ContentHash::of_text(&ticket), Instant::now()));
        if tickets.len() > MAX_TICKETS {
            tickets.pop_front();
        }
        ticket
    }

    /// Exchanges a ticket for a session key and invalidates the ticket. `None` if it is unknown or has expired.
    pub(super) fn exchange_ticket(&self, ticket: &str) -> Option<String> {
        let hash = ContentHash::of_text(ticket);
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tickets.iter().position(|(known, _)| *known == hash)?;
        let (_, made) = tickets.remove(place)?;
        drop(tickets);
        if made.elapsed() > TICKET_AGE {
            return None;
        }
        let key = to_hex(&random_key());
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.push_back((ContentHash::of_text(&key), self.tokens.admin_hash()));
        if keys.len() > MAX_KEYS {
            keys.pop_front();
        }
        Some(key)
    }

    /// Returns what a token, or a key issued under the admin token that is still in force, allows.
    pub(super) fn find_grant(&self, text: &str) -> Option<Grant> {
        if let Some(scope) = self.tokens.scope_of(text) {
            return Some(Grant { scope, is_key: false });
        }
        let pair = (ContentHash::of_text(text), self.tokens.admin_hash());
        let is_key = self.keys.lock().unwrap_or_else(PoisonError::into_inner).contains(&pair);
        is_key.then_some(Grant { scope: Scope::Admin, is_key })
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::rotate_token;
    use super::*;
    use crate::config::Paths;

    #[test]
    fn a_ticket_is_good_once_and_a_key_as_long_as_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve_home(Some(folder.path().join("home"))).unwrap();
        let tokens = TokenSet::load_or_create(&paths).unwrap();
        let doors = Credentials::new(tokens.clone());
        let token = std::fs::read_to_string(Scope::Admin.token_file(&paths)).unwrap();
        let granted = doors.find_grant(token.trim());
        assert_eq!(granted, Some(Grant { scope: Scope::Admin, is_key: false }));
        let ticket = doors.issue_ticket();
        assert_eq!((doors.find_grant(&ticket), doors.find_grant("other")), (None, None));
        let key = doors.exchange_ticket(&ticket).unwrap();
        assert_eq!(doors.find_grant(&key), Some(Grant { scope: Scope::Admin, is_key: true }));
        assert!(doors.exchange_ticket(&ticket).is_none() && doors.exchange_ticket("made up").is_none());
        rotate_token(&paths, Scope::Metrics).unwrap();
        tokens.reload_files().unwrap();
        assert!(doors.find_grant(&key).is_some(), "the token of another scope is another matter");
        rotate_token(&paths, Scope::Admin).unwrap();
        tokens.reload_files().unwrap();
        assert_eq!((doors.find_grant(&key), doors.find_grant(token.trim())), (None, None));
    }

    #[test]
    fn the_oldest_give_way() {
        let doors = Credentials::new(TokenSet::with_admin_token("secret"));
        let first = doors.issue_ticket();
        (0..MAX_TICKETS).for_each(|_| drop(doors.issue_ticket()));
        assert!(doors.exchange_ticket(&first).is_none());
        let key = doors.exchange_ticket(&doors.issue_ticket()).unwrap();
        (0..MAX_KEYS).for_each(|_| drop(doors.exchange_ticket(&doors.issue_ticket())));
        assert!(doors.find_grant(&key).is_none());
    }
}
