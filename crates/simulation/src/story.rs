//! What happens: changes, crashes, new subscriptions and new moods of receivers, as the dice say.

use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Clock};
use policy::{Policy, role};
use store::{Position, Store};
use subscriptions::{
    DeadLetters, Letters, Notifier, Settings, StreamSettings, Streams, SubscribeError, notation,
};
use testkit::caller;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cast::{self, DOUBTFUL, GOOD, Member};
use crate::disk::Disk;
use crate::judge;
use crate::listener::Listener;
use crate::network::{Manner, Network, Way};
use crate::paper::Paper;
use crate::time::{Dice, StoryClock};
use crate::{Broken, Told};

/// What may go wrong in a story.
#[derive(Clone, Copy, Debug)]
pub struct Troubles {
    /// Disk operations in a hundred that fail.
    pub disk: usize,
    /// Notifications in a hundred that cannot be written at once.
    pub paper: usize,
    pub crashes: bool,
    /// The journal is cut off before all is read.
    pub short_journal: bool,
}

pub struct Story {
    pub troubles: Troubles,
    pub settings: Settings,
    dice: Dice,
    clock: Arc<StoryClock>,
    pub disk: Arc<Disk>,
    pub network: Network,
    pub cast: Vec<Member>,
    pub listeners: Vec<Listener>,
    pub life: Life,
    written: usize,
    lines: Vec<String>,
    crashes: usize,
}

/// A platform from its start to its end.
pub struct Life {
    pub broker: Arc<Broker>,
    letters: DeadLetters,
    streams: Arc<Streams>,
    following: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
    notifying: JoinHandle<()>,
}

/// How long a story goes on before everything is well again.
const STEPS: usize = 80;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// More refusals than happen within a story.
const PATIENT: u32 = 1_000;

/// Within that, all that is due must have been sent after everything is well again.
const RECOVERY: Duration = Duration::from_secs(3 * 24 * 3600);

pub async fn play(seed: u64) -> Result<Told, Box<Broken>> {
    let mut story = Story::new(seed);
    let played = story.run().await;
    let receipts = story.network.receipts();
    story.lines.extend(receipts.iter().map(|receipt| format!("{receipt:?}")));
    let faults = story.disk.faults.load(std::sync::atomic::Ordering::Relaxed);
    let Story { lines, crashes, .. } = story;
    match played {
        Ok(()) => Ok(Told { lines, received: receipts.len(), crashes, faults }),
        Err(problem) => Err(Box::new(Broken { seed, problem, lines })),
    }
}

impl Story {
    fn new(seed: u64) -> Story {
        let dice = Dice::of(seed);
        let troubles = Troubles {
            disk: dice.pick(&[0, 0, 2, 10]),
            paper: dice.pick(&[0, 0, 5]),
            crashes: dice.percent(60),
            short_journal: dice.percent(20),
        };
        let settings = Settings {
            queue_max: 5,
            queued_max: 20,
            deliveries_max: 8,
            deliveries_per_endpoint_max: 3,
            refusals_max: dice.pick(&[2, PATIENT]),
            lifetime: dice.pick(&[Duration::from_secs(600), DAY]),
            entities_max: 3,
            dead_letters_max: 20,
            retry_max: Duration::from_secs(60),
            write_interval: Duration::from_secs(dice.pick(&[1, 30])),
            ..Settings::default()
        };
        let clock = Arc::new(StoryClock::start());
        let disk = Arc::new(Disk::new(dice.clone(), troubles.disk));
        let limit = settings.deliveries_per_endpoint_max;
        let network = Network::new(dice.clone(), clock.clone(), limit);
        let life = Life::begin(&dice, &clock, &disk, &network, &settings, troubles);
        Story {
            troubles,
            settings,
            dice,
            clock,
            disk,
            network,
            cast: Vec::new(),
            listeners: Vec::new(),
            life,
            written: 0,
            lines: Vec::new(),
            crashes: 0,
        }
    }

    async fn run(&mut self) -> Result<(), String> {
        self.log(format!("{:?} {:?}", self.troubles, self.settings));
        for _ in 0..3 {
            self.subscribe().await;
            self.listen();
        }
        for _ in 0..STEPS {
            self.step().await?;
            judge::meanwhile(self)?;
        }
        self.recover().await?;
        judge::at_the_end(self).await
    }

    async fn step(&mut self) -> Result<(), String> {
        match self.dice.below(21) {
            0..8 => self.write().await,
            8 => {
                for _ in 0..self.dice.below(30) {
                    self.write().await;
                }
            }
            9..13 => self.wait().await,
            13 | 14 => self.behave(),
            15 => self.begin_anew().await,
            16 => self.subscribe().await,
            17 => self.change_terms().await,
            18 => self.unsubscribe().await,
            19 => self.listen_again(),
            _ if self.troubles.short_journal => self.cut_journal(),
            _ => self.replay().await,
        }
        Ok(())
    }

