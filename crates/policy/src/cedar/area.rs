//! Areas that policies call by name.

use std::collections::BTreeMap;

use model::{Geometry, Json, Name};
use query::{Filter, GeoCondition, GeoRelation};

use super::source::{Limits, Problem, Source};

/// The GeoProperty by which an entity lies in an area (`location` unless named, clause 4.10).
const LOCATION: &str = "https://uri.etsi.org/ngsi-ld/location";

#[derive(Clone, Debug, Default)]
pub(super) struct Areas(BTreeMap<String, Geometry>);

impl Areas {
    /// Reads texts such as `{"harbour": {"type": "Polygon", "coordinates": [..]}}`.
    pub fn read(sources: &[Source], limits: &Limits) -> Result<Areas, Vec<Problem>> {
        let (mut areas, mut problems) = (Areas::default(), Vec::new());
        for source in sources {
            problems.extend(areas.add(source, limits).err());
        }
        if problems.is_empty() { Ok(areas) } else { Err(problems) }
    }

    fn add(&mut self, source: &Source, limits: &Limits) -> Result<(), Problem> {
        let problem = |message: String| Problem::at(source, 0, message);
        source.check_size(limits)?;
        let json = Json::parse(&source.text).map_err(|error| problem(error.to_string()))?;
        let members = json.members().ok_or_else(|| {
            problem("areas are a JSON object from a name to a GeoJSON geometry".to_owned())
        })?;
        for (name, geometry) in members {
            let geometry = Geometry::parse(&geometry)
                .map_err(|error| problem(format!("area `{name}`: {error}")))?;
            if self.0.insert(name.clone(), geometry).is_some() {
                return Err(problem(format!("area `{name}` is given twice")));
            }
            if limits.policy_areas_max < self.0.len() {
                let max = limits.policy_areas_max;
                return Err(problem(format!(
                    "there are more than {max} areas (setting `policy_areas_max`)"
                )));
            }
        }
        Ok(())
    }

    /// The entities whose `location` lies within the area of this name.
    pub fn filter(&self, name: &str) -> Option<Filter> {
        let geometry = self.0.get(name)?.clone();
        let property = Name::new(LOCATION);
        Some(Filter::Geo(GeoCondition { property, relation: GeoRelation::Within, geometry }))
    }
}
