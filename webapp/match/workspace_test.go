package match

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"isuride/tools/dev/allocs"
)

// seed makes the random problems. They are the same in every run, so a failure needs no
// more than its name to be repeated.
const seed = 20240612

// TestSolveTiny goes through every matrix over a few values, in shapes up to 2 x 3 and 3
// x 2.
func TestSolveTiny(t *testing.T) {
	values := []int32{-2, 0, 1, 5, Forbidden}
	var w Workspace
	for rows := range 4 {
		for cols := range 4 {
			if rows*cols > 6 {
				continue
			}
			count := int(math.Pow(float64(len(values)), float64(rows*cols)))
			for number := range count {
				rest := number
				p := newProblem(rows, cols, func(int, int) int32 {
					digit := rest % len(values)
					rest /= len(values)
					return values[digit]
				})
				checkAgainstBruteForce(t, &w, p, fmt.Sprint("tiny ", number))
			}
		}
	}
}

func TestSolveSmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var w Workspace
	for rows := range 7 {
		for cols := range 7 {
			for _, k := range kinds() {
				for n := range 12 {
					checkAgainstBruteForce(t, &w, k.make(rng, rows, cols), fmt.Sprint(k.name, " ", n))
				}
			}
		}
	}
}

// TestSolveMedium has sizes at which shortlists leave columns out.
func TestSolveMedium(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 2))
	var w Workspace
	for n := range 40 {
		rows, cols := rng.IntN(90), rng.IntN(90)
		for _, k := range kinds() {
			checkAgainstTextbook(t, &w, k.make(rng, rows, cols), fmt.Sprint(k.name, " ", n))
		}
	}
}

// TestSolveLarge proves the answers by the potentials, as there is nothing as fast to
// compare with.
func TestSolveLarge(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 3))
	var w Workspace
	for _, size := range [][2]int{{200, 200}, {160, 200}, {200, 160}, {50, 1000}, {1000, 50}} {
		for _, k := range kinds() {
			checkSolve(t, &w, k.make(rng, size[0], size[1]), k.name)
		}
	}
	checkSolve(t, &w, randomProblem(rng, 1000, 1000), "random")
}

func TestSolveEmptySides(t *testing.T) {
	var w Workspace
	for _, size := range [][2]int{{0, 0}, {0, 5}, {5, 0}} {
		assign := make([]int32, size[0])
		if total := w.Solve(size[0], size[1], nil, assign); total != 0 {
			t.Errorf("%d x %d: total %d, want 0", size[0], size[1], total)
		}
		for r, c := range assign {
			if c != -1 {
				t.Errorf("%d x %d: row %d has column %d, want -1", size[0], size[1], r, c)
			}
		}
	}
}

// TestSolvePairsFirst has a pair more at the worst price there is against all others at
// the best.
func TestSolvePairsFirst(t *testing.T) {
	const least, greatest = math.MinInt32, Forbidden - 1
	p := problem{3, 3, []int32{
		least, greatest, Forbidden,
		greatest, least, greatest,
		Forbidden, greatest, Forbidden,
	}}
	var w Workspace
	assign := make([]int32, 3)
	if total := w.Solve(3, 3, p.cost, assign); total != least+2*greatest {
		t.Errorf("total %d with pairs %v, want three pairs", total, assign)
	}
}

// TestSolveReused checks that nothing of earlier problems shows: the answer, not only its
// cost, is that of a new workspace.
func TestSolveReused(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 4))
	var used Workspace
	for n := range 200 {
		k := kinds()[n%len(kinds())]
		p := k.make(rng, rng.IntN(70), rng.IntN(70))
		got, want := make([]int32, p.rows), make([]int32, p.rows)
		used.Solve(p.rows, p.cols, p.cost, got)
		new(Workspace).Solve(p.rows, p.cols, p.cost, want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s %d, %d x %d: %v from a used workspace, %v from a new one", k.name, n, p.rows, p.cols, got, want)
		}
	}
}

func TestSolveDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 5))
	var w Workspace
	for _, k := range kinds() {
		p := k.make(rng, 120, 80)
		assign := make([]int32, p.rows)
		solve := func() { w.Solve(p.rows, p.cols, p.cost, assign) }
		solve()
		if n := allocs.PerRun(3, solve); n != 0 {
			t.Errorf("%s: %v allocations", k.name, n)
		}
	}
}

func TestSolveKeepsNothing(t *testing.T) {
	var w Workspace
	w.Solve(1, 1, []int32{3}, make([]int32, 1))
	if w.cost != nil {
		t.Error("the workspace still holds the caller's matrix")
	}
}

func TestSolveRefusesWrongLengths(t *testing.T) {
	for _, c := range []struct{ rows, cols, costs, answers int }{
		{2, 2, 3, 2}, {2, 2, 5, 2}, {2, 2, 4, 1}, {2, 2, 4, 3}, {-1, -1, 1, 0}, {0, maxSide + 1, 0, 0},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			new(Workspace).Solve(c.rows, c.cols, make([]int32, c.costs), make([]int32, c.answers))
		})
	}
}