    pub fn log(&mut self, line: String) {
        self.lines.push(format!("{:>12} {line}", self.clock.elapsed()));
    }

    /// Somebody changes an entity, whatever comes of it.
    async fn write(&mut self) {
        self.written += 1;
        let id = self.dice.below(6);
        let kind = self.dice.pick(&["Lamp", "Bench"]);
        let text = match self.dice.below(8) {
            0 => format!("delete urn:e:{id}"),
            1 | 2 => format!("append urn:e:{id} b={}", self.written),
            3 => format!("put urn:e:{id} {kind} n={}", self.written),
            _ => format!("upsert urn:e:{id} {kind} n={}", self.written),
        };
        let change = store::contract::notation::change(&text);
        let outcome = self.life.broker.change(&caller(role::WRITER), change).await;
        let outcome = outcome.map(|_| "done").map_err(|error| error.to_string());
        self.log(format!("{text}: {outcome:?}"));
    }

    async fn wait(&mut self) {
        let most = self.dice.pick(&[50, 3_000, 60_000, 600_000]);
        let time = self.dice.millis(most);
        tokio::time::sleep(time).await;
        self.log(format!("{time:?} pass"));
    }

    fn behave(&mut self) {
        let uri = self.dice.pick(DOUBTFUL);
        let manners = [
            Manner::Good,
            Manner::Slow,
            Manner::Moody,
            Manner::Moody,
            Manner::Hanging,
            Manner::Away,
        ];
        let manner = self.dice.pick(&manners);
        self.network.behave(uri, manner);
        self.log(format!("{uri} is {manner:?}"));
    }

    /// The platform crashes, or is stopped, and begins anew.
    async fn begin_anew(&mut self) {
        if !self.troubles.crashes {
            return;
        }
        let is_crash = self.dice.percent(70);
        self.crashes += usize::from(is_crash);
        self.listeners.iter_mut().for_each(Listener::break_off);
        self.life.end(is_crash).await;
        self.log(if is_crash { "crash".to_owned() } else { "stop".to_owned() });
        self.life = Life::begin(
            &self.dice,
            &self.clock,
            &self.disk,
            &self.network,
            &self.settings,
            self.troubles,
        );
        self.cast.iter_mut().for_each(|member| member.seen = Default::default());
        self.listeners.iter_mut().for_each(|one| one.connect(&self.life.streams));
    }

    fn listen(&mut self) {
        let text = cast::text(self.listeners.len(), self.dice.below(99), 0);
        let mut listener = Listener::new(&text, &self.disk, self.dice.clone());
        listener.connect(&self.life.streams);
        self.log(format!("listener {text} after {:?}", listener.since));
        self.listeners.push(listener);
    }

    /// The connection of a listener breaks, and it comes again.
    fn listen_again(&mut self) {
        let nth = self.dice.below(self.listeners.len());
        self.listeners[nth].connect(&self.life.streams);
        self.log(format!("listener {nth} connects again"));
    }

    async fn subscribe(&mut self) {
        let (nth, terms, receiver) = (self.cast.len(), self.dice.below(99), self.dice.below(99));
        let mut member = Member::new(nth, terms, receiver, Position::default());
        loop {
            let record = member.text.clone().into_bytes();
            let office = self.life.broker.subscriptions();
            let made = office.create(member.subscription.clone(), record, self.clock.now()).await;
            member.since = *self.disk.journal_end().borrow();
            match made {
                Ok(()) | Err(SubscribeError::Exists(_)) => break,
                Err(_) => {}
            }
        }
        self.log(format!("subscription {} after {:?}", member.text, member.since));
        self.cast.push(member);
    }

    /// A number of one that has not ended, if the dice find one.
    fn somebody(&self) -> Option<usize> {
        let nth = self.dice.below(self.cast.len());
        self.cast[nth].ended.is_none().then_some(nth)
    }

    async fn change_terms(&mut self) {
        let Some(nth) = self.somebody() else { return };
        let receiver = self.dice.below(99);
        let mut text = cast::text(nth, self.dice.below(99), receiver);
        if self.dice.percent(30) {
            text.push_str(" active=false");
        }
        let key = self.cast[nth].subscription.key.clone();
        let subscription = notation::subscription(&text);
        loop {
            let office = self.life.broker.subscriptions();
            let seen = self.cast[nth].text.as_bytes();
            let (record, now) = (text.clone().into_bytes(), self.clock.now());
            // What failed half-way is there already.
            if office.replace(subscription.clone(), seen, record, now).await.is_ok() {
                break;
            }
        }
        self.log(format!("terms of {key}: {text}"));
        self.cast[nth] = Member { text, subscription, is_steady: false, ..self.cast[nth].clone() };
    }

