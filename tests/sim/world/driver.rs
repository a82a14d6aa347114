//! The driver of the simulation: performs outputs, feeds inputs, and asserts the invariants of the design as it goes.

use super::*;

impl World {
    pub(super) fn session_input(&mut self, input: session::Input) {
        self.session.handle_input(self.now(), input);
        while let Some(output) = self.session.poll_output() {
            match output {
                session::Output::AbortFetch { request } => {
                    self.refreshes.remove(&request);
                }
                session::Output::Changed { state, view } => {
                    self.session_states.push(state);
                    for line in 0..self.lines.len() {
                        self.line_input(line, Input::Session(view));
                    }
                }
                session::Output::Fetch { request, http } => {
                    let is_refresh = http.url.ends_with("refresh");
                    assert!(self.session_requests.insert(request, is_refresh).is_none(), "a request id was used twice");
                    if is_refresh {
                        self.refreshes.insert(request);
                        self.most_refreshes = self.most_refreshes.max(self.refreshes.len());
                        assert_eq!(self.refreshes.len(), 1, "at most one refresh in flight");
                    }
                    self.later(Happening::HttpArrives { who: Who::Session, request, http });
                }
                session::Output::LoginDone { result, .. } => self.logins.push(result.map_err(|failed| failed.error)),
                session::Output::Token { asker, want, result } => {
                    self.tokens_answered += 1;
                    self.line_input(asker.0 as usize, Input::Token { want, result });
                }
            }
        }
        if let Some(deadline) = self.session.poll_timeout() {
            let is_late = self.timer_grain > 1;
            assert!(is_late || deadline > self.now().instant, "a deadline in the past would be a loop");
        }
    }

    pub(super) fn line_input(&mut self, index: usize, input: Input<'_>) {
        let now = self.now();
        self.lines[index].machine.handle_input(now, input);
        self.drain(index);
        if let Some(deadline) = self.lines[index].machine.poll_timeout() {
            assert!(self.timer_grain > 1 || deadline >= now.instant, "a deadline in the past");
        }
    }

    fn drain(&mut self, index: usize) {
        while let Some(output) = self.lines[index].machine.poll_output() {
            self.perform(index, output);
        }
    }

    fn perform(&mut self, index: usize, output: Output) {
        let line = &mut self.lines[index];
        match output {
            Output::AbortFetch { request } => {
                line.requests.remove(&request);
            }
            Output::CloseSocket { socket, code, reason } => {
                line.hung_up.push((code, reason));
                line.left_behind.push(socket);
                line.open_sockets.remove(&socket);
                if let Some(peer) = line.peers.get_mut(&socket) {
                    peer.is_dead = true;
                }
            }
            Output::Discard { message } => {
                assert!(line.payloads.remove(&message).is_some(), "an unknown message was discarded");
            }
            Output::Event(event) => self.on_event(index, event),
            Output::Fetch { request, http } => {
                line.requests.insert(request);
                line.most_requests = line.most_requests.max(line.requests.len());
                assert_eq!(line.requests.len(), 1, "at most one ticket request in flight");
                assert!(line.open_sockets.is_empty(), "a ticket is fetched while a socket is open");
                line.presents(http.authorization.as_ref().map(|value| value.expose().replace("Bearer ", "")));
                self.later(Happening::HttpArrives { who: Who::Connection(index), request, http });
            }
            Output::Open { socket, handshake } => {
                line.open_sockets.insert(socket);
                line.most_sockets = line.most_sockets.max(line.open_sockets.len());
                assert_eq!(line.open_sockets.len(), 1, "at most one socket");
                let url = handshake.url.expose().to_owned();
                if let Some((_, ticket)) = url.split_once("?ticket=") {
                    assert!(self.dialled_tickets.insert(ticket.to_owned()), "a ticket is used at most once");
                }
                if let Some((_, token)) = url.split_once("?token=") {
                    line.presents(Some(token.to_owned()));
                }
                self.later(Happening::Dial { line: index, socket, url });
            }
            Output::Send { socket, message, keep } => {
                let note = if keep { line.payloads.get(&message).copied() } else { line.payloads.remove(&message) };
                let note =
                    note.unwrap_or_else(|| panic!("message {message:?} was handed over twice or after a discard"));
                self.hand_over(index, socket, note);
            }
            Output::SendText { socket, text, .. } => {
                let token = json(text.expose()).at("token").and_then(Json::as_text).map(str::to_owned);
                line.presents(token);
                self.later(Happening::ServerHears { line: index, socket, text: text.expose().to_owned() });
            }
            Output::Unwant => self.session_input(session::Input::Unwant { asker: Asker(index as u32) }),
            Output::Want { want, demand } => {
                let want = Want { asker: Asker(index as u32), want, demand };
                self.session_input(session::Input::Want(want));
            }
        }
    }

    pub(super) fn hand_over(&mut self, index: usize, socket: SocketId, note: Note) {
        let epoch = self.session.view().epoch;
        let line = &mut self.lines[index];
        assert_eq!(line.machine.socket(), Some(socket), "a message goes to the present socket");
        assert!(note.number > line.last_sent, "messages keep their order");
        line.last_sent = note.number;
        if line.kind != Kind::Anonymous {
            assert_eq!(note.epoch, epoch, "after logout nothing of the old user is sent");
        }
        if !matches!(line.kind, Kind::FirstMessage) {
            let peer = line.peers.get(&socket);
            assert!(peer.is_some_and(|peer| peer.has_accepted), "a message was sent before the server accepted");
        }
        self.later(Happening::ServerHears { line: index, socket, text: note.number.to_string() });
    }

    fn on_event(&mut self, index: usize, event: Event) {
        let now = self.now();
        let printed = format!("{event:?}");
        assert!(!printed.contains(MARK), "a credential in an event: {printed}");
        let line = &mut self.lines[index];
        line.order.push(match &event {
            Event::Closed { .. } => "closed".to_owned(),
            Event::Opened => "opened".to_owned(),
            Event::StateChanged(change) => format!("state {}", change.state.name()),
        });
        match event {
            Event::Closed { code, .. } => line.closed_events.push(code),
            Event::Opened => {
                line.opened += 1;
                let socket = line.machine.socket();
                let peer = socket.and_then(|socket| line.peers.get(&socket));
                let is_accepted = peer.is_some_and(|peer| peer.has_accepted || line.kind == Kind::FirstMessage);
                assert!(is_accepted, "connected means accepted");
            }
            Event::StateChanged(change) => {
                line.discarded += change.discarded;
                line.attempts.push(change.attempt);
                assert_ne!(change.reason.as_deref(), Some(""), "no reason is none");
                assert_eq!(change.retry_at, change.retry_in.map(|delay| now.unix.after(delay)));
                if let Some(problem) = change.problem {
                    if let Failure::Ticket(_) | Failure::TicketExpired | Failure::Token(_) = problem.failure {
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
                        // What the server has refused to hear is sent again.
                        line.last_sent = 0;
                    }
                    line.failures.push((problem.failure.code(), problem.disposition));
                }
                if let Some(delay) = change.retry_in {
                    line.waits.push(delay.as_millis() as u64);
                    assert!(delay.as_secs() <= 330, "a wait beyond every cap");
                }
            }
        }
    }
}