// FuzzSolve makes a matrix from bytes, so that ties and forbidden pairs are frequent, and
// compares with the textbook.
func FuzzSolve(f *testing.F) {
	f.Add(uint8(2), []byte{1, 2, 3, 4})
	f.Add(uint8(3), []byte{255, 255, 0, 255, 1, 0, 0, 255, 255})
	f.Add(uint8(40), make([]byte, 2000))
	f.Fuzz(func(t *testing.T, cols uint8, data []byte) {
		if cols == 0 || len(data) > 2048 {
			t.Skip()
		}
		rows := len(data) / int(cols)
		p := newProblem(rows, int(cols), func(r, c int) int32 { return fuzzCost(data[r*int(cols)+c]) })
		checkAgainstTextbook(t, new(Workspace), p, "fuzz")
	})
}

// fuzzCost covers all of int32, densely around 0.
func fuzzCost(b byte) int32 {
	switch {
	case b == 255:
		return Forbidden
	case b >= 240:
		return Forbidden - int32(b) + 200
	case b >= 224:
		return math.MinInt32 + int32(b) - 224
	}
	return int32(b) - 100
}

func checkAgainstBruteForce(t *testing.T, w *Workspace, p problem, name string) {
	t.Helper()
	pairs, total := checkSolve(t, w, p, name)
	if wantPairs, want := bruteForce(p); pairs != wantPairs || total != want {
		t.Fatalf("%s: %v: %d pairs for %d, want %d for %d", name, p, pairs, total, wantPairs, want)
	}
}

func checkAgainstTextbook(t *testing.T, w *Workspace, p problem, name string) {
	t.Helper()
	pairs, total := checkSolve(t, w, p, name)
	if wantPairs, want := textbook(p); pairs != wantPairs || total != want {
		t.Fatalf("%s, %d x %d: %d pairs for %d, want %d for %d", name, p.rows, p.cols, pairs, total, wantPairs, want)
	}
}

// checkSolve solves p and checks that the answer is an assignment and that the potentials
// prove it optimal.
func checkSolve(t *testing.T, w *Workspace, p problem, name string) (pairs int, total int64) {
	t.Helper()
	assign := make([]int32, p.rows)
	total = w.Solve(p.rows, p.cols, p.cost, assign)
	pairs, err := checkAssignment(p, assign, total)
	if err == nil {
		err = checkPotentials(w, p, assign)
	}
	if err != nil {
		t.Fatalf("%s, %d x %d: %v", name, p.rows, p.cols, err)
	}
	return pairs, total
}

// checkAssignment checks that no column is taken twice, no pair forbidden and the total
// right.
func checkAssignment(p problem, assign []int32, total int64) (pairs int, err error) {
	taken := make([]bool, p.cols)
	for r, c := range assign {
		switch {
		case c == -1:
			continue
		case c < 0 || int(c) >= p.cols:
			return 0, fmt.Errorf("row %d has column %d", r, c)
		case taken[c]:
			return 0, fmt.Errorf("column %d is taken twice", c)
		case p.cost[r*p.cols+int(c)] == Forbidden:
			return 0, fmt.Errorf("row %d has column %d, which is forbidden", r, c)
		}
		taken[c] = true
		pairs++
		total -= int64(p.cost[r*p.cols+int(c)])
	}
	if total != 0 {
		return 0, fmt.Errorf("the total is %d too high", total)
	}
	return pairs, nil
}

// checkPotentials checks the conditions under which an assignment is optimal, for every
// entry of the matrix.
func checkPotentials(w *Workspace, p problem, assign []int32) error {
	colOf := assign
	if p.rows > p.cols {
		colOf = make([]int32, p.cols)
		fill(colOf, -1)
		for r, c := range assign {
			if c >= 0 {
				colOf[c] = int32(r)
			}
		}
		p = p.transposed()
	}
	taken := make([]bool, p.cols)
	for r, c := range colOf {
		switch u := w.u[r]; {
		case u > w.aloneCost:
			return fmt.Errorf("row %d should rather stay alone", r)
		case c < 0 && u != w.aloneCost:
			return fmt.Errorf("row %d should not stay alone", r)
		case c >= 0 && u+w.v[c] != int64(p.cost[r*p.cols+int(c)]):
			return fmt.Errorf("pair %d, %d is not tight", r, c)
		case c >= 0:
			taken[c] = true
		}
		for j := range p.cols {
			if x := p.cost[r*p.cols+j]; x != Forbidden && w.u[r]+w.v[j] > int64(x) {
				return fmt.Errorf("pair %d, %d is better than its potentials", r, j)
			}
		}
	}
	for j, v := range w.v[:p.cols] {
		if v > 0 || v < 0 && !taken[j] {
			return fmt.Errorf("column %d has potential %d, taken: %t", j, v, taken[j])
		}
	}
	return nil
}

// bruteForce tries all assignments.
func bruteForce(p problem) (pairs int, total int64) {
	taken := make([]bool, p.cols)
	pairs = -1
	var try func(r, n int, sum int64)
	try = func(r, n int, sum int64) {
		if r == p.rows {
			if n > pairs || n == pairs && sum < total {
				pairs, total = n, sum
			}
			return
		}
		try(r+1, n, sum)
		for c, x := range p.cost[r*p.cols:][:p.cols] {
			if x != Forbidden && !taken[c] {
				taken[c] = true
				try(r+1, n+1, sum+int64(x))
				taken[c] = false
			}
		}
	}
	try(0, 0, 0)
	return pairs, total
}
