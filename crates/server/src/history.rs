//! `comity export --history`: what was said over time, reading by reading.
//!
//! Entities are read one after the other, and the readings of one with many in parts, so that
//! memory does not grow with what there is.

mod parquet;
mod sink;

use model::{EntityId, Name, Reading, Tenant, Timestamp};
use query::{Direction, Filter, Page, ReadingSelection, TimeProperty, Window};
use store::{Evolution, QueryHistory, RetrieveHistory, Told};

use crate::failure::Failure;
use crate::platform::{Platform, operator};

pub use sink::{Layout, Sink, sink};

/// How many entities are found at a time.
const ENTITIES: usize = 1_000;

/// How many readings are read at a time.
pub const READINGS: usize = 100_000;

/// Which readings go out.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub tenant: Tenant,
    /// Only of entities of one of these types; of all, where there is none.
    pub types: Vec<Name>,
    /// Only of this entity.
    pub id: Option<EntityId>,
    /// Only of these attributes; of all, where there is none.
    pub attributes: Vec<Name>,
    /// Only what was observed at that moment or later.
    pub from: Option<Timestamp>,
    /// Only what was observed before.
    pub until: Option<Timestamp>,
}

/// Writes the readings asked for, so many of them in memory at a time; tells how many there were.
/// Those of an entity come together, each attribute by time: first what says when it was observed.
pub async fn export(
    platform: &Platform,
    asked: &Asked,
    at_a_time: usize,
    sink: &mut dyn Sink,
) -> Result<u64, Failure> {
    let mut export = Export { platform, asked, at_a_time, sink, written: 0 };
    match &asked.id {
        Some(id) => export.entity(id).await?,
        None => export.all().await?,
    }
    let written = export.written;
    sink.finish()?;
    Ok(written)
}

struct Export<'a> {
    platform: &'a Platform,
    asked: &'a Asked,
    at_a_time: usize,
    sink: &'a mut dyn Sink,
    written: u64,
}

impl Export<'_> {
    async fn all(&mut self) -> Result<(), Failure> {
        let mut last = EntityId::first();
        loop {
            // By id alone: an order that costs nothing.
            let query = QueryHistory {
                tenant: self.asked.tenant.clone(),
                filter: Filter::IdsAfter(last),
                scope: None,
                by_id: Some(Direction::Ascending),
                page: Page { offset: 0, limit: ENTITIES },
                count: false,
                // To find them is all that is wanted here.
                readings: ReadingSelection { last_n: Some(1), ..self.selection(usize::MAX) },
            };
            let found = self.platform.broker.history(&operator(), query).await?;
            for evolution in &found.evolutions {
                if self.is_asked(evolution) {
                    self.entity(&evolution.header.id).await?;
                }
            }
            match found.evolutions.last() {
                Some(evolution) if found.more => last = evolution.header.id.clone(),
                _ => return Ok(()),
            }
        }
    }

    fn is_asked(&self, evolution: &Evolution) -> bool {
        let types = &self.asked.types;
        types.is_empty() || evolution.header.types.iter().any(|name| types.contains(name))
    }

    fn selection(&self, limit: usize) -> ReadingSelection {
        let Asked { attributes, from, until, .. } = self.asked;
        let window = Window { property: TimeProperty::ObservedAt, from: *from, until: *until };
        ReadingSelection {
            window: (from.is_some() || until.is_some()).then_some(window),
            attributes: (!attributes.is_empty()).then(|| attributes.clone()),
            omitted: Vec::new(),
            datasets: None,
            last_n: None,
            aggregation: None,
            limit,
        }
    }

    async fn entity(&mut self, id: &EntityId) -> Result<(), Failure> {
        let Some((evolution, cut)) = self.read(id, self.selection(self.at_a_time)).await? else {
            return Ok(());
        };
        if !cut {
            return self.write(&evolution);
        }
        for (name, _) in &evolution.attributes {
            self.attribute(id, name).await?;
        }
        Ok(())
    }

    /// All readings of an attribute that has many: first those that say when they were observed.
    async fn attribute(&mut self, id: &EntityId, name: &Name) -> Result<(), Failure> {
        let whole = Window { property: TimeProperty::ObservedAt, from: None, until: None };
        let selection = self.selection(self.at_a_time);
        let observed = selection.window.unwrap_or(whole);
        self.windows(id, name, observed).await?;
        if selection.window.is_none() {
            let recorded = Window { property: TimeProperty::ModifiedAt, ..whole };
            self.windows(id, name, recorded).await?;
        }
        Ok(())
    }

    async fn windows(
        &mut self,
        id: &EntityId,
        name: &Name,
        mut window: Window,
    ) -> Result<(), Failure> {
        loop {
            let attributes = Some(vec![name.clone()]);
            let selection = ReadingSelection {
                window: Some(window),
                attributes,
                ..self.selection(self.at_a_time)
            };
            let Some((mut evolution, cut)) = self.read(id, selection).await? else {
                return Ok(());
            };
            let readings = evolution.attributes.iter().flat_map(|(_, told)| readings(told));
            let last = readings.filter_map(|reading| window.property.of(reading)).max();
            if window.property == TimeProperty::ModifiedAt {
                evolution.attributes.iter_mut().for_each(|(_, told)| leave_undated(told));
            }
            self.write(&evolution)?;
            match last {
                Some(last) if cut => window.from = Some(Timestamp(last.0.saturating_add(1))),
                _ => return Ok(()),
            }
        }
    }

    /// An evolution, and whether there is more of it.
    async fn read(
        &self,
        id: &EntityId,
        readings: ReadingSelection,
    ) -> Result<Option<(Evolution, bool)>, Failure> {
        let request =
            RetrieveHistory { tenant: self.asked.tenant.clone(), id: id.clone(), readings };
        let answer = self.platform.broker.evolution(&operator(), request).await?;
        let answer = answer.map(|answer| (answer.evolutions.into_iter().next(), answer.cut));
        Ok(answer.and_then(|(evolution, cut)| Some((evolution?, cut))))
    }

    fn write(&mut self, evolution: &Evolution) -> Result<(), Failure> {
        let count: usize = evolution.attributes.iter().map(|(_, told)| readings(told).len()).sum();
        if count > 0 {
            self.sink.evolution(evolution)?;
            self.written += count as u64;
        }
        Ok(())
    }
}

