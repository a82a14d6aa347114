//! The rules of requests: what is sent when, which answer belongs to which, and how each one ends. As npm/request-rules.ts.

use std::collections::{BTreeMap, VecDeque};

use super::super::connection::SocketId;
use super::super::{Instant, Json};
use super::io::{Fate, Handed, Output, RequestFailure, RequestId};
use super::matching::{Id, IdType, fits, with_id};
use super::options::RequestOptions;
use crate::error::{Problem, SendError};

/// The next id of all that have one: servers want them to grow.
#[derive(Debug)]
pub(super) struct NextId(pub(super) i64);

/// New ids, which no request has.
pub(super) struct Ids<'a> {
    pub(super) next: &'a mut NextId,
    pub(super) requests: &'a Requests,
}

impl Ids<'_> {
    pub(super) fn take(&mut self, id_type: IdType) -> Id {
        self.next.take(id_type, |id| self.requests.is_taken(id))
    }
}

impl NextId {
    fn take(&mut self, id_type: IdType, is_taken: impl Fn(&Id) -> bool) -> Id {
        loop {
            let number = self.0;
            self.0 += 1;
            let id = match id_type {
                IdType::Number => Id::Number(number),
                IdType::Text => Id::Text(number.to_string()),
            };
            // The app may have chosen that one.
            if !is_taken(&id) {
                return id;
            }
        }
    }
}

/// Why all requests end.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    UserChanged,
    Closed(Option<Problem>),
}

/// A request that has not ended, or one whose answer may still come.
#[derive(Debug)]
struct Request {
    message: Json,
    options: RequestOptions,
    /// Its id, if that is the app's.
    own: Option<Id>,
    id: Option<Id>,
    handed: Option<Handed>,
    /// The connection that has it.
    on: Option<SocketId>,
    deadline: Option<Instant>,
    was_sent: bool,
}

impl Request {
    fn fate(&self) -> Fate {
        if self.was_sent { Fate::MaybeArrived } else { Fate::NeverSent }
    }

    /// The answer, or the refusal, if it is one of them.
    fn answered_by(&self, message: &Json, from: SocketId) -> Option<Result<Json, RequestFailure>> {
        let id = self.id.as_ref().filter(|_| self.on.unwrap_or(from) == from)?;
        if fits(self.options.error.as_ref(), message, Some(id)) {
            return Some(Err(RequestFailure::Refused(message.clone())));
        }
        let is_reply = match &self.options.reply {
            Some(reply) => reply.fits(message, Some(id)),
            // The id is where the request has it.
            None => {
                message.at(&self.options.id).and_then(|found| Id::of(&found)).is_some_and(|found| found.is_like(id))
            }
        };
        is_reply.then(|| Ok(message.clone()))
    }

    fn has_id(&self, id: &Id) -> bool {
        self.id.as_ref().or(self.own.as_ref()).is_some_and(|own| own.is_like(id))
    }
}

#[derive(Debug)]
pub(super) struct Requests {
    most: usize,
    requests: BTreeMap<RequestId, Request>,
    /// Those that have ended without an answer, which may still come.
    late: VecDeque<(RequestId, Request)>,
    /// The connection that serves.
    present: Option<SocketId>,
    pub(super) outputs: VecDeque<Output>,
}

