use std::collections::BTreeMap;

use query::NoLinks;
use testkit::Chance;

use super::*;
use crate::changes::Changes;
use crate::notation::{NOW, event_at, later, subscription};

/// A post, the journal it reads, and what it last wrote down.
struct Office {
    post: Post,
    settings: Settings,
    subscriptions: Vec<Arc<Subscription>>,
    journal: Vec<Arc<Event>>,
    states: BTreeMap<Key, State>,
    written_to: Position,
    letters: Vec<DeadLetter>,
    now: Timestamp,
}

fn settings() -> Settings {
    Settings { queue_max: 4, queued_max: 12, ..Settings::default() }
}

impl Office {
    fn new(settings: Settings, texts: &[&str]) -> Office {
        let subscriptions: Vec<_> = texts.iter().map(|text| Arc::new(subscription(text))).collect();
        let mut office = Office {
            post: Post::new(settings.clone()),
            settings,
            subscriptions,
            journal: Vec::new(),
            states: BTreeMap::new(),
            written_to: Position(0),
            letters: Vec::new(),
            now: NOW,
        };
        office.open();
        office
    }

    /// As after a crash: only what was written down is known.
    fn open(&mut self) {
        self.post = Post::new(self.settings.clone());
        let mut first = self.written_to;
        for subscription in &self.subscriptions {
            let state = self.states.get(&subscription.key).cloned().unwrap_or_default();
            let state = state.caught_up(self.written_to);
            first = first.min(state.cursor);
            self.post.put(subscription.clone(), state, self.now);
        }
        self.post.set_read_to(first);
    }

    fn happens(&mut self, changes: &[&str]) {
        self.journal.push(event_at(self.now, changes));
        self.read();
    }

    fn recorded(&self, after: Position) -> Vec<(Position, Arc<Event>)> {
        let places = (1..).map(Position).zip(self.journal.iter().cloned());
        places.filter(|(position, _)| after < *position).collect()
    }

    fn read(&mut self) {
        for (position, event) in self.recorded(self.post.read_to()) {
            for (slot, subscription) in self.post.candidates(position, &event, self.now) {
                if matches(&subscription, &event) {
                    self.post.due(slot, position, &event, self.now);
                }
            }
            self.post.set_read_to(position);
        }
    }

    fn refill(&mut self) {
        for missing in self.post.hungry() {
            let mut events = self.recorded(missing.after);
            events.truncate(3);
            let to = events.last().map_or(missing.after, |(position, _)| *position);
            events.retain(|(_, event)| matches(&missing.subscription, event));
            self.post.refill(&missing, to, &events, self.now);
        }
    }

    fn write(&mut self) {
        let snapshot = self.post.snapshot();
        self.letters.extend(snapshot.buried);
        self.states.extend(snapshot.states);
        self.written_to = snapshot.read_to;
    }

    fn wait(&mut self, seconds: f64) {
        self.now = Timestamp(self.now.0 + (seconds * 1e6) as i64);
    }

    fn end(&mut self, delivery: &Delivery, outcome: &Outcome) {
        self.post.leaves(delivery.ticket, self.now);
        self.post.record(delivery.ticket, outcome, self.now, 999);
    }

    /// What goes out now: who is told of which entities, `-` where nothing does.
    fn sends(&mut self, outcome: &Outcome) -> String {
        let deliveries = self.post.next(self.now);
        let shown: Vec<String> = deliveries.iter().map(shown).collect();
        deliveries.iter().for_each(|delivery| self.end(delivery, outcome));
        if shown.is_empty() { "-".to_owned() } else { shown.join(" ") }
    }

    fn account(&self, nth: usize) -> Account {
        self.post.account(&self.subscriptions[nth].key).expect("a subscription")
    }
}

fn matches(subscription: &Subscription, event: &Event) -> bool {
    subscription.matches(&Changes::of(event), &NoLinks).is_some()
}

fn shown(delivery: &Delivery) -> String {
    let name = delivery.subscription.key.id.as_str().trim_start_matches("urn:s:");
    let news = match &delivery.news {
        News::Changes(events) => {
            let ids = events.iter().map(|one| one.id.as_str().trim_start_matches("urn:"));
            ids.collect::<Vec<_>>().join("+")
        }
        News::Period(_) => "period".to_owned(),
    };
    format!("{name}:{news}")
}

fn failed() -> Outcome {
    Outcome::Failed("nobody answers".to_owned())
}

