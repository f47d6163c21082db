package lab

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A transcript of a session with the same CAP file begins with what the subject does by itself.
func TestTranscriptsAreScripts(t *testing.T) {
	const loads = "load elsewhere/purse.cap -> F050524F4208\n"
	for _, c := range []struct {
		begin     string
		instances int
		left      int // lines
	}{
		{"", 0, 1},
		{loads, 0, 1},
		{loads + "install F050524F420801 -> F050524F420801\n", 1, 1},
		{loads + "install F050524F420801 F050524F42080B C0FFEE\n", 1, 1},
		{"install F050524F420801\n", 0, 2}, // the script's own, which is torn too
		{loads + "reset -> ok\ninstall F050524F420801\n", 0, 3},
		{loads + "install F050524F420801 -> error: *\n", 0, 2},
		{"load other.cap\n", 0, 2},
		{"reset\n" + loads, 0, 3},
	} {
		s := purse(t, false)
		s.CAPs, s.Install, s.InstallAll = []string{s.CAPs[0]}, nil, false
		script, err := s.ReadScript(strings.NewReader(c.begin + "select F050524F4208 -> 9000\n"))
		require.NoError(t, err, c.begin)
		assert.Len(t, script, c.left, c.begin)
		assert.Len(t, s.Install, c.instances, c.begin)
	}
	s := purse(t, false)
	_, err := s.ReadScript(strings.NewReader(loads))
	assert.ErrorContains(t, err, "nothing but load")
	_, err = s.ReadScript(strings.NewReader("reset\n80020000??"))
	assert.ErrorContains(t, err, "line 2: ", "bytes that are hidden")

	f := &Fuzz{Subject: s, Script: read(t, s, "select F050524F4208 -> 6D00"), Seed: 1, Runs: 5}
	_, err = f.Run(t.Context())
	assert.ErrorContains(t, err, "line 1, without a fault: expected status 6D00, got 9000")
}

// A name that nothing has is no place to wait for a write.
func TestBreaksAtWritesHaveNames(t *testing.T) {
	b := session(t, false)
	for _, name := range []string{"PurseApplet.balance", "PurseApplet.log", "PurseApplet.log[0]",
		"PurseApplet.log[0..1]", "PurseApplet.*", "*"} {
		assert.NoError(t, b.Execute(t.Context(), "break write "+name).Err(), name)
	}
	for name, said := range map[string][2]string{
		"PurseApplet.balanc": {"nearest: PurseApplet.balance", "nearest: balance"},
		"xx*":                {"there are PurseApplet", "something is missing at its end"},
		"xx":                 {"there are PurseApplet", "nothing is called \"xx\" here"},
	} {
		err := b.Execute(t.Context(), "break write "+name).Err()
		assert.ErrorContains(t, err, said[0], name)
		err = b.Execute(t.Context(), "print "+name).Err()
		assert.ErrorContains(t, err, said[1], name)
		err = b.Execute(t.Context(), "dump "+name).Err()
		assert.ErrorContains(t, err, "nothing is called", name)
	}
	assert.ErrorContains(t, b.Execute(t.Context(), "dump nvm PurseApplet.lgo").Err(),
		"nothing in NVM is called \"PurseApplet.lgo\"; nearest: PurseApplet.log")
}
