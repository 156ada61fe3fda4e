package view

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// pageOf opens the page of a tree of 5000 leaves; change says what else is in it.
func pageOf(t *testing.T, change func(*data)) *tab {
	t.Helper()
	browser := chromiumPath(t)
	dir := t.TempDir()
	clitest.OK(t, dir, "", "init")
	clitest.OK(t, dir, clitest.Raw(clitest.Leaves(5000)), "append", "--checkpoint", "7")
	d := dataOf(t, clitest.OK(t, dir, "", "view", "-", "--leaf", "1234"))
	if change != nil {
		change(&d)
	}
	return openTab(t, browser, writePage(t, dir, "page.html", d))
}

func checkpointsAt(sizes ...uint64) (list []checkpoint) {
	for i, size := range sizes {
		list = append(list, checkpoint{ID: uint32(101 + i), Size: size})
	}
	return list
}

// overprinted lists texts of the picture that are over each other, under an
// outline or cut off, and what is wider than the window.
const overprinted = `(() => {
	const wrong = [], frame = svg.getBoundingClientRect();
	const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3;
	const boxes = selector => [...svg.querySelectorAll(selector)].map(e => ({name: e.textContent || e.dataset.look, box: e.getBoundingClientRect()}));
	const texts = boxes('text');
	texts.forEach(({name, box}, i) => {
		if (box.left < frame.left || box.right > frame.right || box.bottom > frame.bottom) wrong.push('cut off: ' + name);
		for (const other of texts.slice(i + 1)) if (meet(box, other.box)) wrong.push(name + ' over ' + other.name);
		for (const {name: look, box: line} of boxes('[data-look=path], [data-look=ommer], [data-look=witness]')) {
			const [from, to] = [Math.max(line.left, frame.left + gutter), Math.min(line.right, frame.left + window.frame_right())];
			const crosses = x => x > box.left && x < box.right && line.top < box.bottom - 3 && box.top < line.bottom - 3;
			if (crosses(from) || crosses(to)) wrong.push(name + ' under ' + look);
		}
	});
	for (const e of document.querySelectorAll('main *')) {
		const box = e.getBoundingClientRect();
		if (!svg.contains(e) && !e.closest('svg') && box.right > innerWidth) wrong.push('wider than the window: ' + e.tagName + ' ' + e.id);
	}
	if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page scrolls sideways');
	return wrong;
})()`

// On a telephone as on a desk, nothing overprints and nothing is cut off.
func TestNothingOverprints(t *testing.T) {
	p := pageOf(t, func(d *data) {
		d.Store.Checkpoints = checkpointsAt(100, 1000, 1010, 2500, 4900, 4950, 4980, 4990, 5000)
		d.Store.Checkpoints[2].Retained = true
	})
	look := func(where string) {
		t.Helper()
		p.call("Runtime.evaluate", map[string]any{"expression": "window.frame_right = () => frame.right"})
		for _, wrong := range get[[]string](p, overprinted) {
			t.Errorf("%s: %s", where, wrong)
		}
	}
	for _, width := range []int{420, 640, 800, 1200} {
		p.resize(width, 900)
		p.call("Runtime.evaluate", map[string]any{"expression": "setMode('store')"})
		for _, views := range []string{
			"fit()", "around(4980, 64)", "around(1234, 40)", "around(1234, 10)", "around(1234, 300)", "around(2500, 1500)",
		} {
			p.call("Runtime.evaluate", map[string]any{"expression": views})
			look(fmt.Sprintf("%d, %s", width, views))
		}
		p.call("Runtime.evaluate", map[string]any{"expression": "setMode('replay')"})
		for i := range get[int](p, "demo.steps.length") {
			p.call("Runtime.evaluate", map[string]any{"expression": fmt.Sprintf("go(%d)", i)})
			look(fmt.Sprintf("%d, call %d", width, i+1))
		}
	}
}

// The same of a tree so large that most levels are bands.
func TestNothingOverprintsInALargeTree(t *testing.T) {
	p := pageOf(t, func(d *data) {
		*d = enlarged(*d)
		d.Store.Witness.Position = 20_000_000
		d.Store.Origin, d.Store.FirstLeaf = 9_999_999, 9_999_999
	})
	for _, width := range []int{420, 1200} {
		p.resize(width, 900)
		p.call("Runtime.evaluate", map[string]any{"expression": "fit(); window.frame_right = () => frame.right"})
		for _, wrong := range get[[]string](p, overprinted) {
			t.Errorf("%d: %s", width, wrong)
		}
	}
}

