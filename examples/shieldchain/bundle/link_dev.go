//go:build shieldbundle_dev

package bundle

// Links the library that CGO_LDFLAGS names: make test-bundle.

/*
#cgo LDFLAGS: -lshieldbundle
#cgo linux LDFLAGS: -lm -ldl -lpthread
*/
import "C"
