use std::{collections::BTreeSet, time::UNIX_EPOCH};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn queue() -> Queue {
    Queue::new(Settings { visibility_timeout: MINUTE, retention: 1_440 * MINUTE, max_receive_count: Some(3) })
}

fn with(bodies: &[&str]) -> Queue {
    let mut queue = queue();
    for body in bodies {
        queue.send(body, "a", Duration::ZERO, at(0));
    }
    queue
}

fn receive(queue: &mut Queue, now: SystemTime) -> Vec<Message> {
    queue.receive(10, None, now).messages
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

/// Then it can be received again.
#[test]
fn a_received_message_is_invisible_until_its_timeout() {
    let mut queue = with(&["a"]);
    let first = receive(&mut queue, at(1));
    assert_eq!((bodies(&first), first[0].receive_count), (vec!["a"], 1));
    assert_eq!(receive(&mut queue, at(60)), []);
    let again = receive(&mut queue, at(61));
    assert_eq!((again[0].id.clone(), again[0].receive_count), (first[0].id.clone(), 2));
    assert_eq!((again[0].sent_at, again[0].first_received_at), (at(0), at(1)));
    assert_ne!(again[0].receipt_handle, first[0].receipt_handle);
}

#[test]
fn what_is_deleted_does_not_come_again() {
    let mut queue = with(&["a", "b"]);
    let received = receive(&mut queue, at(0));
    queue.delete(&received[0].receipt_handle).unwrap();
    assert_eq!(bodies(&receive(&mut queue, at(60))), ["b"]);
    // Deleting it twice is not an error.
    queue.delete(&received[0].receipt_handle).unwrap();
}

#[test]
fn an_old_handle_deletes_nothing_and_nobody_is_told() {
    let mut queue = with(&["a"]);
    let old = receive(&mut queue, at(0)).remove(0).receipt_handle;
    let new = receive(&mut queue, at(60)).remove(0).receipt_handle;
    assert_eq!(queue.delete(&old), Ok(()));
    assert_eq!(queue.bodies(), ["a"]);
    assert_eq!(queue.delete(&new), Ok(()));
    assert_eq!(queue.bodies(), [""; 0]);
    assert_eq!(queue.delete("nonsense"), Err(NotChanged::NoHandle));
}

#[test]
fn a_receiver_can_delete_what_has_become_visible_again() {
    let mut queue = with(&["a"]);
    let handle = receive(&mut queue, at(0)).remove(0).receipt_handle;
    assert_eq!(queue.count(at(60)).visible, 1);
    queue.delete(&handle).unwrap();
    assert_eq!(receive(&mut queue, at(61)), []);
}

#[test]
fn a_changed_visibility_counts_from_the_change() {
    let mut queue = with(&["a"]);
    let handle = receive(&mut queue, at(0)).remove(0).receipt_handle;
    queue.change_visibility(&handle, 10 * MINUTE, at(30)).unwrap();
    assert_eq!(receive(&mut queue, at(629)), []);
    let handle = receive(&mut queue, at(630)).remove(0).receipt_handle;
    queue.change_visibility(&handle, Duration::ZERO, at(631)).unwrap();
    assert_eq!(receive(&mut queue, at(631)).len(), 1);
}

#[test]
fn visibility_is_changed_of_what_is_in_flight_only() {
    let mut queue = with(&["a"]);
    let old = receive(&mut queue, at(0)).remove(0).receipt_handle;
    assert_eq!(queue.change_visibility(&old, MINUTE, at(60)), Err(NotChanged::NotInFlight));
    let new = receive(&mut queue, at(60)).remove(0).receipt_handle;
    assert_eq!(queue.change_visibility(&old, MINUTE, at(61)), Err(NotChanged::NotInFlight));
    queue.delete(&new).unwrap();
    assert_eq!(queue.change_visibility(&new, MINUTE, at(61)), Err(NotChanged::Gone));
    assert_eq!(queue.change_visibility("nonsense", MINUTE, at(61)), Err(NotChanged::NoHandle));
}

/// Counted from its receipt.
#[test]
fn no_message_is_invisible_for_more_than_twelve_hours() {
    let mut queue = with(&["a"]);
    let handle = receive(&mut queue, at(0)).remove(0).receipt_handle;
    assert_eq!(queue.change_visibility(&handle, LONGEST_INVISIBLE, at(1)), Err(NotChanged::TooLong));
    let left = LONGEST_INVISIBLE - Duration::from_secs(1);
    assert_eq!(queue.change_visibility(&handle, left, at(1)), Ok(()));
    assert_eq!(queue.change_visibility(&handle, left, at(2)), Err(NotChanged::TooLong));
}

/// This happens when it would be received again.
#[test]
fn a_message_received_too_often_is_set_aside() {
    let mut queue = with(&["a"]);
    for count in 1..=3 {
        assert_eq!(receive(&mut queue, at(count * 60))[0].receive_count, count);
    }
    let received = queue.receive(10, None, at(239));
    assert_eq!((received.messages, received.dead.len()), (vec![], 0), "it may still be deleted");
    let received = queue.receive(10, None, at(240));
    assert_eq!((received.messages, received.dead.len()), (vec![], 1));
    let mut dead_letters = Queue::new(Settings { max_receive_count: None, ..queue.settings.clone() });
    dead_letters.bury(received.dead[0].clone(), at(240));
    assert_eq!(queue.bodies(), [""; 0]);
    assert_eq!(bodies(&receive(&mut dead_letters, at(240))), ["a"]);
}

#[test]
fn a_delayed_message_is_not_there_before() {
    let mut queue = queue();
    queue.send("a", "a", MINUTE, at(0));
    assert_eq!(receive(&mut queue, at(59)), []);
    assert_eq!(queue.count(at(59)), Count { visible: 0, in_flight: 0, delayed: 1 });
    assert_eq!(queue.next_visible(), Some(at(60)));
    assert_eq!(receive(&mut queue, at(60)).len(), 1);
    assert_eq!(queue.count(at(60)), Count { visible: 0, in_flight: 1, delayed: 0 });
}

#[test]
fn a_batch_has_at_most_what_was_asked_for() {
    let mut queue = with(&["a", "b", "c"]);
    assert_eq!(queue.receive(2, None, at(0)).messages.len(), 2);
    assert_eq!(bodies(&receive(&mut queue, at(0))), ["c"]);
}

#[test]
fn what_nobody_fetches_is_lost_after_its_retention() {
    let mut queue = with(&["a"]);
    assert_eq!(receive(&mut queue, at(0) + 1_440 * MINUTE), []);
    assert_eq!(queue.bodies(), [""; 0]);
}

#[test]
fn with_duplicates_each_message_comes_twice_under_one_id() {
    let mut queue = queue();
    queue.disturb(Disorder { duplicates: true, ..Disorder::default() });
    queue.send("a", "a", Duration::ZERO, at(0));
    let one = queue.receive(1, None, at(0)).messages.remove(0);
    // The second one is available while the first is in flight, and after it has been deleted.
    let other = queue.receive(1, None, at(0)).messages.remove(0);
    assert_eq!((&one.id, &one.body), (&other.id, &other.body));
    queue.delete(&one.receipt_handle).unwrap();
    let again = receive(&mut queue, at(60));
    assert_eq!((again.len(), again[0].receive_count), (1, 2));
    queue.delete(&again[0].receipt_handle).unwrap();
    assert_eq!(queue.bodies(), [""; 0]);
}

#[test]
fn reordered_messages_all_come_and_in_another_order() {
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let order = |seed| {
        let mut queue = queue();
        queue.disturb(Disorder { reorder: true, seed, ..Disorder::default() });
        for name in &names {
            queue.send(name, "a", Duration::ZERO, at(0));
        }
        let mut order: Vec<String> = Vec::new();
        for _ in 0..2 {
            order.extend(receive(&mut queue, at(0)).into_iter().map(|message| message.body));
        }
        order
    };
    assert_ne!(order(1), names);
    assert_eq!(order(1), order(1));
    assert_eq!(order(1).into_iter().collect::<BTreeSet<_>>(), names.iter().cloned().collect());
}
