// Command kvshard makes, fills, inspects and measures note commitment trees.
//
//	kvshard init --dir tree
//	kvshard append --dir tree commitments.txt
//	kvshard root --dir tree
//
// `kvshard help` lists the commands, `kvshard help COMMAND` has examples.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
