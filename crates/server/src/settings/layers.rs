//! From where settings come: a file, variables over it, flags over both.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::certificate::{self, CERTIFICATES};
use super::issuer::{self, ISSUERS};
use super::listener::{self, LISTENERS};
use super::residency::{self, REGIONS, RESIDENCY};
use super::{ALL, Setting, Settings};

/// What a file alone can give.
const TABLES: [&str; 5] = [ISSUERS, LISTENERS, CERTIFICATES, REGIONS, RESIDENCY];

/// Environment variables with this prefix are ours, and an unknown one is an error.
pub const VARIABLE_PREFIX: &str = "COMITY_";

/// Names the settings file; a flag wins over it.
const CONFIG_VARIABLE: &str = "COMITY_CONFIG";

/// The key with which commands ask a running server.
pub const KEY_VARIABLE: &str = "COMITY_KEY";

/// What each layer says; later layers win.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// What a command sets that nothing else does.
    pub defaults: Vec<(String, String)>,
    pub file: Option<PathBuf>,
    /// The environment, all of it.
    pub variables: Vec<(String, String)>,
    /// Setting names and values, as the command line gives them.
    pub flags: Vec<(String, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("could not read the settings file `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the settings file `{}` is not TOML: {problem}", path.display())]
    NotToml { path: PathBuf, problem: String },
    #[error("{place}: there is no setting `{name}`; did you mean `{nearest}`?")]
    Unknown { place: String, name: String, nearest: String },
    #[error("{place}: setting `{name}`: {problem}")]
    Invalid { place: String, name: String, problem: String },
}

impl Layers {
    /// The settings in force.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        let mut settings = Settings::default();
        for (name, text) in &self.defaults {
            set(&mut settings, "command", name, text)?;
        }
        let named = self.variables.iter().find(|(name, _)| name == CONFIG_VARIABLE);
        let file = self.file.clone().or_else(|| named.map(|(_, path)| PathBuf::from(path)));
        if let Some(path) = file {
            apply_file(&mut settings, &path)?;
        }
        for (variable, text) in &self.variables {
            if let Some(name) = variable.strip_prefix(VARIABLE_PREFIX)
                && ![CONFIG_VARIABLE, KEY_VARIABLE].contains(&variable.as_str())
            {
                let place = format!("environment variable {variable}");
                set(&mut settings, &place, &name.to_lowercase(), text)?;
            }
        }
        for (name, text) in &self.flags {
            set(&mut settings, "command line", name, text)?;
        }
        listener::check_all(&settings)?;
        residency::check_all(&settings)?;
        Ok(settings)
    }
}

fn apply_file(settings: &mut Settings, path: &Path) -> Result<(), SettingsError> {
    let text = fs::read_to_string(path)
        .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| SettingsError::NotToml {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    let place = path.display().to_string();
    for (name, value) in table {
        match name.as_str() {
            ISSUERS => settings.issuers = issuer::read_all(&place, &value)?,
            LISTENERS => settings.listeners = listener::read_all(&place, &value)?,
            CERTIFICATES => settings.certificates = certificate::read_all(&place, &value)?,
            REGIONS => settings.regions = residency::read_regions(&place, &value)?,
            RESIDENCY => settings.residency = residency::read_residency(&place, &value)?,
            _ => set_toml(settings, ALL, &place, &name, &value)?,
        }
    }
    Ok(())
}

fn set(settings: &mut Settings, place: &str, name: &str, text: &str) -> Result<(), SettingsError> {
    if TABLES.contains(&name) {
        let problem = "lists tables, so a file alone can give it".to_owned();
        return Err(SettingsError::Invalid {
            place: place.to_owned(),
            name: name.to_owned(),
            problem,
        });
    }
    let setting = find(ALL, place, name)?;
    (setting.set)(settings, text).map_err(|problem| SettingsError::Invalid {
        place: place.to_owned(),
        name: name.to_owned(),
        problem,
    })
}

/// The tables that stand under a name, each with the place for errors about it.
pub(super) fn tables<'a>(
    place: &str,
    name: &str,
    value: &'a toml::Value,
    max: usize,
) -> Result<Vec<(String, &'a toml::Table)>, SettingsError> {
    let wrong = |problem: String| SettingsError::Invalid {
        place: place.to_owned(),
        name: name.to_owned(),
        problem,
    };
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let tables: Vec<&toml::Table> = all.iter().filter_map(toml::Value::as_table).collect();
    if value.as_array().is_none_or(|all| all.len() != tables.len()) {
        let problem = format!("lists tables; write [[{name}]] above the settings of each");
        return Err(wrong(problem));
    }
    if max < tables.len() {
        return Err(wrong(format!("has {} tables; {max} are the most", tables.len())));
    }
    let place = |index: usize| format!("{place}, [[{name}]] number {}", index + 1);
    Ok(tables.into_iter().enumerate().map(|(index, table)| (place(index), table)).collect())
}

