//! How well a linear probe tells from the classifier's features which collection a crop
//! comes from: what the classifier has learned of collections instead of faces.

/// Steps of gradient descent.
const STEPS: usize = 300;

/// Balanced accuracy of a linear probe that learns from `train` and is asked on `test`:
/// features with their class, `classes` of them.
pub(crate) fn accuracy(
    train: &[(Vec<f32>, usize)],
    test: &[(Vec<f32>, usize)],
    classes: usize,
) -> f64 {
    let width = train.first().map_or(0, |(features, _)| features.len());
    let (mean, std) = statistics(train, width);
    let scaled = |set: &[(Vec<f32>, usize)]| -> Vec<(Vec<f32>, usize)> {
        let one = |(features, class): &(Vec<f32>, usize)| {
            let mut row: Vec<f32> =
                (0..width).map(|i| (features[i] - mean[i]) / std[i].max(1e-6)).collect();
            row.push(1.0);
            (row, *class)
        };
        set.iter().map(one).collect()
    };
    let (train, test) = (scaled(train), scaled(test));
    let rows = width + 1;
    let (mut weights, mut momentum) = (vec![0.0f32; classes * rows], vec![0.0f32; classes * rows]);
    for _ in 0..STEPS {
        let mut gradient = vec![0.0f32; classes * rows];
        for (features, class) in &train {
            let probabilities = softmax(&scores(&weights, features, classes));
            for (k, p) in probabilities.iter().enumerate() {
                let off = (p - f32::from(u8::from(k == *class))) / train.len() as f32;
                let row = &mut gradient[k * rows..(k + 1) * rows];
                row.iter_mut().zip(features).for_each(|(g, x)| *g += off * x);
            }
        }
        for ((w, m), g) in weights.iter_mut().zip(&mut momentum).zip(&gradient) {
            *m = 0.9 * *m + g + 1e-3 * *w;
            *w -= 0.1 * *m;
        }
    }
    let (mut right, mut count) = (vec![0.0; classes], vec![0.0; classes]);
    for (features, class) in &test {
        let scores = scores(&weights, features, classes);
        let best = (0..classes).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        right[*class] += f64::from(u8::from(best == Some(*class)));
        count[*class] += 1.0;
    }
    let each = right.iter().zip(&count).map(|(right, count)| right / f64::max(*count, 1.0));
    each.sum::<f64>() / classes.max(1) as f64
}

fn statistics(set: &[(Vec<f32>, usize)], width: usize) -> (Vec<f32>, Vec<f32>) {
    let n = set.len().max(1) as f32;
    let mut mean = vec![0.0; width];
    let mut square = vec![0.0; width];
    for (features, _) in set {
        for (i, value) in features.iter().enumerate() {
            mean[i] += value / n;
            square[i] += value * value / n;
        }
    }
    let std = mean.iter().zip(&square).map(|(m, s)| (s - m * m).max(0.0).sqrt()).collect();
    (mean, std)
}

fn scores(weights: &[f32], features: &[f32], classes: usize) -> Vec<f32> {
    let row = |k: usize| &weights[k * features.len()..(k + 1) * features.len()];
    (0..classes).map(|k| row(k).iter().zip(features).map(|(w, x)| w * x).sum()).collect()
}

fn softmax(scores: &[f32]) -> Vec<f32> {
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
