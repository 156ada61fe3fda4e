package view

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// In a real browser the pages draw themselves, with no error on the console.
func TestViewInChromium(t *testing.T) {
	browser := chromiumPath(t)
	dir := t.TempDir()
	clitest.OK(t, dir, "", "init")
	clitest.OK(t, dir, clitest.Raw(clitest.Leaves(5000)), "append", "--checkpoint", "7")
	clitest.OK(t, dir, "", "view", "--leaf", "1234", "full.html")
	clitest.OK(t, dir, "", "init", "--dir", "empty")
	clitest.OK(t, dir, "", "view", "--dir", "empty", "empty.html")
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

// With a mouse and a keyboard, from fifty million leaves down to one shard, and
// through the replay.
func TestViewEvents(t *testing.T) {
	browser := chromiumPath(t)
	dir := t.TempDir()
	clitest.OK(t, dir, "", "init", "--prefix", "6e")
	clitest.OK(t, dir, clitest.Raw(clitest.Leaves(5000)), "append", "--checkpoint", "7")
	text := clitest.OK(t, dir, "", "view", "-", "--leaf", "1234")
	d := dataOf(t, text)
	p := openTab(t, browser, writePage(t, dir, "large.html", enlarged(d)))
	width := func() float64 { return get[float64](p, "view[1] - view[0]") }
	from := func() float64 { return get[float64](p, "view[0]") }
	x, y := p.at("#picture")
	if width() < 50e6 {
		t.Fatalf("at first %v positions are in view", width())
	}
	if shown := get[int](p, "document.querySelectorAll('#picture *').length"); shown > 4000 {
		t.Errorf("%d elements draw the whole tree", shown)
	}

	// Wheel: in, where the mouse is, and out.
	under := get[float64](p, fmt.Sprintf("view[0] + (%f - svg.getBoundingClientRect().left - gutter) / scaleOf()", x+200))
	for range 40 {
		p.wheel(x+200, y, -200)
	}
	if got := get[float64](p, fmt.Sprintf("view[0] + (%f - svg.getBoundingClientRect().left - gutter) / scaleOf()", x+200)); width() > 16 || got < under-16 || got > under+16 {
		t.Errorf("the wheel went to %v, %v positions wide, and the mouse was at %v", got, width(), under)
	}
	p.wheel(x, y, 200)
	if width() < 8.5 {
		t.Error("the wheel does not zoom out")
	}
	p.clickOn("#fit")

	// To a position; there is a shard with its record, and the leaves.
	p.clickOn("#position")
	for _, digit := range "25000004" {
		p.press(string(digit))
	}
	p.press("Enter")
	p.wait("view[0] < 25000004 && view[1] > 25000004 && view[1] - view[0] < 100")
	p.move(p.at(`[data-level="4"][data-index="1562500"]`))
	tip := get[string](p, "document.getElementById('tip').innerText")
	for _, says := range []string{"shard 1,562,500", "positions 25,000,000 to 25,000,015", "shard(1562500)", "6e0f000000000017d784", "575 B"} {
		if !strings.Contains(tip, says) {
			t.Errorf("the shard's tip lacks %q: %s", says, tip)
		}
	}
	p.move(p.at(`[data-level="7"]`))
	if tip := get[string](p, "document.getElementById('tip').innerText"); !strings.Contains(tip, "quad(7,") || !strings.Contains(tip, "6e1507") {
		t.Errorf("a quad's tip: %s", tip)
	}
	p.move(p.at(`[data-level="6"]`))
	if tip := get[string](p, "document.getElementById('tip').innerText"); !strings.Contains(tip, "derived") {
		t.Errorf("the tip of a node of level 6: %s", tip)
	}

	// Drag.
	at := from()
	p.drag(x, y, x-100, y)
	if from() <= at {
		t.Errorf("dragged to the left, from %v to %v", at, from())
	}
	if get[string](p, "getComputedStyle(document.getElementById('picture')).cursor") != "grab" {
		t.Error("still dragging")
	}
	at = from()
	p.move(x+50, y)
	if from() != at {
		t.Error("a mouse without its button drags")
	}
	w := width()
	p.click(x, y, 2)
	if width() >= w {
		t.Error("a double click does not zoom in")
	}

	// Keyboard, since the picture has the focus.
	for _, k := range []struct{ key, after string }{
		{"0", "view[1] >= 50000000"}, {"+", "view[1] - view[0] < 30000000"}, {"-", "view[1] - view[0] > 40000000"},
		{"+", "view[1] - view[0] < 30000000"}, {"Home", "view[0] < 1"}, {"ArrowRight", "view[0] > 1000000"},
		{"ArrowLeft", "view[0] < 1"}, {"End", "view[1] > 50000000"},
	} {
		p.press(k.key)
		if !get[bool](p, k.after) {
			t.Errorf("%s: not %s, but %v and %v", k.key, k.after, from(), from()+width())
		}
	}
	p.clickOn("#goFrontier")
	if !get[bool](p, "view[0] < 50000000 && view[1] > 49999999 && view[1] - view[0] < 100") {
		t.Error("the frontier is not in view")
	}
	if flags := get[[]string](p, "[...document.querySelectorAll('[data-checkpoint]')].map(e => e.dataset.checkpoint)"); fmt.Sprint(flags) != "[8 7]" {
		t.Errorf("flags: %v", flags)
	}
	p.clickOn("#goLeaf")
	if !get[bool](p, "view[0] < 1234 && view[1] > 1234") || !strings.Contains(get[string](p, "document.getElementById('proof').innerText"), d.Store.Witness.Path[0].String()) {
		t.Error("the proven leaf is not in view")
	}
	// What is in view is a file, too.
	p.call("Page.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": dir})
	p.clickOn("#save")
	saved := ""
	for range 100 {
		if text, err := os.ReadFile(filepath.Join(dir, "tree.svg")); err == nil && strings.HasSuffix(string(text), "</svg>") {
			saved = string(text)
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !strings.Contains(saved, ">shard 77<") || strings.Contains(saved, "var(") {
		t.Errorf("the saved picture: %.2000s", saved)
	}
	readXML(t, saved)
	theme := get[string](p, "document.documentElement.dataset.theme")
	p.clickOn("#theme")
	if get[string](p, "document.documentElement.dataset.theme") == theme {
		t.Error("the theme stays")
	}

	// The replay: each call with its operations.
	p.clickOn("#modeReplay")
	p.clickOn("#step") // the middle
	steps := len(d.Demo.Steps)
	for get[int](p, "step") > 0 {
		p.press("ArrowLeft")
	}
	for i, step := range d.Demo.Steps {
		if i > 0 {
			p.press("ArrowRight")
		}
		rows := get[int](p, "document.querySelectorAll('#ops tr').length")
		if want := len(step.Ops); get[int](p, "step") != i || rows != want+1 && want > 0 || get[string](p, "document.getElementById('callTitle').textContent") != step.Call {
			t.Errorf("call %d of %d, %s: %d rows, want %d operations", i+1, steps, step.Call, rows, want)
		}
		for _, op := range step.Ops {
			if op.Record != "" && op.Key != "" && !strings.Contains(get[string](p, "document.getElementById('ops').innerText"), op.Key) {
				t.Errorf("call %s: %s %s is not shown", step.Call, op.Kind, op.Key)
			}
		}
	}
	p.clickOn("#back")
	p.clickOn("#calls li:nth-child(4) button")
	if get[int](p, "step") != 3 {
		t.Error("a click on a call does not go there")
	}
	p.clickOn("#play")
	p.wait("step === 4")
	p.clickOn("#play")
	p.clickOn("#next")
	if get[int](p, "step") != 5 {
		t.Error("next does not go on")
	}
	p.clickOn("#modeStore")
	if len(p.wrong) > 0 {
		t.Errorf("the console: %s", p.wrong)
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
	c := exec.CommandContext(ctx, browser, append(chromiumFlags(profile), args...)...)
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

// readXML reads XML to its end.
func readXML(t *testing.T, text string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
