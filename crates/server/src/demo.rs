//! `comity demo`: a city to look at, and the first three requests.

mod meters;

use std::io::Cursor;

use broker::Document;
use model::{EntityId, Tenant};
use serde::Deserialize;

use crate::commands;
use crate::failure::Failure;
use crate::import::{Bar, Format, Input, Mode, Records};
use crate::platform::{Platform, operator};
use crate::serve::Ready;
use crate::settings::Settings;

/// The sample city, as anyone could import it.
pub const CITY: &[u8] = include_bytes!("../city/helsinki.ndjson");

/// Remembers that the city was imported, so that a later start leaves it as people made it.
const MARK: (&str, &str) = ("demo", "city");

/// Imports the city, unless an earlier start has done so.
pub async fn import_city(platform: &Platform, settings: &Settings) -> Result<bool, Failure> {
    let caller = operator();
    let (kind, name) = MARK;
    let mark = Document { tenant: Tenant::default(), kind, name: name.to_owned() };
    if platform.broker.document(&caller, mark.clone()).await?.is_some() {
        return Ok(false);
    }
    let records = Records::open(
        Input::new(Cursor::new(CITY)),
        Format::Ndjson,
        commands::shape(settings, None, None),
    )?;
    let import = commands::import_of(platform, settings, Tenant::default(), Mode::Replace);
    let mut bar = Bar::new("the sample city", CITY.len() as u64, platform.broker.now());
    let outcome = import.run(records, None, &mut bar).await?;
    if let Some((line, problem)) = outcome.refused.first() {
        return Err(Failure::Refused(format!("the sample city, line {line}: {problem}")));
    }
    meters::import(platform, &buildings()).await?;
    platform.broker.put_document(&caller, mark, Some(b"imported".to_vec())).await?;
    Ok(true)
}

/// The buildings of the city.
fn buildings() -> Vec<EntityId> {
    #[derive(Deserialize)]
    struct Head {
        id: String,
        r#type: String,
    }
    let heads =
        CITY.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let buildings = heads.filter(|head: &Head| head.r#type == "Building");
    buildings.filter_map(|head| EntityId::parse(&head.id).ok()).collect()
}

/// What a newcomer needs: where it is, the key, and three lines to paste.
pub fn screen(ready: &Ready) -> String {
    let address = ready.address();
    let data = ready.settings.data.display();
    let key = key_lines(ready);
    let trusted = ready.generated_certificate();
    let trusted = trusted.map(|path| format!(" --cacert {}", path.display())).unwrap_or_default();
    let key_header = match ready.settings.open {
        true => "",
        false => " -H \"Authorization: Bearer $KEY\"",
    };
    let curl = format!("curl -g{trusted}{key_header}");
    format!(
        "
  Comity is running at {address}

{key}

  Then try:

    # What is there?
    {curl} \"{address}/ngsi-ld/v1/types\"

    # Street lamps within 150 metres of the railway station
    {curl} \"{address}/ngsi-ld/v1/entities?type=Streetlight&georel=near;maxDistance==150\
&geometry=Point&coordinates=[24.9414,60.1710]&format=simplified\"

    # Places to eat sushi, and the buildings they are in
    {curl} \"{address}/ngsi-ld/v1/entities?type=PointOfInterest&q=cuisine==%22sushi%22\
&format=simplified&limit=5&join=inline\"

    # What one building used, day by day
    {curl} \"{address}/ngsi-ld/v1/temporal/entities/urn:ngsi-ld:ElectricityMeter:way-8033120\
?attrs=power&format=aggregatedValues&aggrMethods=avg,max&aggrPeriodDuration=P1D\"

  Central Helsinki: streets, buildings and their electricity, lamps, stops, places.
  © OpenStreetMap contributors, ODbL 1.0; loads: SimBench, ODbL 1.0

  The data lie in {data}. Stop with Ctrl-C; the next start keeps them.
"
    )
}

/// The key, and the line that puts it where the requests look for it.
fn key_lines(ready: &Ready) -> String {
    match &ready.first_key {
        _ if ready.settings.open => "  No key is needed: this server is open (--open).".to_owned(),
        Some(key) => format!(
            "  Your administrator key, shown only this once; keep it, and paste this line into a\n  \
             second terminal:\n\n    KEY={}",
            key.as_str()
        ),
        None => format!(
            "  Your key was shown at the first start. A new one is made by\n\n    \
             {} key add NAME --role admin --data {}\n\n  Put it here, and paste the line into a \
             second terminal:\n\n    KEY=...",
            program(),
            ready.settings.data.display()
        ),
    }
}

/// This program as it was called, so that what is shown can be pasted.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "comity".to_owned())
}
