//! The networks as ONNX graphs: the same mathematics as [`super::vit`], written node by
//! node, with the normalisation of the pixels inside, so that a user feeds RGB 0..1.

use std::ops::Range;

use burn::{
    nn::{LayerNorm, Linear},
    tensor::f16,
};

use super::{
    TrainError,
    classifier::Classifier,
    mae::Mae,
    stem::{PATCH_NORM_EPSILON, PatchEmbedding},
    vit::{Block, Encoder, MASKED_SCORE},
    weights::values,
};
use crate::{
    onnx::{Dim, GraphBuilder, Value},
    vit::{VitConfig, sin_cos_positions},
};

/// burn's default epsilon of a layer norm.
const LAYER_NORM_EPSILON: f32 = 1e-5;

/// Mean and deviation of each colour channel over the training crops: what the pixels
/// are normalised with.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Normalisation {
    /// Mean of red, green and blue, 0..1.
    pub mean: [f32; 3],
    /// Deviation of red, green and blue.
    pub std: [f32; 3],
}

/// A graph under construction together with the shape of its network.
struct Graph<'a> {
    g: GraphBuilder,
    config: &'a VitConfig,
    /// Matrices are stored in half precision; their values have been rounded to it.
    half: bool,
    /// The patches that are computed, in rising order.
    shown: Vec<usize>,
}

/// The classifier as an ONNX graph with the card as `metadata`.
///
/// Inputs `image [N,3,S,S]` and `patch_keep [N,P]`, outputs `probs [N,2]`,
/// `signs [N,2]` and `attention [N,P]`, and where there are heads on the eyes
/// `eyes [N,2,2]` (left and right: shut, seen) and `looking_down [N,1]`. Only the patches that
/// the Q mask can keep are computed; the others count as masked. With `half` its matrices are stored in half
/// precision, to which their values have been rounded.
///
/// # Errors
/// When the network is not of the shape `config`.
pub(crate) fn classifier(
    model: &Classifier,
    config: &VitConfig,
    normalisation: &Normalisation,
    half: bool,
    metadata: &[(&str, &str)],
) -> Result<Vec<u8>, TrainError> {
    let patches = config.grid().patches();
    let shown = config.shown_patches();
    let mut graph = Graph { g: GraphBuilder::new("drowsiness"), config, half, shown };
    let (image, keep) = graph.inputs();
    let keep = graph.shown(&keep);
    let encoded = graph.encoder(&model.encoder, [&image, &keep], normalisation, Reads::Class)?;
    let logits = graph.linear(&encoded.tokens, &model.head)?;
    let probs = graph.g.softmax(&logits, -1);
    let signs = graph.linear(&encoded.tokens, &model.signs)?;
    let mut signs = graph.g.sigmoid(&signs);
    let rows = |shape: &[usize]| -> Vec<Dim> {
        [Dim::Named("N")].into_iter().chain(shape.iter().map(|&size| Dim::Fixed(size))).collect()
    };
    if let (Some(head), Some([left, right])) = (&model.eyes, config.eye_tokens()) {
        let places = [left, right].map(|place| place as i64);
        let tokens = graph.g.gather(&encoded.embedded, 1, &places);
        let eyes = graph.linear(&tokens, head)?;
        let eyes = graph.g.sigmoid(&eyes);
        graph.g.output(&eyes, "eyes", &rows(&[2, 2]));
        let down = graph.g.slice(&signs, 1, 2, 3);
        graph.g.output(&down, "looking_down", &rows(&[1]));
        signs = graph.g.slice(&signs, 1, 0, 2);
    }
    let attention = graph.spread(&encoded.attention);
    graph.g.output(&probs, "probs", &rows(&[2]));
    graph.g.output(&signs, "signs", &rows(&[2]));
    graph.g.output(&attention, "attention", &rows(&[patches]));
    Ok(graph.g.finish(metadata)?)
}

