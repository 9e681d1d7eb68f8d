//! What a payload may leave out and remove, by the operation it is for.

use super::Form;

/// See clause 5.5.4 for where the NGSI-LD Null may stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    /// The NGSI-LD Null may stand for a member, and removes it.
    pub(super) removal: bool,
    /// It may stand as the value of an attribute, which was deleted then.
    pub(super) deletion: bool,
    /// It may also stand inside the value of a Property.
    pub(super) inner_removal: bool,
    pub(super) missing: Missing,
    pub(super) bare: Bare<'a>,
    /// Attributes are in the simplified form (clause 4.5.4).
    pub(super) simplified: bool,
}

/// Where an attribute may come without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Nowhere,
    /// In the attribute that the payload is, not in those below it.
    AtTheTop,
    Anywhere,
}

/// What becomes of a value that stands alone, without `type` and other members.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bare<'a> {
    /// It is a Property or a GeoProperty.
    IsWhole,
    /// It takes the kind of the attribute there is; a text goes under `language`.
    TakesKind { language: Option<&'a str> },
}

impl<'a> Rules<'a> {
    pub(super) const WHOLE: Rules<'static> = Rules {
        removal: false,
        deletion: false,
        inner_removal: false,
        missing: Missing::Nowhere,
        bare: Bare::IsWhole,
        simplified: false,
    };

    /// Partial Attribute Update (5.6.4).
    pub(super) const ATTRIBUTE: Rules<'static> = Rules {
        removal: true,
        missing: Missing::AtTheTop,
        bare: Bare::TakesKind { language: None },
        ..Rules::WHOLE
    };

    /// What was said over time (5.6.11).
    pub(super) const EVOLUTION: Rules<'static> = Rules { deletion: true, ..Rules::WHOLE };

    pub(super) fn of(form: Form<'a>) -> Rules<'a> {
        match form {
            Form::Append => Rules::WHOLE,
            Form::Update => Rules { removal: true, ..Rules::WHOLE },
            Form::Merge { simplified, language } => Rules {
                removal: true,
                deletion: false,
                inner_removal: true,
                missing: Missing::Anywhere,
                bare: Bare::TakesKind { language },
                simplified,
            },
        }
    }
}
