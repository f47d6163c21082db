package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// AddFiles adds a flag that names files or folders: several by commas, or by repeating it. What is
// there is one, whatever commas its name has.
func AddFiles(c *cobra.Command, to *[]string, name, usage string) {
	c.Flags().Var((*files)(to), name, usage)
}

// files is the value of such a flag.
type files []string

// String implements pflag.Value.
func (f *files) String() string {
	if len(*f) == 0 {
		return "" // which --help shows as no default
	}
	return strings.Join(*f, ",")
}

// Set implements pflag.Value.
func (f *files) Set(text string) error {
	return f.Append(text)
}

// Append implements pflag.SliceValue.
func (f *files) Append(text string) error {
	if _, err := os.Stat(text); err == nil {
		*f = append(*f, text)
	} else {
		*f = append(*f, strings.Split(text, ",")...)
	}
	return nil
}

// Replace implements pflag.SliceValue.
func (f *files) Replace(all []string) error {
	*f = all
	return nil
}

// GetSlice implements pflag.SliceValue.
func (f *files) GetSlice() []string { return *f }

// Type implements pflag.Value.
func (f *files) Type() string { return "strings" }