/// The masked autoencoder as an ONNX graph with the card as `metadata`.
///
/// Inputs `image [N,3,S,S]` and `patch_keep [N,P]` (1 = seen), output
/// `reconstruction [N,3,S,S]`, RGB 0..1, in which seen patches are the input's own. With
/// `half` its matrices are stored in half precision.
///
/// # Errors
/// When the network is not of the shape `config`.
pub(crate) fn mae(
    model: &Mae,
    config: &VitConfig,
    normalisation: &Normalisation,
    half: bool,
    metadata: &[(&str, &str)],
) -> Result<Vec<u8>, TrainError> {
    let (patches, side) = (config.grid().patches() as i64, config.grid().side);
    let wide = config.decoder_dim;
    let shown = (0..config.grid().patches()).collect();
    let mut graph = Graph { g: GraphBuilder::new("mae"), config, half, shown };
    let (image, keep) = graph.inputs();
    let encoded = graph.encoder(&model.encoder, [&image, &keep], normalisation, Reads::All)?;

    let all = graph.linear(&encoded.tokens, &model.bridge)?;
    let all = graph.g.reshape(&all, &[-1, 1 + patches, wide as i64]);
    let cls = graph.g.slice(&all, 1, 0, 1);
    let seen = graph.g.slice(&all, 1, 1, 1 + patches);
    let keep = graph.g.reshape(&keep, &[-1, patches, 1]);
    let token = graph.g.constant("mask_token", &[1, 1, wide], &values(&model.mask_token.val())?);
    let tokens = graph.choose(&keep, &seen, &token);
    let places =
        graph.g.constant("places", &[1, side * side, wide], &sin_cos_positions(side, wide));
    let tokens = graph.g.add(&tokens, &places);
    let x = graph.g.concat(&[&cls, &tokens], 1);
    let mut x = graph.g.reshape(&x, &[-1, wide as i64]);
    for block in &model.decoder {
        x = graph.block(block, &x, wide, None, Reads::All)?.0;
    }
    let x = graph.layer_norm(&x, &model.norm)?;
    let x = graph.g.reshape(&x, &[-1, 1 + patches, wide as i64]);
    let x = graph.g.slice(&x, 1, 1, 1 + patches);
    let rebuilt = graph.linear(&x, &model.to_pixels)?;
    let original = graph.normalise(&image, normalisation);
    let original = graph.patches(&original);
    let blended = graph.choose(&keep, &original, &rebuilt);
    let picture = graph.unpatch(&blended);
    let picture = graph.denormalise(&picture, normalisation);
    let px = Dim::Fixed(config.image_px);
    graph.g.output(&picture, "reconstruction", &[Dim::Named("N"), Dim::Fixed(3), px, px]);
    Ok(graph.g.finish(metadata)?)
}

/// Which tokens are read in the end. The last block computes no others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    All,
    Class,
}

struct Encoded {
    /// `[N, shown, dim]`, before places and attention.
    embedded: Value,
    /// `[N * tokens, dim]`: \[CLS\] and the patches, or `[N, dim]` where only \[CLS\] is
    /// read.
    tokens: Value,
    /// `[N, shown]`.
    attention: Value,
}

