package treetest

import "fmt"

// A DiskError is a store's own error, with a type and content of its own.
type DiskError struct{ Sector int }

func (e *DiskError) Error() string { return fmt.Sprintf("disk: sector %d", e.Sector) }
