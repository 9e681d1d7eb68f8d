//! What was promised, and whether it was kept.

use std::collections::{BTreeMap, BTreeSet};

use model::{Event, Timestamp};
use query::NoLinks;
use store::{Position, Recorded, Store};
use subscriptions::Changes;

use crate::cast::Member;
use crate::listener::Listener;
use crate::network::Receipt;
use crate::story::Story;

/// How long something may arrive after its subscription ended: what was under way is broken off,
/// and that takes no time.
const AFTERGLOW: i64 = 10_000;

/// How long a receiver that takes everything waits for anything, whatever others do.
const PROMPT: i64 = 1_000_000;

type Check = Result<(), String>;

/// What holds at any time.
pub fn meanwhile(story: &mut Story) -> Check {
    if let Some(problem) = story.network.broken() {
        return Err(problem);
    }
    for nth in 0..story.cast.len() {
        let account = story.account(&story.cast[nth]);
        let member = &mut story.cast[nth];
        let (seen, now) = (member.seen.due(), account.due());
        if now < seen && member.ended.is_none() {
            return Err(format!("{}: {seen} were due, and now {now}", member.text));
        }
        member.seen = account;
    }
    Ok(())
}

pub async fn at_the_end(story: &mut Story) -> Check {
    meanwhile(story)?;
    let events = story.disk.kept.journal(Position::default(), usize::MAX).await;
    let events = events.map_err(|error| error.to_string())?;
    let receipts = story.network.receipts();
    for member in &story.cast {
        let ours = of(&receipts, member);
        silence_after_the_end(member, &ours)?;
        if member.is_steady && member.ended.is_none() && !member.is_told_by_the_clock() {
            let due: Vec<&Recorded> = events.iter().filter(|one| is_due(member, one)).collect();
            nothing_is_lost(story, member, &due, &ours)?;
            in_order(story, member, &events, &ours)?;
            nothing_else_is_told(member, &due, &ours)?;
            same_id_same_news(member, &ours)?;
            promptly(story, member, &due, &ours)?;
        }
    }
    for listener in &story.listeners {
        all_is_heard_once(listener, &events)?;
    }
    Ok(())
}

/// A stream tells of everything, in order and once, but for what was cut off the journal.
fn all_is_heard_once(listener: &Listener, events: &[Recorded]) -> Check {
    let heard = listener.heard();
    let is_skipped = |position: Position| {
        heard.skipped.iter().any(|(last, first)| *last < position && position <= *first)
    };
    let due = events.iter().filter(|one| {
        let changes = Changes::of(&one.event);
        let subscription = &listener.subscription;
        listener.since < one.position
            && !is_skipped(one.position)
            && subscription.matches(&changes, &NoLinks).is_some()
    });
    let due: Vec<Position> = due.map(|one| one.position).collect();
    if heard.positions == due {
        return Ok(());
    }
    let key = &listener.subscription.key;
    Err(format!("listener {key} heard {:?} of {due:?}", heard.positions))
}

fn of<'r>(receipts: &'r [Receipt], member: &Member) -> Vec<&'r Receipt> {
    let beginning = format!("urn:ngsi-ld:Notification:{}:", member.subscription.key);
    receipts.iter().filter(|receipt| receipt.id.starts_with(&beginning)).collect()
}

fn is_due(member: &Member, recorded: &Recorded) -> bool {
    let event: &Event = &recorded.event;
    let changes = Changes::of(event);
    member.since < recorded.position && member.subscription.matches(&changes, &NoLinks).is_some()
}

fn line(event: &Event) -> String {
    format!("{} {}", event.id, event.at.0)
}

fn silence_after_the_end(member: &Member, ours: &[&Receipt]) -> Check {
    let Some(ended) = member.ended else { return Ok(()) };
    let late = ours.iter().find(|receipt| ended.0 + AFTERGLOW < receipt.at.0);
    late.map_or(Ok(()), |receipt| Err(format!("{} ended, and then {receipt:?}", member.text)))
}

