package strict_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/internal/strict"
)

// word is read from a string, as a node is.
type word string

var errWord = errors.New("no word")

func (w *word) UnmarshalText(text []byte) error {
	if strings.ContainsRune(string(text), ' ') {
		return errWord
	}
	*w = word(text)
	return nil
}

type inner struct {
	ID   uint32 `json:"id"`
	Kept bool   `json:"kept"`
}

type document struct {
	Name   string          `json:"name"`
	Height *uint32         `json:"height,omitempty"`
	Words  []word          `json:"words"`
	Pair   [2]word         `json:"pair,omitempty"`
	List   []listed        `json:"list,omitempty"`
	Any    json.RawMessage `json:"any,omitempty"`
}

type listed struct {
	inner
	Root word `json:"root"`
}

type answer struct {
	_      strict.Others
	Result *word `json:"result"`
}

func TestDecode(t *testing.T) {
	var d document
	text := ` {"words":["a","b"],"name":"","height":7,"pair":["c","d"],"list":[{"id":1,"root":"e","kept":true}],"any":null} `
	if err := strict.Decode([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	seven := uint32(7)
	want := document{"", &seven, []word{"a", "b"}, [2]word{"c", "d"}, []listed{{inner{1, true}, "e"}}, json.RawMessage("null")}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("%+v", d)
	}
	var a answer
	if err := strict.Decode([]byte(`{"id":1,"error":null,"result":"a","more":[null]}`), &a); err != nil || *a.Result != "a" {
		t.Errorf("%v %+v", err, a)
	}
	words := []word{"before"}
	if err := strict.Decode([]byte(`[]`), &words); err != nil || len(words) != 0 {
		t.Errorf("%v %v", err, words)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, says := range map[string]string{
		``:                                          "ends within",
		`{`:                                         "ends within",
		`{"name"`:                                   "ends within",
		`{"name":`:                                  "ends within",
		`{"name":"a","words":["a"`:                  "words: the text ends within",
		`{"name":"a","words":["a",`:                 "words[1]: the text ends within",
		`{"name":"a","words":["a"]`:                 "ends within",
		`{"name":"a","words":[]}}`:                  "after the value's end",
		`{"name":"a","words":[]} x`:                 "after the value's end",
		`{"name":"a","words":[]} null`:              "after the value's end",
		`null`:                                      "null, want an object",
		`[]`:                                        "an array, want an object",
		`7`:                                         "7, want an object",
		`{"name":null,"words":[]}`:                  "name: null, want a string",
		`{"name":"a","words":null}`:                 "words: null, want an array",
		`{"name":"a","words":[null]}`:               "words[0]: null, want a string",
		`{"name":"a","words":["a",null]}`:           "words[1]: null",
		`{"name":"a","words":{}}`:                   "words: an object, want an array",
		`{"name":"a","words":["a b"]}`:              "words[0]: no word",
		`{"name":"a","words":[1]}`:                  "words[0]: 1, want a string",
		`{"name":"a"}`:                              `field "words" is missing`,
		`{"words":[]}`:                              `field "name" is missing`,
		`{"Name":"a","words":[]}`:                   `unknown field "Name"; the fields are name, height,`,
		`{"name":"a","words":[],"x":1}`:             `unknown field "x"`,
		`{"name":"a","name":"b"}`:                   `field "name" is there twice`,
		`{"name":1,"words":[]}`:                     "name: 1, want a string",
		`{"name":"a","height":null}`:                "height: null, want a whole number from 0 to 4294967295",
		`{"name":"a","height":-1}`:                  "height: -1, want a whole number",
		`{"name":"a","height":1.5}`:                 "height: 1.5, want",
		`{"name":"a","height":4294967296}`:          "height: 4294967296, want",
		`{"name":"a","height":"7"}`:                 `height: "7", want`,
		`{"name":"a","pair":["a"]}`:                 "pair: 1 elements, want 2",
		`{"name":"a","pair":["a","b","c"]}`:         "pair: 3 elements, want 2",
		`{"name":"a","list":[{"id":1,"root":"e"}]}`: `list[0]: field "kept" is missing`,
		`{"name":"a","list":[{"id":null}]}`:         "list[0].id: null",
		`{"name":"a","list":[{"id":1,"kept":"x"}]}`: "list[0].kept: \"x\", want true or false",
		`{"name":"a","list":[null]}`:                "list[0]: null, want an object",
		`{"name":"a","list":[{"inner":{}}]}`:        `list[0]: unknown field "inner"`,
		`{"name":"a" "words":[]}`:                   "invalid character",
		`{"name":"a","words":["a",]}`:               "invalid character",
		`{"name":"a","words":["a"}`:                 "invalid",
		`{'name':"a"}`:                              "invalid character",
		`{"name":` + strings.Repeat("[", 20_000):    "",
		`{"name":` + strings.Repeat("1", 100) + `}`: "1…, want a string",
	} {
		var d document
		if err := strict.Decode([]byte(text), &d); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v, want %q", text, err, says)
		}
	}
	var d document
	if err := strict.Decode([]byte(`{"name":"a","words":["a b"]}`), &d); !errors.Is(err, errWord) {
		t.Errorf("%v does not wrap the text's own error", err)
	}
	for _, text := range []string{`{"id":1}`, `{"result":null}`, `{"result":"a","id":`, `{"result":"a","result":"b"}`, `{"x":1,"x":1,"result":"a"}`} {
		var a answer
		if err := strict.Decode([]byte(text), &a); err == nil {
			t.Errorf("%s: %+v", text, a)
		}
	}
}

// FuzzDecode: encoding/json reads the same value from every text that Decode
// accepts, and Decode refuses the text when it is cut anywhere.
func FuzzDecode(f *testing.F) {
	f.Add(`{"words":["a","b"],"name":"","height":7,"pair":["c","d"],"list":[{"id":1,"root":"e","kept":true}],"any":[null]}`)
	f.Add(`{"name":"a","words":[null]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var ours, theirs document
		if strict.Decode([]byte(text), &ours) != nil {
			return
		}
		if err := json.Unmarshal([]byte(text), &theirs); err != nil {
			t.Fatalf("%q: taken, and encoding/json says %v", text, err)
		}
		if a, b := mustJSON(t, ours), mustJSON(t, theirs); a != b {
			t.Fatalf("%q: %s, and encoding/json reads %s", text, a, b)
		}
		trimmed := strings.TrimRight(text, " \t\r\n")
		for cut := range trimmed {
			if err := strict.Decode([]byte(trimmed[:cut]), &ours); err == nil {
				t.Fatalf("%q is taken", trimmed[:cut])
			}
		}
	})
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
