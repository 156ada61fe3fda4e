package input

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf8"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

var byteOrderMark = []byte("\xEF\xBB\xBF") // in front of UTF-8, as some editors write it

// isText tells whether these are the first bytes of a text in UTF-8.
func isText(head []byte) bool {
	for len(head) > 0 {
		c, n := utf8.DecodeRune(head)
		switch {
		case c == utf8.RuneError && n == 1:
			return len(head) < utf8.UTFMax && !utf8.FullRune(head) // cut off
		case unicode.IsControl(c) && c != '\t' && c != '\r' && c != '\n':
			return false
		}
		head = head[n:]
	}
	return true
}

// isBinary tells whether these bytes cannot be text in any encoding of bytes: they have
// control characters that no text has, and less than three in four can be printed.
// Commitments of 32 bytes are like that, except one in thirty that comes alone.
func isBinary(head []byte) bool {
	control, printed := false, 0
	for _, c := range head {
		switch {
		case c >= ' ' && c < 0x7F, c == '\t', c == '\r', c == '\n':
			printed++
		case c < ' ' && bytes.IndexByte([]byte("\a\b\v\f\x1B"), c) < 0, c == 0x7F:
			control = true
		}
	}
	return control && 4*printed < 3*len(head)
}

// isWide tells whether text in UTF-16 or UTF-32 begins like this: with a byte order
// mark, or with letters that have zeros between them.
func isWide(head []byte) bool {
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) || bytes.HasPrefix(head, []byte{0, 0, 0xFE, 0xFF}) {
		return true
	}
	for _, unit := range []int{2, 4} {
		if asciiUnits(head, unit, 0) || asciiUnits(head, unit, unit-1) {
			return true
		}
	}
	return false
}

// asciiUnits tells whether each unit of the first 32 bytes is a character that
// can be printed, at this place of the unit, and else zero.
func asciiUnits(head []byte, unit, at int) bool {
	head = head[:min(len(head), 32)]
	for i := range head {
		printed := head[i] >= ' ' && head[i] < 0x7F || head[i] == '\r' || head[i] == '\n' || head[i] == '\t'
		if i%unit == at && !printed || i%unit != at && head[i] != 0 {
			return false
		}
	}
	return len(head) >= unit
}

// shown returns as much of a text as a message needs.
func shown(text []byte) []byte {
	const most = 64
	if len(text) > most {
		return append(bytes.Clone(text[:most]), "…"...)
	}
	return text
}

// plainText returns a text without its byte order mark.
func plainText(name string, text []byte) ([]byte, error) {
	if isWide(text) {
		return nil, exit.Errorf(exit.Input, "convert it to UTF-8 (PowerShell before 7 writes UTF-16 with >)", "%s: text in UTF-16 or UTF-32, want UTF-8", name)
	}
	return bytes.TrimPrefix(text, byteOrderMark), nil
}

func wideError(name string) error {
	return exit.Errorf(exit.Input, "convert it to UTF-8 (PowerShell before 7 writes UTF-16 with >); give --format raw if these are commitments of 32 bytes",
		"%s, line 1: text in UTF-16 or UTF-32, want UTF-8", name)
}

// maxSmall bounds the inputs that are read at once: proofs and tree states.
const maxSmall = 1 << 20

// readSmall reads a file, or standard input for "-" or "", and tells the name
// for messages.
func readSmall(stdin io.Reader, path string) (raw []byte, name string, err error) {
	in, name := stdin, "standard input"
	if path != "" && path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, path, err
		}
		defer func() { _ = file.Close() }()
		in, name = file, path
	}
	raw, err = io.ReadAll(io.LimitReader(in, maxSmall+1))
	if err == nil && len(raw) > maxSmall {
		err = fmt.Errorf("%s: more than %d bytes", name, maxSmall)
	}
	return raw, name, err
}
