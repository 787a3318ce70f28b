package watch

import (
	"cmp"
	"math"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// scrape has the server's metrics at one moment, or what has changed between two: the
// series of each name.
type scrape map[string]family

type family struct {
	grows  bool // is a counter or a histogram
	series map[string]series
}

// series has a value or, of a histogram, buckets.
type series struct {
	labels  []*dto.LabelPair
	value   float64
	buckets []bucket // by bound; the last has none, which is +Inf
}

// bucket counts the values up to its bound, so each includes those before it.
type bucket struct {
	bound float64
	count float64
}

// parseScrape reads the text format of Prometheus.
func parseScrape(text string) (scrape, error) {
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	s := scrape{}
	for name, f := range families {
		kind := f.GetType()
		parsed := family{kind == dto.MetricType_COUNTER || kind == dto.MetricType_HISTOGRAM, map[string]series{}}
		for _, m := range f.GetMetric() {
			parsed.series[labelKey(m.GetLabel())] = series{m.GetLabel(), value(m), buckets(m.GetHistogram())}
		}
		s[name] = parsed
	}
	return s, nil
}

func labelKey(labels []*dto.LabelPair) string {
	var key strings.Builder
	for _, l := range labels {
		key.WriteString(l.GetName() + "\xff" + l.GetValue() + "\xff")
	}
	return key.String()
}

// value is 0 for anything that is not a single finite number: JSON has no others.
func value(m *dto.Metric) float64 {
	v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func buckets(h *dto.Histogram) []bucket {
	if h == nil {
		return nil
	}
	var all []bucket
	for _, b := range h.GetBucket() {
		if !math.IsInf(b.GetUpperBound(), 1) {
			all = append(all, bucket{b.GetUpperBound(), float64(b.GetCumulativeCount())})
		}
	}
	slices.SortFunc(all, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
	return append(all, bucket{math.Inf(1), float64(h.GetSampleCount())})
}

// since is the growth since before. A counter that is smaller now has restarted from 0;
// all of them have if the process is another one.
func (s scrape) since(before scrape) scrape {
	const started = "process_start_time_seconds"
	if s.sum(started) != before.sum(started) {
		before = nil
	}
	moved := scrape{}
	for name, f := range s {
		if !f.grows {
			continue
		}
		m := family{true, map[string]series{}}
		for key, now := range f.series {
			m.series[key] = now.since(before[name].series[key])
		}
		moved[name] = m
	}
	return moved
}

func (s series) since(before series) series {
	if s.value < before.value || !s.contains(before) {
		return s
	}
	s.value -= before.value
	s.buckets = slices.Clone(s.buckets)
	for i := range before.buckets {
		s.buckets[i].count -= before.buckets[i].count
	}
	return s
}

// contains tells whether a histogram can have grown out of before.
func (s series) contains(before series) bool {
	return before.buckets == nil || slices.EqualFunc(s.buckets, before.buckets, func(now, then bucket) bool {
		return now.bound == then.bound && now.count >= then.count
	})
}

// sum adds up the series of a name that have all the labels, given as alternating names
// and values.
func (s scrape) sum(name string, labels ...string) float64 {
	var total float64
	for _, one := range s[name].series {
		if one.has(labels) {
			total += one.value
		}
	}
	return total
}

// label is the value of a label of any series with the name; the metrics that this is
// used for have only one.
func (s scrape) label(name, label string) string {
	for _, one := range s[name].series {
		for _, l := range one.labels {
			if l.GetName() == label {
				return l.GetValue()
			}
		}
	}
	return ""
}

// histogram adds up the histograms of a name that have all the labels.
func (s scrape) histogram(name string, labels ...string) []bucket {
	var total []bucket
	for _, one := range s[name].series {
		if one.has(labels) {
			total = addBuckets(total, one.buckets)
		}
	}
	return total
}

// addBuckets adds to total, which must not be shared. Histograms of a name have the same
// bounds.
func addBuckets(total, more []bucket) []bucket {
	if total == nil {
		return slices.Clone(more)
	}
	for i := range min(len(total), len(more)) {
		total[i].count += more[i].count
	}
	return total
}

func (s series) has(labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		if !slices.ContainsFunc(s.labels, func(l *dto.LabelPair) bool {
			return l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}) {
			return false
		}
	}
	return true
}

// quantile is the value below which the share q of all values lies, computed as
// Prometheus does: the values of a bucket are spread evenly over it, and beyond the last
// bound there is only that bound. It is 0 without values.
func quantile(q float64, all []bucket) float64 {
	if len(all) == 0 || all[len(all)-1].count == 0 {
		return 0
	}
	rank := q * all[len(all)-1].count
	i := slices.IndexFunc(all, func(b bucket) bool { return b.count >= rank })
	var below bucket
	if i > 0 {
		below = all[i-1]
	}
	if math.IsInf(all[i].bound, 1) {
		return below.bound
	}
	return below.bound + (all[i].bound-below.bound)*(rank-below.count)/(all[i].count-below.count)
}