fn refused() -> Outcome {
    Outcome::Refused("it answered 400".to_owned())
}

#[test]
fn whoever_is_concerned_is_told_once() {
    let mut office = Office::new(settings(), &["s type=Lamp", "t type=Bench"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "s:1");
    assert_eq!(office.sends(&Outcome::Delivered), "-");
    let account = office.account(0);
    assert_eq!((account.due(), account.delivered, account.times_sent), (1, 1, 1));
    assert_eq!((account.last_success, account.is_ok()), (Some(NOW), Some(true)));
    assert_eq!(office.account(1), Account::default());
}

#[test]
fn of_one_entity_changes_are_told_in_order_and_of_others_meanwhile() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    office.happens(&["create urn:1 Lamp a=1", "append urn:1 a=2"]);
    office.happens(&["create urn:2 Lamp a=1"]);
    let first = office.post.next(office.now);
    assert_eq!(first.iter().map(shown).collect::<Vec<_>>(), ["s:1", "s:2"]);
    assert!(office.post.next(office.now).is_empty(), "the second change of 1 waits");
    office.end(&first[0], &Outcome::Delivered);
    assert_eq!(office.sends(&Outcome::Delivered), "s:1");
    // The first one is told, the one between is under way: what is known covers both.
    office.write();
    let state = office.states.values().next().unwrap();
    assert_eq!((state.cursor, state.done.len()), (Position(2), 0));
    office.end(&first[1], &Outcome::Delivered);
    assert_eq!(office.account(0).delivered, 3);
}

#[test]
fn an_endpoint_that_fails_is_left_alone_longer_and_longer_and_others_are_not() {
    let texts = ["s type=Lamp to=http://a.example", "t type=Lamp to=http://b.example"];
    let mut office = Office::new(settings(), &texts);
    office.happens(&["create urn:1 Lamp a=1"]);
    let deliveries = office.post.next(office.now);
    office.end(&deliveries[0], &failed());
    office.end(&deliveries[1], &Outcome::Delivered);
    office.happens(&["create urn:2 Lamp a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "t:2");
    for seconds in [0.5, 1.0, 2.0, 4.0] {
        office.wait(seconds * 0.9);
        assert_eq!(office.sends(&failed()), "-", "{seconds}");
        office.wait(seconds * 0.1);
        // One finds out; the other waits for it.
        assert_eq!(office.sends(&failed()), "s:1", "{seconds}");
    }
    assert_eq!(office.account(0).times_failed, 5);
    office.wait(8.0);
    assert_eq!(office.sends(&Outcome::Delivered), "s:1");
    assert_eq!(office.sends(&Outcome::Delivered), "s:2");
}

#[test]
fn a_cooldown_is_kept() {
    let mut office = Office::new(settings(), &["s type=Lamp cooldown=60"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&refused()), "s:1");
    office.wait(59.0);
    assert_eq!(office.sends(&refused()), "-");
    office.wait(1.0);
    assert_eq!(office.sends(&Outcome::Delivered), "s:1");
}

#[test]
fn what_an_endpoint_refuses_is_given_up_and_holds_up_only_its_entity() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&refused()), "s:1");
    office.happens(&["create urn:2 Lamp a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "s:2");
    for seconds in [1.0, 2.0, 4.0] {
        office.wait(seconds);
        assert_eq!(office.sends(&refused()), "s:1");
    }
    office.wait(8.0);
    assert_eq!(office.sends(&refused()), "s:1");
    office.wait(1_000.0);
    assert_eq!(office.sends(&refused()), "-");
    let account = office.account(0);
    assert_eq!((account.delivered, account.dead, account.waiting), (1, 1, 0));
    office.write();
    assert_eq!(office.letters[0].reason, "it answered 400");
}

#[test]
fn what_could_not_be_delivered_in_time_is_given_up() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&failed()), "s:1");
    office.wait(24.0 * 3600.0);
    assert_eq!(office.sends(&failed()), "-");
    assert_eq!(office.account(0).dead, 1);
}