// Every checkpoint is seen: by a flag of its own, or counted on another.
func TestCheckpointsThatDoNotFit(t *testing.T) {
	const (
		named   = "[...svg.querySelectorAll('[data-checkpoint] text')].map(e => e.textContent)"
		counted = "[...svg.querySelectorAll('[data-more] text')].map(e => e.textContent)"
	)
	for _, c := range []struct {
		sizes          []uint64
		named, counted string
	}{
		{[]uint64{4997, 4998, 4999}, "[103 102 101]", "[]"},
		{[]uint64{4997, 4998, 4999, 5000}, "[104 103 102]", "[+1]"},
		{[]uint64{1000, 1001, 1002, 1003, 1004, 4996, 4997, 4998, 4999, 5000}, "[110 109 108 105 104 103]", "[+2 +2]"},
		{[]uint64{4990, 4990, 4991, 4992, 4993, 4994}, "[106 105 104]", "[+3]"},
	} {
		t.Run(fmt.Sprint(len(c.sizes)), func(t *testing.T) {
			p := pageOf(t, func(d *data) { d.Store.Checkpoints = checkpointsAt(c.sizes...) })
			if got := fmt.Sprint(get[[]string](p, named)); got != c.named {
				t.Errorf("named %s, want %s", got, c.named)
			}
			if got := fmt.Sprint(get[[]string](p, counted)); got != c.counted {
				t.Errorf("counted %s, want %s", got, c.counted)
			}
			if c.counted != "[]" {
				p.move(p.at("[data-more] path"))
				if tip := get[string](p, "tip.innerText"); !strings.Contains(tip, "more checkpoint") || !strings.Contains(tip, "101") && !strings.Contains(tip, "106") {
					t.Errorf("the tip of what does not fit: %q", tip)
				}
			}
		})
	}
}

// The replay opens on a call that leaves something to see, and an empty tree
// says that it is empty.
func TestReplayOpensOnItsFirstLeaves(t *testing.T) {
	p := pageOf(t, nil)
	p.clickOn("#modeReplay")
	if title := get[string](p, "$('callTitle').textContent"); title != "AppendBatch of 3" {
		t.Errorf("the replay opens on %q", title)
	}
	if n := get[int](p, "svg.querySelectorAll('[data-level=\"0\"]').length"); n != 3 {
		t.Errorf("%d leaves are drawn", n)
	}
	p.clickOn("#back")
	said := get[[]string](p, "[...svg.querySelectorAll('[data-empty]')].map(e => e.textContent)")
	if title := get[string](p, "$('callTitle').textContent"); title != "Open" || len(said) != 2 || !strings.Contains(said[0], "empty") {
		t.Errorf("%s of an empty tree says %q", title, said)
	}
}

// A thing in the picture and its entry in the legend look the same.
func TestLegendIsThePictures(t *testing.T) {
	p := pageOf(t, func(d *data) { d.Store.Origin, d.Store.FirstLeaf = 1000, 1000 })
	const styles = `(root => Object.fromEntries([...root.querySelectorAll('[data-look]')].map(e => {
		const s = getComputedStyle(e);
		const entry = e.closest('#legend span');
		if (entry && entry.hidden) return ['hidden', ''];
		return [e.dataset.look + ' ' + [s.fill, s.fillOpacity, s.opacity, s.strokeOpacity, s.strokeWidth, s.stroke].join(' '), e.dataset.look];
	})))`
	seen := map[string]bool{}
	compare := func(where string) {
		t.Helper()
		inLegend := get[map[string]string](p, styles+"($('legend'))")
		for style, look := range get[map[string]string](p, styles+"(svg)") {
			seen[look] = true
			if strings.Contains(style, " none") { // too narrow for an edge
				style = strings.Join(strings.Fields(style)[:4], " ")
			}
			found := false
			for entry := range inLegend {
				found = found || strings.HasPrefix(entry, style)
			}
			if !found {
				t.Errorf("%s: the legend has nothing like %s\n%v", where, style, inLegend)
			}
		}
	}
	for _, theme := range []string{"light", "dark"} {
		p.call("Runtime.evaluate", map[string]any{"expression": "setTheme('" + theme + "'); setMode('store')"})
		compare(theme + ", the store")
		p.call("Runtime.evaluate", map[string]any{"expression": "around(1234, 40)"})
		compare(theme + ", a leaf")
		p.call("Runtime.evaluate", map[string]any{"expression": "setMode('replay'); go(9)"})
		compare(theme + ", the replay")
		p.call("Runtime.evaluate", map[string]any{"expression": "go(6)"})
		compare(theme + ", a witness")
	}
	for _, look := range get[[]string](p, "Object.keys(looks)") {
		if !seen[look] {
			t.Errorf("the legend has %s, and no picture", look)
		}
	}
}

