//! Rings that go round a pole, as areas on the plane.

use ::geo::{Coord, LineString};

use super::flat::TURN;

/// Beyond the poles, so that the pole itself lies inside.
const BEYOND: f64 = 91.0;

/// A way round the Earth, eastward from -180 to 180 exactly, so that all of them compare.
pub(super) struct Round(Vec<Coord<f64>>);

impl Round {
    /// Of a chain whose end is its start, one turn on; `None` of a shorter or a standing one.
    pub(super) fn of(mut chain: Vec<Coord<f64>>) -> Option<Round> {
        if chain.last()?.x < chain.first()?.x {
            chain.reverse();
        }
        cut_at_antimeridian(&chain).map(Round)
    }

    /// The area between the way and the pole it is nearer to, by the mean latitude of its
    /// positions. The plane cannot tell which side is meant, and the winding of old files is not
    /// to be trusted (RFC 7946, 3.1.6).
    pub(super) fn closed_over_pole(self) -> LineString<f64> {
        let mean = self.0.iter().map(|at| at.y).sum::<f64>() / self.0.len() as f64;
        let y = BEYOND.copysign(mean);
        self.closed_by(&[Coord { x: -TURN / 2.0, y }, Coord { x: TURN / 2.0, y }])
    }

    /// The area between this way and another.
    pub(super) fn closed_along(self, hole: &Round) -> LineString<f64> {
        self.closed_by(&hole.0)
    }

    fn closed_by(self, other: &[Coord<f64>]) -> LineString<f64> {
        let mut ring = self.0;
        ring.extend(other.iter().rev());
        let mut ring = LineString(ring);
        ring.close();
        ring
    }
}

fn cut_at_antimeridian(chain: &[Coord<f64>]) -> Option<Vec<Coord<f64>>> {
    let (first, last) = (chain.first()?, chain.last()?);
    let width = last.x - first.x;
    let seam = ((first.x + TURN / 2.0) / TURN).ceil() * TURN - TURN / 2.0;
    let crosses = |edge: &[Coord<f64>]| edge[0].x <= seam && seam < edge[1].x;
    let at = chain.windows(2).rposition(crosses)?;
    let cut = Coord { x: seam, y: latitude_at(seam, chain[at], chain[at + 1]) };

    let east = |at: &Coord<f64>| Coord { x: at.x + width, y: at.y };
    let way = [&[cut], &chain[at + 1..]].concat().into_iter();
    let way = way.chain(chain[1..=at].iter().map(east)).chain([east(&cut)]);
    Some(way.map(|at| Coord { x: at.x - seam - TURN / 2.0, y: at.y }).collect())
}

fn latitude_at(x: f64, from: Coord<f64>, to: Coord<f64>) -> f64 {
    from.y + (x - from.x) / (to.x - from.x) * (to.y - from.y)
}
