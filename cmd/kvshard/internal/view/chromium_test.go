package view

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A tab is a page in a headless Chromium that gets real mouse and keyboard
// events, over the DevTools protocol and a pipe.
type tab struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	id      int
	session string
	wrong   []string // what the console said, and exceptions
}

func openTab(t *testing.T, browser, url string) *tab {
	t.Helper()
	profile, err := os.MkdirTemp("", "kvshard-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(browser, append(chromiumFlags(profile), "--remote-debugging-pipe", "--window-size=1400,1000")...)
	c.ExtraFiles = []*os.File{theirIn, theirOut} // its descriptors 3 and 4
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirIn.Close(), theirOut.Close()
	timer := time.AfterFunc(5*time.Minute, func() { _ = c.Process.Kill() })
	p := &tab{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		p.session = ""
		p.call("Browser.close", nil)
		_ = c.Wait()
		timer.Stop()
		_, _ = in.Close(), out.Close()
		_ = os.RemoveAll(profile)
	})
	var target struct{ TargetID string }
	p.into(&target, "Target.createTarget", map[string]any{"url": "about:blank"})
	var attached struct{ SessionID string }
	p.into(&attached, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true})
	p.session = attached.SessionID
	for _, domain := range []string{"Runtime", "Log", "Page"} {
		p.call(domain+".enable", nil)
	}
	p.call("Page.navigate", map[string]any{"url": url})
	p.wait("document.querySelector('html[data-ready]') !== null")
	return p
}

// call sends a command and returns the answer; events of trouble that come
// before are kept.
func (p *tab) call(method string, params map[string]any) json.RawMessage {
	p.t.Helper()
	p.id++
	message := map[string]any{"id": p.id, "method": method, "params": params}
	if p.session != "" {
		message["sessionId"] = p.session
	}
	text, err := json.Marshal(message)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(text, 0)); err != nil {
		p.t.Fatal(err)
	}
	for {
		line, err := p.out.ReadBytes(0)
		if err != nil {
			p.t.Fatalf("%s: %v", method, err)
		}
		var answer struct {
			ID     int
			Method string
			Params json.RawMessage
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(line[:len(line)-1], &answer); err != nil {
			p.t.Fatal(err)
		}
		switch answer.Method {
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
			p.wrong = append(p.wrong, string(answer.Params))
		}
		if answer.ID != p.id {
			continue
		}
		if answer.Error != nil {
			p.t.Fatalf("%s: %s", method, answer.Error.Message)
		}
		return answer.Result
	}
}

func (p *tab) into(value any, method string, params map[string]any) {
	p.t.Helper()
	if err := json.Unmarshal(p.call(method, params), value); err != nil {
		p.t.Fatal(err)
	}
}

// get evaluates an expression in the page.
func get[T any](p *tab, expression string) (value T) {
	p.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	p.into(&answer, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true})
	if answer.ExceptionDetails != nil {
		p.t.Fatalf("%s: %s", expression, answer.ExceptionDetails)
	}
	if err := json.Unmarshal(answer.Result.Value, &value); err != nil {
		p.t.Fatalf("%s: %v: %s", expression, err, answer.Result.Value)
	}
	return value
}

// resize makes the window so wide and high.
func (p *tab) resize(width, height int) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false})
	p.wait(fmt.Sprintf("innerWidth === %d && frame.width === svg.clientWidth", width))
}

// wait until an expression is true.
func (p *tab) wait(expression string) {
	p.t.Helper()
	for range 200 {
		if get[bool](p, expression) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("it never came to %s", expression)
}

// at returns the middle of the first element that a selector finds.
func (p *tab) at(selector string) (x, y float64) {
	p.t.Helper()
	box := get[[2]float64](p, fmt.Sprintf("(b => [Math.floor(b.x + b.width / 2), Math.floor(b.y + b.height / 2)])(document.querySelector(%q).getBoundingClientRect())", selector))
	return box[0], box[1]
}

func (p *tab) mouse(kind string, x, y float64, more map[string]any) {
	p.t.Helper()
	params := map[string]any{"type": kind, "x": x, "y": y}
	for k, v := range more {
		params[k] = v
	}
	p.call("Input.dispatchMouseEvent", params)
}

func (p *tab) move(x, y float64) { p.mouse("mouseMoved", x, y, nil) }

func (p *tab) wheel(x, y, by float64) {
	p.mouse("mouseWheel", x, y, map[string]any{"deltaX": 0, "deltaY": by})
}

// click presses and releases, times times.
func (p *tab) click(x, y float64, times int) {
	for i := 1; i <= times; i++ {
		button := map[string]any{"button": "left", "clickCount": i}
		p.mouse("mousePressed", x, y, button)
		p.mouse("mouseReleased", x, y, button)
	}
}

func (p *tab) clickOn(selector string) {
	x, y := p.at(selector)
	p.click(x, y, 1)
}

// drag holds the button down from one place to another.
func (p *tab) drag(x, y, toX, toY float64) {
	button := map[string]any{"button": "left", "buttons": 1, "clickCount": 1}
	p.mouse("mousePressed", x, y, button)
	p.mouse("mouseMoved", (x+toX)/2, (y+toY)/2, button)
	p.mouse("mouseMoved", toX, toY, button)
	p.mouse("mouseReleased", toX, toY, button)
}

// press types a key by its name.
func (p *tab) press(key string) {
	code := map[string]int{"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Enter": 13}[key]
	params := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	if len(key) == 1 {
		params["text"] = key
	}
	if key == "Enter" {
		params["text"] = "\r"
	}
	p.call("Input.dispatchKeyEvent", params)
	p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key})
}

// chromiumPath skips a test where there is none.
func chromiumPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium here: the Debian package chromium has it")
	return ""
}

func chromiumFlags(profile string) []string {
	return strings.Fields("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking" +
		" --disable-component-update --disable-sync --enable-logging=stderr --user-data-dir=" + profile)
}
