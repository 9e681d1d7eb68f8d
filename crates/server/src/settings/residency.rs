//! Which destinations lie in which region, each a table `[[regions]]` of the file, and to which
//! regions which data may go, each a table `[[residency]]`.

use std::collections::HashSet;

use jsonld::Context;
use model::{Name, Tenant};
use policy::{REGION_BYTES_MAX, Region, ResidencyRule};

use super::destinations::Destinations;
use super::layers::{SettingsError, set_toml, tables};
use super::{Settings, settings};

/// What the tables stand under.
pub const REGIONS: &str = "regions";
pub const RESIDENCY: &str = "residency";

/// How many there may be of each.
pub const REGIONS_MAX: usize = 300;
pub const RESIDENCY_MAX: usize = 1_000;

/// Written where a rule is about every tenant.
const EVERY_TENANT: &str = "*";

settings! {
    /// A country or another place, and the destinations that lie in it.
    RegionSettings, REGION;

    /// Its name, such as `de` or `city-hall`. Several tables may have the same.
    name: String = String::new();
    /// Hosts, domains and networks, as `egress_allow` has them. A network means endpoints that are
    /// written as an address; what a name leads to may change, so a name must be listed itself.
    destinations: Destinations = Destinations::default();
}

settings! {
    /// To which regions some data may go.
    ResidencySettings, RESIDENCY_RULE;

    /// The tenant whose data are meant. Empty: the default one. `*`: every tenant.
    tenant: String = EVERY_TENANT.to_owned();
    /// The type of the entities that are meant, as an IRI or as a term of the core context. Empty:
    /// every type.
    entity_type: String = String::new();
    /// The attribute that is meant, at any depth, written like the type. Empty: the whole entity.
    attribute: String = String::new();
    /// The regions to which these data may go. The platform's own (`region`) must be among them.
    regions: Vec<String> = Vec::new();
}

type Wrong = (&'static str, String);

impl RegionSettings {
    pub fn region(&self) -> Result<Region, Wrong> {
        region(&self.name).map_err(|problem| ("name", problem))
    }
}

impl ResidencySettings {
    /// The rule, or which setting is wrong, and why.
    pub fn rule(&self) -> Result<ResidencyRule, Wrong> {
        let tenant = match self.tenant.as_str() {
            EVERY_TENANT => None,
            "" => Some(Tenant::default()),
            name => Some(Tenant::parse(name).map_err(|error| ("tenant", error.to_string()))?),
        };
        let context = Context::core();
        let name = |term: &str| (!term.is_empty()).then(|| Name::new(&*context.expand_term(term)));
        let regions = self.regions.iter().map(|text| region(text)).collect::<Result<_, _>>();
        Ok(ResidencyRule {
            tenant,
            entity_type: name(&self.entity_type),
            attribute: name(&self.attribute),
            regions: regions.map_err(|problem| ("regions", problem))?,
        })
    }
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).ok_or_else(|| {
        format!(
            "`{}` is not the name of a region; write letters, digits, - and _, {REGION_BYTES_MAX} \
             at most",
            text.chars().take(100).collect::<String>()
        )
    })
}

pub fn read_regions(
    place: &str,
    value: &toml::Value,
) -> Result<Vec<RegionSettings>, SettingsError> {
    let mut read = Vec::new();
    for (place, table) in tables(place, REGIONS, value, REGIONS_MAX)? {
        let mut one = RegionSettings::default();
        for (name, value) in table {
            set_toml(&mut one, REGION, &place, name, value)?;
        }
        one.region().map_err(|wrong| invalid(place, wrong))?;
        read.push(one);
    }
    Ok(read)
}

pub fn read_residency(
    place: &str,
    value: &toml::Value,
) -> Result<Vec<ResidencySettings>, SettingsError> {
    let mut read = Vec::new();
    for (place, table) in tables(place, RESIDENCY, value, RESIDENCY_MAX)? {
        let mut one = ResidencySettings::default();
        for (name, value) in table {
            set_toml(&mut one, RESIDENCY_RULE, &place, name, value)?;
        }
        one.rule().map_err(|wrong| invalid(place, wrong))?;
        read.push(one);
    }
    Ok(read)
}

/// Data must be allowed to lie where the platform is, and every region must be known.
pub fn check_all(settings: &Settings) -> Result<(), SettingsError> {
    let own = settings.region.as_str();
    let wrong = |problem: String| Err(invalid("settings".to_owned(), ("region", problem)));
    if own.is_empty() {
        if settings.residency.is_empty() {
            return Ok(());
        }
        return wrong("is not set; [[residency]] must know where the platform itself is".into());
    }
    let own = region(own).map_err(|problem| invalid("settings".to_owned(), ("region", problem)))?;
    let named = settings.regions.iter().filter_map(|one| one.region().ok());
    let known: HashSet<Region> = named.chain([own.clone()]).collect();
    for (number, rule) in (1..).zip(&settings.residency) {
        let place = format!("[[residency]] number {number}");
        let rule = rule.rule().map_err(|wrong| invalid(place.clone(), wrong))?;
        if let Some(unknown) = rule.regions.iter().find(|one| !known.contains(one)) {
            let problem = format!("there is no region `{unknown}`; add one to [[regions]]");
            return Err(invalid(place, ("regions", problem)));
        }
        if !rule.regions.contains(&own) {
            let problem = format!(
                "`{own}` is missing, where the platform itself is (setting `region`): these data \
                 may not lie here"
            );
            return Err(invalid(place, ("regions", problem)));
        }
    }
    Ok(())
}

fn invalid(place: String, (name, problem): Wrong) -> SettingsError {
    SettingsError::Invalid { place, name: name.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use crate::settings::Layers;

    fn check(text: &str, expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("comity.toml");
        std::fs::write(&path, text).unwrap();
        let told = match (Layers { file: Some(path), ..Layers::default() }).settings() {
            Ok(settings) => {
                let rules = settings.residency.iter().map(|one| one.rule());
                format!("{:?} {:?}", settings.regions, rules.collect::<Vec<_>>())
            }
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn regions_and_rules_are_read_or_explained() {
        let regions = "region = \"de\"\n[[regions]]\nname = \"FR\"\ndestinations = [\"*.fr\"]\n";
        let with = |rule: &str| format!("{regions}[[residency]]\n{rule}\n");
        check(&with("regions = [\"de\", \"fr\"]"), "regions: [Region(\"de\"), Region(\"fr\")]");
        check(&with("tenant = \"\"\nregions = [\"de\"]"), "tenant: Some(Tenant(");
        check(
            &with("attribute = \"salary\"\nregions = [\"de\"]"),
            "https://uri.etsi.org/ngsi-ld/default-context/salary",
        );
        check(&with("regions = [\"us\"]"), "there is no region `us`");
        check(&with("regions = [\"fr\"]"), "these data may not lie here");
        check(&with("regions = [\"a b\"]"), "number 1: setting `regions`: `a b` is not the name");
        check(&with("tenant = \"a b\"\nregions = []"), "setting `tenant`");
        check(&with("typ = \"A\""), "there is no setting `typ`");
        check("[[residency]]\nregions = [\"de\"]", "setting `region`: is not set");
        check("region = \"d e\"", "is not the name of a region");
        check("[[regions]]\nname = \"a\"\ndestinations = [\"*\"]", "is not a destination");
        check("[[regions]]\ndestinations = [\"a\"]", "number 1: setting `name`");
    }
}
