//! How a browser gets in without the token on a command line: a ticket that is good once and for a minute, for which the page is given a
//! key of its own. Keys are forgotten when the process ends or the token is replaced.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::token::Token;
use crate::domain::ContentHash;
use crate::domain::hash::{hex, random_32};

/// A ticket is good for so long.
const TICKET_AGE: Duration = Duration::from_mins(1);
/// Tickets that wait, and keys that are known; the oldest give way.
const TICKETS: usize = 16;
const KEYS: usize = 64;

/// Tickets and keys of one server. Only their hashes are kept.
#[derive(Debug)]
pub(super) struct Doors {
    token: Token,
    tickets: Mutex<VecDeque<(ContentHash, Instant)>>,
    /// Each with the token in force when it was given out.
    keys: Mutex<VecDeque<(ContentHash, ContentHash)>>,
}

impl Doors {
    /// No ticket and no key.
    pub(super) fn new(token: Token) -> Self {
        Self { token, tickets: Mutex::default(), keys: Mutex::default() }
    }

    /// A new ticket.
    pub(super) fn ticket(&self) -> String {
        let ticket = hex(&random_32());
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.push_back((ContentHash::of(&ticket), Instant::now()));
        if tickets.len() > TICKETS {
            tickets.pop_front();
        }
        ticket
    }

    /// The key for a ticket, which is void from then on; `None` for one that is not known or too old.
    pub(super) fn redeem(&self, ticket: &str) -> Option<String> {
        let hash = ContentHash::of(ticket);
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tickets.iter().position(|(known, _)| *known == hash)?;
        let (_, made) = tickets.remove(place)?;
        drop(tickets);
        if made.elapsed() > TICKET_AGE {
            return None;
        }
        let key = hex(&random_32());
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.push_back((ContentHash::of(&key), self.token.hash()));
        if keys.len() > KEYS {
            keys.pop_front();
        }
        Some(key)
    }

    /// Whether this is the token, or a key that was given out while it was in force.
    pub(super) fn opens(&self, text: &str) -> bool {
        let pair = (ContentHash::of(text), self.token.hash());
        self.token.is(text) || self.keys.lock().unwrap_or_else(PoisonError::into_inner).contains(&pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_a_key_as_long_as_the_token() {
        let token = Token::new("secret");
        let doors = Doors::new(token.clone());
        assert!(doors.opens("secret") && !doors.opens("other"));
        let ticket = doors.ticket();
        assert!(!doors.opens(&ticket));
        let key = doors.redeem(&ticket).unwrap();
        assert!(doors.opens(&key) && doors.redeem(&ticket).is_none() && doors.redeem("made up").is_none());
        token.replace(&Token::new("another"));
        assert!(!doors.opens(&key) && doors.opens("another"));
    }

    #[test]
    fn the_oldest_give_way() {
        let doors = Doors::new(Token::new("secret"));
        let first = doors.ticket();
        (0..TICKETS).for_each(|_| drop(doors.ticket()));
        assert!(doors.redeem(&first).is_none());
        let key = doors.redeem(&doors.ticket()).unwrap();
        (0..KEYS).for_each(|_| drop(doors.redeem(&doors.ticket())));
        assert!(!doors.opens(&key));
    }
}
