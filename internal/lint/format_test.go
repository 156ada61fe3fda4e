package lint

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
)

// A keyRow is a row of the table of keys in FORMAT.md.
type keyRow struct {
	text  string
	begin []byte // the bytes that are the same in all such keys
	bytes int
}

func keyRows(t *testing.T) (rows []keyRow) {
	t.Helper()
	_, section, found := strings.Cut(read(t, "FORMAT.md"), "\n## Records\n")
	if !found {
		t.Fatal("FORMAT.md has no section Records")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	widths := map[string]int{"u8": 1, "u32": 4, "u64": 8}
	for _, cells := range tableRows(section) {
		row := keyRow{text: cells[0]}
		length := 0
		for i, part := range strings.Split(strings.Trim(cells[0], "`"), "‖") {
			part = strings.TrimSpace(part)
			if i == 0 {
				literal, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
				if err != nil {
					t.Fatalf("FORMAT.md, key %s: %v", cells[0], err)
				}
				row.begin, length = literal, len(literal)
				continue
			}
			kind, _, _ := strings.Cut(part, " ")
			if widths[kind] == 0 {
				t.Fatalf("FORMAT.md, key %s: %q is no number", cells[0], part)
			}
			length += widths[kind]
		}
		said, err := strconv.Atoi(cells[1])
		if err != nil || said != length {
			t.Errorf("FORMAT.md says that the key %s has %s bytes; it has %d", cells[0], cells[1], length)
		}
		row.bytes = length
		rows = append(rows, row)
	}
	return rows
}

// TestFormatHasTheKeys: each key of testdata/keys.txt fits one row of FORMAT.md,
// and each row has a key there. keys.go and rust/src/keys.rs are held to the same
// file.
func TestFormatHasTheKeys(t *testing.T) {
	rows := keyRows(t)
	used := make([]int, len(rows))
	for line := range strings.Lines(read(t, "testdata/keys.txt")) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		fits := 0
		for i, row := range rows {
			if len(key) == row.bytes && bytes.HasPrefix(key, row.begin) {
				used[i]++
				fits++
			}
		}
		if fits != 1 {
			t.Errorf("the key %s, %x, fits %d rows of FORMAT.md", name, key, fits)
		}
	}
	for i, row := range rows {
		if used[i] == 0 {
			t.Errorf("testdata/keys.txt has no key like %s of FORMAT.md", row.text)
		}
	}
	// The range of all keys, as keeper.md has it too.
	start, end := kvshard.KeyRange(nil)
	first, last := rows[0].begin[0], rows[0].begin[0]
	for _, row := range rows {
		first, last = min(first, row.begin[0]), max(last, row.begin[0])
	}
	if !bytes.Equal(start, []byte{first}) || !bytes.Equal(end, []byte{last + 1}) {
		t.Errorf("KeyRange is %x to %x; the keys of FORMAT.md begin with %x to %x", start, end, first, last)
	}
	said := match(t, "docs/keeper.md", "the bytes `(\\w\\w)` to `(\\w\\w)`")
	if want := []string{strings.ToUpper(hex.EncodeToString(start)), strings.ToUpper(hex.EncodeToString([]byte{last}))}; !slices.Equal(said, want) {
		t.Errorf("docs/keeper.md says that keys begin with %q, want %q", said, want)
	}
}

