// Command yaml says what Go's YAML packages make of texts.
//
// Each line of standard input is {"yaml": TEXT} or {"json": VALUE}. The answer repeats it, with "read" or
// "error" for YAML as sigs.k8s.io/yaml reads it, and with "v2" and "v3" for values as Helm's toYaml and
// toYamlPretty print them.
//
//	GOTOOLCHAIN=go1.25.9 go run . < cases.jsonl > ../../../crates/goyaml/tests/it/recorded.jsonl
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

type answer struct {
	YAML  *string         `json:"yaml,omitempty"`
	Read  json.RawMessage `json:"read,omitempty"`
	Error string          `json:"error,omitempty"`
	JSON  json.RawMessage `json:"json,omitempty"`
	V2    string          `json:"v2,omitempty"`
	V3    string          `json:"v3,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var a answer
		if err := json.Unmarshal(in.Bytes(), &a); err != nil {
			panic(err)
		}
		if a.YAML != nil {
			read(&a)
		} else {
			print(&a)
		}
		line := bytes.NewBuffer(nil)
		encoder := json.NewEncoder(line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(a); err != nil {
			panic(err)
		}
		fmt.Fprint(out, line.String())
	}
}

func read(a *answer) {
	var value any
	if err := yaml.Unmarshal([]byte(*a.YAML), &value); err != nil {
		a.Error = err.Error()
		return
	}
	a.Read, _ = json.Marshal(value)
}

func print(a *answer) {
	var value any
	if err := json.Unmarshal(a.JSON, &value); err != nil {
		panic(err)
	}
	if text, err := yaml.Marshal(value); err == nil {
		a.V2 = string(text)
	}
	text := bytes.NewBuffer(nil)
	encoder := yaml3.NewEncoder(text)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err == nil {
		a.V3 = text.String()
	}
}
