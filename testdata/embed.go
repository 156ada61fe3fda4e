// Package testdata holds the committed test data that Go reads. internal/realdata
// and internal/votedata decode it. It lives here because a Go file can only embed
// what lies below it.
package testdata

import "embed"

// Files has the JSON files by their path below testdata.
//
//go:embed roots/*.json frontiers/*.json treestates/*.json vectors/*.json
var Files embed.FS

// Vote has the stores of the vote chain, for internal/votedata.
//
//go:embed vote/v1/*.txt.gz
var Vote embed.FS

// Streams has the streams of the first version of "kvshard export".
//
//go:embed streams/v1-*.kvx
var Streams embed.FS
