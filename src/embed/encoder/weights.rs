//! Weights of the model, in the format that `models/pack.py` writes.

use crate::arrays::{ArrayReader, DamagedFile};
use crate::{COLUMNS, HIDDEN, INNER, LAYERS, MOST_TOKENS};

/// Rows of a weight matrix that are multiplied together.
pub(crate) const GROUP: usize = 4;
/// Most groups whose products are added in 16 bits.
pub(crate) const DEEPEST: usize = 4;
/// Weights of one group: 16 columns, 4 rows each.
pub(crate) type WeightGroup = [i8; COLUMNS * GROUP];

/// Embedding tables and layers of the model.
#[derive(Debug)]
pub struct ModelWeights<'a> {
    pub(crate) words: &'a [[i8; HIDDEN]],
    pub(crate) word_scales: &'a [f32],
    pub(crate) positions: &'a [[f32; HIDDEN]],
    pub(crate) norm: NormWeights<'a>,
    pub(crate) layers: [LayerWeights<'a>; LAYERS],
}

/// Weights of one transformer layer.
#[derive(Debug)]
pub(crate) struct LayerWeights<'a> {
    pub(crate) queries_keys_values: Linear<'a>,
    pub(crate) attended: Linear<'a>,
    pub(crate) attended_norm: NormWeights<'a>,
    pub(crate) inner: Linear<'a>,
    pub(crate) outer: Linear<'a>,
    pub(crate) outer_norm: NormWeights<'a>,
}

/// Scale and bias of a layer normalisation.
#[derive(Debug)]
pub(crate) struct NormWeights<'a> {
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
    groups: &'a [WeightGroup],
    offsets: &'a [u16],
    depths: &'a [[u16; DEEPEST]],
    /// Per column: factor of an integer sum.
    pub(crate) scales: &'a [[[f32; 8]; 2]],
    /// Per column: sum of its weights, the factor of the zero point of the input.
    pub(crate) sums: &'a [[[i32; 8]; 2]],
    pub(crate) biases: &'a [[[f32; 8]; 2]],
}

/// Returns the four bytes of a row that a group is multiplied with.
#[inline(always)]
pub(crate) fn group_bytes(row: &[u8], offset: u16) -> [u8; GROUP] {
    row.get(usize::from(offset)..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

/// Groups of 16 columns.
///
/// All fields were checked when the file was read: there are as many offsets as groups, each at most `inputs - 4`, and the
/// bins of all depths have exactly these groups. Kernels rely on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel<'a> {
    /// Bytes of an input row.
    pub(crate) inputs: usize,
    pub(crate) groups: &'a [WeightGroup],
    /// Per group: offset of the four input bytes that it is multiplied with.
    pub(crate) offsets: &'a [u16],
    /// Bins of 4, 3, 2 and 1 groups, in this order.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only AVX2 adds in 16 bits"))]
    pub(crate) depths: [u16; DEEPEST],
}

impl<'a> ModelWeights<'a> {
    /// Reads both files without copying.
    ///
    /// # Errors
    /// [`DamagedFile`] for bytes that are not such a file.
    pub fn read(words: &'a [u8], layers: &'a [u8]) -> Result<Self, DamagedFile> {
        let (mut reader, [count, positions]) = ArrayReader::open(words, *b"e5words1")?;
        if positions < MOST_TOKENS {
            return Err(DamagedFile("it has too few positions"));
        }
        let (words, word_scales) = (reader.take(count)?, reader.take(count)?);
        let (positions, norm) = (reader.take(positions)?, NormWeights::read(&mut reader)?);
        reader.finish()?;
        let (mut reader, []) = ArrayReader::open(layers, *b"e5layer1")?;
        let mut read = Vec::with_capacity(LAYERS);
        for _ in 0..LAYERS {
            read.push(LayerWeights::read(&mut reader)?);
        }
        reader.finish()?;
        let layers = read.try_into().map_err(|_| DamagedFile("a layer is missing"))?;
        Ok(Self { words, word_scales, positions, norm, layers })
    }

    /// Returns the number of token ids.
    pub const fn ids(&self) -> usize {
        self.words.len()
    }
}

impl<'a> LayerWeights<'a> {
    fn read(reader: &mut ArrayReader<'a>) -> Result<Self, DamagedFile> {
        Ok(Self {
            queries_keys_values: Linear::read(reader, HIDDEN, HIDDEN * 3)?,
            attended: Linear::read(reader, HIDDEN, HIDDEN)?,
            attended_norm: NormWeights::read(reader)?,
            inner: Linear::read(reader, HIDDEN, INNER)?,
            outer: Linear::read(reader, INNER, HIDDEN)?,
            outer_norm: NormWeights::read(reader)?,
        })
    }
}

impl<'a> NormWeights<'a> {
    fn read(reader: &mut ArrayReader<'a>) -> Result<Self, DamagedFile> {
        let mut part = || reader.take(HIDDEN)?.first_chunk().ok_or(DamagedFile("it is cut off"));
        Ok(Self { scale: part()?, bias: part()? })
    }
}

impl<'a> Linear<'a> {
    fn read(reader: &mut ArrayReader<'a>, inputs: usize, columns: usize) -> Result<Self, DamagedFile> {
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
        // The kernels rely on these checks.
        if linear.offsets.iter().max().is_some_and(|offset| usize::from(*offset) > inputs - GROUP) {
            return Err(DamagedFile("an offset lies outside the input"));
        }
        let of_depths = |depths: &[u16; DEEPEST]| -> usize {
            depths.iter().zip((1..=DEEPEST).rev()).map(|(bins, depth)| usize::from(*bins) * depth).sum()
        };
        if linear.depths.iter().any(|depths| of_depths(depths) != groups) {
            return Err(DamagedFile("the bins of a panel do not have all its groups"));
        }
        Ok(linear)
    }

    /// Iterates over the panels from the first to the last column.
    pub(crate) fn panels(&self) -> impl Iterator<Item = Panel<'a>> + Clone {
        let Self { inputs, groups, offsets, depths, .. } = *self;
        let each = inputs / GROUP;
        let parts = groups.chunks_exact(each).zip(offsets.chunks_exact(each)).zip(depths);
        parts.map(move |((groups, offsets), depths)| Panel { inputs, groups, offsets, depths: *depths })
    }
}
