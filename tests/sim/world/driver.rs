//! The driver of the simulation: performs outputs, feeds inputs, and asserts the invariants of the design as it goes. It keeps to the contract in
//! `gatepass::proto`, and its app calls back in from listeners.

use super::*;

/// Everything that a log would contain: case_115, over every schedule.
fn recorded(output: &impl std::fmt::Debug) {
    let line = format!("{output:?}");
    assert!(!line.contains(MARK), "a credential in a log line: {line}");
}

impl World {
    pub fn session_input_in(&mut self, tab: usize, input: session::Input) {
        let now = self.now_in(tab);
        self.tabs[tab].session.handle_input(now, input);
        if let Some(view) = self.tabs[tab].session.poll_user_change() {
            for line in self.lines_of(tab) {
                self.line_input(line, Input::Session(view));
            }
        }
        self.drain_session(tab);
        if let Some(deadline) = self.tabs[tab].session.poll_timeout() {
            assert!(self.is_late(tab) || deadline >= now.instant, "a deadline in the past would be a loop");
        }
    }

    /// Whether timers may fire late here.
    fn is_late(&self, tab: usize) -> bool {
        self.rang_late || self.tabs[tab].frozen_until > 0
    }

    pub(super) fn drain_session(&mut self, tab: usize) {
        if core::mem::replace(&mut self.tabs[tab].is_draining, true) {
            return;
        }
        while let Some(output) = self.tabs[tab].session.poll_output() {
            self.perform_session(tab, output);
        }
        self.tabs[tab].is_draining = false;
    }

    fn perform_session(&mut self, tab: usize, output: session::Output) {
        recorded(&output);
        match output {
            session::Output::AbortFetch { request } => {
                if self.tabs[tab].refreshes.remove(&request) {
                    self.server.may_lose = true;
                }
                self.tabs[tab].source.retain(|asked| *asked != request);
            }
            session::Output::Changed { state, view, error } => {
                if let Some(error) = error {
                    self.on_session_ended(tab, state, error);
                }
                self.tabs[tab].states.push(state);
                for line in self.lines_of(tab) {
                    self.line_input(line, Input::Session(view));
                }
                self.call_back(tab, None);
            }
            session::Output::Erase { over } => self.store_later(tab, StoreOp::Write(None, over)),
            session::Output::Due => {
                for line in self.lines_of(tab) {
                    self.line_input(line, Input::TokenDue);
                }
            }
            session::Output::Fetch { request, http } => {
                assert!(!http.url.contains(MARK), "a credential in a URL");
                let is_refresh = http.url.ends_with("refresh");
                let earlier = self.tabs[tab].requests.insert(request, is_refresh);
                assert!(earlier.is_none(), "a request id was used twice");
                if is_refresh {
                    self.tabs[tab].refreshes.insert(request);
                    self.check_refreshes();
                }
                self.later(SimEvent::HttpArrives { who: Who::Session(tab), request, http });
            }
            session::Output::GetToken { request, reason } => {
                self.tabs[tab].source.push_back(request);
                self.tabs[tab].source_reasons.push(reason);
            }
            session::Output::Lock { .. } => self.lock(tab),
            session::Output::LoggedOut => self.tell_others(tab, || session::Input::LoggedOut),
            session::Output::NotRestored { status } => {
                self.tell_others(tab, || session::Input::NotRestored { status });
            }
            session::Output::LoginDone { result, .. } => self.logins.push(result.map_err(|failed| failed.error)),
            session::Output::Read => self.store_later(tab, StoreOp::Read),
            session::Output::RenewalRefused(error) => self.tabs[tab].refusals.push(error),
            session::Output::Token { requester: APP, result, .. } => {
                let answer = result.map(|token| token.generation);
                self.tabs[tab].answers.push(answer);
            }
            session::Output::Token { requester, id, result } => {
                self.tokens_answered += 1;
                self.line_input(requester.0 as usize, Input::Token { id, result });
            }
            session::Output::Unlock => self.unlock(tab),
            session::Output::Write { record, over } => {
                let shown = format!("{record:?}");
                assert!(!shown.contains(MARK), "a credential in a record's debug text: {shown}");
                self.store_later(tab, StoreOp::Write(Some(record), over));
            }
        }
    }

    /// The app's own source of tokens answers a request.
    pub fn provide(&mut self, tab: usize, result: Result<session::Provided, session::NoToken>) {
        let request = self.tabs[tab].source.pop_front().expect("a question");
        self.session_input_in(tab, session::Input::Provided { request, result });
    }

