package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// page is what is in a page that view wrote.
func page(t *testing.T, text string) (data viewData) {
	t.Helper()
	found := regexp.MustCompile(`(?s)<script id="data" type="application/json">(.*?)</script>`).FindStringSubmatch(text)
	if found == nil {
		t.Fatal("the page has no data")
	}
	if err := json.Unmarshal([]byte(found[1]), &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestViewData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(300)
	ok(t, dir, "", "init", "--prefix", "6e")
	ok(t, dir, raw(nodes), "append", "--checkpoint", "7")
	text := ok(t, dir, "", "view", "-", "--leaf", "100")
	for _, outside := range []string{"http://", "https://", "src=", "@import", "url(\""} {
		if strings.Contains(strings.ReplaceAll(text, "http://www.w3.org/2000/svg", ""), outside) {
			t.Errorf("the page refers to something outside: %q", outside)
		}
	}
	store := page(t, text).Store
	if store.Size != 300 || store.Root.String() != want(t, nodes) || store.Prefix != "6e" || store.Witness.Leaf != nodes[100] {
		t.Errorf("%+v", store)
	}
	if len(store.ShardRuns) != 2 || store.ShardRuns[0] != [3]uint64{0, 17, 575} || store.Kinds["shard"].Records != 19 {
		t.Errorf("%v %v", store.ShardRuns, store.Kinds)
	}
	if r := cli(t, dir, "", "view", "--leaf", "300"); r.code != codeNotFound {
		t.Errorf("%+v", r)
	}

	// The demo is the library's own trace, and ends as it says.
	demo := page(t, text).Demo
	last := demo.Steps[len(demo.Steps)-1]
	if int(last.After.Size) != len(demo.Leaves) || last.After.Root.String() != want(t, demo.Leaves) {
		t.Errorf("the demo ends with %d leaves, root %s", last.After.Size, last.After.Root)
	}
	kinds := map[string]bool{}
	for i, step := range demo.Steps {
		for _, op := range step.Ops {
			kinds[op.Kind] = true
		}
		if (i > 0) != (len(step.Ops) > 0) || step.Say == "" {
			t.Errorf("step %d, %s: %d operations", i, step.Call, len(step.Ops))
		}
		if root := want(t, demo.Leaves[:min(int(step.After.Size), 133)]); step.After.Size <= 133 && root != step.After.Root.String() {
			t.Errorf("step %d, %s: root %s, want %s", i, step.Call, step.After.Root, root)
		}
	}
	for _, kind := range []string{"get", "set", "delete"} {
		if !kinds[kind] {
			t.Errorf("no call of the demo does a %s", kind)
		}
	}
}

// In a real browser the pages draw themselves, with no error on the console.
func TestViewInChromium(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here: the Debian package chromium has it")
	}
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, raw(leaves(5000)), "append", "--checkpoint", "7")
	ok(t, dir, "", "view", "--leaf", "1234", "full.html")
	ok(t, dir, "", "init", "--dir", "empty")
	ok(t, dir, "", "view", "--dir", "empty", "empty.html")
	for _, shot := range []struct{ name, page string }{
		{"whole", "full.html#theme=light"},
		{"dark", "full.html#theme=dark"},
		{"shard", "full.html#theme=light&from=1220&to=1250"},
		{"replay", "full.html#theme=light&call=10"},
		{"replay of the first call", "full.html#theme=dark&call=1"},
		{"rewind", "full.html#theme=dark&call=16"},
		{"empty", "empty.html#theme=light"},
	} {
		t.Run(shot.name, func(t *testing.T) {
			picture := filepath.Join(dir, strings.ReplaceAll(shot.name, " ", "-")+".png")
			url := "file://" + filepath.Join(dir, shot.page)
			if log := chromium(t, browser, "--screenshot="+picture, "--window-size=1400,1000", url); strings.Contains(log, "CONSOLE") {
				t.Error(log)
			}
			dom := chromium(t, browser, "--dump-dom", url)
			html := regexp.MustCompile(`<html[^>]*>`).FindString(dom)
			ready := regexp.MustCompile(`data-ready="(\d+)"`).FindStringSubmatch(html)
			if ready == nil || strings.Contains(html, "data-error") {
				t.Fatalf("the page did not come to its end: %s", html)
			}
			if drawn := ready[1] != "0"; drawn == (shot.name == "empty" || shot.name == "replay of the first call") {
				t.Errorf("%s nodes are drawn", ready[1])
			}
			if n := colours(t, picture); n < 30 {
				t.Errorf("the picture has only %d colours", n)
			}
		})
	}
}

func chromium(t *testing.T, browser string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	profile, err := os.MkdirTemp("", "kvshard-chromium-") // not t.TempDir: chromium may still write there
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(profile) }()
	c := exec.CommandContext(ctx, browser, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--user-data-dir=" + profile,
	}, args...)...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

func colours(t *testing.T, path string) int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y += 2 {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x += 2 {
			seen[picture.At(x, y)] = true
		}
	}
	return len(seen)
}
