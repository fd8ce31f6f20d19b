// Command values says what Helm makes of the values that a command line gives.
//
// Each line of standard input is an object with lists of texts under "files", "set-json", "set",
// "set-string" and "set-literal". The answer repeats it, with the merged values under "values" or Helm's
// error under "error".
//
//	GOTOOLCHAIN=go1.25.9 go run . < cases.jsonl > ../../../crates/chart/tests/it/values.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/getter"
)

type line struct {
	Files   []string `json:"files,omitempty"`
	JSON    []string `json:"set-json,omitempty"`
	Set     []string `json:"set,omitempty"`
	String  []string `json:"set-string,omitempty"`
	Literal []string `json:"set-literal,omitempty"`
	Values  any      `json:"values,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func main() {
	dir, err := os.MkdirTemp("", "values")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chdir(dir); err != nil {
		panic(err)
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	providers := getter.All(cli.New())
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			panic(err)
		}
		merge(&l, dir, providers)
		if err := encoder.Encode(l); err != nil {
			panic(err)
		}
	}
}

func merge(l *line, dir string, providers getter.Providers) {
	options := values.Options{
		JSONValues: l.JSON, Values: l.Set, StringValues: l.String, LiteralValues: l.Literal,
	}
	for place, text := range l.Files {
		name := fmt.Sprintf("values%d.yaml", place)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			panic(err)
		}
		options.ValueFiles = append(options.ValueFiles, name)
	}
	merged, err := options.MergeValues(providers)
	if err != nil {
		l.Error = err.Error()
		return
	}
	l.Values = typed(merged)
}

// typed marks the integers of --set, which JSON alone would not tell from other numbers.
func typed(value any) any {
	switch value := value.(type) {
	case map[string]any:
		table := map[string]any{}
		for key, item := range value {
			table[key] = typed(item)
		}
		return table
	case []any:
		list := []any{}
		for _, item := range value {
			list = append(list, typed(item))
		}
		return list
	case int64:
		return map[string]any{"int64": fmt.Sprint(value)}
	default:
		return value
	}
}
