//! Exports and residency: a person takes data out, so the person says where to, and the record what
//! was said.

use ::audit::Entry;
use model::Tenant;
use policy::{Region, Release};

use crate::border;
use crate::failure::Failure;
use crate::say::remark;
use crate::settings::Settings;

/// What of a tenant leaves with an export.
#[derive(Debug)]
pub struct Leaving {
    pub release: Release,
    to: Option<Region>,
    /// The rules about the tenant, each with the regions where its data may be.
    rules: Vec<(usize, String)>,
}

impl Leaving {
    /// Where nobody says to which region it is taken, all of it leaves.
    pub fn new(settings: &Settings, tenant: &Tenant, to: Option<&str>) -> Result<Leaving, Failure> {
        let residency = border::residency(settings);
        let to = to.map(|text| known(settings, text)).transpose()?;
        let release = match &to {
            Some(region) => residency.release(tenant, std::slice::from_ref(region)),
            None => Release::default(),
        };
        let rules = residency.about(tenant).map(|(number, rule)| {
            let regions: Vec<&str> = rule.regions.iter().map(Region::as_str).collect();
            (number, regions.join(" "))
        });
        Ok(Leaving { release, to, rules: rules.collect() })
    }

    /// For what goes out whole or not at all.
    pub fn refuse_part(&self, what: &str) -> Result<(), Failure> {
        if self.release.is_everything() {
            return Ok(());
        }
        let rules: Vec<String> = self.release.rules().iter().map(usize::to_string).collect();
        Err(Failure::Refused(format!(
            "{what} goes out whole, and some of it may not go to that region ([[residency]] number \
             {})",
            rules.join(", ")
        )))
    }

    /// With what the record is to say.
    pub fn noted(&self, entry: Entry) -> Entry {
        let entry = match &self.to {
            Some(region) => entry.detail("to region", region.as_str()),
            None => entry,
        };
        if self.rules.is_empty() { entry } else { entry.detail("residency", &self.said()) }
    }

    /// For whoever has the export.
    pub fn remark(&self) {
        match &self.to {
            _ if self.rules.is_empty() => {}
            Some(region) if !self.release.is_everything() => {
                remark(format!("what may not go to `{region}` was left out"));
            }
            Some(_) => {}
            None => remark(format!(
                "some of this may only be in certain regions (--to-region leaves out what may not \
                 go there): {}",
                self.said()
            )),
        }
    }

    fn said(&self) -> String {
        let rules = self.rules.iter();
        let said = rules.map(|(number, regions)| format!("[[residency]] {number}: {regions}"));
        said.collect::<Vec<_>>().join("; ")
    }
}

fn known(settings: &Settings, text: &str) -> Result<Region, Failure> {
    let own = Region::parse(&settings.region);
    let named = settings.regions.iter().filter_map(|one| one.region().ok());
    let asked = Region::parse(text);
    let found = named.chain(own).find(|one| Some(one) == asked.as_ref());
    found.ok_or_else(|| {
        Failure::Refused(format!("--to-region: there is no region `{text}` in [[regions]]"))
    })
}