#[test]
fn with_throttling_changes_are_gathered() {
    let mut office = Office::new(settings(), &["s type=Lamp throttle=10"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "s:1");
    office.happens(&["create urn:2 Lamp a=1"]);
    office.happens(&["create urn:3 Lamp a=1"]);
    office.happens(&["create urn:2 Lamp a=1", "append urn:2 a=2"]);
    office.wait(9.9);
    assert_eq!(office.sends(&Outcome::Delivered), "-");
    assert_eq!(office.post.wake_at(), Some(later(10.0)));
    office.wait(0.1);
    assert_eq!(office.sends(&Outcome::Delivered), "s:2+3");
    let account = office.account(0);
    assert_eq!((account.due(), account.delivered, account.times_sent), (4, 4, 2));
}

#[test]
fn a_period_comes_again_and_again() {
    let mut office = Office::new(settings(), &["s type=Lamp every=10"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "-");
    office.wait(10.0);
    assert_eq!(office.sends(&Outcome::Delivered), "s:period");
    assert_eq!(office.sends(&Outcome::Delivered), "-");
    office.wait(35.0);
    assert_eq!(office.sends(&failed()), "s:period");
    office.wait(5.0);
    assert_eq!(office.sends(&Outcome::Nothing), "s:period");
    let account = office.account(0);
    assert_eq!((account.due(), account.delivered, account.expired), (2, 1, 1));
}

#[test]
fn who_pauses_or_expires_is_told_nothing() {
    let mut office = Office::new(settings(), &["s type=Lamp", "t type=Lamp expires=60"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    let paused = Arc::new(subscription("s type=Lamp active=false"));
    office.post.put(paused, State::default(), office.now);
    assert_eq!(office.sends(&Outcome::Delivered), "t:1");
    office.happens(&["create urn:2 Lamp a=1"]);
    assert_eq!(office.sends(&failed()), "t:2");
    let resumed = Arc::new(subscription("s type=Lamp"));
    office.post.put(resumed, State::default(), office.now);
    office.wait(60.0);
    assert_eq!(office.sends(&Outcome::Delivered), "-");
    office.happens(&["create urn:3 Lamp a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "s:3");
    assert_eq!((office.account(0).expired, office.account(1).expired), (1, 1));
}

#[test]
fn who_is_removed_is_told_nothing_more() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    office.happens(&["create urn:2 Lamp a=1"]);
    let deliveries = office.post.next(office.now);
    let broken_off = office.post.remove(&office.subscriptions[0].key, NOW);
    assert_eq!(broken_off.len(), deliveries.len());
    assert!(!office.post.leaves(deliveries[0].ticket, office.now));
    office.end(&deliveries[0], &Outcome::Delivered);
    assert_eq!(office.sends(&Outcome::Delivered), "-");
    assert_eq!((office.post.total().due(), office.post.total().expired), (2, 2));
    assert!(office.post.receivers.is_empty() && office.post.queued == 0);
}

#[test]
fn what_has_no_room_in_memory_is_read_again() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    for nth in 0..20 {
        office.happens(&[&format!("create urn:{nth} Lamp a=1")]);
    }
    assert_eq!((office.account(0).waiting, office.post.queued), (20, 4));
    let mut told = String::new();
    for _ in 0..20 {
        told.push_str(&office.sends(&Outcome::Delivered));
        told.push(' ');
        office.refill();
    }
    let expected: String = (0..20).map(|nth| format!("s:{nth} ")).collect();
    assert_eq!(told.replace("- ", ""), expected);
}

#[test]
fn what_was_cut_off_the_journal_before_it_was_told_is_dead() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    for nth in 0..8 {
        office.happens(&[&format!("create urn:{nth} Lamp a=1")]);
    }
    office.write();
    office.open();
    assert_eq!(office.account(0).waiting, 8, "after a crash too, before the journal is read");
    office.post.cut_off(Position(6));
    assert_eq!(office.account(0).waiting, 8, "two of them may still be read");
    office.read();
    let account = office.account(0);
    assert_eq!((account.waiting, account.dead, account.due()), (2, 6, 8));
    assert_eq!(office.sends(&Outcome::Delivered), "s:6 s:7");
}

#[test]
fn what_was_cut_off_is_dead_after_another_crash_too() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    for nth in 0..8 {
        office.happens(&[&format!("create urn:{nth} Lamp a=1")]);
    }
    office.write();
    office.open();
    office.post.cut_off(Position(6));
    // It dies before it has read what is left.
    office.write();
    office.open();
    office.post.cut_off(Position(6));
    office.read();
    let account = office.account(0);
    assert_eq!((account.waiting, account.dead, account.expired), (2, 6, 0));
}

#[test]
fn what_the_terms_of_now_do_not_mean_expires_at_a_restart() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    office.write();
    office.subscriptions[0] = Arc::new(subscription("s type=Bench"));
    office.open();
    office.read();
    let account = office.account(0);
    assert_eq!((account.waiting, account.dead, account.expired), (0, 0, 1));
}

#[test]
fn under_new_terms_it_is_asked_again_whether_what_waits_concerns_them() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    office.post.put(Arc::new(subscription("s type=Lamp watch=b")), State::default(), office.now);
    office.happens(&["create urn:2 Lamp b=1"]);
    let deliveries = office.post.next(office.now);
    let checks: Vec<_> = deliveries.iter().map(|one| (shown(one), one.must_check)).collect();
    assert_eq!(checks, [("s:1".to_owned(), true), ("s:2".to_owned(), false)]);
}

