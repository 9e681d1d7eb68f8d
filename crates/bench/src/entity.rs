//! The entities of the benchmark: entity number `i` is the same in every run.

/// An 8-attribute weather station with a place.
pub fn entity(number: u64) -> String {
    let id = id(number);
    let code = number % 100_000;
    let temperature = temperature(number);
    let humidity = unit(number, 4);
    let wind = 30.0 * unit(number, 5);
    let dataset = number % 50;
    let Place { longitude, latitude } = place(number);
    format!(
        r#"{{"id":"{id}","type":"{TYPE}",
"name":{{"type":"Property","value":"Station {number}"}},
"description":{{"type":"Property","value":"A short description of my entity"}},
"stationCode":{{"type":"Property","value":"BSS{code:05}JAWM"}},
"temperature":{{"type":"Property","value":{temperature:.2},"unitCode":"CEL","observedAt":"{DAY}"}},
"relativeHumidity":{{"type":"Property","value":{humidity:.3},"observedAt":"{DAY}"}},
"windSpeed":{{"type":"Property","value":{wind:.1},"unitCode":"MTS","observedAt":"{DAY}"}},
"servesDataset":{{"type":"Relationship","object":"urn:ngsi-ld:Dataset:{dataset}"}},
"location":{{"type":"GeoProperty","value":{{"type":"Point","coordinates":[{longitude:.6},{latitude:.6}]}}}}}}"#
    )
}

/// A JSON array of consecutive entities.
pub fn batch(first: u64, count: u64) -> String {
    let entities: Vec<String> = (first..first + count).map(entity).collect();
    format!("[{}]", entities.join(","))
}

/// What the sensor says the next time.
pub fn reading(number: u64) -> String {
    let temperature = temperature(mix(number));
    format!(
        r#"{{"type":"Property","value":{temperature:.2},"unitCode":"CEL","observedAt":"{DAY}"}}"#
    )
}

pub const TYPE: &str = "WeatherObserved";

const DAY: &str = "2026-04-01T12:00:00Z";

pub fn id(number: u64) -> String {
    format!("urn:ngsi-ld:{TYPE}:{number}")
}

#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub longitude: f64,
    pub latitude: f64,
}

/// All stations lie within half a degree each way, whatever their number: about 2,000 km2.
pub fn place(number: u64) -> Place {
    Place { longitude: 8.4 + 0.5 * unit(number, 1), latitude: 49.0 + 0.5 * unit(number, 2) }
}

fn temperature(number: u64) -> f64 {
    45.0 * unit(number, 3) - 10.0
}

/// A number that is spread evenly over all of `u64` (the mixer of SplitMix64).
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// From 0 up to but not 1; `salt` tells the uses of one number apart.
fn unit(number: u64, salt: u64) -> f64 {
    (mix(mix(number) ^ salt) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_json_with_eight_attributes() {
        for number in [0, 1, 999_999, u64::MAX] {
            let parsed: serde_json::Value = serde_json::from_str(&entity(number)).unwrap();
            assert_eq!(parsed.as_object().unwrap().len(), 2 + 8);
        }
    }

    #[test]
    fn a_batch_holds_its_entities() {
        let parsed: Vec<serde_json::Value> = serde_json::from_str(&batch(5, 3)).unwrap();
        let ids: Vec<_> = parsed.iter().map(|entity| entity["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [id(5), id(6), id(7)]);
    }

    #[test]
    fn stations_are_spread_evenly() {
        let mean = (0..10_000).map(|number| unit(number, 1)).sum::<f64>() / 10_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
    }
}
