use std::collections::VecDeque;

use testkit::Chance;

use super::*;
use crate::notation::{event, subscription};

/// How far behind a stream may be when it attaches.
const NEAR: u64 = 4;

const QUEUE_MAX: usize = 3;

/// A journal, the hub, and whoever reads them: each step of each in any order.
struct World {
    journal: Vec<Recorded>,
    hub: Hub,
    /// What the follower has read and not told yet.
    read: Option<(Position, Vec<Recorded>)>,
    streams: Vec<Reader>,
}

/// Reads as `Stream` does, in steps of its own.
struct Reader {
    slot: Slot,
    subscription: Arc<Subscription>,
    began: Position,
    read_to: Position,
    live: Option<Live>,
    /// Where the journal ended when it was last looked at.
    end: Position,
    heard: Vec<u64>,
}

impl World {
    fn end(&self) -> Position {
        Position(self.journal.len() as u64)
    }

    fn after(&self, position: Position, limit: usize) -> Vec<Recorded> {
        let later = self.journal.iter().skip(position.0 as usize);
        later.take(limit).cloned().collect()
    }

    fn write(&mut self, chance: &mut Chance) {
        for _ in 0..=chance.below(6) {
            let change = chance.pick(&[
                "create urn:1 Lamp a=1",
                "create urn:1 Lamp a=2",
                "create urn:1 Lamp b=1",
                "create urn:1 Tree a=2",
            ]);
            let position = Position(self.end().0 + 1);
            self.journal.push(Recorded { position, event: event(&[change]) });
        }
    }

    fn open(&mut self, chance: &mut Chance) {
        let about = chance.pick(&["s type=Lamp", "s type=Lamp q=a>1", "s watch=a", "s type=Tree"]);
        let began = Position(chance.below(self.journal.len() + 1) as u64);
        let slot = self.hub.enter(usize::MAX).unwrap();
        let subscription = Arc::new(subscription(about));
        let end = self.end();
        let (read_to, live, heard) = (began, None, Vec::new());
        self.streams.push(Reader { slot, subscription, began, read_to, live, end, heard });
    }

    /// The follower reads; or tells what it has read, which may be a while ago.
    fn follow(&mut self) {
        match self.read.take() {
            Some((after, events)) => self.hub.tell(after, &events),
            None => {
                if let Some(after) = self.hub.behind(self.end()) {
                    self.read = Some((after, self.after(after, 5)));
                }
            }
        }
    }

    fn step(&mut self, nth: usize, chance: &mut Chance) {
        let end = self.end();
        let mut stream = self.streams.remove(nth);
        let attached = stream.live.as_mut().map(|live| live.from);
        match attached {
            // What it knows of the end may be old when it attaches.
            None if chance.once_in(2) => stream.end = end,
            None => {
                let reached = (stream.read_to, stream.end.max(stream.read_to));
                let (slot, subscription) = (stream.slot, stream.subscription.clone());
                stream.live = self.hub.attach(slot, &subscription, reached, NEAR, QUEUE_MAX);
                if stream.live.is_none() {
                    self.read_on(&mut stream, reached.1);
                }
            }
            Some(from) if stream.read_to < from => self.read_on(&mut stream, from),
            Some(_) => stream.receive(),
        }
        self.streams.push(stream);
    }

    fn read_on(&self, stream: &mut Reader, to: Position) {
        let events: VecDeque<Recorded> = self.after(stream.read_to, 4).into();
        for recorded in events.into_iter().take_while(|one| one.position <= to) {
            stream.read_to = recorded.position;
            stream.hear(&recorded);
        }
    }

    fn leave(&mut self, nth: usize) {
        let stream = self.streams.swap_remove(nth);
        stream.check(&self.journal, stream.read_to);
        self.hub.leave(stream.slot);
    }
}

impl Reader {
    fn receive(&mut self) {
        let Some(live) = &mut self.live else { return };
        match live.receiver.try_recv() {
            Ok(recorded) if recorded.position <= self.read_to => {}
            Ok(recorded) => {
                self.read_to = recorded.position;
                self.hear(&recorded);
            }
            Err(mpsc::error::TryRecvError::Empty) => {}
            Err(mpsc::error::TryRecvError::Disconnected) => {
                self.read_to = self.read_to.max(live.missed());
                self.live = None;
            }
        }
    }

    fn hear(&mut self, recorded: &Recorded) {
        if may_concern(&Policy::default(), &self.subscription, &Changes::of(&recorded.event)) {
            self.heard.push(recorded.position.0);
        }
    }