#[test]
fn who_now_wants_to_be_told_by_the_clock_is_not_told_what_waits() {
    let mut office = Office::new(settings(), &["s type=Lamp throttle=10"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&failed()), "s:1");
    office.post.put(Arc::new(subscription("s type=Lamp every=10")), State::default(), office.now);
    assert_eq!((office.account(0).waiting, office.account(0).expired), (0, 1));
    office.wait(10.0);
    assert_eq!(office.sends(&Outcome::Delivered), "s:period");
}

#[test]
fn what_was_read_under_earlier_terms_does_not_fill_an_outbox() {
    let mut office = Office::new(settings(), &["s type=Lamp"]);
    for nth in 0..8 {
        office.happens(&[&format!("create urn:{nth} Lamp a=1")]);
    }
    assert_eq!(office.sends(&Outcome::Delivered), "s:0 s:1 s:2 s:3");
    let missing = office.post.hungry().remove(0);
    let events = office.recorded(missing.after);
    office.post.put(Arc::new(subscription("s type=Bench")), State::default(), office.now);
    office.post.refill(&missing, Position(8), &events, office.now);
    assert_eq!(office.sends(&Outcome::Delivered), "-");
    (0..3).for_each(|_| office.refill());
    assert_eq!((office.account(0).waiting, office.account(0).expired), (0, 4));
}