/// All that was due was received, or is counted as dead.
fn nothing_is_lost(story: &Story, member: &Member, due: &[&Recorded], ours: &[&Receipt]) -> Check {
    let account = story.account(member);
    let number = due.len() as u64;
    // What was cut off the journal before anybody read it, nobody can count.
    let is_counted =
        account.due() == number || (story.troubles.short_journal && account.due() < number);
    if !is_counted {
        return Err(format!("{}: {number} were due, and {account:?}", member.text));
    }
    if account.expired > 0 {
        return Err(format!("{}: some expired: {account:?}", member.text));
    }
    let told: BTreeSet<&str> = ours.iter().flat_map(|receipt| receipt.body.lines()).collect();
    let is_told = |event: &Event| match member.gathers() {
        // A later change of the same entity tells of an earlier one.
        true => told.iter().any(|line| {
            let at = line.strip_prefix(event.id.as_str()).and_then(|at| at.trim().parse().ok());
            at.is_some_and(|at: i64| event.at.0 <= at)
        }),
        false => told.contains(&*line(event)),
    };
    let lost: Vec<&&Recorded> = due.iter().filter(|one| !is_told(&one.event)).collect();
    let uncounted = number - account.due();
    if lost.len() as u64 > account.dead + uncounted {
        return Err(format!("{}: lost {lost:?} of {number}: {account:?}", member.text));
    }
    Ok(())
}

/// Of one entity nothing arrives before what came earlier; but for what arrives a second time.
fn in_order(story: &Story, member: &Member, events: &[Recorded], ours: &[&Receipt]) -> Check {
    // What was given up just before a crash is tried again after it; and what was gathered then may
    // be gathered otherwise.
    if story.troubles.crashes && (story.gives_up() || member.gathers()) {
        return Ok(());
    }
    let positions: BTreeMap<String, Position> =
        events.iter().map(|one| (line(&one.event), one.position)).collect();
    let mut seen: BTreeMap<&str, BTreeSet<Position>> = BTreeMap::new();
    for receipt in ours.iter().filter(|receipt| !receipt.is_replay) {
        for line in receipt.body.lines() {
            let id = line.split(' ').next().unwrap_or_default();
            let Some(position) = positions.get(line) else { continue };
            let seen = seen.entry(id).or_default();
            let is_late = seen.range(position..).next().is_some();
            if is_late && !seen.contains(position) {
                return Err(format!("{}: {line} came too late", member.text));
            }
            seen.insert(*position);
        }
    }
    Ok(())
}

fn nothing_else_is_told(member: &Member, due: &[&Recorded], ours: &[&Receipt]) -> Check {
    let due: BTreeSet<String> = due.iter().map(|one| line(&one.event)).collect();
    let other = ours.iter().flat_map(|one| one.body.lines()).find(|told| !due.contains(*told));
    other.map_or(Ok(()), |told| Err(format!("{}: told of {told}", member.text)))
}

fn same_id_same_news(member: &Member, ours: &[&Receipt]) -> Check {
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    for receipt in ours.iter().filter(|_| !member.gathers()) {
        let known = *bodies.entry(&receipt.id).or_insert(&receipt.body);
        if known != receipt.body {
            return Err(format!("{}: {} told of two things", member.text, receipt.id));
        }
    }
    Ok(())
}

/// Whoever takes everything is told at once, however others behave; once it is known to do so, for
/// those whom nobody knows share what they get with those who are slow.
fn promptly(story: &Story, member: &Member, due: &[&Recorded], ours: &[&Receipt]) -> Check {
    if !story.is_calm() || !story.is_good(member) || member.gathers() {
        return Ok(());
    }
    let mut first: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for receipt in ours {
        receipt.body.lines().for_each(|line| {
            first.entry(line).or_insert(receipt.at);
        });
    }
    let known_at = ours.iter().map(|receipt| receipt.at).min().unwrap_or_default();
    let late = due.iter().filter(|one| known_at < one.event.at).find(|one| {
        let arrived = first.get(&*line(&one.event));
        arrived.is_some_and(|at| one.event.at.0 + PROMPT < at.0)
    });
    late.map_or(Ok(()), |one| Err(format!("{}: {} came late", member.text, line(&one.event))))
}
