package input

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
)

// leaves makes some, pseudorandom and canonical.
func leaves(n int) []kvshard.Node {
	made := make([]kvshard.Node, n)
	for i := range made {
		for word := range 3 {
			x := (uint64(i) + uint64(word)<<40 + 1) * 0x9E3779B97F4A7C15
			binary.LittleEndian.PutUint64(made[i][8*word:], x^x>>29)
		}
	}
	return made
}

func raw(nodes []kvshard.Node) string {
	var b strings.Builder
	for _, n := range nodes {
		b.Write(n[:])
	}
	return b.String()
}

// TestGuess: raw commitments are not taken for text, whatever they begin with.
func TestGuess(t *testing.T) {
	for first := range 256 {
		nodes := leaves(3)
		nodes[0][0] = byte(first)
		for _, n := range []int{1, 3} {
			if got := guess("-", bufio.NewReader(strings.NewReader(raw(nodes[:n])))); got != "raw" {
				t.Errorf("%d commitments, the first byte is %#x: %s", n, first, got)
			}
		}
	}
	for text, want := range map[string]string{
		"": "hex", "\n\n": "hex", "# größer\n": "hex", "{}": "json", " [\"": "json", "[": "json",
		"# " + strings.Repeat("x", 61) + "ß": "hex", // cut within a rune
		strings.Repeat("0", 64):              "hex",
	} {
		if got := guess("-", bufio.NewReader(strings.NewReader(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Raw commitments are recognised, but for the few that could be text.
func TestGuessRaw(t *testing.T) {
	doubtful := 0
	for i, node := range leaves(5000) {
		for j := range node {
			node[j] ^= byte(i * (j + 7)) // all 32 bytes
		}
		many := raw(leaves(3)) + string(node[:])
		for _, text := range []string{many, string(node[:])} {
			if guess("-", bufio.NewReader(strings.NewReader(text))) == "raw" {
				continue
			}
			if text == many {
				t.Errorf("four commitments are taken for text: %s", hex.EncodeToString([]byte(text)))
			}
			doubtful++
		}
	}
	t.Logf("%d of 5000 commitments that come alone could be text", doubtful)
	if doubtful > 5000/15 {
		t.Errorf("%d of 5000 commitments are taken for text", doubtful)
	}
}