#[test]
fn changes_that_are_told_together_are_told_again_together() {
    let mut office = Office::new(settings(), &["s type=Lamp throttle=10"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    office.happens(&["create urn:2 Lamp a=1"]);
    assert_eq!(office.sends(&failed()), "s:1+2");
    office.happens(&["create urn:3 Lamp a=1"]);
    office.wait(10.0);
    assert_eq!(office.sends(&Outcome::Delivered), "s:1+2");
    office.wait(10.0);
    assert_eq!(office.sends(&Outcome::Delivered), "s:3");
}

#[test]
fn slow_endpoints_leave_room_for_quick_ones() {
    let settings = Settings { deliveries_max: 4, queue_max: 9, ..Settings::default() };
    let texts = [
        "a type=Lamp to=http://slow.example/a",
        "b type=Lamp to=http://slow.example/b",
        "q type=Bench to=http://quick.example",
    ];
    let mut office = Office::new(settings, &texts);
    office.happens(&["create urn:0 Bench a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "q:0");
    for nth in 1..=4 {
        office.happens(&[&format!("create urn:{nth} Lamp a=1")]);
    }
    let slow = office.post.next(office.now);
    assert_eq!(slow.iter().map(shown).collect::<Vec<_>>(), ["a:1", "b:1"]);
    office.happens(&["create urn:5 Bench a=1"]);
    assert_eq!(office.sends(&Outcome::Delivered), "q:5");
    office.wait(4.0);
    // Each of those who wait has its turn.
    slow.iter().for_each(|delivery| office.end(delivery, &Outcome::Delivered));
    let next = office.post.next(office.now);
    assert_eq!(next.iter().map(shown).collect::<Vec<_>>(), ["a:2", "b:2"]);
}

#[test]
fn whoever_waits_for_an_endpoint_has_a_turn_whoever_else_goes() {
    let settings = Settings { deliveries_per_endpoint_max: 1, ..Settings::default() };
    let mut office = Office::new(settings, &["a type=Lamp", "b type=Lamp", "c type=Lamp"]);
    office.happens(&["create urn:1 Lamp x=1"]);
    office.happens(&["create urn:2 Lamp x=1"]);
    let first = office.post.next(office.now).remove(0);
    assert_eq!(shown(&first), "a:1");
    office.post.remove(&office.subscriptions[1].key, office.now);
    office.end(&first, &Outcome::Delivered);
    let told: Vec<_> = (0..3).map(|_| office.sends(&Outcome::Delivered)).collect();
    assert_eq!(told, ["a:2", "c:1", "c:2"]);
}

#[test]
fn what_waits_for_an_endpoint_that_is_away_is_given_up_in_time() {
    let mut office = Office::new(settings(), &["s type=Lamp cooldown=86399"]);
    office.happens(&["create urn:1 Lamp a=1"]);
    assert_eq!(office.sends(&failed()), "s:1");
    office.wait(86_000.0);
    office.happens(&["create urn:2 Lamp a=1"]);
    assert_eq!(office.sends(&failed()), "-");
    office.wait(399.5);
    assert_eq!(office.sends(&failed()), "s:1");
    assert_eq!(office.sends(&failed()), "-");
    office.wait(0.5);
    assert_eq!(office.post.wake_at(), Some(office.now));
    assert_eq!(office.sends(&failed()), "-");
    assert_eq!((office.account(0).dead, office.account(0).waiting), (1, 1));
}

/// Endpoints fail, the process crashes, and yet each is told of everything at least once, in order
/// for each entity, and the account is right all the time.
#[test]
fn nothing_is_lost_and_the_account_adds_up() {
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        let texts = [
            "s type=Lamp to=http://a.example",
            "t watch=a to=http://a.example",
            "u type=Bench to=http://b.example",
            "v id=urn:1 throttle=3 to=http://c.example",
        ];
        let mut office = Office::new(settings(), &texts);
        let mut told: BTreeMap<String, Vec<Position>> = BTreeMap::new();
        let mut step = |office: &mut Office, chance: &mut Chance, fails: usize| {
            for delivery in office.post.next(office.now) {
                let outcome = match chance.below(10) {
                    dice if dice < fails => failed(),
                    _ => Outcome::Delivered,
                };
                if let (Outcome::Delivered, Some((position, _))) = (&outcome, delivery.positions) {
                    let whom = shown(&delivery);
                    told.entry(whom).or_default().push(position);
                }
                office.end(&delivery, &outcome);
            }
        };
        for _ in 0..60 {
            let id = chance.below(4);
            let kind = chance.pick(&["Lamp", "Bench"]);
            let name = chance.pick(&["a", "b"]);
            office.happens(&[&format!("create urn:{id} {kind} {name}=1")]);
            office.wait(chance.below(100) as f64 / 50.0);
            step(&mut office, &mut chance, 5);
            match chance.below(8) {
                0 => office.write(),
                1 => {
                    office.open();
                    office.read();
                }
                2 => office.refill(),
                _ => {}
            }
            check_account(&office, seed);
        }
        for _ in 0..400 {
            office.wait(20.0);
            step(&mut office, &mut chance, 0);
            office.refill();
        }
        check_account(&office, seed);
        for nth in 0..texts.len() {
            let account = office.account(nth);
            assert_eq!((account.waiting, account.dead), (0, 0), "seed {seed}: {nth}");
        }
        for (whom, positions) in told.iter().filter(|(whom, _)| !whom.starts_with('v')) {
            let (name, id) = whom.split_once(':').unwrap();
            check_order(positions, seed, whom);
            let nth = ["s", "t", "u"].iter().position(|one| *one == name).unwrap();
            let subscription = &office.subscriptions[nth];
            for (position, event) in office.recorded(Position(0)) {
                let ours = event.id.as_str() == format!("urn:{id}");
                let due = ours && matches(subscription, &event);
                assert!(!due || positions.contains(&position), "seed {seed}: {whom} {position:?}");
            }
        }
    }
}

fn check_account(office: &Office, seed: u64) {
    for (nth, subscription) in office.subscriptions.iter().enumerate() {
        let all = office.recorded(Position(0));
        let due = all.iter().filter(|(_, event)| matches(subscription, event)).count() as u64;
        assert_eq!(office.account(nth).due(), due, "seed {seed}: {nth}");
    }
}

/// What is repeated after a crash may begin again, but skips nothing that was not told before.
fn check_order(positions: &[Position], seed: u64, whom: &str) {
    let mut told = BTreeSet::new();
    for position in positions {
        let later = told.range(position..).next().is_some();
        assert!(!later || told.contains(position), "seed {seed}: {whom} {positions:?}");
        told.insert(*position);
    }
}
