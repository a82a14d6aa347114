//! Tickets: 256 random bits, kept as a hash, good once, for one Origin, for a short time.
//!
//! A ticket is taken by removal, so that of many that race exactly one gets it, and it is gone even if a later check
//! fails.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::token::random_text;

#[derive(Debug)]
struct Ticket {
    user: String,
    origin: Option<String>,
    expires: Instant,
}

/// The outstanding tickets.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    outstanding: HashMap<[u8; 32], Ticket>,
    /// Put behind every ticket, to try odd characters on the way.
    pub(crate) suffix: String,
    /// A store that is down issues no tickets and accepts none.
    pub(crate) is_down: bool,
    careless: CarelessTickets,
}

/// What is not looked at: see [`Careless`](crate::Careless).
#[derive(Clone, Copy, Debug, Default)]
struct CarelessTickets {
    twice: bool,
    forever: bool,
    anywhere: bool,
}

impl Tickets {
    pub(crate) const fn be_careless(&mut self, twice: bool, forever: bool, anywhere: bool) {
        self.careless = CarelessTickets { twice, forever, anywhere };
    }

    pub(crate) fn issue(&mut self, user: &str, origin: Option<String>, life: Duration) -> Option<String> {
        if self.is_down {
            return None;
        }
        let now = Instant::now();
        if !self.careless.forever {
            self.outstanding.retain(|_, ticket| ticket.expires > now);
        }
        let text = format!("{}{}", random_text(), self.suffix);
        self.outstanding.insert(hash(&text), Ticket { user: user.to_owned(), origin, expires: now + life });
        Some(text)
    }

    /// Takes a ticket and returns its user.
    pub(crate) fn take(&mut self, text: &str, origin: Option<&str>) -> Option<String> {
        if self.is_down {
            return None;
        }
        let CarelessTickets { twice, forever, anywhere } = self.careless;
        let ticket = self.outstanding.remove(&hash(text))?;
        let is_from_same_page = anywhere || ticket.origin.is_none() || ticket.origin.as_deref() == origin;
        let is_good = is_from_same_page && (forever || ticket.expires > Instant::now());
        let user = ticket.user.clone();
        if twice {
            self.outstanding.insert(hash(text), ticket);
        }
        is_good.then_some(user)
    }

    pub(crate) fn clear(&mut self) {
        self.outstanding.clear();
    }

    /// Logout ends what was issued before.
    pub(crate) fn forget_user(&mut self, user: &str) {
        self.outstanding.retain(|_, ticket| ticket.user != user);
    }
}

/// Session keys (S6): as tickets, but good for any number of sockets until their time has come.
#[derive(Debug, Default)]
pub(crate) struct SessionKeys(HashMap<[u8; 32], (String, Instant)>);

impl SessionKeys {
    pub(crate) fn issue(&mut self, user: &str, life: Duration) -> String {
        let key = random_text();
        self.0.insert(hash(&key), (user.to_owned(), Instant::now() + life));
        key
    }

    pub(crate) fn forget_user(&mut self, user: &str) {
        self.0.retain(|_, (owner, _)| owner != user);
    }

    pub(crate) fn user_of(&self, key: &str) -> Option<String> {
        self.0.get(&hash(key)).filter(|(_, end)| *end > Instant::now()).map(|(user, _)| user.clone())
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn case_31_a_ticket_is_good_once() {
        let mut tickets = Tickets::default();
        let ticket = tickets.issue("maggie", None, MINUTE).unwrap();
        assert_eq!(tickets.take(&ticket, None), Some("maggie".to_owned()));
        assert_eq!(tickets.take(&ticket, None), None);
        assert_eq!(tickets.take("never issued", None), None);
    }

    #[test]
    fn case_33_a_ticket_ends_with_its_time() {
        let mut tickets = Tickets::default();
        let ticket = tickets.issue("maggie", None, Duration::ZERO).unwrap();
        assert_eq!(tickets.take(&ticket, None), None);
    }

    #[test]
    fn a_session_key_opens_sockets_until_its_time_has_come() {
        let mut keys = SessionKeys::default();
        let (good, ended) = (keys.issue("maggie", MINUTE), keys.issue("maggie", Duration::ZERO));
        assert_eq!(keys.user_of(&good).as_deref(), Some("maggie"));
        assert_eq!(keys.user_of(&good).as_deref(), Some("maggie"));
        assert_eq!((keys.user_of(&ended), keys.user_of("never issued")), (None, None));
    }

    #[test]
    fn case_38_a_ticket_is_good_for_the_page_that_asked() {
        let mut tickets = Tickets::default();
        let page = Some("http://localhost:4200");
        let issue = |tickets: &mut Tickets| tickets.issue("maggie", page.map(str::to_owned), MINUTE).unwrap();
        let ticket = issue(&mut tickets);
        assert_eq!(tickets.take(&ticket, Some("http://localhost:4300")), None);
        assert_eq!(tickets.take(&ticket, page), None, "a failed try has used it up");
        let ticket = issue(&mut tickets);
        assert_eq!(tickets.take(&ticket, page), Some("maggie".to_owned()));
    }

    #[test]
    fn case_39_logout_ends_outstanding_tickets() {
        let mut tickets = Tickets::default();
        let [hers, his] = ["maggie", "bob"].map(|user| tickets.issue(user, None, MINUTE).unwrap());
        tickets.forget_user("maggie");
        assert_eq!(tickets.take(&hers, None), None);
        assert_eq!(tickets.take(&his, None), Some("bob".to_owned()));
    }

    #[test]
    fn case_42_a_store_that_is_down_issues_nothing_and_admits_nobody() {
        let mut tickets = Tickets::default();
        let ticket = tickets.issue("maggie", None, MINUTE).unwrap();
        tickets.is_down = true;
        assert_eq!(tickets.issue("maggie", None, MINUTE), None);
        assert_eq!(tickets.take(&ticket, None), None);
    }
}
