//go:build cgo && (musl || muslc)

package link

/*
#include "link_musl.h"
*/
import "C"

// Fault explains what is wrong with how the program was linked; "" if nothing
// is.
func Fault() string {
	if C.musl_can_unwind() == 0 {
		return "the program has no index of unwind tables, so a panic would abort it: link with -ldflags \"-linkmode external -extldflags '-static -Wl,--eh-frame-hdr'\""
	}
	return ""
}