/// Sets what a file says of a table.
pub(super) fn set_toml<T>(
    table: &mut T,
    all: &'static [Setting<T>],
    place: &str,
    name: &str,
    value: &toml::Value,
) -> Result<(), SettingsError> {
    let setting = find(all, place, name)?;
    (setting.set_toml)(table, value).map_err(|problem| SettingsError::Invalid {
        place: place.to_owned(),
        name: name.to_owned(),
        problem,
    })
}

fn find<T>(
    all: &'static [Setting<T>],
    place: &str,
    name: &str,
) -> Result<&'static Setting<T>, SettingsError> {
    all.iter().find(|setting| setting.name == name).ok_or_else(|| SettingsError::Unknown {
        place: place.to_owned(),
        name: name.chars().take(100).collect(),
        nearest: nearest(all, name).to_owned(),
    })
}

/// The setting whose name begins like this one, or else takes the fewest changes of letters.
fn nearest<T>(all: &'static [Setting<T>], name: &str) -> &'static str {
    let name: String = name.chars().take(100).collect();
    let nearness =
        |setting: &&Setting<T>| (!setting.name.starts_with(&name), distance(setting.name, &name));
    all.iter().min_by_key(nearness).map_or("", |setting| setting.name)
}

/// How many letters must be added, removed or replaced (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn check_refused(file: &str, expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("comity.toml");
        fs::write(&path, file).unwrap();
        let error = Layers { file: Some(path), ..Layers::default() }.settings().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("comity.toml");
        fs::write(&path, "listen = \"127.0.0.1:1\"\nlog = \"warn\"\nheaders_max = 7").unwrap();
        let layers = Layers {
            defaults: pairs(&[("log", "error"), ("open", "true")]),
            file: None,
            variables: pairs(&[
                ("COMITY_CONFIG", path.to_str().unwrap()),
                ("COMITY_LISTEN", "127.0.0.1:2"),
                ("COMITY_LOG", "debug"),
                ("PATH", "/bin"),
            ]),
            flags: pairs(&[("listen", "127.0.0.1:3")]),
        };
        let settings = layers.settings().unwrap();
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.log, "debug");
        assert_eq!(settings.headers_max, 7);
        assert!(settings.open);
    }

    #[test]
    fn an_unknown_name_brings_up_the_nearest_known_one() {
        check_refused("lisen = \"127.0.0.1:1\"", "no setting `lisen`; did you mean `listen`?");
        check_refused("memory = 5", "did you mean `memory_bytes`?");
        let variables = pairs(&[("COMITY_OPNE", "true")]);
        let error = Layers { variables, ..Layers::default() }.settings().unwrap_err();
        assert!(error.to_string().contains("COMITY_OPNE: there is no setting `opne`"), "{error}");
        assert!(error.to_string().contains("did you mean `open`?"), "{error}");
    }

    #[test]
    fn tables_come_from_a_file_alone() {
        let variables = pairs(&[("COMITY_ISSUERS", "city")]);
        let error = Layers { variables, ..Layers::default() }.settings().unwrap_err();
        assert!(
            error.to_string().contains("setting `issuers`: lists tables, so a file"),
            "{error}"
        );
        check_refused("[[issuers]]\nname = \"city\"", "comity.toml, [[issuers]] number 1: setting");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_setting() {
        check_refused("headers_max = \"many\"", "setting `headers_max`: `many` is not a whole");
        check_refused("headers_max = -1", "setting `headers_max`: `-1` is not a whole number");
        check_refused("memory_bytes = [1]", "of kind array");
        check_refused("[listen]\nport = 1", "setting `listen`: takes a text");
        check_refused("listen = ", "is not TOML");
    }

    #[test]
    fn every_default_reads_back() {
        for setting in ALL {
            let mut settings = Settings::default();
            let text = (setting.text)(&settings);
            (setting.set)(&mut settings, &text).unwrap();
            assert_eq!(settings, Settings::default(), "{}", setting.name);
        }
    }
}