    fn on_session_ended(&mut self, tab: usize, state: SessionState, error: TokenError) {
        assert_eq!(state, SessionState::Expired);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(MARK), "a credential in an error: {shown}");
        if let TokenError::RefreshRejected { .. } | TokenError::RefreshLost { .. } = error {
            assert!(self.server.may_lose, "a session was lost that the server holds valid");
        }
        self.tabs[tab].errors.push(error);
    }

    fn lines_of(&self, tab: usize) -> Vec<usize> {
        (0..self.lines.len()).filter(|line| self.lines[*line].tab == tab).collect()
    }

    pub(super) fn line_input(&mut self, index: usize, input: Input<'_>) {
        let now = self.now_in(self.lines[index].tab);
        self.lines[index].end_lane();
        self.lines[index].machine.handle_input(now, input);
        self.drain(index);
        if let Some(deadline) = self.lines[index].machine.poll_timeout() {
            let tab = self.lines[index].tab;
            assert!(self.is_late(tab) || deadline >= now.instant, "a deadline in the past");
        }
    }

    pub(super) fn drain(&mut self, index: usize) {
        if core::mem::replace(&mut self.lines[index].is_draining, true) {
            return;
        }
        while let Some(output) = self.lines[index].machine.poll_output() {
            self.perform(index, output);
        }
        self.lines[index].is_draining = false;
    }

    /// A listener of the app that sometimes calls the API.
    fn call_back(&mut self, tab: usize, line: Option<usize>) {
        if self.rng.u8(0..100) >= self.calls_back {
            return;
        }
        let lines = self.lines_of(tab);
        let Some(line) = line.or_else(|| lines.first().copied()) else { return };
        match self.rng.u8(0..7) {
            0 => self.logout_at(tab),
            1 => self.sign_in_at(tab, "bob"),
            2 => self.sign_in_at(tab, "maggie"),
            3 => self.close(line),
            4 => self.connect(line),
            _ => {
                self.send(line);
            }
        }
    }

    fn perform(&mut self, index: usize, output: Output) {
        recorded(&output);
        let line = &mut self.lines[index];
        match output {
            Output::AbortFetch { request } => {
                line.requests.remove(&request);
            }
            Output::Ask { request, question, socket, token, .. } => {
                assert!(line.requests.is_empty(), "at most one question or ticket request in flight");
                line.requests.insert(request);
                let token = token.map(|token| token.authorization.expose().replace("Bearer ", ""));
                self.later(SimEvent::AppAnswers { line: index, request, question, socket, token });
            }
            Output::CloseSocket { socket, code, reason } => {
                line.hung_up.push((code, reason));
                line.left_behind.push(socket);
                line.open_sockets.remove(&socket);
                if let Some(peer) = line.peers.get_mut(&socket) {
                    peer.is_dead = true;
                }
            }
            Output::Deliver { socket } => {
                let text = line.inspected.take().expect("a message that is inspected");
                assert!(
                    line.open_sockets.contains(&socket),
                    "a message of a socket that was left behind was delivered"
                );
                line.delivered.push(text);
            }
            Output::Discard { messages } => {
                for message in messages {
                    assert!(line.payloads.remove(&message).is_some(), "an unknown message was dropped");
                }
            }
            Output::Event(event) => {
                let calls_back = matches!(event, Event::Opened | Event::StateChanged(_));
                self.on_event(index, event);
                if calls_back {
                    self.call_back(self.lines[index].tab, Some(index));
                }
            }
            Output::Fetch { request, http } => {
                line.requests.insert(request);
                line.most_requests = line.most_requests.max(line.requests.len());
                assert_eq!(line.requests.len(), 1, "at most one ticket request in flight");
                assert!(line.open_sockets.is_empty() || line.hands_over, "a ticket is fetched while a socket is open");
                line.presents(http.authorization.as_ref().map(|value| value.expose().replace("Bearer ", "")));
                self.later(SimEvent::HttpArrives { who: Who::Connection(index), request, http });
            }
            Output::Lane { socket, longest } => line.lane = line.takes_lane.then_some((socket, longest)),
            Output::Open { socket, handshake } => {
                line.open_sockets.insert(socket);
                line.most_sockets = line.most_sockets.max(line.open_sockets.len());
                let most = if line.hands_over { 3 } else { 1 };
                assert!(line.open_sockets.len() <= most, "at most one socket, and at a handover its predecessors");
                let url = handshake.url.expose().to_owned();
                let may_hold_one = matches!(line.kind, Kind::Query | Kind::QueryProbed | Kind::Ticket);
                assert!(may_hold_one || !url.contains(MARK), "a credential in a URL that does not need it");
                if let Some((_, ticket)) = url.split_once("?ticket=") {
                    assert!(self.dialled_tickets.insert(ticket.to_owned()), "a ticket is used at most once");
                }
                if let Some((_, token)) = url.split_once("?token=") {
                    line.presents(Some(token.to_owned()));
                }
                self.later(SimEvent::Dial { line: index, socket, url });
            }
            Output::Send { socket, message } => {
                let note = line.payloads.get(&message).copied();
                let note = note.unwrap_or_else(|| panic!("message {message:?} was handed over after a discard"));
                self.hand_over(index, socket, note);
            }
            Output::SendText { socket, text, .. } => {
                let token = json(text.expose()).text_at("token");
                line.presents(token);
                self.later(SimEvent::ServerHears { line: index, socket, text: text.expose().to_owned() });
            }
            Output::CancelTokenRequest => {
                let tab = line.tab;
                self.session_input_in(tab, session::Input::CancelTokenRequest { requester: RequesterId(index as u32) });
            }
            Output::RequestToken { id, requirement } => {
                let tab = line.tab;
                let request = TokenRequest { requester: RequesterId(index as u32), id, requirement };
                self.session_input_in(tab, session::Input::RequestToken(request));
            }
        }
    }

    pub(super) fn hand_over(&mut self, index: usize, socket: SocketId, note: Note) {
        let user_epoch = self.tabs[self.lines[index].tab].session.view().user_epoch;
        let line = &mut self.lines[index];
        assert_eq!(line.machine.socket(), Some(socket), "a message goes to the present socket");
        assert!(note.number > line.last_sent, "messages keep their order");
        line.last_sent = note.number;
        if line.kind != Kind::Anonymous {
            assert_eq!(note.user_epoch, user_epoch, "after logout nothing of the old user is sent");
        }
        if !matches!(line.kind, Kind::FirstMessage) {
            let peer = line.peers.get(&socket);
            assert!(peer.is_some_and(|peer| peer.has_accepted), "a message was sent before the server accepted");
        }
        let has_words = line.peers.get(&socket).is_some_and(|peer| peer.heard_words);
        assert!(has_words || !line.asks.contains(&Question::Connected), "a message was sent before the app's words");
        let text = line.text_of(note.number);
        self.later(SimEvent::ServerHears { line: index, socket, text });
    }

    fn on_event(&mut self, index: usize, event: Event) {
        let now = self.now_in(self.lines[index].tab);
        let printed = format!("{event:?}");
        assert!(!printed.contains(MARK), "a credential in an event: {printed}");
        let line = &mut self.lines[index];
        if matches!(event, Event::HandedOver) {
            line.handovers += 1;
            return;
        }
        line.order.push(match &event {
            Event::HandedOver => "handover".to_owned(),
            Event::Closed { .. } => "closed".to_owned(),
            Event::Opened => "opened".to_owned(),
            Event::Message { status, .. } => format!("{status:?}"),
            Event::StateChanged(change) => format!("state {}", change.state.name()),
        });
        match event {
            Event::HandedOver => {}
            Event::Closed { code, .. } => line.closed_events.push(code),
            Event::Message { message, status } => line.on_fate(message, status),
            Event::Opened => {
                line.opened += 1;
                let socket = line.machine.socket();
                let peer = socket.and_then(|socket| line.peers.get(&socket));
                let is_accepted = peer.is_some_and(|peer| peer.has_accepted || line.kind == Kind::FirstMessage);
                assert!(is_accepted, "connected means accepted");
            }
            Event::StateChanged(change) => {
                line.error_events += usize::from(change.fires_error);
                for message in &change.unconfirmed {
                    let note = line.payloads.get(message);
                    let note = note.unwrap_or_else(|| panic!("{message:?} may not have arrived, and was dropped"));
                    line.unconfirmed.push(note.number);
                }
                if line.confirms && change.state != ConnectionState::Connected {
                    // Unconfirmed messages are sent again.
                    line.last_sent = 0;
                }
                line.dropped += change.dropped;
                line.attempts.push(change.attempt);
                line.suspended_for = change.suspended_for;
                assert_ne!(change.reason.as_deref(), Some(""), "no reason is none");
                assert_eq!(change.retry_at, change.retry_in.map(|delay| now.unix.after(delay)));
                if let Some(problem) = change.problem {
                    if let Failure::Callback(_) | Failure::Ticket(_) | Failure::TicketExpired | Failure::Token(_) =
                        problem.failure
                    {
                        assert_eq!(change.code, None, "a close code without a socket");
                    }
                    if problem.disposition == Disposition::RefreshToken {
                        let wait = change.retry_in.unwrap_or_default();
                        assert!(wait.as_millis() <= 1_000, "a renewed token is tried within a second, not {wait:?}");
                    }
                    let shown = format!("{} {:?}", problem.failure, problem);
                    assert!(!shown.contains(MARK), "a credential in an error: {shown}");
                    if problem.failure.disposition() == Disposition::RefreshToken
                        && let Some(token) = line.presented.take()
                    {
                        line.refused.insert(token);
                    }
                    if let Failure::Transport(_) = problem.failure {
                        let is_auth_code = problem.failure.disposition() == Disposition::RefreshToken;
                        assert!(
                            is_auth_code || problem.disposition != Disposition::SignIn,
                            "a loss never asks for sign-in"
                        );
                    }
                    if problem.failure.code() == "AUTH_REJECTED" {
                        // Messages after a refused first message are sent again.
                        line.last_sent = 0;
                    }
                    line.last_length = problem.failure.length();
                    line.failures.push((problem.failure.code(), problem.disposition));
                }
                if let Some(delay) = change.retry_in {
                    line.waits.push(delay.as_millis());
                    assert!(delay.as_millis() <= 330_000, "a wait beyond every cap");
                }
            }
        }
    }
}