    async fn unsubscribe(&mut self) {
        let Some(nth) = self.somebody() else { return };
        let key = self.cast[nth].subscription.key.clone();
        while self.life.broker.subscriptions().delete(&key, self.clock.now()).await.is_err() {}
        self.cast[nth].ended = Some(self.clock.now());
        self.log(format!("{key} ends"));
    }

    fn cut_journal(&mut self) {
        let end = self.disk.journal_end().borrow().0;
        let kept = self.dice.below(12) as u64;
        self.disk.cut_to(Position(end.saturating_sub(kept)));
        self.log(format!("the journal begins after {:?}", self.disk.begins_after()));
    }

    async fn replay(&mut self) {
        let which =
            Letters { tenant: Default::default(), subscription: None, after: None, limit: 5 };
        let replayed = self.life.letters.replay(&which).await.map_err(|error| error.to_string());
        self.log(format!("replay: {replayed:?}"));
    }

    /// Everything is well again, and has time.
    async fn recover(&mut self) -> Result<(), String> {
        self.disk.heal();
        DOUBTFUL.iter().for_each(|uri| self.network.behave(uri, Manner::Good));
        self.log("all is well".to_owned());
        let recovered = tokio::time::timeout(RECOVERY, async {
            while self.waiting() > 0 || !self.has_read_all() {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            // Listeners take their time.
            tokio::time::sleep(Duration::from_secs(1_000)).await;
        });
        recovered.await.map_err(|_| {
            let accounts: Vec<_> = self.cast.iter().map(|member| self.account(member)).collect();
            format!("something waits for ever: {accounts:?}")
        })
    }

    fn waiting(&self) -> u64 {
        self.cast.iter().map(|member| self.account(member).waiting).sum()
    }

    fn has_read_all(&self) -> bool {
        self.life.broker.subscriptions().journal_read_to() >= *self.disk.journal_end().borrow()
    }

    pub fn account(&self, member: &Member) -> subscriptions::Account {
        self.life.broker.subscriptions().account(&member.subscription.key)
    }

    /// Did nothing go wrong but receivers?
    pub fn is_calm(&self) -> bool {
        self.troubles.disk == 0 && self.troubles.paper == 0 && !self.troubles.crashes
    }

    /// Can a notification be given up?
    pub fn gives_up(&self) -> bool {
        self.settings.refusals_max < PATIENT || self.settings.lifetime < DAY
    }

    pub fn is_good(&self, member: &Member) -> bool {
        member.subscription.endpoint.uri == GOOD
    }
}

impl Life {
    fn begin(
        dice: &Dice,
        clock: &Arc<StoryClock>,
        disk: &Arc<Disk>,
        network: &Network,
        settings: &Settings,
        troubles: Troubles,
    ) -> Life {
        let broker = Broker::new(disk.clone(), Policy::default(), clock.clone());
        let broker = Arc::new(broker.with_subscriptions(settings.clone()));
        let (of_now, of_chance) = (clock.clone(), dice.clone());
        let notifier = Notifier {
            subscriptions: broker.subscriptions().clone(),
            policy: Policy::default(),
            wire: Arc::new(Paper { dice: dice.clone(), failing: troubles.paper }),
            deliver: Arc::new(Way { network: network.clone(), is_replay: false }),
            now: Arc::new(move || of_now.now()),
            chance: Arc::new(move || of_chance.bits()),
        };
        let letters = DeadLetters::new(
            notifier.subscriptions.clone(),
            notifier.policy.clone(),
            notifier.wire.clone(),
            Arc::new(Way { network: network.clone(), is_replay: true }),
            notifier.now.clone(),
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let notifying = tokio::spawn(notifier.run(async move {
            let _ = stopped.await;
        }));
        let of_streams = clock.clone();
        let streams = Arc::new(Streams::new(
            disk.clone(),
            Policy::default(),
            Arc::new(move || of_streams.now()),
            StreamSettings { queue_max: 2, ..StreamSettings::default() },
        ));
        let follower = streams.clone();
        let following = tokio::spawn(async move { follower.run(std::future::pending()).await });
        Life { broker, letters, streams, following, stop: Some(stop), notifying }
    }

    /// By a crash, at whatever it was doing; or in good order.
    async fn end(&mut self, is_crash: bool) {
        self.following.abort();
        if is_crash {
            self.notifying.abort();
        } else if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.notifying).await;
        // What it had under way goes with it.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
