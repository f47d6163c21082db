// Command gen writes what derives from package spec: the applet's constants, its commands by
// instruction, and the reference page. It is run by go generate and reads nothing but the spec.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	javaFolder := flag.String("java", "", "write the applet's constants and commands to this folder")
	referencePath := flag.String("reference", "", "write the reference page to this file")
	flag.Parse()
	if err := run(*javaFolder, *referencePath); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(javaFolder, referencePath string) error {
	files := map[string]string{}
	if javaFolder != "" {
		files[filepath.Join(javaFolder, "Spec.java")] = java()
		files[filepath.Join(javaFolder, "Commands.java")] = commands()
	}
	if referencePath != "" {
		files[referencePath] = reference()
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
