//! Builds a graph node by node and encodes it.

use prost::Message;
use thiserror::Error;

use super::proto::{
    AttributeProto, DimensionProto, FLOAT, FLOAT16, GraphProto, INT64, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto, attribute_type, dimension,
};

/// Operator set: LayerNormalization came with 17, Gelu with 20, RMSNormalization with 23.
pub(super) const OPSET: i64 = 23;
/// IR version that goes with [`OPSET`].
const IR_VERSION: i64 = 11;

/// A tensor inside the graph, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

/// One dimension of an input or output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dim {
    /// A fixed size.
    Fixed(usize),
    /// A size that is known only at run time, by name (`N` for the batch).
    Named(&'static str),
}

/// A graph that cannot be written.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// Weights and shape disagree.
    #[error(
        "tensor {name} of shape {shape:?} was given {values} values; the network and its exporter disagree, please report it"
    )]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The number of values given.
        values: usize,
    },
}

/// Collects nodes and weights; [`finish`](GraphBuilder::finish) encodes the file.
#[derive(Debug, Default)]
pub(crate) struct GraphBuilder {
    graph: GraphProto,
    made: usize,
    broken: Option<OnnxError>,
}

fn value_info(name: &str, shape: &[Dim]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|dim| DimensionProto {
            value: Some(match dim {
                Dim::Fixed(size) => dimension::Value::DimValue(*size as i64),
                Dim::Named(name) => dimension::Value::DimParam((*name).into()),
            }),
        })
        .collect();
    let tensor = TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i: Some(value),
        r#type: attribute_type::INT,
        ..Default::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: values.to_vec(),
        r#type: attribute_type::INTS,
        ..Default::default()
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        f: Some(value),
        r#type: attribute_type::FLOAT,
        ..Default::default()
    }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        s: Some(value.into()),
        r#type: attribute_type::STRING,
        ..Default::default()
    }
}

impl GraphBuilder {
    /// An empty graph.
    pub(crate) fn new(name: &str) -> Self {
        Self { graph: GraphProto { name: name.into(), ..Default::default() }, ..Default::default() }
    }

    fn fresh(&mut self, hint: &str) -> String {
        self.made += 1;
        format!("{hint}_{}", self.made)
    }

    /// Declares an f32 input.
    pub(crate) fn input(&mut self, name: &str, shape: &[Dim]) -> Value {
        self.graph.input.push(value_info(name, shape));
        Value(name.into())
    }

    /// Declares `value` as an f32 output called `name`.
    pub(crate) fn output(&mut self, value: &Value, name: &str, shape: &[Dim]) {
        let node = NodeProto {
            input: vec![value.0.clone()],
            output: vec![name.into()],
            name: format!("out_{name}"),
            op_type: "Identity".into(),
            attribute: vec![],
        };
        self.graph.node.push(node);
        self.graph.output.push(value_info(name, shape));
    }

