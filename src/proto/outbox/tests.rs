use super::*;

fn outbox() -> Outbox {
    Outbox::new(OutboxOptions::default())
}

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Puts messages of these lengths into it, numbered from 0.
fn filled(outbox: &mut Outbox, lengths: &[usize]) -> Vec<MessageId> {
    let put = |(number, length): (usize, &usize)| {
        let id = MessageId(number as u32);
        outbox.push(id, *length, None, None);
        id
    };
    lengths.iter().enumerate().map(put).collect()
}

#[test]
fn the_outbox_keeps_order_and_counts_bytes() {
    let mut outbox = outbox();
    let ids = filled(&mut outbox, &[3, 0, 5]);
    assert_eq!((outbox.len(), outbox.bytes()), (3, 8));
    assert_eq!(
        [(); 4].map(|()| outbox.next(at(0), Retention::None)),
        [
            Some((ids[0], DeliveryStatus::Sent)),
            Some((ids[1], DeliveryStatus::Sent)),
            Some((ids[2], DeliveryStatus::Sent)),
            None
        ]
    );
    assert_eq!((outbox.len(), outbox.bytes()), (0, 0));
}

#[test]
fn what_was_lent_comes_back_in_front_and_in_order() {
    let mut outbox = Outbox::new(OutboxOptions { max_bytes: 100, max_messages: 3, ..OutboxOptions::default() });
    let ids = filled(&mut outbox, &[1, 2, 3]);
    assert_eq!(
        [outbox.next(at(0), Retention::UntilAccepted), outbox.next(at(0), Retention::UntilAccepted)],
        [Some((ids[0], DeliveryStatus::Sent)), Some((ids[1], DeliveryStatus::Sent))]
    );
    assert_eq!((outbox.len(), outbox.bytes(), outbox.has_room(1)), (1, 3, false));
    assert_eq!(outbox.requeue(), [], "what is sent again is in no doubt");
    assert_eq!(outbox.next(at(0), Retention::UntilAccepted), Some((ids[0], DeliveryStatus::Sent)));
    outbox.release_kept();
    assert_eq!((outbox.len(), outbox.bytes()), (2, 5));
    assert_eq!((outbox.take_released(), outbox.take_doubted()), (vec![], vec![ids[0]]));
    assert_eq!(outbox.take_released(), [ids[0]]);
}

#[test]
fn case_111_a_full_outbox_has_no_room_and_keeps_what_it_has() {
    let mut outbox = Outbox::new(OutboxOptions { max_bytes: 10, max_messages: 2, ..OutboxOptions::default() });
    assert!(!outbox.has_room(11) && !outbox.has_room(usize::MAX) && outbox.has_room(10));
    outbox.push(MessageId(1), 10, None, None);
    assert!(!outbox.has_room(1) && outbox.has_room(0));
    outbox.push(MessageId(2), 0, None, None);
    assert!(!outbox.has_room(0));
    assert_eq!((outbox.len(), outbox.bytes()), (2, 10));
    let none = Outbox::new(OutboxOptions { max_bytes: 0, max_messages: 0, ..OutboxOptions::default() });
    assert!(!none.has_room(0));
}

#[test]
fn only_what_is_to_be_confirmed_is_kept_and_has_an_end_after_it_was_sent() {
    let mut outbox = outbox();
    let [plain, confirmed] = [MessageId(1), MessageId(2)];
    outbox.push(plain, 1, Some(at(5)), None);
    outbox.push(confirmed, 1, Some(at(7)), Some("1".to_owned()));
    assert_eq!(outbox.next_expiry(), Some(at(5)));
    assert_eq!(
        [outbox.next(at(0), Retention::UntilAccepted), outbox.next(at(0), Retention::None)],
        [Some((plain, DeliveryStatus::Sent)), Some((confirmed, DeliveryStatus::Unconfirmed))]
    );
    assert_eq!((outbox.unconfirmed(), outbox.take_expired(at(5))), (1, vec![]));
    assert_eq!(outbox.next_expiry(), Some(at(7)));
    assert_eq!(outbox.take_confirmed("2"), []);
    outbox.release_kept();
    assert_eq!(outbox.take_released(), [], "it is in doubt, still");
    assert_eq!(outbox.take_expired(at(6)), []);
    assert_eq!(outbox.take_expired(at(7)), [confirmed]);
    assert_eq!((outbox.unconfirmed(), outbox.next_expiry()), (0, None));
    assert_eq!(outbox.take_doubted(), [plain, confirmed], "it may have arrived");
    assert_eq!(outbox.take_released(), [plain, confirmed]);
}

#[test]
fn what_is_heard_a_while_after_a_message_and_not_sooner_shows_that_it_arrived() {
    let mut outbox = outbox();
    let [first, second] = [MessageId(1), MessageId(2)];
    outbox.doubt(at(0), first, 1);
    outbox.doubt(at(1_000), second, 1);
    outbox.heard(at(5_000));
    assert_eq!(outbox.take_released(), []);
    outbox.heard(at(5_001));
    assert_eq!(outbox.take_released(), [first]);
    assert_eq!((outbox.take_doubted(), outbox.take_doubted()), (vec![second], vec![]));
}

#[test]
fn only_the_last_thousand_messages_and_the_last_mebibyte_are_remembered() {
    for (count, length, remembered) in [(1_001, 1, 1_000), (3, 1 << 19, 2), (1, (1 << 20) + 1, 0), (2, 1 << 20, 1)] {
        let mut outbox = outbox();
        (0..count).for_each(|number| outbox.doubt(at(0), MessageId(number), length));
        let doubted = outbox.take_doubted();
        assert_eq!((doubted.len(), outbox.take_released().len()), (remembered, count as usize), "{count} of {length}");
        assert_eq!(doubted.last().copied(), (remembered > 0).then_some(MessageId(count - 1)));
    }
}

