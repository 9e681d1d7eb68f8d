//! Cells of a quadtree over longitude and latitude, numbered so that an index can range over them.

use ::geo::{Coord, Rect};

/// A cell: its position bits (longitude and latitude interleaved, from the top down), a marker
/// bit, then zeros. All cells inside a cell lie in one range of numbers, the cell in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(u64);

impl CellId {
    pub const LEVEL_MAX: u32 = 30;

    /// The whole Earth, level 0.
    pub const ROOT: CellId = CellId(1 << (2 * CellId::LEVEL_MAX));

    /// The way back from an index; `None` if no cell has this number.
    pub fn from_u64(id: u64) -> Option<CellId> {
        let is_cell =
            id != 0 && id.trailing_zeros().is_multiple_of(2) && id < 2 << (2 * CellId::LEVEL_MAX);
        is_cell.then_some(CellId(id))
    }

    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// 0 for the whole Earth, [`CellId::LEVEL_MAX`] for a leaf of some centimetres.
    pub fn level(self) -> u32 {
        CellId::LEVEL_MAX - self.0.trailing_zeros() / 2
    }

    /// Is it one of those under which points are found?
    pub(super) fn is_leaf(self) -> bool {
        self.level() == CellId::LEVEL_MAX
    }

    /// The first and the last number of the cells inside, its own among them.
    pub fn range(self) -> (u64, u64) {
        let below = self.marker() - 1;
        (self.0 - below, self.0 + below)
    }

    /// Is the other cell inside this one, or this one itself?
    pub fn contains(self, other: CellId) -> bool {
        let (first, last) = self.range();
        (first..=last).contains(&other.0)
    }

    pub fn parent(self) -> Option<CellId> {
        (self != CellId::ROOT).then(|| {
            let marker = self.marker() << 2;
            CellId((self.0 & !(marker - 1)) | marker)
        })
    }

    /// The cells around this one, the nearest first, down to [`CellId::ROOT`].
    pub fn ancestors(self) -> impl Iterator<Item = CellId> {
        std::iter::successors(self.parent(), |cell| cell.parent())
    }

    /// The four cells one level down; none for a leaf.
    pub(super) fn children(self) -> impl Iterator<Item = CellId> {
        let marker = self.marker() >> 2;
        let first = self.0.wrapping_sub(3 * marker);
        (0..4).filter(move |_| marker != 0).map(move |i| CellId(first + 2 * i * marker))
    }

    /// The leaf that holds a position; positions off the Earth fall into the nearest one.
    pub(super) fn leaf(at: Coord<f64>) -> CellId {
        let side = f64::from(1_u32 << CellId::LEVEL_MAX);
        let step = |share: f64| (share * side).floor().clamp(0.0, side - 1.0) as u64;
        let (x, y) = (step((at.x + 180.0) / 360.0), step((at.y + 90.0) / 180.0));
        CellId((spread(x) << 1 | spread(y)) << 1 | 1)
    }

    /// The smallest cell that holds both.
    pub(super) fn around(self, other: CellId) -> CellId {
        let holds = |cell: &CellId| cell.contains(other);
        std::iter::once(self).chain(self.ancestors()).find(holds).unwrap_or(CellId::ROOT)
    }

    /// The cell in degrees, its edges included.
    pub(super) fn rect(self) -> Rect<f64> {
        let bits = self.range().0 >> 1;
        let side = f64::from(1_u32 << CellId::LEVEL_MAX);
        let west = gathered(bits >> 1) as f64 / side * 360.0 - 180.0;
        let south = gathered(bits) as f64 / side * 180.0 - 90.0;
        let share = 1.0 / f64::from(1_u32 << self.level());
        let east_north = Coord { x: west + 360.0 * share, y: south + 180.0 * share };
        Rect::new(Coord { x: west, y: south }, east_north)
    }

    fn marker(self) -> u64 {
        self.0 & self.0.wrapping_neg()
    }
}

/// Puts a zero before each of the low 32 bits.
fn spread(bits: u64) -> u64 {
    let mut bits = bits & 0xffff_ffff;
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Takes every other bit, from the lowest on: what [`spread`] did, undone.
fn gathered(bits: u64) -> u64 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_holds_its_position_and_so_do_its_ancestors() {
        for (x, y) in [(24.94, 60.17), (-180.0, -90.0), (180.0, 90.0), (0.0, 0.0), (-1e-9, 1e-9)] {
            let leaf = CellId::leaf(Coord { x, y });
            assert_eq!(leaf.level(), CellId::LEVEL_MAX);
            assert_eq!(leaf.ancestors().count(), 30);
            assert_eq!(leaf.ancestors().last(), Some(CellId::ROOT));
            for cell in leaf.ancestors().chain([leaf]) {
                let rect = cell.rect();
                assert!(rect.min().x <= x && x <= rect.max().x, "{x} in {rect:?}");
                assert!(rect.min().y <= y && y <= rect.max().y, "{y} in {rect:?}");
                assert!(cell.contains(leaf));
                assert_eq!(CellId::from_u64(cell.as_u64()), Some(cell));
            }
        }
    }

    #[test]
    fn children_share_out_the_range_of_their_parent() {
        let leaf = CellId::leaf(Coord { x: 24.94, y: 60.17 });
        assert_eq!(leaf.children().count(), 0);
        for cell in leaf.ancestors() {
            let children: Vec<CellId> = cell.children().collect();
            assert!(children.iter().all(|child| child.parent() == Some(cell)));
            assert_eq!(children[0].range().0, cell.range().0);
            assert_eq!(children[3].range().1, cell.range().1);
            assert_eq!(children[0].around(children[3]), cell);
            assert!(children.windows(2).all(|pair| pair[0].range().1 < pair[1].range().0));
        }
    }

    #[test]
    fn other_numbers_are_no_cells() {
        for id in [0, 2, 8, u64::MAX - 1, 1 << 62, (1 << 62) | 1] {
            assert_eq!(CellId::from_u64(id), None, "{id}");
        }
    }
}