// The root is there whole, and a click copies it.
func TestRootIsCopiedWhole(t *testing.T) {
	p := pageOf(t, nil)
	root := get[string](p, "data.store.root")
	if shown := get[string](p, "$('root').innerText"); shown != root || len(root) != 64 {
		t.Errorf("the root is shown as %q, and is %q", shown, root)
	}
	p.clickOn("#root") // selects all of it
	if selected := get[string](p, "String(getSelection())"); selected != root {
		t.Errorf("a click selects %q", selected)
	}
	p.call("Runtime.evaluate", map[string]any{"expression": "navigator.clipboard.writeText = async text => { window.copied = text; }"})
	p.clickOn("#copyRoot")
	p.wait("window.copied !== undefined && $('copyRoot').textContent === 'Copied'")
	if copied := get[string](p, "window.copied"); copied != root {
		t.Errorf("copied: %q", copied)
	}
	// Where the clipboard is refused, the root is selected, to be copied by hand.
	p.call("Runtime.evaluate", map[string]any{"expression": "getSelection().removeAllRanges(); navigator.clipboard.writeText = async () => { throw new Error('no'); }"})
	p.clickOn("#copyRoot")
	p.wait("String(getSelection()) === data.store.root")
}

// One sentence says what one looks at, for the store and for the replay.
func TestLead(t *testing.T) {
	p := pageOf(t, nil)
	store := get[string](p, "$('lead').innerText")
	p.clickOn("#modeReplay")
	replay := get[string](p, "$('lead').innerText")
	for _, lead := range []string{store, replay} {
		if !strings.HasPrefix(lead, "You look at ") || strings.Count(lead, ".") != 1 || !strings.HasSuffix(lead, ".") {
			t.Errorf("%q is not one sentence of what one looks at", lead)
		}
	}
	if store == replay {
		t.Error("the replay is introduced as the store")
	}
}

// What the nodes say is plain.
func TestNodesSpeakPlainly(t *testing.T) {
	p := pageOf(t, nil)
	said := strings.Join(get[[]string](p, "[...svg.querySelectorAll('text')].map(e => e.textContent)"), "\n")
	for _, says := range []string{"not full yet", "not stored: hashed when asked", "ommer, stored in the cap", "witness, not stored"} {
		if !strings.Contains(said, says) {
			t.Errorf("no node says %q:\n%s", says, said)
		}
	}
	for _, jargon := range []string{"derived", "O  ", "W  "} {
		if strings.Contains(said, jargon) {
			t.Errorf("a node says %q:\n%s", jargon, said)
		}
	}
}

// What can be told of the page's text without a browser.
func TestPageText(t *testing.T) {
	t.Parallel()
	page, scripts := string(file("view.html")), string(script())
	for _, has := range []string{`id="lead"`, `id="root"`, `id="copyRoot"`, `id="legend"`, "width=device-width"} {
		if strings.Count(page, has) != 1 {
			t.Errorf("view.html has %d of %s, want one", strings.Count(page, has), has)
		}
	}
	if strings.Contains(scripts, "derived, grows") || strings.Contains(scripts, "opacity") || strings.Contains(scripts, "root.slice") {
		t.Error("the scripts have a word, a colour or a root that people do not see as it is")
	}
	// Each element that the scripts look up is there.
	ids := regexp.MustCompile(`\$\('(\w+)'\)`).FindAllStringSubmatch(scripts, -1)
	if len(ids) < 30 {
		t.Fatalf("only %d elements are looked up", len(ids))
	}
	for _, id := range ids {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("view.html has no element %s", id[1])
		}
	}
	// Each look is in the legend.
	list := regexp.MustCompile(`(?s)const looks = \{(.*?)\n\};`).FindStringSubmatch(scripts)
	entries := regexp.MustCompile(`(?s)const legend = \[(.*?)\n\];`).FindStringSubmatch(scripts)
	if list == nil || entries == nil {
		t.Fatal("no looks or no legend")
	}
	for _, look := range regexp.MustCompile(`(?m)^  (\w+): `).FindAllStringSubmatch(list[1], -1) {
		if !strings.Contains(entries[1], "['"+look[1]+"', ") {
			t.Errorf("the legend has no %s", look[1])
		}
	}
}
