//! Rules for JSON values, frames, tokens and URLs on every platform: run natively and in each browser.

use gatepass::proto::{Framing, Json, Url, UrlKind};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|| panic!("no JSON: {text}"))
}

pub fn hold() {
    a_matcher_describes_a_subset_of_an_object();
    a_path_leads_through_objects_and_arrays();
    case_82_a_token_is_a_value_and_never_changes_the_shape_of_a_message();
    a_form_holds_texts_as_they_are_and_all_else_as_json();
    a_hole_that_nobody_fills_is_found();
    a_debug_form_of_json_shows_no_content();
    text_holds_json_text_before_json_or_text_and_several_of_them();
    json_that_is_not_whole_may_go_on_but_not_for_ever();
    texts_are_written_as_they_are_and_all_else_as_json();
    case_40_every_odd_byte_of_a_ticket_is_percent_encoded();
    case_41_a_ticket_joins_the_query_that_is_there();
    case_19_numbers_and_dates_are_read_mildly();
    claims_are_read_of_what_is_a_jwt_and_of_nothing_else();
}

fn a_matcher_describes_a_subset_of_an_object() {
    let rows = [
        (r#"{"type":"auth_ok"}"#, r#"{"type":"auth_ok","v":1}"#, true),
        (r#"{"type":"auth_ok"}"#, r#"{"v":1}"#, false),
        (r#"{"a":{"b":null}}"#, r#"{"a":{"b":null,"c":2}}"#, true),
        (r#"{"a":{"b":null}}"#, r#"{"a":{}}"#, false),
        (r#"{"a":[1,{"x":1}]}"#, r#"{"a":[1,{"x":1,"y":2}]}"#, true),
        (r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, false),
        (r#"{"a":1}"#, r#"{"a":1.0}"#, true),
        (r#"{}"#, r#"[]"#, false),
        (r#"[]"#, r#"{}"#, false),
        (r#"{}"#, "null", false),
        (r#"{"type":"auth_ok"}"#, r#""auth_ok""#, false),
        (r#"{"length":2}"#, r#""ok""#, false),
        (r#""ok""#, r#""ok""#, true),
        (r#"{"a":1}"#, r#"{"a":"1"}"#, false),
        ("true", "true", true),
        ("true", "false", false),
        ("null", "false", false),
    ];
    for (matcher, value, expected) in rows {
        assert_eq!(json(matcher).matches(&json(value)), expected, "{matcher} on {value}");
    }
}

fn a_path_leads_through_objects_and_arrays() {
    let value = json(r#"{"a":{"b":"text","n":1.5,"s":"3600","z":"","l":["x"]},"t":"abc"}"#);
    assert_eq!(value.text_at("a.b").as_deref(), Some("text"));
    assert_eq!(value.text_at("a.l.0").as_deref(), Some("x"));
    for path in [
        "a.c",
        "a.b.length",
        "t.0",
        "a.l.1",
        "a.l.-1",
        "a.l.00",
        "a.l.x",
        "a.l.",
        "a.l.length",
        "",
        "a.",
        "a.z",
        "__proto__",
        "constructor",
        "a.n",
    ] {
        assert_eq!(value.text_at(path), None, "{path}");
    }
    assert_eq!(value.at("toString"), None);
    assert_eq!(value.number_at("a.n"), Some(1.5));
    assert_eq!(value.number_at("a.s"), Some(3600.0));
    assert_eq!(value.number_at("a.b"), None);
    assert_eq!(value.at("a.n").and_then(|value| value.as_number()), Some(1.5));
    assert_eq!(value.at("a.s").and_then(|value| value.as_number()), None);
}

fn case_19_numbers_and_dates_are_read_mildly() {
    let rows = [
        ("900000", Some(900_000.0)),
        ("\"3600\"", Some(3_600.0)),
        ("\"1.5\"", Some(1.5)),
        ("\"2026-11-22T06:42:57.006-06:00\"", Some(1_795_351_377.006)),
        ("\"2026-11-22T12:42:57.006740Z\"", Some(1_795_351_377.006)),
        ("\"2026-11-22T12:42:57+00:00\"", Some(1_795_351_377.0)),
        ("\"Sun, 22 Nov 2026 12:42:57 GMT\"", Some(1_795_351_377.0)),
        ("\"1969-12-31T23:59:59Z\"", Some(-1.0)),
        // It has no time zone.
        ("\"2026-11-22T12:42:57\"", None),
        ("\"2026-11-22\"", None),
        ("\"2026-13-22T12:42:57Z\"", None),
        ("\"tomorrow\"", None),
        ("\"\"", None),
        ("\"true\"", None),
        ("\"null\"", None),
        ("\"[1]\"", None),
        ("true", None),
        ("null", None),
        ("[1]", None),
        ("{}", None),
    ];
    for (text, expected) in rows {
        assert_eq!(json(&format!(r#"{{"end":{text}}}"#)).number_at("end"), expected, "{text}");
    }
    assert_eq!(json("{}").number_at("end"), None);
}

fn case_82_a_token_is_a_value_and_never_changes_the_shape_of_a_message() {
    let template = json(r#"{"type": "auth", "nested": ["$token", 1], "price": "$$token", "other": "$constructor"}"#);
    let token = r#"","admin":true,"x":"\u0000${token}$token"#;

    let sent = template.filled(&Json::object(&[("token", token)])).print();

    let back = json(&sent);
    let nested = back.at("nested").and_then(|nested| nested.items()).unwrap();
    assert_eq!(nested[0].as_text().as_deref(), Some(token));
    assert_eq!(back.text_at("price").as_deref(), Some("$token"));
    assert_eq!(back.at("admin"), None);
    assert_eq!(back.at("other"), None, "nothing fills it");
    assert_eq!(json(r#"["40", "$token"]"#).filled(&Json::object(&[])).print(), r#"["40"]"#);
    assert_eq!(Json::text("$token").filled(&Json::object(&[])).print(), "null");
}

fn a_form_holds_texts_as_they_are_and_all_else_as_json() {
    let value = json(r#"{"grant type":"a&b=c d+e","n":7,"list":[1,"é"],"empty":"","none":null}"#);
    let mut pairs: Vec<_> = value.form().split('&').map(str::to_owned).collect();
    pairs.sort();
    assert_eq!(pairs, ["empty=", "grant%20type=a%26b%3Dc%20d%2Be", "list=%5B1%2C%22%C3%A9%22%5D", "n=7", "none=null"]);
    assert_eq!(json("[1]").form(), "");
}

fn a_hole_that_nobody_fills_is_found() {
    assert_eq!(json(r#"{"a":["$token","$tokn"]}"#).unknown_hole(&["token"]), Some("tokn".to_owned()));
    assert_eq!(json(r#"["$one","$two"]"#).unknown_hole(&[]), Some("one".to_owned()), "the first");
    assert_eq!(json(r#"{"a":["$token","$$tokn","$"]}"#).unknown_hole(&["token"]), None);
}

fn a_debug_form_of_json_shows_no_content() {
    assert_eq!(format!("{:?}", json(r#"{"token":"abc"}"#)), "[json]");
}

fn read(frame: &str) -> String {
    Json::array(Framing::Text.read(frame).0.into_iter().flatten().collect()).print()
}

fn text_holds_json_text_before_json_or_text_and_several_of_them() {
    let rows = [
        (r#"{"id":1}"#, r#"[{"id":1}]"#),
        ("{\"id\":1}\n{\"id\":2}\r\n", r#"[{"id":1},{"id":2},""]"#),
        ("{}\u{1e}{\"type\":6}\u{1e}", r#"[{},{"type":6},""]"#),
        (r#"40{"sid":"a"}"#, r#"[["40",{"sid":"a"}]]"#),
        (r#"42["event",{"a":[1]}]"#, r#"[["42",["event",{"a":[1]}]]]"#),
        ("INFO {\"nonce\":\"{\"} \r\n", r#"[["INFO ",{"nonce":"{"}],""]"#),
        ("PONG\r\n", r#"["PONG",""]"#),
        ("-ERR 'Authorization Violation'\r\n", r#"["-ERR 'Authorization Violation'",""]"#),
        ("é{", r#"["é{"]"#),
        ("3", "[3]"),
        ("", r#"[""]"#),
    ];
    for (frame, messages) in rows {
        assert_eq!(read(frame), messages, "{frame:?}");
    }
}

fn json_that_is_not_whole_may_go_on_but_not_for_ever() {
    let rest = |text: &str| Framing::Binary.read(text).1;
    for (frame, open) in [("INFO {\"nonce\"", "INFO {\"nonce\""), ("{}\na[", "a[")] {
        assert_eq!(rest(frame), open);
    }
    for whole in ["PONG", "o", "", "PONG\r\n", "{}", "40{}", "a[\n"] {
        assert_eq!(rest(whole), "", "{whole:?}");
    }
    assert_eq!(rest(&"{".repeat(65_535)).len(), 65_535);
    assert_eq!(rest(&"{".repeat(65_536)), "");
    assert_eq!(Framing::Json.read("{").1, "", "a frame is a value");
}

fn texts_are_written_as_they_are_and_all_else_as_json() {
    let rows = [
        (Framing::Json, r#"["a",{"b":"c"}]"#, r#"["a",{"b":"c"}]"#),
        (Framing::Text, r#"["40",{"token":"a\"b"}]"#, r#"40{"token":"a\"b"}"#),
        (
            Framing::Binary,
            r#"["CONNECT ",{"verbose":false},"\r\nPING\r\n"]"#,
            "CONNECT {\"verbose\":false}\r\nPING\r\n",
        ),
        (Framing::Text, r#"{"id":1}"#, r#"{"id":1}"#),
        (Framing::Text, r#""PING""#, "PING"),
    ];
    for (framing, message, written) in rows {
        assert_eq!(framing.write(&json(message)), written);
    }
}

fn ws(text: &str) -> Url {
    Url::parse("url", text, UrlKind::WebSocket).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn case_40_every_odd_byte_of_a_ticket_is_percent_encoded() {
    let dialled = ws("ws://127.0.0.1:8000/channel/").with_param("ticket", "a+/=&#% é\"\u{1f600}");
    assert_eq!(dialled.expose(), "ws://127.0.0.1:8000/channel/?ticket=a%2B%2F%3D%26%23%25%20%C3%A9%22%F0%9F%98%80");
}

fn case_41_a_ticket_joins_the_query_that_is_there() {
    let rows = [
        ("wss://h/p", "wss://h/p?ticket=t"),
        ("wss://h", "wss://h/?ticket=t"),
        ("wss://h/p?", "wss://h/p?ticket=t"),
        ("wss://h/p?a=1", "wss://h/p?a=1&ticket=t"),
        ("wss://h/p?a=1&", "wss://h/p?a=1&ticket=t"),
        ("wss://h/p?ticket=old&a=1&ticket=older", "wss://h/p?a=1&ticket=t"),
        ("wss://h/p?ticketing=1", "wss://h/p?ticketing=1&ticket=t"),
        ("wss://h/p?a&ticket", "wss://h/p?a&ticket=t"),
        ("wss://h?a=/x?y", "wss://h/?a=/x?y&ticket=t"),
    ];
    for (url, dialled) in rows {
        assert_eq!(ws(url).with_param("ticket", "t").expose(), dialled);
    }
}

fn claims_are_read_of_what_is_a_jwt_and_of_nothing_else() {
    // Its base64url contains a character that differs from base64.
    let claims = Json::claims("e30.eyJzdWIiOiJhPz4_PiIsImV4cCI6Mn0.x").expect("a JWT");
    assert_eq!((claims.text_at("sub").as_deref(), claims.number_at("exp")), (Some("a?>?>"), Some(2.0)));
    for none in ["", "opaque", "a.b", "e30.e30", "e30.e30.x.y", "e30.?.x", "e30.bm9uZQ.x", ".."] {
        assert_eq!(Json::claims(none), None, "{none:?}");
    }
}
