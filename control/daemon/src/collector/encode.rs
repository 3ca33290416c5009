// SPDX-License-Identifier: MIT OR Apache-2.0
//! Families of metrics from what is already counted.

use std::collections::HashMap;

use culvert_engine::HistogramSnapshot;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::metrics::gauge::ConstGauge;

pub(super) type Encoded = Result<(), std::fmt::Error>;

pub(super) type Labels = Vec<(&'static str, String)>;

pub(super) fn no_labels() -> Labels {
    Vec::new()
}

/// A value without labels.
pub(super) fn one<T>(value: T) -> [(Labels, T); 1] {
    [(no_labels(), value)]
}

/// The name goes without `_total`, which is added.
pub(super) fn counter<N: EncodeCounterValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels, N)>,
) -> Encoded {
    family(encoder, name, help, samples, ConstCounter::new)
}

pub(super) fn gauge<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels, N)>,
) -> Encoded {
    family(encoder, name, help, samples, ConstGauge::new)
}

/// `unit`: what one of the histogram's values is of the metric's base unit.
pub(super) fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: f64,
    samples: impl IntoIterator<Item = (Labels, HistogramSnapshot)>,
) -> Encoded {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (labels, snapshot) in samples {
        let bounds = snapshot.upper_bounds.iter().map(|bound| *bound as f64 * unit).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(snapshot.counts.iter().copied()).collect();
        let count = snapshot.counts.iter().sum();
        let exemplars: Option<&HashMap<usize, Exemplar<NoLabelSet, f64>>> = None;
        family.encode_family(&labels)?.encode_histogram(
            snapshot.sum as f64 * unit,
            count,
            &buckets,
            exemplars,
        )?;
    }
    Ok(())
}

fn family<N, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels, N)>,
    metric: impl Fn(N) -> M,
) -> Encoded {
    let mut samples = samples.into_iter().map(|(labels, value)| (labels, metric(value)));
    let Some((labels, first)) = samples.next() else { return Ok(()) };
    let mut family = encoder.encode_descriptor(name, help, None, first.metric_type())?;
    if labels.is_empty() {
        // A family of one without labels is no family: `name 1`, not `name{} 1`.
        return first.encode(family);
    }
    for (labels, metric) in std::iter::once((labels, first)).chain(samples) {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
