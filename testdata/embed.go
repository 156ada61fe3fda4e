// Package testdata holds the committed test data that Go reads, for
// internal/realdata, which decodes it. It lives here because a Go file can only
// embed what lies below it.
package testdata

import "embed"

// Files has the JSON files by their path below testdata.
//
//go:embed roots/*.json frontiers/*.json treestates/*.json vectors/*.json
var Files embed.FS
