package view

import (
	"strings"
	"testing"
)

// The page is one file, which refers to nothing outside.
func TestPageStandsAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	text := strings.ReplaceAll(ok(t, dir, "", "view", "-"), "http://www.w3.org/2000/svg", "")
	for _, outside := range []string{"http://", "https://", "src=", "@import", "url(\""} {
		if strings.Contains(text, outside) {
			t.Errorf("the page refers to something outside: %q", outside)
		}
	}
}
