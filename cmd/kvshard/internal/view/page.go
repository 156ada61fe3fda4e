// Package view makes the page of the command "kvshard view": one HTML file that
// draws a tree and replays what calls do, and loads nothing.
package view

import (
	"bytes"
	_ "embed"
	"encoding/json"
)

//go:embed page/view.html
var page []byte

// Page returns the page that shows a tree, and the tree's size. It reads every
// record of the tree once.
func Page(s Source, schema Schema) (text []byte, size uint64, err error) {
	var d data
	if d.Store, err = schema.state(s); err != nil {
		return nil, 0, err
	}
	if d.Demo, err = schema.replay(); err != nil {
		return nil, 0, err
	}
	text, err = assemble(d)
	return text, d.Store.Size, err
}

// assemble puts the data into the page.
func assemble(d data) ([]byte, error) {
	text, err := json.Marshal(d) // escapes <, so that no script ends in it
	if err != nil {
		return nil, err
	}
	return bytes.Replace(page, []byte("/*DATA*/"), text, 1), nil
}
