//! A change of an evolution is judged by the entity as it is now, or by what is left of it, and by
//! the attributes that are written.

use model::{Entity, HistoryChange, HistoryOperation, Name, Readings, Refused, Timestamp};

use crate::cedar::{Action, Refusal, Subject};
use crate::permit::{Declined, Judge, Permitted};

impl Permitted<HistoryChange> {
    /// The change, if it may be made. Asked under the lock that guards the write.
    ///
    /// `subject` is nothing where nothing is known of the entity. What the caller may not see does
    /// not exist for it.
    pub fn on(self, subject: Option<&Subject>, now: Timestamp) -> Result<HistoryChange, Declined> {
        let (change, judge) = self.into_request();
        let id = &change.id;
        let (action, names) = match (&change.operation, subject) {
            (HistoryOperation::Upsert(readings), None) => {
                judge.allow_new(readings.entity(id, now).as_ref())?;
                return Ok(change);
            }
            // There is nothing that could be kept from anybody.
            (_, None) => return Ok(change),
            (HistoryOperation::Upsert(readings) | HistoryOperation::Add(readings), Some(_)) => {
                (Action::Update, names(readings))
            }
            (HistoryOperation::Delete, Some(_)) => (Action::Delete, Vec::new()),
            (
                HistoryOperation::DeleteAttribute { name, .. }
                | HistoryOperation::ModifyInstance { name, .. }
                | HistoryOperation::DeleteInstance { name, .. },
                Some(_),
            ) => (Action::Update, vec![name]),
        };
        let Some(subject) = subject else { return Ok(change) };
        let adds =
            matches!(change.operation, HistoryOperation::Upsert(_) | HistoryOperation::Add(_));
        match judge.allow_names(subject, action, &names) {
            Ok(()) => {}
            Err(refusal) => return Err(judge.told(refusal, &change, subject, adds)),
        }
        if let HistoryOperation::Upsert(readings) | HistoryOperation::Add(readings) =
            &change.operation
            && let Subject::Now(before) = subject
            && let Some(after) = readings.renewed(before, now)
        {
            let rights = judge.rights(Action::Update);
            let allowed = rights.allow_change(Some(before), Some(&after));
            allowed.map_err(|refusal| judge.told(refusal, &change, subject, adds))?;
        }
        Ok(change)
    }
}

fn names(readings: &Readings) -> Vec<&Name> {
    readings.attributes.iter().map(|(name, _)| name).collect()
}

impl Judge {
    /// May the entity come into being that an evolution begins with? One without types does not.
    fn allow_new(&self, after: Option<&Entity>) -> Result<(), Declined> {
        let Some(after) = after else { return Ok(()) };
        let allowed = self.rights(Action::Create).allow_change(None, Some(after));
        allowed.map_err(|refusal| self.denied(refusal).into())
    }

    fn allow_names(
        &self,
        subject: &Subject,
        action: Action,
        names: &[&Name],
    ) -> Result<(), Refusal> {
        let rights = self.rights(action);
        if rights.are_all() {
            return Ok(());
        }
        let withheld = rights.withheld_of(subject).ok_or(Refusal::Entity(action))?;
        match names.iter().find(|name| withheld.iter().any(|set| set.contains(name))) {
            Some(name) => Err(Refusal::Attribute(action, (*name).clone())),
            None => Ok(()),
        }
    }

    /// A refusal that tells nothing of what the caller does not see.
    fn told(
        &self,
        refusal: Refusal,
        change: &HistoryChange,
        subject: &Subject,
        adds: bool,
    ) -> Declined {
        let read = self.rights(Action::Read);
        let begins = matches!(change.operation, HistoryOperation::Upsert(_));
        if read.withheld_of(subject).is_none() && !begins {
            return Refused::Unknown(subject.id().clone()).into();
        }
        match &refusal {
            Refusal::Attribute(_, name) if !adds && !read.shows_of(subject, name) => {
                Refused::NoAttribute(name.clone()).into()
            }
            _ => self.denied(refusal).into(),
        }
    }
}
