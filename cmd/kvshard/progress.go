package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A progress shows how far a long job is: on a terminal a bar with rate and time
// left, elsewhere a line every two seconds. A job that ends within that time shows
// nothing.
type progress struct {
	w           io.Writer
	what, unit  string
	total, done int64 // total -1: unknown
	first       int64 // done when it began, by an earlier run
	began, told time.Time
	every       time.Duration
	bar         *progressbar.ProgressBar
	off         bool
}

func (e *env) newProgress(what, unit string, total, first int64) *progress {
	now := time.Now()
	p := &progress{w: e.err, what: what, unit: unit, total: total, done: first, first: first, began: now, told: now, every: 2 * time.Second}
	kind := e.showing
	if kind == "auto" {
		kind = "plain"
		if isTerminal(e.err) {
			kind = "bar"
		}
	}
	switch kind {
	case "off":
		p.off = true
	case "bar":
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(e.err),
			progressbar.OptionSetDescription(what),
			progressbar.OptionSetItsString(unit),
			progressbar.OptionShowIts(),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetRenderBlankState(false),
			progressbar.OptionClearOnFinish(),
		)
		_ = p.bar.Set64(first)
	}
	return p
}

func (p *progress) add(n int64) {
	p.done += n
	switch {
	case p.off:
	case p.bar != nil:
		_ = p.bar.Set64(min(p.done, max(p.total, p.done)))
	case time.Since(p.told) >= p.every:
		p.told = time.Now()
		p.line()
	}
}

func (p *progress) line() {
	rate := float64(p.done-p.first) / time.Since(p.began).Seconds()
	if p.total <= 0 || p.done > p.total {
		fmt.Fprintf(p.w, "%s: %d %s, %.0f/s\n", p.what, p.done, p.unit, rate)
		return
	}
	left := "?"
	if rate > 0 {
		left = time.Duration(float64(p.total-p.done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	fmt.Fprintf(p.w, "%s: %d of %d %s (%.0f %%), %.0f/s, %s left\n",
		p.what, p.done, p.total, p.unit, 100*float64(p.done)/float64(p.total), rate, left)
}

// end takes a bar away, so that the result stands alone.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
