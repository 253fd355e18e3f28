//! JSON clients that send whole texts without a revision, alone in the room and beside others.

use super::*;
use proptest::prelude::*;

impl World {
    /// A JSON client replaces its whole text.
    pub(super) fn replace(&mut self, index: usize, code: &str) {
        let Kind::Json { text, rev, says_rev, .. } = &mut self.clients[index].kind else { panic!("a JSON client") };
        code.clone_into(text);
        let mut message = json!({ "type": "update", "data": { "code": code } });
        if *says_rev {
            message["rev"] = json!(*rev);
        }
        self.clients[index].to_room.push_back(message.to_string().into());
    }

    fn code(&self) -> &str {
        self.room.as_ref().unwrap().document.code()
    }
}

#[test]
fn a_client_alone_in_a_room_could_not_replace_or_clear_its_text_without_a_revision() {
    for is_evicted in [false, true] {
        let mut world = World::new(1, [json_client(false)]);
        world.settle();
        for code in ["print(\"one\")", "for i in range(3):\n    print(i)", "", "print(\"one\")"] {
            world.replace(0, code);
            if is_evicted {
                world.evict();
            }
            world.deliver_to_room(0);
            assert_eq!(world.code(), code);
            assert!(world.clients[0].from_room.is_empty(), "its text is the room's, so it needs no correction");
        }
    }
}

#[test]
fn a_text_that_was_replaced_long_after_the_others_typed_was_joined_to_theirs() {
    for is_evicted in [false, true] {
        let mut world = World::new(1, [json_client(false), yjs(10), json_client(false)]);
        world.settle();
        world.type_something(1);
        world.replace(2, "print('Bob')\n");
        world.settle();
        if is_evicted {
            world.evict();
        }
        world.time_passes(10_000);
        world.replace(0, "x = 1");
        world.settle();
        assert_eq!(world.code(), "x = 1");
    }
}

/// One thing that happens to a room with a single client.
#[derive(Debug, Clone)]
enum Step {
    Replace(String),
    Deliver,
    Evict,
    Compact,
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => "[ab\u{1f600}\n]{0,12}".prop_map(Step::Replace),
        4 => Just(Step::Deliver),
        1 => Just(Step::Evict),
        1 => Just(Step::Compact),
        1 => (0..8_000_i64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn after_quiet_the_room_of_a_single_client_has_what_the_client_sent_last(steps in steps(), says_rev: bool) {
        let mut world = World::new(3, [json_client(says_rev)]);
        world.settle();
        let mut last = String::new();
        for step in steps {
            match step {
                Step::Replace(code) => {
                    world.replace(0, &code);
                    last = code;
                }
                Step::Deliver => world.deliver_to_room(0),
                Step::Evict => world.evict(),
                Step::Compact => world.compact(),
                Step::Pass(milliseconds) => world.time_passes(milliseconds),
            }
        }
        world.settle();
        prop_assert_eq!(world.code(), &last);
    }

    #[test]
    fn what_several_clients_type_concurrently_is_kept_and_a_later_text_is_taken_as_it_is(seed: u64, says_rev: bool) {
        let mut world = World::new(seed, [yjs(10), json_client(true), json_client(true), yjs(11)]);
        world.play(60);
        prop_assert_eq!(world.check(seed).0, 0);
        // All of it has arrived for sure.
        world.time_passes(10_000);
        if let Kind::Json { says_rev: says, .. } = &mut world.clients[1].kind {
            *says = says_rev;
        }
        world.replace(1, "replaced");
        world.settle();
        prop_assert_eq!(world.code(), "replaced");
    }
}