    fn initializer(
        &mut self,
        hint: &str,
        shape: &[usize],
        values: usize,
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> Value {
        let name = self.fresh(hint);
        if shape.iter().product::<usize>() != values {
            self.broken.get_or_insert(OnnxError::Shape {
                name: name.clone(),
                shape: shape.into(),
                values,
            });
        }
        let dims = shape.iter().map(|&size| size as i64).collect();
        self.graph.initializer.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        Value(name)
    }

    /// A constant or weight; `hint` becomes part of its name.
    pub(crate) fn constant(&mut self, hint: &str, shape: &[usize], values: &[f32]) -> Value {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(hint, shape, values.len(), FLOAT, raw)
    }

    /// A constant stored in half precision (its bits) and cast to f32 where it is used:
    /// half the file for weights that bear the rounding.
    pub(crate) fn constant_f16(&mut self, hint: &str, shape: &[usize], bits: &[u16]) -> Value {
        let raw = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let half = self.initializer(hint, shape, bits.len(), FLOAT16, raw);
        self.node("Cast", &[&half], vec![int("to", i64::from(FLOAT))])
    }

    /// A one-dimensional constant of integers, for shapes and axes.
    pub(crate) fn constant_i64(&mut self, hint: &str, values: &[i64]) -> Value {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(hint, &[values.len()], values.len(), INT64, raw)
    }

    /// Any operator with one output.
    pub(crate) fn node(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attribute: Vec<AttributeProto>,
    ) -> Value {
        let [output] = self.nodes(op, inputs, attribute);
        output
    }

    /// Any operator with as many outputs as are asked for.
    fn nodes<const OUTPUTS: usize>(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attribute: Vec<AttributeProto>,
    ) -> [Value; OUTPUTS] {
        let outputs: [Value; OUTPUTS] =
            std::array::from_fn(|_| Value(self.fresh(&op.to_lowercase())));
        self.made += 1;
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: outputs.iter().map(|value| value.0.clone()).collect(),
            name: format!("n_{}", self.made),
            op_type: op.into(),
            attribute,
        });
        outputs
    }

    /// `a + b`, with broadcasting.
    pub(crate) fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[a, b], vec![])
    }

    /// `a - b`, with broadcasting.
    pub(crate) fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Sub", &[a, b], vec![])
    }

    /// `a * b`, with broadcasting.
    pub(crate) fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Mul", &[a, b], vec![])
    }

    /// `a / b`, with broadcasting.
    pub(crate) fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Div", &[a, b], vec![])
    }

    /// Matrix product over the last two dimensions.
    pub(crate) fn matmul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("MatMul", &[a, b], vec![])
    }

    /// `x @ weight + bias`, weight `[inputs, outputs]` row-major (burn's layout).
    pub(crate) fn linear(
        &mut self,
        x: &Value,
        inputs: usize,
        outputs: usize,
        weight: &[f32],
        bias: &[f32],
    ) -> Value {
        let weight = self.constant("weight", &[inputs, outputs], weight);
        let bias = self.constant("bias", &[outputs], bias);
        let product = self.matmul(x, &weight);
        self.add(&product, &bias)
    }

    /// Two-dimensional convolution, weight `[outputs, inputs/groups, kernel, kernel]`.
    #[allow(clippy::too_many_arguments, reason = "a convolution has that many")]
    pub(crate) fn conv2d(
        &mut self,
        x: &Value,
        shape: [usize; 4],
        weight: &[f32],
        bias: &[f32],
        stride: usize,
        padding: usize,
        groups: usize,
    ) -> Value {
        let weight = self.constant("kernel", &shape, weight);
        let bias = self.constant("bias", &[shape[0]], bias);
        let [stride, padding] = [stride as i64, padding as i64];
        let attributes = vec![
            ints("kernel_shape", &[shape[2] as i64, shape[3] as i64]),
            ints("strides", &[stride; 2]),
            ints("pads", &[padding; 4]),
            int("group", groups as i64),
        ];
        self.node("Conv", &[x, &weight, &bias], attributes)
    }

    /// Normalisation over the last dimension.
    pub(crate) fn layer_norm(
        &mut self,
        x: &Value,
        gamma: &[f32],
        beta: &[f32],
        epsilon: f32,
    ) -> Value {
        let gamma = self.constant("gamma", &[gamma.len()], gamma);
        let beta = self.constant("beta", &[beta.len()], beta);
        self.node(
            "LayerNormalization",
            &[x, &gamma, &beta],
            vec![int("axis", -1), float("epsilon", epsilon)],
        )
    }

    /// Normalisation of each channel of `[batch, channels, ...]` over what follows;
    /// `scale` and `bias` have one value a channel.
    pub(crate) fn instance_norm(
        &mut self,
        x: &Value,
        scale: &[f32],
        bias: &[f32],
        epsilon: f32,
    ) -> Value {
        let scale = self.constant("scale", &[scale.len()], scale);
        let bias = self.constant("bias", &[bias.len()], bias);
        self.node("InstanceNormalization", &[x, &scale, &bias], vec![float("epsilon", epsilon)])
    }

    /// Divides each row of `[rows, count]` by the root of its mean square, to which `epsilon`
    /// is added.
    pub(crate) fn rms_norm(&mut self, x: &Value, count: usize, epsilon: f32) -> Value {
        // No gain. Worked out once, when the model is loaded.
        let shape = self.constant_i64("count", &[count as i64]);
        let zeros = self.node("ConstantOfShape", &[&shape], vec![]);
        let one = self.constant("one", &[], &[1.0]);
        let gain = self.add(&zeros, &one);
        let attributes = vec![int("axis", -1), float("epsilon", epsilon)];
        self.node("RMSNormalization", &[x, &gain], attributes)
    }

    /// Exact (erf) GELU.
    pub(crate) fn gelu(&mut self, x: &Value) -> Value {
        self.node("Gelu", &[x], vec![])
    }

    /// `max(x, 0)`.
    pub(crate) fn relu(&mut self, x: &Value) -> Value {
        self.node("Relu", &[x], vec![])
    }

    /// The logistic function.
    pub(crate) fn sigmoid(&mut self, x: &Value) -> Value {
        self.node("Sigmoid", &[x], vec![])
    }

    /// Softmax over `axis`.
    pub(crate) fn softmax(&mut self, x: &Value, axis: i64) -> Value {
        self.node("Softmax", &[x], vec![int("axis", axis)])
    }

    /// New shape; 0 keeps a dimension, -1 takes what is left.
    pub(crate) fn reshape(&mut self, x: &Value, shape: &[i64]) -> Value {
        let shape = self.constant_i64("shape", shape);
        self.node("Reshape", &[x, &shape], vec![])
    }

    /// Dimensions in the order `permutation`.
    pub(crate) fn transpose(&mut self, x: &Value, permutation: &[i64]) -> Value {
        self.node("Transpose", &[x], vec![ints("perm", permutation)])
    }

    /// Joins along `axis`.
    pub(crate) fn concat(&mut self, parts: &[&Value], axis: i64) -> Value {
        self.node("Concat", parts, vec![int("axis", axis)])
    }

    /// `x[start..end]` along `axis`.
    pub(crate) fn slice(&mut self, x: &Value, axis: i64, start: i64, end: i64) -> Value {
        self.slices(x, &[axis], [&[start], &[end]])
    }

    /// A block of `x`: from `starts` to `ends` along `axes`.
    pub(crate) fn slices(&mut self, x: &Value, axes: &[i64], [starts, ends]: [&[i64]; 2]) -> Value {
        let starts = self.constant_i64("starts", starts);
        let ends = self.constant_i64("ends", ends);
        let axes = self.constant_i64("axes", axes);
        self.node("Slice", &[x, &starts, &ends, &axes], vec![])
    }

    /// `x` cut along `axis` into parts of the given sizes.
    pub(crate) fn split<const PARTS: usize>(
        &mut self,
        x: &Value,
        axis: i64,
        sizes: [i64; PARTS],
    ) -> [Value; PARTS] {
        let sizes = self.constant_i64("sizes", &sizes);
        self.nodes("Split", &[x, &sizes], vec![int("axis", axis)])
    }

    /// `x` with `value` put before and behind: `pads` has as many entries for the start of
    /// each dimension, then as many for its end.
    pub(crate) fn pad(&mut self, x: &Value, pads: &[i64], value: f32) -> Value {
        let pads = self.constant_i64("pads", pads);
        let value = self.constant("padding", &[], &[value]);
        self.node("Pad", &[x, &pads, &value], vec![])
    }

    /// Mean of each 2x2 square of `[N,1,H,W]`: a convolution, which takes ONNX Runtime half
    /// the time of its AveragePool on a single channel.
    pub(crate) fn halve(&mut self, x: &Value) -> Value {
        let quarters = self.constant("quarters", &[1, 1, 2, 2], &[0.25; 4]);
        let attributes = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
        self.node("Conv", &[x, &quarters], attributes)
    }

    /// Each cell of `[N,C,H,W]` four times: `[N,C,2H,2W]`.
    pub(crate) fn double(&mut self, x: &Value) -> Value {
        let scales = self.constant("scales", &[4], &[1.0, 1.0, 2.0, 2.0]);
        let attributes = vec![
            text("mode", "nearest"),
            text("coordinate_transformation_mode", "asymmetric"),
            text("nearest_mode", "floor"),
        ];
        self.node("Resize", &[x, &Value(String::new()), &scales], attributes)
    }

    /// Mean of each channel: `[N,C,H,W]` to `[N,C,1,1]`.
    pub(crate) fn mean_of_channels(&mut self, x: &Value) -> Value {
        self.node("GlobalAveragePool", &[x], vec![])
    }

    /// What lies at `grid` (`[N,H,W,2]` of x, y, -1..1 from edge to edge of `x`), between
    /// the pixels; the border repeats.
    pub(crate) fn grid_sample(&mut self, x: &Value, grid: &Value) -> Value {
        let attributes =
            vec![text("mode", "linear"), text("padding_mode", "border"), int("align_corners", 0)];
        self.node("GridSample", &[x, grid], attributes)
    }

    /// The entries `indices` along `axis`, in that order.
    pub(crate) fn gather(&mut self, x: &Value, axis: i64, indices: &[i64]) -> Value {
        let indices = self.constant_i64("indices", indices);
        self.node("Gather", &[x, &indices], vec![int("axis", axis)])
    }

    /// Mean over `axes`, which are dropped.
    pub(crate) fn reduce_mean(&mut self, x: &Value, axes: &[i64]) -> Value {
        let axes = self.constant_i64("axes", axes);
        self.node("ReduceMean", &[x, &axes], vec![int("keepdims", 0)])
    }

    /// Sum over `axes`, which are dropped.
    pub(crate) fn reduce_sum(&mut self, x: &Value, axes: &[i64]) -> Value {
        let axes = self.constant_i64("axes", axes);
        self.node("ReduceSum", &[x, &axes], vec![int("keepdims", 0)])
    }

    /// Encodes the model with its metadata entries.
    ///
    /// # Errors
    /// When a weight was given another number of values than its shape needs.
    pub(crate) fn finish(self, metadata: &[(&str, &str)]) -> Result<Vec<u8>, OnnxError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: metadata
                .iter()
                .map(|(key, value)| StringStringEntryProto {
                    key: (*key).into(),
                    value: (*value).into(),
                })
                .collect(),
        };
        Ok(model.encode_to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_survives_encoding() {
        let mut graph = GraphBuilder::new("double");
        let x = graph.input("x", &[Dim::Named("N"), Dim::Fixed(2)]);
        let y = graph.linear(&x, 2, 2, &[2., 0., 0., 2.], &[0., 0.]);
        graph.output(&y, "y", &[Dim::Named("N"), Dim::Fixed(2)]);
        let bytes = graph.finish(&[("key", "value")]).unwrap();
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        assert_eq!(model.metadata_props[0].value, "value");
        assert_eq!(model.graph.unwrap().node.len(), 3);
    }

    #[test]
    fn weights_of_the_wrong_number_are_refused() {
        let mut graph = GraphBuilder::new("broken");
        let x = graph.input("x", &[Dim::Fixed(2)]);
        let _ = graph.linear(&x, 2, 2, &[1.; 3], &[0.; 2]);
        let error = graph.finish(&[]).unwrap_err().to_string();
        assert!(error.contains("[2, 2]") && error.contains('3'), "{error}");
    }
}
