// Command shieldd is the node and the client of shieldchain.
package main

import (
	"os"

	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
)

func main() {
	if err := svrcmd.Execute(rootCmd(), "SHIELDD", app.DefaultNodeHome); err != nil {
		os.Exit(1)
	}
}