// TestFormatExample: the bytes of the example in FORMAT.md are those of the tree
// that it describes.
func TestFormatExample(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "FORMAT.md"), "\n## Example\n")
	block := fence.FindStringSubmatch(section)
	if block == nil {
		t.Fatal("FORMAT.md has no example")
	}
	type record struct{ key, value []byte }
	var shown []record
	for line := range strings.Lines(block[2]) {
		bytes := exampleBytes(t, line)
		if strings.HasPrefix(line, " ") {
			shown[len(shown)-1].value = append(shown[len(shown)-1].value, bytes...)
		} else {
			shown = append(shown, record{key: bytes})
		}
	}

	store := kvtest.Strict(t)
	tree, err := kvshard.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.AppendBatch([]kvshard.Node{{0x65}, {0x66}}); err != nil {
		t.Fatal(err)
	}
	if err := tree.Checkpoint(7); err != nil {
		t.Fatal(err)
	}
	var stored []kvshard.Record
	for r, err := range kvshard.Records(store) {
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, r)
	}
	if len(stored) != len(shown) {
		t.Errorf("FORMAT.md shows %d records, the tree has %d", len(shown), len(stored))
	}
	for i := range min(len(stored), len(shown)) {
		if !bytes.Equal(stored[i].Key, shown[i].key) || !bytes.Equal(stored[i].Value, shown[i].value) {
			t.Errorf("FORMAT.md shows the record %x = %x, the tree has %x = %x", shown[i].key, shown[i].value, stored[i].Key, stored[i].Value)
		}
	}
}

var (
	hexToken  = regexp.MustCompile(`^[0-9a-f]{2,}$`)
	nodeToken = regexp.MustCompile(`^([0-9a-f]+)…([0-9a-f]{2})$`)
)

// exampleBytes returns the bytes at the beginning of a line, before its words. A
// node is shown by its ends; what is between is zero.
func exampleBytes(t *testing.T, line string) (shown []byte) {
	t.Helper()
	decode := func(digits string) []byte {
		decoded, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("FORMAT.md, example: %v", err)
		}
		return decoded
	}
	line, _, _ = strings.Cut(strings.TrimSpace(line), "   ")
	for _, token := range strings.Fields(line) {
		if m := nodeToken.FindStringSubmatch(token); m != nil {
			begin, end := decode(m[1]), decode(m[2])
			shown = append(shown, slices.Concat(begin, make([]byte, 32-len(begin)-len(end)), end)...)
			continue
		}
		if !hexToken.MatchString(token) {
			t.Fatalf("FORMAT.md, example: %q in %q", token, line)
		}
		shown = append(shown, decode(token)...)
	}
	if len(shown) == 0 {
		t.Errorf("FORMAT.md, example: no bytes in %q", line)
	}
	return shown
}

// TestArchitectureFollowsACall makes the call of ARCHITECTURE.md: what it reads and
// writes, in this order, is what the document says.
func TestArchitectureFollowsACall(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## One AppendBatch\n")
	section, _, found := strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("ARCHITECTURE.md has no section \"One AppendBatch\"")
	}
	words := strings.Join(strings.Fields(section), " ")

	trace := kvtest.NewTraceStore(kvtest.Strict(t))
	hashes := uint64(0)
	tree, err := kvshard.Open(trace, kvshard.WithObserver(func(s kvshard.Stats) { hashes = s.Hashes }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.AppendBatch(make([]kvshard.Node, 126)); err != nil {
		t.Fatal(err)
	}
	trace.Reset()
	position, err := tree.AppendBatch(make([]kvshard.Node, 10))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{
		"13": "the tip", "10": "the cap", "0f0000000000000007": "shard 7", "0f0000000000000008": "shard 8", "15050000000000000000": "the quad",
	}
	var read, written []string
	for _, op := range trace.Trace() {
		name := names[hex.EncodeToString(op.Key)]
		switch op.Kind {
		case kvtest.OpGet:
			read = append(read, name)
		case kvtest.OpSet:
			written = append(written, name)
		default:
			t.Errorf("the call makes the operation %s", op.String())
		}
	}
	for _, want := range []string{
		"Ten leaves to a tree of 126",
		"reads " + strings.Join(read, " and then "),
		strings.Join(written, ", ") + ". " + numbersInWords[len(written)] + " sets",
		"returns the position " + strconv.FormatUint(position, 10),
		strconv.FormatUint(hashes, 10) + " hashes",
	} {
		if !strings.Contains(strings.ToLower(words), strings.ToLower(want)) {
			t.Errorf("ARCHITECTURE.md, One AppendBatch, does not say %q", want)
		}
	}
}
