//! gatepass in a Leptos app: sign in, connect by ticket, subscribe to a room and say something in it.

use std::error::Error;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::{StreamExt, future};
use gatepass::conversation::Heard;
use gatepass::proto::connection::Event;
use gatepass::proto::conversation::{ConversationConfig, RequestOptions, Resume, SubscribeOptions};
use gatepass::proto::session::SessionState;
use gatepass::proto::{Json, preset};
use gatepass::web::{Conversation, Session, SessionEvent};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::{Deserialize, Serialize};

fn main() {
    mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    let origin = window().location().origin().unwrap_or_default();
    let config = preset::session("simpleJwt", &format!("{origin}/api")).expect("a preset of gatepass");
    let session = Session::new(config).expect("the preset is complete");
    let is_signed_in = RwSignal::new(false);
    session.on_event(move |event| {
        if let SessionEvent::Changed { state, .. } = event {
            is_signed_in.set(matches!(state, SessionState::SignedIn | SessionState::Refreshing));
        }
    });
    // A session belongs to the one thread of the page.
    let session = StoredValue::new_local(session);
    view! {
        <main class="app">
            <Show when=move || is_signed_in.get() fallback=move || view! { <SignIn session/> }>
                <Chat session/>
            </Show>
        </main>
    }
}

type Shared = StoredValue<Session, LocalStorage>;

#[component]
fn SignIn(session: Shared) -> impl IntoView {
    let user = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let sign_in = move |event: SubmitEvent| {
        event.prevent_default();
        let credentials = Json::object(&[("username", &user.get()), ("password", &password.get())]);
        session.with_value(|session| {
            session.login(credentials, move |result| problem.set(result.err().map(|failed| failed.error.to_string())));
        });
    };
    view! {
        <section class="card sign-in">
            <h1>"gatepass in Leptos"</h1>
            <form on:submit=sign_in>
                <label>"User" <input bind:value=user autocomplete="username" required/></label>
                <label>"Password" <input bind:value=password type="password" autocomplete="current-password" required/></label>
                <button class="primary">"Sign in"</button>
                <p class="error" role="alert">{problem}</p>
            </form>
        </section>
    }
}

#[component]
fn Chat(session: Shared) -> impl IntoView {
    let state = RwSignal::new("idle".to_owned());
    let heard = RwSignal::new(Vec::<String>::new());
    let text = RwSignal::new(String::new());
    let (outgoing, waiting): (UnboundedSender<String>, _) = unbounded();
    let session_now = session.get_value();
    spawn_local(async move {
        if let Err(error) = talk(session_now, waiting, state, heard).await {
            state.set(error.to_string());
        }
    });
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        outgoing.unbounded_send(text.get()).ok();
        text.set(String::new());
    };
    view! {
        <header class="top">
            <h1>"gatepass in Leptos"</h1>
            <span class="badge" role="status" data-state=state>{state}</span>
            <button on:click=move |_| session.with_value(Session::logout)>"Sign out"</button>
        </header>
        <form class="card" on:submit=send>
            <label>"Message" <input bind:value=text required/></label>
            <button class="primary">"Send"</button>
        </form>
        <section class="card">
            <ol class="trades">
                {move || heard.get().into_iter().rev().map(|text| view! { <li>{text}</li> }).collect_view()}
            </ol>
        </section>
    }
}

// #region talk
#[derive(Serialize)]
struct Join {
    r#type: &'static str,
    room: &'static str,
    /// After a loss the server goes on after the last one.
    since: &'static str,
}

#[derive(Serialize)]
struct Say {
    r#type: &'static str,
    room: &'static str,
    text: String,
}

#[derive(Deserialize)]
struct News {
    text: String,
}

#[derive(Deserialize)]
struct Said {}

/// Carries messages until the component is gone (its sender with it), over every loss of the connection.
async fn talk(
    session: Session,
    mut waiting: UnboundedReceiver<String>,
    state: RwSignal<String>,
    heard: RwSignal<Vec<String>>,
) -> Result<(), Box<dyn Error>> {
    let origin = window().location().origin().unwrap_or_default();
    let config = preset::connection("ticketServerSocket", &format!("{origin}/ws/rooms/"), &origin)?;
    let said: Json = r#"{"type": "said", "id": "$id"}"#.parse()?;
    let requests = RequestOptions { reply: Some(said.into()), ..RequestOptions::default() };
    let options = ConversationConfig { requests, ..ConversationConfig::default() };
    let conversation = Conversation::new(config, Some(&session), options)?;
    let events = conversation.messages::<News>().for_each(|heard| {
        if let Heard::Event(Event::StateChanged(change)) = heard {
            state.set(change.state.name().to_owned());
        }
        future::ready(())
    });
    conversation.socket().connect();

    let room = SubscribeOptions {
        reply: Some(r#"{"type": "joined", "room": "lobby"}"#.parse::<Json>()?.into()),
        resume: Some(Resume::new("seq")),
        ..SubscribeOptions::new(r#"{"type": "news", "room": "lobby"}"#.parse::<Json>()?)
    };
    let join = Join { r#type: "join", room: "lobby", since: "$cursor" };
    let reading = conversation.subscribe::<News>(&join, room)?.for_each(|news| {
        heard.update(|heard| heard.push(news.map_or_else(|error| error.to_string(), |news| news.text)));
        future::ready(())
    });
    let writing = async {
        while let Some(text) = waiting.next().await {
            let say = Say { r#type: "say", room: "lobby", text };
            if let Err(error) = conversation.request::<_, Said>(&say).await {
                heard.update(|heard| heard.push(error.to_string()));
            }
        }
    };
    future::select(Box::pin(future::join(events, reading)), Box::pin(writing)).await;
    Ok(())
}
// #endregion talk