impl Requests {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, requests: BTreeMap::new(), late: VecDeque::new(), present: None, outputs: VecDeque::new() }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.requests.values().filter_map(|request| request.deadline).min()
    }

    /// Sends a request, or keeps it until there is a connection.
    /// `is_of_room`: whether a subscription has an id.
    pub(super) fn add(
        &mut self,
        request: RequestId,
        message: Json,
        options: RequestOptions,
        next_id: &mut NextId,
        is_of_room: impl Fn(&Id) -> bool,
    ) {
        match self.checked(&message, &options, is_of_room) {
            Ok(own) => {
                let (id, handed, on, deadline, was_sent) = (None, None, None, None, false);
                let made = Request { message, options, own, id, handed, on, deadline, was_sent };
                self.requests.insert(request, made);
                if self.present.is_some() {
                    self.send(request, next_id);
                }
            }
            Err(failure) => self.outputs.push_back(Output::Answered { request, result: Err(failure) }),
        }
    }

    /// The app's own id, if there is one.
    fn checked(
        &self,
        message: &Json,
        options: &RequestOptions,
        is_of_room: impl Fn(&Id) -> bool,
    ) -> Result<Option<Id>, RequestFailure> {
        if self.requests.len() >= self.most {
            return Err(RequestFailure::TooMany);
        }
        if !message.has_places() {
            return Err(RequestFailure::Id);
        }
        let Some(own) = message.at(&options.id).filter(|own| !own.is_null()) else { return Ok(None) };
        let own = Id::of(&own).ok_or(RequestFailure::Id)?;
        if self.is_taken(&own) || is_of_room(&own) { Err(RequestFailure::IdTaken) } else { Ok(Some(own)) }
    }

    fn send(&mut self, number: RequestId, next_id: &mut NextId) {
        let Some(request) = self.requests.get(&number) else { return };
        let id_type = request.options.id_type;
        let id = request.own.clone().unwrap_or_else(|| next_id.take(id_type, |id| self.is_taken(id)));
        let Some(request) = self.requests.get_mut(&number) else { return };
        let message = match request.own {
            Some(_) => request.message.clone(),
            None => with_id(Some(&request.message), &request.options.id, &id.json()),
        };
        request.id = Some(id);
        // Until the driver says more, which is at once.
        request.handed = Some(Handed::Queued);
        self.outputs.push_back(Output::Send { request: number, message });
    }

    /// Whether an answer with this id would be another request's.
    fn is_taken(&self, id: &Id) -> bool {
        self.requests.values().chain(self.late.iter().map(|(_, late)| late)).any(|other| other.has_id(id))
    }

    /// What was handed to the socket has come so far.
    pub(super) fn handed(&mut self, now: Instant, number: RequestId, result: Result<Handed, SendError>) {
        if let Some((_, late)) = self.late.iter_mut().find(|(late, _)| *late == number) {
            late.handed = result.ok();
            return self.progress(now);
        }
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.handed = result.ok();
        if let Err(error) = result {
            self.settle(number, Err(RequestFailure::Send(error)));
        }
        self.progress(now);
    }

    /// A connection serves: what waits is sent.
    pub(super) fn connected(&mut self, now: Instant, socket: SocketId, next_id: &mut NextId) {
        self.present = Some(socket);
        for number in self.numbers() {
            if self.requests.get(&number).is_some_and(|request| request.handed.is_none()) {
                self.send(number, next_id);
            }
        }
        self.progress(now);
    }

    /// Nothing serves any more.
    pub(super) fn lost(&mut self) {
        self.present = None;
    }

    fn numbers(&self) -> Vec<RequestId> {
        self.requests.keys().copied().collect()
    }

    /// What was handed to the socket may have been sent, or dropped.
    fn progress(&mut self, now: Instant) {
        let mut dropped = Vec::new();
        for (number, request) in &mut self.requests {
            match request.handed {
                Some(Handed::Dropped) => dropped.push(*number),
                Some(Handed::Sent | Handed::Unconfirmed) if request.on.is_none() => {
                    request.was_sent = true;
                    request.on = self.present;
                    let timeout = request.options.timeout.filter(|timeout| timeout.as_millis() > 0);
                    request.deadline = timeout.map(|timeout| now.after(timeout));
                }
                Some(Handed::Sent | Handed::Unconfirmed | Handed::Queued) | None => {}
            }
        }
        for number in dropped {
            self.lose(number);
        }
    }

    /// A connection has ended: what was asked on it is sent again, or fails.
    pub(super) fn gone(&mut self, socket: SocketId, next_id: &mut NextId) {
        if self.present == Some(socket) {
            self.present = None;
        }
        self.late.retain_mut(|(_, late)| {
            if late.on != Some(socket) {
                return true;
            }
            late.on = None;
            late.handed.is_some_and(Handed::may_change)
        });
        for number in self.numbers() {
            let Some(request) = self.requests.get_mut(&number) else { continue };
            if request.on != Some(socket) {
                continue;
            }
            (request.on, request.deadline) = (None, None);
            // The socket itself sends it again.
            if request.handed.is_some_and(Handed::may_change) {
                continue;
            }
            if !request.options.resend {
                self.lose(number);
                continue;
            }
            request.handed = None;
            if self.present.is_some() {
                self.send(number, next_id);
            }
        }
    }

    /// Time has passed.
    pub(super) fn timeout(&mut self, now: Instant) {
        for number in self.numbers() {
            let Some(request) = self.requests.get(&number) else { continue };
            if request.deadline.is_some_and(|deadline| deadline <= now) {
                let failure = RequestFailure::TimedOut(request.options.timeout.unwrap_or_default());
                self.settle(number, Err(failure));
            }
        }
    }

    /// All end.
    pub(super) fn end(&mut self, end: End) {
        self.lost();
        for number in self.numbers() {
            let Some(fate) = self.requests.get(&number).map(Request::fate) else { continue };
            let failure = match end {
                End::UserChanged => RequestFailure::UserChanged(fate),
                End::Closed(Some(problem)) => RequestFailure::Ended(problem, fate),
                End::Closed(None) => RequestFailure::Closed(fate),
            };
            self.settle(number, Err(failure));
        }
        self.late.clear();
    }

    /// Whether a message answers a request, now or too late.
    pub(super) fn answers(&mut self, message: &Json, from: SocketId) -> bool {
        let answered = |(number, request): (&RequestId, &Request)| {
            request.answered_by(message, from).map(|result| (*number, result))
        };
        if let Some((number, result)) = self.requests.iter().find_map(answered) {
            self.settle(number, result);
            return true;
        }
        let late = self.late.iter().position(|(_, late)| late.answered_by(message, from).is_some());
        late.is_some_and(|place| self.late.remove(place).is_some())
    }

    fn lose(&mut self, number: RequestId) {
        if let Some(fate) = self.requests.get(&number).map(Request::fate) {
            self.settle(number, Err(RequestFailure::Lost(fate)));
        }
    }

    fn settle(&mut self, number: RequestId, result: Result<Json, RequestFailure>) {
        let was_answered = matches!(result, Ok(_) | Err(RequestFailure::Refused(_)));
        self.forget(number, was_answered);
        self.outputs.push_back(Output::Answered { request: number, result });
    }

    /// The app waits no more.
    pub(super) fn abort(&mut self, number: RequestId) {
        self.forget(number, false);
    }

    fn forget(&mut self, number: RequestId, was_answered: bool) {
        let Some(request) = self.requests.remove(&number) else { return };
        let may_come = request.on.is_some() || request.handed.is_some_and(Handed::may_change);
        if may_come && !was_answered {
            self.late.push_back((number, request));
        }
        if self.late.len() > self.most {
            self.late.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Millis;
    use crate::proto::test_json::json;

    fn asked(message: &str, options: RequestOptions) -> (Requests, Vec<Output>) {
        let mut requests = Requests::new(10);
        let (socket, now, mut ids) = (SocketId::new(1), Instant::from_millis(0), NextId(1));
        requests.connected(now, socket, &mut ids);
        requests.add(RequestId(1), json(message), options, &mut ids, |_| false);
        requests.handed(now, RequestId(1), Ok(Handed::Sent));
        let outputs = requests.outputs.drain(..).collect();
        (requests, outputs)
    }

    #[test]
    fn an_answer_has_its_id_where_the_request_has_it_also_in_an_array() {
        let options = RequestOptions { id: "0".to_owned(), ..RequestOptions::default() };
        let (mut requests, outputs) = asked(r#"[null, "ask"]"#, options);
        let [Output::Send { message, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(message.print(), r#"[1,"ask"]"#);
        assert!(!requests.answers(&json(r#"[2, "answer"]"#), SocketId::new(1)));
        assert!(requests.answers(&json(r#"["1", "answer"]"#), SocketId::new(1)));
    }

    #[test]
    fn an_array_does_not_grow_without_bound_for_an_id() {
        let options = RequestOptions { id: u64::MAX.to_string(), ..RequestOptions::default() };
        let (_, outputs) = asked("[1]", options);
        let [Output::Send { message, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(message.print(), "[1]");
    }

    #[test]
    fn without_a_time_limit_or_with_one_of_zero_a_request_waits_as_long_as_its_connection() {
        for timeout in [None, Some(Millis::from_millis(0))] {
            let (requests, _) = asked("{}", RequestOptions { timeout, ..RequestOptions::default() });
            assert_eq!(requests.poll_timeout(), None);
        }
    }
}
