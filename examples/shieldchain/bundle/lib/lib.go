// Package lib holds libshieldbundle.a, which make bundle makes. It embeds what lies
// here for the sake of the go command, which so sees a changed library. The linker
// leaves the unused copy out.
package lib

import "embed"

//go:embed *
var _ embed.FS
