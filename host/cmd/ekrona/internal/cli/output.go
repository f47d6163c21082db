package cli

import (
	"encoding/json"
	"fmt"
	"github.com/spf13/pflag"
	"io"
	"os"

	"github.com/spf13/cobra"

	"ekrona.example/host/audit"
	"ekrona.example/host/durable"
)

// JSONFlag adds the flag of commands that answer as JSON too.
func JSONFlag(c *cobra.Command, asJSON *bool) {
	c.Flags().BoolVar(asJSON, "json", false, "answer as JSON")
}

// Answer prints one line for a person, or a value for a script.
func Answer(c *cobra.Command, asJSON bool, value any, format string, arguments ...any) error {
	if asJSON {
		return WriteJSON(c.OutOrStdout(), value)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), format+"\n", arguments...)
	return err
}

// WriteJSON writes a value for a script.
func WriteJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// TemporaryFolder makes a folder for one run. remove deletes it.
func TemporaryFolder() (folder string, remove func() error, err error) {
	folder, err = os.MkdirTemp("", "ekrona-")
	return folder, func() error { return os.RemoveAll(folder) }, err
}

// Violated is the error of books in which invariants do not hold, nil if all hold.
func Violated(violations []audit.Violation) error {
	if len(violations) == 0 {
		return nil
	}
	return Exit(
		ExitViolated,
		fmt.Errorf(
			"%d violation(s) of the protocol, the first: %s",
			len(violations),
			violations[0],
		),
	)
}

// outputFlag is the annotation of flags that name a file which a command writes at its end.
const outputFlag = "written at the end"

// OutputFlags marks flags that name a file which the command writes when its work is done: whether
// they can be written is looked at before it begins.
func OutputFlags(c *cobra.Command, names ...string) {
	for _, name := range names {
		if err := c.Flags().SetAnnotation(name, outputFlag, []string{}); err != nil {
			panic(err) // no flag of that name: a mistake of the program's
		}
	}
}

// CheckOutputs refuses a command line with a file that could not be written.
func CheckOutputs(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if _, is := f.Annotations[outputFlag]; is && err == nil && f.Value.String() != "" {
			if failed := durable.Replaceable(f.Value.String()); failed != nil {
				err = Usage("--%s: %w", f.Name, failed)
			}
		}
	})
	return err
}
