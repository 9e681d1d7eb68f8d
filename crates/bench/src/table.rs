//! The result: one row for each scenario, as a table for people or as JSON lines.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::scenarios::Quantity;

#[derive(Clone, Debug)]
pub struct Row {
    pub label: &'static str,
    pub entities: u64,
    pub measured: Quantity,
    pub aim: Quantity,
    /// Of the server, right after the scenario.
    pub memory_bytes: u64,
    pub traffic: Option<Served>,
}

/// How requests were served, and how the bare machine serves the like.
#[derive(Clone, Debug)]
pub struct Served {
    pub connections: usize,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Nothing where the machine has nothing like it.
    pub http: Option<Rate>,
    /// Of writes only.
    pub log: Option<Rate>,
}

#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub cpu_micros: f64,
    pub per_second: f64,
}

impl Served {
    /// A write needs the HTTP stack and the log.
    fn ceiling_micros(&self) -> f64 {
        let micros = |rate: Option<Rate>| rate.map_or(0.0, |rate| rate.cpu_micros);
        micros(self.http) + micros(self.log)
    }

    fn ceiling_per_second(&self) -> Option<f64> {
        let rates = [self.http, self.log].into_iter().flatten().map(|rate| rate.per_second);
        rates.reduce(f64::min)
    }
}

impl Quantity {
    fn parts(self) -> (f64, &'static str) {
        match self {
            Quantity::CpuMicros(value) => (value, "us"),
            Quantity::Millis(value) => (value, "ms"),
            Quantity::Megabytes(value) => (value, "MB"),
        }
    }

    fn text(self) -> String {
        let (value, unit) = self.parts();
        format!("{} {unit}", short(value))
    }

    fn times(self, other: Quantity) -> String {
        times(self.parts().0, other.parts().0)
    }
}

fn times(value: f64, of: f64) -> String {
    if of > 0.0 { format!("{:.2}", value / of) } else { "-".to_owned() }
}

/// Small numbers with a digit more.
fn short(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

const COLUMNS: [&str; 12] = [
    "scenario",
    "entities",
    "measured",
    "aim",
    "x aim",
    "ceiling: HTTP + log",
    "x ceiling",
    "per second",
    "ceiling",
    "p50 ms",
    "p99 ms",
    "memory",
];

pub fn text(rows: &[Row]) -> String {
    let mut lines = vec![COLUMNS.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for [label, rest @ ..] in &lines {
        let _ = write!(out, "{label:width$}", width = widths[0]);
        for (cell, width) in rest.iter().zip(&widths[1..]) {
            let _ = write!(out, "  {cell:>width$}");
        }
        out.push('\n');
    }
    out
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let none = || "-".to_owned();
    let served = row.traffic.as_ref();
    let cell = |of: &dyn Fn(&Served) -> String| served.map_or_else(none, of);
    [
        row.label.to_owned(),
        row.entities.to_string(),
        row.measured.text(),
        row.aim.text(),
        row.measured.times(row.aim),
        cell(&ceiling),
        cell(&|served| times(row.measured.parts().0, served.ceiling_micros())),
        cell(&|served| format!("{:.0}", served.per_second)),
        cell(&|served| served.ceiling_per_second().map_or_else(none, |rate| format!("{rate:.0}"))),
        cell(&|served| format!("{:.2}", served.p50_ms)),
        cell(&|served| format!("{:.2}", served.p99_ms)),
        format!("{:.0} MB", megabytes(row.memory_bytes)),
    ]
}

fn ceiling(served: &Served) -> String {
    let http = served.http.map(|http| short(http.cpu_micros));
    match (http, served.log) {
        (Some(http), Some(log)) => format!("{http} + {} us", short(log.cpu_micros)),
        (Some(http), None) => format!("{http} us"),
        (None, _) => "-".to_owned(),
    }
}

impl Row {
    pub fn json(&self) -> Value {
        let (measured, unit) = self.measured.parts();
        let mut line = json!({
            "scenario": self.label,
            "entities": self.entities,
            "measured": measured,
            "aim": self.aim.parts().0,
            "unit": unit,
            "memory_mb": megabytes(self.memory_bytes),
        });
        if let Some(served) = &self.traffic {
            line["connections"] = json!(served.connections);
            line["per_second"] = json!(served.per_second);
            line["p50_ms"] = json!(served.p50_ms);
            line["p99_ms"] = json!(served.p99_ms);
            line["ceiling_http"] = served.http.map_or(Value::Null, rate);
            line["ceiling_log"] = served.log.map_or(Value::Null, rate);
        }
        line
    }
}

fn rate(rate: Rate) -> Value {
    json!({ "cpu_us": rate.cpu_micros, "per_second": rate.per_second })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn rows() -> Vec<Row> {
        let served = Served {
            connections: 16,
            per_second: 20_000.0,
            p50_ms: 0.75,
            p99_ms: 2.5,
            http: Some(Rate { cpu_micros: 8.0, per_second: 60_000.0 }),
            log: Some(Rate { cpu_micros: 10.0, per_second: 40_000.0 }),
        };
        let row = Row {
            label: "create",
            entities: 20_000,
            measured: Quantity::CpuMicros(45.0),
            aim: Quantity::CpuMicros(60.0),
            memory_bytes: 52_000_000,
            traffic: Some(served),
        };
        let (measured, aim) = (Quantity::Millis(31.4), Quantity::Millis(100.0));
        let start = Row { label: "start", measured, aim, traffic: None, ..row.clone() };
        vec![row, start]
    }

    #[test]
    fn a_table_lines_up() {
        expect![[r#"
            scenario  entities  measured      aim  x aim  ceiling: HTTP + log  x ceiling  per second  ceiling  p50 ms  p99 ms  memory
            create       20000   45.0 us  60.0 us   0.75        8.0 + 10.0 us       2.50       20000    40000    0.75    2.50   52 MB
            start        20000   31.4 ms   100 ms   0.31                    -          -           -        -       -       -   52 MB
        "#]].assert_eq(&text(&rows()));
    }

    #[test]
    fn a_line_of_json_holds_the_row() {
        let line = rows()[0].json();
        let micros = [&line["measured"], &line["aim"], &line["ceiling_log"]["cpu_us"]];
        assert_eq!(micros.map(Value::as_f64), [Some(45.0), Some(60.0), Some(10.0)]);
    }
}
