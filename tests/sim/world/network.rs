//! The network of the simulation and what happens at its ends: latency, loss, and the server's side of each socket.

use super::*;

impl World {
    pub(super) fn later(&mut self, happening: SimEvent) {
        let mut at = self.millis + self.rng.u64(self.net.min_ms..=self.net.max_ms);
        if matches!(happening, SimEvent::Steal { .. }) {
            at = self.millis + Self::steal_delay();
        }
        if let SimEvent::StoreOp { tab, .. } = happening {
            at = self.millis + self.rng.u64(0..=self.shared.slowness);
            let is_of_tab = |other: &SimEvent| matches!(other, SimEvent::StoreOp { tab: other, .. } if *other == tab);
            at = at.max(self.last(is_of_tab));
        }
        // A socket keeps its order; HTTP answers may overtake each other.
        if let Some(key) = socket_of(&happening) {
            at = at.max(self.last(|other| socket_of(other) == Some(key)));
        }
        self.sequence += 1;
        self.queue.insert((at, self.sequence), happening);
    }

    /// When the last of these happens.
    fn last(&self, is_it: impl Fn(&SimEvent) -> bool) -> u64 {
        self.queue.iter().filter(|(_, other)| is_it(other)).map(|((at, _), _)| *at).max().unwrap_or(0)
    }

    pub(super) fn is_lost(&mut self) -> bool {
        self.rng.u8(0..100) < self.net.loss
    }

