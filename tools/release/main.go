// Command release writes what a release has besides its source and libraries:
//
//	release inventory -root DIR -module DIR -version v0.1.0 -time RFC3339
//	release proxy -module DIR -out DIR -version v0.1.0 -time RFC3339
//	release archive -module DIR -modules DIR -program FILE -target linux-amd64
//		[-notice FILE] -out DIR -version v0.1.0 -time RFC3339
//
// inventory lists the Rust crates that are linked into the libraries: sbom.json
// (CycloneDX) and LICENSES-THIRD-PARTY.txt in the module's folder. proxy makes the
// module files in that folder require the release, and packs each Go module of it
// into a folder that GOPROXY=file://… can serve. archive packs the command, which
// was built from that proxy, with all licences.
//
// Nothing in the output depends on where or when it is run.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const modulePath = "github.com/kvshard/kvshard"

type release struct {
	root    string // the repository
	module  string // the tree that is released
	modules string // the module cache that the program was built with
	program string // the command
	target  string // what it was built for
	notice  string // the licences of the C library in it
	out     string // where the proxy or the archive is
	version string // v0.1.0
	time    time.Time
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	commands := map[string]func(release) error{"inventory": inventory, "proxy": proxy, "archive": archive}
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("usage: release inventory|proxy|archive [flags]")
	}
	var r release
	var at string
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	flags.StringVar(&r.root, "root", ".", "the repository")
	flags.StringVar(&r.module, "module", "", "the tree that is released")
	flags.StringVar(&r.modules, "modules", "", "the module cache that the program was built with")
	flags.StringVar(&r.program, "program", "", "the command kvshard")
	flags.StringVar(&r.target, "target", "", "what the program was built for, such as linux-amd64")
	flags.StringVar(&r.notice, "notice", "", "a file with the licences of the C library that is in the program")
	flags.StringVar(&r.out, "out", "", "the folder of the module proxy, or of the archive")
	flags.StringVar(&r.version, "version", "", "the release, such as v0.1.0")
	flags.StringVar(&at, "time", "", "the release's time, that of its commit")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return err
	}
	r.time = when.UTC()
	return commands[args[0]](r)
}
