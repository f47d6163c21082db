// Command gen writes what derives from package spec: the applet's constants and
// the reference page. It is run by go generate and reads nothing but the spec.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	javaPath := flag.String("java", "", "write the applet's constants to this file")
	referencePath := flag.String("reference", "", "write the reference page to this file")
	flag.Parse()
	if err := run(*javaPath, *referencePath); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(javaPath, referencePath string) error {
	for path, text := range map[string]string{javaPath: java(), referencePath: reference()} {
		if path == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
