package histogram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBucketsAreInOrder(t *testing.T) {
	values := []uint64{0, 1, 2, 63, 64, 65, 127, 128, 129, 130, 255, 256, 257, 1000, 1 << 20, 1<<20 + 1<<14, math.MaxUint64 >> 1, math.MaxUint64}
	for i, v := range values {
		b := bucket(v)
		if i > 0 && b < bucket(values[i-1]) {
			t.Errorf("%d lies in bucket %d, below that of %d", v, b, values[i-1])
		}
		if off := math.Abs(float64(middle(b))-float64(v)) / max(float64(v), 1); off > 0.01 {
			t.Errorf("%d is told as %d, %.2f %% off", v, middle(b), 100*off)
		}
	}
	for b := range bucket(1 << 40) {
		if bucket(middle(b)) != b {
			t.Fatalf("the middle of bucket %d, %d, lies in bucket %d", b, middle(b), bucket(middle(b)))
		}
	}
}

// TestQuantiles compares with sorted values.
func TestQuantiles(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, 0))
	for _, n := range []int{1, 2, 3, 10, 99, 100, 101, 10_000} {
		var h Histogram
		var values []uint64
		sum := uint64(0)
		for range n {
			v := uint64(math.Exp(random.Float64() * 20))
			h.Add(v)
			values, sum = append(values, v), sum+v
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
			want := float64(values[max(int(math.Ceil(q*float64(n))), 1)-1])
			if got := float64(h.Quantile(q)); math.Abs(got-want) > 0.01*want {
				t.Errorf("seed %d: quantile %g of %d values is %g, want %g", seed, q, n, got, want)
			}
		}
		if h.Count() != uint64(n) || h.Sum() != sum || h.Max() != values[n-1] || h.Mean() != float64(sum)/float64(n) {
			t.Errorf("seed %d: %d values: count %d, sum %d, max %d, mean %g", seed, n, h.Count(), h.Sum(), h.Max(), h.Mean())
		}
	}
}

func TestEmpty(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Max() != 0 {
		t.Error("an empty histogram has values")
	}
}
