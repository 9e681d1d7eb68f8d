//! Answers that cannot hold all readings (6.3.10).

use ngsi_ld::Settings;

use crate::support::City;

/// Speed and heading, each observed at every minute of the first hour of 2026.
async fn city() -> City {
    let settings = Settings { history_answer_readings_max: 20, ..Settings::default() };
    let city = City::with(settings);
    let readings = |shift: i64| {
        let reading = |minute| {
            format!(
                r#"{{"value":{},"observedAt":"2026-01-01T00:{minute:02}:00Z"}}"#,
                minute + shift
            )
        };
        (0..60).map(reading).collect::<Vec<_>>().join(",")
    };
    let car = format!(
        r#"{{"id":"urn:x:1","type":"Car","speed":[{}],"heading":[{}],
            "fuel":{{"value":1,"observedAt":"2026-01-01T00:30:00Z"}}}}"#,
        readings(0),
        readings(100)
    );
    city.post("/temporal/entities", &car).await.is(201);
    city
}

#[tokio::test]
async fn a_partial_answer_says_of_which_time_it_is() {
    let city = city().await;
    let check = async |query: &str, expected: &str| {
        for path in ["/temporal/entities/urn:x:1?", "/temporal/entities?type=Car&"] {
            if path.contains("type") && !query.contains("timerel") {
                continue;
            }
            let told = city.get(&format!("{path}{query}")).await.is(206);
            let range = told.header("content-range").replace("2026-01-01T00:", "");
            assert_eq!(range, expected, "{path}{query}");
        }
    };
    const EARLY: &str = "2025-12-31T00:00:00Z";
    const LATE: &str = "2027-01-01T00:00:00Z";
    check("", "date-time 00:00Z-09:00Z/*").await;
    check("lastN=30", "date-time 59:00Z-50:00Z/30").await;
    check("timerel=after&timeAt=2025-12-31T00:00:00Z", &format!("date-time {EARLY}-09:00Z/*"))
        .await;
    check("timerel=before&timeAt=2027-01-01T00:00:00Z", "date-time 00:00Z-09:00Z/*").await;
    check(
        "timerel=before&timeAt=2027-01-01T00:00:00Z&lastN=30&format=temporalValues",
        &format!("date-time {LATE}-50:00Z/30"),
    )
    .await;
    check(
        "timerel=between&timeAt=2025-12-31T00:00:00Z&endTimeAt=2027-01-01T00:00:00Z&lastN=30",
        &format!("date-time {LATE}-50:00Z/30"),
    )
    .await;
}

#[tokio::test]
async fn an_attribute_beyond_a_partial_answer_stands_empty() {
    let city = city().await;
    let told = city.get("/temporal/entities/urn:x:1").await.is(206).json();
    assert_eq!(told["fuel"], serde_json::json!([]));
    assert_eq!(told["speed"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn what_fits_is_no_partial_answer() {
    let city = city().await;
    for query in ["lastN=5", "pick=id,type", "options=aggregatedValues&aggrMethods=avg"] {
        let told = city.get(&format!("/temporal/entities/urn:x:1?{query}")).await.is(200);
        assert_eq!(told.header("content-range"), "", "{query}");
    }
}

#[tokio::test]
async fn a_change_has_a_limit_too() {
    let settings = Settings { history_change_readings_max: 2, ..Settings::default() };
    let city = City::with(settings);
    let body = r#"{"id":"urn:x:1","type":"Car","speed":[1,2,{"value":3}]}"#;
    let told = city.post("/temporal/entities", body).await;
    told.problem(400, "BadRequestData", "`history_change_readings_max`");
}
