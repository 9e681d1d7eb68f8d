//! Records of any format, each the text of one entity, or what is wrong with it.

use std::path::Path;

use serde_json::Value;

use super::elements::Elements;
use super::feature;
use super::input::{Input, Place, SourceError};
use super::json::Cut;
use super::lines;
use super::mapping::Mapping;
use super::rows::{Layout, Rows};

/// How a file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An entity or feature on each line.
    Ndjson,
    /// An array, a FeatureCollection, a JSON-LD graph, or one entity.
    Json,
    Csv,
}

/// How records become entities, beyond their format.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub mapping: Option<Mapping>,
    /// The type of GeoJSON features that name none.
    pub entity_type: Option<String>,
    /// Records are not entities but what was said of them over time.
    pub history: bool,
    pub record_bytes_max: usize,
}

/// One record and where it begins.
#[derive(Debug)]
pub struct Record {
    pub line: u64,
    /// The text of an entity, or why there is none.
    pub entity: Result<String, String>,
}

#[derive(Debug)]
pub struct Records {
    kind: Kind,
    shape: Shape,
}

#[derive(Debug)]
enum Kind {
    Lines(Input),
    Elements(Elements),
    Rows(Rows),
}

impl Format {
    /// By the ending of the name.
    pub fn of(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "ndjson" | "jsonl" | "geojsonl" => Some(Format::Ndjson),
            "json" | "jsonld" | "geojson" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            _ => None,
        }
    }
}

impl Records {
    pub fn open(input: Input, format: Format, shape: Shape) -> Result<Records, SourceError> {
        let kind = match (format, &shape.mapping) {
            (Format::Ndjson, _) => Kind::Lines(input),
            (Format::Json, _) => Kind::Elements(Elements::open(input, shape.record_bytes_max)?),
            (Format::Csv, Some(mapping)) => {
                let layout = if shape.history { Layout::Readings } else { Layout::Entities };
                Kind::Rows(Rows::open(input, layout(mapping.clone()))?)
            }
            (Format::Csv, None) if shape.history => Kind::Rows(Rows::open(input, Layout::Plain)?),
            (Format::Csv, None) => {
                let problem = "CSV needs a mapping; give one with --mapping".to_owned();
                return Err(SourceError::Broken { line: 1, problem });
            }
        };
        Ok(Records { kind, shape })
    }

    /// Where the next record begins.
    pub fn place(&self) -> Place {
        match &self.kind {
            Kind::Lines(input) => input.place(),
            Kind::Elements(elements) => elements.place(),
            Kind::Rows(rows) => rows.place(),
        }
    }

    /// Goes on at what `place` once told.
    pub fn seek(&mut self, place: Place) -> Result<(), SourceError> {
        match &mut self.kind {
            Kind::Lines(input) => Ok(input.seek(place)?),
            Kind::Elements(elements) => elements.seek(place),
            Kind::Rows(rows) => rows.seek(place),
        }
    }

    /// The `@context` that the file gives for all of its records.
    pub fn context(&self) -> Option<&str> {
        match &self.kind {
            Kind::Elements(elements) => elements.context(),
            Kind::Lines(_) | Kind::Rows(_) => None,
        }
    }

    pub fn read(&mut self) -> Result<Option<Record>, SourceError> {
        let cut = match &mut self.kind {
            Kind::Lines(input) => lines::read(input, self.shape.record_bytes_max)?,
            Kind::Elements(elements) => elements.read()?,
            Kind::Rows(rows) => return rows.read(),
        };
        Ok(cut.map(|cut| Record { line: cut.line, entity: self.entity(cut) }))
    }

    fn entity(&self, cut: Cut) -> Result<String, String> {
        let Shape { mapping, entity_type, record_bytes_max, .. } = &self.shape;
        if cut.too_long {
            return Err(format!(
                "longer than {record_bytes_max} bytes (setting `import_record_bytes_max`)"
            ));
        }
        let text = String::from_utf8(cut.bytes).map_err(|_| "not UTF-8".to_owned())?;
        // Only what mentions it can be a feature; most entities are spared a second reading.
        if self.shape.history || !text.contains("\"Feature\"") {
            return Ok(text);
        }
        let tree: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if feature::is_feature(&tree) {
            feature::entity(tree, mapping.as_ref(), entity_type.as_deref())
        } else {
            Ok(text)
        }
    }
}
