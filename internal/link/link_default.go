//go:build cgo && !musl

package link

// Fault says what is wrong with how the program was linked, "" if nothing:
// see link_musl.go.
func Fault() string { return "" }
