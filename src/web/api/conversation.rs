//! Carries what a conversation says, on the driver that the npm package has.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::{Rc, Weak};

use js_sys::{ArrayBuffer, Function, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::connection::{AuthSocket, Ears, Hooks, Outbox};
use super::session::Session;
use crate::conversation::{Command, Desk, Job};
use crate::error::ConfigError;
use crate::proto::connection::{ConnectionConfig, Event, Question, SocketId};
use crate::proto::contract::Numbered as _;
use crate::proto::conversation::Input;
use crate::proto::{Instant, Secret};

#[wasm_bindgen(module = "/src/web/app.js")]
extern "C" {
    fn instant() -> f64;
    /// A timer: a function of the delay, or of undefined, which stops it.
    #[wasm_bindgen(js_name = alarmOf)]
    fn alarm_of(call: &JsValue) -> Function;
}

fn now() -> Instant {
    Instant::from_millis(instant() as u64)
}

/// The way to the desk. Weak, so that the socket ends with its conversation, whoever holds a subscription.
#[derive(Clone)]
pub(crate) struct Link(Weak<Shared>);

impl Link {
    pub(crate) fn tell(&self, command: Command) {
        // What is dropped with it tells that the socket has ended.
        if let Some(shared) = self.0.upgrade() {
            shared.converse(|desk| desk.command(now(), command));
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

type Feed = Box<dyn FnOnce(&mut Desk)>;

/// What the callbacks of a socket share. It lives as long as the socket.
struct Shared {
    desk: RefCell<Desk>,
    /// What the desk is to be told, when it was called from within.
    waiting: RefCell<VecDeque<Feed>>,
    outbox: OnceCell<Outbox>,
    alarm: OnceCell<(Function, Closure<dyn Fn()>)>,
    /// What the alarm is set to.
    due: Cell<Option<Instant>>,
    will_sweep: Cell<bool>,
    /// Itself, for what happens later.
    this: Weak<Self>,
}

/// Makes a socket with a desk.
pub(crate) fn converse(
    config: ConnectionConfig,
    session: Option<&Session>,
    desk: Desk,
) -> Result<(AuthSocket, Link), ConfigError> {
    let shared = Rc::new_cyclic(|this| Shared {
        desk: RefCell::new(desk),
        waiting: RefCell::default(),
        outbox: OnceCell::new(),
        alarm: OnceCell::new(),
        due: Cell::new(None),
        will_sweep: Cell::new(false),
        this: Weak::clone(this),
    });
    let link = Link(Rc::downgrade(&shared));
    let (ear, mouth, clock) = (link.clone(), link.clone(), link.clone());
    let hooks = Hooks {
        gone: Closure::new(move |socket| {
            if let Some(shared) = ear.0.upgrade() {
                shared.converse(move |desk| desk.input(now(), Input::Gone(SocketId::new(socket))));
            }
        }),
        ask: Closure::new(move |question, socket, token: Option<String>, authorization: Option<String>| {
            let credential = token.zip(authorization).map(|(token, whole)| (Secret::new(token), Secret::new(whole)));
            mouth.0.upgrade().map_or(JsValue::UNDEFINED, |shared| shared.answer(question, socket, credential.as_ref()))
        }),
    };
    let due = Closure::<dyn Fn()>::new(move || {
        if let Some(shared) = clock.0.upgrade() {
            shared.due.set(None);
            shared.converse(|desk| desk.input(now(), Input::Timeout));
        }
    });
    shared.alarm.set((alarm_of(due.as_ref()), due)).ok();
    let socket = AuthSocket::open(config, session.cloned(), Rc::clone(&shared), Some(hooks))?;
    shared.outbox.set(socket.outbox()).ok();
    Ok((socket, link))
}

impl Shared {
    /// Feeds the desk, and does what it wants. Whoever calls from within is heard after that.
    fn converse(&self, feed: impl FnOnce(&mut Desk) + 'static) {
        self.waiting.borrow_mut().push_back(Box::new(feed));
        let Ok(mut desk) = self.desk.try_borrow_mut() else { return };
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(feed) = next else { break };
            feed(&mut desk);
        }
        drop(desk);
        loop {
            let job = self.desk.borrow_mut().poll();
            let Some(job) = job else { break };
            self.perform(job);
        }
        self.set_alarm();
        self.sweep_later();
    }

    fn perform(&self, job: Job) {
        // It is there before the socket can be called.
        let Some(outbox) = self.outbox.get() else { return };
        match job {
            Job::Say { socket, text } => outbox.write(socket, &text.into()),
            Job::Send { request, text } => {
                let (message, result) = outbox.send(&text.into(), None);
                self.converse(move |desk| desk.handed(now(), request, message, result));
            }
        }
    }

    fn set_alarm(&self) {
        let Some((alarm, _)) = self.alarm.get() else { return };
        let due = self.desk.borrow().poll_timeout();
        if self.due.replace(due) == due {
            return;
        }
        // One more makes sure that the deadline has passed: the clock is cut to whole milliseconds.
        let delay = due.map(|due| due.since(now()).as_millis() as f64 + 1.0);
        // It does not throw.
        alarm.call1(&JsValue::UNDEFINED, &delay.into()).ok();
    }

    /// Whoever subscribes at once in the place of who has left is heard before.
    fn sweep_later(&self) {
        if !self.desk.borrow().needs_sweep || self.will_sweep.replace(true) {
            return;
        }
        let this = Weak::clone(&self.this);
        spawn_local(async move {
            if let Some(shared) = this.upgrade() {
                shared.will_sweep.set(false);
                shared.converse(|desk| desk.input(now(), Input::Sweep));
            }
        });
    }

    /// Answers what the machine asks its app: here the desk answers. Undefined is no answer.
    fn answer(&self, question: u8, socket: Option<u32>, credential: Option<&(Secret, Secret)>) -> JsValue {
        match Question::from_number(question) {
            Some(Question::Connected) => {
                let Some(socket) = socket else { return JsValue::UNDEFINED };
                self.converse(move |desk| desk.input(now(), Input::Joining(SocketId::new(socket))));
                JsValue::NULL
            }
            Some(Question::FirstMessage) => {
                let credential = credential.map(|(token, whole)| (token.expose(), whole.expose()));
                self.desk.borrow().first_messages(credential).into_js()
            }
            // There are no functions here.
            Some(Question::Address) | None => JsValue::UNDEFINED,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some((alarm, _)) = self.alarm.get() {
            alarm.call0(&JsValue::UNDEFINED).ok();
        }
    }
}

impl Ears for Shared {
    fn event(&self, event: Event) {
        self.converse(|desk| desk.event(now(), event));
    }

    fn takes_buffers(&self) -> bool {
        true
    }

    fn message(&self, data: &JsValue, socket: u32) {
        let bytes = || data.dyn_ref::<ArrayBuffer>().map(|buffer| Uint8Array::new(buffer).to_vec());
        let text = data.as_string().or_else(|| String::from_utf8(bytes()?).ok());
        self.converse(move |desk| desk.received(now(), SocketId::new(socket), text.as_deref()));
    }
}
