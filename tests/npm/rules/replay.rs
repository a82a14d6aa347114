//! Replays schedules on the machine of conversations that a Rust app has: it has to do what the rules of the npm package did (rules/traced.mjs).
//!
//! Reads lines of JSON from its input, first what the rules promise beyond schedules, then a schedule in each: an array of `[call, time, outputs, deadline]`. Prints how many steps it has made, or fails at
//! the first that differs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what it reads was written for it")]
#![allow(unused_crate_dependencies, reason = "those of the crate")]

use std::io::BufRead as _;
use std::process::ExitCode;

use gatepass::proto::connection::SocketId;
use gatepass::proto::conversation::{
    Conversation, ConversationConfig, Handed, HolderId, Input, Matcher, Output, RequestId, RequestOptions, Resume,
    SubscribeOptions, SubscriptionFailure,
};
use gatepass::proto::{Instant, Json, Millis};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let mut steps = 0;
    for (line, schedule) in std::io::stdin().lock().lines().enumerate() {
        let schedule: Value = serde_json::from_str(&schedule.unwrap()).unwrap();
        match replay(schedule.as_array().unwrap()) {
            Ok(count) => steps += count,
            Err(difference) => {
                eprintln!("line {}: {difference}", line + 1);
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{steps}");
    ExitCode::SUCCESS
}

fn replay(steps: &[Value]) -> Result<usize, String> {
    let mut machine = Conversation::new(ConversationConfig::default());
    for (number, step) in steps.iter().enumerate() {
        let (call, expected, deadline) = (&step[0], &step[2], &step[3]);
        let now = Instant::from_millis(step[1].as_u64().unwrap());
        if call[0] == "new" {
            let resume = resume_of(&call[2]);
            let max_requests = call[1].as_u64().unwrap() as usize;
            machine = Conversation::new(ConversationConfig { resume, max_requests, ..ConversationConfig::default() });
            continue;
        }
        machine.handle_input(now, input_of(call));
        // What follows is told by the next call.
        if expected.is_null() {
            continue;
        }
        let expected = expected.as_array().unwrap();
        let mut done = Vec::new();
        while let Some(output) = machine.poll_output() {
            let mut written = written(&output);
            if let Output::Send { request, .. } = output {
                let is_this = |other: &&Value| other[0] == "send" && other[1] == request.0;
                let state = expected.iter().find(is_this).map_or(Value::Null, |sent| sent[3].clone());
                machine.handle_input(now, Input::Handed { request, result: Ok(handed_of(&state)) });
                written.as_array_mut().unwrap().push(state);
            }
            done.push(written);
        }
        let at = || format!("step {number}, {call}");
        // A request that was dropped ends while others are sent: here after them.
        let order = |outputs: &[Value]| {
            let (ends, others): (Vec<_>, Vec<_>) = outputs.iter().cloned().partition(|output| output[0] == "answered");
            [others, ends]
        };
        if order(&done) != order(expected) {
            return Err(format!("{}:\n  npm  {}\n  Rust {}", at(), json!(expected), json!(done)));
        }
        let due = machine.poll_timeout().map(Instant::as_millis);
        if due != deadline.as_u64() {
            return Err(format!("{}: the deadline is {deadline} in npm, and {due:?} in Rust", at()));
        }
    }
    Ok(steps.len())
}

fn input_of(call: &Value) -> Input {
    let socket = || SocketId::new(call[1].as_u64().unwrap() as u32);
    let request = || RequestId(call[1].as_u64().unwrap() as u32);
    let holder = || HolderId(call[1].as_u64().unwrap() as u32);
    match call[0].as_str().unwrap() {
        "joining" => Input::Joining(socket()),
        "connected" => Input::Connected,
        "lost" => Input::Lost,
        "gone" => Input::Gone(socket()),
        "changeUser" => Input::UserChanged,
        "received" => Input::Received { socket: socket(), message: json_of(&call[2]) },
        "sweep" => Input::Sweep,
        "subscribe" => Input::Subscribe {
            holder: holder(),
            message: json_of(&call[2]),
            options: Box::new(subscribe_options(&call[3])),
        },
        "leave" => Input::Leave(holder()),
        "request" => {
            let options = Box::new(request_options(&call[3]));
            Input::Request { request: request(), message: json_of(&call[2]), options }
        }
        "abort" => Input::Abort(request()),
        "handed" => Input::Handed { request: request(), result: Ok(handed_of(&call[2])) },
        "timeout" => Input::Timeout,
        other => panic!("there is no call {other}"),
    }
}

fn json_of(value: &Value) -> Json {
    Json::parse(&value.to_string()).unwrap()
}

fn value_of(json: &Json) -> Value {
    serde_json::from_str(&json.print()).unwrap()
}

fn matcher_of(value: &Value) -> Option<Matcher> {
    (!value.is_null()).then(|| json_of(value).into())
}

fn resume_of(value: &Value) -> Option<Resume> {
    let cursor = value["cursor"].as_str()?;
    Some(Resume {
        resumed: matcher_of(&value["resumed"]),
        too_old: matcher_of(&value["tooOld"]),
        ..Resume::new(cursor)
    })
}

fn subscribe_options(value: &Value) -> SubscribeOptions {
    SubscribeOptions {
        leave: value.get("leave").map(json_of),
        key: value["key"].as_str().map(str::to_owned),
        id: value["id"].as_str().map(str::to_owned),
        reply: matcher_of(&value["reply"]),
        error: matcher_of(&value["error"]),
        end: matcher_of(&value["end"]),
        resume: resume_of(&value["resume"]),
        ..SubscribeOptions::new(json_of(&value["match"]))
    }
}

fn request_options(value: &Value) -> RequestOptions {
    RequestOptions {
        reply: matcher_of(&value["reply"]),
        error: matcher_of(&value["error"]),
        id: value["id"].as_str().unwrap_or("id").to_owned(),
        timeout: value["timeout"].as_u64().filter(|millis| *millis > 0).map(Millis::from_millis),
        resend: value["resend"].as_bool().unwrap(),
        ..RequestOptions::default()
    }
}

fn handed_of(state: &Value) -> Handed {
    match state.as_str() {
        Some("queued") => Handed::Queued,
        Some("unconfirmed") => Handed::Unconfirmed,
        Some("sent") => Handed::Sent,
        Some("dropped") => Handed::Dropped,
        other => panic!("there is no state {other:?}"),
    }
}

/// As rules/traced.mjs writes it.
fn written(output: &Output) -> Value {
    match output {
        Output::Say { socket, message } => json!(["say", socket.get(), value_of(message)]),
        Output::Send { request, message } => json!(["send", request.0, value_of(message)]),
        Output::Deliver { message, holders } => {
            json!(["deliver", value_of(message), holders.iter().map(|holder| holder.0).collect::<Vec<_>>()])
        }
        Output::Joined(holder) => json!(["joined", holder.0]),
        Output::Ended { holder, error } => {
            json!(["ended", holder.0, error.as_ref().map(SubscriptionFailure::code)])
        }
        Output::Answered { request, result: Ok(answer) } => {
            json!(["answered", request.0, null, null, value_of(answer)])
        }
        Output::Answered { request, result: Err(failure) } => {
            let (fate, answer) = (failure.fate().map(|fate| fate.name()), failure.answer().map(value_of));
            json!(["answered", request.0, failure.code(), fate, answer])
        }
        Output::Resumed { is_whole, message, key } => json!(["resumed", is_whole, value_of(message), key]),
    }
}
