package bench

import (
	"fmt"
	"math"
	"slices"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func (b *Bench) checkGrowth() error {
	if len(b.Growth) > 0 && len(b.Sizes) < 2 {
		return exit.Usagef("--growth compares the largest of --sizes with the smallest: give two at least")
	}
	for call, most := range b.Growth {
		if !slices.Contains(Calls, call) {
			return exit.Usagef("--growth %s: it is one of %v", call, Calls)
		}
		// Nothing is more than NaN or infinity: such a bound could not fail.
		if !(most > 0) || math.IsInf(most, 1) {
			return exit.Usagef("--growth %s=%v: it is a number of more than 0", call, most)
		}
	}
	return nil
}

// Grown compares the gas of our largest tree in each store with that of the smallest.
// A call may cost as many times as much as [Bench.Growth] has for it.
func (b *Bench) Grown(r *Result) error {
	for _, call := range Calls {
		most, bounded := b.Growth[call]
		if !bounded {
			continue
		}
		for _, store := range b.Stores {
			var of []Row
			for _, row := range r.Rows {
				if row.Tree == TreeOurs && row.Store == store {
					of = append(of, row)
				}
			}
			small := slices.MinFunc(of, func(p, q Row) int { return int(p.Leaves) - int(q.Leaves) })
			large := slices.MaxFunc(of, func(p, q Row) int { return int(p.Leaves) - int(q.Leaves) })
			grown := large.Costs[call].Gas / small.Costs[call].Gas
			fmt.Fprintf(b.Log, "bench: %s on %s: at %d leaves %.4f times the gas of %d leaves\n", call, store, large.Leaves, grown, small.Leaves)
			if !(grown <= most) { // also where there is no gas to divide by
				return exit.Errorf(exit.No, "run \"kvshard bench --output json\", which has all that the call costs at each size", "%s on %s: %s gas at %d leaves is %.4f times the %s at %d, and may be %v times",
					call, store, grouped(large.Costs[call].Gas), large.Leaves, grown, grouped(small.Costs[call].Gas), small.Leaves, most)
			}
		}
	}
	return nil
}