#[test]
fn a_message_that_is_confirmed_is_in_doubt_no_more_and_one_that_was_never_sent_is_nowhere() {
    let mut outbox = outbox();
    let ids = [MessageId(1), MessageId(2), MessageId(3)];
    for (id, ack) in ids.into_iter().zip(["a", "b", "a"]) {
        outbox.push(id, 1, None, Some(ack.to_owned()));
        outbox.next(at(0), Retention::None);
    }
    assert_eq!(outbox.take_confirmed("a"), [ids[0], ids[2]], "all that have this id");
    assert_eq!(outbox.take_released(), [ids[0], ids[2]]);
    outbox.never_sent(ids[1]);
    assert_eq!((outbox.take_released(), outbox.take_doubted(), outbox.unconfirmed()), (vec![ids[1]], vec![], 0));
}

#[test]
fn an_ack_is_that_of_one_message_whatever_its_id_is() {
    let confirm = Confirm { id: "meta.id".to_owned(), ack: Json::parse(r#"{"ack":"$id","v":1}"#).unwrap() };
    let confirms = |message: &str, reply: &str| {
        let id = confirm.id_of(message);
        id.is_some() && id == confirm.confirmed_by(&Json::parse_exact(reply).unwrap())
    };
    let rows = [
        (r#"{"meta":{"id":7}}"#, r#"{"ack":7,"v":1}"#, true),
        (r#"{"meta":{"id":7}}"#, r#"{"ack":7.0,"v":1,"more":2}"#, true),
        (r#"{"meta":{"id":7}}"#, r#"{"ack":8,"v":1}"#, false),
        (r#"{"meta":{"id":7}}"#, r#"{"ack":7}"#, false),
        (r#"{"meta":{"id":7}}"#, r#"{"ack":7,"v":2}"#, false),
        (r#"{"meta":{"id":"a\"b$id"}}"#, r#"{"ack":"a\"b$id","v":1}"#, true),
        (r#"{"meta":{"id":1234567890123456789}}"#, r#"{"ack":1234567890123456789,"v":1}"#, true),
        (r#"{"meta":{"id":1234567890123456789}}"#, r#"{"ack":1234567890123456790,"v":1}"#, false),
    ];
    for (message, reply, expected) in rows {
        assert_eq!(confirms(message, reply), expected, "{message} {reply}");
    }
    assert_eq!([r#"{"meta":{}}"#, "no JSON", ""].map(|message| confirm.id_of(message)), [None, None, None]);
    assert!(confirm.check().is_ok());
    for id in ["", ".", "a..b", "a."] {
        let confirm = Confirm { id: id.to_owned(), ..confirm.clone() };
        assert_eq!(confirm.check().map_err(|error| error.code()), Err("INVALID_OPTION"), "{id:?}");
    }
    for wrong in [r#"{"ack":"id"}"#, r#"{"ack":"$id","of":"$token"}"#, "1"] {
        let ack = Json::parse(wrong).unwrap();
        assert!(Confirm { id: "id".to_owned(), ack }.check().is_err(), "{wrong}");
    }
}

/// What a look at every entry would find is what the order of their ids finds.
#[test]
fn whatever_became_of_the_others_a_message_is_found_by_what_confirms_it_and_the_first_in_doubt_is_the_first() {
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..300 {
        let mut outbox = Outbox::new(OutboxOptions { max_messages: 40, ..OutboxOptions::default() });
        let (mut now, mut number) = (0, 0);
        for _ in 0..200 {
            now += dice.u64(0..3_000);
            match dice.u8(0..9) {
                0..=2 => {
                    let ack = dice.bool().then(|| dice.u8(0..6).to_string());
                    let end = dice.bool().then(|| at(now + dice.u64(0..20_000)));
                    outbox.push(MessageId(number), 1, end, ack);
                    number += 1;
                }
                3 | 4 => {
                    let retention = if dice.bool() { Retention::UntilAccepted } else { Retention::None };
                    outbox.next(at(now), retention);
                }
                5 => {
                    let ack = dice.u8(0..6).to_string();
                    let is_meant = |entry: &&OutboxEntry| entry.is_kept && entry.ack.as_ref() == Some(&ack);
                    let wanted: Vec<_> = outbox.entries.iter().filter(is_meant).map(|entry| entry.id).collect();
                    assert_eq!(outbox.take_confirmed(&ack), wanted);
                }
                6 => outbox.heard(at(now)),
                7 => drop(outbox.take_expired(at(now))),
                _ => match dice.u8(0..4) {
                    0 => drop(outbox.requeue()),
                    1 => drop(outbox.take_oldest()),
                    2 => outbox.release_kept(),
                    _ => outbox.never_sent(MessageId(dice.u32(0..=number))),
                },
            }
            let first = outbox.entries.iter().position(|entry| entry.doubted.is_some());
            assert_eq!(outbox.first_doubted(), first);
            let mut acks: Vec<_> =
                outbox.entries.iter().filter(|entry| entry.ack.is_some()).map(|entry| entry.id).collect();
            acks.sort_by_key(|id| (outbox.ack_of(*id).to_owned(), *id));
            assert_eq!(outbox.acks, acks);
        }
    }
}