impl Graph<'_> {
    fn inputs(&mut self) -> (Value, Value) {
        let px = Dim::Fixed(self.config.image_px);
        let image = self.g.input("image", &[Dim::Named("N"), Dim::Fixed(3), px, px]);
        let patches = Dim::Fixed(self.config.grid().patches());
        (image, self.g.input("patch_keep", &[Dim::Named("N"), patches]))
    }

    fn normalise(&mut self, image: &Value, by: &Normalisation) -> Value {
        let mean = self.g.constant("mean", &[1, 3, 1, 1], &by.mean);
        let std = self.g.constant("std", &[1, 3, 1, 1], &by.std);
        let centred = self.g.sub(image, &mean);
        self.g.div(&centred, &std)
    }

    fn denormalise(&mut self, image: &Value, by: &Normalisation) -> Value {
        let mean = self.g.constant("mean", &[1, 3, 1, 1], &by.mean);
        let std = self.g.constant("std", &[1, 3, 1, 1], &by.std);
        let scaled = self.g.mul(image, &std);
        let shifted = self.g.add(&scaled, &mean);
        let low = self.g.constant("low", &[], &[0.0]);
        let high = self.g.constant("high", &[], &[1.0]);
        self.g.node("Clip", &[&shifted, &low, &high], vec![])
    }

    /// `x @ weight + bias`.
    fn linear(&mut self, x: &Value, layer: &Linear) -> Result<Value, TrainError> {
        self.outputs_of(x, layer, 0..layer.weight.dims()[1])
    }

    /// Some of the outputs of a layer.
    fn outputs_of(
        &mut self,
        x: &Value,
        layer: &Linear,
        outputs: Range<usize>,
    ) -> Result<Value, TrainError> {
        let [inputs, all] = layer.weight.dims();
        let (weight, bias) = linear_values(layer)?;
        let rows = weight.chunks_exact(all);
        let weight: Vec<f32> = rows.flat_map(|row| &row[outputs.clone()]).copied().collect();
        let (bias, outputs) = (&bias[outputs.clone()], outputs.len());
        if !self.half {
            return Ok(self.g.linear(x, inputs, outputs, &weight, bias));
        }
        let bits: Vec<u16> = weight.iter().map(|&value| f16::from_f32(value).to_bits()).collect();
        let weight = self.g.constant_f16("weight", &[inputs, outputs], &bits);
        let bias = self.g.constant("bias", &[outputs], bias);
        let product = self.g.matmul(x, &weight);
        Ok(self.g.add(&product, &bias))
    }

    fn layer_norm(&mut self, x: &Value, norm: &LayerNorm) -> Result<Value, TrainError> {
        let gamma = values(&norm.gamma.val())?;
        let beta = match &norm.beta {
            Some(beta) => values(&beta.val())?,
            None => vec![0.0; gamma.len()],
        };
        Ok(self.g.layer_norm(x, &gamma, &beta, LAYER_NORM_EPSILON))
    }

    /// `a` where `keep` is 1, `b` where it is 0.
    fn choose(&mut self, keep: &Value, a: &Value, b: &Value) -> Value {
        let one = self.g.constant("one", &[], &[1.0]);
        let rest = self.g.sub(&one, keep);
        let a = self.g.mul(a, keep);
        let b = self.g.mul(b, &rest);
        self.g.add(&a, &b)
    }

    /// Whether only a part of the patches is computed.
    fn is_part(&self) -> bool {
        self.shown.len() < self.config.grid().patches()
    }

    /// The entries of the patches that are computed: `[N,P]` to `[N,shown]`.
    fn shown(&mut self, x: &Value) -> Value {
        if !self.is_part() {
            return x.clone();
        }
        let places: Vec<i64> = self.shown.iter().map(|&at| at as i64).collect();
        self.g.gather(x, 1, &places)
    }

    /// Zeros for the patches that are not computed: `[N,shown]` to `[N,P]`.
    fn spread(&mut self, x: &Value) -> Value {
        if !self.is_part() {
            return x.clone();
        }
        let (count, patches) = (self.shown.len(), self.config.grid().patches());
        let mut one_hot = vec![0.0; count * patches];
        self.shown.iter().enumerate().for_each(|(row, &at)| one_hot[row * patches + at] = 1.0);
        let one_hot = self.g.constant("spread", &[count, patches], &one_hot);
        self.g.matmul(x, &one_hot)
    }

    /// `[N,3,S,S]` to `[N,P,p*p*3]`, each patch by row, column, channel.
    fn patches(&mut self, image: &Value) -> Value {
        let (side, px) = (self.config.grid().side as i64, self.config.patch_px as i64);
        let cut = self.g.reshape(image, &[-1, 3, side, px, side, px]);
        let cut = self.g.transpose(&cut, &[0, 2, 4, 3, 5, 1]);
        self.g.reshape(&cut, &[-1, side * side, px * px * 3])
    }

    /// The inverse of [`patches`](Self::patches).
    fn unpatch(&mut self, patches: &Value) -> Value {
        let (side, px) = (self.config.grid().side as i64, self.config.patch_px as i64);
        let cut = self.g.reshape(patches, &[-1, side, side, px, px, 3]);
        let cut = self.g.transpose(&cut, &[0, 5, 1, 3, 2, 4]);
        self.g.reshape(&cut, &[-1, 3, side * px, side * px])
    }

    /// `[N,3,S,S]`, RGB 0..1, to tokens `[N,shown,dim]`.
    fn embed(
        &mut self,
        image: &Value,
        embedding: &PatchEmbedding,
        by: &Normalisation,
    ) -> Result<Value, TrainError> {
        if embedding.convolutions.is_empty() {
            let image = self.normalise(image, by);
            let patches = self.patches(&image);
            let patches = self.shown(&patches);
            return self.linear(&patches, &embedding.project);
        }
        // The mean is taken off the pixels, since zeros stand beyond a patch's border; the
        // first kernel divides by the deviation.
        let cut = self.cut(image);
        let mean = self.g.constant("mean", &[1, 3, 1, 1], &by.mean);
        let mut x = self.g.sub(&cut, &mean);
        let (mut side, mut channels) = (self.config.patch_px, 3);
        for (at, layer) in embedding.convolutions.iter().enumerate() {
            if at > 0 {
                x = self.g.reshape(&x, &[-1, channels as i64, side as i64, side as i64]);
            }
            let outputs = layer.weight.dims()[1];
            let (weight, bias) = linear_values(layer)?;
            let kernel = channels_first(&weight, 9, channels, outputs, |channel| {
                if at == 0 { 1.0 / by.std[channel] } else { 1.0 }
            });
            let y = self.g.conv2d(&x, [outputs, channels, 3, 3], &kernel, &bias, 2, 1, 1);
            let y = self.g.gelu(&y);
            (side, channels) = (side / 2, outputs);
            // The patch norm.
            let count = channels * side * side;
            let flat = self.g.reshape(&y, &[-1, count as i64]);
            x = self.g.rms_norm(&flat, count, PATCH_NORM_EPSILON as f32);
        }
        let (weight, bias) = linear_values(&embedding.project)?;
        let (dim, places) = (self.config.dim, side * side);
        // The rows by channel and place, as the convolutions leave them.
        let rows: Vec<f32> = (0..channels * places)
            .map(|row| (row % places) * channels + row / places)
            .flat_map(|row| &weight[row * dim..(row + 1) * dim])
            .copied()
            .collect();
        let x = self.g.linear(&x, channels * places, dim, &rows, &bias);
        Ok(self.g.reshape(&x, &[-1, self.shown.len() as i64, dim as i64]))
    }

    /// The patches that are computed, one below the other: `[N,3,S,S]` to
    /// `[N * shown,3,p,p]`.
    fn cut(&mut self, image: &Value) -> Value {
        let (side, px) = (self.config.grid().side, self.config.patch_px as i64);
        let all = side as i64;
        let cut = if self.is_part() {
            let parts: Vec<Value> = self
                .shown
                .iter()
                .map(|&at| [at / side, at % side].map(|place| place as i64 * px))
                .map(|[y, x]| self.g.slices(image, &[2, 3], [&[y, x], &[y + px, x + px]]))
                .collect();
            self.g.concat(&parts.iter().collect::<Vec<_>>(), 1)
        } else {
            let cut = self.g.reshape(image, &[-1, 3, all, px, all, px]);
            self.g.transpose(&cut, &[0, 2, 4, 1, 3, 5])
        };
        self.g.reshape(&cut, &[-1, 3, px, px])
    }

    fn encoder(
        &mut self,
        encoder: &Encoder,
        [image, keep]: [&Value; 2],
        normalisation: &Normalisation,
        reads: Reads,
    ) -> Result<Encoded, TrainError> {
        let (dim, side) = (self.config.dim, self.config.grid().side);
        let patches = self.shown.len();
        let embedded = self.embed(image, &encoder.embedding, normalisation)?;
        // The class token stands before the patches: room is made for it, and it is put
        // there together with the places of the patches.
        let tokens = self.g.pad(&embedded, &[0, 1, 0, 0, 0, 0], 0.0);
        let table = sin_cos_positions(side, dim);
        let mut first = values(&encoder.cls.val())?;
        self.shown.iter().for_each(|&at| first.extend(&table[at * dim..(at + 1) * dim]));
        let first = self.g.constant("places", &[1, 1 + patches, dim], &first);
        let x = self.g.add(&tokens, &first);
        let mut x = self.g.reshape(&x, &[-1, dim as i64]);

        // keep * |MASKED_SCORE| + MASKED_SCORE: 0 or MASKED_SCORE, and 0 for the class token.
        let mut place = vec![0.0; patches * (1 + patches)];
        (0..patches).for_each(|row| place[row * (1 + patches) + row + 1] = -MASKED_SCORE);
        let penalty: Vec<f32> =
            (0..=patches).map(|key| if key == 0 { 0.0 } else { MASKED_SCORE }).collect();
        let bias = self.g.linear(keep, patches, 1 + patches, &place, &penalty);
        let bias = self.g.reshape(&bias, &[-1, 1, 1, 1 + patches as i64]);

        let mut attention = None;
        for (at, block) in encoder.blocks.iter().enumerate() {
            let is_last = at + 1 == encoder.blocks.len();
            let reads = if is_last { reads } else { Reads::All };
            let (out, weights) = self.block(block, &x, dim, Some(&bias), reads)?;
            x = out;
            attention = Some(weights);
        }
        let attention = match attention {
            Some(all) => {
                let cls = if reads == Reads::All { self.g.slice(&all, 2, 0, 1) } else { all };
                let mean = self.g.reduce_mean(&cls, &[1, 2]);
                self.g.slice(&mean, 1, 1, 1 + patches as i64)
            }
            // Nothing attends to anything.
            None => {
                if reads == Reads::Class {
                    x = self.first_tokens(&x, dim);
                }
                self.g.sub(keep, keep)
            }
        };
        Ok(Encoded { embedded, tokens: self.layer_norm(&x, &encoder.norm)?, attention })
    }

    /// The first token of each picture: `[N * tokens, dim]` to `[N, dim]`.
    fn first_tokens(&mut self, x: &Value, dim: usize) -> Value {
        let all = self.g.reshape(x, &[-1, 1 + self.shown.len() as i64, dim as i64]);
        let first = self.g.slice(&all, 1, 0, 1);
        self.g.reshape(&first, &[-1, dim as i64])
    }

    /// One block over `[N * tokens, dim]`; returns the tokens and the attention,
    /// `[N, heads, tokens, tokens]` (query, key), of which it computes those that are read.
    fn block(
        &mut self,
        block: &Block,
        x: &Value,
        dim: usize,
        bias: Option<&Value>,
        reads: Reads,
    ) -> Result<(Value, Value), TrainError> {
        let tokens = 1 + self.shown.len() as i64;
        let heads = block.heads as i64;
        let width = dim as i64 / heads;
        let normed = self.layer_norm(x, &block.norm_attention)?;
        let by_head = |graph: &mut Self, x: &Value, parts: i64| {
            let x = graph.g.reshape(x, &[-1, tokens, parts * heads, width]);
            graph.g.transpose(&x, &[0, 2, 1, 3])
        };
        let (x, [q, k, v]) = match reads {
            Reads::All => {
                let qkv = self.linear(&normed, &block.qkv)?;
                let qkv = by_head(self, &qkv, 3);
                (x.clone(), self.g.split(&qkv, 1, [heads; 3]))
            }
            Reads::Class => {
                let kv = self.outputs_of(&normed, &block.qkv, dim..3 * dim)?;
                let kv = by_head(self, &kv, 2);
                let [k, v] = self.g.split(&kv, 1, [heads; 2]);
                let class = self.first_tokens(&normed, dim);
                let q = self.outputs_of(&class, &block.qkv, 0..dim)?;
                let q = self.g.reshape(&q, &[-1, heads, 1, width]);
                (self.first_tokens(x, dim), [q, k, v])
            }
        };
        let scale = self.g.constant("scale", &[], &[(width as f32).sqrt().recip()]);
        let q = self.g.mul(&q, &scale);
        let k = self.g.transpose(&k, &[0, 1, 3, 2]);
        let mut scores = self.g.matmul(&q, &k);
        if let Some(bias) = bias {
            scores = self.g.add(&scores, bias);
        }
        let attention = self.g.softmax(&scores, -1);
        let joined = self.g.matmul(&attention, &v);
        let joined = match reads {
            Reads::All => self.g.transpose(&joined, &[0, 2, 1, 3]),
            Reads::Class => joined,
        };
        // Rows of one matrix: ONNX Runtime adds the bias of a product of matrices as it goes.
        let joined = self.g.reshape(&joined, &[-1, dim as i64]);
        let joined = self.linear(&joined, &block.join)?;
        let x = self.g.add(&x, &joined);
        let normed = self.layer_norm(&x, &block.norm_mlp)?;
        let hidden = self.linear(&normed, &block.up)?;
        let hidden = self.g.gelu(&hidden);
        let hidden = self.linear(&hidden, &block.down)?;
        Ok((self.g.add(&x, &hidden), attention))
    }
}

/// Weight `[inputs, outputs]` and bias of a layer as numbers.
fn linear_values(layer: &Linear) -> Result<(Vec<f32>, Vec<f32>), TrainError> {
    let weight = values(&layer.weight.val())?;
    let bias = match &layer.bias {
        Some(bias) => values(&bias.val())?,
        None => vec![0.0; layer.weight.dims()[1]],
    };
    Ok((weight, bias))
}

/// A matrix `[places * inputs, outputs]` as a convolution's kernel
/// `[outputs, inputs, places]`, times the `gain` of each input.
fn channels_first(
    weight: &[f32],
    places: usize,
    inputs: usize,
    outputs: usize,
    gain: impl Fn(usize) -> f32,
) -> Vec<f32> {
    let mut kernel = Vec::with_capacity(weight.len());
    for out in 0..outputs {
        for input in 0..inputs {
            let at = |place| gain(input) * weight[(place * inputs + input) * outputs + out];
            kernel.extend((0..places).map(at));
        }
    }
    kernel
}
