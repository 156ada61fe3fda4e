package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/vfs"
)

// Both engines read a journal up to the first place that is wrong, and take that for
// the end, because a write that a crash cut looks like that. A flipped bit looks the
// same, and everything written after it is silently lost. What follows tells the two
// apart: nothing intact behind a torn write, but intact records behind a flipped bit.
//
// Both engines have LevelDB's format: blocks of 32 KiB with chunks. A chunk is a
// checksum, a length, a kind and the payload.
const (
	journalBlock     = 32 << 10
	chunkHeader      = 7
	recyclableHeader = chunkHeader + 4 // pebble's: the journal's number, too

	chunkFull       = 1
	chunkFirst      = 2
	chunkLast       = 4
	recyclableFull  = chunkFull + 4
	recyclableFirst = chunkFirst + 4
	recyclableLast  = chunkLast + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Undamaged looks into the journals and the manifest of the database at path.
// It returns ErrDamaged, with the place, if one of them has intact records behind a
// place that cannot be read. It does not see damage with nothing intact behind it.
func Undamaged(path string) error {
	engine, err := Engine(path)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, is := strings.CutSuffix(e.Name(), ".log")
		number, err := strconv.ParseUint(text, 10, 64)
		if !is || err != nil {
			continue // not a journal
		}
		var own *uint32
		if engine == Pebble {
			low := uint32(number)
			own = &low
		}
		if err := undamaged(filepath.Join(path, e.Name()), own); err != nil {
			return err
		}
	}
	name, err := manifest(path, engine)
	if err != nil {
		return err
	}
	return undamaged(name, nil)
}

// manifest returns the path of the manifest in use.
func manifest(path, engine string) (string, error) {
	if engine == Pebble {
		found, err := pebble.Peek(path, vfs.Default)
		if err != nil {
			return "", err
		}
		if !found.Exists {
			return "", fmt.Errorf("%s: %w", path, ErrMissing)
		}
		return found.ManifestFilename, nil
	}
	text, err := os.ReadFile(filepath.Join(path, "CURRENT"))
	if err != nil {
		return "", err
	}
	return filepath.Join(path, filepath.Base(strings.TrimSpace(string(text)))), nil
}

func undamaged(name string, own *uint32) error {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) { // gone since, under a process that writes
		return nil
	}
	if err != nil {
		return err
	}
	if at, found := damage(data, own); found {
		return fmt.Errorf("%w: %s cannot be read at byte %d, and what was written from there on is lost", ErrDamaged, name, at)
	}
	return nil
}

// damage returns the first place that cannot be read, if an intact record begins
// behind it. own is the journal's number, which pebble's chunks carry. Chunks with
// another number are left from an earlier journal in the same file.
func damage(data []byte, own *uint32) (at int, found bool) {
	for at+chunkHeader <= len(data) {
		if left := journalBlock - at%journalBlock; left < chunkHeader {
			at += left
			continue
		}
		size, _ := chunk(data, at, own)
		if size == 0 {
			break
		}
		at += size
	}
	for behind := at + 1; behind+chunkHeader <= len(data); behind++ {
		if size, begins := chunk(data, behind, own); size > 0 && begins {
			return at, true
		}
	}
	return 0, false
}

// chunk returns the size of the intact chunk at a place, 0 if there is none, and
// whether a record begins with it.
func chunk(data []byte, at int, own *uint32) (size int, begins bool) {
	kind, header := data[at+6], chunkHeader
	switch {
	case own == nil && kind >= chunkFull && kind <= chunkLast:
	case own != nil && kind >= recyclableFull && kind <= recyclableLast:
		header = recyclableHeader
		if at+header > len(data) || binary.LittleEndian.Uint32(data[at+7:]) != *own {
			return 0, false
		}
	default:
		return 0, false
	}
	size = header + int(binary.LittleEndian.Uint16(data[at+4:]))
	if at%journalBlock+size > journalBlock || at+size > len(data) {
		return 0, false
	}
	sum := crc32.Checksum(data[at+6:at+size], castagnoli)
	if masked := (sum>>15 | sum<<17) + 0xa282ead8; masked != binary.LittleEndian.Uint32(data[at:]) {
		return 0, false
	}
	return size, kind == chunkFull || kind == chunkFirst || kind == recyclableFull || kind == recyclableFirst
}