    /// Each change that concerns it, once and in order.
    fn check(&self, journal: &[Recorded], read_to: Position) {
        let due = journal.iter().filter(|one| {
            self.began < one.position
                && one.position <= read_to
                && may_concern(&Policy::default(), &self.subscription, &Changes::of(&one.event))
        });
        let due: Vec<u64> = due.map(|one| one.position.0).collect();
        assert_eq!(self.heard, due, "{:?} from {:?}", self.subscription.key, self.began);
    }
}

#[test]
fn whatever_comes_between_each_hears_everything_once_and_in_order() {
    let (mut heard, mut let_go) = (0, 0);
    for seed in 0..2_000 {
        let mut chance = Chance::new(seed);
        let (journal, hub) = (Vec::new(), Hub::default());
        let mut world = World { journal, hub, read: None, streams: Vec::new() };
        for _ in 0..150 {
            let open = world.streams.len();
            match chance.below(20) {
                0..3 => world.write(&mut chance),
                3 if open < 4 => world.open(&mut chance),
                4 if open > 0 => world.leave(chance.below(open)),
                5..10 => world.follow(),
                _ if open > 0 => world.step(chance.below(open), &mut chance),
                _ => {}
            }
            let is_let_go = |one: &&Reader| one.live.as_ref().is_some_and(|l| l.missed().0 > 0);
            let_go += world.streams.iter().filter(is_let_go).count();
        }
        // Then nothing new happens, and everybody catches up.
        for _ in 0..200 {
            world.follow();
            (0..world.streams.len()).for_each(|_| world.step(0, &mut chance));
        }
        for stream in &world.streams {
            stream.check(&world.journal, world.end());
            heard += stream.heard.len();
        }
    }
    assert!(heard > 10_000 && let_go > 1_000, "too little happened: {heard}, {let_go}");
}

#[test]
fn what_was_read_for_those_who_have_gone_leaves_no_gap() {
    let mut hub = Hub::default();
    let lamp = Arc::new(subscription("s type=Lamp"));
    let recorded = |position| Recorded {
        position: Position(position),
        event: event(&["create urn:1 Lamp a=1"]),
    };
    let (first, second) = (hub.enter(2).unwrap(), hub.enter(2).unwrap());
    let at = |position| (Position(position), Position(position));
    let _gone = hub.attach(first, &lamp, at(2), 0, QUEUE_MAX).unwrap();
    hub.leave(first);
    // It has looked at the end of the journal before the follower did.
    let mut live = hub.attach(second, &lamp, at(1), 0, QUEUE_MAX).unwrap();
    hub.tell(Position(2), &[recorded(3)]);
    assert_eq!(hub.behind(Position(3)), Some(Position(1)), "2 is still to be told");
    hub.tell(Position(1), &[recorded(2), recorded(3)]);
    let mut next = || live.receiver.try_recv().unwrap().position.0;
    assert_eq!((next(), next()), (2, 3));
}

#[test]
fn nobody_is_woken_for_what_does_not_match() {
    let mut hub = Hub::default();
    let slot = hub.enter(1).unwrap();
    assert_eq!(hub.enter(1), None);
    let bright = Arc::new(subscription("s type=Lamp q=a>1"));
    let at = (Position(0), Position(0));
    let mut live = hub.attach(slot, &bright, at, 0, QUEUE_MAX).unwrap();
    let events = [(1, "create urn:1 Lamp a=1"), (2, "create urn:2 Tree a=2")]
        .map(|(at, change)| Recorded { position: Position(at), event: event(&[change]) });
    hub.tell(Position(0), &events);
    assert!(live.receiver.try_recv().is_err());
    assert_eq!(hub.read_to(), Position(2));
}

#[test]
fn a_stream_that_is_near_need_not_reach_the_very_end() {
    let mut hub = Hub::default();
    let lamp = Arc::new(subscription("s type=Lamp"));
    let (first, second) = (hub.enter(2).unwrap(), hub.enter(2).unwrap());
    let _other = hub.attach(first, &lamp, (Position(9), Position(9)), NEAR, QUEUE_MAX);
    assert!(hub.attach(second, &lamp, (Position(4), Position(9)), NEAR, QUEUE_MAX).is_none());
    let live = hub.attach(second, &lamp, (Position(5), Position(9)), NEAR, QUEUE_MAX).unwrap();
    assert_eq!(live.from, Position(9), "what lies between it reads by itself");
}
