//! What was said of an entity over time (clauses 4.5.6 to 4.5.9 and 4.5.19).

use std::fmt::Write;

use broker::{Evolution, Told};
use model::{Deletion, EntityId, InstanceId, Kind, NULL, Name, Reading, SCOPE, Timestamp, Uri};
use query::{AggregatedSeries, PeriodValue, TimeProperty};

use super::projection::{Member, Projection};
use super::text::{
    array, member, moment_member, named_member, one_or_many, plain, plain_member, shortest,
};
use super::writer::Writer;
use crate::read::Holder;

/// How the readings of an attribute go out; what was computed of them has one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Each as an instance.
    Instances,
    /// Each as its value and this moment of it (4.5.9).
    Values(TimeProperty),
}

impl<'a> Writer<'a> {
    pub(super) fn evolution(
        &mut self,
        out: &mut String,
        evolution: &'a Evolution,
        projection: Projection<'a>,
        telling: Telling,
    ) {
        let header = &evolution.header;
        out.push('{');
        if projection.shows(&Member::Id) {
            plain_member(out, "id", header.id.as_str());
        }
        if projection.shows(&Member::Type) {
            self.types(out, &header.types);
        }
        if self.shape.sys_attrs {
            moment_member(out, "createdAt", header.created_at.date_time());
            moment_member(out, "modifiedAt", header.modified_at.date_time());
            if let Some(at) = header.deleted_at {
                moment_member(out, "deletedAt", at.date_time());
            }
        }
        for (name, told) in &evolution.attributes {
            if name.as_str() == SCOPE {
                if !projection.shows(&Member::Scope) {
                    continue;
                }
                member(out, "scope");
            } else {
                if !projection.shows_attribute(name) {
                    continue;
                }
                named_member(out, &self.compacted(name));
            }
            match (told, telling) {
                (Told::Aggregates(series), _) => {
                    one_or_many(out, series, false, |out, one| self.aggregates(out, one));
                }
                (Told::Readings(readings), Telling::Instances) => {
                    self.readings(out, &header.id, name, readings);
                }
                // All of them lie beyond the end of the answer, and nobody has looked of what
                // kind they are.
                (Told::Readings(readings), Telling::Values(_)) if readings.is_empty() => {
                    out.push_str("{\"values\":[]}");
                }
                (Told::Readings(readings), Telling::Values(property)) => {
                    let all = self.by_kind_and_dataset(readings);
                    one_or_many(out, &all, false, |out, one| self.values(out, name, one, property));
                }
            }
        }
        self.context_member(out);
        out.push('}');
    }

    fn readings(
        &mut self,
        out: &mut String,
        id: &EntityId,
        attribute: &Name,
        readings: &'a [Reading],
    ) {
        // Ids of one series differ in their moments alone.
        let mut series: Vec<(Option<&Uri>, InstanceId)> = Vec::new();
        array(out, readings, |out, reading| {
            let (dataset, moment) = (reading.dataset_id(), reading.moment());
            let known = series.iter().find(|(known, _)| *known == dataset).map(|(_, id)| *id);
            let mut instance_id = known.unwrap_or_else(|| {
                let new = InstanceId::new(id, attribute, dataset, moment);
                series.push((dataset, new));
                new
            });
            instance_id.moment = moment;
            out.push('{');
            match reading {
                Reading::Said(instance) => self.said(out, instance, None),
                Reading::Deleted(deletion) => self.deletion(out, attribute, deletion),
            }
            member(out, "instanceId");
            // Writing to a String cannot fail.
            let _ = write!(out, "\"{instance_id}\"");
            out.push('}');
        });
    }

    /// The end of an instance: the NGSI-LD Null as its value (4.5.7, 4.5.8).
    fn deletion(&self, out: &mut String, attribute: &Name, deletion: &Deletion) {
        let kind = self.shown_kind(deletion.kind);
        self.kind(out, kind, false);
        member(out, Holder::of(kind).term());
        null(out, attribute, kind);
        if let Some(at) = deletion.observed_at {
            moment_member(out, "observedAt", at);
        }
        if let Some(dataset_id) = &deletion.dataset_id {
            plain_member(out, "datasetId", dataset_id.as_str());
        }
        if self.shape.sys_attrs {
            moment_member(out, "createdAt", deletion.created_at.date_time());
            moment_member(out, "modifiedAt", deletion.modified_at.date_time());
        }
        moment_member(out, "deletedAt", deletion.deleted_at.date_time());
    }

