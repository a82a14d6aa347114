//! The actions of the app: sign-in and sign-out, connect, send and close, and the page's lifecycle.

use super::*;
use gatepass::proto::Millis;

impl World {
    pub fn sign_in(&mut self, user: &str) {
        self.sign_in_at(0, user);
    }

    pub fn sign_in_at(&mut self, tab: usize, user: &str) {
        let access = self.server.new_access(user);
        let refresh = self.server.has_refresh.then(|| Secret::new(self.server.new_refresh(user)));
        self.set_tokens_at(tab, &access, refresh);
    }

    pub fn set_tokens(&mut self, access: &str, refresh: Option<Secret>) {
        self.set_tokens_at(0, access, refresh);
    }

    fn set_tokens_at(&mut self, tab: usize, access: &str, refresh: Option<Secret>) {
        let input =
            session::Input::SetTokens { access: Secret::new(access.to_owned()), refresh, lifetime: Default::default() };
        self.session_input_in(tab, input);
    }

    pub fn login(&mut self, user: &str, password: &str) {
        self.login_at(0, user, password);
    }

    pub fn login_at(&mut self, tab: usize, user: &str, password: &str) {
        self.next_login += 1;
        let credentials = json(&format!(r#"{{"username":"{user}","password":"{password}"}}"#));
        self.session_input_in(
            tab,
            session::Input::Login { login: LoginId(self.next_login), credentials, endpoint: None },
        );
    }

    pub fn logout(&mut self) {
        self.logout_at(0);
    }

    pub fn logout_at(&mut self, tab: usize) {
        self.session_input_in(tab, session::Input::Logout);
    }

    pub fn connect(&mut self, line: usize) {
        self.line_input(line, Input::Connect);
    }

    pub fn close(&mut self, line: usize) {
        self.close_with(line, "bye");
    }

    pub fn close_with(&mut self, line: usize, reason: &str) {
        self.line_input(line, Input::Close { code: 1000, reason: reason.to_owned() });
    }

    /// Sends a numbered message. Returns whether it was accepted.
    pub fn send(&mut self, line: usize) -> bool {
        self.send_within(line, None)
    }

    /// The same with a time limit.
    pub fn send_within(&mut self, line: usize, ttl: Option<Millis>) -> bool {
        self.next_note += 1;
        let note =
            Note { number: self.next_note, user_epoch: self.tabs[self.lines[line].tab].session.view().user_epoch };
        let text = self.lines[line].text_of(note.number);
        let message = Outgo { text, instant: self.now_in(self.lines[line].tab).instant };
        let id = MessageId(note.number as u32);
        if let Some((socket, _)) = self.lines[line].lane {
            self.lines[line].payloads.insert(id, note);
            let message = PassedMessage { id, length: message.length(), at: message.instant() };
            self.lines[line].passed.sent += 1;
            self.lines[line].passed.doubted.push(message);
            self.hand_over(line, socket, note);
            return true;
        }
        match self.lines[line].machine.send(id, &message, ttl) {
            Ok(Sent::Now(socket) | Sent::Unconfirmed(socket)) => {
                self.lines[line].payloads.insert(id, note);
                self.hand_over(line, socket, note);
            }
            Ok(Sent::Queued) => {
                self.lines[line].payloads.insert(id, note);
            }
            Ok(Sent::Dropped) => {}
            Err(_) => return false,
        }
        self.drain(line);
        true
    }

    /// How many messages the driver still has.
    pub fn payloads_kept(&mut self, line: usize) -> usize {
        self.lines[line].end_lane();
        self.drain(line);
        self.lines[line].payloads.len()
    }

    /// Feeds an event of the browser for the present socket.
    pub fn socket_error(&mut self, line: usize) {
        let socket = self.lines[line].machine.socket().expect("a socket");
        self.line_input(line, Input::SocketError { socket });
    }

    pub fn socket_refused(&mut self, line: usize, is_supported: bool) {
        let socket = self.lines[line].machine.socket().expect("a socket");
        self.line_input(line, Input::SocketRefused { socket, is_supported });
    }

    /// Tells every connection of the first tab about a change of the page or the network.
    pub fn page(&mut self, event: PageEvent) {
        self.page_of(0, event);
    }

    pub fn page_of(&mut self, tab: usize, event: PageEvent) {
        for line in (0..self.lines.len()).filter(|line| self.lines[*line].tab == tab).collect::<Vec<_>>() {
            self.line_input(line, Input::Page(event));
        }
    }
}
