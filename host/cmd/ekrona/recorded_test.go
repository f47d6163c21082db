package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
)

// recordingFlags are those of every command that reaches a card.
var recordingFlags = []string{"trace", "transcript", "capture", "seed"}

// noCard are commands, and groups of them, that reach no card.
var noCard = []string{
	"centralbank archive", "centralbank audit", "centralbank backup", "centralbank serve",
	"intermediary", "network", "pki", "crisis sign", "issue key", "issue log", "issue report",
	"sandbox clock", "sandbox rollover", "card decode", "card profile", "card readers",
}

// lacking are commands that reach cards and have some of the flags: those that they lack, and what
// their help says of it.
var lacking = map[string]struct{ flags, why string }{
	"demo":           {"transcript", "no card is as it was"},
	"sandbox found":  {"transcript seed", "no card is there to do it on again"},
	"card new":       {"trace transcript capture", "Nothing is sent to it"},
	"card memory":    {"trace transcript capture seed", "nothing is sent to them"},
	"lab debug":      {"trace transcript capture seed", "is shown and kept by"},
	"lab trace-diff": {"seed", "the line seed"},
	"lab simulate":   {"transcript capture", "There is no --capture and no --transcript"},
	"lab week":       {"trace transcript capture", "not shown and not kept"},
	"lab liquidity":  {"trace transcript capture", "not shown and not kept"},
}

// Whoever talks to a card can see it, keep it and have it again; or is told what to use.
func TestEveryCardIsRecorded(t *testing.T) {
	seen := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		name := strings.TrimPrefix(c.CommandPath(), "ekrona ")
		if !c.Runnable() || c.HasSubCommands() {
			return
		}
		var lacks []string
		for _, flag := range recordingFlags {
			if c.Flags().Lookup(flag) == nil {
				lacks = append(lacks, flag)
			}
		}
		for _, group := range noCard {
			if name == group || strings.HasPrefix(name, group+" ") {
				seen[group] = true
				assert.Equal(t, recordingFlags, lacks, name)
				return
			}
		}
		excused := lacking[name]
		seen[name] = true
		assert.Equal(t, strings.Fields(excused.flags), append([]string{}, lacks...), name)
		assert.Contains(t, strings.Join(strings.Fields(c.Long), " "), excused.why, name)
	}
	walk(program{}.command())
	for _, group := range noCard {
		assert.True(t, seen[group], "there is no %s", group)
	}
	for name := range lacking {
		assert.True(t, seen[name], "there is no %s", name)
	}
}
