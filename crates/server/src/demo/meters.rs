//! A year of electricity for each building of the sample city.

use broker::BrokerError;
use jsonld::Context;
use model::{
    DateTime, EntityId, HistoryChange, HistoryOperation, Instance, Json, Name, Reading, Readings,
    Tenant, Timestamp, Value,
};

use crate::failure::Failure;
use crate::import::Bar;
use crate::platform::{Platform, operator};

/// Hourly loads of 2016 as shares of a peak, one profile in each column.
const PROFILES: &str = include_str!("../../city/load-profiles.csv");

const HOUR: i64 = 3_600_000_000;
const HOURS_OF_A_YEAR: i64 = 365 * 24;
/// Meters whose readings are written together.
const METERS_AT_A_TIME: usize = 8;

/// Gives each building a meter, with its power in kilowatts for each hour of the year up to now.
pub async fn import(platform: &Platform, buildings: &[EntityId]) -> Result<(), Failure> {
    let profiles = profiles()?;
    let now = platform.broker.now();
    let last = now.0 - now.0.rem_euclid(HOUR);
    let hours: Vec<(i64, usize)> = (1..=HOURS_OF_A_YEAR)
        .map(|back| last - (HOURS_OF_A_YEAR - back) * HOUR)
        .map(|at| (at, hour_of_2016(at)))
        .collect();
    let mut bar = Bar::new("a year of electricity", buildings.len() as u64, now);
    let mut done = 0;
    for some in buildings.chunks(METERS_AT_A_TIME) {
        let changes = some.iter().map(|building| meter(building, &profiles, &hours)).collect();
        for outcome in platform.broker.chronicle_all(&operator(), changes).await? {
            outcome.map_err(|error| Failure::Refused(format!("a meter: {error}")))?;
        }
        done += some.len() as u64;
        bar.show(done, done, platform.broker.now());
    }
    bar.finish(done, platform.broker.now());
    platform.store.settle().await.map_err(BrokerError::from)?;
    Ok(())
}

/// The city is written in the terms of the core context.
fn name_of(term: &str) -> Name {
    Name::new(&*Context::core().expand_term(term))
}

/// The columns of the file.
fn profiles() -> Result<Vec<Vec<f64>>, Failure> {
    let rows = PROFILES.lines().skip(1);
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for row in rows {
        for (place, cell) in row.split(',').enumerate() {
            let share = cell.parse().map_err(|_| Failure::Refused(format!("a load: `{cell}`")))?;
            match columns.get_mut(place) {
                Some(column) => column.push(share),
                None => columns.push(vec![share]),
            }
        }
    }
    Ok(columns)
}

/// The hour of 2016 that is most like a moment: at the same time of the year and of the week.
fn hour_of_2016(at: i64) -> usize {
    let date = Timestamp(at).to_string();
    let year: String = date.chars().take(4).collect();
    let new_year = DateTime::parse(&format!("{year}-01-01T00:00:00Z"));
    let new_year = new_year.map_or(0, |moment| moment.instant().0);
    let day = (at - new_year) / (24 * HOUR);
    // 1970 began on a Thursday, 2016 on a Friday.
    let weekday = at.div_euclid(24 * HOUR) + 4;
    let difference = (weekday - (day + 5)).rem_euclid(7);
    let nearest = if difference > 3 { difference - 7 } else { difference };
    let day = (day + nearest).rem_euclid(366);
    (day * 24 + at.rem_euclid(24 * HOUR) / HOUR) as usize
}

fn meter(building: &EntityId, profiles: &[Vec<f64>], hours: &[(i64, usize)]) -> HistoryChange {
    let name = building.as_str().rsplit(':').next().unwrap_or_default();
    let number = name.bytes().fold(7_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte));
    let profile = profiles.get(number as usize % profiles.len().max(1));
    // From 20 to 199 kilowatts.
    let peak = (20 + number / 7 % 180) as f64;
    let power = |(at, hour): &(i64, usize)| {
        let share = profile.and_then(|shares| shares.get(*hour)).copied().unwrap_or_default();
        let value = Json::from_compact(format!("{:.1}", share * peak));
        Reading::Said(Instance {
            observed_at: Some(DateTime::new(Timestamp(*at), 0)),
            unit_code: Some(Json::text("KWT")),
            ..Instance::new(Value::Property(value))
        })
    };
    let at = Value::Relationship { objects: vec![building.clone()], array: false };
    let attributes = vec![
        (name_of("refBuilding"), vec![Reading::Said(Instance::new(at))]),
        (name_of("power"), hours.iter().map(power).collect()),
    ];
    HistoryChange {
        tenant: Tenant::default(),
        id: EntityId::from_valid(format!("urn:ngsi-ld:ElectricityMeter:{name}")),
        operation: HistoryOperation::Upsert(Readings {
            types: vec![name_of("ElectricityMeter")],
            attributes,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_any_year_has_one_of_2016() {
        let hour = |text: &str| hour_of_2016(DateTime::parse(text).unwrap().instant().0);
        assert_eq!(hour("2016-01-01T00:00:00Z"), 0);
        assert_eq!(hour("2016-12-31T23:00:00Z"), 366 * 24 - 1);
        // A Wednesday: the nearest one of 2016 is the sixth of January, five days on, or the
        // thirtieth of December, two days back.
        assert_eq!(hour("2025-01-01T05:00:00Z") % 24, 5);
        for days in 0..800 {
            let at = 1_750_000_000_000_000 / (24 * HOUR) * 24 * HOUR + days * 24 * HOUR;
            let there = hour_of_2016(at) as i64 / 24;
            let weekday = |days: i64| (days + 4).rem_euclid(7);
            let new_year = DateTime::parse("2016-01-01T00:00:00Z").unwrap().instant().0;
            let there = new_year / (24 * HOUR) + there;
            if (10..355).contains(&(there - new_year / (24 * HOUR))) {
                assert_eq!(weekday(there), weekday(at / (24 * HOUR)));
            }
        }
        assert_eq!(profiles().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [8_784; 4]);
    }
}
