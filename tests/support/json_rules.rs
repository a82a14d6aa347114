//! What holds of JSON values on every platform: run natively and in each browser.

use gatepass::proto::Json;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|| panic!("no JSON: {text}"))
}

pub fn hold() {
    a_matcher_describes_a_subset_of_an_object();
    a_path_leads_through_objects_alone();
    case_82_a_token_is_a_value_and_never_changes_the_shape_of_a_message();
    a_form_holds_texts_as_they_are_and_all_else_as_json();
    a_hole_that_nobody_fills_is_found();
    a_debug_form_of_json_shows_no_content();
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

fn a_path_leads_through_objects_alone() {
    let value = json(r#"{"a":{"b":"text","n":1.5,"s":"3600","z":"","l":["x"]},"t":"abc"}"#);
    assert_eq!(value.text_at("a.b").as_deref(), Some("text"));
    for path in ["a.c", "a.b.length", "t.0", "a.l.0", "a.l.length", "", "a.", "a.z", "__proto__", "constructor", "a.n"]
    {
        assert_eq!(value.text_at(path), None, "{path}");
    }
    assert_eq!(value.at("toString"), None);
    assert_eq!(value.number_at("a.n"), Some(1.5));
    assert_eq!(value.number_at("a.s"), Some(3600.0));
    assert_eq!(value.number_at("a.b"), None);
    assert_eq!(value.at("a.n").and_then(|value| value.as_number()), Some(1.5));
    assert_eq!(value.at("a.s").and_then(|value| value.as_number()), None);
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
    assert_eq!(back.at("other").map(|value| value.print()).as_deref(), Some("null"));
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
