package main

// costs is the work of each party by kind, in microseconds of CPU.
type costs [parties][kinds]float64

// our are the server's costs and those of our bench, with which a run resembles the real one
// on a machine of 2 cores over plain HTTP, see docs/dispatch.md of the server. Their sums were
// fitted; the proportions follow from what the calls do. The server has 0.6 of a call, since
// it took 16.7 s of CPU for a million points when the bench took 8 to 12. The cost of a listed
// chair was found in a run with hundreds of them in each answer.
var our = func() (c costs) {
	const serversPart = 0.6
	for k, sum := range map[kind]float64{
		workPosition: 43, workStatus: 57, workNotice: 19, workStream: 142, workLeave: 19, workHistory: 33, workNearby: 33, workListed: 1.1,
		workEstimate: 48, workRequest: 67, workRate: 76, workPayment: 57, workRegister: 114, workOwner: 475,
	} {
		c[atServer][k], c[atClient][k] = serversPart*sum, (1-serversPart)*sum
	}
	c[atServer][workMatching] = 20
	return c
}()

// scaled are the costs on a machine that takes f times as long.
func (c costs) scaled(f float64) costs {
	for p := range c {
		c[p] = scaled(c[p], f)
	}
	return c
}

func scaled(c [kinds]float64, f float64) [kinds]float64 {
	for k := range c {
		c[k] *= f
	}
	return c
}
