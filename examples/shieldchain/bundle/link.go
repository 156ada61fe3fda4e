//go:build !shieldbundle_dev

package bundle

/*
#cgo LDFLAGS: -L${SRCDIR}/lib -lshieldbundle
#cgo linux LDFLAGS: -lm -ldl -lpthread

#if !__has_include("lib/libshieldbundle.a")
#error "bundle: there is no lib/libshieldbundle.a: make bundle"
#endif
*/
import "C"

import _ "github.com/kvshard/kvshard/examples/shieldchain/bundle/lib" // libshieldbundle.a: see there