    pub(super) fn happen(&mut self, happening: SimEvent) {
        match happening {
            // Everything in flight is lost with its tab.
            SimEvent::HttpArrives { who: Who::Session(tab), .. } if !self.tabs[tab].is_alive => {}
            SimEvent::HttpArrives { who, request, http } => {
                if !self.server.is_up || self.is_lost() {
                    // Half of the failures are noticed at once, half never.
                    if self.rng.bool() {
                        self.later(SimEvent::HttpAnswer { who, request, result: Err(NoAnswer::Failed) });
                    }
                } else if let Some(answer) = self.server.http(&http)
                    && !self.is_lost()
                {
                    self.later(SimEvent::HttpAnswer { who, request, result: Ok(answer) });
                } else {
                    self.server.may_lose |= http.url.ends_with("refresh");
                }
            }
            SimEvent::HttpAnswer { who, request, result } => match who {
                Who::Session(tab) => {
                    // A tab that seemed dead has lost the lock. The answer still arrives.
                    self.tabs[tab].refreshes.remove(&request);
                    if self.tabs[tab].requests.get(&request) == Some(&true) {
                        self.server.was_answered(&result);
                    }
                    self.session_input_in(tab, session::Input::Http { request, result });
                }
                Who::Connection(line) => {
                    self.lines[line].requests.remove(&request);
                    self.line_input(line, Input::Http { request, result });
                }
            },
            SimEvent::AppAnswers { line, request, question, socket, token } => {
                if self.app_hangs {
                    return;
                }
                // Nobody waits any more.
                if !self.lines[line].requests.remove(&request) {
                    return;
                }
                let answer = match question {
                    _ if self.rng.u8(0..100) < self.app_fails => None,
                    Question::Address => Some(json(r#"{"url":"wss://api.test/channel/","protocols":[]}"#)),
                    Question::Connected => {
                        let peer = socket.and_then(|socket| self.lines[line].peers.get_mut(&socket));
                        peer.expect("a socket for the words").heard_words = true;
                        Some(json("null"))
                    }
                    Question::FirstMessage => {
                        let token = token.unwrap_or_default();
                        Some(json(&format!(r#"[{{"token":"{token}"}}]"#)))
                    }
                };
                self.line_input(line, Input::Answered { request, answer });
            }
            SimEvent::Dial { line, socket, url } => {
                if !self.server.is_up {
                    return self.later(SimEvent::Closed { line, socket, code: 1006 });
                }
                match self.server.handshake(&url) {
                    Handshake::Hangs => {}
                    Handshake::Refused => self.later(SimEvent::Closed { line, socket, code: 1006 }),
                    Handshake::Accepted { user } => {
                        let kind = self.lines[line].kind;
                        let has_accepted =
                            matches!(kind, Kind::Anonymous | Kind::Query | Kind::QueryProbed | Kind::Ticket);
                        let peer = Peer { user, has_accepted, ..Peer::default() };
                        self.lines[line].peers.insert(socket, peer);
                        self.later(SimEvent::Opened { line, socket });
                        if kind == Kind::FirstMessageHello && !self.server.is_silent && !self.server.withholds_hello {
                            self.server_says(line, socket, Say::Text(r#"{"type":"auth_required"}"#.to_owned()));
                        }
                    }
                }
            }
            SimEvent::Opened { line, socket } => {
                if self.is_lost() {
                    if let Some(peer) = self.lines[line].peers.get_mut(&socket) {
                        peer.is_dead = true;
                    }
                } else {
                    let protocol = self.server.subprotocol.to_owned();
                    self.line_input(line, Input::SocketOpened { socket, protocol });
                }
            }
            SimEvent::ServerHears { line, socket, text } => self.server_hears(line, socket, text),
            SimEvent::Text { line, socket, text } => self.client_hears(line, socket, text),
            SimEvent::Told { tab, news } => self.session_input_in(tab, news),
            SimEvent::StoreOp { tab, op } => self.store_op(tab, op),
            SimEvent::Locked { tab, ask } => self.locked(tab, ask),
            SimEvent::Steal { tab, from } => self.steal(tab, from),
            SimEvent::Closed { line, socket, code } => {
                self.lines[line].open_sockets.remove(&socket);
                let reason = if code == 1006 { "" } else { self.server.goodbye };
                self.line_input(
                    line,
                    Input::SocketClosed { socket, code, reason: reason.to_owned(), was_clean: code != 1006 },
                );
            }
        }
    }

    fn server_hears(&mut self, line: usize, socket: SocketId, text: String) {
        let kind = self.lines[line].kind;
        let confirms = self.lines[line].confirms;
        let Some(peer) = self.lines[line].peers.get_mut(&socket) else { return };
        if peer.is_dead || self.server.is_silent {
            return;
        }
        if text == r#"{"type":"ping"}"# {
            assert!(peer.has_accepted || kind == Kind::FirstMessage, "a ping before the server accepted");
            self.server.log.pings += 1;
            if peer.has_accepted && self.server.pongs > 0 {
                for _ in 0..self.server.pongs {
                    self.server_says(line, socket, Say::Text(r#"{"type":"pong"}"#.to_owned()));
                }
            }
            return;
        }
        if peer.has_accepted && self.server.takes_again && text.starts_with('{') {
            self.server.log.authenticated_again += 1;
            let (user, say) = self.server.first_message(&text, true);
            assert!(user.is_some(), "a socket was authenticated again with a bad token");
            return self.server_says(line, socket, say.expect("an answer"));
        }
        if peer.has_accepted && confirms {
            let number = text.replace(|letter: char| !letter.is_ascii_digit(), "");
            let received = &mut self.lines[line].received_by_server;
            // This server knows what it has received. While it was silent it may have missed earlier messages and received later ones.
            if received.contains(&number) {
                self.server.log.repeated += 1;
            } else {
                received.push(number.clone());
            }
            if !self.server.withholds_acks {
                self.server_says(line, socket, Say::Text(format!(r#"{{"ack":{number}}}"#)));
            }
            return;
        }
        if peer.has_accepted {
            let number = |text: &String| text.parse::<u64>().expect("a number");
            let last = self.lines[line].received_by_server.last().map_or(0, number);
            // Without an ack, a refusal looks like a server that accepts, stays silent and closes.
            let is_told_apart = (kind != Kind::FirstMessage || !self.lines[line].was_closed_deliberately)
                // Two sockets keep no order between them.
                && !self.lines[line].hands_over;
            assert!(
                number(&text) > last || !is_told_apart,
                "a message arrived twice or out of order: {text} after {last}"
            );
            if self.server.answers {
                self.server_says(line, socket, Say::Text(format!("answer to {text}")));
            }
            return self.lines[line].received_by_server.push(text);
        }
        peer.heard_auth += 1;
        assert_eq!(peer.heard_auth, 1, "case_85: the first message is sent once per socket");
        let (user, say) = self.server.first_message(&text, kind != Kind::FirstMessage);
        peer.has_accepted = user.is_some();
        peer.user = user;
        if let Some(say) = say {
            let is_rejection = matches!(&say, Say::Text(text) if text.contains("auth_invalid"));
            self.server_says(line, socket, say);
            if is_rejection {
                self.server_says(line, socket, Say::Close(1005));
            }
        }
    }

    pub(super) fn client_hears(&mut self, line: usize, socket: SocketId, text: String) {
        let now = self.now_in(self.lines[line].tab).instant;
        if self.lines[line].lane.is_some_and(|(open, longest)| open == socket && text.len() <= longest) {
            let line = &mut self.lines[line];
            assert!(line.open_sockets.contains(&socket), "the lane of a socket that was left behind is open");
            line.passed.received += 1;
            line.passed.heard = Some(now);
            line.delivered.push(text);
            return;
        }
        self.lines[line].end_lane();
        match self.lines[line].machine.on_message(socket, now, text.len()) {
            Inbound::Deliver => {
                let line = &mut self.lines[line];
                assert!(
                    line.open_sockets.contains(&socket),
                    "a message of a socket that was left behind was delivered"
                );
                line.delivered.push(text);
            }
            Inbound::Ignore => {}
            Inbound::Inspect => {
                self.lines[line].inspected = Some(text.clone());
                self.line_input(line, Input::Inspected { socket, text: Some(&text) });
                self.lines[line].inspected = None;
            }
            Inbound::TooLong { length } => self.line_input(line, Input::TooLong { socket, length }),
        }
        self.drain(line);
    }
}

fn socket_of(happening: &SimEvent) -> Option<(usize, SocketId, bool)> {
    match happening {
        SimEvent::AppAnswers { .. }
        | SimEvent::HttpArrives { .. }
        | SimEvent::HttpAnswer { .. }
        | SimEvent::Told { .. }
        | SimEvent::StoreOp { .. }
        | SimEvent::Locked { .. }
        | SimEvent::Steal { .. } => None,
        SimEvent::Dial { line, socket, .. } | SimEvent::ServerHears { line, socket, .. } => {
            Some((*line, *socket, true))
        }
        SimEvent::Opened { line, socket }
        | SimEvent::Text { line, socket, .. }
        | SimEvent::Closed { line, socket, .. } => Some((*line, *socket, false)),
    }
}