fn readings(told: &Told) -> &[Reading] {
    match told {
        Told::Readings(readings) => readings,
        Told::Aggregates(_) => &[],
    }
}

/// Those that do not say when they were observed.
fn leave_undated(told: &mut Told) {
    if let Told::Readings(readings) = told {
        readings.retain(|reading| reading.observed_at().is_none());
    }
}

#[cfg(test)]
mod tests {
    use model::{DateTime, HistoryChange, HistoryOperation, Instance, Json, Readings, Value};

    use super::*;
    use crate::settings::Settings;

    #[derive(Default)]
    struct Numbers(Vec<u64>, usize);

    impl Sink for Numbers {
        fn evolution(&mut self, evolution: &Evolution) -> Result<(), Failure> {
            let all = evolution.attributes.iter().flat_map(|(_, told)| readings(told));
            let numbers = all.filter_map(|reading| match reading {
                Reading::Said(Instance { value: Value::Property(json), .. }) => {
                    json.as_str().parse().ok()
                }
                _ => None,
            });
            let numbers: Vec<u64> = numbers.collect();
            self.1 = self.1.max(numbers.len());
            self.0.extend(numbers);
            Ok(())
        }

        fn finish(&mut self) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_long_series_goes_out_in_parts_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_owned();
        let platform = Platform::open(&Settings { data, ..Settings::default() }).unwrap();
        let reading = |n: u64| {
            let value = Value::Property(Json::from_compact(n.to_string()));
            // Those that do not say when stand among the others.
            let observed_at =
                (!n.is_multiple_of(5)).then(|| DateTime::new(Timestamp(n as i64 * 7), 6));
            Reading::Said(Instance { observed_at, ..Instance::new(value) })
        };
        for (id, count) in [("urn:a", 3), ("urn:b", 100), ("urn:c", 1)] {
            let attributes = vec![(Name::new("n"), (0..count).map(reading).collect())];
            let operation =
                HistoryOperation::Upsert(Readings { types: vec![Name::new("T")], attributes });
            let id = EntityId::parse(id).unwrap();
            let change = HistoryChange { tenant: Tenant::default(), id, operation };
            platform.broker.chronicle(&operator(), change).await.unwrap();
        }
        let mut sink = Numbers::default();
        let written = export(&platform, &Asked::default(), 8, &mut sink).await.unwrap();
        assert_eq!((written, sink.1), (104, 8));
        sink.0.sort_unstable();
        let mut expected: Vec<u64> = (0..3).chain(0..100).chain(0..1).collect();
        expected.sort_unstable();
        assert_eq!(sink.0, expected);
    }
}
