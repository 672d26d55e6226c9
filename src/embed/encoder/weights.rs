//! The weights of the model, as `models/pack.py` writes them.

use crate::arrays::{Damaged, Reader};
use crate::{COLUMNS, HIDDEN, INNER, LAYERS, MOST_TOKENS};

/// Rows of a weight matrix that are multiplied together.
pub(crate) const GROUP: usize = 4;
/// The most groups whose products are added in 16 bits.
pub(crate) const DEEPEST: usize = 4;
/// Weights of one group: 16 columns, 4 rows each.
pub(crate) type Group = [i8; COLUMNS * GROUP];

/// Embeddings and layers.
#[derive(Debug)]
pub struct Weights<'a> {
    pub(crate) words: &'a [[i8; HIDDEN]],
    pub(crate) word_scales: &'a [f32],
    pub(crate) positions: &'a [[f32; HIDDEN]],
    pub(crate) norm: Norm<'a>,
    pub(crate) layers: [Layer<'a>; LAYERS],
}

/// One layer.
#[derive(Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) queries_keys_values: Linear<'a>,
    pub(crate) attended: Linear<'a>,
    pub(crate) attended_norm: Norm<'a>,
    pub(crate) inner: Linear<'a>,
    pub(crate) outer: Linear<'a>,
    pub(crate) outer_norm: Norm<'a>,
}

/// Scale and bias of a layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm<'a> {
    pub(crate) scale: &'a [f32; HIDDEN],
    pub(crate) bias: &'a [f32; HIDDEN],
}

/// One matrix of 8-bit weights, in panels of 16 columns.
///
/// Each panel holds its groups of 4 rows in the order of their bins: the products of all groups of a bin may be added in 16
/// bits, because the weights of one sign sum to at most 128 for each pair of rows and column.
#[derive(Debug)]
pub(crate) struct Linear<'a> {
    inputs: usize,
    groups: &'a [Group],
    offsets: &'a [u16],
    depths: &'a [[u16; DEEPEST]],
    /// Per column: what an integer sum is multiplied with.
    pub(crate) scales: &'a [[[f32; 8]; 2]],
    /// Per column: the sum of its weights, which the zero point of the input is multiplied with.
    pub(crate) sums: &'a [[[i32; 8]; 2]],
    pub(crate) biases: &'a [[[f32; 8]; 2]],
}

/// The bytes of a row that a group is multiplied with.
#[inline(always)]
pub(crate) fn group_bytes(row: &[u8], offset: u16) -> [u8; GROUP] {
    row.get(usize::from(offset)..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

/// The groups of 16 columns.
///
/// All fields were checked when the file was read: there are as many offsets as groups, each at most `inputs - 4`, and the
/// bins of all depths have exactly these groups. Kernels rely on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel<'a> {
    /// Bytes of an input row.
    pub(crate) inputs: usize,
    pub(crate) groups: &'a [Group],
    /// Per group: the first of the four input bytes that it is multiplied with.
    pub(crate) offsets: &'a [u16],
    /// Bins of 4, 3, 2 and 1 groups, in this order.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only AVX2 adds in 16 bits"))]
    pub(crate) depths: [u16; DEEPEST],
}

impl<'a> Weights<'a> {
    /// Reads both files; copies nothing.
    ///
    /// # Errors
    /// [`Damaged`] for bytes that are not such a file.
    pub fn read(words: &'a [u8], layers: &'a [u8]) -> Result<Self, Damaged> {
        let (mut reader, [count, positions]) = Reader::open(words, *b"e5words1")?;
        if positions < MOST_TOKENS {
            return Err(Damaged("it has too few positions"));
        }
        let (words, word_scales) = (reader.take(count)?, reader.take(count)?);
        let (positions, norm) = (reader.take(positions)?, Norm::read(&mut reader)?);
        reader.finish()?;
        let (mut reader, []) = Reader::open(layers, *b"e5layer1")?;
        let mut read = Vec::with_capacity(LAYERS);
        for _ in 0..LAYERS {
            read.push(Layer::read(&mut reader)?);
        }
        reader.finish()?;
        let layers = read.try_into().map_err(|_| Damaged("a layer is missing"))?;
        Ok(Self { words, word_scales, positions, norm, layers })
    }

    /// Counts the token ids.
    pub const fn ids(&self) -> usize {
        self.words.len()
    }
}

impl<'a> Layer<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Damaged> {
        Ok(Self {
            queries_keys_values: Linear::read(reader, HIDDEN, HIDDEN * 3)?,
            attended: Linear::read(reader, HIDDEN, HIDDEN)?,
            attended_norm: Norm::read(reader)?,
            inner: Linear::read(reader, HIDDEN, INNER)?,
            outer: Linear::read(reader, INNER, HIDDEN)?,
            outer_norm: Norm::read(reader)?,
        })
    }
}

impl<'a> Norm<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Damaged> {
        let mut part = || reader.take(HIDDEN)?.first_chunk().ok_or(Damaged("it is cut off"));
        Ok(Self { scale: part()?, bias: part()? })
    }
}

impl<'a> Linear<'a> {
    fn read(reader: &mut Reader<'a>, inputs: usize, columns: usize) -> Result<Self, Damaged> {
        let (panels, groups) = (columns / COLUMNS, inputs / GROUP);
        let linear = Self {
            inputs,
            groups: reader.take(panels * groups)?,
            offsets: reader.take(panels * groups)?,
            depths: reader.take(panels)?,
            scales: reader.take(panels)?,
            sums: reader.take(panels)?,
            biases: reader.take(panels)?,
        };
        // What the kernels rely on.
        if linear.offsets.iter().max().is_some_and(|offset| usize::from(*offset) > inputs - GROUP) {
            return Err(Damaged("an offset lies outside the input"));
        }
        let of_depths = |depths: &[u16; DEEPEST]| -> usize {
            depths.iter().zip((1..=DEEPEST).rev()).map(|(bins, depth)| usize::from(*bins) * depth).sum()
        };
        if linear.depths.iter().any(|depths| of_depths(depths) != groups) {
            return Err(Damaged("the bins of a panel do not have all its groups"));
        }
        Ok(linear)
    }

    /// The panels from the first to the last column.
    pub(crate) fn panels(&self) -> impl Iterator<Item = Panel<'a>> + Clone {
        let Self { inputs, groups, offsets, depths, .. } = *self;
        let each = inputs / GROUP;
        let parts = groups.chunks_exact(each).zip(offsets.chunks_exact(each)).zip(depths);
        parts.map(move |((groups, offsets), depths)| Panel { inputs, groups, offsets, depths: *depths })
    }
}
