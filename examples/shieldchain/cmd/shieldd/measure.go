package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/kvshard/kvshard"
)

// measureCmd measures what a hash of the tree is worth on this machine.
func measureCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "measure-hash",
		Short: "Measure what gas_per_hash should be on this machine",
		Long: `Measures the time of a hash of the tree beside that of a signature's verification,
which the SDK has a price for, and says what gas_per_hash would be at the same price
for the same time. A validator measures on an idle machine; a chain takes the highest
that its validators found.

A transaction of one commitment hashes one by one, one of many hashes in batches. The
price is one for both: the higher one is safe, the lower one is what large
transactions cost.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := measure()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), `a signature (secp256k1)  %6.1f us, %d gas
a hash alone             %6.1f us: gas_per_hash %.0f
a hash of a batch        %6.1f us: gas_per_hash %.0f
`, us(m.signature), authtypes.DefaultSigVerifyCostSecp256k1, us(m.alone), m.gas(m.alone), us(m.batched), m.gas(m.batched))
			return err
		},
	}
}

// measured are times of one each.
type measured struct{ signature, alone, batched time.Duration }

// gas is the price of a time, as a signature's is.
func (m measured) gas(t time.Duration) float64 {
	return float64(authtypes.DefaultSigVerifyCostSecp256k1) * float64(t) / float64(m.signature)
}

func us(t time.Duration) float64 { return float64(t) / float64(time.Microsecond) }

func measure() (m measured, err error) {
	key := secp256k1.GenPrivKeyFromSecret([]byte("measure"))
	message := []byte("a message")
	signature, err := key.Sign(message)
	if err != nil {
		return m, err
	}
	public := key.PubKey()
	m.signature = fastest(func() { public.VerifySignature(message, signature) })
	// A batch that one thread hashes, as a transaction of some leaves has it.
	pairs := make([][2]kvshard.Node, 16)
	for i := range pairs {
		pairs[i] = [2]kvshard.Node{{byte(i), 1}, {byte(i), 2}}
	}
	m.alone = fastest(func() { _, err = kvshard.Combine(0, pairs[0][0], pairs[0][1]) })
	if err != nil {
		return m, err
	}
	m.batched = fastest(func() { _, err = kvshard.CombineBatch(0, pairs) }) / time.Duration(len(pairs))
	return m, err
}

// fastest returns the shortest mean of several runs: what else the machine does only
// makes a run longer.
func fastest(f func()) time.Duration {
	const times, runs = 200, 15
	best := time.Duration(1<<63 - 1)
	for range runs {
		begin := time.Now()
		for range times {
			f()
		}
		best = min(best, time.Since(begin)/times)
	}
	return best
}