    /// With a language chosen, a LanguageProperty goes out as a Property (4.15).
    fn shown_kind(&self, kind: Kind) -> Kind {
        match kind {
            Kind::LanguageProperty if self.shape.languages.is_some() => Kind::Property,
            kind => kind,
        }
    }

    /// An attribute may have been of several kinds in its time, and has instances by dataset.
    fn by_kind_and_dataset(&self, readings: &'a [Reading]) -> Vec<Series<'a>> {
        let mut all: Vec<Series<'a>> = Vec::new();
        for reading in readings {
            let (kind, dataset) = (self.shown_kind(reading.kind()), reading.dataset_id());
            let same = |known: &&mut Series<'a>| known.kind == kind && known.dataset == dataset;
            match all.iter_mut().find(same) {
                Some(known) => known.readings.push(reading),
                None => all.push(Series { kind, dataset, readings: vec![reading] }),
            }
        }
        all
    }

    fn values(
        &mut self,
        out: &mut String,
        attribute: &Name,
        series: &Series<'a>,
        property: TimeProperty,
    ) {
        let holder = Holder::of(series.kind);
        open(out, series.kind, series.dataset);
        member(out, holder.plural());
        array(out, &series.readings, |out, reading| {
            out.push('[');
            if holder.is_wrapped() {
                out.push('{');
                member(out, holder.term());
            }
            match reading {
                Reading::Deleted(_) => null(out, attribute, series.kind),
                Reading::Said(instance) => match self.translated(instance) {
                    Some((_, text)) => out.push_str(text.as_str()),
                    None => self.bare_value(out, instance),
                },
            }
            if holder.is_wrapped() {
                out.push('}');
            }
            out.push(',');
            moment_of(out, reading, property);
            out.push(']');
        });
        out.push('}');
    }

    fn aggregates(&self, out: &mut String, series: &AggregatedSeries) {
        open(out, self.shown_kind(series.kind), series.dataset_id.as_ref());
        for (method, periods) in &series.methods {
            member(out, method.name());
            array(out, periods, |out, PeriodValue { value, start, end }| {
                out.push('[');
                out.push_str(value.as_str());
                for at in [start, end] {
                    out.push(',');
                    plain(out, shortest(*at).text().as_str());
                }
                out.push(']');
            });
        }
        out.push('}');
    }
}

/// The readings of one dataset, as long as they were of one kind.
struct Series<'a> {
    kind: Kind,
    dataset: Option<&'a Uri>,
    readings: Vec<&'a Reading>,
}

/// These forms tell the kind, always.
fn open(out: &mut String, kind: Kind, dataset: Option<&Uri>) {
    out.push('{');
    plain_member(out, "type", kind.term());
    if let Some(dataset) = dataset {
        plain_member(out, "datasetId", dataset.as_str());
    }
}

/// The NGSI-LD Null of the kind (4.5.0). An entity without scopes has none of them.
fn null(out: &mut String, attribute: &Name, kind: Kind) {
    match kind {
        _ if attribute.as_str() == SCOPE => out.push_str("[]"),
        Kind::LanguageProperty => {
            out.push('{');
            plain_member(out, "@none", NULL);
            out.push('}');
        }
        Kind::ListProperty | Kind::ListRelationship => array(out, [NULL], plain),
        _ => plain(out, NULL),
    }
}

/// The moment asked about; where a reading lacks it, the one that tells it from others.
fn moment_of(out: &mut String, reading: &Reading, property: TimeProperty) {
    let at = match (property, property.of(reading)) {
        (TimeProperty::ObservedAt, Some(_)) => reading.observed_at(),
        (_, at) => at.map(Timestamp::date_time),
    };
    let at = at.unwrap_or_else(|| reading.moment().instant().date_time());
    plain(out, at.text().as_str());
}
