package main

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ekrona.example/apdu"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// negativePattern is an error about a number below 0, which is read as a flag.
var negativePattern = regexp.MustCompile(`^unknown shorthand flag: '[0-9]' in (-[0-9].*)$`)

// flagError renders what is wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	help := c.CommandPath() + " --help"
	// What stands before a flag that a group of commands lacks should have been one of them.
	if c.HasSubCommands() && c.Flags().NArg() > 0 {
		return cli.Usage("%s: no command %q; see %q", c.CommandPath(),
			apdu.Brief(c.Flags().Arg(0)), help)
	}
	if negative := negativePattern.FindStringSubmatch(err.Error()); negative != nil {
		return cli.Usage("%s: no number here is below 0; see %q", negative[1], help)
	}
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		f := value.GetFlag()
		return cli.Usage("--%s %q: %s; see %q", f.Name, apdu.Brief(value.GetValue()),
			wanted(f, err), help)
	}
	return cli.Usage("%w; see %q", err, help)
}

// wanted says what a flag takes in place of the value that led to err.
func wanted(f *pflag.Flag, err error) string {
	kind := f.Value.Type()
	switch {
	case kind == "duration":
		return "give a time such as 90s, 15m or 8h"
	case kind == "bool":
		return "give true or false, or the flag alone"
	case errors.Is(err, strconv.ErrRange):
		return "the number is too large"
	case strings.HasPrefix(kind, "uint"):
		return "give a whole number, not below 0"
	case strings.HasPrefix(kind, "int"):
		return "give a whole number"
	}
	if cause := errors.Unwrap(err); cause != nil { // a type of our own says it itself
		return cause.Error()
	}
	return err.Error()
}

// checkLine refuses what is wrong on a command line whose flags are known: an empty word, such as
// a variable of a script leaves that is not set, and flags that exclude each other.
func checkLine(c *cobra.Command, arguments []string) error {
	if c.DisableFlagParsing { // the shell asks how a line can go on
		return nil
	}
	help := c.CommandPath() + " --help"
	if slices.Contains(arguments, "") {
		return cli.Usage("%s: an argument is empty; see %q", c.CommandPath(), help)
	}
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, many := f.Value.(pflag.SliceValue); many {
			values = list.GetSlice()
		}
		if err == nil && (len(values) == 0 || slices.Contains(values, "")) {
			err = cli.Usage("--%s is empty: give what it takes, or leave it out; see %q", f.Name,
				help)
		}
	})
	if err != nil {
		return err
	}
	if err := c.ValidateFlagGroups(); err != nil {
		return cli.Usage("%s: %w; see %q", c.CommandPath(), exclusive(err), help)
	}
	return cli.CheckOutputs(c, arguments)
}

// exclusivePattern is cobra's error about flags that exclude each other.
var exclusivePattern = regexp.MustCompile(`none of the others can be; \[(.*)\] were all set$`)

func exclusive(err error) error {
	flags := exclusivePattern.FindStringSubmatch(err.Error())
	if flags == nil {
		return err
	}
	return errors.New("choose one: --" + strings.ReplaceAll(flags[1], " ", " or --"))
}
