//go:build cgo && !musl && !muslc

package link

// Fault explains what is wrong with how the program was linked; "" if nothing
// is. See link_musl.go.
func Fault() string { return "" }
